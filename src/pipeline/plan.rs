//! Which deliveries a run reads, and why: the landing area compared with the ledger. Pure, so `plan` prints what `run` does.

pub mod anew;

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, NaiveDate, TimeZone, Utc};
use chrono_tz::Tz;

use super::planned::{LoadedFeed, Planned, Why};
use super::sets::{self, Candidate, Marked, Waiting};
use crate::contract::{Catalog, Partition, Table};
use crate::error::{Error, Result};
use crate::feed::pattern::Dated;
use crate::feed::place::{folder, is_hidden};
use crate::feed::{Delivery, Feed, Mode, Reason};
use crate::ledger::{self, Entry, Ledger};
use crate::store::Object;
use crate::store::keys::is_name;

/// What a run would read.
#[derive(Debug, Default, Clone)]
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
    /// Folders whose objects are not read before they are complete.
    pub waiting: Vec<Waiting>,
    /// Every object that a feed of the job reads, by key, whether it is read now or not.
    pub listed: BTreeMap<String, Planned>,
    /// Accepted deliveries that are gone from the landing area and whose day another snapshot has taken: their rows go too.
    pub displaced: BTreeMap<String, String>,
    /// Feeds that read otherwise than they did and whose rows stay as they were read, as the job tolerates.
    pub kept_as_read: Vec<String>,
    /// Why every delivery is read anew into an empty lake, where that is so.
    pub anew: Option<String>,
}

/// Compares the listing with the ledger.
///
/// # Errors
/// Two feeds recognise the same object and do not share it.
pub fn deliveries(
    objects: &[Object],
    feeds: &[LoadedFeed],
    ledger: &Ledger,
    zone: Tz,
    known_on: Option<NaiveDate>,
) -> Result<DeliveryPlan> {
    let mut plan = DeliveryPlan::default();
    let marked = Marked::of(objects, feeds);
    let candidates = candidates(objects, feeds, ledger, zone, &marked, &mut plan)?;
    let early = |candidate: &Candidate| {
        known_on.is_none_or(|day| {
            zone.from_utc_datetime(&candidate.planned.delivery.known_at.naive_utc()).date_naive() <= day
        })
    };
    let candidates: Vec<Candidate> = candidates.into_iter().filter(early).collect();
    let candidates = complete(candidates, feeds, ledger, &mut plan);
    let seen: BTreeSet<usize> = candidates.iter().map(|candidate| candidate.planned.feed).collect();
    let listed = sets::settle(candidates, feeds, zone);
    let faulty = faulty_sets(&listed, ledger);
    for planned in &listed {
        let unchanged = |entry: &Entry| entry.is(planned.object.size, planned.object.etag.as_deref());
        let why = |why: Why| Planned { why, ..planned.clone() };
        let entry = ledger.entries.get(&planned.key).filter(|entry| entry.feed == planned.delivery.feed);
        let contradicted = planned.contradicted.is_some();
        let was_contradicted = |entry: &Entry| is_code(entry, Reason::TwoSnapshots);
        match entry {
            None if contradicted => plan.read.push(why(Why::Contradicted)),
            None => plan.read.push(why(Why::New)),
            Some(entry) if contradicted => {
                if was_contradicted(entry) && unchanged(entry) {
                    plan.known += 1;
                } else {
                    plan.read.push(why(Why::Contradicted));
                }
            }
            Some(entry) if unchanged(entry) => {
                let mended = entry.feed_hash != feeds[planned.feed].hash
                    || entry.sidecar != planned.sidecar
                    || was_contradicted(entry)
                    || (is_code(entry, Reason::SetRefused) && !faulty.contains(&(planned.feed, planned.set.clone())));
                if !entry.is_accepted() && mended {
                    plan.read.push(why(Why::Mended));
                } else {
                    plan.known += 1;
                }
            }
            Some(entry) if entry.size == planned.object.size => plan.touched.push(why(Why::Replaced)),
            Some(_) => plan.read.push(why(Why::Replaced)),
        }
    }
    plan.displaced = displaced(&plan, &listed, feeds, ledger, zone);
    plan.listed = listed.into_iter().map(|planned| (planned.key.clone(), planned)).collect();
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

fn is_code(entry: &Entry, reason: Reason) -> bool {
    entry.refused.as_deref() == Some(reason.code())
}

/// The sets that hold an object which was refused for a reason of its own.
fn faulty_sets(listed: &[Planned], ledger: &Ledger) -> BTreeSet<(usize, Option<String>)> {
    let faulty = |planned: &&Planned| {
        let entry = ledger.entries.get(&planned.key);
        entry.is_some_and(|entry| !entry.is_accepted() && !is_code(entry, Reason::SetRefused))
    };
    listed.iter().filter(faulty).map(|planned| (planned.feed, planned.set.clone())).collect()
}

/// The objects that feeds read, one for each feed that reads it; the others are noted as strangers.
fn candidates(
    objects: &[Object],
    feeds: &[LoadedFeed],
    ledger: &Ledger,
    zone: Tz,
    marked: &Marked,
    plan: &mut DeliveryPlan,
) -> Result<Vec<Candidate>> {
    let by_path: BTreeMap<&str, &Object> = objects.iter().map(|object| (object.path.as_str(), object)).collect();
    let sidecars: BTreeSet<String> = objects
        .iter()
        .flat_map(|object| {
            feeds
                .iter()
                .filter_map(|loaded| loaded.feed.recognise(&object.path).and(loaded.feed.sidecar_of(&object.path)))
        })
        .collect();
    let mut candidates = Vec::new();
    for object in objects.iter().filter(|object| !sidecars.contains(&object.path)) {
        // Keys like `a//b` can be listed and never asked for.
        if !is_name(&object.path) {
            plan.strangers.push(object.path.clone());
            continue;
        }
        if marked.is_marker(feeds, &object.path) {
            continue;
        }
        // What Spark leaves beside the parts of a folder is none of them.
        let hidden = |feed: usize| is_hidden(&object.path) && marked.holds(feed, &object.path);
        let mut matches = Vec::new();
        for (feed, loaded) in feeds.iter().enumerate().filter(|(feed, _)| !hidden(*feed)) {
            if let Some(place) = loaded.feed.place(&object.path) {
                matches.push((feed, place));
            }
        }
        if matches.is_empty() {
            plan.strangers.push(object.path.clone());
            continue;
        }
        for (at, (feed, _)) in matches.iter().enumerate() {
            for (other, _) in &matches[..at] {
                let (one, two) = (&feeds[*other].feed, &feeds[*feed].feed);
                if !one.shares_with(two) {
                    let what = format!("{} is recognised by the feeds {} and {}", object.path, one.name, two.name);
                    return Err(Error::usage(what).hint(
                        "make the `path` of one of the two feed files narrower, or let each name the other in `shares` if the object is meant for both",
                    ));
                }
            }
        }
        let shared = matches.len() > 1;
        for (feed, place) in matches {
            let loaded = &feeds[feed];
            if let Some((name, day)) = place.day_by_another_name().filter(|_| loaded.feed.mode == Mode::Full) {
                let what = format!(
                    "{}: {{{name}}} in the `path` of the feed {} holds the day {day}",
                    object.path, loaded.feed.name
                );
                return Err(Error::usage(what).hint(format!(
                    "write {{date}} (or {{date:%Y%m%d}}) instead of {{{name}}}: each value of another placeholder is a list of its own, which no later one ends"
                )));
            }
            let key = ledger::key(&object.path, &loaded.feed.name, shared);
            let sidecar = loaded.feed.sidecar_of(&object.path).and_then(|path| by_path.get(path.as_str()).copied());
            // An object without a date keeps the instant at which it was first seen, however often it is copied about.
            let first = ledger.entries.get(&key).filter(|entry| entry.is(object.size, object.etag.as_deref()));
            let first = first.and_then(|entry| DateTime::from_timestamp_micros(entry.known_at));
            let undated = || first.unwrap_or(object.last_modified);
            let delivery = Delivery {
                feed: loaded.feed.name.clone(),
                path: object.path.clone(),
                size: object.size,
                etag: object.etag.clone(),
                known_at: place.dated.map_or_else(undated, |dated| instant(dated, zone)),
            };
            let planned = Planned {
                delivery,
                object: object.clone(),
                feed,
                why: Why::New,
                key,
                shared,
                series: String::new(),
                set: None,
                marked: marked.holds(feed, &object.path),
                sidecar: sidecar.map(|beside| beside.etag.clone().unwrap_or_else(|| beside.size.to_string())),
                contradicted: None,
            };
            candidates.push(Candidate { planned, place });
        }
    }
    Ok(candidates)
}

/// Leaves out what waits for the marker of its folder: where the feed declares one, or where another folder of the feed has had it.
fn complete(
    candidates: Vec<Candidate>,
    feeds: &[LoadedFeed],
    ledger: &Ledger,
    plan: &mut DeliveryPlan,
) -> Vec<Candidate> {
    let waits = |at: usize| {
        let feed = &feeds[at].feed;
        feed.marker.is_some()
            || candidates.iter().any(|candidate| candidate.planned.feed == at && candidate.planned.marked)
            || ledger.entries.values().any(|entry| entry.feed == feed.name && entry.marked)
    };
    let waiting: Vec<bool> = (0..feeds.len()).map(waits).collect();
    let mut held: BTreeMap<(usize, String), usize> = BTreeMap::new();
    let mut complete = Vec::with_capacity(candidates.len());
    for candidate in candidates {
        let Planned { object, feed, marked, key, .. } = &candidate.planned;
        let entry = ledger.entries.get(key).filter(|entry| entry.is_accepted());
        let is_known = entry.is_some_and(|entry| entry.is(object.size, object.etag.as_deref()));
        if *marked || is_known || !waiting[*feed] {
            complete.push(candidate);
        } else {
            *held.entry((*feed, folder(&object.path).to_owned())).or_default() += 1;
        }
    }
    let note = |((feed, folder), objects): ((usize, String), usize)| Waiting {
        feed: feeds[feed].feed.name.clone(),
        folder,
        marker: sets::marker(&feeds[feed].feed).to_owned(),
        objects,
    };
    plan.waiting = held.into_iter().map(note).collect();
    complete
}

/// Accepted deliveries that are no longer there and have no place beside what is: another full snapshot of their day is read, or
/// the same object under another name in the ledger.
fn displaced(
    plan: &DeliveryPlan,
    listed: &[Planned],
    feeds: &[LoadedFeed],
    ledger: &Ledger,
    zone: Tz,
) -> BTreeMap<String, String> {
    let there: BTreeSet<&str> = listed.iter().map(|planned| planned.key.as_str()).collect();
    let gone = ledger.entries.iter().filter(|(key, entry)| entry.is_accepted() && !there.contains(key.as_str()));
    let gone: Vec<(&String, &Entry)> = gone.collect();
    let mut displaced = BTreeMap::new();
    if gone.is_empty() {
        return displaced;
    }
    let read = || plan.read.iter().filter(|planned| planned.contradicted.is_none());
    let paths: BTreeSet<(&str, &str)> =
        read().map(|planned| (planned.delivery.feed.as_str(), planned.delivery.path.as_str())).collect();
    let full = |planned: &&Planned| feeds[planned.feed].feed.mode == Mode::Full;
    let days: BTreeMap<(&str, &str, i64), &Planned> = read()
        .filter(full)
        .map(|planned| {
            let day = sets::day(&feeds[planned.feed].feed, planned.known_at(), zone);
            ((planned.delivery.feed.as_str(), planned.series.as_str(), day), planned)
        })
        .collect();
    for (key, entry) in gone {
        if paths.contains(&(entry.feed.as_str(), entry.path.as_str())) {
            displaced.insert(key.clone(), entry.path.clone());
            continue;
        }
        let Some(loaded) = feeds.iter().find(|loaded| loaded.feed.name == entry.feed) else { continue };
        let day = sets::day(&loaded.feed, entry.known_at, zone);
        if let Some(planned) = days.get(&(entry.feed.as_str(), entry.series.as_str(), day))
            && (entry.set != planned.set || entry.set.is_none())
        {
            displaced.insert(key.clone(), planned.delivery.path.clone());
        }
    }
    displaced
}

/// Whether a feed delivers full snapshots of a table that is held whole.
pub fn is_snapshot(feed: &Feed, catalog: &Catalog) -> bool {
    let is_whole = |table: &Table| table.partition == Partition::Whole;
    feed.mode == Mode::Full && catalog.table(&feed.fills).is_some_and(is_whole)
}

/// Adds the rest of every set of which an object is read: what was refused with it, and of a full snapshot what was accepted.
fn reopen(plan: &mut DeliveryPlan, feeds: &[LoadedFeed], ledger: &Ledger) {
    let reading: BTreeSet<&str> = plan.read.iter().map(|planned| planned.key.as_str()).collect();
    let of_set = |planned: &Planned| planned.set.clone().map(|set| (planned.feed, set));
    let sets: BTreeMap<(usize, String), String> =
        plan.read.iter().filter_map(|planned| Some((of_set(planned)?, planned.delivery.path.clone()))).collect();
    let mut more = Vec::new();
    for planned in plan.listed.values().filter(|planned| planned.contradicted.is_none()) {
        if reading.contains(planned.key.as_str()) {
            continue;
        }
        let Some(because) = of_set(planned).and_then(|set| sets.get(&set)) else { continue };
        let Some(entry) = ledger.entries.get(&planned.key) else { continue };
        let feed = &feeds[planned.feed].feed;
        if entry.is_accepted() && feed.mode != Mode::Full {
            continue;
        }
        if entry.is_accepted() {
            let why = format!("{because} came to a snapshot that was there already");
            plan.start_over.entry(feed.fills.clone()).or_insert(why);
        }
        more.push(Planned { why: Why::Reopened, ..planned.clone() });
    }
    plan.read.extend(more);
}

/// When the newest delivery of a table was made in which the row's own update decides while rows without one are told among rows
/// with one: the statements of a key can only be weighed in the order they were made then, so nothing older may come after.
fn turn(feed: &Feed, ledger: &Ledger, catalog: &Catalog) -> Option<i64> {
    let latest = catalog.table(&feed.fills)?.latest.as_deref()?;
    let (mut newest, mut with, mut without) = (None, false, !feed.maps(latest));
    for entry in ledger.entries.values().filter(|entry| entry.table == feed.fills && entry.is_accepted()) {
        let filled = entry.coverage.get(latest).copied().unwrap_or(0);
        newest = newest.max(Some(entry.known_at));
        with |= filled > 0;
        without |= filled < entry.counts.read.saturating_sub(entry.counts.rejected);
    }
    newest.filter(|_| with && without)
}

/// Whether a feed delivers whole snapshots of a history table without saying since when its rows hold.
pub fn is_undated_snapshot(feed: &Feed, catalog: &Catalog) -> bool {
    feed.mode == Mode::Full
        && catalog.table(&feed.fills).is_some_and(|table| table.column("effective_from").is_some())
        && !feed.maps("effective_from")
}

fn sort(read: &mut [Planned]) {
    read.sort_by(|a, b| (a.delivery.known_at, &a.key).cmp(&(b.delivery.known_at, &b.key)));
}

/// The instant a name's date and time mean: in the reporting zone, the earlier one where a clock change makes two.
fn instant(Dated { local, is_utc }: Dated, zone: Tz) -> DateTime<Utc> {
    if is_utc {
        return local.and_utc();
    }
    let zoned = zone.from_local_datetime(&local).earliest();
    zoned.map_or_else(|| local.and_utc(), |zoned| zoned.with_timezone(&Utc))
}

#[cfg(test)]
mod tests {
    use super::anew::start_over;
    use super::*;

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
            known_at: known_at.parse::<DateTime<Utc>>().unwrap().timestamp_micros(),
            refused: refused.then(|| "empty_file".into()),
            feed_hash: feed_hash.into(),
            commit: 1,
            ..Entry::default()
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
        let local = Dated { local: "2026-10-25T02:30:00".parse().unwrap(), is_utc: false };
        assert_eq!(instant(local, BERLIN).to_rfc3339(), "2026-10-25T00:30:00+00:00");
        let skipped = Dated { local: "2026-03-29T02:30:00".parse().unwrap(), is_utc: false };
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
            let read_as = feeds[0].feed.read_as.clone();
            let past = past.clone().map(|entry| Entry { read_as: read_as.clone(), ..entry });
            let ledger = ledger(&past);
            let mut plan = deliveries(objects, feeds, &ledger, BERLIN, None).unwrap();
            start_over(&mut plan, objects, feeds, &ledger, &catalog, &[]).unwrap();
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
