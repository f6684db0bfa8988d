//! Deliveries become canon: read through the gate in parallel, merged partition by partition.
//!
//! Tables about people and content are held whole. Tables of events are split by day, spilled to scratch when they outgrow their
//! share of memory, and merged one day at a time, so memory follows the largest day.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, Date32Array, DictionaryArray, Int32Array, RecordBatch, StringArray, TimestampMicrosecondArray,
    UInt32Array,
};
use arrow::compute::{cast, concat_batches, take_record_batch};
use arrow::datatypes::{DataType, Int32Type};
use hashbrown::HashMap;
use rayon::prelude::*;
use sha2::{Digest, Sha256};

use super::Context;
use super::gates;
use super::lake::{Lake, WHOLE};
use super::plan::{DeliveryPlan, Planned, is_undated_snapshot};
use crate::canon::columns::{Text, bools, dates, instants, ints};
use crate::canon::merge::{Losses, Lost, Removed, merge};
use crate::canon::snapshot;
use crate::contract::arrow::{DELETED, DELIVERY, KNOWN_AT, ROW, canon_schema, dictionary};
use crate::contract::{Partition, Table, Type};
use crate::error::{Error, Result};
use crate::feed::{self, Intake, Mode, Nulls, Refusal, Stop};
use crate::ledger::{Counts, Entry, Ledger};
use crate::period::{Day, date_of, day_of, local_day};
use crate::store::scratch::Scratch;

/// The partition that holds what the source took back: voidings and deletes by key.
pub const REMOVED: &str = "removed";

/// A delivery as read: its rows in canon form, or why it was refused.
struct Read {
    planned: usize,
    outcome: std::result::Result<(Intake, Vec<RecordBatch>), (Refusal, String)>,
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
    pub notes: Vec<gates::Note>,
}

/// Key -> the one day it lives on.
pub type Moved = HashMap<String, Day>;

/// The age of a statement: the greatest one wins.
type Age = (i64, String, i64);

/// New rows of day tables: (table, day) -> batches, in memory or in scratch.
pub struct DayRows {
    held: BTreeMap<(String, Day), Vec<RecordBatch>>,
    bytes: usize,
    budget: usize,
    scratch: Option<Scratch>,
    pub touched: BTreeSet<(String, Day)>,
}

impl DayRows {
    fn new(budget: usize) -> DayRows {
        DayRows { held: BTreeMap::new(), bytes: 0, budget, scratch: None, touched: BTreeSet::new() }
    }

    fn push(&mut self, table: &Table, day: Day, batch: RecordBatch) -> Result<()> {
        self.bytes += batch.num_rows() * ROW_BYTES;
        self.touched.insert((table.name.clone(), day));
        self.held.entry((table.name.clone(), day)).or_default().push(batch);
        if self.bytes > self.budget {
            self.spill()?;
        }
        Ok(())
    }

    fn spill(&mut self) -> Result<()> {
        let scratch = match &mut self.scratch {
            Some(scratch) => scratch,
            empty => empty.insert(Scratch::new()?),
        };
        for ((table, day), batches) in std::mem::take(&mut self.held) {
            let Some(first) = batches.first() else { continue };
            let batch = concat_batches(&first.schema(), &batches)?;
            scratch.append(&stream(&table, day), &batch)?;
        }
        self.bytes = 0;
        Ok(())
    }

    /// All new rows of a day.
    pub fn take(&self, table: &str, day: Day) -> Result<Vec<RecordBatch>> {
        let mut batches = self.held.get(&(table.to_owned(), day)).cloned().unwrap_or_default();
        if let Some(scratch) = &self.scratch {
            let name = stream(table, day);
            if scratch.rows(&name) > 0 {
                for batch in scratch.read(&name)? {
                    batches.push(batch?);
                }
            }
        }
        Ok(batches)
    }
}

/// What a row of a day table costs in memory, roughly: ids, codes, instants and provenance.
const ROW_BYTES: usize = 120;

fn stream(table: &str, day: Day) -> String {
    format!("{table}-{}", date_of(day))
}

/// Reads every planned delivery and merges the whole tables; day tables are left for [`merge_day`].
///
/// # Errors
/// A gate holds the run back, the store fails, or a record is unaccounted for.
pub fn ingest(context: &Context<'_>, lake: &mut Lake<'_>, plan: &DeliveryPlan, mut ledger: Ledger) -> Result<Ingested> {
    let catalog = context.catalog;
    for table in plan.start_over.keys() {
        lake.keep(catalog.expect(table)?, |_| false)?;
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
    let mut restated: BTreeMap<String, BTreeMap<String, Vec<(Age, Day)>>> = BTreeMap::new();

    for chunk in plan.read.chunks(context.threads.max(1) * 2) {
        let first = plan.read.iter().position(|planned| std::ptr::eq(planned, &chunk[0])).unwrap_or(0);
        let reads: Vec<Result<Read>> =
            chunk.par_iter().enumerate().map(|(at, planned)| read_one(context, planned, first + at)).collect();
        for read in reads {
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
                feed_hash: loaded.hash.clone(),
                commit,
            };
            let outcome = outcome.and_then(|(intake, batches)| {
                match gates::judge(&loaded.feed, &entry, &intake, &ledger, &mut notes) {
                    Ok(()) => Ok((intake, batches)),
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
                Ok((intake, batches)) => {
                    entry.sha256 = intake.sha256.clone();
                    entry.counts = Counts {
                        read: intake.read,
                        accepted: intake.accepted,
                        rejected: intake.rejected_count(),
                        ..Counts::default()
                    };
                    entry.coverage = intake.coverage.iter().cloned().collect();
                    intakes.push((entry.path.clone(), Some(intake)));
                    let table = catalog.expect(&loaded.feed.fills)?;
                    if table.partition == Partition::Day {
                        for batch in batches {
                            note_seen(table, &batch, context, &mut seen);
                            let (rows, removed) = split_removed(table, batch)?;
                            if let Some(removed) = removed {
                                fresh_removed.entry(table.name.clone()).or_default().push(removed);
                            }
                            for (day, rows) in by_day(table, &rows, context)? {
                                if loaded.feed.corrections_move_days {
                                    note_ages(table, &rows, day, restated.entry(table.name.clone()).or_default());
                                }
                                days.push(table, day, rows)?;
                            }
                        }
                    } else {
                        batches.iter().for_each(|batch| note_seen(table, batch, context, &mut seen));
                        let held = whole.entry(table.name.clone()).or_default();
                        if loaded.feed.mode == Mode::Full && !is_undated_snapshot(&loaded.feed, catalog) {
                            ledger.lose(&drop_replaced(held, planned.feed, entry.known_at));
                        }
                        held.push((planned.feed, batches));
                    }
                }
            }
            ledger.entries.insert(entry.path.clone(), entry);
            (context.progress)(planned);
        }
    }
    blocking(context, &refused)?;

    let mut changed_tables: BTreeSet<String> = plan.start_over.keys().cloned().collect();
    for (name, deliveries) in whole {
        let table = catalog.expect(&name)?;
        let losses = merge_whole(context, lake, table, &deliveries, &ledger)?;
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
    Ok(Ingested { ledger, intakes, changed_tables, days, removed, moved, seen, notes })
}

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
    let mut batches = Vec::new();
    let mut sink = |batch: RecordBatch| -> Result<()> {
        batches.push(canon_form(table, &batch, planned, context)?);
        Ok(())
    };
    match feed::read(&loaded.feed, &gate, &planned.delivery, &bytes, &mut sink) {
        Ok(intake) => Ok(Read { planned: at, outcome: Ok((intake, batches)) }),
        Err(Stop::Refused(refusal)) => Ok(Read { planned: at, outcome: Err((refusal, feed::sha256(&bytes))) }),
        Err(Stop::Sink(error)) => Err(error),
    }
}

/// Lets go of snapshots that one of the same feed, made later, replaces: deliveries come oldest first, so memory holds one.
fn drop_replaced(held: &mut Vec<(usize, Vec<RecordBatch>)>, feed: usize, newest: i64) -> Losses {
    let mut losses = Losses::new();
    held.retain(|(other, batches)| {
        let older = |batch: &RecordBatch| instants(batch, KNOWN_AT)(0).is_some_and(|known_at| known_at < newest);
        let replaced = *other == feed && batches.iter().filter(|batch| batch.num_rows() > 0).all(older);
        for batch in batches.iter().filter(|batch| replaced && batch.num_rows() > 0) {
            let delivery = Text::of(batch, DELIVERY).get(0).unwrap_or_default().to_owned();
            *losses.entry((delivery, Lost::Superseded)).or_default() += batch.num_rows() as u64;
        }
        !replaced
    });
    losses
}

/// A refused delivery holds the run back unless the job tolerates it.
fn blocking(context: &Context<'_>, refused: &[Entry]) -> Result<()> {
    let blocking: Vec<&Entry> =
        refused.iter().filter(|entry| !context.job.refused_feeds.contains(&entry.feed)).collect();
    let Some(first) = blocking.first() else { return Ok(()) };
    let more = if blocking.len() > 1 {
        format!(" (and {} more refused deliveries)", blocking.len() - 1)
    } else {
        String::new()
    };
    let sentence = first.sentence.clone().unwrap_or_default();
    Err(Error::gate(format!("{}: {sentence}{more}; nothing was published", first.path)).hint(format!(
        "`uptake feed try {} FILE` shows what the gate sees; mend the delivery or the feed, or list the feed under tolerate.refused_feeds",
        first.feed
    )))
}

/// Adds provenance and derived keys: the gate's batch becomes a canon batch.
fn canon_form(table: &Table, batch: &RecordBatch, planned: &Planned, context: &Context<'_>) -> Result<RecordBatch> {
    let rows = batch.num_rows();
    let schema = canon_schema(table);
    let known_at = planned.delivery.known_at.timestamp_micros();
    let columns = schema
        .fields()
        .iter()
        .map(|field| -> Result<ArrayRef> {
            let name = field.name().as_str();
            Ok(match name {
                DELIVERY => {
                    let values: ArrayRef = Arc::new(StringArray::from(vec![planned.delivery.path.as_str()]));
                    Arc::new(DictionaryArray::<Int32Type>::try_new(Int32Array::from(vec![0; rows]), values)?)
                }
                KNOWN_AT => Arc::new(TimestampMicrosecondArray::from(vec![known_at; rows]).with_timezone("UTC")),
                _ => {
                    let array = batch
                        .column_by_name(name)
                        .cloned()
                        .ok_or_else(|| Error::bug(format!("the gate gives no column {name}")))?;
                    if array.data_type() == field.data_type() { array } else { cast(&array, field.data_type())? }
                }
            })
        })
        .collect::<Result<Vec<_>>>()?;
    let mut batch = RecordBatch::try_new(schema, columns)?;
    let feed = &context.feeds[planned.feed].feed;
    if table.column("effective_from").is_some() && !feed.maps("effective_from") {
        // A change without a date holds from the day it was told.
        let day = local_day(known_at, context.job.zone);
        batch = snapshot::with_column(&batch, "effective_from", Arc::new(Date32Array::from(vec![day; rows])))?;
    }
    derive_key(table, batch)
}

/// A table whose only key may be absent gets one from its required columns, so that the same statement has the same key.
fn derive_key(table: &Table, batch: RecordBatch) -> Result<RecordBatch> {
    let [key] = table.key.as_slice() else { return Ok(batch) };
    let optional = table.column(key).is_some_and(|column| !column.required && column.data_type == Type::Text);
    let index = batch.schema().index_of(key)?;
    if !optional || batch.column(index).null_count() == 0 {
        return Ok(batch);
    }
    let required: Vec<&str> =
        table.stored().filter(|column| column.required).map(|column| column.name.as_str()).collect();
    let given = Text::of(&batch, key);
    let keys: StringArray = (0..batch.num_rows())
        .map(|row| {
            given.get(row).map(str::to_owned).or_else(|| {
                let mut hash = Sha256::new();
                for name in &required {
                    let array = batch.column_by_name(name)?;
                    let text = match array.data_type() {
                        DataType::Timestamp(_, _) => instants(&batch, name)(row)?.to_string(),
                        _ => Text::of(&batch, name).get(row)?.to_owned(),
                    };
                    hash.update(text.as_bytes());
                    hash.update([0x1f]);
                }
                Some(hash.finalize().iter().take(16).map(|byte| format!("{byte:02x}")).collect())
            })
        })
        .collect();
    let keys: ArrayRef = Arc::new(keys);
    Ok(snapshot::with_column(&batch, key, keys)?)
}

/// Parts what takes events back (voidings, deletes by key) from the events.
fn split_removed(table: &Table, batch: RecordBatch) -> Result<(RecordBatch, Option<RecordBatch>)> {
    let takes_back: Vec<bool> = {
        let voids = voids_column(table).map_or(Text::Absent, |name| Text::of(&batch, name));
        let deleted = bools(&batch, DELETED);
        (0..batch.num_rows()).map(|row| deleted(row) == Some(true) || voids.get(row).is_some()).collect()
    };
    if !takes_back.contains(&true) {
        return Ok((batch, None));
    }
    let pick = |wanted: bool| -> Result<RecordBatch> {
        let rows = takes_back.iter().enumerate().filter(|(_, is)| **is == wanted).map(|(row, _)| row as u32);
        Ok(take_record_batch(&batch, &UInt32Array::from_iter_values(rows))?)
    };
    Ok((pick(false)?, Some(pick(true)?)))
}

/// The column that names the event a row voids: `voids_` and the key.
fn voids_column(table: &Table) -> Option<&str> {
    let [key] = table.key.as_slice() else { return None };
    table.columns.iter().map(|column| column.name.as_str()).find(|name| name.strip_prefix("voids_") == Some(key))
}

/// Splits rows by the reporting-zone day of the table's day column.
fn by_day(table: &Table, batch: &RecordBatch, context: &Context<'_>) -> Result<Vec<(Day, RecordBatch)>> {
    let Some(name) = &table.day else { return Ok(Vec::new()) };
    let days = days_of(table, name, batch, context);
    let mut rows: BTreeMap<Day, Vec<u32>> = BTreeMap::new();
    for (row, day) in days.iter().enumerate() {
        if let Some(day) = *day {
            rows.entry(day).or_default().push(row as u32);
        }
    }
    if rows.len() == 1 {
        return Ok(rows.into_keys().map(|day| (day, batch.clone())).collect());
    }
    rows.into_iter()
        .map(|(day, rows)| {
            let part = take_record_batch(batch, &UInt32Array::from(rows))?;
            Ok((day, compact(part)?))
        })
        .collect()
}

/// The day of each row, in the reporting zone.
fn days_of(table: &Table, name: &str, batch: &RecordBatch, context: &Context<'_>) -> Vec<Option<Day>> {
    let rows = batch.num_rows();
    if table.column(name).is_some_and(|column| column.data_type == Type::Date) {
        let get = dates(batch, name);
        return (0..rows).map(get).collect();
    }
    let get = instants(batch, name);
    let mut zone = DayClock::new(context.job.zone);
    (0..rows).map(|row| get(row).map(|at| zone.day(at))).collect()
}

/// Days of instants; remembers the bounds of the last day, because neighbours share it.
struct DayClock {
    zone: chrono_tz::Tz,
    from: i64,
    to: i64,
    day: Day,
}

impl DayClock {
    fn new(zone: chrono_tz::Tz) -> DayClock {
        DayClock { zone, from: 0, to: 0, day: 0 }
    }

    fn day(&mut self, at: i64) -> Day {
        if !(self.from..self.to).contains(&at) {
            self.day = local_day(at, self.zone);
            self.from = crate::period::day_start_micros(self.day, self.zone);
            self.to = crate::period::day_start_micros(self.day + 1, self.zone);
        }
        self.day
    }
}

/// Drops dictionary values that a small part of a batch does not use.
fn compact(batch: RecordBatch) -> Result<RecordBatch> {
    let columns = batch
        .columns()
        .iter()
        .map(|array| -> Result<ArrayRef> {
            let Text::Dictionary(dictionary_array, values) = Text::from_array(array) else {
                return Ok(Arc::clone(array));
            };
            if values.len() <= dictionary_array.len() {
                return Ok(Arc::clone(array));
            }
            Ok(cast(&cast(array, &DataType::Utf8)?, &dictionary())?)
        })
        .collect::<Result<Vec<_>>>()?;
    Ok(RecordBatch::try_new(batch.schema(), columns)?)
}

/// Notes between which days accounts were seen; the columns that name LMS accounts are those of the domain `user`.
fn note_seen(table: &Table, batch: &RecordBatch, context: &Context<'_>, seen: &mut HashMap<String, (Day, Day)>) {
    let Some((user, at)) = super::seen_columns(&table.name) else { return };
    let days = days_of(table, at, batch, context);
    let users = Text::of(batch, user);
    let mut note = |user: &str, day: Day| match seen.get_mut(user) {
        Some(bounds) => *bounds = (bounds.0.min(day), bounds.1.max(day)),
        None => {
            seen.insert(user.to_owned(), (day, day));
        }
    };
    match &users {
        Text::Dictionary(dictionary, values) => {
            let mut bounds: Vec<Option<(Day, Day)>> = vec![None; values.len()];
            for (row, day) in days.iter().enumerate() {
                if let (Some(key), Some(day)) = (dictionary.key(row), day) {
                    let held = bounds[key].get_or_insert((*day, *day));
                    *held = (held.0.min(*day), held.1.max(*day));
                }
            }
            for (key, bounds) in bounds.into_iter().enumerate() {
                if let Some((first, last)) = bounds.filter(|_| values.is_valid(key)) {
                    note(values.value(key), first);
                    note(values.value(key), last);
                }
            }
        }
        _ => {
            for (row, day) in days.iter().enumerate() {
                if let (Some(user), Some(day)) = (users.get(row), day) {
                    note(user, *day);
                }
            }
        }
    }
}

/// Merges the new deliveries of a whole table into its one file.
fn merge_whole(
    context: &Context<'_>,
    lake: &mut Lake<'_>,
    table: &Table,
    deliveries: &[(usize, Vec<RecordBatch>)],
    ledger: &Ledger,
) -> Result<Losses> {
    let schema = canon_schema(table);
    let mut state = concat_batches(&schema, &lake.read(table, WHOLE, None)?)?;
    let mut losses = Losses::new();
    // A row of a full snapshot lives until the feed's next snapshot.
    let full: BTreeMap<&str, i64> = context
        .feeds
        .iter()
        .filter(|loaded| loaded.feed.mode == Mode::Full && !is_undated_snapshot(&loaded.feed, context.catalog))
        .filter_map(|loaded| Some((loaded.feed.name.as_str(), ledger.newest(&loaded.feed.name)?)))
        .collect();
    let mut fresh = Vec::new();
    for (feed, batches) in deliveries {
        let feed = &context.feeds[*feed].feed;
        if !is_undated_snapshot(feed, context.catalog) {
            for batch in batches.iter().filter(|batch| batch.num_rows() > 0) {
                let (delivery, known_at) = (Text::of(batch, DELIVERY), instants(batch, KNOWN_AT));
                if full
                    .get(feed.name.as_str())
                    .is_some_and(|newest| known_at(0).is_some_and(|known_at| known_at < *newest))
                {
                    let delivery = delivery.get(0).unwrap_or_default().to_owned();
                    *losses.entry((delivery, Lost::Superseded)).or_default() += batch.num_rows() as u64;
                } else {
                    fresh.push(batch.clone());
                }
            }
            continue;
        }
        // Deliveries come oldest first, so snapshots are compared in the order they were made.
        let Some(known_at) =
            batches.iter().find(|batch| batch.num_rows() > 0).and_then(|batch| instants(batch, KNOWN_AT)(0))
        else {
            continue;
        };
        let day = local_day(known_at, context.job.zone);
        let ours = |delivery: &str| ledger.entries.get(delivery).is_some_and(|entry| entry.feed == feed.name);
        let (rows, lost) = snapshot::apply(table, &state, batches, day, &ours)?;
        state = rows;
        for (key, rows) in lost {
            *losses.entry(key).or_default() += rows;
        }
    }
    let is_current = |delivery: &str, known_at: i64| {
        let feed = ledger.entries.get(delivery).map(|entry| entry.feed.as_str());
        feed.and_then(|feed| full.get(feed)).is_none_or(|newest| known_at >= *newest)
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
    lake.write(table, WHOLE, &merged.rows)?;
    Ok(losses)
}

/// Merges what was taken back into its partition; returns all keys taken back, and those that are new.
fn merge_removed(
    lake: &mut Lake<'_>,
    table: &Table,
    fresh: &[RecordBatch],
    ledger: &mut Ledger,
) -> Result<(Removed, BTreeSet<String>)> {
    let held = lake.read(table, REMOVED, None)?;
    if held.is_empty() && fresh.is_empty() {
        return Ok((Removed::new(), BTreeSet::new()));
    }
    let before = keys_removed(table, &held);
    let mut all = held;
    all.extend(fresh.iter().cloned());
    let merged = merge(table, &all, &Removed::new(), &|_, _| true, &|_| false)?;
    ledger.lose(&merged.losses);
    if !fresh.is_empty() {
        lake.write(table, REMOVED, &merged.rows)?;
    }
    let now = keys_removed(table, &[merged.rows]);
    let new_keys =
        now.iter().filter(|(key, until)| before.get(*key) != Some(*until)).map(|(key, _)| key.clone()).collect();
    Ok((now, new_keys))
}

/// The keys that rows of the removed partition take back.
fn keys_removed(table: &Table, batches: &[RecordBatch]) -> Removed {
    let mut removed = Removed::new();
    let [key] = table.key.as_slice() else { return removed };
    for batch in batches {
        let voids = voids_column(table).map_or(Text::Absent, |name| Text::of(batch, name));
        let (own, known_at, deleted) = (Text::of(batch, key), instants(batch, KNOWN_AT), bools(batch, DELETED));
        for row in 0..batch.num_rows() {
            if let Some(target) = voids.get(row).filter(|_| deleted(row) != Some(true)) {
                removed.insert(target.to_owned(), i64::MAX);
            } else if let Some(target) = own.get(row).filter(|_| deleted(row) == Some(true)) {
                let until = removed.entry_ref(target).or_insert(i64::MIN);
                *until = (*until).max(known_at(row).unwrap_or(0));
            }
        }
    }
    removed
}

/// Notes when each key of a batch was stated, and for which day.
fn note_ages(table: &Table, batch: &RecordBatch, day: Day, stated: &mut BTreeMap<String, Vec<(Age, Day)>>) {
    let [key] = table.key.as_slice() else { return };
    let (key, delivery) = (Text::of(batch, key), Text::of(batch, DELIVERY));
    let (known_at, record) = (instants(batch, KNOWN_AT), ints(batch, ROW));
    for row in 0..batch.num_rows() {
        let Some(key) = key.get(row) else { continue };
        let age =
            (known_at(row).unwrap_or(0), delivery.get(row).unwrap_or_default().to_owned(), record(row).unwrap_or(0));
        stated.entry(key.to_owned()).or_default().push((age, day));
    }
}

/// For feeds whose corrections move events to another day: the one day on which each restated key lives, and the days that lose it.
/// Pays for it by reading the keys of every day file of the table.
fn settle_days(
    lake: &Lake<'_>,
    table: &Table,
    mut stated: BTreeMap<String, Vec<(Age, Day)>>,
) -> Result<(Moved, BTreeSet<Day>)> {
    let [key] = table.key.as_slice() else { return Ok((Moved::new(), BTreeSet::new())) };
    for (partition, file) in lake.partitions(table)? {
        let Some(day) = day_partition(&partition) else { continue };
        for batch in lake.read_ref(table, &file, Some(&[key.as_str(), DELIVERY, KNOWN_AT, ROW]))? {
            let mut held = BTreeMap::new();
            note_ages(table, &batch, day, &mut held);
            for (key, ages) in held {
                if let Some(known) = stated.get_mut(&key) {
                    known.extend(ages);
                }
            }
        }
    }
    let (mut moved, mut touched) = (Moved::new(), BTreeSet::new());
    for (key, ages) in stated {
        let Some((_, day)) = ages.iter().max() else { continue };
        if ages.iter().any(|(_, other)| other != day) {
            touched.extend(ages.iter().map(|(_, day)| *day));
            moved.insert(key, *day);
        }
    }
    Ok((moved, touched))
}

/// The days whose files hold any of the keys. Reads one column of the day files, newest first, until all are found.
fn locate(lake: &Lake<'_>, table: &Table, keys: &BTreeSet<String>) -> Result<BTreeSet<Day>> {
    let [key] = table.key.as_slice() else { return Ok(BTreeSet::new()) };
    let mut waiting: BTreeSet<&str> = keys.iter().map(String::as_str).collect();
    let mut days = BTreeSet::new();
    let partitions = lake.partitions(table)?;
    for (partition, file) in partitions.iter().rev() {
        let Some(day) = day_partition(partition) else { continue };
        if waiting.is_empty() {
            break;
        }
        for batch in lake.read_ref(table, file, Some(&[key.as_str()]))? {
            let ids = Text::of(&batch, key);
            for row in 0..batch.num_rows() {
                if ids.get(row).is_some_and(|id| waiting.remove(id)) {
                    days.insert(day);
                }
            }
        }
    }
    Ok(days)
}

/// The day a partition name stands for.
pub fn day_partition(partition: &str) -> Option<Day> {
    partition.parse().ok().map(day_of)
}

/// The name of a day's partition.
pub fn partition_of(day: Day) -> String {
    date_of(day).to_string()
}

/// What happens to events of a day from outside it.
#[derive(Default)]
pub struct Elsewhere<'a> {
    pub removed: Option<&'a Removed>,
    pub moved: Option<&'a Moved>,
}

/// One day of a day table, merged: its rows, and what was lost.
pub fn merge_day(
    lake: &Lake<'_>,
    table: &Table,
    day: Day,
    fresh: &[RecordBatch],
    elsewhere: &Elsewhere<'_>,
) -> Result<(RecordBatch, Losses)> {
    let mut batches = lake.read(table, &partition_of(day), None)?;
    batches.extend(fresh.iter().cloned());
    let none = Removed::new();
    let merged = merge(table, &batches, elsewhere.removed.unwrap_or(&none), &|_, _| true, &|_| false)?;
    let (Some(moved), [key]) = (elsewhere.moved, table.key.as_slice()) else { return Ok((merged.rows, merged.losses)) };
    let mut losses = merged.losses;
    let mut stays = Vec::with_capacity(merged.rows.num_rows());
    {
        let (key, delivery) = (Text::of(&merged.rows, key), Text::of(&merged.rows, DELIVERY));
        for row in 0..merged.rows.num_rows() {
            if key.get(row).and_then(|key| moved.get(key)).is_some_and(|home| *home != day) {
                *losses.entry((delivery.get(row).unwrap_or_default().to_owned(), Lost::Superseded)).or_default() += 1;
            } else {
                stays.push(row as u32);
            }
        }
    }
    Ok((take_record_batch(&merged.rows, &UInt32Array::from(stays))?, losses))
}
