//! Quantiles of the laws our intervals need, found by halving their distribution function.
//!
//! statrs has the distribution functions to some fourteen digits; its own inverses stop earlier. Halving the interval until
//! two neighbouring numbers remain costs some sixty evaluations and inherits the accuracy of the function inverted.

use statrs::function::{beta::beta_reg, erf::erfc, gamma::gamma_lr};

use super::wilson::Z95;

/// The `z` of a two-sided normal interval, 1.96 for a confidence of 0.95; `None` unless `0 < confidence < 1`.
pub fn normal_two_sided(confidence: f64) -> Option<f64> {
    if !(confidence > 0.0 && confidence < 1.0) {
        return None;
    }
    if confidence == 0.95 {
        return Some(Z95);
    }
    let outside = 1.0 - confidence;
    Some(halve(0.0, 40.0, |z| erfc(z / std::f64::consts::SQRT_2) <= outside))
}

/// Quantile `p` of the gamma law with this shape and scale 1.
pub fn gamma(p: f64, shape: f64) -> Option<f64> {
    if !(p > 0.0 && p < 1.0 && shape > 0.0 && shape.is_finite()) {
        return None;
    }
    let mut above = shape + 10.0;
    while gamma_lr(shape, above) < p {
        above *= 2.0;
    }
    Some(halve(0.0, above, |x| x > 0.0 && gamma_lr(shape, x) >= p))
}

/// Quantile `p` of the beta law.
pub fn beta(p: f64, a: f64, b: f64) -> Option<f64> {
    let positive = |x: f64| x > 0.0 && x.is_finite();
    if !(p > 0.0 && p < 1.0 && positive(a) && positive(b)) {
        return None;
    }
    Some(halve(0.0, 1.0, |x| beta_reg(a, b, x) >= p))
}

/// The `t` of a two-sided interval with `df` degrees of freedom.
pub fn student_two_sided(confidence: f64, df: f64) -> Option<f64> {
    let x = beta(1.0 - confidence, df / 2.0, 0.5)?;
    Some((df * (1.0 - x) / x).sqrt())
}

/// Quantile `p` of Fisher's F.
pub fn fisher(p: f64, df1: f64, df2: f64) -> Option<f64> {
    // The complement keeps 1 - x exact where x is close to 1.
    let rest = beta(1.0 - p, df2 / 2.0, df1 / 2.0)?;
    Some(df2 * (1.0 - rest) / (df1 * rest))
}

/// Share of Fisher's F above `f`.
pub fn fisher_above(f: f64, df1: f64, df2: f64) -> Option<f64> {
    if !(f >= 0.0 && df1 > 0.0 && df2 > 0.0) {
        return None;
    }
    Some(beta_reg(df2 / 2.0, df1 / 2.0, df2 / (df2 + df1 * f)))
}

/// Smallest number in `low..=high` at which `reached` holds; it must be false at `low` and stay true once true.
fn halve(mut low: f64, mut high: f64, reached: impl Fn(f64) -> bool) -> f64 {
    loop {
        let middle = low + (high - low) / 2.0;
        if middle <= low || middle >= high {
            return high;
        }
        if reached(middle) {
            high = middle;
        } else {
            low = middle;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(got: Option<f64>, wanted: f64) {
        let got = got.expect("a quantile");
        assert!((got / wanted - 1.0).abs() < 1e-9, "got {got}, wanted {wanted}");
    }

    #[test]
    fn tables_of_every_textbook() {
        near(normal_two_sided(0.95), 1.959963984540054);
        near(normal_two_sided(0.90), 1.6448536269514722);
        near(student_two_sided(0.95, 11.0), 2.200985160082949);
        near(fisher(0.95, 1.0, 10.0), 4.9646027437307145);
        near(gamma(0.5, 1.0), std::f64::consts::LN_2);
    }

    #[test]
    fn quantiles_in_closed_form() {
        // Beta(1, b) has P(X <= x) = 1 - (1 - x)^b, and Beta(a, 1) has x^a.
        near(beta(0.025, 1.0, 20.0), 1.0 - 0.975f64.powf(1.0 / 20.0));
        near(beta(0.975, 20.0, 1.0), 0.975f64.powf(1.0 / 20.0));
    }

    #[test]
    fn a_quantile_outside_its_law_is_none() {
        assert_eq!(beta(0.5, 0.0, 1.0), None);
        assert_eq!(gamma(1.0, 2.0), None);
        assert_eq!(normal_two_sided(f64::NAN), None);
        assert_eq!(fisher_above(f64::NAN, 1.0, 1.0), None);
    }
}
