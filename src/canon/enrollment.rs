//! Attempts as facts of a day: what was assigned, fell due or was completed, by whom.

use std::collections::BTreeMap;

use chrono_tz::Tz;
use hashbrown::HashMap;

use super::history::{People, StableHash};
use super::obligation::{Attempt, Attempts, Success};
use crate::period::{Calendar, Day, DayClock, Grain};

const DAY_MICROS: i64 = 24 * 60 * 60 * 1_000_000;

/// Enrollment counts of one person on one day. Integers only, so they add in any order.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Facts {
    /// Required attempts assigned on the day.
    pub assigned: i64,
    /// Required attempts due on the day.
    pub due: i64,
    /// Of `due`: completed by the end of the day, week, month, quarter that holds the due day (in the order of [`Grain::ALL`]).
    pub due_done: [i64; 4],
    /// Of `due`: completed at or before the due instant.
    pub due_on_time: i64,
    /// Attempts of any kind completed on the day.
    pub completions: i64,
    /// Of `completions`: within 24 hours before due.
    pub last_day: i64,
    /// Of `last_day`: with less than a quarter of the content's duration spent.
    pub checkbox: i64,
}

/// Facts by day and worker code.
pub type FactsByDay = BTreeMap<Day, BTreeMap<u32, Facts>>;

/// Computes the facts from attempts.
///
/// Assigned and due count attempts that were required, each on its own days; an attempt is done by its earliest success. Completions count
/// the person's own successes, required or not, one an attempt.
pub fn facts(attempts: &Attempts, zone: Tz, calendar: &Calendar) -> FactsByDay {
    let mut clock = DayClock::new(zone);
    let mut days: BTreeMap<Day, Vec<(u32, Facts)>> = BTreeMap::new();
    // Attempts come by worker, so one person's days are all that has to be found again.
    let mut own: HashMap<Day, Facts> = HashMap::new();
    for attempts in attempts.all.chunk_by(|one, next| one.worker == next.worker) {
        for attempt in attempts {
            count(attempt, &mut clock, calendar, &mut own);
        }
        for (day, fact) in own.drain() {
            days.entry(day).or_default().push((attempts[0].worker, fact));
        }
    }
    days.into_iter().map(|(day, facts)| (day, facts.into_iter().collect())).collect()
}

/// Counts one attempt on the days of its person.
fn count(attempt: &Attempt, clock: &mut DayClock, calendar: &Calendar, days: &mut HashMap<Day, Facts>) {
    if let Some(Success { at, is_hasty }) = attempt.success {
        let fact = days.entry(clock.day(at)).or_default();
        fact.completions += 1;
        if attempt.due_at.is_some_and(|due| due - DAY_MICROS <= at && at <= due) {
            fact.last_day += 1;
            fact.checkbox += i64::from(is_hasty);
        }
    }
    if !attempt.is_required {
        return;
    }
    if let Some(at) = attempt.assigned_at {
        days.entry(clock.day(at)).or_default().assigned += 1;
    }
    let Some(due_at) = attempt.due_at else { return };
    let due_day = clock.day(due_at);
    let fact = days.entry(due_day).or_default();
    fact.due += 1;
    let Some(done_at) = attempt.done_at else { return };
    fact.due_on_time += i64::from(done_at <= due_at);
    let done_day = clock.day(done_at);
    for (done, grain) in fact.due_done.iter_mut().zip(Grain::ALL) {
        *done += i64::from(done_day < calendar.period(grain, due_day).end);
    }
}

/// A hash of one day's facts, by worker id and not by code, so that it can be compared between runs.
pub fn fingerprint(facts: &BTreeMap<u32, Facts>, people: &People) -> u64 {
    let mut hash = StableHash::default();
    for (worker, fact) in facts {
        hash.text(people.workers.get(*worker as usize).map_or("", String::as_str));
        let counts = [fact.assigned, fact.due, fact.due_on_time, fact.completions, fact.last_day, fact.checkbox];
        counts.iter().chain(&fact.due_done).for_each(|count| hash.number(*count));
    }
    hash.finish()
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{day, rows};
    use super::super::history::Eligibility;
    use super::super::identity::Identity;
    use super::*;

    /// Facts of the one worker by day, over content `c` of 100 minutes, in Berlin.
    fn told(enrollments: &str) -> BTreeMap<String, Facts> {
        let workers = [rows("workers", "worker_id effective_from status employee_no\n w1 2020-01-01 active n1")];
        let rule = Eligibility { worker_types: vec!["employee".into()], min_tenure_days: 0 };
        let people = People::build(&workers, &rule);
        let users = rows("users", "user_id employee_no\n u1 n1");
        let identity = Identity::build(&[users], &[], &workers, &people);
        let content =
            rows("content", "content_id kind duration_minutes _deleted\n c course 100 false\n d course 100 true");
        let enrollments = rows(
            "enrollments",
            &format!(
                "user_id content_id attempt status required assigned_at due_at completed_at time_spent_seconds deleted\n{enrollments}"
            ),
        );
        let calendar = Calendar { fiscal_year_start: 1, holidays: Default::default() };
        let zone = chrono_tz::Europe::Berlin;
        let attempts = Attempts::build(&[enrollments], &[content], &identity, zone, Day::MIN);
        facts(&attempts, zone, &calendar)
            .into_iter()
            .map(|(day, facts)| (crate::period::date_of(day).to_string(), facts[&0]))
            .collect()
    }

    fn due(facts: &BTreeMap<String, Facts>, on: &str) -> (i64, [i64; 4], i64) {
        (facts[on].due, facts[on].due_done, facts[on].due_on_time)
    }

    #[test]
    fn done_is_judged_at_the_end_of_the_period_that_holds_the_due_day_and_on_time_at_the_due_instant() {
        // Due on Friday the 6th of March; done at that instant, the next day, the next week, the next month and quarter.
        for (done, done_by, on_time) in [
            ("2026-03-06T16:00:00Z", [1, 1, 1, 1], 1),
            ("2026-03-06T16:00:01Z", [1, 1, 1, 1], 0),
            ("2026-03-06T23:30:00Z", [0, 1, 1, 1], 0),
            ("2026-03-09T09:00:00Z", [0, 0, 1, 1], 0),
            ("2026-04-01T09:00:00Z", [0, 0, 0, 0], 0),
            ("-", [0, 0, 0, 0], 0),
        ] {
            let status = if done == "-" { "assigned" } else { "passed" };
            let facts = told(&format!("u1 c 1 {status} true 2026-03-02T08:00:00Z 2026-03-06T16:00:00Z {done} - -"));
            assert_eq!(due(&facts, "2026-03-06"), (1, done_by, on_time), "{done}");
            assert_eq!(facts["2026-03-02"].assigned, 1);
        }
    }

    #[test]
    fn what_was_waived_withdrawn_deleted_or_not_required_is_not_due() {
        for row in ["waived true - -", "withdrawn true - -", "assigned true - true", "assigned false - -"] {
            let words: Vec<&str> = row.split(' ').collect();
            let [status, required, spent, deleted] = words[..] else { panic!("{row}") };
            let facts = told(&format!(
                "u1 c 1 {status} {required} 2026-03-02T08:00:00Z 2026-03-06T16:00:00Z - {spent} {deleted}"
            ));
            assert!(facts.is_empty(), "{row}: {facts:?}");
        }
        let due_alone = told("u1 c 1 assigned true - 2026-03-06T16:00:00Z - - -");
        assert_eq!((due_alone.len(), due(&due_alone, "2026-03-06").0), (1, 1), "due counts without an assignment");
    }

    #[test]
    fn each_attempt_is_assigned_due_and_completed_in_its_own_periods() {
        let rows = [
            "u1 c 1 failed true 2025-03-02T08:00:00Z 2025-03-04T16:00:00Z - - -",
            "u1 c 2 completed true 2026-03-09T08:00:00Z 2026-03-11T16:00:00Z 2026-03-10T09:00:00Z - -",
            "u1 c 2 completed true 2026-03-09T09:00:00Z 2026-03-11T17:00:00Z 2026-03-11T09:00:00Z - -",
        ];
        for order in [[0, 1, 2], [2, 1, 0], [1, 2, 0]] {
            let facts = told(&order.map(|at| rows[at]).join("\n"));
            let days: Vec<(&str, i64, i64, i64, i64)> = facts
                .iter()
                .map(|(day, facts)| (day.as_str(), facts.assigned, facts.due, facts.due_on_time, facts.completions))
                .collect();
            let each = [
                ("2025-03-02", 1, 0, 0, 0),
                ("2025-03-04", 0, 1, 0, 0),
                ("2026-03-09", 1, 0, 0, 0),
                ("2026-03-10", 0, 0, 0, 1),
                ("2026-03-11", 0, 1, 1, 0),
            ];
            assert_eq!(days, each, "{order:?}");
        }
    }

    #[test]
    fn the_last_day_is_the_24_hours_before_due_and_a_quarter_of_the_time_is_no_checkbox() {
        // (completed, seconds spent) -> last day, checkbox; a quarter of 100 minutes is 1,500 seconds.
        for (done, spent, last_day, checkbox) in [
            ("2026-03-05T15:59:59Z", "60", 0, 0),
            ("2026-03-05T16:00:00Z", "1499", 1, 1),
            ("2026-03-06T16:00:00Z", "1500", 1, 0),
            ("2026-03-06T16:00:00Z", "-", 1, 0),
            ("2026-03-06T16:00:01Z", "60", 0, 0),
        ] {
            let facts = told(&format!("u1 c 1 completed false - 2026-03-06T16:00:00Z {done} {spent} -"));
            let fact = facts[&done[..10].to_owned()];
            assert_eq!((fact.completions, fact.last_day, fact.checkbox), (1, last_day, checkbox), "{done} {spent}");
        }
        let unknown = told("u1 d 1 completed false - 2026-03-06T16:00:00Z 2026-03-06T09:00:00Z 60 -");
        assert_eq!(unknown["2026-03-06"].checkbox, 0, "the duration of deleted content is not known");
    }

    #[test]
    fn a_fingerprint_changes_with_every_count_of_the_day() {
        let people = People { workers: vec!["w1".into()], ..People::default() };
        let print = |facts: Facts| fingerprint(&BTreeMap::from([(0, facts)]), &people);
        let none = Facts::default();
        let mut prints = vec![print(none)];
        for at in 0..4 {
            let mut facts = none;
            facts.due_done[at] = 1;
            prints.push(print(facts));
        }
        prints.extend([
            print(Facts { assigned: 1, ..none }),
            print(Facts { due: 1, ..none }),
            print(Facts { due_on_time: 1, ..none }),
            print(Facts { completions: 1, ..none }),
            print(Facts { last_day: 1, ..none }),
            print(Facts { checkbox: 1, ..none }),
        ]);
        let distinct: std::collections::BTreeSet<u64> = prints.iter().copied().collect();
        assert_eq!(distinct.len(), prints.len());
        assert!(day("2026-03-06") > 0);
    }
}
