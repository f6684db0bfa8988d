//! What was required of whom, by when, and whether it was done: each assignment is one obligation, and every year brings its own.

use std::collections::BTreeMap;

use crate::period::{Day, local_day};

use super::super::Company;
use super::super::accounts::{Account, Bridge};
use super::super::content::SAFETY;
use super::super::learning::{Enrollment, Outcome};
use super::super::text::Instant;
use super::Worker;
use super::enrollments::{lists, names};
use super::sites::Site;
use super::truth::ZONE;

/// What one assignment asks of one worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Obligation {
    pub worker: Worker,
    pub assigned: Day,
    /// The day on which it is due, where it still stands then.
    pub due: Option<Day>,
    pub done: Option<Done>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Done {
    at: Instant,
    pub day: Day,
    pub in_time: bool,
}

/// Everything required and everything completed.
#[derive(Debug, Default)]
pub struct Learned {
    pub obligations: Vec<Obligation>,
    /// One success for each attempt, required or not.
    pub completions: Vec<(Worker, Day)>,
    /// Registrations whose last known mark lies above the maximum, and below nothing.
    pub above_maximum: u64,
    pub below_nothing: u64,
}

/// Attempts of one worker at one content item, by the day of assignment or, where nobody assigned it, of enrollment.
type Attempts = BTreeMap<(Worker, usize), BTreeMap<Day, Attempt>>;

#[derive(Debug, Default, Clone, Copy)]
struct Attempt {
    is_required: bool,
    due: Option<Day>,
    done: Option<Done>,
}

fn day_of(at: Instant) -> Day {
    local_day(at.0 * 1_000_000, ZONE)
}

pub fn learned(company: &Company) -> Learned {
    let mut made = Learned::default();
    let mut attempts = Attempts::new();
    for one in &company.enrollments {
        let account = &company.accounts.all[one.account];
        let Some(known) = Known::of(company, one, account) else { continue };
        let grade = one.score.filter(|_| known.ended.is_some()).map(|score| super::lms::grade(company, score));
        made.above_maximum += u64::from(grade.is_some_and(|grade| grade > 100));
        made.below_nothing += u64::from(grade.is_some_and(|grade| grade < 0));
        let Some(person) = account.person.filter(|_| account.bridge != Bridge::None) else { continue };
        let begun = day_of(one.enrolled);
        let worker = Worker::on(company, person, begun);
        let is_off = matches!(known.ended, Some((_, Outcome::Waived | Outcome::Withdrawn)));
        let attempt = attempts.entry((worker, one.content)).or_default().entry(begun).or_default();
        attempt.is_required |= one.required && !is_off;
        // Of two accounts with one assignment the one that did it counts.
        let done = known.done(one, account);
        if attempt.done.is_none() && !is_off {
            attempt.due = attempt.due.max(known.due(one, done));
        }
        attempt.done = attempt.done.into_iter().chain(done).min();
    }
    outside(company, &mut attempts);
    for ((worker, _), of_item) in attempts {
        for (assigned, attempt) in of_item {
            if let Some(done) = attempt.done {
                made.completions.push((worker, done.day));
            }
            if attempt.is_required {
                made.obligations.push(Obligation { worker, assigned, due: attempt.due, done: attempt.done });
            }
        }
    }
    made
}

/// Certificates from outside belong to the attempt that runs when they are given; a second success of one attempt is none.
fn outside(company: &Company, attempts: &mut Attempts) {
    for one in &company.competency.renewals {
        let account = &company.accounts.all[one.account];
        let Some(person) = account.person.filter(|_| account.bridge != Bridge::None) else { continue };
        let day = day_of(one.passed);
        let of_item = attempts.entry((Worker::on(company, person, day), SAFETY)).or_default();
        let done = |due: Option<Day>| Done {
            at: one.passed,
            day,
            in_time: due.is_some_and(|due| match account.site {
                Site::Academy => day <= due,
                _ => one.passed <= Instant::new(due, DUE_SECONDS),
            }),
        };
        match of_item.range_mut(..=day).next_back() {
            Some((_, attempt)) => attempt.done = attempt.done.into_iter().chain([done(attempt.due)]).min(),
            None => drop(of_item.insert(day, Attempt { done: Some(done(None)), ..Attempt::default() })),
        }
    }
}

/// The hour at which required training is due, where it has an hour.
const DUE_SECONDS: u32 = 61_200;

/// A registration as the last export that names it says it.
struct Known {
    ended: Option<(Instant, Outcome)>,
    /// The first list that does not hold it any more.
    gone: Option<Day>,
}

impl Known {
    fn of(company: &Company, one: &Enrollment, account: &Account) -> Option<Known> {
        let (last, gone) = match account.site {
            Site::Academy => {
                let listed = |day: &Day| names(company, one.account, *day);
                let last = lists(company).filter(listed).last()?;
                (last, lists(company).find(|day| *day > last))
            }
            _ => (company.calendar.end(), None),
        };
        let by = Instant::new(last, 0);
        (one.enrolled < by).then(|| Known { ended: one.ended.filter(|(at, _)| *at < by), gone })
    }

    fn done(&self, one: &Enrollment, account: &Account) -> Option<Done> {
        let (at, _) = self.ended.filter(|(_, outcome)| matches!(outcome, Outcome::Completed | Outcome::Passed))?;
        // The academy's clock has no seconds, and its days end at midnight.
        let at = if account.site == Site::Academy { Instant(at.0.div_euclid(60) * 60) } else { at };
        let day = day_of(at);
        let in_time = one.due.is_some_and(|due| match account.site {
            Site::Academy => day <= due.day(),
            _ => at <= due,
        });
        Some(Done { at, day, in_time })
    }

    /// What is no longer listed and was not done is due no more.
    fn due(&self, one: &Enrollment, done: Option<Done>) -> Option<Day> {
        let day = one.due.map(Instant::day)?;
        (done.is_some() || self.gone.is_none_or(|gone| day < gone)).then_some(day)
    }
}
