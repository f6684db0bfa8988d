//! Deliveries of whole tables on their way into them.
//!
//! Where every delivery is a statement about keys, all of a run are merged at once. Full snapshots are held against what was known
//! one after the other, in the order they were made, so that memory holds one of them and not a year.

use std::collections::BTreeMap;

use arrow::array::RecordBatch;
use arrow::compute::concat_batches;

use super::canonicalize::{split_undated, with_made_days};
use super::context::Context;
use super::kept::KeptBy;
use super::lake::Lake;
use super::layers;
use super::plan::is_undated_snapshot;
use super::planned::Planned;
use super::statement_history;
use crate::canon::merge::{Losses, Removed, merge};
use crate::canon::snapshot::Against;
use crate::canon::{kept, snapshot};
use crate::contract::Table;
use crate::contract::arrow::canon_schema;
use crate::error::Result;
use crate::feed::{Feed, Mode};
use crate::ledger::{Entry, Ledger};
use crate::period::local_day;
use crate::publish::NewFile;

/// What a table is merged with: the job, the lake before this run, and the deliveries known so far.
pub(super) type Sight<'s> = (&'s Context<'s>, &'s Lake<'s>, &'s Ledger);

/// New rows of one whole table.
#[derive(Default)]
pub(super) struct Waiting {
    /// Some feed of the table delivers full snapshots.
    by_snapshots: bool,
    /// By feed and series; with snapshots those of one instant, else all.
    deliveries: Vec<(usize, String, Vec<RecordBatch>)>,
    /// When they were made.
    at: i64,
    /// The table as it is once snapshots have been applied.
    state: Option<RecordBatch>,
    /// What was said, for a table in which that must stay readable.
    statements: Vec<RecordBatch>,
    losses: Losses,
    /// The feed whose export it is, where that completes the table's rows instead of making them.
    layer: Option<String>,
    /// New rows of such feeds, each by itself.
    layers: BTreeMap<usize, Waiting>,
}

impl Waiting {
    pub fn of(context: &Context<'_>, table: &Table) -> Waiting {
        let fills = |feed: &Feed| feed.fills == table.name && feed.completes.is_none() && feed.mode == Mode::Full;
        Waiting { by_snapshots: context.feeds.iter().any(|loaded| fills(&loaded.feed)), ..Waiting::default() }
    }

    /// What waits of a feed that completes the rows of another one.
    fn layer(feed: &Feed) -> Waiting {
        Waiting { by_snapshots: feed.mode == Mode::Full, layer: Some(feed.name.clone()), ..Waiting::default() }
    }

    /// Takes a delivery; they come oldest first.
    ///
    /// # Errors
    /// The lake cannot be read, or rows do not have the table's schema.
    pub fn push(
        &mut self,
        sight: Sight<'_>,
        table: &Table,
        planned: &Planned,
        at: i64,
        rows: Vec<RecordBatch>,
    ) -> Result<()> {
        let feed = &sight.0.feeds[planned.feed].feed;
        if feed.completes.is_some() && self.layer.is_none() {
            let layer = self.layers.entry(planned.feed).or_insert_with(|| Waiting::layer(feed));
            return layer.push(sight, table, planned, at, rows);
        }
        if self.by_snapshots && at != self.at {
            self.settle(sight, table)?;
        }
        self.at = at;
        if statement_history::has_history(table) {
            self.statements.extend(rows.iter().cloned());
        }
        self.deliveries.push((planned.feed, planned.series.clone(), rows));
        Ok(())
    }

    /// Merges what waits into the table: its file, and what was lost.
    ///
    /// # Errors
    /// As for [`Waiting::push`].
    pub fn finish(mut self, sight: Sight<'_>, table: &Table) -> Result<(Vec<NewFile>, Losses)> {
        self.settle(sight, table)?;
        let (_, lake, _) = sight;
        let mut files = Vec::new();
        if let Some(state) = &self.state {
            self.statements.push(state.clone());
            files.extend(statement_history::history(lake, table, &self.statements)?);
        }
        let mut told = BTreeMap::new();
        for (feed, mut layer) in std::mem::take(&mut self.layers) {
            layer.settle(sight, table)?;
            told.extend(layer.state.take().map(|state| (feed, state)));
            self.lose(layer.losses);
        }
        for (table, partition, rows) in layers::files(sight, table, self.state, told)? {
            files.push(Lake::encode(&table, &partition, &rows)?);
        }
        Ok((files, self.losses))
    }

    fn settle(&mut self, (context, lake, ledger): Sight<'_>, table: &Table) -> Result<()> {
        if self.deliveries.is_empty() {
            return Ok(());
        }
        let mut state = match self.state.take() {
            Some(state) => state,
            None => {
                let held = layers::read(lake, table, self.layer.as_deref(), None)?;
                let held = with_made_days(table, held, context.job.zone)?;
                concat_batches(&canon_schema(table), &held)?
            }
        };
        // The parts of one snapshot are one snapshot.
        let mut by_feed: BTreeMap<(usize, String), Vec<RecordBatch>> = BTreeMap::new();
        for (feed, series, rows) in std::mem::take(&mut self.deliveries) {
            // A snapshot without a row says nothing, least of all that everything has ended.
            by_feed.entry((feed, series)).or_default().extend(rows.into_iter().filter(|batch| batch.num_rows() > 0));
        }
        by_feed.retain(|_, rows| !rows.is_empty());
        let kept = KeptBy::of(context.catalog, ledger, context.feeds);
        let day = local_day(self.at, context.job.zone);
        let mut fresh: Vec<RecordBatch> = Vec::new();
        for ((feed, series), rows) in by_feed {
            let feed = &context.feeds[feed].feed;
            if feed.mode != Mode::Full {
                fresh.extend(rows);
                continue;
            }
            let by = |delivery: &str| kept.by(delivery, false);
            // Of the feed's own deliveries, what took the day of its snapshot, or what said its own.
            let ours = |delivery: &str, undated: bool| {
                let entry = ledger.entries.get(delivery);
                let entry = entry.filter(|entry| entry.feed == feed.name && entry.series == series);
                entry.map_or(Against::Nothing, |entry| against(context, table, feed, entry, undated))
            };
            // Rows that say since when they hold stand beside others that take the day of their snapshot.
            let (undated, dated) = if feed.may_be_undated() { split_undated(&rows)? } else { (Vec::new(), rows) };
            if feed.may_be_undated() {
                let ours = |delivery: &str| ours(delivery, true);
                let (rows, lost) = snapshot::apply(table, &state, &undated, day, &ours, &by, feed.annuls())?;
                state = rows;
                self.lose(lost);
            }
            if !is_undated_snapshot(feed, context.catalog) {
                let ours = |delivery: &str| ours(delivery, false);
                let applied = kept::apply(table, &state, &dated, day, &ours, &by)?;
                state = applied.state;
                fresh.push(applied.snapshot);
                self.lose(applied.losses);
            }
        }
        fresh.push(state);
        let merged =
            merge(table, &fresh, &Removed::new(), &|_, _| true, &|delivery, deletes| kept.by(delivery, deletes))?;
        self.lose(merged.losses);
        self.state = Some(merged.rows);
        Ok(())
    }

    fn lose(&mut self, losses: Losses) {
        for (key, rows) in losses {
            *self.losses.entry(key).or_default() += rows;
        }
    }
}

/// Which rows of a delivery took the day of their snapshot (`undated`), or which did not: of a feed that never says since when its rows
/// hold, or did not of some.
fn against(context: &Context<'_>, table: &Table, feed: &Feed, entry: &Entry, undated: bool) -> Against {
    let key = table.key.first().map_or("", String::as_str);
    let took = if !feed.may_be_undated() {
        Against::Nothing
    } else if !feed.maps("effective_from") {
        Against::All
    } else if entry.undated(key) > 0 {
        Against::Of(local_day(entry.known_at, context.job.zone))
    } else {
        Against::Nothing
    };
    match took {
        took if undated => took,
        Against::Nothing => Against::All,
        Against::Of(day) => Against::AllBut(day),
        Against::All | Against::AllBut(_) => Against::Nothing,
    }
}
