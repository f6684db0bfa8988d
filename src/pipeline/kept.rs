//! What a delivery leaves as it was: columns whose header was not there, and empty values where the feed says that they mean nothing.

use std::collections::{BTreeMap, BTreeSet};

use super::plan::LoadedFeed;
use crate::canon::merge::Kept;
use crate::contract::Catalog;
use crate::feed::{Feed, Nulls};
use crate::ledger::Ledger;

/// By delivery; one that is not named leaves nothing as it was.
#[derive(Debug, Default)]
pub struct KeptBy {
    all: BTreeSet<String>,
    columns: BTreeMap<String, BTreeSet<String>>,
    /// Deliveries whose deletes end what was known, so that it is kept.
    ending: BTreeSet<String>,
}

impl KeptBy {
    /// Of every accepted delivery in the ledger.
    pub fn of(catalog: &Catalog, ledger: &Ledger, feeds: &[LoadedFeed]) -> KeptBy {
        let named = |which: &dyn Fn(&Feed) -> bool| -> BTreeSet<&str> {
            feeds.iter().map(|loaded| &loaded.feed).filter(|feed| which(feed)).map(|feed| feed.name.as_str()).collect()
        };
        let keeping = named(&|feed| feed.nulls_mean == Nulls::Keep);
        // What annuls itself never was.
        let ending = named(&|feed| catalog.table(&feed.fills).is_some_and(|table| table.deletes_end) && !feed.annuls());
        let mut kept = KeptBy::default();
        for (path, entry) in &ledger.entries {
            if ending.contains(entry.feed.as_str()) {
                kept.ending.insert(path.clone());
            }
            if keeping.contains(entry.feed.as_str()) {
                kept.all.insert(path.clone());
            } else if !entry.absent.is_empty() {
                kept.columns.insert(path.clone(), entry.absent.clone());
            }
        }
        kept
    }

    /// What a delivery's statements, or its deletes, leave as it was.
    pub fn by(&self, delivery: &str, deletes: bool) -> Kept<'_> {
        if deletes {
            return if self.ending.contains(delivery) { Kept::All } else { Kept::Nothing };
        }
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
