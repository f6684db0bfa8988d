//! Wilson's interval for a share: it stays inside 0..1 and keeps its coverage for few people and for shares near 0 or 1.
//!
//! Wilson (1927), *JASA* 22:209; the score interval without continuity correction, method 3 of Newcombe (1998),
//! *Statistics in Medicine* 17:857.

/// The 97.5 % quantile of the normal law: the `z` of every 95 % interval of the house.
pub const Z95: f64 = 1.959_963_984_540_054;

/// Low and high bound of the share `successes / n` at the normal quantile `z`.
///
/// `None` when there is no share to speak of: `n` is not positive, `successes` lies outside `0..=n`, or `z` is not a
/// positive number. No successes give a low bound of exactly 0 and no failures a high bound of exactly 1.
pub fn interval(successes: i64, n: i64, z: f64) -> Option<(f64, f64)> {
    if n <= 0 || !(0..=n).contains(&successes) || !z.is_finite() || z <= 0.0 {
        return None;
    }
    let (x, total, failures) = (successes as f64, n as f64, (n - successes) as f64);
    let z2 = z * z;
    let centre = (x + z2 / 2.0) / (total + z2);
    let half = z * (x * failures / total + z2 / 4.0).sqrt() / (total + z2);
    let low = if successes == 0 { 0.0 } else { centre - half };
    let high = if successes == n { 1.0 } else { centre + half };
    Some((low, high))
}

/// [`interval`] at 95 %.
pub fn interval95(successes: i64, n: i64) -> Option<(f64, f64)> {
    interval(successes, n, Z95)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(got: Option<(f64, f64)>, low: f64, high: f64) {
        let (l, h) = got.expect("an interval");
        assert!((l - low).abs() < 1e-10 && (h - high).abs() < 1e-10, "got {l}..{h}, wanted {low}..{high}");
    }

    #[test]
    fn eighty_one_of_263_is_newcombes_first_example() {
        near(interval95(81, 263), 0.255288519878274, 0.3662095769828);
    }

    #[test]
    fn nobody_of_twenty_still_has_a_high_bound() {
        near(interval95(0, 20), 0.0, 0.161125158052819);
    }

    #[test]
    fn everybody_of_twenty_mirrors_nobody() {
        near(interval95(20, 20), 0.838874841947181, 1.0);
        assert_eq!(interval95(20, 20).map(|b| b.1), Some(1.0));
    }

    #[test]
    fn a_wider_z_gives_a_wider_interval() {
        let (narrow, wide) = (interval(3, 7, 1.0).expect("bounds"), interval(3, 7, 3.0).expect("bounds"));
        assert!(wide.0 < narrow.0 && wide.1 > narrow.1);
    }

    #[test]
    fn a_share_that_does_not_exist_has_no_interval() {
        assert_eq!(interval95(0, 0), None);
        assert_eq!(interval95(3, 2), None);
        assert_eq!(interval95(-1, 2), None);
        assert_eq!(interval(1, 2, f64::NAN), None);
    }
}
