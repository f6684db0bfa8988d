//! What people do in the LMS, event by event: sessions on the days they come, and the launches and completions of
//! their enrollments. The largest export by far, so nothing is allocated per event and no two days share anything.

use std::io;

use crate::period::Day;

use super::Options;
use super::accounts::Accounts;
use super::calendar::{Calendar, rhythm, season};
use super::content::{Content, FREE};
use super::learning::Enrollment;
use super::org::Org;
use super::people::Person;
use super::rng::{Purpose, Stream};
use super::visitors::{Milestone, Visitor, milestones, visitor};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verb {
    LoggedIn,
    Viewed,
    Launched,
    Progressed,
    Attempted,
    Completed,
    Passed,
    Failed,
    Searched,
    Commented,
    Rated,
}

impl Verb {
    pub fn as_str(self) -> &'static str {
        match self {
            Verb::LoggedIn => "logged_in",
            Verb::Viewed => "viewed",
            Verb::Launched => "launched",
            Verb::Progressed => "progressed",
            Verb::Attempted => "attempted",
            Verb::Completed => "completed",
            Verb::Passed => "passed",
            Verb::Failed => "failed",
            Verb::Searched => "searched",
            Verb::Commented => "commented",
            Verb::Rated => "rated",
        }
    }
}

/// One event as an export writes it.
#[derive(Debug, Clone, Copy)]
pub struct Event<'a> {
    /// 1-based within its day; that day and the number make the event's id.
    pub n: u64,
    pub id_day: Day,
    /// The day on which it happened; the id's own but where the event is told again with another time.
    pub day: Day,
    /// Since midnight UTC.
    pub seconds: u32,
    pub user: &'a str,
    pub verb: Verb,
    pub object: Option<&'a Content>,
    /// 0 where the export says nothing.
    pub duration_seconds: u32,
    /// In hundredths.
    pub score: Option<u32>,
}

/// Takes events in the order of the export.
pub trait Events {
    /// # Errors
    /// The events cannot be encoded.
    fn push(&mut self, event: &Event) -> io::Result<()>;
}

#[derive(Debug, Clone)]
pub struct Activity {
    calendar: Calendar,
    visitors: Vec<Visitor>,
    /// By day, then account, then time.
    milestones: Vec<Milestone>,
    /// Indices of the open catalogue, by day of publication.
    open: Vec<(Day, u32)>,
    /// Events of an ordinary session.
    per_session: f64,
    /// Share of the expected visits that take place: below one only where very few events were asked for.
    thinning: f64,
    seed: u64,
}

/// Events of a day on which a person comes, unless a total was asked for.
const PER_DAY: f64 = 6.5;
/// Sessions of such a day on average; see [`Activity::visit`].
const SESSIONS: f64 = 1.35;

pub fn build(
    options: &Options,
    calendar: Calendar,
    org: &Org,
    people: &[Person],
    accounts: &Accounts,
    content: &[Content],
    enrollments: &[Enrollment],
) -> Activity {
    let milestones = milestones(calendar, enrollments);
    let mut first = vec![Day::MAX; accounts.all.len()];
    for milestone in &milestones {
        let day = &mut first[milestone.account as usize];
        *day = (*day).min(milestone.at.day());
    }
    let visitors = accounts
        .all
        .iter()
        .enumerate()
        .map(|(index, account)| {
            let mut stream = Stream::new(options.seed, Purpose::Activity, (1 << 40) | index as u64);
            visitor(calendar, org, account, account.person.map(|person| &people[person]), first[index], &mut stream)
        })
        .collect();
    let mut open: Vec<(Day, u32)> = content
        .iter()
        .enumerate()
        .skip(FREE)
        .filter(|(_, item)| item.retired.is_none())
        .map(|(index, item)| (item.published, index as u32))
        .collect();
    open.sort_unstable();
    let mut activity = Activity {
        calendar,
        visitors,
        milestones,
        open,
        per_session: PER_DAY / SESSIONS,
        thinning: 1.0,
        seed: options.seed,
    };
    if let Some(events) = options.events {
        let of_milestones = activity.milestones.len() as f64 * 2.0;
        let per_day = (events as f64 - of_milestones).max(0.0) / activity.expected_visits().max(1.0);
        activity.thinning = (per_day / SESSIONS).min(1.0);
        activity.per_session = (per_day / SESSIONS).max(1.0);
    }
    activity
}

/// The verbs of a session after its start; each is as likely as it is long here.
const ACTIVE: [Verb; 16] = [
    Verb::Viewed,
    Verb::Viewed,
    Verb::Viewed,
    Verb::Launched,
    Verb::Launched,
    Verb::Progressed,
    Verb::Progressed,
    Verb::Progressed,
    Verb::Progressed,
    Verb::Progressed,
    Verb::Attempted,
    Verb::Searched,
    Verb::Viewed,
    Verb::Commented,
    Verb::Rated,
    Verb::Progressed,
];
const PASSIVE: [Verb; 4] = [Verb::Viewed, Verb::Viewed, Verb::Viewed, Verb::Searched];

/// Local hours in which sessions start.
const HOURS: [i32; 16] = [7, 8, 9, 9, 9, 10, 10, 11, 11, 13, 13, 14, 14, 15, 16, 19];

impl Activity {
    fn weight(&self, day: Day) -> f64 {
        let week = f64::from(self.calendar.week_of(day));
        // The LMS grows on people for about half a year.
        let growth = 0.85 + 0.3 * (week / 30.0).min(1.0);
        rhythm(day) * season(day) * growth
    }

    /// Days on which somebody is expected to come, over all accounts.
    fn expected_visits(&self) -> f64 {
        let days: Vec<(Day, f64)> = self.calendar.days().map(|day| (day, self.weight(day))).collect();
        let of = |visitor: &Visitor| days.iter().map(|&(day, weight)| visitor.comes(day, weight)).sum::<f64>();
        self.visitors.iter().map(of).sum()
    }

    /// Writes all events of a day, account by account; the number of events.
    ///
    /// # Errors
    /// The events cannot be encoded.
    pub fn day(&self, day: Day, accounts: &Accounts, content: &[Content], out: &mut impl Events) -> io::Result<u64> {
        let mut stream = Stream::new(self.seed, Purpose::Activity, day as u32 as u64);
        let weight = self.weight(day);
        let open = self.open.partition_point(|(published, _)| *published < day);
        let from = self.milestones.partition_point(|one| one.at.day() < day);
        let mut milestones = self.milestones[from..].iter().take_while(|one| one.at.day() == day).peekable();
        let mut events = Out { day, n: 0, content, open: &self.open[..open], out };
        for (index, visitor) in self.visitors.iter().enumerate() {
            let user = &accounts.all[index].id;
            while let Some(milestone) = milestones.next_if(|one| one.account as usize == index) {
                events.milestone(user, milestone)?;
            }
            let chance = visitor.comes(day, weight) * self.thinning;
            if chance > 0.0 && stream.unit() < chance {
                self.visit(user, visitor, &mut stream, &mut events)?;
            }
        }
        Ok(events.n)
    }

    /// One day of one person: one session, often a second.
    fn visit(
        &self,
        user: &str,
        visitor: &Visitor,
        stream: &mut Stream,
        events: &mut Out<'_, impl Events>,
    ) -> io::Result<()> {
        let passive = events.day < visitor.activated || stream.unit() < visitor.passive;
        let mut sessions = 1 + u32::from(stream.unit() < SESSIONS - 1.0);
        let mut first = true;
        while sessions > 0 {
            sessions -= 1;
            let bits = stream.bits();
            let hour = HOURS[(bits & 15) as usize] + if first { 0 } else { 3 };
            let utc = (hour - visitor.offset_hours) * 3_600 + ((bits >> 4) % 3_600) as i32;
            // A day's events stay on their UTC day: what would lie outside takes place some hours nearer to noon.
            let start = match utc {
                ..0 => utc + 14_400,
                82_800.. => utc - 18_000,
                _ => utc,
            } as u32;
            let length = 1 + (stream.unit() * 2.0 * (self.per_session - 1.0) + stream.unit()) as u32;
            events.session(user, Session { start, length, taste: visitor.taste, passive, first }, stream)?;
            first = false;
        }
        Ok(())
    }
}

/// One sitting, in one piece.
#[derive(Debug, Clone, Copy)]
struct Session {
    /// Seconds since midnight UTC.
    start: u32,
    /// Events in it.
    length: u32,
    taste: u32,
    /// Nothing is done but looking around.
    passive: bool,
    /// The first one of the day.
    first: bool,
}

/// One day's events on their way out.
struct Out<'a, O: Events> {
    day: Day,
    n: u64,
    content: &'a [Content],
    open: &'a [(Day, u32)],
    out: &'a mut O,
}

impl<O: Events> Out<'_, O> {
    fn session(&mut self, user: &str, session: Session, stream: &mut Stream) -> io::Result<()> {
        let Session { start, length, taste, passive, first } = session;
        let mut seconds = start;
        let mut object = None;
        for step in 0..length {
            let bits = stream.bits();
            let verb = match step {
                0 if first && length > 1 && bits & 3 != 0 => Verb::LoggedIn,
                _ if passive => PASSIVE[(bits >> 2 & 3) as usize],
                _ => ACTIVE[(bits >> 2 & 15) as usize],
            };
            if object.is_none() || matches!(verb, Verb::Launched | Verb::Viewed) {
                object = self.choose(taste, (bits >> 8) as u32 & 0xffff);
            }
            let pause = 6 + (bits >> 24 & 0xff) as u32 * if bits >> 32 & 15 == 0 { 5 } else { 1 };
            let timed = matches!(verb, Verb::Viewed | Verb::Progressed | Verb::Attempted);
            let about = !matches!(verb, Verb::LoggedIn | Verb::Searched);
            let score = (verb == Verb::Attempted).then(|| 40 + (bits >> 40) as u32 % 61);
            let duration_seconds = if timed { pause } else { 0 };
            self.push(seconds, user, verb, object.filter(|_| about), duration_seconds, score)?;
            seconds = (seconds + pause).min(86_399);
        }
        Ok(())
    }

    fn milestone(&mut self, user: &str, one: &Milestone) -> io::Result<()> {
        let object = Some(one.content);
        let seconds = one.at.seconds();
        if one.verb == Verb::Launched {
            self.push(seconds.saturating_sub(40), user, Verb::LoggedIn, None, 0, None)?;
            return self.push(seconds, user, Verb::Launched, object, 0, None);
        }
        // What was spent shows as progress before the end and as the last stretch itself.
        let half = (one.spent_seconds / 2).min(10_800);
        self.push(seconds.saturating_sub(half), user, Verb::Progressed, object, half, None)?;
        self.push(seconds, user, one.verb, object, half, one.score)
    }

    fn push(
        &mut self,
        seconds: u32,
        user: &str,
        verb: Verb,
        object: Option<u32>,
        duration_seconds: u32,
        score: Option<u32>,
    ) -> io::Result<()> {
        self.n += 1;
        let object = object.map(|index| &self.content[index as usize]);
        let day = self.day;
        self.out.push(&Event { n: self.n, id_day: day, day, seconds, user, verb, object, duration_seconds, score })
    }

    /// Some things are seen much more than others, and not the same ones by everybody.
    fn choose(&self, taste: u32, drawn: u32) -> Option<u32> {
        let open = self.open.len() as u64;
        let skewed = (u64::from(drawn) * u64::from(drawn) * open) >> 32;
        let index = (skewed + u64::from(taste & 7) * 5).checked_rem(open)?;
        self.open.get(index as usize).map(|(_, content)| *content)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::Company;
    use crate::sample::people::Status;
    use std::collections::BTreeSet;

    /// Keeps who came and how often, and what is wrong with the events.
    #[derive(Default)]
    struct Seen {
        users: BTreeSet<String>,
        active: BTreeSet<String>,
        events: u64,
        strange: u64,
    }

    impl Events for Seen {
        fn push(&mut self, event: &Event) -> io::Result<()> {
            self.events += 1;
            self.users.insert(event.user.into());
            if !matches!(event.verb, Verb::LoggedIn | Verb::Viewed | Verb::Searched) {
                self.active.insert(event.user.into());
            }
            self.strange += u64::from(event.seconds >= 86_400 || event.n != self.events);
            Ok(())
        }
    }

    fn days(company: &Company, days: std::ops::Range<Day>) -> Seen {
        let mut all = Seen::default();
        for day in days {
            let mut seen = Seen::default();
            company.activity.day(day, &company.accounts, &company.content, &mut seen).unwrap();
            assert_eq!(seen.strange, 0);
            all.users.append(&mut seen.users);
            all.active.append(&mut seen.active);
            all.events += seen.events;
        }
        all
    }

    #[test]
    fn weekly_active_rates_look_like_a_company_and_dip_with_the_season() {
        let company = Company::build(&Options::new(1_000, 40, 4)).unwrap();
        let people = company.plan.units.iter();
        let headcount: Vec<u32> = (0..40).map(|week| people.clone().map(|unit| unit.headcount[week]).sum()).collect();
        let rate = |week: u32| {
            let monday = company.calendar.monday(week);
            days(&company, monday..monday + 7).active.len() as f64 / f64::from(headcount[week as usize])
        };
        let (first, autumn, christmas, last) = (rate(1), rate(18), rate(27), rate(38));
        assert!((0.08..0.3).contains(&first), "first weeks {first}");
        assert!((0.3..0.6).contains(&autumn), "autumn {autumn}");
        assert!(christmas < 0.6 * autumn, "christmas {christmas}");
        assert!((0.3..0.6).contains(&last), "last weeks {last}");
    }

    #[test]
    fn a_target_number_of_events_is_met_within_three_percent() {
        for target in [200_000, 600_000] {
            let options = Options { events: Some(target), ..Options::new(2_000, 20, 4) };
            let company = Company::build(&options).unwrap();
            let events = days(&company, company.calendar.days()).events as f64;
            assert!((events / target as f64 - 1.0).abs() < 0.03, "{events} of {target}");
        }
    }

    #[test]
    fn nobody_acts_before_the_hire_or_after_the_exit() {
        let company = Company::build(&Options::new(300, 40, 4)).unwrap();
        for day in company.calendar.days().step_by(9) {
            for user in days(&company, day..day + 1).users {
                let account = company.accounts.all.iter().find(|account| account.id == user).unwrap();
                let Some(person) = account.person.map(|person| &company.people[person]) else { continue };
                let status = person.on(day).map(|spell| spell.status);
                assert!(matches!(status, Some(Status::Active | Status::Leave)), "{user} on {day}: {status:?}");
            }
        }
    }
}
