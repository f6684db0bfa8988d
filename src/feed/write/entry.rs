//! Canon rows, value by value: what an export has to tell.

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Date32Type, Float64Type, Int64Type, TimestampMicrosecondType};

use crate::contract::arrow::{DELETED, ROW};
use crate::contract::{Table, Type};

/// One value of a canon column.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    Text(String),
    Bool(bool),
    Int(i64),
    Double(f64),
    /// Days since 1970.
    Day(i32),
    /// Microseconds since 1970, UTC.
    Instant(i64),
}

impl std::fmt::Display for Value {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Value::Text(text) => f.write_str(text),
            Value::Bool(truth) => write!(f, "{truth}"),
            Value::Int(number) => write!(f, "{number}"),
            Value::Double(number) => write!(f, "{number}"),
            Value::Day(day) => write!(f, "{}", crate::period::date_of(*day)),
            Value::Instant(micros) => match chrono::DateTime::from_timestamp_micros(*micros) {
                Some(at) => write!(f, "{}", at.format("%Y-%m-%dT%H:%M:%S%.fZ")),
                None => write!(f, "{micros}"),
            },
        }
    }
}

/// One row of a canon table.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// By stored column, in contract order.
    pub values: Vec<Option<Value>>,
    /// The row takes its key back.
    pub deleted: bool,
    /// The number of the record it was read from, from 1; 0 where it was read from none.
    pub record: u64,
}

/// The rows of a batch as the gate hands it over.
pub fn entries(table: &Table, batch: &RecordBatch) -> Vec<Entry> {
    let columns: Vec<Vec<Option<Value>>> = table
        .stored()
        .map(|column| match batch.column_by_name(&column.name) {
            Some(array) => values(array, column.data_type),
            None => vec![None; batch.num_rows()],
        })
        .collect();
    let deleted = batch.column_by_name(DELETED).map(|array| array.as_boolean().clone());
    let records = batch.column_by_name(ROW).map(|array| array.as_primitive::<Int64Type>().clone());
    (0..batch.num_rows())
        .map(|row| Entry {
            values: columns.iter().map(|column| column[row].clone()).collect(),
            deleted: deleted.as_ref().is_some_and(|deleted| deleted.value(row)),
            record: records.as_ref().map_or(0, |records| records.value(row).unsigned_abs()),
        })
        .collect()
}

fn values(array: &ArrayRef, data_type: Type) -> Vec<Option<Value>> {
    let rows = 0..array.len();
    let at = |row: usize, value: &dyn Fn(usize) -> Value| array.is_valid(row).then(|| value(row));
    match data_type {
        Type::Text => {
            // Text that repeats comes as a dictionary.
            let plain = cast(array, &DataType::Utf8).unwrap_or_else(|_| array.clone());
            match plain.as_string_opt::<i32>() {
                Some(texts) => rows.map(|row| at(row, &|row| Value::Text(texts.value(row).to_owned()))).collect(),
                None => vec![None; array.len()],
            }
        }
        Type::Bool => rows.map(|row| at(row, &|row| Value::Bool(array.as_boolean().value(row)))).collect(),
        Type::Int => rows.map(|row| at(row, &|row| Value::Int(array.as_primitive::<Int64Type>().value(row)))).collect(),
        Type::Double => {
            rows.map(|row| at(row, &|row| Value::Double(array.as_primitive::<Float64Type>().value(row)))).collect()
        }
        Type::Date => {
            rows.map(|row| at(row, &|row| Value::Day(array.as_primitive::<Date32Type>().value(row)))).collect()
        }
        Type::Timestamp => rows
            .map(|row| at(row, &|row| Value::Instant(array.as_primitive::<TimestampMicrosecondType>().value(row))))
            .collect(),
    }
}
