//! Effects by imputation: unit and week levels are fitted on untreated cells alone, and every treated cell is compared with what they foretell.
//!
//! After Borusyak, Jaravel and Spiess (2024), "Revisiting event-study designs". The standard error compares each treated
//! cell with the mean effect at the same time since treatment over all cohorts: the textbook's comparison within cohort
//! and time leaves nothing over for a cohort of one unit, and found effects in 38-41 % of panels without any.

use std::collections::BTreeMap;

use super::aggregate::SE_MIN;
use super::panel::Panel;
use super::symmetric::{Factor, Square};
use super::untreated::{Untreated, Use, clusters_of};

/// What a treated cell's effect is compared with for the standard error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Centring {
    /// The mean effect at the same time since treatment, over all cohorts.
    #[default]
    EventTime,
    /// The mean effect of the same cohort at the same time.
    CohortTime,
}

/// A mean of imputed effects, each treated unit-week counting once.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Effect {
    /// Weeks since treatment; `None` over all of them.
    pub at: Option<i64>,
    pub estimate: f64,
    pub se: Option<f64>,
    pub df: i64,
    /// Treated unit-weeks.
    pub n_obs: usize,
    pub n_units: usize,
    pub n_treated_clusters: usize,
    pub n_control_clusters: usize,
}

/// The overall effect first, then the effects by time since treatment; empty when no treated cell has a counterfactual.
pub fn effects(panel: &Panel, anticipation: u32, centring: Centring) -> Vec<Effect> {
    let untreated = Untreated::of(panel, anticipation);
    let Some(levels) = Levels::new(&untreated) else { return Vec::new() };
    let weeks = panel.weeks.len();
    let fitted = |cell: usize| untreated.uses[cell] == Use::Fit;
    let (unit_level, week_level) =
        levels.solve(&sums(&untreated, |cell| if fitted(cell) { panel.outcome[cell] } else { 0.0 }));

    // On untreated cells the residual, on treated ones the effect.
    let surprise: Vec<f64> = (0..panel.outcome.len())
        .map(|cell| match untreated.uses[cell] {
            Use::Nothing => 0.0,
            _ => panel.outcome[cell] - unit_level[cell / weeks] - week_level[cell % weeks],
        })
        .collect();
    let first = |unit: usize| panel.first[unit].unwrap_or(i64::MAX);
    let event_time = |cell: usize| panel.weeks[cell % weeks] - first(cell / weeks);
    let treated: Vec<usize> = (0..surprise.len()).filter(|&cell| untreated.uses[cell] == Use::Effect).collect();
    if treated.is_empty() {
        return Vec::new();
    }
    let group = |cell: usize| match centring {
        Centring::EventTime => (event_time(cell), 0),
        Centring::CohortTime => (event_time(cell), first(cell / weeks)),
    };
    let mut means: BTreeMap<(i64, i64), (f64, f64)> = BTreeMap::new();
    for &cell in &treated {
        let (sum, n) = means.entry(group(cell)).or_default();
        *sum += surprise[cell];
        *n += 1.0;
    }
    let mut residual = surprise.clone();
    for &cell in &treated {
        let (sum, n) = means[&group(cell)];
        residual[cell] -= sum / n;
    }

    let mut by_horizon: BTreeMap<i64, Vec<usize>> = BTreeMap::new();
    for &cell in &treated {
        by_horizon.entry(event_time(cell)).or_default().push(cell);
    }
    let pooled = |at: Option<i64>, cells: &[usize]| {
        let n = cells.len() as f64;
        let mut is_pooled = vec![false; surprise.len()];
        let mut effect_weeks = vec![false; weeks];
        let mut is_treated = vec![false; panel.units.len()];
        for &cell in cells {
            is_pooled[cell] = true;
            effect_weeks[cell % weeks] = true;
            is_treated[cell / weeks] = true;
        }
        // The estimate is linear in all outcomes; these are the weights of the untreated ones.
        let (unit_weight, week_weight) =
            levels.solve(&sums(&untreated, |cell| if is_pooled[cell] { 1.0 / n } else { 0.0 }));
        let mut by_cluster: BTreeMap<u32, f64> = BTreeMap::new();
        for (unit, unit_weight) in unit_weight.iter().enumerate() {
            let cells = unit * weeks..(unit + 1) * weeks;
            let influence: f64 = cells
                .map(|cell| match untreated.uses[cell] {
                    Use::Fit => -(unit_weight + week_weight[cell % weeks]) * residual[cell],
                    Use::Effect if is_pooled[cell] => residual[cell] / n,
                    _ => 0.0,
                })
                .sum();
            *by_cluster.entry(panel.cluster[unit]).or_default() += influence;
        }
        let se = by_cluster.values().map(|sum| sum * sum).sum::<f64>().sqrt();
        let n_units = is_treated.iter().filter(|&&yes| yes).count();
        let n_treated_clusters = clusters_of(panel, |unit| is_treated[unit]);
        let n_control_clusters = clusters_of(panel, |unit| untreated.is_control(unit, &effect_weeks));
        Effect {
            at,
            estimate: cells.iter().map(|&cell| surprise[cell]).sum::<f64>() / n,
            se: Some(se).filter(|se| *se >= SE_MIN),
            df: n_treated_clusters.min(n_control_clusters) as i64 - 1,
            n_obs: cells.len(),
            n_units,
            n_treated_clusters,
            n_control_clusters,
        }
    };
    std::iter::once(pooled(None, &treated)).chain(by_horizon.iter().map(|(&e, cells)| pooled(Some(e), cells))).collect()
}

/// Row and column sums of a matrix over units × weeks.
struct Sums {
    units: Vec<f64>,
    weeks: Vec<f64>,
}

fn sums(untreated: &Untreated, value: impl Fn(usize) -> f64) -> Sums {
    let mut sums = Sums { units: vec![0.0; untreated.units], weeks: vec![0.0; untreated.weeks] };
    for cell in 0..untreated.uses.len() {
        let value = value(cell);
        sums.units[cell / untreated.weeks] += value;
        sums.weeks[cell % untreated.weeks] += value;
    }
    sums
}

/// The normal equations of unit and week levels on the untreated cells, with the unit levels eliminated.
struct Levels<'a> {
    untreated: &'a Untreated,
    /// Untreated weeks of each unit.
    n: Vec<f64>,
    factor: Factor,
}

impl<'a> Levels<'a> {
    /// `None` only if rounding destroyed the equations.
    fn new(untreated: &'a Untreated) -> Option<Levels<'a>> {
        let n: Vec<f64> = (0..untreated.units).map(|unit| untreated.weeks_of(unit, Use::Fit).count() as f64).collect();
        let mut matrix = Square::zero(untreated.weeks);
        for (unit, n) in n.iter().enumerate() {
            for s in untreated.weeks_of(unit, Use::Fit) {
                matrix.add(s, s, 1.0);
                for t in untreated.weeks_of(unit, Use::Fit) {
                    matrix.add(s, t, -1.0 / n);
                }
            }
        }
        // Levels are known up to a constant per connected set; only sums of a unit's and a week's level are ever used.
        for anchor in (0..untreated.weeks).filter(|&at| untreated.anchors[at]) {
            for t in 0..untreated.weeks {
                matrix.values[anchor * untreated.weeks + t] = 0.0;
                matrix.values[t * untreated.weeks + anchor] = 0.0;
            }
            matrix.add(anchor, anchor, 1.0);
        }
        Some(Levels { untreated, n, factor: matrix.cholesky()? })
    }

    /// Levels (units, weeks) whose sums over untreated cells are the given ones.
    fn solve(&self, sums: &Sums) -> (Vec<f64>, Vec<f64>) {
        let untreated = self.untreated;
        let mut right = sums.weeks.clone();
        for unit in 0..untreated.units {
            for at in untreated.weeks_of(unit, Use::Fit) {
                right[at] -= sums.units[unit] / self.n[unit];
            }
        }
        for anchor in (0..untreated.weeks).filter(|&at| untreated.anchors[at]) {
            right[anchor] = 0.0;
        }
        let week = self.factor.solve(&right);
        let unit = (0..untreated.units).map(|unit| {
            let through: f64 = untreated.weeks_of(unit, Use::Fit).map(|at| week[at]).sum();
            if self.n[unit] > 0.0 { (sums.units[unit] - through) / self.n[unit] } else { 0.0 }
        });
        (unit.collect(), week)
    }
}

#[cfg(test)]
mod tests {
    use super::super::panel::{PanelBuilder, Row};
    use super::*;

    /// Levels 10, 20, … of units and 0, 1, 2, 3 of weeks; `gain` since treatment on top.
    fn panel(firsts: &[Option<i64>], gain: impl Fn(usize, i64) -> f64) -> Panel {
        let mut builder = PanelBuilder::default();
        for (unit, &first) in firsts.iter().enumerate() {
            for week in 0..4 {
                let since = first.map(|g| week - g).filter(|&e| e >= 0);
                let outcome = 10.0 * (unit + 1) as f64 + week as f64 + since.map_or(0.0, |e| gain(unit, e));
                builder.push(Row { unit: &format!("u{unit}"), week, first, outcome, ..Row::default() }).unwrap();
            }
        }
        builder.finish(0.0).unwrap()
    }

    #[test]
    fn without_noise_the_planted_effects_come_back() {
        let found = effects(&panel(&[Some(2), Some(3), None], |_, e| 1.0 + e as f64), 0, Centring::EventTime);
        let seen: Vec<_> = found.iter().map(|f| (f.at, (f.estimate * 1e9).round() / 1e9, f.n_obs, f.n_units)).collect();
        assert_eq!(seen, [(None, 1.333333333, 3, 2), (Some(0), 1.0, 2, 2), (Some(1), 2.0, 1, 1)]);
        assert!(found.iter().all(|f| f.se.is_none()), "nothing varies");
    }

    #[test]
    fn one_unit_cohorts_have_noise_only_across_cohorts() {
        let panel = panel(&[Some(2), Some(3), None, None], |unit, _| unit as f64);
        let overall = |centring| effects(&panel, 0, centring)[0].se;
        assert!(overall(Centring::EventTime).is_some());
        assert_eq!(overall(Centring::CohortTime), None);
    }

    #[test]
    fn a_treated_unit_without_untreated_weeks_is_not_measured() {
        let found = effects(&panel(&[Some(0), Some(2), None], |_, _| 5.0), 0, Centring::EventTime);
        assert_eq!(found[0].n_units, 1);
        assert!(effects(&panel(&[Some(0), None], |_, _| 5.0), 0, Centring::EventTime).is_empty());
    }
}
