//! Canon rows written as text, for the examples at the foot of each file.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, Date32Array, Float64Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray,
};
use chrono::{DateTime, NaiveDate, Utc};

use crate::contract::arrow::{DELETED, DELIVERY, KNOWN_AT, ROW, canon_schema};
use crate::contract::{Catalog, Type};
use crate::period::{Day, day_of};

/// A day as people write it.
pub fn day(text: &str) -> Day {
    day_of(text.parse().unwrap())
}

/// Rows of a canon table: a line of column names, then a line a row with `-` for nothing. Columns left out are null; instants may be
/// dates, which stand for noon UTC.
pub fn table(name: &str, text: &str) -> RecordBatch {
    let contract = Catalog::load().unwrap().expect(name).unwrap().clone();
    let mut lines = text.trim().lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    let header = lines.next().unwrap();
    let rows: Vec<Vec<&str>> = lines.collect();
    header.iter().for_each(|name| assert!(contract.column(name).is_some(), "no column {name}"));
    let cells = |name: &str| -> Vec<Option<&str>> {
        let at = header.iter().position(|column| *column == name);
        rows.iter().map(|row| at.map(|at| row[at]).filter(|cell| *cell != "-")).collect()
    };
    let schema = canon_schema(&contract);
    let columns = schema
        .fields()
        .iter()
        .map(|field| -> ArrayRef {
            let cells = cells(field.name());
            let parsed = |pick: &dyn Fn(&str) -> i64| cells.iter().map(|cell| cell.map(pick)).collect::<Vec<_>>();
            match field.name().as_str() {
                DELIVERY => Arc::new(StringArray::from(vec!["delivery"; rows.len()])),
                ROW => Arc::new(Int64Array::from_iter_values(1..=rows.len() as i64)),
                KNOWN_AT => Arc::new(TimestampMicrosecondArray::from(vec![0; rows.len()]).with_timezone("UTC")),
                DELETED => Arc::new(BooleanArray::from(vec![false; rows.len()])),
                name => match contract.column(name).unwrap().data_type {
                    Type::Text => Arc::new(StringArray::from(cells)),
                    Type::Bool => Arc::new(BooleanArray::from_iter(cells.iter().map(|cell| cell.map(|c| c == "true")))),
                    Type::Int => Arc::new(Int64Array::from(parsed(&|cell| cell.parse().unwrap()))),
                    Type::Double => {
                        Arc::new(Float64Array::from_iter(cells.iter().map(|cell| cell.map(|c| c.parse().unwrap()))))
                    }
                    Type::Date => Arc::new(Date32Array::from_iter(cells.iter().map(|cell| cell.map(day)))),
                    Type::Timestamp => Arc::new(TimestampMicrosecondArray::from(parsed(&instant)).with_timezone("UTC")),
                },
            }
        })
        .collect();
    let fields: Vec<_> = schema
        .fields()
        .iter()
        .zip(&columns)
        .map(|(field, column): (_, &ArrayRef)| {
            arrow::datatypes::Field::new(field.name(), column.data_type().clone(), true)
        })
        .collect();
    RecordBatch::try_new(Arc::new(arrow::datatypes::Schema::new(fields)), columns).unwrap()
}

fn instant(text: &str) -> i64 {
    match text.parse::<NaiveDate>() {
        Ok(date) => date.and_hms_opt(12, 0, 0).unwrap().and_utc().timestamp_micros(),
        Err(_) => text.parse::<DateTime<Utc>>().unwrap().timestamp_micros(),
    }
}
