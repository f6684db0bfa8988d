//! How unequally contributions are spread over people, those with none included.

/// Spread of non-negative amounts over people.
#[derive(Debug, Clone, PartialEq)]
pub struct Concentration {
    pub people: usize,
    /// 0 when everybody gives the same, `1 - 1/n` when one gives all.
    pub gini: f64,
    /// Gini times `n / (n - 1)`, which reaches 1; `None` for one person.
    pub gini_small_sample: Option<f64>,
    /// Share of the whole given by the tenth of people who give most, rounded up to whole people.
    pub top10_percent_share: f64,
    /// Herfindahl–Hirschman index: the sum of squared shares.
    pub herfindahl: f64,
}

/// Marts show nothing for fewer people than this (`statistics.md`, section 4); the arithmetic here does not need it.
pub const PEOPLE_MIN: usize = 10;

/// Measures of `amounts`, one a person; `None` when nobody gave anything or an amount is negative or not finite.
pub fn concentration(amounts: &[f64]) -> Option<Concentration> {
    if amounts.iter().any(|x| !x.is_finite() || *x < 0.0) {
        return None;
    }
    let mut sorted = amounts.to_vec();
    sorted.sort_by(f64::total_cmp);
    let total: f64 = sorted.iter().sum();
    if total.is_nan() || total <= 0.0 || total.is_infinite() {
        return None;
    }
    let n = sorted.len();
    let ranked: f64 = sorted.iter().enumerate().map(|(rank, x)| (rank + 1) as f64 * x).sum();
    let gini = (2.0 * ranked / (n as f64 * total) - (n as f64 + 1.0) / n as f64).max(0.0);
    let top: f64 = sorted.iter().rev().take(n.div_ceil(10)).sum();
    Some(Concentration {
        people: n,
        gini,
        gini_small_sample: (n > 1).then(|| (gini * n as f64 / (n as f64 - 1.0)).min(1.0)),
        top10_percent_share: top / total,
        herfindahl: sorted.iter().map(|x| (x / total).powi(2)).sum(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_shares_have_no_concentration() {
        let got = concentration(&[1.0; 4]).expect("measures");
        assert_eq!((got.gini, got.gini_small_sample, got.herfindahl), (0.0, Some(0.0), 0.25));
    }

    #[test]
    fn one_person_giving_all_is_one_in_a_small_sample() {
        let got = concentration(&[0.0, 10.0, 0.0, 0.0]).expect("measures");
        assert_eq!((got.gini, got.gini_small_sample, got.top10_percent_share), (0.75, Some(1.0), 1.0));
    }

    #[test]
    fn people_with_nothing_count() {
        let without = concentration(&[1.0, 3.0]).expect("measures").gini;
        let with = concentration(&[1.0, 3.0, 0.0]).expect("measures").gini;
        assert!(with > without);
    }

    #[test]
    fn the_top_tenth_of_eleven_people_is_two() {
        let amounts: Vec<f64> = (1..=11).map(f64::from).collect();
        assert_eq!(concentration(&amounts).expect("measures").top10_percent_share, 21.0 / 66.0);
    }

    #[test]
    fn nothing_given_has_no_spread() {
        assert_eq!(concentration(&[0.0, 0.0]), None);
        assert_eq!(concentration(&[]), None);
        assert_eq!(concentration(&[1.0, -1.0]), None);
    }
}
