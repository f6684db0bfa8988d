//! Before and after one post, descriptively: a ratio of two counts with its exact interval, and no comparison group.

use super::poisson_rate;
use super::verdict::{Evidence, Judgement, Words, judge};

/// What happened in equally defined windows before and after a post.
#[derive(Debug, Clone, PartialEq)]
pub struct Window {
    /// After over before; `None` when nothing happened before.
    pub ratio: Option<f64>,
    pub low: f64,
    /// `None` when nothing happened before: no number bounds the ratio.
    pub high: Option<f64>,
    /// Always `no_control_group`: without units that had no post nothing follows from a ratio.
    pub judgement: Judgement,
}

/// Counts per exposure (person-days, say) before and after; `None` for negative counts or exposures that are not positive.
pub fn window(before: i64, exposure_before: f64, after: i64, exposure_after: f64, words: Words<'_>) -> Option<Window> {
    let ratio = poisson_rate::ratio(before, exposure_before, after, exposure_after, 0.95)?;
    let judgement = judge(&Evidence::default(), words);
    Some(Window { ratio: ratio.ratio, low: ratio.low, high: ratio.high, judgement })
}

#[cfg(test)]
mod tests {
    use super::super::verdict::Verdict;
    use super::*;

    #[test]
    fn four_to_twenty_eight_is_a_ratio_without_a_comparison_group() {
        let words = Words { outcome: "contributions", treatment: "the post" };
        let found = window(4, 7.0, 28, 7.0, words).unwrap();
        assert_eq!(found.ratio, Some(7.0));
        let (low, high) = (found.low, found.high.unwrap());
        assert!((low - 2.45).abs() < 0.005 && (high - 27.5).abs() < 0.05, "{low} {high}");
        assert_eq!(found.judgement.verdict, Verdict::NoControlGroup);
    }
}
