//! Small dense symmetric systems: eigenvalues, and positive definite solves.

/// A square matrix, row by row.
#[derive(Debug, Clone)]
pub struct Square {
    pub size: usize,
    pub values: Vec<f64>,
}

impl Square {
    pub fn zero(size: usize) -> Square {
        Square { size, values: vec![0.0; size * size] }
    }

    pub fn at(&self, row: usize, column: usize) -> f64 {
        self.values[row * self.size + column]
    }

    pub fn add(&mut self, row: usize, column: usize, value: f64) {
        self.values[row * self.size + column] += value;
    }

    /// Smallest over largest eigenvalue; 0 when the smallest is not positive.
    pub fn reciprocal_condition(&self) -> f64 {
        let eigenvalues = eigenvalues(self.clone());
        let largest = eigenvalues.iter().fold(0.0f64, |most, x| most.max(x.abs()));
        let smallest = eigenvalues.iter().fold(f64::INFINITY, |least, &x| least.min(x));
        if smallest > 0.0 { smallest / largest } else { 0.0 }
    }

    /// The factor L of L·L' = self; `None` when the matrix is not positive definite.
    pub fn cholesky(&self) -> Option<Factor> {
        let n = self.size;
        let mut factor = vec![0.0; n * n];
        for i in 0..n {
            for j in 0..=i {
                let rest = self.at(i, j) - dot(&factor[i * n..i * n + j], &factor[j * n..j * n + j]);
                factor[i * n + j] = if i != j {
                    rest / factor[j * n + j]
                } else if rest > 0.0 {
                    rest.sqrt()
                } else {
                    return None;
                };
            }
        }
        Some(Factor { size: n, values: factor })
    }
}

/// A lower triangle, ready to solve with.
#[derive(Debug, Clone)]
pub struct Factor {
    size: usize,
    values: Vec<f64>,
}

impl Factor {
    /// x with L·L'·x = right.
    pub fn solve(&self, right: &[f64]) -> Vec<f64> {
        let n = self.size;
        let mut x = right.to_vec();
        for i in 0..n {
            x[i] = (x[i] - dot(&self.values[i * n..i * n + i], &x[..i])) / self.values[i * n + i];
        }
        for i in (0..n).rev() {
            let dot: f64 = (i + 1..n).map(|j| self.values[j * n + i] * x[j]).sum();
            x[i] = (x[i] - dot) / self.values[i * n + i];
        }
        x
    }

    /// The diagonal of the inverse of L·L'.
    pub fn inverse_diagonal(&self) -> Vec<f64> {
        let n = self.size;
        let mut diagonal = vec![0.0; n];
        let mut column = vec![0.0; n];
        for j in 0..n {
            // Column j of the inverse of L; its squares sum to the diagonal.
            column[j] = 1.0 / self.values[j * n + j];
            for i in j + 1..n {
                column[i] = -dot(&self.values[i * n + j..i * n + i], &column[j..i]) / self.values[i * n + i];
            }
            diagonal[j] = dot(&column[j..], &column[j..]);
        }
        diagonal
    }
}

/// Sum of products, in order.
pub fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// Jacobi's rotations: slow, and accurate even for eigenvalues close to zero.
fn eigenvalues(mut matrix: Square) -> Vec<f64> {
    let n = matrix.size;
    for _sweep in 0..64 {
        let off: f64 = (0..n).flat_map(|i| (0..i).map(move |j| (i, j))).map(|(i, j)| matrix.at(i, j).powi(2)).sum();
        let scale: f64 = (0..n).map(|i| matrix.at(i, i).powi(2)).sum();
        if off <= scale * 1e-34 {
            break;
        }
        for p in 0..n {
            for q in p + 1..n {
                rotate(&mut matrix, p, q);
            }
        }
    }
    (0..n).map(|i| matrix.at(i, i)).collect()
}

/// Turns the plane (p, q) so that the element there becomes zero.
fn rotate(matrix: &mut Square, p: usize, q: usize) {
    let n = matrix.size;
    let between = matrix.at(p, q);
    if between == 0.0 {
        return;
    }
    let slope = (matrix.at(q, q) - matrix.at(p, p)) / (2.0 * between);
    let tangent = slope.signum() / (slope.abs() + slope.hypot(1.0));
    let cosine = 1.0 / tangent.hypot(1.0);
    let sine = tangent * cosine;
    for k in 0..n {
        let (x, y) = (matrix.values[p * n + k], matrix.values[q * n + k]);
        matrix.values[p * n + k] = cosine * x - sine * y;
        matrix.values[q * n + k] = sine * x + cosine * y;
    }
    for k in 0..n {
        let (x, y) = (matrix.values[k * n + p], matrix.values[k * n + q]);
        matrix.values[k * n + p] = cosine * x - sine * y;
        matrix.values[k * n + q] = sine * x + cosine * y;
    }
    matrix.values[p * n + q] = 0.0;
    matrix.values[q * n + p] = 0.0;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn square(values: &[f64]) -> Square {
        Square { size: values.len().isqrt(), values: values.to_vec() }
    }

    #[test]
    fn eigenvalues_of_a_known_matrix() {
        // 2 on the diagonal and -1 beside it: 2 - √2, 2, 2 + √2.
        let matrix = square(&[2.0, -1.0, 0.0, -1.0, 2.0, -1.0, 0.0, -1.0, 2.0]);
        let mut found = eigenvalues(matrix);
        found.sort_by(f64::total_cmp);
        let wanted = [2.0 - 2f64.sqrt(), 2.0, 2.0 + 2f64.sqrt()];
        assert!(found.iter().zip(wanted).all(|(a, b)| (a - b).abs() < 1e-12), "{found:?}");
    }

    #[test]
    fn a_singular_matrix_is_seen() {
        assert!(square(&[1.0, 1.0, 1.0, 1.0]).reciprocal_condition() < 1e-15);
        assert!((square(&[2.0, 0.0, 0.0, 1.0]).reciprocal_condition() - 0.5).abs() < 1e-15);
        assert!(square(&[0.0, 0.0, 0.0, 1.0]).cholesky().is_none());
    }

    #[test]
    fn solving_undoes_multiplying() {
        let x = square(&[4.0, 2.0, 2.0, 3.0]).cholesky().unwrap().solve(&[8.0, 8.0]);
        assert!((x[0] - 1.0).abs() < 1e-15 && (x[1] - 2.0).abs() < 1e-15);
    }
}
