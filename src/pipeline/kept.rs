//! What a delivery leaves as it was: columns whose header was not there, and empty values where the feed says that they mean nothing.

use std::collections::BTreeSet;

use super::planned::LoadedFeed;
use crate::canon::merge::Kept;
use crate::contract::Catalog;
use crate::feed::{Feed, Nulls};
use crate::ledger::Ledger;

/// By delivery; one that the ledger does not know leaves nothing as it was.
#[derive(Debug)]
pub struct KeptBy<'l> {
    ledger: &'l Ledger,
    /// Feeds whose empty values mean nothing.
    keeping: BTreeSet<&'l str>,
    /// Feeds whose deletes end what was known, so that it is kept.
    ending: BTreeSet<&'l str>,
}

impl<'l> KeptBy<'l> {
    /// Of every accepted delivery in the ledger.
    pub fn of(catalog: &Catalog, ledger: &'l Ledger, feeds: &'l [LoadedFeed]) -> KeptBy<'l> {
        let named = |which: &dyn Fn(&Feed) -> bool| -> BTreeSet<&str> {
            feeds.iter().map(|loaded| &loaded.feed).filter(|feed| which(feed)).map(|feed| feed.name.as_str()).collect()
        };
        let keeping = named(&|feed| feed.nulls_mean == Nulls::Keep);
        // What annuls itself never was.
        let ending = named(&|feed| catalog.table(&feed.fills).is_some_and(|table| table.deletes_end) && !feed.annuls());
        KeptBy { ledger, keeping, ending }
    }

    /// What a delivery's statements, or its deletes, leave as it was.
    pub fn by(&self, delivery: &str, deletes: bool) -> Kept<'l> {
        let Some(entry) = self.ledger.entries.get(delivery) else { return Kept::Nothing };
        let is_one_of = |feeds: &BTreeSet<&str>| feeds.contains(entry.feed.as_str());
        if deletes {
            return if is_one_of(&self.ending) { Kept::All } else { Kept::Nothing };
        }
        if is_one_of(&self.keeping) {
            Kept::All
        } else if entry.absent.is_empty() {
            Kept::Nothing
        } else {
            Kept::Columns(&entry.absent)
        }
    }
}

/// Whether deliveries of a feed differ in the columns they lack, so that the order in which they are merged decides what stays.
pub fn differ(feed: &Feed, ledger: &Ledger) -> bool {
    let mut entries = ledger.entries.values().filter(|entry| entry.feed == feed.name && entry.is_accepted());
    let Some(first) = entries.next() else { return false };
    entries.any(|entry| entry.absent != first.absent)
}
