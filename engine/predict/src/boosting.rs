//! Gradient-boosted trees (Friedman 2001), grown by the library `forust-ml` on one thread.

use crate::candidate::Candidate;
use crate::forest::features;
use crate::{FitError, Model, Prediction, over_members};
use forust_ml::{GradientBooster, Matrix};
use pleach_random::{Generator, derive};
use std::fmt;

/// Boosters, each on outcomes drawn with replacement.
pub(crate) struct Boosting {
    members: Vec<GradientBooster>,
}

impl fmt::Debug for Boosting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Boosting").field("members", &self.members.len()).finish()
    }
}

impl Boosting {
    pub(crate) fn fit(
        settings: &pleach_spec::Boosting,
        candidates: &[&Candidate],
        targets: &[f64],
        seed: u64,
    ) -> Result<Self, FitError> {
        let rows: Vec<Vec<f64>> = candidates.iter().map(|candidate| features(candidate)).collect();
        let grow = |member: u32| {
            let mut generator = Generator::new(derive(seed, &["booster", &member.to_string()]));
            let drawn: Vec<usize> = (0..rows.len()).map(|_| generator.below(rows.len() as u64) as usize).collect();
            let data = by_column(&drawn.iter().map(|&row| rows[row].as_slice()).collect::<Vec<_>>());
            let drawn: Vec<f64> = drawn.into_iter().map(|row| targets[row]).collect();
            let mut booster = GradientBooster::default()
                .set_objective_type(forust_ml::objective::ObjectiveType::SquaredLoss)
                .set_iterations(settings.rounds as usize)
                .set_learning_rate(settings.rate as f32)
                .set_max_depth(settings.depth as usize)
                .set_max_leaves(1 << settings.depth.min(16))
                .set_initialize_base_score(true)
                .set_parallel(false)
                .set_seed(seed);
            booster
                .fit_unweighted(&Matrix::new(&data, drawn.len(), data.len() / drawn.len()), &drawn, None)
                .map_err(|error| FitError::Boosting { message: error.to_string() })?;
            Ok(booster)
        };
        Ok(Self { members: (0..settings.members).map(grow).collect::<Result<_, FitError>>()? })
    }
}

impl Model for Boosting {
    fn predict(&self, of: &[&Candidate]) -> Vec<Prediction> {
        if of.is_empty() {
            return Vec::new();
        }
        let rows: Vec<Vec<f64>> = of.iter().map(|candidate| features(candidate)).collect();
        let data = by_column(&rows.iter().map(Vec::as_slice).collect::<Vec<_>>());
        let matrix = Matrix::new(&data, rows.len(), data.len() / rows.len());
        let answers: Vec<Vec<f64>> = self.members.iter().map(|member| member.predict(&matrix, false)).collect();
        (0..rows.len()).map(|row| over_members(answers.iter().map(|answers| answers[row]))).collect()
    }
}

/// One column after another, as the library wants it.
fn by_column(rows: &[&[f64]]) -> Vec<f64> {
    let width = rows.first().map_or(0, |row| row.len());
    (0..width).flat_map(|column| rows.iter().map(move |row| row[column])).collect()
}
