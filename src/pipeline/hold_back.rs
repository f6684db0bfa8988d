//! A run that is held back publishes nothing but what operators read: which delivery or feed holds it, since when, and what is wrong.
//! Every other file and the ledger stay as they were, so what holds the run back never becomes known and is judged again by the next.

use std::collections::BTreeMap;

use super::context::Context;
use super::held::{Held, Stop};
use super::lake::Lake;
use super::memory::{Memory, READING, memory};
use super::ops;
use crate::error::{Error, Exit, Result};
use crate::ledger::Entry;
use crate::publish::commit::SHOWS;
use crate::publish::{Commit, Draft, Publisher};

/// What is held where neither a delivery nor a feed is at fault.
const RUN: &str = "run";

/// What holds this run back, by the delivery's name in the ledger or the feed's. What held the last one back, too, is as it was told then.
fn held(context: &Context<'_>, stop: &Stop, before: &BTreeMap<String, Held>) -> BTreeMap<String, Held> {
    let since = instant(context);
    let hint = stop.error.hint.clone();
    let mut held: BTreeMap<String, Held> = BTreeMap::new();
    for (entry, _) in &stop.refused {
        let reason = entry.refused.clone().unwrap_or_default();
        let sentence = entry.sentence.clone().unwrap_or_default();
        let entry = Some(Entry { commit: context.next_commit, ..entry.clone() });
        let of = entry.as_ref().map(Entry::key).unwrap_or_default();
        held.insert(of, Held { entry, reason, sentence, hint: hint.clone(), since: since.clone() });
    }
    if held.is_empty() {
        let reason = if stop.error.exit == Exit::Limit { "limit" } else { "gate" }.to_owned();
        let sentence = stop.error.message.clone();
        let of = stop.of.clone().unwrap_or_else(|| RUN.into());
        held.insert(of, Held { entry: None, reason, sentence, hint, since });
    }
    for (of, held) in &mut held {
        if let Some(known) = before.get(of) {
            // Of a run as a whole only its words tell one cause from another.
            if known.is(held) && (of != RUN || known.sentence == held.sentence) {
                *held = known.clone();
            } else {
                held.since.clone_from(&known.since);
            }
        }
    }
    held
}

fn instant(context: &Context<'_>) -> String {
    context.as_of.to_rfc3339_opts(chrono::SecondsFormat::Secs, true)
}

/// What a run that is held back commits: the tables of operators, and everything else as head has it. Where the last run was held back
/// by the same, it is head itself.
///
/// # Errors
/// The store fails.
pub fn draft(context: &Context<'_>, publisher: &Publisher<'_>, stop: &Stop) -> Result<Draft> {
    let head = publisher.head();
    let context =
        &Context { next_commit: head.map_or(1, |head| head.n + 1), backfill: None, rebuild: None, ..*context };
    let before = memory(head)?;
    let held = held(context, stop, &before.held);
    if let Some(head) = head.filter(|_| held == before.held) {
        return Ok(of_head(head));
    }
    let mut lake = Lake::new(context.catalog, context.lake, publisher, false);
    ops::bring_forward(context, &mut lake)?;
    ops::describe_held(context, &mut lake, &before.deliveries, &held, &stop.refused, head)?;
    let reading = if head.is_some() { before.reading } else { READING };
    let memory = Memory { reading, held, ..before };
    let mut counts = BTreeMap::from([("deliveries_held".to_owned(), memory.held.len() as u64)]);
    // Which commit's tables are shown: those of `latest/` that do not change keep saying so.
    counts.insert(SHOWS.to_owned(), head.map_or(0, Commit::shows));
    Ok(Draft {
        as_of: head.map_or_else(|| instant(context), |head| head.as_of.clone()),
        binary_version: env!("CARGO_PKG_VERSION").into(),
        config_hash: context.job.config_hash(),
        contract_hashes: context.catalog.tables().map(|table| (table.name.clone(), table.hash.clone())).collect(),
        files: lake.files,
        ledger: serde_json::to_value(&memory).map_err(|cause| Error::bug(cause.to_string()))?,
        counts,
    })
}

/// A commit once more: there is nothing to do.
fn of_head(head: &Commit) -> Draft {
    Draft {
        as_of: head.as_of.clone(),
        binary_version: head.binary_version.clone(),
        config_hash: head.config_hash.clone(),
        contract_hashes: head.contract_hashes.clone(),
        files: head.files.clone(),
        ledger: head.ledger.clone(),
        counts: head.counts.clone(),
    }
}
