//! What a run came to: the public shape of `pleach show RUN --format json`.

use crate::error::RunError;
use crate::gate::{Required, required};
use crate::parts::part_of;
use crate::results::ranked_of;
use crate::score::Scorer;
use crate::select::{Candidate, candidates};
use indexmap::IndexMap;
use pleach_spec::{Attack, Experiment, Metric, Objective, Requirement, Step};
use pleach_store::{ArtifactRecord, Outcome, RunReader, RunState, StepRecord, StepState, TrialRecord};
use serde::Serialize;

/// A run.
#[derive(Debug, Clone, Serialize)]
pub struct Summary {
    /// The experiment's name.
    pub name: String,
    /// `unfinished`, `done` or `failed`.
    pub state: String,
    /// Why it failed, if it did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// The digest of all that must be the same wherever the run is repeated.
    pub digest: String,
    /// The steps, in the order of the experiment.
    pub steps: IndexMap<String, StepSummary>,
    /// What steps require of their candidates, and whether it holds.
    pub requirements: Vec<Required>,
    /// The names of the objectives' metrics, the first objective first.
    #[serde(skip)]
    pub objectives: Vec<String>,
}

/// A step of a run.
#[derive(Debug, Clone, Serialize)]
pub struct StepSummary {
    /// `search`, `hpo`, `train`, `robustness` or `export`.
    pub kind: String,
    /// `pending`, `running`, `done` or `failed`.
    pub state: StepState,
    /// Trials that ended.
    pub trials: u64,
    /// The best candidate, where there is one.
    pub best: Option<Best>,
    /// Of a step that trains: each candidate, in their order.
    pub results: Vec<CandidateResult>,
    /// Of a robustness step: for each candidate, the mean accuracy over its repeats by corruption and severity, and by attack
    /// and epsilon.
    #[serde(skip_serializing_if = "IndexMap::is_empty")]
    pub robustness: IndexMap<u32, IndexMap<String, IndexMap<String, f64>>>,
    /// Of a step that searches: how its searches compare.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub comparison: Option<Comparison>,
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

/// The searches of one step, by the first objective of the best feasible candidate that each found.
#[derive(Debug, Clone, Serialize)]
pub struct Comparison {
    /// The metric that is compared.
    pub metric: String,
    /// The strategy.
    pub strategy: String,
    /// What its searches found, over seeds.
    pub found: Spread,
    /// The baseline's strategy, where there is one.
    pub baseline: Option<String>,
    /// What the baseline found on the same budgets.
    pub baseline_found: Option<Spread>,
    /// What can be said of it, in words.
    pub verdict: String,
}

impl Comparison {
    fn of(metric: &str, maximize: bool, strategy: &str, found: Vec<f64>, baseline: Option<(&str, Vec<f64>)>) -> Self {
        let better = |a: f64, b: f64| if maximize { a > b } else { a < b };
        let searches = found.len();
        let verdict = match &baseline {
            _ if searches == 1 => match &baseline {
                None => format!("a single search: it says nothing of how good `{strategy}` is; `repeats: 5` does"),
                Some((name, beside)) => {
                    let than = match beside.first() {
                        Some(&other) if better(found[0], other) => "better than",
                        Some(&other) if other == found[0] => "equal to",
                        _ => "not better than",
                    };
                    format!("a single search, {than} a single one by `{name}`: `repeats: 5` tells skill from luck")
                }
            },
            None => format!("{searches} searches"),
            Some((name, beside)) => {
                // Paired: the searches share seeds of trainings.
                let gains: Vec<f64> =
                    found.iter().zip(beside).map(|(a, b)| if maximize { a - b } else { b - a }).collect();
                let wins = gains.iter().filter(|gain| **gain > 0.0).count();
                let gain = Spread::of(gains);
                let error = gain.deviation / (gain.values.len() as f64).sqrt();
                let margin = student_t(gain.values.len()) * error;
                let claim = if gain.mean > margin {
                    format!("`{strategy}` is better than `{name}`")
                } else if gain.mean < -margin {
                    format!("`{strategy}` is worse than `{name}`")
                } else {
                    format!("`{strategy}` is not shown to be better than `{name}`")
                };
                format!(
                    "{claim}: {wins} of {searches} searches better, mean gain {:.4} ± {margin:.4} (95 %)",
                    gain.mean
                )
            }
        };
        Comparison {
            metric: metric.to_owned(),
            strategy: strategy.to_owned(),
            found: Spread::of(found),
            baseline: baseline.as_ref().map(|(name, _)| (*name).to_owned()),
            baseline_found: baseline.map(|(_, beside)| beside).filter(|beside| !beside.is_empty()).map(Spread::of),
            verdict,
        }
    }
}

/// The factor of a two-sided 95 % interval of the mean of so many values, Student's t distribution; exact to three digits up
/// to 31 values, of the normal distribution beyond.
fn student_t(values: usize) -> f64 {
    const T: [f64; 30] = [
        12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145, 2.131,
        2.120, 2.110, 2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042,
    ];
    match values {
        0 | 1 => f64::INFINITY,
        values => T.get(values - 2).copied().unwrap_or(1.96),
    }
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
            summary.comparison = comparison(record, step, objective, &records, &scorer, reader)?;
        }
        steps.insert(record.name.clone(), summary);
    }
    let requirements = match &experiment {
        Some(experiment) => required(experiment, &scorer, reader)?,
        None => Vec::new(),
    };
    let state = reader.state()?;
    let error = reader.meta(crate::execute::ERROR)?.filter(|_| state == RunState::Failed);
    Ok(Summary {
        name: reader.name()?,
        state: state.as_str().to_owned(),
        error,
        digest: pleach_store::digest(reader, pleach_evaluate::is_unrepeatable)?.run,
        steps,
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
    let trials = reader.trials(&record.name)?;
    let ended = trials.iter().filter(|trial| trial.outcome != Outcome::Running).count() as u64;
    let failed = trials.iter().filter(|trial| matches!(trial.outcome, Outcome::Failed(_))).count() as u64;
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
    let results = if matches!(record.kind.as_str(), "train" | "robustness") { results(&trials) } else { Vec::new() };
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

/// How the searches of a step compare, once all of them are done.
fn comparison(
    record: &StepRecord,
    step: &Step,
    objective: &Objective,
    records: &[StepRecord],
    scorer: &Scorer,
    reader: &RunReader,
) -> Result<Option<Comparison>, RunError> {
    let Some(searching) = step.searching().filter(|_| record.state == StepState::Done) else { return Ok(None) };
    let (mut found, mut beside) = (Vec::new(), Vec::new());
    let mut searches: Vec<(u32, bool, &str)> = records
        .iter()
        .map(|other| (part_of(&other.name), other.name.as_str()))
        .filter(|((step, ..), _)| *step == record.name)
        .map(|((_, baseline, repeat), name)| (repeat, baseline, name))
        .collect();
    searches.sort_unstable();
    for (_, baseline, name) in searches {
        let trials = [(name.to_owned(), reader.trials(name)?)];
        if let Some(best) = candidates(&trials, scorer).into_iter().find(|candidate| candidate.feasible) {
            let value = best.metrics.get(&objective.metric().to_string()).copied().unwrap_or(f64::NAN);
            if baseline { &mut beside } else { &mut found }.push(value);
        }
    }
    if found.is_empty() {
        return Ok(None);
    }
    let metric = objective.metric().to_string();
    let maximize = matches!(objective, Objective::Maximize(_));
    let baseline = searching.baseline.map(|name| (name, beside));
    Ok(Some(Comparison::of(&metric, maximize, searching.strategy, found, baseline)))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_several_searches_say_something_of_a_strategy() {
        let verdict = |found: &[f64], beside: &[f64]| {
            let baseline = (!beside.is_empty()).then(|| ("random", beside.to_vec()));
            Comparison::of("accuracy", true, "mine", found.to_vec(), baseline).verdict
        };
        assert!(verdict(&[0.9], &[]).starts_with("a single search: it says nothing"));
        assert!(verdict(&[0.9], &[0.8]).starts_with("a single search, better than a single one by `random`"));
        assert!(verdict(&[0.8], &[0.9]).starts_with("a single search, not better than"));
        let five = [0.9, 0.91, 0.92, 0.91, 0.9];
        assert!(verdict(&five, &[0.8, 0.82, 0.81, 0.8, 0.8]).starts_with("`mine` is better than `random`: 5 of 5"));
        assert!(verdict(&five, &[0.95, 0.85, 0.96, 0.86, 0.91]).starts_with("`mine` is not shown to be better"));
        assert!(verdict(&[0.8, 0.8, 0.81], &[0.9, 0.9, 0.9]).starts_with("`mine` is worse than `random`"));
    }

    #[test]
    fn a_spread_is_that_of_a_sample() {
        let spread = Spread::of(vec![1.0, 2.0, 3.0]);
        assert_eq!((spread.mean, spread.deviation), (2.0, 1.0));
        assert_eq!(Spread::of(vec![5.0]).deviation, 0.0);
    }
}
