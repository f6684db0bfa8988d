//! Tables computed whole, where anything they are made from changed.

use std::collections::{BTreeMap, BTreeSet};

use arrow::array::RecordBatch;
use arrow::compute::{SortColumn, lexsort_to_indices, take_record_batch};

use super::Context;
use super::lake::{Lake, WHOLE as ALL};
use super::periods::{self, Computed, mart_error, publish, tally, today};
use super::world::World;
use crate::canon::columns::Text;
use crate::contract::Table;
use crate::contract::arrow::canon_schema;
use crate::error::{Error, Result};
use crate::mart::{Facts, WHOLE, Whole};
use crate::period::Day;
use crate::publish::commit::hex_sha256;
use crate::publish::{FileRef, Publisher};

/// Computes every whole table the job wants and whose inputs changed. `range` is the reported days.
///
/// # Errors
/// The privacy audit refuses, the store fails, or rows break their contract.
pub fn compute(
    context: &Context<'_>,
    lake: &mut Lake<'_>,
    world: &World,
    range: (Day, Day),
    made_from: &mut BTreeMap<String, String>,
    done: &mut Computed,
) -> Result<()> {
    for whole in WHOLE.iter().filter(|whole| whole.tables.iter().any(|table| context.job.wants(table))) {
        let mut missing = whole.undecided(context.job);
        for table in whole.needs {
            if lake.partitions(context.catalog.expect(table)?)?.values().all(|file| file.rows == 0) {
                missing = Some(*table);
            }
        }
        if let Some(missing) = missing {
            for table in whole.tables {
                if context.job.wants(table) {
                    done.lacks(table, missing);
                }
                lake.keep(context.catalog.expect(table)?, |_| false)?;
            }
            made_from.retain(|step, _| !belongs(step, whole));
            continue;
        }
        let step = format!("whole/{}", whole.name);
        let now = fingerprint(context, lake, range, whole)?;
        let forced = context.backfill.as_ref().is_some_and(|backfill| backfill.is_about(whole.tables));
        if !forced && made_from.get(&step) == Some(&now) {
            continue;
        }
        made_from.retain(|step, _| !belongs(step, whole));
        let files = one(context, lake, world, range, whole, made_from)?;
        made_from.insert(step, now);
        // A table of decisions that the job does not name is no work done.
        done.periods += usize::from(files > 0);
    }
    Ok(())
}

/// Whether a remembered step is about this table.
fn belongs(step: &str, whole: &Whole) -> bool {
    let (first, rest) = step.split_once('/').unwrap_or((step, ""));
    whole.tables.contains(&first) || (first == "whole" && rest == whole.name)
}

/// What a whole table is computed from: the files it reads, and everybody.
fn facts<'a>(
    context: &'a Context<'_>,
    lake: &Lake<'_>,
    world: &'a World,
    range: (Day, Day),
    whole: &Whole,
) -> Result<Facts<'a>> {
    let mut tables: BTreeMap<&'static str, Vec<RecordBatch>> = BTreeMap::new();
    for read in whole.reads_for(context.job) {
        let table = context.catalog.expect(read.table)?;
        let mut rows = Vec::new();
        for (_, file) in lake.partitions(table)?.iter().filter(|(name, _)| name.starts_with(read.partitions)) {
            rows.extend(match read.table {
                CONTRIBUTIONS => contributions(context, lake, table, file, whole)?,
                // Nobody reads the rows: what they come to is at hand.
                ENROLLMENTS => Vec::new(),
                _ => lake.read_ref(table, file, None)?,
            });
        }
        tables.entry(read.table).or_default().extend(rows);
    }
    Ok(Facts {
        catalog: context.catalog,
        job: context.job,
        people: &world.people,
        units: &world.units,
        identity: &world.identity,
        attempts: &world.attempts,
        pseudonym: Box::new(|domain, id| context.pseudonyms.of(domain, id)),
        days: range,
        today: today(context),
        tables,
    })
}

const CONTRIBUTIONS: &str = "contributions";
const ENROLLMENTS: &str = "enrollments";

/// Contributions without what takes most of their room, the signatures of their texts. Where signals are looked for, signatures
/// too, but of contributions that were handed in alone: these are few, and the others are nobody's business.
fn contributions(
    context: &Context<'_>,
    lake: &Lake<'_>,
    table: &Table,
    file: &FileRef,
    whole: &Whole,
) -> Result<Vec<RecordBatch>> {
    let schema = canon_schema(table);
    let all: Vec<&str> = schema.fields().iter().map(|field| field.name().as_str()).collect();
    if whole.name != crate::mart::SIGNALS {
        let light: Vec<&str> = all.into_iter().filter(|name| *name != "body_signature").collect();
        return lake.read_ref(table, file, Some(&light));
    }
    let submissions = context.catalog.expect("submissions")?;
    let mut wanted: BTreeSet<String> = BTreeSet::new();
    for file in lake.partitions(submissions)?.values() {
        for batch in lake.read_ref(submissions, file, Some(&["contribution_id"]))? {
            let id = Text::of(&batch, "contribution_id");
            wanted.extend((0..batch.num_rows()).filter_map(|row| id.get(row).map(str::to_owned)));
        }
    }
    lake.read_where(file, &all, &mut |batch| {
        let id = Text::of(batch, "contribution_id");
        (0..batch.num_rows()).map(|row| Some(id.get(row).is_some_and(|id| wanted.contains(id)))).collect()
    })
}

fn one(
    context: &Context<'_>,
    lake: &mut Lake<'_>,
    world: &World,
    range: (Day, Day),
    whole: &Whole,
    made_from: &mut BTreeMap<String, String>,
) -> Result<usize> {
    let facts = facts(context, lake, world, range, whole)?;
    let made = (whole.build)(&facts).map_err(mart_error)?;
    drop(facts);
    let written: BTreeSet<(&str, &str)> = made.iter().map(|made| (made.table, made.partition.as_str())).collect();
    for table in whole.tables {
        lake.keep(context.catalog.expect(table)?, |partition| written.contains(&(*table, partition)))?;
    }
    if let Some(stray) = made.iter().find(|made| !whole.tables.contains(&made.table)) {
        return Err(Error::bug(format!("{} writes {}, which it does not name", whole.name, stray.table)));
    }
    let count = made.len();
    for made in made {
        if !context.job.wants(made.table) {
            continue;
        }
        let table = context.catalog.expect(made.table)?;
        publish(lake, table, &made.partition, &[sorted(table, made.rows)?])?;
        if !made.withheld.is_empty() {
            let grain = if made.grain.is_empty() { ALL } else { made.grain };
            made_from.insert(format!("{}/{grain}/{}/withheld", made.table, made.partition), tally(&made.withheld));
        }
    }
    Ok(count)
}

/// Shows what a whole table is computed from, as head has it, to somebody who explains it. Writes nothing.
///
/// # Errors
/// The store fails.
pub fn look<T>(context: &Context<'_>, whole: &Whole, look: impl FnOnce(&Facts<'_>) -> T) -> Result<T> {
    let publisher = Publisher::open(context.lake)?;
    let lake = Lake::new(context.catalog, context.lake, &publisher, true);
    let world = World::build(context, &lake, &super::memory(publisher.head())?.deliveries)?;
    let range = periods::reported(context, &lake, &world)?;
    Ok(look(&facts(context, &lake, &world, range, whole)?))
}

/// Rows in the order of the contract.
fn sorted(table: &Table, rows: RecordBatch) -> Result<RecordBatch> {
    let columns: Vec<SortColumn> = table
        .sort
        .iter()
        .filter_map(|name| Some(SortColumn { values: rows.column_by_name(name)?.clone(), options: None }))
        .collect();
    Ok(take_record_batch(&rows, &lexsort_to_indices(&columns, None)?)?)
}

/// A hash over everything a whole table is made from.
fn fingerprint(context: &Context<'_>, lake: &Lake<'_>, range: (Day, Day), whole: &Whole) -> Result<String> {
    let mut basis = format!(
        "{}|{}|{}|{range:?}|{}",
        context.job.config_hash(),
        context.job.attached_hash(),
        env!("CARGO_PKG_VERSION"),
        today(context),
    );
    for table in whole.tables {
        basis.push_str(&format!("|{}{}", context.catalog.expect(table)?.hash, context.job.wants(table)));
    }
    let people = ["workers", "org_units", "users", "identity_links"];
    let reads = whole.reads_for(context.job).map(|read| (read.table, read.partitions));
    for (name, prefix) in people.into_iter().map(|name| (name, "")).chain(reads) {
        let files = lake.partitions(context.catalog.expect(name)?)?;
        for (partition, file) in files.iter().filter(|(partition, _)| partition.starts_with(prefix)) {
            basis.push_str(&format!("|{name}/{partition}{}", &file.sha256[..16]));
        }
    }
    Ok(hex_sha256(basis.as_bytes())[..16].to_owned())
}
