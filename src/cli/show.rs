//! `show`: the first rows of a published table, for a look without any other tool.

use arrow::array::RecordBatch;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use clap::Args;

use super::filter::{self, Condition, Wanted};
use super::published::Published;
use super::terminal;
use crate::canon::columns::Text;
use crate::error::{Error, Result};
use crate::publish::commit::read_file;
use crate::publish::parquet;
use crate::store::Env;

#[derive(Debug, Args)]
pub struct ShowArgs {
    /// The job file
    job: std::path::PathBuf,
    /// The table, e.g. adoption_kpis
    table: String,
    /// Rows where a column has this value, e.g. grain=month or period_start=2026-03-01; several have to hold together. Dates, instants
    /// and numbers are compared by value; nothing after the = is an empty cell
    #[arg(long = "where", value_name = "COLUMN=VALUE")]
    filters: Vec<String>,
    /// Columns to show, joined by commas; by default the key and as many as fit
    #[arg(long, value_delimiter = ',')]
    columns: Vec<String>,
    /// Rows to show
    #[arg(long, default_value_t = 10)]
    limit: usize,
    /// All columns as CSV, figures at full precision
    #[arg(long)]
    csv: bool,
    /// Look into this lake instead of the job's
    #[arg(long)]
    out: Option<String>,
}

/// The column by which `show` orders what was noticed.
const SEVERITY: &str = "severity";
/// Columns shown where none are named.
const BY_DEFAULT: usize = 10;

pub fn show(args: &ShowArgs, env: &Env) -> Result<u8> {
    let published = Published::open(&args.job, args.out.as_deref(), env)?;
    let lake = &published.lake;
    let (name, files) = published.expect(&args.table)?;
    let conditions = filter::conditions(&args.filters)?;
    let table = published.catalog.table(name.rsplit('/').next().unwrap_or(name));
    let names = match files.values().next() {
        Some(file) => parquet::column_names(&read_file(lake, file)?)?,
        None => table.iter().flat_map(|table| table.columns.iter().map(|column| column.name.clone())).collect(),
    };
    for column in conditions.iter().map(|condition| condition.column).chain(args.columns.iter().map(String::as_str)) {
        filter::known(&args.table, &names, column)?;
    }
    if let Some(table) = table {
        filter::possible(table, &conditions)?;
    }
    let header: Vec<String> = if !args.columns.is_empty() {
        args.columns.clone()
    } else {
        names.iter().take(if args.csv { usize::MAX } else { BY_DEFAULT }).cloned().collect()
    };
    let mut rows: Vec<Vec<String>> = Vec::new();
    // What was noticed opens with what matters, and with what was noticed last.
    let severity = table.and_then(|table| table.column(SEVERITY));
    let severity = severity.filter(|_| conditions.iter().all(|condition| condition.column != SEVERITY));
    let by_severity = severity.is_some();
    // A contract names the severities from the least to the gravest.
    let passes: Vec<Option<&str>> = match severity {
        Some(column) => column.values.iter().rev().map(|severity| Some(severity.as_str())).collect(),
        None => vec![None],
    };
    let mut in_order: Vec<_> = files.values().collect();
    if by_severity {
        in_order.reverse();
    }
    for (pass, file) in passes.iter().flat_map(|pass| in_order.iter().map(move |file| (pass, *file))) {
        if rows.len() >= args.limit {
            break;
        }
        for batch in parquet::decode(&read_file(lake, file)?, None, parquet::Text::Plain)? {
            let columns = header.iter().map(|name| place(&batch, name)).collect::<Result<Vec<usize>>>()?;
            let wanted = conditions.iter().map(|condition| wanted(&batch, condition)).collect::<Result<Vec<_>>>()?;
            let in_pass = |row: &usize| pass.is_none() || Text::of(&batch, SEVERITY).get(*row) == *pass;
            let chosen = (0..batch.num_rows())
                .filter(in_pass)
                .filter(|row| wanted.iter().all(|(at, wanted)| wanted.is(batch.column(*at), *row)));
            for row in chosen.take(args.limit.saturating_sub(rows.len())) {
                rows.push(columns.iter().map(|at| cell(&batch, *at, row, args.csv)).collect::<Result<_>>()?);
            }
        }
    }
    if rows.is_empty() && args.limit > 0 {
        for line in filter::nothing_found(lake, &args.table, files.values(), &conditions)? {
            terminal::say(&line);
        }
    }
    if args.csv {
        let mut text = csv::Writer::from_writer(Vec::new());
        let failed = |cause: String| Error::bug(format!("the rows cannot be written as CSV: {cause}"));
        for row in std::iter::once(&header).chain(&rows) {
            text.write_record(row.iter().map(|cell| spreadsheet_safe(cell)))
                .map_err(|cause| failed(cause.to_string()))?;
        }
        let text = text.into_inner().map_err(|cause| failed(cause.to_string()))?;
        terminal::data(&String::from_utf8_lossy(&text))?;
        return Ok(0);
    }
    let header: Vec<&str> = header.iter().map(String::as_str).collect();
    terminal::data(&terminal::table(&header, &rows))?;
    Ok(0)
}

/// Where a column stands in a file.
fn place(batch: &RecordBatch, name: &str) -> Result<usize> {
    batch
        .schema()
        .index_of(name)
        .map_err(|_| Error::usage(format!("a file of the table has no column {name}: it is older than the column")))
}

/// A column of a file with what it has to be there.
fn wanted(batch: &RecordBatch, condition: &Condition<'_>) -> Result<(usize, Wanted)> {
    let at = place(batch, condition.column)?;
    Ok((at, Wanted::read(batch.column(at).data_type(), condition.typed).unwrap_or(Wanted::Never)))
}

/// A text that a spreadsheet would run as a formula gets an apostrophe in front; numbers stay as they are.
fn spreadsheet_safe(cell: &str) -> String {
    let risky = cell.starts_with(['=', '+', '-', '@', '\t', '\r']) && cell.parse::<f64>().is_err();
    if risky { format!("'{cell}") } else { cell.to_owned() }
}

/// A value as people read it: short unless `exact`, nothing for null.
fn cell(batch: &RecordBatch, column: usize, row: usize, exact: bool) -> Result<String> {
    let array = batch.column(column);
    if let Some(doubles) = array.as_any().downcast_ref::<arrow::array::Float64Array>() {
        use arrow::array::Array;
        let value = doubles.is_valid(row).then(|| doubles.value(row));
        return Ok(
            value.map_or_else(String::new, |value| if exact { value.to_string() } else { terminal::number(value) })
        );
    }
    if let Some(instants) = array.as_any().downcast_ref::<arrow::array::TimestampMicrosecondArray>() {
        use arrow::array::Array;
        let instant =
            instants.is_valid(row).then(|| chrono::DateTime::from_timestamp_micros(instants.value(row))).flatten();
        return Ok(instant.map_or_else(String::new, |at| at.to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true)));
    }
    let options = FormatOptions::new().with_null("");
    Ok(ArrayFormatter::try_new(array.as_ref(), &options)?.value(row).to_string())
}
