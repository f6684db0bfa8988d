//! Submissions and ratings of review cycles that the job does not know: no review table has a row for them, so the run says how
//! many there are.

use std::collections::BTreeSet;

use super::context::Context;
use super::lake::Lake;
use crate::canon::columns::{Text, bools, instants};
use crate::contract::arrow::DELETED;
use crate::error::Result;
use crate::period::day_start_micros;

/// Rows of one canon table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unknown {
    pub table: &'static str,
    pub rows: u64,
    pub out_of: u64,
    pub cycles: BTreeSet<String>,
}

/// What a row needs to be looked at: an instant that has passed, and one that has not.
const TABLES: [(&str, &str, Option<&str>); 2] =
    [("submissions", "consented_at", Some("withdrawn_at")), ("rubric_scores", "scored_at", None)];

/// Consented submissions and ratings, known by the run's last day, and those of them that name a cycle nobody configured. Nothing
/// where the job has no review cycles at all, which the run says anyway.
///
/// # Errors
/// The store fails.
pub fn unknown(context: &Context<'_>, lake: &Lake<'_>, horizon: crate::period::Day) -> Result<Vec<Unknown>> {
    let Some(reviews) = &context.job.reviews else { return Ok(Vec::new()) };
    let now = day_start_micros(horizon, context.job.zone);
    let mut all = Vec::new();
    for (name, said_at, taken_back) in TABLES {
        let table = context.catalog.require(name)?;
        let mut found = Unknown { table: name, rows: 0, out_of: 0, cycles: BTreeSet::new() };
        let columns: Vec<&str> = ["cycle_id", DELETED, said_at].into_iter().chain(taken_back).collect();
        for file in lake.partitions(table)?.values() {
            for batch in lake.read_ref(table, file, Some(&columns))? {
                let (cycle, deleted) = (Text::of(&batch, "cycle_id"), bools(&batch, DELETED));
                let said = instants(&batch, said_at);
                let back = instants(&batch, taken_back.unwrap_or_default());
                let counts = |row: &usize| {
                    deleted(*row) != Some(true)
                        && said(*row).is_some_and(|at| at < now)
                        && back(*row).is_none_or(|at| at >= now)
                };
                for cycle in (0..batch.num_rows()).filter(counts).filter_map(|row| cycle.get(row)) {
                    found.out_of += 1;
                    if reviews.cycle(cycle).is_none() {
                        found.rows += 1;
                        found.cycles.insert(cycle.to_owned());
                    }
                }
            }
        }
        all.push(found);
    }
    Ok(all)
}

impl Unknown {
    /// For the run's report; `None` where all is known.
    pub fn remark(&self) -> Option<String> {
        let first = self.cycles.first()?;
        let more = if self.cycles.len() > 1 { format!(" and {} more", self.cycles.len() - 1) } else { String::new() };
        Some(format!(
            "{} of {} {} name a review cycle that the job does not know ({first}{more}): no review table shows them",
            self.rows, self.out_of, self.table
        ))
    }

    pub const CODE: &'static str = "unknown_cycle";
    pub const SENTENCE: &'static str =
        "rows name a review cycle that the reviews file of the job does not have; no review table shows them";
}
