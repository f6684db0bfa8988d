//! Objects that are one delivery: parts of a set, and full snapshots that contradict each other. Pure, from the listing alone.
//!
//! Parts are declared by `{part}` in the feed's path, by Spark's `name.parquet/part-*`, or by a marker (`_SUCCESS`) in their
//! folder. Whatever else a feed delivers in full for one day, twice, is a contradiction that nobody but its sender can settle:
//! to take the later one, or both, would let a stray copy rewrite history in silence.

use std::collections::{BTreeMap, BTreeSet};

use chrono_tz::Tz;

use super::planned::{LoadedFeed, Planned};
use crate::feed::place::{Place, SUCCESS, folder, name};
use crate::feed::{Feed, Mode, Snapshots};
use crate::period::local_day;
use crate::store::Object;

/// An object of a feed with what its path says.
pub(super) struct Candidate {
    pub planned: Planned,
    pub place: Place,
}

/// Objects that hold back until their folder is complete.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    pub feed: String,
    pub folder: String,
    pub marker: String,
    pub objects: usize,
}

impl std::fmt::Display for Waiting {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Waiting { folder, marker, objects, .. } = self;
        let objects = if *objects == 1 { "1 object".to_owned() } else { format!("{objects} objects") };
        write!(f, "{folder}/ waits for its {marker} ({objects})")
    }
}

/// The marker a feed's folders may hold.
pub(super) fn marker(feed: &Feed) -> &str {
    feed.marker.as_deref().unwrap_or(SUCCESS)
}

/// The folders of a feed that hold its marker.
pub(super) struct Marked {
    by_feed: Vec<BTreeSet<String>>,
}

impl Marked {
    pub fn of(objects: &[Object], feeds: &[LoadedFeed]) -> Marked {
        let folders = |loaded: &LoadedFeed| {
            let marker = marker(&loaded.feed);
            let marked = objects.iter().filter(|object| name(&object.path) == marker);
            marked.map(|object| folder(&object.path).to_owned()).collect()
        };
        Marked { by_feed: feeds.iter().map(folders).collect() }
    }

    pub fn holds(&self, feed: usize, path: &str) -> bool {
        self.by_feed.get(feed).is_some_and(|folders| folders.contains(folder(path)))
    }

    /// Whether an object is a marker of some feed.
    pub fn is_marker(&self, feeds: &[LoadedFeed], path: &str) -> bool {
        feeds.iter().any(|loaded| marker(&loaded.feed) == name(path))
    }
}

/// Gives every candidate its set, the set's instant, and the snapshots it contradicts.
pub(super) fn settle(candidates: Vec<Candidate>, feeds: &[LoadedFeed], zone: Tz) -> Vec<Planned> {
    let mut candidates = candidates;
    for candidate in &mut candidates {
        candidate.planned.series.clone_from(&candidate.place.series);
        let feed = &feeds[candidate.planned.feed].feed;
        candidate.planned.set = set(feed, candidate);
    }
    // A set is known once its last object is.
    let mut known: BTreeMap<(usize, String), chrono::DateTime<chrono::Utc>> = BTreeMap::new();
    for Candidate { planned, .. } in &candidates {
        if let Some(set) = &planned.set {
            let at = known.entry((planned.feed, set.clone())).or_insert(planned.delivery.known_at);
            *at = (*at).max(planned.delivery.known_at);
        }
    }
    for Candidate { planned, .. } in &mut candidates {
        if let Some(at) = planned.set.as_ref().and_then(|set| known.get(&(planned.feed, set.clone()))) {
            planned.delivery.known_at = *at;
        }
    }
    contradict(&mut candidates, feeds, zone);
    candidates.into_iter().map(|candidate| candidate.planned).collect()
}

/// The set of an object, named so that each of its parts gives the same name, whenever it comes.
fn set(feed: &Feed, candidate: &Candidate) -> Option<String> {
    let Candidate { planned, place } = candidate;
    let exact = || match place.dated {
        None => "undated".to_owned(),
        Some(at) if at.local.time() == chrono::NaiveTime::MIN => at.local.date().to_string(),
        Some(at) => at.local.format("%Y-%m-%dT%H:%M:%S").to_string(),
    };
    let (made, folders) = match &place.part {
        // Parts of a day may be written one after the other.
        Some(_) if feed.mode == Mode::Full && feed.snapshots == Snapshots::Daily => {
            (place.dated.map_or_else(exact, |at| at.local.date().to_string()), place.folders.clone())
        }
        Some(_) => (exact(), place.folders.clone()),
        None if planned.marked => (exact(), format!("{}/", folder(&planned.delivery.path))),
        None => return None,
    };
    let words = [made, place.series.clone(), folders];
    Some(words.into_iter().filter(|word| !word.is_empty()).collect::<Vec<String>>().join(" "))
}

/// Finds full snapshots of one feed, one series and one day, and the same part given twice.
fn contradict(candidates: &mut [Candidate], feeds: &[LoadedFeed], zone: Tz) {
    let mut days: BTreeMap<(usize, String, i64), BTreeMap<String, Vec<usize>>> = BTreeMap::new();
    for (at, candidate) in candidates.iter().enumerate() {
        let planned = &candidate.planned;
        let feed = &feeds[planned.feed].feed;
        if feed.mode == Mode::Full {
            let unit = planned.set.clone().unwrap_or_else(|| planned.delivery.path.clone());
            let day = (planned.feed, planned.series.clone(), day(feed, planned.known_at(), zone));
            days.entry(day).or_default().entry(unit).or_default().push(at);
        }
    }
    for units in days.into_values() {
        let mut contradicted: BTreeSet<usize> = BTreeSet::new();
        if units.len() > 1 {
            contradicted.extend(units.values().flatten());
        }
        for members in units.values() {
            let mut parts: BTreeMap<&str, usize> = BTreeMap::new();
            for &at in members {
                let part = candidates[at].place.part.as_deref();
                if part.and_then(|part| parts.insert(part, at)).is_some() {
                    contradicted.extend(members);
                }
            }
        }
        let paths: Vec<String> = contradicted.iter().map(|&at| candidates[at].planned.delivery.path.clone()).collect();
        for at in contradicted {
            let own = &candidates[at].planned.delivery.path;
            let others: Vec<&str> = paths.iter().filter(|path| *path != own).map(String::as_str).collect();
            let more = others.len().saturating_sub(NAMED);
            let mut named = others[..others.len() - more].join(", ");
            if more > 0 {
                named.push_str(&format!(" and {more} more"));
            }
            candidates[at].planned.contradicted = Some(named);
        }
    }
}

/// Others that a refusal names.
const NAMED: usize = 5;

/// What two snapshots must not share: the local day, or the instant.
pub(super) fn day(feed: &Feed, known_at: i64, zone: Tz) -> i64 {
    match feed.snapshots {
        Snapshots::Daily => i64::from(local_day(known_at, zone)),
        Snapshots::Instant => known_at,
    }
}
