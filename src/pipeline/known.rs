//! The ids that the last snapshot of a feed held: an id that has lost its zeros since would be a new person, and end the old one.

use std::collections::BTreeMap;

use super::context::Context;
use super::lake::Lake;
use super::layers;
use super::plan::DeliveryPlan;
use crate::canon::columns::{Text, bools, dates};
use crate::contract::arrow::{DELETED, DELIVERY};
use crate::contract::{Catalog, Partition};
use crate::error::Result;
use crate::feed::{Feed, Intake, Known, Mode, Refusal, Verdict, Warning, Zeros, holds_ids, zeros_lost};
use crate::ledger::Ledger;

/// By feed, of the snapshots in the lake; feeds of which nothing is read, or nothing is known, have none.
pub(super) fn ids(
    context: &Context<'_>,
    lake: &Lake<'_>,
    plan: &DeliveryPlan,
    ledger: &Ledger,
) -> Result<BTreeMap<usize, Known>> {
    let mut all = BTreeMap::new();
    for planned in &plan.read {
        let feed = &context.feeds[planned.feed].feed;
        let table = context.catalog.require(&feed.fills)?;
        let is_snapshot = feed.mode == Mode::Full && table.partition == Partition::Whole;
        if !is_snapshot || all.contains_key(&planned.feed) || ledger.newest(&feed.name).is_empty() {
            continue;
        }
        let ids: Vec<&str> =
            table.stored().filter(|column| holds_ids(column)).map(|column| column.name.as_str()).collect();
        let ends = table.column("effective_to").map(|column| column.name.as_str());
        let wanted: Vec<&str> = ids.iter().copied().chain([DELIVERY, DELETED]).chain(ends).collect();
        let mut known = Known::default();
        let layer = feed.completes.is_some().then_some(feed.name.as_str());
        for batch in layers::read(lake, table, layer, Some(&wanted))? {
            let (delivery, deleted) = (Text::of(&batch, DELIVERY), bools(&batch, DELETED));
            let ended = dates(&batch, "effective_to");
            let is_ours = delivery.each(batch.num_rows(), &mut |delivery| {
                ledger.entries.get(delivery).is_some_and(|entry| entry.feed == feed.name)
            });
            let lives =
                |row: &usize| is_ours[*row] == Some(true) && deleted(*row) != Some(true) && ended(*row).is_none();
            let rows: Vec<usize> = (0..batch.num_rows()).filter(lives).collect();
            for name in &ids {
                let column = Text::of(&batch, name);
                rows.iter().filter_map(|row| column.get(*row)).for_each(|id| known.note(name, id));
            }
        }
        if !known.is_empty() {
            all.insert(planned.feed, known);
        }
    }
    Ok(all)
}

/// How the ids of the snapshots of a run are written, by feed: night by night or all at once, the same ones are refused.
#[derive(Default)]
pub(super) struct Written {
    last: BTreeMap<String, Zeros>,
}

impl Written {
    /// Holds a snapshot against the one before it in this run.
    ///
    /// # Errors
    /// Its key has lost zeros.
    pub fn judge(&mut self, catalog: &Catalog, feed: &Feed, intake: &mut Intake) -> std::result::Result<(), Refusal> {
        if feed.mode != Mode::Full || feed.gates.lost_zeros == Verdict::Off {
            return Ok(());
        }
        let now = std::mem::take(&mut intake.zeros);
        let lost = self.last.get(&feed.name).map_or(0, |before| now.lost_since(before));
        if lost > 0 {
            let table = catalog.table(&feed.fills);
            let key = table.and_then(|table| table.columns.iter().find(|column| column.key && holds_ids(column)));
            let name = key.map_or("the key", |column| column.name.as_str());
            if feed.gates.lost_zeros == Verdict::Block {
                return Err(zeros_lost(name, lost));
            }
            intake.warnings.push(Warning::new("id_zero_lost", Some(name), lost));
        }
        self.last.insert(feed.name.clone(), now);
        Ok(())
    }
}
