//! The gate's batches in canon form: provenance, derived keys, and the day each row belongs to.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, Date32Array, DictionaryArray, Int32Array, RecordBatch, StringArray,
    TimestampMicrosecondArray, UInt32Array, new_null_array,
};
use arrow::compute::{cast, filter_record_batch, is_not_null, is_null, take_record_batch};
use arrow::datatypes::{DataType, Field, Int32Type};
use chrono_tz::Tz;
use hashbrown::HashMap;
use sha2::{Digest, Sha256};

use super::context::Context;
use super::gates::joined;
use super::planned::Planned;
use super::retractions::voids_column;
use super::workforce::Workforce;
use crate::canon::columns::{Text, bools, dates, instants};
use crate::canon::snapshot;
use crate::contract::arrow::{DELETED, DELIVERY, HELD_FROM, HELD_TO, KNOWN_AT, canon_schema, dictionary};
use crate::contract::{Table, Type};
use crate::error::{Error, Result};
use crate::feed::{Mode, fill_made_days};
use crate::period::{Day, DayClock, local_day};

/// The rows of a delivery on the way to their files.
#[derive(Default)]
pub(super) struct Rows {
    /// Of a whole table.
    pub(super) whole: Vec<RecordBatch>,
    /// Of a table split by day.
    pub(super) days: Vec<(Day, RecordBatch)>,
    /// Hashes of the ids among these.
    pub(super) ids: Vec<(Day, Vec<u64>)>,
    /// What takes events back, wherever they lie.
    pub(super) removed: Vec<RecordBatch>,
    /// Bounds of the days on which each LMS account was seen.
    pub(super) seen: HashMap<String, (Day, Day)>,
    /// Accounts named, for join coverage.
    pub(super) accounts: joined::Sample,
    /// Workers employed on the day of a full snapshot of workers.
    pub(super) headcount: Option<u64>,
    /// What the rows of a delivery of workers say of each other.
    pub(super) workforce: Option<Workforce>,
}

/// Adds provenance and derived keys: the gate's batch becomes a canon batch.
pub(super) fn canon_form(
    table: &Table,
    batch: &RecordBatch,
    planned: &Planned,
    context: &Context<'_>,
) -> Result<RecordBatch> {
    let rows = batch.num_rows();
    let schema = canon_schema(table);
    let known_at = planned.delivery.known_at.timestamp_micros();
    let columns = schema
        .fields()
        .iter()
        .map(|field| -> Result<ArrayRef> {
            let name = field.name().as_str();
            Ok(match name {
                DELIVERY => {
                    let values: ArrayRef = Arc::new(StringArray::from(vec![planned.key.as_str()]));
                    Arc::new(DictionaryArray::<Int32Type>::try_new(Int32Array::from(vec![0; rows]), values)?)
                }
                KNOWN_AT => Arc::new(TimestampMicrosecondArray::from(vec![known_at; rows]).with_timezone("UTC")),
                HELD_FROM | HELD_TO => new_null_array(field.data_type(), rows),
                _ => {
                    let array = batch
                        .column_by_name(name)
                        .cloned()
                        .ok_or_else(|| Error::bug(format!("the gate gives no column {name}")))?;
                    if array.data_type() == field.data_type() { array } else { cast(&array, field.data_type())? }
                }
            })
        })
        .collect::<Result<Vec<_>>>()?;
    let mut batch = RecordBatch::try_new(schema, columns)?;
    let feed = &context.feeds[planned.feed].feed;
    // Rows of a snapshot stay without a day until they are compared with the snapshot before, see `snapshot`.
    if table.column("effective_from").is_some() && feed.mode != Mode::Full && !feed.maps("effective_from") {
        // A change without a date holds from the day it was told.
        let day = local_day(known_at, context.job.zone);
        batch = snapshot::with_column(&batch, "effective_from", Arc::new(Date32Array::from(vec![day; rows])))?;
    }
    derive_key(table, batch)
}

/// Rows that a version before stored, with the days that are made of other columns today: they are part of keys, so nothing is merged without
/// them. Other columns that are missing are empty.
pub(super) fn with_made_days(table: &Table, batches: Vec<RecordBatch>, zone: Tz) -> Result<Vec<RecordBatch>> {
    if table.stored().all(|column| column.made_day().is_none()) {
        return Ok(batches);
    }
    let schema = canon_schema(table);
    let made = |batch: RecordBatch| -> Result<RecordBatch> {
        let column = |field: &Arc<Field>| match batch.column_by_name(field.name()) {
            Some(array) => Arc::clone(array),
            None => new_null_array(field.data_type(), batch.num_rows()),
        };
        let mut columns: Vec<ArrayRef> = schema.fields().iter().map(column).collect();
        fill_made_days(table, &schema, &mut columns, zone);
        Ok(RecordBatch::try_new(Arc::clone(&schema), columns)?)
    };
    batches.into_iter().map(made).collect()
}

/// A table whose only key may be absent gets one from its required columns, so that the same statement has the same key.
pub(super) fn derive_key(table: &Table, batch: RecordBatch) -> Result<RecordBatch> {
    let [key] = table.key.as_slice() else { return Ok(batch) };
    let optional = table.column(key).is_some_and(|column| !column.required && column.data_type == Type::Text);
    let index = batch.schema().index_of(key)?;
    if !optional || batch.column(index).null_count() == 0 {
        return Ok(batch);
    }
    let required: Vec<&str> =
        table.stored().filter(|column| column.required).map(|column| column.name.as_str()).collect();
    let given = Text::of(&batch, key);
    let keys: StringArray = (0..batch.num_rows())
        .map(|row| {
            given.get(row).map(str::to_owned).or_else(|| {
                let mut hash = Sha256::new();
                for name in &required {
                    let array = batch.column_by_name(name)?;
                    // Counts of unnamed people have nobody's name in their key.
                    let is_nobody = table.anonymous.as_ref().is_some_and(|anonymous| anonymous.who == *name);
                    let text = match array.data_type() {
                        DataType::Timestamp(_, _) => instants(&batch, name)(row)?.to_string(),
                        _ if is_nobody => Text::of(&batch, name).get(row).unwrap_or_default().to_owned(),
                        _ => Text::of(&batch, name).get(row)?.to_owned(),
                    };
                    hash.update(text.as_bytes());
                    hash.update([0x1f]);
                }
                Some(hex::encode(&hash.finalize()[..16]))
            })
        })
        .collect();
    let keys: ArrayRef = Arc::new(keys);
    Ok(snapshot::with_column(&batch, key, keys)?)
}

/// Parts what takes events back (voidings, deletes by key) from the events.
pub(super) fn split_removed(table: &Table, batch: RecordBatch) -> Result<(RecordBatch, Option<RecordBatch>)> {
    let takes_back: Vec<bool> = {
        let says = |name: &str| batch.column_by_name(name).is_some_and(|array| array.null_count() < array.len());
        let voids = voids_column(table).filter(|name| says(name)).map_or(Text::Absent, |name| Text::of(&batch, name));
        let deletes = batch.column_by_name(DELETED).and_then(|array| array.as_boolean_opt());
        if matches!(voids, Text::Absent) && deletes.is_some_and(|deletes| !deletes.has_true()) {
            return Ok((batch, None));
        }
        let deleted = bools(&batch, DELETED);
        (0..batch.num_rows()).map(|row| deleted(row) == Some(true) || voids.get(row).is_some()).collect()
    };
    if !takes_back.contains(&true) {
        return Ok((batch, None));
    }
    let pick = |wanted: bool| -> Result<RecordBatch> {
        let rows = takes_back.iter().enumerate().filter(|(_, is)| **is == wanted).map(|(row, _)| row as u32);
        Ok(take_record_batch(&batch, &UInt32Array::from_iter_values(rows))?)
    };
    Ok((pick(false)?, Some(pick(true)?)))
}

/// Parts rows without the day from which they hold from the others; empty parts are left out.
pub(super) fn split_undated(batches: &[RecordBatch]) -> Result<(Vec<RecordBatch>, Vec<RecordBatch>)> {
    let (mut undated, mut dated) = (Vec::new(), Vec::new());
    for batch in batches.iter().filter(|batch| batch.num_rows() > 0) {
        let Some(days) = batch.column_by_name("effective_from") else {
            dated.push(batch.clone());
            continue;
        };
        match days.null_count() {
            0 => dated.push(batch.clone()),
            all if all == batch.num_rows() => undated.push(batch.clone()),
            _ => {
                undated.push(filter_record_batch(batch, &is_null(days)?)?);
                dated.push(filter_record_batch(batch, &is_not_null(days)?)?);
            }
        }
    }
    Ok((undated, dated))
}

/// Splits rows by their days, as [`days_of`] gives them.
pub(super) fn by_day(batch: &RecordBatch, days: &[Option<Day>]) -> Result<Vec<(Day, RecordBatch)>> {
    if let Some(runs) = runs(days) {
        // Exports come in the order of time: their days are stretches of the batch, which cost no copy.
        let slice = |(day, from, to): (Day, usize, usize)| Ok((day, compact(batch.slice(from, to - from))?));
        return runs.into_iter().map(slice).collect();
    }
    let mut rows: BTreeMap<Day, Vec<u32>> = BTreeMap::new();
    for (row, day) in days.iter().enumerate() {
        if let Some(day) = *day {
            rows.entry(day).or_default().push(row as u32);
        }
    }
    rows.into_iter()
        .map(|(day, rows)| {
            let part = take_record_batch(batch, &UInt32Array::from(rows))?;
            Ok((day, compact(part)?))
        })
        .collect()
}

/// The stretches `[from, to)` of equal days, where each day is one and every row has a day.
fn runs(days: &[Option<Day>]) -> Option<Vec<(Day, usize, usize)>> {
    let mut runs: Vec<(Day, usize, usize)> = Vec::new();
    for (row, day) in days.iter().enumerate() {
        let day = (*day)?;
        match runs.last_mut() {
            Some((held, _, to)) if *held == day => *to = row + 1,
            Some((held, ..)) if *held > day => return None,
            _ => runs.push((day, row, row + 1)),
        }
    }
    Some(runs)
}

/// The day of each row, in the reporting zone: by the table's day column, or the one that says when an account was seen.
pub(super) fn days_of(table: &Table, batch: &RecordBatch, context: &Context<'_>) -> Vec<Option<Day>> {
    let rows = batch.num_rows();
    let seen_at = seen_columns(&table.name).map(|(_, at)| at);
    let Some(name) = table.day.as_deref().or(seen_at) else { return Vec::new() };
    if table.column(name).is_some_and(|column| column.data_type == Type::Date) {
        let get = dates(batch, name);
        return (0..rows).map(get).collect();
    }
    let get = instants(batch, name);
    let mut zone = DayClock::new(context.job.zone);
    (0..rows).map(|row| get(row).map(|at| zone.day(at))).collect()
}

/// Drops dictionary values that a small part of a batch does not use.
pub(super) fn compact(batch: RecordBatch) -> Result<RecordBatch> {
    let columns = batch
        .columns()
        .iter()
        .map(|array| -> Result<ArrayRef> {
            let Text::Dictionary(dictionary_array, values) = Text::from_array(array) else {
                return Ok(Arc::clone(array));
            };
            if values.len() <= dictionary_array.len() {
                return Ok(Arc::clone(array));
            }
            Ok(cast(&cast(array, &DataType::Utf8)?, &dictionary())?)
        })
        .collect::<Result<Vec<_>>>()?;
    Ok(RecordBatch::try_new(batch.schema(), columns)?)
}

/// Notes between which of the rows' days accounts were seen; the columns that name LMS accounts are those of the domain `user`.
pub(super) fn note_seen(
    table: &Table,
    batch: &RecordBatch,
    days: &[Option<Day>],
    seen: &mut HashMap<String, (Day, Day)>,
) {
    let Some((user, _)) = seen_columns(&table.name) else { return };
    let users = Text::of(batch, user);
    let mut note = |user: &str, day: Day| match seen.get_mut(user) {
        Some(bounds) => *bounds = (bounds.0.min(day), bounds.1.max(day)),
        None => {
            seen.insert(user.to_owned(), (day, day));
        }
    };
    match &users {
        Text::Dictionary(dictionary, values) => {
            let mut bounds: Vec<Option<(Day, Day)>> = vec![None; values.len()];
            for (row, day) in days.iter().enumerate() {
                if let (Some(key), Some(day)) = (dictionary.key(row), day) {
                    let held = bounds[key].get_or_insert((*day, *day));
                    *held = (held.0.min(*day), held.1.max(*day));
                }
            }
            for (key, bounds) in bounds.into_iter().enumerate() {
                if let Some((first, last)) = bounds.filter(|_| values.is_valid(key)) {
                    note(values.value(key), first);
                    note(values.value(key), last);
                }
            }
        }
        _ => {
            for (row, day) in days.iter().enumerate() {
                if let (Some(user), Some(day)) = (users.get(row), day) {
                    note(user, *day);
                }
            }
        }
    }
}

/// The column of a canon table that names the LMS account of an act, and the one that says when.
pub(super) fn seen_columns(table: &str) -> Option<(&'static str, &'static str)> {
    match table {
        "activity" => Some(("user_id", "occurred_at")),
        "reactions" => Some(("actor_id", "occurred_at")),
        "contributions" => Some(("author_id", "created_at")),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::canon::fixture::{day, rows};
    use crate::contract::Catalog;

    #[test]
    fn rows_of_a_lake_without_the_day_of_an_attempt_get_it() {
        let told = rows(
            "enrollments",
            "user_id content_id attempt status    assigned_at          due_at
             u1      c1         -       assigned  2026-01-15T23:30:00Z 2026-02-28
             u2      c1         7       assigned  2026-01-15T08:00:00Z 2026-02-28",
        );
        let kept: Vec<usize> =
            (0..told.num_columns()).filter(|at| told.schema().field(*at).name() != "attempt_day").collect();
        let catalog = Catalog::load().unwrap();
        let table = catalog.require("enrollments").unwrap();
        let before = vec![told.project(&kept).unwrap()];
        let now = with_made_days(table, before, chrono_tz::Europe::Berlin).unwrap();
        let days = dates(&now[0], "attempt_day");
        assert_eq!([days(0), days(1)], [Some(day("2026-01-16")), None]);
    }
}
