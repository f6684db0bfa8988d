//! `COLUMN=VALUE` as people type it: dates, numbers and instants are compared by value, and where nothing is found it is said what
//! there is.

use std::collections::BTreeSet;

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::{DataType, Date32Type, Float64Type, Int64Type, TimeUnit, TimestampMicrosecondType};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use chrono::NaiveDate;

use super::near::near;
use super::{instant, terminal};
use crate::contract::arrow::file_type;
use crate::contract::{Column, Table};
use crate::error::{Error, Result};
use crate::period::day_of;
use crate::publish::commit::read_file;
use crate::publish::{FileRef, parquet};
use crate::store::Store;

/// Different values of a column that are listed; of more it is said from where to where they go, or what is near.
const LISTED: usize = 20;
/// Different values that are looked at.
const LOOKED_AT: usize = 10_000;

/// A column and what its value has to be, as typed.
#[derive(Debug, Clone, Copy)]
pub struct Condition<'a> {
    pub column: &'a str,
    pub typed: &'a str,
}

/// What a value has to be.
#[derive(Debug, Clone, PartialEq)]
pub enum Wanted {
    /// No value, or an empty text.
    Nothing,
    Text(String),
    Whole(i64),
    /// The number, or what `show` prints for it.
    Number(f64, String),
    Truth(bool),
    Day(i32),
    /// Microseconds `[from, to)`: an instant, or a day of UTC.
    Instants(i64, i64),
    /// No value of the column can be it.
    Never,
}

impl Wanted {
    /// What was typed, for a column that holds this; otherwise what would have to be typed.
    pub fn read(holds: &DataType, typed: &str) -> std::result::Result<Wanted, &'static str> {
        if typed.is_empty() {
            return Ok(Wanted::Nothing);
        }
        Ok(match holds {
            DataType::Int64 => {
                let real = || typed.parse::<f64>().ok().filter(|real| real.fract() == 0.0).map(|real| real as i64);
                Wanted::Whole(typed.parse().ok().or_else(real).ok_or("whole numbers: write it like 12")?)
            }
            DataType::Float64 => Wanted::Number(
                typed.parse().ok().filter(|real: &f64| real.is_finite()).ok_or("numbers: write it like 0.25")?,
                typed.to_owned(),
            ),
            DataType::Boolean => Wanted::Truth(match typed.to_ascii_lowercase().as_str() {
                "true" | "yes" | "1" => true,
                "false" | "no" | "0" => false,
                _ => return Err("true or false"),
            }),
            DataType::Date32 => {
                let day = |text: &str| text.parse::<NaiveDate>().ok();
                let midnight = typed.strip_suffix("T00:00:00Z").and_then(day);
                Wanted::Day(day(typed).or(midnight).map(day_of).ok_or("dates: write it like 2026-03-30")?)
            }
            DataType::Timestamp(TimeUnit::Microsecond, _) => {
                let at = instant(typed, chrono_tz::UTC)
                    .map_err(|_| "instants: write it like 2026-03-30T02:00:00Z, or a day like 2026-03-30")?;
                let from = at.timestamp_micros();
                let long = if typed.parse::<NaiveDate>().is_ok() { 86_400_000_000 } else { 1 };
                Wanted::Instants(from, from.saturating_add(long))
            }
            _ => Wanted::Text(typed.to_owned()),
        })
    }

    /// Whether a cell is it. The array is of the type that [`Wanted::read`] was told.
    pub fn is(&self, array: &ArrayRef, row: usize) -> bool {
        if array.is_null(row) {
            return *self == Wanted::Nothing;
        }
        match self {
            Wanted::Nothing => array.as_string_opt::<i32>().is_some_and(|texts| texts.value(row).is_empty()),
            Wanted::Never => false,
            Wanted::Text(text) => match array.as_string_opt::<i32>() {
                Some(texts) => texts.value(row) == text,
                None => written(array, row).is_some_and(|written| written == *text),
            },
            Wanted::Whole(number) => {
                array.as_primitive_opt::<Int64Type>().is_some_and(|numbers| numbers.value(row) == *number)
            }
            Wanted::Number(number, typed) => array.as_primitive_opt::<Float64Type>().is_some_and(|numbers| {
                let value = numbers.value(row);
                value == *number || terminal::number(value) == *typed
            }),
            Wanted::Truth(truth) => array.as_boolean_opt().is_some_and(|truths| truths.value(row) == *truth),
            Wanted::Day(day) => array.as_primitive_opt::<Date32Type>().is_some_and(|days| days.value(row) == *day),
            Wanted::Instants(from, to) => array
                .as_primitive_opt::<TimestampMicrosecondType>()
                .is_some_and(|instants| (*from..*to).contains(&instants.value(row))),
        }
    }
}

/// A cell as text; `None` where the column holds something that has none.
fn written(array: &ArrayRef, row: usize) -> Option<String> {
    if let Some(instants) = array.as_primitive_opt::<TimestampMicrosecondType>() {
        let at = chrono::DateTime::from_timestamp_micros(instants.value(row))?;
        return Some(at.to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true));
    }
    let formatter = ArrayFormatter::try_new(array.as_ref(), &FormatOptions::new()).ok()?;
    formatter.value(row).try_to_string().ok()
}

/// Reads `COLUMN=VALUE` texts.
///
/// # Errors
/// One of them has no `=`.
pub fn conditions(texts: &[String]) -> Result<Vec<Condition<'_>>> {
    let mut conditions = Vec::with_capacity(texts.len());
    for text in texts {
        let (column, typed) = text.split_once('=').ok_or_else(|| {
            Error::usage(format!("`{text}` is no COLUMN=VALUE")).hint("write it like --where grain=month")
        })?;
        conditions.push(Condition { column: column.trim(), typed });
    }
    Ok(conditions)
}

/// Holds a column's name to those of the table.
///
/// # Errors
/// The table has no such column; the near ones are named.
pub fn known(table: &str, names: &[String], column: &str) -> Result<()> {
    if names.iter().any(|name| name == column) {
        return Ok(());
    }
    let near = near(column, names.iter().map(String::as_str));
    let meant = if near.is_empty() { String::new() } else { format!("did you mean {}? ", near.join(" or ")) };
    Err(Error::usage(format!("{table} has no column {column}"))
        .hint(format!("{meant}`uptake schema {table}` lists its columns")))
}

/// Holds conditions to the contract of a table: what a column's type cannot be, or a closed list does not have, is a mistake.
///
/// # Errors
/// Such a value was typed.
pub fn possible(table: &Table, conditions: &[Condition<'_>]) -> Result<()> {
    for condition in conditions {
        let Some(column) = table.column(condition.column) else { continue };
        let typed = condition.typed;
        Wanted::read(&file_type(column.data_type), typed).map_err(|holds| {
            Error::usage(format!("{} of {}: `{typed}` cannot be its value", column.name, table.name))
                .hint(format!("the column holds {holds}"))
        })?;
        if !is_among(column, typed) {
            let near = near(typed, column.values.iter().map(String::as_str));
            let meant = near.first().map_or_else(String::new, |near| format!("did you mean {near}? "));
            return Err(Error::usage(format!("{} of {} is never `{typed}`", column.name, table.name))
                .hint(format!("{meant}its values are {}", column.values.join(", "))));
        }
    }
    Ok(())
}

/// Whether a closed list of values, where the column has one, holds a value.
fn is_among(column: &Column, typed: &str) -> bool {
    typed.is_empty() || column.values.is_empty() || column.values.iter().any(|value| value == typed)
}

/// The different values of a column.
#[derive(Debug, Default)]
struct Values {
    texts: BTreeSet<String>,
    least: Option<(f64, String)>,
    most: Option<(f64, String)>,
    /// The condition holds somewhere.
    met: bool,
}

impl Values {
    fn add(&mut self, array: &ArrayRef, wanted: &Wanted) {
        for row in 0..array.len() {
            self.met |= wanted.is(array, row);
            let Some(text) = written(array, row).filter(|_| array.is_valid(row)) else { continue };
            if let Some(place) = place(array, row) {
                if self.least.as_ref().is_none_or(|(least, _)| place < *least) {
                    self.least = Some((place, text.clone()));
                }
                if self.most.as_ref().is_none_or(|(most, _)| place > *most) {
                    self.most = Some((place, text.clone()));
                }
            }
            if self.texts.len() < LOOKED_AT {
                self.texts.insert(text);
            }
        }
    }

    /// What there is, for somebody who looked for something else.
    fn told(&self, column: &str, typed: &str) -> String {
        if self.texts.is_empty() {
            return format!("{column} is empty in every row");
        }
        let near = near(typed, self.texts.iter().map(String::as_str));
        let listed: Vec<&str> = self.texts.iter().map(String::as_str).collect();
        match (&self.least, &self.most) {
            _ if listed.len() <= LISTED => format!("the values of {column} are {}", listed.join(", ")),
            (Some((_, least)), Some((_, most))) => format!("the values of {column} go from {least} to {most}"),
            _ if near.is_empty() => {
                let some: Vec<&str> = listed.into_iter().take(3).collect();
                format!("{column} has many values, e.g. {}", some.join(", "))
            }
            _ => format!("near it, {column} has {}", near.join(", ")),
        }
    }
}

/// Where a value stands among those of an ordered column.
fn place(array: &ArrayRef, row: usize) -> Option<f64> {
    let whole = array.as_primitive_opt::<Int64Type>().map(|numbers| numbers.value(row) as f64);
    let real = || array.as_primitive_opt::<Float64Type>().map(|numbers| numbers.value(row));
    let day = || array.as_primitive_opt::<Date32Type>().map(|days| f64::from(days.value(row)));
    let at = || array.as_primitive_opt::<TimestampMicrosecondType>().map(|instants| instants.value(row) as f64);
    whole.or_else(real).or_else(day).or_else(at)
}

/// Says why no row of a table passed, looking at each condition alone.
///
/// # Errors
/// The store fails.
pub fn nothing_found<'f>(
    lake: &Store,
    table: &str,
    files: impl Iterator<Item = &'f FileRef> + Clone,
    conditions: &[Condition<'_>],
) -> Result<Vec<String>> {
    if files.clone().all(|file| file.rows == 0) {
        return Ok(vec![format!("{table} has no rows")]);
    }
    let mut told = Vec::new();
    for Condition { column, typed } in conditions {
        let mut values = Values::default();
        for file in files.clone() {
            for batch in parquet::decode(&read_file(lake, file)?, Some(&[column]), parquet::Text::Plain)? {
                let Some(array) = batch.column_by_name(column) else { continue };
                values.add(array, &Wanted::read(array.data_type(), typed).unwrap_or(Wanted::Never));
            }
        }
        if !values.met {
            told.push(format!("no row of {table} has {column}={typed}: {}", values.told(column, typed)));
        }
    }
    if told.is_empty() && !conditions.is_empty() {
        let all: Vec<String> = conditions.iter().map(|it| format!("{}={}", it.column, it.typed)).collect();
        told.push(format!("no row of {table} has {} together, though each of them occurs", all.join(" and ")));
    }
    Ok(told)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{BooleanArray, Date32Array, Float64Array, Int64Array, StringArray, TimestampMicrosecondArray};

    use super::*;
    use crate::contract::Catalog;

    /// Which rows of a column are what was typed.
    fn rows(array: ArrayRef, typed: &str) -> Vec<usize> {
        let wanted = Wanted::read(array.data_type(), typed).unwrap_or(Wanted::Never);
        (0..array.len()).filter(|row| wanted.is(&array, *row)).collect()
    }

    #[test]
    fn dates_numbers_and_instants_are_compared_by_value_and_nothing_is_empty() {
        let days = || -> ArrayRef { Arc::new(Date32Array::from(vec![Some(20_515), Some(20_516), None])) };
        assert_eq!(rows(days(), "2026-03-03"), [0]);
        assert_eq!(rows(days(), "2026-3-3"), [0]);
        assert_eq!(rows(days(), ""), [2]);
        let whole = || -> ArrayRef { Arc::new(Int64Array::from(vec![5, 50])) };
        assert_eq!((rows(whole(), "5"), rows(whole(), "5.0"), rows(whole(), "5.5")), (vec![0], vec![0], vec![]));
        let real = || -> ArrayRef { Arc::new(Float64Array::from(vec![0.25, 1.0 / 3.0, 0.95])) };
        assert_eq!((rows(real(), "0.250"), rows(real(), ".25"), rows(real(), "1")), (vec![0], vec![0], vec![]));
        assert_eq!(rows(real(), "0.333"), [1], "what show prints finds its row");
        let noon = 1_772_539_200_000_000;
        let at = || -> ArrayRef { Arc::new(TimestampMicrosecondArray::from(vec![noon]).with_timezone("UTC")) };
        assert_eq!((rows(at(), "2026-03-03T13:00:00+01:00"), rows(at(), "2026-03-03")), (vec![0], vec![0]));
        assert_eq!((rows(at(), "2026-03-03T12:00:01Z"), rows(at(), "2026-03-04")), (vec![], vec![]));
        let truths = || -> ArrayRef { Arc::new(BooleanArray::from(vec![true, false])) };
        assert_eq!((rows(truths(), "true"), rows(truths(), "no")), (vec![0], vec![1]));
        let texts = || -> ArrayRef { Arc::new(StringArray::from(vec![Some("0012"), Some(""), None])) };
        assert_eq!((rows(texts(), "12"), rows(texts(), "0012"), rows(texts(), "")), (vec![], vec![0], vec![1, 2]));
    }

    #[test]
    fn a_value_that_cannot_be_is_refused_with_what_the_column_holds() {
        let catalog = Catalog::load().unwrap();
        let table = catalog.require("adoption_kpis").unwrap();
        let refused = |column, typed| {
            let error = possible(table, &[Condition { column, typed }]).unwrap_err();
            format!("{error} / {}", error.hint.clone().unwrap_or_default())
        };
        let day = refused("period_start", "3/2026");
        assert!(day.contains("`3/2026` cannot be") && day.contains("dates: write it like 2026-03-30"), "{day}");
        let grain = refused("grain", "mnoth");
        assert!(grain.contains("did you mean month? its values are ") && grain.contains("quarter"), "{grain}");
        assert!(possible(table, &[Condition { column: "grain", typed: "month" }]).is_ok());
        let names: Vec<String> = table.columns.iter().map(|column| column.name.clone()).collect();
        let stranger = known("adoption_kpis", &names, "grian").unwrap_err();
        assert!(stranger.hint.unwrap().contains("did you mean grain?"));
    }

    #[test]
    fn what_there_is_is_listed_where_it_is_little_and_spanned_where_it_is_much() {
        let told = |array: ArrayRef, typed: &str| {
            let mut values = Values::default();
            values.add(&array, &Wanted::Never);
            values.told("c", typed)
        };
        assert_eq!(told(Arc::new(StringArray::from(vec!["b", "a", "b"])), "x"), "the values of c are a, b");
        assert_eq!(told(Arc::new(Int64Array::from_iter_values(-3..90)), "x"), "the values of c go from -3 to 89");
        let many: Vec<String> = (0..50).map(|at| format!("unit {at}")).collect();
        assert_eq!(
            told(Arc::new(StringArray::from(many.clone())), "unit 4x"),
            "near it, c has unit 4, unit 40, unit 41"
        );
        assert!(told(Arc::new(StringArray::from(many)), "q").starts_with("c has many values, e.g. unit 0"));
    }
}
