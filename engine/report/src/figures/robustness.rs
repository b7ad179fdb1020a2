//! Networks on corrupted and attacked inputs.

use crate::recorded::{Recorded, RecordedStep};
use indexmap::IndexMap;
use pleach_run::Spread;
use pleach_spec::{Metric, Step};
use serde::Serialize;

/// What a `robustness` step measured.
#[derive(Debug, Clone, Serialize)]
pub struct Robustness {
    /// The record's name.
    pub step: String,
    /// Each candidate.
    pub candidates: Vec<RobustnessOf>,
}

/// What was measured of one candidate.
#[derive(Debug, Clone, Serialize)]
pub struct RobustnessOf {
    /// Its number.
    pub candidate: u32,
    /// Accuracy on clean inputs.
    pub clean: Option<Spread>,
    /// One a corruption: accuracy by severity.
    pub corruptions: Vec<Series>,
    /// One an attack: accuracy at its epsilon.
    pub attacks: Vec<Series>,
}

/// Accuracies under one corruption or attack.
#[derive(Debug, Clone, Serialize)]
pub struct Series {
    /// The corruption, or the attack's name.
    pub name: String,
    /// By rising severity or epsilon.
    pub points: Vec<RobustnessPoint>,
}

/// The accuracy at one severity or epsilon, over repeats.
#[derive(Debug, Clone, Serialize)]
pub struct RobustnessPoint {
    /// The severity, 1 to 5, or the epsilon in units of data scaled to 0..1; none where it is not known.
    pub strength: Option<f64>,
    /// The accuracy.
    pub accuracy: Spread,
}

pub(super) fn robustness(recorded: &Recorded) -> Vec<Robustness> {
    recorded
        .main_steps()
        .filter(|step| step.record.kind == "robustness")
        .filter_map(|step| of(recorded, step))
        .collect()
}

fn of(recorded: &Recorded, step: &RecordedStep) -> Option<Robustness> {
    let mut by_candidate: IndexMap<u32, IndexMap<String, Vec<f64>>> = IndexMap::new();
    for trial in &step.trials {
        let own = by_candidate.entry(trial.request.candidate.unwrap_or_default()).or_default();
        for (name, value) in trial.metrics().into_iter().flatten() {
            own.entry(name.clone()).or_default().push(*value);
        }
    }
    by_candidate.sort_unstable_keys();
    by_candidate.retain(|_, metrics| !metrics.is_empty());
    let candidates = by_candidate.into_iter().map(|(candidate, metrics)| {
        let mut result = RobustnessOf { candidate, clean: None, corruptions: Vec::new(), attacks: Vec::new() };
        for (name, values) in metrics {
            let Ok(metric) = name.parse::<Metric>() else { continue };
            let accuracy = Spread::of(values);
            match (metric.name.as_str(), metric.arguments.as_slice()) {
                ("accuracy", []) => result.clean = Some(accuracy),
                // The mean over severities follows from them.
                ("accuracy", [under]) if pleach_spec::Corruption::of(under).is_some() => {}
                ("accuracy", [attack]) => {
                    let strength = epsilon(recorded, &step.role.step, attack);
                    push(&mut result.attacks, attack, RobustnessPoint { strength, accuracy });
                }
                ("accuracy", [under, strength]) => {
                    let point = RobustnessPoint { strength: strength.parse().ok(), accuracy };
                    let corruption = pleach_spec::Corruption::of(under).is_some();
                    push(if corruption { &mut result.corruptions } else { &mut result.attacks }, under, point);
                }
                _ => {}
            }
        }
        result
    });
    let candidates: Vec<RobustnessOf> = candidates.collect();
    (!candidates.is_empty()).then(|| Robustness { step: step.record.name.clone(), candidates })
}

fn push(series: &mut Vec<Series>, name: &str, point: RobustnessPoint) {
    let place = series.iter().position(|series| series.name == name).unwrap_or_else(|| {
        series.push(Series { name: name.to_owned(), points: Vec::new() });
        series.len() - 1
    });
    let points = &mut series[place].points;
    points.push(point);
    points.sort_by(|a, b| a.strength.unwrap_or(f64::NAN).total_cmp(&b.strength.unwrap_or(f64::NAN)));
}

/// The epsilon of an attack: of the step's own, else of the experiment's.
fn epsilon(recorded: &Recorded, step: &str, attack: &str) -> Option<f64> {
    let own = match recorded.experiment.steps.get(step) {
        Some(Step::Robustness(step)) => step.attacks.as_ref(),
        _ => None,
    };
    own.and_then(|attacks| attacks.get(attack)).or_else(|| recorded.experiment.attacks.get(attack)).map(|a| a.epsilon())
}
