//! The gate: bytes of one delivery in, canon rows and rejects out. Knows no store and no clock.
//!
//! A **feed** file (`schemas/feed/*.toml`, owned by customers, read at run time) says how a vendor's export becomes rows
//! of one canon table. [`Feed::parse`] validates it, [`Feed::recognise`] finds its files, [`read`] reads one delivery:
//! a bad record is data ([`Reject`]), a bad file is a [`Refusal`]. Nothing is inferred: type, header, delimiter,
//! encoding, date order and zone come from the feed.
//!
//! `try_files` tries files, `propose` drafts a feed · `pattern`, `place` path patterns and what they say · `file`, `resolve`, `plan` the feed file as written and as meant · `read` bytes to records · `cast` one
//! value, with `number`, `ids`, `combined` (words of several columns) and `headers` (patterns of names) · `moment` days and instants · `order` of day and month · `effects` keys that would do nothing · `batch`, `dictionary` columns · `bound` columns of a source · `gate` one record · `made_day` days made of other columns · `unique` keys within a delivery · `control` totals beside it · `pseudonym` · `signature` what is kept of a text that is not · `watch` what the rows of a delivery tell together, `set` those of several objects · `reject`
//! the closed list of reasons · `xapi` statements · `sites` whose accounts they name · `extract` whose act a log line tells of

mod batch;
mod bound;
mod cast;
mod combined;
mod control;
mod dictionary;
mod duration;
mod effects;
mod extract;
mod file;
mod gate;
mod headers;
mod ids;
mod keys;
mod made_day;
mod moment;
mod number;
mod order;
pub(crate) mod pattern;
pub mod place;
mod plan;
pub mod propose;
mod pseudonym;
mod read;
mod reject;
mod remarks;
mod resolve;
mod select;
pub mod set;
mod signature;
mod sites;
mod time;
pub mod try_files;
mod unique;
mod watch;
mod xapi;

use std::collections::HashSet;

use arrow::array::RecordBatch;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use sha2::{Digest, Sha256};

pub use batch::{DELETED, ROW, is_dictionary, schema};
pub use gate::REJECTS_KEPT;
pub use ids::{Known, Zeros, holds_ids, zeros_lost};
pub use made_day::fill as fill_made_days;
pub use plan::{Feed, FeedError, FileFormat, Gates, Limits, Mode, Nulls, Snapshots, Verdict};
pub use pseudonym::{Pseudonyms, WeakKey};
pub use reject::{Reason, Refusal, Reject};

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
    /// When the delivery was made; [`read`] says so.
    pub known_at: Option<DateTime<Utc>>,
    /// The bytes of the sidecar, where the feed declares one and it was found.
    pub sidecar: Option<&'a [u8]>,
    /// Where the delivery lies: its path may hold values.
    pub path: &'a str,
    /// The ids that the feed's last snapshot held, where there is one.
    pub known: Option<&'a Known>,
    /// It is a part of a set: what only all of them together can tell is left to [`set::judge`].
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
    fn waits_for_set(&self, feed: &Feed) -> bool {
        self.is_part && feed.chooses_among_parts(self.table)
    }

    /// The same with days of the job's reporting zone.
    pub fn in_zone(self, zone: Tz) -> Context<'a> {
        Context { zone, ..self }
    }
}

/// What reading one delivery gave. `read = accepted + rejected_count() + filtered + duplicate + superseded + voided`; the merge splits
/// `accepted` further.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Intake {
    /// Records, header, footers and blank lines not counted.
    pub read: u64,
    pub accepted: u64,
    /// Records that the feed's `where` left out.
    pub filtered: u64,
    /// Records that another one of the delivery repeats, outranks or takes back, by the feed's own rules.
    pub duplicate: u64,
    pub superseded: u64,
    pub voided: u64,
    /// What the accepted records say to these rules, until the rules have been applied.
    pub(crate) marks: Vec<select::Mark>,
    /// The first [`REJECTS_KEPT`] rejects, in file order.
    pub rejected: Vec<Reject>,
    /// All rejects, by reason.
    pub rejected_by_reason: Vec<(Reason, u64)>,
    pub blank_lines: u64,
    pub warnings: Vec<Warning>,
    /// Values that are not null among the accepted rows, by stored canon column.
    pub coverage: Vec<(String, u64)>,
    /// Optional columns that the feed maps and the export lacks: what was known of them stays.
    pub absent: Vec<String>,
    /// Values that no entry of a value map names and a default stood in for, by canon column.
    pub unknown_values: Vec<(String, u64)>,
    /// Of the key of a full snapshot, how its ids are written.
    pub zeros: Zeros,
    /// Of a part of a set, how its columns of days are written, and the sites whose accounts it names where none are declared.
    pub(crate) orders: Vec<(String, order::Orders)>,
    pub(crate) sites: Vec<String>,
    /// SHA-256 of the object as stored, 64 hex digits.
    pub sha256: String,
}

impl Intake {
    pub fn rejected_count(&self) -> u64 {
        self.rejected_by_reason.iter().map(|(_, count)| count).sum()
    }

    /// Records that passed the gate, whatever the feed's rules made of them.
    pub fn passed(&self) -> u64 {
        self.accepted + self.duplicate + self.superseded + self.voided
    }
}

/// Something worth knowing that refuses nothing.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Warning {
    /// A code of [`FINDINGS`](crate::contract::findings::FINDINGS).
    pub code: &'static str,
    /// Why, where the code alone does not say: the [`Reason`] of a dropped value.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<&'static str>,
    /// The canon column, or the source's name of an unknown one.
    pub column: Option<String>,
    pub count: u64,
}

impl Warning {
    pub(crate) fn new(code: &'static str, column: Option<&str>, count: u64) -> Warning {
        Warning {
            code,
            reason: None,
            column: column.map(|name| name.chars().take(100).flat_map(char::escape_debug).collect()),
            count,
        }
    }
}

/// Why reading stopped before the end.
#[derive(Debug)]
pub enum Stop<E> {
    /// The delivery is refused whole; batches already handed over must be thrown away.
    Refused(Refusal),
    /// The sink failed.
    Sink(E),
}

impl<E> From<Refusal> for Stop<E> {
    fn from(refusal: Refusal) -> Stop<E> {
        Stop::Refused(refusal)
    }
}

/// Reads one delivery through the gate. Batches of up to 65,536 rows go to `sink` in the order of the file: the stored
/// columns of the canon table in contract order ([`schema`]), then `_row` (record number) and `_deleted`.
///
/// # Errors
/// [`Stop::Refused`] when the delivery as a whole cannot be trusted, [`Stop::Sink`] when the sink fails.
pub fn read<E>(
    feed: &Feed,
    context: &Context<'_>,
    delivery: &Delivery,
    bytes: &Bytes,
    sink: &mut dyn FnMut(RecordBatch) -> Result<(), E>,
) -> Result<Intake, Stop<E>> {
    let context = &Context { path: &delivery.path, ..*context };
    let size = bytes.len() as u64;
    if size > feed.limits.object_bytes {
        return Err(Refusal::new(
            Reason::DecompressionLimit,
            format!("the object has more than {} bytes", feed.limits.object_bytes),
        )
        .into());
    }
    let digest = sha256(bytes);
    let context = &Context { known_at: Some(delivery.known_at), ..*context };
    let refused = if feed.unique_key && !feed.select.chooses() && !context.waits_for_set(feed) {
        match unique::conflicts(feed, context, delivery, bytes).map_err(|stop| deeper_cause(feed, bytes, stop)) {
            Err(Stop::Refused(refusal)) if is_idle(feed, &refusal) => HashSet::new(),
            conflicts => conflicts?,
        }
    } else {
        HashSet::new()
    };
    let read = watched(feed, context, delivery, bytes, &refused, sink).map_err(|stop| deeper_cause(feed, bytes, stop));
    let mut intake = match read {
        Err(Stop::Refused(refusal)) if is_idle(feed, &refusal) => Intake::default(),
        read => read?,
    };
    if feed.sidecar.is_some() {
        control::check(context.sidecar, &delivery.path, intake.read, size, &digest)?;
    }
    if feed.mode == Mode::Append && intake.read == 0 {
        intake.warnings.push(Warning::new("idle", None, 1));
    }
    intake.sha256 = digest;
    Ok(intake)
}

/// Lets a feed's rules choose among the rows of all parts of a set, each with its intake.
///
/// # Errors
/// Rows cannot be compared; a bug.
pub fn choose(feed: &Feed, table: &Table, parts: &mut [(&mut Intake, &mut Vec<RecordBatch>)]) -> Result<(), Refusal> {
    select::settle(feed, table, parts)
}

/// One pass over the records: those that the feed's rules choose go to `sink`, and what they give away together is noted.
fn watched<E>(
    feed: &Feed,
    context: &Context<'_>,
    delivery: &Delivery,
    bytes: &Bytes,
    refused: &HashSet<u64>,
    sink: &mut dyn FnMut(RecordBatch) -> Result<(), E>,
) -> Result<Intake, Stop<E>> {
    let mut all: Vec<RecordBatch> = Vec::new();
    let is_watched = !context.is_part && !watch::is_idle(feed, context.table);
    let mut hand_on = |batch: RecordBatch| -> Result<(), Stop<E>> {
        all.extend(is_watched.then(|| batch.clone()));
        sink(batch).map_err(Stop::Sink)
    };
    let flat = |stop: Stop<Stop<E>>| match stop {
        Stop::Refused(refusal) => Stop::Refused(refusal),
        Stop::Sink(stop) => stop,
    };
    let mut intake = if context.waits_for_set(feed) {
        // What the rules choose among is the whole set, see [`choose`].
        pass(feed, context, delivery, bytes, refused, &mut |batch| sink(batch).map_err(Stop::Sink)).map_err(flat)?
    } else if feed.select.chooses() {
        let mut batches = Vec::new();
        let mut hold = |batch: RecordBatch| -> Result<(), Stop<E>> {
            batches.push(batch);
            Ok(())
        };
        let mut intake = pass(feed, context, delivery, bytes, refused, &mut hold).map_err(flat)?;
        select::settle(feed, context.table, &mut [(&mut intake, &mut batches)])?;
        batches.into_iter().try_for_each(&mut hand_on)?;
        intake
    } else {
        pass(feed, context, delivery, bytes, refused, &mut hand_on).map_err(flat)?
    };
    intake.warnings.extend(watch::notice(feed, context.table, &all)?);
    if intake.filtered > 0 {
        intake.warnings.push(Warning::new("filtered", None, intake.filtered));
    }
    Ok(intake)
}

/// Whether a feed of events delivered an hour in which nothing happened, as an object without any content. One whose last line
/// has to say how many records it holds is cut short instead.
fn is_idle(feed: &Feed, refusal: &Refusal) -> bool {
    let owes_total = feed.footer_total.is_some() && !feed.footer_optional;
    feed.mode == Mode::Append && refusal.reason == Reason::EmptyFile && refusal.detail.is_empty() && !owes_total
}

/// A damaged or bursting archive is the cause of whatever its content looks like: before a packed file is refused for
/// its content, it is unpacked to the last checksum.
fn deeper_cause<E>(feed: &Feed, bytes: &Bytes, stop: Stop<E>) -> Stop<E> {
    let Stop::Refused(refusal) = stop else { return stop };
    let cause = read::bytes::Unpacked::new(bytes, &feed.limits).and_then(|mut unpacked| {
        let mut chunk = Vec::new();
        while unpacked.fill(&mut chunk)? {
            chunk.clear();
        }
        Ok(())
    });
    Stop::Refused(match cause {
        Err(cause) if cause.reason != Reason::EmptyFile => cause,
        _ => refusal,
    })
}

fn pass<'a, E>(
    feed: &'a Feed,
    context: &Context<'a>,
    delivery: &Delivery,
    bytes: &Bytes,
    refused: &'a HashSet<u64>,
    sink: &'a mut dyn FnMut(RecordBatch) -> Result<(), E>,
) -> Result<Intake, Stop<E>> {
    match feed.format_of(&delivery.path) {
        FileFormat::Csv => read::csv::read(feed, context, bytes, refused, sink),
        format @ (FileFormat::Ndjson | FileFormat::JsonArray) => {
            read::json::read(feed, context, format, bytes, refused, sink)
        }
        FileFormat::Parquet => read::parquet::read(feed, context, bytes, refused, sink),
    }
}

/// SHA-256 of an object, 64 hex digits.
pub fn sha256(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

#[cfg(test)]
mod tests;
