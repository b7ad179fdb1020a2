//! Requirements of steps: what must hold of their candidates, or the run has failed.

use crate::error::RunError;
use crate::results::ranked_of;
use crate::score::Scorer;
use crate::select::{Candidate, select};
use pleach_evaluate::value_of;
use pleach_spec::{Experiment, Step};
use pleach_store::{RunReader, StepState, TrialRecord};
use serde::{Deserialize, Serialize};

/// A requirement of a step and what it was held against.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Required {
    /// The step.
    pub step: String,
    /// The candidate: its number in the step; none of a search, of which the best one counts.
    pub candidate: Option<u64>,
    /// The requirement as written.
    pub text: String,
    /// The value, as the mean over repeats; none where it was not measured.
    pub value: Option<f64>,
    /// The bound.
    pub bound: f64,
    /// Whether it holds.
    pub passed: bool,
}

impl std::fmt::Display for Required {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Required { step, text, bound, .. } = self;
        write!(f, "step `{step}`")?;
        match self.candidate {
            Some(candidate) => write!(f, ", candidate {candidate}")?,
            None => write!(f, ", its best candidate")?,
        }
        let metric = text.split(['<', '>']).next().unwrap_or_default().trim();
        match (self.value, self.passed) {
            (Some(value), true) => write!(f, ": `{text}` holds: {metric} is {value:.6}"),
            (Some(value), false) => {
                write!(f, ": `{text}` does not hold: {metric} is {value:.6}, {:.6} off {bound}", (value - bound).abs())
            }
            (None, _) => write!(f, ": `{text}` does not hold: {metric} was not measured"),
        }
    }
}

/// All requirements of the steps that are done, in the order of the experiment.
///
/// # Errors
/// The record cannot be read.
pub fn required(experiment: &Experiment, scorer: &Scorer, reader: &RunReader) -> Result<Vec<Required>, RunError> {
    let mut all = Vec::new();
    for (name, step) in &experiment.steps {
        let done = reader.step(name)?.is_some_and(|record| record.state == StepState::Done);
        if step.require().is_empty() || !done {
            continue;
        }
        let severities = match step {
            Step::Robustness(step) => step.severities.as_ref().unwrap_or(&experiment.severities),
            _ => &experiment.severities,
        };
        for (candidate, metric) in of_step(name, step, scorer, reader)? {
            for requirement in step.require() {
                let value = value_of(&requirement.metric, severities, &metric);
                all.push(Required {
                    step: name.clone(),
                    candidate,
                    text: requirement.to_string(),
                    value,
                    bound: requirement.bound,
                    passed: value.is_some_and(|value| requirement.violation(value) <= 0.0),
                });
            }
        }
    }
    Ok(all)
}

type Value = Box<dyn Fn(&str) -> Option<f64>>;

/// The candidates of a step that its requirements are about, and their metrics.
fn of_step(
    name: &str,
    step: &Step,
    scorer: &Scorer,
    reader: &RunReader,
) -> Result<Vec<(Option<u64>, Value)>, RunError> {
    let of_candidate = |candidate: &Candidate| -> Value {
        let metrics = candidate.metrics.clone();
        Box::new(move |name: &str| metrics.get(name).copied())
    };
    Ok(match step {
        Step::Search(_) | Step::Hpo(_) => {
            let ranked = ranked_of(name, false, scorer, reader)?;
            match ranked.first() {
                Some(best) => vec![(None, of_candidate(best))],
                None => vec![(None, Box::new(|_: &str| None))],
            }
        }
        Step::Train(_) => by_candidate(reader.trials(name)?),
        Step::Robustness(robustness) => {
            // What the step measured, then what its candidates' training did.
            let mut trained = by_candidate(reader.trials(robustness.candidates.step())?);
            let own = by_candidate(reader.trials(name)?).into_iter();
            own.map(|(candidate, measured)| {
                let place = trained.iter().position(|(other, _)| *other == candidate);
                let before = place.map(|place| trained.swap_remove(place).1);
                let both = move |name: &str| measured(name).or_else(|| before.as_ref()?(name));
                (candidate, Box::new(both) as Value)
            })
            .collect()
        }
        Step::Export(export) => {
            let source = export.candidates.step();
            let chosen =
                select(&export.candidates, &ranked_of(source, false, scorer, reader)?, &[]).unwrap_or_default();
            let trained = by_candidate(reader.trials(source)?);
            trained.into_iter().filter(|(number, _)| chosen.iter().any(|(one, _)| Some(*one) == *number)).collect()
        }
    })
}

/// The mean of each metric over a candidate's repeats; a metric that one repeat lacks has none.
fn by_candidate(trials: Vec<TrialRecord>) -> Vec<(Option<u64>, Value)> {
    let mut groups: Vec<(u32, Vec<TrialRecord>)> = Vec::new();
    for trial in trials {
        let number = trial.request.candidate.unwrap_or_default();
        match groups.iter_mut().find(|(other, _)| *other == number) {
            Some((_, group)) => group.push(trial),
            None => groups.push((number, vec![trial])),
        }
    }
    groups.sort_by_key(|(number, _)| *number);
    let mean = |group: Vec<TrialRecord>| -> Value {
        Box::new(move |name: &str| {
            let values: Option<Vec<f64>> = group.iter().map(|trial| trial.metrics()?.get(name).copied()).collect();
            let values = values.filter(|values| !values.is_empty())?;
            Some(values.iter().sum::<f64>() / values.len() as f64)
        })
    };
    groups.into_iter().map(|(number, group)| (Some(u64::from(number)), mean(group))).collect()
}
