//! Spearman's rank correlation with its interval. Association only: nothing here says that one moves the other.
//!
//! Interval through Fisher's z with the standard error of Bonett and Wright (2000), *Psychometrika* 65:23.

use super::quantile;

/// Correlation of the ranks of two measures over the same places.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RankCorrelation {
    pub n: usize,
    pub rho: f64,
    /// Two-sided p of "no association", by Student's t with n - 2 degrees of freedom.
    pub p: f64,
    pub low: f64,
    pub high: f64,
}

/// Correlation over pairs, tied values sharing their mean rank; bounds at the normal quantile `z`. `None` for fewer than
/// five pairs, a number that is not finite, or a measure that never varies.
pub fn rank_correlation(pairs: &[(f64, f64)], z: f64) -> Option<RankCorrelation> {
    let n = pairs.len();
    if n < 5 || pairs.iter().any(|(x, y)| !x.is_finite() || !y.is_finite()) {
        return None;
    }
    let (x, y) = (ranks(pairs.iter().map(|p| p.0)), ranks(pairs.iter().map(|p| p.1)));
    let middle = (n as f64 + 1.0) / 2.0;
    let product = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| (a - middle) * (b - middle)).sum::<f64>();
    let (sxx, syy) = (product(&x, &x), product(&y, &y));
    if sxx <= 0.0 || syy <= 0.0 {
        return None;
    }
    let rho = (product(&x, &y) / (sxx * syy).sqrt()).clamp(-1.0, 1.0);
    let df = n as f64 - 2.0;
    // t² has the law of F with 1 and n - 2; a perfect correlation is beyond any of its values.
    let p = if rho.abs() == 1.0 { 0.0 } else { quantile::fisher_above(rho * rho * df / (1.0 - rho * rho), 1.0, df)? };
    let half = z * ((1.0 + rho * rho / 2.0) / (n as f64 - 3.0)).sqrt();
    let centre = rho.atanh();
    let bound = |at: f64| if centre.is_infinite() { rho } else { at.tanh() };
    Some(RankCorrelation { n, rho, p, low: bound(centre - half), high: bound(centre + half) })
}

/// Ranks from 1, ties at their mean.
fn ranks(values: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut sorted: Vec<(usize, f64)> = values.enumerate().collect();
    sorted.sort_by(|a, b| a.1.total_cmp(&b.1));
    let mut ranks = vec![0.0; sorted.len()];
    let mut below = 0;
    for tied in sorted.chunk_by(|a, b| a.1 == b.1) {
        let rank = below as f64 + (tied.len() as f64 + 1.0) / 2.0;
        tied.iter().for_each(|(place, _)| ranks[*place] = rank);
        below += tied.len();
    }
    ranks
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::wilson::Z95;

    #[test]
    fn one_exchange_among_five() {
        // 1 - 6 Σd² / (n(n² - 1)) with Σd² = 2.
        let pairs = [(1.0, 10.0), (2.0, 20.0), (3.0, 40.0), (4.0, 30.0), (5.0, 50.0)];
        let got = rank_correlation(&pairs, Z95).expect("a correlation");
        assert!((got.rho - 0.9).abs() < 1e-15 && got.low < 0.9 && got.high > 0.9);
        // t = 0.9 √(3 / 0.19) = 3.5762 with 3 degrees of freedom.
        assert!((got.p - 0.037_386).abs() < 1e-6, "{got:?}");
    }

    #[test]
    fn ties_share_their_rank() {
        assert_eq!(ranks([5.0, 1.0, 5.0, 0.0].into_iter()), [3.5, 2.0, 3.5, 1.0]);
        // Zeros of either sign are the same value.
        assert_eq!(ranks([0.0, -0.0, 1.0].into_iter()), [1.5, 1.5, 3.0]);
    }

    #[test]
    fn only_order_counts() {
        let line: Vec<(f64, f64)> = (1..8).map(|i| (f64::from(i), f64::from(i * i * i))).collect();
        let got = rank_correlation(&line, Z95).expect("a correlation");
        assert_eq!((got.rho, got.p, got.low, got.high), (1.0, 0.0, 1.0, 1.0));
    }

    #[test]
    fn a_measure_that_never_moves_is_associated_with_nothing() {
        assert_eq!(rank_correlation(&[(1.0, 2.0), (1.0, 3.0), (1.0, 4.0), (1.0, 5.0), (1.0, 6.0)], Z95), None);
        assert_eq!(rank_correlation(&[(1.0, 1.0), (2.0, 2.0)], Z95), None);
    }
}
