//! The one way from people to rows of a table: a block of people is added up over every scope, guarded, and only then shown.
//!
//! A block is whatever a table has one row per scope for: the people of a period, of a hire cohort, of a review cycle.

use std::collections::BTreeMap;

use polars::prelude::{Column, DataFrame, DataType, IntoLazy, PolarsResult};

use super::error::MartError;
use super::formula;
use crate::canon::hierarchy::Units;
use crate::canon::history::People;
use crate::contract::{Measure, Table};
use crate::engine;
use crate::guard::{self, Kind, Protected, Rules, Status, Tally};
use crate::job::Policy;
use crate::period::{Day, Period};
use crate::scope;

/// One value of a key column, the same in all rows of a block.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    Text(String),
    Int(Option<i64>),
    Date(Day),
    Bool(bool),
}

/// People who stand in one row of every scope they belong to.
pub struct Block {
    /// Columns that are the same in every row: what the block is about.
    pub keys: Vec<(&'static str, Value)>,
    /// One row a person: the columns of [`scope::PLACE`] (codes, -1 for none) and one integer column for each column of the contract
    /// with a measure other than the population, which is the number of rows.
    pub rows: DataFrame,
}

impl Block {
    /// A block about nothing but its period, whose columns the driver adds.
    pub fn of(rows: DataFrame) -> Block {
        Block { keys: Vec::new(), rows }
    }
}

/// Where the people of a block stand.
#[derive(Clone, Copy)]
pub struct Placement<'a> {
    pub people: &'a People,
    pub units: &'a Units,
    /// The org tree is that of its last day.
    pub period: Period,
    pub policy: &'a Policy,
    /// Whether reporting subtrees of managers are scopes of the table, where the policy publishes them at all.
    pub managers: bool,
}

/// A block behind the guard.
pub struct Shown {
    /// Keys, `scope_kind`, `scope_id`, `status`, the population, the measures and the formulas, ordered by scope.
    pub rows: DataFrame,
    /// Withheld by scope kind, with the number of values merged into `other`.
    pub withheld: Vec<(Tally, i64)>,
    pub cycles_cut: u64,
    pub orphans: u64,
    scopes: scope::Members,
    /// Values that stand in a row of their own, by flat kind.
    published: BTreeMap<String, Vec<String>>,
}

impl Shown {
    /// Row numbers of the block's people in a published scope, ascending; nobody where the scope is not published. For figures no sum
    /// can give (medians, survival curves): whoever shows one of them answers for its minimum support.
    pub fn members(&self, scope_kind: &str, scope_id: &str) -> Vec<u32> {
        let Some(published) = self.published.get(scope_kind) else { return Vec::new() };
        if published.binary_search_by(|id| id.as_str().cmp(scope_id)).is_err() {
            return Vec::new();
        }
        self.scopes.of(scope_kind, scope_id, published)
    }
}

impl Shown {
    /// The published scopes of every kind as trees, for figures in a second dimension; none where the company is too small to be shown.
    pub fn scopes(&self) -> Vec<scope::Rows> {
        if !self.published.contains_key("company") {
            return Vec::new();
        }
        self.scopes.rows(|kind| self.published.get(kind).map_or(&[], Vec::as_slice))
    }
}

/// Measures that belong to the company alone: about accounts nobody knows, so no group of people can be small.
const OF_THE_COMPANY: [&str; 1] = ["unmatched_events"];

/// Adds a block up over every scope, guards it and computes the contract's formulas from what is left.
///
/// # Errors
/// The audit fails even after every repair, or the block and the contract disagree.
pub fn show(table: &Table, block: &Block, place: &Placement<'_>) -> Result<Shown, MartError> {
    let (names, kinds) = measures(table);
    let company = scope::Company {
        people: place.people,
        units: place.units,
        period: place.period,
        smallest_group: place.policy.smallest_group,
        smallest_group_manager: (place.managers && place.policy.manager_scopes)
            .then_some(place.policy.smallest_group_manager),
    };
    let scopes = scope::build(&block.rows, &names, &company)?;
    let rules = Rules {
        k: place.policy.smallest_group,
        rounding: place.policy.rounding,
        synthetic: place.policy.synthetic_data,
    };
    let privacy = |cause| MartError::Privacy { mart: table.name.clone(), what: said(&block.keys, place.period), cause };
    let protected = guard::protect(&kinds, &scopes.trees, &scopes.crossings, &rules).map_err(privacy)?;
    let rows = frame(table, &names, &protected, &block.keys)?;
    let mut published: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for row in protected.rows.iter().filter(|row| row.status == Status::Published) {
        published.entry(row.kind.clone()).or_default().push(row.id.clone());
    }
    published.values_mut().for_each(|ids| ids.sort_unstable());
    Ok(Shown {
        rows: engine::collect(formula::apply(table, rows.lazy())?)?,
        withheld: withheld(protected),
        cycles_cut: scopes.cycles_cut,
        orphans: scopes.orphans,
        scopes: scopes.members,
        published,
    })
}

/// The contract's protected measures and how the guard treats each.
pub(super) fn measures(table: &Table) -> (Vec<&str>, Vec<Kind>) {
    table
        .columns
        .iter()
        .filter(|column| !OF_THE_COMPANY.contains(&column.name.as_str()))
        .filter_map(|column| Some((column.name.as_str(), kind(column.measure?)?)))
        .unzip()
}

/// The column that counts the people of a row.
pub(super) fn population(table: &Table) -> Option<&str> {
    let column = table.columns.iter().find(|column| column.measure == Some(Measure::Population))?;
    Some(column.name.as_str())
}

fn kind(measure: Measure) -> Option<Kind> {
    match measure {
        Measure::Population => None,
        Measure::People => Some(Kind::People),
        Measure::Events => Some(Kind::Events),
        Measure::Sum => Some(Kind::Sum),
    }
}

/// What a block is about, in words for an error.
pub(super) fn said(keys: &[(&'static str, Value)], period: Period) -> String {
    let keys: Vec<String> = keys
        .iter()
        .filter_map(|(name, value)| match value {
            Value::Text(text) if *name != "grain" => Some(format!("{name} {text}")),
            _ => None,
        })
        .collect();
    if keys.is_empty() { period.to_string() } else { format!("{period}, {}", keys.join(", ")) }
}

fn withheld(protected: Protected) -> Vec<(Tally, i64)> {
    let merged = |kind: &str| {
        protected.rows.iter().filter(|row| row.kind == kind && row.status == Status::Merged).count() as i64
    };
    let counts: Vec<i64> = protected.tallies.iter().map(|tally| merged(&tally.kind)).collect();
    protected.tallies.into_iter().zip(counts).collect()
}

/// The guard's rows as columns, ordered by (scope_kind, scope_id).
fn frame(
    table: &Table,
    names: &[&str],
    protected: &Protected,
    keys: &[(&'static str, Value)],
) -> PolarsResult<DataFrame> {
    // A value merged into `other` has no row of its own.
    let mut shown: Vec<&guard::Shown> = protected.rows.iter().filter(|row| row.status != Status::Merged).collect();
    shown.sort_by(|a, b| (&a.kind, &a.id).cmp(&(&b.kind, &b.id)));
    let count = shown.len();
    let texts = |pick: &dyn Fn(&guard::Shown) -> &str| -> Vec<String> {
        shown.iter().map(|row| pick(row).to_owned()).collect()
    };
    let status = |row: &guard::Shown| if row.status == Status::Published { "published" } else { "withheld" };
    let mut columns = Vec::new();
    for (name, value) in keys {
        columns.push(match value {
            Value::Text(text) => Column::new((*name).into(), vec![text.as_str(); count]),
            Value::Int(value) => Column::new((*name).into(), vec![*value; count]),
            Value::Date(day) => Column::new((*name).into(), vec![*day; count]).cast(&DataType::Date)?,
            Value::Bool(value) => Column::new((*name).into(), vec![*value; count]),
        });
    }
    columns.push(Column::new("scope_kind".into(), texts(&|row| &row.kind)));
    columns.push(Column::new("scope_id".into(), texts(&|row| &row.id)));
    columns.push(Column::new("status".into(), shown.iter().map(|row| status(row)).collect::<Vec<_>>()));
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

/// Adds the tallies of another block of the same period.
pub fn add(all: &mut Vec<(Tally, i64)>, more: Vec<(Tally, i64)>) {
    for (tally, merged) in more {
        match all.iter_mut().find(|(known, _)| known.kind == tally.kind) {
            Some((known, known_merged)) => {
                known.rows += tally.rows;
                known.rows_withheld += tally.rows_withheld;
                known.cells_withheld += tally.cells_withheld;
                *known_merged += merged;
            }
            None => all.push((tally, merged)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{day, people};
    use super::*;
    use crate::contract::Catalog;
    use crate::period::Grain;

    /// People of units A (6), B (5) and C (2), each with one visit.
    fn shown(k: i64) -> Shown {
        let lines: Vec<String> = ["A"; 6]
            .into_iter()
            .chain(["B"; 5])
            .chain(["C"; 2])
            .enumerate()
            .map(|(at, org)| format!("p{at:02} {org} 2025-01-01 -"))
            .collect();
        let people = people(&lines.join("\n"));
        let count = people.stints.len();
        let column = |name: &str, pick: &dyn Fn(usize) -> i64| {
            Column::new(name.into(), (0..count).map(pick).collect::<Vec<i64>>())
        };
        let catalog = Catalog::load().unwrap();
        let table = catalog.require("adoption_kpis").unwrap();
        let mut columns = vec![
            column("worker", &|row| row as i64),
            column("org", &|row| i64::from(people.stints[row].place.org)),
            column("leader_band", &|_| -1),
            column("location", &|_| -1),
            column("function", &|_| -1),
            column("manager", &|_| -1),
        ];
        columns.extend(measures(table).0.into_iter().map(|name| column(name, &|_| 1)));
        let keys = vec![("grain", Value::Text("week".into())), ("working_days", Value::Int(Some(5)))];
        let block = Block { keys, rows: DataFrame::new(count, columns).unwrap() };
        let units = Units::default();
        let policy = Policy { synthetic_data: true, smallest_group: k, rounding: 1, ..Policy::default() };
        let period = Period { grain: Grain::Week, start: day("2025-03-03"), end: day("2025-03-10") };
        show(table, &block, &Placement { people: &people, units: &units, period, policy: &policy, managers: false })
            .unwrap()
    }

    #[test]
    fn a_published_scope_names_the_rows_of_its_people() {
        let shown = shown(1);
        assert_eq!(shown.members("company", "all").len(), 13);
        assert_eq!(shown.members("org", "C"), [11, 12]);
        assert_eq!(shown.members("leader_band", "unknown").len(), 13);
    }

    #[test]
    fn a_withheld_scope_names_nobody() {
        // C has 2 people; B, the smallest sibling, goes with it.
        let shown = shown(5);
        assert_eq!(shown.members("org", "A"), [0, 1, 2, 3, 4, 5]);
        assert_eq!((shown.members("org", "B"), shown.members("org", "C")), (vec![], vec![]));
        assert_eq!(shown.members("org", "nowhere"), [0u32; 0]);
        let scopes = shown.scopes();
        let org = scopes.iter().find(|rows| rows.kind == "org").unwrap();
        assert_eq!(org.ids, ["all", "A"], "the others stand with the company");
        assert_eq!(org.members()[1], shown.members("org", "A"));
        assert_eq!(org.members()[0].len(), 13);
    }
}
