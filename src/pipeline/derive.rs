//! The driver of derived tables: what their contracts name is read, what changed is computed, held to the contract and stored.

use std::collections::{BTreeMap, BTreeSet};

use arrow::array::RecordBatch;

use super::computed::{Computed, mart_error, publish, tally, today};
use super::context::Context;
use super::lake::{Lake, WHOLE as ALL};
use super::memory::memory;
use super::reported::reported;
use super::steps::{Because, Fingerprint};
use super::world::World;
use crate::canon::columns::Text;
use crate::contract::arrow::{canon_schema, sorted};
use crate::contract::{Area, Made, Read, Table};
use crate::error::Result;
use crate::mart::derived::{Derived, Given, Protection, Reads};
use crate::mart::list;
use crate::period::Day;
use crate::publish::{FileRef, Publisher};

/// Computes every derived table the job wants and whose inputs changed. `range` is the reported days.
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
    for derived in list::in_order(context.catalog)? {
        if !derived.tables.iter().any(|table| context.job.wants(table)) {
            made_from.retain(|step, _| !belongs(step, derived));
            continue;
        }
        if let Some(missing) = missing(context, lake, derived)? {
            for table in derived.tables {
                if context.job.wants(table) {
                    done.lacks(table, &missing);
                }
                lake.keep(context.catalog.require(table)?, |_| false)?;
            }
            made_from.retain(|step, _| !belongs(step, derived));
            continue;
        }
        let step = format!("derived/{}", derived.name);
        let now = fingerprint(context, lake, world, range, derived)?;
        let forced = context.backfill.as_ref().is_some_and(|backfill| backfill.is_about(derived.tables));
        let because = now.against(made_from.get(&step), forced);
        done.steps.note(derived.name, ALL, because);
        if because == Because::Unchanged {
            continue;
        }
        made_from.retain(|step, _| !belongs(step, derived));
        let files = one(context, lake, world, range, derived, made_from)?;
        made_from.insert(step, now.to_string());
        // A table of decisions that the job does not name is no work done, and dimensions are about no period.
        done.periods += usize::from(files > 0 && derived.protection != Protection::Public);
    }
    Ok(())
}

/// What there would have to be for the table to be computed.
fn missing(context: &Context<'_>, lake: &Lake<'_>, derived: &Derived) -> Result<Option<String>> {
    if let Some(decision) = derived.undecided(context.catalog, context.job)? {
        return Ok(Some(decision.to_owned()));
    }
    for table in derived.contracts(context.catalog)?.into_iter().flat_map(|table| &table.needs) {
        if lake.partitions(context.catalog.require(table)?)?.values().all(|file| file.rows == 0) {
            return Ok(Some(table.clone()));
        }
    }
    Ok(None)
}

/// Whether a remembered step is about this table. Lakes of the version before called the steps of some tables otherwise.
fn belongs(step: &str, derived: &Derived) -> bool {
    let (first, rest) = step.split_once('/').unwrap_or((step, ""));
    derived.tables.contains(&first) || (["derived", "whole"].contains(&first) && rest == derived.name)
}

/// What a derived table is computed from: the rows its contract names, and who and where everybody is.
fn reads<'a>(
    context: &'a Context<'_>,
    lake: &Lake<'_>,
    world: &'a World,
    range: (Day, Day),
    derived: &Derived,
) -> Result<Reads<'a>> {
    let mut tables: BTreeMap<&'a str, Vec<RecordBatch>> = BTreeMap::new();
    for read in derived.reads_for(context.catalog, context.job)?.into_iter().filter(|read| !read.resolved) {
        let table = context.catalog.require(&read.table)?;
        let mut rows = Vec::new();
        for (_, file) in lake.partitions(table)?.iter().filter(|(name, _)| read.takes(name)) {
            rows.extend(match &read.matching {
                Some((other, column)) => matching(context, lake, table, file, other, column)?,
                None => lake.read_ref(table, file, without_signatures(table).as_deref())?,
            });
        }
        tables.insert(read.table.as_str(), rows);
    }
    let given = Given {
        people: &world.people,
        units: &world.units,
        identity: &world.identity,
        attempts: &world.attempts,
        days: range,
        today: today(context),
    };
    let pseudonym = Box::new(|domain: &str, id: &str| context.pseudonyms.of(domain, id));
    Ok(Reads::new(derived, context.catalog, context.job, pseudonym, given, tables)?)
}

/// The columns of a table without the signatures of texts, which take most of its room; `None` where it has none.
fn without_signatures(table: &Table) -> Option<Vec<&str>> {
    let is_signature = |name: &str| {
        table.column(name).and_then(|column| column.made_of()).is_some_and(|(made, _)| made == Made::Signature)
    };
    if table.area != Area::Canon || !table.stored().any(|column| is_signature(&column.name)) {
        return None;
    }
    let stored = table.stored().map(|column| column.name.as_str()).filter(|name| !is_signature(name));
    Some(stored.chain(crate::contract::arrow::PROVENANCE).collect())
}

/// The rows of a file whose column holds a value that the column of that name holds in another table, with every column they have.
fn matching(
    context: &Context<'_>,
    lake: &Lake<'_>,
    table: &Table,
    file: &FileRef,
    other: &str,
    column: &str,
) -> Result<Vec<RecordBatch>> {
    let other = context.catalog.require(other)?;
    let mut wanted: BTreeSet<String> = BTreeSet::new();
    for file in lake.partitions(other)?.values() {
        for batch in lake.read_ref(other, file, Some(&[column]))? {
            let id = Text::of(&batch, column);
            wanted.extend((0..batch.num_rows()).filter_map(|row| id.get(row).map(str::to_owned)));
        }
    }
    let schema = canon_schema(table);
    let all: Vec<&str> = schema.fields().iter().map(|field| field.name().as_str()).collect();
    lake.read_where(file, &all, &mut |batch| {
        let id = Text::of(batch, column);
        (0..batch.num_rows()).map(|row| Some(id.get(row).is_some_and(|id| wanted.contains(id)))).collect()
    })
}

fn one(
    context: &Context<'_>,
    lake: &mut Lake<'_>,
    world: &World,
    range: (Day, Day),
    derived: &Derived,
    made_from: &mut BTreeMap<String, String>,
) -> Result<usize> {
    let reads = reads(context, lake, world, range, derived)?;
    let made = derived.make(&reads).map_err(mart_error)?;
    drop(reads);
    let written: BTreeSet<(&str, &str)> = made.iter().map(|made| (made.table, made.partition.as_str())).collect();
    for table in derived.tables {
        lake.keep(context.catalog.require(table)?, |partition| written.contains(&(*table, partition)))?;
    }
    let count = made.len();
    for made in made {
        if !context.job.wants(made.table) {
            continue;
        }
        let table = context.catalog.require(made.table)?;
        publish(lake, table, &made.partition, &[sorted(table, &made.rows)?])?;
        if !made.withheld.is_empty() {
            let grain = if made.grain.is_empty() { ALL } else { made.grain };
            made_from.insert(format!("{}/{grain}/{}/withheld", made.table, made.partition), tally(&made.withheld));
        }
    }
    Ok(count)
}

/// Shows what a derived table is computed from, as head has it, to somebody who explains it. Writes nothing.
///
/// # Errors
/// The store fails.
pub fn look<T>(context: &Context<'_>, derived: &Derived, look: impl FnOnce(&Reads<'_>) -> T) -> Result<T> {
    let publisher = Publisher::open(context.lake)?;
    let lake = Lake::new(context.catalog, context.lake, &publisher, true);
    let world = World::build(context, &lake, &memory(publisher.head())?.deliveries)?;
    let range = reported(context, &lake, &world)?;
    Ok(look(&reads(context, &lake, &world, range, derived)?))
}

/// What a derived table is made from: the rules that say how, and the files that its contracts name.
fn fingerprint(
    context: &Context<'_>,
    lake: &Lake<'_>,
    world: &World,
    range: (Day, Day),
    derived: &Derived,
) -> Result<Fingerprint> {
    let mut rules =
        format!("{}|{}|{}", context.job.config_hash(), context.job.attached_hash(), env!("CARGO_PKG_VERSION"),);
    for table in derived.contracts(context.catalog)? {
        rules.push_str(&format!("|{}{}", table.hash, context.job.wants(&table.name)));
    }
    let mut inputs = String::new();
    // Which rows of workers reach back stands in feed files, not in a table.
    if !world.people.still.is_empty() {
        inputs.push_str(&format!("{:?}|", world.people.still));
    }
    if derived.is_as_of(context.catalog)? {
        inputs.push_str(&format!("{range:?}|{}", today(context)));
    }
    let reads: Vec<&Read> = derived.reads_for(context.catalog, context.job)?;
    for read in reads {
        let files = lake.partitions(context.catalog.require(&read.table)?)?;
        for (partition, file) in files.iter().filter(|(partition, _)| read.takes(partition)) {
            inputs.push_str(&format!("|{}/{partition}{}", read.table, &file.sha256[..16]));
        }
    }
    Ok(Fingerprint::of(&rules, &inputs))
}
