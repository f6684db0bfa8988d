//! What a plan pools: each aggregate as a weighted sum of cells, or of aggregates before it.

use std::collections::BTreeMap;

use super::super::att::Cells;
use super::super::design::Sample;
use super::{Aggregation, Plan};

/// A weighted sum of cells or of other targets.
pub struct Target {
    pub aggregation: Aggregation,
    pub at: Option<i64>,
    /// Cells with their weights; empty for a sum of other targets.
    pub cells: Vec<(usize, f64)>,
    /// Earlier targets with their weights.
    pub targets: Vec<(usize, f64)>,
    /// Per cohort, what a unit of weight 1 adds to the influence by changing the cohort's size.
    pub pull: Vec<f64>,
    pub estimate: f64,
    pub baseline: f64,
    pub exposure: f64,
    pub keep: bool,
    /// Per cohort (the last: never treated), whether its units are treated or controls in some cell.
    pub treated: Vec<bool>,
    pub control: Vec<bool>,
}

/// Collects the targets of a plan, parts before the figures made of them.
pub struct Targets<'a> {
    sample: &'a Sample,
    cells: &'a Cells,
    /// p_g.
    share: Vec<f64>,
    pub list: Vec<Target>,
}

impl<'a> Targets<'a> {
    pub fn plan(sample: &'a Sample, cohort_of: &[u32], cells: &'a Cells, plan: Plan) -> Targets<'a> {
        let mut share = vec![0.0; sample.cohorts.len() + 1];
        for (&cohort, weight) in cohort_of.iter().zip(&sample.first_weight) {
            share[cohort as usize] += weight / cohort_of.len() as f64;
        }
        share.pop();
        let mut targets = Targets { sample, cells, share, list: Vec::new() };
        let events: Vec<i64> = cells.cells.iter().map(|cell| cell.event_time(sample)).collect();

        if plan.full || plan.window.is_some() {
            let inside = |e: i64| plan.window.is_some_and(|(first, last)| first <= e && e <= last);
            let horizons = by_key(&events, |_| true);
            let horizons: Vec<_> = horizons.into_iter().filter(|&(e, _)| plan.full || inside(e)).collect();
            let parts = targets.pool_each(Aggregation::Dynamic, horizons, inside);
            if plan.full {
                targets.mean(Aggregation::Dynamic, &parts, |e| e >= 0);
            }
            if plan.window.is_some() {
                targets.mean(Aggregation::Window, &parts, |e| e >= 0 && inside(e));
            }
        }
        if let Some(balance_e) = plan.balance_e {
            let last = sample.weeks.last().copied().unwrap_or(0);
            // No cohort that counts is treated after last - balance_e, so no horizon lies before balance_e - (last - first).
            let horizons = by_key(&events, |at| {
                last - sample.cohorts[cells.cells[at].cohort] >= balance_e && events[at] <= balance_e
            });
            let parts = targets.pool_each(Aggregation::Balanced, horizons, |_| false);
            targets.mean(Aggregation::Balanced, &parts, |e| e >= 0);
        }
        if plan.full {
            let weeks: Vec<i64> = cells.cells.iter().map(|cell| sample.weeks[cell.week]).collect();
            let parts = targets.pool_each(Aggregation::Calendar, by_key(&weeks, |at| events[at] >= 0), |_| false);
            targets.mean(Aggregation::Calendar, &parts, |_| true);
            let cohorts: Vec<i64> = cells.cells.iter().map(|cell| sample.cohorts[cell.cohort]).collect();
            let parts = targets.pool_each(Aggregation::Group, by_key(&cohorts, |at| events[at] >= 0), |_| false);
            targets.over_cohorts(Aggregation::Group, &parts);
        }
        if plan.full || plan.balance_e.is_none() {
            let after = (0..cells.cells.len()).filter(|&at| events[at] >= 0).collect();
            targets.pool(Aggregation::Simple, None, after, false);
        }
        targets
    }

    fn pool_each(
        &mut self,
        aggregation: Aggregation,
        groups: Vec<(i64, Vec<usize>)>,
        keep: impl Fn(i64) -> bool,
    ) -> Vec<(i64, usize)> {
        groups
            .into_iter()
            .filter_map(|(at, cells)| Some((at, self.pool(aggregation, Some(at), cells, keep(at))?)))
            .collect()
    }

    /// Adds the pool of `picked` cells and returns its place; nothing where the cohorts have no weight.
    fn pool(&mut self, aggregation: Aggregation, at: Option<i64>, picked: Vec<usize>, keep: bool) -> Option<usize> {
        let (sum, count) = picked.iter().fold(
            (vec![0.0; self.share.len()], vec![0.0; self.share.len()]),
            |(mut sum, mut count), &at| {
                let cell = &self.cells.cells[at];
                sum[cell.cohort] += cell.att;
                count[cell.cohort] += 1.0;
                (sum, count)
            },
        );
        let total: f64 = self.share.iter().zip(&count).map(|(p, c)| p * c).sum();
        if total <= 0.0 {
            return None;
        }
        let cells: Vec<(usize, f64)> =
            picked.iter().map(|&at| (at, self.share[self.cells.cells[at].cohort] / total)).collect();
        let over = |value: &dyn Fn(usize) -> f64| cells.iter().map(|&(at, weight)| weight * value(at)).sum::<f64>();
        let estimate = over(&|at| self.cells.cells[at].att);
        let mut treated = vec![false; self.share.len() + 1];
        let mut control = vec![false; self.share.len() + 1];
        for &at in &picked {
            let cell = &self.cells.cells[at];
            treated[cell.cohort] = true;
            for (cohort, control) in control.iter_mut().enumerate() {
                *control |= cell.controls(cohort);
            }
        }
        let n = self.sample.cohort_of.len() as f64;
        self.list.push(Target {
            aggregation,
            at,
            estimate,
            baseline: over(&|at| self.cells.cells[at].baseline),
            exposure: over(&|at| (self.cells.cells[at].event_time(self.sample) + 1) as f64),
            pull: sum.iter().zip(&count).map(|(a, c)| (a - estimate * c) / (n * total)).collect(),
            cells,
            targets: Vec::new(),
            keep,
            treated,
            control,
        });
        Some(self.list.len() - 1)
    }

    /// Adds the plain mean of earlier targets.
    fn mean(&mut self, aggregation: Aggregation, parts: &[(i64, usize)], wanted: impl Fn(i64) -> bool) {
        let parts: Vec<usize> = parts.iter().filter(|&&(at, _)| wanted(at)).map(|&(_, part)| part).collect();
        let weight = 1.0 / parts.len() as f64;
        let pull = vec![0.0; self.share.len()];
        self.combine(aggregation, parts.into_iter().map(|part| (part, weight)).collect(), pull);
    }

    /// Adds the mean of one target per cohort, weighted by the cohorts' sizes.
    fn over_cohorts(&mut self, aggregation: Aggregation, parts: &[(i64, usize)]) {
        let of = |g: i64| self.sample.cohorts.partition_point(|&cohort| cohort < g);
        let total: f64 = parts.iter().map(|&(g, _)| self.share[of(g)]).sum();
        let weighted: Vec<(usize, f64)> = parts.iter().map(|&(g, part)| (part, self.share[of(g)] / total)).collect();
        let estimate: f64 = weighted.iter().map(|&(part, weight)| weight * self.list[part].estimate).sum();
        let n = self.sample.cohort_of.len() as f64;
        let mut pull = vec![0.0; self.share.len()];
        for &(g, part) in parts {
            pull[of(g)] = (self.list[part].estimate - estimate) / (n * total);
        }
        self.combine(aggregation, weighted, pull);
    }

    fn combine(&mut self, aggregation: Aggregation, parts: Vec<(usize, f64)>, pull: Vec<f64>) {
        if parts.is_empty() {
            return;
        }
        let over = |value: &dyn Fn(&Target) -> f64| {
            parts.iter().map(|&(part, weight)| weight * value(&self.list[part])).sum::<f64>()
        };
        let any = |flags: &dyn Fn(&Target) -> &[bool]| {
            (0..=self.share.len())
                .map(|cohort| parts.iter().any(|&(part, _)| flags(&self.list[part])[cohort]))
                .collect::<Vec<bool>>()
        };
        let target = Target {
            aggregation,
            at: None,
            cells: Vec::new(),
            pull,
            estimate: over(&|part| part.estimate),
            baseline: over(&|part| part.baseline),
            exposure: over(&|part| part.exposure),
            keep: false,
            treated: any(&|part| &part.treated),
            control: any(&|part| &part.control),
            targets: parts,
        };
        self.list.push(target);
    }
}

/// Positions of the wanted cells by key, keys ascending.
fn by_key(keys: &[i64], wanted: impl Fn(usize) -> bool) -> Vec<(i64, Vec<usize>)> {
    let mut groups = BTreeMap::<i64, Vec<usize>>::new();
    for (at, &key) in keys.iter().enumerate().filter(|&(at, _)| wanted(at)) {
        groups.entry(key).or_default().push(at);
    }
    groups.into_iter().collect()
}
