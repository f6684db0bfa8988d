//! The parts of a set on their way in: read one by one, judged and chosen among together.

use std::collections::{BTreeMap, BTreeSet};

use arrow::array::RecordBatch;

use super::canonicalize::Rows;
use super::context::Context;
use super::gates;
use super::plan::DeliveryPlan;
use super::planned::LoadedFeed;
use super::workforce::Workforce;
use crate::contract::Table;
use crate::error::{Error, Result};
use crate::feed::{self, Intake, Reason, Refusal, Warning, set};
use crate::ledger::{Entry, Ledger};
use crate::period::local_day;

/// A set of which parts are read: what the gates judge together.
pub(super) struct Together {
    /// Parts still to be read.
    pub(super) waiting: usize,
    /// The first part, with the counts of all.
    pub(super) entry: Entry,
    pub(super) intake: Intake,
    pub(super) keys: Vec<String>,
    /// Rows of all parts of whole tables.
    pub(super) rows: Vec<RecordBatch>,
    pub(super) refused: Option<String>,
    /// Parts whose rows wait for the others, because the feed's rules choose among the rows of all of them.
    pub(super) parts: Vec<Part>,
}

/// A part of a set that was read.
pub(super) struct Part {
    /// Its place in the plan.
    pub(super) planned: usize,
    pub(super) entry: Entry,
    pub(super) intake: Intake,
    pub(super) rows: Rows,
}

/// The sets of which objects are read, with what earlier runs accepted of them.
pub(super) fn together(plan: &DeliveryPlan, ledger: &Ledger) -> BTreeMap<(usize, String), Together> {
    let mut sets: BTreeMap<(usize, String), Together> = BTreeMap::new();
    for planned in &plan.read {
        let Some(set) = planned.set.clone() else { continue };
        let set = sets.entry((planned.feed, set)).or_insert_with(|| Together {
            waiting: 0,
            entry: Entry::default(),
            intake: Intake::default(),
            keys: Vec::new(),
            rows: Vec::new(),
            refused: None,
            parts: Vec::new(),
        });
        set.waiting += 1;
    }
    if sets.is_empty() {
        return sets;
    }
    let reading: BTreeSet<&str> = plan.read.iter().map(|planned| planned.key.as_str()).collect();
    let before = ledger.entries.iter().filter(|(key, entry)| entry.is_accepted() && !reading.contains(key.as_str()));
    for (key, entry) in before {
        let Some(planned) = plan.listed.get(key) else { continue };
        let set = planned.set.clone().and_then(|set| sets.get_mut(&(planned.feed, set)));
        if let Some(set) = set.filter(|_| !plan.start_over.contains_key(&entry.table)) {
            gates::add(&mut set.entry, entry);
            set.intake.read += entry.counts.read;
            set.intake.accepted += entry.counts.read.saturating_sub(entry.counts.rejected);
            let coverage: Vec<(String, u64)> = entry.coverage.clone().into_iter().collect();
            set::add_up(&mut set.intake.coverage, &coverage);
        }
    }
    sets
}

impl Together {
    pub(super) fn add(&mut self, entry: &Entry, intake: &Intake, key: &str, rows: &Rows) {
        if self.keys.is_empty() {
            let sum = std::mem::take(&mut self.entry);
            self.entry = Entry { counts: sum.counts, coverage: sum.coverage, ..entry.clone() };
            self.entry.counts.add(&entry.counts);
        } else {
            gates::add(&mut self.entry, entry);
        }
        self.keys.push(key.to_owned());
        self.rows.extend(rows.whole.iter().cloned());
        set::add(&mut self.intake, intake, &entry.path);
    }

    /// Lets the feed's rules choose among the rows of all parts.
    pub(super) fn choose(&self, context: &Context<'_>, feed: &feed::Feed, parts: &mut [Part]) -> Result<()> {
        if parts.is_empty() || self.refused.is_some() {
            return Ok(());
        }
        let mut told: Vec<_> = parts.iter_mut().map(|part| (&mut part.intake, &mut part.rows.whole)).collect();
        let refused = |refusal: Refusal| Error::bug(format!("{}: {}", feed.name, refusal.sentence()));
        feed::choose(feed, context.catalog.require(&feed.fills)?, &mut told).map_err(refused)?;
        for Part { entry, rows, .. } in parts.iter_mut().filter(|part| part.rows.workforce.is_some()) {
            let day = local_day(entry.known_at, context.job.zone);
            rows.workforce = Some(Workforce::told(feed, &rows.whole, day));
        }
        Ok(())
    }

    /// Workers employed on the day of the set, whichever parts their rows stand in.
    pub(super) fn headcount(&mut self, context: &Context<'_>, loaded: &LoadedFeed) -> Option<u64> {
        let is_headcount = loaded.feed.counts_heads();
        let day = local_day(self.entry.known_at, context.job.zone);
        let count = (is_headcount && !self.keys.is_empty()).then(|| Workforce::of(&self.rows, day, true).employed);
        self.entry.headcount = count;
        count
    }

    /// What is to be said of the set, and the refusals of its parts: because one of them was refused, or because the set as a whole falls
    /// short.
    pub(super) fn judge(
        &mut self,
        (feed, table): (&feed::Feed, &Table),
        ledger: &Ledger,
        notes: &mut Vec<gates::Note>,
    ) -> (Vec<Warning>, BTreeMap<String, Refusal>) {
        let rows = std::mem::take(&mut self.rows);
        if self.keys.is_empty() {
            return Default::default();
        }
        let verdict = match &self.refused {
            Some(path) => Err(Refusal::new(Reason::SetRefused, path.clone())),
            None => set::judge(feed, table, &self.intake, &rows).and_then(|warnings| {
                gates::judge(feed, &self.entry, &self.intake, ledger, notes)?;
                Ok(warnings)
            }),
        };
        match verdict {
            Ok(warnings) => (warnings, BTreeMap::new()),
            Err(refusal) => (Vec::new(), self.keys.iter().map(|key| (key.clone(), refusal.clone())).collect()),
        }
    }
}
