//! The statements of one record store that three sites feed: phone apps of one place and of the academy, and what is left of the
//! company that was bought. Account names are numbers that each site gives anew, objects are IRIs, one sitting is told by three
//! statements over the same minutes, some are sent again or taken back weeks later, and a fourth site sends what nobody asked for.

use crate::period::Day;

use super::super::Company;
use super::super::accounts::{Bridge, Kind};
use super::super::calendar::{is_weekend, rhythm};
use super::super::content::FREE;
use super::super::deliver::{Export, Job};
use super::super::dirt;
use super::super::rng::{Purpose, Stream};
use super::super::text::{self, Instant};
use super::removed_on;
use super::sites::{STRAY, Site, name};

/// The place whose people use the app of the company's own LMS, an index of [`super::super::names::LOCATIONS`].
const PLACE: usize = 3;
/// Sittings of one file at most.
const MOST: usize = 5_000;
/// Statements of the file before that a file begins with.
const AGAIN: usize = 5;

/// What is done; its place in the act's weight is told by the feed beside the job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verb {
    Experienced,
    Initialized,
    Progressed,
    Answered,
    Completed,
    Passed,
    Failed,
    Terminated,
    Registered,
    Voided,
}

impl Verb {
    fn iri(self) -> String {
        let word = match self {
            Verb::Experienced => "experienced",
            Verb::Initialized => "initialized",
            Verb::Progressed => "progressed",
            Verb::Answered => "answered",
            Verb::Completed => "completed",
            Verb::Passed => "passed",
            Verb::Failed => "failed",
            Verb::Terminated => "terminated",
            Verb::Registered => "registered",
            Verb::Voided => "voided",
        };
        format!("http://adlnet.gov/expapi/verbs/{word}")
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Actor {
    /// An index of accounts.
    Account(usize),
    /// Somebody of the site that nobody declared, under the name of an account of another site.
    Stray(usize),
}

#[derive(Debug, Clone)]
pub struct Statement {
    id: String,
    pub at: Instant,
    pub actor: Actor,
    pub verb: Verb,
    /// An index of the catalogue.
    object: usize,
    pub seconds: u32,
    /// In hundredths of the maximum.
    scaled: Option<i32>,
    voids: Option<String>,
    /// Taken back, in this file or the next.
    pub is_void: bool,
}

/// All deliveries of statements.
pub fn jobs(company: &Company) -> Vec<Job> {
    let calendar = company.calendar;
    let job = |(nth, week): (usize, u32)| {
        let to = calendar.monday((week + 4).min(calendar.weeks));
        Job { export: Export::Xapi, nth: nth as u32, from: calendar.monday(week), to }
    };
    (0..calendar.weeks).step_by(4).enumerate().map(job).collect()
}

/// The statements that a file is the first to bring, in its order.
pub fn made(company: &Company, job: &Job) -> Vec<Statement> {
    let mut stream = Stream::new(company.options.seed, Purpose::Untidy, (1 << 32) | u64::from(job.nth));
    let learners: Vec<Vec<usize>> = Site::ALL.iter().map(|site| learners(company, *site)).collect();
    let open: Vec<usize> =
        (FREE..company.content.len()).filter(|item| company.content[*item].published < job.from).collect();
    let days: Vec<Day> = (job.from..job.to).filter(|day| !is_weekend(*day)).collect();
    let weights: Vec<f64> = days.iter().map(|day| rhythm(*day)).collect();
    let everybody: usize = learners.iter().map(Vec::len).sum();
    let mut all = Vec::new();
    if everybody == 0 || open.is_empty() {
        return all;
    }
    beyond(company, job, &mut all, &mut stream, &open);
    let shares: Vec<f64> = learners.iter().map(|of| of.len() as f64).collect();
    for n in 0..(everybody * days.len() / 14).clamp(6, MOST) {
        let site = stream.weighted(&shares);
        let account = *stream.pick(&learners[site]);
        let day = days[stream.weighted(&weights)];
        let object = *stream.pick(&open);
        let bits = stream.bits();
        // Evenings in New York lie after midnight in Berlin.
        let (opens, hours) = if Site::ALL[site] == Site::Academy { (50_400, 35_000) } else { (9_000, 36_000) };
        let at = Instant::new(day, opens + (bits % hours) as u32);
        if may_act(company, account, day) {
            sitting(&mut all, &mut stream, n, Sitting { account, at, object, bits: bits >> 20 });
        }
    }
    // The next file takes back the last statement, if there is a next file.
    let has_next = job.to < company.calendar.end();
    if let Some(last) = all.last_mut().filter(|last| has_next && last.voids.is_none()) {
        last.is_void = true;
    }
    all
}

fn learners(company: &Company, site: Site) -> Vec<usize> {
    let uses = |index: &usize| {
        let account = &company.accounts.all[*index];
        let at = |place: usize| account.person.is_some_and(|person| company.people[person].location == place);
        let is_known = account.kind == Kind::Learner && account.bridge != Bridge::None;
        is_known && account.site == site && (site != Site::Main || at(PLACE))
    };
    (0..company.accounts.all.len()).filter(uses).collect()
}

fn may_act(company: &Company, account: usize, day: Day) -> bool {
    let of = &company.accounts.all[account];
    let employed = of
        .person
        .is_some_and(|person| company.people[person].employments().iter().any(|run| (run.0..run.1).contains(&day)));
    employed && of.created <= day && of.deactivated.is_none_or(|gone| day < gone)
}

struct Sitting {
    account: usize,
    at: Instant,
    object: usize,
    bits: u64,
}

/// What one sitting says: one statement, or three that each say how long all of it took.
fn sitting(all: &mut Vec<Statement>, stream: &mut Stream, n: usize, of: Sitting) {
    let Sitting { account, at, object, bits } = of;
    let seconds = 20 + (bits & 0x3ff) as u32;
    let mut add = |verb, after: i64, seconds, scaled| {
        all.push(Statement {
            id: uuid(stream),
            at: Instant(at.0 + after),
            actor: Actor::Account(account),
            verb,
            object,
            seconds,
            scaled,
            voids: None,
            is_void: false,
        });
    };
    match n % 8 {
        0 | 4 => {
            let long = 300 + 4 * seconds;
            add(Verb::Initialized, -i64::from(long), 0, None);
            // One in two of those who fail lose points.
            let (verb, scaled) = match bits >> 10 & 7 {
                0 => (Verb::Failed, if bits >> 13 & 1 == 0 { -25 } else { 40 }),
                drawn => (Verb::Passed, 60 + 5 * drawn as i32),
            };
            add(Verb::Completed, 0, long, None);
            add(verb, 1, long, Some(scaled));
            add(Verb::Terminated, 2, long, None);
        }
        1 => add(Verb::Registered, 0, 0, None),
        2 | 6 => add(Verb::Experienced, 0, seconds, None),
        3 => add(Verb::Answered, 0, seconds, None),
        _ => add(Verb::Progressed, 0, seconds, None),
    }
    // One in forty was sent by mistake, and is taken back by a statement that may come before it.
    if n % 40 == 7 {
        let Some(mistake) = all.last_mut() else { return };
        mistake.is_void = true;
        let voiding = Statement {
            id: uuid(stream),
            at: Instant(mistake.at.0 + 300),
            verb: Verb::Voided,
            seconds: 0,
            scaled: None,
            voids: Some(mistake.id.clone()),
            is_void: false,
            ..mistake.clone()
        };
        let place = if n % 80 == 7 { all.len() - 1 } else { all.len() };
        all.insert(place, voiding);
    }
}

/// What comes from a site that nobody declared, and from accounts that are no more.
fn beyond(company: &Company, job: &Job, all: &mut Vec<Statement>, stream: &mut Stream, open: &[usize]) {
    let mut add = |actor, day: Day, stream: &mut Stream| {
        all.push(Statement {
            id: uuid(stream),
            at: Instant::new(day, 36_000 + stream.below(3_600)),
            actor,
            verb: Verb::Experienced,
            object: *stream.pick(open),
            seconds: 60,
            scaled: None,
            voids: None,
            is_void: false,
        });
    };
    for n in 0..2 {
        let account = stream.below(company.accounts.all.len() as u32) as usize;
        add(Actor::Stray(account), job.from + 1 + n, stream);
    }
    let after = |account: &usize| {
        let of = &company.accounts.all[*account];
        let is_own = of.kind == Kind::Learner && !of.is_second;
        is_own && removed_on(company, *account).is_some_and(|day| (job.from + 1..job.to).contains(&(day + 3)))
    };
    for account in (0..company.accounts.all.len()).filter(after).take(2).collect::<Vec<_>>() {
        let removed = removed_on(company, account).unwrap_or(job.from);
        add(Actor::Account(account), removed + 3, stream);
    }
}

/// The statements of the job's weeks, after some of the file before and what takes one of those back.
pub fn write(company: &Company, job: &Job) -> Vec<u8> {
    let mut out = Vec::new();
    let all = jobs(company);
    let before = job.nth.checked_sub(1).and_then(|nth| all.get(nth as usize)).map(|before| made(company, before));
    if let Some(before) = before {
        let again = &before[before.len().saturating_sub(AGAIN)..];
        again.iter().for_each(|one| statement(&mut out, company, one));
        if let Some(last) = before.last().filter(|last| last.is_void && last.voids.is_none()) {
            let mut stream = Stream::new(company.options.seed, Purpose::Untidy, (1 << 33) | u64::from(job.nth));
            let voiding = Statement {
                id: uuid(&mut stream),
                at: Instant::new(job.from, 32_400),
                verb: Verb::Voided,
                voids: Some(last.id.clone()),
                ..last.clone()
            };
            statement(&mut out, company, &voiding);
        }
    }
    made(company, job).iter().for_each(|one| statement(&mut out, company, one));
    dirt::soil_statements(company, job, &mut out);
    out
}

fn statement(out: &mut Vec<u8>, company: &Company, one: &Statement) {
    let (home, name) = match one.actor {
        Actor::Account(account) => {
            let of = &company.accounts.all[account];
            (of.site.home_page(), name(of))
        }
        Actor::Stray(account) => (STRAY, name(&company.accounts.all[account])),
    };
    out.extend_from_slice(format!(r#"{{"id":"{}","timestamp":""#, one.id).as_bytes());
    text::instant(out, one.at);
    out.extend_from_slice(br#"","stored":""#);
    text::instant(out, Instant(one.at.0 + 2));
    let object = match &one.voids {
        Some(id) => format!(r#"{{"objectType":"StatementRef","id":"{id}"}}"#),
        None => {
            let item = &company.content[one.object];
            format!(
                r#"{{"objectType":"Activity","id":"https://lms.haldenruck.example/content/{}","definition":{{"type":"http://adlnet.gov/expapi/activities/{}"}}}}"#,
                item.id,
                if item.kind == "video" { "media" } else { "lesson" }
            )
        }
    };
    out.extend_from_slice(
        format!(
            r#"","actor":{{"objectType":"Agent","account":{{"homePage":"{home}","name":"{name}"}}}},"verb":{{"id":"{}"}},"object":{object}"#,
            one.verb.iri()
        )
        .as_bytes(),
    );
    if one.voids.is_none() && (one.seconds > 0 || one.scaled.is_some()) {
        let duration = format!(r#""duration":"PT{}M{}S""#, one.seconds / 60, one.seconds % 60);
        let score = one.scaled.map(|scaled| format!(r#","score":{{"scaled":{}}}"#, f64::from(scaled) / 100.0));
        out.extend_from_slice(format!(r#","result":{{{duration}{}}}"#, score.unwrap_or_default()).as_bytes());
    }
    out.extend_from_slice(b"}\n");
}

/// A random UUID (version 4).
fn uuid(stream: &mut Stream) -> String {
    let (high, low) = (stream.bits(), stream.bits());
    format!(
        "{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}",
        high >> 32,
        high >> 16 & 0xffff,
        high & 0xfff,
        0x8000 | (low >> 48 & 0x3fff),
        low & 0xffff_ffff_ffff,
    )
}
