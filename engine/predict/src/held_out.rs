//! How well a predictor orders candidates that it was not fitted on.

use crate::agreement::kendall_tau;
use crate::candidate::Candidate;
use crate::{FitError, fit};
use pleach_random::{Generator, derive};
use pleach_spec::Predictor;

/// Kendall's tau on all other candidates of a predictor that is fitted on `known` of them, drawn at random: the same for every
/// predictor, and the first of a draw are in every larger one. Targets are finite, one a candidate. None where nothing can be
/// ordered.
///
/// # Errors
/// As [`fit`].
pub fn held_out_tau(
    predictor: &Predictor,
    candidates: &[Candidate],
    targets: &[f64],
    known: usize,
    draw: u64,
) -> Result<Option<f64>, FitError> {
    let mut order: Vec<usize> = (0..candidates.len()).collect();
    Generator::new(derive(draw, &["held out"])).shuffle(&mut order);
    let (known, held) = order.split_at(known.min(order.len()));
    let of = |part: &[usize]| -> (Vec<&Candidate>, Vec<f64>) {
        part.iter().map(|&index| (&candidates[index], targets[index])).unzip()
    };
    let ((known, outcomes), (held, truth)) = (of(known), of(held));
    let predictions = fit(predictor, &known, &outcomes, derive(draw, &["fit"]))?.predict(&held);
    let means: Vec<f64> = predictions.iter().map(|prediction| prediction.mean).collect();
    Ok(kendall_tau(&means, &truth))
}
