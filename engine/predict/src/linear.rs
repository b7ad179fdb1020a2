//! The little linear algebra that a Gaussian process needs, with sums in a fixed order.

/// A lower triangular matrix, row by row.
#[derive(Debug, Clone)]
pub(crate) struct Lower {
    rows: Vec<Vec<f64>>,
}

/// Right sides that are solved for at once.
pub(crate) const LANES: usize = 8;

/// Adds `factor * values`, lane by lane.
pub(crate) fn add_scaled(sums: &mut [f64; LANES], factor: f64, values: &[f64; LANES]) {
    for (sum, value) in sums.iter_mut().zip(values) {
        *sum += factor * value;
    }
}

/// The scalar product, in eight sums that are added last: a fixed order that vector units can follow.
pub(crate) fn dot(one: &[f64], two: &[f64]) -> f64 {
    let mut sums = [0.0; LANES];
    let ((ones, rest), (twos, other)) = (one.as_chunks::<LANES>(), two.as_chunks::<LANES>());
    for (ones, twos) in ones.iter().zip(twos) {
        for ((sum, one), two) in sums.iter_mut().zip(ones).zip(twos) {
            *sum += one * two;
        }
    }
    let rest: f64 = rest.iter().zip(other).map(|(one, two)| one * two).sum();
    sums.iter().sum::<f64>() + rest
}

impl Lower {
    /// The Cholesky factor of a symmetric matrix, of which the lower triangle is read; none where it is not positive definite.
    pub(crate) fn cholesky(mut rows: Vec<Vec<f64>>) -> Option<Self> {
        for i in 0..rows.len() {
            let (above, current) = rows.split_at_mut(i);
            let row = &mut current[0];
            row.truncate(i + 1);
            for (j, other) in above.iter().enumerate() {
                let value = (row[j] - dot(&row[..j], &other[..j])) / other[j];
                row[j] = value;
            }
            let rest = row[i] - dot(&row[..i], &row[..i]);
            if rest.is_nan() || rest <= 0.0 {
                return None;
            }
            row[i] = rest.sqrt();
        }
        Some(Self { rows })
    }

    /// Solves `L x = b`.
    pub(crate) fn solve(&self, b: &[f64]) -> Vec<f64> {
        let mut x: Vec<f64> = Vec::with_capacity(b.len());
        for (i, row) in self.rows.iter().enumerate() {
            let value = (b[i] - dot(&row[..i], &x)) / row[i];
            x.push(value);
        }
        x
    }

    /// Solves `L x = b` for [`LANES`] right sides in place.
    pub(crate) fn solve_lanes(&self, b: &mut [[f64; LANES]]) {
        for (i, row) in self.rows.iter().enumerate() {
            let (done, rest) = b.split_at_mut(i);
            let mut sums = rest[0];
            for (factor, x) in row[..i].iter().zip(done.iter()) {
                add_scaled(&mut sums, -factor, x);
            }
            let inverse = 1.0 / row[i];
            rest[0] = sums.map(|sum| sum * inverse);
        }
    }

    /// Solves `Lᵀ x = b`.
    pub(crate) fn solve_transposed(&self, b: &[f64]) -> Vec<f64> {
        let mut x = b.to_vec();
        for (i, row) in self.rows.iter().enumerate().rev() {
            x[i] /= row[i];
            let value = x[i];
            for (j, factor) in row[..i].iter().enumerate() {
                x[j] -= factor * value;
            }
        }
        x
    }

    /// The logarithm of the determinant of `L`.
    pub(crate) fn log_determinant(&self) -> f64 {
        self.rows.iter().enumerate().map(|(i, row)| libm::log(row[i])).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn factor_and_solutions_give_back_what_they_were_made_of() {
        let n = 21;
        let matrix: Vec<Vec<f64>> = (0..n)
            .map(|i| {
                (0..n).map(|j| libm::exp(-f64::abs(i as f64 - j as f64) / 3.0) + f64::from(i == j) * 0.1).collect()
            })
            .collect();
        let lower = Lower::cholesky(matrix.clone()).unwrap();
        let b: Vec<f64> = (0..n).map(|i| (i as f64) - 7.5).collect();
        let x = lower.solve_transposed(&lower.solve(&b));
        for (row, b) in matrix.iter().zip(&b) {
            assert!((dot(row, &x) - b).abs() < 1e-9);
        }
        let mut lanes: Vec<[f64; LANES]> =
            b.iter().map(|&value| std::array::from_fn(|lane| value * lane as f64)).collect();
        lower.solve_lanes(&mut lanes);
        for (value, lanes) in lower.solve(&b).iter().zip(&lanes) {
            assert!((value * 3.0 - lanes[3]).abs() < 1e-9);
        }
        assert!(Lower::cholesky(vec![vec![1.0], vec![2.0, 1.0]]).is_none());
    }
}
