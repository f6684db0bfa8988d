//! What a whole delivery gives away about its rows, noticed while they pass: several rows of one key, and intervals that do not meet.

use hashbrown::HashMap;

use arrow::array::{AsArray, RecordBatch};

use super::Warning;
use super::batch::DELETED;
use super::keys::{Hash, Interval, hashes, interval_of};
use super::plan::{Feed, Mode};
use super::reject::Refusal;
use crate::contract::Table;

/// Watches the rows of one delivery.
pub(crate) struct Watch<'a> {
    table: &'a Table,
    /// The end column of the table's rows, where they have intervals.
    end: Option<&'static str>,
    /// Key -> the content that came with it, whether it was of no day, and whether another one came.
    keys: Option<HashMap<Hash, (Hash, bool, bool)>>,
    versions: Vec<(Hash, Interval)>,
}

impl<'a> Watch<'a> {
    pub fn new(feed: &Feed, table: &'a Table) -> Watch<'a> {
        Watch {
            table,
            end: interval_of(table).map(|[_, end]| end),
            // Where the feed has a rule for it, or refuses such rows, there is nothing left to notice.
            keys: (feed.mode == Mode::Full && !feed.select.chooses() && !feed.unique_key).then(HashMap::new),
            versions: Vec::new(),
        }
    }

    pub fn is_idle(&self) -> bool {
        self.end.is_none() && self.keys.is_none()
    }

    /// # Errors
    /// A column cannot be compared.
    pub fn look(&mut self, batch: &RecordBatch) -> Result<(), Refusal> {
        if self.is_idle() {
            return Ok(());
        }
        let deleted = batch.column_by_name(DELETED).and_then(|array| array.as_boolean_opt());
        for (row, hashed) in hashes(self.table, batch)?.into_iter().enumerate() {
            if deleted.is_some_and(|deleted| deleted.value(row)) {
                continue;
            }
            let empty = hashed.interval.is_empty();
            if let Some(keys) = &mut self.keys {
                let held = keys.entry(hashed.key).or_insert((hashed.content, empty, false));
                match (held.1, empty) {
                    // Only the place in the file is left to choose by.
                    (true, true) | (false, false) => held.2 |= held.0 != hashed.content,
                    (true, false) => *held = (hashed.content, false, false),
                    (false, true) => {}
                }
            }
            if self.end.is_some() && !empty {
                self.versions.push((hashed.whose, hashed.interval));
            }
        }
        Ok(())
    }

    pub fn finish(mut self) -> Vec<Warning> {
        let mut warnings = Vec::new();
        let several = self.keys.iter().flat_map(HashMap::values).filter(|held| held.2).count() as u64;
        if several > 0 {
            warnings.push(Warning::new("several_rows", None, several));
        }
        let off = one_day_off(&mut self.versions);
        if off > 0 {
            warnings.push(Warning::new("one_day_gaps", self.end, off));
        }
        warnings
    }
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
