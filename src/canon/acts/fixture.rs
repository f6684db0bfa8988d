//! Canon rows written as text, for examples.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, Date32Array, Float64Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray,
};
use chrono::{DateTime, Utc};

use super::{Acts, Setting, Tables};
use crate::canon::history::{Eligibility, People};
use crate::canon::identity::Identity;
use crate::contract::{Catalog, Type};
use crate::period::{Day, day_of};

/// Rows of a canon table: the first line names columns, commas part cells, an empty cell is null.
pub fn batch(table: &str, text: &str) -> RecordBatch {
    let catalog = Catalog::load().unwrap();
    let table = catalog.expect(table).unwrap();
    let mut lines = text.trim().lines().map(|line| line.trim().split(',').map(str::trim).collect::<Vec<_>>());
    let header = lines.next().unwrap();
    let rows: Vec<Vec<&str>> = lines.collect();
    let columns = header.iter().enumerate().map(|(at, name)| {
        let cells = || rows.iter().map(|row| row.get(at).copied().filter(|cell| !cell.is_empty()));
        let array: ArrayRef = match table.column(name).unwrap().data_type {
            Type::Text => Arc::new(StringArray::from_iter(cells())),
            Type::Bool => Arc::new(BooleanArray::from_iter(cells().map(|cell| cell.map(|cell| cell == "true")))),
            Type::Int => Arc::new(Int64Array::from_iter(cells().map(|cell| cell.map(|cell| cell.parse().unwrap())))),
            Type::Double => {
                Arc::new(Float64Array::from_iter(cells().map(|cell| cell.map(|cell| cell.parse::<f64>().unwrap()))))
            }
            Type::Date => Arc::new(Date32Array::from_iter(cells().map(|cell| cell.map(day)))),
            Type::Timestamp => Arc::new(
                TimestampMicrosecondArray::from_iter(cells().map(|cell| cell.map(instant))).with_timezone("UTC"),
            ),
        };
        ((*name).to_owned(), array)
    });
    RecordBatch::try_from_iter_with_nullable(columns.map(|(name, array)| (name, array, true))).unwrap()
}

pub fn day(text: &str) -> Day {
    day_of(text.parse().unwrap())
}

/// `2026-03-02` is noon of that day; `2026-03-02T08:30` an instant in UTC.
fn instant(text: &str) -> i64 {
    let text = if text.len() == 10 { format!("{text}T12:00:00Z") } else { format!("{text}:00Z") };
    text.parse::<DateTime<Utc>>().unwrap().timestamp_micros()
}

/// Everybody of `workers`, each with an account of the same name; employee numbers are worker ids.
pub fn people(workers: &str) -> (People, Identity) {
    let workers = batch("workers", workers);
    let rule = Eligibility { worker_types: vec!["employee".into()], min_tenure_days: 0 };
    let people = People::build(std::slice::from_ref(&workers), &rule);
    let users: String = people.workers.iter().map(|id| format!("{id},{id}\n")).collect();
    let users = batch("users", &format!("user_id,employee_no\n{users}"));
    let identity = Identity::build(&[users], &[], &[workers], &people);
    (people, identity)
}

/// Acts of people known by [`people`], in UTC, with managers and above as leaders.
pub fn acts(who: &(People, Identity), horizon: &str, contributions: &str, content: &str, events: &str) -> Acts {
    let rows = |table: &str, text: &str| if text.is_empty() { Vec::new() } else { vec![batch(table, text)] };
    let (contributions, content, events) =
        (rows("contributions", contributions), rows("content", content), rows("events", events));
    let tables = Tables { contributions: &contributions, content: &content, events: &events };
    let leader_bands = &["manager", "director", "vp", "executive"];
    let horizon = day(horizon);
    Acts::build(&tables, &Setting { identity: &who.1, people: &who.0, zone: chrono_tz::UTC, leader_bands, horizon })
}
