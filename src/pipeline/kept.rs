//! What a delivery leaves as it was: columns whose header was not there, columns of which another feed of the table tells and its own does not,
//! and empty values where the feed says that they mean nothing.

use std::collections::{BTreeMap, BTreeSet};

use super::planned::LoadedFeed;
use crate::canon::merge::Kept;
use crate::contract::{Catalog, Partition};
use crate::feed::{Feed, Nulls};
use crate::ledger::{Entry, Ledger};

/// By delivery; one that the ledger does not know leaves nothing as it was.
#[derive(Debug)]
pub struct KeptBy<'l> {
    ledger: &'l Ledger,
    /// Feeds whose empty values mean nothing.
    keeping: BTreeSet<&'l str>,
    /// Feeds whose deletes end what was known, so that it is kept.
    ending: BTreeSet<&'l str>,
    /// By feed: the columns that only other feeds of its table tell of.
    others: BTreeMap<&'l str, BTreeSet<String>>,
    /// By delivery of these that lacks headers, too: all of them together.
    both: BTreeMap<&'l str, BTreeSet<String>>,
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
        let others: BTreeMap<&str, BTreeSet<String>> = feeds
            .iter()
            // An event is told whole.
            .filter(|loaded| catalog.table(&loaded.feed.fills).is_some_and(|table| table.partition == Partition::Whole))
            .map(|loaded| (loaded.feed.name.as_str(), told_by_others(&loaded.feed, feeds)))
            .filter(|(_, columns)| !columns.is_empty())
            .collect();
        let together = |(delivery, entry): (&'l String, &'l Entry)| {
            let others = others.get(entry.feed.as_str()).filter(|_| !entry.absent.is_empty())?;
            Some((delivery.as_str(), others.union(&entry.absent).cloned().collect()))
        };
        let both = ledger.entries.iter().filter_map(together).collect();
        KeptBy { ledger, keeping, ending, others, both }
    }

    /// What a delivery's statements, or its deletes, leave as it was.
    pub fn by(&self, delivery: &str, deletes: bool) -> Kept<'_> {
        let Some(entry) = self.ledger.entries.get(delivery) else { return Kept::Nothing };
        let is_one_of = |feeds: &BTreeSet<&str>| feeds.contains(entry.feed.as_str());
        if deletes {
            return if is_one_of(&self.ending) { Kept::All } else { Kept::Nothing };
        }
        if is_one_of(&self.keeping) {
            Kept::All
        } else if let Some(columns) = self.both.get(delivery).or_else(|| self.others.get(entry.feed.as_str())) {
            Kept::Columns(columns)
        } else if entry.absent.is_empty() {
            Kept::Nothing
        } else {
            Kept::Columns(&entry.absent)
        }
    }
}

/// The columns that a feed never tells of and another feed of the job does, about rows of the same table: a list of logins says nothing of
/// the numbers that a list of people gave.
pub fn told_by_others(feed: &Feed, feeds: &[LoadedFeed]) -> BTreeSet<String> {
    let beside = |other: &&Feed| other.fills == feed.fills && other.name != feed.name && other.completes.is_none();
    if feed.completes.is_some() {
        return BTreeSet::new();
    }
    let others: Vec<&Feed> = feeds.iter().map(|loaded| &loaded.feed).filter(beside).collect();
    feed.columns()
        .filter(|column| !feed.maps(column) && others.iter().any(|other| other.maps(column)))
        .map(str::to_owned)
        .collect()
}

/// Whether deliveries of a feed differ in the columns they lack, so that the order in which they are merged decides what stays.
pub fn differ(feed: &Feed, ledger: &Ledger) -> bool {
    let mut entries = ledger.entries.values().filter(|entry| entry.feed == feed.name && entry.is_accepted());
    let Some(first) = entries.next() else { return false };
    entries.any(|entry| entry.absent != first.absent)
}
