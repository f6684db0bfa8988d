//! What each person reacted to on one day, so that a period of leaders' sharing reads its own days alone.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, Date32Array, Int64Array, RecordBatch, StringArray};
use arrow::error::ArrowError;

use crate::canon::columns::{Text, bools, instants};
use crate::canon::history::People;
use crate::canon::identity::{Identity, Who};
use crate::contract::Table;
use crate::contract::arrow::{DELETED, mart_schema};
use crate::period::Day;

/// The rows of canon `person_reaction` for one day, ascending by person and contribution; reactions of nobody we know, and those
/// taken back, are left out.
///
/// # Errors
/// The contract and this file disagree.
pub fn rows(
    table: &Table,
    day: Day,
    reactions: &[RecordBatch],
    identity: &Identity,
    people: &People,
) -> Result<RecordBatch, ArrowError> {
    let mut counts: BTreeMap<(&str, &str), i64> = BTreeMap::new();
    for batch in reactions {
        let (actor, contribution) = (Text::of(batch, "actor_id"), Text::of(batch, "contribution_id"));
        let (revoked_at, deleted) = (instants(batch, "revoked_at"), bools(batch, DELETED));
        for row in (0..batch.num_rows()).filter(|row| deleted(*row) != Some(true) && revoked_at(*row).is_none()) {
            let (Some(actor), Some(contribution)) = (actor.get(row), contribution.get(row)) else { continue };
            let Who::Worker(worker) = identity.who(actor, day) else { continue };
            let Some(person) = people.workers.get(worker as usize) else { continue };
            *counts.entry((person, contribution)).or_default() += 1;
        }
    }
    let columns: Vec<ArrayRef> = vec![
        Arc::new(Date32Array::from(vec![day; counts.len()])),
        Arc::new(StringArray::from_iter_values(counts.keys().map(|(person, _)| person))),
        Arc::new(StringArray::from_iter_values(counts.keys().map(|(_, contribution)| contribution))),
        Arc::new(Int64Array::from_iter_values(counts.values().copied())),
    ];
    RecordBatch::try_new(mart_schema(table), columns)
}
