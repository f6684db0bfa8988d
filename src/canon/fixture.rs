//! Rows of canon tables written as text, and the people and acts in them: for the examples at the foot of each file.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, BooleanArray, Date32Array, DictionaryArray, Float64Array, Int64Array, RecordBatch, StringArray,
    TimestampMicrosecondArray,
};
use arrow::datatypes::{DataType, Field, Int32Type, Schema};
use chrono::{DateTime, NaiveDate, NaiveDateTime, Utc};

use super::acts::{Acts, Setting, Tables};
use super::history::{Eligibility, People};
use super::identity::Identity;
use crate::contract::Catalog;
use crate::contract::arrow::{DELETED, DELIVERY, KNOWN_AT, ROW, canon_schema};
use crate::period::{Day, day_of};

/// A day as people write it.
pub fn day(text: &str) -> Day {
    day_of(text.parse().unwrap())
}

/// `2026-03-02` is noon of that day, `2026-03-02T08:30` and `2026-03-02T08:30:00Z` are what they say; all in UTC.
fn instant(text: &str) -> i64 {
    let noon = |date: NaiveDate| date.and_hms_opt(12, 0, 0).unwrap().and_utc();
    let minute = || NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M").map(|at| at.and_utc());
    let instant = text.parse::<NaiveDate>().map(noon).or_else(|_| minute());
    instant.unwrap_or_else(|_| text.parse::<DateTime<Utc>>().unwrap()).timestamp_micros()
}

/// Rows of a canon table from a line of column names and a line for each row. Cells are parted by spaces with `-` for null, or, where
/// the line of names has commas, by commas with nothing for null. Columns that are not named are null; provenance is delivery `d`,
/// the row's number, and the first moment of 1970.
pub fn rows(table: &str, text: &str) -> RecordBatch {
    let catalog = Catalog::load().unwrap();
    let schema = canon_schema(catalog.require(table).unwrap());
    let names = text.trim().lines().next().unwrap();
    let (has_commas, null) = if names.contains(',') { (true, "") } else { (false, "-") };
    let mut lines = text.trim().lines().map(|line| match has_commas {
        true => line.split(',').map(str::trim).collect::<Vec<&str>>(),
        false => line.split_whitespace().collect(),
    });
    let header = lines.next().unwrap();
    let lines: Vec<Vec<&str>> = lines.collect();
    assert!(header.iter().all(|name| schema.index_of(name).is_ok()), "{header:?}");
    assert!(lines.iter().all(|line| line.len() == header.len()), "{text}");
    let columns: Vec<ArrayRef> = schema
        .fields()
        .iter()
        .map(|field| -> ArrayRef {
            let name = field.name().as_str();
            let at = header.iter().position(|named| *named == name);
            let value = |row: usize| at.map(|at| lines[row][at]).filter(|text| *text != null);
            let all = 0..lines.len();
            match field.data_type() {
                DataType::Utf8 => Arc::new(all.map(value).collect::<StringArray>()),
                DataType::Dictionary(_, _) => {
                    let usual = (name == DELIVERY).then_some("d");
                    Arc::new(all.map(|row| value(row).or(usual)).collect::<DictionaryArray<Int32Type>>())
                }
                DataType::Date32 => Arc::new(all.map(|row| value(row).map(day)).collect::<Date32Array>()),
                DataType::Int64 => {
                    let usual = |row: usize| (name == ROW).then_some(row as i64 + 1);
                    let value = |row: usize| value(row).map(|text| text.parse().unwrap()).or(usual(row));
                    Arc::new(all.map(value).collect::<Int64Array>())
                }
                DataType::Float64 => Arc::new(
                    all.map(|row| value(row).map(|text| text.parse::<f64>().unwrap())).collect::<Float64Array>(),
                ),
                DataType::Boolean => {
                    let usual = (name == DELETED).then_some(false);
                    Arc::new(all.map(|row| value(row).map(|text| text == "true").or(usual)).collect::<BooleanArray>())
                }
                DataType::Timestamp(_, _) => {
                    let usual = (name == KNOWN_AT).then_some(0);
                    let values = all.map(|row| value(row).map(instant).or(usual));
                    Arc::new(values.collect::<TimestampMicrosecondArray>().with_timezone("UTC"))
                }
                other => panic!("{name} is of type {other}"),
            }
        })
        .collect();
    // An example may leave out what a delivery must bring.
    let loosened = |(field, column): (&Arc<Field>, &ArrayRef)| {
        field.as_ref().clone().with_nullable(field.is_nullable() || column.null_count() > 0)
    };
    let fields: Vec<Field> = schema.fields().iter().zip(&columns).map(loosened).collect();
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).unwrap()
}

/// Everybody of `workers`, each with an account of the same name; employee numbers are worker ids.
pub fn people(workers: &str) -> (People, Identity) {
    let workers = rows("workers", workers);
    let rule = Eligibility { worker_types: vec!["employee".into()], min_tenure_days: 0 };
    let people = People::build(std::slice::from_ref(&workers), &rule);
    let users: String = people.workers.iter().map(|id| format!("{id},{id}\n")).collect();
    let users = rows("users", &format!("user_id,employee_no\n{users}"));
    let identity = Identity::build(&[users], &[], &[workers], &people);
    (people, identity)
}

/// Acts of people known by [`people`], in UTC, with managers and above as leaders.
pub fn acts(who: &(People, Identity), horizon: &str, contributions: &str, content: &str, events: &str) -> Acts {
    let rows = |table: &str, text: &str| if text.is_empty() { Vec::new() } else { vec![rows(table, text)] };
    let (contributions, content, events) =
        (rows("contributions", contributions), rows("content", content), rows("events", events));
    let tables = Tables { contributions: &contributions, content: &content, events: &events };
    let leader_bands = &["manager", "director", "vp", "executive"];
    let horizon = day(horizon);
    Acts::build(&tables, &Setting { identity: &who.1, people: &who.0, zone: chrono_tz::UTC, leader_bands, horizon })
}
