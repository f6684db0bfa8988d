//! `explain`: how one published figure came about, from its formula down to the deliveries, and what was lost on the way.
//!
//! Everything told here is in the published tables, the contracts and the counts that operators read; nothing is read from
//! canon but which delivery a row came from, so an explanation shows no more than the guard does.

mod evidence;
mod figure;
mod sources;
mod tell;

use clap::Args;
use serde::Serialize;
use serde_json::Value;

use super::published::{Filter, Published, Row};
use super::talk;
use crate::contract::{Area, Table};
use crate::error::{Error, Result};
use crate::store::Env;

#[derive(Debug, Args)]
pub struct ExplainArgs {
    /// The job file
    job: std::path::PathBuf,
    /// The table, e.g. adoption_kpis
    table: String,
    /// Which row: columns of the key with their values, joined by commas, e.g. grain=month,period_start=2026-03-01,scope_kind=company,scope_id=all
    #[arg(long = "key", visible_alias = "row", value_name = "COLUMN=VALUE,…", required = true)]
    key: Vec<String>,
    /// The figure to explain; without it, every figure of the row in short
    #[arg(long)]
    column: Option<String>,
    /// One JSON object on stdout
    #[arg(long)]
    json: bool,
    /// Look into this lake instead of the job's
    #[arg(long)]
    out: Option<String>,
}

/// Everything there is to say about one figure, or about one row.
#[derive(Debug, Serialize)]
pub struct Explanation {
    pub table: String,
    /// The commit that was looked at: number and hash.
    pub snapshot_id: String,
    pub grain: String,
    pub key: Row,
    /// How the row is shown: published or withheld, whole or still running.
    pub row_says: Vec<String>,
    pub figures: Vec<figure::Figure>,
    /// Where the figure was taken over from, for tables made of other tables.
    pub taken_from: Vec<Explanation>,
    /// What the maker of the table knows beyond the row.
    pub evidence: Vec<evidence::Finding>,
    pub sources: Vec<sources::Source>,
    pub rejected: Vec<sources::Rejected>,
    pub noticed: Vec<sources::Noticed>,
    pub withheld: Option<sources::Withheld>,
    pub warnings: Vec<String>,
}

pub fn explain(args: &ExplainArgs, env: &Env) -> Result<u8> {
    let published = Published::open(&args.job, args.out.as_deref(), env)?;
    let key = key(&args.key)?;
    let key: Vec<(&str, &str)> = key.iter().map(|(column, value)| (column.as_str(), value.as_str())).collect();
    let explanation = explanation(&published, &args.table, &key, args.column.as_deref(), true)?;
    if args.json {
        talk::json(&explanation)?;
    } else {
        talk::data(&tell::text(&explanation))?;
    }
    Ok(0)
}

/// `a=1,b=2` as columns and values. A comma that no `column=` follows belongs to the value: places have names like `Bonn, DE`.
fn key(texts: &[String]) -> Result<Vec<(String, String)>> {
    let mut key: Vec<(String, String)> = Vec::new();
    for text in texts {
        for (at, part) in text.split(',').enumerate() {
            match (part.split_once('='), key.last_mut()) {
                (Some((column, value)), _) => key.push((column.trim().to_owned(), value.to_owned())),
                (None, Some((_, value))) if at > 0 => value.push_str(&format!(",{part}")),
                (None, _) => return Err(Error::usage(format!("`{part}` is no COLUMN=VALUE"))),
            }
        }
    }
    Ok(key)
}

/// Finds the row and says what is known of it. `with_sources` is off for figures another one was taken from: they share them.
fn explanation(
    published: &Published,
    name: &str,
    key: &[(&str, &str)],
    column: Option<&str>,
    with_sources: bool,
) -> Result<Explanation> {
    let (full, _) = published.expect(name)?;
    let name = full.rsplit('/').next().unwrap_or(full);
    let table = published.catalog.expect(name)?;
    if table.area == Area::Canon {
        return Err(Error::usage(format!("{name} holds rows of people and is not explained"))
            .hint("explain a table under marts/, restricted/ or ops/"));
    }
    let row = one(published, table, key)?;
    let asked = match column {
        Some(column) => vec![known(table, column)?],
        None => table.columns.iter().filter(|column| !column.key).collect(),
    };
    let short = column.is_none();
    let figures =
        asked.iter().map(|column| figure::figure(published, table, &row, column, short)).collect::<Result<_>>()?;
    let taken_from = match column {
        Some(column) => taken_from(published, table, &row, column)?,
        None => Vec::new(),
    };
    let lineage = if with_sources { sources::sources(published, table, &row)? } else { sources::Lineage::default() };
    Ok(Explanation {
        table: full.to_owned(),
        snapshot_id: published.head.snapshot_id()?,
        grain: table.grain.clone(),
        key: table.key.iter().filter_map(|part| Some((part.clone(), row.get(part)?.clone()))).collect(),
        row_says: row_says(&row),
        figures,
        taken_from,
        evidence: evidence::evidence(published, table, &row)?,
        sources: lineage.sources,
        rejected: lineage.rejected,
        noticed: lineage.noticed,
        withheld: sources::withheld(published, table, &row)?,
        warnings: table.warnings.iter().filter_map(|code| published.catalog.warning(code)).map(str::to_owned).collect(),
    })
}

fn known<'a>(table: &'a Table, column: &str) -> Result<&'a crate::contract::Column> {
    table.column(column).ok_or_else(|| {
        Error::usage(format!("{} has no column {column}", table.name))
            .hint(format!("`uptake schema {}` lists them", table.name))
    })
}

/// The one row of a key. What other rows hold is not told, only which columns would tell them apart.
fn one(published: &Published, table: &Table, key: &[(&str, &str)]) -> Result<Row> {
    for (column, _) in key {
        known(table, column)?;
    }
    let filters: Vec<Filter<'_>> = key.iter().map(|(column, value)| (*column, vec![*value])).collect();
    let mut rows = published.rows(&table.name, &filters, None)?;
    let open: Vec<&str> =
        table.key.iter().map(String::as_str).filter(|part| key.iter().all(|(column, _)| column != part)).collect();
    match (rows.pop(), rows.len()) {
        (Some(row), 0) => Ok(row),
        (None, _) => Err(Error::usage(format!("{} has no row with that key", table.name))
            .hint(format!("the key is {}; `uptake show` prints rows", table.key.join(", ")))),
        (Some(_), more) => Err(Error::usage(format!("{} rows of {} have that key", more + 1, table.name))
            .hint(format!("say as well {}", open.join(", ")))),
    }
}

fn row_says(row: &Row) -> Vec<String> {
    let mut says = Vec::new();
    match row.get("status").and_then(Value::as_str) {
        Some("withheld") => says.push(
            "The row is withheld, to protect a small group here or next to it; which of the two is not said."
                .to_owned(),
        ),
        Some("published") => says.push("The row is published.".to_owned()),
        _ => {}
    }
    match row.get("is_complete").and_then(Value::as_bool) {
        Some(true) => says.push("The period had ended when the run was made.".to_owned()),
        Some(false) => says.push("The period was still running: the row covers the days so far.".to_owned()),
        None => {}
    }
    says
}

/// Tables whose figures are those of another table: where to go on reading.
type Origin = fn(&Row, &str) -> Option<Taken>;

/// A figure of another table: its table, key and column.
struct Taken {
    table: String,
    key: Vec<(String, String)>,
    column: String,
}

/// One line a table made of other published tables.
const ORIGINS: &[(&str, Origin)] = &[("scorecard", of_scorecard)];

fn taken_from(published: &Published, table: &Table, row: &Row, column: &str) -> Result<Vec<Explanation>> {
    let Some((_, origin)) = ORIGINS.iter().find(|(name, _)| *name == table.name) else { return Ok(Vec::new()) };
    let Some(taken) = origin(row, column) else { return Ok(Vec::new()) };
    if published.files(&taken.table).is_none() {
        return Ok(Vec::new());
    }
    let key: Vec<(&str, &str)> = taken.key.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    match explanation(published, &taken.table, &key, Some(&taken.column), false) {
        Ok(found) => Ok(vec![found]),
        // A period or scope that the other table does not hold: the figure is empty for that reason.
        Err(error) if error.exit == crate::error::Exit::Usage => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

/// A scorecard's value is the KPI's own figure for the same period and scope; so are those of the period and year before.
fn of_scorecard(row: &Row, column: &str) -> Option<Taken> {
    let text = |name: &str| row.get(name).and_then(Value::as_str);
    let start = match column {
        "value" | "n" | "delta" | "status" => text("period_start")?,
        "previous" => text("previous_period_start")?,
        "previous_year" => text("previous_year_period_start")?,
        _ => return None,
    };
    let (table, figure) = text("kpi")?.split_once('.')?;
    let mut key = vec![
        ("grain".to_owned(), text("grain")?.to_owned()),
        ("period_start".to_owned(), start.to_owned()),
        ("scope_kind".to_owned(), text("scope_kind")?.to_owned()),
        ("scope_id".to_owned(), text("scope_id")?.to_owned()),
    ];
    // A KPI of a finer table names the rest of its key: `table.column[kind=micro_lesson]`.
    let (figure, pinned) = figure.split_once('[').map_or((figure, ""), |(figure, rest)| (figure, rest));
    for pin in pinned.trim_end_matches(']').split(',').filter(|pin| !pin.is_empty()) {
        let (name, value) = pin.split_once('=')?;
        key.push((name.to_owned(), value.to_owned()));
    }
    Some(Taken { table: table.to_owned(), key, column: figure.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_read_from_one_text_or_several() {
        let read = |texts: &[&str]| {
            key(&texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>()).map_err(|error| error.to_string())
        };
        let wanted = vec![("grain".to_owned(), "month".to_owned()), ("scope_id".to_owned(), "Bonn, DE".to_owned())];
        assert_eq!(read(&["grain=month,scope_id=Bonn, DE"]), Ok(wanted.clone()));
        assert_eq!(read(&["grain=month", "scope_id=Bonn, DE"]), Ok(wanted));
        assert_eq!(read(&["month"]), Err("`month` is no COLUMN=VALUE".to_owned()));
    }

    #[test]
    fn a_scorecards_figure_is_looked_up_where_it_was_taken_from() {
        let row = serde_json::json!({"grain": "month", "period_start": "2026-03-01", "previous_period_start": "2026-02-01",
            "scope_kind": "company", "scope_id": "all", "kpi": "leadership_kpis.credit_rate[kind=ama]"});
        let taken = of_scorecard(row.as_object().unwrap(), "previous").unwrap();
        assert_eq!((taken.table.as_str(), taken.column.as_str()), ("leadership_kpis", "credit_rate"));
        assert_eq!(taken.key[1], ("period_start".to_owned(), "2026-02-01".to_owned()));
        assert_eq!(taken.key[4], ("kind".to_owned(), "ama".to_owned()));
        assert!(of_scorecard(row.as_object().unwrap(), "target").is_none(), "a target is a decision, not a figure");
    }
}
