//! Typed access to the columns of a batch: one place that knows dictionaries from plain text.

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, DictionaryArray, Float64Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Date32Type, Int32Type, Int64Type, TimeUnit, TimestampMicrosecondType};

/// A text column, plain or dictionary-encoded.
pub enum Text<'a> {
    Plain(&'a StringArray),
    Dictionary(&'a DictionaryArray<Int32Type>, &'a StringArray),
    /// The batch has no such column: every value is null.
    Absent,
}

impl<'a> Text<'a> {
    pub fn of(batch: &'a RecordBatch, name: &str) -> Text<'a> {
        match batch.column_by_name(name) {
            Some(array) => Text::from_array(array),
            None => Text::Absent,
        }
    }

    pub fn from_array(array: &'a ArrayRef) -> Text<'a> {
        match array.data_type() {
            DataType::Utf8 => Text::Plain(array.as_string::<i32>()),
            DataType::Dictionary(key, _) if **key == DataType::Int32 => {
                let dictionary = array.as_dictionary::<Int32Type>();
                match dictionary.values().as_any().downcast_ref::<StringArray>() {
                    Some(values) => Text::Dictionary(dictionary, values),
                    None => Text::Absent,
                }
            }
            _ => Text::Absent,
        }
    }

    pub fn get(&self, row: usize) -> Option<&'a str> {
        match self {
            Text::Plain(array) => array.is_valid(row).then(|| array.value(row)),
            Text::Dictionary(array, values) => {
                let key = array.key(row)?;
                values.is_valid(key).then(|| values.value(key))
            }
            Text::Absent => None,
        }
    }

    /// What `of` makes of each row's text; of a dictionary's values it is asked once each.
    pub fn each<T: Copy>(&self, rows: usize, of: &mut dyn FnMut(&'a str) -> T) -> Vec<Option<T>> {
        match self {
            Text::Dictionary(dictionary, values) => {
                let mut known: Vec<Option<T>> = vec![None; values.len()];
                (0..rows)
                    .map(|row| {
                        let key = dictionary.key(row).filter(|key| values.is_valid(*key))?;
                        Some(*known[key].get_or_insert_with(|| of(values.value(key))))
                    })
                    .collect()
            }
            _ => (0..rows).map(|row| self.get(row).map(&mut *of)).collect(),
        }
    }

    /// The distinct values behind the column, for dictionaries; plain text has none.
    pub fn values(&self) -> Option<&'a StringArray> {
        match self {
            Text::Dictionary(_, values) => Some(values),
            _ => None,
        }
    }
}

/// A fixed-width column that may be absent: then every value is null.
macro_rules! accessor {
    ($name:ident, $native:ty, $arrow:ty, $expected:pat) => {
        pub fn $name<'a>(batch: &'a RecordBatch, name: &str) -> impl Fn(usize) -> Option<$native> + use<'a> {
            let array = batch
                .column_by_name(name)
                .filter(|array| matches!(array.data_type(), $expected))
                .map(|array| array.as_primitive::<$arrow>());
            move |row| array.filter(|array| array.is_valid(row)).map(|array| array.value(row))
        }
    };
}

accessor!(ints, i64, Int64Type, DataType::Int64);
accessor!(dates, i32, Date32Type, DataType::Date32);
accessor!(instants, i64, TimestampMicrosecondType, DataType::Timestamp(TimeUnit::Microsecond, _));

pub fn bools<'a>(batch: &'a RecordBatch, name: &str) -> impl Fn(usize) -> Option<bool> + use<'a> {
    let array = batch.column_by_name(name).and_then(|array| array.as_any().downcast_ref::<BooleanArray>());
    move |row| array.filter(|array| array.is_valid(row)).map(|array| array.value(row))
}

/// The figures of a column of counts or rates, as numbers.
pub fn numbers<'a>(batch: &'a RecordBatch, name: &str) -> impl Fn(usize) -> Option<f64> + use<'a> {
    let (whole, real) = (ints(batch, name), doubles(batch, name));
    move |row| real(row).or_else(|| whole(row).map(|value| value as f64))
}

pub fn doubles<'a>(batch: &'a RecordBatch, name: &str) -> impl Fn(usize) -> Option<f64> + use<'a> {
    let array = batch.column_by_name(name).and_then(|array| array.as_any().downcast_ref::<Float64Array>());
    move |row| array.filter(|array| array.is_valid(row)).map(|array| array.value(row))
}
