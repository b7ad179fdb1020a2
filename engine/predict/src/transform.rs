//! What is fitted in place of the outcomes, and the way back.

use crate::Prediction;
use crate::normal::normal_scores;
use pleach_spec::Target;

/// Outcomes to scores of mean about 0 and deviation about 1, and back.
#[derive(Debug, Clone)]
pub(crate) enum Transform {
    /// Ranks as normal scores; the way back leads along straight lines between the outcomes.
    Rank {
        /// The distinct outcomes, rising, and their scores.
        scores: Vec<(f64, f64)>,
        /// The outcomes' deviation: what a score more means beyond the outermost outcome.
        slope: f64,
    },
    /// The distance from the mean, in deviations.
    Value { mean: f64, deviation: f64 },
}

impl Transform {
    pub(crate) fn of(target: Target, values: &[f64]) -> Self {
        let count = values.len() as f64;
        let mean = values.iter().sum::<f64>() / count;
        let deviation = (values.iter().map(|value| (value - mean) * (value - mean)).sum::<f64>() / count).sqrt();
        match target {
            Target::Rank => Self::Rank { scores: normal_scores(values), slope: deviation },
            Target::Value => Self::Value { mean, deviation },
        }
    }

    /// The score of one of the outcomes.
    pub(crate) fn score(&self, value: f64) -> f64 {
        match self {
            Self::Rank { scores, .. } => {
                let place = scores.partition_point(|(known, _)| *known < value).min(scores.len() - 1);
                scores[place].1
            }
            Self::Value { deviation, .. } if *deviation == 0.0 => 0.0,
            Self::Value { mean, deviation } => (value - mean) / deviation,
        }
    }

    fn value(&self, score: f64) -> f64 {
        match self {
            Self::Value { mean, deviation } => mean + score * deviation,
            Self::Rank { scores, slope } => {
                let (first, last) = (scores[0], scores[scores.len() - 1]);
                if score <= first.1 {
                    return first.0 + (score - first.1) * slope;
                }
                if score >= last.1 {
                    return last.0 + (score - last.1) * slope;
                }
                let above = scores.partition_point(|(_, known)| *known <= score);
                let ((low, below), (high, top)) = (scores[above - 1], scores[above]);
                low + (high - low) * (score - below) / (top - below)
            }
        }
    }

    /// The prediction of an outcome that a prediction of a score is.
    pub(crate) fn back(&self, score: Prediction) -> Prediction {
        let (low, high) = (self.value(score.mean - score.deviation), self.value(score.mean + score.deviation));
        Prediction { mean: self.value(score.mean), deviation: 0.5 * (high - low) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_lead_back_to_their_outcomes_and_on_beyond_them() {
        let values = [0.1, 0.5, 0.2, 0.2, 0.9];
        for target in [Target::Rank, Target::Value] {
            let transform = Transform::of(target, &values);
            for value in values {
                let back = transform.back(Prediction { mean: transform.score(value), deviation: 0.0 });
                assert!((back.mean - value).abs() < 1e-9 && back.deviation == 0.0, "{target:?} {value} {back:?}");
            }
            assert!(transform.value(3.0) > 0.9 && transform.value(-3.0) < 0.1);
            assert!(transform.back(Prediction { mean: 0.0, deviation: 1.0 }).deviation > 0.1);
        }
    }

    #[test]
    fn equal_outcomes_are_expected_again() {
        for target in [Target::Rank, Target::Value] {
            let transform = Transform::of(target, &[0.3, 0.3, 0.3]);
            assert_eq!(transform.back(Prediction { mean: 0.4, deviation: 0.5 }).mean, 0.3);
        }
    }
}
