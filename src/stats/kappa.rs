//! Weighted kappa for calibration rounds, in which the same raters rate every item: Cohen's for two raters, and its
//! extension to more by Conger (1980), which compares every two of them.

use super::gwet::{Weights, agreeing};

/// Weighted kappa of `rows`, one item each with one score by every rater in the same order.
///
/// `None` when rows differ in length, a score is not on the ascending `scale`, there are fewer than two raters, or chance
/// alone would agree fully.
pub fn weighted(rows: &[Vec<f64>], scale: &[f64], weights: Weights) -> Option<f64> {
    let raters = rows.first()?.len();
    if raters < 2 || rows.iter().any(|row| row.len() != raters) {
        return None;
    }
    let size = scale.len();
    let w = weights.matrix(scale);
    let mut marginals = vec![vec![0.0; size]; raters];
    let mut observed = 0.0;
    for row in rows {
        let mut counts = vec![0u32; size];
        for (rater, score) in row.iter().enumerate() {
            let category = scale.iter().position(|s| s == score)?;
            counts[category] += 1;
            marginals[rater][category] += 1.0 / rows.len() as f64;
        }
        observed += agreeing(&counts, raters as u32, &w) / rows.len() as f64;
    }
    // Chance agreement averaged over every two different raters: all pairs less the pairs with oneself.
    let chance = |a: &[f64], b: &[f64]| -> f64 {
        (0..size).map(|k| a[k] * (0..size).map(|l| w[k * size + l] * b[l]).sum::<f64>()).sum()
    };
    let summed: Vec<f64> = (0..size).map(|k| marginals.iter().map(|m| m[k]).sum()).collect();
    let own: f64 = marginals.iter().map(|m| chance(m, m)).sum();
    let by_chance = (chance(&summed, &summed) - own) / (raters * (raters - 1)) as f64;
    (by_chance < 1.0).then(|| (observed - by_chance) / (1.0 - by_chance))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cohens_kappa_of_two_raters_by_hand() {
        // Agree on 3 of 4; the marginals 2/4 · 3/4 + 2/4 · 1/4 make a half by chance.
        let rows = [vec![1.0, 1.0], vec![1.0, 1.0], vec![2.0, 2.0], vec![2.0, 1.0]];
        let got = weighted(&rows, &[1.0, 2.0], Weights::Identity).expect("kappa");
        assert!((got - 0.5).abs() < 1e-15);
    }

    #[test]
    fn a_near_miss_counts_for_more_than_a_far_one_under_weights() {
        let of = |second: f64| {
            let rows = [vec![1.0, second], vec![2.0, 2.0], vec![3.0, 3.0], vec![4.0, 4.0]];
            weighted(&rows, &[1.0, 2.0, 3.0, 4.0], Weights::Quadratic).expect("kappa")
        };
        assert!(of(2.0) > of(4.0));
    }

    #[test]
    fn a_gap_is_no_calibration_round() {
        assert_eq!(weighted(&[vec![1.0, 2.0], vec![1.0]], &[1.0, 2.0], Weights::Identity), None);
    }
}
