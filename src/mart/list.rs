//! Every table. What each is made from stands in its contract, which also puts those that read each other in order.

use std::collections::BTreeSet;

use super::derived::Derived;
use super::scoped::Mart;
use crate::contract::{Catalog, ContractError};

/// Every mart that goes through scopes and guard.
pub const MARTS: &[Mart] = &[
    super::adoption_kpis::MART,
    super::adoption_cohorts::MART,
    super::certification_status::MART,
    super::leadership_kpis::MART,
    super::knowledge_sharing::MART,
];

/// Every table computed whole; [`in_order`] has them after what they read.
pub const DERIVED: &[Derived] = &[
    super::dim_date::TABLE,
    super::dim_org::TABLE,
    super::dim_scope::TABLE,
    super::dim_kpi::TABLE,
    super::dim_content::TABLE,
    super::dim_rubric::TABLE,
    super::time_to_competency::TABLE,
    super::review_items::TABLE,
    super::rubric_aggregates::TABLE,
    super::rater_agreement::TABLE,
    super::competency_coverage::TABLE,
    super::integrity_signals::TABLE,
    super::goal_attainment::TABLE,
    super::okr_progress::TABLE,
    super::leader_post_effects::TABLE,
    super::leader_plan_tables::TABLES,
    super::cadence::TABLE,
    super::scorecard::TABLE,
    super::outcome_links::TABLE,
];

/// The derived tables, each behind those it reads. Contracts that read each other are refused when they are loaded.
///
/// # Errors
/// A table has no contract.
pub fn in_order(catalog: &Catalog) -> Result<Vec<&'static Derived>, ContractError> {
    let mut left: Vec<&Derived> = DERIVED.iter().collect();
    let mut ordered = Vec::with_capacity(left.len());
    while !left.is_empty() {
        let open: BTreeSet<&str> = left.iter().flat_map(|derived| derived.tables).copied().collect();
        let mut waiting = Vec::new();
        let before = ordered.len();
        for derived in left {
            let waits = derived
                .reads(catalog)?
                .iter()
                .any(|read| open.contains(read.table.as_str()) && !derived.tables.contains(&read.table.as_str()));
            if waits { waiting.push(derived) } else { ordered.push(derived) }
        }
        if ordered.len() == before {
            let what = "is made of a table that is made of it".to_owned();
            return Err(ContractError { table: waiting.first().map_or("", |one| one.name).into(), what });
        }
        left = waiting;
    }
    Ok(ordered)
}

/// The derived table that writes a table.
pub fn maker(table: &str) -> Option<&'static Derived> {
    DERIVED.iter().find(|derived| derived.tables.contains(&table))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::scorecards::sources::SOURCES;

    #[test]
    fn every_table_comes_after_those_it_reads() {
        let catalog = Catalog::load().unwrap();
        let ordered = in_order(&catalog).unwrap();
        assert_eq!(ordered.len(), DERIVED.len());
        let place = |table: &str| ordered.iter().position(|derived| derived.tables.contains(&table));
        assert!(place("review_items") < place("scorecard") && place("cadence") < place("outcome_links"));
        for (at, derived) in ordered.iter().enumerate() {
            for read in derived.reads(&catalog).unwrap() {
                assert!(place(&read.table).is_none_or(|other| other < at), "{} reads {}", derived.name, read.table);
            }
        }
    }

    #[test]
    fn a_kpi_may_come_from_exactly_the_tables_that_the_contracts_of_scorecards_name() {
        let catalog = Catalog::load().unwrap();
        for name in ["scorecard", "outcome_links"] {
            let reads = &catalog.require(name).unwrap().reads;
            let read: BTreeSet<&str> =
                reads.iter().filter(|read| read.only_for_kpis).map(|read| read.table.as_str()).collect();
            assert_eq!(read, SOURCES.iter().map(|source| source.table).collect(), "{name}");
        }
    }
}
