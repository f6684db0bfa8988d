//! New rows of day tables on their way to their day: in memory, or in scratch when they outgrow their share of it.

use std::collections::{BTreeMap, BTreeSet};

use arrow::array::RecordBatch;
use arrow::compute::concat_batches;

use crate::contract::Table;
use crate::error::Result;
use crate::period::{Day, date_of, day_of};
use crate::store::scratch::Scratch;

/// New rows of day tables: (table, day) -> batches, in memory or in scratch.
pub struct DayRows {
    held: BTreeMap<(String, Day), Vec<RecordBatch>>,
    bytes: usize,
    budget: usize,
    scratch: Option<Scratch>,
    pub touched: BTreeSet<(String, Day)>,
}

impl DayRows {
    pub(super) fn new(budget: usize) -> DayRows {
        DayRows { held: BTreeMap::new(), bytes: 0, budget, scratch: None, touched: BTreeSet::new() }
    }

    pub(super) fn push(&mut self, table: &Table, day: Day, batch: RecordBatch) -> Result<()> {
        self.bytes += batch.num_rows() * ROW_BYTES;
        self.touched.insert((table.name.clone(), day));
        self.held.entry((table.name.clone(), day)).or_default().push(batch);
        if self.bytes > self.budget {
            self.spill()?;
        }
        Ok(())
    }

    fn spill(&mut self) -> Result<()> {
        let scratch = match &mut self.scratch {
            Some(scratch) => scratch,
            empty => empty.insert(Scratch::new()?),
        };
        for ((table, day), batches) in std::mem::take(&mut self.held) {
            let Some(first) = batches.first() else { continue };
            let batch = concat_batches(&first.schema(), &batches)?;
            scratch.append(&stream(&table, day), &batch)?;
        }
        self.bytes = 0;
        Ok(())
    }

    /// All new rows of a day.
    pub fn take(&self, table: &str, day: Day) -> Result<Vec<RecordBatch>> {
        let mut batches = self.held.get(&(table.to_owned(), day)).cloned().unwrap_or_default();
        if let Some(scratch) = &self.scratch {
            let name = stream(table, day);
            if scratch.rows(&name) > 0 {
                for batch in scratch.read(&name)? {
                    batches.push(batch?);
                }
            }
        }
        Ok(batches)
    }
}

/// What a row of a day table costs in memory, roughly: ids, codes, instants and provenance.
const ROW_BYTES: usize = 120;

fn stream(table: &str, day: Day) -> String {
    format!("{table}-{}", date_of(day))
}

/// The day a partition name stands for.
pub fn day_partition(partition: &str) -> Option<Day> {
    partition.parse().ok().map(day_of)
}

/// The name of a day's partition.
pub fn partition_of(day: Day) -> String {
    date_of(day).to_string()
}
