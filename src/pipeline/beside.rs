//! Days read what reaches into them from the days beside: time before midnight is time of the day before, though its event is not.
//!
//! What reaches out of a day is known where the day was opened, and remembered as a mark under `reach/DAY` of `made_from`, so that a
//! night that touches one day neither opens nor computes the next one for nothing.

use std::collections::BTreeMap;

use arrow::array::{RecordBatch, UInt32Array};
use arrow::compute::take_record_batch;
use hashbrown::HashSet;

use super::context::Context;
use super::day_rows::{DayRows, partition_of};
use super::lake::Lake;
use super::retractions::{Elsewhere, merge_rows};
use crate::canon::columns::Text;
use crate::contract::Table;
use crate::error::Result;
use crate::period::Day;
use crate::rollup::time_spent::{Clock, Durations, Overhangs, fingerprint};

/// The table whose rows last.
pub(super) const TABLE: &str = "activity";

/// What reaches out of a day, by hash; 0 is nothing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Reach {
    pub back: u64,
    pub ahead: u64,
}

impl Reach {
    pub fn of(overhangs: &Overhangs) -> Reach {
        Reach { back: fingerprint(&overhangs.back), ahead: fingerprint(&overhangs.ahead) }
    }

    pub fn step(day: Day) -> String {
        format!("reach/{}", partition_of(day))
    }

    /// The mark of a day with this file, under the rules that cut its time.
    pub fn mark(self, sha256: &str, rules: &str) -> String {
        format!("{}{rules} {:x} {:x}", sha256.get(..16).unwrap_or(sha256), self.back, self.ahead)
    }

    /// What a mark says, where it was made of this file under these rules.
    fn read(mark: &str, sha256: &str, rules: &str) -> Option<Reach> {
        let mut parts = mark.split(' ');
        let of = parts.next()?.strip_prefix(sha256.get(..16).unwrap_or(sha256))?;
        let mut hash = || u64::from_str_radix(parts.next()?, 16).ok();
        let (back, ahead) = (hash()?, hash()?);
        (of == rules).then_some(Reach { back, ahead })
    }
}

/// The days of a night as their neighbours see them.
pub(super) struct Beside<'n> {
    pub context: &'n Context<'n>,
    pub lake: &'n Lake<'n>,
    pub table: &'n Table,
    pub fresh: &'n DayRows,
    pub elsewhere: Elsewhere<'n>,
    pub made_from: &'n BTreeMap<String, String>,
    /// Zone and cap, as they stand in marks.
    pub rules: String,
}

impl Beside<'_> {
    pub fn clock(&self, day: Day) -> Clock {
        clock(self.context, day)
    }

    fn is_touched(&self, day: Day) -> bool {
        self.fresh.touched.contains(&(self.table.name.clone(), day))
    }

    /// What reaches out of a day as it will be after the night; by its mark where the night leaves it alone.
    pub fn reach(&self, day: Day) -> Result<Reach> {
        if !self.is_touched(day) {
            let Some(file) = self.lake.file(self.table, &partition_of(day))? else { return Ok(Reach::default()) };
            let mark = self.made_from.get(&Reach::step(day));
            if let Some(reach) = mark.and_then(|mark| Reach::read(mark, &file.sha256, &self.rules)) {
                return Ok(reach);
            }
        }
        Ok(Reach::of(&self.overhangs(day)?))
    }

    /// The rows themselves. Of a touched day only those ids are merged of which some statement reaches out.
    pub fn overhangs(&self, day: Day) -> Result<Overhangs> {
        let clock = self.clock(day);
        let mut batches = self.lake.read(self.table, &partition_of(day), None)?;
        if self.is_touched(day) {
            batches.extend(self.fresh.take(&self.table.name, day)?);
            batches = self.reaching(&batches, &clock)?;
            if batches.is_empty() {
                return Ok(Overhangs::default());
            }
            batches = vec![merge_rows(self.table, day, &batches, &self.elsewhere)?.0];
        }
        Ok(Overhangs::of(&batches, &clock))
    }

    /// All statements of the ids of which one reaches out.
    fn reaching(&self, batches: &[RecordBatch], clock: &Clock) -> Result<Vec<RecordBatch>> {
        let [key] = self.table.key.as_slice() else { return Ok(batches.to_vec()) };
        let mut ids: HashSet<&str> = HashSet::new();
        let keys: Vec<Text<'_>> = batches.iter().map(|batch| Text::of(batch, key)).collect();
        for (batch, keys) in batches.iter().zip(&keys) {
            let durations = Durations::of(batch, clock);
            let reaching = (0..batch.num_rows()).filter(|row| Overhangs::reaches(&durations, *row, clock));
            ids.extend(reaching.filter_map(|row| keys.get(row)));
        }
        let mut kept = Vec::new();
        for (batch, keys) in batches.iter().zip(&keys).filter(|_| !ids.is_empty()) {
            let is_one = |row: &usize| keys.get(*row).is_some_and(|id| ids.contains(id));
            let rows: Vec<u32> = (0..batch.num_rows()).filter(is_one).map(|row| row as u32).collect();
            if !rows.is_empty() {
                kept.push(take_record_batch(batch, &UInt32Array::from(rows))?);
            }
        }
        Ok(kept)
    }
}

/// Where a day begins and ends, and what an event counts at most.
pub(super) fn clock(context: &Context<'_>, day: Day) -> Clock {
    Clock::new(day, context.job.zone, context.job.policy.max_event_minutes * 60)
}

/// Zone and cap, short: marks made under others are not read.
pub(super) fn rules(context: &Context<'_>) -> String {
    format!("/{}/{}", context.job.zone.name().replace(' ', "_"), context.job.policy.max_event_minutes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_is_read_back_only_for_its_file_and_rules() {
        let reach = Reach { back: 0xabc, ahead: 0 };
        let mark = reach.mark("0123456789abcdef00", "/UTC/240");
        assert_eq!(Reach::read(&mark, "0123456789abcdefff", "/UTC/240"), Some(reach));
        assert_eq!(Reach::read(&mark, "0123456789abcdefff", "/UTC/60"), None);
        assert_eq!(Reach::read(&mark, "f123456789abcdef", "/UTC/240"), None);
        assert_eq!(Reach::read("", "f123456789abcdef", "/UTC/240"), None);
    }
}
