//! Contract types as Arrow types, in memory and in files.

use std::sync::Arc;

use arrow::array::{RecordBatch, new_null_array};
use arrow::compute::{SortColumn, lexsort_to_indices, take_record_batch};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use arrow::error::ArrowError;

use super::{Column, Partition, Table, Type};

/// The columns every canon row carries beside its own: where it came from and whether it is a statement of absence.
pub const DELIVERY: &str = "_delivery";
pub const ROW: &str = "_row";
pub const KNOWN_AT: &str = "_known_at";
pub const DELETED: &str = "_deleted";
/// The columns of a stated row that say where it came from, in the order of files.
pub const PROVENANCE: [&str; 4] = [DELIVERY, ROW, KNOWN_AT, DELETED];
/// The days on which the full snapshots of its feed held a row of a whole table: empty from the beginning, empty still. A row that
/// they no longer hold stays with the first day without it, and counts as deleted for whoever asks for what there is now.
pub const HELD_FROM: &str = "_held_from";
pub const HELD_TO: &str = "_held_to";

/// The type of a column in a published file.
pub fn file_type(data_type: Type) -> DataType {
    match data_type {
        Type::Text => DataType::Utf8,
        Type::Bool => DataType::Boolean,
        Type::Int => DataType::Int64,
        Type::Double => DataType::Float64,
        Type::Date => DataType::Date32,
        Type::Timestamp => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
    }
}

/// The type of a canon column in memory: text that repeats is a dictionary, a table's only key is plain text.
pub fn memory_type(table: &Table, column: &Column) -> DataType {
    let unique = column.key && table.key.len() == 1;
    match column.data_type {
        Type::Text if !unique => dictionary(),
        other => file_type(other),
    }
}

/// Text with repeated values, as it is held in memory.
pub fn dictionary() -> DataType {
    DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8))
}

/// The in-memory schema of a canon table: its stored columns, then provenance.
pub fn canon_schema(table: &Table) -> SchemaRef {
    let mut fields: Vec<Field> =
        table.stored().map(|column| Field::new(&column.name, memory_type(table, column), true)).collect();
    fields.push(Field::new(DELIVERY, dictionary(), false));
    fields.push(Field::new(ROW, DataType::Int64, false));
    fields.push(Field::new(KNOWN_AT, file_type(Type::Timestamp), false));
    fields.push(Field::new(DELETED, DataType::Boolean, false));
    if table.partition == Partition::Whole {
        fields.extend([HELD_FROM, HELD_TO].map(|name| Field::new(name, DataType::Date32, true)));
    }
    Arc::new(Schema::new(fields))
}

/// Rows of a canon table as a version before may have written them, in the schema of today: what it did not know is empty.
///
/// # Errors
/// A column has another type than today, or one is missing that may not be empty.
pub fn brought_forward(table: &Table, batch: &RecordBatch) -> Result<RecordBatch, ArrowError> {
    let schema = canon_schema(table);
    let rows = batch.num_rows();
    let column = |field: &Arc<Field>| match batch.column_by_name(field.name()) {
        Some(array) => Arc::clone(array),
        None => new_null_array(field.data_type(), rows),
    };
    RecordBatch::try_new(Arc::clone(&schema), schema.fields().iter().map(column).collect())
}

/// The schema of a mart's file: its columns in contract order.
pub fn mart_schema(table: &Table) -> SchemaRef {
    let fields: Vec<Field> = table
        .stored()
        .map(|column| Field::new(&column.name, file_type(column.data_type), !(column.required || column.key)))
        .collect();
    Arc::new(Schema::new(fields))
}
/// Rows in the order of the contract.
///
/// # Errors
/// A column cannot be sorted.
pub fn sorted(table: &Table, rows: &RecordBatch) -> Result<RecordBatch, ArrowError> {
    let column = |name: &String| Some(SortColumn { values: rows.column_by_name(name)?.clone(), options: None });
    let columns: Vec<SortColumn> = table.sort.iter().filter_map(column).collect();
    take_record_batch(rows, &lexsort_to_indices(&columns, None)?)
}
