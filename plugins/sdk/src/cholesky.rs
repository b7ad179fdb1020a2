/// The Cholesky factor of a symmetric positive definite matrix that grows: the lower triangle `L` with `A = L L'`.
///
/// A row more costs the square of their number, where a new factor would cost its third power (Rasmussen and Williams,
/// "Gaussian Processes for Machine Learning", 2006, appendix A.4).
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Cholesky {
    rows: Vec<Vec<f64>>,
}

/// What a pivot has at least, so that a matrix that is singular but for rounding keeps a factor.
const LEAST_PIVOT: f64 = 1e-10;

impl Cholesky {
    /// Of a matrix without rows.
    pub fn new() -> Self {
        Self::default()
    }

    /// How many rows the matrix has.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Adds a row to the matrix: what stands left of the diagonal, and on it.
    ///
    /// # Panics
    /// Where the row is not as long as the matrix is high.
    pub fn extend(&mut self, left: &[f64], diagonal: f64) {
        assert_eq!(left.len(), self.rows.len(), "a row of another length than the matrix");
        let mut row = self.solve(left);
        row.push((diagonal - dot(&row, &row)).max(LEAST_PIVOT).sqrt());
        self.rows.push(row);
    }

    /// Keeps the first rows alone.
    pub fn truncate(&mut self, rows: usize) {
        self.rows.truncate(rows);
    }

    /// `x` with `L x = right`, where `right` may be given for the first rows alone.
    pub fn solve(&self, right: &[f64]) -> Vec<f64> {
        let mut solved = Vec::with_capacity(right.len() + 1);
        for &value in right {
            self.solve_next(&mut solved, value);
        }
        solved
    }

    /// Adds the next element of `x` with `L x = right` to those before it, by the next element of `right`.
    ///
    /// # Panics
    /// Where `x` has as many elements as there are rows.
    pub fn solve_next(&self, solved: &mut Vec<f64>, right: f64) {
        let row = &self.rows[solved.len()];
        solved.push((right - dot(row, solved)) / row[row.len() - 1]);
    }

    /// `x` with `L' x = right`.
    pub fn solve_transposed(&self, right: &[f64]) -> Vec<f64> {
        let mut solved = right.to_vec();
        for (place, row) in self.rows.iter().enumerate().rev() {
            let value = solved[place] / row[place];
            solved[place] = value;
            for (above, factor) in solved[..place].iter_mut().zip(row) {
                *above -= value * factor;
            }
        }
        solved
    }

    /// Half of the logarithm of the matrix's determinant.
    pub fn half_log_determinant(&self) -> f64 {
        self.rows.iter().enumerate().map(|(place, row)| libm::log(row[place])).sum()
    }
}

/// The sum of products, as far as both go.
pub fn dot(one: &[f64], two: &[f64]) -> f64 {
    let length = one.len().min(two.len());
    let (one, two) = (one[..length].chunks_exact(4), two[..length].chunks_exact(4));
    let rest: f64 = one.remainder().iter().zip(two.remainder()).map(|(one, two)| one * two).sum();
    let mut sums = [0.0; 4];
    for (one, two) in one.zip(two) {
        for lane in 0..4 {
            sums[lane] += one[lane] * two[lane];
        }
    }
    (sums[0] + sums[1]) + (sums[2] + sums[3]) + rest
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Random;

    /// A positive definite matrix, row by row.
    fn matrix(size: usize) -> Vec<Vec<f64>> {
        let mut random = Random::new(1);
        let base: Vec<Vec<f64>> = (0..size).map(|_| (0..size).map(|_| random.normal()).collect()).collect();
        let product = |i: usize, j: usize| dot(&base[i], &base[j]) + if i == j { 0.1 } else { 0.0 };
        (0..size).map(|i| (0..size).map(|j| product(i, j)).collect()).collect()
    }

    fn factor(matrix: &[Vec<f64>]) -> Cholesky {
        let mut factor = Cholesky::new();
        matrix.iter().enumerate().for_each(|(row, values)| factor.extend(&values[..row], values[row]));
        factor
    }

    #[test]
    fn two_triangles_solve_the_system() {
        let matrix = matrix(9);
        let wanted: Vec<f64> = (0..9).map(|place| f64::from(place) - 3.5).collect();
        let right: Vec<f64> = matrix.iter().map(|row| dot(row, &wanted)).collect();
        let factor = factor(&matrix);
        let found = factor.solve_transposed(&factor.solve(&right));
        assert!(found.iter().zip(&wanted).all(|(one, two)| (one - two).abs() < 1e-9), "{found:?}");
    }

    #[test]
    fn rows_come_and_go() {
        let matrix = matrix(7);
        let whole = factor(&matrix);
        let mut other = whole.clone();
        other.truncate(4);
        assert_eq!(other, factor(&matrix[..4]));
        (4..7).for_each(|row| other.extend(&matrix[row][..row], matrix[row][row]));
        assert_eq!((other.len(), &other), (7, &whole));
    }

    #[test]
    fn the_determinant_is_that_of_the_matrix() {
        let factor = factor(&[vec![4.0, 2.0], vec![2.0, 5.0]]);
        assert!((factor.half_log_determinant() - libm::log(16.0) / 2.0).abs() < 1e-12);
    }

    #[test]
    fn equal_rows_do_no_harm() {
        let factor = factor(&vec![vec![1.0; 5]; 5]);
        assert!(factor.solve_transposed(&factor.solve(&[1.0; 5])).iter().all(|value| value.is_finite()));
    }
}
