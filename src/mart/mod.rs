//! The tables BI reads, one file each. A mart says which measures of a person-period it shows; adding up, the guard and the
//! formulas are the same for all and cannot be left out: [`Mart::build`](Mart) is private.

mod adoption_kpis;
mod dim_content;
mod dim_date;
mod dim_kpi;
mod dim_org;
mod dim_scope;
#[cfg(test)]
mod fixture;
mod formula;

use std::collections::BTreeMap;

use arrow::array::RecordBatch;
use polars::prelude::{Column, DataFrame, IntoLazy, LazyFrame, PolarsError, PolarsResult};

use crate::canon::hierarchy::Units;
use crate::canon::history::People;
use crate::contract::arrow::mart_schema;
use crate::contract::{Catalog, ContractError, Measure, Privacy, Table};
use crate::engine;
use crate::guard::{self, GuardError, Kind, Protected, Rules, Status, Tally};
use crate::job::Policy;
use crate::period::{Calendar, Day, Grain, Period};
use crate::rollup::person_period::PersonPeriod;
use crate::scope;

pub use adoption_kpis::MANAGERS;

/// A table of aggregates over the people of a period.
pub struct Mart {
    pub name: &'static str,
    /// Person rows of a period -> person rows with the contract's measures.
    build: fn(&Inputs<'_>) -> LazyFrame,
    /// Rows of scopes after guard and formulas -> the same with the columns no formula can give (intervals, changes).
    finish: fn(DataFrame, &Inputs<'_>, &Previous) -> PolarsResult<DataFrame>,
}

/// Every mart that goes through scopes and guard.
pub const MARTS: &[Mart] = &[adoption_kpis::MART];

/// A table that says nothing about people: built whole, published as it is. Its contract may hold no aggregate column.
pub struct Plain {
    pub name: &'static str,
    pub build: fn(&World<'_>) -> PolarsResult<DataFrame>,
}

/// Every plain table under `marts/`.
pub const PLAIN: &[Plain] = &[dim_date::TABLE, dim_org::TABLE, dim_scope::TABLE, dim_kpi::TABLE, dim_content::TABLE];

/// What plain tables are built from.
pub struct World<'a> {
    pub catalog: &'a Catalog,
    pub calendar: &'a Calendar,
    pub people: &'a People,
    pub units: &'a Units,
    pub content: &'a [RecordBatch],
    /// Reported days `[from, to)`.
    pub days: (Day, Day),
}

/// What one period of a mart is built from.
pub struct Inputs<'a> {
    pub period: Period,
    /// The part of it that had begun at `--as-of`; people and units stand where its last day finds them.
    pub seen: Period,
    /// Whether the period has ended at `--as-of`.
    pub is_complete: bool,
    pub person_period: &'a PersonPeriod,
    pub calendar: &'a Calendar,
    pub people: &'a People,
    pub units: &'a Units,
    pub policy: &'a Policy,
}

/// Figures shown for the period before, by (scope_kind, scope_id): what a change is measured against.
pub type Previous = BTreeMap<(String, String), f64>;

/// Measures that belong to the company alone: about accounts nobody knows, so no group of people can be small.
const OF_THE_COMPANY: [&str; 1] = ["unmatched_events"];

/// One period of a mart behind the guard, before what needs the period before.
pub struct Shown {
    rows: DataFrame,
    withheld: Vec<(Tally, i64)>,
    cycles_cut: u64,
    orphans: u64,
}

/// One period of a mart, ready to be published.
pub struct Guarded {
    /// Rows of `marts/`, in contract order.
    pub rows: RecordBatch,
    /// Rows of manager scopes for `restricted/`; empty where the policy does not ask for them.
    pub managers: RecordBatch,
    /// Withheld by scope kind, with the number of values merged into `other`.
    pub withheld: Vec<(Tally, i64)>,
    pub cycles_cut: u64,
    pub orphans: u64,
}

/// A period of a mart that cannot be published.
#[derive(Debug, thiserror::Error)]
pub enum MartError {
    #[error("the privacy audit refused {mart}, {period}: {cause}")]
    Privacy { mart: String, period: Period, cause: GuardError },
    #[error(transparent)]
    Polars(#[from] PolarsError),
    #[error(transparent)]
    Arrow(#[from] arrow::error::ArrowError),
    #[error(transparent)]
    Contract(#[from] ContractError),
}

impl Mart {
    /// Builds, adds up, guards, and only then computes rates: the one way from people to a table.
    ///
    /// # Errors
    /// The audit fails even after every repair, or the mart and its contract disagree.
    pub fn show(&self, catalog: &Catalog, inputs: &Inputs<'_>) -> Result<Shown, MartError> {
        let table = catalog.expect(self.name)?;
        let measures: Vec<(&str, Kind)> =
            table.columns.iter().filter_map(|column| Some((column.name.as_str(), kind(column.measure?)?))).collect();
        let names: Vec<&str> =
            measures.iter().map(|(name, _)| *name).filter(|name| !OF_THE_COMPANY.contains(name)).collect();
        let kinds: Vec<Kind> =
            measures.iter().filter(|(name, _)| names.contains(name)).map(|(_, kind)| *kind).collect();

        let rows = engine::collect((self.build)(inputs))?;
        let company = scope::Company {
            people: inputs.people,
            units: inputs.units,
            period: inputs.seen,
            smallest_group: inputs.policy.smallest_group,
            smallest_group_manager: inputs.policy.manager_scopes.then_some(inputs.policy.smallest_group_manager),
        };
        let scopes = scope::build(&rows, &names, &company)?;
        let rules = Rules {
            k: inputs.policy.smallest_group,
            rounding: inputs.policy.rounding,
            synthetic: inputs.policy.synthetic_data,
        };
        let privacy = |cause| MartError::Privacy { mart: self.name.into(), period: inputs.period, cause };
        let protected = guard::protect(&kinds, &scopes.trees, &scopes.crossings, &rules).map_err(privacy)?;

        let shown = frame(table, &names, &protected, inputs)?;
        Ok(Shown {
            rows: engine::collect(formula::apply(table, shown.lazy())?)?,
            withheld: withheld(protected),
            cycles_cut: scopes.cycles_cut,
            orphans: scopes.orphans,
        })
    }

    /// Adds the columns no formula can give and parts manager scopes from the rest. `previous` is what was shown for the period before.
    ///
    /// # Errors
    /// The mart and its contract disagree.
    pub fn complete(
        &self,
        catalog: &Catalog,
        shown: Shown,
        inputs: &Inputs<'_>,
        previous: &Previous,
    ) -> Result<Guarded, MartError> {
        let rows = (self.finish)(shown.rows, inputs, previous)?;
        let (public, managers) = split(rows)?;
        Ok(Guarded {
            rows: engine::to_arrow(&public, &mart_schema(catalog.expect(self.name)?))?,
            managers: engine::to_arrow(&managers, &mart_schema(catalog.expect(MANAGERS)?))?,
            withheld: shown.withheld,
            cycles_cut: shown.cycles_cut,
            orphans: shown.orphans,
        })
    }

    /// Plans the mart over no rows and compares what comes out with the contract: misspelt inputs, missing, extra and mistyped columns.
    ///
    /// # Errors
    /// The first disagreement, in words.
    pub fn disagreements(&self, catalog: &Catalog) -> Result<(), MartError> {
        let table = catalog.expect(self.name)?;
        formula::check(table)?;
        Ok(())
    }
}

/// Plain tables are published without the guard, so their contracts may say nothing about groups or persons.
///
/// # Errors
/// A contract of [`PLAIN`] holds an aggregate or person column.
pub fn check_plain(catalog: &Catalog) -> Result<(), ContractError> {
    for plain in PLAIN {
        let table = catalog.expect(plain.name)?;
        if let Some(column) =
            table.columns.iter().find(|column| column.privacy != Privacy::Public || column.measure.is_some())
        {
            let what = format!("column {} is about people, but the table does not pass the guard", column.name);
            return Err(ContractError { table: plain.name.into(), what });
        }
    }
    Ok(())
}

fn kind(measure: Measure) -> Option<Kind> {
    match measure {
        Measure::Population => None,
        Measure::People => Some(Kind::People),
        Measure::Events => Some(Kind::Events),
        Measure::Sum => Some(Kind::Sum),
    }
}

fn withheld(protected: Protected) -> Vec<(Tally, i64)> {
    let merged = |kind: &str| {
        protected.rows.iter().filter(|row| row.kind == kind && row.status == Status::Merged).count() as i64
    };
    let counts: Vec<i64> = protected.tallies.iter().map(|tally| merged(&tally.kind)).collect();
    protected.tallies.into_iter().zip(counts).collect()
}

/// The guard's rows as columns, ordered by (scope_kind, scope_id).
fn frame(table: &Table, names: &[&str], protected: &Protected, inputs: &Inputs<'_>) -> PolarsResult<DataFrame> {
    // A value merged into `other` has no row of its own.
    let mut shown: Vec<&guard::Shown> = protected.rows.iter().filter(|row| row.status != Status::Merged).collect();
    shown.sort_by(|a, b| (&a.kind, &a.id).cmp(&(&b.kind, &b.id)));
    let count = shown.len();
    let texts = |pick: &dyn Fn(&guard::Shown) -> &str| -> Vec<String> {
        shown.iter().map(|row| pick(row).to_owned()).collect()
    };
    let status = |row: &guard::Shown| if row.status == Status::Published { "published" } else { "withheld" };
    let dates = |day: Day| -> PolarsResult<Column> {
        Column::new("".into(), vec![day; count]).cast(&polars::prelude::DataType::Date)
    };
    let mut columns = vec![
        Column::new("grain".into(), vec![inputs.period.grain.as_str(); count]),
        dates(inputs.period.start)?.with_name("period_start".into()),
        dates(inputs.period.end)?.with_name("period_end".into()),
        Column::new("is_complete".into(), vec![inputs.is_complete; count]),
        Column::new("scope_kind".into(), texts(&|row| &row.kind)),
        Column::new("scope_id".into(), texts(&|row| &row.id)),
        Column::new("status".into(), shown.iter().map(|row| status(row).to_owned()).collect::<Vec<_>>()),
    ];
    if table.column("working_days").is_some() {
        let working_days = (inputs.period.grain != Grain::Day).then(|| inputs.calendar.working_days(inputs.period));
        columns.push(Column::new("working_days".into(), vec![working_days; count]));
    }
    for column in table.columns.iter().filter(|column| column.measure == Some(Measure::Population)) {
        let people: Vec<Option<i64>> = shown.iter().map(|row| row.population).collect();
        columns.push(Column::new(column.name.as_str().into(), people));
    }
    for (at, name) in names.iter().enumerate() {
        let values: Vec<Option<i64>> = shown.iter().map(|row| row.values.get(at).copied().flatten()).collect();
        columns.push(Column::new((*name).into(), values));
    }
    DataFrame::new(count, columns)
}

/// Manager scopes name a person: they part from the rest here, right behind the guard.
fn split(rows: DataFrame) -> PolarsResult<(DataFrame, DataFrame)> {
    use polars::prelude::{col, lit};
    let is_manager = || col("scope_kind").eq(lit("manager"));
    let public = engine::collect(rows.clone().lazy().filter(is_manager().not()))?;
    Ok((public, engine::collect(rows.lazy().filter(is_manager()))?))
}
