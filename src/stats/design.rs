//! Which units and weeks an estimate uses: cohorts, controls, base weeks, anticipation.
//!
//! A *cohort* is the set of units first treated in the same week. Units treated in or before the first week have no week
//! before treatment and are left out. Where nobody is never treated, the last cohort serves as control, the weeks from its
//! treatment on are cut off, and it gets no estimate of its own.

use super::panel::{Panel, row};

/// Who a treated cohort is compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Control {
    /// Units not yet treated in either week of the comparison, the never treated among them.
    #[default]
    NotYet,
    /// Units never treated in the panel.
    Never,
}

/// The week that a week before treatment is compared with; after treatment it is always the last untreated week.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Base {
    /// The week before.
    #[default]
    Varying,
    /// The last untreated week.
    Universal,
}

/// What happens to units with missing weeks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Gaps {
    /// A comparison uses the units observed in both of its weeks.
    #[default]
    Pairwise,
    /// Units with any missing week are left out.
    Balanced,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Design {
    pub control: Control,
    pub base: Base,
    pub gaps: Gaps,
    /// Weeks before the treatment in which units may already react to it.
    pub anticipation: u32,
}

/// The units and weeks of a panel that a design keeps, sorted by cluster and then by unit.
#[derive(Debug, Clone)]
pub struct Sample {
    /// Positions of the kept units in the panel.
    pub units: Vec<usize>,
    /// Weeks that are estimated on.
    pub weeks: Vec<i64>,
    /// Treatment weeks of the cohorts that get estimates, ascending.
    pub cohorts: Vec<i64>,
    /// Per kept unit its position in `cohorts`, or `cohorts.len()` for units that only serve as controls.
    pub cohort_of: Vec<u32>,
    /// Per kept unit the number of its cluster, 0, 1, 2, … without holes and never decreasing.
    pub cluster_of: Vec<u32>,
    pub clusters: usize,
    /// Row-major, `units.len() × weeks.len()`.
    pub outcome: Vec<f64>,
    pub weight: Option<Vec<f64>>,
    /// Whether each kept unit was observed in every week.
    pub complete: Vec<bool>,
    /// Weight of each kept unit in its first observed week; 1 without weights.
    pub first_weight: Vec<f64>,
    pub dropped_always: usize,
    pub dropped_gap: usize,
    /// The cohort that serves as control because nobody is never treated.
    pub control_cohort: Option<i64>,
    pub design: Design,
}

impl Sample {
    pub fn new(panel: &Panel, design: Design) -> Sample {
        let anticipation = i64::from(design.anticipation);
        let last = panel.weeks.last().copied().unwrap_or(0);
        let start = panel.weeks.first().copied().unwrap_or(0).saturating_add(anticipation);
        let treated_in = |unit: usize| panel.first[unit].filter(|&week| week <= last);
        let mut units: Vec<usize> =
            (0..panel.units.len()).filter(|&unit| treated_in(unit).is_none_or(|week| week > start)).collect();
        let dropped_always = panel.units.len() - units.len();

        // Leaving out units with gaps may leave out the last never-treated one, so the cut is found again until it holds.
        let mut dropped_gap = 0;
        let (weeks_kept, control_cohort) = loop {
            let (weeks_kept, control_cohort) = cut(panel, &units, treated_in, anticipation);
            if design.gaps == Gaps::Pairwise {
                break (weeks_kept, control_cohort);
            }
            let before = units.len();
            units.retain(|&unit| panel.outcomes_of(unit)[..weeks_kept].iter().all(|y| !y.is_nan()));
            dropped_gap += before - units.len();
            if before == units.len() {
                break (weeks_kept, control_cohort);
            }
        };

        units.sort_by_key(|&unit| (panel.cluster[unit], unit));
        let mut cohorts: Vec<i64> =
            units.iter().filter_map(|&unit| treated_in(unit)).filter(|week| Some(*week) != control_cohort).collect();
        cohorts.sort_unstable();
        cohorts.dedup();
        let never = cohorts.len();
        let cohort_of = units
            .iter()
            .map(|&unit| treated_in(unit).and_then(|week| cohorts.binary_search(&week).ok()).unwrap_or(never) as u32);
        let cohort_of = cohort_of.collect();
        let width = panel.weeks.len();
        let compact = |matrix: &[f64]| {
            units.iter().flat_map(|&unit| row(matrix, unit, width)[..weeks_kept].iter().copied()).collect::<Vec<f64>>()
        };
        let weight = panel.weight.as_deref().map(compact);
        let outcome = compact(&panel.outcome);
        let first_weight = match &weight {
            None => vec![1.0; units.len()],
            Some(weight) => (0..units.len())
                .map(|at| row(weight, at, weeks_kept).iter().copied().find(|w| !w.is_nan()).unwrap_or(0.0))
                .collect(),
        };
        let mut cluster_of: Vec<u32> = Vec::with_capacity(units.len());
        for (at, &unit) in units.iter().enumerate() {
            let number = match cluster_of.last() {
                None => 0,
                Some(&number) => number + u32::from(panel.cluster[units[at - 1]] != panel.cluster[unit]),
            };
            cluster_of.push(number);
        }
        Sample {
            clusters: cluster_of.last().map_or(0, |&number| number as usize + 1),
            complete: (0..units.len()).map(|at| row(&outcome, at, weeks_kept).iter().all(|y| !y.is_nan())).collect(),
            outcome,
            weeks: panel.weeks[..weeks_kept].to_vec(),
            units,
            cohorts,
            cohort_of,
            cluster_of,
            weight,
            first_weight,
            dropped_always,
            dropped_gap,
            control_cohort,
            design,
        }
    }

    /// Units in a cohort that gets estimates.
    pub fn treated_units(&self) -> usize {
        self.cohort_of.iter().filter(|&&cohort| (cohort as usize) < self.cohorts.len()).count()
    }

    /// The last week before cohort `cohort` may react, as a position in `weeks`.
    pub fn base_week(&self, cohort: usize) -> Option<usize> {
        let limit = self.cohorts[cohort] - i64::from(self.design.anticipation);
        self.weeks.partition_point(|&week| week < limit).checked_sub(1)
    }
}

/// How many of the panel's weeks are estimated on, and the cohort that serves as control where nobody is never treated.
fn cut(
    panel: &Panel,
    units: &[usize],
    treated_in: impl Fn(usize) -> Option<i64>,
    anticipation: i64,
) -> (usize, Option<i64>) {
    if units.iter().any(|&unit| treated_in(unit).is_none()) {
        return (panel.weeks.len(), None);
    }
    let last_cohort = units.iter().filter_map(|&unit| treated_in(unit)).max();
    let weeks = last_cohort.map_or(panel.weeks.len(), |g| panel.weeks.partition_point(|&week| week < g - anticipation));
    (weeks, last_cohort)
}

#[cfg(test)]
mod tests {
    use super::super::panel::{PanelBuilder, Row};
    use super::*;

    /// Units with a first treatment each, observed in weeks 1..=6 except those listed as missing.
    fn sample(firsts: &[Option<i64>], missing: &[(usize, i64)], design: Design) -> Sample {
        let mut builder = PanelBuilder::default();
        for (at, &first) in firsts.iter().enumerate() {
            for week in (1..=6).filter(|&week| !missing.contains(&(at, week))) {
                builder
                    .push(Row { unit: &format!("u{at}"), week, first, outcome: week as f64, ..Row::default() })
                    .unwrap();
            }
        }
        Sample::new(&builder.finish(0.0).unwrap(), design)
    }

    #[test]
    fn treated_in_the_first_week_is_left_out_and_treated_after_the_last_is_never_treated() {
        let sample = sample(&[Some(1), Some(3), Some(9), None], &[], Design::default());
        assert_eq!((sample.cohorts, sample.cohort_of, sample.dropped_always), (vec![3], vec![0, 1, 1], 1));
    }

    #[test]
    fn without_never_treated_units_the_last_cohort_is_the_control_and_its_weeks_are_cut() {
        let sample = sample(&[Some(3), Some(5)], &[], Design::default());
        assert_eq!((sample.cohorts, sample.cohort_of, sample.weeks), (vec![3], vec![0, 1], vec![1, 2, 3, 4]));
    }

    #[test]
    fn anticipation_leaves_out_more_cohorts_cuts_more_weeks_and_moves_the_base() {
        let design = Design { anticipation: 1, ..Design::default() };
        let sample = sample(&[Some(2), Some(4), Some(6)], &[], design);
        assert_eq!((sample.dropped_always, &sample.cohorts[..], &sample.weeks[..]), (1, &[4][..], &[1, 2, 3, 4][..]));
        assert_eq!(sample.base_week(0), Some(1), "week 2 is the last before week 3");
    }

    #[test]
    fn balanced_leaves_out_units_with_a_gap() {
        let design = Design { gaps: Gaps::Balanced, ..Design::default() };
        let sample = sample(&[Some(3), None, None], &[(1, 4)], design);
        assert_eq!((sample.dropped_gap, sample.units), (1, vec![0, 2]));
    }

    #[test]
    fn a_gap_after_the_cut_is_no_gap() {
        let design = Design { gaps: Gaps::Balanced, ..Design::default() };
        let sample = sample(&[Some(3), Some(5)], &[(0, 6)], design);
        assert_eq!(sample.dropped_gap, 0);
    }
}
