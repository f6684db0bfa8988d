//! Shares of groups drawn towards the share of all: the beta-binomial law fitted by moments (Kleinman 1973).

/// The law of the groups' shares.
#[derive(Debug, Clone, PartialEq)]
pub struct Pooled {
    pub mean: f64,
    /// Correlation of two people of one group; 0 were groups alike.
    pub rho: f64,
    /// How many people the common share counts for.
    pub prior_people: f64,
    pub alpha: f64,
    pub beta: f64,
    /// In the order given.
    pub shrunk: Vec<f64>,
}

/// Below and above these the law degenerates (`statistics.md`, section 2).
const RHO: (f64, f64) = (1e-6, 1.0 - 1e-6);

/// Shrinks `(successes, n)` of each group; `None` for no group, or a share that does not exist.
pub fn shrink(groups: &[(i64, i64)]) -> Option<Pooled> {
    if groups.is_empty() || groups.iter().any(|(x, n)| *n <= 0 || !(0..=*n).contains(x)) {
        return None;
    }
    let shares = || groups.iter().map(|(x, n)| (*x as f64, *n as f64));
    let people: f64 = shares().map(|(_, n)| n).sum();
    let mean = shares().map(|(x, _)| x).sum::<f64>() / people;
    let s: f64 = shares().map(|(x, n)| n * (x / n - mean).powi(2)).sum();
    let a: f64 = shares().map(|(_, n)| n * (1.0 - n / people)).sum();
    let b: f64 = shares().map(|(_, n)| 1.0 - n / people).sum();
    let spread = mean * (1.0 - mean);
    let rho = (s - spread * b) / (spread * (a - b));
    // One group, groups of one person, or a share of 0 or 1 leave nothing to estimate: groups are then taken as alike.
    let rho = if rho.is_finite() { rho.clamp(RHO.0, RHO.1) } else { RHO.0 };
    let prior_people = 1.0 / rho - 1.0;
    Some(Pooled {
        mean,
        rho,
        prior_people,
        alpha: prior_people * mean,
        beta: prior_people * (1.0 - mean),
        shrunk: shares().map(|(x, n)| (x + prior_people * mean) / (n + prior_people)).collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_of_two_is_not_everybody() {
        let got = shrink(&[(2, 2), (10, 40), (20, 40), (30, 40)]).expect("pooled");
        assert!(got.shrunk[0] < 0.8 && got.shrunk[0] > got.mean, "{got:?}");
        assert!((got.shrunk[3] - 0.75).abs() < 0.05);
    }

    #[test]
    fn groups_alike_get_the_common_share() {
        let got = shrink(&[(5, 10), (10, 20), (20, 40)]).expect("pooled");
        assert_eq!(got.rho, 1e-6);
        assert!(got.shrunk.iter().all(|p| (p - 0.5).abs() < 1e-12));
    }

    #[test]
    fn nobody_in_any_group_stays_nobody() {
        let got = shrink(&[(0, 10), (0, 20)]).expect("pooled");
        assert_eq!(got.shrunk, [0.0, 0.0]);
    }

    #[test]
    fn an_impossible_share_is_refused() {
        assert_eq!(shrink(&[(3, 2)]), None);
        assert_eq!(shrink(&[(0, 0)]), None);
    }
}
