//! The tables a KPI may come from, and how each of them says which period and scope a row is about.

use crate::contract::Table;
use crate::period::Grain;

/// A published table whose figures a scope can be held to.
#[derive(Debug, PartialEq, Eq)]
pub struct Source {
    pub table: &'static str,
    pub when: When,
    /// The lengths of period a scorecard finds in it.
    pub grains: &'static [Grain],
    /// Columns of its key that the period decides, beside the one that names it.
    decided: &'static [&'static str],
    /// The count behind figures that are no rate, where the table counts no people.
    pub counted: Option<&'static str>,
}

/// How a table says which period a row is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// This column holds the first day of the period.
    Starts(&'static str),
    /// The row is about a review cycle: its period is the quarter in which the cycle closes. The period decides the rubric, too.
    Closes,
}

const MONTHLY: &[Grain] = &[Grain::Month];
const QUARTERLY: &[Grain] = &[Grain::Quarter];
const BOTH: &[Grain] = &[Grain::Month, Grain::Quarter];

const fn by_period(table: &'static str, grains: &'static [Grain]) -> Source {
    Source { table, when: When::Starts("period_start"), grains, decided: &[], counted: None }
}

const fn by_cycle(table: &'static str, counted: Option<&'static str>) -> Source {
    Source { table, when: When::Closes, grains: QUARTERLY, decided: &["cycle_id", "rubric_version"], counted }
}

/// Every one of them. The contract of `scorecard` reads exactly these, and so does the code that computes it.
pub const SOURCES: &[Source] = &[
    by_period("adoption_kpis", BOTH),
    // A cohort counts in the month in which it is looked at, `months_since` its first.
    Source { decided: &["activation_month"], ..by_period("adoption_cohorts", MONTHLY) },
    by_period("leadership_kpis", BOTH),
    by_period("knowledge_sharing", BOTH),
    by_period("certification_status", MONTHLY),
    by_period("content_engagement", MONTHLY),
    // A cohort counts in the quarter in which its clocks start: a later quarter knows more of it.
    Source { when: When::Starts("cohort_start"), ..by_period("time_to_competency", QUARTERLY) },
    by_cycle("rubric_aggregates", None),
    Source { decided: &["cycle_id"], ..by_cycle("competency_coverage", None) },
    by_cycle("rater_agreement", Some("items")),
    by_period("cadence", BOTH),
];

/// The source of a table's figures; `None` where its rows are about no period.
pub fn source(table: &str) -> Option<&'static Source> {
    SOURCES.iter().find(|source| source.table == table)
}

impl Source {
    /// Columns of the key that neither the period nor the scope decides.
    pub fn rest<'t>(&self, table: &'t Table) -> impl Iterator<Item = &'t str> {
        let started = match self.when {
            When::Starts(column) => column,
            When::Closes => "",
        };
        let decided = self.decided;
        let place =
            move |part: &str| ["grain", "scope_kind", "scope_id", started].contains(&part) || decided.contains(&part);
        table.key.iter().map(String::as_str).filter(move |part| !place(part))
    }

    /// Whether its rows are about scopes; all others are about the whole company.
    pub fn has_scopes(&self, table: &Table) -> bool {
        table.key.iter().any(|part| part == "scope_kind")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::{Area, Catalog};

    #[test]
    fn what_is_left_of_a_key_is_for_the_kpi_to_pin() {
        let catalog = Catalog::load().unwrap();
        let rest = |name: &str| source(name).unwrap().rest(catalog.require(name).unwrap()).collect::<Vec<_>>();
        assert_eq!(rest("adoption_kpis"), Vec::<&str>::new());
        assert_eq!(rest("adoption_cohorts"), ["months_since"]);
        assert_eq!(rest("certification_status"), ["content_id"]);
        assert_eq!(rest("time_to_competency"), ["clock", "milestone"]);
        assert_eq!(rest("rater_agreement"), ["dimension"]);
        assert_eq!(rest("rubric_aggregates"), ["competency", "dimension"]);
        assert_eq!(rest("cadence"), ["ritual"]);
    }

    #[test]
    fn every_source_is_a_table_for_all_readers_that_holds_what_is_said_of_it() {
        let catalog = Catalog::load().unwrap();
        for source in SOURCES {
            let table = catalog.require(source.table).unwrap();
            assert_eq!(table.area, Area::Marts, "{}", source.table);
            let started = match source.when {
                When::Starts(column) => column,
                When::Closes => "cycle_id",
            };
            for column in [started].iter().chain(source.decided).chain(source.counted.iter()) {
                assert!(table.column(column).is_some(), "{}.{column}", source.table);
            }
            assert!(source.grains.len() < 2 || table.column("grain").is_some(), "{}", source.table);
        }
    }
}
