//! The curves behind `time_to_competency`: made with it, cohort by cohort, for scopes that the guard has published.

use polars::prelude::{DataFrame, PolarsResult};

use crate::canon::competency::Clock;
use crate::columns::Columns;
use crate::guard::rounding;
use crate::job::Policy;
use crate::period::Day;
use crate::stats::competing;
use crate::stats::spells::{AtRisk, LEFT, REACHED, Spell};
use crate::stats::survival::Curve;

/// Days between two points of a curve, and the last of them.
const EVERY: usize = 7;
const UNTIL: Day = 728;

/// What a curve is about.
pub(super) struct Key<'a> {
    pub clock: Clock,
    pub milestone: &'a str,
    pub cohort_start: Day,
    pub scope: &'a (String, String),
}

/// One point of one curve.
pub(super) struct CurveRow {
    clock: &'static str,
    milestone: String,
    cohort_start: Day,
    scope_kind: String,
    scope_id: String,
    days_since_start: i64,
    at_risk: i64,
    share_waiting: f64,
    bounds: (Option<f64>, Option<f64>),
    share_reached: f64,
    share_left: f64,
}

/// The points at which at least the smallest group is still waiting: further out a curve would be about a few people.
pub(super) fn rows(key: &Key<'_>, curve: &Curve, spells: &[Spell], policy: &Policy) -> Vec<CurveRow> {
    let incidence = competing::incidence(spells);
    let risk = AtRisk::new(spells);
    let mut rows = Vec::new();
    for day in (0..=UNTIL).step_by(EVERY) {
        // What happened on a day is over by its end; the first day itself counts as half a day.
        let (end, after) = (f64::from(day) + 0.5, f64::from(day) + 0.75);
        let at_risk = risk.at(after) as i64;
        if at_risk < policy.smallest_group.max(1) {
            continue;
        }
        let step = curve.steps[..curve.steps.partition_point(|step| step.time <= end)].last();
        let (Some(reached), Some(left)) = (incidence.at(REACHED, end), incidence.at(LEFT, end)) else { continue };
        rows.push(CurveRow {
            clock: key.clock.as_str(),
            milestone: key.milestone.to_owned(),
            cohort_start: key.cohort_start,
            scope_kind: key.scope.0.clone(),
            scope_id: key.scope.1.clone(),
            days_since_start: i64::from(day),
            at_risk: rounding::people(at_risk, spells.len() as i64, policy.rounding),
            share_waiting: step.map_or(1.0, |step| step.survival),
            bounds: step.map_or((None, None), |step| (step.low, step.high)),
            share_reached: reached,
            share_left: left,
        });
    }
    rows
}

/// The rows as columns of the contract.
pub(super) fn frame(rows: &[CurveRow]) -> PolarsResult<DataFrame> {
    let finite = |value: f64| Some(value).filter(|value| value.is_finite());
    Columns::of(rows)
        .text("clock", |row| row.clock)
        .text("milestone", |row| &row.milestone)
        .date("cohort_start", |row| row.cohort_start)
        .text("scope_kind", |row| &row.scope_kind)
        .text("scope_id", |row| &row.scope_id)
        .int("days_since_start", |row| row.days_since_start)
        .int("at_risk", |row| row.at_risk)
        .double("share_waiting", |row| finite(row.share_waiting))
        .double("share_waiting_low", |row| row.bounds.0.and_then(finite))
        .double("share_waiting_high", |row| row.bounds.1.and_then(finite))
        .double("share_reached", |row| finite(row.share_reached))
        .double("share_left", |row| finite(row.share_left))
        .frame()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::survival::kaplan_meier;
    use crate::stats::wilson::Z95;

    #[test]
    fn a_curve_steps_down_week_by_week_and_ends_where_few_are_left() {
        // Of ten people one reaches it on the first day, two on day 7, one leaves on day 10, two reach it on day 14.
        let ends = [(0, 1), (7, 1), (7, 1), (10, 2), (14, 1), (14, 1), (60, 0), (60, 0), (60, 0), (60, 0)];
        let spells: Vec<Spell> =
            ends.iter().map(|(time, event)| Spell::new(0.0, f64::from(*time), *event).unwrap()).collect();
        let key = Key {
            clock: Clock::Hire,
            milestone: "competent",
            cohort_start: 0,
            scope: &("company".to_owned(), "all".to_owned()),
        };
        let points = |smallest_group: i64| -> Vec<(i64, i64, f64, f64, f64)> {
            let policy = Policy { smallest_group, rounding: 1, ..Policy::default() };
            rows(&key, &kaplan_meier(&spells, Z95), &spells, &policy)
                .iter()
                .map(|row| (row.days_since_start, row.at_risk, row.share_waiting, row.share_reached, row.share_left))
                .collect()
        };
        let seen = points(5);
        assert_eq!(seen.iter().map(|row| (row.0, row.1)).collect::<Vec<_>>(), [(0, 9), (7, 7)]);
        assert!((seen[0].2 - 0.9).abs() < 1e-12 && (seen[1].2 - 0.7).abs() < 1e-12);
        assert!((seen[1].3 - 0.3).abs() < 1e-12 && seen[1].4 == 0.0);
        let all = points(1);
        // After day 14: 0.7 of Kaplan-Meier times 4/6; of all ten five have reached it, and one has left.
        assert_eq!(all[2].0, 14);
        assert!((all[2].2 - 0.7 * 4.0 / 6.0).abs() < 1e-12, "{:?}", all[2]);
        assert!((all[2].3 - 0.5).abs() < 1e-12 && (all[2].4 - 0.1).abs() < 1e-12, "{:?}", all[2]);
        assert_eq!(all.last().unwrap().0, 56);
    }
}
