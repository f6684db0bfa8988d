//! Completions long before the person was hired: an account that was somebody else's, or a date that is none.

use arrow::array::RecordBatch;
use chrono_tz::Tz;
use hashbrown::HashMap;

use super::columns::{Text, bools, dates, instants};
use super::history::People;
use super::identity::{Identity, Who};
use crate::contract::arrow::DELETED;
use crate::period::{Day, DayClock};

/// A rehire or a late entry into HRIS explains less than this.
const YEAR: Day = 365;

/// Completions of people known to HRIS that lie more than a year before the first day on which they were ever hired, and all
/// completions of people whose hire date is known. Who an account is, is asked of `day`.
pub fn completed_before_hire(
    enrollments: &[RecordBatch],
    workers: &[RecordBatch],
    identity: &Identity,
    people: &People,
    zone: Tz,
    day: Day,
) -> (u64, u64) {
    let mut hired: HashMap<&str, Day> = HashMap::new();
    for batch in workers {
        let (worker, deleted) = (Text::of(batch, "worker_id"), bools(batch, DELETED));
        let (last, first) = (dates(batch, "hire_date"), dates(batch, "original_hire_date"));
        for row in (0..batch.num_rows()).filter(|row| deleted(*row) != Some(true)) {
            let (Some(worker), Some(date)) = (worker.get(row), [last(row), first(row)].into_iter().flatten().min())
            else {
                continue;
            };
            let held = hired.entry(worker).or_insert(date);
            *held = (*held).min(date);
        }
    }
    let (mut before, mut all) = (0, 0);
    if hired.is_empty() {
        return (before, all);
    }
    let mut clock = DayClock::new(zone);
    for batch in enrollments {
        let (user, status) = (Text::of(batch, "user_id"), Text::of(batch, "status"));
        let (completed, deleted) = (instants(batch, "completed_at"), bools(batch, DELETED));
        let hired_on = user.each(batch.num_rows(), &mut |user| match identity.who(user, day) {
            Who::Worker(worker) => people.workers.get(worker as usize).and_then(|id| hired.get(id.as_str())).copied(),
            _ => None,
        });
        for (row, hired) in hired_on.into_iter().enumerate() {
            let (Some(Some(hired)), Some(at)) = (hired, completed(row)) else { continue };
            if deleted(row) == Some(true) || !matches!(status.get(row), Some("completed" | "passed")) {
                continue;
            }
            all += 1;
            before += u64::from(clock.day(at) < hired - YEAR);
        }
    }
    (before, all)
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{day, rows};
    use super::super::history::Eligibility;
    use super::*;

    #[test]
    fn a_completion_more_than_a_year_before_the_first_hire_is_counted_and_one_within_it_is_not() {
        let workers = [rows(
            "workers",
            "worker_id effective_from status employee_no hire_date  original_hire_date
             w1        2026-01-01     active 1           2026-01-01 -
             w2        2026-01-01     active 2           2026-01-01 2020-01-01",
        )];
        let people =
            People::build(&workers, &Eligibility { worker_types: vec!["employee".into()], min_tenure_days: 0 });
        let users = [rows("users", "user_id employee_no status\nu1 1 active\nu2 2 active")];
        let identity = Identity::build(&users, &[], &workers, &people);
        let enrollments = [rows(
            "enrollments",
            "user_id content_id status      completed_at
             u1      a          completed   2024-12-01T09:00:00Z
             u1      b          completed   2025-02-01T09:00:00Z
             u1      c          in_progress 2024-12-01T09:00:00Z
             u2      a          passed      2024-12-01T09:00:00Z
             u9      a          completed   2024-12-01T09:00:00Z",
        )];
        let found =
            completed_before_hire(&enrollments, &workers, &identity, &people, chrono_tz::UTC, day("2026-03-01"));
        assert_eq!(found, (1, 3), "the second of three is within a year, the fourth was hired long ago");
    }
}
