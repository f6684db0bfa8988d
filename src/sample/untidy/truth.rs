//! The figures that a careful reader of an untidy company finds, by month in the reporting zone: the part `untidy` of `truth.json`.

use std::collections::BTreeMap;

use chrono::{Datelike, NaiveDate};
use chrono_tz::Tz;
use serde::Serialize;

use crate::period::{Day, date_of, day_of};

use super::super::Company;
use super::super::deliver::{Export, jobs};
use super::super::people::rows;
use super::acts::Told;
use super::obligations::{Learned, learned};
use super::replays;
use super::{Worker, headcount, hris, lists_former, lists_worker, parts, removed_on, renamed, workers};

/// In which a day is a day.
pub const ZONE: Tz = chrono_tz::Europe::Berlin;

/// What is right.
#[derive(Debug, Clone, Serialize)]
pub struct Right {
    pub zone: &'static str,
    /// The first month with figures; the last is the last whole one.
    pub report_from: String,
    /// The whole company, by month: `2025-11`.
    pub months: BTreeMap<String, Figures>,
    /// Required training, by year of the day in question; the first and the last year are not whole.
    pub years: BTreeMap<String, Required>,
    /// Active employees on the last day of each month.
    pub headcount_on: BTreeMap<String, u32>,
    /// Accounts whose person is not who one would think, at most fifty of each kind.
    pub who: Vec<Who>,
    pub untidiness: Untidiness,
}

#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize)]
pub struct Figures {
    /// Workers who were active employees on at least one day.
    pub headcount: u32,
    pub visitors: u32,
    pub active_learners: u32,
    pub contributors: u32,
    /// Time in which people learned, none of it twice.
    pub learning_seconds: u64,
    /// Acts of accounts that are nobody: unknown, removed before, or of a site that nobody declared.
    pub unmatched_events: u64,
    #[serde(flatten)]
    pub required: Required,
}

/// Required training of those who were counted in the month.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Required {
    pub assigned: u32,
    pub due: u32,
    /// Of `due`: done by the end of the month.
    pub due_completed: u32,
    pub due_completed_on_time: u32,
    /// Successes, one for each attempt, required or not.
    pub completions: u32,
}

/// Which workers an account is, and from when to when.
#[derive(Debug, Clone, Serialize)]
pub struct Who {
    pub account: String,
    pub why: &'static str,
    pub is: Vec<Span>,
}

#[derive(Debug, Clone, Serialize)]
pub struct Span {
    pub worker: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// The first day on which it is not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
}

/// How much there is of each thing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Untidiness {
    pub former_workers: usize,
    pub back_under_a_new_id: usize,
    pub leavers_the_hr_system_forgot: usize,
    pub accounts_removed: usize,
    pub second_jobs: usize,
    pub parts_of_a_list: usize,
    pub files_with_events_told_again: usize,
    pub files_with_events_told_again_at_another_time: usize,
    pub marks_above_the_maximum: u64,
    pub marks_below_nothing: u64,
}

/// Days before the first week since which the figures speak: last year's required training lies in them.
const SPEAKS_SINCE: Day = 380;
const WHO_MAX: usize = 50;

/// The first day of the first month with figures.
pub fn report_from(company: &Company) -> Day {
    first_of_month(company.calendar.start - SPEAKS_SINCE)
}

fn first_of_month(day: Day) -> Day {
    date_of(day).with_day(1).map_or(day, day_of)
}

fn next_month(day: Day) -> Day {
    let date = date_of(day);
    let (year, month) = if date.month() == 12 { (date.year() + 1, 1) } else { (date.year(), date.month() + 1) };
    NaiveDate::from_ymd_opt(year, month, 1).map_or(Day::MAX, day_of)
}

fn label(day: Day) -> String {
    date_of(day).to_string()
}

pub fn right(company: &Company) -> Right {
    let (told, learned) = (Told::of(company), learned(company));
    let mut right = Right {
        zone: ZONE.name(),
        report_from: label(report_from(company)),
        months: BTreeMap::new(),
        years: BTreeMap::new(),
        headcount_on: BTreeMap::new(),
        who: who(company),
        untidiness: untidiness(company, &learned),
    };
    let mut from = report_from(company);
    while next_month(from) <= company.calendar.end() {
        let to = next_month(from);
        let mut figures = Figures { headcount: headcount(company, from, to), ..Figures::default() };
        let month = told.month(from, to);
        figures.unmatched_events = month.unmatched;
        for (_, own) in month.workers.iter().filter(|(worker, _)| worker.counts(company, from, to)) {
            figures.visitors += u32::from(own.visits);
            figures.active_learners += u32::from(own.is_active);
            figures.contributors += u32::from(own.gives);
            figures.learning_seconds += own.seconds();
        }
        figures.required = required(company, &learned, from, to);
        right.years.entry(label(from)[..4].to_owned()).or_default().add(figures.required);
        right.headcount_on.insert(label(to - 1), headcount(company, to - 1, to));
        right.months.insert(label(from)[..7].to_owned(), figures);
        from = to;
    }
    right
}

impl Required {
    fn add(&mut self, other: Required) {
        self.assigned += other.assigned;
        self.due += other.due;
        self.due_completed += other.due_completed;
        self.due_completed_on_time += other.due_completed_on_time;
        self.completions += other.completions;
    }
}

fn required(company: &Company, learned: &Learned, from: Day, to: Day) -> Required {
    let within = |day: Day| (from..to).contains(&day);
    let counts = |worker: Worker| worker.counts(company, from, to);
    let mut sum = Required::default();
    for one in learned.obligations.iter().filter(|one| counts(one.worker)) {
        sum.assigned += u32::from(within(one.assigned));
        if one.due.is_some_and(within) {
            sum.due += 1;
            sum.due_completed += u32::from(one.done.is_some_and(|done| done.day < to));
            sum.due_completed_on_time += u32::from(one.done.is_some_and(|done| done.in_time));
        }
    }
    let completed = learned.completions.iter().filter(|(worker, day)| within(*day) && counts(*worker));
    sum.completions = completed.count() as u32;
    sum
}

fn who(company: &Company) -> Vec<Who> {
    let span = |worker: Worker, from: Option<Day>, to: Option<Day>| Span {
        worker: worker.id(),
        from: from.map(label),
        to: to.map(label),
    };
    let accounts =
        || company.accounts.all.iter().enumerate().filter_map(|(index, one)| Some((index, one, one.person?)));
    let mut all = Vec::new();
    for (_, account, person) in accounts().filter(|(.., person)| renamed(company, *person).is_some()).take(WHO_MAX) {
        let again = renamed(company, person);
        let [first, second] = [false, true].map(|again| Worker { person: person as u32, again });
        let is = vec![span(first, None, again), span(second, again, None)];
        all.push(Who { account: account.id.clone(), why: "came back as another worker", is });
    }
    for (_, account, person) in accounts().filter(|(_, account, _)| account.is_second).take(WHO_MAX) {
        let worker = Worker { person: person as u32, again: false };
        let is = vec![span(worker, None, None)];
        all.push(Who { account: account.id.clone(), why: "a second account of the same person", is });
    }
    let removed =
        accounts().filter_map(|(index, account, person)| Some((account, person, removed_on(company, index)?)));
    for (account, person, removed) in removed.filter(|(account, ..)| !account.is_second).take(WHO_MAX) {
        let worker = Worker::on(company, person, removed);
        let is = vec![span(worker, None, Some(removed))];
        all.push(Who { account: account.id.clone(), why: "removed from its site after leaving", is });
    }
    all
}

fn untidiness(company: &Company, learned: &Learned) -> Untidiness {
    let end = company.calendar.end();
    let forgotten = workers(company).filter(|worker| !lists_worker(company, *worker, end)).count();
    let former = &company.untidy.former;
    let replays: Vec<replays::Replay> = jobs(company)
        .iter()
        .filter(|job| job.export == Export::Activity)
        .filter_map(|job| replays::of(company, job))
        .collect();
    let has_two = |person: &usize| {
        let rows = rows(*person, &company.people[*person], &company.org);
        rows.iter().any(|row| hris::second_job(company, *person, row).is_some())
    };
    Untidiness {
        former_workers: former.len(),
        back_under_a_new_id: (0..company.people.len()).filter(|person| renamed(company, *person).is_some()).count(),
        leavers_the_hr_system_forgot: forgotten
            + (0..former.len()).filter(|former| !lists_former(company, *former, end)).count(),
        accounts_removed: (0..company.accounts.all.len())
            .filter(|account| removed_on(company, *account).is_some())
            .count(),
        second_jobs: (0..company.people.len()).filter(has_two).count(),
        parts_of_a_list: parts(company),
        files_with_events_told_again: replays.len(),
        files_with_events_told_again_at_another_time: replays.iter().filter(|one| one.stamped.is_some()).count(),
        marks_above_the_maximum: learned.above_maximum,
        marks_below_nothing: learned.below_nothing,
    }
}
