//! Intervals, tests and detectable effects from an estimate, its standard error and its degrees of freedom.

use statrs::function::beta::beta_reg;

use super::quantile;

/// Which law an interval's width comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Law {
    /// Student's t with the estimate's degrees of freedom. With 6 treated units the normal law rejects a true null
    /// 9.5 % of the time, this one 4 %.
    #[default]
    Student,
    /// The normal law, as R's `did` prints.
    Normal,
}

/// Half the width of a two-sided interval in standard errors; `None` without degrees of freedom.
pub fn critical_value(law: Law, confidence: f64, df: i64) -> Option<f64> {
    if df <= 0 {
        return None;
    }
    match law {
        Law::Student => quantile::student_two_sided(confidence, df as f64),
        Law::Normal => quantile::normal_two_sided(confidence),
    }
}

/// `estimate ± t·se`.
pub fn interval(law: Law, confidence: f64, estimate: f64, se: Option<f64>, df: i64) -> Option<(f64, f64)> {
    let width = critical_value(law, confidence, df)? * se?;
    Some((estimate - width, estimate + width))
}

/// Two-sided p-value of "no effect" under Student's t.
pub fn p_value(estimate: f64, se: Option<f64>, df: i64) -> Option<f64> {
    let (t, df) = (estimate / se?, df as f64);
    (df > 0.0 && t.is_finite()).then(|| beta_reg(df / 2.0, 0.5, df / (df + t * t)))
}

/// The smallest true effect that is found with 80 % power: (t(1 - α/2) + t(.80))·se.
pub fn detectable(confidence: f64, se: Option<f64>, df: i64) -> Option<f64> {
    let power = critical_value(Law::Student, 0.60, df)?;
    Some((critical_value(Law::Student, confidence, df)? + power) * se?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn student_is_wider_than_normal() {
        let (low, high) = interval(Law::Student, 0.95, 1.0, Some(2.0), 10).unwrap();
        assert!((high - (1.0 + 2.0 * 2.2281388519649385)).abs() < 1e-9 && (low + high - 2.0).abs() < 1e-12);
        let (_, high) = interval(Law::Normal, 0.95, 1.0, Some(2.0), 10).unwrap();
        assert!((high - (1.0 + 2.0 * 1.959963984540054)).abs() < 1e-9);
    }

    #[test]
    fn without_degrees_of_freedom_there_is_no_interval() {
        assert_eq!(interval(Law::Student, 0.95, 1.0, Some(2.0), 0), None);
        assert_eq!(interval(Law::Student, 0.95, 1.0, None, 5), None);
    }

    #[test]
    fn p_value_is_the_level_whose_interval_ends_at_zero() {
        assert!((p_value(2.2281388519649385, Some(1.0), 10).unwrap() - 0.05).abs() < 1e-9);
        assert_eq!(p_value(1.0, None, 10), None);
        assert_eq!(p_value(1.0, Some(1.0), 0), None);
    }

    #[test]
    fn detectable_effect_from_the_table_of_students_t() {
        // t(.975, 10) = 2.228139, t(.80, 10) = 0.879058
        assert!((detectable(0.95, Some(1.0), 10).unwrap() - 3.107197).abs() < 1e-6);
    }
}
