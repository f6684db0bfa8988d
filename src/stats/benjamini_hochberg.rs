//! False discovery rate over the tests of one run (Benjamini and Hochberg 1995).

/// The q-value of each p-value, in the order given: the smallest rate at which the test would be called a discovery.
///
/// A p-value that is not a number is no test: its q is NaN and it does not count among the others.
pub fn adjust(p: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..p.len()).filter(|&at| !p[at].is_nan()).collect();
    order.sort_by(|&a, &b| p[a].total_cmp(&p[b]));
    let mut q = vec![f64::NAN; p.len()];
    let mut least = 1.0f64;
    for (rank, &at) in order.iter().enumerate().rev() {
        least = least.min(p[at] * order.len() as f64 / (rank + 1) as f64);
        q[at] = least;
    }
    q
}

#[cfg(test)]
mod tests {
    use super::adjust;

    #[test]
    fn q_values_by_hand() {
        // 0.01·4/1, 0.02·4/2, 0.03·4/3 are all 0.04; 0.5·4/4 = 0.5.
        let q = adjust(&[0.03, 0.5, 0.01, 0.02]);
        assert!(q.iter().zip([0.04, 0.5, 0.04, 0.04]).all(|(q, wanted)| (q - wanted).abs() < 1e-15), "{q:?}");
    }

    #[test]
    fn a_smaller_p_never_has_the_larger_q() {
        // 0.04·3/2 = 0.06 is capped by 0.05·3/3 = 0.05.
        let q = adjust(&[0.001, 0.04, 0.05]);
        assert!((q[1] - 0.05).abs() < 1e-15);
    }

    #[test]
    fn what_is_not_a_number_is_no_test() {
        let q = adjust(&[0.02, f64::NAN]);
        assert!(q[0] == 0.02 && q[1].is_nan());
    }
}
