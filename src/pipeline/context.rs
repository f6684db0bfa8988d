//! What a run is given.

use chrono::{DateTime, NaiveDate, Utc};

use super::planned::{LoadedFeed, Planned};
use crate::contract::Catalog;
use crate::feed::Pseudonyms;
use crate::job::Job;
use crate::period::{Day, Period};
use crate::store::Store;

/// What a backfill computes anew.
#[derive(Debug, Clone)]
pub struct Backfill {
    /// Days `[from, to)`, and every period that holds one of them.
    pub from: Day,
    pub to: Day,
    /// The one mart it is about; all of them, and the days they are made from, where it names none.
    pub table: Option<String>,
}

impl Backfill {
    /// Whether it is about one of these tables.
    pub fn is_about(&self, tables: &[&str]) -> bool {
        self.table.as_deref().is_none_or(|table| tables.contains(&table))
    }

    /// Whether a period holds one of its days.
    pub fn touches(&self, period: Period) -> bool {
        period.start < self.to && period.end > self.from
    }
}

/// Deliveries that are read again on request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rebuild {
    /// Every one, into an empty lake.
    All,
    /// Those of these canon tables.
    Tables(Vec<String>),
}

/// What a run is at, for somebody who waits for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// So many deliveries are to be read.
    Reading(usize),
    /// Workers, units and accounts are put together.
    People,
    /// Days that changed are rolled up.
    Days,
    /// Tables are computed for the periods that those touch.
    Tables,
    /// What was computed is described and made current.
    Publishing,
}

impl Stage {
    pub fn words(self) -> &'static str {
        match self {
            Stage::Reading(_) => "reading",
            Stage::People => "joining people",
            Stage::Days => "days",
            Stage::Tables => "tables",
            Stage::Publishing => "publishing",
        }
    }
}

/// Everything a run is given. Time is a value: `as_of` comes from the command line.
pub struct Context<'a> {
    pub catalog: &'a Catalog,
    pub job: &'a Job,
    pub feeds: &'a [LoadedFeed],
    pub landing: &'a Store,
    pub lake: &'a Store,
    pub pseudonyms: &'a Pseudonyms,
    pub as_of: DateTime<Utc>,
    /// What the clock says.
    pub clock: DateTime<Utc>,
    /// Only deliveries made by the end of this day, for a rebuild into another lake.
    pub known_on: Option<NaiveDate>,
    /// What to recompute whatever the fingerprints say.
    pub backfill: Option<Backfill>,
    /// What to read again whatever the ledger says.
    pub rebuild: Option<Rebuild>,
    /// Whether the run may speak of a day before the last one's, or of one that is still to come.
    pub force_as_of: bool,
    pub dry_run: bool,
    pub threads: usize,
    /// Bytes the run may hold.
    pub memory_limit: usize,
    /// The number the next commit will have.
    pub next_commit: u64,
    /// Told of each delivery read.
    pub progress: &'a (dyn Fn(&Planned) + Sync),
    /// Told of each stage as it begins.
    pub stage: &'a (dyn Fn(Stage) + Sync),
}
