//! Outcomes as numbers that a Gaussian process can be fitted to.

use std::cmp::Ordering;

use pleach_sdk::{Random, Score, normal_scores};

/// How much the sum of all objectives counts beside the worst one: the augmentation of the Chebyshev norm.
const AUGMENTATION: f64 = 0.05;

/// How several objectives become one: by weights that add up to 1 (Knowles, "ParEGO: a hybrid algorithm with on-line landscape
/// approximation for expensive multiobjective optimization problems", 2006).
#[derive(Debug)]
pub(crate) struct Scalarization {
    weights: Vec<f64>,
}

impl Scalarization {
    /// Weights drawn evenly from all that there are.
    pub fn draw(objectives: usize, random: &mut Random) -> Self {
        if objectives == 1 {
            return Self { weights: vec![1.0] };
        }
        let drawn: Vec<f64> = (0..objectives).map(|_| -libm::log(1.0 - random.unit())).collect();
        let sum: f64 = drawn.iter().sum::<f64>().max(f64::MIN_POSITIVE);
        Self { weights: drawn.into_iter().map(|weight| weight / sum).collect() }
    }

    /// The normal scores of outcomes, the best one highest: ranks bear any scale of losses, and an outlier. What breaks
    /// constraints comes below what holds them all, and failures (none) below that.
    pub fn scores(&self, outcomes: &[Option<&Score>]) -> Vec<f64> {
        let values = self.values(outcomes);
        let order: Vec<usize> = (0..outcomes.len()).collect();
        let better = |&one: &usize, &two: &usize| match (outcomes[one], outcomes[two]) {
            (Some(first), Some(second)) if self.weights.len() > 1 && first.feasible() && second.feasible() => {
                values[one].total_cmp(&values[two])
            }
            (Some(first), Some(second)) => first.cmp(second),
            (first, second) => first.is_none().cmp(&second.is_none()),
        };
        normal_scores(&order, |one, two| better(two, one))
    }

    /// The augmented Chebyshev norm of each one's losses, each objective from 0 to 1 over those that hold all constraints.
    fn values(&self, outcomes: &[Option<&Score>]) -> Vec<f64> {
        if self.weights.len() == 1 {
            return Vec::new();
        }
        let feasible = || outcomes.iter().flatten().filter(|score| score.feasible());
        let bounds: Vec<(f64, f64)> = (0..self.weights.len())
            .map(|objective| {
                let losses = feasible().map(|score| score.losses()[objective]).filter(|loss| loss.is_finite());
                losses.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), loss| (low.min(loss), high.max(loss)))
            })
            .collect();
        let value = |score: &Score| {
            let (mut worst, mut sum) = (0.0_f64, 0.0);
            for ((loss, (low, high)), weight) in score.losses().iter().zip(&bounds).zip(&self.weights) {
                let part = if loss.is_nan() { f64::INFINITY } else { weight * (loss - low) / (high - low).max(1e-300) };
                worst = if part.partial_cmp(&worst) == Some(Ordering::Greater) { part } else { worst };
                sum += part;
            }
            let value = worst + AUGMENTATION * sum;
            if value.is_nan() { f64::INFINITY } else { value }
        };
        outcomes.iter().map(|outcome| outcome.map_or(f64::INFINITY, value)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pleach_sdk::testing::measured;

    fn score(losses: &[f64], violation: f64) -> Score {
        let mut measurement = measured(losses.to_vec()).unwrap();
        measurement.violations = vec![violation];
        Score::new(measurement)
    }

    /// The positions from the best to the worst.
    fn order(weights: &[f64], outcomes: &[Option<Score>]) -> Vec<usize> {
        let outcomes: Vec<Option<&Score>> = outcomes.iter().map(Option::as_ref).collect();
        let scores = Scalarization { weights: weights.to_vec() }.scores(&outcomes);
        let mut order: Vec<usize> = (0..scores.len()).collect();
        order.sort_by(|&one, &two| scores[two].total_cmp(&scores[one]));
        order
    }

    #[test]
    fn constraints_count_before_losses_and_failures_come_last() {
        let outcomes = [None, Some(score(&[0.1], 1.0)), Some(score(&[0.3], 0.0)), Some(score(&[0.2], -1.0))];
        assert_eq!(order(&[1.0], &outcomes), [3, 2, 1, 0]);
        let outcomes =
            [None, Some(score(&[0.1, 0.0], 1.0)), Some(score(&[0.3, 0.0], 0.0)), Some(score(&[0.2, 0.0], -1.0))];
        assert_eq!(order(&[0.5, 0.5], &outcomes), [3, 2, 1, 0]);
    }

    #[test]
    fn weights_decide_among_several_objectives() {
        let outcomes: Vec<Option<Score>> = [[0.0, 10.0], [0.4, 4.0], [1.0, 0.0], [1.0, f64::NAN]]
            .iter()
            .map(|losses| Some(score(losses, 0.0)))
            .collect();
        assert_eq!(order(&[0.9, 0.1], &outcomes)[0], 0);
        assert_eq!(order(&[0.5, 0.5], &outcomes)[0], 1);
        assert_eq!(order(&[0.1, 0.9], &outcomes)[0], 2);
        assert_eq!(order(&[0.5, 0.5], &outcomes)[3], 3);
    }

    #[test]
    fn weights_add_up_and_are_even() {
        let mut random = Random::new(1);
        let drawn: Vec<Vec<f64>> = (0..4000).map(|_| Scalarization::draw(3, &mut random).weights).collect();
        assert!(drawn.iter().all(|weights| (weights.iter().sum::<f64>() - 1.0).abs() < 1e-12));
        for objective in 0..3 {
            let mean = drawn.iter().map(|weights| weights[objective]).sum::<f64>() / 4000.0;
            assert!((mean - 1.0 / 3.0).abs() < 0.02, "{mean}");
        }
    }
}
