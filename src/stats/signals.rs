//! Patterns in one person's endorsements or ratings that a reviewer may want to look at. None proves anything.

use super::endorsements::at_least;
use super::severity::RATINGS_MIN;

/// Days before a day that say what is usual.
const USUAL_DAYS: usize = 28;

/// A day with far more than usual.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Burst {
    /// Place in the list of days.
    pub day: usize,
    pub count: u32,
    pub expected: f64,
    pub p: f64,
}

/// Days of `counts` (one a calendar day, without gaps) on which at least 5 came, and so many would come with probability
/// below 1e-4 had it gone on as in the 28 days before. The first 28 days have nothing to be compared with.
pub fn bursts(counts: &[u32]) -> Vec<Burst> {
    let judge = |window: &[u32]| {
        let (count, before) = window.split_last()?;
        let expected = before.iter().map(|c| u64::from(*c)).sum::<u64>() as f64 / USUAL_DAYS as f64;
        let p = at_least(*count, expected);
        (*count >= 5 && p < 1e-4).then_some((*count, expected, p))
    };
    let days = counts.windows(USUAL_DAYS + 1).enumerate();
    days.filter_map(|(first, window)| {
        judge(window).map(|(count, expected, p)| Burst { day: first + USUAL_DAYS, count, expected, p })
    })
    .collect()
}

/// Endorsements of one author by one person, as instants in seconds: how many fall within 10 minutes, if 5 or more do.
pub fn serial(instants: &[i64]) -> Option<usize> {
    const WITHIN_SECONDS: i64 = 600;
    let mut sorted = instants.to_vec();
    sorted.sort_unstable();
    let most = (0..sorted.len()).map(|last| {
        let first = sorted.partition_point(|t| t.saturating_add(WITHIN_SECONDS) < sorted[last]);
        last + 1 - first
    });
    most.max().filter(|most| *most >= 5)
}

/// The share of an author's endorsements that came from one person, if it is half or more of at least 6.
pub fn dominated(from_one: u32, all: u32) -> Option<f64> {
    let share = f64::from(from_one) / f64::from(all);
    (all >= 6 && share >= 0.5).then_some(share)
}

/// Whether a rater's effect (points above or below the mean, see [`super::severity`]) is out of the ordinary: more than a
/// point, or more than three standard errors, on at least 10 ratings.
pub fn unusual_severity(effect: f64, se: Option<f64>, ratings: usize) -> bool {
    ratings >= RATINGS_MIN && (effect.abs() > 1.0 || se.is_some_and(|se| effect.abs() > 3.0 * se))
}

/// The category a rater gives in at least 95 % of at least 20 ratings, from counts by category.
pub fn flat(counts: &[u32]) -> Option<usize> {
    let all: u64 = counts.iter().map(|c| u64::from(*c)).sum();
    // In whole numbers: 19 of 20 is exactly 95 %.
    let often = |count: &u32| u64::from(*count) * 100 >= all * 95;
    counts.iter().position(often).filter(|_| all >= 20)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn eight_on_a_day_after_one_every_other_day_is_a_burst() {
        let mut counts = [0, 1].repeat(14);
        counts.extend([8, 4, 1]);
        let got = bursts(&counts);
        assert_eq!(got.iter().map(|b| (b.day, b.count, b.expected)).collect::<Vec<_>>(), [(28, 8, 0.5)]);
    }

    #[test]
    fn four_after_a_silent_month_are_too_few() {
        assert_eq!(bursts(&[vec![0; 28], vec![4]].concat()), []);
        assert_eq!(bursts(&[vec![0; 28], vec![5]].concat()).len(), 1);
        assert_eq!(bursts(&[50; 28]), []);
    }

    #[test]
    fn five_on_a_day_are_a_burst_after_ten_in_a_month_and_not_after_fourteen() {
        // P(Pois(10/28) >= 5) is 3.6e-5, P(Pois(14/28) >= 5) is 1.7e-4.
        let after = |before: usize| {
            let mut counts: Vec<u32> = (0..28).map(|day| u32::from(day % 2 == 0 && day / 2 < before)).collect();
            counts.push(5);
            bursts(&counts).len()
        };
        assert_eq!((after(10), after(14)), (1, 0));
    }

    #[test]
    fn five_within_ten_minutes_in_any_order() {
        assert_eq!(serial(&[600, 0, 100, 5000, 300, 200]), Some(5));
        assert_eq!(serial(&[601, 0, 100, 300, 200]), None);
    }

    #[test]
    fn half_of_six_is_dominated_half_of_four_is_not() {
        assert_eq!(dominated(3, 6), Some(0.5));
        assert_eq!((dominated(2, 4), dominated(2, 6), dominated(0, 0)), (None, None, None));
        assert_eq!((dominated(5, 5), dominated(5, 12)), (None, None));
    }

    #[test]
    fn severity_counts_from_ten_ratings() {
        assert!(unusual_severity(-1.2, None, 10) && !unusual_severity(-1.2, None, 9));
        assert!(unusual_severity(0.61, Some(0.2), 30) && !unusual_severity(0.6, Some(0.2), 30));
        assert!(unusual_severity(1.01, None, 10) && !unusual_severity(1.0, None, 10));
    }

    #[test]
    fn nineteen_of_twenty_is_flat() {
        assert_eq!(flat(&[0, 0, 1, 19]), Some(3));
        assert_eq!(flat(&[0, 0, 2, 18]), None);
        assert_eq!((flat(&[0, 95, 0, 5]), flat(&[0, 94, 0, 6])), (Some(1), None));
        assert_eq!(flat(&[0, 0, 0, 19]), None);
    }
}
