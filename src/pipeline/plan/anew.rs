//! Tables that are read again from the landing area.

use std::collections::{BTreeMap, BTreeSet};

use chrono::DateTime;

use super::{DeliveryPlan, is_snapshot, reopen, sort, turn};
use crate::contract::{Catalog, Partition};
use crate::error::{Error, Result};
use crate::feed::place::folder;
use crate::feed::{Delivery, Feed, Nulls};
use crate::ledger::{Entry, Ledger};
use crate::pipeline::kept;
use crate::pipeline::planned::{LoadedFeed, Planned, Why};
use crate::store::Object;

/// Finds the tables that must start over, and adds all their deliveries to what is read.
///
/// A replaced object took rows along that others had lost to; a late snapshot lies between two that were compared without it. Both are undone by reading the table's deliveries again from the landing area.
///
/// So is what was read by other rules than the feed has now, unless the job `keeps` what it can of that feed, and what no feed of the job
/// reads any more goes.
///
/// # Errors
/// A delivery that must be read again is no longer in the landing area.
pub fn start_over(
    plan: &mut DeliveryPlan,
    objects: &[Object],
    feeds: &[LoadedFeed],
    ledger: &Ledger,
    catalog: &Catalog,
    keeps: &[String],
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
    let mut beside: BTreeMap<usize, Option<i64>> = BTreeMap::new();
    let objects: BTreeMap<&str, &Object> = objects.iter().map(|object| (object.path.as_str(), object)).collect();
    read_otherwise(plan, &objects, feeds, ledger, keeps);
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
        // What other feeds told of the same rows can only be filled in in the order it was told.
        let beside =
            *beside.entry(planned.feed).or_insert_with(|| newest_beside(feed, feeds, ledger).filter(|_| is_whole));
        if planned.why != Why::Replaced && beside.is_some_and(|last| planned.known_at() < last) {
            plan.start_over.entry(feed.fills.clone()).or_insert(format!("{} came late", planned.delivery.path));
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
    read_tables_again(plan, &objects, feeds, ledger)
}

/// When the newest delivery was told of the feeds that tell of a feed's rows what it does not; `None`: there is none.
fn newest_beside(feed: &Feed, feeds: &[LoadedFeed], ledger: &Ledger) -> Option<i64> {
    if kept::told_by_others(feed, feeds).is_empty() {
        return None;
    }
    let others = feeds.iter().map(|loaded| &loaded.feed).filter(|it| it.fills == feed.fills && it.name != feed.name);
    others.flat_map(|other| ledger.newest(&other.name).into_values()).max()
}

/// Starts the tables over whose rows another feed file, or another job, would have given.
fn read_otherwise(
    plan: &mut DeliveryPlan,
    objects: &BTreeMap<&str, &Object>,
    feeds: &[LoadedFeed],
    ledger: &Ledger,
    keeps: &[String],
) {
    // By feed: whether one of its deliveries is gone, and the tables they are in.
    let mut ruled_anew: BTreeMap<&str, (bool, BTreeSet<&str>)> = BTreeMap::new();
    for entry in ledger.entries.values().filter(|entry| entry.is_accepted()) {
        let Some(loaded) = feeds.iter().find(|loaded| loaded.feed.name == entry.feed) else {
            let why = format!("the job no longer has the feed {}", entry.feed);
            plan.start_over.entry(entry.table.clone()).or_insert(why);
            continue;
        };
        if entry.read_as != loaded.feed.read_as || entry.table != loaded.feed.fills {
            let (is_gone, tables) = ruled_anew.entry(&loaded.feed.name).or_default();
            *is_gone |= !objects.contains_key(entry.path.as_str());
            tables.extend([entry.table.as_str(), loaded.feed.fills.as_str()]);
        } else if is_left(loaded, entry, objects) {
            let why = format!("the feed {} no longer reads {}", entry.feed, entry.path);
            plan.start_over.entry(entry.table.clone()).or_insert(why);
        }
    }
    for (feed, (is_gone, tables)) in ruled_anew {
        if is_gone && tables.len() == 1 && keeps.iter().any(|kept| kept == feed) {
            plan.kept_as_read.push(feed.to_owned());
            continue;
        }
        for table in tables {
            plan.start_over.entry(table.to_owned()).or_insert(other_rules(feed));
        }
    }
}

/// Plans every delivery anew, into an empty lake: by `ledger`, none of what was accepted may be missing.
///
/// # Errors
/// An accepted delivery that a feed of the job reads is no longer in the landing area.
pub fn read_anew(
    plan: &mut DeliveryPlan,
    objects: &[Object],
    feeds: &[LoadedFeed],
    ledger: &Ledger,
    reason: &str,
) -> Result<()> {
    let objects: BTreeMap<&str, &Object> = objects.iter().map(|object| (object.path.as_str(), object)).collect();
    let listed: BTreeSet<(&str, &str)> =
        plan.listed.values().map(|planned| (planned.delivery.path.as_str(), planned.delivery.feed.as_str())).collect();
    let waits = |entry: &Entry| {
        plan.waiting.iter().any(|waiting| waiting.feed == entry.feed && waiting.folder == folder(&entry.path))
    };
    let missing: Vec<&Entry> = ledger
        .entries
        .values()
        .filter(|entry| entry.is_accepted() && !waits(entry))
        // What no feed of the job reads any more goes.
        .filter(|entry| feeds.iter().any(|loaded| loaded.feed.name == entry.feed && !is_left(loaded, entry, &objects)))
        .filter(|entry| !listed.contains(&(entry.path.as_str(), entry.feed.as_str())))
        .collect();
    if let Some(first) = missing.first() {
        let more = match missing.len() - 1 {
            0 => String::new(),
            more => format!(" (and {more} more)"),
        };
        return Err(Error::usage(format!(
            "every delivery must be read again because {reason}, but {}{more} is no longer in the landing area; nothing was published", first.path
        ))
        .hint("bring back what is missing, or build a new lake from what there is: `uptake run JOB --out NEW_LAKE`"));
    }
    let tables: BTreeSet<&String> = ledger.entries.values().map(|entry| &entry.table).collect();
    plan.start_over = tables.into_iter().map(|table| (table.clone(), reason.to_owned())).collect();
    plan.anew = Some(reason.to_owned());
    for planned in &mut plan.read {
        if planned.why == Why::New && ledger.entries.contains_key(&planned.key) {
            planned.why = Why::StartOver;
        }
    }
    Ok(())
}

/// Whether a delivery is there and no path of its feed leads to it any more.
fn is_left(loaded: &LoadedFeed, entry: &Entry, objects: &BTreeMap<&str, &Object>) -> bool {
    objects.contains_key(entry.path.as_str()) && loaded.feed.recognise(&entry.path).is_none()
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
    let mut gone = Vec::new();
    let starting: Vec<(&String, &Entry)> =
        ledger.entries.iter().filter(|(_, entry)| plan.start_over.contains_key(&entry.table)).collect();
    for (key, entry) in starting {
        if reading.contains(key) || !entry.is_accepted() || plan.displaced.contains_key(key) {
            continue;
        }
        // What no feed of the job reads goes with the table.
        let Some(loaded) = feeds.iter().find(|loaded| loaded.feed.name == entry.feed) else { continue };
        if is_left(loaded, entry, objects) {
            continue;
        }
        match again(plan, key, entry, objects, feeds) {
            Some(again) => plan.read.push(again),
            None => gone.push(entry),
        }
    }
    if let Some(first) = gone.first() {
        let reason = &plan.start_over[&first.table];
        return Err(not_there(&gone, reason));
    }
    sort(&mut plan.read);
    Ok(())
}

/// Why a table starts over whose feed reads otherwise than it did.
fn other_rules(feed: &str) -> String {
    format!("the feed {feed} reads by other rules than it did")
}

/// Why a table starts over that somebody wants to be read again.
pub const ASKED: &str = "that was asked for";

/// Whether a reason is one that somebody decided: undoing the decision is a way out.
fn is_decided(reason: &str) -> bool {
    reason == ASKED
        // The feed reads by other rules, or it reads no such path any more.
        || ["the job no longer has the feed ", "the feed "].iter().any(|start| reason.starts_with(start))
}

/// Deliveries that must be read again cannot be.
fn not_there(gone: &[&Entry], reason: &str) -> Error {
    let named: Vec<&str> = gone.iter().take(NAMED).map(|entry| entry.path.as_str()).collect();
    let more = match gone.len() - named.len() {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let is = if gone.len() == 1 { "it is" } else { "they are" };
    let what = format!(
        "{}{more} must be read again because {reason}, but {is} no longer in the landing area; nothing was published",
        named.join(", ")
    );
    if is_decided(reason) {
        Error::usage(what).hint("bring back what is missing, undo the change, or list its feed under tolerate.reread, which keeps the rows as they were read")
    } else {
        Error::gate(what).hint("bring back what is missing, or remove the delivery that came late or was replaced")
    }
}

/// Deliveries that a message names, at most.
const NAMED: usize = 5;

/// A delivery in the ledger, to be read once more; `None` where the landing area no longer holds it.
fn again(
    plan: &DeliveryPlan,
    key: &str,
    entry: &Entry,
    objects: &BTreeMap<&str, &Object>,
    feeds: &[LoadedFeed],
) -> Option<Planned> {
    let &object = objects.get(entry.path.as_str())?;
    let listed = plan.listed.get(key).filter(|planned| planned.delivery.feed == entry.feed);
    let known_at = DateTime::from_timestamp_micros(entry.known_at).unwrap_or_default();
    if let Some(planned) = listed {
        let known_at = if planned.set.is_some() { planned.delivery.known_at } else { known_at };
        let delivery = Delivery { known_at, ..planned.delivery.clone() };
        return Some(Planned { delivery, why: Why::StartOver, ..planned.clone() });
    }
    let feed = feeds.iter().position(|loaded| loaded.feed.name == entry.feed)?;
    let delivery = Delivery {
        feed: entry.feed.clone(),
        path: entry.path.clone(),
        size: object.size,
        etag: object.etag.clone(),
        known_at,
    };
    Some(Planned {
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
