//! Krippendorff's alpha: agreement beyond chance over any number of raters and gaps.
//!
//! Krippendorff, *Computing Krippendorff's Alpha-Reliability* (2011). Standard error by leaving out one item at a time.

use super::{quantile, ratings::RatingCounts};

/// How far apart two categories are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Metric {
    Nominal,
    /// Distance in ranks, so that only the order of the categories counts: the headline for a rubric.
    Ordinal,
    Interval,
    Ratio,
}

/// Alpha with what it rests on.
#[derive(Debug, Clone, PartialEq)]
pub struct Alpha {
    /// Items with two ratings or more, and the ratings on them.
    pub items: usize,
    pub pairable_values: u64,
    /// `None` without variation: nothing can be told from raters who all say the same.
    pub alpha: Option<f64>,
    /// Jackknife; `None` with fewer than two items, or when leaving one out leaves no variation.
    pub se: Option<f64>,
    /// 95 % bounds by Student's t over items, the high one at most 1.
    pub low: Option<f64>,
    pub high: Option<f64>,
}

/// What a reader may do with ratings of this reliability.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    Reliable,
    Tentative,
    /// Not reliable enough for individual decisions.
    Unreliable,
    /// Fewer than 20 items or 5 raters, or no variation.
    Insufficient,
}

impl Verdict {
    /// Krippendorff's customary marks, 0.8 and 2/3 written as 0.667.
    pub fn of(alpha: Option<f64>, items: usize, raters: usize) -> Verdict {
        match alpha {
            Some(_) if items < 20 || raters < 5 => Verdict::Insufficient,
            Some(alpha) if alpha >= 0.8 => Verdict::Reliable,
            Some(alpha) if alpha >= 0.667 => Verdict::Tentative,
            Some(_) => Verdict::Unreliable,
            None => Verdict::Insufficient,
        }
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Verdict::Reliable => "reliable",
            Verdict::Tentative => "tentative",
            Verdict::Unreliable => "unreliable",
            Verdict::Insufficient => "insufficient",
        }
    }
}

/// Alpha of `table` under `metric`.
pub fn alpha(table: &RatingCounts, metric: Metric) -> Alpha {
    let mut whole = Coincidences::new(table.scale());
    for (row, ratings) in table.pairable() {
        whole.add(row, ratings, 1.0);
    }
    let items = table.pairable().count();
    let pairable_values = table.pairable().map(|(_, ratings)| u64::from(ratings)).sum();
    let alpha = whole.alpha(metric);
    let se = alpha.and_then(|_| jackknife(table, metric, &mut whole));
    let half = se.and_then(|se| Some(quantile::student_two_sided(0.95, items as f64 - 1.0)? * se));
    let bounds = alpha.zip(half);
    Alpha {
        items,
        pairable_values,
        alpha,
        se,
        low: bounds.map(|(alpha, half)| alpha - half),
        high: bounds.map(|(alpha, half)| (alpha + half).min(1.0)),
    }
}

/// sqrt((n-1)/n Σ(α₍ᵢ₎ - mean)²) over the alphas without item i.
fn jackknife(table: &RatingCounts, metric: Metric, whole: &mut Coincidences) -> Option<f64> {
    let mut without = Vec::new();
    for (row, ratings) in table.pairable() {
        whole.add(row, ratings, -1.0);
        without.push(whole.alpha(metric));
        whole.add(row, ratings, 1.0);
    }
    let without: Vec<f64> = without.into_iter().collect::<Option<_>>()?;
    let n = without.len() as f64;
    if n < 2.0 {
        return None;
    }
    let mean = without.iter().sum::<f64>() / n;
    let squares: f64 = without.iter().map(|a| (a - mean).powi(2)).sum();
    Some(((n - 1.0) / n * squares).sqrt())
}

/// How often each two categories met on one item, every item weighing as much as it has ratings.
struct Coincidences<'a> {
    scale: &'a [f64],
    /// Categories × categories, each ordered pair of ratings of an item counted 1 / (ratings - 1), in sums kept per
    /// number of ratings so that adding and taking away are exact.
    pairs: Vec<Vec<f64>>,
    totals: Vec<f64>,
}

impl<'a> Coincidences<'a> {
    fn new(scale: &'a [f64]) -> Self {
        Coincidences { scale, pairs: Vec::new(), totals: vec![0.0; scale.len()] }
    }

    /// Adds an item (`sign` 1) or takes it away again (-1).
    fn add(&mut self, row: &[u32], ratings: u32, sign: f64) {
        let size = self.scale.len();
        let ratings = ratings as usize;
        if self.pairs.len() <= ratings {
            self.pairs.resize(ratings + 1, Vec::new());
        }
        let pairs = &mut self.pairs[ratings];
        pairs.resize(size * size, 0.0);
        for (k, n_k) in row.iter().enumerate().filter(|(_, n)| **n > 0) {
            self.totals[k] += sign * f64::from(*n_k);
            for (l, n_l) in row.iter().enumerate().filter(|(_, n)| **n > 0) {
                let others = if k == l { f64::from(n_l - 1) } else { f64::from(*n_l) };
                pairs[k * size + l] += sign * f64::from(*n_k) * others;
            }
        }
    }

    fn alpha(&self, metric: Metric) -> Option<f64> {
        let size = self.scale.len();
        let n: f64 = self.totals.iter().sum();
        let place = self.places(metric);
        let (mut observed, mut by_chance) = (0.0, 0.0);
        for k in 0..size {
            for l in k + 1..size {
                let distance = distance(place[k], place[l], metric);
                let met: f64 = self
                    .pairs
                    .iter()
                    .enumerate()
                    .filter(|(_, pairs)| !pairs.is_empty())
                    .map(|(m, pairs)| pairs[k * size + l] / (m as f64 - 1.0))
                    .sum();
                observed += met * distance;
                by_chance += self.totals[k] * self.totals[l] * distance;
            }
        }
        (by_chance > 0.0).then(|| 1.0 - (n - 1.0) * observed / by_chance)
    }

    /// Where each category stands. The ordinal metric's Σ n_j over k..=l less half of both ends is the distance between
    /// the middle ranks of k and l, so ranks are places too.
    fn places(&self, metric: Metric) -> Vec<f64> {
        if metric != Metric::Ordinal {
            return self.scale.to_vec();
        }
        let mut below = 0.0;
        let rank = |n: &f64| {
            let middle = below + n / 2.0;
            below += n;
            middle
        };
        self.totals.iter().map(rank).collect()
    }
}

/// δ² of two places.
fn distance(a: f64, b: f64, metric: Metric) -> f64 {
    match metric {
        Metric::Nominal => 1.0,
        Metric::Ordinal | Metric::Interval => (a - b).powi(2),
        Metric::Ratio if a + b == 0.0 => 0.0,
        Metric::Ratio => ((a - b) / (a + b)).powi(2),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::ratings::RUBRIC;

    fn of(items: &[&[f64]], metric: Metric) -> Alpha {
        let items: Vec<Vec<f64>> = items.iter().map(|i| i.to_vec()).collect();
        alpha(&RatingCounts::of(&RUBRIC, &items).expect("on the scale"), metric)
    }

    #[test]
    fn full_agreement_is_one() {
        let got = of(&[&[1.0, 1.0], &[4.0, 4.0, 4.0]], Metric::Ordinal);
        assert_eq!((got.alpha, got.items, got.pairable_values), (Some(1.0), 2, 5));
    }

    #[test]
    fn nominal_alpha_by_hand() {
        // Coincidences: 1-1 two, 1-2 and 2-1 one each, 2-2 two; n = 6, so 1 - 5·2 / (2·3·3).
        let got = of(&[&[1.0, 1.0], &[1.0, 2.0], &[2.0, 2.0]], Metric::Nominal).alpha.expect("alpha");
        assert!((got - (1.0 - 10.0 / 18.0)).abs() < 1e-15);
    }

    #[test]
    fn raters_who_all_say_the_same_tell_nothing() {
        assert_eq!(of(&[&[3.0, 3.0], &[3.0, 3.0]], Metric::Ordinal).alpha, None);
        assert_eq!(of(&[], Metric::Ordinal).alpha, None);
    }

    #[test]
    fn a_single_rating_changes_nothing() {
        let (with, without) = (
            of(&[&[1.0, 2.0], &[4.0, 3.0], &[2.0]], Metric::Ordinal),
            of(&[&[1.0, 2.0], &[4.0, 3.0]], Metric::Ordinal),
        );
        assert_eq!(with, without);
    }

    #[test]
    fn only_the_order_of_categories_counts_in_ordinal_alpha() {
        let items = [vec![1.0, 2.0], vec![2.0, 2.0], vec![40.0, 2.0], vec![40.0, 40.0]];
        let stretched = alpha(&RatingCounts::of(&[1.0, 2.0, 40.0], &items).expect("on the scale"), Metric::Ordinal);
        let plain = of(&[&[1.0, 2.0], &[2.0, 2.0], &[3.0, 2.0], &[3.0, 3.0]], Metric::Ordinal);
        assert_eq!(stretched.alpha, plain.alpha);
    }

    #[test]
    fn the_jackknife_by_leaving_each_item_out_for_real() {
        let items: [&[f64]; 5] = [&[1.0, 2.0, 1.0], &[2.0, 2.0], &[4.0, 3.0, 4.0], &[3.0, 3.0], &[1.0, 4.0]];
        let without: Vec<f64> = (0..5)
            .map(|left_out| {
                let rest: Vec<&[f64]> = (0..5).filter(|i| *i != left_out).map(|i| items[i]).collect();
                of(&rest, Metric::Ordinal).alpha.expect("alpha")
            })
            .collect();
        let mean = without.iter().sum::<f64>() / 5.0;
        let wanted = (0.8 * without.iter().map(|a| (a - mean).powi(2)).sum::<f64>()).sqrt();
        assert!((of(&items, Metric::Ordinal).se.expect("se") - wanted).abs() < 1e-14);
    }

    #[test]
    fn verdicts_at_their_marks() {
        assert_eq!(Verdict::of(Some(0.8), 20, 5), Verdict::Reliable);
        assert_eq!(Verdict::of(Some(0.667), 20, 5), Verdict::Tentative);
        assert_eq!(Verdict::of(Some(0.66), 20, 5), Verdict::Unreliable);
        assert_eq!(Verdict::of(Some(0.9), 19, 5), Verdict::Insufficient);
        assert_eq!(Verdict::of(Some(0.9), 20, 4), Verdict::Insufficient);
        assert_eq!(Verdict::of(None, 20, 5), Verdict::Insufficient);
    }
}
