//! The exact interval of Clopper and Pearson (1934, *Biometrika* 26:404) for a share: never below its coverage, wider than Wilson's.

use super::quantile;

/// Low and high bound of `successes / n`; `None` when the share does not exist or `confidence` is not inside 0..1.
pub fn interval(successes: i64, n: i64, confidence: f64) -> Option<(f64, f64)> {
    if n <= 0 || !(0..=n).contains(&successes) || !(confidence > 0.0 && confidence < 1.0) {
        return None;
    }
    let tail = (1.0 - confidence) / 2.0;
    let (x, failures) = (successes as f64, (n - successes) as f64);
    let low = if successes == 0 { 0.0 } else { quantile::beta(tail, x, failures + 1.0)? };
    let high = if successes == n { 1.0 } else { quantile::beta(1.0 - tail, x + 1.0, failures)? };
    Some((low, high))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_of_twenty_nine() {
        let (low, high) = interval(1, 29, 0.95).expect("bounds");
        assert!((low - 0.000872646883579923).abs() < 1e-12 && (high - 0.177644295488723).abs() < 1e-12, "{low} {high}");
    }

    #[test]
    fn nobody_of_n_is_the_rule_of_three_made_exact() {
        let (low, high) = interval(0, 20, 0.95).expect("bounds");
        assert_eq!(low, 0.0);
        assert!((high - (1.0 - 0.025f64.powf(1.0 / 20.0))).abs() < 1e-12);
    }

    #[test]
    fn no_people_no_interval() {
        assert_eq!(interval(0, 0, 0.95), None);
    }
}
