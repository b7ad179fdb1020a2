//! Performance predictors: from candidates that were measured, how good others will be, as mean and deviation.
//!
//! A [`Predictor`](pleach_spec::Predictor) of an experiment is fitted by [`fit`]; a [`Surrogate`] is one under a search, fitted
//! anew as outcomes are told. All are functions of what they are given and of a seed: sums have a fixed order, transcendental
//! functions come from `libm`, and boosted trees grow on one thread.

mod agreement;
mod boosting;
mod candidate;
mod forest;
mod gaussian_process;
mod held_out;
mod linear;
mod normal;
mod surrogate;
mod transform;

pub use agreement::{Agreement, kendall_tau};
pub use candidate::{Candidate, Encoder};
pub use held_out::held_out_tau;
pub use surrogate::{ENOUGH, FOLDS, QUALITY_FROM, Surrogate, fitted_size};

use pleach_spec::Predictor;

/// What is expected of a candidate, in the unit of the target.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Prediction {
    /// The mean.
    pub mean: f64,
    /// How far from it the outcome may lie: one standard deviation, at least 0.
    pub deviation: f64,
}

/// A fitted predictor.
pub trait Model: std::fmt::Debug + Send {
    /// A prediction for each candidate, in order.
    fn predict(&self, of: &[&Candidate]) -> Vec<Prediction>;
}

/// Why a predictor could not be fitted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FitError {
    /// There is nothing to learn from.
    #[error("a predictor needs at least one outcome to be fitted")]
    NoOutcomes,
    /// The library for boosted trees refused.
    #[error("boosted trees cannot be fitted: {message}")]
    Boosting {
        /// What it says.
        message: String,
    },
}

/// Fits a predictor on candidates and their finite targets, one each.
///
/// # Errors
/// There is no candidate, or boosted trees cannot be fitted.
pub fn fit(
    predictor: &Predictor,
    candidates: &[&Candidate],
    targets: &[f64],
    seed: u64,
) -> Result<Box<dyn Model>, FitError> {
    if candidates.is_empty() || candidates.len() != targets.len() {
        return Err(FitError::NoOutcomes);
    }
    Ok(match predictor {
        Predictor::Forest(settings) => Box::new(forest::Forest::fit(settings, candidates, targets, seed)),
        Predictor::Boosting(settings) => Box::new(boosting::Boosting::fit(settings, candidates, targets, seed)?),
        Predictor::GaussianProcess(settings) => {
            Box::new(gaussian_process::GaussianProcess::fit(settings, candidates, targets))
        }
    })
}

/// Mean and deviation of several members' answers, in their order.
fn over_members(answers: impl Iterator<Item = f64> + Clone) -> Prediction {
    let (mut count, mut sum) = (0.0, 0.0);
    for answer in answers.clone() {
        count += 1.0;
        sum += answer;
    }
    let mean = sum / count;
    let squares: f64 = answers.map(|answer| (answer - mean) * (answer - mean)).sum();
    Prediction { mean, deviation: (squares / count).sqrt() }
}
