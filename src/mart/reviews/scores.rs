//! From ratings to the score of an item, and from items to what a scope's scores look like.

use std::collections::BTreeSet;

use crate::job::reviews::DIMENSIONS;

/// A rating that counts.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rating {
    /// An index of [`DIMENSIONS`].
    pub dimension: usize,
    pub rater: String,
    pub score: i64,
}

/// One item's ratings by one rubric version, by dimension and rater.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Scores {
    pub ratings: Vec<Rating>,
}

impl Scores {
    pub fn of(mut ratings: Vec<Rating>) -> Scores {
        ratings.sort_unstable();
        Scores { ratings }
    }

    /// Ratings on a dimension; on all of them for `None`.
    pub fn on(&self, dimension: Option<usize>) -> impl Iterator<Item = &Rating> {
        self.ratings.iter().filter(move |rating| dimension.is_none_or(|dimension| rating.dimension == dimension))
    }

    /// Distinct people among them.
    pub fn raters(&self) -> i64 {
        let raters: BTreeSet<&str> = self.ratings.iter().map(|rating| rating.rater.as_str()).collect();
        raters.len() as i64
    }

    /// The item's score on a dimension: the mean of its raters.
    pub fn mean(&self, dimension: usize) -> Option<f64> {
        let (sum, count) =
            self.on(Some(dimension)).fold((0, 0), |(sum, count), rating| (sum + rating.score, count + 1));
        (count > 0).then(|| sum as f64 / f64::from(count))
    }

    /// The weighted mean of the dimension means; `None` until every dimension with a weight is rated.
    pub fn overall(&self, weights: &[f64; 3]) -> Option<f64> {
        let (mut sum, mut all) = (0.0, 0.0);
        for (dimension, weight) in (0..DIMENSIONS.len()).zip(weights).filter(|(_, weight)| **weight > 0.0) {
            sum += self.mean(dimension)? * weight;
            all += weight;
        }
        (all > 0.0).then(|| sum / all)
    }

    /// Score on a dimension, or overall.
    pub fn score(&self, dimension: Option<usize>, weights: &[f64; 3]) -> Option<f64> {
        match dimension {
            Some(dimension) => self.mean(dimension),
            None => self.overall(weights),
        }
    }
}

/// What the scores of a set of items look like.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Distribution {
    pub items: usize,
    pub mean: f64,
    pub median: f64,
    /// Sample variance; `None` for a single item.
    pub variance: Option<f64>,
    /// Shares of items whose score reached 1, 2, 3, 4 points and not the next.
    pub reached: [f64; 4],
}

impl Distribution {
    /// Of the scores of at least one item. Their order does not matter: they are sorted before they are added up.
    pub fn of(mut scores: Vec<f64>) -> Option<Distribution> {
        scores.sort_by(f64::total_cmp);
        let (items, n) = (scores.len(), scores.len() as f64);
        let (low, high) = (scores.get(items.checked_sub(1)? / 2)?, scores.get(items / 2)?);
        let median = f64::midpoint(*low, *high);
        let mean = scores.iter().sum::<f64>() / n;
        let squares: f64 = scores.iter().map(|score| (score - mean).powi(2)).sum();
        let mut counts = [0u32; 4];
        for score in &scores {
            // Weighted means of whole points may fall short of them by a rounding error.
            let level = ((score + 1e-9).floor() as usize).clamp(1, 4);
            counts[level - 1] += 1;
        }
        Some(Distribution {
            items,
            mean,
            median,
            variance: (items > 1).then(|| squares / (n - 1.0)),
            reached: counts.map(|count| f64::from(count) / n),
        })
    }
}

/// A mean as the house shows it: three significant digits where counts are rounded, exact where they are not.
pub fn shown(value: f64, rounding: i64) -> f64 {
    if rounding <= 1 || value == 0.0 || !value.is_finite() {
        return value;
    }
    let mut scale = 1.0;
    while value.abs() * scale < 100.0 && scale < 1e9 {
        scale *= 10.0;
    }
    (value * scale).round() / scale
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scores(given: &[(usize, &str, i64)]) -> Scores {
        Scores::of(
            given
                .iter()
                .map(|(dimension, rater, score)| Rating {
                    dimension: *dimension,
                    rater: (*rater).into(),
                    score: *score,
                })
                .collect(),
        )
    }

    #[test]
    fn an_item_scores_the_mean_of_its_raters_and_overall_the_mean_of_its_dimensions() {
        // Relevance 4 and 3, quality 3, impact 2: the two ratings of relevance do not weigh more than the one of impact.
        let item = scores(&[(0, "a", 4), (0, "b", 3), (1, "a", 3), (2, "a", 2)]);
        assert_eq!([0, 1, 2].map(|dimension| item.mean(dimension)), [Some(3.5), Some(3.0), Some(2.0)]);
        assert_eq!(item.overall(&[1.0; 3]), Some(8.5 / 3.0));
        assert_eq!(item.overall(&[2.0, 1.0, 1.0]), Some(3.0), "weights are the configuration's");
    }

    #[test]
    fn without_a_dimension_there_is_no_overall_unless_it_has_no_weight() {
        let item = scores(&[(0, "a", 4), (1, "a", 2)]);
        assert_eq!((item.overall(&[1.0; 3]), item.overall(&[1.0, 1.0, 0.0])), (None, Some(3.0)));
    }

    #[test]
    fn a_distribution_by_hand() {
        let of = Distribution::of(vec![4.0, 2.0, 3.0, 2.5]).unwrap();
        assert_eq!((of.items, of.mean, of.median), (4, 2.875, 2.75));
        assert_eq!(of.reached, [0.0, 0.5, 0.25, 0.25], "2.5 has not reached 3");
        // Deviations 1.125, .875, .125, .375.
        assert!((of.variance.unwrap() - 2.1875 / 3.0).abs() < 1e-15);
        assert_eq!(Distribution::of(vec![3.0]).unwrap().variance, None);
        assert_eq!(Distribution::of(Vec::new()), None);
    }

    #[test]
    fn means_keep_three_digits_where_counts_are_rounded() {
        assert_eq!([2.875, 3.0, 0.0, 0.123_45, -0.5].map(|value| shown(value, 5)), [2.88, 3.0, 0.0, 0.123, -0.5]);
        assert_eq!(shown(2.875, 1), 2.875);
    }
}
