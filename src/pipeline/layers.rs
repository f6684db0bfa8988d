//! Tables that several exports of one vendor fill together: what each of them said is kept by itself, and the table is made of them.
//!
//! Beside `workers` lies `workers_exports`: the spine, merged as if it were alone, and each layer. A table without layers has no such
//! files. As every export is merged for itself and the table is a function of what is known of all, the order in which they come
//! decides nothing, and what is missing or refused tonight stays as it was told last.

use std::collections::{BTreeMap, BTreeSet};

use arrow::array::RecordBatch;
use arrow::compute::concat_batches;
use sha2::{Digest, Sha256};

use super::context::Context;
use super::lake::{Lake, WHOLE};
use crate::canon::employment::overlapping as overlapping_rows;
use crate::canon::layers::{Layer, complete};
use crate::contract::Table;
use crate::contract::arrow::canon_schema;
use crate::error::Result;
use crate::feed::Feed;
use crate::ledger::Ledger;

/// The partition of what all other feeds of the table said.
const SPINE: &str = "spine";

/// The table beside another one that holds what each of its exports said.
pub(super) fn exports(table: &Table) -> Table {
    Table { name: format!("{}_exports", table.name), ..table.clone() }
}

/// The partition of what one feed said.
fn partition(feed: &str) -> String {
    let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '_' | '-');
    if feed.chars().all(is_plain) {
        return format!("layer={feed}");
    }
    let plain: String = feed.to_lowercase().chars().map(|c| if is_plain(c) { c } else { '-' }).collect();
    format!("layer={plain}={}", hex::encode(&Sha256::digest(feed.as_bytes())[..4]))
}

/// What is known of a feed's own export: of a layer by itself, of any other feed what all of them said.
pub(super) fn read(
    lake: &Lake<'_>,
    table: &Table,
    layer: Option<&str>,
    columns: Option<&[&str]>,
) -> Result<Vec<RecordBatch>> {
    let exports = exports(table);
    match layer {
        Some(feed) => lake.read(&exports, &partition(feed), columns),
        None if lake.file(&exports, SPINE)?.is_some() => lake.read(&exports, SPINE, columns),
        None => lake.read(table, WHOLE, columns),
    }
}

/// How many workers have overlapping rows in what was told of them, where several exports make the table.
pub(super) fn overlapping(lake: &Lake<'_>) -> Result<Option<u64>> {
    let exports = exports(lake.catalog.require("workers")?);
    let has_spine = lake.file(&exports, SPINE)?.is_some();
    Ok(if has_spine { Some(overlapping_rows(&lake.read(&exports, SPINE, None)?)) } else { None })
}

/// A table that is read anew has its exports told anew.
pub(super) fn start_over(lake: &mut Lake<'_>, table: &Table) -> Result<()> {
    lake.keep(&exports(table), |_| false)
}

/// The files of a table of which some export says something new: `spine` and `layers` by feed, what is known of these now.
pub(super) fn files(
    (context, lake, ledger): (&Context<'_>, &Lake<'_>, &Ledger),
    table: &Table,
    spine: Option<RecordBatch>,
    mut layers: BTreeMap<usize, RecordBatch>,
) -> Result<Vec<(Table, String, RecordBatch)>> {
    let whole = |layer: Option<&str>| -> Result<RecordBatch> {
        Ok(concat_batches(&canon_schema(table), &read(lake, table, layer, None)?)?)
    };
    let mut files = Vec::new();
    let mut all: Vec<(&Feed, RecordBatch)> = Vec::new();
    for (at, loaded) in context.feeds.iter().enumerate() {
        let feed = &loaded.feed;
        if feed.fills != table.name || feed.completes.is_none() {
            continue;
        }
        let rows = match layers.remove(&at) {
            Some(rows) => {
                files.push((exports(table), partition(&feed.name), rows.clone()));
                rows
            }
            None => whole(Some(&feed.name))?,
        };
        if rows.num_rows() > 0 {
            all.push((feed, rows));
        }
    }
    let has_spine = lake.file(&exports(table), SPINE)?.is_some();
    if all.is_empty() && files.is_empty() && !has_spine {
        files.extend(spine.map(|spine| (table.clone(), WHOLE.to_owned(), spine)));
        return Ok(files);
    }
    let is_told = spine.is_some();
    let spine = match spine {
        Some(spine) => spine,
        None => whole(None)?,
    };
    let completed = completed(context, table, &spine, all, &|delivery| {
        ledger.entries.get(delivery).map(|entry| entry.feed.as_str())
    })?;
    if is_told || !has_spine {
        files.push((exports(table), SPINE.to_owned(), spine));
    }
    files.push((table.clone(), WHOLE.to_owned(), completed));
    Ok(files)
}

/// The rows of a spine with what the layers say; `of` names the feed of a delivery.
///
/// # Errors
/// Rows do not have the table's canon schema.
pub fn completed<'d>(
    context: &Context<'_>,
    table: &Table,
    spine: &RecordBatch,
    layers: Vec<(&Feed, RecordBatch)>,
    of: &'d dyn Fn(&str) -> Option<&'d str>,
) -> Result<RecordBatch> {
    let spines: Vec<_> = layers
        .iter()
        .map(|(feed, _)| move |delivery: &str| of(delivery).is_some() && of(delivery) == feed.completes.as_deref())
        .collect();
    let layers = layers.iter().zip(&spines).map(|((feed, rows), is_spine)| {
        let layer = Layer {
            name: &feed.name,
            columns: feed.speaks_of().collect(),
            rows: rows.clone(),
            is_undated: !feed.maps("effective_from"),
            reaches_back: feed.reach_back,
        };
        (layer, is_spine as &dyn Fn(&str) -> bool)
    });
    let fills = |feed: &Feed| feed.fills == table.name && feed.completes.is_none() && !feed.reach_back;
    let still: BTreeSet<&str> =
        context.feeds.iter().map(|it| &it.feed).filter(|it| fills(it)).map(|it| it.name.as_str()).collect();
    let still = &|delivery: &str| of(delivery).is_some_and(|feed| still.contains(feed));
    Ok(complete(table, spine, layers.collect(), still)?)
}
