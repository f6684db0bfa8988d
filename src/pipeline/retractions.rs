//! What happens to an event after its day was written: it is voided, deleted by key, or corrected onto another day.

use std::collections::{BTreeMap, BTreeSet};

use arrow::array::{RecordBatch, UInt32Array};
use arrow::compute::{interleave_record_batch, take_record_batch};
use hashbrown::{HashMap, HashSet};
use rayon::prelude::*;

use super::day_rows::{DayRows, partition_of};
use super::event_ids::{self, Shared};
use super::kept::KeptBy;
use super::lake::Lake;
use crate::canon::columns::{Text, bools, instants, ints};
use crate::canon::id_filter::hash;
use crate::canon::merge::{Kept, Losses, Lost, Removed, merge};
use crate::contract::Table;
use crate::contract::arrow::{DELETED, DELIVERY, KNOWN_AT, ROW};
use crate::error::Result;
use crate::ledger::Ledger;
use crate::period::Day;

/// The partition that holds what the source took back: voidings and deletes by key.
pub const REMOVED: &str = "removed";

/// The column that names the event a row voids: `voids_` and the key.
pub(super) fn voids_column(table: &Table) -> Option<&str> {
    let [key] = table.key.as_slice() else { return None };
    table.columns.iter().map(|column| column.name.as_str()).find(|name| name.strip_prefix("voids_") == Some(key))
}

/// Merges what was taken back into its partition; returns all keys taken back, and those that are new.
pub(super) fn merge_removed(
    lake: &mut Lake<'_>,
    table: &Table,
    fresh: &[RecordBatch],
    ledger: &mut Ledger,
) -> Result<(Removed, BTreeSet<String>)> {
    let held = lake.read(table, REMOVED, None)?;
    if held.is_empty() && fresh.is_empty() {
        return Ok((Removed::new(), BTreeSet::new()));
    }
    let before = keys_removed(table, &held);
    let mut all = held;
    all.extend(fresh.iter().cloned());
    let merged = merge(table, &all, &Removed::new(), &|_, _| true, &|_, _| Kept::Nothing)?;
    ledger.lose(&merged.losses);
    if !fresh.is_empty() {
        lake.write(table, REMOVED, &merged.rows)?;
    }
    let now = keys_removed(table, &[merged.rows]);
    let new_keys =
        now.iter().filter(|(key, until)| before.get(*key) != Some(*until)).map(|(key, _)| key.clone()).collect();
    Ok((now, new_keys))
}

/// The keys that rows of the removed partition take back.
pub(super) fn keys_removed(table: &Table, batches: &[RecordBatch]) -> Removed {
    let mut removed = Removed::new();
    let [key] = table.key.as_slice() else { return removed };
    for batch in batches {
        let voids = voids_column(table).map_or(Text::Absent, |name| Text::of(batch, name));
        let (own, known_at, deleted) = (Text::of(batch, key), instants(batch, KNOWN_AT), bools(batch, DELETED));
        for row in 0..batch.num_rows() {
            if let Some(target) = voids.get(row).filter(|_| deleted(row) != Some(true)) {
                removed.insert(target.to_owned(), i64::MAX);
            } else if let Some(target) = own.get(row).filter(|_| deleted(row) == Some(true)) {
                let until = removed.entry_ref(target).or_insert(i64::MIN);
                *until = (*until).max(known_at(row).unwrap_or(0));
            }
        }
    }
    removed
}

/// Where ids live that were stated for several days.
#[derive(Debug, Default)]
pub struct Moved {
    /// Key -> the one day it lives on.
    pub home: HashMap<String, Day>,
    /// Rows that took over what statements of other days had said, and the place of each key among them.
    filled: Option<(RecordBatch, HashMap<String, usize>)>,
}

impl Moved {
    fn place(&self, key: &str) -> Option<usize> {
        self.filled.as_ref().and_then(|(_, places)| places.get(key).copied())
    }
}

/// The age of a statement, as the merge has it: the greatest one wins.
type Age = (Option<i64>, i64, String, i64);

/// Notes when each of the ids in a batch was stated.
fn note_ages(table: &Table, batch: &RecordBatch, shared: &Shared, found: &mut Vec<(String, Age)>) {
    let [key] = table.key.as_slice() else { return };
    let (key, delivery) = (Text::of(batch, key), Text::of(batch, DELIVERY));
    let (known_at, record) = (instants(batch, KNOWN_AT), ints(batch, ROW));
    let said_at = table.latest.as_deref().map(|name| instants(batch, name));
    for row in 0..batch.num_rows() {
        let Some(key) = key.get(row).filter(|key| shared.ids.contains(&hash(key))) else { continue };
        let said_at = said_at.as_ref().and_then(|said_at| said_at(row));
        let delivery = delivery.get(row).unwrap_or_default().to_owned();
        found.push((key.to_owned(), (said_at, known_at(row).unwrap_or(0), delivery, record(row).unwrap_or(0))));
    }
}

/// The one day on which each id lives that several days may hold, and the days that lose or win one by it. Opens these days and no other.
pub(super) fn settle_days(
    lake: &Lake<'_>,
    table: &Table,
    shared: &Shared,
    fresh: &DayRows,
    kept: &KeptBy<'_>,
) -> Result<(Moved, BTreeSet<Day>)> {
    let [key] = table.key.as_slice() else { return Ok((Moved::default(), BTreeSet::new())) };
    let columns: Vec<&str> =
        [key.as_str(), DELIVERY, KNOWN_AT, ROW].into_iter().chain(table.latest.as_deref()).collect();
    let days: Vec<Day> = shared.days.iter().copied().collect();
    let one = |day: &Day| -> Result<(Day, Vec<(String, Age)>)> {
        let mut batches = lake.read(table, &partition_of(*day), Some(&columns))?;
        batches.extend(fresh.take(&table.name, *day)?);
        let mut found = Vec::new();
        batches.iter().for_each(|batch| note_ages(table, batch, shared, &mut found));
        Ok((*day, found))
    };
    let mut stated: BTreeMap<String, Vec<(Age, Day)>> = BTreeMap::new();
    for (day, found) in days.par_iter().map(one).collect::<Result<Vec<_>>>()? {
        for (key, age) in found {
            stated.entry(key).or_default().push((age, day));
        }
    }
    let (mut moved, mut touched) = (Moved::default(), BTreeSet::new());
    let (mut keeping, mut stated_on) = (HashSet::new(), BTreeSet::new());
    for (key, ages) in stated {
        let Some(((_, _, delivery, _), day)) = ages.iter().max() else { continue };
        if ages.iter().any(|(_, other)| other != day) {
            let days = ages.iter().map(|(_, day)| *day);
            if !kept.by(delivery, false).is_nothing() {
                keeping.insert(key.clone());
                stated_on.extend(days.clone());
            }
            touched.extend(days);
            moved.home.insert(key, *day);
        }
    }
    // What the last statement leaves as it was may have been said on another day.
    let mut rows: Vec<RecordBatch> = Vec::new();
    for day in stated_on {
        let mut batches = lake.read(table, &partition_of(day), None)?;
        batches.extend(fresh.take(&table.name, day)?);
        for batch in batches {
            let id = Text::of(&batch, key);
            let own = (0..batch.num_rows()).filter(|row| id.get(*row).is_some_and(|id| keeping.contains(id)));
            let own: Vec<u32> = own.map(|row| row as u32).collect();
            rows.push(take_record_batch(&batch, &UInt32Array::from(own))?);
        }
    }
    if !rows.is_empty() {
        let keeps = |delivery: &str, deletes: bool| kept.by(delivery, deletes);
        let merged = merge(table, &rows, &Removed::new(), &|_, _| true, &keeps)?.rows;
        let places = {
            let id = Text::of(&merged, key);
            (0..merged.num_rows()).filter_map(|row| Some((id.get(row)?.to_owned(), row))).collect()
        };
        moved.filled = Some((merged, places));
    }
    Ok((moved, touched))
}

/// The days whose files hold any of the keys, however many hold the same one.
pub(super) fn locate(lake: &Lake<'_>, table: &Table, keys: &BTreeSet<String>) -> Result<BTreeSet<Day>> {
    let [key] = table.key.as_slice() else { return Ok(BTreeSet::new()) };
    let ids: Vec<u64> = keys.iter().map(|key| hash(key)).collect();
    let mut days = BTreeSet::new();
    for (day, file) in event_ids::days_of(lake, table, &ids)? {
        for batch in lake.read_ref(table, &file, Some(&[key.as_str()]))? {
            let ids = Text::of(&batch, key);
            if (0..batch.num_rows()).any(|row| ids.get(row).is_some_and(|id| keys.contains(id))) {
                days.insert(day);
            }
        }
    }
    Ok(days)
}

/// What happens to events of a day from outside it.
#[derive(Default)]
pub struct Elsewhere<'a> {
    pub removed: Option<&'a Removed>,
    pub moved: Option<&'a Moved>,
    pub kept: Option<&'a KeptBy<'a>>,
}

/// One day of a day table, merged: its rows, and what was lost.
pub fn merge_day(
    lake: &Lake<'_>,
    table: &Table,
    day: Day,
    fresh: &[RecordBatch],
    elsewhere: &Elsewhere<'_>,
) -> Result<(RecordBatch, Losses)> {
    let mut batches = lake.read(table, &partition_of(day), None)?;
    batches.extend(fresh.iter().cloned());
    merge_rows(table, day, &batches, elsewhere)
}

/// Rows of one day, merged: those of any set of ids, as long as all statements of these are among them.
pub fn merge_rows(
    table: &Table,
    day: Day,
    batches: &[RecordBatch],
    elsewhere: &Elsewhere<'_>,
) -> Result<(RecordBatch, Losses)> {
    let none = Removed::new();
    let keeps = |delivery: &str, deletes: bool| elsewhere.kept.map_or(Kept::Nothing, |kept| kept.by(delivery, deletes));
    let merged = merge(table, batches, elsewhere.removed.unwrap_or(&none), &|_, _| true, &keeps)?;
    let moved = elsewhere.moved.filter(|moved| !moved.home.is_empty());
    let (Some(moved), [key]) = (moved, table.key.as_slice()) else { return Ok((merged.rows, merged.losses)) };
    let mut losses = merged.losses;
    // Of the day itself, or of the rows that took over what other days had said.
    let mut stays: Vec<(usize, usize)> = Vec::with_capacity(merged.rows.num_rows());
    {
        let (key, delivery) = (Text::of(&merged.rows, key), Text::of(&merged.rows, DELIVERY));
        for row in 0..merged.rows.num_rows() {
            let key = key.get(row);
            if key.and_then(|key| moved.home.get(key)).is_some_and(|home| *home != day) {
                *losses.entry((delivery.get(row).unwrap_or_default().to_owned(), Lost::Superseded)).or_default() += 1;
            } else {
                stays.push(key.and_then(|key| moved.place(key)).map_or((0, row), |place| (1, place)));
            }
        }
    }
    let filled = moved.filled.as_ref().map_or(&merged.rows, |(rows, _)| rows);
    Ok((interleave_record_batch(&[&merged.rows, filled], &stays)?, losses))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::canon::fixture::rows;
    use crate::contract::Catalog;

    #[test]
    fn a_voiding_holds_for_ever_and_a_delete_until_it_was_told_whichever_row_comes_first() {
        let catalog = Catalog::load().unwrap();
        let table = catalog.require("activity").unwrap();
        let lines = [
            "v1 voided e1 false 2026-03-02T00:00:00Z",
            "e1 - - true 2026-03-03T00:00:00Z",
            "e2 - - true 2026-03-04T00:00:00Z",
            "e2 - - true 2026-03-03T00:00:00Z",
            "e3 viewed - false 2026-03-03T00:00:00Z",
            // A voiding that was itself deleted voids nothing.
            "v4 voided e4 true 2026-03-03T00:00:00Z",
        ];
        let told = "2026-03-04T00:00:00Z".parse::<chrono::DateTime<chrono::Utc>>().unwrap().timestamp_micros();
        let (mut back, mut forth) = (lines, lines);
        back.reverse();
        forth.rotate_left(3);
        for order in [lines, back, forth] {
            let batch =
                rows("activity", &format!("event_id verb voids_event_id _deleted _known_at\n{}", order.join("\n")));
            let removed = keys_removed(table, &[batch]);
            let mut keys: Vec<&str> = removed.keys().map(String::as_str).collect();
            keys.sort_unstable();
            assert_eq!(keys, ["e1", "e2", "v4"]);
            assert_eq!((removed["e1"], removed["e2"]), (i64::MAX, told), "{order:?}");
        }
    }
}
