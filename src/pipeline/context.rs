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

/// Everything a run is given. Time is a value: `as_of` comes from the command line.
pub struct Context<'a> {
    pub catalog: &'a Catalog,
    pub job: &'a Job,
    pub feeds: &'a [LoadedFeed],
    pub landing: &'a Store,
    pub lake: &'a Store,
    pub pseudonyms: &'a Pseudonyms,
    pub as_of: DateTime<Utc>,
    /// Only deliveries made by the end of this day, for a rebuild into another lake.
    pub known_on: Option<NaiveDate>,
    /// What to recompute whatever the fingerprints say.
    pub backfill: Option<Backfill>,
    pub dry_run: bool,
    pub threads: usize,
    /// Bytes the run may hold.
    pub memory_limit: usize,
    /// The number the next commit will have.
    pub next_commit: u64,
    /// Told of each delivery read.
    pub progress: &'a (dyn Fn(&Planned) + Sync),
}
