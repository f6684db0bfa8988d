//! What published tables show of a scorecard's KPIs, by period and scope. Guarded rows alone: nothing here sees a person.

use std::collections::BTreeMap;

use arrow::array::RecordBatch;

use super::derived::Reads;
use crate::canon::columns::{Text, dates, ints, numbers};
use crate::contract::{Catalog, ContractError, Measure, Table, Type};
use crate::job::Job;
use crate::job::reviews::Cycle;
use crate::job::scorecards::sources::When;
use crate::job::scorecards::{Kpi, Scope};
use crate::period::{Calendar, Day, Grain, date_of};

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
    /// The rubric by which a period's figures were rated, for tables of review cycles.
    rubrics: BTreeMap<Day, String>,
}

/// What says which period a row is about, beside the row itself.
pub struct Clock<'a> {
    pub catalog: &'a Catalog,
    pub calendar: &'a Calendar,
    pub cycles: &'a [Cycle],
}

impl<'a> Clock<'a> {
    pub fn new(catalog: &'a Catalog, job: &'a Job) -> Clock<'a> {
        let cycles = job.reviews.as_ref().map_or(&[][..], |reviews| reviews.cycles.as_slice());
        Clock { catalog, calendar: &job.calendar, cycles }
    }

    pub(super) fn of(facts: &Reads<'a>) -> Clock<'a> {
        Clock::new(facts.catalog, facts.job)
    }

    /// Columns and values that pick the row of a KPI's table which is about a period and scope; `None` where there can be none.
    pub fn key(&self, kpi: &Kpi, grain: Grain, start: Day, kind: &str, id: &str) -> Option<Vec<(String, String)>> {
        let table = self.catalog.table(&kpi.table)?;
        let mut key: Vec<(String, String)> = kpi.pins.clone().into_iter().collect();
        let mut add = |name: &str, value: String| key.push((name.to_owned(), value));
        match kpi.source.when {
            When::Starts(column) => add(column, date_of(start).to_string()),
            When::Closes => {
                let cycle = *self.closing().get(&start)?;
                add("cycle_id", cycle.id.clone());
                if table.column("rubric_version").is_some() {
                    add("rubric_version", cycle.rubric.clone());
                }
            }
        }
        if kpi.source.grains.len() > 1 {
            add("grain", grain.as_str().to_owned());
        }
        if kpi.source.has_scopes(table) {
            add("scope_kind", kind.to_owned());
            add("scope_id", id.to_owned());
        }
        Some(key)
    }

    /// The review cycle of each quarter in which one closes: the last of them.
    fn closing(&self) -> BTreeMap<Day, &'a Cycle> {
        self.cycles.iter().map(|cycle| (self.calendar.period(Grain::Quarter, cycle.closes).start, cycle)).collect()
    }
}

impl Figures {
    /// Collects the rows of a KPI's table that are about it.
    ///
    /// # Errors
    /// The table has no contract.
    pub fn of(kpi: &Kpi, clock: &Clock<'_>, rows: &[RecordBatch]) -> Result<Figures, ContractError> {
        let table = clock.catalog.require(&kpi.table)?;
        let behind = kpi.source.counted.or_else(|| denominator(table, &kpi.column));
        let closing = clock.closing();
        let starts: BTreeMap<(&str, &str), Day> =
            closing.iter().map(|(start, cycle)| ((cycle.id.as_str(), cycle.rubric.as_str()), *start)).collect();
        let mut figures = Figures::default();
        if kpi.source.when == When::Closes {
            figures.rubrics = closing.iter().map(|(start, cycle)| (*start, cycle.rubric.clone())).collect();
        }
        for batch in rows {
            let when = match kpi.source.when {
                When::Starts(column) => column,
                When::Closes => "",
            };
            let (grain, start) = (Text::of(batch, "grain"), dates(batch, when));
            let (cycle, rubric) = (Text::of(batch, "cycle_id"), Text::of(batch, "rubric_version"));
            let (kind, id) = (Text::of(batch, "scope_kind"), Text::of(batch, "scope_id"));
            let value = numbers(batch, &kpi.column);
            let n = behind.map(|name| ints(batch, name));
            let pins: Vec<(Text<'_>, _, &str)> = kpi
                .pins
                .iter()
                .map(|(column, wanted)| (Text::of(batch, column), ints(batch, column), wanted.as_str()))
                .collect();
            let period = |row: usize| match (kpi.source.when, kpi.source.grains) {
                (When::Closes, _) => {
                    let rubric = rubric.get(row).or_else(|| own_rubric(clock.cycles, cycle.get(row)?))?;
                    starts.get(&(cycle.get(row)?, rubric)).map(|start| (Grain::Quarter, *start))
                }
                (When::Starts(_), [only]) => start(row).map(|start| (*only, start)),
                (When::Starts(_), _) => {
                    let grain = kpi.grains.iter().find(|known| grain.get(row) == Some(known.as_str()))?;
                    start(row).map(|start| (*grain, start))
                }
            };
            for row in 0..batch.num_rows() {
                // A table without scopes is about the company.
                let scope = if kpi.source.has_scopes(table) {
                    kind.get(row).zip(id.get(row))
                } else {
                    Some(("company", "all"))
                };
                let (Some(period), Some((kind, id))) = (period(row), scope) else { continue };
                let pinned = pins.iter().all(|(text, whole, wanted)| {
                    text.get(row) == Some(*wanted) || whole(row).is_some_and(|value| value.to_string() == **wanted)
                });
                if pinned {
                    let figure = Figure { value: value(row), n: n.as_ref().and_then(|n| n(row)) };
                    figures.by_period.entry(period).or_default().insert((kind.to_owned(), id.to_owned()), figure);
                }
            }
        }
        Ok(figures)
    }

    /// The figure of a scope in a period.
    pub fn get(&self, grain: Grain, start: Day, kind: &str, id: &str) -> Option<Figure> {
        self.by_period.get(&(grain, start))?.get(&(kind.to_owned(), id.to_owned())).copied()
    }

    /// The value of an earlier period, to compare a later one with: none where marks meant something else then.
    pub fn before(&self, grain: Grain, earlier: Day, later: Day, kind: &str, id: &str) -> Option<f64> {
        if self.rubrics.get(&later).is_some_and(|rubric| self.rubrics.get(&earlier) != Some(rubric)) {
            return None;
        }
        self.get(grain, earlier, kind, id)?.value
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

    /// First days of the periods that have rows; of review cycles those with the rubric of the last.
    pub fn periods(&self, grain: Grain) -> Vec<Day> {
        let starts: Vec<Day> = self.by_period.keys().filter(|(of, _)| *of == grain).map(|(_, start)| *start).collect();
        let last = starts.last().and_then(|start| self.rubrics.get(start)).cloned();
        starts.into_iter().filter(|start| self.rubrics.get(start) == last.as_ref()).collect()
    }
}

fn own_rubric<'a>(cycles: &'a [Cycle], id: &str) -> Option<&'a str> {
    cycles.iter().find(|cycle| cycle.id == id).map(|cycle| cycle.rubric.as_str())
}

/// The counted column a rate is over: the last one its formula divides by or, computed elsewhere, the one its unit names. A figure
/// without one is about the population.
fn denominator<'t>(table: &'t Table, column: &str) -> Option<&'t str> {
    let counted = |name: &str| table.column(name).filter(|column| column.measure.is_some());
    let own = table.column(column)?;
    let divided = own.formula.as_deref().and_then(|formula| {
        let over = formula.split("NULLIF(").skip(1).filter_map(|rest| rest.split(',').next());
        over.filter_map(|name| counted(name.trim())).last()
    });
    let named = || {
        let name = own.unit.strip_prefix("share of ")?;
        table.column(name).filter(|column| column.data_type == Type::Int)
    };
    let population = || table.columns.iter().find(|column| column.measure == Some(Measure::Population));
    divided.or_else(named).or_else(population).map(|column| column.name.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_over_what_its_formula_divides_by_and_all_else_over_the_people() {
        let catalog = Catalog::load().unwrap();
        let table = catalog.require("adoption_kpis").unwrap();
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
        let sharing = catalog.require("knowledge_sharing").unwrap();
        assert_eq!(denominator(sharing, "top10_percent_share"), Some("sme_contributions"));
        assert_eq!(denominator(sharing, "gini"), Some("headcount"));
    }

    #[test]
    fn marks_of_another_rubric_are_compared_with_nothing() {
        let scope = || ("company".to_owned(), "all".to_owned());
        let rated = |at: Day, value: f64| {
            ((Grain::Quarter, at), BTreeMap::from([(scope(), Figure { value: Some(value), n: Some(9) })]))
        };
        let rubric = |at: Day, name: &str| (at, name.to_owned());
        let figures = Figures {
            by_period: [rated(0, 0.5), rated(90, 0.6), rated(180, 0.7), rated(270, 0.8)].into(),
            rubrics: [rubric(0, "2026"), rubric(90, "2025"), rubric(180, "2026"), rubric(270, "2026")].into(),
        };
        let before = |earlier, later| figures.before(Grain::Quarter, earlier, later, "company", "all");
        assert_eq!((before(180, 270), before(90, 180), before(0, 180)), (Some(0.7), None, Some(0.5)));
        assert_eq!(before(270, 360), Some(0.8), "a quarter in which no cycle closes has marks of no other rubric");
        assert_eq!(figures.periods(Grain::Quarter), [0, 180, 270], "an outcome is put beside marks of one meaning");
        assert_eq!(figures.get(Grain::Quarter, 90, "company", "all").and_then(|figure| figure.value), Some(0.6));
    }
}
