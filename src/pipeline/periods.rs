//! Periods that changed: their person-periods are added up, guarded and put in place of the old rows. Every other period stays
//! as it was published.

mod reader;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::array::{BooleanArray, RecordBatch};
use arrow::compute::{concat_batches, filter_record_batch};
use rayon::prelude::*;

use reader::{Given, Reader, beside};

use super::activation;
use super::computed::{Computed, checked, mart_error, slice, tally, today};
use super::context::Context;
use super::cycles;
use super::day_rows::{day_partition, partition_of};
use super::lake::{Lake, Stored};
use super::reported::reported;
use super::steps::{Because, Fingerprint};
use super::stream::{Bounds, in_order};
use super::world::World;
use super::{contents, derive, endorsements, left_out, unit_week};
use crate::canon::columns::{Text, dates, numbers};
use crate::canon::history::StableHash;
use crate::contract::Table;
use crate::contract::arrow::{mart_schema, sorted};
use crate::error::Result;
use crate::mart::{Guarded, Inputs, MARTS, Mart, Previous, Standing};
use crate::period::{Day, Grain, Period, month_label};
use crate::publish::FileRef;
use crate::rollup::person_period::{self, PersonPeriod, WINDOW};

/// Recomputes what changed of every mart the job wants.
///
/// # Errors
/// The privacy audit refuses, the store fails, or a frame breaks its contract.
pub fn compute(
    context: &Context<'_>,
    lake: &mut Lake<'_>,
    world: &World,
    made_from: &mut BTreeMap<String, String>,
) -> Result<Computed> {
    let mut done = Computed::default();
    left_out::take_out(context, lake, made_from)?;
    let person_day = context.catalog.require("person_day")?;
    let days: BTreeMap<Day, FileRef> = lake
        .partitions(person_day)?
        .into_iter()
        .filter_map(|(partition, file)| Some((day_partition(&partition)?, file)))
        .collect();
    let range = reported(context, lake, world)?;
    for mart in MARTS.iter().filter(|mart| context.job.wants(mart.name)) {
        if world.people.workers.is_empty() {
            done.lacks(mart.name, "workers");
            continue;
        }
        if let Some(table) = missing(context, lake, mart)? {
            done.lacks(mart.name, table);
            for name in std::iter::once(mart.name).chain(mart.managers) {
                lake.keep(context.catalog.require(name)?, |_| false)?;
            }
            made_from.retain(|step, _| !step.starts_with(&format!("{}/", mart.name)));
            continue;
        }
        let run = Run { context, world, mart, days: &days, range };
        run.compute(lake, made_from, &mut done)?;
    }
    contents::compute(context, lake, world, range, made_from, &mut done)?;
    endorsements::compute(context, lake, made_from, &mut done)?;
    unit_week::compute(context, lake, world, (&days, range), made_from, &mut done)?;
    derive::compute(context, lake, world, range, made_from, &mut done)?;
    done.remarks.extend(done.absence());
    done.unknown_cycles = cycles::unknown(context, lake, range.1)?;
    done.remarks.extend(done.unknown_cycles.iter().filter_map(cycles::Unknown::remark));
    Ok(done)
}

/// The first table the mart needs that has no row.
fn missing(context: &Context<'_>, lake: &Lake<'_>, mart: &Mart) -> Result<Option<&'static str>> {
    for &name in mart.needs {
        if lake.partitions(context.catalog.require(name)?)?.values().all(|file| file.rows == 0) {
            return Ok(Some(name));
        }
    }
    Ok(None)
}

/// One mart over the reported days.
struct Run<'a> {
    context: &'a Context<'a>,
    world: &'a World,
    mart: &'a Mart,
    days: &'a BTreeMap<Day, FileRef>,
    range: (Day, Day),
}

impl Run<'_> {
    fn compute(
        &self,
        lake: &mut Lake<'_>,
        made_from: &mut BTreeMap<String, String>,
        done: &mut Computed,
    ) -> Result<()> {
        let calendar = &self.context.job.calendar;
        let mut wanted: BTreeMap<String, Period> = BTreeMap::new();
        let mut dirty: BTreeMap<Period, Fingerprint> = BTreeMap::new();
        let own: Vec<&str> = std::iter::once(self.mart.name).chain(self.mart.managers).collect();
        let forced = self.context.backfill.as_ref().filter(|backfill| backfill.is_about(&own));
        for &grain in self.mart.grains {
            let periods = calendar.periods(grain, self.range.0, self.range.1);
            let seen: Vec<Period> = periods.iter().map(|period| self.seen(*period)).collect();
            let places = self.facts(&seen)?;
            let mut follows_change = false;
            for (period, places) in periods.iter().zip(places) {
                let step = self.step(*period);
                let now = self.fingerprint(lake, *period, places)?;
                let forced = forced.is_some_and(|backfill| backfill.touches(*period));
                let because = match now.against(made_from.get(&step), forced) {
                    // The period after a changed one shows a change against it.
                    Because::Unchanged if follows_change && !self.mart.previous.is_empty() => Because::FollowsAnother,
                    because => because,
                };
                done.steps.note(self.mart.name, &slice(*period), because);
                if because != Because::Unchanged {
                    dirty.insert(*period, now);
                }
                follows_change = !matches!(because, Because::Unchanged | Because::FollowsAnother);
                wanted.insert(step, *period);
            }
        }
        let prefix = format!("{}/", self.mart.name);
        let containers: BTreeSet<String> = wanted.values().map(|period| container(*period)).collect();
        let table = self.context.catalog.require(self.mart.name)?;
        let managers = self.mart.managers.map(|name| self.context.catalog.require(name)).transpose()?;
        for table in [Some(table), managers].into_iter().flatten() {
            lake.keep(table, |partition| containers.contains(partition))?;
        }

        let mut order: Vec<Period> = dirty.keys().copied().collect();
        order.sort_by_key(|period| (period.end, period.grain, period.start));
        let mut fresh: BTreeMap<String, Vec<(Period, Guarded)>> = BTreeMap::new();
        let mut shown: BTreeMap<Period, Previous> = BTreeMap::new();
        let mut reader = Reader::new(self, lake);
        let head = reader.lake;
        let bounds = Bounds { tasks: self.context.threads.max(1) * 4, waiting: 0, weight: u64::MAX };
        in_order(
            bounds,
            order.iter().map(|&period| Ok(((period, reader.task(period)?), 0))),
            |(period, task)| -> Result<(Period, PersonPeriod, Standing)> {
                let person_period = person_period::build(
                    period,
                    self.seen(period),
                    calendar,
                    &self.world.people,
                    &task.days,
                    &task.before,
                    &task.activation,
                )?;
                let inputs = self.inputs(period, &person_period, &task.given);
                let shown = self.mart.show(self.context.catalog, &inputs).map_err(mart_error)?;
                Ok((period, person_period, shown))
            },
            |guarded| {
                let (period, person_period, rows) = guarded?;
                let before = calendar.previous(period);
                if let std::collections::btree_map::Entry::Vacant(entry) = shown.entry(before) {
                    // Head may still hold a period that is reported no more.
                    let is_reported = wanted.contains_key(&self.step(before));
                    entry.insert(if is_reported { self.published(head, before)? } else { Previous::new() });
                }
                let given = Given::default();
                let inputs = self.inputs(period, &person_period, &given);
                let guarded =
                    self.mart.complete(self.context.catalog, rows, &inputs, &shown[&before]).map_err(mart_error)?;
                let batches = std::iter::once(&guarded.rows).chain(&guarded.managers);
                shown.insert(period, batches.flat_map(|batch| figures(batch, period, self.mart.previous)).collect());
                done.cycles_cut = guarded.cycles_cut;
                done.orphans = guarded.orphans;
                done.periods += 1;
                fresh.entry(container(period)).or_default().push((period, guarded));
                Ok(())
            },
        )?;
        let restricted = managers.filter(|_| self.context.job.policy.manager_scopes);
        let stored: Vec<Result<Vec<Stored>>> = {
            let lake: &Lake<'_> = lake;
            let one = |(partition, periods): (&String, &Vec<(Period, Guarded)>)| -> Result<Vec<Stored>> {
                let replaced: BTreeSet<Day> = periods.iter().map(|(period, _)| period.start).collect();
                let of_file = wanted.values().filter(|period| container(**period) == *partition);
                let live: BTreeSet<Day> = of_file.map(|period| period.start).collect();
                let keep = |day: Day| live.contains(&day) && !replaced.contains(&day);
                let public = replace(lake, table, partition, &keep, periods.iter().map(|(_, guarded)| &guarded.rows))?;
                let mut files = vec![checked(table, partition, &[public])?];
                if let Some(managers) = restricted {
                    let fresh = periods.iter().filter_map(|(_, guarded)| guarded.managers.as_ref());
                    files.push(checked(managers, partition, &[replace(lake, managers, partition, &keep, fresh)?])?);
                }
                lake.store(files)
            };
            fresh.par_iter().map(one).collect()
        };
        for stored in stored {
            lake.adopt(stored?);
        }
        for periods in fresh.values() {
            for (period, guarded) in periods {
                if let Some(now) = dirty.get(period) {
                    made_from.insert(self.step(*period), now.to_string());
                }
                made_from.insert(format!("{}/withheld", self.step(*period)), tally(&guarded.withheld));
            }
        }
        let steps: BTreeSet<String> =
            wanted.keys().flat_map(|step| [step.clone(), format!("{step}/withheld")]).collect();
        made_from.retain(|step, _| !step.starts_with(&prefix) || steps.contains(step));
        Ok(())
    }

    fn step(&self, period: Period) -> String {
        format!("{}/{}", self.mart.name, slice(period))
    }

    fn inputs<'b>(&'b self, period: Period, person_period: &'b PersonPeriod, given: &'b Given) -> Inputs<'b> {
        Inputs {
            period,
            seen: self.seen(period),
            is_complete: period.end <= today(self.context),
            person_period,
            acts: &self.world.acts,
            reactions: &given.reactions,
            interests: &given.interests,
            calendar: &self.context.job.calendar,
            people: &self.world.people,
            units: &self.world.units,
            policy: &self.context.job.policy,
            certifications: &self.world.certifications,
        }
    }

    /// The part of a period that lies before the horizon: nobody counts for a day that has not begun.
    fn seen(&self, period: Period) -> Period {
        Period { end: period.end.min(self.range.1), ..period }
    }

    /// Figures that head shows for a period.
    fn published(&self, lake: &Lake<'_>, period: Period) -> Result<Previous> {
        let mut shown = Previous::new();
        if self.mart.previous.is_empty() {
            return Ok(shown);
        }
        let columns: Vec<&str> =
            ["period_start", "scope_kind", "scope_id"].into_iter().chain(self.mart.previous.iter().copied()).collect();
        for name in std::iter::once(self.mart.name).chain(self.mart.managers) {
            let table = self.context.catalog.require(name)?;
            for batch in lake.read(table, &container(period), Some(&columns))? {
                shown.extend(figures(&batch, period, self.mart.previous));
            }
        }
        Ok(shown)
    }

    /// The first day whose person-day a period reads: its own, the period before it, and the moving window's; back to a month's
    /// beginning, where the chain of first active days takes over.
    fn base(&self, period: Period) -> Day {
        if !self.mart.looks_back {
            return period.start;
        }
        let first = period.start.min(period.end.min(self.range.1) - WINDOW);
        self.context.job.calendar.period(Grain::Month, first).start
    }

    /// Whether the mart is made from person-days at all; its contract says so.
    fn reads_acts(&self) -> Result<bool> {
        let reads = &self.context.catalog.require(self.mart.name)?.reads;
        Ok(reads.iter().any(|read| ["activity", "contributions", "reactions"].contains(&read.table.as_str())))
    }

    /// For each period a hash of who stood where, and of what else the mart reads beside person-days.
    fn facts(&self, seen: &[Period]) -> Result<Vec<u64>> {
        let mut facts = self.world.people.fingerprints(seen);
        let reads = &self.context.catalog.require(self.mart.name)?.reads;
        if reads.iter().any(|read| read.table == "enrollments") {
            let days: Vec<Day> = seen.iter().map(|period| period.last_day()).collect();
            let certified = self.world.certifications.fingerprints(&self.world.people, &days);
            // A certificate may expire while a period runs, so what a day says depends on the day itself.
            for ((fact, certified), day) in facts.iter_mut().zip(certified).zip(days) {
                let mut hash = StableHash(*fact);
                hash.number(certified as i64);
                hash.number(i64::from(day));
                *fact = hash.finish();
            }
        }
        Ok(facts)
    }

    /// Files of a table computed beside the person-days, of the days of a period.
    fn beside(&self, lake: &Lake<'_>, name: &str, seen: Period) -> Result<Vec<(Day, FileRef)>> {
        let table = self.context.catalog.require(name)?;
        let mut files = Vec::new();
        for day in seen.start..seen.end {
            if let Some(file) = lake.file(table, &partition_of(day))? {
                files.push((day, file.clone()));
            }
        }
        Ok(files)
    }

    /// A hash over everything the rows of a period are made from.
    fn fingerprint(&self, lake: &Lake<'_>, period: Period, places: u64) -> Result<Fingerprint> {
        let table = self.context.catalog.require(self.mart.name)?;
        let complete = period.end <= today(self.context);
        let rules = format!("{}|{}|{}", self.context.job.config_hash(), table.hash, env!("CARGO_PKG_VERSION"));
        let mut basis = format!("{complete}|{places:x}|{:x}", self.world.units.fingerprint(self.seen(period)));
        if !self.reads_acts()? {
            return Ok(Fingerprint::of(&rules, &basis));
        }
        let base = self.base(period);
        let from = if self.mart.looks_back { base.min(self.context.job.calendar.previous(period).start) } else { base };
        for (day, file) in self.days.range(from..period.end.min(self.range.1)) {
            basis.push_str(&format!("|{day}{}", &file.sha256[..16]));
        }
        let chain = self.context.catalog.require("person_activation")?;
        if self.mart.looks_back
            && let Some(month) = activation::link(lake, chain, &month_label(base - 1))?
        {
            basis.push_str(lake.file(chain, &month)?.map_or("-", |file| &file.sha256[..16]));
        }
        if let Some(acts) = self.mart.acts {
            let seen = self.seen(period);
            let (facts, people) = (&self.world.acts, &self.world.people);
            basis.push_str(&format!("|{:x}", facts.fingerprint(seen.start - acts.days, seen.end)));
            if acts.events {
                basis.push_str(&format!("|{:x}", facts.events_fingerprint(seen.start - acts.days, seen.end, people)));
            }
            for (name, _) in beside(acts).into_iter().filter(|(_, is_read)| *is_read) {
                for (partition, file) in self.beside(lake, name, seen)? {
                    basis.push_str(&format!("|{partition}{}", &file.sha256[..16]));
                }
            }
        }
        Ok(Fingerprint::of(&rules, &basis))
    }
}

/// Days of the longest period.
const LONGEST: Day = 92;

/// The file of a mart that holds a period: days and weeks by month of their start, months and quarters by year.
fn container(period: Period) -> String {
    let label = month_label(period.start);
    match period.grain {
        Grain::Day | Grain::Week => format!("{}-{label}", period.grain),
        Grain::Month | Grain::Quarter => format!("{}-{}", period.grain, &label[..4]),
    }
}

/// Figures shown in a period's rows, by scope.
fn figures(batch: &RecordBatch, period: Period, names: &[&str]) -> Previous {
    let (kind, id) = (Text::of(batch, "scope_kind"), Text::of(batch, "scope_id"));
    let start = dates(batch, "period_start");
    let columns: Vec<_> = names.iter().map(|name| numbers(batch, name)).collect();
    (0..batch.num_rows())
        .filter(|row| start(*row) == Some(period.start))
        .filter_map(|row| {
            let scope = (kind.get(row)?.to_owned(), id.get(row)?.to_owned());
            Some((scope, columns.iter().map(|column| column(row)).collect()))
        })
        .collect()
}

/// The rows of a file with some periods replaced, in the order of the contract.
fn replace<'b>(
    lake: &Lake<'_>,
    table: &Table,
    partition: &str,
    keep: &dyn Fn(Day) -> bool,
    fresh: impl Iterator<Item = &'b RecordBatch>,
) -> Result<RecordBatch> {
    let schema = mart_schema(table);
    let mut batches = Vec::new();
    for batch in lake.read(table, partition, None)? {
        let start = dates(&batch, "period_start");
        let mask: BooleanArray = (0..batch.num_rows()).map(|row| Some(start(row).is_some_and(keep))).collect();
        let kept = filter_record_batch(&batch, &mask)?;
        batches.push(RecordBatch::try_new(Arc::clone(&schema), kept.columns().to_vec())?);
    }
    batches.extend(fresh.cloned());
    let all = concat_batches(&schema, &batches)?;
    Ok(sorted(table, &all)?)
}
