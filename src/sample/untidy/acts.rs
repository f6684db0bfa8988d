//! Who did what in a month, from everything that was ever told, each thing once: what [`super::truth`] counts.

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use hashbrown::HashMap;
use rayon::prelude::*;

use crate::period::{Day, day_start_micros, local_day};

use super::super::Company;
use super::super::accounts::{Bridge, Kind};
use super::super::activity::{Event, Events, Verb};
use super::super::community::{contributions, reactions};
use super::super::deliver::{Export, Job, jobs};
use super::super::dirt::{AGAIN_ROWS, Flaw, flaw};
use super::super::reviews::{CYCLES, submitted};
use super::super::text::Instant;
use super::replays::{self, MOST, Replay};
use super::statements::{self, Actor, Verb as Said};
use super::truth::ZONE;
use super::{Worker, removed_on};

/// One event counts this many seconds at most.
const CAP: i64 = 240 * 60;

/// What an act says of the day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Weight {
    /// Somebody was there.
    Visit,
    Active,
    /// Somebody wrote something, which is active too.
    Gave,
}

#[derive(Debug, Clone, Copy)]
struct Act {
    /// `None`: of a site or an account that nobody knows.
    account: Option<u32>,
    at: Instant,
    weight: Weight,
    seconds: u32,
}

/// One worker's month.
#[derive(Debug, Default, Clone)]
pub struct Own {
    pub visits: bool,
    pub is_active: bool,
    pub gives: bool,
    /// Stretches of learning within the month, in seconds since 1970.
    spans: Vec<(i64, i64)>,
}

impl Own {
    /// The time that at least one of the stretches covers.
    pub fn seconds(&self) -> u64 {
        let mut spans = self.spans.clone();
        spans.sort_unstable();
        let (mut covered, mut until) = (0, i64::MIN);
        for (from, to) in spans {
            covered += (to - from.max(until)).max(0);
            until = until.max(to);
        }
        covered as u64
    }
}

#[derive(Debug, Default)]
pub struct Month {
    pub workers: BTreeMap<Worker, Own>,
    /// Acts of accounts that are nobody.
    pub unmatched: u64,
}

/// What is the same for all months.
pub struct Told<'a> {
    company: &'a Company,
    removed: Vec<Option<Day>>,
    replayed: HashMap<Day, Replay>,
    corrected: BTreeSet<Day>,
    /// Days on which a broken row stands whose account is nobody's and whose other cells are whole enough.
    broken: BTreeSet<Day>,
}

impl<'a> Told<'a> {
    pub fn of(company: &'a Company) -> Told<'a> {
        let files: Vec<Job> = jobs(company).into_iter().filter(|job| job.export == Export::Activity).collect();
        let flawed = |job: &&Job, wanted: Flaw| flaw(company, job) == Some(wanted);
        let busiest = |job: &Job| if job.to - job.from > 1 { job.from - 6 } else { job.from - 1 };
        Told {
            company,
            removed: (0..company.accounts.all.len()).map(|account| removed_on(company, account)).collect(),
            replayed: files.iter().filter_map(|job| replays::of(company, job)).map(|one| (one.of, one)).collect(),
            corrected: files.iter().filter(|job| flawed(job, Flaw::Corrected)).map(busiest).collect(),
            broken: files.iter().filter(|job| flawed(job, Flaw::BadRows)).map(|job| job.from).collect(),
        }
    }

    /// Everything done in the days `[from, to)` of the reporting zone.
    pub fn month(&self, from: Day, to: Day) -> Month {
        let mut month = Month::default();
        let bounds = (day_start_micros(from, ZONE) / 1_000_000, day_start_micros(to, ZONE) / 1_000_000);
        let mut add = |acts: &[Act]| acts.iter().for_each(|act| self.add(&mut month, act, (from, to), bounds));
        // Events may be told again up to three days later, and reach a night back.
        let days: Vec<Day> = (from - 4..to + 2).filter(|day| self.company.calendar.days().contains(day)).collect();
        for some in days.chunks(2 * rayon::current_num_threads().max(1)) {
            let told: Vec<Vec<Act>> = some.par_iter().map(|day| self.day(*day)).collect();
            told.iter().for_each(|acts| add(acts));
        }
        add(&self.statements(from, to));
        add(&self.community(from, to));
        for day in self.broken.range(from..to) {
            add(&[Act { account: None, at: Instant::new(*day, 36_000), weight: Weight::Visit, seconds: 0 }]);
        }
        month
    }

    fn add(&self, month: &mut Month, act: &Act, (from, to): (Day, Day), (first, end): (i64, i64)) {
        let day = local_day(act.at.0 * 1_000_000, ZONE);
        let is_own = (from..to).contains(&day);
        let Some(index) = act.account.map(|account| account as usize) else {
            month.unmatched += u64::from(is_own);
            return;
        };
        let account = &self.company.accounts.all[index];
        if account.kind != Kind::Learner {
            return;
        }
        let is_removed = self.removed[index].is_some_and(|removed| removed <= day);
        let Some(person) = account.person.filter(|_| account.bridge != Bridge::None && !is_removed) else {
            month.unmatched += u64::from(is_own);
            return;
        };
        let (start, stop) = ((act.at.0 - i64::from(act.seconds).min(CAP)).max(first), act.at.0.min(end));
        if !is_own && start >= stop {
            return;
        }
        let own = month.workers.entry(Worker::on(self.company, person, day)).or_default();
        if is_own {
            own.visits = true;
            own.is_active |= act.weight >= Weight::Active;
            own.gives |= act.weight == Weight::Gave;
        }
        if start < stop {
            own.spans.push((start, stop));
        }
    }

    /// The events of one day of the activity export, as they are known in the end.
    fn day(&self, day: Day) -> Vec<Act> {
        let mut known = Known {
            acts: Vec::new(),
            accounts: self
                .company
                .accounts
                .all
                .iter()
                .enumerate()
                .map(|(index, account)| (account.id.as_str(), index as u32))
                .collect(),
            replay: self.replayed.get(&day).copied(),
            longer: if self.corrected.contains(&day) { AGAIN_ROWS } else { 0 },
        };
        // Keeping events in memory cannot fail.
        let _ = self.company.activity.day(day, &self.company.accounts, &self.company.content, &mut known);
        known.acts
    }

    fn statements(&self, from: Day, to: Day) -> Vec<Act> {
        let near = |job: &Job| job.from < to + 2 && from - 2 < job.to;
        let all = statements::jobs(self.company).into_iter().filter(near);
        let live = all.flat_map(|job| statements::made(self.company, &job));
        let counts = |one: &statements::Statement| !one.is_void && !matches!(one.verb, Said::Voided | Said::Registered);
        live.filter(counts)
            .map(|one| Act {
                account: match one.actor {
                    Actor::Account(account) => Some(account as u32),
                    Actor::Stray(_) => None,
                },
                at: one.at,
                weight: match one.verb {
                    Said::Experienced | Said::Terminated => Weight::Visit,
                    _ => Weight::Active,
                },
                seconds: one.seconds,
            })
            .collect()
    }

    fn community(&self, from: Day, to: Day) -> Vec<Act> {
        let (company, calendar) = (self.company, self.company.calendar);
        let act = |account: usize, at: Instant, weight| Act { account: Some(account as u32), at, weight, seconds: 0 };
        // People react for a week or two.
        let weeks: Vec<u32> = (0..calendar.weeks)
            .filter(|week| calendar.monday(*week) < to + 2 && from - 16 < calendar.monday(week + 1))
            .collect();
        let end = Instant::new(calendar.end(), 0);
        let mut acts: Vec<Act> = weeks
            .into_par_iter()
            .flat_map_iter(|week| {
                let made = contributions(company, week);
                let answers = reactions(company, week, &made);
                let given: Vec<Act> = made
                    .iter()
                    .map(|one| act(one.author, one.created, Weight::Gave))
                    .chain(answers.iter().map(|one| act(one.actor, one.occurred, Weight::Active)))
                    .collect();
                given
            })
            .collect();
        for nth in 0..CYCLES.len() {
            let endorsed = submitted(company, nth).into_iter().flat_map(|one| one.endorsed);
            acts.extend(endorsed.map(|(account, at)| act(account, at, Weight::Active)));
        }
        acts.retain(|act| act.at < end);
        acts
    }
}

/// Keeps the events of a day.
struct Known<'a> {
    acts: Vec<Act>,
    accounts: HashMap<&'a str, u32>,
    replay: Option<Replay>,
    /// Stretches of learning that a later file says took a minute longer.
    longer: u32,
}

impl Events for Known<'_> {
    fn push(&mut self, event: &Event) -> io::Result<()> {
        let (day, seconds) = match self.replay.filter(|_| event.n <= MOST) {
            Some(replay) => replay.time(event.n, event.seconds),
            None => (event.day, event.seconds),
        };
        let mut duration = event.duration_seconds;
        if self.longer > 0 && event.verb == Verb::Progressed {
            self.longer -= 1;
            duration += 60;
        }
        self.acts.push(Act {
            account: self.accounts.get(event.user).copied(),
            at: Instant::new(day, seconds),
            weight: match event.verb {
                Verb::LoggedIn | Verb::Viewed | Verb::Searched => Weight::Visit,
                _ => Weight::Active,
            },
            seconds: duration,
        });
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_is_not_spent_twice() {
        let own = |spans: &[(i64, i64)]| Own { spans: spans.to_vec(), ..Own::default() }.seconds();
        assert_eq!(own(&[(0, 60), (30, 90), (100, 110)]), 100);
        assert_eq!(own(&[(100, 110), (0, 200), (0, 10)]), 200);
        assert_eq!(own(&[]), 0);
    }
}
