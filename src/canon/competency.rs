//! How long people waited for a milestone: clocks that begin with a hire, a transfer, a new role or an assignment, and run until the
//! milestone, the last day of employment or the last reported day.
//!
//! Those who have not reached it count as long as they were watched; nobody is left out for not having finished.

use std::collections::BTreeMap;

use arrow::array::RecordBatch;
use chrono_tz::Tz;
use hashbrown::{HashMap, HashSet};

use super::career::Careers;
use super::columns::{Text, bools, dates};
use super::history::People;
use super::obligation::Attempts;
use crate::contract::arrow::DELETED;
use crate::period::{Day, OPEN_END, local_day};

/// The milestone that comes from enrollments in onboarding content.
pub const PATH_COMPLETED: &str = "path_completed";
/// The milestone that canon `milestones` and assigned certifications share.
pub const CERTIFIED: &str = "certified";

/// What starts a clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Clock {
    Assignment,
    Hire,
    RoleChange,
    Transfer,
}

impl Clock {
    pub fn as_str(self) -> &'static str {
        match self {
            Clock::Assignment => "assignment",
            Clock::Hire => "hire",
            Clock::RoleChange => "role_change",
            Clock::Transfer => "transfer",
        }
    }
}

/// How a wait ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Still waiting on the last day watched.
    Open,
    Reached,
    /// Employment ended first.
    Left,
}

/// One person's wait, in days since the start; the day of the start is 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wait {
    pub worker: u32,
    pub start: Day,
    /// Days already passed on the first day of data.
    pub entry: Day,
    pub time: Day,
    pub outcome: Outcome,
}

/// A clock of one worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Start {
    pub worker: u32,
    pub from: Day,
    /// First day after the employment.
    pub employed_until: Day,
    /// First day of the next clock of the same kind, which ends this one without an answer.
    pub next: Day,
}

impl Start {
    /// The wait for a milestone, as watched on the days `[first, horizon)`. None for somebody who had reached it before, or who was never
    /// watched while waiting.
    pub fn wait(&self, reached: Option<Day>, (first, horizon): (Day, Day)) -> Option<Wait> {
        if self.from >= horizon || reached.is_some_and(|day| day < self.from) {
            return None;
        }
        let last = self.employed_until.min(self.next).min(horizon) - 1;
        let (end, outcome) = match reached.filter(|day| *day <= last) {
            Some(day) => (day, Outcome::Reached),
            None if self.employed_until <= last + 1 && self.employed_until < horizon => (last, Outcome::Left),
            None => (last, Outcome::Open),
        };
        let (entry, time) = ((first - self.from).max(0), end - self.from);
        // A day 0 counts as half a day, so somebody watched from the start is always watched.
        (time >= 0 && (entry == 0 || entry < time)).then_some(Wait {
            worker: self.worker,
            start: self.from,
            entry,
            time,
            outcome,
        })
    }
}

/// The clocks of hires, transfers and role changes.
pub fn starts(careers: &Careers, people: &People, watched_from: Day) -> BTreeMap<Clock, Vec<Start>> {
    let mut starts: BTreeMap<Clock, Vec<Start>> = BTreeMap::new();
    for worker in 0..people.workers.len() as u32 {
        for employment in careers.employments(worker, watched_from) {
            let mut begin = |clock: Clock, days: &[Day]| {
                for (at, from) in days.iter().enumerate() {
                    let next = days.get(at + 1).copied().unwrap_or(OPEN_END);
                    let start = Start { worker, from: *from, employed_until: employment.to, next };
                    starts.entry(clock).or_default().push(start);
                }
            };
            if employment.is_start_known {
                begin(Clock::Hire, &[employment.from]);
            }
            begin(Clock::Transfer, &employment.transfers);
            begin(Clock::RoleChange, &employment.role_changes);
        }
    }
    starts
}

/// The day each worker reached each kind of milestone.
pub fn milestones(batches: &[RecordBatch], people: &People) -> BTreeMap<String, HashMap<u32, Day>> {
    let mut reached: BTreeMap<String, HashMap<u32, Day>> = BTreeMap::new();
    for batch in batches {
        let (worker, kind) = (Text::of(batch, "worker_id"), Text::of(batch, "kind"));
        let (on, deleted) = (dates(batch, "reached_on"), bools(batch, DELETED));
        for row in (0..batch.num_rows()).filter(|row| deleted(*row) != Some(true)) {
            let (Some(worker), Some(kind), Some(on)) = (worker.get(row), kind.get(row), on(row)) else { continue };
            let Some(code) = people.code(worker) else { continue };
            reached.entry(kind.to_owned()).or_default().insert(code, on);
        }
    }
    reached
}

/// What enrollments say about milestones.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Learned {
    /// First day on which somebody had completed an onboarding path.
    pub path_completed: HashMap<u32, Day>,
    /// First day on which an onboarding path was assigned.
    pub path_assigned: HashMap<u32, Day>,
    /// The first certification assigned: the day, and the day it was passed since.
    pub certification: HashMap<u32, (Day, Option<Day>)>,
}

/// Reads attempts at onboarding content and certifications: a clock starts with the first of them. Onboarding content is what the catalogue
/// marks as such; where some of it is of the kind path, the paths alone.
pub fn learned(attempts: &Attempts, content: &[RecordBatch], zone: Tz) -> Learned {
    let (onboarding, certifications) = catalogue(content);
    let mut learned = Learned::default();
    let mut assigned: BTreeMap<(u32, &str), Day> = BTreeMap::new();
    let mut passed: BTreeMap<(u32, &str), Vec<Day>> = BTreeMap::new();
    let earliest = |days: &mut HashMap<u32, Day>, worker: u32, day: Day| {
        days.entry(worker).and_modify(|known| *known = day.min(*known)).or_insert(day);
    };
    for attempt in &attempts.all {
        let Some(item) = attempts.contents.text(attempt.content) else { continue };
        let (is_path, is_certification) = (onboarding.contains(item), certifications.contains(item));
        if !is_path && !is_certification {
            continue;
        }
        let worker = attempt.worker;
        if let Some(success) = attempt.success {
            let day = local_day(success.at, zone);
            if is_path {
                earliest(&mut learned.path_completed, worker, day);
            }
            passed.entry((worker, item)).or_default().push(day);
        }
        if let Some(at) = attempt.assigned_at {
            let day = local_day(at, zone);
            if is_path {
                earliest(&mut learned.path_assigned, worker, day);
            }
            if is_certification {
                let known = assigned.entry((worker, item)).or_insert(day);
                *known = day.min(*known);
            }
        }
    }
    // Of two certifications assigned on one day the first by id.
    for ((worker, item), day) in assigned {
        let since = passed.get(&(worker, item)).into_iter().flatten().filter(|on| **on >= day).min().copied();
        let first = learned.certification.entry(worker).or_insert((day, since));
        if day < first.0 {
            *first = (day, since);
        }
    }
    learned
}

/// The clocks of what was assigned: they stop with the employment in which it was assigned.
pub fn assigned(days: impl Iterator<Item = (u32, Day)>, careers: &Careers, watched_from: Day) -> Vec<Start> {
    let mut starts: Vec<Start> = days
        .filter_map(|(worker, from)| {
            let employments = careers.employments(worker, watched_from);
            let within = employments.iter().find(|employment| employment.from <= from && from < employment.to)?;
            Some(Start { worker, from, employed_until: within.to, next: OPEN_END })
        })
        .collect();
    starts.sort_unstable_by_key(|start| (start.worker, start.from));
    starts
}

fn catalogue(content: &[RecordBatch]) -> (HashSet<&str>, HashSet<&str>) {
    let (mut onboarding, mut paths, mut certifications) = (HashSet::new(), HashSet::new(), HashSet::new());
    for batch in content {
        let (id, kind) = (Text::of(batch, "content_id"), Text::of(batch, "kind"));
        let (is_onboarding, deleted) = (bools(batch, "is_onboarding"), bools(batch, DELETED));
        for row in (0..batch.num_rows()).filter(|row| deleted(*row) != Some(true)) {
            let (Some(id), Some(kind)) = (id.get(row), kind.get(row)) else { continue };
            if is_onboarding(row) == Some(true) {
                onboarding.insert(id);
                if kind == "path" {
                    paths.insert(id);
                }
            }
            if kind == "certification" {
                certifications.insert(id);
            }
        }
    }
    (if paths.is_empty() { onboarding } else { paths }, certifications)
}

#[cfg(test)]
mod tests {
    use super::*;

    const WATCHED: (Day, Day) = (100, 200);

    fn start(from: Day, employed_until: Day) -> Start {
        Start { worker: 0, from, employed_until, next: OPEN_END }
    }

    /// (entry, time, outcome) of the wait.
    fn wait(start: Start, reached: Option<Day>) -> Option<(Day, Day, Outcome)> {
        start.wait(reached, WATCHED).map(|wait| (wait.entry, wait.time, wait.outcome))
    }

    #[test]
    fn a_wait_ends_with_the_milestone_with_leaving_or_stays_open() {
        assert_eq!(wait(start(110, OPEN_END), Some(150)), Some((0, 40, Outcome::Reached)));
        assert_eq!(wait(start(110, OPEN_END), None), Some((0, 89, Outcome::Open)));
        assert_eq!(wait(start(110, 131), None), Some((0, 20, Outcome::Left)));
        assert_eq!(wait(start(110, 131), Some(130)), Some((0, 20, Outcome::Reached)), "on the last day of employment");
        assert_eq!(wait(start(110, 131), Some(131)), Some((0, 20, Outcome::Left)), "after leaving");
        assert_eq!(wait(start(110, OPEN_END), Some(200)), Some((0, 89, Outcome::Open)), "told of the future");
        assert_eq!(wait(start(110, 205), None), Some((0, 89, Outcome::Open)), "leaves in the future");
        assert_eq!(wait(start(110, OPEN_END), Some(110)), Some((0, 0, Outcome::Reached)), "on the first day");
    }

    #[test]
    fn who_began_before_the_data_enters_late_and_who_was_done_before_is_not_watched() {
        assert_eq!(wait(start(70, OPEN_END), Some(150)), Some((30, 80, Outcome::Reached)));
        assert_eq!(wait(start(70, OPEN_END), Some(90)), None, "reached before the first day of data");
        assert_eq!(wait(start(70, 95), None), None, "left before the first day of data");
        assert_eq!(wait(start(110, OPEN_END), Some(105)), None, "had it before");
        assert_eq!(wait(start(200, OPEN_END), None), None, "not begun");
    }

    #[test]
    fn the_next_clock_of_the_kind_ends_a_wait_without_an_answer() {
        let moved = Start { next: 130, ..start(110, OPEN_END) };
        assert_eq!(wait(moved, None), Some((0, 19, Outcome::Open)));
        assert_eq!(wait(moved, Some(135)), Some((0, 19, Outcome::Open)));
        assert_eq!(wait(Start { next: 130, ..start(110, 140) }, None), Some((0, 19, Outcome::Open)));
    }

    #[test]
    fn a_path_is_completed_once_and_a_certification_counts_from_its_assignment() {
        use crate::canon::fixture::{day, rows};
        use crate::canon::history::Eligibility;
        use crate::canon::identity::Identity;
        let workers = [rows(
            "workers",
            "worker_id effective_from status employee_no
             w1        2026-01-01     active 1
             w2        2026-01-01     active 2",
        )];
        let people =
            People::build(&workers, &Eligibility { worker_types: vec!["employee".into()], min_tenure_days: 0 });
        let users = [rows("users", "user_id employee_no status\nu1 1 active\nu2 2 active")];
        let identity = Identity::build(&users, &[], &workers, &people);
        let content = [rows(
            "content",
            "content_id kind          is_onboarding
             welcome    path          true
             intro      course        true
             safety     certification -",
        )];
        let enrollments = [rows(
            "enrollments",
            "user_id content_id attempt status    assigned_at completed_at
             u1      welcome    1       completed 2026-01-02  2026-02-10
             u1      welcome    2       completed 2026-01-20  2026-02-03
             u1      intro      1       completed 2026-01-02  2026-01-03
             u2      welcome    1       withdrawn 2026-01-02  -
             u2      safety     1       passed    -           2026-01-01
             u2      safety     2       passed    2026-01-15  2026-01-25",
        )];
        let attempts = Attempts::build(&enrollments, &content, &identity, chrono_tz::UTC, Day::MIN);
        let learned = learned(&attempts, &content, chrono_tz::UTC);
        assert_eq!(learned.path_completed, HashMap::from_iter([(0, day("2026-02-03"))]), "a course is no path");
        assert_eq!(learned.path_assigned, HashMap::from_iter([(0, day("2026-01-02"))]), "withdrawn is not assigned");
        assert_eq!(
            learned.certification,
            HashMap::from_iter([(1, (day("2026-01-15"), Some(day("2026-01-25"))))]),
            "the pass before the assignment does not answer it"
        );
    }
}
