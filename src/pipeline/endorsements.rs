//! Days of reactions that changed: the endorsements in them that stand. A day whose file is as it was is not read again.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, StringArray, TimestampMicrosecondArray};
use rayon::prelude::*;

use super::computed::{Computed, publish};
use super::context::Context;
use super::day_rows::{day_partition, partition_of};
use super::lake::Lake;
use super::steps::{Because, Fingerprint};
use crate::canon::columns::{Text, bools, instants};
use crate::contract::arrow::{DELETED, mart_schema};
use crate::error::Result;
use crate::mart::leader_post_effects;
use crate::period::{Day, local_day, month_label};
use crate::publish::FileRef;

/// Instant, account and contribution.
type Rows = BTreeSet<(i64, String, String)>;

/// Brings `endorsements` up to date with `reactions`.
///
/// # Errors
/// The store fails, or rows break their contract.
pub fn compute(
    context: &Context<'_>,
    lake: &mut Lake<'_>,
    made_from: &mut BTreeMap<String, String>,
    done: &mut Computed,
) -> Result<()> {
    let (table, reactions) = (context.catalog.require("endorsements")?, context.catalog.require("reactions")?);
    if !leader_post_effects::TABLE.tables.iter().any(|mart| context.job.wants(mart)) {
        made_from.retain(|known, _| !known.starts_with("endorsements/"));
        return lake.keep(table, |_| false);
    }
    let days: BTreeMap<Day, FileRef> = lake
        .partitions(reactions)?
        .into_iter()
        .filter_map(|(partition, file)| Some((day_partition(&partition)?, file)))
        .collect();
    let mut months: BTreeMap<String, BTreeSet<Day>> = BTreeMap::new();
    let mut dirty: BTreeMap<Day, Fingerprint> = BTreeMap::new();
    for (&day, file) in &days {
        let rules = format!("{}|{}|{}", context.job.zone, table.hash, env!("CARGO_PKG_VERSION"));
        let now = Fingerprint::of(&rules, &file.sha256);
        months.entry(month_label(day)).or_default().insert(day);
        let because = now.against(made_from.get(&step(day)), false);
        done.steps.note(&table.name, &partition_of(day), because);
        if because != Because::Unchanged {
            dirty.insert(day, now);
        }
    }
    lake.keep(table, |month| months.contains_key(month))?;
    let live: BTreeSet<String> = days.keys().map(|day| step(*day)).collect();
    let gone: BTreeSet<String> = made_from
        .keys()
        .filter(|known| known.starts_with("endorsements/") && !live.contains(*known))
        .map(|known| known["endorsements/".len()..].get(..7).unwrap_or_default().to_owned())
        .collect();
    made_from.retain(|known, _| !known.starts_with("endorsements/") || live.contains(known));

    for (month, of_month) in &months {
        let fresh: Vec<Day> = of_month.iter().copied().filter(|day| dirty.contains_key(day)).collect();
        if fresh.is_empty() && !gone.contains(month) {
            continue;
        }
        let read: Vec<Result<Rows>> =
            fresh.par_iter().map(|day| Ok(standing(&lake.read_ref(reactions, &days[day], None)?))).collect();
        let mut rows = Rows::new();
        // Days that did not change keep what the file says of them.
        let is_held = |day: Day| of_month.contains(&day) && !dirty.contains_key(&day);
        for batch in lake.read(table, month, None)? {
            let held = standing(&[batch]).into_iter();
            rows.extend(held.filter(|(at, ..)| is_held(local_day(*at, context.job.zone))));
        }
        for of_day in read {
            rows.extend(of_day?);
        }
        let columns: Vec<ArrayRef> = table
            .stored()
            .map(|column| -> ArrayRef {
                match column.name.as_str() {
                    "occurred_at" => Arc::new(
                        TimestampMicrosecondArray::from_iter_values(rows.iter().map(|row| row.0)).with_timezone("UTC"),
                    ),
                    "actor_id" => Arc::new(StringArray::from_iter_values(rows.iter().map(|row| &row.1))),
                    _ => Arc::new(StringArray::from_iter_values(rows.iter().map(|row| &row.2))),
                }
            })
            .collect();
        publish(lake, table, month, &[RecordBatch::try_new(mart_schema(table), columns)?])?;
    }
    made_from.extend(dirty.into_iter().map(|(day, now)| (step(day), now.to_string())));
    Ok(())
}

fn step(day: Day) -> String {
    format!("endorsements/{}", partition_of(day))
}

/// Endorsements in rows of reactions, or of endorsements, that nobody took back.
fn standing(batches: &[RecordBatch]) -> Rows {
    let mut rows = Rows::new();
    for batch in batches {
        let (item, actor, kind) =
            (Text::of(batch, "contribution_id"), Text::of(batch, "actor_id"), Text::of(batch, "kind"));
        let (at, revoked, deleted) =
            (instants(batch, "occurred_at"), instants(batch, "revoked_at"), bools(batch, DELETED));
        let stands = |row: &usize| {
            kind.get(*row).is_none_or(|kind| kind == "endorse")
                && deleted(*row) != Some(true)
                && revoked(*row).is_none()
        };
        for row in (0..batch.num_rows()).filter(stands) {
            if let (Some(item), Some(actor), Some(at)) = (item.get(row), actor.get(row), at(row)) {
                rows.insert((at, actor.to_owned(), item.to_owned()));
            }
        }
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::BooleanArray;

    #[test]
    fn only_endorsements_that_were_neither_taken_back_nor_deleted_stand() {
        let text = |values: [&str; 4]| -> ArrayRef { Arc::new(StringArray::from_iter_values(values)) };
        let instants = |values: Vec<Option<i64>>| -> ArrayRef {
            Arc::new(TimestampMicrosecondArray::from(values).with_timezone("UTC"))
        };
        let batch = RecordBatch::try_from_iter_with_nullable([
            ("contribution_id", text(["a", "b", "c", "d"]), true),
            ("actor_id", text(["u", "u", "u", "u"]), true),
            ("kind", text(["endorse", "like", "endorse", "endorse"]), true),
            ("occurred_at", instants(vec![Some(1), Some(2), Some(3), Some(4)]), true),
            ("revoked_at", instants(vec![None, None, Some(9), None]), true),
            (DELETED, Arc::new(BooleanArray::from(vec![false, false, false, true])) as ArrayRef, true),
        ])
        .unwrap();
        let rows: Vec<(i64, String, String)> = standing(&[batch]).into_iter().collect();
        assert_eq!(rows, [(1, "u".to_owned(), "a".to_owned())]);
    }
}
