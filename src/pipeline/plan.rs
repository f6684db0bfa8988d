//! Which deliveries a run reads, and why: the landing area compared with the ledger. Pure, so `plan` prints what `run` does.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, NaiveDate, TimeZone, Utc};
use chrono_tz::Tz;
use serde::Serialize;

use crate::contract::{Catalog, Partition, Table};
use crate::error::{Error, Result};
use crate::feed::{Delivery, Feed, Mode, Nulls};
use crate::ledger::Ledger;
use crate::store::Object;

/// A feed as loaded: validated, with a hash of its file.
#[derive(Debug)]
pub struct LoadedFeed {
    pub feed: Feed,
    pub hash: String,
}

/// Why a delivery is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Why {
    /// Not in the ledger.
    New,
    /// The object at the path holds other bytes than the ledger says.
    Replaced,
    /// It was refused before, and the feed file has changed since.
    Mended,
    /// Its table starts over because another delivery was replaced or came late.
    StartOver,
}

/// One delivery to read.
#[derive(Debug, Clone)]
pub struct Planned {
    pub delivery: Delivery,
    pub object: Object,
    /// Index of the feed.
    pub feed: usize,
    pub why: Why,
}

/// What a run would read.
#[derive(Debug, Default)]
pub struct DeliveryPlan {
    /// By (known_at, path): the order in which deliveries are judged.
    pub read: Vec<Planned>,
    /// Tables that start over, with the reason in words.
    pub start_over: BTreeMap<String, String>,
    /// Objects that no feed recognises.
    pub strangers: Vec<String>,
    /// Deliveries that are in the ledger already.
    pub known: usize,
    /// Feeds without any delivery, now or in the ledger.
    pub missing_feeds: Vec<String>,
    /// Objects whose etag moved but whose size did not: their bytes decide.
    pub touched: Vec<Planned>,
}

/// Compares the listing with the ledger.
///
/// # Errors
/// Two feeds recognise the same object.
pub fn deliveries(
    objects: &[Object],
    feeds: &[LoadedFeed],
    ledger: &Ledger,
    zone: Tz,
    known_on: Option<NaiveDate>,
) -> Result<DeliveryPlan> {
    let mut plan = DeliveryPlan::default();
    let mut seen = BTreeSet::new();
    let sidecars: BTreeSet<String> = objects
        .iter()
        .flat_map(|object| {
            feeds
                .iter()
                .filter_map(|loaded| loaded.feed.recognise(&object.path).and(loaded.feed.sidecar_of(&object.path)))
        })
        .collect();
    for object in objects.iter().filter(|object| !sidecars.contains(&object.path)) {
        let mut matches =
            feeds.iter().enumerate().filter_map(|(at, loaded)| Some((at, loaded.feed.recognise(&object.path)?)));
        let Some((feed, dated)) = matches.next() else {
            plan.strangers.push(object.path.clone());
            continue;
        };
        if let Some((other, _)) = matches.next() {
            let what = format!(
                "{} is recognised by the feeds {} and {}",
                object.path, feeds[feed].feed.name, feeds[other].feed.name
            );
            return Err(Error::usage(what).hint("make the `path` of one of the two feed files narrower"));
        }
        let known_at = dated.map_or(object.last_modified, |local| instant(local, zone));
        if known_on.is_some_and(|day| zone.from_utc_datetime(&known_at.naive_utc()).date_naive() > day) {
            continue;
        }
        seen.insert(feed);
        let delivery = Delivery {
            feed: feeds[feed].feed.name.clone(),
            path: object.path.clone(),
            size: object.size,
            etag: object.etag.clone(),
            known_at,
        };
        let planned = |why| Planned { delivery: delivery.clone(), object: object.clone(), feed, why };
        match ledger.entries.get(&object.path) {
            None => plan.read.push(planned(Why::New)),
            Some(entry) if entry.is(object.size, object.etag.as_deref()) => {
                if !entry.is_accepted() && entry.feed_hash != feeds[feed].hash {
                    plan.read.push(planned(Why::Mended));
                } else {
                    plan.known += 1;
                }
            }
            Some(entry) if entry.size == object.size => plan.touched.push(planned(Why::Replaced)),
            Some(_) => plan.read.push(planned(Why::Replaced)),
        }
    }
    let has_history = |name: &str| ledger.entries.values().any(|entry| entry.feed == name);
    plan.missing_feeds = feeds
        .iter()
        .enumerate()
        .filter(|(at, loaded)| !seen.contains(at) && !has_history(&loaded.feed.name))
        .map(|(_, loaded)| loaded.feed.name.clone())
        .collect();
    sort(&mut plan.read);
    Ok(plan)
}

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
    let mut newest: BTreeMap<usize, i64> = BTreeMap::new();
    for planned in &plan.read {
        let feed = &feeds[planned.feed].feed;
        let was_accepted = ledger.entries.get(&planned.delivery.path).is_some_and(|entry| entry.is_accepted());
        if planned.why == Why::Replaced && was_accepted {
            plan.start_over.entry(feed.fills.clone()).or_insert(format!("{} was replaced", planned.delivery.path));
        }
        // What lies between two snapshots cannot be told from the rows alone. Empty values that keep what was known, too, can only
        // be filled in the order they were told.
        if is_snapshot(feed, catalog) || feed.nulls_mean == Nulls::Keep {
            let known_at = planned.delivery.known_at.timestamp_micros();
            let last = newest.entry(planned.feed).or_insert_with(|| ledger.newest(&feed.name).unwrap_or(i64::MIN));
            if known_at <= *last && planned.why != Why::Replaced {
                plan.start_over.entry(feed.fills.clone()).or_insert(format!("{} came late", planned.delivery.path));
            }
        }
    }
    let listed: BTreeMap<&str, &Object> = objects.iter().map(|object| (object.path.as_str(), object)).collect();
    let reading: BTreeSet<String> = plan.read.iter().map(|planned| planned.delivery.path.clone()).collect();
    for entry in ledger.entries.values().filter(|entry| plan.start_over.contains_key(&entry.table)) {
        if reading.contains(&entry.path) || !entry.is_accepted() {
            continue;
        }
        let reason = &plan.start_over[&entry.table];
        let Some(object) = listed.get(entry.path.as_str()) else {
            let what =
                format!("{} must be read again because {reason}, but it is no longer in the landing area", entry.path);
            return Err(
                Error::gate(what).hint("restore the object, or remove the delivery that came late or was replaced")
            );
        };
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
            known_at: DateTime::from_timestamp_micros(entry.known_at).unwrap_or_default(),
        };
        plan.read.push(Planned { delivery, object: (*object).clone(), feed, why: Why::StartOver });
    }
    sort(&mut plan.read);
    Ok(())
}

/// Whether a feed delivers full snapshots of a table that is held whole.
pub fn is_snapshot(feed: &Feed, catalog: &Catalog) -> bool {
    let is_whole = |table: &Table| table.partition == Partition::Whole;
    feed.mode == Mode::Full && catalog.table(&feed.fills).is_some_and(is_whole)
}

/// Whether a feed delivers whole snapshots of a history table without saying since when its rows hold.
pub fn is_undated_snapshot(feed: &Feed, catalog: &Catalog) -> bool {
    feed.mode == Mode::Full
        && catalog.table(&feed.fills).is_some_and(|table| table.column("effective_from").is_some())
        && !feed.maps("effective_from")
}

fn sort(read: &mut [Planned]) {
    read.sort_by(|a, b| (a.delivery.known_at, &a.delivery.path).cmp(&(b.delivery.known_at, &b.delivery.path)));
}

/// The instant a name's date and time mean: in the reporting zone, the earlier one where a clock change makes two.
fn instant(local: chrono::NaiveDateTime, zone: Tz) -> DateTime<Utc> {
    let zoned = zone.from_local_datetime(&local).earliest();
    zoned.map_or_else(|| local.and_utc(), |zoned| zoned.with_timezone(&Utc))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::ledger::{Counts, Entry};

    fn feeds(more: &str) -> Vec<LoadedFeed> {
        let text =
            format!("description = \"\"\nfills = \"users\"\npath = \"u_{{date}}*.csv\"\nformat = \"csv\"\n{more}");
        let feed = Feed::parse("f", &text, &Catalog::load().unwrap()).unwrap();
        vec![LoadedFeed { feed, hash: "now".into() }]
    }

    fn object(path: &str, size: u64) -> Object {
        Object { path: path.into(), size, etag: Some("e".into()), last_modified: DateTime::UNIX_EPOCH }
    }

    /// A delivery in the ledger, 9 bytes long.
    fn known(path: &str, known_at: &str, refused: bool, feed_hash: &str) -> Entry {
        Entry {
            feed: "f".into(),
            table: "users".into(),
            path: path.into(),
            size: 9,
            etag: Some("e".into()),
            sha256: String::new(),
            known_at: known_at.parse::<DateTime<Utc>>().unwrap().timestamp_micros(),
            refused: refused.then(|| "empty_file".into()),
            sentence: None,
            counts: Counts::default(),
            coverage: BTreeMap::new(),
            headcount: None,
            feed_hash: feed_hash.into(),
            commit: 1,
        }
    }

    fn ledger(entries: &[Entry]) -> Ledger {
        Ledger { entries: entries.iter().map(|entry| (entry.path.clone(), entry.clone())).collect() }
    }

    /// What is read, as `path why`.
    fn read(plan: &DeliveryPlan) -> Vec<String> {
        plan.read.iter().map(|planned| format!("{} {:?}", planned.delivery.path, planned.why)).collect()
    }

    const BERLIN: Tz = chrono_tz::Europe::Berlin;

    #[test]
    fn deliveries_are_judged_in_the_order_they_were_made_and_never_by_their_path() {
        let objects =
            [object("u_2026-03-09.a.csv", 1), object("u_2026-03-02.z.csv", 1), object("u_2026-03-09.0.csv", 1)];
        let plan = deliveries(&objects, &feeds(""), &Ledger::default(), BERLIN, None).unwrap();
        assert_eq!(read(&plan), ["u_2026-03-02.z.csv New", "u_2026-03-09.0.csv New", "u_2026-03-09.a.csv New"]);
        let until = |day: &str| {
            let until = Some(day.parse().unwrap());
            deliveries(&objects, &feeds(""), &Ledger::default(), BERLIN, until).unwrap().read.len()
        };
        assert_eq!([until("2026-03-01"), until("2026-03-02"), until("2026-03-09")], [0, 1, 3], "its own day is known");
    }

    #[test]
    fn a_name_that_a_change_of_clocks_makes_ambiguous_means_the_earlier_instant() {
        let local = "2026-10-25T02:30:00".parse().unwrap();
        assert_eq!(instant(local, BERLIN).to_rfc3339(), "2026-10-25T00:30:00+00:00");
        let skipped = "2026-03-29T02:30:00".parse().unwrap();
        assert_eq!(instant(skipped, BERLIN).to_rfc3339(), "2026-03-29T02:30:00+00:00");
    }

    #[test]
    fn what_the_ledger_knows_is_read_again_only_when_its_bytes_or_its_feed_changed() {
        let told = "2026-03-02T00:00:00Z";
        let entries = [
            known("u_2026-03-01.csv", told, false, "then"),
            known("u_2026-03-02.csv", told, true, "now"),
            known("u_2026-03-03.csv", told, true, "then"),
            known("u_2026-03-04.csv", told, false, "now"),
            known("u_2026-03-05.csv", told, false, "now"),
        ];
        let mut touched = object("u_2026-03-05.csv", 9);
        touched.etag = Some("other".into());
        let objects: Vec<Object> = (1..=3)
            .map(|day| object(&format!("u_2026-03-0{day}.csv"), 9))
            .chain([object("u_2026-03-04.csv", 8), touched, object("stray.txt", 1)])
            .collect();
        let plan = deliveries(&objects, &feeds(""), &ledger(&entries), BERLIN, None).unwrap();
        assert_eq!(read(&plan), ["u_2026-03-03.csv Mended", "u_2026-03-04.csv Replaced"]);
        assert_eq!(
            (plan.known, plan.touched.len(), plan.strangers.len()),
            (2, 1, 1),
            "bytes decide of the touched one"
        );
    }

    #[test]
    fn a_feed_whose_deliveries_were_cleared_away_has_a_history_all_the_same() {
        let missing = |ledger: &Ledger| deliveries(&[], &feeds(""), ledger, BERLIN, None).unwrap().missing_feeds;
        assert_eq!(missing(&Ledger::default()), ["f"]);
        let past = ledger(&[known("u_2026-03-01.csv", "2026-03-01T00:00:00Z", false, "now")]);
        assert_eq!(missing(&past), Vec::<String>::new());
    }

    #[test]
    fn a_table_starts_over_when_a_delivery_is_replaced_or_one_that_keeps_values_comes_late_or_in_the_same_moment() {
        let catalog = Catalog::load().unwrap();
        let past = [known("u_2026-03-02.csv", "2026-03-01T23:00:00Z", false, "now")];
        let started = |feeds: &[LoadedFeed], objects: &[Object]| {
            let ledger = ledger(&past);
            let mut plan = deliveries(objects, feeds, &ledger, BERLIN, None).unwrap();
            start_over(&mut plan, objects, feeds, &ledger, &catalog).unwrap();
            (read(&plan), plan.start_over.into_values().collect::<Vec<String>>())
        };
        let (plain, keeps) = (feeds(""), feeds("nulls_mean = \"keep\""));
        let full = feeds("mode = \"full\"");
        let held = || object("u_2026-03-02.csv", 9);
        let late = [held(), object("u_2026-03-01.csv", 1)];
        assert_eq!(started(&plain, &late), (vec!["u_2026-03-01.csv New".into()], vec![]));
        let again = |path: &str| vec![format!("{path} New"), "u_2026-03-02.csv StartOver".into()];
        assert_eq!(started(&keeps, &late), (again("u_2026-03-01.csv"), vec!["u_2026-03-01.csv came late".into()]));
        assert_eq!(
            started(&full, &late),
            started(&keeps, &late),
            "a snapshot between two that were compared without it"
        );
        let with_it = [held(), object("u_2026-03-02.a.csv", 1)];
        assert_eq!(
            started(&keeps, &with_it),
            (again("u_2026-03-02.a.csv"), vec!["u_2026-03-02.a.csv came late".into()])
        );
        let next = [held(), object("u_2026-03-03.csv", 1)];
        assert_eq!(started(&keeps, &next), (vec!["u_2026-03-03.csv New".into()], vec![]));
        let replaced = [object("u_2026-03-02.csv", 8)];
        let (read, why) = started(&plain, &replaced);
        assert_eq!(
            (read, why),
            (vec!["u_2026-03-02.csv Replaced".into()], vec!["u_2026-03-02.csv was replaced".into()])
        );
    }
}
