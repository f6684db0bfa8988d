//! Group-time effects pooled into answers: one overall effect, effects by time since treatment, by cohort, by week.
//!
//! Every pooled effect weighs cohorts by their size p_g = Σ w_i 1{G_i = g} / n. Its influence value has two parts: the
//! weighted influence of its cells, and, because the sizes are estimates too, what unit i does to the weights. With
//! a_g the sum and c_g the number of cohort g's pooled cells, θ = Σ p_g a_g / P and P = Σ p_g c_g, the second part of
//! the published formula comes down to w_i (a_g - θ c_g) / P for i in cohort g, and 0 for units never treated.

use self::targets::{Target, Targets};
use super::att::Cells;
use super::design::Sample;

mod targets;

/// How cells are pooled. `at` beside it says which horizon, cohort or week; without `at` it is the overall figure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Aggregation {
    /// All cells at or after treatment.
    Simple,
    /// Cells by weeks since treatment; overall is the plain mean over 0 and later.
    Dynamic,
    /// As dynamic, over the cohorts observed for at least `balance_e + 1` weeks from treatment on, horizons up to `balance_e`.
    Balanced,
    /// Plain mean of a cohort's cells from treatment on; overall weighs the cohorts.
    Group,
    /// Cells from treatment on by calendar week; overall is the plain mean over weeks.
    Calendar,
    /// Overall: plain mean of the dynamic effects from 0 to the end of the event window.
    Window,
}

impl Aggregation {
    pub fn as_str(self) -> &'static str {
        match self {
            Aggregation::Simple => "simple",
            Aggregation::Dynamic => "dynamic",
            Aggregation::Balanced => "balanced",
            Aggregation::Group => "group",
            Aggregation::Calendar => "calendar",
            Aggregation::Window => "window",
        }
    }
}

/// A pooled effect.
#[derive(Debug, Clone, PartialEq)]
pub struct Estimate {
    pub aggregation: Aggregation,
    /// Weeks since treatment, treatment week of the cohort, or calendar week; `None` overall.
    pub at: Option<i64>,
    pub estimate: f64,
    /// `None` where nothing varies, or where a single unit was ever treated.
    pub se: Option<f64>,
    /// Degrees of freedom of the interval: the smaller number of clusters on either side, less one.
    pub df: i64,
    pub n_treated: usize,
    pub n_control: usize,
    pub n_treated_clusters: usize,
    pub n_control_clusters: usize,
    pub n_cohorts: usize,
    /// Cohorts of one unit: the noise of such a unit is in the estimate but not in its standard error.
    pub n_singleton_cohorts: usize,
    /// Outcome of the treated in their base weeks, weighted as the estimate is.
    pub baseline_mean: f64,
    /// Mean number of weeks under treatment, the current one included, weighted as the estimate is.
    pub mean_exposure: f64,
    /// Influence per cluster (Σ ψ / n), for the horizons asked for in [`Plan`]; else empty.
    pub influence: Vec<f64>,
}

/// Which aggregates are wanted.
#[derive(Debug, Clone, Copy, Default)]
pub struct Plan {
    /// All of simple, dynamic, group and calendar. Without it and without `balance_e`: simple alone.
    pub full: bool,
    pub balance_e: Option<i64>,
    /// First and last horizon of the event study, whose influence values are kept.
    pub window: Option<(i64, i64)>,
}

/// The aggregates of a plan with the standard errors of the cells they pool.
pub struct Aggregates {
    pub estimates: Vec<Estimate>,
    /// Per cell; `None` for a reference cell and where nothing varies.
    pub cell_se: Vec<Option<f64>>,
}

impl Aggregates {
    pub fn overall(&self, aggregation: Aggregation) -> Option<&Estimate> {
        self.at(aggregation, None)
    }

    pub fn at(&self, aggregation: Aggregation, at: Option<i64>) -> Option<&Estimate> {
        self.estimates.iter().find(|estimate| estimate.aggregation == aggregation && estimate.at == at)
    }
}

/// A standard error below this is the rounding of a zero.
pub(super) const SE_MIN: f64 = 1e-7;

/// Pools `cells` as `plan` says. `cohort_of` is the one the cells were measured with.
pub fn aggregate(sample: &Sample, cohort_of: &[u32], cells: &Cells, plan: Plan) -> Aggregates {
    let targets = Targets::plan(sample, cohort_of, cells, plan).list;
    let n_cohorts = sample.cohorts.len();
    let n_targets = targets.len();

    let mut pooled_in: Vec<Vec<usize>> = vec![Vec::new(); cells.cells.len()];
    for (slot, target) in targets.iter().enumerate() {
        for &(cell, _) in &target.cells {
            pooled_in[cell].push(slot);
        }
    }
    let pull: Vec<f64> =
        (0..n_cohorts).flat_map(|cohort| targets.iter().map(move |target| target.pull[cohort])).collect();

    let mut tally = vec![Tally::default(); n_targets];
    let mut cell_squares = vec![0.0; cells.cells.len()];
    let mut squares = vec![0.0; n_targets];
    let mut kept: Vec<Vec<f64>> =
        targets.iter().map(|target| vec![0.0; if target.keep { sample.clusters } else { 0 }]).collect();
    let mut phi = vec![0.0; n_targets];
    let mut cluster_used = vec![Used::default(); n_targets];
    cells.sweep(sample, cohort_of, |cluster, units, influence| {
        phi.fill(0.0);
        for (square, value) in cell_squares.iter_mut().zip(influence) {
            *square += value * value;
        }
        for (phi, target) in phi.iter_mut().zip(&targets) {
            *phi += target.cells.iter().map(|&(cell, weight)| weight * influence[cell]).sum::<f64>();
        }
        cluster_used.fill(Used::default());
        for unit in units {
            let cohort = cohort_of[unit] as usize;
            if cohort < n_cohorts {
                let weight = sample.first_weight[unit];
                for (phi, pull) in phi.iter_mut().zip(&pull[cohort * n_targets..(cohort + 1) * n_targets]) {
                    *phi += weight * pull;
                }
            }
            let exact = (!sample.complete[unit]).then(|| used_by(sample, cells, &targets, &pooled_in, cohort, unit));
            for (slot, target) in targets.iter().enumerate() {
                let used = match &exact {
                    Some(exact) => exact[slot],
                    None => Used { treated: target.treated[cohort], control: target.control[cohort] },
                };
                tally[slot].treated += usize::from(used.treated);
                tally[slot].control += usize::from(used.control);
                cluster_used[slot].treated |= used.treated;
                cluster_used[slot].control |= used.control;
            }
        }
        for slot in 0..n_targets {
            let through: f64 = targets[slot].targets.iter().map(|&(part, weight)| weight * phi[part]).sum();
            phi[slot] += through;
            squares[slot] += phi[slot] * phi[slot];
            tally[slot].treated_clusters += usize::from(cluster_used[slot].treated);
            tally[slot].control_clusters += usize::from(cluster_used[slot].control);
            if targets[slot].keep {
                kept[slot][cluster] = phi[slot];
            }
        }
    });

    // With one treated unit nothing tells its noise from the effect.
    let single = cohort_of.iter().filter(|&&cohort| (cohort as usize) < n_cohorts).count() == 1;
    let se = |square: f64| Some(square.sqrt()).filter(|se| *se >= SE_MIN && !single);
    let mut units_of = vec![0usize; n_cohorts + 1];
    for &cohort in cohort_of {
        units_of[cohort as usize] += 1;
    }
    let estimates =
        targets.into_iter().zip(tally).zip(squares).zip(kept).map(|(((target, tally), square), influence)| Estimate {
            aggregation: target.aggregation,
            at: target.at,
            estimate: target.estimate,
            se: se(square),
            df: tally.treated_clusters.min(tally.control_clusters) as i64 - 1,
            n_treated: tally.treated,
            n_control: tally.control,
            n_treated_clusters: tally.treated_clusters,
            n_control_clusters: tally.control_clusters,
            n_cohorts: target.treated.iter().filter(|&&used| used).count(),
            n_singleton_cohorts: target
                .treated
                .iter()
                .zip(&units_of)
                .filter(|&(&used, &units)| used && units == 1)
                .count(),
            baseline_mean: target.baseline,
            mean_exposure: target.exposure,
            influence,
        });
    Aggregates { estimates: estimates.collect(), cell_se: cell_squares.into_iter().map(se).collect() }
}

#[derive(Clone, Copy, Default)]
struct Tally {
    treated: usize,
    control: usize,
    treated_clusters: usize,
    control_clusters: usize,
}

#[derive(Clone, Copy, Default)]
struct Used {
    treated: bool,
    control: bool,
}

/// What a unit with missing weeks is used for, target by target. `pooled_in` says which targets pool a cell.
fn used_by(
    sample: &Sample,
    cells: &Cells,
    targets: &[Target],
    pooled_in: &[Vec<usize>],
    cohort: usize,
    unit: usize,
) -> Vec<Used> {
    let mut used = vec![Used::default(); targets.len()];
    for (cell, treated) in cells.of_unit(sample, cohort, unit) {
        for &slot in &pooled_in[cell] {
            match treated {
                true => used[slot].treated = true,
                false => used[slot].control = true,
            }
        }
    }
    for slot in 0..targets.len() {
        for &(part, _) in &targets[slot].targets {
            let part = used[part];
            used[slot].treated |= part.treated;
            used[slot].control |= part.control;
        }
    }
    used
}

#[cfg(test)]
mod tests {
    use super::super::design::Design;
    use super::super::panel::{PanelBuilder, Row};
    use super::*;

    /// Effects without noise: cohort 2 (one unit) gains 1 and then 2, cohort 3 (three units) gains 4.
    fn aggregates() -> Aggregates {
        let mut builder = PanelBuilder::default();
        let units: [(Option<i64>, [f64; 3]); 6] = [
            (Some(2), [0.0, 1.0, 2.0]),
            (Some(3), [0.0, 0.0, 4.0]),
            (Some(3), [0.0, 0.0, 4.0]),
            (Some(3), [0.0, 0.0, 4.0]),
            (None, [0.0, 0.0, 0.0]),
            (None, [0.0, 0.0, 0.0]),
        ];
        for (at, (first, weeks)) in units.into_iter().enumerate() {
            for (week, outcome) in weeks.into_iter().enumerate() {
                builder
                    .push(Row { unit: &format!("u{at}"), week: week as i64 + 1, first, outcome, ..Row::default() })
                    .unwrap();
            }
        }
        let sample = Sample::new(&builder.finish(0.0).unwrap(), Design::default());
        let cells = Cells::measure(&sample, &sample.cohort_of, |_, _| true);
        aggregate(&sample, &sample.cohort_of, &cells, Plan { full: true, balance_e: Some(1), window: None })
    }

    #[test]
    fn each_way_of_pooling_by_hand() {
        let all = aggregates();
        // Rounded to nine places, so that the fractions below can be written as they are computed by hand.
        let nine = |x: f64| (x * 1e9).round() / 1e9;
        let value = |aggregation, at| all.at(aggregation, at).map(|estimate| nine(estimate.estimate));
        assert_eq!(value(Aggregation::Simple, None), Some((1.0 + 2.0 + 3.0 * 4.0) / 5.0));
        assert_eq!(value(Aggregation::Dynamic, Some(0)), Some((1.0 + 3.0 * 4.0) / 4.0));
        assert_eq!(value(Aggregation::Dynamic, Some(1)), Some(2.0));
        assert_eq!(value(Aggregation::Dynamic, None), Some((3.25 + 2.0) / 2.0));
        assert_eq!(value(Aggregation::Group, Some(2)), Some(1.5));
        assert_eq!(value(Aggregation::Group, None), Some((1.5 + 3.0 * 4.0) / 4.0));
        assert_eq!(value(Aggregation::Calendar, Some(3)), Some((2.0 + 3.0 * 4.0) / 4.0));
        assert_eq!(value(Aggregation::Calendar, None), Some((1.0 + 3.5) / 2.0));
        assert_eq!(value(Aggregation::Balanced, None), Some(1.5), "only cohort 2 has two weeks");
    }

    #[test]
    fn counts_say_who_was_compared_with_whom() {
        let all = aggregates();
        let simple = all.overall(Aggregation::Simple).unwrap();
        assert_eq!(
            (simple.n_treated, simple.n_control, simple.df),
            (4, 5, 3),
            "cohort 3 is a control of cohort 2 in week 2"
        );
        assert_eq!((simple.n_cohorts, simple.n_singleton_cohorts), (2, 1));
        assert!((simple.mean_exposure - (1.0 + 2.0 + 3.0) / 5.0).abs() < 1e-12);
    }

    #[test]
    fn two_copies_of_every_unit_in_one_cluster_have_the_error_of_one() {
        let simple = |copies: usize| {
            let mut builder = PanelBuilder::default();
            for unit in 0..8usize {
                let cluster = format!("c{unit}");
                for (copy, week) in (0..copies).flat_map(|copy| (1..=4usize).map(move |week| (copy, week))) {
                    let outcome = ((unit * 5 + week * 3) % 7) as f64;
                    let (id, first) = (format!("u{unit}-{copy}"), (unit < 4).then_some(3));
                    let row =
                        Row { unit: &id, week: week as i64, first, outcome, cluster: Some(&cluster), ..Row::default() };
                    builder.push(row).unwrap();
                }
            }
            let sample = Sample::new(&builder.finish(0.0).unwrap(), Design::default());
            let cells = Cells::measure(&sample, &sample.cohort_of, |_, _| true);
            let all = aggregate(&sample, &sample.cohort_of, &cells, Plan::default());
            let simple = all.overall(Aggregation::Simple).unwrap();
            (simple.se.unwrap(), simple.df, simple.n_treated)
        };
        let (one, two) = (simple(1), simple(2));
        assert!((one.0 - two.0).abs() < 1e-12, "{} {}", one.0, two.0);
        assert_eq!((one.1, one.2, two.1, two.2), (3, 4, 3, 8));
    }

    #[test]
    fn sizes_of_cohorts_are_estimates_and_add_to_the_error() {
        // No noise within cohorts: all of the error comes from the cohorts' sizes. θ = 3, P = 5/6, n = 6:
        // the unit of cohort 2 has (3 - 2·3) / 5, each of cohort 3 has (4 - 3) / 5.
        let se = aggregates().overall(Aggregation::Simple).unwrap().se.unwrap();
        assert!((se - (9.0f64 + 3.0).sqrt() / 5.0).abs() < 1e-12, "{se}");
    }
}
