use std::cmp::Ordering;

use crate::{Measurement, Outcome};

/// How good a measured outcome is. The better one is the smaller one.
///
/// Compared by the sum of broken constraints (so that what holds them all comes first), then by the losses in the
/// order of the experiment's objectives. A value that is not a number counts as the worst.
#[derive(Debug, Clone)]
pub struct Score {
    violation: f64,
    losses: Vec<f64>,
}

impl Score {
    /// The score of a measurement.
    pub fn new(measurement: Measurement) -> Self {
        let broken = |violation: f64| if violation <= 0.0 { 0.0 } else { violation };
        Self { violation: measurement.violations.into_iter().map(broken).sum(), losses: measurement.losses }
    }

    /// The score of an outcome; none where it failed.
    pub fn of(outcome: Outcome) -> Option<Self> {
        outcome.measured.ok().map(Self::new)
    }

    /// True where every constraint holds.
    pub fn feasible(&self) -> bool {
        self.violation == 0.0
    }

    /// The sum of what constraints are broken by; 0 where all hold.
    pub fn violation(&self) -> f64 {
        self.violation
    }

    /// One loss per objective.
    pub fn losses(&self) -> &[f64] {
        &self.losses
    }
}

impl Ord for Score {
    fn cmp(&self, other: &Self) -> Ordering {
        let losses = || {
            let pairs = self.losses.iter().zip(&other.losses);
            pairs.map(|(one, two)| compare(*one, *two)).find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
        };
        compare(self.violation, other.violation).then_with(losses)
    }
}

impl PartialOrd for Score {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Score {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Score {}

/// Smaller first, NaN of either sign last, both zeros equal.
pub(crate) fn compare(one: f64, two: f64) -> Ordering {
    one.partial_cmp(&two).unwrap_or_else(|| one.is_nan().cmp(&two.is_nan()))
}

/// The positions of outcomes from the best to the worst: failures (none) last, equal ones in the order given.
pub fn rank(scores: &[Option<Score>]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..scores.len()).collect();
    order.sort_by(|&one, &two| match (&scores[one], &scores[two]) {
        (Some(one), Some(two)) => one.cmp(two),
        (one, two) => one.is_none().cmp(&two.is_none()),
    });
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    fn score(violations: &[f64], losses: &[f64]) -> Option<Score> {
        Some(Score::new(Measurement {
            losses: losses.to_vec(),
            violations: violations.to_vec(),
            curves: vec![],
            scores: vec![],
            gradients: vec![],
            signals: vec![],
        }))
    }

    #[test]
    fn constraints_count_before_losses_and_failures_come_last() {
        let scores = [
            None,
            score(&[0.5, -2.0], &[0.1]),
            score(&[-1.0, 0.0], &[0.3]),
            score(&[-9.0, -9.0], &[f64::NAN]),
            score(&[0.0, 0.0], &[0.2]),
            score(&[f64::NAN, 0.0], &[0.0]),
        ];
        assert_eq!(rank(&scores), [4, 2, 3, 1, 5, 0]);
        assert!(scores[2].as_ref().unwrap().feasible() && !scores[1].as_ref().unwrap().feasible());
    }

    #[test]
    fn later_losses_break_ties() {
        assert!(score(&[], &[0.1, 0.2]) < score(&[], &[0.1, 0.3]));
        assert_eq!(score(&[], &[0.0, f64::NAN]), score(&[], &[-0.0, -f64::NAN]));
        assert_eq!(rank(&[score(&[], &[1.0]), score(&[], &[1.0])]), [0, 1]);
    }
}
