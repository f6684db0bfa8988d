//! What the stages that compute tables note, and what they do alike: name a slice, check rows against the contract, write them.

use std::collections::{BTreeMap, BTreeSet};

use arrow::array::RecordBatch;
use arrow::compute::concat_batches;

use super::context::Context;
use super::cycles::Unknown;
use super::day_rows::partition_of;
use super::lake::Lake;
use super::steps::Steps;
use crate::contract::Table;
use crate::contract::arrow::mart_schema;
use crate::error::{Error, Exit, Result};
use crate::guard::Tally;
use crate::mart::MartError;
use crate::period::{Day, Period, local_day};
use crate::publish::NewFile;

/// What the period stage did.
#[derive(Default)]
pub struct Computed {
    pub periods: usize,
    /// Every slice that was looked at, computed or not.
    pub steps: Steps,
    pub remarks: Vec<String>,
    /// Tables that the job cannot fill, by what it has none of.
    absent: BTreeMap<String, BTreeSet<String>>,
    /// Cut and missing links of the hierarchies as of the last computed period.
    pub cycles_cut: u64,
    pub orphans: u64,
    /// What names a review cycle that the job does not know.
    pub unknown_cycles: Vec<Unknown>,
}

impl Computed {
    /// Notes that a table has nothing to be made from.
    pub fn lacks(&mut self, table: &str, what: &str) {
        self.absent.entry(what.to_owned()).or_default().insert(table.to_owned());
    }

    /// One line for all tables that cannot be filled.
    pub(super) fn absence(&self) -> Option<String> {
        let all: Vec<&String> = self.absent.values().flatten().collect();
        if let ([table], Some((what, _))) = (all.as_slice(), self.absent.first_key_value()) {
            return Some(format!("{table} is not published: the job has no {what}"));
        }
        let listed = |(what, tables): (&String, &BTreeSet<String>)| {
            let tables: Vec<&str> = tables.iter().map(String::as_str).collect();
            format!("no {what} ({})", tables.join(", "))
        };
        let reasons: Vec<String> = self.absent.iter().map(listed).collect();
        (!all.is_empty()).then(|| format!("{} tables are not published: the job has {}", all.len(), reasons.join(", ")))
    }
}

/// A period as steps name it: `month/2026-03-01`.
pub fn slice(period: Period) -> String {
    format!("{}/{}", period.grain, partition_of(period.start))
}

/// The reporting-zone day that `--as-of` falls in: periods that end by its first moment are complete.
pub fn today(context: &Context<'_>) -> Day {
    local_day(context.as_of.timestamp_micros(), context.job.zone)
}

/// What was withheld, as `made_from` holds it: `kind:rows:withheld:cells:merged;…`.
pub fn tally(withheld: &[(Tally, i64)]) -> String {
    let tallies: Vec<String> = withheld
        .iter()
        .map(|(tally, merged)| {
            format!("{}:{}:{}:{}:{merged}", tally.kind, tally.rows, tally.rows_withheld, tally.cells_withheld)
        })
        .collect();
    tallies.join(";")
}

/// Checks a table's rows against its contract, then writes them. What fails is not published.
pub fn publish(lake: &mut Lake<'_>, table: &Table, partition: &str, batches: &[RecordBatch]) -> Result<()> {
    lake.put(vec![checked(table, partition, batches)?])
}

/// A table's rows as a file, checked against the contract.
pub(super) fn checked(table: &Table, partition: &str, batches: &[RecordBatch]) -> Result<NewFile> {
    let violations = crate::contract::check::check(table, batches);
    if let Some(first) = violations.first() {
        return Err(Error::bug(format!(
            "{}, partition {partition}: {first} ({} violations)",
            table.name,
            violations.len()
        )));
    }
    Lake::encode(table, partition, &concat_batches(&mart_schema(table), batches)?)
}

/// A mart's failure as the run reports it.
pub fn mart_error(error: MartError) -> Error {
    let exit = match &error {
        MartError::Privacy { cause: crate::guard::GuardError::AuditFailed { .. }, .. } => Exit::Privacy,
        _ => Exit::Bug,
    };
    let hint = if exit == Exit::Privacy {
        "nothing was published; raise policy.smallest_group, or leave out a scope kind's source column"
    } else {
        "this is a bug in uptake: please report it with this message"
    };
    Error::new(exit, error.to_string()).hint(hint)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guard::GuardError;

    #[test]
    fn an_audit_that_nothing_can_repair_exits_with_7_and_a_defect_with_1() {
        let refused =
            |cause| mart_error(MartError::Privacy { mart: "adoption_kpis".into(), what: "week".into(), cause });
        let audit = GuardError::AuditFailed { first: "org".into(), second: "location".into(), k: 5, cells: 2 };
        let error = refused(audit);
        assert_eq!((error.exit, error.exit as u8), (Exit::Privacy, 7));
        assert!(error.message.contains("org and location together single out fewer than 5"), "{error}");
        assert!(error.hint.is_some_and(|hint| hint.contains("nothing was published")));
        let defect = refused(GuardError::Malformed { kind: "org".into(), what: "a tree without a root" });
        assert_eq!(defect.exit, Exit::Bug);
    }
}
