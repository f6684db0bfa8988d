//! The tables that the newest commit names, as rows of plain values: what `show`, `explain` and `report` look at.

use std::collections::BTreeMap;
use std::path::Path;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{DataType, Float64Type, Int64Type, TimestampMicrosecondType};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use serde_json::Value;

use super::filter::Wanted;
use super::load;
use crate::contract::Catalog;
use crate::error::{Error, Result};
use crate::job::Job;
use crate::publish::commit::{self, Commit, FileRef, read_file};
use crate::publish::parquet;
use crate::store::{Env, Store};

/// A row: column name to value, in the order of the file. Dates and instants are text.
pub type Row = serde_json::Map<String, Value>;

/// A column and the texts of which its value must be one; dates, instants and numbers are compared by value.
pub type Filter<'a> = (&'a str, Vec<&'a str>);

/// A lake as its newest commit has it.
pub struct Published {
    pub catalog: Catalog,
    pub job: Job,
    pub lake: Store,
    pub head: Commit,
}

impl Published {
    /// Opens the job's lake, or `out` in its place, at its newest commit.
    pub fn open(job: &Path, out: Option<&str>, env: &Env) -> Result<Published> {
        let catalog = Catalog::load()?;
        let job = load::job(job, &catalog)?;
        let lake = Store::open(out.unwrap_or(&job.lake), env)?;
        let head = commit::head(&lake)?
            .ok_or_else(|| Error::usage(format!("{} holds no commit", lake.label())).hint("run the job first"))?;
        Ok(Published { catalog, job, lake, head })
    }

    /// The files of a table by its name, with or without its area, and its full name.
    pub fn files(&self, table: &str) -> Option<(&str, &BTreeMap<String, FileRef>)> {
        let name = table.rsplit('/').next().unwrap_or(table);
        let found = self.head.files.iter().find(|(full, _)| full.rsplit('/').next() == Some(name));
        found.map(|(full, files)| (full.as_str(), files))
    }

    /// [`Published::files`] of a table that somebody asked for.
    pub fn expect(&self, table: &str) -> Result<(&str, &BTreeMap<String, FileRef>)> {
        self.files(table).ok_or_else(|| {
            let names: Vec<&str> = self.head.files.keys().map(String::as_str).collect();
            Error::usage(format!("{} has no table {}", self.lake.label(), table.rsplit('/').next().unwrap_or(table)))
                .hint(format!("its tables are {}", names.join(", ")))
        })
    }

    /// Rows of a table that pass every filter, with these columns or all of them; none where the table is not published.
    ///
    /// A filter on a column that the table does not have is a mistake of the caller and leaves nothing.
    pub fn rows(&self, table: &str, filters: &[Filter<'_>], columns: Option<&[&str]>) -> Result<Vec<Row>> {
        self.rows_of(table, &|_| true, filters, columns)
    }

    /// [`Published::rows`] of some of the table's partitions.
    pub fn rows_of(
        &self,
        table: &str,
        partitions: &dyn Fn(&str) -> bool,
        filters: &[Filter<'_>],
        columns: Option<&[&str]>,
    ) -> Result<Vec<Row>> {
        let mut rows = Vec::new();
        let Some((_, files)) = self.files(table) else { return Ok(rows) };
        let grains = filters.iter().find(|(column, _)| *column == "grain").map(|(_, grains)| grains);
        for (_, file) in files.iter().filter(|(name, _)| may_hold(name, grains) && partitions(name)) {
            for batch in parquet::decode(&read_file(&self.lake, file)?, None, parquet::Text::Plain)? {
                let schema = batch.schema();
                let wanted: Vec<usize> = match columns {
                    None => (0..schema.fields().len()).collect(),
                    Some(names) => names.iter().filter_map(|name| schema.index_of(name).ok()).collect(),
                };
                for row in passing(&batch, filters)? {
                    let cell = |at: &usize| Ok((schema.field(*at).name().clone(), value(&batch, *at, row)?));
                    rows.push(wanted.iter().map(cell).collect::<Result<Row>>()?);
                }
            }
        }
        Ok(rows)
    }
}

/// The rows of a batch that pass every filter, with all columns.
///
/// # Errors
/// A value cannot be shown; a bug.
pub fn plain_rows(batch: &RecordBatch, filters: &[Filter<'_>]) -> Result<Vec<Row>> {
    let schema = batch.schema();
    let row = |row: usize| {
        let cell =
            |(at, field): (usize, &arrow::datatypes::FieldRef)| Ok((field.name().clone(), value(batch, at, row)?));
        schema.fields().iter().enumerate().map(cell).collect::<Result<Row>>()
    };
    passing(batch, filters)?.into_iter().map(row).collect()
}

/// Marts by period keep each grain in files of its own (`month-2026`); others need not be opened.
fn may_hold(partition: &str, grains: Option<&Vec<&str>>) -> bool {
    let of = ["day", "week", "month", "quarter"].into_iter().find(|grain| {
        partition.strip_prefix(grain).and_then(|rest| rest.strip_prefix('-')).is_some_and(|rest| !rest.is_empty())
    });
    match (of, grains) {
        (Some(of), Some(grains)) => grains.contains(&of),
        _ => true,
    }
}

/// The rows of a batch whose values are among those asked for.
fn passing(batch: &RecordBatch, filters: &[Filter<'_>]) -> Result<Vec<usize>> {
    let mut rows: Vec<usize> = (0..batch.num_rows()).collect();
    for (column, texts) in filters {
        let Ok(at) = batch.schema().index_of(column) else { return Ok(Vec::new()) };
        let array = batch.column(at);
        let wanted: Vec<Wanted> = texts.iter().filter_map(|text| Wanted::read(array.data_type(), text).ok()).collect();
        rows.retain(|row| wanted.iter().any(|wanted| wanted.is(array, *row)));
    }
    Ok(rows)
}

/// One cell. A number that is not finite has no place in a published table and is read as null.
fn value(batch: &RecordBatch, column: usize, row: usize) -> Result<Value> {
    let array = batch.column(column);
    if array.is_null(row) {
        return Ok(Value::Null);
    }
    Ok(match array.data_type() {
        DataType::Int64 => Value::from(array.as_primitive::<Int64Type>().value(row)),
        DataType::Float64 => Value::from(array.as_primitive::<Float64Type>().value(row)),
        DataType::Boolean => Value::from(array.as_boolean().value(row)),
        DataType::Utf8 => Value::from(array.as_string::<i32>().value(row)),
        DataType::Timestamp(arrow::datatypes::TimeUnit::Microsecond, _) => {
            let micros = array.as_primitive::<TimestampMicrosecondType>().value(row);
            let instant = chrono::DateTime::from_timestamp_micros(micros);
            instant.map_or(Value::Null, |at| at.to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true).into())
        }
        _ => ArrayFormatter::try_new(array.as_ref(), &FormatOptions::new())?.value(row).to_string().into(),
    })
}

/// A value as text: nothing for null, numbers at full precision.
pub fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_other_grains_are_left_closed_and_all_others_are_opened() {
        let months = vec!["month"];
        assert!(may_hold("month-2026", Some(&months)) && !may_hold("week-2026-03", Some(&months)));
        assert!(may_hold("week-2026-03", None), "without a grain every file may hold it");
        assert!(may_hold("all", Some(&months)) && may_hold("2026-03", Some(&months)));
    }

    #[test]
    fn a_value_is_written_as_precisely_as_it_is_stored() {
        assert_eq!(text(&Value::from(0.1 + 0.2)), "0.30000000000000004");
        assert_eq!(text(&Value::Null), "");
        assert_eq!(text(&Value::from("org")), "org");
    }
}
