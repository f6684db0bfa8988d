//! Who comes to the LMS and how often, and what their enrollments make them do there.

use crate::period::Day;

use super::accounts::{Account, Kind};
use super::activity::Verb;
use super::calendar::Calendar;
use super::learning::{Enrollment, Outcome};
use super::names::LOCATIONS;
use super::org::Org;
use super::people::{Person, Status};
use super::rng::Stream;
use super::text::Instant;

/// What an account may do, and how often it comes.
#[derive(Debug, Clone)]
pub struct Visitor {
    windows: [(Day, Day); 2],
    leave: (Day, Day),
    pub activated: Day,
    daily: f64,
    /// Share of the days on which nothing but looking around is done.
    pub passive: f64,
    pub offset_hours: i32,
    pub taste: u32,
}

/// A launch or an end of an enrollment, seen from the activity export.
#[derive(Debug, Clone, Copy)]
pub struct Milestone {
    pub at: Instant,
    pub account: u32,
    pub content: u32,
    pub verb: Verb,
    pub spent_seconds: u32,
    pub score: Option<u32>,
}

const NEVER: (Day, Day) = (Day::MAX, Day::MAX);

/// The launches and ends of all enrollments within the calendar, by day, then account, then time.
pub fn milestones(calendar: Calendar, enrollments: &[Enrollment]) -> Vec<Milestone> {
    let mut all = Vec::with_capacity(enrollments.len() * 2);
    for one in enrollments {
        let mut add = |at: Instant, verb, spent_seconds, score| {
            if calendar.days().contains(&at.day()) {
                let (account, content) = (one.account as u32, one.content as u32);
                all.push(Milestone { at, account, content, verb, spent_seconds, score });
            }
        };
        if let Some(at) = one.started {
            add(at, Verb::Launched, 0, None);
        }
        match one.ended {
            Some((at, Outcome::Completed)) => add(at, Verb::Completed, one.spent_seconds, one.score),
            Some((at, Outcome::Passed)) => add(at, Verb::Passed, one.spent_seconds, one.score),
            Some((at, Outcome::Failed)) => add(at, Verb::Failed, one.spent_seconds, one.score),
            _ => {}
        }
    }
    all.sort_by_key(|one| (one.at.day(), one.account, one.at, one.content));
    all
}

/// `first` is the day of the account's first milestone; nobody gets used to the LMS later than that.
pub fn visitor(
    calendar: Calendar,
    org: &Org,
    account: &Account,
    person: Option<&Person>,
    first: Day,
    stream: &mut Stream,
) -> Visitor {
    let until = account.deactivated.unwrap_or(Day::MAX);
    let mut visitor = Visitor {
        windows: [(account.created, until), NEVER],
        leave: NEVER,
        activated: first,
        daily: if account.kind == Kind::Test { 0.3 } else { 0.08 },
        passive: 0.2,
        offset_hours: 0,
        taste: stream.below(64),
    };
    let Some(person) = person else {
        visitor.activated = calendar.start;
        return visitor;
    };
    let employments = person.employments();
    for (window, run) in visitor.windows.iter_mut().zip([employments.first(), employments.get(1)]) {
        *window = run.map_or(NEVER, |&(from, to)| (from.max(account.created), to.min(until)));
    }
    let leave = person.spells.iter().find(|spell| spell.status == Status::Leave);
    visitor.leave = leave.map_or(NEVER, |spell| (spell.from, spell.to));
    let unit = person.spells.first().map_or(1.0, |spell| org.units[spell.unit].keenness);
    visitor.daily = person.keenness * unit * if account.is_second { 0.06 } else { 1.0 };
    visitor.passive = 0.12 + 0.35 * (1.0 - person.keenness) * stream.unit();
    visitor.offset_hours = LOCATIONS[person.location].utc_offset_hours;
    // A quarter was there when the LMS opened; the rest comes over half a year, new staff within weeks, some never.
    let own = match stream.unit() {
        _ if visitor.windows[0].0 > calendar.start => visitor.windows[0].0 + stream.below(25) as Day,
        drawn if drawn < 0.28 => calendar.start,
        drawn if drawn < 0.86 => calendar.start + (91.0 * (stream.unit() + stream.unit())) as Day,
        _ => Day::MAX,
    };
    visitor.activated = own.min(first);
    visitor
}

impl Visitor {
    /// Probability of coming on a day whose weight is `weight`.
    pub fn comes(&self, day: Day, weight: f64) -> f64 {
        let inside = |(from, to): (Day, Day)| from <= day && day < to;
        if !(inside(self.windows[0]) || inside(self.windows[1])) || inside(self.leave) {
            return 0.0;
        }
        let used_to_it = if day >= self.activated { 1.0 } else { 0.2 };
        (self.daily * weight * used_to_it).min(0.95)
    }
}
