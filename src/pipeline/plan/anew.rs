//! Tables that are read again from the landing area.

use std::collections::{BTreeMap, BTreeSet};

use chrono::DateTime;

use super::{DeliveryPlan, is_snapshot, is_undated_snapshot, reopen, sort, turn};
use crate::contract::{Catalog, Partition};
use crate::error::{Error, Result};
use crate::feed::{Delivery, Mode, Nulls};
use crate::ledger::{Entry, Ledger};
use crate::pipeline::kept;
use crate::pipeline::planned::{LoadedFeed, Planned, Why};
use crate::store::Object;

/// Finds the tables that must start over, and adds all their deliveries to what is read.
///
/// A replaced object took rows along that others had lost to; a late snapshot lies between two that were compared without it. Both are undone by reading the table's deliveries again from the landing area.
///
/// # Errors
/// A delivery that must be read again is no longer in the landing area.
pub fn start_over(
    plan: &mut DeliveryPlan,
    objects: &[Object],
    feeds: &[LoadedFeed],
    ledger: &Ledger,
    catalog: &Catalog,
) -> Result<()> {
    for (key, by) in &plan.displaced {
        if let Some(entry) = ledger.entries.get(key) {
            let why = format!("{} is gone and {by} has taken its day", entry.path);
            plan.start_over.entry(entry.table.clone()).or_insert(why);
        }
    }
    reopen(plan, feeds, ledger);
    let mut newest: BTreeMap<usize, BTreeMap<String, i64>> = BTreeMap::new();
    let mut turns: BTreeMap<usize, Option<i64>> = BTreeMap::new();
    for loaded in feeds.iter().filter(|loaded| is_ruled_anew(loaded, catalog, ledger)) {
        let (name, table) = (&loaded.feed.name, &loaded.feed.fills);
        plan.start_over.entry(table.clone()).or_insert(other_records(name));
    }
    for planned in &plan.read {
        let feed = &feeds[planned.feed].feed;
        let was_accepted = ledger.entries.get(&planned.key).is_some_and(Entry::is_accepted);
        if let Some(others) = planned.contradicted.as_ref().filter(|_| was_accepted) {
            let why = format!("{} and {others} are full snapshots of one day", planned.delivery.path);
            plan.start_over.entry(feed.fills.clone()).or_insert(why);
        }
        if planned.why == Why::Replaced && was_accepted {
            plan.start_over.entry(feed.fills.clone()).or_insert(format!("{} was replaced", planned.delivery.path));
        }
        if planned.contradicted.is_some() {
            continue;
        }
        // What lies between two snapshots cannot be told from the rows alone. Empty values that keep what was known, too, can only
        // be filled in the order they were told, and so can a delete that says until when what it names was there.
        let table = catalog.table(&feed.fills);
        let is_whole = table.is_some_and(|table| table.partition == Partition::Whole);
        let ends = table.is_some_and(|table| table.deletes_end) && feed.has_deletes();
        let keeps = feed.nulls_mean == Nulls::Keep || (is_whole && kept::differ(feed, ledger)) || ends;
        if is_snapshot(feed, catalog) || keeps {
            let last = newest.entry(planned.feed).or_insert_with(|| ledger.newest(&feed.name));
            let last = last.get(&planned.series).copied().unwrap_or(i64::MIN);
            if planned.known_at() <= last && planned.why != Why::Replaced {
                plan.start_over.entry(feed.fills.clone()).or_insert(format!("{} came late", planned.delivery.path));
            }
        }
        // Rules that choose among the records of a set choose anew once another part has come.
        let chooses = table.is_some_and(|table| feed.chooses_among_parts(table));
        let is_of_set = |entry: &&Entry| entry.feed == feed.name && entry.set == planned.set && entry.is_accepted();
        if chooses && planned.set.is_some() && !was_accepted && ledger.entries.values().any(|entry| is_of_set(&entry)) {
            let why = format!("{} came after other parts of its set", planned.delivery.path);
            plan.start_over.entry(feed.fills.clone()).or_insert(why);
        }
        let turn = *turns.entry(planned.feed).or_insert_with(|| turn(feed, ledger, catalog));
        if planned.why != Why::Replaced && turn.is_some_and(|turn| planned.known_at() <= turn) {
            plan.start_over.entry(feed.fills.clone()).or_insert(format!("{} came late", planned.delivery.path));
        }
    }
    let objects: BTreeMap<&str, &Object> = objects.iter().map(|object| (object.path.as_str(), object)).collect();
    read_tables_again(plan, &objects, feeds, ledger)
}

/// Starts tables over that only reading could tell of: `tables` with the reason in words.
///
/// # Errors
/// As for [`start_over`].
pub fn start_over_too(
    plan: &mut DeliveryPlan,
    tables: BTreeMap<String, String>,
    feeds: &[LoadedFeed],
    ledger: &Ledger,
) -> Result<()> {
    for (table, reason) in tables {
        plan.start_over.entry(table).or_insert(reason);
    }
    let objects: Vec<Object> = plan.listed.values().map(|planned| planned.object.clone()).collect();
    let objects: BTreeMap<&str, &Object> = objects.iter().map(|object| (object.path.as_str(), object)).collect();
    read_tables_again(plan, &objects, feeds, ledger)
}

/// Adds every accepted delivery of the tables that start over to what is read.
fn read_tables_again(
    plan: &mut DeliveryPlan,
    objects: &BTreeMap<&str, &Object>,
    feeds: &[LoadedFeed],
    ledger: &Ledger,
) -> Result<()> {
    let reading: BTreeSet<String> = plan.read.iter().map(|planned| planned.key.clone()).collect();
    let starting: Vec<(&String, &Entry)> =
        ledger.entries.iter().filter(|(_, entry)| plan.start_over.contains_key(&entry.table)).collect();
    for (key, entry) in starting {
        if reading.contains(key) || !entry.is_accepted() || plan.displaced.contains_key(key) {
            continue;
        }
        let reason = &plan.start_over[&entry.table];
        let again = again(plan, key, entry, objects, feeds, reason)?;
        plan.read.push(again);
    }
    sort(&mut plan.read);
    Ok(())
}

/// Whether accepted deliveries of a feed were read by other rules about which records count than it has now. A ledger from before
/// there were such rules does not say; of a feed whose every snapshot replaces the last one nothing has to be read again then.
fn is_ruled_anew(loaded: &LoadedFeed, catalog: &Catalog, ledger: &Ledger) -> bool {
    let (feed, rules) = (&loaded.feed, loaded.feed.row_rules());
    let replaces = feed.mode == Mode::Full && !is_undated_snapshot(feed, catalog);
    let by_others = |entry: &&Entry| match &entry.row_rules {
        Some(known) => *known != rules,
        None => !rules.is_empty() && !replaces,
    };
    ledger.accepted(&feed.name).iter().any(by_others)
}

/// Why a table starts over whose feed has other rules about which records count.
fn other_records(feed: &str) -> String {
    format!("the feed {feed} takes other records than it did")
}

/// A delivery in the ledger, to be read once more.
fn again(
    plan: &DeliveryPlan,
    key: &str,
    entry: &Entry,
    objects: &BTreeMap<&str, &Object>,
    feeds: &[LoadedFeed],
    reason: &str,
) -> Result<Planned> {
    let Some(&object) = objects.get(entry.path.as_str()) else {
        let what =
            format!("{} must be read again because {reason}, but it is no longer in the landing area", entry.path);
        return Err(if reason == other_records(&entry.feed) {
            Error::usage(what).hint("restore the object, or undo the change of the feed file")
        } else {
            Error::gate(what).hint("restore the object, or remove the delivery that came late or was replaced")
        });
    };
    let listed = plan.listed.get(key).filter(|planned| planned.delivery.feed == entry.feed);
    let known_at = DateTime::from_timestamp_micros(entry.known_at).unwrap_or_default();
    if let Some(planned) = listed {
        let known_at = if planned.set.is_some() { planned.delivery.known_at } else { known_at };
        let delivery = Delivery { known_at, ..planned.delivery.clone() };
        return Ok(Planned { delivery, why: Why::StartOver, ..planned.clone() });
    }
    let Some(feed) = feeds.iter().position(|loaded| loaded.feed.name == entry.feed) else {
        let what = format!(
            "{} must be read again because {reason}, but the job no longer has the feed {}",
            entry.path, entry.feed
        );
        return Err(Error::usage(what).hint("add the feed to the job again"));
    };
    let delivery = Delivery {
        feed: entry.feed.clone(),
        path: entry.path.clone(),
        size: object.size,
        etag: object.etag.clone(),
        known_at,
    };
    Ok(Planned {
        delivery,
        object: object.clone(),
        feed,
        why: Why::StartOver,
        key: key.to_owned(),
        shared: entry.shared,
        series: entry.series.clone(),
        set: entry.set.clone(),
        marked: entry.marked,
        sidecar: entry.sidecar.clone(),
        contradicted: None,
    })
}
