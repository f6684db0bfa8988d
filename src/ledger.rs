//! Deliveries seen and what became of each record: rows in = accepted + rejected + duplicate + voided + superseded + filtered +
//! forgotten.
//!
//! The ledger travels inside the commit, so "which inputs is this table made of?" has one answer per snapshot.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::canon::merge::{Losses, Lost};
use crate::feed;

/// What became of the records of one delivery. Accepted are the ones that live in canon now.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    pub read: u64,
    pub accepted: u64,
    pub rejected: u64,
    pub duplicate: u64,
    pub voided: u64,
    pub superseded: u64,
    /// Left out by the feed's `where`, before anything was judged.
    #[serde(default)]
    pub filtered: u64,
    /// Of people whose rows were erased.
    #[serde(default)]
    pub forgotten: u64,
}

impl Counts {
    /// Whether every record read is accounted for.
    pub fn conserved(&self) -> bool {
        let gone = self.rejected + self.duplicate + self.voided + self.superseded + self.filtered + self.forgotten;
        self.read == self.accepted + gone
    }

    /// What became of the records read, as the right side of the equation: `2 accepted + 1 rejected + …`.
    pub fn parts(&self) -> String {
        let Counts { read: _, accepted, rejected, duplicate, voided, superseded, filtered, forgotten } = self;
        format!(
            "{accepted} accepted + {rejected} rejected + {duplicate} duplicate + {voided} voided + {superseded} superseded + {filtered} filtered + {forgotten} forgotten"
        )
    }

    /// Records that passed the gate, whatever became of them since.
    pub fn passed(&self) -> u64 {
        self.read.saturating_sub(self.rejected + self.filtered)
    }

    pub fn add(&mut self, other: &Counts) {
        self.read += other.read;
        self.accepted += other.accepted;
        self.rejected += other.rejected;
        self.duplicate += other.duplicate;
        self.voided += other.voided;
        self.superseded += other.superseded;
        self.filtered += other.filtered;
        self.forgotten += other.forgotten;
    }
}

/// One object seen in the landing area, as one feed reads it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    pub feed: String,
    /// The canon table the feed fills.
    pub table: String,
    pub path: String,
    pub size: u64,
    pub etag: Option<String>,
    pub sha256: String,
    /// Microseconds since the epoch, UTC.
    pub known_at: i64,
    /// The reason code, where the delivery was refused whole.
    pub refused: Option<String>,
    pub sentence: Option<String>,
    /// Of a refused delivery: where, why and how its records are written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub told: Option<feed::Told>,
    pub counts: Counts,
    /// Non-null values by canon column, of the accepted rows at reading.
    pub coverage: BTreeMap<String, u64>,
    /// Optional columns that the feed maps and the delivery lacks: what was known of them stays.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub absent: BTreeSet<String>,
    /// Workers employed on the day it was made, of a full snapshot of workers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub headcount: Option<u64>,
    /// A hash of the feed file it was read with: a mended feed reads a refused delivery again.
    pub feed_hash: String,
    /// A hash of what its rows come from beside its bytes: the feed as it is understood, and the contract of the table. What was read
    /// by other rules is read again.
    #[serde(default)]
    pub read_as: String,
    /// The commit that first held it.
    pub commit: u64,
    /// Values of the path's placeholders: each has its own series of snapshots.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub series: String,
    /// The delivery set it is a part of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub set: Option<String>,
    /// Other feeds read the object too.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub shared: bool,
    /// The marker of its folder lay beside it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub marked: bool,
    /// Which control totals it was compared with, as the store tells one object from the next.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sidecar: Option<String>,
}

/// The name of a delivery in the ledger and in the rows made of it: its path, and the feed where several read the object.
pub fn key(path: &str, feed: &str, shared: bool) -> String {
    if shared { format!("{path}#{feed}") } else { path.to_owned() }
}

impl Entry {
    /// Records that came without the day from which they hold, by the values that the key's first column and that day had at reading.
    pub fn undated(&self, key: &str) -> u64 {
        let filled = |column: &str| self.coverage.get(column).copied();
        filled("effective_from").map_or(0, |dated| filled(key).unwrap_or(0).saturating_sub(dated))
    }

    /// Its name in the ledger.
    pub fn key(&self) -> String {
        key(&self.path, &self.feed, self.shared)
    }

    /// Whether it is told together with another: the same one, or a part of the same set.
    pub fn is_with(&self, other: &Entry) -> bool {
        self.feed == other.feed && self.set == other.set && (self.set.is_some() || self.path == other.path)
    }

    pub fn is_accepted(&self) -> bool {
        self.refused.is_none()
    }

    /// Whether a listed object is this delivery, unchanged.
    pub fn is(&self, size: u64, etag: Option<&str>) -> bool {
        self.size == size && self.etag.as_deref() == etag
    }
}

/// All deliveries by [`Entry::key`].
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Ledger {
    pub entries: BTreeMap<String, Entry>,
}

impl Ledger {
    /// Moves rows that lost their life from accepted to where they went.
    pub fn lose(&mut self, losses: &Losses) {
        for ((delivery, kind), rows) in losses {
            let Some(entry) = self.entries.get_mut(delivery) else { continue };
            let counts = &mut entry.counts;
            counts.accepted = counts.accepted.saturating_sub(*rows);
            match kind {
                Lost::Duplicate => counts.duplicate += rows,
                Lost::Superseded => counts.superseded += rows,
                Lost::Voided => counts.voided += rows,
            }
        }
    }

    /// When the newest accepted deliveries of a feed were made, by the values of the path's placeholders; in microseconds since
    /// the epoch.
    pub fn newest(&self, feed: &str) -> BTreeMap<String, i64> {
        let mut newest: BTreeMap<String, i64> = BTreeMap::new();
        for entry in self.entries.values().filter(|entry| entry.feed == feed && entry.is_accepted()) {
            let known = newest.entry(entry.series.clone()).or_insert(entry.known_at);
            *known = (*known).max(entry.known_at);
        }
        newest
    }

    /// Accepted deliveries of a feed, oldest first.
    pub fn accepted<'a>(&'a self, feed: &str) -> Vec<&'a Entry> {
        let mut entries: Vec<&Entry> =
            self.entries.values().filter(|entry| entry.feed == feed && entry.is_accepted()).collect();
        entries.sort_by(|a, b| (a.known_at, &a.path).cmp(&(b.known_at, &b.path)));
        entries
    }

    /// Deliveries whose records do not add up. Always empty; a run that finds one stops.
    pub fn unaccounted(&self) -> Vec<&Entry> {
        self.entries.values().filter(|entry| !entry.counts.conserved()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ledger_from_before_records_were_left_out_or_forgotten_is_read_with_none() {
        let old = r#"{"read":3,"accepted":1,"rejected":1,"duplicate":0,"voided":0,"superseded":1}"#;
        let counts: Counts = serde_json::from_str(old).unwrap();
        assert!(counts.conserved() && counts.filtered == 0 && counts.forgotten == 0);
        let left_out = Counts { read: 4, filtered: 1, ..counts };
        assert!(left_out.conserved() && !Counts { forgotten: 1, ..left_out }.conserved());
    }
}
