//! LMS accounts: whose they are, how they can be matched to a worker, and since when they exist.

use crate::period::Day;

use super::Options;
use super::calendar::Calendar;
use super::names::{FIRST, LAST, MAIL_DOMAIN};
use super::people::{Person, WorkerType};
use super::rng::{Purpose, Stream};
use super::untidy::sites::{Ids, Site};

/// By what an account meets its worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bridge {
    EmployeeNumber,
    Email,
    /// A row of the identity links alone.
    Link,
    /// By nothing: a private address and no number.
    None,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Learner,
    Test,
    External,
}

#[derive(Debug, Clone)]
pub struct Account {
    pub id: String,
    /// An index of people; test accounts and externals have none.
    pub person: Option<usize>,
    pub bridge: Bridge,
    pub kind: Kind,
    pub created: Day,
    /// The day after the last one on which somebody could log in.
    pub deactivated: Option<Day>,
    /// An older account of a person who has another one.
    pub is_second: bool,
    /// Where it is; a tidy company has one site.
    pub site: Site,
}

#[derive(Debug, Clone)]
pub struct Accounts {
    pub all: Vec<Account>,
    /// The account a person works with, by index of people.
    pub of_person: Vec<Option<usize>>,
}

/// Weeks before the start at which the LMS opened: accounts of the staff of that day were made at once.
const LAUNCHED_BEFORE: Day = 28;

pub fn build(options: &Options, calendar: Calendar, people: &[Person]) -> Accounts {
    let mut all: Vec<Account> = Vec::with_capacity(people.len() + 8);
    let mut of_person = vec![None; people.len()];
    let mut ids = Ids::new(options.untidy);
    // The company that was bought moves its people over, half of them so far.
    let moved = calendar.monday(calendar.weeks * 3 / 5);
    for (index, person) in people.iter().enumerate() {
        let mut stream = Stream::new(options.seed, Purpose::Account, index as u64);
        let plain = !person.is_sme && person.spells.iter().all(|spell| spell.band == super::people::Band::Ic);
        let employments = person.employments();
        let Some(&(hired, _)) = employments.first() else { continue };
        let share_without = if person.worker_type == WorkerType::Employee { 0.01 } else { 0.12 };
        if (plain && stream.chance(share_without)) || hired >= calendar.end() {
            continue;
        }
        let ended = employments.last().map(|run| run.1).filter(|&end| end < calendar.end());
        let bridge = match stream.unit() {
            drawn if plain && drawn < 0.02 => Bridge::None,
            drawn if drawn < 0.12 => Bridge::Email,
            _ => Bridge::EmployeeNumber,
        };
        of_person[index] = Some(all.len());
        let site = if options.untidy { Site::of_location(person.location) } else { Site::Main };
        all.push(Account {
            id: ids.next(site, all.len()),
            person: Some(index),
            bridge,
            kind: Kind::Learner,
            created: hired.max(calendar.start - LAUNCHED_BEFORE),
            deactivated: ended.map(|end| end + stream.between(0, 9)),
            is_second: false,
            site,
        });
        // The company bought another one some years ago; a few people still hold an account of its LMS.
        let stays = hired < calendar.start - 400 && ended.is_none();
        if stays && bridge != Bridge::None && stream.chance(if options.untidy { 0.07 } else { 0.025 }) {
            let bridge = if stream.chance(0.7) { Bridge::Link } else { Bridge::Email };
            let site = if options.untidy { Site::Norhaven } else { Site::Main };
            all.push(Account {
                id: ids.next(site, all.len()),
                person: Some(index),
                bridge,
                kind: Kind::Learner,
                created: calendar.start - LAUNCHED_BEFORE,
                deactivated: Some(moved).filter(|_| options.untidy && all.len().is_multiple_of(2)),
                is_second: true,
                site,
            });
        }
    }
    let strangers = [(Kind::Test, 2 + options.workers / 2_000), (Kind::External, 3 + options.workers / 500)];
    for (kind, count) in strangers {
        for _ in 0..count {
            let created = calendar.start - LAUNCHED_BEFORE;
            let account = Account {
                id: ids.next(Site::Main, all.len()),
                person: None,
                bridge: Bridge::None,
                kind,
                created,
                deactivated: None,
                is_second: false,
                site: Site::Main,
            };
            all.push(account);
        }
    }
    Accounts { all, of_person }
}

/// Worker ids as the HRIS spells them.
pub fn worker_id(index: usize) -> String {
    format!("W{}", 100_000 + index)
}

/// Employee numbers: text with leading zeros, in no order.
pub fn employee_no(index: usize) -> String {
    format!("{:07}", (index as u64 * 7_919 + 613) % 10_000_000)
}

/// Work addresses: `ada.rao@…`, with a number where the name is common.
pub fn email(index: usize, person: &Person) -> String {
    let (first, last) = (FIRST[person.first_name], LAST[person.last_name]);
    format!("{}.{}{}@{MAIL_DOMAIN}", first.to_lowercase(), last.to_lowercase(), index + 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn employee_numbers_are_unique_and_keep_their_zeros() {
        let numbers: BTreeSet<String> = (0..5_000).map(employee_no).collect();
        assert_eq!(numbers.len(), 5_000);
        assert!(numbers.iter().all(|number| number.len() == 7));
        assert!(numbers.iter().any(|number| number.starts_with('0')));
    }
}
