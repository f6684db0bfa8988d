//! Enrollments: what was assigned or chosen, and what became of it. Each person's are drawn from a stream of their own.

use crate::period::Day;

use super::Options;
use super::accounts::{Account, Accounts};
use super::calendar::{Calendar, is_holiday, on_a_weekday};
use super::content::{ASSESSMENT, CODE_OF_CONDUCT, Content, FREE, LEADING, PRIVACY, SAFETY, SECURITY, WELCOME};
use super::names::LOCATIONS;
use super::org::Org;
use super::people::{Band, Person, Status, WorkerType};
use super::rng::{Purpose, Stream};
use super::text::Instant;

/// How an enrollment ends, once it has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    Completed,
    Passed,
    Failed,
    Withdrawn,
    Waived,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Enrollment {
    /// An index of accounts.
    pub account: usize,
    /// An index of the catalogue.
    pub content: usize,
    pub attempt: u32,
    pub required: bool,
    pub enrolled: Instant,
    pub due: Option<Instant>,
    pub started: Option<Instant>,
    pub ended: Option<(Instant, Outcome)>,
    /// In hundredths.
    pub score: Option<u32>,
    pub spent_seconds: u32,
}

impl Enrollment {
    /// The instants at which the vendor's row changes.
    pub fn changes(&self) -> impl Iterator<Item = Instant> {
        [Some(self.enrolled), self.started, self.ended.map(|(at, _)| at)].into_iter().flatten()
    }

    /// When it was completed or passed, where it was.
    pub fn succeeded(&self) -> Option<Instant> {
        self.ended.filter(|(_, outcome)| matches!(outcome, Outcome::Completed | Outcome::Passed)).map(|(at, _)| at)
    }
}

/// Weeks between company-wide campaigns of required training, and the first of them.
const CAMPAIGN: (u32, u32) = (6, 13);

/// What the campaigns are about, in turn.
const ROTATION: [usize; 3] = [CODE_OF_CONDUCT, SECURITY, PRIVACY];
/// 52 weeks: the same day of the week.
const YEAR: Day = 364;

/// All enrollments, by account.
pub fn build(
    options: &Options,
    calendar: Calendar,
    org: &Org,
    people: &[Person],
    accounts: &Accounts,
    content: &[Content],
) -> Vec<Enrollment> {
    let mut all = Vec::with_capacity(people.len() * 8);
    for (account, of) in accounts.all.iter().enumerate() {
        let Some(person) = of.person.map(|index| &people[index]) else { continue };
        let stream = Stream::new(options.seed, Purpose::Learning, account as u64);
        let is_untidy = options.untidy;
        let mut learner = Learner { account, of, person, calendar, content, stream, is_untidy, made: Vec::new() };
        if of.is_second {
            learner.forgotten_account();
        } else {
            learner.required(org);
            learner.own_choice();
        }
        all.append(&mut learner.made);
    }
    all
}

struct Learner<'a> {
    account: usize,
    of: &'a Account,
    person: &'a Person,
    calendar: Calendar,
    content: &'a [Content],
    stream: Stream,
    is_untidy: bool,
    made: Vec<Enrollment>,
}

impl Learner<'_> {
    fn works_on(&self, day: Day) -> bool {
        self.person.on(day).is_some_and(|spell| spell.status == Status::Active)
    }

    /// An instant of that day in the working hours of the person's site, in UTC and on the same UTC day.
    fn working_time(&mut self, day: Day) -> Instant {
        let offset = LOCATIONS[self.person.location].utc_offset_hours;
        let local = 8 * 3_600 + self.stream.below(10 * 3_600) as i32;
        Instant::new(day, (local - offset * 3_600).clamp(0, 86_399) as u32)
    }

    fn required(&mut self, org: &Org) {
        if self.is_untidy {
            self.every_year();
        } else {
            self.campaigns();
        }
        let employments = self.person.employments();
        let days = self.calendar.days();
        if let Some(&(hired, _)) = employments.iter().find(|run| days.contains(&run.0)) {
            self.assign(WELCOME, 1, hired, 30);
        }
        let day = self.calendar.monday(10.min(self.calendar.weeks - 1));
        if self.person.on(day).is_some_and(|spell| spell.band >= Band::Manager) {
            self.assign(LEADING, 1, day, 60);
        }
        let Some(first) = self.person.spells.first() else { return };
        if matches!(org.units[first.unit].function, 2 | 3) {
            self.safety(employments.first().map_or(0, |run| run.0));
        }
    }

    fn campaigns(&mut self) {
        for (n, week) in (CAMPAIGN.0..self.calendar.weeks).step_by(CAMPAIGN.1 as usize).enumerate() {
            let day = self.calendar.monday(week);
            if self.works_on(day) && (self.person.worker_type == WorkerType::Employee || self.stream.chance(0.8)) {
                let attempt = 1 + (n / ROTATION.len()) as u32;
                self.assign(ROTATION[n % ROTATION.len()], attempt, day, 32);
            }
        }
    }

    /// The required courses of an untidy company come back every year, to the day, and did so in the year before the first week.
    fn every_year(&mut self) {
        for (n, content) in ROTATION.into_iter().enumerate() {
            let week = CAMPAIGN.0 + n as u32 * CAMPAIGN.1;
            let mut day = self.calendar.start + 7 * week as Day - YEAR;
            while day < self.calendar.end() {
                if self.works_on(day) && (self.person.worker_type == WorkerType::Employee || self.stream.chance(0.8)) {
                    self.assign(content, 1, day, 32);
                }
                day += YEAR;
            }
        }
    }

    /// Whether both days belong to one employment.
    fn is_one_employment(&self, from: Day, to: Day) -> bool {
        self.person.employments().iter().any(|run| (run.0..run.1).contains(&from) && (run.0..run.1).contains(&to))
    }

    /// A certification of a year: most hold one from before, and renew it when it runs out.
    fn safety(&mut self, hired: Day) {
        let start = self.calendar.start;
        let mut from = hired.max(start) + 7;
        let mut attempt = 1;
        if hired < start - 200 && self.stream.chance(0.75) {
            let done = on_a_weekday(start - self.stream.between(60, 355));
            let at = self.working_time(done);
            self.made.push(Enrollment {
                account: self.account,
                content: SAFETY,
                attempt,
                required: true,
                enrolled: Instant::new(done - 14, 28_800),
                due: Some(Instant::new(done + 14, 61_200)),
                started: Some(Instant(at.0 - 4_000)),
                ended: Some((at, Outcome::Passed)),
                score: Some(80 + self.stream.below(20)),
                spent_seconds: 3_400,
            });
            from = done + 335;
            attempt = 2;
        }
        if from < self.calendar.end() && self.works_on(from) {
            self.assign(SAFETY, attempt, from, 30);
        }
    }

    /// Required training from `day`, due after `days`: most in time, some of it on the last day, some late or never.
    fn assign(&mut self, content: usize, attempt: u32, day: Day, days: Day) {
        let due_day = on_a_weekday(day + days);
        let due = Instant::new(due_day, 61_200);
        let hurried = self.stream.chance(0.24);
        let drawn = self.stream.unit();
        let done = if self.stream.chance(self.person.diligence) {
            match hurried {
                true => due_day,
                false => on_a_weekday(day + 1 + (drawn * f64::from(days - 3)) as Day),
            }
        } else if drawn < 0.55 {
            on_a_weekday(due_day + 1 + (drawn * 50.0) as Day)
        } else {
            Day::MAX
        };
        let mut enrollment = self.blank(content, attempt, Instant::new(day, 21_600));
        enrollment.required = true;
        enrollment.due = Some(due);
        match self.stream.unit() {
            drawn if drawn < 0.01 => enrollment.ended = Some((Instant::new(day + 5, 43_200), Outcome::Waived)),
            drawn if drawn < 0.02 => enrollment.ended = Some((Instant::new(day + 6, 43_200), Outcome::Withdrawn)),
            _ if done < self.calendar.end() => self.complete(&mut enrollment, done, hurried),
            _ => {}
        }
        self.made.push(enrollment);
    }

    fn complete(&mut self, enrollment: &mut Enrollment, done: Day, hurried: bool) {
        let last_hours = hurried && enrollment.due.is_some_and(|due| due.day() == done);
        let at = match last_hours {
            true => Instant::new(done, 25_200 + self.stream.below(35_000)),
            false => self.working_time(done),
        };
        let full = f64::from(self.content[enrollment.content].minutes) * 60.0;
        // On the last day near enough half of them only click through.
        let share = match last_hours && self.stream.chance(0.45) {
            true => 0.04 + 0.16 * self.stream.unit(),
            false => 0.7 + 0.7 * self.stream.unit(),
        };
        let started = match last_hours || full < 7_200.0 {
            true => Instant(at.0 - (full * share) as i64 - 60),
            false => Instant(at.0 - 86_400 * i64::from(self.stream.between(1, 9))),
        };
        if is_holiday(done) || !self.works_on(done) {
            return;
        }
        // Whoever comes back as another worker leaves open what was open.
        if self.is_untidy && !self.is_one_employment(enrollment.enrolled.day(), done) {
            return;
        }
        let exam = matches!(self.content[enrollment.content].kind, "certification" | "assessment");
        enrollment.started = Some(started.max(Instant(enrollment.enrolled.0 + 600)));
        enrollment.ended = Some((
            at.max(Instant(enrollment.enrolled.0 + 700)),
            if exam { Outcome::Passed } else { Outcome::Completed },
        ));
        enrollment.spent_seconds = (full * share) as u32;
        enrollment.score = (exam || self.stream.chance(0.3)).then(|| 60 + self.stream.below(41));
    }

    fn own_choice(&mut self) {
        let weeks = f64::from(self.calendar.weeks);
        let mut chosen = Vec::new();
        for _ in 0..self.stream.round(weeks * (0.03 + 0.32 * self.person.keenness)) {
            let day = on_a_weekday(self.calendar.start + self.stream.below(7 * self.calendar.weeks) as Day);
            let drawn = self.stream.unit();
            let content = FREE + (drawn * drawn * (self.content.len() - FREE) as f64) as usize;
            let item = &self.content[content];
            let open = item.published < day && item.retired.is_none_or(|retired| day < retired);
            if open && self.works_on(day) && !is_holiday(day) && day >= self.of.created && !chosen.contains(&content) {
                chosen.push(content);
                self.choose(content, day);
            }
        }
        if self.stream.chance(0.25) {
            let day = on_a_weekday(self.calendar.start + self.stream.below(7 * self.calendar.weeks) as Day);
            if self.works_on(day) && day >= self.of.created {
                self.knowledge_check(day);
            }
        }
    }

    fn choose(&mut self, content: usize, day: Day) {
        let at = self.working_time(day);
        let mut enrollment = self.blank(content, 1, at);
        match self.stream.unit() {
            drawn if drawn < 0.66 => {
                let done = on_a_weekday(day + 1 + (self.stream.unit() * self.stream.unit() * 40.0) as Day);
                if done < self.calendar.end() {
                    self.complete(&mut enrollment, done, false);
                }
            }
            drawn if drawn < 0.88 => enrollment.started = Some(Instant(at.0 + 900)),
            drawn if drawn < 0.92 => {
                enrollment.ended = Some((Instant(at.0 + 86_400 * 9), Outcome::Withdrawn));
            }
            _ => {}
        }
        self.made.push(enrollment);
    }

    /// Two in five fail at first and try again some days later.
    fn knowledge_check(&mut self, day: Day) {
        let at = self.working_time(day);
        let mut first = self.blank(ASSESSMENT, 1, at);
        first.started = Some(Instant(at.0 + 120));
        first.spent_seconds = 900 + self.stream.below(900);
        let end = Instant(at.0 + 120 + i64::from(first.spent_seconds));
        let failed = self.stream.chance(0.4);
        first.ended = Some((end, if failed { Outcome::Failed } else { Outcome::Passed }));
        first.score = Some(if failed { 20 + self.stream.below(38) } else { 60 + self.stream.below(41) });
        self.made.push(first);
        let again = on_a_weekday(day + self.stream.between(3, 10));
        if failed && self.works_on(again) && again < self.calendar.end() {
            let at = self.working_time(again);
            let mut second = self.blank(ASSESSMENT, 2, at);
            self.complete(&mut second, again, false);
            self.made.push(second);
        }
    }

    /// The first campaign reached the old account as well; nobody ever opened it there.
    fn forgotten_account(&mut self) {
        let day = self.calendar.monday(CAMPAIGN.0.min(self.calendar.weeks - 1));
        let mut enrollment = self.blank(CODE_OF_CONDUCT, 1, Instant::new(day, 21_600));
        enrollment.required = true;
        enrollment.due = Some(Instant::new(on_a_weekday(day + 32), 61_200));
        self.made.push(enrollment);
    }

    fn blank(&self, content: usize, attempt: u32, enrolled: Instant) -> Enrollment {
        Enrollment {
            account: self.account,
            content,
            attempt,
            required: false,
            enrolled,
            due: None,
            started: None,
            ended: None,
            score: None,
            spent_seconds: 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::Company;

    #[test]
    fn an_enrollment_is_made_started_and_ended_in_that_order() {
        let company = Company::build(&Options::new(300, 40, 11)).unwrap();
        assert!(company.enrollments.len() > 1_000);
        for enrollment in &company.enrollments {
            let changes: Vec<Instant> = enrollment.changes().collect();
            assert!(changes.is_sorted(), "{enrollment:?}");
            if enrollment.succeeded().is_some() {
                assert!(enrollment.started.is_some() && enrollment.spent_seconds > 0, "{enrollment:?}");
            }
        }
    }

    #[test]
    fn some_finish_on_the_last_day_and_some_of_those_only_click_through() {
        let company = Company::build(&Options::new(300, 40, 11)).unwrap();
        let last_day: Vec<&Enrollment> = company
            .enrollments
            .iter()
            .filter(|one| one.due.zip(one.succeeded()).is_some_and(|(due, at)| (0..=86_400).contains(&(due.0 - at.0))))
            .collect();
        let quarter = |one: &Enrollment| company.content[one.content].minutes * 15;
        let clicked = last_day.iter().filter(|one| one.spent_seconds < quarter(one)).count();
        assert!(
            last_day.len() > 50 && clicked * 5 > last_day.len() && clicked < last_day.len(),
            "{clicked} of {}",
            last_day.len()
        );
    }
}
