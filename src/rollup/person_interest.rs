//! What each person looked for on one day, so that a period knows which topics are in demand without reading events again.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, Date32Array, RecordBatch, StringArray};
use arrow::error::ArrowError;
use hashbrown::HashSet;

use crate::canon::columns::Text;
use crate::canon::history::People;
use crate::canon::identity::{Identity, Who};
use crate::contract::Table;
use crate::contract::arrow::mart_schema;
use crate::period::Day;

/// Verbs of somebody who looks for something.
const LOOKING: [&str; 3] = ["viewed", "searched", "commented"];

/// The rows of canon `person_interest` for one day, ascending by person and content.
///
/// # Errors
/// The contract and this file disagree.
pub fn rows(
    table: &Table,
    day: Day,
    activity: &[RecordBatch],
    identity: &Identity,
    people: &People,
) -> Result<RecordBatch, ArrowError> {
    // Contents under small numbers, in order of their ids.
    let mut ids: BTreeMap<String, u32> = BTreeMap::new();
    let mut pairs: HashSet<(u32, u32)> = HashSet::new();
    for batch in activity {
        let count = batch.num_rows();
        let worker = Text::of(batch, "user_id").each(count, &mut |user| match identity.who(user, day) {
            Who::Worker(worker) => Some(worker),
            _ => None,
        });
        let looks = Text::of(batch, "verb").each(count, &mut |verb| LOOKING.contains(&verb));
        let content = Text::of(batch, "object_id").each(count, &mut |id| {
            let next = ids.len() as u32;
            *ids.entry(id.to_owned()).or_insert(next)
        });
        for row in 0..count {
            if let (Some(Some(worker)), Some(true), Some(content)) = (worker[row], looks[row], content[row]) {
                pairs.insert((worker, content));
            }
        }
    }
    let mut place = vec![0u32; ids.len()];
    ids.values().enumerate().for_each(|(rank, code)| place[*code as usize] = rank as u32);
    let names: Vec<&String> = ids.keys().collect();
    let mut rows: Vec<(u32, u32)> =
        pairs.into_iter().map(|(worker, content)| (worker, place[content as usize])).collect();
    // Codes of workers ascend as their ids do.
    rows.sort_unstable();
    rows.retain(|(worker, _)| people.workers.len() > *worker as usize);
    let columns: Vec<ArrayRef> = vec![
        Arc::new(Date32Array::from(vec![day; rows.len()])),
        Arc::new(StringArray::from_iter_values(rows.iter().map(|(worker, _)| &people.workers[*worker as usize]))),
        Arc::new(StringArray::from_iter_values(rows.iter().map(|(_, content)| names[*content as usize]))),
    ];
    RecordBatch::try_new(mart_schema(table), columns)
}
