//! `uptake sample`: a believable company at any scale, delivered as vendors would deliver it.
//!
//! Everything is a pure function of [`Options`]: the same bytes on any machine and any number of threads. The company
//! (people, units, catalogue, enrollments) is held whole; its activity and community are made file by file, in parallel,
//! and never held together. What was planted is written to `truth.json` beside `landing/`. An untidy company also has a job of its own.

mod accounts;
mod activity;
mod calendar;
mod careers;
mod community;
mod competency;
mod content;
mod deliver;
mod dirt;
mod governance;
mod learning;
mod names;
mod org;
mod outcomes;
mod people;
mod plan;
mod reviews;
mod rng;
mod text;
mod texts;
mod truth;
mod untidy;
mod visitors;

use std::sync::mpsc::sync_channel;

use bytes::Bytes;
use chrono::NaiveDate;
use rayon::prelude::*;

use crate::period::{Day, day_of};

use calendar::Calendar;
pub use dirt::Flawed;
pub use truth::{Effect, Panel, PeopleTruth, Team, Truth};

/// How the activity export, the big one, is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    Csv,
    CsvGz,
    Ndjson,
    Parquet,
}

/// How much time one file of the activity export covers. All other exports are weekly or rarer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cadence {
    Daily,
    Weekly,
}

/// What kind of company, and how it is written.
#[derive(Debug, Clone, PartialEq)]
pub struct Options {
    /// People at work in the first week, contractors and interns included: 10 to 2,000,000.
    pub workers: u32,
    /// Whole ISO weeks: 1 to 520. Effects are planted from 22 weeks on.
    pub weeks: u32,
    pub seed: u64,
    /// Late, repeated, corrected and broken deliveries among the good ones.
    pub dirt: bool,
    /// As untidy as real companies are: people who come back as new workers, accounts that vanish, three learning sites, exports in
    /// parts. Nothing of it is wrong, and `truth.json` says what is right; a job and its feeds are written beside it.
    pub untidy: bool,
    pub format: Format,
    pub cadence: Cadence,
    /// About how many activity events to write; `None` lets the company decide (some seven a visit).
    pub events: Option<u64>,
    /// First day; the Monday of its week is taken.
    pub start: NaiveDate,
}

impl Options {
    /// A clean company with weekly CSV.gz files whose last week ends on 2026-03-29.
    pub fn new(workers: u32, weeks: u32, seed: u64) -> Options {
        let end = NaiveDate::from_ymd_opt(2026, 3, 30).unwrap_or_default();
        let start = end - chrono::Days::new(7 * u64::from(weeks.min(520)));
        Options {
            workers,
            weeks,
            seed,
            dirt: false,
            untidy: false,
            format: Format::CsvGz,
            cadence: Cadence::Weekly,
            events: None,
            start,
        }
    }

    fn calendar(&self) -> Calendar {
        let start: Day = day_of(self.start);
        Calendar { start: start - calendar::weekday(start) as Day, weeks: self.weeks }
    }

    fn check(&self) -> Result<(), OptionsError> {
        if !(10..=2_000_000).contains(&self.workers) {
            return Err(OptionsError(format!("{} workers: a company has 10 to 2,000,000", self.workers)));
        }
        if !(1..=520).contains(&self.weeks) {
            return Err(OptionsError(format!("{} weeks: 1 to 520 can be simulated", self.weeks)));
        }
        if !(10_000..60_000).contains(&day_of(self.start)) {
            return Err(OptionsError(format!("start {}: a year from 1998 to 2133 is needed", self.start)));
        }
        Ok(())
    }
}

/// Options no company can be made of.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{0}")]
pub struct OptionsError(String);

/// Where the files go. Paths are relative, with `/`; each is put once.
pub trait Sink {
    type Error;

    /// # Errors
    /// The bytes cannot be stored.
    fn put(&mut self, path: &str, bytes: Bytes) -> Result<(), Self::Error>;
}

/// What was written.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct Summary {
    /// People who ever work here.
    pub workers: u64,
    pub files: u64,
    pub bytes: u64,
    /// Rows of the activity export, repeated deliveries not counted.
    pub events: u64,
}

/// Why a sample was not written.
#[derive(Debug, thiserror::Error)]
pub enum SampleError<E> {
    #[error(transparent)]
    Options(#[from] OptionsError),
    #[error("cannot store {path}")]
    Store { path: String, source: E },
    #[error("cannot encode a file of the sample")]
    Encode(#[from] std::io::Error),
}

/// The whole company in memory, without its activity and community.
#[derive(Debug, Clone)]
pub struct Company {
    options: Options,
    calendar: Calendar,
    org: org::Org,
    people: Vec<people::Person>,
    accounts: accounts::Accounts,
    content: Vec<content::Content>,
    enrollments: Vec<learning::Enrollment>,
    activity: activity::Activity,
    plan: plan::Plan,
    competency: competency::Competency,
    untidy: untidy::Untidy,
}

impl Company {
    /// # Errors
    /// The options are out of range.
    pub fn build(options: &Options) -> Result<Company, OptionsError> {
        options.check()?;
        let calendar = options.calendar();
        let mut org = org::build(options, calendar);
        let people = careers::build(options, calendar, &mut org);
        let untidy = untidy::build(options, calendar, &org);
        let accounts = accounts::build(options, calendar, &people);
        let content = content::build(options, calendar, &people, &accounts);
        let enrollments = learning::build(options, calendar, &org, &people, &accounts, &content);
        let activity = activity::build(options, calendar, &org, &people, &accounts, &content, &enrollments);
        let plan = plan::build(options, calendar, &org, &people);
        let competency = competency::build(options.seed, calendar, &org, &people, &accounts, &enrollments);
        let options = options.clone();
        Ok(Company {
            options,
            calendar,
            org,
            people,
            accounts,
            content,
            enrollments,
            activity,
            plan,
            competency,
            untidy,
        })
    }

    /// What was planted, and the figures the marts must find.
    pub fn truth(&self) -> Truth {
        truth::truth(self)
    }

    /// Contributions by people below the leaders, by team and week, with each team's first treating post: what an
    /// estimator of leaders' effects sees, without the way through files.
    pub fn panel(&self) -> Panel {
        truth::panel(self)
    }
}

/// Files that wait for the sink at most; with one in work per thread they bound the memory.
const WAITING_FILES: usize = 2;

/// Writes the company: `landing/…` as vendors would drop it, and `truth.json`. Files are made in parallel on rayon's
/// pool and stored one by one on the calling thread, which should not be a thread of that pool. `progress` is told the
/// number of activity events as files are stored.
///
/// # Errors
/// The options are out of range, or the sink fails; then nothing more is put.
pub fn write<S: Sink>(
    options: &Options,
    sink: &mut S,
    progress: &dyn Fn(u64),
) -> Result<Summary, SampleError<S::Error>> {
    let company = Company::build(options)?;
    let mut summary = Summary { workers: company.people.len() as u64, ..Summary::default() };
    let jobs = deliver::jobs(&company);
    let (sender, receiver) = sync_channel(WAITING_FILES);
    std::thread::scope(|scope| {
        let (company, jobs) = (&company, &jobs);
        scope.spawn(move || {
            // Stops early once the receiver is gone, which is when the sink has failed.
            let _ = jobs.par_iter().try_for_each_with(sender, |sender, job| {
                let made = job.run(company);
                let failed = made.is_err();
                sender.send(made).map_err(drop)?;
                if failed { Err(()) } else { Ok(()) }
            });
        });
        for made in receiver {
            for file in made? {
                summary.files += 1;
                summary.bytes += file.bytes.len() as u64;
                summary.events += file.events;
                put(sink, &file.path, file.bytes)?;
                progress(file.events);
            }
        }
        let truth = serde_json::to_vec_pretty(&company.truth()).map_err(std::io::Error::from)?;
        put(sink, "truth.json", Bytes::from([truth.as_slice(), b"\n"].concat()))?;
        if company.options.untidy {
            for (path, text) in untidy::job::files(company) {
                put(sink, &path, Bytes::from(text))?;
            }
        }
        Ok(summary)
    })
}

fn put<S: Sink>(sink: &mut S, path: &str, bytes: Bytes) -> Result<(), SampleError<S::Error>> {
    sink.put(path, bytes).map_err(|source| SampleError::Store { path: path.to_owned(), source })
}

#[cfg(test)]
mod tests;
