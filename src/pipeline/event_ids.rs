//! One event id is one event, on whichever day it was stated: the days that share an id are found by filters of ids that lie beside the
//! files of the days, and only these days are opened.
//!
//! A filter is a partition of `event_ids` named after the table, the day and the hash of the day's file, so a filter of another file is
//! never asked. A day file without one, as earlier versions left them, is read once for its ids.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Date32Array, Int64Array, RecordBatch, UInt64Array};
use arrow::datatypes::{DataType, Date32Type, Field, Int64Type, Schema, UInt64Type};
use hashbrown::HashSet;
use rayon::prelude::*;

use super::context::Context;
use super::day_rows::{day_partition, partition_of};
use super::lake::{Lake, Stored};
use crate::canon::columns::Text;
use crate::canon::id_filter::{IdFilter, Marks, hash};
use crate::contract::arrow::mart_schema;
use crate::contract::{Catalog, Table};
use crate::error::{Error, Result};
use crate::period::Day;
use crate::publish::{FileRef, NewFile};
use crate::store::scratch::Scratch;

const TABLE: &str = "event_ids";

/// Whether rows of a table are told apart by one id.
pub(super) fn has_ids(table: &Table) -> bool {
    table.key.len() == 1
}

/// The partition of the filter of a day's file. The last letter is the form of its words: sorted numbers.
fn partition(table: &Table, day: Day, sha256: &str) -> String {
    format!("{}-{}-{}-s", table.name, partition_of(day), sha256.get(..16).unwrap_or(sha256))
}

/// The hashes of the ids in batches of a table, ascending.
pub(super) fn hashes<'b>(table: &Table, batches: impl IntoIterator<Item = &'b RecordBatch>) -> Vec<u64> {
    let [key] = table.key.as_slice() else { return Vec::new() };
    let mut hashes: Vec<u64> = Vec::new();
    for batch in batches {
        let ids = Text::of(batch, key);
        hashes.reserve(batch.num_rows());
        hashes.extend((0..batch.num_rows()).filter_map(|row| ids.get(row)).map(hash));
    }
    hashes.sort_unstable();
    hashes
}

/// The filter of a day's file, which has the hash `sha256` and holds ids with these hashes.
pub(super) fn file(catalog: &Catalog, table: &Table, day: Day, sha256: &str, hashes: Vec<u64>) -> Result<NewFile> {
    let contract = catalog.require(TABLE)?;
    let words: ArrayRef = Arc::new(Int64Array::from(IdFilter::of(hashes).into_words()));
    Lake::encode(contract, &partition(table, day, sha256), &RecordBatch::try_new(mart_schema(contract), vec![words])?)
}

/// Drops the filters of files that are no longer the days' own.
pub(super) fn keep_current(lake: &mut Lake<'_>, tables: &[&Table]) -> Result<()> {
    let mut current = BTreeSet::new();
    for table in tables.iter().filter(|table| has_ids(table)) {
        for (day, file) in day_files(lake, table)? {
            current.insert(partition(table, day, &file.sha256));
        }
    }
    let contract = lake.catalog.require(TABLE)?;
    lake.keep(contract, |partition| current.contains(partition))
}

fn day_files(lake: &Lake<'_>, table: &Table) -> Result<Vec<(Day, FileRef)>> {
    let files = lake.partitions(table)?.into_iter();
    Ok(files.filter_map(|(partition, file)| Some((day_partition(&partition)?, file))).collect())
}

/// The ids that a run has read of one table, as hashes by the day they were stated for. What outgrows its share of memory waits on disk,
/// parted by the hash, so that what is equal stays together.
pub(super) struct Ids {
    /// Hashes ascend.
    held: Vec<(Day, Vec<u64>)>,
    count: usize,
    most: usize,
    scratch: Option<Scratch>,
}

/// Parts: the topmost bits of a hash. Each is small enough to be sorted quickly.
const PART_BITS: u32 = 8;
const PARTS: usize = 1 << PART_BITS;

/// Hashes and days of one part.
type Part = Vec<(u64, Day)>;

impl Ids {
    /// `bytes` is what may be held in memory.
    pub fn new(bytes: usize) -> Ids {
        Ids { held: Vec::new(), count: 0, most: (bytes / size_of::<u64>()).max(1), scratch: None }
    }

    /// Takes ids of a day, as [`hashes`] gives them.
    pub fn push(&mut self, day: Day, hashes: Vec<u64>) -> Result<()> {
        self.count += hashes.len();
        self.held.push((day, hashes));
        if self.count > self.most { self.spill() } else { Ok(()) }
    }

    /// What is held in memory of a part.
    fn part(&self, at: usize) -> Part {
        let of = |hash: &u64| (hash >> (64 - PART_BITS)) as usize;
        let mut part = Part::with_capacity(self.count / PARTS + self.count / PARTS / 8);
        for (day, hashes) in &self.held {
            let from = hashes.partition_point(|hash| of(hash) < at);
            let to = from + hashes[from..].partition_point(|hash| of(hash) == at);
            part.extend(hashes[from..to].iter().map(|hash| (*hash, *day)));
        }
        part
    }

    fn spill(&mut self) -> Result<()> {
        let scratch = match self.scratch.take() {
            Some(scratch) => scratch,
            None => Scratch::new()?,
        };
        let schema = Arc::new(Schema::new(vec![
            Field::new("hash", DataType::UInt64, false),
            Field::new("day", DataType::Date32, false),
        ]));
        let one = |at: usize| -> Result<()> {
            let (hashes, days): (Vec<u64>, Vec<Day>) = self.part(at).into_iter().unzip();
            let columns: Vec<ArrayRef> = vec![Arc::new(UInt64Array::from(hashes)), Arc::new(Date32Array::from(days))];
            scratch.append(&part_name(at), &RecordBatch::try_new(Arc::clone(&schema), columns)?)?;
            Ok(())
        };
        (0..PARTS).into_par_iter().try_for_each(one)?;
        self.scratch = Some(scratch);
        (self.held, self.count) = (Vec::new(), 0);
        Ok(())
    }

    /// Hands over all pairs in parts that ascend by their hashes, so many at a time as fill one `share`-th of what may be held; equal hashes
    /// are in one part.
    fn parts(&mut self, share: usize, take: &mut dyn FnMut(Vec<Part>) -> Result<()>) -> Result<()> {
        if self.scratch.is_some() && self.count > 0 {
            self.spill()?;
        }
        let Some(scratch) = &self.scratch else {
            let at_a_time = (PARTS * self.most / share).div_ceil(self.count.max(1)).clamp(1, PARTS);
            for from in (0..PARTS).step_by(at_a_time) {
                let some = from..(from + at_a_time).min(PARTS);
                take(some.into_par_iter().map(|at| self.part(at)).collect())?;
            }
            return Ok(());
        };
        let (mut some, mut held): (Vec<Part>, usize) = (Vec::new(), 0);
        for at in 0..PARTS {
            let name = part_name(at);
            let more = scratch.rows(&name) as usize;
            if held > 0 && held + more > self.most / share {
                take(std::mem::take(&mut some))?;
                held = 0;
            }
            let mut part: Part = Vec::with_capacity(more);
            for batch in scratch.read(&name)? {
                let batch = batch?;
                let (hashes, days) =
                    (batch.column(0).as_primitive::<UInt64Type>(), batch.column(1).as_primitive::<Date32Type>());
                part.extend(hashes.values().iter().copied().zip(days.values().iter().copied()));
            }
            held += part.len();
            some.push(part);
        }
        take(some)
    }
}

fn part_name(at: usize) -> String {
    format!("ids-{at}")
}

/// Ids that may have been stated for several days, as hashes, and these days.
#[derive(Debug, Default)]
pub(super) struct Shared {
    pub ids: HashSet<u64>,
    pub days: BTreeSet<Day>,
}

/// Gives every day file of a table its filter; the ids of files that had none join those of the night, for nobody has compared them yet.
pub(super) fn bring_forward(context: &Context<'_>, lake: &mut Lake<'_>, table: &Table, ids: &mut Ids) -> Result<()> {
    let contract = context.catalog.require(TABLE)?;
    let mut bare: Vec<(Day, FileRef)> = Vec::new();
    for (day, file) in day_files(lake, table)? {
        if lake.file(contract, &partition(table, day, &file.sha256))?.is_none() {
            bare.push((day, file));
        }
    }
    let [key] = table.key.as_slice() else { return Ok(()) };
    for some in bare.chunks(context.threads.max(1) * 4) {
        let made: Vec<(Day, Vec<u64>, Vec<Stored>)> = {
            let lake: &Lake<'_> = lake;
            let one = |(day, file): &(Day, FileRef)| -> Result<_> {
                let batches = lake.read_ref(table, file, Some(&[key.as_str()]))?;
                let hashes = hashes(table, &batches);
                let filter = self::file(context.catalog, table, *day, &file.sha256, hashes.clone())?;
                Ok((*day, hashes, lake.store(vec![filter])?))
            };
            some.par_iter().map(one).collect::<Result<_>>()?
        };
        for (day, hashes, stored) in made {
            ids.push(day, hashes)?;
            lake.adopt(stored);
        }
    }
    Ok(())
}

/// What the ids of a night share with other days, be they the night's own or on the lake.
pub(super) fn shared(lake: &Lake<'_>, table: &Table, mut ids: Ids) -> Result<Shared> {
    let mut shared = Shared::default();
    let is_first = day_files(lake, table)?.is_empty();
    // All filters are asked for each lot, so lots are large where there are filters.
    let share = if is_first { 16 } else { 2 };
    ids.parts(share, &mut |mut parts| {
        let several: Vec<Shared> = parts.par_iter_mut().map(once).collect();
        for part in several {
            shared.ids.extend(part.ids);
            shared.days.extend(part.days);
        }
        if is_first || parts.iter().all(Vec::is_empty) {
            return Ok(());
        }
        let stated: Vec<(u64, Day)> = parts.concat();
        drop(parts);
        let alone = |id: u64, day: Day, at: Day| at == day && !shared.ids.contains(&id);
        let marks = Marks::of(stated.iter().map(|(id, _)| *id));
        let found = probe(lake, table, |filter, at| {
            let held = filter.may_hold(&stated, &marks, |(id, _)| *id).into_iter().copied();
            held.filter(|(id, day)| !alone(*id, *day, at)).collect()
        })?;
        for (at, ids) in found {
            for (id, day) in ids {
                shared.ids.insert(id);
                shared.days.extend([at, day]);
            }
        }
        Ok(())
    })?;
    Ok(shared)
}

/// Leaves each id of a part once, ascending, with one of its days; says which ids the night states for several days, and these.
fn once(part: &mut Part) -> Shared {
    part.sort_unstable();
    part.dedup();
    let mut several = Shared::default();
    for same in part.chunk_by(|a, b| a.0 == b.0).filter(|same| same.len() > 1) {
        several.ids.insert(same[0].0);
        several.days.extend(same.iter().map(|(_, day)| *day));
    }
    part.dedup_by_key(|(id, _)| *id);
    several
}

/// The days whose files may hold any of the ids.
pub(super) fn days_of(lake: &Lake<'_>, table: &Table, ids: &[u64]) -> Result<Vec<(Day, FileRef)>> {
    let mut ids = ids.to_vec();
    ids.sort_unstable();
    let marks = Marks::of(ids.iter().copied());
    let ask = |filter: &IdFilter<'_>, _| filter.may_hold(&ids, &marks, |id| *id).into_iter().copied().collect();
    let found: BTreeMap<Day, Vec<u64>> = probe(lake, table, ask)?;
    let days: BTreeSet<Day> = found.into_keys().collect();
    Ok(day_files(lake, table)?.into_iter().filter(|(day, _)| days.contains(day)).collect())
}

/// Asks the filters of all day files, beside each other; none of them is held longer than that takes.
fn probe<T: Send>(
    lake: &Lake<'_>,
    table: &Table,
    ask: impl Fn(&IdFilter<'_>, Day) -> Vec<T> + Sync,
) -> Result<BTreeMap<Day, Vec<T>>> {
    let contract = lake.catalog.require(TABLE)?;
    let one = |(day, file): (Day, FileRef)| -> Result<(Day, Vec<T>)> {
        let batches = lake.read(contract, &partition(table, day, &file.sha256), None)?;
        let words = |batch: &RecordBatch| batch.column(0).as_primitive::<Int64Type>().clone();
        let words: Vec<Int64Array> = batches.iter().map(words).collect();
        let filter = match words.as_slice() {
            [one] => IdFilter::from_words(one.values().as_ref()),
            several => {
                IdFilter::from_words(several.iter().flat_map(|some| some.values().to_vec()).collect::<Vec<i64>>())
            }
        };
        let filter = filter
            .ok_or_else(|| Error::gate(format!("the filter of {} {} cannot be read", table.name, partition_of(day))))?;
        Ok((day, ask(&filter, day)))
    };
    let found: Vec<(Day, Vec<T>)> = day_files(lake, table)?.into_par_iter().map(one).collect::<Result<_>>()?;
    Ok(found.into_iter().filter(|(_, found)| !found.is_empty()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_that_wait_on_disk_come_back_whole_and_together() {
        let pairs: Vec<(u64, Day)> =
            (0..1_000u64).map(|n| (hash(&format!("e{}", n % 400)), (n / 100) as Day)).collect();
        let told = |bytes: usize| {
            let mut ids = Ids::new(bytes);
            pairs.iter().for_each(|(id, day)| ids.push(*day, vec![*id]).unwrap());
            let (mut all, mut parts) = (Vec::new(), Vec::new());
            ids.parts(2, &mut |some| {
                parts.push(some.iter().flatten().map(|(id, _)| *id).collect::<BTreeSet<u64>>());
                all.extend(some.into_iter().flatten());
                Ok(())
            })
            .unwrap();
            all.sort_unstable();
            (all, parts)
        };
        let (whole, one) = told(1 << 20);
        let (parted, parts) = told(100 * size_of::<u64>());
        assert_eq!((one.len(), whole.len()), (1, 1_000));
        assert_eq!(parted, whole);
        assert!(parts.len() > 3, "{}", parts.len());
        assert_eq!(parts.iter().map(BTreeSet::len).sum::<usize>(), 400, "an id is in one part alone");
    }
}
