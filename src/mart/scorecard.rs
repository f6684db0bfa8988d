//! The figures each scope is held to, against their targets. Values are those of other marts: what is not shown there is empty here.

use arrow::array::RecordBatch;
use chrono::Datelike;
use polars::prelude::{DataFrame, IntoLazy, PolarsResult};

use super::derived::{Derived, Output, Protection, Reads};
use super::error::MartError;
use super::formula;
use super::kpi_figures::{Clock, Figure, Figures};
use crate::columns::Columns;
use crate::contract::Catalog;
use crate::engine;
use crate::job::scorecards::{Kpi, Scorecards};
use crate::period::{Day, Period, date_of, day_of};

pub const TABLE: Derived =
    Derived { name: "scorecard", tables: &["scorecard"], protection: Protection::Guarded, build };

fn build(facts: &Reads<'_>) -> Result<Vec<Output>, MartError> {
    let held = &facts.job.scorecards;
    if held.kpis.is_empty() {
        return Ok(Vec::new());
    }
    let when = When { clock: Clock::of(facts), days: facts.days(), today: facts.today() };
    let rows = rows(held, &when, &|table| facts.table(table))?;
    let table = facts.catalog.require("scorecard")?;
    let shown = engine::collect(formula::apply(table, frame(&rows, facts.catalog)?.lazy())?)?;
    Output::whole(facts.catalog, TABLE.name, &shown)
}

/// The reported days and which of them are over.
struct When<'a> {
    clock: Clock<'a>,
    days: (Day, Day),
    today: Day,
}

/// A KPI of a scope in a period.
#[derive(Debug)]
struct Row<'a> {
    kpi: &'a Kpi,
    period: Period,
    is_complete: bool,
    scope_id: String,
    now: Figure,
    previous_start: Day,
    previous: Option<f64>,
    year_start: Day,
    year: Option<f64>,
}

fn rows<'a>(
    held: &'a Scorecards,
    when: &When<'_>,
    table: &dyn Fn(&str) -> &'a [RecordBatch],
) -> Result<Vec<Row<'a>>, MartError> {
    let mut rows = Vec::new();
    for kpi in &held.kpis {
        let figures = Figures::of(kpi, &when.clock, table(&kpi.table))?;
        let calendar = when.clock.calendar;
        for period in kpi.grains.iter().flat_map(|grain| calendar.periods(*grain, when.days.0, when.days.1)) {
            let kind = &kpi.scope.kind;
            let before = |start: Day, id: &str| figures.before(period.grain, start, period.start, kind, id);
            let (previous_start, year_start) = (calendar.previous(period).start, year_before(period.start));
            for scope_id in figures.ids(period.grain, period.start, &kpi.scope) {
                rows.push(Row {
                    kpi,
                    period,
                    is_complete: period.end <= when.today,
                    now: figures.get(period.grain, period.start, kind, &scope_id).unwrap_or_default(),
                    previous_start,
                    previous: before(previous_start, &scope_id),
                    year_start,
                    year: before(year_start, &scope_id),
                    scope_id,
                });
            }
        }
    }
    Ok(rows)
}

/// The same first of a month, one year earlier.
fn year_before(start: Day) -> Day {
    let date = date_of(start);
    date.with_year(date.year() - 1).map_or(start, day_of)
}

fn frame(rows: &[Row<'_>], catalog: &Catalog) -> PolarsResult<DataFrame> {
    let unit = |kpi: &Kpi| {
        let column = catalog.table(&kpi.table).and_then(|table| table.column(&kpi.column))?;
        (!column.unit.is_empty()).then(|| column.unit.clone())
    };
    Columns::of(rows)
        .text("grain", |row| row.period.grain.to_string())
        .date("period_start", |row| row.period.start)
        .text("scope_kind", |row| &row.kpi.scope.kind)
        .text("scope_id", |row| &row.scope_id)
        .text("kpi", |row| row.kpi.name())
        .date("period_end", |row| row.period.end)
        .bool("is_complete", |row| row.is_complete)
        .text("scorecard", |row| &row.kpi.scorecard)
        .int("position", |row| row.kpi.position)
        .text("kpi_unit", |row| unit(row.kpi))
        .double("value", |row| row.now.value)
        .double("target", |row| row.kpi.target)
        .double("baseline", |row| row.kpi.baseline)
        .double("tolerance", |row| row.kpi.tolerance)
        .text("direction", |row| row.kpi.direction.as_str())
        .date("previous_period_start", |row| row.previous_start)
        .double("previous", |row| row.previous)
        .date("previous_year_period_start", |row| row.year_start)
        .double("previous_year", |row| row.year)
        .text("status", |row| row.kpi.status(row.now.value))
        .text("owner", |row| &row.kpi.owner)
        .text("lead_or_lag", |row| &row.kpi.lead_or_lag)
        .text("outcome", |row| &row.kpi.outcome)
        .text("outcome_measure", |row| row.kpi.measure.as_ref())
        .int("n", |row| row.now.n)
        .frame()
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::job::scorecards;
    use crate::mart::fixture::day;
    use crate::period::Calendar;
    use polars::prelude::df;

    /// Rows of adoption_kpis from lines of `grain period_start scope_kind scope_id headcount active_learners active_rate`, - for null.
    pub fn adoption(text: &str) -> Vec<RecordBatch> {
        let lines: Vec<Vec<&str>> = text.trim().lines().map(|line| line.split_whitespace().collect()).collect();
        let texts = |at: usize| lines.iter().map(|line| line[at].to_owned()).collect::<Vec<_>>();
        let ints = |at: usize| lines.iter().map(|line| line[at].parse::<i64>().ok()).collect::<Vec<_>>();
        let doubles = |at: usize| lines.iter().map(|line| line[at].parse::<f64>().ok()).collect::<Vec<_>>();
        let mut frame =
            df!("grain" => texts(0), "scope_kind" => texts(2), "scope_id" => texts(3), "headcount" => ints(4),
            "active_learners" => ints(5), "active_rate" => doubles(6), "activation_rate" => doubles(6))
            .unwrap();
        Columns::of(&lines).date("period_start", |line| day(line[1])).add_to(&mut frame).unwrap();
        let fields: Vec<arrow::datatypes::Field> =
            crate::contract::arrow::mart_schema(Catalog::load().unwrap().require("adoption_kpis").unwrap())
                .fields()
                .iter()
                .filter(|field| frame.column(field.name()).is_ok())
                .map(|field| field.as_ref().clone())
                .collect();
        vec![engine::to_arrow(&frame, &std::sync::Arc::new(arrow::datatypes::Schema::new(fields))).unwrap()]
    }

    /// Three KPIs of a scope, all with target 0.8 and tolerance 0.05.
    pub fn held(scope: &str) -> Scorecards {
        let kpis: String = ["active_rate", "activation_rate", "headcount"]
            .map(|column| {
                let target = if column == "headcount" { 800.0 } else { 0.8 };
                format!(
                    "[[kpis]]\nkpi = \"adoption_kpis.{column}\"\nscope = \"{scope}\"\ntarget = {target:?}\nbaseline = 0.5\ntolerance = 0.05\ndirection = \"up\"\nlead_or_lag = \"lead\"\nowner = \"head of learning\"\noutcome = \"fewer incidents\"\nmeasure = \"incidents\"\n"
                )
            })
            .concat();
        let text = format!("name = \"executive\"\n{kpis}");
        let given = scorecards::Given { catalog: &Catalog::load().unwrap(), marts: None, reviews: None, rituals: &[] };
        scorecards::parse(&[("executive.toml".into(), text)], &given).unwrap()
    }

    /// `period scope value previous previous_year status n` of the first KPI.
    fn shown(scope: &str, from: &str, to: &str, text: &str) -> Vec<String> {
        let (catalog, held, batches) = (Catalog::load().unwrap(), held(scope), adoption(text));
        let calendar = Calendar { fiscal_year_start: 1, holidays: Default::default() };
        let clock = Clock { catalog: &catalog, calendar: &calendar, cycles: &[] };
        let when = When { clock, days: (day(from), day(to)), today: day(to) };
        let cell = |value: Option<f64>| value.map_or("-".to_owned(), |value| value.to_string());
        rows(&held, &when, &|_| &batches)
            .unwrap()
            .iter()
            .filter(|row| row.kpi.column == "active_rate")
            .map(|row| {
                format!(
                    "{} {} {} {} {} {} {}{}",
                    row.period,
                    row.scope_id,
                    cell(row.now.value),
                    cell(row.previous),
                    cell(row.year),
                    row.kpi.status(row.now.value),
                    row.now.n.map_or("-".to_owned(), |n| n.to_string()),
                    if row.is_complete { "" } else { " running" }
                )
            })
            .collect()
    }

    #[test]
    fn a_value_stands_beside_the_period_and_the_year_before() {
        let text = "
month   2025-02-01 company all 100 50 0.5
quarter 2026-01-01 company all 100 79 0.79
month   2026-01-01 company all 100 70 0.7
month   2026-02-01 company all 100 81 0.81";
        assert_eq!(
            shown("company", "2026-01-10", "2026-03-11", text),
            [
                "month 2026-01-01 all 0.7 - - off_track 100",
                "month 2026-02-01 all 0.81 0.7 0.5 on_track 100",
                // Nothing is shown for March yet; the quarter runs on.
                "month 2026-03-01 all - 0.81 - no_data - running",
                "quarter 2026-01-01 all 0.79 - - watch 100 running",
            ]
        );
    }

    #[test]
    fn every_unit_means_those_that_have_a_row_in_the_period_and_a_withheld_one_has_no_data() {
        let text = "
month 2026-01-01 org     a   20 16 0.8
month 2026-01-01 org     b   -  -  -
month 2026-01-01 company all 99 9  0.1";
        assert_eq!(
            shown("org", "2026-01-01", "2026-02-01", text),
            ["month 2026-01-01 a 0.8 - - on_track 20", "month 2026-01-01 b - - - no_data -"]
        );
    }
}
