//! How a protected figure is shown.
//!
//! Integers in, integers out; half goes away from zero, so the bytes are the same on every machine.

/// `c` of `n` people as a multiple of `to`, never above the largest multiple in `n`: a shown 0 may hide some, and the
/// largest figure shown may hide that some are missing. With `to` = 1 the count itself.
pub fn people(c: i64, n: i64, to: i64) -> i64 {
    multiple(c, to).min(n / to * to)
}

/// The least and the most of `n` people that are shown as `people(c, n, to)`.
pub(super) fn people_range(c: i64, n: i64, to: i64) -> (i64, i64) {
    let shown = people(c, n, to);
    let low = (shown - (to - 1) / 2).max(0);
    let high = if shown == n / to * to { n } else { shown + (to - 1) / 2 };
    (low, high)
}

/// The nearest multiple of `to`.
pub fn multiple(value: i64, to: i64) -> i64 {
    let (whole, rest) = (value / to, value % to);
    (whole + if rest.abs() >= to - rest.abs() { rest.signum() } else { 0 }) * to
}

/// The value to three significant digits: 12,345 is 12,300.
pub fn three_digits(value: i64) -> i64 {
    let mut to = 1;
    while value.unsigned_abs() / to as u64 >= 1_000 {
        to *= 10;
    }
    multiple(value, to)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_go_to_the_nearest_five_and_never_say_everybody() {
        let shown = |n: i64| (0..=n).map(|c| people(c, n, 5)).collect::<Vec<_>>();
        assert_eq!(shown(5), [0, 0, 0, 5, 5, 5]);
        assert_eq!(shown(8), [0, 0, 0, 5, 5, 5, 5, 5, 5]);
        assert_eq!(shown(10), [0, 0, 0, 5, 5, 5, 5, 5, 10, 10, 10]);
    }

    #[test]
    fn a_range_is_exactly_what_is_shown_alike() {
        for n in 5..40 {
            for c in 0..=n {
                let (low, high) = people_range(c, n, 5);
                let alike: Vec<i64> = (0..=n).filter(|&other| people(other, n, 5) == people(c, n, 5)).collect();
                assert_eq!((low, high), (alike[0], alike[alike.len() - 1]), "{c} of {n}");
            }
        }
    }

    #[test]
    fn rounding_to_one_is_no_rounding() {
        assert_eq!((people(7, 7, 1), people_range(7, 7, 1), multiple(-3, 1)), (7, (7, 7), -3));
    }

    #[test]
    fn halves_go_away_from_zero() {
        assert_eq!([12, 13, -12, -13].map(|v| multiple(v, 5)), [10, 15, -10, -15]);
        assert_eq!([5, 15, -5].map(|v| multiple(v, 10)), [10, 20, -10]);
    }

    #[test]
    fn sums_keep_three_digits() {
        assert_eq!(
            [999, 1_234, 1_235, 9_995, 99_950, 1_234_567, -1_235].map(three_digits),
            [999, 1_230, 1_240, 10_000, 100_000, 1_230_000, -1_240]
        );
        assert_eq!(three_digits(i64::MAX), 9_220_000_000_000_000_000);
    }
}
