//! Learning curves: metrics by epoch.

use super::spread_over;
use crate::recorded::{Recorded, RecordedStep};
use pleach_store::TrialRecord;
use serde::Serialize;

/// At most this many trials of a step and metric;
const TRIALS: usize = 100;
/// of a repeat or a baseline, of which only the first metric is shown, so many.
const OF_PART: usize = 30;
/// At most this many epochs of a curve.
const EPOCHS: usize = 80;

/// A metric of a step's trials by epoch.
#[derive(Debug, Clone, Serialize)]
pub struct Curves {
    /// The record's name.
    pub step: String,
    /// The metric.
    pub metric: String,
    /// Trials with such a curve.
    pub trials: usize,
    /// Those shown: the best and others, evenly spread over the step.
    pub curves: Vec<Curve>,
}

/// The curve of one trial.
#[derive(Debug, Clone, Serialize)]
pub struct Curve {
    /// The trial.
    pub trial: u64,
    /// Its candidate, in steps that have candidates.
    pub candidate: Option<u32>,
    /// Its repetition.
    pub repeat: u32,
    /// Whether it belongs to the step's best candidate.
    pub best: bool,
    /// What the trial is, in words.
    pub title: String,
    /// Epoch, from 1, and value; a long curve is thinned out, its last epoch kept.
    pub points: Vec<(u32, f64)>,
}

pub(super) fn curves(recorded: &Recorded) -> Vec<Curves> {
    let mut all = Vec::new();
    let with_curves = |step: &&RecordedStep| step.trials.iter().any(|trial| !trial.curves.is_empty());
    for step in recorded.steps.iter().filter(with_curves) {
        let metrics = metrics(recorded, step);
        let shown = if step.role.is_main() { metrics.len() } else { 1 };
        for metric in metrics.into_iter().take(shown) {
            all.push(of(recorded, step, metric));
        }
    }
    all
}

/// The metrics that have curves, those of the objectives first.
fn metrics<'s>(recorded: &Recorded, step: &'s RecordedStep) -> Vec<&'s str> {
    let mut names: Vec<&str> = Vec::new();
    for epoch in step.trials.iter().filter_map(|trial| trial.curves.last()) {
        for name in epoch.keys() {
            if !names.contains(&name.as_str()) {
                names.push(name);
            }
        }
    }
    names.sort_by_key(|name| !recorded.experiment.objectives.iter().any(|o| o.metric().to_string() == *name));
    names
}

fn of(recorded: &Recorded, step: &RecordedStep, metric: &str) -> Curves {
    let has = |trial: &&TrialRecord| trial.curves.iter().any(|epoch| epoch.contains_key(metric));
    let trials: Vec<&TrialRecord> = step.trials.iter().filter(has).collect();
    let best = |trial: &TrialRecord| {
        step.candidates.first().is_some_and(|best| match trial.request.candidate {
            Some(candidate) => u64::from(candidate) == best.id,
            None => trial.id == best.id && step.record.name == best.record,
        })
    };
    let mut places = spread_over(trials.len(), if step.role.is_main() { TRIALS } else { OF_PART });
    places.extend((0..trials.len()).filter(|place| best(trials[*place])));
    places.sort_unstable();
    places.dedup();
    let curve = |place: usize| {
        let trial = trials[place];
        let kept = spread_over(trial.curves.len(), EPOCHS).into_iter();
        let points = kept.filter_map(|epoch| {
            let value = trial.curves[epoch].get(metric).copied().filter(|value| value.is_finite())?;
            Some((epoch as u32 + 1, value))
        });
        Curve {
            trial: trial.id,
            candidate: trial.request.candidate,
            repeat: trial.request.repeat,
            best: best(trial),
            title: title(recorded, step, trial),
            points: points.collect(),
        }
    };
    Curves {
        step: step.record.name.clone(),
        metric: metric.to_owned(),
        trials: trials.len(),
        curves: places.into_iter().map(curve).collect(),
    }
}

/// What a trial is, in words.
fn title(recorded: &Recorded, step: &RecordedStep, trial: &TrialRecord) -> String {
    let mut words = match trial.request.candidate {
        Some(candidate) => format!("candidate {candidate}, repeat {}", trial.request.repeat),
        None => format!("trial {}", trial.id),
    };
    if trial.request.fidelity != 1.0 {
        words.push_str(&format!(", fidelity {}", crate::words::number(trial.request.fidelity)));
    }
    if trial.request.candidate.is_none() {
        let values: Vec<String> =
            step.described(recorded, &trial.request.genotype).into_iter().map(|(_, value)| value).take(8).collect();
        if !values.is_empty() {
            words.push_str(&format!(": {}", values.join(", ")));
        }
    }
    words
}
