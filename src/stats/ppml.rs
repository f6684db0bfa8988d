//! Counts in proportion: the ratio of events after treatment to the events that unit and week levels foretell.
//!
//! Expected events are headcount × unit level × week level, fitted on untreated cells as a Poisson model is. A ratio stays
//! meaningful where most weeks of most units have no event at all; its error comes from leaving out one cluster at a time.

use std::collections::BTreeMap;

use rayon::prelude::*;

use super::aggregate::SE_MIN;
use super::panel::Panel;
use super::untreated::{Untreated, Use, clusters_of};

/// Events observed over events expected, on treated unit-weeks.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RateRatio {
    /// Weeks since treatment; `None` over all of them.
    pub at: Option<i64>,
    pub observed: f64,
    pub expected: f64,
    pub ratio: f64,
    /// Standard error of the natural logarithm of the ratio.
    pub log_se: Option<f64>,
    pub df: i64,
    /// Treated unit-weeks.
    pub n_obs: usize,
    pub n_units: usize,
}

/// Beyond this many clusters, whole groups of them are left out at a time.
const CLUSTERS_MAX: usize = 300;
const GROUPS: usize = 100;

/// The fit stops when no week's level moves by more than this share.
const PRECISION: f64 = 1e-12;
const ROUNDS_MAX: usize = 100_000;

/// The overall ratio first, then the ratios by time since treatment; empty when nothing can be expected.
///
/// `counts` and `headcount` are row-major like the panel's outcome.
pub fn rate_ratios(panel: &Panel, counts: &[f64], headcount: &[f64], anticipation: u32) -> Vec<RateRatio> {
    let untreated = Untreated::of(panel, anticipation);
    let model = Model { panel, counts, headcount, untreated: &untreated };
    let Some(whole) = model.totals(&vec![1.0; panel.weeks.len()], |_| true) else { return Vec::new() };

    let mut ranks = panel.cluster.clone();
    ranks.sort_unstable();
    ranks.dedup();
    let group_of = |unit: usize| {
        let rank = ranks.partition_point(|&cluster| cluster < panel.cluster[unit]);
        if ranks.len() > CLUSTERS_MAX { rank % GROUPS } else { rank }
    };
    let groups: Vec<usize> = (0..panel.units.len()).map(group_of).collect();
    let n_groups = if ranks.len() > CLUSTERS_MAX { GROUPS } else { ranks.len() };
    // Starting from the levels of the whole panel saves most of the rounds.
    let without: Vec<Option<Totals>> = (0..n_groups)
        .into_par_iter()
        .map(|group| model.totals(&whole.week_levels, |unit| groups[unit] != group))
        .collect();

    whole
        .by_horizon
        .iter()
        .map(|(&at, total)| {
            let left_out = without.iter().map(|totals| totals.as_ref()?.by_horizon.get(&at)?.log_ratio());
            let log_se =
                total.log_ratio().and(left_out.collect::<Option<Vec<f64>>>()).and_then(|logs| jackknife_se(&logs));
            let is_treated = |unit: usize| model.effects_of(unit).any(|(_, e)| at.is_none_or(|at| at == e));
            let mut effect_weeks = vec![false; panel.weeks.len()];
            for unit in 0..panel.units.len() {
                for (week, _) in model.effects_of(unit).filter(|&(_, e)| at.is_none_or(|at| at == e)) {
                    effect_weeks[week] = true;
                }
            }
            let treated_clusters = clusters_of(panel, is_treated);
            let control_clusters = clusters_of(panel, |unit| untreated.is_control(unit, &effect_weeks));
            RateRatio {
                at,
                observed: total.observed,
                expected: total.expected,
                ratio: total.observed / total.expected,
                log_se,
                df: treated_clusters.min(control_clusters) as i64 - 1,
                n_obs: total.n,
                n_units: (0..panel.units.len()).filter(|&unit| is_treated(unit)).count(),
            }
        })
        .filter(|ratio| ratio.ratio.is_finite())
        .collect()
}

/// Delete-one jackknife: sqrt((n - 1) / n · Σ (θ_(i) - mean)²).
fn jackknife_se(values: &[f64]) -> Option<f64> {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    Some(((n - 1.0) / n * squares).sqrt()).filter(|se| *se >= SE_MIN)
}

struct Model<'a> {
    panel: &'a Panel,
    counts: &'a [f64],
    headcount: &'a [f64],
    untreated: &'a Untreated,
}

#[derive(Default)]
struct Total {
    observed: f64,
    expected: f64,
    n: usize,
}

impl Total {
    fn log_ratio(&self) -> Option<f64> {
        let ratio = self.observed / self.expected;
        (ratio > 0.0 && ratio.is_finite()).then(|| ratio.ln())
    }
}

struct Totals {
    by_horizon: BTreeMap<Option<i64>, Total>,
    week_levels: Vec<f64>,
}

impl Model<'_> {
    /// Treated weeks of a unit with the weeks since its treatment.
    fn effects_of(&self, unit: usize) -> impl Iterator<Item = (usize, i64)> + '_ {
        let first = self.panel.first[unit].unwrap_or(i64::MAX);
        self.untreated.weeks_of(unit, Use::Effect).map(move |at| (at, self.panel.weeks[at] - first))
    }

    /// Fits the levels on the units that `included` picks and adds up what they did and should have done.
    fn totals(&self, start: &[f64], included: impl Fn(usize) -> bool) -> Option<Totals> {
        let weeks = self.panel.weeks.len();
        let units: Vec<usize> = (0..self.panel.units.len()).filter(|&unit| included(unit)).collect();
        let (unit_levels, week_levels) = self.fit(&units, start)?;
        // Without these units a week may have lost its last untreated one.
        let mut fitted = vec![false; weeks];
        for &unit in &units {
            for at in self.untreated.weeks_of(unit, Use::Fit) {
                fitted[at] = true;
            }
        }
        let mut by_horizon: BTreeMap<Option<i64>, Total> = BTreeMap::new();
        for (&unit, level) in units.iter().zip(unit_levels) {
            for (at, e) in self.effects_of(unit).filter(|&(at, _)| fitted[at]) {
                let cell = unit * weeks + at;
                for key in [None, Some(e)] {
                    let total = by_horizon.entry(key).or_default();
                    total.observed += self.counts[cell];
                    total.expected += self.headcount[cell] * level * week_levels[at];
                    total.n += 1;
                }
            }
        }
        Some(Totals { by_horizon, week_levels })
    }

    /// Unit levels a = Σy / Σ(h·b) and week levels b = Σy / Σ(h·a) in turn, until they stand still.
    fn fit(&self, units: &[usize], start: &[f64]) -> Option<(Vec<f64>, Vec<f64>)> {
        let weeks = self.panel.weeks.len();
        let ratio = |y: f64, exposure: f64| if exposure > 0.0 { y / exposure } else { 0.0 };
        // The untreated cells once, packed: the loop below runs over them hundreds of times.
        let mut cells: Vec<(u32, f64)> = Vec::new();
        let mut spans = Vec::with_capacity(units.len());
        let mut week_events = vec![0.0; weeks];
        for &unit in units {
            let begin = cells.len();
            let mut events = 0.0;
            for at in self.untreated.weeks_of(unit, Use::Fit) {
                let cell = unit * weeks + at;
                cells.push((at as u32, self.headcount[cell]));
                events += self.counts[cell];
                week_events[at] += self.counts[cell];
            }
            spans.push((begin..cells.len(), events));
        }
        let mut week_levels = start.to_vec();
        let mut unit_levels = vec![0.0; units.len()];
        for _ in 0..ROUNDS_MAX {
            let mut exposure = vec![0.0; weeks];
            for ((span, events), level) in spans.iter().zip(&mut unit_levels) {
                let cells = &cells[span.clone()];
                *level = ratio(*events, cells.iter().map(|&(at, people)| people * week_levels[at as usize]).sum());
                if *level > 0.0 {
                    for &(at, people) in cells {
                        exposure[at as usize] += people * *level;
                    }
                }
            }
            let mut moved = 0.0f64;
            for at in 0..weeks {
                let level = ratio(week_events[at], exposure[at]);
                moved = moved.max(
                    (level - week_levels[at]).abs() / level.abs().max(f64::MIN_POSITIVE)
                        * f64::from(u8::from(level != week_levels[at])),
                );
                week_levels[at] = level;
            }
            if moved <= PRECISION {
                return Some((unit_levels, week_levels));
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::super::panel::{PanelBuilder, Row};
    use super::*;

    /// Events are people × level of the unit × level of the week, times `ratio` from treatment on.
    fn panel(ratio: f64) -> Panel {
        let mut builder = PanelBuilder::default();
        let firsts = [Some(3), Some(4), None, None, None];
        for (unit, first) in firsts.into_iter().enumerate() {
            for week in 1..=5 {
                let people = 10.0 + unit as f64;
                let after = first.is_some_and(|g| week >= g);
                let events = people * (1.0 + unit as f64) * week as f64 * if after { ratio } else { 1.0 };
                let headcount = Some(people);
                builder
                    .push(Row { unit: &format!("u{unit}"), week, first, outcome: events, headcount, ..Row::default() })
                    .unwrap();
            }
        }
        builder.finish(0.0).unwrap()
    }

    fn ratios(panel: &Panel) -> Vec<RateRatio> {
        rate_ratios(panel, &panel.outcome, panel.headcount.as_ref().unwrap(), 0)
    }

    #[test]
    fn without_noise_the_planted_ratio_comes_back_at_every_horizon() {
        let found = ratios(&panel(1.5));
        assert_eq!(found.iter().map(|ratio| ratio.at).collect::<Vec<_>>(), [None, Some(0), Some(1), Some(2)]);
        assert!(found.iter().all(|ratio| (ratio.ratio - 1.5).abs() < 1e-10), "{found:?}");
        assert_eq!((found[0].n_obs, found[0].n_units), (5, 2));
    }

    #[test]
    fn a_treated_unit_without_events_before_expects_none() {
        let mut panel = panel(1.0);
        panel.outcome[0] = 0.0;
        panel.outcome[1] = 0.0;
        let overall = ratios(&panel)[0];
        assert!(overall.observed > overall.expected, "what it does later is a surprise");
    }

    #[test]
    fn jackknife_by_hand() {
        // Mean 2, squares 1 + 0 + 1, times 2/3.
        assert_eq!(jackknife_se(&[1.0, 2.0, 3.0]), Some((4.0f64 / 3.0).sqrt()));
    }
}
