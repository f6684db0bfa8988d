//! Newcombe's interval for the difference of two independent shares.
//!
//! Newcombe (1998), *Statistics in Medicine* 17:873, method 10: the square-and-add of two Wilson intervals.

use super::wilson;

/// A difference of two shares with its interval, all in units of share (0.2 is twenty percentage points).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ShareDifference {
    pub difference: f64,
    pub low: f64,
    pub high: f64,
}

/// `x1 / n1` less `x2 / n2` with bounds at the normal quantile `z`; `None` when either share does not exist.
pub fn difference(x1: i64, n1: i64, x2: i64, n2: i64, z: f64) -> Option<ShareDifference> {
    let (low1, high1) = wilson::interval(x1, n1, z)?;
    let (low2, high2) = wilson::interval(x2, n2, z)?;
    let (p1, p2) = (x1 as f64 / n1 as f64, x2 as f64 / n2 as f64);
    let difference = p1 - p2;
    Some(ShareDifference {
        difference,
        low: difference - (p1 - low1).hypot(high2 - p2),
        high: difference + (high1 - p1).hypot(p2 - low2),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn newcombes_table_ii_to_four_digits() {
        // (x1, n1, x2, n2, low, high) as printed in the paper, method 10.
        let printed = [
            (56, 70, 48, 80, 0.0524, 0.3339),
            (9, 10, 3, 10, 0.1705, 0.8090),
            (6, 7, 2, 7, 0.0582, 0.8062),
            (5, 56, 0, 29, -0.0381, 0.1926),
            (0, 10, 0, 20, -0.1611, 0.2775),
        ];
        for (x1, n1, x2, n2, low, high) in printed {
            let got = difference(x1, n1, x2, n2, wilson::Z95).expect("a difference");
            assert!((got.low - low).abs() < 5.1e-5 && (got.high - high).abs() < 5.1e-5, "{x1}/{n1} {x2}/{n2}: {got:?}");
        }
    }

    #[test]
    fn exchanging_the_groups_mirrors_the_interval() {
        let ab = difference(56, 70, 48, 80, wilson::Z95).expect("a difference");
        let ba = difference(48, 80, 56, 70, wilson::Z95).expect("a difference");
        assert!((ab.low + ba.high).abs() < 1e-15 && (ab.high + ba.low).abs() < 1e-15);
    }

    #[test]
    fn an_empty_group_has_no_difference() {
        assert_eq!(difference(1, 2, 0, 0, wilson::Z95), None);
    }
}
