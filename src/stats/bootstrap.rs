//! A band that covers a whole event study at once, by the multiplier bootstrap (Callaway and Sant'Anna 2021, section 4.1).
//!
//! Each draw multiplies every cluster's influence with a random number of mean 0 and variance 1. The studentised maxima of the
//! draws say how much wider than a single interval all intervals together must be.

use rand_chacha::rand_core::Rng;
use rayon::prelude::*;

use super::aggregate::{Estimate, SE_MIN};
use super::seed::{self, Purpose};

/// Quartiles of the normal law lie this far apart.
const NORMAL_QUARTILES: f64 = 1.3489795;

/// The law of the multipliers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Multiplier {
    /// The sum of 64 random signs over 8: a normal law in all but name, made of whole numbers, so the same on every machine.
    #[default]
    Signs64,
    /// One random sign (Rademacher), as in R's `did`. With few treated clusters its tails are too light and the band too
    /// narrow: on mpdta, with 20 units in the smallest cohort, 2.53 errors where the normal law says 2.66.
    Sign,
}

/// Standard errors from an estimate to the edge of the band, at least `pointwise`; `None` when no horizon has an error.
///
/// The same bits on any number of threads.
pub fn critical_value(
    event_study: &[&Estimate],
    multiplier: Multiplier,
    seed: u64,
    draws: u32,
    confidence: f64,
    pointwise: f64,
) -> Option<f64> {
    let rows: Vec<&[f64]> = event_study.iter().filter(|row| row.se.is_some()).map(|row| &row.influence[..]).collect();
    let clusters = rows.first()?.len();
    // Cluster by cluster, so that a draw reads memory once and in order.
    let by_cluster: Vec<f64> = (0..clusters).flat_map(|cluster| rows.iter().map(move |row| row[cluster])).collect();
    let sums: Vec<Vec<f64>> =
        (0..draws).into_par_iter().map(|draw| drawn_sums(&by_cluster, rows.len(), multiplier, seed, draw)).collect();

    let scales: Vec<f64> = (0..rows.len())
        .map(|at| {
            let mut column: Vec<f64> = sums.iter().map(|sums| sums[at]).collect();
            column.sort_unstable_by(f64::total_cmp);
            (lower_quantile(&column, 0.75) - lower_quantile(&column, 0.25)) / NORMAL_QUARTILES
        })
        .collect();
    let largest = |sums: &Vec<f64>| {
        let studentised =
            sums.iter().zip(&scales).filter(|&(_, scale)| *scale >= SE_MIN).map(|(sum, scale)| (sum / scale).abs());
        studentised.fold(0.0, f64::max)
    };
    let mut maxima: Vec<f64> = sums.iter().map(largest).collect();
    maxima.sort_unstable_by(f64::total_cmp);
    Some(lower_quantile(&maxima, confidence).max(pointwise))
}

fn drawn_sums(by_cluster: &[f64], width: usize, multiplier: Multiplier, seed: u64, draw: u32) -> Vec<f64> {
    let mut rng = seed::stream(seed, Purpose::Signs, draw);
    let mut sums = vec![0.0; width];
    for values in by_cluster.chunks_exact(width) {
        let factor = match multiplier {
            Multiplier::Signs64 => (f64::from(rng.next_u64().count_ones()) - 32.0) / 4.0,
            Multiplier::Sign => f64::from(rng.next_u32() & 1) * 2.0 - 1.0,
        };
        for (sum, value) in sums.iter_mut().zip(values) {
            *sum += factor * value;
        }
    }
    sums
}

/// The inverse of the empirical distribution function (type 1 of Hyndman and Fan); NaN of nothing.
fn lower_quantile(sorted: &[f64], p: f64) -> f64 {
    let rank = (p * sorted.len() as f64 - 1e-9).ceil().max(1.0) as usize;
    sorted.get(rank - 1).or(sorted.last()).copied().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::super::aggregate::Aggregation;
    use super::*;

    fn row(e: i64, estimate: f64, influence: Vec<f64>) -> Estimate {
        let se = influence.iter().map(|x| x * x).sum::<f64>().sqrt();
        Estimate {
            aggregation: Aggregation::Dynamic,
            at: Some(e),
            estimate,
            se: Some(se).filter(|se| *se > 0.0),
            df: 10,
            n_treated: 0,
            n_control: 0,
            n_treated_clusters: 0,
            n_control_clusters: 0,
            n_cohorts: 0,
            n_singleton_cohorts: 0,
            baseline_mean: 0.0,
            mean_exposure: 0.0,
            influence,
        }
    }

    /// Independent horizons: each cluster moves one of them.
    fn independent(horizons: usize) -> Vec<Estimate> {
        (0..horizons)
            .map(|at| {
                row(
                    at as i64,
                    0.0,
                    (0..200 * horizons).map(|cluster| if cluster % horizons == at { 1.0 } else { 0.0 }).collect(),
                )
            })
            .collect()
    }

    #[test]
    fn one_horizon_needs_a_single_interval_and_ten_need_a_wider_one() {
        let critical = |rows: &[Estimate]| {
            let rows: Vec<&Estimate> = rows.iter().collect();
            critical_value(&rows, Multiplier::Signs64, 1, 1999, 0.95, 1.0).unwrap()
        };
        assert!((critical(&independent(1)) - 1.96).abs() < 0.1);
        // Ten independent normals lie within ±2.80 together with probability 0.95.
        assert!((critical(&independent(10)) - 2.80).abs() < 0.1);
    }

    #[test]
    fn the_band_is_never_narrower_than_the_interval() {
        assert_eq!(critical_value(&[&independent(1)[0]], Multiplier::Signs64, 1, 199, 0.95, 4.0), Some(4.0));
    }

    #[test]
    fn same_bits_on_any_number_of_threads() {
        let rows = independent(5);
        let rows: Vec<&Estimate> = rows.iter().collect();
        let on = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| critical_value(&rows, Multiplier::Signs64, 3, 499, 0.95, 0.0).unwrap().to_bits())
        };
        assert_eq!(on(1), on(3));
    }

    #[test]
    fn quantiles_are_values_that_were_drawn() {
        assert_eq!(lower_quantile(&[1.0, 2.0, 3.0, 4.0], 0.75), 3.0);
        assert_eq!(lower_quantile(&[1.0, 2.0, 3.0, 4.0], 0.76), 4.0);
        assert_eq!(lower_quantile(&[1.0, 2.0, 3.0, 4.0], 0.0), 1.0);
    }
}
