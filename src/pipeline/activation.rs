//! The chain of first active days, month by month.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, Date32Array, RecordBatch, StringArray};
use rayon::prelude::*;

use super::context::Context;
use super::day_rows::day_partition;
use super::lake::Lake;
use crate::canon::columns::{Text, dates, ints};
use crate::contract::Table;
use crate::contract::arrow::mart_schema;
use crate::error::{Error, Result};
use crate::period::{Day, month_label};
use crate::publish::commit::hex_sha256;

/// Extends the chain of first active days month by month; a month is computed again only if its days or the month before it changed.
pub fn extend(
    context: &Context<'_>,
    lake: &mut Lake<'_>,
    horizon: Day,
    made_from: &mut BTreeMap<String, String>,
) -> Result<()> {
    let (table, person_day) = (context.catalog.require("person_activation")?, context.catalog.require("person_day")?);
    let mut months: BTreeMap<String, Vec<(Day, String, String)>> = BTreeMap::new();
    for (partition, file) in lake.partitions(person_day)? {
        if let Some(day) = day_partition(&partition) {
            months.entry(month_label(day)).or_default().push((day, partition, file.sha256));
        }
    }
    // Nothing builds on the current month yet.
    months.retain(|month, _| *month < month_label(horizon - 1));
    lake.keep(table, |partition| months.contains_key(partition))?;
    made_from.retain(|step, _| step.strip_prefix("person_activation/").is_none_or(|month| months.contains_key(month)));
    let mut before: Option<String> = None;
    for (month, days) in &months {
        let mut basis = format!("{}|{:?}", table.hash, before);
        if let Some(before) = before.as_deref() {
            basis.push_str(lake.file(table, before)?.map_or("-", |file| file.sha256.as_str()));
        }
        days.iter().for_each(|(_, _, sha256)| basis.push_str(sha256));
        let fingerprint = hex_sha256(basis.as_bytes())[..16].to_owned();
        let key = format!("person_activation/{month}");
        if made_from.get(&key) != Some(&fingerprint) || lake.file(table, month)?.is_none() {
            let mut first = match before.as_deref() {
                Some(before) => read(lake, table, before)?,
                None => BTreeMap::new(),
            };
            let names = Some(&["person_key", "active_acts"][..]);
            // As many days beside each other as threads are there for, so that memory follows them and not the month.
            for days in days.chunks(context.threads.max(1) * 2) {
                let read: Vec<(Day, Vec<RecordBatch>)> = {
                    let lake: &Lake<'_> = lake;
                    let read = |(day, partition, _): &(Day, String, String)| {
                        Ok((*day, lake.read(person_day, partition, names)?))
                    };
                    days.par_iter().map(read).collect::<Result<_>>()?
                };
                for (day, batch) in read.iter().flat_map(|(day, batches)| batches.iter().map(move |batch| (day, batch)))
                {
                    let (person, active) = (Text::of(batch, "person_key"), ints(batch, "active_acts"));
                    for row in (0..batch.num_rows()).filter(|row| active(*row).unwrap_or(0) > 0) {
                        if let Some(person) = person.get(row)
                            && !first.contains_key(person)
                        {
                            first.insert(person.to_owned(), *day);
                        }
                    }
                }
            }
            let columns: Vec<ArrayRef> = vec![
                Arc::new(StringArray::from_iter_values(first.keys())),
                Arc::new(Date32Array::from_iter_values(first.values().copied())),
            ];
            lake.write(table, month, &RecordBatch::try_new(mart_schema(table), columns)?)?;
            made_from.insert(key, fingerprint);
        }
        before = Some(month.clone());
    }
    Ok(())
}

/// The link of the chain that holds at the end of a month: its own, or that of the last month before with any person-day.
pub fn link(lake: &Lake<'_>, table: &Table, month: &str) -> Result<Option<String>> {
    Ok(lake.partitions(table)?.range(..=month.to_owned()).next_back().map(|(month, _)| month.clone()))
}

/// First active days by person as of the end of a month that has a link.
pub fn read(lake: &Lake<'_>, table: &Table, month: &str) -> Result<BTreeMap<String, Day>> {
    let mut first = BTreeMap::new();
    for batch in lake.read(table, month, None)? {
        let (person, day) = (Text::of(&batch, "person_key"), dates(&batch, "first_active_day"));
        for row in 0..batch.num_rows() {
            let (Some(person), Some(day)) = (person.get(row), day(row)) else {
                return Err(Error::gate(format!("person_activation {month} holds a row without a person or day")));
            };
            first.insert(person.to_owned(), day);
        }
    }
    Ok(first)
}
