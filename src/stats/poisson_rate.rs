//! Counts per exposure: one rate, and the ratio of two, both with exact intervals.
//!
//! Garwood (1936) for the rate; for the ratio, given their sum the second count is binomial, so its Clopper–Pearson bounds
//! become bounds of the ratio (Przyborowski and Wilenski 1940).

use super::quantile;

/// Events per unit of exposure with its exact interval, in events per unit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rate {
    pub rate: f64,
    pub low: f64,
    pub high: f64,
}

/// The second rate over the first.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RateRatio {
    /// `None` without a first event.
    pub ratio: Option<f64>,
    pub low: f64,
    /// `None` without a first event: no finite number bounds the ratio.
    pub high: Option<f64>,
}

/// `events / exposure`; `None` for a negative count, an exposure that is not positive, or a confidence outside 0..1.
pub fn rate(events: i64, exposure: f64, confidence: f64) -> Option<Rate> {
    if events < 0 || !positive(exposure) || !(confidence > 0.0 && confidence < 1.0) {
        return None;
    }
    let (x, tail) = (events as f64, (1.0 - confidence) / 2.0);
    let low = if events == 0 { 0.0 } else { quantile::gamma(tail, x)? };
    let high = quantile::gamma(1.0 - tail, x + 1.0)?;
    Some(Rate { rate: x / exposure, low: low / exposure, high: high / exposure })
}

/// `(events2 / exposure2) / (events1 / exposure1)`: what came after over what came before.
pub fn ratio(events1: i64, exposure1: f64, events2: i64, exposure2: f64, confidence: f64) -> Option<RateRatio> {
    let counted = events1 >= 0 && events2 >= 0 && confidence > 0.0 && confidence < 1.0;
    if !counted || !positive(exposure1) || !positive(exposure2) {
        return None;
    }
    let (x1, x2, tail) = (events1 as f64, events2 as f64, (1.0 - confidence) / 2.0);
    let scale = exposure1 / exposure2;
    // Odds are formed from the complement's own quantile, so that nothing is lost where a bound is close to 1.
    let low = match events2 {
        0 => 0.0,
        _ => quantile::beta(tail, x2, x1 + 1.0)? / quantile::beta(1.0 - tail, x1 + 1.0, x2)? * scale,
    };
    let high = match events1 {
        0 => None,
        _ => Some(quantile::beta(1.0 - tail, x2 + 1.0, x1)? / quantile::beta(tail, x1, x2 + 1.0)? * scale),
    };
    Some(RateRatio { ratio: (events1 > 0).then(|| x2 / x1 * scale), low, high })
}

fn positive(exposure: f64) -> bool {
    exposure.is_finite() && exposure > 0.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn four_events_in_ten_days() {
        let got = rate(4, 10.0, 0.95).expect("a rate");
        assert_eq!(got.rate, 0.4);
        assert!((got.low - 0.108986537362633).abs() < 1e-12 && (got.high - 1.02415886754037).abs() < 1e-12, "{got:?}");
    }

    #[test]
    fn no_event_still_bounds_the_rate() {
        let got = rate(0, 10.0, 0.95).expect("a rate");
        assert_eq!((got.rate, got.low), (0.0, 0.0));
        assert!((got.high - -(0.025f64.ln()) / 10.0).abs() < 1e-13);
    }

    #[test]
    fn from_4_to_28_is_sevenfold_between_2_45_and_27_5() {
        let got = ratio(4, 7.0, 28, 7.0, 0.95).expect("a ratio");
        assert_eq!(got.ratio, Some(7.0));
        assert!((got.low - 2.45).abs() < 0.005 && (got.high.expect("bounded") - 27.5).abs() < 0.05, "{got:?}");
    }

    #[test]
    fn a_longer_exposure_after_lowers_the_ratio_in_proportion() {
        let same = ratio(4, 7.0, 28, 7.0, 0.95).expect("a ratio");
        let longer = ratio(4, 7.0, 28, 14.0, 0.95).expect("a ratio");
        assert_eq!(longer.ratio, Some(3.5));
        assert!((longer.low - same.low / 2.0).abs() < 1e-14);
    }

    #[test]
    fn without_a_first_event_the_ratio_is_unbounded_not_infinite() {
        let got = ratio(0, 1.0, 3, 1.0, 0.95).expect("a ratio");
        assert_eq!((got.ratio, got.high), (None, None));
        assert!(got.low > 0.0);
    }

    #[test]
    fn without_exposure_there_is_no_rate() {
        assert_eq!(rate(1, 0.0, 0.95), None);
        assert_eq!(ratio(1, f64::INFINITY, 1, 1.0, 0.95), None);
    }
}
