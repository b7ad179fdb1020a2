//! A predictor under a search: it is told outcomes, and asked about candidates.

use crate::agreement::Agreement;
use crate::candidate::{Candidate, Encoder};
use crate::{FitError, Model, Prediction, fit};
use pleach_random::derive;
use pleach_spec::Predictor;

/// Nothing is predicted from fewer outcomes.
pub const ENOUGH: usize = 5;
/// A predictor's quality is told from so many outcomes on.
pub const QUALITY_FROM: usize = 10;
/// The parts of the outcomes each of which is predicted from the others to tell the quality.
pub const FOLDS: usize = 5;

/// Of so many outcomes, how many a predictor is fitted on: all up to 100; then the last number of outcomes that was at least
/// 5 % more than the one before.
pub fn fitted_size(outcomes: usize) -> usize {
    let mut size = outcomes.min(100);
    loop {
        let next = size + (size / 20).max(1);
        if size < 100 || next > outcomes {
            return size;
        }
        size = next;
    }
}

/// A predictor that is fitted anew as outcomes are told. Its answers are a function of them, in the order told, and of the seed.
#[derive(Debug)]
pub struct Surrogate {
    predictor: Predictor,
    encoder: Encoder,
    /// The fidelity of predictions.
    fidelity: f64,
    seed: u64,
    objectives: Vec<Objective>,
}

/// What was told of one objective, and what was fitted to it.
#[derive(Debug, Default)]
struct Objective {
    candidates: Vec<Candidate>,
    losses: Vec<f64>,
    /// The model and how many outcomes it was fitted on.
    model: Option<(usize, Box<dyn Model>)>,
    quality: Option<(usize, Option<f64>)>,
}

impl Surrogate {
    /// A predictor of so many objectives that was told nothing; it predicts what comes out at this fidelity.
    pub fn new(predictor: Predictor, encoder: Encoder, objectives: usize, fidelity: f64, seed: u64) -> Self {
        let objectives = (0..objectives).map(|_| Objective::default()).collect();
        Self { predictor, encoder, fidelity, seed, objectives }
    }

    /// Tells an outcome: a loss an objective, of which those that are not finite are left out.
    pub fn tell(&mut self, genotype: &[f64], fidelity: f64, losses: &[f64]) {
        let candidate = self.encoder.candidate(genotype, fidelity);
        for (objective, &loss) in self.objectives.iter_mut().zip(losses) {
            if loss.is_finite() {
                objective.candidates.push(candidate.clone());
                objective.losses.push(loss);
            }
        }
    }

    /// The losses to expect, as if the `pending` genotypes had come out as predicted (the kriging believer of Ginsbourger, Le
    /// Riche and Carraro 2010: the predictor is fitted again with its own means as their outcomes). Empty before there are
    /// [`ENOUGH`] outcomes, or of an objective that there is not.
    ///
    /// # Errors
    /// As [`fit`].
    pub fn predict(
        &mut self,
        of: &[Vec<f64>],
        objective: usize,
        pending: &[Vec<f64>],
    ) -> Result<Vec<Prediction>, FitError> {
        let Some(objective) = self.objectives.get_mut(objective) else { return Ok(Vec::new()) };
        let size = fitted_size(objective.losses.len());
        if size < ENOUGH {
            return Ok(Vec::new());
        }
        let known: Vec<&Candidate> = objective.candidates[..size].iter().collect();
        let model = match objective.model.take() {
            Some((fitted, model)) if fitted == size => model,
            _ => fit(&self.predictor, &known, &objective.losses[..size], self.seed)?,
        };
        let encode = |genotypes: &[Vec<f64>]| -> Vec<Candidate> {
            genotypes.iter().map(|genotype| self.encoder.candidate(genotype, self.fidelity)).collect()
        };
        let (asked, believed) = (encode(of), encode(pending));
        let (asked, believed): (Vec<&Candidate>, Vec<&Candidate>) = (asked.iter().collect(), believed.iter().collect());
        let predictions = if believed.is_empty() {
            model.predict(&asked)
        } else {
            let mut losses = objective.losses[..size].to_vec();
            losses.extend(model.predict(&believed).iter().map(|prediction| prediction.mean));
            let all: Vec<&Candidate> = known.iter().chain(&believed).copied().collect();
            fit(&self.predictor, &all, &losses, self.seed)?.predict(&asked)
        };
        objective.model = Some((size, model));
        Ok(predictions)
    }

    /// Kendall's tau in cross-validation: each of [`FOLDS`] parts, dealt out in the order told, predicted from the others; pairs
    /// of one fidelity are compared. None before there are [`QUALITY_FROM`] outcomes, or where nothing can be ordered.
    ///
    /// # Errors
    /// As [`fit`].
    pub fn quality(&mut self, objective: usize) -> Result<Option<f64>, FitError> {
        let Some(objective) = self.objectives.get_mut(objective) else { return Ok(None) };
        let size = fitted_size(objective.losses.len());
        if size < QUALITY_FROM {
            return Ok(None);
        }
        if let Some((known, quality)) = objective.quality
            && known == size
        {
            return Ok(quality);
        }
        let (candidates, losses) = (&objective.candidates[..size], &objective.losses[..size]);
        let mut predicted = vec![0.0; size];
        for fold in 0..FOLDS {
            let others = (0..size).filter(|index| index % FOLDS != fold);
            let (known, targets): (Vec<&Candidate>, Vec<f64>) =
                others.map(|index| (&candidates[index], losses[index])).unzip();
            let seed = derive(self.seed, &["fold", &fold.to_string()]);
            let held: Vec<&Candidate> = candidates.iter().skip(fold).step_by(FOLDS).collect();
            let answers = fit(&self.predictor, &known, &targets, seed)?.predict(&held);
            for (place, answer) in predicted.iter_mut().skip(fold).step_by(FOLDS).zip(answers) {
                *place = answer.mean;
            }
        }
        let mut fidelities: Vec<f64> = candidates.iter().map(|candidate| candidate.fidelity).collect();
        fidelities.sort_by(f64::total_cmp);
        fidelities.dedup();
        let agreement = fidelities.iter().fold(Agreement::default(), |agreement, fidelity| {
            let of = (0..size).filter(|&index| candidates[index].fidelity == *fidelity);
            let (one, two): (Vec<f64>, Vec<f64>) = of.map(|index| (predicted[index], losses[index])).unzip();
            agreement.and(Agreement::of(&one, &two))
        });
        let quality = agreement.tau();
        objective.quality = Some((size, quality));
        Ok(quality)
    }
}
