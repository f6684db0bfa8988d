//! Days that changed: their canon files are merged, their person-days rolled up. Every other day is left alone.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::array::{ArrayRef, Date32Array, RecordBatch, StringArray};

use super::activation;
use super::beside::{self, Beside, Reach};
use super::canonicalize::seen_columns;
use super::context::Context;
use super::day_rows::{day_partition, partition_of};
use super::event_ids;
use super::ingest::Ingested;
use super::kept::KeptBy;
use super::lake::{Lake, Stored};
use super::retractions::{Elsewhere, merge_day};
use super::steps::{Because, Steps};
use super::stream::{Bounds, in_order};
use super::world::{Before, Seen, World};
use crate::canon::columns::{Text, dates};
use crate::canon::enrollment;
use crate::canon::history::StableHash;
use crate::canon::merge::Losses;
use crate::contract::Table;
use crate::contract::arrow::mart_schema;
use crate::engine;
use crate::error::Result;
use crate::feed::Intake;
use crate::ledger::Ledger;
use crate::period::Day;
use crate::publish::NewFile;
use crate::publish::commit::hex_sha256;
use crate::rollup::content_day;
use crate::rollup::person_day::{self, Acts};
use crate::rollup::strangers::Strangers;
use crate::rollup::time_spent::Overhangs;
use crate::rollup::{person_interest, person_reaction};

/// What the day stage leaves to the later ones.
pub struct Rolled {
    pub ledger: Ledger,
    pub intakes: Vec<(String, Option<Intake>)>,
    pub notes: Vec<super::gates::Note>,
    /// Days whose person-days were computed.
    pub days: usize,
    pub steps: Steps,
}

/// Tables that are split by day and feed the rollup.
const DAY_TABLES: [&str; 2] = ["activity", "reactions"];

/// Tables computed with the person-days, of days that have rows for them.
const BESIDE: [&str; 2] = ["person_reaction", "person_interest"];

/// One day, computed and stored; its files belong to no table yet.
struct Computed {
    day: Day,
    files: Vec<Stored>,
    losses: Losses,
    /// Set where the person-day was computed, with the acts of the day that match nobody.
    made_from: Option<(String, Strangers)>,
    /// Tables of [`BESIDE`] without a row on the day: it has no file of them.
    quiet: Vec<&'static str>,
    /// Set where the day was opened: what reaches out of it, and the mark that remembers it.
    reach: Option<(Reach, String)>,
}

/// Merges the touched days and rolls up every day whose inputs changed.
///
/// # Errors
/// The store fails, or the rollup does (a bug).
pub fn roll_up(
    context: &Context<'_>,
    lake: &mut Lake<'_>,
    ingested: Ingested,
    world: &World,
    before: &Before,
    made_from: &mut BTreeMap<String, String>,
) -> Result<Rolled> {
    let Ingested { mut ledger, intakes, days: fresh, removed, moved, seen, notes, .. } = ingested;
    let catalog = context.catalog;
    let tables = [catalog.require(DAY_TABLES[0])?, catalog.require(DAY_TABLES[1])?];
    let person_day = catalog.require("person_day")?;
    let beside = [catalog.require(BESIDE[0])?, catalog.require(BESIDE[1])?];

    let forced = forced_days(context, lake, world, before, seen)?;
    let mut with_acts: BTreeSet<Day> = fresh.touched.iter().map(|(_, day)| *day).collect();
    for table in tables {
        with_acts.extend(lake.partitions(table)?.keys().filter_map(|partition| day_partition(partition)));
    }
    let first = world.first_day(context, with_acts.range(world.floor..).next().copied());
    let mut days: BTreeSet<Day> = with_acts;
    days.extend(world.authors.keys());
    if let Some(first) = first {
        days.extend(world.facts.range(first..world.horizon.max(first)).map(|(day, _)| *day));
    }
    let content = content_table(context)?;
    let by_content = catalog.require("content_day")?;
    let contracts = format!(
        "{}|{}|{}|{}",
        person_day.hash,
        beside[0].hash,
        beside[1].hash,
        content.map_or("-", |table| table.hash.as_str())
    );
    let with_interests = wants_interests(context, world);
    let basis = format!("{}|{contracts}|{with_interests}|{}", context.job.config_hash(), env!("CARGO_PKG_VERSION"));
    let mut steps = Steps::default();
    let backfilled = context.backfill.as_ref().filter(|backfill| backfill.table.is_none());
    let kept = KeptBy::of(context.catalog, &ledger, context.feeds);
    let merge = |day: Day, table: &Table| {
        if !fresh.touched.contains(&(table.name.clone(), day)) {
            return Ok(None);
        }
        let new = fresh.take(&table.name, day)?;
        let elsewhere =
            Elsewhere { removed: removed.get(&table.name), moved: moved.get(&table.name), kept: Some(&kept) };
        merge_day(lake, table, day, &new, &elsewhere).map(Some)
    };
    let feed_of = |delivery: &str| ledger.entries.get(delivery).map(|entry| entry.feed.clone());
    let mut computed: Vec<Computed> = Vec::new();
    let mut outside: BTreeSet<Day> = BTreeSet::new();
    {
        let (lake, made_from): (&Lake<'_>, &BTreeMap<String, String>) = (lake, made_from);
        let elsewhere =
            Elsewhere { removed: removed.get(beside::TABLE), moved: moved.get(beside::TABLE), kept: Some(&kept) };
        let rules = beside::rules(context);
        let beside = Beside { context, lake, table: tables[0], fresh: &fresh, elsewhere, made_from, rules };
        let held = |day: Day| made_from.get(&step(day)).filter(|_| !forced.contains(&day)).map(String::as_str);
        let night = Night { basis: &basis, held: &held, merge: &merge, beside: &beside, feed_of: &feed_of };
        // What is computed is stored where it is computed: what waits here is names of files. Few days are under way, for a thread
        // that waits in the rollup begins the next.
        let roll = |days: &[Day], computed: &mut Vec<Computed>| -> Result<()> {
            in_order(
                Bounds { tasks: context.threads.max(1) * 2, waiting: usize::MAX, weight: u64::MAX },
                days.chunks(DAYS).map(|days| Ok((days, 0))),
                |days| some_days(context, lake, world, days, &night),
                |some| {
                    computed.extend(some?);
                    Ok(())
                },
            )
        };
        let all: Vec<Day> = days.iter().copied().collect();
        roll(&all, &mut computed)?;
        // Time may reach into days on which nothing else happened.
        let opened: BTreeMap<Day, Reach> =
            computed.iter().filter_map(|day| Some((day.day, day.reach.as_ref()?.0))).collect();
        for day in &days {
            let reach = match opened.get(day) {
                Some(reach) => *reach,
                None => beside.reach(*day)?,
            };
            outside.extend((reach.back != 0).then_some(day - 1).filter(|day| !days.contains(day)));
            outside.extend((reach.ahead != 0).then_some(day + 1).filter(|day| !days.contains(day)));
        }
        roll(&outside.iter().copied().collect::<Vec<Day>>(), &mut computed)?;
    }
    days.extend(outside);

    let wanted: BTreeSet<String> = days.iter().map(|day| partition_of(*day)).collect();
    for table in beside.into_iter().chain([person_day]) {
        lake.keep(table, |partition| wanted.contains(partition))?;
    }
    lake.keep(by_content, |partition| content.is_some() && wanted.contains(partition))?;
    let is_wanted = |step: &str| {
        let day = ["person_day/", STRANGERS, "reach/"].iter().find_map(|kind| step.strip_prefix(kind));
        day.is_none_or(|partition| wanted.contains(partition))
    };
    made_from.retain(|step, _| is_wanted(step));

    let mut rolled = 0;
    let mut quiet: BTreeSet<(&str, String)> = BTreeSet::new();
    for day in computed {
        let Computed { day, files, losses, made_from: now, quiet: without, reach } = day;
        lake.adopt(files);
        ledger.lose(&losses);
        let because = match (&now, made_from.contains_key(&step(day))) {
            (None, _) => Because::Unchanged,
            (Some(_), false) => Because::New,
            (Some(_), true) if backfilled.is_some_and(|asked| (asked.from..asked.to).contains(&day)) => {
                Because::Backfill
            }
            (Some(_), true) => Because::InputsChanged,
        };
        steps.note(&person_day.name, &partition_of(day), because);
        if let Some((_, mark)) = reach {
            made_from.insert(Reach::step(day), mark);
        }
        if let Some((now, strangers)) = now {
            made_from.insert(step(day), now);
            let key = format!("{STRANGERS}{}", partition_of(day));
            match strangers.text() {
                none if none.is_empty() => made_from.remove(&key),
                some => made_from.insert(key, some),
            };
            rolled += 1;
            quiet.extend(without.into_iter().map(|table| (table, partition_of(day))));
        }
    }
    for (name, table) in BESIDE.into_iter().zip(beside) {
        lake.keep(table, |partition| !quiet.contains(&(name, partition.to_owned())))?;
    }
    event_ids::keep_current(lake, &tables)?;
    activation::extend(context, lake, world.horizon, made_from)?;
    Ok(Rolled { ledger, intakes, notes, days: rolled, steps })
}

/// The day table of content, where the job wants what is made from it.
fn content_table<'a>(context: &Context<'a>) -> Result<Option<&'a Table>> {
    let wanted = context.job.wants("content_engagement");
    Ok(if wanted { Some(context.catalog.require("content_day")?) } else { None })
}

/// Under which steps the acts of each day that match nobody are remembered.
const STRANGERS: &str = "strangers/";

/// The acts of all days that match nobody, of the tables that are split by day.
pub fn strangers(made_from: &BTreeMap<String, String>) -> Strangers {
    let mut all = Strangers::default();
    made_from.iter().filter(|(step, _)| step.starts_with(STRANGERS)).for_each(|(_, text)| all.add_text(text));
    all
}

fn step(day: Day) -> String {
    format!("person_day/{}", partition_of(day))
}

/// Days that one thread takes at a time, and acts that one plan of the rollup reads at most: a plan has its price, so small days
/// share one, and large ones keep memory to themselves.
const DAYS: usize = 16;
const ACTS: usize = 400_000;

/// A day whose canon files are merged; `acts` is set where its person-day is to be computed.
struct Merged {
    day: Day,
    files: Vec<NewFile>,
    losses: Losses,
    fingerprint: String,
    acts: Option<Acts>,
    /// Of `acts`: those that match nobody.
    strangers: Strangers,
    quiet: Vec<&'static str>,
    reach: Option<(Reach, String)>,
}

/// A day whose canon files are merged where new rows came, before its neighbours are asked.
struct Opened {
    day: Day,
    files: Vec<NewFile>,
    losses: Losses,
    /// The hashes of its files, as a part of its fingerprint.
    made_of: String,
    /// Of activity alone.
    sha256: Option<String>,
    /// By table of [`DAY_TABLES`], where they were merged.
    rows: Vec<Option<RecordBatch>>,
}

/// What [`roll_up`] asks for one day: the fingerprint held, unless the day is forced.
type Held<'h> = dyn Fn(Day) -> Option<&'h str> + Sync + 'h;
/// The merged rows of a table on a day, where new ones came.
type Merge<'m> = dyn Fn(Day, &Table) -> Result<Option<(RecordBatch, Losses)>> + Sync + 'm;

/// What the days of a night are made from.
struct Night<'n> {
    basis: &'n str,
    held: &'n Held<'n>,
    merge: &'n Merge<'n>,
    beside: &'n Beside<'n>,
    /// The feed of a delivery.
    feed_of: &'n (dyn Fn(&str) -> Option<String> + Sync),
}

/// Merges some days and rolls them up, the last one first: a day needs to know what reaches into it from the day after, and waits for
/// what reaches into it from the day before.
fn some_days(
    context: &Context<'_>,
    lake: &Lake<'_>,
    world: &World,
    days: &[Day],
    night: &Night<'_>,
) -> Result<Vec<Computed>> {
    let mut computed = Vec::with_capacity(days.len());
    let mut waiting: Vec<Merged> = Vec::new();
    let mut known: BTreeMap<Day, Overhangs> = BTreeMap::new();
    let mut later: Option<Opened> = None;
    for day in days.iter().rev().copied().map(Some).chain([None]) {
        let opened = day.map(|day| open_day(context, lake, day, night)).transpose()?;
        if let Some(Opened { day, rows, .. }) = &opened
            && let Some(Some(activity)) = rows.first()
        {
            known.insert(*day, Overhangs::of(std::slice::from_ref(activity), &night.beside.clock(*day)));
        }
        let Some(done) = std::mem::replace(&mut later, opened) else { continue };
        let done_day = done.day;
        waiting.push(one_day(context, lake, world, done, night, &mut known)?);
        known.retain(|day, _| *day <= done_day);
        if waiting.iter().filter_map(|day| day.acts.as_ref()).map(Acts::rows).sum::<usize>() > ACTS {
            computed.extend(sum_up(context, lake, world, std::mem::take(&mut waiting))?);
        }
    }
    computed.extend(sum_up(context, lake, world, waiting)?);
    Ok(computed)
}

/// Runs the rollup over merged days and stores what they gave.
fn sum_up(context: &Context<'_>, lake: &Lake<'_>, world: &World, days: Vec<Merged>) -> Result<Vec<Computed>> {
    let table = context.catalog.require("person_day")?;
    let (mut rest, mut acts): (Vec<_>, Vec<Acts>) = (Vec::with_capacity(days.len()), Vec::new());
    for Merged { day, files, losses, fingerprint, acts: of_day, strangers, quiet, reach } in days {
        let made = of_day.map(|mut of_day| {
            let made = (of_day.unmatched.values().sum::<i64>(), std::mem::take(&mut of_day.spent));
            acts.push(of_day);
            made
        });
        rest.push((day, files, losses, (fingerprint, strangers), made, quiet, reach));
    }
    let sums = if acts.is_empty() {
        BTreeMap::new()
    } else {
        let views = person_day::views(&acts, &context.job.policy)?;
        drop(acts);
        person_day::sums(&engine::sql(person_day::SQL, views)?)?
    };
    let mut computed = Vec::with_capacity(rest.len());
    for (day, mut files, losses, from, made, quiet, reach) in rest {
        let mut made_from = None;
        if let Some((unmatched, spent)) = made {
            let sums = sums.get(&day).map_or(&[][..], Vec::as_slice);
            let batch = person_day::rows(table, day, (sums, &spent), unmatched, world.facts.get(&day), &world.people)?;
            files.push(Lake::encode(table, &partition_of(day), &batch)?);
            made_from = Some(from);
        }
        computed.push(Computed { day, files: lake.store(files)?, losses, made_from, quiet, reach });
    }
    Ok(computed)
}

/// Merges one day where new rows came.
fn open_day(context: &Context<'_>, lake: &Lake<'_>, day: Day, night: &Night<'_>) -> Result<Opened> {
    let mut opened = Opened {
        day,
        files: Vec::new(),
        losses: Losses::new(),
        made_of: String::new(),
        sha256: None,
        rows: Vec::with_capacity(DAY_TABLES.len()),
    };
    for name in DAY_TABLES {
        let table = context.catalog.require(name)?;
        let partition = partition_of(day);
        let sha256 = match (night.merge)(day, table)? {
            Some((rows, lost)) => {
                let file = Lake::encode(table, &partition, &rows)?;
                let sha256 = hex_sha256(&file.body);
                opened.files.push(file);
                if event_ids::has_ids(table) {
                    let hashes = event_ids::hashes(table, [&rows]);
                    opened.files.push(event_ids::file(context.catalog, table, day, &sha256, hashes)?);
                }
                opened.losses.extend(lost);
                opened.rows.push(Some(rows));
                Some(sha256)
            }
            None => {
                opened.rows.push(None);
                lake.file(table, &partition)?.map(|file| file.sha256.clone())
            }
        };
        opened.made_of.push('|');
        opened.made_of.push_str(sha256.as_deref().unwrap_or("-"));
        if name == beside::TABLE {
            opened.sha256 = sha256;
        }
    }
    Ok(opened)
}

/// The acts of a day, wanted unless the night holds a person-day that was made from the same inputs. `known` is what reaches out of days
/// that were opened.
fn one_day(
    context: &Context<'_>,
    lake: &Lake<'_>,
    world: &World,
    opened: Opened,
    night: &Night<'_>,
    known: &mut BTreeMap<Day, Overhangs>,
) -> Result<Merged> {
    let Opened { day, mut files, losses, made_of, sha256, rows: merged } = opened;
    let reach_of = |day: Day, known: &BTreeMap<Day, Overhangs>| match known.get(&day) {
        Some(overhangs) => Ok(Reach::of(overhangs)),
        None => night.beside.reach(day),
    };
    let (after, before) = (reach_of(day + 1, known)?.back, reach_of(day - 1, known)?.ahead);
    let mut fingerprint = format!("{}{made_of}", night.basis);
    let none = Vec::new();
    let authors = world.authors.get(&day).unwrap_or(&none);
    let mut hash = StableHash::default();
    authors.iter().for_each(|author| hash.text(author));
    let facts = world.facts.get(&day);
    let facts_hash = facts.map_or(0, |facts| enrollment::fingerprint(facts, &world.people));
    fingerprint.push_str(&format!("|{:x}|{facts_hash:x}|{before:x}|{after:x}", hash.finish()));
    let fingerprint = hex_sha256(fingerprint.as_bytes())[..16].to_owned();
    let mark = |overhangs: &Overhangs| {
        let reach = Reach::of(overhangs);
        Some((reach, reach.mark(sha256.as_deref()?, &night.beside.rules)))
    };
    if (night.held)(day) == Some(fingerprint.as_str()) {
        let reach = known.get(&day).and_then(mark);
        return Ok(Merged {
            day,
            files,
            losses,
            fingerprint,
            acts: None,
            strangers: Strangers::default(),
            quiet: Vec::new(),
            reach,
        });
    }

    let mut rows = Vec::new();
    for (name, merged) in DAY_TABLES.iter().zip(merged) {
        rows.push(match merged {
            Some(batch) => vec![batch],
            None => lake.read(context.catalog.require(name)?, &partition_of(day), None)?,
        });
    }
    let clock = night.beside.clock(day);
    let own = known.entry(day).or_insert_with(|| Overhangs::of(&rows[0], &clock));
    let reach = mark(own);
    let mut beside = Vec::new();
    for (other, _) in [(day + 1, after), (day - 1, before)].into_iter().filter(|(_, hash)| *hash != 0) {
        let overhangs = match known.entry(other) {
            Entry::Occupied(held) => held.into_mut(),
            Entry::Vacant(free) => free.insert(night.beside.overhangs(other)?),
        };
        beside.extend(if other > day { &overhangs.back } else { &overhangs.ahead }.iter().cloned());
    }
    let inputs = person_day::Inputs {
        clock,
        activity: &rows[0],
        beside: &beside,
        reactions: &rows[1],
        authors,
        identity: &world.identity,
        policy: &context.job.policy,
    };
    if let Some(table) = content_table(context)? {
        files.push(Lake::encode(table, &partition_of(day), &content_day::rows(table, &inputs, &world.people)?)?);
    }
    let acts = person_day::acts(&inputs);
    let mut strangers = Strangers::default();
    for (name, rows) in DAY_TABLES.into_iter().zip(&rows) {
        if let Some((user, _)) = seen_columns(name) {
            strangers.add((name, user), rows, &acts.strangers, night.feed_of);
        }
    }
    let mut quiet = Vec::new();
    for name in BESIDE {
        let table = context.catalog.require(name)?;
        let batch = match name {
            "person_reaction" => person_reaction::rows(table, day, &rows[1], &world.identity, &world.people)?,
            _ if wants_interests(context, world) => {
                person_interest::rows(table, day, &rows[0], &world.identity, &world.people)?
            }
            _ => RecordBatch::new_empty(mart_schema(table)),
        };
        match batch.num_rows() {
            0 => quiet.push(name),
            _ => files.push(Lake::encode(table, &partition_of(day), &batch)?),
        }
    }
    Ok(Merged { day, files, losses, fingerprint, acts: Some(acts), strangers, quiet, reach })
}

/// Whether anybody asks what people looked for, and content says what that is about: the table is as long as the activity.
fn wants_interests(context: &Context<'_>, world: &World) -> bool {
    context.job.wants("knowledge_sharing") && world.acts.knows_content_topics()
}

/// Days to compute whatever their inputs say: a backfill's, and those on which an account was seen that is somebody else now.
fn forced_days(
    context: &Context<'_>,
    lake: &mut Lake<'_>,
    world: &World,
    before: &Before,
    mut fresh: BTreeMap<String, Seen>,
) -> Result<BTreeSet<Day>> {
    let mut forced = BTreeSet::new();
    if let Some(backfill) = context.backfill.as_ref().filter(|backfill| backfill.table.is_none()) {
        forced.extend(backfill.from..backfill.to);
    }
    let changed = before.changed(context, lake, world)?;
    fresh.retain(|_, seen| !seen.is_empty());
    let news: Vec<String> = fresh.keys().cloned().collect();
    if changed.is_empty() && news.is_empty() {
        return Ok(forced);
    }
    let table = context.catalog.require("user_seen")?;
    for (partition, file) in lake.partitions(table)? {
        for batch in lake.read_ref(table, &file, None)? {
            let user = Text::of(&batch, "user_id");
            let (first, last) = (dates(&batch, "first_day"), dates(&batch, "last_day"));
            let of_table = fresh.entry(partition.clone()).or_default();
            for row in 0..batch.num_rows() {
                if let (Some(user), Some(first), Some(last)) = (user.get(row), first(row), last(row)) {
                    let bounds = of_table.entry_ref(user).or_insert((first, last));
                    *bounds = (bounds.0.min(first), bounds.1.max(last));
                }
            }
        }
    }
    for (user, (from, to)) in changed {
        for (first, last) in fresh.values().filter_map(|seen| seen.get(&user)) {
            // Also the days beside, into which its time may reach.
            forced.extend((*first).max(from) - 1..(*last + 1).min(to) + 1);
        }
    }
    for name in news {
        let Some(seen) = fresh.get(&name) else { continue };
        let mut seen: Vec<(&String, (Day, Day))> = seen.iter().map(|(user, bounds)| (user, *bounds)).collect();
        seen.sort_unstable();
        let columns: Vec<ArrayRef> = vec![
            Arc::new(StringArray::from_iter_values(seen.iter().map(|(user, _)| user))),
            Arc::new(Date32Array::from_iter_values(seen.iter().map(|(_, bounds)| bounds.0))),
            Arc::new(Date32Array::from_iter_values(seen.iter().map(|(_, bounds)| bounds.1))),
        ];
        lake.write(table, &name, &RecordBatch::try_new(mart_schema(table), columns)?)?;
    }
    Ok(forced)
}
