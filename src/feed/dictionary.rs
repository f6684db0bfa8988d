//! Text that repeats, read once for each distinct value.

use std::hash::BuildHasher;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, DictionaryArray, Int32Array, StringArray};
use arrow::buffer::NullBuffer;
use arrow::datatypes::Int32Type;
use hashbrown::{DefaultHashBuilder, HashTable};

use super::text::{BATCH_ROWS, Text};

/// A dictionary larger than this starts anew: it would cost every later batch more than it saves.
const DICTIONARY_VALUES: usize = 1 << 17;
const DICTIONARY_BYTES: usize = 8 << 20;

/// A raw text and what it became.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Seen {
    /// Its [`Ends`]: the text itself if it is short. Most are, and a look-up then touches one cache line; laid out flat,
    /// two entries share one.
    first: u64,
    last: u64,
    length: u32,
    /// Its place among the raw texts.
    at: u32,
    /// Its value; -1: none.
    pub key: i32,
    /// A value map's default stood in for it.
    pub unknown: bool,
    /// It would be read as another one.
    pub lookalike: bool,
    /// Which pattern of several said what it means, from 1; 0: there are none, or none fits.
    pub pattern: u8,
}

impl Seen {
    #[inline]
    fn ends(&self) -> Ends {
        Ends { first: self.first, last: self.last, length: self.length }
    }
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
            keys: Vec::new(),
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
        let same = |seen: &Seen| seen.ends() == ends && (ends.is_whole() || self.raw.get(seen.at as usize) == raw);
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
    pub fn learn(&mut self, raw: &[u8], value: Option<&str>, unknown: bool, lookalike: bool) -> Seen {
        self.learn_by(raw, value, unknown, lookalike, 0)
    }

    /// Remembers what a raw text means, and which pattern said so.
    pub fn learn_by(&mut self, raw: &[u8], value: Option<&str>, unknown: bool, lookalike: bool, pattern: u8) -> Seen {
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
        let Ends { first, last, length } = ends;
        let seen = Seen { first, last, length, at: self.raw.len() as u32, key, unknown, lookalike, pattern };
        self.raw.push(raw);
        let hash = self.hash(ends, raw);
        let mut table = std::mem::take(&mut self.seen);
        table.insert_unique(hash, seen, |seen| self.hash(seen.ends(), self.raw.get(seen.at as usize)));
        self.seen = table;
        seen
    }

    #[inline]
    pub fn push(&mut self, key: i32) {
        self.keys.push(key.max(0));
    }

    /// The value of a row of the batch so far.
    pub fn last(&self, row: usize) -> &[u8] {
        self.values.get(self.keys[row] as usize)
    }

    pub fn truncate(&mut self, rows: usize) {
        self.keys.truncate(rows);
    }

    pub fn finish(&mut self, nulls: Option<NullBuffer>) -> Result<ArrayRef, arrow::error::ArrowError> {
        // A column of nulls alone still needs keys that point somewhere.
        if self.values.len() == 0 {
            self.learn(b"", Some(""), false, false);
            self.seen.clear();
            self.known.clear();
        }
        let values = match &self.array {
            Some(array) if array.len() == self.values.len() => array.clone(),
            _ => Arc::new(self.values.copied()?),
        };
        self.array = Some(values.clone());
        let more = if self.keys.len() >= BATCH_ROWS { BATCH_ROWS } else { 0 };
        let keys = Int32Array::try_new(std::mem::replace(&mut self.keys, Vec::with_capacity(more)).into(), nulls)?;
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
    use crate::feed::batch::{Builder, Values};
    use arrow::array::AsArray;
    use arrow::datatypes::DataType;

    #[test]
    fn a_dictionary_reads_each_text_once_and_keeps_values_distinct() {
        let mut builder = Builder::new(&DataType::Dictionary(DataType::Int32.into(), DataType::Utf8.into()));
        let Values::Dictionary(dictionary) = &mut builder.values else { panic!("a dictionary") };
        for raw in [" u1", "u1", "u2", " u1"] {
            let seen = dictionary.find(raw.as_bytes());
            let seen = seen.unwrap_or_else(|| dictionary.learn(raw.as_bytes(), Some(raw.trim()), false, false));
            dictionary.push(seen.key);
        }
        assert_eq!((dictionary.raw.len(), dictionary.values.len()), (3, 2));
        (0..4).for_each(|_| builder.mark(true));
        let array = builder.finish().expect("an array");
        let array = array.as_dictionary::<Int32Type>();
        assert_eq!(array.keys().values().as_ref(), &[0, 0, 1, 0]);
    }
}
