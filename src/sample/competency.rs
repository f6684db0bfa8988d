//! When people became competent, ramped up and were signed off, and certificates that an outside trainer issued. Drawn from streams of
//! their own: nothing else of the company depends on them.

use crate::period::Day;

use super::accounts::Accounts;
use super::calendar::{Calendar, on_a_weekday};
use super::content::SAFETY;
use super::learning::Enrollment;
use super::org::Org;
use super::people::{Person, WorkerType};
use super::rng::{Purpose, Stream};
use super::text::Instant;

/// A milestone of one person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Milestone {
    /// An index of people.
    pub person: usize,
    pub kind: &'static str,
    pub reached: Day,
    /// When HR entered it.
    pub known: Day,
}

/// A pass of the safety certification at a trainer outside: it renews what the LMS knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Renewal {
    /// An index of accounts.
    pub account: usize,
    pub passed: Instant,
    pub expires: Instant,
    pub known: Day,
}

#[derive(Debug, Clone, Default)]
pub struct Competency {
    pub milestones: Vec<Milestone>,
    pub renewals: Vec<Renewal>,
}

/// Days before the first week since when hires have milestones.
const SINCE: Day = 150;
/// From this week on newcomers have a buddy, and take this share of the time.
const BUDDIES_FROM: u32 = 16;
const BUDDY_PACE: f64 = 0.65;

/// Everything that is planted, by person.
pub fn build(
    seed: u64,
    calendar: Calendar,
    org: &Org,
    people: &[Person],
    accounts: &Accounts,
    enrollments: &[Enrollment],
) -> Competency {
    let mut made = Competency::default();
    for (index, person) in people.iter().enumerate() {
        let mut stream = Stream::new(seed, Purpose::Competency, index as u64);
        milestones(&mut made.milestones, &mut stream, calendar, index, person);
        let Some(account) = accounts.of_person[index] else { continue };
        if person.spells.first().is_some_and(|spell| matches!(org.units[spell.unit].function, 2 | 3)) {
            renewal(&mut made.renewals, &mut stream, calendar, account, enrollments);
        }
    }
    made
}

fn milestones(made: &mut Vec<Milestone>, stream: &mut Stream, calendar: Calendar, index: usize, person: &Person) {
    if person.worker_type != WorkerType::Employee {
        return;
    }
    let Some(&(hired, left)) = person.employments().first() else { return };
    if hired < calendar.start - SINCE || hired >= calendar.end() {
        return;
    }
    let pace = if hired >= calendar.monday(BUDDIES_FROM.min(calendar.weeks)) { BUDDY_PACE } else { 1.0 };
    let days = |stream: &mut Stream, least: f64, spread: f64| {
        // The product of two uniforms has the long tail of people.
        (pace * (least + spread * (stream.unit() + stream.unit() * stream.unit()))) as Day
    };
    let competent = on_a_weekday(hired + days(stream, 20.0, 45.0));
    let ramped = on_a_weekday(competent + days(stream, 14.0, 40.0));
    let signed_off = on_a_weekday(ramped + days(stream, 3.0, 12.0));
    for (kind, reached, share) in
        [("competent", competent, 0.97), ("ramped", ramped, 0.93), ("signed_off", signed_off, 0.88)]
    {
        let is_reached = stream.chance(share) && reached < left;
        let known = reached + 1 + stream.below(5) as Day;
        if is_reached && known <= calendar.end() {
            made.push(Milestone { person: index, kind, reached, known });
        }
    }
}

fn renewal(
    made: &mut Vec<Renewal>,
    stream: &mut Stream,
    calendar: Calendar,
    account: usize,
    enrollments: &[Enrollment],
) {
    let of_account = enrollments.partition_point(|one| one.account < account);
    let passed = enrollments[of_account..]
        .iter()
        .take_while(|one| one.account == account)
        .filter(|one| one.content == SAFETY)
        .filter_map(Enrollment::succeeded)
        .max();
    let early = stream.between(5, 70);
    if let Some(passed) = passed.filter(|_| stream.chance(0.3)) {
        let day = on_a_weekday(passed.day() + 365 - early);
        if calendar.days().contains(&day) {
            let at = Instant::new(day, 50_400);
            made.push(Renewal { account, passed: at, expires: Instant(at.0 + 86_400 * 365), known: day + 3 });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Company, Options};
    use super::*;

    #[test]
    fn milestones_come_in_order_within_the_employment_and_newcomers_with_a_buddy_are_faster() {
        let company = Company::build(&Options::new(2_000, 40, 7)).unwrap();
        let made = &company.competency;
        let day = |person: usize, kind: &str| {
            made.milestones.iter().find(|one| one.person == person && one.kind == kind).map(|one| one.reached)
        };
        let (mut before, mut after) = (Vec::new(), Vec::new());
        for one in made.milestones.iter().filter(|one| one.kind == "competent") {
            let (hired, left) = company.people[one.person].employments()[0];
            assert!(hired < one.reached && one.reached < left, "{one:?}");
            assert!(day(one.person, "ramped").is_none_or(|ramped| ramped > one.reached));
            let waited = one.reached - hired;
            if hired >= company.calendar.monday(BUDDIES_FROM) { after.push(waited) } else { before.push(waited) }
        }
        let mean = |days: &[Day]| f64::from(days.iter().sum::<Day>()) / days.len() as f64;
        assert!(before.len() > 30 && after.len() > 30, "{} {}", before.len(), after.len());
        assert!(mean(&after) < 0.8 * mean(&before), "{} {}", mean(&after), mean(&before));
    }

    #[test]
    fn some_certificates_are_renewed_outside_before_they_run_out() {
        let company = Company::build(&Options::new(2_000, 40, 7)).unwrap();
        assert!(company.competency.renewals.len() > 10, "{}", company.competency.renewals.len());
        for renewal in &company.competency.renewals {
            assert!(company.calendar.days().contains(&renewal.passed.day()) && renewal.expires > renewal.passed);
        }
    }
}
