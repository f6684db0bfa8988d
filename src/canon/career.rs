//! Employment over time: who was employed from when to when, in which unit and which job. Unlike eligibility it goes on through
//! leave, and it knows the day of hire.

use arrow::array::RecordBatch;

use super::columns::Text;
use super::employment::{Presence, Segment, segments};
use super::history::{Interner, NONE, People, StableHash};
use crate::period::Day;

/// Days `[from, to)` in one state; the labels are those of [`Careers::labels`], [`NONE`] where HRIS says nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stage {
    pub from: Day,
    pub to: Day,
    /// Active or on leave, and of a worker type that counts.
    pub is_employed: bool,
    pub hired: Option<Day>,
    pub org: u32,
    pub job_code: u32,
    pub job_family: u32,
    pub job_level: u32,
}

/// One employment: days `[from, to)` without a gap.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Employment {
    /// The day of hire, where HRIS gives one that fits; else the first day it speaks of.
    pub from: Day,
    /// Whether `from` is known to be the first day: stated, or seen to begin.
    pub is_start_known: bool,
    pub to: Day,
    /// First days in another org unit than the day before.
    pub transfers: Vec<Day>,
    /// First days in another job than the day before.
    pub role_changes: Vec<Day>,
}

/// All workers' stages, by worker code of [`People`].
#[derive(Debug, Default, Clone)]
pub struct Careers {
    pub labels: Interner,
    stages: Vec<Vec<Stage>>,
}

impl Careers {
    /// Reads the live rows of canon `workers`. An empty list of worker types counts all.
    pub fn build(workers: &[RecordBatch], people: &People, worker_types: &[String]) -> Careers {
        let mut careers = Careers { labels: Interner::default(), stages: vec![Vec::new(); people.workers.len()] };
        let facts: Vec<Facts<'_>> = workers.iter().map(Facts::of).collect();
        for (worker, (segments, _)) in segments(workers, &people.still) {
            let Some(code) = people.code(worker) else { continue };
            for segment in segments {
                facts[segment.batch].stage(
                    &segment,
                    worker_types,
                    &mut careers.labels,
                    &mut careers.stages[code as usize],
                );
            }
        }
        careers
    }

    /// The state of a worker on a day.
    pub fn on(&self, worker: u32, day: Day) -> Option<&Stage> {
        let stages = self.stages.get(worker as usize)?;
        let at = stages.partition_point(|stage| stage.to <= day);
        stages.get(at).filter(|stage| stage.from <= day)
    }

    /// The employments of a worker, in order. What began before `watched_from` without a day of hire began at an unknown time.
    pub fn employments(&self, worker: u32, watched_from: Day) -> Vec<Employment> {
        let mut employments: Vec<Employment> = Vec::new();
        let mut before: Option<&Stage> = None;
        for stage in self.stages.get(worker as usize).into_iter().flatten().filter(|stage| stage.is_employed) {
            let last = employments.last_mut().filter(|last| last.to == stage.from);
            match (last, before) {
                (Some(last), Some(before)) if stage.hired.is_none_or(|hired| hired < stage.from) => {
                    let moved = |was: u32, is: u32| was != NONE && is != NONE && was != is;
                    if moved(before.org, stage.org) {
                        last.transfers.push(stage.from);
                    }
                    if moved(before.job_code, stage.job_code) {
                        last.role_changes.push(stage.from);
                    }
                    last.to = stage.to;
                }
                _ => {
                    let ended = employments.last().map_or(Day::MIN, |last| last.to);
                    let stated = stage.hired.filter(|hired| *hired >= ended);
                    employments.push(Employment {
                        from: stated.unwrap_or(stage.from),
                        is_start_known: stated.is_some() || !employments.is_empty() || stage.from > watched_from,
                        to: stage.to,
                        transfers: Vec::new(),
                        role_changes: Vec::new(),
                    });
                }
            }
            before = Some(stage);
        }
        employments
    }

    /// Tells who was in which job family and level when, as hashes of days `[from, to)`.
    pub fn for_each_job(&self, people: &People, tell: &mut dyn FnMut(Day, Day, u64)) {
        for (worker, stages) in self.stages.iter().enumerate() {
            for stage in stages {
                let mut hash = StableHash::default();
                hash.text(people.workers.get(worker).map_or("", String::as_str));
                for label in [stage.job_family, stage.job_level] {
                    hash.text(self.labels.text(label).unwrap_or("\u{1}"));
                }
                tell(stage.from, stage.to, hash.finish());
            }
        }
    }
}

/// The columns that make a stage.
struct Facts<'a> {
    worker_type: Text<'a>,
    org: Text<'a>,
    job_code: Text<'a>,
    job_family: Text<'a>,
    job_level: Text<'a>,
}

impl<'a> Facts<'a> {
    fn of(batch: &'a RecordBatch) -> Facts<'a> {
        Facts {
            worker_type: Text::of(batch, "worker_type"),
            org: Text::of(batch, "org_id"),
            job_code: Text::of(batch, "job_code"),
            job_family: Text::of(batch, "job_family"),
            job_level: Text::of(batch, "job_level"),
        }
    }

    /// Appends the stage of a segment, or lengthens the one before it.
    fn stage(&self, segment: &Segment, worker_types: &[String], labels: &mut Interner, stages: &mut Vec<Stage>) {
        let row = segment.row;
        let worker_type = self.worker_type.get(row).unwrap_or("employee");
        let counts = worker_types.is_empty() || worker_types.iter().any(|known| known == worker_type);
        let stage = Stage {
            from: segment.from,
            to: segment.to,
            is_employed: counts && segment.presence != Presence::Away,
            hired: segment.hired,
            org: labels.code(self.org.get(row)),
            job_code: labels.code(self.job_code.get(row)),
            job_family: labels.code(self.job_family.get(row)),
            job_level: labels.code(self.job_level.get(row)),
        };
        match stages.last_mut() {
            Some(last)
                if last.to == stage.from
                    && (Stage { from: last.from, ..stage }) == (Stage { to: stage.to, ..*last }) =>
            {
                last.to = stage.to;
            }
            _ => stages.push(stage),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::canon::fixture::{day, rows};
    use crate::canon::history::Eligibility;

    fn careers(text: &str) -> (People, Careers) {
        let workers = [rows("workers", text)];
        let types = vec!["employee".to_owned()];
        let people = People::build(&workers, &Eligibility { worker_types: types.clone(), min_tenure_days: 0 });
        let careers = Careers::build(&workers, &people, &types);
        (people, careers)
    }

    #[test]
    fn an_employment_goes_on_through_leave_and_ends_with_the_last_day() {
        let (_, careers) = careers(
            "worker_id effective_from effective_to status     hire_date  termination_date org_id job_code
             w1        2025-01-10     2025-02-01   active     2025-01-10 -                a      j1
             w1        2025-02-01     2025-03-01   leave      2025-01-10 -                a      j1
             w1        2025-03-01     -            active     2025-01-10 2025-03-31       b      j2",
        );
        let employments = careers.employments(0, day("2025-01-01"));
        assert_eq!(employments.len(), 1);
        assert_eq!((employments[0].from, employments[0].to), (day("2025-01-10"), day("2025-04-01")));
        assert_eq!(
            (&employments[0].transfers, &employments[0].role_changes),
            (&vec![day("2025-03-01")], &vec![day("2025-03-01")])
        );
    }

    #[test]
    fn somebody_hired_again_begins_again() {
        let (_, careers) = careers(
            "worker_id effective_from effective_to status     hire_date
             w1        2025-01-10     2025-02-01   active     2024-06-01
             w1        2025-02-01     2025-05-01   terminated 2024-06-01
             w1        2025-05-01     -            active     2025-05-01",
        );
        let starts: Vec<Day> =
            careers.employments(0, day("2025-01-01")).iter().map(|employment| employment.from).collect();
        assert_eq!(starts, [day("2024-06-01"), day("2025-05-01")]);
    }

    #[test]
    fn a_start_that_nobody_states_is_known_only_where_it_was_seen() {
        let (_, careers) = careers(
            "worker_id effective_from status
             w1        2025-01-01     active
             w2        2025-01-02     active",
        );
        let known = |worker| careers.employments(worker, day("2025-01-01"))[0].is_start_known;
        assert_eq!([known(0), known(1)], [false, true]);
    }

    #[test]
    fn contractors_are_no_employees_and_prehires_not_yet() {
        let (_, careers) = careers(
            "worker_id effective_from effective_to status  worker_type
             w1        2025-01-10     2025-02-01   prehire employee
             w1        2025-02-01     -            active  employee
             w2        2025-01-10     -            active  contractor",
        );
        assert_eq!(careers.employments(0, 0)[0].from, day("2025-02-01"));
        assert_eq!(careers.employments(1, 0), []);
    }
}
