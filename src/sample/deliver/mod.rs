//! The company's data at rest, as vendors drop it: one file, one job, any order.

mod activity;
mod community;
mod competency;
mod governance;
pub mod hris;
pub mod lms;
mod texts;
mod xapi;

use std::io::{self, Write};

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;

use crate::period::{Day, date_of};

use super::dirt::{self, Flaw, Place};
use super::reviews::{self, CYCLES};
use super::{Cadence, Company, outcomes, untidy};

/// One file, ready to be stored.
#[derive(Debug)]
pub struct Delivery {
    pub path: String,
    pub bytes: Bytes,
    /// Activity events in it that no other file brings.
    pub events: u64,
}

/// What an export is about; also where it lies and what its files are called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Export {
    Workers,
    OrgUnits,
    Users,
    Content,
    IdentityLinks,
    Transcript,
    Activity,
    Xapi,
    Contributions,
    Reactions,
    Milestones,
    Certificates,
    Submissions,
    Endorsements,
    RubricScores,
    Measures,
    Outcomes,
    Events,
    /// Leaders' playbooks with the content items they became.
    Catalogued,
    /// What was handed in to a review cycle, with its text.
    Texts,
    /// What the two other sites of an untidy company list.
    AcademyUsers,
    NorhavenUsers,
    AcademyTranscript,
}

impl Export {
    /// Path below the root up to the date.
    fn stem(self) -> &'static str {
        match self {
            Export::Workers => "landing/hris/workday/workers",
            Export::OrgUnits => "landing/hris/org_units",
            Export::Users => "landing/lms/users",
            Export::Content => "landing/lms/content",
            Export::IdentityLinks => "landing/identity/identity_links",
            Export::Transcript => "landing/lms/cornerstone/transcript",
            Export::Activity => "landing/lms/activity/activity",
            Export::Xapi => "landing/lms/xapi/statements",
            Export::Contributions => "landing/community/contributions",
            Export::Reactions => "landing/community/reactions",
            Export::Milestones => "landing/hris/milestones",
            Export::Certificates => "landing/lms/external/enrollments",
            Export::Submissions => "landing/reviews/submissions",
            Export::Endorsements => "landing/reviews/reactions",
            Export::RubricScores => "landing/reviews/rubric_scores",
            Export::Measures => "landing/outcomes/measures",
            Export::Outcomes => "landing/business/measures",
            Export::Events => "landing/governance/events",
            Export::Catalogued => "landing/community/catalogued/contributions",
            Export::Texts => "landing/reviews/contributions",
            Export::AcademyUsers => "landing/lms/academy/users",
            Export::NorhavenUsers => "landing/lms/norhaven/users",
            Export::AcademyTranscript => "landing/lms/academy/transcript",
        }
    }

    /// The file delivered on `day`.
    fn path(self, day: Day, suffix: &str) -> String {
        format!("{}_{}.{suffix}", self.stem(), date_of(day))
    }
}

/// One delivery to be made: the `nth` of its export, about the days `[from, to)`, handed over on `to`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Job {
    pub export: Export,
    pub nth: u32,
    pub from: Day,
    pub to: Day,
}

/// All deliveries of a company, in the order of their making.
pub fn jobs(company: &Company) -> Vec<Job> {
    let calendar = company.calendar;
    let mut jobs = Vec::new();
    let is_untidy = company.options.untidy;
    let registers = [
        (Export::Workers, if company.options.workers > 5_000 { 4 } else { 2 }),
        (Export::OrgUnits, 4),
        (Export::Users, 4),
        (Export::Content, 4),
        (Export::IdentityLinks, 20),
    ];
    let of_sites = [(Export::AcademyUsers, 4), (Export::NorhavenUsers, 4)];
    // Registers: as of the first morning, then every few weeks, and once more at the end.
    for (export, every) in registers.into_iter().chain(of_sites.into_iter().filter(|_| is_untidy)) {
        let weeks = (0..calendar.weeks).step_by(every).chain([calendar.weeks]);
        let day = |week| calendar.monday(week);
        jobs.extend(weeks.enumerate().map(|(nth, week)| Job {
            export,
            nth: nth as u32,
            from: day(week),
            to: day(week),
        }));
    }
    let mut streams = |export, step: u32| {
        let weeks = (0..calendar.weeks).step_by(step as usize).enumerate();
        jobs.extend(weeks.map(|(nth, week)| {
            let to = calendar.monday((week + step).min(calendar.weeks));
            Job { export, nth: nth as u32, from: calendar.monday(week), to }
        }));
    };
    for export in [Export::Transcript, Export::Contributions, Export::Reactions] {
        streams(export, 1);
    }
    if is_untidy {
        streams(Export::AcademyTranscript, 1);
    }
    streams(Export::Xapi, 4);
    streams(Export::Milestones, 4);
    streams(Export::Certificates, 4);
    streams(Export::Events, 4);
    streams(Export::Catalogued, 8);
    match company.options.cadence {
        Cadence::Weekly => streams(Export::Activity, 1),
        Cadence::Daily => jobs.extend(calendar.days().enumerate().map(|(nth, day)| Job {
            export: Export::Activity,
            nth: nth as u32,
            from: day,
            to: day + 1,
        })),
    }
    jobs.push(Job { export: Export::Outcomes, nth: 0, from: calendar.start, to: calendar.end() });
    jobs.extend(reviews(company));
    jobs
}

/// Deliveries of the review cycles: `nth` is the cycle, twice over where a second file follows the first.
fn reviews(company: &Company) -> Vec<Job> {
    let mut jobs = Vec::new();
    for (nth, _) in CYCLES.iter().enumerate() {
        let Some((opens, ends)) = reviews::cycle(company, nth) else { continue };
        let mut job = |export, second: bool, to: Day| {
            jobs.push(Job { export, nth: 2 * nth as u32 + u32::from(second), from: opens, to });
        };
        job(Export::Submissions, false, ends - 14);
        job(Export::Submissions, true, ends);
        job(Export::Endorsements, false, ends);
        job(Export::Measures, false, ends);
        job(Export::RubricScores, false, ends + 7);
        job(Export::RubricScores, true, ends + 14);
        job(Export::Texts, false, ends);
    }
    jobs
}

impl Job {
    /// Makes the file, and the second one where it was delivered twice.
    ///
    /// # Errors
    /// The file cannot be encoded.
    pub fn run(&self, company: &Company) -> io::Result<Vec<Delivery>> {
        let flaw = dirt::flaw(company, self);
        if company.options.untidy
            && let Some(made) = untidy::deliver(company, self, flaw)?
        {
            return Ok(made);
        }
        let day = self.to + if flaw == Some(Flaw::Late) { dirt::LATE_DAYS } else { 0 };
        let (suffix, bytes, events) = match self.export {
            Export::Activity => activity::write(company, self, flaw)?,
            Export::Xapi => ("ndjson.gz", gzip(company, &xapi::write(company, self))?, 0),
            export => {
                let mut text = match export {
                    Export::Workers => hris::workers(company, self.to),
                    Export::OrgUnits => hris::org_units(company, self.to),
                    Export::Users => lms::users(company, self.to),
                    Export::Content => lms::content(company, self.to),
                    Export::IdentityLinks => hris::identity_links(company, self.to),
                    Export::Contributions => community::contributions(company, self),
                    Export::Reactions => community::reactions(company, self),
                    Export::Milestones => competency::milestones(company, self),
                    Export::Certificates => competency::renewals(company, self),
                    Export::Submissions => reviews::submissions(company, self.nth as usize / 2, self.to),
                    Export::Endorsements => reviews::endorsements(company, self.nth as usize / 2),
                    Export::RubricScores => {
                        reviews::rubric_scores(company, self.nth as usize / 2, !self.nth.is_multiple_of(2))
                    }
                    Export::Measures => reviews::measures(company, self.nth as usize / 2),
                    Export::Outcomes => outcomes::measures(company),
                    Export::Events => governance::events(company, self),
                    Export::Texts => texts::handed_in(company, self),
                    Export::Catalogued => match governance::catalogued(company, self) {
                        Some(text) => text,
                        None => return Ok(Vec::new()),
                    },
                    _ => lms::transcript(company, self),
                };
                dirt::soil(self, flaw, &mut text);
                if company.options.untidy && export == Export::Transcript {
                    text = untidy::lms::without_attempts(&text);
                }
                // What is small and looked at by people comes plain.
                match export {
                    Export::OrgUnits
                    | Export::Users
                    | Export::Content
                    | Export::IdentityLinks
                    | Export::Milestones
                    | Export::Certificates
                    | Export::Submissions
                    | Export::Endorsements
                    | Export::RubricScores
                    | Export::Measures
                    | Export::Outcomes
                    | Export::Events
                    | Export::Catalogued
                    | Export::Texts => ("csv", Bytes::from(text), 0),
                    _ => ("csv.gz", gzip(company, &text)?, 0),
                }
            }
        };
        let suffix = if flaw == Some(Flaw::HiddenGzip) { "csv" } else { suffix };
        let path = self.path(company, day, suffix);
        let mut made = vec![Delivery { path, bytes: bytes.clone(), events }];
        if flaw == Some(Flaw::Twice) {
            made.push(Delivery { path: self.path(company, self.to + 1, suffix), bytes, events: 0 });
        }
        Ok(made)
    }

    /// Where the file lies that is delivered on `day`.
    pub fn path(&self, company: &Company, day: Day, suffix: &str) -> String {
        let elsewhere = if company.options.untidy { untidy::path(self.export, day, suffix) } else { None };
        elsewhere.unwrap_or_else(|| self.export.path(day, suffix))
    }

    /// Rows of a flawed activity file that an earlier one brought already.
    ///
    /// # Errors
    /// The rows cannot be encoded.
    pub fn rows_again(&self, company: &Company, corrected: bool) -> io::Result<usize> {
        let rows = activity::again(company, self, corrected)?;
        Ok(rows.iter().filter(|byte| **byte == b'\n').count())
    }

    /// Where the job stands among its export's deliveries.
    pub fn place(&self, company: &Company) -> Place {
        let calendar = company.calendar;
        let of = match (self.export, company.options.cadence) {
            (Export::Activity, Cadence::Daily) => 7 * calendar.weeks,
            (Export::Workers, _) if company.options.workers > 5_000 => calendar.weeks.div_ceil(4),
            (Export::Workers, _) => calendar.weeks.div_ceil(2),
            (Export::OrgUnits | Export::Users | Export::Content | Export::Xapi | Export::Events, _) => {
                calendar.weeks.div_ceil(4)
            }
            (Export::Catalogued, _) => calendar.weeks.div_ceil(8),
            (Export::IdentityLinks, _) => calendar.weeks.div_ceil(20),
            _ => calendar.weeks,
        };
        Place { nth: self.nth, of }
    }
}

/// Small companies are kept in repositories, large ones are read at once: size there, speed here.
fn level(company: &Company) -> Compression {
    Compression::new(if company.options.workers <= 1_000 { 9 } else { 2 })
}

/// One member, no name, no time: the same text gives the same bytes.
pub fn gzip(company: &Company, text: &[u8]) -> io::Result<Bytes> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(text.len() / 5), level(company));
    encoder.write_all(text)?;
    encoder.finish().map(Bytes::from)
}
