//! Intraclass correlation: how much of the spread of ratings is spread of items.
//!
//! Shrout and Fleiss (1979), *Psychological Bulletin* 86:420; intervals of McGraw and Wong (1996). One-way for any raters,
//! items with unequal numbers of ratings included; two-way only where the same raters rate every item.

use super::quantile;

/// One coefficient with its F test and 95 % bounds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Icc {
    pub icc: f64,
    /// F, degrees of freedom and p of "items do not differ"; `None` where the raters agree to the last digit.
    pub f: Option<f64>,
    pub df1: f64,
    pub df2: f64,
    pub p: Option<f64>,
    /// `None` where items have unequal numbers of ratings: the published bounds do not hold there.
    pub low: Option<f64>,
    pub high: Option<f64>,
}

/// One-way: any raters on any item. A single rating, and the mean of `ratings_per_item`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct OneWay {
    pub items: usize,
    pub ratings: usize,
    /// n₀ of the unbalanced one-way layout; the number of raters where all items have the same.
    pub ratings_per_item: f64,
    pub single: Icc,
    pub mean: Icc,
}

/// Two-way: the same raters on every item, as a sample of raters (2) or as all there are (3).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TwoWay {
    pub items: usize,
    pub raters: usize,
    pub random_single: Icc,
    pub random_mean: Icc,
    pub fixed_single: Icc,
    pub fixed_mean: Icc,
}

/// Reliability of the mean of `m` ratings whose single reliability is `icc` (Spearman–Brown).
pub fn of_mean(icc: f64, m: f64) -> f64 {
    m * icc / (1.0 + (m - 1.0) * icc)
}

/// ICC(1) over the items with two ratings or more; `None` with fewer than two such items or without any variation.
pub fn one_way(items: &[Vec<f64>]) -> Option<OneWay> {
    let items: Vec<&Vec<f64>> = items.iter().filter(|scores| scores.len() >= 2).collect();
    let count = items.len();
    let ratings: usize = items.iter().map(|scores| scores.len()).sum();
    if count < 2 {
        return None;
    }
    let (n, total) = (count as f64, ratings as f64);
    let grand = items.iter().flat_map(|scores| scores.iter()).sum::<f64>() / total;
    let (mut between, mut within, mut squared_sizes) = (0.0, 0.0, 0.0);
    for scores in &items {
        let m = scores.len() as f64;
        let mean = scores.iter().sum::<f64>() / m;
        between += m * (mean - grand).powi(2);
        within += scores.iter().map(|y| (y - mean).powi(2)).sum::<f64>();
        squared_sizes += m * m;
    }
    let (df1, df2) = (n - 1.0, total - n);
    let (msb, msw) = (between / df1, within / df2);
    let m0 = (total - squared_sizes / total) / df1;
    let denominator = msb + (m0 - 1.0) * msw;
    if denominator.is_nan() || denominator <= 0.0 {
        return None;
    }
    let balanced = items.iter().all(|scores| scores.len() == items[0].len());
    let f = (msw > 0.0).then(|| msb / msw);
    let bounds = f.filter(|_| balanced).and_then(|f| consistency_bounds(f, df1, df2));
    let icc = (msb - msw) / denominator;
    let p = f.and_then(|f| quantile::fisher_above(f, df1, df2));
    let with = |icc, bounds: Option<(f64, f64)>| Icc {
        icc,
        f,
        df1,
        df2,
        p,
        low: bounds.map(|b| b.0),
        high: bounds.map(|b| b.1),
    };
    Some(OneWay {
        items: count,
        ratings,
        ratings_per_item: m0,
        single: with(icc, bounds.map(|b| (single_from_f(b.0, m0), single_from_f(b.1, m0)))),
        mean: with(of_mean(icc, m0), bounds.map(|b| (1.0 - 1.0 / b.0, 1.0 - 1.0 / b.1))),
    })
}

/// ICC(2,1), (2,k), (3,1) and (3,k) of `rows`, one item each with one score by every rater in the same order; `None`
/// when rows differ in length or there are fewer than two items or raters, or no variation.
pub fn two_way(rows: &[Vec<f64>]) -> Option<TwoWay> {
    let (items, raters) = (rows.len(), rows.first()?.len());
    if items < 2 || raters < 2 || rows.iter().any(|row| row.len() != raters) {
        return None;
    }
    let (n, k) = (items as f64, raters as f64);
    let item_means: Vec<f64> = rows.iter().map(|row| row.iter().sum::<f64>() / k).collect();
    let rater_means: Vec<f64> = (0..raters).map(|j| rows.iter().map(|row| row[j]).sum::<f64>() / n).collect();
    let grand = item_means.iter().sum::<f64>() / n;
    let squares = |means: &[f64]| means.iter().map(|m| (m - grand).powi(2)).sum::<f64>();
    let residual: f64 = rows
        .iter()
        .zip(&item_means)
        .flat_map(|(row, item)| row.iter().zip(&rater_means).map(move |(y, rater)| (y - item - rater + grand).powi(2)))
        .sum();
    let (df1, df2) = (n - 1.0, (n - 1.0) * (k - 1.0));
    let msb = k * squares(&item_means) / df1;
    let msj = n * squares(&rater_means) / (k - 1.0);
    let mse = residual / df2;

    let spread = msb + (k - 1.0) * mse;
    let random_spread = spread + k * (msj - mse) / n;
    if spread.is_nan() || spread <= 0.0 || random_spread <= 0.0 || msb <= 0.0 {
        return None;
    }
    let f = (mse > 0.0).then(|| msb / mse);
    let p = f.and_then(|f| quantile::fisher_above(f, df1, df2));
    let with = |icc, bounds: Option<(f64, f64)>| Icc {
        icc,
        f,
        df1,
        df2,
        p,
        low: bounds.map(|b| b.0),
        high: bounds.map(|b| b.1),
    };
    let fixed_bounds = f.and_then(|f| consistency_bounds(f, df1, df2));
    let random = (msb - mse) / random_spread;
    let random_bounds = (mse > 0.0).then(|| agreement_bounds(random, n, k, msb, msj, mse)).flatten();
    Some(TwoWay {
        items,
        raters,
        random_single: with(random, random_bounds),
        random_mean: with(
            (msb - mse) / (msb + (msj - mse) / n),
            random_bounds.map(|(low, high)| (of_mean(low, k), of_mean(high, k))),
        ),
        fixed_single: with((msb - mse) / spread, fixed_bounds.map(|b| (single_from_f(b.0, k), single_from_f(b.1, k)))),
        fixed_mean: with((msb - mse) / msb, fixed_bounds.map(|b| (1.0 - 1.0 / b.0, 1.0 - 1.0 / b.1))),
    })
}

/// 95 % bounds of the ratio of the expected mean squares, from which those of ICC(1) and ICC(3) follow.
fn consistency_bounds(f: f64, df1: f64, df2: f64) -> Option<(f64, f64)> {
    Some((f / quantile::fisher(0.975, df1, df2)?, f * quantile::fisher(0.975, df2, df1)?))
}

fn single_from_f(f: f64, k: f64) -> f64 {
    (f - 1.0) / (f + k - 1.0)
}

/// Bounds of ICC(2,1) by Satterthwaite's degrees of freedom.
fn agreement_bounds(icc: f64, n: f64, k: f64, msb: f64, msj: f64, mse: f64) -> Option<(f64, f64)> {
    let fj = msj / mse;
    let a = k * icc * fj;
    let b = n * (1.0 + (k - 1.0) * icc) - k * icc;
    let v = (k - 1.0) * (n - 1.0) * (a + b).powi(2) / ((n - 1.0) * a.powi(2) + b.powi(2));
    let low_f = quantile::fisher(0.975, n - 1.0, v)?;
    let high_f = quantile::fisher(0.975, v, n - 1.0)?;
    let rest = k * msj + (k * n - k - n) * mse;
    Some((n * (msb - low_f * mse) / (low_f * rest + n * msb), n * (high_f * msb - mse) / (rest + n * high_f * msb)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn raters_who_agree_leave_only_items() {
        let rows = [vec![1.0, 1.0], vec![3.0, 3.0], vec![4.0, 4.0]];
        let got = one_way(&rows).expect("a coefficient");
        assert_eq!((got.single.icc, got.mean.icc, got.single.f), (1.0, 1.0, None));
        assert_eq!(two_way(&rows).expect("coefficients").random_single.icc, 1.0);
    }

    #[test]
    fn one_way_by_hand_with_unequal_ratings() {
        // Means 1 and 4, grand 2.8: MSB = 2·1.8² + 3·1.2² = 10.8; MSW = (0.5 + 2) / 3; n₀ = 5 - 13/5.
        let got = one_way(&[vec![0.5, 1.5], vec![3.0, 4.0, 5.0]]).expect("a coefficient");
        let (msb, msw, m0) = (10.8, 2.5 / 3.0, 2.4);
        assert!((got.single.icc - (msb - msw) / (msb + (m0 - 1.0) * msw)).abs() < 1e-14);
        assert_eq!((got.ratings_per_item, got.single.low), (m0, None));
    }

    #[test]
    fn a_constant_shift_of_one_rater_costs_agreement_not_consistency() {
        let rows = [vec![1.0, 2.0], vec![2.0, 3.0], vec![3.0, 4.0], vec![5.0, 6.0]];
        let got = two_way(&rows).expect("coefficients");
        assert!((got.fixed_single.icc - 1.0).abs() < 1e-14 && got.random_single.icc < 1.0);
    }

    #[test]
    fn an_item_rated_once_says_nothing_about_raters() {
        let with = one_way(&[vec![1.0, 2.0], vec![3.0, 3.5], vec![9.0]]);
        assert_eq!(with, one_way(&[vec![1.0, 2.0], vec![3.0, 3.5]]));
    }

    #[test]
    fn no_variation_and_gaps_have_no_coefficient() {
        assert_eq!(one_way(&[vec![2.0, 2.0], vec![2.0, 2.0]]), None);
        assert_eq!(two_way(&[vec![1.0, 2.0], vec![3.0]]), None);
    }
}
