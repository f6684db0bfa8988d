//! Deliveries become canon: read through the gate in parallel, merged partition by partition.
//!
//! Tables about people and content are held whole. Tables of events are split by day, spilled to scratch when they outgrow their
//! share of memory, and merged one day at a time, so memory follows the largest day.

use std::collections::{BTreeMap, BTreeSet};

use arrow::array::RecordBatch;
use arrow::compute::concat_batches;
use hashbrown::HashMap;
use rayon::prelude::*;

use super::Context;
use super::audit;
use super::day_rows::DayRows;
use super::gates::{self, joined};
use super::lake::{Lake, Stored, WHOLE};
use super::plan::{DeliveryPlan, Planned, has_undated, is_undated_snapshot};
use super::rows::{by_day, canon_form, headcount, note_seen, split_removed, split_undated, without_replaced};
use super::stream::{Bounds, in_order};
use super::takeback::{Age, Moved, locate, merge_removed, note_ages, settle_days};
use super::workforce::Workforce;
use crate::canon::columns::{Text, instants};
use crate::canon::merge::{Losses, Lost, Removed, merge};
use crate::canon::snapshot;
use crate::contract::arrow::{DELIVERY, KNOWN_AT, canon_schema};
use crate::contract::{Partition, Table};
use crate::error::{Error, Exit, Result};
use crate::feed::{self, Feed, Intake, Mode, Nulls, Reason, Refusal, Stop, Verdict};
use crate::ledger::{Counts, Entry, Ledger};
use crate::period::{Day, local_day};
use crate::publish::NewFile;

/// A delivery as read: its rows in canon form, or why it was refused.
struct Read {
    planned: usize,
    outcome: std::result::Result<(Intake, Rows), (Refusal, String)>,
}

/// The rows of a delivery on the way to their files.
#[derive(Default)]
struct Rows {
    /// Of a whole table.
    whole: Vec<RecordBatch>,
    /// Of a table split by day.
    days: Vec<(Day, RecordBatch)>,
    /// What takes events back, wherever they lie.
    removed: Vec<RecordBatch>,
    /// Bounds of the days on which each LMS account was seen.
    seen: HashMap<String, (Day, Day)>,
    /// Accounts named, for join coverage.
    accounts: joined::Sample,
    /// Workers employed on the day of a full snapshot of workers.
    headcount: Option<u64>,
    /// What the rows of a delivery of workers say of each other.
    workforce: Option<Workforce>,
}

/// What ingestion leaves to the later stages.
pub struct Ingested {
    pub ledger: Ledger,
    /// Deliveries read in this run, accepted or refused, with what the gate said.
    pub intakes: Vec<(String, Option<Intake>)>,
    /// Whole tables as they are now, by name; only those that changed.
    pub changed_tables: BTreeSet<String>,
    /// Rows of day tables waiting for their day.
    pub days: DayRows,
    pub removed: BTreeMap<String, Removed>,
    /// Events whose last statement puts them on this day and no other, by table.
    pub moved: BTreeMap<String, Moved>,
    /// Bounds of the days on which each LMS account was seen in this run.
    pub seen: HashMap<String, (Day, Day)>,
    /// Accounts that the deliveries read in this run name.
    pub accounts: joined::Accounts,
    pub notes: Vec<gates::Note>,
    /// Of deliveries of workers: whom and which units they name, to be looked up once everybody is known.
    workforces: Vec<(String, Workforce)>,
}

impl Ingested {
    /// Says of each delivery of workers which managers and units it names that nobody knows.
    pub fn look_up(&mut self, world: &super::world::World) {
        for (path, workforce) in std::mem::take(&mut self.workforces) {
            if let Some((_, Some(intake))) = self.intakes.iter_mut().find(|(of, _)| *of == path) {
                intake.warnings.extend(workforce.unknown(&world.people, &world.units));
            }
        }
    }
}

/// Reads every planned delivery and merges the whole tables; day tables are left for [`merge_day`]. What is `held` was refused by
/// a gate that looks further than its deliveries, in an attempt before.
///
/// # Errors
/// A gate holds the run back, the store fails, or a record is unaccounted for.
pub fn ingest(
    context: &Context<'_>,
    lake: &mut Lake<'_>,
    plan: &DeliveryPlan,
    held: &BTreeMap<String, Refusal>,
    mut ledger: Ledger,
) -> Result<Ingested> {
    let catalog = context.catalog;
    for table in plan.start_over.keys() {
        lake.keep(catalog.expect(table)?, |_| false)?;
        audit::start_over(lake, table)?;
        ledger.entries.retain(|_, entry| entry.table != *table || !entry.is_accepted());
    }
    let commit = context.next_commit;
    let mut days = DayRows::new(context.memory_limit / 3);
    let mut whole: BTreeMap<String, Vec<(usize, Vec<RecordBatch>)>> = BTreeMap::new();
    let mut fresh_removed: BTreeMap<String, Vec<RecordBatch>> = BTreeMap::new();
    let mut intakes = Vec::new();
    let mut refused = Vec::new();
    let mut notes = Vec::new();
    let mut seen = HashMap::new();
    let mut accounts = joined::Accounts::default();
    let mut workforces = Vec::new();
    let mut restated: BTreeMap<String, BTreeMap<String, Vec<(Age, Day)>>> = BTreeMap::new();

    // Under way at once: enough to keep every thread at work, and no more than a share of memory holds when it is unpacked.
    let weight = (context.memory_limit / 4 / UNPACKED) as u64;
    let bounds = Bounds { tasks: context.threads.max(1) * 16, waiting: 0, weight };
    let tasks = plan.read.iter().enumerate().map(|(at, planned)| Ok(((at, planned), planned.object.size)));
    in_order(
        bounds,
        tasks,
        |(at, planned)| read_one(context, planned, at),
        |read| {
            let Read { planned, outcome } = read?;
            let planned = &plan.read[planned];
            let loaded = &context.feeds[planned.feed];
            let mut entry = Entry {
                feed: loaded.feed.name.clone(),
                table: loaded.feed.fills.clone(),
                path: planned.delivery.path.clone(),
                size: planned.delivery.size,
                etag: planned.delivery.etag.clone(),
                sha256: String::new(),
                known_at: planned.delivery.known_at.timestamp_micros(),
                refused: None,
                sentence: None,
                counts: Counts::default(),
                coverage: BTreeMap::new(),
                headcount: None,
                feed_hash: loaded.hash.clone(),
                row_rules: Some(loaded.feed.row_rules()),
                commit,
            };
            let outcome = outcome.and_then(|(intake, rows)| {
                entry.headcount = rows.headcount;
                let verdict = match held.get(&entry.path) {
                    Some(refusal) => Err(refusal.clone()),
                    None => gates::judge(&loaded.feed, &entry, &intake, &ledger, &mut notes),
                };
                match verdict {
                    Ok(()) => Ok((intake, rows)),
                    Err(refusal) => Err((refusal, intake.sha256)),
                }
            });
            match outcome {
                Err((refusal, sha256)) => {
                    entry.sha256 = sha256;
                    entry.refused = Some(refusal.reason.code().to_owned());
                    entry.sentence = Some(refusal.sentence());
                    refused.push(entry.clone());
                    intakes.push((entry.path.clone(), None));
                }
                Ok((mut intake, rows)) => {
                    if let Some(workforce) = rows.workforce {
                        intake.warnings.extend(workforce.warnings());
                        workforces.push((entry.path.clone(), workforce));
                    }
                    entry.sha256 = intake.sha256.clone();
                    entry.counts = Counts {
                        read: intake.read,
                        accepted: intake.accepted,
                        rejected: intake.rejected_count(),
                        duplicate: intake.duplicate,
                        voided: intake.voided,
                        superseded: intake.superseded,
                        filtered: intake.filtered,
                        forgotten: 0,
                    };
                    entry.coverage = intake.coverage.iter().cloned().collect();
                    intakes.push((entry.path.clone(), Some(intake)));
                    let table = catalog.expect(&loaded.feed.fills)?;
                    let day = local_day(entry.known_at, context.job.zone);
                    accounts.add(&entry.path, planned.feed, loaded.feed.mode, day, rows.accounts);
                    for (user, (first, last)) in rows.seen {
                        let bounds = seen.entry(user).or_insert((first, last));
                        *bounds = (bounds.0.min(first), bounds.1.max(last));
                    }
                    if table.partition == Partition::Day {
                        if !rows.removed.is_empty() {
                            fresh_removed.entry(table.name.clone()).or_default().extend(rows.removed);
                        }
                        for (day, rows) in rows.days {
                            if loaded.feed.corrections_move_days {
                                note_ages(table, &rows, day, restated.entry(table.name.clone()).or_default());
                            }
                            days.push(table, day, rows)?;
                        }
                    } else {
                        let held = whole.entry(table.name.clone()).or_default();
                        if loaded.feed.mode == Mode::Full
                            && !is_undated_snapshot(&loaded.feed, catalog)
                            && !has_undated(&loaded.feed, catalog, &ledger)
                        {
                            ledger.lose(&drop_replaced(held, planned.feed, entry.known_at));
                        }
                        held.push((planned.feed, rows.whole));
                    }
                }
            }
            ledger.entries.insert(entry.path.clone(), entry);
            (context.progress)(planned);
            Ok(())
        },
    )?;
    blocking(context, &refused)?;
    tracing::info!(deliveries = intakes.len(), "deliveries read");

    let mut changed_tables: BTreeSet<String> = plan.start_over.keys().cloned().collect();
    let merged: Vec<Result<(String, Vec<Stored>, Losses)>> = {
        let (lake, ledger): (&Lake<'_>, &Ledger) = (lake, &ledger);
        let tables: Vec<(String, Vec<(usize, Vec<RecordBatch>)>)> = whole.into_iter().collect();
        let one = |(name, deliveries): (String, Vec<(usize, Vec<RecordBatch>)>)| {
            let table = catalog.expect(&name)?;
            let (files, losses) = merge_whole(context, lake, table, &deliveries, ledger)?;
            Ok((name, lake.store(files)?, losses))
        };
        tables.into_par_iter().with_max_len(1).map(one).collect()
    };
    for merged in merged {
        let (name, stored, losses) = merged?;
        lake.adopt(stored);
        ledger.lose(&losses);
        changed_tables.insert(name);
    }
    let mut removed = BTreeMap::new();
    for table in catalog.canon().filter(|table| table.partition == Partition::Day && super::lake::is_stated(table)) {
        let fresh = fresh_removed.remove(&table.name).unwrap_or_default();
        let (all, new_keys) = merge_removed(lake, table, &fresh, &mut ledger)?;
        if !new_keys.is_empty() {
            for day in locate(lake, table, &new_keys)? {
                days.touched.insert((table.name.clone(), day));
            }
        }
        removed.insert(table.name.clone(), all);
    }
    let mut moved = BTreeMap::new();
    for (name, stated) in restated {
        let table = catalog.expect(&name)?;
        let (settled, touched) = settle_days(lake, table, stated)?;
        days.touched.extend(touched.into_iter().map(|day| (name.clone(), day)));
        moved.insert(name, settled);
    }
    Ok(Ingested { ledger, intakes, changed_tables, days, removed, moved, seen, accounts, notes, workforces })
}

/// What a byte of a compressed export becomes as rows in memory, roughly.
const UNPACKED: usize = 16;

/// Fetches and reads one delivery into canon form.
fn read_one(context: &Context<'_>, planned: &Planned, at: usize) -> Result<Read> {
    let loaded = &context.feeds[planned.feed];
    let table = context.catalog.expect(&loaded.feed.fills)?;
    let bytes = context.landing.get(&planned.object)?;
    let sidecar = match loaded.feed.sidecar_of(&planned.delivery.path) {
        Some(path) => context.landing.read(&path).ok(),
        None => None,
    };
    // What lies in the future is judged from when the delivery was made, so that every run judges it alike. A day in a name
    // is its first moment, and the file may hold the whole of it.
    let made = planned.delivery.known_at + chrono::TimeDelta::days(1);
    let mut gate = feed::Context::new(table, made, context.pseudonyms);
    gate.sidecar = sidecar.as_deref();
    let mut rows = Rows::default();
    let joins = loaded.feed.gates.join_coverage != Verdict::Off;
    let mut sink = |batch: RecordBatch| -> Result<()> {
        let batch = canon_form(table, &batch, planned, context)?;
        note_seen(table, &batch, context, &mut rows.seen);
        if table.partition == Partition::Day {
            let (stated, removed) = split_removed(table, batch)?;
            rows.removed.extend(removed);
            rows.days.extend(by_day(table, &stated, context)?);
        } else {
            if joins {
                joined::draw_rows(&mut rows.accounts, table, &batch);
            }
            rows.whole.push(batch);
        }
        Ok(())
    };
    match feed::read(&loaded.feed, &gate, &planned.delivery, &bytes, &mut sink) {
        Ok(intake) => {
            if joins {
                joined::draw(&mut rows.accounts, rows.seen.keys().map(String::as_str));
            }
            let is_headcount = table.name == "workers" && loaded.feed.mode == Mode::Full;
            let day = local_day(planned.delivery.known_at.timestamp_micros(), context.job.zone);
            rows.headcount = is_headcount.then(|| headcount(&rows.whole, day));
            rows.workforce =
                (table.name == "workers").then(|| Workforce::of(&rows.whole, day, loaded.feed.mode == Mode::Full));
            Ok(Read { planned: at, outcome: Ok((intake, rows)) })
        }
        Err(Stop::Refused(refusal)) => Ok(Read { planned: at, outcome: Err((refusal, feed::sha256(&bytes))) }),
        Err(Stop::Sink(error)) => Err(error),
    }
}

/// Lets go of snapshots that one of the same feed, made later, replaces: deliveries come oldest first, so memory holds one.
fn drop_replaced(held: &mut Vec<(usize, Vec<RecordBatch>)>, feed: usize, newest: i64) -> Losses {
    let mut losses = Losses::new();
    held.retain(|(other, batches)| {
        let older = |batch: &RecordBatch| instants(batch, KNOWN_AT)(0).is_some_and(|known_at| known_at < newest);
        // What came without a day of its own is compared with the snapshot after it.
        let is_dated = |batch: &RecordBatch| {
            batch.column_by_name("effective_from").is_none_or(|days| arrow::array::Array::null_count(days) == 0)
        };
        let rows = || batches.iter().filter(|batch| batch.num_rows() > 0);
        let replaced = *other == feed && rows().all(older) && rows().all(is_dated);
        for batch in batches.iter().filter(|batch| replaced && batch.num_rows() > 0) {
            let delivery = Text::of(batch, DELIVERY).get(0).unwrap_or_default().to_owned();
            *losses.entry((delivery, Lost::Superseded)).or_default() += batch.num_rows() as u64;
        }
        !replaced
    });
    losses
}

/// Refused deliveries hold the run back unless the job tolerates them.
///
/// # Errors
/// One of them is of a feed that the job does not tolerate.
pub fn blocking(context: &Context<'_>, refused: &[Entry]) -> Result<()> {
    let blocking: Vec<&Entry> =
        refused.iter().filter(|entry| !context.job.refused_feeds.contains(&entry.feed)).collect();
    let Some(first) = blocking.first() else { return Ok(()) };
    let more = if blocking.len() > 1 {
        format!(" (and {} more refused deliveries)", blocking.len() - 1)
    } else {
        String::new()
    };
    let sentence = first.sentence.clone().unwrap_or_default();
    let what = format!("{}: {sentence}{more}; nothing was published", first.path);
    if first.refused.as_deref().and_then(Reason::of).is_some_and(Reason::is_limit) {
        return Err(Error::new(Exit::Limit, what).hint(format!(
            "raise the ceiling under [limits] of the feed {}, split the delivery, or list the feed under tolerate.refused_feeds",
            first.feed
        )));
    }
    Err(Error::gate(what).hint(format!(
        "`uptake feed try {} FILE` shows what the gate sees; mend the delivery or the feed, or list the feed under tolerate.refused_feeds",
        first.feed
    )))
}

/// Merges the new deliveries of a whole table into its one file.
fn merge_whole(
    context: &Context<'_>,
    lake: &Lake<'_>,
    table: &Table,
    deliveries: &[(usize, Vec<RecordBatch>)],
    ledger: &Ledger,
) -> Result<(Vec<NewFile>, Losses)> {
    let schema = canon_schema(table);
    let mut state = concat_batches(&schema, &lake.read(table, WHOLE, None)?)?;
    let mut losses = Losses::new();
    let key = table.key.first().map_or("", String::as_str);
    let feed_of = |entry: &Entry| context.feeds.iter().map(|loaded| &loaded.feed).find(|feed| feed.name == entry.feed);
    // Whether a row took the day of its snapshot: of a feed that never says since when its rows hold, or did not of this one.
    let took_its_day = |delivery: &str, from: Option<Day>| {
        let Some(entry) = ledger.entries.get(delivery) else { return false };
        let is_days = || from.is_none_or(|from| from == local_day(entry.known_at, context.job.zone));
        match feed_of(entry) {
            Some(feed) if !feed.may_be_undated() => false,
            Some(feed) if !feed.maps("effective_from") => true,
            Some(_) => entry.undated(key) > 0 && is_days(),
            None => false,
        }
    };
    // A row of a full snapshot lives until the feed's next snapshot.
    let full: BTreeMap<&str, i64> = context
        .feeds
        .iter()
        .filter(|loaded| loaded.feed.mode == Mode::Full && !is_undated_snapshot(&loaded.feed, context.catalog))
        .filter_map(|loaded| Some((loaded.feed.name.as_str(), ledger.newest(&loaded.feed.name)?)))
        .collect();
    let mut fresh = Vec::new();
    let replaced = |feed: &Feed, known_at: i64| full.get(feed.name.as_str()).is_some_and(|newest| known_at < *newest);
    for (feed, batches) in deliveries {
        let feed = &context.feeds[*feed].feed;
        let Some(told) = batches.iter().find(|batch| batch.num_rows() > 0) else { continue };
        let Some(known_at) = instants(told, KNOWN_AT)(0) else { continue };
        let delivery = Text::of(told, DELIVERY).get(0).unwrap_or_default().to_owned();
        let mut supersede = |rows: usize| {
            *losses.entry((delivery.clone(), Lost::Superseded)).or_default() += rows as u64;
        };
        let (undated, dated) =
            if feed.may_be_undated() { split_undated(batches)? } else { (Vec::new(), batches.clone()) };
        for batch in dated.into_iter().filter(|batch| batch.num_rows() > 0) {
            if replaced(feed, known_at) { supersede(batch.num_rows()) } else { fresh.push(batch) }
        }
        let of_feed = ledger.accepted(&feed.name);
        if undated.is_empty() && !of_feed.iter().any(|entry| took_its_day(&entry.path, None)) {
            continue;
        }
        // Between two snapshots that were compared without it there is no place for one any more; where that matters, the table
        // has started over.
        if of_feed.iter().any(|entry| entry.known_at > known_at && entry.commit < context.next_commit) {
            undated.iter().for_each(|batch| supersede(batch.num_rows()));
            continue;
        }
        // Deliveries come oldest first, so snapshots are compared in the order they were made.
        let day = local_day(known_at, context.job.zone);
        let ours = |delivery: &str, from: Option<Day>| {
            ledger.entries.get(delivery).is_some_and(|entry| entry.feed == feed.name) && took_its_day(delivery, from)
        };
        let (rows, lost) = snapshot::apply(table, &state, &undated, day, &ours, feed.annuls())?;
        state = rows;
        for (key, rows) in lost {
            *losses.entry(key).or_default() += rows;
        }
    }
    let of_table = |feed: &Feed| feed.fills == table.name && feed.maps("effective_from");
    let mut feeds = context.feeds.iter().map(|loaded| &loaded.feed).filter(|feed| of_table(feed));
    if feeds.any(|feed| has_undated(feed, context.catalog, ledger)) {
        // Of these feeds the rows with a day of their own go with their snapshot, the others have been compared.
        let (kept, gone) = without_replaced(&state, &|delivery, known_at, from| {
            let entry = ledger.entries.get(delivery).filter(|entry| entry.undated(key) > 0);
            let feed = entry.and_then(feed_of).filter(|feed| of_table(feed));
            feed.is_some_and(|feed| replaced(feed, known_at)) && !took_its_day(delivery, from)
        })?;
        state = kept;
        for (delivery, rows) in gone {
            *losses.entry((delivery, Lost::Superseded)).or_default() += rows;
        }
    }
    let is_current = |delivery: &str, known_at: i64| {
        let entry = ledger.entries.get(delivery);
        let newest = entry.and_then(|entry| full.get(entry.feed.as_str()));
        newest.is_none_or(|newest| known_at >= *newest) || took_its_day(delivery, None)
    };
    fresh.push(state);
    let keeps = |delivery: &str| {
        let feed = ledger.entries.get(delivery).map(|entry| entry.feed.as_str());
        context
            .feeds
            .iter()
            .any(|loaded| Some(loaded.feed.name.as_str()) == feed && loaded.feed.nulls_mean == Nulls::Keep)
    };
    let merged = merge(table, &fresh, &Removed::new(), &is_current, &keeps)?;
    for (key, rows) in merged.losses {
        *losses.entry(key).or_default() += rows;
    }
    let mut files = vec![Lake::encode(table, WHOLE, &merged.rows)?];
    files.extend(audit::history(lake, table, &fresh)?);
    Ok((files, losses))
}
