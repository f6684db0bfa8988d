//! Means of groups drawn towards the mean of all, the more so the less each group tells.
//!
//! DerSimonian and Laird (1986) for the spread between groups, Efron and Morris (1975) for why it helps.

/// The groups together.
#[derive(Debug, Clone, PartialEq)]
pub struct Pooled {
    /// Variance between groups beyond chance, in squared units of the means.
    pub tau2: f64,
    pub mean: f64,
    pub se: f64,
    /// Cochran's Q, χ² with groups - 1 degrees of freedom were all groups alike.
    pub q: f64,
    pub groups: Vec<Shrunk>,
}

/// One group's mean after shrinking.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Shrunk {
    pub raw: f64,
    pub variance: f64,
    pub shrunk: f64,
    /// Of the shrunk mean, the uncertainty of the common mean included.
    pub se: f64,
}

/// Shrinks `(mean, its sampling variance)` of each group; `None` for no group, or a variance that is not positive.
pub fn shrink(groups: &[(f64, f64)]) -> Option<Pooled> {
    let usable = |(y, v): &(f64, f64)| y.is_finite() && v.is_finite() && *v > 0.0;
    if groups.is_empty() || !groups.iter().all(usable) {
        return None;
    }
    let sum = |f: &dyn Fn(f64, f64) -> f64| groups.iter().map(|(y, v)| f(*y, *v)).sum::<f64>();
    let (w, w2) = (sum(&|_, v| 1.0 / v), sum(&|_, v| 1.0 / (v * v)));
    let fixed = sum(&|y, v| y / v) / w;
    let q = sum(&|y, v| (y - fixed).powi(2) / v);
    let spare = w - w2 / w;
    let tau2 = if groups.len() > 1 { ((q - (groups.len() as f64 - 1.0)) / spare).max(0.0) } else { 0.0 };
    let weight = sum(&|_, v| 1.0 / (v + tau2));
    let mean = sum(&|y, v| y / (v + tau2)) / weight;
    let se = weight.recip().sqrt();
    let mut pooled = Pooled { tau2, mean, se, q, groups: Vec::new() };
    pooled.groups = groups.iter().map(|(raw, variance)| pooled.draw(*raw, *variance)).collect();
    Some(pooled)
}

impl Pooled {
    /// A mean drawn towards the common one, of a group that need not be one of those pooled: a unit that holds several of them, say.
    pub fn draw(&self, raw: f64, variance: f64) -> Shrunk {
        let own = self.tau2 / (self.tau2 + variance);
        let unknown = own * variance + (1.0 - own).powi(2) * self.se * self.se;
        Shrunk { raw, variance, shrunk: self.mean + own * (raw - self.mean), se: unknown.sqrt() }
    }
}

/// Sampling variances of group means by the spread of single values pooled over groups, from `(n, sample variance)` of
/// each group (the variance of a single value is not read). `None` when no group has two values or all are equal.
pub fn mean_variances(groups: &[(usize, f64)]) -> Option<Vec<f64>> {
    let freedom: usize = groups.iter().map(|(n, _)| n.saturating_sub(1)).sum();
    let squares: f64 = groups.iter().filter(|(n, _)| *n > 1).map(|(n, s2)| (*n as f64 - 1.0) * s2).sum();
    let pooled = squares / freedom as f64;
    let usable = pooled.is_finite() && pooled > 0.0 && groups.iter().all(|(n, _)| *n > 0);
    usable.then(|| groups.iter().map(|(n, _)| pooled / *n as f64).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_no_farther_apart_than_chance_all_get_the_common_mean() {
        let got = shrink(&[(1.0, 4.0), (2.0, 4.0), (3.0, 4.0)]).expect("pooled");
        assert_eq!((got.tau2, got.mean), (0.0, 2.0));
        assert!(got.groups.iter().all(|g| g.shrunk == 2.0));
    }

    #[test]
    fn two_groups_by_hand() {
        // Weights 1 and 1, fixed mean 5, Q = 50, tau2 = 49: each keeps 49/50 of its distance.
        let got = shrink(&[(0.0, 1.0), (10.0, 1.0)]).expect("pooled");
        assert_eq!((got.q, got.tau2, got.mean), (50.0, 49.0, 5.0));
        assert!((got.groups[0].shrunk - 0.1).abs() < 1e-14);
    }

    #[test]
    fn a_small_group_moves_more_than_a_large_one() {
        let got = shrink(&[(0.0, 4.0), (10.0, 0.1), (20.0, 0.1)]).expect("pooled");
        let moved = |i: usize| (got.groups[i].shrunk - got.groups[i].raw).abs();
        assert!(moved(0) > moved(2));
    }

    #[test]
    fn a_single_value_borrows_the_spread_of_the_others() {
        assert_eq!(mean_variances(&[(1, 0.0), (5, 2.0), (3, 5.0)]), Some(vec![3.0, 0.6, 1.0]));
        assert_eq!(mean_variances(&[(1, 0.0), (1, 0.0)]), None);
    }

    #[test]
    fn a_group_without_variance_is_refused() {
        assert_eq!(shrink(&[(1.0, 0.0)]), None);
        assert_eq!(shrink(&[]), None);
    }
}
