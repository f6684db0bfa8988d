//! What goals and key results are judged by: the values of business outcomes, and which scopes are large enough to be shown.

use std::collections::BTreeMap;

use arrow::array::{ArrayRef, RecordBatch};
use polars::prelude::{Column, DataFrame};

use super::derived::Reads;
use super::error::MartError;
use super::person_rows::{Block, Placement, show};
use crate::canon::columns::{Text, bools, dates, doubles};
use crate::canon::history::NONE;
use crate::contract::Table;
use crate::contract::arrow::{DELETED, mart_schema};
use crate::job::goals::{Better, Scope, Subject};
use crate::period::{Day, Grain, Period};
use crate::scope::PLACE;

/// The table whose population the guard is asked about: nothing of it but the headcount is used.
const HEADCOUNTS: &str = "goal_attainment";

/// The id of the company as a scope.
pub const ALL: &str = "all";

/// The scope as the tables name it.
pub fn named(scope: &Scope) -> (&'static str, &str) {
    match scope {
        Scope::Company => ("company", ALL),
        Scope::Org(id) => ("org", id),
    }
}

/// Headcounts of the scopes that may be shown, by day.
///
/// Companies and units are all that goals are about, so they are guarded by themselves: a unit is shown where the rest of the unit
/// above it, and everything that could be told from the two, is a group of the smallest size at least.
pub struct Standing<'f> {
    facts: &'f Reads<'f>,
    by_day: BTreeMap<Day, BTreeMap<(String, String), i64>>,
}

impl<'f> Standing<'f> {
    pub fn of(facts: &'f Reads<'f>) -> Standing<'f> {
        Standing { facts, by_day: BTreeMap::new() }
    }

    /// The headcount of a scope on the last day of `[starts_on, due_on]` so far; `None` where it is not shown.
    pub fn headcount(&mut self, scope: &Scope, starts_on: Day, due_on: Day) -> Result<Option<i64>, MartError> {
        let day = due_on.min(self.facts.days().1 - 1).max(starts_on.min(self.facts.days().1 - 1));
        if !self.by_day.contains_key(&day) {
            let shown = self.shown(day)?;
            self.by_day.insert(day, shown);
        }
        let (kind, id) = named(scope);
        Ok(self.by_day.get(&day).and_then(|shown| shown.get(&(kind.to_owned(), id.to_owned()))).copied())
    }

    fn shown(&self, day: Day) -> Result<BTreeMap<(String, String), i64>, MartError> {
        let table = self.facts.catalog.require(HEADCOUNTS)?;
        let period = Period { grain: Grain::Day, start: day, end: day + 1 };
        let places = self.facts.people().places(period);
        let columns = PLACE.iter().map(|name| {
            let codes: Vec<i64> = places
                .iter()
                .map(|stint| match *name {
                    "worker" => i64::from(stint.worker),
                    "org" if stint.place.org != NONE => i64::from(stint.place.org),
                    _ => -1,
                })
                .collect();
            Column::new((*name).into(), codes)
        });
        let block = Block::of(DataFrame::new(places.len(), columns.collect())?);
        let place = Placement {
            people: self.facts.people(),
            units: self.facts.units(),
            period,
            policy: &self.facts.job.policy,
            managers: false,
        };
        let rows = show(table, &block, &place)?.rows;
        let (kind, id) = (rows.column("scope_kind")?.str()?, rows.column("scope_id")?.str()?);
        let headcount = rows.column("headcount")?.i64()?;
        let row = |at: usize| Some(((kind.get(at)?.to_owned(), id.get(at)?.to_owned()), headcount.get(at)?));
        Ok((0..rows.height()).filter_map(row).collect())
    }
}

/// Columns by name in the order of the contract.
pub fn batch(
    table: &Table,
    mart: &'static str,
    by_name: &dyn Fn(&str) -> Option<ArrayRef>,
) -> Result<RecordBatch, MartError> {
    let column = |name: &str| {
        by_name(name).ok_or_else(|| MartError::Malformed { mart, what: format!("nothing fills column {name}") })
    };
    let columns = table.stored().map(|stored| column(&stored.name)).collect::<Result<Vec<_>, _>>()?;
    Ok(RecordBatch::try_new(mart_schema(table), columns)?)
}

/// One value of a business outcome.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Value {
    start: Day,
    /// First day after the period.
    end: Day,
    value: f64,
    baseline: Option<f64>,
}

/// Values of business outcomes by kpi, subject kind and subject, in order of their periods.
#[derive(Debug, Default)]
pub struct Outcomes {
    values: BTreeMap<(String, String, String), Vec<Value>>,
}

/// An outcome against where it started.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Against {
    pub baseline: Option<f64>,
    pub current: Option<f64>,
    /// First day after the period of `current`.
    pub measured_to: Option<Day>,
}

impl Outcomes {
    /// Reads live rows of `measures` whose period had ended by the first moment of `today`.
    pub fn read(batches: &[RecordBatch], today: Day) -> Outcomes {
        let mut outcomes = Outcomes::default();
        for batch in batches {
            let text = |name: &str| Text::of(batch, name);
            let (kpi, subject_kind, subject_id) = (text("kpi"), text("subject_kind"), text("subject_id"));
            let (start, end) = (dates(batch, "period_start"), dates(batch, "period_end"));
            let (value, baseline, deleted) =
                (doubles(batch, "value"), doubles(batch, "baseline"), bools(batch, DELETED));
            for row in (0..batch.num_rows()).filter(|row| deleted(*row) != Some(true)) {
                if let (Some(kpi), Some(kind), Some(id), Some(start), Some(end), Some(value)) =
                    (kpi.get(row), subject_kind.get(row), subject_id.get(row), start(row), end(row), value(row))
                    && end <= today
                {
                    let key = (kpi.to_owned(), kind.to_owned(), id.to_owned());
                    let value = Value { start, end, value, baseline: baseline(row) };
                    outcomes.values.entry(key).or_default().push(value);
                }
            }
        }
        outcomes.values.values_mut().for_each(|values| values.sort_by_key(|value| (value.end, value.start)));
        outcomes
    }

    /// The last value of a whole period within the days, and what it is compared with.
    pub fn against(
        &self,
        kpi: &str,
        scope: &Scope,
        subject: &Subject,
        (starts_on, due_on): (Day, Day),
        baseline: Option<f64>,
    ) -> Against {
        let (kind, id) = match subject {
            Subject::Content(id) => ("content", id.as_str()),
            Subject::Scope => named(scope),
        };
        let Some(values) = self.values.get(&(kpi.to_owned(), kind.to_owned(), id.to_owned())) else {
            return Against { baseline, ..Against::default() };
        };
        let within = |value: &&Value| value.start >= starts_on && value.end <= due_on + 1;
        let current = values.iter().rfind(within);
        let before = || values.iter().rfind(|value| value.end <= starts_on).map(|value| value.value);
        Against {
            baseline: baseline.or(current.and_then(|value| value.baseline)).or_else(before),
            current: current.map(|value| value.value),
            measured_to: current.map(|value| value.end),
        }
    }
}

impl Against {
    /// Change in the wanted direction over the baseline.
    pub fn change_rate(&self, better: Better) -> Option<f64> {
        let (baseline, current) = (self.baseline.filter(|baseline| *baseline != 0.0)?, self.current?);
        let gained = match better {
            Better::Lower => baseline - current,
            Better::Higher => current - baseline,
        };
        Some(gained / baseline.abs())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcomes() -> Outcomes {
        let value = |start, end, value, baseline| Value { start, end, value, baseline };
        let values = vec![
            value(0, 30, 200.0, None),
            value(30, 60, 180.0, None),
            value(60, 90, 168.0, None),
            value(90, 120, 99.0, None),
        ];
        Outcomes { values: BTreeMap::from([(("q".into(), "company".into(), "all".into()), values)]) }
    }

    fn against(days: (Day, Day), baseline: Option<f64>) -> Against {
        outcomes().against("q", &Scope::Company, &Subject::Scope, days, baseline)
    }

    #[test]
    fn the_last_whole_period_within_the_goal_counts_against_the_last_before_it() {
        let found = against((30, 89), None);
        assert_eq!((found.baseline, found.current, found.measured_to), (Some(200.0), Some(168.0), Some(90)));
        assert_eq!(found.change_rate(Better::Lower), Some(0.16));
        assert_eq!(found.change_rate(Better::Higher), Some(-0.16));
        assert_eq!(against((31, 88), None).current, None, "no period lies within");
        assert_eq!(against((60, 89), None).current, Some(168.0), "both ends of a period may be those of the goal");
        assert_eq!(against((30, 89), Some(210.0)).change_rate(Better::Lower), Some(0.2));
        assert_eq!(against((30, 89), Some(0.0)).change_rate(Better::Lower), None);
        assert_eq!(against((0, 29), None).change_rate(Better::Lower), None, "nothing to compare with");
    }
}
