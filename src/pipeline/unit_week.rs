//! Weeks that changed: what the own people of each org unit did in them, summed from person-days. A week whose days and places are
//! as they were is left alone.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::array::{ArrayRef, Date32Array, Int64Array, RecordBatch, StringArray};
use rayon::prelude::*;

use super::computed::{Computed, publish, today};
use super::context::{Backfill, Context};
use super::day_rows::partition_of;
use super::lake::Lake;
use super::steps::{Because, Fingerprint};
use super::world::World;
use crate::canon::columns::{Text, dates, ints};
use crate::canon::history::NONE;
use crate::contract::arrow::mart_schema;
use crate::error::Result;
use crate::mart::leader_post_effects;
use crate::period::{Day, Grain, Period, month_label};
use crate::publish::FileRef;
use crate::rollup::person_day::MEASURES;
use crate::rollup::person_period::PersonDay;

/// Headcount, active learners and completions of a unit's own people.
type Sums = [i64; 3];
/// Sums by org unit.
type Week = BTreeMap<String, Sums>;

/// Computes the whole weeks of the reported days whose inputs changed. `days` are the files of `person_day`.
///
/// # Errors
/// The store fails, or rows break their contract.
pub fn compute(
    context: &Context<'_>,
    lake: &mut Lake<'_>,
    world: &World,
    (days, range): (&BTreeMap<Day, FileRef>, (Day, Day)),
    made_from: &mut BTreeMap<String, String>,
    done: &mut Computed,
) -> Result<()> {
    let table = context.catalog.require("unit_week")?;
    if !leader_post_effects::TABLE.tables.iter().any(|mart| context.job.wants(mart)) {
        made_from.retain(|known, _| !known.starts_with("unit_week/"));
        return lake.keep(table, |_| false);
    }
    let to = range.1.min(today(context));
    let weeks: Vec<Period> = context
        .job
        .calendar
        .periods(Grain::Week, range.0, to)
        .into_iter()
        .filter(|week| week.start >= range.0 && week.end <= to)
        .collect();
    let places = world.people.fingerprints(&weeks);
    let mut wanted: BTreeMap<String, BTreeMap<Day, Period>> = BTreeMap::new();
    let mut dirty: BTreeMap<Day, (Period, Fingerprint)> = BTreeMap::new();
    for (week, places) in weeks.iter().zip(places) {
        let rules = format!("{}|{}|{}", context.job.config_hash(), table.hash, env!("CARGO_PKG_VERSION"));
        let mut inputs = format!("{places:x}");
        for (day, file) in days.range(week.start..week.end) {
            inputs.push_str(&format!("|{day}{}", &file.sha256[..16]));
        }
        let now = Fingerprint::of(&rules, &inputs);
        wanted.entry(month_label(week.start)).or_default().insert(week.start, *week);
        let is_about = |backfill: &&Backfill| backfill.is_about(leader_post_effects::TABLE.tables);
        let forced = context.backfill.as_ref().filter(is_about).is_some_and(|backfill| backfill.touches(*week));
        let because = now.against(made_from.get(&step(week.start)), forced);
        done.steps.note(&table.name, &partition_of(week.start), because);
        if because != Because::Unchanged {
            dirty.insert(week.start, (*week, now));
        }
    }
    lake.keep(table, |month| wanted.contains_key(month))?;
    let live: BTreeSet<String> = weeks.iter().map(|week| step(week.start)).collect();
    made_from.retain(|known, _| !known.starts_with("unit_week/") || live.contains(known));

    let all: Vec<&(Period, Fingerprint)> = dirty.values().collect();
    let mut fresh: BTreeMap<Day, Week> = BTreeMap::new();
    for chunk in all.chunks(context.threads.max(1) * 8) {
        let summed: Vec<Result<(Day, Week)>> =
            chunk.par_iter().map(|(week, _)| Ok((week.start, one(context, lake, world, days, *week)?))).collect();
        for week in summed {
            let (start, rows) = week?;
            fresh.insert(start, rows);
        }
    }
    for (month, weeks) in &wanted {
        let is_touched = weeks.keys().any(|week| fresh.contains_key(week));
        // A week that is no longer reported leaves the file even where no other changed.
        let held = read(context, lake, month)?;
        if !is_touched && held.keys().all(|week| weeks.contains_key(week)) {
            continue;
        }
        let mut rows: BTreeMap<(Day, String), Sums> = BTreeMap::new();
        for week in weeks.keys() {
            let of_week = fresh.get(week).or_else(|| held.get(week));
            rows.extend(of_week.into_iter().flatten().map(|(org, sums)| ((*week, org.clone()), *sums)));
        }
        let sums =
            |at: usize| -> ArrayRef { Arc::new(Int64Array::from_iter_values(rows.values().map(|sums| sums[at]))) };
        let columns: Vec<ArrayRef> = vec![
            Arc::new(Date32Array::from_iter_values(rows.keys().map(|(week, _)| *week))),
            Arc::new(StringArray::from_iter_values(rows.keys().map(|(_, org)| org))),
            sums(0),
            sums(1),
            sums(2),
        ];
        publish(lake, table, month, &[RecordBatch::try_new(mart_schema(table), columns)?])?;
    }
    for (start, (_, now)) in dirty {
        made_from.insert(step(start), now.to_string());
    }
    Ok(())
}

fn step(week: Day) -> String {
    format!("unit_week/{}", partition_of(week))
}

/// The weeks that a month's file holds.
fn read(context: &Context<'_>, lake: &Lake<'_>, month: &str) -> Result<BTreeMap<Day, Week>> {
    let mut weeks: BTreeMap<Day, Week> = BTreeMap::new();
    for batch in lake.read(context.catalog.require("unit_week")?, month, None)? {
        let (week, org) = (dates(&batch, "week_start"), Text::of(&batch, "org_id"));
        let sums = ["headcount", "active_learners", "completions"].map(|name| ints(&batch, name));
        for row in 0..batch.num_rows() {
            if let (Some(week), Some(org)) = (week(row), org.get(row)) {
                let of_row = std::array::from_fn(|at| sums[at](row).unwrap_or(0));
                weeks.entry(week).or_default().insert(org.to_owned(), of_row);
            }
        }
    }
    Ok(weeks)
}

/// Adds up one week. Leaders count as people, but what they do is no outcome of what they post.
fn one(
    context: &Context<'_>,
    lake: &Lake<'_>,
    world: &World,
    days: &BTreeMap<Day, FileRef>,
    week: Period,
) -> Result<Week> {
    let people = &world.people;
    let measure = |name: &str| MEASURES.iter().position(|known| *known == name).unwrap_or(usize::MAX);
    let (active, completions) = (measure("active_acts"), measure("completions"));
    // Completions and whether active, by worker.
    let mut done = vec![(0i64, false); people.workers.len()];
    for (&day, file) in days.range(week.start..week.end) {
        let batches = lake.read_ref(context.catalog.require("person_day")?, file, None)?;
        let rows = PersonDay::read(day, &batches, people);
        for (worker, row) in rows.workers.iter().zip(&rows.measures) {
            let one = &mut done[*worker as usize];
            one.0 += i64::from(row.get(completions).copied().unwrap_or(0));
            one.1 |= row.get(active).is_some_and(|acts| *acts > 0);
        }
    }
    let leader_bands = context.job.policy.leader_bands();
    let mut sums = Week::new();
    for stint in people.places(week).iter().filter(|stint| stint.place.org != NONE) {
        let Some(org) = people.labels.text(stint.place.org) else { continue };
        let unit = match sums.get_mut(org) {
            Some(unit) => unit,
            None => sums.entry(org.to_owned()).or_default(),
        };
        unit[0] += 1;
        let band = people.labels.text(stint.place.band);
        if !band.is_some_and(|band| leader_bands.contains(&band)) {
            let (completed, is_active) = done[stint.worker as usize];
            unit[1] += i64::from(is_active);
            unit[2] += completed;
        }
    }
    Ok(sums)
}
