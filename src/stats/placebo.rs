//! The effect against effects that cannot be real: treatment weeks dealt out at random to the units of the same panel.

use rayon::prelude::*;

use super::aggregate::{Aggregation, Plan, aggregate};
use super::att::Cells;
use super::design::Sample;
use super::seed::{self, Purpose};

/// What is recomputed in every draw.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Headline {
    /// Mean of horizons 0..=e over the cohorts that reach e.
    Balanced(i64),
    Simple,
}

impl Headline {
    pub fn aggregation(self) -> Aggregation {
        match self {
            Headline::Balanced(_) => Aggregation::Balanced,
            Headline::Simple => Aggregation::Simple,
        }
    }
}

/// Share of placebo statistics at least as large as the real one, which counts as one of them.
///
/// Treatment weeks are permuted over the units of a stratum (terciles of `headcount`, one value per unit of the sample), and the
/// statistic is the estimate over its standard error. With a single treated unit there is no standard error: then
/// every unit takes its place once, and the p-value is the rank of its estimate among all.
/// `None` without a real statistic. The same bits on any number of threads.
pub fn p_value(sample: &Sample, headcount: &[f64], headline: Headline, seed: u64, draws: u32) -> Option<f64> {
    let cohort_of = &sample.cohort_of;
    if sample.treated_units() == 1 {
        return rank_of_single(sample, headline);
    }
    let real = statistic(sample, cohort_of, headline)?.studentised()?.abs();
    let strata = terciles(headcount);
    let extreme: u32 = (0..draws)
        .into_par_iter()
        .map(|draw| {
            let mut rng = seed::stream(seed, Purpose::Placebo, draw);
            let mut permuted = cohort_of.clone();
            for stratum in &strata {
                let mut cohorts: Vec<u32> = stratum.iter().map(|&unit| cohort_of[unit]).collect();
                seed::shuffle(&mut rng, &mut cohorts);
                for (&unit, cohort) in stratum.iter().zip(cohorts) {
                    permuted[unit] = cohort;
                }
            }
            let placebo = statistic(sample, &permuted, headline).and_then(Statistic::studentised);
            // A draw without a statistic is no evidence against chance.
            u32::from(placebo.is_none_or(|t| t.abs() >= real))
        })
        .sum();
    Some(f64::from(1 + extreme) / f64::from(1 + draws))
}

#[derive(Debug, Clone, Copy)]
struct Statistic {
    estimate: f64,
    se: Option<f64>,
}

impl Statistic {
    fn studentised(self) -> Option<f64> {
        Some(self.estimate / self.se?)
    }
}

fn statistic(sample: &Sample, cohort_of: &[u32], headline: Headline) -> Option<Statistic> {
    let last = *sample.weeks.last()?;
    let cells = Cells::measure(sample, cohort_of, |cohort, week| {
        let e = sample.weeks[week] - sample.cohorts[cohort];
        match headline {
            Headline::Simple => e >= 0,
            Headline::Balanced(horizon) => 0 <= e && e <= horizon && last - sample.cohorts[cohort] >= horizon,
        }
    });
    let balance_e = match headline {
        Headline::Balanced(horizon) => Some(horizon),
        Headline::Simple => None,
    };
    let pooled = aggregate(sample, cohort_of, &cells, Plan { balance_e, ..Plan::default() });
    let overall = pooled.overall(headline.aggregation())?;
    Some(Statistic { estimate: overall.estimate, se: overall.se })
}

fn rank_of_single(sample: &Sample, headline: Headline) -> Option<f64> {
    let treated = sample.cohort_of.iter().position(|&cohort| (cohort as usize) < sample.cohorts.len())?;
    let real = statistic(sample, &sample.cohort_of, headline)?.estimate.abs();
    let extreme: usize = (0..sample.cohort_of.len())
        .into_par_iter()
        .map(|unit| {
            let mut moved = sample.cohort_of.clone();
            moved.swap(treated, unit);
            usize::from(statistic(sample, &moved, headline).is_none_or(|placebo| placebo.estimate.abs() >= real))
        })
        .sum();
    Some(extreme as f64 / sample.cohort_of.len() as f64)
}

/// Units in three groups by size, equal sizes together.
fn terciles(headcount: &[f64]) -> Vec<Vec<usize>> {
    let mut sorted = headcount.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let cut = |third: usize| sorted.get((sorted.len() * third).div_ceil(3).saturating_sub(1)).copied().unwrap_or(0.0);
    let (low, high) = (cut(1), cut(2));
    let mut strata = vec![Vec::new(); 3];
    for (unit, &people) in headcount.iter().enumerate() {
        strata[usize::from(people > low) + usize::from(people > high)].push(unit);
    }
    strata
}

#[cfg(test)]
mod tests {
    use super::super::design::Design;
    use super::super::panel::{PanelBuilder, Row};
    use super::*;

    /// Twelve units over 6 weeks with a small ripple of their own; the first `treated` gain `effect` from week 4 on.
    fn sample(treated: usize, effect: f64) -> Sample {
        let mut builder = PanelBuilder::default();
        for unit in 0..12 {
            let first = (unit < treated).then_some(4);
            for week in 1..=6 {
                let ripple = ((unit * 7 + week as usize * 5) % 11) as f64 / 10.0;
                let outcome = ripple + if first.is_some() && week >= 4 { effect } else { 0.0 };
                builder.push(Row { unit: &format!("u{unit:02}"), week, first, outcome, ..Row::default() }).unwrap();
            }
        }
        Sample::new(&builder.finish(0.0).unwrap(), Design::default())
    }

    #[test]
    fn a_large_effect_is_unlike_any_placebo_and_none_is_like_most() {
        let p = |effect| p_value(&sample(5, effect), &[1.0; 12], Headline::Simple, 1, 199).unwrap();
        assert!(p(50.0) < 0.02, "{}", p(50.0));
        assert!(p(0.0) > 0.10, "{}", p(0.0));
    }

    #[test]
    fn the_real_statistic_is_one_of_those_drawn() {
        let p = |seed| p_value(&sample(5, 50.0), &[1.0; 12], Headline::Simple, seed, 199).unwrap();
        assert_eq!((0..8).map(p).reduce(f64::min), Some(1.0 / 200.0), "never 0");
    }

    #[test]
    fn a_fall_is_as_unlikely_as_the_same_rise() {
        let rise = sample(5, 0.3);
        let mut fall = rise.clone();
        fall.outcome.iter_mut().for_each(|y| *y = -*y);
        let p = |sample: &Sample| p_value(sample, &[1.0; 12], Headline::Simple, 1, 199);
        assert_eq!(p(&rise), p(&fall));
    }

    #[test]
    fn weeks_are_dealt_out_within_every_stratum_and_across_none() {
        // Five of the six large units are treated: six ways to deal their weeks out among the six, each about as likely.
        let sizes: Vec<f64> = (0..12).map(|unit| if unit < 6 { 50.0 } else { 5.0 }).collect();
        let p = p_value(&sample(5, 50.0), &sizes, Headline::Simple, 1, 199).unwrap();
        assert!((0.08..0.5).contains(&p), "{p}");
    }

    #[test]
    fn a_single_treated_unit_has_the_rank_of_its_effect() {
        assert_eq!(p_value(&sample(1, 50.0), &[1.0; 12], Headline::Simple, 1, 199), Some(1.0 / 12.0));
    }

    #[test]
    fn same_bits_on_any_number_of_threads() {
        let on = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| p_value(&sample(5, 0.3), &[1.0; 12], Headline::Simple, 1, 99))
        };
        assert_eq!(on(1), on(3));
    }

    #[test]
    fn equal_sizes_stay_in_one_stratum() {
        let sizes = |headcount: &[f64]| terciles(headcount).iter().map(Vec::len).collect::<Vec<_>>();
        assert_eq!(sizes(&[5.0; 9]), [9, 0, 0]);
        assert_eq!(sizes(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]), [2, 2, 2]);
        assert_eq!(sizes(&[1.0, 1.0, 1.0, 4.0, 5.0, 6.0]), [3, 1, 2]);
    }
}
