//! Rows become arrow batches, column by column, without a string per cell.
//!
//! Text that repeats (ids of other tables, closed lists) is read once per distinct value: the rule of the column, the
//! value map and the pseudonym run on the first sight of a text and are remembered with it.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, BooleanArray, BooleanBufferBuilder, Date32Array, DictionaryArray, Float64Array, Int32Array, Int64Array,
    NullBufferBuilder, StringArray,
    TimestampMicrosecondArray,
};
use arrow::buffer::{Buffer, NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow::datatypes::{DataType, Field, Int32Type, Schema, SchemaRef, TimeUnit};
use hashbrown::{DefaultHashBuilder, HashTable};
use std::hash::BuildHasher;

use crate::contract::{Column, Table, Type};

/// Rows of a batch. Small enough to keep many readers in memory, large enough to be worth a hand-over.
pub(crate) const BATCH_ROWS: usize = 65_536;
/// Column with the record number of each row.
pub const ROW: &str = "_row";
/// Column that says whether a delta deletes the row's key.
pub const DELETED: &str = "_deleted";

/// A dictionary larger than this starts anew: it would cost every later batch more than it saves.
const DICTIONARY_VALUES: usize = 1 << 17;
const DICTIONARY_BYTES: usize = 8 << 20;

/// Whether the gate hands a text column over as `Dictionary(Int32, Utf8)`: closed lists, people, ids of other tables.
/// A table's own id is (nearly) unique and stays plain.
pub fn is_dictionary(table: &Table, column: &Column) -> bool {
    let name = column.name.as_str();
    let own = table.key == [name] || name.strip_suffix("_id").is_some_and(|stem| table.name.starts_with(stem));
    let person = column.domain.as_deref().is_some_and(|domain| !domain.starts_with("by:"));
    column.data_type == Type::Text && !own && (!column.values.is_empty() || person || name.ends_with("_id") && column.domain.is_none())
}

/// The arrow type of a column as the gate hands it over.
pub fn data_type(table: &Table, column: &Column) -> DataType {
    match column.data_type {
        Type::Text if is_dictionary(table, column) => DataType::Dictionary(DataType::Int32.into(), DataType::Utf8.into()),
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
    let mut fields: Vec<Field> = table.stored().map(|column| Field::new(&column.name, data_type(table, column), true)).collect();
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
            DataType::Boolean => Values::Bool(BooleanBufferBuilder::new(BATCH_ROWS)),
            DataType::Int64 => Values::Int(Vec::with_capacity(BATCH_ROWS)),
            DataType::Float64 => Values::Double(Vec::with_capacity(BATCH_ROWS)),
            DataType::Date32 => Values::Date(Vec::with_capacity(BATCH_ROWS)),
            DataType::Timestamp(_, _) => Values::Timestamp(Vec::with_capacity(BATCH_ROWS)),
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

    pub fn nulls(&self) -> usize {
        self.nulls
    }

    /// Takes back what a refused record left: back to `rows` values.
    pub fn truncate(&mut self, rows: usize) {
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
            std::mem::replace(values, Vec::with_capacity(BATCH_ROWS))
        }
        Ok(match &mut self.values {
            Values::Text(text) => Arc::new(text.finish(nulls)?),
            Values::Dictionary(dictionary) => dictionary.finish(nulls)?,
            Values::Int(values) => Arc::new(Int64Array::try_new(take(values).into(), nulls)?),
            Values::Double(values) => Arc::new(Float64Array::try_new(take(values).into(), nulls)?),
            Values::Bool(values) => Arc::new(BooleanArray::new(values.finish(), nulls)),
            Values::Date(values) => Arc::new(Date32Array::try_new(take(values).into(), nulls)?),
            Values::Timestamp(values) => Arc::new(TimestampMicrosecondArray::try_new(take(values).into(), nulls)?.with_timezone("UTC")),
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
            Values::Dictionary(dictionary) => Last::Text(dictionary.text(dictionary.keys[row])),
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

/// Plain text: offsets into one run of bytes.
pub(crate) struct Text {
    ends: Vec<i32>,
    bytes: Vec<u8>,
}

impl Default for Text {
    fn default() -> Text {
        Text { ends: vec![0], bytes: Vec::new() }
    }
}

impl Text {
    #[inline]
    pub fn push(&mut self, text: &[u8]) {
        self.bytes.extend_from_slice(text);
        self.ends.push(self.bytes.len() as i32);
    }

    pub fn len(&self) -> usize {
        self.ends.len() - 1
    }

    /// Takes the last text back.
    pub fn pop(&mut self) {
        let rows = self.len().saturating_sub(1);
        self.truncate(rows);
    }

    /// Bytes held: a batch ends early before offsets of 32 bits overflow.
    pub fn bytes(&self) -> usize {
        self.bytes.len()
    }

    #[inline]
    pub fn get(&self, row: usize) -> &[u8] {
        &self.bytes[self.ends[row] as usize..self.ends[row + 1] as usize]
    }

    fn truncate(&mut self, rows: usize) {
        if self.len() > rows {
            self.ends.truncate(rows + 1);
            self.bytes.truncate(self.ends[rows] as usize);
        }
    }

    fn array(&self, ends: Vec<i32>, bytes: Vec<u8>, nulls: Option<NullBuffer>) -> Result<StringArray, arrow::error::ArrowError> {
        StringArray::try_new(OffsetBuffer::new(ScalarBuffer::from(ends)), Buffer::from_vec(bytes), nulls)
    }

    fn finish(&mut self, nulls: Option<NullBuffer>) -> Result<StringArray, arrow::error::ArrowError> {
        let ends = std::mem::replace(&mut self.ends, {
            let mut ends = Vec::with_capacity(BATCH_ROWS + 1);
            ends.push(0);
            ends
        });
        let capacity = self.bytes.len();
        let bytes = std::mem::replace(&mut self.bytes, Vec::with_capacity(capacity));
        self.array(ends, bytes, nulls)
    }
}

/// A raw text and what it became.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Seen {
    /// The text itself if it is short: most are, and a look-up then touches one cache line.
    ends: Ends,
    /// Its place among the raw texts.
    at: u32,
    /// Its value; -1: none.
    pub key: i32,
    /// A value map's default stood in for it.
    pub unknown: bool,
}

/// Length, first and last eight bytes of a text: all of it up to 16 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Ends {
    first: u64,
    last: u64,
    length: u32,
}

impl Ends {
    #[inline]
    fn of(text: &[u8]) -> Ends {
        let length = text.len() as u32;
        let (first, last) = if let (Some(first), Some(last)) = (text.first_chunk::<8>(), text.last_chunk::<8>()) {
            (u64::from_le_bytes(*first), u64::from_le_bytes(*last))
        } else if let (Some(first), Some(last)) = (text.first_chunk::<4>(), text.last_chunk::<4>()) {
            (u64::from(u32::from_le_bytes(*first)), u64::from(u32::from_le_bytes(*last)))
        } else {
            (text.iter().fold(0, |all, byte| all << 8 | u64::from(*byte)), 0)
        };
        Ends { first, last, length }
    }

    fn is_whole(self) -> bool {
        self.length <= 16
    }
}

/// Text by reference into a list of distinct values that grows over batches.
pub(crate) struct Dictionary {
    keys: Vec<i32>,
    /// Raw texts seen and what they became.
    seen: HashTable<Seen>,
    raw: Text,
    /// Values by content: two raw texts may mean one value.
    known: HashTable<i32>,
    values: Text,
    hasher: DefaultHashBuilder,
    seeds: (u64, u64),
    array: Option<Arc<StringArray>>,
}

impl Default for Dictionary {
    fn default() -> Dictionary {
        let hasher = DefaultHashBuilder::default();
        Dictionary {
            keys: Vec::with_capacity(BATCH_ROWS),
            seen: HashTable::new(),
            raw: Text::default(),
            known: HashTable::new(),
            values: Text::default(),
            seeds: (hasher.hash_one(1u8), hasher.hash_one(2u8)),
            hasher,
            array: None,
        }
    }
}

impl Dictionary {
    /// What a raw text became before; `None` if it is new.
    #[inline]
    pub fn find(&self, raw: &[u8]) -> Option<Seen> {
        let ends = Ends::of(raw);
        let same = |seen: &Seen| seen.ends == ends && (ends.is_whole() || self.raw.get(seen.at as usize) == raw);
        self.seen.find(self.hash(ends, raw), same).copied()
    }

    /// Seeded, so that nobody can choose texts that collide.
    #[inline]
    fn hash(&self, ends: Ends, raw: &[u8]) -> u64 {
        if !ends.is_whole() {
            return self.hasher.hash_one(raw);
        }
        let (a, b) = self.seeds;
        let folded = u128::from(ends.first ^ a) * u128::from(ends.last ^ b ^ u64::from(ends.length).rotate_left(32));
        ((folded >> 64) as u64 ^ folded as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15)
    }

    /// Remembers what a raw text means.
    pub fn learn(&mut self, raw: &[u8], value: Option<&str>, unknown: bool) -> Seen {
        let key = match value {
            None => -1,
            Some(value) => {
                let value = value.as_bytes();
                let hash = self.hasher.hash_one(value);
                match self.known.find(hash, |&key| self.values.get(key as usize) == value) {
                    Some(&key) => key,
                    None => {
                        let key = self.values.len() as i32;
                        self.values.push(value);
                        let (values, hasher) = (&self.values, &self.hasher);
                        self.known.insert_unique(hash, key, |&key| hasher.hash_one(values.get(key as usize)));
                        key
                    }
                }
            }
        };
        let ends = Ends::of(raw);
        let seen = Seen { ends, at: self.raw.len() as u32, key, unknown };
        self.raw.push(raw);
        let hash = self.hash(ends, raw);
        let mut table = std::mem::take(&mut self.seen);
        table.insert_unique(hash, seen, |seen| self.hash(seen.ends, self.raw.get(seen.at as usize)));
        self.seen = table;
        seen
    }

    #[inline]
    pub fn push(&mut self, key: i32) {
        self.keys.push(key.max(0));
    }

    fn text(&self, key: i32) -> &[u8] {
        self.values.get(key as usize)
    }

    fn truncate(&mut self, rows: usize) {
        self.keys.truncate(rows);
    }

    fn finish(&mut self, nulls: Option<NullBuffer>) -> Result<ArrayRef, arrow::error::ArrowError> {
        // A column of nulls alone still needs keys that point somewhere.
        if self.values.len() == 0 {
            self.learn(b"", Some(""), false);
            self.seen.clear();
            self.known.clear();
        }
        let values = match &self.array {
            Some(array) if array.len() == self.values.len() => array.clone(),
            _ => Arc::new(self.values.array(self.values.ends.clone(), self.values.bytes.clone(), None)?),
        };
        self.array = Some(values.clone());
        let keys = Int32Array::try_new(std::mem::replace(&mut self.keys, Vec::with_capacity(BATCH_ROWS)).into(), nulls)?;
        let array = DictionaryArray::<Int32Type>::try_new(keys, values)?;
        if self.raw.len() > DICTIONARY_VALUES || self.raw.bytes() + self.values.bytes() > DICTIONARY_BYTES {
            *self = Dictionary::default();
        }
        Ok(Arc::new(array))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::AsArray;

    #[test]
    fn a_dictionary_reads_each_text_once_and_keeps_values_distinct() {
        let mut builder = Builder::new(&DataType::Dictionary(DataType::Int32.into(), DataType::Utf8.into()));
        let Values::Dictionary(dictionary) = &mut builder.values else { panic!("a dictionary") };
        for raw in [" u1", "u1", "u2", " u1"] {
            let seen = dictionary.find(raw.as_bytes());
            let seen = seen.unwrap_or_else(|| dictionary.learn(raw.as_bytes(), Some(raw.trim()), false));
            dictionary.push(seen.key);
        }
        assert_eq!((dictionary.raw.len(), dictionary.values.len()), (3, 2));
        (0..4).for_each(|_| builder.mark(true));
        let array = builder.finish().expect("an array");
        let array = array.as_dictionary::<Int32Type>();
        assert_eq!(array.keys().values().as_ref(), &[0, 0, 1, 0]);
    }

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
