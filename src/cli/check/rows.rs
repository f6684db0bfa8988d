//! Rows of a canon table as a run would find them, roughly: what the lake holds and what the newest deliveries say, side by side.

use std::collections::BTreeSet;

use arrow::array::RecordBatch;

use crate::error::Result;
use crate::feed::{self, Mode};
use crate::pipeline::plan::DeliveryPlan;
use crate::pipeline::{Context, Planned};
use crate::publish::commit::{Commit, read_file};
use crate::publish::parquet;

/// Bytes of deliveries that are read for one table, as they lie in the store.
const MOST_BYTES: u64 = 256 << 20;

/// The rows of a table.
#[derive(Debug, Default)]
pub struct Rows {
    /// In the lake, as the newest commit has them.
    pub known: Vec<RecordBatch>,
    /// Of deliveries that are new: of full snapshots the newest, of everything else all.
    pub new: Vec<RecordBatch>,
    /// The same of feeds that complete the rows of others: they tell of people, and never who is one.
    pub completing: Vec<RecordBatch>,
    /// The deliveries these are of.
    pub read: Vec<String>,
    /// A delivery was left out: it cannot be read, or is too large for a look.
    pub is_partial: bool,
}

impl Rows {
    pub fn all(&self) -> Vec<RecordBatch> {
        self.known.iter().chain(&self.new).cloned().collect()
    }
}

/// Reads what there is of a table, with these columns of what the lake holds.
pub fn rows(
    context: &Context<'_>,
    plan: &DeliveryPlan,
    head: Option<&Commit>,
    table: &str,
    columns: Option<&[&str]>,
) -> Result<Rows> {
    let mut rows = Rows::default();
    let contract = context.catalog.require(table)?;
    if let Some(files) = head.and_then(|head| head.files.get(&format!("canon/{table}"))) {
        for file in files.values() {
            rows.known.extend(parquet::decode(&read_file(context.lake, file)?, columns, parquet::Text::Plain)?);
        }
    }
    let mut bytes_left = MOST_BYTES;
    for planned in wanted(context, plan, table) {
        let Some(loaded) = context.feeds.get(planned.feed) else { continue };
        if planned.delivery.size > bytes_left {
            rows.is_partial = true;
            continue;
        }
        bytes_left -= planned.delivery.size;
        // What is wrong with a delivery is said in the line of its feed.
        let Ok(bytes) = context.landing.get(&planned.object) else {
            rows.is_partial = true;
            continue;
        };
        let gate = feed::Context::new(contract, context.as_of, context.pseudonyms).in_zone(context.job.zone);
        let mut taken = Vec::new();
        let sink = &mut |batch| {
            taken.push(batch);
            Ok::<(), std::convert::Infallible>(())
        };
        match feed::read(&loaded.feed, &gate, &planned.delivery, &bytes, sink) {
            Ok(_) => {
                let is_layer = loaded.feed.completes.is_some();
                if is_layer { &mut rows.completing } else { &mut rows.new }.extend(taken);
                rows.read.push(planned.delivery.path.clone());
            }
            Err(_) => rows.is_partial = true,
        }
    }
    Ok(rows)
}

/// The new deliveries of a table that count: each full snapshot replaces those before it, with all its parts.
fn wanted<'p>(context: &Context<'_>, plan: &'p DeliveryPlan, table: &str) -> Vec<&'p Planned> {
    let of_table =
        |planned: &&Planned| context.feeds.get(planned.feed).is_some_and(|loaded| loaded.feed.fills == table);
    let is_full = |planned: &Planned| context.feeds.get(planned.feed).is_some_and(|it| it.feed.mode == Mode::Full);
    let mut newest: BTreeSet<(usize, &str)> = BTreeSet::new();
    let mut sets: BTreeSet<&str> = BTreeSet::new();
    let mut wanted: Vec<&Planned> = Vec::new();
    for planned in plan.read.iter().rev().filter(of_table) {
        let is_first = newest.insert((planned.feed, &planned.series));
        let is_part = planned.set.as_deref().is_some_and(|set| sets.contains(set));
        if !is_full(planned) || is_first || is_part {
            sets.extend(planned.set.as_deref());
            wanted.push(planned);
        }
    }
    wanted
}
