//! Rows become arrow batches, column by column, without a string per cell.
//!
//! Text that repeats (ids of other tables, closed lists) is read once per distinct value: the rule of the column, the
//! value map and the pseudonym run on the first sight of a text and are remembered with it.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, BooleanBufferBuilder, Date32Array, Float64Array, Int64Array, NullBufferBuilder,
    TimestampMicrosecondArray,
};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};

use super::dictionary::Dictionary;
use super::text::{BATCH_ROWS, Text};
use crate::contract::arrow::{DELETED, ROW};
use crate::contract::{Column, Table, Type};

/// Whether the gate hands a text column over as `Dictionary(Int32, Utf8)`: closed lists, people, ids of other tables.
/// A table's own id is (nearly) unique and stays plain.
pub fn is_dictionary(table: &Table, column: &Column) -> bool {
    let name = column.name.as_str();
    let own = table.key == [name] || name.strip_suffix("_id").is_some_and(|stem| table.name.starts_with(stem));
    let person = column.domain.as_deref().is_some_and(|domain| !domain.contains(':'));
    column.data_type == Type::Text
        && !own
        && (!column.values.is_empty() || person || name.ends_with("_id") && column.domain.is_none())
}

/// The arrow type of a column as the gate hands it over.
pub fn data_type(table: &Table, column: &Column) -> DataType {
    match column.data_type {
        Type::Text if is_dictionary(table, column) => {
            DataType::Dictionary(DataType::Int32.into(), DataType::Utf8.into())
        }
        Type::Text => DataType::Utf8,
        Type::Bool => DataType::Boolean,
        Type::Int => DataType::Int64,
        Type::Double => DataType::Float64,
        Type::Date => DataType::Date32,
        Type::Timestamp => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
    }
}

/// The schema of every batch of a table: its stored columns in contract order, then `_row` and `_deleted`.
/// All columns may be null, also required ones: a delete by key has only its key.
pub fn schema(table: &Table) -> SchemaRef {
    let mut fields: Vec<Field> =
        table.stored().map(|column| Field::new(&column.name, data_type(table, column), true)).collect();
    fields.push(Field::new(ROW, DataType::Int64, false));
    fields.push(Field::new(DELETED, DataType::Boolean, false));
    Arc::new(Schema::new(fields))
}

/// Growing values of one column.
pub(crate) enum Values {
    Text(Text),
    Dictionary(Dictionary),
    Int(Vec<i64>),
    Double(Vec<f64>),
    Bool(BooleanBufferBuilder),
    Date(Vec<i32>),
    Timestamp(Vec<i64>),
}

/// Values and their validity.
pub(crate) struct Builder {
    pub values: Values,
    /// Costs nothing while there are no nulls.
    valid: NullBufferBuilder,
    nulls: usize,
}

impl Builder {
    pub fn new(data_type: &DataType) -> Builder {
        let values = match data_type {
            DataType::Dictionary(_, _) => Values::Dictionary(Dictionary::default()),
            DataType::Boolean => Values::Bool(BooleanBufferBuilder::new(0)),
            DataType::Int64 => Values::Int(Vec::new()),
            DataType::Float64 => Values::Double(Vec::new()),
            DataType::Date32 => Values::Date(Vec::new()),
            DataType::Timestamp(_, _) => Values::Timestamp(Vec::new()),
            _ => Values::Text(Text::default()),
        };
        Builder { values, valid: NullBufferBuilder::new(BATCH_ROWS), nulls: 0 }
    }

    /// Notes whether the value just pushed is one.
    #[inline]
    pub fn mark(&mut self, valid: bool) {
        self.valid.append(valid);
        self.nulls += usize::from(!valid);
    }

    /// Pushes that there is no value.
    pub fn push_null(&mut self) {
        match &mut self.values {
            Values::Text(text) => text.push(b""),
            Values::Dictionary(dictionary) => dictionary.push(-1),
            Values::Int(values) | Values::Timestamp(values) => values.push(0),
            Values::Double(values) => values.push(0.0),
            Values::Bool(values) => values.append(false),
            Values::Date(values) => values.push(0),
        }
        self.mark(false);
    }

    /// Fills up to `rows` values with ones that are not there.
    pub fn pad(&mut self, rows: usize) {
        let more = rows.saturating_sub(self.valid.len());
        if more == 0 {
            return;
        }
        match &mut self.values {
            Values::Text(text) => (0..more).for_each(|_| text.push(b"")),
            Values::Dictionary(dictionary) => (0..more).for_each(|_| dictionary.push(-1)),
            Values::Int(values) | Values::Timestamp(values) => values.resize(rows, 0),
            Values::Double(values) => values.resize(rows, 0.0),
            Values::Bool(values) => values.append_n(more, false),
            Values::Date(values) => values.resize(rows, 0),
        }
        self.valid.append_n_nulls(more);
        self.nulls += more;
    }

    pub fn nulls(&self) -> usize {
        self.nulls
    }

    /// Takes back what a refused record left: back to `rows` values.
    pub fn truncate(&mut self, rows: usize) {
        if self.valid.len() <= rows {
            return;
        }
        for row in rows..self.valid.len() {
            self.nulls -= usize::from(!self.valid.is_valid(row));
        }
        self.valid.truncate(rows);
        match &mut self.values {
            Values::Text(text) => text.truncate(rows),
            Values::Dictionary(dictionary) => dictionary.truncate(rows),
            Values::Int(values) | Values::Timestamp(values) => values.truncate(rows),
            Values::Double(values) => values.truncate(rows),
            Values::Bool(values) => {
                if values.len() > rows {
                    values.truncate(rows);
                }
            }
            Values::Date(values) => values.truncate(rows),
        }
    }

    /// The values so far as an array; the builder is empty afterwards.
    pub fn finish(&mut self) -> Result<ArrayRef, arrow::error::ArrowError> {
        let nulls = self.valid.finish();
        self.nulls = 0;
        fn take<T>(values: &mut Vec<T>) -> Vec<T> {
            // Most deliveries are small; one that filled a batch is likely to fill another.
            let more = if values.len() >= BATCH_ROWS { BATCH_ROWS } else { 0 };
            std::mem::replace(values, Vec::with_capacity(more))
        }
        Ok(match &mut self.values {
            Values::Text(text) => Arc::new(text.finish(nulls)?),
            Values::Dictionary(dictionary) => dictionary.finish(nulls)?,
            Values::Int(values) => Arc::new(Int64Array::try_new(take(values).into(), nulls)?),
            Values::Double(values) => Arc::new(Float64Array::try_new(take(values).into(), nulls)?),
            Values::Bool(values) => Arc::new(BooleanArray::new(values.finish(), nulls)),
            Values::Date(values) => Arc::new(Date32Array::try_new(take(values).into(), nulls)?),
            Values::Timestamp(values) => {
                Arc::new(TimestampMicrosecondArray::try_new(take(values).into(), nulls)?.with_timezone("UTC"))
            }
        })
    }

    /// The value of the last row as comparable bytes, for rules between columns of one row.
    pub fn last(&self) -> Option<Last<'_>> {
        let row = self.valid.len().checked_sub(1)?;
        if !self.valid.is_valid(row) {
            return None;
        }
        Some(match &self.values {
            Values::Text(text) => Last::Text(text.get(row)),
            Values::Dictionary(dictionary) => Last::Text(dictionary.last(row)),
            Values::Int(values) | Values::Timestamp(values) => Last::Number(values[row]),
            Values::Date(values) => Last::Number(i64::from(values[row])),
            Values::Double(values) => Last::Double(values[row]),
            Values::Bool(values) => Last::Number(i64::from(values.get_bit(row))),
        })
    }
}

/// A single value, comparable with another of the same column type.
#[derive(Debug, PartialEq, PartialOrd)]
pub(crate) enum Last<'a> {
    Text(&'a [u8]),
    Number(i64),
    Double(f64),
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::AsArray;

    #[test]
    fn a_refused_record_leaves_nothing() {
        let mut builder = Builder::new(&DataType::Utf8);
        let Values::Text(text) = &mut builder.values else { panic!("text") };
        text.push(b"kept");
        text.push(b"refused");
        builder.mark(true);
        builder.mark(true);
        builder.truncate(1);
        let array = builder.finish().expect("an array");
        assert_eq!(array.as_string::<i32>().iter().collect::<Vec<_>>(), [Some("kept")]);
    }
}
