//! Who worked where and when: HRIS rows become non-overlapping stints, and a stint a place in a period.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use arrow::array::RecordBatch;
use hashbrown::HashMap;

use super::columns::{Text, bools, dates, instants, ints};
use super::employment::{Presence, segments};
use crate::contract::arrow::{DELETED, DELIVERY, HELD_TO, KNOWN_AT, ROW};
use crate::period::{Day, OPEN_END, Period};

/// No label, no manager.
pub const NONE: u32 = u32::MAX;

/// Small integers for texts that repeat. Codes follow first appearance: they never leave the process.
#[derive(Debug, Default, Clone)]
pub struct Interner {
    codes: HashMap<String, u32>,
    texts: Vec<String>,
}

impl Interner {
    pub fn code(&mut self, text: Option<&str>) -> u32 {
        let Some(text) = text else { return NONE };
        if let Some(&code) = self.codes.get(text) {
            return code;
        }
        let code = self.texts.len() as u32;
        self.codes.insert(text.to_owned(), code);
        self.texts.push(text.to_owned());
        code
    }

    pub fn find(&self, text: &str) -> Option<u32> {
        self.codes.get(text).copied()
    }

    pub fn text(&self, code: u32) -> Option<&str> {
        self.texts.get(code as usize).map(String::as_str)
    }

    /// All texts, by code.
    pub fn texts(&self) -> &[String] {
        &self.texts
    }
}

/// Where a person counts: labels of [`People::labels`], [`NONE`] where HRIS says nothing; `manager` is a worker code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Place {
    pub org: u32,
    pub band: u32,
    pub location: u32,
    pub function: u32,
    pub manager: u32,
}

/// A run of eligible days `[from, to)` of one worker in one place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stint {
    pub worker: u32,
    pub from: Day,
    pub to: Day,
    pub place: Place,
}

/// What makes a person count, from the job's policy.
#[derive(Debug, Clone)]
pub struct Eligibility {
    pub worker_types: Vec<String>,
    pub min_tenure_days: i32,
}

/// All workers and their eligible stints.
#[derive(Debug, Default, Clone)]
pub struct People {
    /// Worker ids in ascending order; a worker's code is its index.
    pub workers: Vec<String>,
    /// Eligible stints by (worker, from), never overlapping.
    pub stints: Vec<Stint>,
    pub labels: Interner,
    /// Workers whose rows overlapped, for data quality.
    pub overlapping: u64,
    /// By worker code: the days `[from, to)` on which they were employed, active or on leave, whatever their kind; ascending and apart.
    pub employed: Vec<Vec<(Day, Day)>>,
    /// Deliveries whose rows do not reach back to a hire date.
    pub still: BTreeSet<String>,
}

/// One HRIS row, as much of it as history needs.
pub(super) struct Row<'a> {
    pub from: Day,
    pub to: Day,
    /// The first day of the statement: what another export says may have cut it into several rows.
    pub since: Day,
    /// The first day on which a full snapshot no longer held the worker, where the row's own dates do not say when it left.
    pub gone: Day,
    /// When it was told: the instant, the delivery, the record there.
    pub age: Age<'a>,
    pub batch: usize,
    pub index: usize,
}

/// When a row was told, and where.
type Age<'a> = (Option<i64>, Option<&'a str>, Option<i64>);

impl<'a> Row<'a> {
    /// Of overlapping rows the greatest holds: the one known later, then the one that begins later.
    pub fn strength(&self) -> (Option<i64>, Day, Age<'a>) {
        (self.age.0, self.since, self.age)
    }
}

impl People {
    /// Builds stints from the live rows of canon `workers`.
    ///
    /// Overlapping rows of one worker: the later `_known_at` wins, then the later `effective_from`. A day is eligible when its row's
    /// dates say employed and its status is not leave ([`super::employment`]), it is of a counted worker type, and the minimum tenure
    /// has passed since the hire.
    pub fn build(batches: &[RecordBatch], rule: &Eligibility) -> People {
        People::reaching(batches, rule, BTreeSet::new())
    }

    /// The same, with deliveries whose rows do not reach back to a hire date.
    pub fn reaching(batches: &[RecordBatch], rule: &Eligibility, still: BTreeSet<String>) -> People {
        let laid = segments(batches, &still);
        let workers: Vec<String> = laid.keys().map(|id| (*id).to_owned()).collect();
        let code_of: HashMap<&str, u32> = laid.keys().enumerate().map(|(code, id)| (*id, code as u32)).collect();
        let facts: Vec<Facts<'_>> = batches.iter().map(Facts::of).collect();
        let mut people = People { workers, still, ..People::default() };
        for (code, (segments, overlap)) in laid.values().enumerate() {
            people.overlapping += u64::from(*overlap);
            let mut employed: Vec<(Day, Day)> = Vec::new();
            for segment in segments.iter().filter(|segment| segment.presence != Presence::Away) {
                match employed.last_mut() {
                    Some(last) if last.1 == segment.from => last.1 = segment.to,
                    _ => employed.push((segment.from, segment.to)),
                }
                let (facts, row) = (&facts[segment.batch], segment.row);
                let begun = segment.hired.unwrap_or(segment.since).saturating_add(rule.min_tenure_days);
                let (from, to) = (segment.from.max(begun), segment.to);
                if segment.presence != Presence::Active || !facts.counts(row, rule) || from >= to {
                    continue;
                }
                let place = Place {
                    org: people.labels.code(facts.org.get(row)),
                    band: people.labels.code(facts.band.get(row)),
                    location: people.labels.code(facts.location.get(row)),
                    function: people.labels.code(facts.function.get(row)),
                    manager: facts.manager.get(row).and_then(|id| code_of.get(id)).copied().unwrap_or(NONE),
                };
                match people.stints.last_mut() {
                    Some(last) if last.worker == code as u32 && last.to == from && last.place == place => last.to = to,
                    _ => people.stints.push(Stint { worker: code as u32, from, to, place }),
                }
            }
            people.employed.push(employed);
        }
        people
    }

    /// The code of a worker id.
    pub fn code(&self, worker: &str) -> Option<u32> {
        self.workers.binary_search_by(|known| known.as_str().cmp(worker)).ok().map(|code| code as u32)
    }

    /// The place of every person with an eligible day in the period: that of the last such day. Ascending by worker.
    pub fn places(&self, period: Period) -> Vec<Stint> {
        let mut placed: Vec<Stint> = Vec::new();
        for stint in self.stints.iter().filter(|stint| stint.from < period.end && stint.to > period.start) {
            match placed.last_mut() {
                Some(last) if last.worker == stint.worker => *last = *stint,
                _ => placed.push(*stint),
            }
        }
        placed
    }

    /// For each period a hash that changes when anybody's place in it does. Periods ascend and do not overlap.
    ///
    /// A stint that covers a period whole adds the same number to each, so the cost is one difference per stint and not one per stint
    /// and period.
    pub fn fingerprints(&self, periods: &[Period]) -> Vec<u64> {
        let mut differences = vec![0u64; periods.len() + 1];
        for stint in &self.stints {
            let Range { start, end } = touched(periods, stint.from, stint.to);
            if start >= end {
                continue;
            }
            let whole = self.stint_hash(stint, None);
            let (first, last) = (periods[start], periods[end - 1]);
            let (mut from, mut to) = (start, end);
            if stint.from > first.start || (stint.to < first.end) {
                add(&mut differences, start, self.stint_hash(stint, Some(first)));
                from += 1;
            }
            if to > from && stint.to < last.end {
                add(&mut differences, end - 1, self.stint_hash(stint, Some(last)));
                to -= 1;
            }
            if to > from {
                differences[from] = differences[from].wrapping_add(whole);
                differences[to] = differences[to].wrapping_sub(whole);
            }
        }
        let mut running = 0u64;
        differences.pop();
        differences
            .into_iter()
            .map(|difference| {
                running = running.wrapping_add(difference);
                running
            })
            .collect()
    }

    /// Hashes a stint by its texts; with a period, also by which of its days it covers there.
    fn stint_hash(&self, stint: &Stint, cut: Option<Period>) -> u64 {
        let place = stint.place;
        let mut hash = StableHash::default();
        hash.text(&self.workers[stint.worker as usize]);
        for label in [place.org, place.band, place.location, place.function] {
            hash.text(self.labels.text(label).unwrap_or("\u{1}"));
        }
        hash.text(self.workers.get(place.manager as usize).map_or("\u{1}", String::as_str));
        if let Some(period) = cut {
            hash.number(i64::from(stint.from.max(period.start)));
            hash.number(i64::from(stint.to.min(period.end)));
        }
        hash.finish()
    }
}

/// The rows of each worker: live ones, and those that a full snapshot no longer holds.
pub(super) fn rows_by_worker(batches: &[RecordBatch]) -> BTreeMap<&str, Vec<Row<'_>>> {
    let mut rows_of: BTreeMap<&str, Vec<Row<'_>>> = BTreeMap::new();
    for (number, batch) in batches.iter().enumerate() {
        let (worker, delivery) = (Text::of(batch, "worker_id"), Text::of(batch, DELIVERY));
        let (from, to) = (dates(batch, "effective_from"), dates(batch, "effective_to"));
        let (known_at, row, deleted) = (instants(batch, KNOWN_AT), ints(batch, ROW), bools(batch, DELETED));
        let (gone, leaves) = (dates(batch, HELD_TO), dates(batch, "termination_date"));
        for index in 0..batch.num_rows() {
            let gone = gone(index);
            let Some(id) = worker.get(index).filter(|_| gone.is_some() || deleted(index) != Some(true)) else {
                continue;
            };
            let begins = from(index).unwrap_or(Day::MIN);
            rows_of.entry(id).or_default().push(Row {
                from: begins,
                since: begins,
                to: to(index).unwrap_or(OPEN_END),
                gone: gone.filter(|_| leaves(index).is_none()).unwrap_or(OPEN_END),
                age: (known_at(index), delivery.get(index), row(index)),
                batch: number,
                index,
            });
        }
    }
    for rows in rows_of.values_mut().filter(|rows| rows.len() > 1) {
        let mut since: BTreeMap<Age<'_>, Day> = BTreeMap::new();
        // Rows that nobody told are no parts of one statement.
        for row in rows.iter().filter(|row| row.age.1.is_some()) {
            let day = since.entry(row.age).or_insert(row.from);
            *day = row.from.min(*day);
        }
        for row in rows.iter_mut() {
            row.since = since.get(&row.age).copied().unwrap_or(row.from);
        }
    }
    rows_of
}

fn add(differences: &mut [u64], at: usize, value: u64) {
    differences[at] = differences[at].wrapping_add(value);
    differences[at + 1] = differences[at + 1].wrapping_sub(value);
}

/// The periods that share a day with `[from, to)`.
fn touched(periods: &[Period], from: Day, to: Day) -> Range<usize> {
    periods.partition_point(|period| period.end <= from)..periods.partition_point(|period| period.start < to)
}

/// A hash that is the same on every machine: fingerprints are stored in commits. FNV-1a, 64 bits, finished by a mixer so
/// that sums of hashes do not cancel.
#[derive(Debug, Clone, Copy)]
pub struct StableHash(pub u64);

impl Default for StableHash {
    fn default() -> Self {
        StableHash(0xcbf2_9ce4_8422_2325)
    }
}

impl StableHash {
    pub fn text(&mut self, text: &str) {
        self.bytes(text.as_bytes());
        self.bytes(&[0xff]);
    }

    pub fn number(&mut self, number: i64) {
        self.bytes(&number.to_le_bytes());
    }

    fn bytes(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }

    /// The finished hash.
    pub fn finish(self) -> u64 {
        let mut z = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}

/// The columns that decide place, and who counts.
struct Facts<'a> {
    worker_type: Text<'a>,
    org: Text<'a>,
    band: Text<'a>,
    location: Text<'a>,
    function: Text<'a>,
    manager: Text<'a>,
}

impl<'a> Facts<'a> {
    fn of(batch: &'a RecordBatch) -> Facts<'a> {
        Facts {
            worker_type: Text::of(batch, "worker_type"),
            org: Text::of(batch, "org_id"),
            band: Text::of(batch, "leader_band"),
            location: Text::of(batch, "location"),
            function: Text::of(batch, "function"),
            manager: Text::of(batch, "manager_id"),
        }
    }

    /// Whether a row is of a worker type that counts.
    fn counts(&self, row: usize, rule: &Eligibility) -> bool {
        // An export without worker types is one of employees.
        let worker_type = self.worker_type.get(row).unwrap_or("employee");
        rule.worker_types.iter().any(|kind| kind == worker_type)
    }
}

/// Cuts overlapping rows into ascending, disjoint segments; the second value says whether any overlapped.
pub(super) fn resolve_overlaps<'r, 'a>(rows: &'r [Row<'a>]) -> (Vec<(Day, Day, &'r Row<'a>)>, bool) {
    let mut order: Vec<&Row<'_>> = rows.iter().filter(|row| row.from < row.to).collect();
    // Strongest first: what is painted stays.
    order.sort_by_key(|row| std::cmp::Reverse(row.strength()));
    let mut painted: BTreeMap<Day, (Day, &Row<'_>)> = BTreeMap::new();
    let mut overlap = false;
    for row in order {
        let mut from = row.from;
        // Segments are disjoint and ascending, so walking those that reach into the row finds its gaps.
        let taken: Vec<(Day, Day)> = painted
            .range(..row.to)
            .rev()
            .take_while(|(_, (to, _))| *to > row.from)
            .map(|(start, (to, _))| (*start, *to))
            .collect();
        for &(start, end) in taken.iter().rev() {
            // Two rows that meet only because the older one is open are the normal course of a history.
            overlap |= row.to != OPEN_END;
            if from < start {
                painted.insert(from, (start, row));
            }
            from = from.max(end);
        }
        if from < row.to {
            painted.insert(from, (row.to, row));
        }
    }
    let held = painted.into_iter().map(|(from, (to, row))| (from, to.min(row.gone), row));
    (held.filter(|(from, to, _)| from < to).collect(), overlap)
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{day, rows};
    use super::*;
    use crate::period::{Calendar, Grain};

    fn people(text: &str) -> People {
        let rule = Eligibility { worker_types: vec!["employee".into()], min_tenure_days: 0 };
        People::build(&[rows("workers", text)], &rule)
    }

    /// Stints as `worker org from to`, the open end as `-`.
    fn stints(people: &People) -> Vec<String> {
        let date = |day: Day| if day == OPEN_END { "-".to_owned() } else { crate::period::date_of(day).to_string() };
        let line = |stint: &Stint| {
            let org = people.labels.text(stint.place.org).unwrap_or("-");
            format!("{} {org} {} {}", people.workers[stint.worker as usize], date(stint.from), date(stint.to))
        };
        people.stints.iter().map(line).collect()
    }

    fn week(start: &str) -> Period {
        Calendar { fiscal_year_start: 1, holidays: Default::default() }.period(Grain::Week, day(start))
    }

    #[test]
    fn the_day_of_leaving_counts_and_a_leaving_before_the_hire_belongs_to_an_earlier_employment() {
        let people = people(
            "worker_id effective_from effective_to status org_id hire_date termination_date
             w1 2020-01-01 - active a 2025-02-01 2026-03-04
             w2 2020-01-01 - active a 2025-02-01 2024-12-31
             w3 2025-01-01 2025-06-01 active a - -
             w3 2025-09-01 - active a - -",
        );
        assert_eq!(
            stints(&people),
            ["w1 a 2025-02-01 2026-03-05", "w2 a 2025-02-01 -", "w3 a 2025-01-01 2025-06-01", "w3 a 2025-09-01 -"],
            "from the hire date to the last day of work; a gap stays a gap"
        );
        assert_eq!(people.overlapping, 0);
    }

    #[test]
    fn tenure_begins_with_the_hire_day() {
        let rule = Eligibility { worker_types: vec!["employee".into()], min_tenure_days: 30 };
        let batch = rows(
            "workers",
            "worker_id effective_from status hire_date\n w1 2020-01-01 active 2025-02-01\n w2 2025-02-01 active -",
        );
        let people = People::build(&[batch], &rule);
        let from: Vec<Day> = people.stints.iter().map(|stint| stint.from).collect();
        assert_eq!(from, [day("2025-03-03"), day("2025-03-03")], "without a hire date the row's own begin counts");
    }

    #[test]
    fn only_active_rows_of_counted_kinds_that_were_not_taken_back_count() {
        let people = people(
            "worker_id effective_from status worker_type org_id _deleted
             w1 2025-01-01 active employee a false
             w2 2025-01-01 active - a false
             w3 2025-01-01 active contractor a false
             w4 2025-01-01 leave employee a false
             w5 2025-01-01 active employee a true",
        );
        assert_eq!(stints(&people), ["w1 a 2025-01-01 -", "w2 a 2025-01-01 -"]);
        assert_eq!(people.workers, ["w1", "w2", "w3", "w4"], "a deleted row is no worker");
    }

    #[test]
    fn where_rows_overlap_the_later_known_wins_then_the_later_begin() {
        // Known later, though it begins earlier.
        let told_again = people(
            "worker_id effective_from effective_to status org_id _known_at
             w1 2025-03-01 2025-06-01 active late 2025-03-01T00:00:00Z
             w1 2025-01-01 2025-04-01 active early 2025-09-01T00:00:00Z",
        );
        assert_eq!(stints(&told_again), ["w1 early 2025-01-01 2025-04-01", "w1 late 2025-04-01 2025-06-01"]);
        assert_eq!(told_again.overlapping, 1);
        // Known together: the later begin.
        let together = people(
            "worker_id effective_from effective_to status org_id
             w1 2025-03-01 - active late
             w1 2025-01-01 - active early",
        );
        assert_eq!(stints(&together), ["w1 early 2025-01-01 2025-03-01", "w1 late 2025-03-01 -"]);
        assert_eq!(together.overlapping, 0, "an open row that the next one ends is the normal course of a history");
    }

    #[test]
    fn the_place_in_a_period_is_that_of_its_last_eligible_day() {
        let people = people(
            "worker_id effective_from effective_to status org_id
             w1 2025-01-01 2025-03-05 active a
             w1 2025-03-05 - active b
             w2 2025-01-01 2025-03-03 active a
             w3 2025-03-10 - active a",
        );
        let placed: Vec<String> = people
            .places(week("2025-03-03"))
            .iter()
            .map(|stint| {
                format!("{} {}", people.workers[stint.worker as usize], people.labels.text(stint.place.org).unwrap())
            })
            .collect();
        assert_eq!(placed, ["w1 b"], "w2 was gone on Monday, w3 is not there before the next one");
    }

    #[test]
    fn a_fingerprint_changes_with_every_part_of_a_place_and_in_its_periods_alone() {
        let told = |from: &str, rest: &str| {
            people(&format!(
                "worker_id effective_from effective_to status org_id leader_band location function manager_id
                 w0 2025-01-01 - active a - - - -
                 w1 2025-01-01 {from} active a ic berlin sales w0
                 w1 {from} - active {rest}"
            ))
        };
        let weeks = [week("2025-02-24"), week("2025-03-03"), week("2025-03-10"), week("2025-03-17")];
        let base = told("2025-03-12", "a ic berlin sales w0").fingerprints(&weeks);
        for rest in [
            "b ic berlin sales w0",
            "a vp berlin sales w0",
            "a ic - sales w0",
            "a ic berlin it w0",
            "a ic berlin sales -",
        ] {
            let moved = told("2025-03-12", rest).fingerprints(&weeks);
            let differs: Vec<bool> = base.iter().zip(&moved).map(|(one, other)| one != other).collect();
            assert_eq!(differs, [false, false, true, true], "{rest}");
        }
        // To and fro within a week: the last place decides, so the order of the two matters.
        let swapped = |first: &str, then: &str| {
            people(&format!(
                "worker_id effective_from effective_to status org_id
                 w1 2025-01-01 2025-03-05 active {first}
                 w1 2025-03-05 2025-03-10 active {then}"
            ))
            .fingerprints(&weeks)
        };
        assert_ne!(swapped("a", "b")[1], swapped("b", "a")[1]);
    }
}
