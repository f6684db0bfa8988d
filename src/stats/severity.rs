//! Raters' severity and item scores freed of it: y = μ + item + rater + error, both effects random.
//!
//! Variance components by Henderson's method III (1953, *Biometrics* 9:226), effects by his mixed-model equations (BLUP).
//! Scores of raters who share no item with others, even through third parties, can be compared only among themselves:
//! `component` numbers those islands.

mod solve;

use solve::{Design, Scales};

/// One score; items and raters are numbered from 0 without gaps, and a rater scores an item at most once.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rating {
    pub item: usize,
    pub rater: usize,
    pub score: f64,
}

/// A rater's severity is shown from this many ratings.
pub const RATINGS_MIN: usize = 10;

/// The fitted model.
#[derive(Debug, Clone, PartialEq)]
pub struct Severity {
    pub mean: f64,
    /// Variances in squared points; those of items and raters are 0 where the estimate came out negative.
    pub variance_error: f64,
    pub variance_item: f64,
    pub variance_rater: f64,
    /// Islands of raters and items; more than one means scores compare within islands only.
    pub components: usize,
    pub items: Vec<Item>,
    pub raters: Vec<Rater>,
}

/// An item's score as an average rater would have given it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Item {
    pub ratings: usize,
    pub raw_mean: f64,
    pub adjusted: f64,
    pub component: usize,
}

/// How far above (lenient) or below (severe) the mean a rater scores, in points, after allowing for their items.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rater {
    pub ratings: usize,
    pub raw_mean: f64,
    pub effect: f64,
    /// Standard error of prediction; `None` without variance between raters or with more than [`SE_RATERS_MAX`] of them.
    pub se: Option<f64>,
    pub component: usize,
}

/// Standard errors need a dense matrix of raters; above this many they are not computed.
pub const SE_RATERS_MAX: usize = 600;

/// Fits the model; `None` when items, raters or repeated ratings are too few to tell the variances apart (N = I, N = R or
/// N - I - R + c = 0), when numbers have gaps, or a score is not finite.
pub fn severity(ratings: &[Rating]) -> Option<Severity> {
    if ratings.is_empty() || ratings.iter().any(|r| !r.score.is_finite()) {
        return None;
    }
    let design = Design::new(ratings)?;
    let (n, items, raters) = (ratings.len(), design.item_sizes.len(), design.rater_sizes.len());
    let (item_component, rater_component, components) = design.components();
    let df = (n + components).checked_sub(items + raters).filter(|df| *df > 0)? as f64;
    if n == items || n == raters {
        return None;
    }

    let item_means = design.means_by_item();
    let rater_means = design.means_by_rater();
    let within_items: f64 = ratings.iter().map(|r| (r.score - item_means[r.item]).powi(2)).sum();
    let within_raters: f64 = ratings.iter().map(|r| (r.score - rater_means[r.rater]).powi(2)).sum();
    // Any scale gives the same least-squares fit; the root of the number of ratings gives it in the fewest steps.
    let by_size = |sizes: &[usize]| sizes.iter().map(|m| 1.0 / (*m as f64).sqrt()).collect();
    let fit = design.solve(&Scales { item: by_size(&design.item_sizes), rater: by_size(&design.rater_sizes) }, 0.0);
    let residual: f64 =
        ratings.iter().map(|r| (r.score - fit.mean - fit.items[r.item] - fit.raters[r.rater]).powi(2)).sum();

    let error = residual / df;
    let rater = (within_items - residual - (raters - components) as f64 * error) / (n - items) as f64;
    let item = (within_raters - residual - (items - components) as f64 * error) / (n - raters) as f64;
    let (rater, item) = (rater.max(0.0), item.max(0.0));
    let scales = Scales { item: vec![item.sqrt(); items], rater: vec![rater.sqrt(); raters] };
    let blup = design.solve(&scales, error);
    let se = design.rater_se(error, item, rater);

    let items = (0..items).map(|i| Item {
        ratings: design.item_sizes[i],
        raw_mean: item_means[i],
        adjusted: blup.mean + blup.items[i],
        component: item_component[i],
    });
    let raters = (0..raters).map(|r| Rater {
        ratings: design.rater_sizes[r],
        raw_mean: rater_means[r],
        effect: blup.raters[r],
        se: se.as_ref().map(|se| se[r]),
        component: rater_component[r],
    });
    Some(Severity {
        mean: blup.mean,
        variance_error: error,
        variance_item: item,
        variance_rater: rater,
        components,
        items: items.collect(),
        raters: raters.collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grid(items: &[f64], raters: &[f64], noise: impl Fn(usize, usize) -> f64) -> Vec<Rating> {
        let mut ratings = Vec::new();
        for (i, a) in items.iter().enumerate() {
            for (r, b) in raters.iter().enumerate() {
                ratings.push(Rating { item: i, rater: r, score: a + b + noise(i, r) });
            }
        }
        ratings
    }

    /// Fixed, uneven, adding up to nothing in particular.
    fn rough(i: usize, r: usize) -> f64 {
        ((i * 7 + r * 5) % 11) as f64 / 10.0 - 0.5
    }

    #[test]
    fn without_noise_items_and_raters_come_apart_exactly() {
        let got = severity(&grid(&[1.0, 2.0, 3.0, 6.0], &[-0.5, 0.0, 0.5], |_, _| 0.0)).expect("a fit");
        assert!(got.variance_error < 1e-25 && got.components == 1);
        for (item, wanted) in got.items.iter().zip([1.0, 2.0, 3.0, 6.0]) {
            assert!((item.adjusted - wanted).abs() < 1e-12, "{item:?}");
        }
        for (rater, wanted) in got.raters.iter().zip([-0.5, 0.0, 0.5]) {
            assert!((rater.effect - wanted).abs() < 1e-12, "{rater:?}");
        }
    }

    #[test]
    fn a_complete_grid_has_the_textbook_components_and_shrinks_by_them() {
        let ratings = grid(&[1.0, 2.0, 2.5, 3.0, 4.0], &[-0.6, 0.1, 0.5], rough);
        let got = severity(&ratings).expect("a fit");
        let (items, raters) = (5.0, 3.0);
        let mean = ratings.iter().map(|r| r.score).sum::<f64>() / 15.0;
        let squares_items: f64 = got.items.iter().map(|i| raters * (i.raw_mean - mean).powi(2)).sum();
        let squares_raters: f64 = got.raters.iter().map(|r| items * (r.raw_mean - mean).powi(2)).sum();
        let total: f64 = ratings.iter().map(|r| (r.score - mean).powi(2)).sum();
        let error = (total - squares_items - squares_raters) / 8.0;
        assert!((got.variance_error - error).abs() < 1e-13);
        assert!((got.variance_rater - (squares_raters / 2.0 - error) / items).abs() < 1e-13);
        assert!((got.variance_item - (squares_items / 4.0 - error) / raters).abs() < 1e-13);
        // In a complete grid BLUP is the deviation of the mean times its reliability.
        let shrink = got.variance_item / (got.variance_item + error / raters);
        for item in &got.items {
            assert!((item.adjusted - mean - shrink * (item.raw_mean - mean)).abs() < 1e-12);
        }
    }

    #[test]
    fn a_severe_rater_does_not_cost_their_items() {
        // Two raters a pair of items; rater 0 takes a point off everybody.
        let pairs =
            [(0, 0, 2.1), (0, 1, 3.0), (1, 0, 2.0), (1, 2, 3.1), (2, 1, 3.0), (2, 2, 3.0), (3, 0, 1.9), (3, 1, 2.9)];
        let ratings: Vec<Rating> =
            pairs.iter().map(|(item, rater, score)| Rating { item: *item, rater: *rater, score: *score }).collect();
        let got = severity(&ratings).expect("a fit");
        assert!(got.raters[0].effect < -0.4 && got.raters[1].effect > 0.0, "{got:?}");
        let (with_severe, without) = (got.items[0], got.items[2]);
        assert!(without.raw_mean - with_severe.raw_mean > 0.4);
        assert!((without.adjusted - with_severe.adjusted).abs() < 0.1, "{got:?}");
    }

    #[test]
    fn no_spread_between_items_is_zero_not_negative() {
        let got = severity(&grid(&[2.0; 6], &[0.0, 1.0, 2.0], |i, r| if (i + r) % 2 == 0 { 0.3 } else { -0.3 }))
            .expect("a fit");
        assert_eq!(got.variance_item, 0.0);
        assert!(got.items.iter().all(|i| (i.adjusted - got.mean).abs() < 1e-12));
    }

    #[test]
    fn raters_who_share_no_item_are_islands() {
        let mut ratings = grid(&[1.0, 2.0, 3.0], &[0.0, 0.5], rough);
        let other = grid(&[2.0, 3.0, 1.0], &[0.2, 0.4], rough);
        ratings.extend(other.into_iter().map(|r| Rating { item: r.item + 3, rater: r.rater + 2, ..r }));
        let got = severity(&ratings).expect("a fit");
        assert_eq!(got.components, 2);
        assert_eq!(got.raters.iter().map(|r| r.component).collect::<Vec<_>>(), [0, 0, 1, 1]);
    }

    #[test]
    fn the_standard_error_of_a_complete_grid_is_known() {
        let ratings = grid(&[1.0, 2.0, 2.5, 3.0, 4.0], &[-0.6, 0.1, 0.5], rough);
        let got = severity(&ratings).expect("a fit");
        // A contrast of two raters has prediction variance 2 / (n/σ²e + 1/σ²r); the shared mean adds σ²r/k, as the
        // mean of the raters themselves stays unknown.
        let (own, k) = (1.0 / (5.0 / got.variance_error + 1.0 / got.variance_rater), 3.0);
        let wanted = (own * (k - 1.0) / k + got.variance_rater / k).sqrt();
        assert!((got.raters[1].se.expect("se") - wanted).abs() < 1e-12);
    }

    #[test]
    fn one_rating_an_item_cannot_tell_rater_from_item() {
        let ratings = [Rating { item: 0, rater: 0, score: 1.0 }, Rating { item: 1, rater: 0, score: 2.0 }];
        assert_eq!(severity(&ratings), None);
        assert_eq!(severity(&[]), None);
    }
}
