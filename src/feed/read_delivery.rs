//! One delivery through the gate: its keys first, then its records, then what its totals say.

use std::collections::HashSet;

use arrow::array::RecordBatch;
use bytes::Bytes;

use super::context::{Context, Delivery};
use super::feed::{Feed, Mode};
use super::intake::Intake;
use super::read::bytes::Unpacked;
use super::read::pass::pass;
use super::reject::{Reason, Refusal, Stop};
use super::sha256::sha256;
use super::warning::Warning;
use super::{control, select, unique, watch};
use crate::contract::Table;

/// Reads one delivery through the gate. Batches of up to 65,536 rows go to `sink` in the order of the file: the stored
/// columns of the canon table in contract order ([`schema`](super::schema)), then `_row` (record number) and `_deleted`.
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
    let cause = Unpacked::new(bytes, &feed.limits).and_then(|mut unpacked| {
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
