//! What operators read of a run that was held back.

use std::collections::BTreeMap;

use super::{Row, Rows, deliveries, own_row, quarantine, rejects, runs};
use crate::contract::arrow::sorted;
use crate::error::Result;
use crate::feed::Intake;
use crate::ledger::{Counts, Entry, Ledger};
use crate::pipeline::computed::publish;
use crate::pipeline::context::Context;
use crate::pipeline::held::Held;
use crate::pipeline::lake::Lake;
use crate::publish::Commit;

/// The partition of what holds a lake back; gone after the next run that publishes.
const PARTITION: &str = "held";

/// Says in the tables of operators what holds the lake back, beside what they say of the runs before.
///
/// # Errors
/// The store fails, or rows break their contract.
pub fn describe(
    context: &Context<'_>,
    lake: &mut Lake<'_>,
    ledger: &Ledger,
    held: &BTreeMap<String, Held>,
    refused: &[(Entry, Option<Intake>)],
    head: Option<&Commit>,
) -> Result<()> {
    let entries: Vec<&Entry> = held.values().filter_map(|held| held.entry.as_ref()).collect();
    // One that was refused before, and tolerated then, is told of as it holds the run back now.
    let is_same = |entry: &Entry| {
        let of = |entry: &Entry| (entry.path.clone(), entry.etag.clone(), entry.size, entry.feed.clone());
        entries.iter().any(|held| of(held) == of(entry))
    };
    deliveries(context, lake, ledger.entries.values().filter(|entry| !is_same(entry)).chain(entries.iter().copied()))?;
    let rejected: Vec<(&Entry, &Intake)> =
        refused.iter().filter_map(|(entry, intake)| Some((entry, intake.as_ref()?))).collect();
    quarantine(context, lake, &rejected, PARTITION)?;
    let table = context.catalog.require("data_quality")?;
    let mut rows = Rows::default();
    for (entry, intake) in &rejected {
        rejects(&mut rows, entry, intake);
    }
    for (of, held) in held {
        let row = match &held.entry {
            Some(entry) => Row::default().delivery(entry),
            None => Row::default().text("delivery", "").text("etag", "").text("feed", of).text("canon_table", ""),
        };
        let told = refused.iter().find(|(entry, _)| entry.key() == *of).and_then(|(entry, _)| entry.told.as_ref());
        rows.push(
            row.text("check_kind", "held")
                .text("severity", "block")
                .text("reason_code", &held.reason)
                .text("column_name", "")
                .text("sentence", &held.sentence)
                .int("affected", told.map_or(0, |told| told.rejected))
                .maybe_int("out_of", told.map(|told| told.read))
                .share("share", told.filter(|told| told.read > 0).map(|told| told.rejected as f64 / told.read as f64)),
        );
    }
    publish(lake, table, PARTITION, &[sorted(table, &rows.batch(table)?)?])?;
    let row = own_row(context, lake, head, (refused.len(), refused.len()), &Counts::default(), "held");
    runs(context, lake, row)
}

/// Takes out what held the last run back.
///
/// # Errors
/// A table has no contract.
pub fn forget(context: &Context<'_>, lake: &mut Lake<'_>) -> Result<()> {
    for table in ["quarantine", "data_quality"] {
        lake.keep(context.catalog.require(table)?, |partition| partition != PARTITION)?;
    }
    Ok(())
}
