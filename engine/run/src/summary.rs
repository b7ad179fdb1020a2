//! What a run came to: the public shape of `pleach show RUN --format json`.

use crate::error::RunError;
use crate::score::Scorer;
use crate::select::{Candidate, candidates};
use indexmap::IndexMap;
use pleach_spec::{Experiment, Requirement};
use pleach_store::{ArtifactRecord, Outcome, RunReader, StepRecord, StepState, TrialRecord};
use serde::Serialize;

/// A run.
#[derive(Debug, Clone, Serialize)]
pub struct Summary {
    /// The experiment's name.
    pub name: String,
    /// `unfinished`, `done` or `failed`.
    pub state: String,
    /// The digest of all that must be the same wherever the run is repeated.
    pub digest: String,
    /// The steps, in the order of the experiment.
    pub steps: IndexMap<String, StepSummary>,
    /// The names of the objectives' metrics, the first objective first.
    #[serde(skip)]
    pub objectives: Vec<String>,
}

/// A step of a run.
#[derive(Debug, Clone, Serialize)]
pub struct StepSummary {
    /// `search`, `train` or `export`.
    pub kind: String,
    /// `pending`, `running`, `done` or `failed`.
    pub state: StepState,
    /// Trials that ended.
    pub trials: u64,
    /// The best candidate, where there is one.
    pub best: Option<Best>,
    /// Of a step that trains: each candidate, in their order.
    pub results: Vec<CandidateResult>,
    /// The files that it left.
    pub artifacts: Vec<ArtifactRecord>,
    /// Trials that failed, infeasible ones included.
    pub failed: u64,
    /// Real seconds.
    pub seconds: f64,
}

/// The best candidate of a step.
#[derive(Debug, Clone, Serialize)]
pub struct Best {
    /// Its first trial, or its number among candidates.
    pub id: u64,
    /// The value of each decision of the step (of a search), or of the space, by path.
    pub genotype: IndexMap<String, f64>,
    /// The mean of each metric.
    pub metrics: IndexMap<String, f64>,
    /// Whether every requirement holds.
    pub feasible: bool,
}

/// What came of one candidate over its repeats.
#[derive(Debug, Clone, Serialize)]
pub struct CandidateResult {
    /// Its number.
    pub candidate: u32,
    /// Metrics on validation data.
    pub validation: IndexMap<String, Spread>,
    /// Metrics on the test part.
    pub test: IndexMap<String, Spread>,
    /// Trainings that failed.
    pub failed: u64,
}

/// A metric over repeats.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Spread {
    /// The mean.
    pub mean: f64,
    /// The standard deviation of the sample (n - 1); 0 for a single value.
    pub deviation: f64,
    /// The value of each repeat, in their order.
    pub values: Vec<f64>,
}

impl Spread {
    /// Of at least one value.
    pub fn of(values: Vec<f64>) -> Spread {
        let count = values.len() as f64;
        let mean = values.iter().sum::<f64>() / count;
        let squares: f64 = values.iter().map(|value| (value - mean) * (value - mean)).sum();
        let deviation = if values.len() > 1 { (squares / (count - 1.0)).sqrt() } else { 0.0 };
        Spread { mean, deviation, values }
    }
}

/// Reads a run.
///
/// # Errors
/// The record cannot be read.
pub fn summary(reader: &RunReader) -> Result<Summary, RunError> {
    let lock = reader.lock()?;
    let experiment: Option<Experiment> = serde_json::from_value(lock.experiment.clone()).ok();
    let objectives = experiment.as_ref().map(|experiment| experiment.objectives.clone()).unwrap_or_default();
    let requirements: Vec<Requirement> =
        experiment.as_ref().map(|experiment| experiment.space.require.clone()).unwrap_or_default();
    let scorer = Scorer::new(&objectives, &requirements);
    let mut records = reader.steps()?;
    if let Some(experiment) = &experiment {
        records.sort_by_key(|step| experiment.steps.get_index_of(&step.name));
    }
    let artifacts = reader.artifacts()?;
    let mut steps = IndexMap::new();
    for record in records {
        let trials = reader.trials(&record.name)?;
        let own: Vec<ArtifactRecord> = artifacts.iter().filter(|a| a.step == record.name).cloned().collect();
        steps.insert(record.name.clone(), step_summary(&record, &trials, own, &scorer));
    }
    Ok(Summary {
        name: reader.name()?,
        state: reader.state()?.as_str().to_owned(),
        digest: pleach_store::digest(reader, |_| false)?.run,
        steps,
        objectives: scorer.objectives(),
    })
}

fn step_summary(
    record: &StepRecord,
    trials: &[TrialRecord],
    artifacts: Vec<ArtifactRecord>,
    scorer: &Scorer,
) -> StepSummary {
    let ended = trials.iter().filter(|trial| trial.outcome != Outcome::Running).count() as u64;
    let failed = trials.iter().filter(|trial| matches!(trial.outcome, Outcome::Failed(_))).count() as u64;
    let ranked = candidates(trials, scorer, <[f64]>::to_vec);
    let best = ranked.first().map(|best: &Candidate| Best {
        id: best.id,
        genotype: record.decisions.iter().cloned().zip(best.genotype.iter().copied()).collect(),
        metrics: best.metrics.clone(),
        feasible: best.feasible,
    });
    let results = if record.kind == "train" { results(trials) } else { Vec::new() };
    StepSummary {
        kind: record.kind.clone(),
        state: record.state,
        trials: ended,
        best,
        results,
        artifacts,
        failed,
        seconds: record.seconds,
    }
}

fn results(trials: &[TrialRecord]) -> Vec<CandidateResult> {
    let mut numbers: Vec<u32> = trials.iter().filter_map(|trial| trial.request.candidate).collect();
    numbers.sort_unstable();
    numbers.dedup();
    numbers
        .into_iter()
        .map(|candidate| {
            let mut own: Vec<&TrialRecord> =
                trials.iter().filter(|trial| trial.request.candidate == Some(candidate)).collect();
            own.sort_by_key(|trial| trial.request.repeat);
            let mut values: IndexMap<String, Vec<f64>> = IndexMap::new();
            for (name, value) in own.iter().filter_map(|trial| trial.metrics()).flatten() {
                values.entry(name.clone()).or_default().push(*value);
            }
            let (mut validation, mut test) = (IndexMap::new(), IndexMap::new());
            for (name, values) in values {
                match name.strip_prefix(crate::train::TEST) {
                    Some(measured) => test.insert(measured.to_owned(), Spread::of(values)),
                    None => validation.insert(name, Spread::of(values)),
                };
            }
            let failed = own.iter().filter(|trial| matches!(trial.outcome, Outcome::Failed(_))).count() as u64;
            CandidateResult { candidate, validation, test, failed }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spread_is_that_of_a_sample() {
        let spread = Spread::of(vec![1.0, 2.0, 3.0]);
        assert_eq!((spread.mean, spread.deviation), (2.0, 1.0));
        assert_eq!(Spread::of(vec![5.0]).deviation, 0.0);
    }
}
