//! One delivery and what reading it needs besides its bytes.

use chrono::{DateTime, Utc};
use chrono_tz::Tz;

use super::feed::Feed;
use super::ids::Known;
use super::pseudonym::Pseudonyms;
use crate::contract::Table;

/// One file of a feed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    pub feed: String,
    pub path: String,
    /// Bytes as stored.
    pub size: u64,
    pub etag: Option<String>,
    /// When it was made: the date in its name or, failing that, its last-modified time.
    pub known_at: DateTime<Utc>,
}

/// What reading needs besides the feed and the bytes.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    /// The canon table the feed fills.
    pub table: &'a Table,
    /// Instants later than this plus the skew lie in the future.
    pub as_of: DateTime<Utc>,
    /// The job's reporting zone: it decides which day an instant belongs to.
    pub zone: Tz,
    /// Clocks of vendors run fast, zones run ahead: one day is the house's rule.
    pub future_skew_seconds: i64,
    pub pseudonyms: &'a Pseudonyms,
    /// When the delivery was made; [`read`](super::read()) says so.
    pub known_at: Option<DateTime<Utc>>,
    /// The bytes of the sidecar, where the feed declares one and it was found.
    pub sidecar: Option<&'a [u8]>,
    /// Where the delivery lies: its path may hold values.
    pub path: &'a str,
    /// The ids that the feed's last snapshot held, where there is one.
    pub known: Option<&'a Known>,
    /// It is a part of a set: what only all of them together can tell is left to [`set::judge`](super::set::judge).
    pub is_part: bool,
}

impl<'a> Context<'a> {
    /// A context with one day of skew, no sidecar and days of UTC.
    pub fn new(table: &'a Table, as_of: DateTime<Utc>, pseudonyms: &'a Pseudonyms) -> Context<'a> {
        Context {
            table,
            as_of,
            future_skew_seconds: 86_400,
            pseudonyms,
            zone: Tz::UTC,
            known_at: None,
            sidecar: None,
            path: "",
            known: None,
            is_part: false,
        }
    }

    /// Whether which of the records count is known once all parts of the set are read.
    pub(super) fn waits_for_set(&self, feed: &Feed) -> bool {
        self.is_part && feed.chooses_among_parts(self.table)
    }

    /// The same with days of the job's reporting zone.
    pub fn in_zone(self, zone: Tz) -> Context<'a> {
        Context { zone, ..self }
    }
}
