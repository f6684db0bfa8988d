//! Tables computed whole: from canon tables whose size follows people and content, and from what other marts show. Computed anew
//! whenever a file they read, the job, its configuration or the as-of day changed.

use std::collections::{BTreeMap, BTreeSet};

use arrow::array::RecordBatch;

use super::{MartError, leader_plans, reviews};
use crate::canon::hierarchy::Units;
use crate::canon::history::People;
use crate::canon::identity::Identity;
use crate::canon::obligation::Attempts;
use crate::contract::Catalog;
use crate::guard::Tally;
use crate::job::Job;
use crate::job::scorecards::sources;
use crate::period::Day;

/// One table, or a few that are made together.
pub struct Whole {
    pub name: &'static str,
    /// Every table it writes.
    pub tables: &'static [&'static str],
    pub reads: &'static [Read],
    /// Canon tables without any row of which there is nothing to publish; the run says so.
    pub needs: &'static [&'static str],
    pub build: fn(&Facts<'_>) -> Result<Vec<Made>, MartError>,
}

/// Every table computed whole, in the order of their edges: a later one may read what an earlier one wrote.
pub const WHOLE: &[Whole] = &[
    super::time_to_competency::TABLE,
    super::dim_rubric::TABLE,
    super::review_items::TABLE,
    super::rubric_aggregates::TABLE,
    super::rater_agreement::TABLE,
    super::competency_coverage::TABLE,
    super::integrity_signals::TABLE,
    super::goal_attainment::TABLE,
    super::okr_progress::TABLE,
    super::leader_post_effects::TABLE,
    leader_plans::TABLES,
    super::cadence::TABLE,
    super::scorecard::TABLE,
    super::outcome_links::TABLE,
];

/// Files of a table that a [`Whole`] reads.
#[derive(Debug, Clone, Copy)]
pub struct Read {
    pub table: &'static str,
    /// Only partitions whose name begins so; empty for all.
    pub partitions: &'static str,
}

impl Whole {
    /// What the job would have to decide for there to be anything to compute; `None` where it did.
    pub fn undecided(&self, job: &Job) -> Option<&'static str> {
        match self.name {
            name if reviews::TABLES.contains(&name) && job.reviews.is_none() => Some("reviews"),
            name if name == leader_plans::TABLES.name && job.plans.is_empty() => Some("plans"),
            "scorecard" | "outcome_links" if job.scorecards.kpis.is_empty() => Some("scorecards"),
            "cadence" if job.scorecards.rituals.is_empty() => Some("rituals"),
            "goal_attainment" if job.goals.goals.is_empty() => Some("goals"),
            "okr_progress" if job.goals.objectives.is_empty() => Some("objectives"),
            _ => None,
        }
    }
}

impl Whole {
    /// What it reads for this job: of the tables a KPI may come from, those that one comes from.
    pub fn reads_for(&self, job: &Job) -> impl Iterator<Item = &'static Read> {
        let held = matches!(self.name, "scorecard" | "outcome_links");
        let named = job.scorecards.kpis.iter().map(|kpi| kpi.source.table).collect::<BTreeSet<&str>>();
        let is_source = |table: &str| sources::source(table).is_some();
        self.reads.iter().filter(move |read| !held || !is_source(read.table) || named.contains(read.table))
    }
}

/// Every file of a table.
pub const fn all_of(table: &'static str) -> Read {
    Read { table, partitions: "" }
}

/// What whole tables are computed from.
pub struct Facts<'a> {
    pub catalog: &'a Catalog,
    pub job: &'a Job,
    pub people: &'a People,
    pub units: &'a Units,
    pub identity: &'a Identity,
    /// What enrollments come to: tables that read them read these.
    pub attempts: &'a Attempts,
    /// What an id in a file of decisions is called in canon, by domain and id: itself, or its pseudonym.
    pub pseudonym: Box<dyn Fn(&str, &str) -> String + 'a>,
    /// Reported days `[from, to)`: `to` is the first day that had not begun at `--as-of`.
    pub days: (Day, Day),
    /// The day of `--as-of`: periods that end by its first moment are complete.
    pub today: Day,
    /// Rows by table, as [`Whole::reads`] names them.
    pub tables: BTreeMap<&'static str, Vec<RecordBatch>>,
}

impl Facts<'_> {
    /// The rows of a table that [`Whole::reads`] names; none where it has no file.
    pub fn table(&self, name: &str) -> &[RecordBatch] {
        self.tables.get(name).map_or(&[], Vec::as_slice)
    }
}

/// One file of a table, to be published.
pub struct Made {
    pub table: &'static str,
    pub partition: String,
    /// In the order and types of the contract; the driver sorts them.
    pub rows: RecordBatch,
    /// The grain of the rows, for the tally of what was withheld; empty where the table has none.
    pub grain: &'static str,
    pub withheld: Vec<(Tally, i64)>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_table_stands_behind_those_it_reads_and_its_contract_says_so() {
        let catalog = Catalog::load().unwrap();
        let mut made: BTreeSet<&str> = BTreeSet::new();
        let all: BTreeSet<&str> = WHOLE.iter().flat_map(|whole| whole.tables).copied().collect();
        for whole in WHOLE {
            for read in whole.reads {
                assert!(!all.contains(read.table) || made.contains(read.table), "{} reads {}", whole.name, read.table);
            }
            made.extend(whole.tables);
        }
        for name in ["scorecard", "outcome_links"] {
            let whole = WHOLE.iter().find(|whole| whole.name == name).unwrap();
            let mut read: Vec<&str> = whole.reads.iter().map(|read| read.table).collect();
            read.dedup();
            assert_eq!(read, catalog.expect(name).unwrap().reads, "{name}");
        }
    }
}
