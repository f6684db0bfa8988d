//! Who came aboard when, and how many of them still learn: one block of people a month of activation, in every month since.

use std::collections::BTreeMap;

use chrono::Datelike;
use polars::prelude::*;

use super::person_rows::{Block, Shown, Value};
use super::scoped::{Inputs, Mart, Previous};
use crate::engine;
use crate::period::{Day, Grain, date_of};
use crate::scope::PLACE;

pub const MART: Mart = Mart {
    name: "adoption_cohorts",
    grains: &[Grain::Month],
    managers: None,
    previous: &[],
    needs: &[],
    looks_back: true,
    acts: None,
    build,
    describe: Some(published),
    finish,
};

/// The people of the month by the month of their first active act ever. Somebody who is not eligible in the month cannot be observed
/// in it and stands in no row.
fn build(inputs: &Inputs<'_>) -> PolarsResult<Vec<Block>> {
    let rows = &inputs.person_period.rows;
    let (first, acts) = (rows.column("first_active")?.i64()?, rows.column("active_acts")?.i64()?);
    let mut cohorts: BTreeMap<Day, Vec<u32>> = BTreeMap::new();
    for (row, first) in first.iter().enumerate() {
        let first = first.and_then(|day| Day::try_from(day).ok()).filter(|day| *day < inputs.period.end);
        if let Some(first) = first {
            cohorts.entry(inputs.calendar.period(Grain::Month, first).start).or_default().push(row as u32);
        }
    }
    cohorts
        .into_iter()
        .map(|(month, people)| {
            let column = |name: &str| -> PolarsResult<Column> {
                let values = rows.column(name)?.i64()?;
                let of_cohort: Vec<Option<i64>> = people.iter().map(|row| values.get(*row as usize)).collect();
                Ok(Column::new(name.into(), of_cohort))
            };
            let mut columns = PLACE.iter().map(|name| column(name)).collect::<PolarsResult<Vec<Column>>>()?;
            let retained: Vec<i64> =
                people.iter().map(|row| i64::from(acts.get(*row as usize).unwrap_or(0) > 0)).collect();
            columns.push(Column::new("retained".into(), retained));
            let keys = vec![
                ("activation_month", Value::Date(month)),
                ("months_since", Value::Int(Some(months_between(month, inputs.period.start)))),
            ];
            Ok(Block { keys, rows: DataFrame::new(people.len(), columns)? })
        })
        .collect()
}

/// Whole months from one first of a month to another.
fn months_between(from: Day, to: Day) -> i64 {
    let months = |day: Day| i64::from(date_of(day).year()) * 12 + i64::from(date_of(day).month0());
    months(to) - months(from)
}

/// A scope that is not shown has no row: with one row a unit, month and cohort, most of the table would say nothing.
fn published(shown: &Shown, _: &Block, _: &Inputs<'_>) -> PolarsResult<DataFrame> {
    engine::collect(shown.rows.clone().lazy().filter(col("status").eq(lit("published"))))
}

fn finish(rows: DataFrame, _: &Inputs<'_>, _: &Previous) -> PolarsResult<DataFrame> {
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{build, cells_where, people, person_days};
    use super::*;

    #[test]
    fn a_cohort_shrinks_by_who_is_silent_and_by_who_cannot_be_observed() {
        // p3 leaves at the end of February; p4 comes aboard in February.
        let people = people(
            "p1 A 2025-01-01 -
             p2 A 2025-01-01 -
             p3 A 2025-01-01 2025-03-01
             p4 A 2025-01-01 -",
        );
        let days = person_days(
            &people,
            "p1 2025-01-10 active_acts=1
             p2 2025-01-20 active_acts=2
             p3 2025-01-30 active_acts=1
             p1 2025-02-10 active_acts=1
             p4 2025-02-11 active_acts=1
             p3 2025-02-12 passive_acts=4
             p1 2025-03-10 active_acts=1
             p2 2025-03-11 active_acts=1",
        );
        let row = |month: &str, cohort: &str| {
            let table = build(&MART, Grain::Month, month, &people, &days);
            cells_where(
                &table,
                &[("scope_kind", "company"), ("activation_month", cohort)],
                ["months_since", "cohort_size", "retained", "retention_rate"],
            )
        };
        // Exact counts hide what all or none of a scope did.
        assert_eq!(row("2025-01-01", "2025-01-01"), Some(["0", "3", "", ""].map(String::from)));
        assert_eq!(row("2025-02-01", "2025-01-01"), Some(["1", "3", "1", "0.3333333333333333"].map(String::from)));
        assert_eq!(row("2025-03-01", "2025-01-01"), Some(["2", "2", "", ""].map(String::from)), "both of two");
        assert_eq!(row("2025-03-01", "2025-02-01"), Some(["1", "1", "", ""].map(String::from)), "none of one");
        assert_eq!(row("2025-01-01", "2025-02-01"), None);
    }

    #[test]
    fn months_are_counted_across_years() {
        let day = super::super::fixture::day;
        assert_eq!(months_between(day("2025-11-01"), day("2026-02-01")), 3);
    }
}
