//! How wrong may the comparison be before the finding goes away?
//!
//! If treated and control units may drift apart after treatment by at most M times the largest step seen before it, week by
//! week, an effect at horizon e may be off by M·D·(e + 1). The breakdown value is the largest M at which zero stays outside
//! the interval. It is a plug-in figure, optimistic because D is taken as known; it is not the "honest" interval of Rambachan and Roth.

/// Largest change per week between neighbouring effects before treatment, the zero of the base week included;
/// `None` with fewer than two of them. `before` holds (weeks since treatment, effect) of a universal-base event study.
pub fn largest_step(before: &[(i64, f64)]) -> Option<f64> {
    let mut before = before.to_vec();
    before.sort_unstable_by_key(|&(e, _)| e);
    let steps = before.windows(2).map(|pair| ((pair[1].1 - pair[0].1) / (pair[1].0 - pair[0].0) as f64).abs());
    steps.fold(None, |most: Option<f64>, step| Some(most.map_or(step, |most| most.max(step))))
}

/// Largest M with zero outside [θ ± M·D·exposure ± half_width], 0 if there is none. Infinite when D is zero and the interval has no zero.
///
/// `mean_exposure` is the mean of e + 1 over the weeks pooled in θ: (E + 2) / 2 for horizons 0..=E.
pub fn mbar(estimate: f64, half_width: f64, largest_step: f64, mean_exposure: f64) -> f64 {
    let room = estimate.abs() - half_width;
    if room <= 0.0 { 0.0 } else { room / (largest_step * mean_exposure) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_by_hand() {
        assert_eq!(largest_step(&[(-3, 0.5), (-2, -0.5), (-1, 0.0)]), Some(1.0));
        assert_eq!(largest_step(&[(-3, -0.5), (-2, 0.5), (-1, 0.0)]), Some(1.0), "up counts as much as down");
        assert_eq!(largest_step(&[(-1, 0.0), (-3, 1.0)]), Some(0.5), "two weeks for one step");
        assert_eq!(largest_step(&[(-1, 0.0)]), None);
    }

    #[test]
    fn breakdown_by_hand() {
        // θ = 10 ± 2, D = 0.5, horizons 0..=7: M·0.5·4.5 may use up 8.
        assert_eq!(mbar(10.0, 2.0, 0.5, 4.5), 8.0 / 2.25);
        assert_eq!(mbar(-10.0, 2.0, 0.5, 4.5), 8.0 / 2.25);
        assert_eq!(mbar(1.0, 2.0, 0.5, 4.5), 0.0);
        assert_eq!(mbar(3.0, 2.0, 0.0, 4.5), f64::INFINITY);
    }
}
