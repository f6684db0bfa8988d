//! What a delivery leaves as it was: columns whose header was not there, and empty values where the feed says that they mean nothing.

use std::collections::{BTreeMap, BTreeSet};

use super::plan::LoadedFeed;
use crate::canon::merge::Kept;
use crate::feed::{Feed, Nulls};
use crate::ledger::Ledger;

/// By delivery; one that is not named leaves nothing as it was.
#[derive(Debug, Default)]
pub struct KeptBy {
    all: BTreeSet<String>,
    columns: BTreeMap<String, BTreeSet<String>>,
}

impl KeptBy {
    /// Of every accepted delivery in the ledger.
    pub fn of(ledger: &Ledger, feeds: &[LoadedFeed]) -> KeptBy {
        let keeping: BTreeSet<&str> = feeds
            .iter()
            .filter(|loaded| loaded.feed.nulls_mean == Nulls::Keep)
            .map(|loaded| loaded.feed.name.as_str())
            .collect();
        let mut kept = KeptBy::default();
        for (path, entry) in &ledger.entries {
            if keeping.contains(entry.feed.as_str()) {
                kept.all.insert(path.clone());
            } else if !entry.absent.is_empty() {
                kept.columns.insert(path.clone(), entry.absent.clone());
            }
        }
        kept
    }

    /// What a delivery leaves as it was.
    pub fn by(&self, delivery: &str) -> Kept<'_> {
        if self.all.contains(delivery) {
            return Kept::All;
        }
        self.columns.get(delivery).map_or(Kept::Nothing, Kept::Columns)
    }
}

/// Whether deliveries of a feed differ in the columns they lack, so that the order in which they are merged decides what stays.
pub fn differ(feed: &Feed, ledger: &Ledger) -> bool {
    let mut entries = ledger.entries.values().filter(|entry| entry.feed == feed.name && entry.is_accepted());
    let Some(first) = entries.next() else { return false };
    entries.any(|entry| entry.absent != first.absent)
}
