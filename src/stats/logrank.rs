//! Log-rank: whether cohorts reach something at the same pace.
//!
//! Mantel (1966) with the hypergeometric variance, two or more groups, delayed entry; the numbers of R's `survdiff`.

use statrs::function::gamma::gamma_ur;

use super::spells::{AtRisk, REACHED, Spell};
use super::symmetric::Square;

/// The test, and what it compares: events seen in each group with those expected were all groups alike.
#[derive(Debug, Clone, PartialEq)]
pub struct LogRank {
    pub chi_squared: f64,
    pub df: usize,
    pub p: f64,
    pub observed: Vec<u64>,
    pub expected: Vec<f64>,
}

/// Compares [`REACHED`] over `groups`; `None` with fewer than two groups that could have had an event, or without any.
pub fn log_rank(groups: &[Vec<Spell>]) -> Option<LogRank> {
    let k = groups.len();
    let risk: Vec<AtRisk> = groups.iter().map(|g| AtRisk::new(g)).collect();
    let mut events: Vec<(f64, usize)> = Vec::new();
    for (group, spells) in groups.iter().enumerate() {
        events.extend(spells.iter().filter(|s| s.event() == REACHED).map(|s| (s.time(), group)));
    }
    events.sort_by(|a, b| a.0.total_cmp(&b.0));

    let mut observed = vec![0u64; k];
    let mut expected = vec![0.0; k];
    let mut covariance = Square::zero(k);
    for tied in events.chunk_by(|a, b| a.0 == b.0) {
        tied.iter().for_each(|(_, group)| observed[*group] += 1);
        let at_risk: Vec<f64> = risk.iter().map(|r| r.at(tied[0].0) as f64).collect();
        let (n, d) = (at_risk.iter().sum::<f64>(), tied.len() as f64);
        let spread = if n > 1.0 { d * (n - d) / (n - 1.0) } else { 0.0 };
        for a in 0..k {
            let share = at_risk[a] / n;
            expected[a] += d * share;
            for (b, other) in at_risk.iter().enumerate() {
                let own = if a == b { share } else { 0.0 };
                covariance.add(a, b, spread * (own - share * other / n));
            }
        }
    }

    // A group never at risk at an event is no part of the comparison; of the others one is redundant.
    let compared: Vec<usize> = (0..k).filter(|g| expected[*g] > 0.0).collect();
    let free = compared.split_last().map(|(_, rest)| rest).filter(|rest| !rest.is_empty())?;
    let excess: Vec<f64> = free.iter().map(|g| observed[*g] as f64 - expected[*g]).collect();
    let mut matrix = Square::zero(free.len());
    for (row, a) in free.iter().enumerate() {
        free.iter().enumerate().for_each(|(column, b)| matrix.add(row, column, covariance.at(*a, *b)));
    }
    // Groups that are never at risk together leave nothing to compare.
    if matrix.reciprocal_condition() < 1e-13 {
        return None;
    }
    let solved = matrix.cholesky()?.solve(&excess);
    let chi_squared: f64 = excess.iter().zip(&solved).map(|(e, s)| e * s).sum();
    let df = free.len();
    // statrs refuses an upper tail from exactly 0.
    let p = if chi_squared > 0.0 { gamma_ur(df as f64 / 2.0, chi_squared / 2.0) } else { 1.0 };
    Some(LogRank { chi_squared, df, p, observed, expected })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group(rows: &[(f64, u32)]) -> Vec<Spell> {
        rows.iter().map(|(t, e)| Spell::new(0.0, *t, *e).expect("a spell")).collect()
    }

    #[test]
    fn two_groups_small_enough_for_paper() {
        let got = log_rank(&[group(&[(1.0, 1), (3.0, 1)]), group(&[(2.0, 1), (4.0, 0)])]).expect("a test");
        // At 1: 2 of 4 at risk are in the first group; at 2: 1 of 3; at 3: 1 of 2.
        let expected = 2.0 / 4.0 + 1.0 / 3.0 + 1.0 / 2.0;
        let variance = 1.0 / 4.0 + 2.0 / 9.0 + 1.0 / 4.0;
        assert!((got.expected[0] - expected).abs() < 1e-15);
        assert!((got.chi_squared - (2.0 - expected).powi(2) / variance).abs() < 1e-14);
        assert_eq!((got.df, &got.observed[..]), (1, &[2u64, 1][..]));
    }

    #[test]
    fn equal_groups_do_not_differ() {
        let same = group(&[(1.0, 1), (2.0, 1), (5.0, 0)]);
        let got = log_rank(&[same.clone(), same.clone(), same]).expect("a test");
        assert!(got.chi_squared.abs() < 1e-20 && got.p > 0.999_999 && got.df == 2);
    }

    #[test]
    fn the_order_of_three_groups_does_not_matter() {
        let (a, b, c) = (group(&[(1.0, 1), (4.0, 1)]), group(&[(2.0, 1), (9.0, 0)]), group(&[(3.0, 1), (8.0, 1)]));
        let abc = log_rank(&[a.clone(), b.clone(), c.clone()]).expect("a test").chi_squared;
        let cab = log_rank(&[c, a, b]).expect("a test").chi_squared;
        assert!((abc - cab).abs() < 1e-13);
    }

    #[test]
    fn a_group_that_entered_after_all_events_is_left_out() {
        let late = vec![Spell::new(50.0, 60.0, 0).expect("a spell")];
        let got = log_rank(&[group(&[(1.0, 1), (3.0, 1)]), group(&[(2.0, 1), (4.0, 0)]), late]).expect("a test");
        assert_eq!((got.df, got.expected[2]), (1, 0.0));
    }

    #[test]
    fn one_group_or_no_event_is_no_test() {
        assert_eq!(log_rank(&[group(&[(1.0, 1)])]), None);
        assert_eq!(log_rank(&[group(&[(1.0, 0)]), group(&[(2.0, 0)])]), None);
    }
}
