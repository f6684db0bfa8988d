//! What periods are added up from, read once: person-days, and what stands beside them.

use std::collections::BTreeMap;
use std::sync::Arc;

use rayon::prelude::*;

use super::{LONGEST, Run};
use crate::canon::acts::{Interests, Reactions};
use crate::error::Result;
use crate::mart::Lookback;
use crate::period::{Day, Period, month_label};
use crate::pipeline::activation;
use crate::pipeline::lake::Lake;
use crate::rollup::person_period::{Activation, NEVER, PersonDay};

/// What one period is added up from.
pub(super) struct Task {
    pub(super) days: Vec<Arc<PersonDay>>,
    pub(super) before: Vec<Arc<PersonDay>>,
    pub(super) activation: Activation,
    pub(super) given: Given,
}

/// Reactions and interests of the days of a period, where the mart reads them.
#[derive(Default)]
pub(super) struct Given {
    pub(super) reactions: Vec<Arc<Reactions>>,
    pub(super) interests: Vec<Arc<Interests>>,
}

/// Tables computed beside the person-days, and whether a mart reads them.
pub(super) fn beside(acts: Lookback) -> [(&'static str, bool); 2] {
    [("person_reaction", acts.reactions), ("person_interest", acts.interests)]
}

/// Reads person-days once each and keeps the recent ones; carries first and last active days forward from period to period.
pub(super) struct Reader<'a, 'l> {
    run: &'a Run<'a>,
    pub(super) lake: &'a Lake<'l>,
    held: BTreeMap<Day, Arc<PersonDay>>,
    bytes: usize,
    reactions: BTreeMap<Day, Arc<Reactions>>,
    interests: BTreeMap<Day, Arc<Interests>>,
    activation: Activation,
    /// Days before this one are in `activation`.
    through: Day,
    /// Since this day last active days are known.
    since: Day,
}

impl<'a, 'l> Reader<'a, 'l> {
    pub(super) fn new(run: &'a Run<'a>, lake: &'a Lake<'l>) -> Reader<'a, 'l> {
        Reader {
            run,
            lake,
            held: BTreeMap::new(),
            bytes: 0,
            reactions: BTreeMap::new(),
            interests: BTreeMap::new(),
            activation: Activation::new(Vec::new()),
            through: Day::MIN,
            since: Day::MAX,
        }
    }

    pub(super) fn task(&mut self, period: Period) -> Result<Task> {
        if !self.run.reads_acts()? {
            let nobody = vec![NEVER; self.run.world.people.workers.len()];
            let given = Given::default();
            return Ok(Task { days: Vec::new(), before: Vec::new(), activation: Activation::new(nobody), given });
        }
        let base = self.run.base(period);
        let end = period.end.min(self.run.range.1);
        let given = self.given(self.run.seen(period))?;
        if !self.run.mart.looks_back {
            self.fetch(base, end)?;
            let nobody = Activation::new(vec![NEVER; self.run.world.people.workers.len()]);
            return Ok(Task { days: self.range(base, end)?, before: Vec::new(), activation: nobody, given });
        }
        let before = self.run.context.job.calendar.previous(period);
        self.fetch(base.min(before.start), end)?;
        if base < self.since || base > self.through {
            self.begin(base)?;
        }
        while self.through < end {
            let day = self.through;
            if let Some(rows) = self.day(day)? {
                self.activation.advance(&rows);
            }
            self.through = day + 1;
        }
        Ok(Task {
            days: self.range(period.start, end)?,
            before: self.range(before.start, before.end)?,
            activation: self.activation.clone(),
            given,
        })
    }

    /// What the mart reads of a period's days beside the person-days. Periods come in order of their end, so days too early for any
    /// period to come are let go.
    fn given(&mut self, seen: Period) -> Result<Given> {
        let mut given = Given::default();
        let Some(acts) = self.run.mart.acts else { return Ok(given) };
        let (people, facts) = (&self.run.world.people, &self.run.world.acts);
        for (name, _) in beside(acts).into_iter().filter(|(_, is_read)| *is_read) {
            let table = self.run.context.catalog.require(name)?;
            for (day, file) in self.run.beside(self.lake, name, seen)? {
                let read = || self.lake.read_ref(table, &file, None);
                if name == "person_reaction" {
                    if let std::collections::btree_map::Entry::Vacant(e) = self.reactions.entry(day) {
                        e.insert(Arc::new(Reactions::read(day, &read()?, people, facts)));
                    }
                    given.reactions.extend(self.reactions.get(&day).cloned());
                } else {
                    if let std::collections::btree_map::Entry::Vacant(e) = self.interests.entry(day) {
                        e.insert(Arc::new(Interests::read(day, &read()?, people, facts)));
                    }
                    given.interests.extend(self.interests.get(&day).cloned());
                }
            }
        }
        let gone = seen.end - LONGEST;
        self.reactions = self.reactions.split_off(&gone);
        self.interests = self.interests.split_off(&gone);
        Ok(given)
    }

    /// Starts over from the chain of first active days as of the end of the month before `base`.
    fn begin(&mut self, base: Day) -> Result<()> {
        let mut first = vec![NEVER; self.run.world.people.workers.len()];
        let table = self.run.context.catalog.require("person_activation")?;
        if let Some(month) = activation::link(self.lake, table, &month_label(base - 1))? {
            for (person, day) in activation::read(self.lake, table, &month)? {
                if let Some(code) = self.run.world.people.code(&person) {
                    first[code as usize] = day;
                }
            }
        }
        self.activation = Activation::new(first);
        (self.since, self.through) = (base, base);
        Ok(())
    }

    fn range(&mut self, from: Day, to: Day) -> Result<Vec<Arc<PersonDay>>> {
        let days: Vec<Day> = self.run.days.range(from..to.max(from)).map(|(day, _)| *day).collect();
        days.into_iter().filter_map(|day| self.day(day).transpose()).collect()
    }

    /// Reads the days that are not held yet beside each other, as far as they may be held.
    fn fetch(&mut self, from: Day, to: Day) -> Result<()> {
        let room = self.run.context.memory_limit / 4;
        let wanted: Vec<Day> = self.run.days.range(from..to.max(from)).map(|(day, _)| *day).collect();
        let wanted: Vec<Day> = wanted.into_iter().filter(|day| !self.held.contains_key(day)).collect();
        let run = self.run;
        for days in wanted.chunks(run.context.threads.max(1) * 8) {
            if self.bytes > room / 2 {
                return Ok(());
            }
            let lake = self.lake;
            let read: Vec<Result<Option<PersonDay>>> = days.par_iter().map(|day| read_day(run, lake, *day)).collect();
            for rows in read {
                if let Some(rows) = rows? {
                    self.hold(rows);
                }
            }
        }
        Ok(())
    }

    fn day(&mut self, day: Day) -> Result<Option<Arc<PersonDay>>> {
        if let Some(rows) = self.held.get(&day) {
            return Ok(Some(Arc::clone(rows)));
        }
        Ok(read_day(self.run, self.lake, day)?.map(|rows| self.hold(rows)))
    }

    fn hold(&mut self, rows: PersonDay) -> Arc<PersonDay> {
        let (day, rows) = (rows.day, Arc::new(rows));
        self.bytes += rows.bytes();
        self.held.insert(day, Arc::clone(&rows));
        while self.bytes > self.run.context.memory_limit / 4 && self.held.len() > 1 {
            // Periods come in order of their end, so the earliest day is the one least likely to be read again.
            let Some((_, oldest)) = self.held.pop_first() else { break };
            self.bytes -= oldest.bytes();
        }
        rows
    }
}

/// The person-days of a day; `None` where it has no file.
fn read_day(run: &Run<'_>, lake: &Lake<'_>, day: Day) -> Result<Option<PersonDay>> {
    let Some(file) = run.days.get(&day) else { return Ok(None) };
    let table = run.context.catalog.require("person_day")?;
    let batches = lake.read_ref(table, file, None)?;
    Ok(Some(PersonDay::read(day, &batches, &run.world.people)))
}
