//! Deliveries become canon: read through the gate in parallel, merged partition by partition.
//!
//! Tables about people and content are held whole. Tables of events are split by day, spilled to scratch when they outgrow their
//! share of memory, and merged one day at a time, so memory follows the largest day.

use std::collections::BTreeMap;

use arrow::array::RecordBatch;
use rayon::prelude::*;

use super::canonicalize::{Rows, by_day, canon_form, days_of, note_seen, split_removed};
use super::context::Context;
use super::day_rows::DayRows;
use super::event_ids::{self, Ids};
use super::gates::{self, joined};
use super::held::Stop;
use super::kept::KeptBy;
use super::known;
use super::lake::{Lake, Stored};
use super::plan::DeliveryPlan;
use super::planned::Planned;
use super::retractions::{Moved, locate, merge_removed, settle_days};
use super::stream::{Bounds, in_order};
use super::tables::Waiting;
use super::together::{Part, Together, together};
use super::workforce::Workforce;
use super::world::Seen;
use super::{layers, room, statement_history};
use crate::canon::merge::{Losses, Removed};
use crate::contract::{Partition, Table};
use crate::error::{Error, Exit, Result};
use crate::feed::{self, Intake, Reason, Refusal, Verdict, Warning};
use crate::ledger::{Counts, Entry, Ledger};
use crate::period::{Day, local_day};

/// A delivery as read: its rows in canon form, or why it was refused.
struct Read {
    planned: usize,
    outcome: std::result::Result<(Intake, Rows), (Refusal, String)>,
}

/// What ingestion leaves to the later stages.
pub struct Ingested {
    pub ledger: Ledger,
    /// Deliveries read in this run, with what the gate said; of refused ones only what was refused of them.
    pub intakes: Vec<(String, Option<Intake>)>,
    /// Rows of day tables waiting for their day.
    pub days: DayRows,
    pub removed: BTreeMap<String, Removed>,
    /// Events whose last statement puts them on this day and no other, by table.
    pub moved: BTreeMap<String, Moved>,
    /// Bounds of the days on which each LMS account was seen in this run, by the table of its acts.
    pub seen: BTreeMap<String, Seen>,
    /// Accounts that the deliveries read in this run name.
    pub accounts: joined::Accounts,
    pub notes: Vec<gates::Note>,
    /// Of deliveries of workers: whom and which units they name, to be looked up once everybody is known.
    workforces: Vec<(String, Workforce)>,
    /// Parts of sets that are refused because of another part, or by a gate that judges the whole set: nothing may be made of what
    /// was read, and reading starts again without them.
    pub refused_together: BTreeMap<String, Refusal>,
    /// Tables that have to start over, which only the rows could tell.
    pub out_of_turn: BTreeMap<String, String>,
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
) -> std::result::Result<Ingested, Stop> {
    let catalog = context.catalog;
    let newest = newest_told(plan, &ledger);
    // What no feed of the job reads any more is nobody's.
    ledger.entries.retain(|_, entry| context.feeds.iter().any(|loaded| loaded.feed.name == entry.feed));
    for table in plan.start_over.keys() {
        lake.keep(catalog.require(table)?, |_| false)?;
        lake.keep(catalog.require("user_seen")?, |of| of != table)?;
        statement_history::start_over(lake, table)?;
        layers::start_over(lake, catalog.require(table)?)?;
        ledger.entries.retain(|_, entry| entry.table != *table || !entry.is_accepted());
    }
    let commit = context.next_commit;
    let mut days = DayRows::new(context.memory_limit / 3);
    let mut whole: BTreeMap<String, Waiting> = BTreeMap::new();
    let mut sets = together(plan, &ledger);
    let mut refused_together = BTreeMap::new();
    let mut out_of_turn = BTreeMap::new();
    // By the last part of each set.
    let mut said_of_sets: BTreeMap<String, Vec<Warning>> = BTreeMap::new();
    let mut fresh_removed: BTreeMap<String, Vec<RecordBatch>> = BTreeMap::new();
    let mut intakes = Vec::new();
    let (mut refused, mut refusals) = (Vec::new(), Vec::new());
    let mut notes = Vec::new();
    let mut seen: BTreeMap<String, Seen> = BTreeMap::new();
    let mut accounts = joined::Accounts::default();
    let mut workforces = Vec::new();
    let mut ids: BTreeMap<String, Ids> = BTreeMap::new();
    // Takes an accepted delivery: its books, and its rows to where they wait.
    let mut take = |ledger: &mut Ledger, set: Option<&mut Together>, part: Part| -> Result<()> {
        let Part { planned, mut entry, mut intake, mut rows } = part;
        let planned = &plan.read[planned];
        let (loaded, key) = (&context.feeds[planned.feed], planned.key.clone());
        if let Some(workforce) = rows.workforce.take() {
            intake.warnings.extend(workforce.warnings());
            workforces.push((key.clone(), workforce));
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
        let table = catalog.require(&loaded.feed.fills)?;
        if is_out_of_turn(table, &entry, &newest) {
            out_of_turn.entry(table.name.clone()).or_insert_with(|| format!("{} came late", entry.path));
        }
        if let Some(set) = set {
            set.add(&entry, &intake, &key, &rows);
        }
        intakes.push((key.clone(), Some(intake)));
        let day = local_day(entry.known_at, context.job.zone);
        accounts.add(&entry, planned.feed, loaded.feed.mode, day, rows.accounts);
        let of_table = seen.entry(table.name.clone()).or_default();
        for (user, (first, last)) in rows.seen {
            let bounds = of_table.entry(user).or_insert((first, last));
            *bounds = (bounds.0.min(first), bounds.1.max(last));
        }
        if table.partition == Partition::Day {
            if !rows.removed.is_empty() {
                fresh_removed.entry(table.name.clone()).or_default().extend(rows.removed);
            }
            let of_table = ids.entry(table.name.clone()).or_insert_with(|| Ids::new(context.memory_limit / IDS_SHARE));
            for (day, hashes) in rows.ids {
                of_table.push(day, hashes)?;
            }
            for (day, rows) in rows.days {
                days.push(table, day, rows)?;
            }
        } else {
            let waiting = whole.entry(table.name.clone()).or_insert_with(|| Waiting::of(context, table));
            waiting.push((context, &*lake, &*ledger), table, planned, entry.known_at, rows.whole)?;
        }
        ledger.entries.insert(key, entry);
        Ok(())
    };

    let known = known::ids(context, lake, plan, &ledger)?;
    let mut zeros = known::Written::default();
    // Under way at once: enough to keep every thread at work, and no more than a share of memory holds when it is unpacked.
    let weight = (context.memory_limit / 4 / UNPACKED) as u64;
    let bounds = Bounds { tasks: context.threads.max(1) * 16, waiting: 0, weight };
    let tasks = plan.read.iter().enumerate().map(|(at, planned)| Ok(((at, planned), planned.object.size)));
    in_order(
        bounds,
        tasks,
        |(at, planned)| read_one(context, planned, at, known.get(&planned.feed)),
        |read| {
            let Read { planned: at, outcome } = read?;
            let planned = &plan.read[at];
            let loaded = &context.feeds[planned.feed];
            let mut entry = Entry {
                feed: loaded.feed.name.clone(),
                table: loaded.feed.fills.clone(),
                path: planned.delivery.path.clone(),
                size: planned.delivery.size,
                etag: planned.delivery.etag.clone(),
                known_at: planned.known_at(),
                feed_hash: loaded.hash.clone(),
                read_as: loaded.feed.read_as.clone(),
                commit,
                series: planned.series.clone(),
                set: planned.set.clone(),
                shared: planned.shared,
                marked: planned.marked,
                sidecar: planned.sidecar.clone(),
                ..Entry::default()
            };
            let key = planned.key.clone();
            let outcome = outcome.and_then(|(mut intake, rows)| {
                entry.absent = intake.absent.iter().cloned().collect();
                entry.headcount = rows.headcount;
                let verdict = match held.get(&key) {
                    Some(refusal) => Err(refusal.clone()),
                    // The parts of a set are judged together, once the last is read.
                    None if planned.set.is_some() => Ok(()),
                    None => gates::judge(&loaded.feed, &entry, &intake, &ledger, &mut notes)
                        .and_then(|()| zeros.judge(catalog, &loaded.feed, &mut intake)),
                };
                match verdict {
                    Ok(()) => Ok((intake, rows)),
                    Err(refusal) => Err((intake.refused(refusal), intake.sha256)),
                }
            });
            let set = planned.set.clone().map(|set| (planned.feed, set));
            let mut set = set.and_then(|set| sets.get_mut(&set));
            match outcome {
                Err((refusal, sha256)) => {
                    entry.sha256 = sha256;
                    entry.refused = Some(refusal.reason.code().to_owned());
                    entry.sentence = Some(refusal.sentence());
                    entry.told = Some(refusal.kept());
                    if let Some(set) = &mut set {
                        set.refused.get_or_insert_with(|| entry.path.clone());
                    }
                    let left = Intake::left_of(refusal);
                    refused.push((entry.clone(), Some(left.clone())));
                    ledger.entries.insert(key.clone(), entry);
                    refusals.push((key, Some(left)));
                }
                Ok((intake, rows)) => {
                    let part = Part { planned: at, entry, intake, rows };
                    match &mut set {
                        Some(set) if loaded.feed.chooses_among_parts(catalog.require(&loaded.feed.fills)?) => {
                            set.parts.push(part);
                        }
                        set => take(&mut ledger, set.as_deref_mut(), part)?,
                    }
                }
            }
            if let Some(set) = set {
                set.waiting = set.waiting.saturating_sub(1);
                if set.waiting == 0 {
                    let mut parts = std::mem::take(&mut set.parts);
                    set.choose(context, &loaded.feed, &mut parts)?;
                    for part in parts {
                        take(&mut ledger, Some(&mut *set), part)?;
                    }
                    let headcount = set.headcount(context, loaded);
                    for key in &set.keys {
                        if let Some(part) = ledger.entries.get_mut(key) {
                            part.headcount = headcount;
                        }
                    }
                    let table = catalog.require(&loaded.feed.fills)?;
                    let (warnings, refusals) = set.judge((&loaded.feed, table), &ledger, &mut notes);
                    refused_together.extend(refusals);
                    said_of_sets.extend(set.keys.last().map(|key| (key.clone(), warnings)));
                }
            }
            (context.progress)(planned);
            Ok(())
        },
    )?;
    for (key, intake) in &mut intakes {
        if let (Some(intake), Some(warnings)) = (intake, said_of_sets.remove(key)) {
            intake.warnings.extend(warnings);
        }
    }
    blocking(context, refused)?;
    intakes.extend(refusals);
    tracing::info!(deliveries = intakes.len(), "deliveries read");

    let merged: Vec<Result<(Vec<Stored>, Losses)>> = {
        let (lake, ledger): (&Lake<'_>, &Ledger) = (lake, &ledger);
        let tables: Vec<(String, Waiting)> = whole.into_iter().collect();
        let one = |(name, waiting): (String, Waiting)| {
            let table = catalog.require(&name)?;
            let (files, losses) = waiting.finish((context, lake, ledger), table)?;
            Ok((lake.store(files)?, losses))
        };
        tables.into_par_iter().with_max_len(1).map(one).collect()
    };
    for merged in merged {
        let (stored, losses) = merged?;
        lake.adopt(stored);
        ledger.lose(&losses);
    }
    let (mut removed, mut moved) = (BTreeMap::new(), BTreeMap::new());
    for table in catalog.canon().filter(|table| table.partition == Partition::Day && super::lake::is_stated(table)) {
        let fresh = fresh_removed.remove(&table.name).unwrap_or_default();
        let mut night = ids.remove(&table.name).filter(|_| event_ids::has_ids(table));
        if let Some(night) = &mut night {
            event_ids::bring_forward(context, lake, table, night)?;
        }
        let (all, new_keys) = merge_removed(lake, table, &fresh, &mut ledger)?;
        if !new_keys.is_empty() {
            for day in locate(lake, table, &new_keys)? {
                days.touched.insert((table.name.clone(), day));
            }
        }
        removed.insert(table.name.clone(), all);
        if let Some(night) = night {
            let shared = event_ids::shared(lake, table, night)?;
            let (settled, touched) =
                settle_days(lake, table, &shared, &days, &KeptBy::of(catalog, &ledger, context.feeds))?;
            days.touched.extend(touched.into_iter().map(|day| (table.name.clone(), day)));
            moved.insert(table.name.clone(), settled);
        }
    }
    Ok(Ingested {
        ledger,
        intakes,
        days,
        removed,
        moved,
        seen,
        accounts,
        notes,
        workforces,
        refused_together,
        out_of_turn,
    })
}

/// When the newest delivery of each table was made that stays as it is.
fn newest_told(plan: &DeliveryPlan, ledger: &Ledger) -> BTreeMap<String, i64> {
    let mut newest: BTreeMap<String, i64> = BTreeMap::new();
    for entry in ledger.entries.values() {
        if entry.is_accepted() && !plan.start_over.contains_key(&entry.table) {
            let known = newest.entry(entry.table.clone()).or_insert(entry.known_at);
            *known = (*known).max(entry.known_at);
        }
    }
    newest
}

/// Whether a delivery tells rows without an update of their own, in a table where that decides, after younger ones were merged.
fn is_out_of_turn(table: &Table, entry: &Entry, newest: &BTreeMap<String, i64>) -> bool {
    let Some(latest) = &table.latest else { return false };
    let filled = entry.coverage.get(latest).copied().unwrap_or(0);
    filled < entry.counts.accepted && newest.get(&table.name).is_some_and(|newest| entry.known_at <= *newest)
}

/// The share of memory that the ids of a table may take: one in this.
const IDS_SHARE: usize = 16;

/// What a byte of a compressed export becomes as rows in memory, roughly.
const UNPACKED: usize = 16;

/// Fetches and reads one delivery into canon form.
fn read_one(context: &Context<'_>, planned: &Planned, at: usize, known: Option<&feed::Known>) -> Result<Read> {
    let loaded = &context.feeds[planned.feed];
    let table = context.catalog.require(&loaded.feed.fills)?;
    let bytes = context.landing.get(&planned.object)?;
    if let Some(others) = &planned.contradicted {
        let refusal = Refusal::new(Reason::TwoSnapshots, format!("also {others}"));
        return Ok(Read { planned: at, outcome: Err((refusal, feed::sha256(&bytes))) });
    }
    let sidecar = match loaded.feed.sidecar_of(&planned.delivery.path) {
        Some(path) if planned.sidecar.is_some() => Some(context.landing.read(&path)?),
        _ => None,
    };
    // What lies in the future is judged from when the delivery was made, so that every run judges it alike. A day in a name
    // is its first moment, and the file may hold the whole of it.
    let made = planned.delivery.known_at + chrono::TimeDelta::days(1);
    let mut gate = feed::Context::new(table, made, context.pseudonyms).in_zone(context.job.zone);
    gate.sidecar = sidecar.as_deref();
    gate.zone = context.job.zone;
    gate.known = known;
    gate.is_part = planned.set.is_some();
    let mut rows = Rows::default();
    let joins = loaded.feed.gates.join_coverage != Verdict::Off;
    let mut read = 0;
    let mut sink = |batch: RecordBatch| -> Result<()> {
        read += batch.num_rows() as u64;
        room::rows(context, planned, read)?;
        let batch = canon_form(table, &batch, planned, context)?;
        let days = days_of(table, &batch, context);
        note_seen(table, &batch, &days, &mut rows.seen);
        if table.partition == Partition::Day {
            let (stated, removed) = split_removed(table, batch)?;
            let is_whole = removed.is_none();
            rows.removed.extend(removed);
            let days = if is_whole { days } else { days_of(table, &stated, context) };
            rows.days.extend(by_day(&stated, &days)?);
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
            if event_ids::has_ids(table) {
                let mut batches: BTreeMap<Day, Vec<&RecordBatch>> = BTreeMap::new();
                rows.days.iter().for_each(|(day, batch)| batches.entry(*day).or_default().push(batch));
                let of_day = |(day, batches)| (day, event_ids::hashes(table, batches));
                rows.ids = batches.into_iter().map(of_day).collect();
            }
            if joins {
                joined::draw(&mut rows.accounts, rows.seen.keys().map(String::as_str));
            }
            if table.name == "workers" {
                let day = local_day(planned.delivery.known_at.timestamp_micros(), context.job.zone);
                let workforce = Workforce::told(&loaded.feed, &rows.whole, day);
                rows.headcount = loaded.feed.counts_heads().then_some(workforce.employed);
                rows.workforce = Some(workforce);
            }
            Ok(Read { planned: at, outcome: Ok((intake, rows)) })
        }
        Err(feed::Stop::Refused(refusal)) => Ok(Read { planned: at, outcome: Err((refusal, feed::sha256(&bytes))) }),
        Err(feed::Stop::Sink(error)) => Err(error),
    }
}

/// Refused deliveries hold the run back unless the job tolerates them.
///
/// # Errors
/// One of them is of a feed that the job does not tolerate.
pub fn blocking(context: &Context<'_>, mut refused: Vec<(Entry, Option<Intake>)>) -> std::result::Result<(), Stop> {
    refused.retain(|(entry, _)| !context.job.refused_feeds.contains(&entry.feed));
    match refused.iter().map(|(entry, _)| entry).next() {
        Some(first) => Err(Stop { error: refusal(first, refused.len()), refused, of: None }),
        None => Ok(()),
    }
}

/// What a run says that is held back by so many refused deliveries.
fn refusal(first: &Entry, all: usize) -> Error {
    let more = match all {
        1 => String::new(),
        2 => "; 1 more delivery was refused".to_owned(),
        all => format!("; {} more deliveries were refused", all - 1),
    };
    let sentence = first.sentence.clone().unwrap_or_default();
    let gate = first.refused.as_deref().unwrap_or_default();
    let what = format!("{} was refused by the gate {gate}: {sentence}{more}; nothing was published", first.path);
    let inspect = format!("`uptake inspect JOB {}` shows the records and how they are written", first.path);
    if first.refused.as_deref().and_then(Reason::of).is_some_and(Reason::is_limit) {
        return Error::new(Exit::Limit, what).hint(format!(
            "raise the ceiling under [limits] of the feed {}, split the delivery, or list the feed under tolerate.refused_feeds; {inspect}",
            first.feed
        ));
    }
    if first.refused.as_deref() == Some(Reason::TwoSnapshots.code()) {
        return Error::gate(what).hint(format!(
            "delete one of them; or declare them parts of one snapshot with {{part}} in the `path` of the feed {0} or a _SUCCESS in their folder; or say snapshots = \"instant\" in the feed if it delivers several a day",
            first.feed
        ));
    }
    Error::gate(what).hint(format!(
        "{inspect}; mend the delivery or the feed {0} (`uptake feed try {0} FILE` tries it), or list the feed under tolerate.refused_feeds",
        first.feed
    ))
}
