//! What published tables show of a scorecard's KPIs, by period and scope. Guarded rows alone: nothing here sees a person.

use std::collections::BTreeMap;

use arrow::array::RecordBatch;

use crate::canon::columns::{Text, dates, ints, numbers};
use crate::contract::{Catalog, ContractError, Measure, Table};
use crate::job::scorecards::{Kpi, Scope};
use crate::period::{Day, Grain};

/// The grains a scorecard is read in.
pub const GRAINS: [Grain; 2] = [Grain::Month, Grain::Quarter];

/// A figure as its table shows it.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Figure {
    pub value: Option<f64>,
    /// The denominator where the figure is a rate over a counted column, else the people of the scope.
    pub n: Option<i64>,
}

/// Figures of one KPI: by grain and first day of the period, then by kind and id of the scope.
#[derive(Debug, Default, PartialEq)]
pub struct Figures {
    by_period: BTreeMap<(Grain, Day), BTreeMap<(String, String), Figure>>,
}

impl Figures {
    /// Collects the rows of a KPI's table that are about it.
    ///
    /// # Errors
    /// The table has no contract.
    pub fn of(kpi: &Kpi, catalog: &Catalog, rows: &[RecordBatch]) -> Result<Figures, ContractError> {
        let table = catalog.expect(&kpi.table)?;
        let behind = denominator(table, &kpi.column);
        let mut figures = Figures::default();
        for batch in rows {
            let (grain, start) = (Text::of(batch, "grain"), dates(batch, "period_start"));
            let (kind, id) = (Text::of(batch, "scope_kind"), Text::of(batch, "scope_id"));
            let value = numbers(batch, &kpi.column);
            let n = behind.map(|name| ints(batch, name));
            let pins: Vec<(Text<'_>, _, &str)> = kpi
                .pins
                .iter()
                .map(|(column, wanted)| (Text::of(batch, column), ints(batch, column), wanted.as_str()))
                .collect();
            for row in 0..batch.num_rows() {
                let named = GRAINS.into_iter().find(|known| grain.get(row) == Some(known.as_str()));
                let (Some(grain), Some(start), Some(kind), Some(id)) = (named, start(row), kind.get(row), id.get(row))
                else {
                    continue;
                };
                let pinned = pins.iter().all(|(text, whole, wanted)| {
                    text.get(row) == Some(*wanted) || whole(row).is_some_and(|value| value.to_string() == **wanted)
                });
                if pinned {
                    let figure = Figure { value: value(row), n: n.as_ref().and_then(|n| n(row)) };
                    figures
                        .by_period
                        .entry((grain, start))
                        .or_default()
                        .insert((kind.to_owned(), id.to_owned()), figure);
                }
            }
        }
        Ok(figures)
    }

    /// The figure of a scope in a period.
    pub fn get(&self, grain: Grain, start: Day, kind: &str, id: &str) -> Option<Figure> {
        self.by_period.get(&(grain, start))?.get(&(kind.to_owned(), id.to_owned())).copied()
    }

    /// The ids a KPI's scope stands for in a period: its own, or every one of its kind that has a row.
    pub fn ids(&self, grain: Grain, start: Day, scope: &Scope) -> Vec<String> {
        match &scope.id {
            Some(id) => vec![id.clone()],
            None => self
                .by_period
                .get(&(grain, start))
                .into_iter()
                .flat_map(BTreeMap::keys)
                .filter(|(kind, _)| *kind == scope.kind)
                .map(|(_, id)| id.clone())
                .collect(),
        }
    }

    /// First days of the periods that have rows.
    pub fn periods(&self, grain: Grain) -> impl Iterator<Item = Day> {
        self.by_period.keys().filter(move |(of, _)| *of == grain).map(|(_, start)| *start)
    }
}

/// The counted column a rate is over: the last one its formula divides by. A figure without one is about the population.
fn denominator<'t>(table: &'t Table, column: &str) -> Option<&'t str> {
    let counted = |name: &str| table.column(name).filter(|column| column.measure.is_some());
    let divided = table.column(column).and_then(|column| column.formula.as_deref()).and_then(|formula| {
        let over = formula.split("NULLIF(").skip(1).filter_map(|rest| rest.split(',').next());
        over.filter_map(|name| counted(name.trim())).last()
    });
    let population = || table.columns.iter().find(|column| column.measure == Some(Measure::Population));
    divided.or_else(population).map(|column| column.name.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_over_what_its_formula_divides_by_and_all_else_over_the_people() {
        let catalog = Catalog::load().unwrap();
        let table = catalog.expect("adoption_kpis").unwrap();
        for (column, over) in [
            ("active_rate", "headcount"),
            ("completion_rate", "due"),
            ("stickiness", "active_learners"),
            ("checkbox_share", "completions"),
            // Working days are no count of people or events.
            ("average_daily_active", "headcount"),
            ("contributors", "headcount"),
        ] {
            assert_eq!(denominator(table, column), Some(over), "{column}");
        }
    }
}
