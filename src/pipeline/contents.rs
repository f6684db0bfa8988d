//! Months of content that changed: their days are added up, guarded and put in place of the old rows. Every other month stays as it
//! was published.

use std::collections::{BTreeMap, BTreeSet};

use super::computed::{Computed, mart_error, publish, slice, tally, today};
use super::context::Context;
use super::day_rows::day_partition;
use super::lake::Lake;
use super::steps::{Because, Fingerprint};
use super::world::World;
use crate::canon::catalogue::Item;
use crate::canon::history::StableHash;
use crate::canon::identity::Who;
use crate::error::Result;
use crate::mart::content_engagement::{self, Month, MonthUse, NAME};
use crate::period::{Day, Grain, Period, month_label};
use crate::publish::FileRef;
use crate::rollup::content_day::{self, Object};

/// Recomputes the months of `content_engagement` that changed. `range` is the reported days.
///
/// # Errors
/// The store fails, or rows break their contract.
pub fn compute(
    context: &Context<'_>,
    lake: &mut Lake<'_>,
    world: &World,
    range: (Day, Day),
    made_from: &mut BTreeMap<String, String>,
    done: &mut Computed,
) -> Result<()> {
    if !context.job.wants(NAME) {
        return Ok(());
    }
    let prefix = format!("{NAME}/");
    if world.people.workers.is_empty() || world.items.is_empty() {
        let missing = if world.items.is_empty() { "content" } else { "workers" };
        done.lacks(NAME, missing);
        lake.keep(context.catalog.require(NAME)?, |_| false)?;
        made_from.retain(|step, _| !step.starts_with(&prefix));
        return Ok(());
    }
    let table = context.catalog.require(NAME)?;
    let months = context.job.calendar.periods(Grain::Month, range.0, range.1);
    let labels: BTreeSet<String> = months.iter().map(|month| month_label(month.start)).collect();
    lake.keep(table, |partition| labels.contains(partition))?;
    let files = days(context, lake)?;
    let seen: Vec<Period> = months.iter().map(|month| Period { end: month.end.min(range.1), ..*month }).collect();
    let places = world.people.fingerprints(&seen);
    let belongings = belongings(world);
    let forced = context.backfill.as_ref().filter(|backfill| backfill.is_about(&[NAME]));
    let mut steps: BTreeSet<String> = BTreeSet::new();
    for ((month, seen), places) in months.into_iter().zip(seen).zip(places) {
        let is_complete = month.end <= today(context);
        let owners = owners(world, seen);
        let now = fingerprint(context, world, (month, seen), is_complete, places, &owners, &belongings, &files)?;
        let step = format!("{NAME}/{}", slice(month));
        let withheld_step = format!("{step}/withheld");
        steps.extend([step.clone(), withheld_step.clone()]);
        let forced = forced.is_some_and(|backfill| backfill.touches(month));
        let because = now.against(made_from.get(&step), forced);
        done.steps.note(NAME, &slice(month), because);
        if because == Because::Unchanged {
            continue;
        }
        let mut built = Month {
            period: month,
            seen,
            is_complete,
            people: &world.people,
            units: &world.units,
            policy: &context.job.policy,
            items: world.items.iter().zip(owners).filter(|(item, _)| item.lives_in(seen)).collect(),
            uses: BTreeMap::new(),
            unnamed: BTreeMap::new(),
        };
        add_up(context, lake, world, &files, &mut built)?;
        let (rows, withheld) = content_engagement::build(context.catalog, &built).map_err(mart_error)?;
        publish(lake, table, &month_label(month.start), &[rows])?;
        made_from.insert(step, now.to_string());
        made_from.insert(withheld_step, tally(&withheld));
        done.periods += 1;
    }
    made_from.retain(|step, _| !step.starts_with(&prefix) || steps.contains(step));
    Ok(())
}

/// The files of `content_day`, by day.
fn days(context: &Context<'_>, lake: &Lake<'_>) -> Result<BTreeMap<Day, FileRef>> {
    let table = context.catalog.require("content_day")?;
    let named = lake.partitions(table)?.into_iter();
    Ok(named.filter_map(|(partition, file)| Some((day_partition(&partition)?, file))).collect())
}

/// A hash of the contributions that belong to items, by the day they were created.
fn belongings(world: &World) -> BTreeMap<Day, u64> {
    let mut days: BTreeMap<Day, u64> = BTreeMap::new();
    for (contribution, (created, content)) in &world.belongings {
        let mut hash = StableHash::default();
        hash.text(contribution);
        hash.text(content);
        let sum = days.entry(*created).or_default();
        *sum = sum.wrapping_add(hash.finish());
    }
    days
}

/// Who owned each item at the end of a month.
fn owners(world: &World, seen: Period) -> Vec<Option<u32>> {
    let owner = |item: &Item| match world.identity.who(item.owner.as_deref()?, seen.last_day()) {
        Who::Worker(worker) => Some(worker),
        _ => None,
    };
    world.items.iter().map(owner).collect()
}

/// Adds the days of a month up by item and person.
fn add_up<'w>(
    context: &Context<'_>,
    lake: &Lake<'_>,
    world: &'w World,
    files: &BTreeMap<Day, FileRef>,
    month: &mut Month<'w>,
) -> Result<()> {
    let table = context.catalog.require("content_day")?;
    let seen = month.seen;
    let items: BTreeMap<&'w str, &'w Item> = month.items.iter().map(|(item, _)| (item.id.as_str(), *item)).collect();
    for (day, file) in files.range(seen.start..seen.end.max(seen.start)) {
        for one in content_day::read(&lake.read_ref(table, file, None)?, *day, &world.people) {
            let id = match one.object {
                Object::Content => one.id.as_str(),
                Object::Contribution => match world.belongings.get(&one.id) {
                    // A reaction to what did not exist by the end of the month is not about this month's catalogue.
                    Some((created, content)) if *created < seen.end => content,
                    _ => continue,
                },
            };
            let Some((id, item)) = items.get_key_value(id) else { continue };
            let Some(worker) = one.worker else {
                *month.unnamed.entry(id).or_default() += one.what.unnamed;
                continue;
            };
            let used = month.uses.entry(id).or_default().entry(worker).or_default();
            used.what.add(&one.what);
            match item.published.map(|published| day - published) {
                Some(0..=7) => used.views_day_0_7 += one.what.views,
                Some(8..=90) => used.views_day_8_90 += one.what.views,
                _ => {}
            }
        }
    }
    for done in world.completions.days.range(seen.start..seen.end.max(seen.start)).flat_map(|(_, done)| done) {
        let id = world.completions.contents.text(done.0).and_then(|id| items.get_key_value(id));
        if let Some((id, _)) = id {
            let used: &mut MonthUse = month.uses.entry(id).or_default().entry(done.1).or_default();
            used.completed = true;
        }
    }
    Ok(())
}

/// A hash over everything the rows of a month are made from.
#[allow(clippy::too_many_arguments, reason = "one argument for each thing that the rows are made from")]
fn fingerprint(
    context: &Context<'_>,
    world: &World,
    (month, seen): (Period, Period),
    is_complete: bool,
    places: u64,
    owners: &[Option<u32>],
    belongings: &BTreeMap<Day, u64>,
    files: &BTreeMap<Day, FileRef>,
) -> Result<Fingerprint> {
    let mut items = StableHash::default();
    for (item, owner) in world.items.iter().zip(owners).filter(|(item, _)| item.lives_in(seen)) {
        items.text(&item.id);
        items.text(owner.and_then(|owner| world.people.workers.get(owner as usize)).map_or("\u{1}", String::as_str));
        for day in [item.published, item.updated_by(seen)] {
            items.number(day.map_or(i64::MIN, i64::from));
        }
    }
    let belongings =
        belongings.range(..seen.end).fold(0u64, |sum, (_, created_that_day)| sum.wrapping_add(*created_that_day));
    let (config, contract) = (context.job.config_hash(), &context.catalog.require(NAME)?.hash);
    let rules = format!("{config}|{contract}|{}", env!("CARGO_PKG_VERSION"));
    let mut basis = format!(
        "{is_complete}|{}|{places:x}|{:x}|{:x}|{belongings:x}|{:x}",
        seen.end,
        world.units.fingerprint(seen),
        items.finish(),
        world.completions.fingerprint(seen, &world.people),
    );
    for (day, file) in files.range(month.start..seen.end.max(month.start)) {
        basis.push_str(&format!("|{day}{}", &file.sha256[..16]));
    }
    Ok(Fingerprint::of(&rules, &basis))
}
