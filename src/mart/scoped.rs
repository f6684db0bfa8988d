//! A table of aggregates by scope: person rows of a period go up the trees, through the guard, then through formulas. Nothing of it can
//! be left out: what a mart brings is private to this folder.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::RecordBatch;
use polars::prelude::{DataFrame, IntoLazy, PolarsResult};

use super::error::MartError;
use super::person_rows::{self, Block, Placement, Shown, Value, add};
use crate::canon::acts::{Acts, Interests, Reactions};
use crate::canon::certifications::Certifications;
use crate::canon::hierarchy::Units;
use crate::canon::history::People;
use crate::contract::Catalog;
use crate::contract::arrow::mart_schema;
use crate::engine;
use crate::guard::Tally;
use crate::job::Policy;
use crate::period::{Calendar, Day, Grain, Period};
use crate::rollup::person_period::PersonPeriod;

/// A table of aggregates over the people of a period, recomputed period by period.
pub struct Mart {
    pub name: &'static str,
    /// The lengths of period it has rows for.
    pub grains: &'static [Grain],
    /// The table under `restricted/` that takes the rows of manager scopes; `None` where managers are no scopes.
    pub managers: Option<&'static str>,
    /// Canon tables without any row of which there is nothing to publish; the run says so.
    pub needs: &'static [&'static str],
    /// Whether it reads activity before the period: first and last active days, the period before.
    pub looks_back: bool,
    /// What it reads of what people gave to each other; `None` where nothing of it.
    pub acts: Option<Lookback>,
    /// Columns whose figures of the period before [`Mart::complete`] is given, in this order.
    pub previous: &'static [&'static str],
    /// Person rows of a period -> blocks of person rows with the contract's measures.
    pub(super) build: fn(&Inputs<'_>) -> PolarsResult<Vec<Block>>,
    /// Adds figures no sum can give, from the people of published scopes.
    pub(super) describe: Option<fn(&Shown, &Block, &Inputs<'_>) -> PolarsResult<DataFrame>>,
    /// Rows of scopes after guard and formulas -> the same with the columns no formula can give (intervals, changes).
    pub(super) finish: fn(DataFrame, &Inputs<'_>, &Previous) -> PolarsResult<DataFrame>,
}

/// What a period reads of what people gave to each other.
#[derive(Debug, Clone, Copy)]
pub struct Lookback {
    /// Days before the period whose contributions it reads.
    pub days: Day,
    /// Whether it reads governance events and when sponsors acted.
    pub events: bool,
    /// Whether it reads reactions and interests of its own days.
    pub reactions: bool,
    pub interests: bool,
}

/// What one period of a mart is built from.
pub struct Inputs<'a> {
    pub period: Period,
    /// The part of it that had begun at `--as-of`; people and units stand where its last day finds them.
    pub seen: Period,
    /// Whether the period has ended at `--as-of`.
    pub is_complete: bool,
    pub person_period: &'a PersonPeriod,
    pub acts: &'a Acts,
    /// Of the days of the period, where the mart asks for them; days without any are left out.
    pub reactions: &'a [Arc<Reactions>],
    pub interests: &'a [Arc<Interests>],
    pub calendar: &'a Calendar,
    pub people: &'a People,
    pub units: &'a Units,
    pub policy: &'a Policy,
    pub certifications: &'a Certifications,
}

/// Figures shown for the period before, by (scope_kind, scope_id) and in the order of [`Mart::previous`]: what a change is measured against.
pub type Previous = BTreeMap<(String, String), Vec<Option<f64>>>;

/// One period of a mart behind the guard, before what needs the period before.
pub struct Standing {
    pub(super) rows: DataFrame,
    withheld: Vec<(Tally, i64)>,
    cycles_cut: u64,
    orphans: u64,
}

/// One period of a mart, ready to be published.
pub struct Guarded {
    /// Rows of `marts/`, in contract order.
    pub rows: RecordBatch,
    /// Rows of manager scopes for [`Mart::managers`]; empty where the policy does not ask for them.
    pub managers: Option<RecordBatch>,
    /// Withheld by scope kind, with the number of values merged into `other`.
    pub withheld: Vec<(Tally, i64)>,
    pub cycles_cut: u64,
    pub orphans: u64,
}

impl Mart {
    /// Builds, adds up, guards, and only then computes rates: the one way from people to a table.
    ///
    /// # Errors
    /// The audit fails even after every repair, or the mart and its contract disagree.
    pub fn show(&self, catalog: &Catalog, inputs: &Inputs<'_>) -> Result<Standing, MartError> {
        let table = catalog.require(self.name)?;
        let place = Placement {
            people: inputs.people,
            units: inputs.units,
            period: inputs.seen,
            policy: inputs.policy,
            managers: self.managers.is_some(),
        };
        let mut standing: Option<Standing> = None;
        for mut block in (self.build)(inputs)? {
            block.keys.splice(0..0, inputs.keys().into_iter().filter(|(name, _)| table.column(name).is_some()));
            let shown = person_rows::show(table, &block, &place)?;
            let rows = match self.describe {
                Some(describe) => describe(&shown, &block, inputs)?,
                None => shown.rows,
            };
            match &mut standing {
                None => {
                    standing = Some(Standing {
                        rows,
                        withheld: shown.withheld,
                        cycles_cut: shown.cycles_cut,
                        orphans: shown.orphans,
                    });
                }
                Some(standing) => {
                    standing.rows.vstack_mut(&rows)?;
                    add(&mut standing.withheld, shown.withheld);
                    standing.cycles_cut = standing.cycles_cut.max(shown.cycles_cut);
                    standing.orphans = standing.orphans.max(shown.orphans);
                }
            }
        }
        let nothing = || Standing { rows: DataFrame::empty(), withheld: Vec::new(), cycles_cut: 0, orphans: 0 };
        Ok(standing.unwrap_or_else(nothing))
    }

    /// Adds the columns no formula can give and parts manager scopes from the rest. `previous` is what was shown for the period before.
    ///
    /// # Errors
    /// The mart and its contract disagree.
    pub fn complete(
        &self,
        catalog: &Catalog,
        standing: Standing,
        inputs: &Inputs<'_>,
        previous: &Previous,
    ) -> Result<Guarded, MartError> {
        let table = catalog.require(self.name)?;
        let Standing { rows, withheld, cycles_cut, orphans } = standing;
        let rows = if rows.height() == 0 { None } else { Some((self.finish)(rows, inputs, previous)?) };
        let (rows, managers) = match (rows, self.managers) {
            (None, managers) => {
                let empty =
                    |name: &str| Ok::<_, MartError>(RecordBatch::new_empty(mart_schema(catalog.require(name)?)));
                (empty(self.name)?, managers.map(empty).transpose()?)
            }
            (Some(rows), None) => (engine::to_arrow(&rows, &mart_schema(table))?, None),
            (Some(rows), Some(restricted)) => {
                let (public, managers) = split(rows)?;
                let restricted = engine::to_arrow(&managers, &mart_schema(catalog.require(restricted)?))?;
                (engine::to_arrow(&public, &mart_schema(table))?, Some(restricted))
            }
        };
        Ok(Guarded { rows, managers, withheld, cycles_cut, orphans })
    }
}

impl Inputs<'_> {
    /// The columns that say which period a row is about; a table takes those it has.
    fn keys(&self) -> Vec<(&'static str, Value)> {
        let working_days = (self.period.grain != Grain::Day).then(|| self.calendar.working_days(self.period));
        vec![
            ("grain", Value::Text(self.period.grain.as_str().to_owned())),
            ("period_start", Value::Date(self.period.start)),
            ("period_end", Value::Date(self.period.end)),
            ("is_complete", Value::Bool(self.is_complete)),
            ("working_days", Value::Int(working_days)),
        ]
    }
}

/// Manager scopes name a person: they part from the rest here, right behind the guard.
fn split(rows: DataFrame) -> PolarsResult<(DataFrame, DataFrame)> {
    use polars::prelude::{col, lit};
    let is_manager = || col("scope_kind").eq(lit("manager"));
    let public = engine::collect(rows.clone().lazy().filter(is_manager().not()))?;
    Ok((public, engine::collect(rows.lazy().filter(is_manager()))?))
}
