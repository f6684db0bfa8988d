//! The key, the content and the interval of each row of a batch, before canon has seen it.

use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::datatypes::{DataType, Date32Type};
use arrow::row::{RowConverter, Rows, SortField};
use hashbrown::{DefaultHashBuilder, HashSet};

use super::reject::{Reason, Refusal};
use crate::contract::Table;

/// The columns between which a row of a canon table holds: `[begin, end)`.
pub(crate) const INTERVALS: [[&str; 2]; 3] =
    [["effective_from", "effective_to"], ["valid_from", "valid_to"], ["period_start", "period_end"]];

/// Days that tell the attempts of one person at one item apart where the export does not number them, the first one given.
const ATTEMPT_DAYS: [&str; 3] = ["assigned_at", "due_at", "enrolled_at"];

pub(crate) type Hash = u64;

/// The interval columns of a table, where it has some.
pub(crate) fn interval_of(table: &Table) -> Option<[&'static str; 2]> {
    let stores = |name: &str| table.stored().any(|column| column.name == name);
    INTERVALS.into_iter().find(|pair| pair.iter().all(|name| stores(name)))
}

/// Whether a column says from which day a row holds.
pub(crate) fn is_begin(name: &str) -> bool {
    INTERVALS.iter().any(|[begin, _]| *begin == name)
}

/// Days `[from, to)`; open where a row leaves them empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Interval {
    pub from: i32,
    pub to: i32,
}

impl Interval {
    const ALWAYS: Interval = Interval { from: i32::MIN, to: i32::MAX };

    /// No day lies in it.
    pub fn is_empty(self) -> bool {
        self.to <= self.from
    }

    pub fn holds(self) -> bool {
        !self.is_empty()
    }

    pub fn holds_on(self, day: i32) -> bool {
        self.from <= day && day < self.to
    }
}

/// One row, hashed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Hashed {
    pub key: Hash,
    pub content: Hash,
    /// The key without the day from which the row holds: the worker, the unit.
    pub whose: Hash,
    pub interval: Interval,
}

/// The rows of a batch as the gate hands it over, hashed.
///
/// # Errors
/// A column cannot be compared.
pub(crate) fn hashes(table: &Table, batch: &RecordBatch) -> Result<Vec<Hashed>, Refusal> {
    let stored: Vec<&str> = table.stored().map(|column| column.name.as_str()).collect();
    let key: Vec<&str> = table.key.iter().map(String::as_str).collect();
    let whose: Vec<&str> = key.iter().copied().filter(|name| !is_begin(name)).collect();
    let required: Vec<&str> =
        table.stored().filter(|column| column.required).map(|column| column.name.as_str()).collect();
    let rows = |names: &[&str]| encode(batch, names).map_err(broken);
    let (keys, whose, contents) = (rows(&key)?, rows(&whose)?, rows(&stored)?);
    // A table's only key may be left out; canon makes one of the required columns then.
    let column = |name: &str| batch.column_by_name(name);
    let only = match table.key.as_slice() {
        [one] if table.column(one).is_some_and(|column| !column.required) => column(one),
        _ => None,
    };
    let stated = only.map(|_| rows(&required)).transpose()?;
    let unnumbered = column("attempt").filter(|_| table.key.iter().any(|name| name == "attempt"));
    let days: Vec<(Rows, _)> = match unnumbered {
        Some(_) => ATTEMPT_DAYS
            .iter()
            .filter_map(|name| Some((name, column(name)?)))
            .map(|(name, array)| Ok((rows(&[*name])?, array)))
            .collect::<Result<_, Refusal>>()?,
        None => Vec::new(),
    };
    let interval = intervals(table, batch);
    let state = BuildHasherDefault::<DefaultHasher>::default();
    let hashed = |row: usize| {
        let key = match (only, &stated) {
            (Some(only), Some(stated)) if only.is_null(row) => state.hash_one((1u8, stated.row(row).as_ref())),
            _ => {
                let attempt = unnumbered.filter(|number| number.is_null(row));
                let day = attempt.and_then(|_| days.iter().find(|(_, array)| array.is_valid(row)));
                let day = day.map(|(rows, _)| rows.row(row));
                state.hash_one((0u8, keys.row(row).as_ref(), day.as_ref().map(AsRef::as_ref)))
            }
        };
        let (content, whose) = (state.hash_one(contents.row(row).as_ref()), state.hash_one(whose.row(row).as_ref()));
        Hashed { key, content, whose, interval: interval(row) }
    };
    Ok((0..batch.num_rows()).map(hashed).collect())
}

/// The key of each row of a batch, hashed quickly: rows of one key have one hash under one `state`. Rows that leave out an optional key are
/// all taken for one.
///
/// # Errors
/// A column cannot be compared.
fn key_hashes(table: &Table, batch: &RecordBatch, state: &DefaultHashBuilder) -> Result<Vec<Hash>, Refusal> {
    let mut hashes = vec![0; batch.num_rows()];
    for name in &table.key {
        let Some(array) = batch.column_by_name(name) else { continue };
        let mut mix = |row: usize, value: u64| {
            hashes[row] = (Hash::rotate_left(hashes[row], 23) ^ value).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        };
        if let Some(texts) = array.as_string_opt::<i32>() {
            texts.iter().enumerate().for_each(|(row, text)| mix(row, state.hash_one(text)));
        } else {
            let rows = encode(batch, &[name.as_str()]).map_err(broken)?;
            (0..batch.num_rows()).for_each(|row| mix(row, state.hash_one(rows.row(row).as_ref())));
        }
    }
    Ok(hashes)
}

/// The keys of some batches as [`key_hashes`] gives them, and those of them that come more than once.
///
/// # Errors
/// A column cannot be compared.
pub(crate) fn repeated<'b>(
    table: &Table,
    batches: impl Iterator<Item = &'b RecordBatch>,
) -> Result<(Vec<Vec<Hash>>, HashSet<Hash>), Refusal> {
    let state = DefaultHashBuilder::default();
    let keys: Vec<Vec<Hash>> = batches.map(|batch| key_hashes(table, batch, &state)).collect::<Result<_, Refusal>>()?;
    let mut seen: HashSet<Hash> = HashSet::with_capacity(keys.iter().map(Vec::len).sum());
    let twice = keys.iter().flatten().copied().filter(|key| !seen.insert(*key)).collect();
    Ok((keys, twice))
}

/// Whose each row of a batch is, without the day from which it holds, and when it holds.
///
/// # Errors
/// A column cannot be compared.
pub(crate) fn versions(table: &Table, batch: &RecordBatch) -> Result<Vec<(Hash, Interval)>, Refusal> {
    let whose: Vec<&str> = table.key.iter().map(String::as_str).filter(|name| !is_begin(name)).collect();
    let rows = encode(batch, &whose).map_err(broken)?;
    let (interval, state) = (intervals(table, batch), BuildHasherDefault::<DefaultHasher>::default());
    Ok((0..batch.num_rows()).map(|row| (state.hash_one(rows.row(row).as_ref()), interval(row))).collect())
}

/// Whether some row of a batch says from or until when it holds.
pub(crate) fn has_interval(table: &Table, batch: &RecordBatch) -> bool {
    let says = |name: &str| batch.column_by_name(name).is_some_and(|array| array.null_count() < array.len());
    interval_of(table).is_some_and(|ends| ends.into_iter().any(says))
}

/// The interval of each row of a batch; of a table without intervals, always.
pub(crate) fn intervals<'a>(table: &Table, batch: &'a RecordBatch) -> impl Fn(usize) -> Interval + use<'a> {
    let ends = interval_of(table).map(|names| names.map(|name| batch.column_by_name(name)));
    let day = |array: Option<&ArrayRef>, row: usize| {
        let array = array.filter(|array| *array.data_type() == DataType::Date32 && array.is_valid(row))?;
        Some(array.as_primitive::<Date32Type>().value(row))
    };
    move |row| {
        ends.map_or(Interval::ALWAYS, |[from, to]| Interval {
            from: day(from, row).unwrap_or(i32::MIN),
            to: day(to, row).unwrap_or(i32::MAX),
        })
    }
}

/// The refusal of rows that cannot be compared.
pub(crate) fn broken(cause: arrow::error::ArrowError) -> Refusal {
    Refusal::new(Reason::TypeMismatch, cause.to_string())
}

fn encode(batch: &RecordBatch, names: &[&str]) -> Result<Rows, arrow::error::ArrowError> {
    let columns: Vec<_> = names.iter().filter_map(|name| batch.column_by_name(name)).cloned().collect();
    if columns.is_empty() {
        // Nothing to tell rows apart by: they are all of one thing.
        let none = arrow::array::new_null_array(&DataType::Boolean, batch.num_rows());
        return RowConverter::new(vec![SortField::new(DataType::Boolean)])?.convert_columns(&[none]);
    }
    let fields = columns.iter().map(|column| SortField::new(column.data_type().clone())).collect();
    RowConverter::new(fields)?.convert_columns(&columns)
}
