//! What the rows of a whole delivery give away together: several of one key, and intervals that do not meet.

use arrow::array::{AsArray, RecordBatch, UInt32Array};
use arrow::compute::take_record_batch;
use hashbrown::HashMap;

use super::feed::{Feed, Mode};
use super::keys::{Hash, Interval, broken, has_interval, hashes, interval_of, repeated, versions};
use super::reject::Refusal;
use super::warning::Warning;
use crate::contract::Table;
use crate::contract::arrow::DELETED;

/// Whether a delivery of a feed has to be looked at as a whole.
pub(crate) fn is_idle(feed: &Feed, table: &Table) -> bool {
    !tells_keys(feed) && interval_of(table).is_none()
}

/// Where the feed has a rule for rows of one key, or refuses them, there is nothing left to notice.
fn tells_keys(feed: &Feed) -> bool {
    feed.mode == Mode::Full && !feed.select.chooses() && !feed.unique_key
}

/// Looks at all rows of a delivery.
///
/// # Errors
/// A column cannot be compared.
pub(crate) fn notice(feed: &Feed, table: &Table, rows: &[RecordBatch]) -> Result<Vec<Warning>, Refusal> {
    let mut warnings = Vec::new();
    let several = if tells_keys(feed) { several_rows(table, rows)? } else { 0 };
    if several > 0 {
        warnings.push(Warning::new("several_rows", None, several));
    }
    if let Some([_, end]) = interval_of(table) {
        let mut told: Vec<(Hash, Interval)> = Vec::new();
        // Rows that all hold always have nothing to meet.
        for batch in rows.iter().filter(|batch| has_interval(table, batch)) {
            let (stated, is_deleted) = (versions(table, batch)?.into_iter().enumerate(), deletes(batch));
            let lives = |(row, (_, interval)): &(usize, (Hash, Interval))| interval.holds() && !is_deleted(*row);
            told.extend(stated.filter(lives).map(|(_, version)| version));
        }
        let off = one_day_off(&mut told);
        if off > 0 {
            warnings.push(Warning::new("one_day_gaps", Some(end), off));
        }
    }
    Ok(warnings)
}

/// Whether a row takes its key back.
fn deletes(batch: &RecordBatch) -> impl Fn(usize) -> bool {
    let deleted = batch.column_by_name(DELETED).and_then(|array| array.as_boolean_opt());
    move |row| deleted.is_some_and(|deleted| deleted.value(row))
}

/// Keys of which different rows were told, with only the place in the file to choose by.
fn several_rows(table: &Table, batches: &[RecordBatch]) -> Result<u64, Refusal> {
    // Next to all keys are told once: their content need not be looked at.
    let (keys, twice) = repeated(table, batches.iter())?;
    if twice.is_empty() {
        return Ok(0);
    }
    // Key -> the content that came with it, whether it was of no day, and whether another one came.
    let mut told: HashMap<Hash, (Hash, bool, bool)> = HashMap::new();
    for (batch, keys) in batches.iter().zip(&keys) {
        let is_deleted = deletes(batch);
        let rows = (0..batch.num_rows()).filter(|row| twice.contains(&keys[*row]) && !is_deleted(*row));
        let rows = UInt32Array::from_iter_values(rows.map(|row| row as u32));
        for hashed in hashes(table, &take_record_batch(batch, &rows).map_err(broken)?)? {
            let empty = hashed.interval.is_empty();
            let held = told.entry(hashed.key).or_insert((hashed.content, empty, false));
            match (held.1, empty) {
                (true, true) | (false, false) => held.2 |= held.0 != hashed.content,
                (true, false) => *held = (hashed.content, false, false),
                (false, true) => {}
            }
        }
    }
    Ok(told.values().filter(|held| held.2).count() as u64)
}

/// Changes from one version to the next that leave a gap or an overlap of exactly one day, if they are most of all changes.
fn one_day_off(versions: &mut Vec<(Hash, Interval)>) -> u64 {
    versions.sort_unstable_by_key(|(whose, interval)| (*whose, interval.from, interval.to));
    versions.dedup();
    let (mut changes, mut off) = (0u64, 0u64);
    for pair in versions.windows(2) {
        let [(one, before), (other, after)] = pair else { continue };
        // The end of a row that is open is no statement about the next one.
        if one != other || before.to == i32::MAX || before.from == after.from {
            continue;
        }
        changes += 1;
        off += u64::from(after.from.abs_diff(before.to) == 1);
    }
    if off * 2 > changes { off } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_day_is_said_where_most_changes_miss_by_it() {
        let off = |versions: &[(Hash, i32, i32)]| {
            one_day_off(
                &mut versions.iter().map(|(whose, from, to)| (*whose, Interval { from: *from, to: *to })).collect(),
            )
        };
        assert_eq!(off(&[(1, 0, 9), (1, 10, i32::MAX), (2, 0, 19), (2, 20, 29)]), 2, "gaps");
        assert_eq!(off(&[(1, 0, 10), (1, 9, i32::MAX)]), 1, "an overlap");
        assert_eq!(off(&[(1, 0, 9), (1, 10, 20), (1, 20, 30)]), 0, "one of two is not most");
        assert_eq!(off(&[(1, 0, 8), (1, 10, i32::MAX), (2, 0, 9), (3, 10, 20)]), 0, "two days; other people");
        assert_eq!(off(&[(1, 0, i32::MAX), (1, 10, i32::MAX)]), 0, "the open end is closed by the next row");
    }
}
