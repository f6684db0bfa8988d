//! What the rows of one delivery of workers say of each other: statuses against dates, managers, units, and whether leavers are there.

use std::collections::BTreeMap;

use arrow::array::RecordBatch;

use crate::canon::columns::{Text, bools, dates};
use crate::canon::employment::{Presence, Terms};
use crate::canon::hierarchy::Units;
use crate::canon::history::{Interner, People};
use crate::contract::arrow::DELETED;
use crate::feed::{Feed, Mode, Warning};
use crate::period::Day;

/// Hires further back than this, without anybody who left since, are those of survivors.
const YEAR: Day = 365;

/// One delivery of workers, looked at on the day it was made.
#[derive(Debug, Default)]
pub(super) struct Workforce {
    /// Workers employed on the day.
    pub employed: u64,
    contradicting: u64,
    ended_unsaid: u64,
    own_managers: u64,
    in_circles: u64,
    is_of_survivors: bool,
    rows: u64,
    /// How many workers name a manager of whom the delivery itself has no row.
    strangers: BTreeMap<String, u64>,
    /// How many workers stand in a unit.
    units: BTreeMap<String, u64>,
    /// Of an export that completes another one: how many rows tell of each worker.
    completed: BTreeMap<String, u64>,
}

/// Where the row begins that holds of a worker on the day, the manager, the unit.
type Held = (Option<Day>, Option<u32>, Option<u32>);

impl Workforce {
    /// Reads the rows of a delivery of a feed.
    pub fn told(feed: &Feed, batches: &[RecordBatch], day: Day) -> Workforce {
        match feed.completes {
            Some(_) => Workforce::completing(batches),
            None => Workforce::of(batches, day, feed.mode == Mode::Full),
        }
    }

    /// Of rows that complete those of another export only whom they tell of is looked at.
    fn completing(batches: &[RecordBatch]) -> Workforce {
        let mut found = Workforce::default();
        for batch in batches {
            let (worker, deleted) = (Text::of(batch, "worker_id"), bools(batch, DELETED));
            for row in (0..batch.num_rows()).filter(|row| deleted(*row) != Some(true)) {
                let Some(id) = worker.get(row) else { continue };
                *found.completed.entry(id.to_owned()).or_default() += 1;
            }
        }
        found
    }

    /// Reads the rows of a delivery. Managers and units are those of the people employed on `day`; whether leavers are missing can be
    /// told of a snapshot (`is_whole`) alone.
    pub fn of(batches: &[RecordBatch], day: Day, is_whole: bool) -> Workforce {
        let mut found = Workforce::default();
        let (mut workers, mut orgs) = (Interner::default(), Interner::default());
        // By worker: whether the delivery has a row, and what holds of whom is employed.
        let (mut known, mut now): (Vec<bool>, Vec<Option<Held>>) = Default::default();
        let (mut has_ended, mut first_hire) = (false, Day::MAX);
        for batch in batches {
            let count = batch.num_rows();
            let (terms, deleted) = (Terms::of(batch), bools(batch, DELETED));
            let (from, to) = (dates(batch, "effective_from"), dates(batch, "effective_to"));
            let worker = Text::of(batch, "worker_id").each(count, &mut |id| workers.code(Some(id)));
            let manager = Text::of(batch, "manager_id").each(count, &mut |id| workers.code(Some(id)));
            let org = Text::of(batch, "org_id").each(count, &mut |id| orgs.code(Some(id)));
            known.resize(workers.texts().len(), false);
            now.resize(workers.texts().len(), None);
            for row in (0..count).filter(|row| deleted(*row) != Some(true)) {
                let Some(id) = worker[row].map(|code| code as usize) else { continue };
                let (begin, end) = (from(row), to(row));
                known[id] = true;
                found.rows += 1;
                found.contradicting += u64::from(terms.contradicts(row, (begin, end), day) == Some(true));
                found.ended_unsaid += u64::from(terms.ends_unsaid(row));
                has_ended |= end.is_some_and(|end| end <= day) || terms.has_ended(row, day);
                first_hire = terms.hired(row).map_or(first_hire, |hired| hired.min(first_hire));
                let holds = begin.is_none_or(|begin| begin <= day) && end.is_none_or(|end| day < end);
                if holds && terms.on(row, day) != Presence::Away {
                    let held = now[id].get_or_insert((begin, manager[row], org[row]));
                    if begin >= held.0 {
                        *held = (begin, manager[row], org[row]);
                    }
                }
            }
        }
        found.employed = now.iter().flatten().count() as u64;
        found.is_of_survivors = is_whole && found.rows > 0 && !has_ended && first_hire < day.saturating_sub(YEAR);
        let (mut strangers, mut units) = (vec![0; workers.texts().len()], vec![0; orgs.texts().len()]);
        let mut manager_of: Vec<Option<usize>> = vec![None; now.len()];
        for (worker, held) in now.iter().enumerate() {
            let Some((_, manager, org)) = held else { continue };
            if let Some(manager) = manager.map(|code| code as usize) {
                found.own_managers += u64::from(manager == worker);
                strangers[manager] += u64::from(manager != worker && !known[manager]);
                manager_of[worker] = Some(manager);
            }
            if let Some(org) = org {
                units[*org as usize] += 1;
            }
        }
        (found.strangers, found.units) = (counted(&workers, &strangers), counted(&orgs, &units));
        found.in_circles = circles(&manager_of);
        found
    }

    /// What the delivery says by itself.
    pub fn warnings(&self) -> Vec<Warning> {
        let found = [
            ("status_contradicts_dates", Some("status"), self.contradicting),
            ("terminated_without_date", Some("termination_date"), self.ended_unsaid),
            ("self_manager", Some("manager_id"), self.own_managers),
            ("manager_cycle", Some("manager_id"), self.in_circles),
            ("survivors_only", None, if self.is_of_survivors { self.rows } else { 0 }),
        ];
        found
            .into_iter()
            .filter(|(.., count)| *count > 0)
            .map(|(code, column, count)| Warning::new(code, column, count))
            .collect()
    }

    /// What only everybody's rows tell. A lake without any unit has none to miss.
    pub fn unknown(&self, people: &People, units: &Units) -> Vec<Warning> {
        let count = |named: &BTreeMap<String, u64>, is_known: &dyn Fn(&str) -> bool| -> u64 {
            named.iter().filter(|(id, _)| !is_known(id)).map(|(_, count)| count).sum()
        };
        let strangers = count(&self.strangers, &|id| people.code(id).is_some());
        let orphans =
            if units.versions.is_empty() { 0 } else { count(&self.units, &|id| units.versions.contains_key(id)) };
        let nobodys = count(&self.completed, &|id| people.code(id).is_some());
        let found = [
            ("unknown_manager", "manager_id", strangers),
            ("unknown_org_unit", "org_id", orphans),
            ("unknown_worker", "worker_id", nobodys),
        ];
        found
            .into_iter()
            .filter(|(.., count)| *count > 0)
            .map(|(code, column, count)| Warning::new(code, Some(column), count))
            .collect()
    }
}

/// How often each text was counted, by code; those that were.
fn counted(texts: &Interner, counts: &[u64]) -> BTreeMap<String, u64> {
    let counts = texts.texts().iter().zip(counts).filter(|(_, count)| **count > 0);
    counts.map(|(text, count)| (text.clone(), *count)).collect()
}

/// How many workers stand in a circle of managers of more than one.
fn circles(manager_of: &[Option<usize>]) -> u64 {
    let mut done = vec![false; manager_of.len()];
    let mut standing = 0;
    for start in 0..manager_of.len() {
        let mut way: Vec<usize> = Vec::new();
        let mut next = manager_of[start].map(|_| start);
        while let Some(at) = next.filter(|at| !done[*at]) {
            done[at] = true;
            way.push(at);
            next = manager_of[at];
        }
        // Back on the very way that led here: a circle; on an older one: counted before, if it was one.
        let begin = next.and_then(|at| way.iter().position(|one| *one == at));
        let length = begin.map_or(0, |begin| way.len() - begin);
        standing += if length > 1 { length as u64 } else { 0 };
    }
    standing
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::canon::fixture::{day, rows};

    fn told(found: &[Warning]) -> Vec<String> {
        found.iter().map(|warning| format!("{} {}", warning.code, warning.count)).collect()
    }

    #[test]
    fn faults_of_managers_and_units_are_counted_by_name() {
        let batch = rows(
            "workers",
            "worker_id effective_from status manager_id org_id hire_date
             w1 2025-01-01 active w1 A 2025-01-01
             w2 2025-01-01 active w3 A 2025-01-01
             w3 2025-01-01 active w4 A 2025-01-01
             w4 2025-01-01 leave  w2 B 2025-01-01
             w5 2025-01-01 active w2 C 2025-01-01
             w6 2025-01-01 active w9 C 2025-01-01
             w7 2025-01-01 active w8 A 2025-01-01
             w8 2026-01-01 active w9 C 2026-01-01",
        );
        let found = Workforce::of(std::slice::from_ref(&batch), day("2025-06-01"), true);
        assert_eq!(told(&found.warnings()), ["self_manager 1", "manager_cycle 3"], "w5 leads into the circle");
        let rule = crate::canon::history::Eligibility { worker_types: vec![], min_tenure_days: 0 };
        let people = People::build(&[batch], &rule);
        let units = Units::build(&[rows("org_units", "org_id effective_from\n A 2020-01-01\n B 2020-01-01")]);
        assert_eq!(told(&found.unknown(&people, &units)), ["unknown_manager 1", "unknown_org_unit 2"]);
        assert_eq!(told(&found.unknown(&people, &Units::default())), ["unknown_manager 1"]);
        let elsewhere = People::build(
            &[rows("workers", "worker_id effective_from status\n w9 2025-01-01 active")],
            &crate::canon::history::Eligibility { worker_types: vec![], min_tenure_days: 0 },
        );
        assert_eq!(
            told(&found.unknown(&elsewhere, &Units::default())),
            Vec::<String>::new(),
            "w9 comes by another feed"
        );
    }

    #[test]
    fn a_snapshot_in_which_nobody_ever_left_is_one_of_survivors_once_hires_go_back_a_year() {
        let told = |text: &str, is_whole| {
            told(&Workforce::of(&[rows("workers", text)], day("2026-02-15"), is_whole).warnings())
        };
        let header = "worker_id effective_from effective_to status hire_date termination_date\n";
        let survivors = format!("{header} w1 - - active 2025-02-14 -\n w2 - - leave 2026-01-01 -");
        assert_eq!(told(&survivors, true), ["survivors_only 2"]);
        assert_eq!(told(&survivors, false), Vec::<String>::new(), "changes hold no leavers of before");
        assert_eq!(told(&survivors.replace("2025-02-14", "2025-02-15"), true), Vec::<String>::new());
        for left in ["w3 - - terminated 2024-01-01 2025-12-31", "w3 2025-01-01 2025-03-01 active 2024-01-01 -"] {
            assert_eq!(told(&format!("{survivors}\n {left}"), true), Vec::<String>::new(), "{left}");
        }
        let unsaid = format!("{survivors}\n w3 - - terminated 2024-01-01 -\n w4 - - active 2024-01-01 2025-12-31");
        assert_eq!(told(&unsaid, true), ["status_contradicts_dates 1", "terminated_without_date 1"]);
    }
}
