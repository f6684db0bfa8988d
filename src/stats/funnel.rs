//! Funnel limits: how far a small group may lie from the mean of all by chance alone (Spiegelhalter 2005), and when
//! two groups may be said to differ. Groups are never ranked while their intervals overlap.

/// Limits around a mean for one group, at 1.96 (watch) and 3.09 (act) standard errors.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Funnel {
    pub low_95: f64,
    pub high_95: f64,
    pub low_998: f64,
    pub high_998: f64,
}

/// Limits for a share of `n` people around the `mean` share of all groups, kept inside 0..1.
pub fn share(mean: f64, n: i64) -> Option<Funnel> {
    if n <= 0 || !(0.0..=1.0).contains(&mean) {
        return None;
    }
    let limits = around(mean, (mean * (1.0 - mean) / n as f64).sqrt());
    Some(Funnel { high_95: limits.high_95.min(1.0), high_998: limits.high_998.min(1.0), ..limits })
}

/// Limits for events per exposure around the `mean` rate of all groups, never below 0.
pub fn rate(mean: f64, exposure: f64) -> Option<Funnel> {
    let usable = mean >= 0.0 && mean.is_finite() && exposure > 0.0 && exposure.is_finite();
    usable.then(|| around(mean, (mean / exposure).sqrt()))
}

/// Whether two intervals share a point, so that nothing may be said about which group is ahead.
pub fn overlap(a: (f64, f64), b: (f64, f64)) -> bool {
    a.0 <= b.1 && b.0 <= a.1
}

fn around(mean: f64, se: f64) -> Funnel {
    let low = |times: f64| (mean - times * se).max(0.0);
    Funnel { low_95: low(1.96), high_95: mean + 1.96 * se, low_998: low(3.09), high_998: mean + 3.09 * se }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quarter_of_the_spread_for_sixteen_times_the_people() {
        let (small, large) = (share(0.5, 25).expect("limits"), share(0.5, 400).expect("limits"));
        assert!((small.high_95 - 0.696).abs() < 1e-12 && (large.high_95 - 0.549).abs() < 1e-12);
    }

    #[test]
    fn limits_stay_where_shares_live() {
        let limits = share(0.95, 4).expect("limits");
        assert_eq!((limits.high_95, limits.high_998), (1.0, 1.0));
        assert_eq!(rate(0.1, 1.0).expect("limits").low_95, 0.0);
    }

    #[test]
    fn intervals_that_touch_overlap() {
        assert!(overlap((0.1, 0.3), (0.3, 0.5)));
        assert!(!overlap((0.1, 0.3), (0.31, 0.5)));
    }
}
