//! Rows of canon tables written as text, for the examples at the foot of each module.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, Date32Array, DictionaryArray, Float64Array, Int64Array, RecordBatch, StringArray,
    TimestampMicrosecondArray,
};
use arrow::datatypes::{DataType, Int32Type};
use chrono::DateTime;

use crate::contract::Catalog;
use crate::contract::arrow::{DELETED, DELIVERY, ROW, canon_schema};
use crate::period::{Day, day_of};

/// A day as people write it.
pub fn day(text: &str) -> Day {
    day_of(text.parse().unwrap())
}

/// Rows of a canon table from a line of column names and a line for each row; `-` is null. Columns that are not named are null;
/// provenance is delivery `d`, the row's number, and the first moment of 1970.
pub fn rows(table: &str, text: &str) -> RecordBatch {
    let catalog = Catalog::load().unwrap();
    let schema = canon_schema(catalog.expect(table).unwrap());
    let mut lines = text.trim().lines().map(|line| line.split_whitespace().collect::<Vec<&str>>());
    let header = lines.next().unwrap();
    let lines: Vec<Vec<&str>> = lines.collect();
    assert!(header.iter().all(|name| schema.index_of(name).is_ok()), "{header:?}");
    assert!(lines.iter().all(|line| line.len() == header.len()), "{text}");
    let columns = schema
        .fields()
        .iter()
        .map(|field| -> ArrayRef {
            let name = field.name().as_str();
            let at = header.iter().position(|named| *named == name);
            let value = |row: usize| at.map(|at| lines[row][at]).filter(|text| *text != "-");
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
                    let micros = |text: &str| DateTime::parse_from_rfc3339(text).unwrap().timestamp_micros();
                    let usual = (!field.is_nullable()).then_some(0);
                    let values = all.map(|row| value(row).map(micros).or(usual));
                    Arc::new(values.collect::<TimestampMicrosecondArray>().with_timezone("UTC"))
                }
                other => panic!("{name} is of type {other}"),
            }
        })
        .collect();
    RecordBatch::try_new(schema, columns).unwrap()
}
