//! A panel: units × weeks of one outcome, with the week in which each unit was first treated.
//!
//! Rows are pushed in any order; units are kept sorted by id, so that nothing later depends on the order of a file.
//! An absent unit-week is NaN inside and means "the unit does not exist in this week"; an explicit 0 is a 0.

use std::collections::{BTreeMap, HashMap};

/// One row of a panel as it was observed.
#[derive(Debug, Clone, Copy, Default)]
pub struct Row<'a> {
    pub unit: &'a str,
    /// Any increasing numbering of weeks (or years, or periods).
    pub week: i64,
    /// The week of the first treatment; `None` when the unit is never treated.
    pub first: Option<i64>,
    pub outcome: f64,
    /// Within a cluster outcomes may move together; `None` makes the unit its own cluster.
    pub cluster: Option<&'a str>,
    /// Weight of this unit-week in every mean.
    pub weight: Option<f64>,
    /// People in the unit this week.
    pub headcount: Option<f64>,
    /// The count behind a rate outcome (contributions, say), for the count model and for "too few events".
    pub events: Option<f64>,
}

/// Why rows do not form a panel.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PanelError {
    #[error("unit {unit} has two rows for week {week}")]
    DuplicateUnitWeek { unit: String, week: i64 },
    #[error("unit {unit} changes its first treatment within the panel: {before} and later {after}")]
    FirstTreatmentChanges { unit: String, before: String, after: String },
    #[error("unit {unit} changes its cluster within the panel: {before} and later {after}")]
    ClusterChanges { unit: String, before: String, after: String },
    #[error("{units} units times {weeks} distinct weeks are more than {CELLS_MAX} unit-weeks")]
    TooLarge { units: usize, weeks: usize },
}

/// Beyond this many unit-weeks the rows are not a panel of weeks (an instant in the week column, say).
pub const CELLS_MAX: usize = 400_000_000;

/// A validated panel. Matrices are row-major, `units.len() × weeks.len()`, NaN where a unit was not observed.
#[derive(Debug, Clone)]
pub struct Panel {
    /// Sorted ids.
    pub units: Vec<String>,
    /// Distinct weeks with at least one accepted row, ascending.
    pub weeks: Vec<i64>,
    pub first: Vec<Option<i64>>,
    /// Rank of the unit's cluster among all clusters in order of their labels.
    pub cluster: Vec<u32>,
    pub outcome: Vec<f64>,
    pub weight: Option<Vec<f64>>,
    pub headcount: Option<Vec<f64>>,
    pub events: Option<Vec<f64>>,
    /// Rows refused because a number in them was not finite, or a weight, headcount or count was negative.
    pub rejected_rows: usize,
    /// Units left out because they had fewer people than the smallest group in some week.
    pub dropped_small: usize,
}

impl Panel {
    pub fn outcomes_of(&self, unit: usize) -> &[f64] {
        row(&self.outcome, unit, self.weeks.len())
    }

    /// Mean headcount of a unit over the weeks it was observed in; 0 without headcounts.
    pub fn mean_headcount(&self, unit: usize) -> f64 {
        let Some(headcount) = &self.headcount else { return 0.0 };
        let seen = row(headcount, unit, self.weeks.len()).iter().filter(|h| !h.is_nan());
        let (sum, n) = seen.fold((0.0, 0usize), |(sum, n), h| (sum + h, n + 1));
        if n == 0 { 0.0 } else { sum / n as f64 }
    }
}

/// Row `index` of a row-major matrix.
pub(super) fn row(matrix: &[f64], index: usize, width: usize) -> &[f64] {
    &matrix[index * width..(index + 1) * width]
}

/// Collects rows and turns them into a [`Panel`].
#[derive(Debug, Default)]
pub struct PanelBuilder {
    index: HashMap<String, usize>,
    units: Vec<Unit>,
    rows: Vec<Stored>,
}

#[derive(Debug)]
struct Unit {
    id: String,
    first: Option<i64>,
    cluster: Option<String>,
}

#[derive(Debug)]
struct Stored {
    unit: usize,
    week: i64,
    outcome: f64,
    weight: Option<f64>,
    headcount: Option<f64>,
    events: Option<f64>,
}

impl Stored {
    /// A row takes part when its outcome is finite and its optional numbers are finite and not negative.
    fn is_sound(&self) -> bool {
        let sound = |x: Option<f64>| x.is_none_or(|x| x.is_finite() && x >= 0.0);
        self.outcome.is_finite() && sound(self.weight) && sound(self.headcount) && sound(self.events)
    }
}

impl PanelBuilder {
    pub fn push(&mut self, row: Row<'_>) -> Result<(), PanelError> {
        let unit = match self.index.get(row.unit) {
            Some(&unit) => unit,
            None => {
                let unit = self.units.len();
                self.index.insert(row.unit.to_owned(), unit);
                self.units.push(Unit {
                    id: row.unit.to_owned(),
                    first: row.first,
                    cluster: row.cluster.map(str::to_owned),
                });
                unit
            }
        };
        let known = &self.units[unit];
        if known.first != row.first {
            let say = |first: Option<i64>| first.map_or("never".to_owned(), |week| week.to_string());
            return Err(PanelError::FirstTreatmentChanges {
                unit: known.id.clone(),
                before: say(known.first),
                after: say(row.first),
            });
        }
        if known.cluster.as_deref() != row.cluster {
            let say = |cluster: Option<&str>| cluster.unwrap_or("none").to_owned();
            return Err(PanelError::ClusterChanges {
                unit: known.id.clone(),
                before: say(known.cluster.as_deref()),
                after: say(row.cluster),
            });
        }
        let Row { week, outcome, weight, headcount, events, .. } = row;
        self.rows.push(Stored { unit, week, outcome, weight, headcount, events });
        Ok(())
    }

    /// Units with fewer than `smallest_group` people in any of their weeks are left out and counted (0 keeps all).
    pub fn finish(self, smallest_group: f64) -> Result<Panel, PanelError> {
        let PanelBuilder { units, rows, .. } = self;
        let mut seen: Vec<(usize, i64)> = rows.iter().map(|row| (row.unit, row.week)).collect();
        seen.sort_unstable();
        if let Some(pair) = seen.windows(2).find(|pair| pair[0] == pair[1]) {
            return Err(PanelError::DuplicateUnitWeek { unit: units[pair[0].0].id.clone(), week: pair[0].1 });
        }
        drop(seen);

        let rejected_rows = rows.iter().filter(|row| !row.is_sound()).count();
        let mut present = vec![false; units.len()];
        let mut small = vec![false; units.len()];
        for row in rows.iter().filter(|row| row.is_sound()) {
            present[row.unit] = true;
            small[row.unit] |= row.headcount.is_some_and(|people| people < smallest_group);
        }
        let dropped_small = small.iter().filter(|small| **small).count();
        let mut order: Vec<usize> = (0..units.len()).filter(|&unit| present[unit] && !small[unit]).collect();
        order.sort_unstable_by(|&a, &b| units[a].id.cmp(&units[b].id));
        let mut place = vec![usize::MAX; units.len()];
        for (at, &unit) in order.iter().enumerate() {
            place[unit] = at;
        }
        let used = || rows.iter().filter(|row| row.is_sound() && place[row.unit] != usize::MAX);

        let mut weeks: Vec<i64> = used().map(|row| row.week).collect();
        weeks.sort_unstable();
        weeks.dedup();
        if order.len().saturating_mul(weeks.len()) > CELLS_MAX {
            return Err(PanelError::TooLarge { units: order.len(), weeks: weeks.len() });
        }
        let matrix = |value: &dyn Fn(&Stored) -> Option<f64>| {
            let mut matrix = vec![f64::NAN; order.len() * weeks.len()];
            for row in used() {
                let at = weeks.partition_point(|&week| week < row.week);
                matrix[place[row.unit] * weeks.len() + at] = value(row).unwrap_or(f64::NAN);
            }
            matrix
        };
        // An optional column counts only when every used row has it: half a weight is no weight.
        let optional =
            |value: &dyn Fn(&Stored) -> Option<f64>| used().all(|row| value(row).is_some()).then(|| matrix(value));
        Ok(Panel {
            first: order.iter().map(|&unit| units[unit].first).collect(),
            cluster: ranks(order.iter().map(|&unit| &units[unit])),
            outcome: matrix(&|row| Some(row.outcome)),
            weight: optional(&|row| row.weight),
            headcount: optional(&|row| row.headcount),
            events: optional(&|row| row.events),
            units: order.iter().map(|&unit| units[unit].id.clone()).collect(),
            weeks,
            rejected_rows,
            dropped_small,
        })
    }
}

/// Clusters numbered in order of their labels; a unit without one is a cluster under its own id.
fn ranks<'a>(units: impl Iterator<Item = &'a Unit> + Clone) -> Vec<u32> {
    // The flag keeps a unit called "7" apart from a cluster called "7".
    let label = |unit: &'a Unit| (unit.cluster.is_none(), unit.cluster.as_deref().unwrap_or(&unit.id));
    let mut rank: BTreeMap<(bool, &str), u32> = units.clone().map(|unit| (label(unit), 0)).collect();
    for (at, rank) in rank.values_mut().enumerate() {
        *rank = at as u32;
    }
    units.map(|unit| rank[&label(unit)]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn build(rows: &[(&str, i64, Option<i64>, f64)]) -> Result<Panel, PanelError> {
        let mut builder = PanelBuilder::default();
        for &(unit, week, first, outcome) in rows {
            builder.push(Row { unit, week, first, outcome, headcount: Some(4.0 + week as f64), ..Row::default() })?;
        }
        builder.finish(0.0)
    }

    #[test]
    fn order_of_rows_does_not_matter() {
        let panel = build(&[("b", 2, None, 4.0), ("a", 1, Some(2), 1.0), ("b", 1, None, 3.0)]).unwrap();
        assert_eq!((panel.units, panel.weeks), (vec!["a".to_owned(), "b".to_owned()], vec![1, 2]));
        assert_eq!(panel.outcome[0], 1.0);
        assert!(panel.outcome[1].is_nan(), "absent is not zero");
        assert_eq!(panel.outcome[2..], [3.0, 4.0]);
    }

    #[test]
    fn two_rows_for_a_unit_week_are_an_error_even_when_one_is_not_finite() {
        let error = build(&[("a", 1, None, 1.0), ("a", 1, None, f64::NAN)]).unwrap_err();
        assert_eq!(error, PanelError::DuplicateUnitWeek { unit: "a".into(), week: 1 });
    }

    #[test]
    fn a_first_treatment_that_changes_is_an_error() {
        let error = build(&[("a", 1, Some(3), 1.0), ("a", 2, None, 1.0)]).unwrap_err();
        assert_eq!(error.to_string(), "unit a changes its first treatment within the panel: 3 and later never");
    }

    #[test]
    fn a_row_that_is_not_finite_is_refused_and_counted() {
        let panel = build(&[("a", 1, None, 1.0), ("a", 2, None, f64::INFINITY), ("b", 1, None, 2.0)]).unwrap();
        assert_eq!((panel.rejected_rows, panel.weeks), (1, vec![1]));
    }

    #[test]
    fn a_unit_below_the_smallest_group_in_any_week_is_left_out_and_counted() {
        let mut builder = PanelBuilder::default();
        for (unit, week, people) in [("a", 1, 5.0), ("a", 2, 4.0), ("b", 1, 5.0), ("b", 2, 5.0)] {
            builder.push(Row { unit, week, outcome: 1.0, headcount: Some(people), ..Row::default() }).unwrap();
        }
        let panel = builder.finish(5.0).unwrap();
        assert_eq!((panel.units, panel.dropped_small), (vec!["b".to_owned()], 1));
    }
}
