//! What real companies do to their data, and a tidy one does not: somebody who comes back is a new worker, accounts and leavers vanish
//! from their lists, one person holds two jobs at once, three learning sites count their accounts from one, exports come in parts,
//! days have no time, and what was told is told again on another day.
//!
//! Nothing here is wrong: a reader who reads each of it for what it is finds the figures of [`truth`], to the last one.

mod acts;
mod enrollments;
mod hris;
pub mod job;
pub mod lms;
mod obligations;
pub mod replays;
pub mod sites;
mod statements;
pub mod truth;

use std::io;

use bytes::Bytes;

use crate::period::{Day, OPEN_END, date_of};

use super::accounts::worker_id;
use super::calendar::{Calendar, on_a_weekday};
use super::deliver::{Delivery, Export, Job};
use super::dirt::Flaw;
use super::names::{FIRST, LAST};
use super::org::{Kind as UnitKind, Org, UnitId};
use super::people::{Band, Person, Spell, Status, WorkerType};
use super::rng::{Purpose, Stream};
use super::{Company, Options};
use sites::Site;

/// What an untidy company has beside a tidy one's.
#[derive(Debug, Clone, Default)]
pub struct Untidy {
    /// People who left before the first week: the HR system lists each with one row.
    pub former: Vec<Person>,
}

/// The place of the first former worker's number and address among those of all: nobody else comes so far.
pub const FORMER: usize = 4_000_000;
/// More would run out of ids.
const FORMER_MAX: u32 = 90_000;

pub fn build(options: &Options, calendar: Calendar, org: &Org) -> Untidy {
    let mut made = Untidy::default();
    let teams: Vec<UnitId> = org
        .leaves()
        .filter(|(_, unit)| unit.kind == UnitKind::Team && unit.opens < calendar.start)
        .map(|(id, _)| id)
        .collect();
    if !options.untidy || teams.is_empty() {
        return made;
    }
    let mut stream = Stream::new(options.seed, Purpose::Untidy, 0);
    for _ in 0..(options.workers / 25).clamp(2, FORMER_MAX) {
        let unit = *stream.pick(&teams);
        let left = on_a_weekday(calendar.start - 10 - stream.below(340) as Day);
        let hired = on_a_weekday(left - 60 - stream.below(1_800) as Day);
        let active = Spell {
            from: hired,
            to: left,
            known: hired,
            status: Status::Active,
            unit,
            band: Band::Ic,
            level: 1 + stream.below(4) as u8,
            hired,
        };
        let gone = Spell { from: left, to: OPEN_END, known: left, status: Status::Terminated, ..active };
        made.former.push(Person {
            spells: vec![active, gone],
            worker_type: WorkerType::Employee,
            is_sme: false,
            location: org.units[unit].location,
            first_name: stream.below(FIRST.len() as u32) as usize,
            last_name: stream.below(LAST.len() as u32) as usize,
            resigned: stream.chance(0.75),
            part_time: false,
            keenness: 0.0,
            diligence: 0.0,
        });
    }
    made
}

/// Ids of former workers: below all others.
pub fn former_id(n: usize) -> String {
    format!("W{:06}", n + 1)
}

/// The day from which somebody who came back is another worker; three of four who come back are.
pub fn renamed(company: &Company, person: usize) -> Option<Day> {
    let runs = company.people[person].employments();
    let again = runs.get(1).filter(|_| company.options.untidy && !person.is_multiple_of(4))?;
    Some(again.0)
}

/// One row of the HR system's list of people: a person, or one of the two workers that a person was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Worker {
    pub person: u32,
    /// Whether it is the worker who came back.
    pub again: bool,
}

impl Worker {
    /// Whose acts of a day an account's are: the worker employed then, else the one before, else the next.
    pub fn on(company: &Company, person: usize, day: Day) -> Worker {
        let again = renamed(company, person).is_some_and(|from| from <= day);
        Worker { person: person as u32, again }
    }

    pub fn id(self) -> String {
        worker_id(self.person as usize + if self.again { 5_000_000 } else { 0 })
    }

    /// The worker's own spells.
    pub fn spells(self, company: &Company) -> impl Iterator<Item = &Spell> {
        let since = renamed(company, self.person as usize);
        company.people[self.person as usize]
            .spells
            .iter()
            .filter(move |spell| since.is_none_or(|since| (spell.from >= since) == self.again))
    }

    /// Whether it is counted in `[from, to)`: an active employee on one of the days.
    pub fn counts(self, company: &Company, from: Day, to: Day) -> bool {
        let is_employee = company.people[self.person as usize].worker_type == WorkerType::Employee;
        is_employee && eligible(self.spells(company), from, to)
    }

    /// The first day on which it is employed no more, and stays so.
    fn left(self, company: &Company) -> Option<Day> {
        let last = self.spells(company).last()?;
        (last.status == Status::Terminated).then_some(last.from)
    }
}

fn eligible<'a>(mut spells: impl Iterator<Item = &'a Spell>, from: Day, to: Day) -> bool {
    spells.any(|spell| spell.status == Status::Active && spell.from < to && from < spell.to)
}

/// All workers of the company but the former ones.
pub fn workers(company: &Company) -> impl Iterator<Item = Worker> {
    (0..company.people.len()).flat_map(|person| {
        let second = renamed(company, person).map(|_| true);
        [Some(false), second].into_iter().flatten().map(move |again| Worker { person: person as u32, again })
    })
}

/// Active employees on at least one day of `[from, to)`, one for each worker id.
pub fn headcount(company: &Company, from: Day, to: Day) -> u32 {
    let here = workers(company).filter(|worker| worker.counts(company, from, to)).count();
    let gone_since = company.untidy.former.iter().filter(|person| eligible(person.spells.iter(), from, to)).count();
    (here + gone_since) as u32
}

/// Days after which the HR system forgets every third leaver.
const HR_FORGETS: Day = 56;

/// Whether the HR system still lists a worker on `day`.
pub fn lists_worker(company: &Company, worker: Worker, day: Day) -> bool {
    let forgets = worker.person % 3 == 1;
    worker.left(company).is_none_or(|left| !forgets || day < left + HR_FORGETS)
}

/// The same of a former worker: one in four is forgotten when a third of the time is over.
pub fn lists_former(company: &Company, n: usize, day: Day) -> bool {
    !n.is_multiple_of(4) || day < company.calendar.monday(company.calendar.weeks / 3)
}

/// Days from the end of an account until its site removes it; one in three stays, suspended.
const SITE_REMOVES: Day = 7;

/// Whether an account's site still lists it on `day`.
pub fn lists_account(company: &Company, account: usize, day: Day) -> bool {
    let of = &company.accounts.all[account];
    if of.created > day {
        return false;
    }
    match (company.options.untidy, of.deactivated, of.site) {
        (false, ..) | (_, None, _) => true,
        (_, Some(moved), Site::Norhaven) => day < moved + 2,
        (_, Some(ended), _) => account % 3 == 2 || day < ended + SITE_REMOVES,
    }
}

/// Days on which the sites list their accounts.
pub fn account_lists(calendar: Calendar) -> impl Iterator<Item = Day> {
    (0..calendar.weeks).step_by(4).chain([calendar.weeks]).map(move |week| calendar.monday(week))
}

/// The day of the first list that no longer holds an account: from then on nobody acts with it.
pub fn removed_on(company: &Company, account: usize) -> Option<Day> {
    company.accounts.all[account].deactivated?;
    let mut before = false;
    for day in account_lists(company.calendar) {
        let now = lists_account(company, account, day);
        if before && !now {
            return Some(day);
        }
        before |= now;
    }
    None
}

/// Parts in which the HR system and the academy write their lists.
pub fn parts(company: &Company) -> usize {
    (2 + company.options.workers as usize / 20_000).min(16)
}

/// The path of a delivery that an untidy company puts elsewhere; of parts, that of the first.
pub fn path(export: Export, day: Day, suffix: &str) -> Option<String> {
    let date = date_of(day);
    match export {
        Export::Workers => Some(part_path("hris", day, 0, suffix)),
        Export::Users => Some(format!("landing/lms/main/users_{date}.ndjson")),
        Export::Transcript => Some(format!("landing/lms/main/transcript_{date}.{suffix}")),
        Export::AcademyUsers => Some(part_path("lms/academy", day, 0, suffix)),
        _ => None,
    }
}

fn part_path(folder: &str, day: Day, part: usize, suffix: &str) -> String {
    format!("landing/{folder}/{}/part-{part:05}.{suffix}", date_of(day))
}

/// Writes a delivery that an untidy company makes otherwise; `None` for all others.
///
/// # Errors
/// The file cannot be encoded.
pub fn deliver(company: &Company, job: &Job, flaw: Option<Flaw>) -> io::Result<Option<Vec<Delivery>>> {
    let one = |suffix: &str, bytes: Bytes| {
        let path = job.path(company, job.to, suffix);
        vec![Delivery { path, bytes, events: 0 }]
    };
    let parts = |folder: &str, suffix: &str, texts: Vec<Bytes>| {
        let part = |(part, bytes)| Delivery { path: part_path(folder, job.to, part, suffix), bytes, events: 0 };
        texts.into_iter().enumerate().map(part).collect()
    };
    Ok(Some(match job.export {
        Export::Workers => {
            let texts = hris::workers(company, job, flaw == Some(Flaw::BadRows));
            let packed =
                texts.iter().map(|text| super::deliver::gzip(company, text)).collect::<io::Result<Vec<_>>>()?;
            parts("hris", "csv.gz", packed)
        }
        Export::Users => one("ndjson", Bytes::from(lms::main_users(company, job.to))),
        Export::AcademyUsers => {
            parts("lms/academy", "csv", lms::academy_users(company, job.to).into_iter().map(Bytes::from).collect())
        }
        Export::NorhavenUsers => match lms::norhaven_users(company, job.to) {
            Some(text) => one("csv", Bytes::from(text)),
            None => Vec::new(),
        },
        Export::AcademyTranscript => match enrollments::academy(company, job.to) {
            Some(text) => one("csv", Bytes::from(text)),
            None => Vec::new(),
        },
        Export::Xapi => {
            let text = statements::write(company, job);
            one("ndjson.gz", super::deliver::gzip(company, &text)?)
        }
        _ => return Ok(None),
    }))
}

#[cfg(test)]
mod tests;
