//! What a run came to: the public shape of `pleach show RUN --format json`.

use crate::compare::{Beside, Comparison, Spread, of_searches, of_trained};
use crate::error::RunError;
use crate::gate::{Required, required};
use crate::parts::part_of;
use crate::results::ranked_of;
use crate::score::Scorer;
use crate::select::Candidate;
use indexmap::IndexMap;
use pleach_spec::{Attack, Experiment, Metric, Requirement, Step};
use pleach_store::{ArtifactRecord, Outcome, RunReader, RunState, RunWriter, StepRecord, StepState, TrialRecord};
use serde::{Deserialize, Serialize};

/// A run.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Summary {
    /// The experiment's name.
    pub name: String,
    /// `unfinished`, `done` or `failed`.
    pub state: String,
    /// Why it failed, if it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// The digest of all that must be the same wherever the run is repeated.
    pub digest: String,
    /// The steps, in the order of the experiment.
    pub steps: IndexMap<String, StepSummary>,
    /// How the networks that were searched for compare with those of baselines and those written by hand.
    pub beside: Vec<Beside>,
    /// What steps require of their candidates, and whether it holds.
    pub requirements: Vec<Required>,
    /// The names of the objectives' metrics, the first objective first.
    #[serde(skip)]
    pub objectives: Vec<String>,
}

/// A step of a run.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct StepSummary {
    /// `search`, `hpo`, `train`, `robustness` or `export`.
    pub kind: String,
    /// `pending`, `running`, `done` or `failed`.
    pub state: StepState,
    /// Trials that ended.
    pub trials: u64,
    /// The best candidate, where there is one.
    pub best: Option<Best>,
    /// Of a step that trains or measures: each candidate, in their order.
    pub results: Vec<CandidateResult>,
    /// Of a robustness step: for each candidate, the mean accuracy over its repeats by corruption and severity, and by attack
    /// and epsilon.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub robustness: IndexMap<u32, IndexMap<String, IndexMap<String, f64>>>,
    /// Of a step that searches: how its searches compare.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comparison: Option<Comparison>,
    /// The files that it left.
    pub artifacts: Vec<ArtifactRecord>,
    /// Trials that failed, infeasible ones included.
    pub failed: u64,
    /// Real seconds.
    pub seconds: f64,
}

/// The best candidate of a step.
#[derive(Debug, Clone, Serialize, Deserialize)]
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
#[derive(Debug, Clone, Serialize, Deserialize)]
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

/// Under which name the record of a run that is done keeps its summary.
const KEPT: &str = "summary";

/// A summary beside the version that made it.
#[derive(Debug, Serialize, Deserialize)]
struct Kept {
    version: String,
    summary: Summary,
}

/// Reads a run: of one that is done what was kept at its end, where this version wrote it.
///
/// # Errors
/// The record cannot be read.
pub fn summary(reader: &RunReader) -> Result<Summary, RunError> {
    if reader.state()? == RunState::Done
        && let Some(text) = reader.meta(KEPT)?
        && let Ok(kept) = serde_json::from_str::<Kept>(&text)
        && kept.version == env!("CARGO_PKG_VERSION")
    {
        let experiment: Option<Experiment> = serde_json::from_value(reader.lock()?.experiment).ok();
        let objectives = experiment.iter().flat_map(|experiment| &experiment.objectives);
        let objectives = objectives.map(|objective| objective.metric().to_string()).collect();
        return Ok(Summary { objectives, ..kept.summary });
    }
    compute(reader)
}

/// Sums up a run that is done, and keeps that in the record: a million trials are not read again to be shown.
pub(crate) fn keep(writer: &mut RunWriter) -> Result<Summary, RunError> {
    let kept = Kept { version: env!("CARGO_PKG_VERSION").to_owned(), summary: compute(writer)? };
    // Numbers that JSON lacks would read back as others: such a summary is computed each time.
    if let Ok(text) = serde_json::to_string(&kept)
        && serde_json::from_str::<Kept>(&text).is_ok()
    {
        writer.record_meta(KEPT, &text)?;
    }
    Ok(kept.summary)
}

fn compute(reader: &RunReader) -> Result<Summary, RunError> {
    let lock = reader.lock()?;
    let experiment: Option<Experiment> = serde_json::from_value(lock.experiment.clone()).ok();
    let objectives = experiment.as_ref().map(|experiment| experiment.objectives.clone()).unwrap_or_default();
    let requirements: Vec<Requirement> =
        experiment.as_ref().map(|experiment| experiment.space.require.clone()).unwrap_or_default();
    let scorer = Scorer::new(&objectives, &requirements);
    let records = reader.steps()?;
    let mut whole: Vec<&StepRecord> = records.iter().filter(|step| part_of(&step.name).0 == step.name).collect();
    if let Some(experiment) = &experiment {
        whole.sort_by_key(|step| experiment.steps.get_index_of(&step.name));
    }
    let artifacts = reader.artifacts()?;
    let mut steps = IndexMap::new();
    for record in whole {
        let own: Vec<ArtifactRecord> = artifacts.iter().filter(|a| a.step == record.name).cloned().collect();
        let step = experiment.as_ref().and_then(|experiment| experiment.steps.get(&record.name));
        let mut summary = step_summary(record, step, reader, own, &scorer)?;
        if let (Some(Step::Robustness(robustness)), Some(experiment)) = (step, &experiment) {
            let attacks = robustness.attacks.as_ref().unwrap_or(&experiment.attacks);
            summary.robustness = robustness_of(&reader.trials(&record.name)?, attacks);
        }
        if let (Some(step), Some(objective)) = (step, objectives.first()) {
            summary.comparison = of_searches(record, step, objective, &records, &scorer, reader)?;
        }
        steps.insert(record.name.clone(), summary);
    }
    let (requirements, beside) = match &experiment {
        Some(experiment) => (required(experiment, &scorer, reader)?, of_trained(experiment, &steps)),
        None => (Vec::new(), Vec::new()),
    };
    let state = reader.state()?;
    let error = reader.meta(crate::execute::ERROR)?.filter(|_| state == RunState::Failed);
    Ok(Summary {
        name: reader.name()?,
        state: state.as_str().to_owned(),
        error,
        digest: pleach_store::digest(reader, pleach_evaluate::is_unrepeatable)?.run,
        steps,
        beside,
        requirements,
        objectives: scorer.objectives(),
    })
}

fn step_summary(
    record: &StepRecord,
    step: Option<&Step>,
    reader: &RunReader,
    artifacts: Vec<ArtifactRecord>,
    scorer: &Scorer,
) -> Result<StepSummary, RunError> {
    let ended = reader.ended_trials(&record.name)?;
    let failed = reader.failures(&record.name)?.values().sum();
    let best = match step {
        Some(Step::Robustness(_) | Step::Export(_)) => None,
        _ => ranked_of(&record.name, false, scorer, reader)?.into_iter().next(),
    };
    let best = best.map(|best: Candidate| Best {
        id: best.id,
        genotype: record.decisions.iter().cloned().zip(best.genotype.iter().copied()).collect(),
        metrics: best.metrics.clone(),
        feasible: best.feasible,
    });
    let results = if matches!(record.kind.as_str(), "train" | "robustness") {
        results(&reader.trials(&record.name)?)
    } else {
        Vec::new()
    };
    Ok(StepSummary {
        kind: record.kind.clone(),
        state: record.state,
        trials: ended,
        best,
        results,
        robustness: IndexMap::new(),
        comparison: None,
        artifacts,
        failed,
        seconds: record.seconds,
    })
}

/// Mean accuracies over repeats, by candidate, corruption or attack, severity or epsilon.
fn robustness_of(
    trials: &[TrialRecord],
    attacks: &IndexMap<String, Attack>,
) -> IndexMap<u32, IndexMap<String, IndexMap<String, f64>>> {
    let mut all: IndexMap<u32, IndexMap<String, IndexMap<String, Vec<f64>>>> = IndexMap::new();
    for trial in trials {
        let (Some(candidate), Some(metrics)) = (trial.request.candidate, trial.metrics()) else { continue };
        for (name, value) in metrics {
            let Ok(metric) = name.parse::<Metric>() else { continue };
            let (of, at) = match (metric.name.as_str(), metric.arguments.as_slice()) {
                ("accuracy", [corruption, severity]) => (corruption.clone(), severity.clone()),
                ("accuracy", [name]) => match attacks.get(name) {
                    Some(attack) => (name.clone(), attack.epsilon().to_string()),
                    // A mean over severities.
                    None => continue,
                },
                _ => continue,
            };
            all.entry(candidate).or_default().entry(of).or_default().entry(at).or_default().push(*value);
        }
    }
    let mean = |values: Vec<f64>| values.iter().sum::<f64>() / values.len() as f64;
    all.into_iter()
        .map(|(candidate, of)| {
            let means =
                |at: IndexMap<String, Vec<f64>>| at.into_iter().map(|(at, values)| (at, mean(values))).collect();
            (candidate, of.into_iter().map(|(name, at)| (name, means(at))).collect())
        })
        .collect()
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
