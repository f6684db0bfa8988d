//! One delivery as planned: of which feed it is, and why it is read.

use serde::Serialize;

use crate::feed::{Delivery, Feed};
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
    /// It was refused before, and what it was refused for has changed since: the feed file, its control totals, another snapshot.
    Mended,
    /// Another object of its set is read.
    Reopened,
    /// Another full snapshot of its day is there: both are refused.
    Contradicted,
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
    /// Its name in the ledger, see [`crate::ledger::key`].
    pub key: String,
    /// Whether other feeds read the object too.
    pub shared: bool,
    /// Values of the path's placeholders.
    pub series: String,
    /// The set it is a part of.
    pub set: Option<String>,
    /// Whether the marker of its folder lies beside it.
    pub marked: bool,
    /// Its control totals as listed, where the feed declares some.
    pub sidecar: Option<String>,
    /// The other snapshots of its day, by name, where it contradicts them.
    pub contradicted: Option<String>,
}

impl Planned {
    /// When it was made, in microseconds since the epoch.
    pub fn known_at(&self) -> i64 {
        self.delivery.known_at.timestamp_micros()
    }
}
