//! Did treated and control units already move apart before the treatment? A Wald test that all effects before it are zero.

use statrs::distribution::{ChiSquared, ContinuousCDF};

use super::aggregate::Estimate;
use super::att::Cells;
use super::design::Sample;
use super::quantile;
use super::symmetric::Square;

#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Wald {
    pub w: f64,
    pub df: usize,
    /// From the χ² law, as R's `did` has it. It rejects true nulls too often with few clusters: of sound panels with 8
    /// horizons, 40 % with 30 clusters, 20 % with 60, 8 % with 200.
    pub p: f64,
    /// From Hotelling's T² law, which knows the number of clusters.
    pub p_small_sample: Option<f64>,
}

/// Below this the matrix of the test says nothing.
const RCOND_MIN: f64 = 1e-12;

/// More cells than this are not tested together: the matrix would be singular in a real panel anyway.
const CELLS_MAX: usize = 256;

/// Tests the effects before treatment in an event study (horizons below 0 that have a standard error).
///
/// `None` when nothing is left to test, when there are not twice as many clusters as horizons, or when the matrix is singular.
pub fn of_event_study(event_study: &[&Estimate], clusters: usize) -> Option<Wald> {
    let before: Vec<&&Estimate> =
        event_study.iter().filter(|row| row.at.is_some_and(|e| e < 0) && row.se.is_some()).collect();
    let mut covariance = Square::zero(before.len());
    for (i, a) in before.iter().enumerate() {
        for (j, b) in before.iter().enumerate() {
            covariance.add(i, j, a.influence.iter().zip(&b.influence).map(|(x, y)| x * y).sum());
        }
    }
    let effects: Vec<f64> = before.iter().map(|row| row.estimate).collect();
    wald(&effects, &covariance, clusters)
}

/// Tests every cell before treatment at once, as R's `did` does; mostly `None`, because the matrix is singular in most real panels.
pub fn of_all_cells(sample: &Sample, cells: &Cells) -> Option<Wald> {
    let before: Vec<usize> = (0..cells.cells.len())
        .filter(|&at| cells.cells[at].event_time(sample) < 0 && !cells.cells[at].is_reference())
        .collect();
    // With one treated unit the matrix holds the noise of the controls alone.
    if before.len() > CELLS_MAX || 2 * before.len() >= sample.clusters || sample.treated_units() == 1 {
        return None;
    }
    let mut covariance = Square::zero(before.len());
    cells.sweep(sample, &sample.cohort_of, |_, _, influence| {
        for (i, &a) in before.iter().enumerate().filter(|&(_, &a)| influence[a] != 0.0) {
            for (j, &b) in before.iter().enumerate() {
                covariance.add(i, j, influence[a] * influence[b]);
            }
        }
    });
    let effects: Vec<f64> = before.iter().map(|&at| cells.cells[at].att).collect();
    wald(&effects, &covariance, sample.clusters)
}

fn wald(effects: &[f64], covariance: &Square, clusters: usize) -> Option<Wald> {
    let df = effects.len();
    if df == 0 || 2 * df >= clusters || covariance.reciprocal_condition() < RCOND_MIN {
        return None;
    }
    let solved = covariance.cholesky()?.solve(effects);
    let w: f64 = effects.iter().zip(&solved).map(|(a, b)| a * b).sum();
    // T² = W·(C - 1)/C, and T²·(C - q)/(q·(C - 1)) has Fisher's F law with q and C - q degrees of freedom.
    let (c, q) = (clusters as f64, df as f64);
    let p_small_sample = quantile::fisher_above(w * (c - q) / (q * c), q, c - q);
    Some(Wald { w, df, p: ChiSquared::new(q).ok()?.sf(w), p_small_sample })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn independent_effects_add_their_squares() {
        let covariance = Square { size: 2, values: vec![4.0, 0.0, 0.0, 1.0] };
        let test = wald(&[2.0, 1.0], &covariance, 10).unwrap();
        assert_eq!((test.w, test.df), (2.0, 2));
        assert!((test.p - (-1.0f64).exp()).abs() < 1e-12, "the χ² tail with 2 degrees is exp(-w/2)");
    }

    #[test]
    fn few_clusters_make_the_small_sample_test_more_careful_and_many_make_it_the_same() {
        let covariance = Square { size: 2, values: vec![4.0, 0.0, 0.0, 1.0] };
        let p = |clusters| wald(&[4.0, 2.0], &covariance, clusters).and_then(|test| test.p_small_sample).unwrap();
        // F = 8·(10 - 2)/(2·10) = 3.2; with 2 and 8 degrees its tail is (1 + 2·3.2/8)^-4.
        assert!((p(10) - 1.8f64.powi(-4)).abs() < 1e-12);
        assert!((p(1_000_000) - (-4.0f64).exp()).abs() < 1e-5);
    }

    #[test]
    fn too_few_clusters_or_a_singular_matrix_give_no_test() {
        let singular = Square { size: 2, values: vec![1.0, 1.0, 1.0, 1.0] };
        assert_eq!(wald(&[1.0, 1.0], &singular, 100), None);
        let sound = Square { size: 2, values: vec![1.0, 0.0, 0.0, 1.0] };
        assert_eq!(wald(&[1.0, 1.0], &sound, 4), None);
        assert!(wald(&[1.0, 1.0], &sound, 5).is_some());
    }
}
