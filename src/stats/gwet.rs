//! Gwet's AC1 and AC2: agreement beyond chance that stays sound when nearly everybody gives the same two marks, where
//! alpha and kappa collapse.
//!
//! Gwet, *Handbook of Inter-Rater Reliability*; the numbers and standard errors of irrCAC.

use super::{quantile, ratings::RatingCounts};

/// How much two categories agree: 1 for the same, less the farther apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weights {
    /// All or nothing (AC1).
    Identity,
    Linear,
    /// The house's AC2.
    Quadratic,
}

impl Weights {
    /// Agreement of the categories at two places of a scale that spans `range`.
    pub fn of(self, a: f64, b: f64, range: f64) -> f64 {
        let apart = if range > 0.0 { (a - b).abs() / range } else { 0.0 };
        match self {
            Weights::Identity => f64::from(u8::from(a == b)),
            Weights::Linear => 1.0 - apart,
            Weights::Quadratic => 1.0 - apart * apart,
        }
    }

    /// Weights of every two categories, row by row.
    pub fn matrix(self, scale: &[f64]) -> Vec<f64> {
        let range = scale.last().zip(scale.first()).map_or(0.0, |(high, low)| high - low);
        scale.iter().flat_map(|a| scale.iter().map(move |b| self.of(*a, *b, range))).collect()
    }
}

/// The coefficient, the agreement seen and the agreement expected by chance.
#[derive(Debug, Clone, PartialEq)]
pub struct Agreement {
    /// Items with at least one rating, and with at least two.
    pub items: usize,
    pub items_pairable: usize,
    pub coefficient: f64,
    pub observed: f64,
    pub by_chance: f64,
    /// `None` with a single item.
    pub se: Option<f64>,
    /// 95 % bounds by Student's t over items, the high one at most 1.
    pub low: Option<f64>,
    pub high: Option<f64>,
}

/// AC1 or AC2 of `table`; `None` without an item rated twice or with fewer than two categories.
pub fn agreement(table: &RatingCounts, weights: Weights) -> Option<Agreement> {
    let size = table.scale().len();
    let w = weights.matrix(table.scale());
    let items = table.items().count();
    let items_pairable = table.pairable().count();
    if items_pairable == 0 || size < 2 {
        return None;
    }
    let (n, n2) = (items as f64, items_pairable as f64);
    let observed = table.pairable().map(|(row, m)| agreeing(row, m, &w)).sum::<f64>() / n2;
    let mut prevalence = vec![0.0; size];
    for (row, m) in table.items() {
        for (share, count) in prevalence.iter_mut().zip(row) {
            *share += f64::from(*count) / f64::from(m) / n;
        }
    }
    let factor = w.iter().sum::<f64>() / (size * (size - 1)) as f64;
    let by_chance = factor * prevalence.iter().map(|p| p * (1.0 - p)).sum::<f64>();
    if by_chance >= 1.0 {
        return None;
    }
    let coefficient = (observed - by_chance) / (1.0 - by_chance);

    let squares: f64 = table
        .items()
        .map(|(row, m)| {
            let own = if m >= 2 { (n / n2) * (agreeing(row, m, &w) - by_chance) / (1.0 - by_chance) } else { 0.0 };
            let chance: f64 = row.iter().zip(&prevalence).map(|(c, p)| f64::from(*c) / f64::from(m) * (1.0 - p)).sum();
            let x = own - 2.0 * (1.0 - coefficient) * (factor * chance - by_chance) / (1.0 - by_chance);
            (x - coefficient).powi(2)
        })
        .sum();
    let se = (items > 1).then(|| (squares / (n * (n - 1.0))).sqrt());
    let half = se.and_then(|se| Some(quantile::student_two_sided(0.95, n - 1.0)? * se));
    Some(Agreement {
        items,
        items_pairable,
        coefficient,
        observed,
        by_chance,
        se,
        low: half.map(|half| coefficient - half),
        high: half.map(|half| (coefficient + half).min(1.0)),
    })
}

/// Mean weight over the ordered pairs of ratings of one item.
pub fn agreeing(row: &[u32], ratings: u32, w: &[f64]) -> f64 {
    let m = f64::from(ratings);
    let sum: f64 = row
        .iter()
        .enumerate()
        .filter(|(_, n)| **n > 0)
        .map(|(k, n_k)| {
            let near: f64 = row.iter().zip(&w[k * row.len()..]).map(|(n_l, w)| f64::from(*n_l) * w).sum();
            f64::from(*n_k) * (near - 1.0)
        })
        .sum();
    sum / (m * (m - 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::ratings::RUBRIC;

    fn of(items: &[&[f64]], weights: Weights) -> Option<Agreement> {
        let items: Vec<Vec<f64>> = items.iter().map(|i| i.to_vec()).collect();
        agreement(&RatingCounts::of(&RUBRIC, &items).expect("on the scale"), weights)
    }

    #[test]
    fn ac1_by_hand() {
        // Agreement on one of two items; prevalence 3/4 and 1/4 of four categories: 2 · 3/16 · 4/12.
        let got = of(&[&[3.0, 3.0], &[3.0, 4.0]], Weights::Identity).expect("a coefficient");
        assert_eq!((got.observed, got.by_chance), (0.5, 0.125));
        assert!((got.coefficient - 0.375 / 0.875).abs() < 1e-15);
    }

    #[test]
    fn nearly_everybody_giving_four_still_agrees() {
        let mut items: Vec<&[f64]> = vec![&[4.0, 4.0]; 19];
        items.push(&[3.0, 4.0]);
        assert!(of(&items, Weights::Quadratic).expect("a coefficient").coefficient > 0.99);
    }

    #[test]
    fn unanimous_raters_agree_fully() {
        assert_eq!(of(&[&[2.0, 2.0], &[2.0, 2.0]], Weights::Quadratic).map(|a| a.coefficient), Some(1.0));
    }

    #[test]
    fn neighbours_weigh_eight_ninths() {
        assert!((Weights::Quadratic.of(1.0, 2.0, 3.0) - 8.0 / 9.0).abs() < 1e-15);
        assert_eq!(Weights::Linear.of(1.0, 4.0, 3.0), 0.0);
    }

    #[test]
    fn single_ratings_alone_cannot_agree() {
        assert_eq!(of(&[&[2.0], &[3.0]], Weights::Quadratic), None);
    }
}
