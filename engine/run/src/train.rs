//! A train step: every candidate in full, on seeds of its own, measured on validation and test data.

use crate::error::RunError;
use crate::evaluation::{Evaluations, Wanted};
use crate::events::Event;
use crate::measures::Measures;
use crate::outcome::Evaluated;
use crate::score::Scorer;
use crate::session::Session;
use pleach_space::{Genotype, Space};
use pleach_store::{ArtifactRecord, Outcome, Request, TrialRecord, file_digest};
use std::collections::HashMap;
use std::path::{Path, PathBuf};

/// Before the names of metrics that were measured on the test part.
pub const TEST: &str = "test_";

/// Where the weights of a training lie, from the run's folder.
pub fn weights_path(step: &str, candidate: u64, repeat: u32) -> String {
    format!("artifacts/{step}/{candidate}/repeat-{repeat}.safetensors")
}

/// Trains each of the candidates `repeats` times; trials are numbered by candidate, then repeat.
///
/// # Errors
/// Evaluation cannot go on, not one training was measured, or the record cannot be written.
#[allow(clippy::too_many_arguments)]
pub(crate) fn run(
    name: &str,
    space: &Space,
    candidates: &[Genotype],
    repeats: u32,
    measures: &Measures,
    folder: &Path,
    evaluations: &mut Evaluations<'_>,
    scorer: &Scorer,
    recorded: Vec<TrialRecord>,
    session: &mut Session<'_>,
) -> Result<(), RunError> {
    let recorded: HashMap<u64, TrialRecord> = recorded.into_iter().map(|trial| (trial.id, trial)).collect();
    let mut opened = Vec::new();
    for (candidate, genotype) in candidates.iter().enumerate() {
        for repeat in 0..repeats {
            let id = candidate as u64 * u64::from(repeats) + u64::from(repeat);
            let done = recorded.get(&id).filter(|trial| trial.outcome != Outcome::Running);
            let request =
                Request { candidate: Some(candidate as u32), ..Request::train(genotype.clone(), 1.0, repeat) };
            session.emit(&Event::TrialAsked {
                step: name,
                id,
                genotype,
                fidelity: 1.0,
                repeat,
                candidate: Some(candidate as u32),
            })?;
            if let Some(trial) = done {
                report(name, trial, scorer, true, session)?;
                continue;
            }
            let wanted = Wanted {
                space,
                genotype,
                fidelity: 1.0,
                repeat,
                last: true,
                measures,
                resumable: false,
                resumed: None,
            };
            let begun = evaluations.open(id, wanted, &mut |_| true)?.expect("nothing forbids it");
            let mut trial = TrialRecord::running(id, request, 0.0, begun.cost);
            trial.key = begun.key;
            session.writer().record_trial(name, &trial)?;
            opened.push((trial, begun.infeasible));
        }
    }
    session.commit()?;
    for (mut trial, infeasible) in opened {
        let (evaluated, test, weights) = match infeasible {
            Some(message) => (Evaluated::infeasible(message), Default::default(), None),
            None => {
                let closed = evaluations.close(name, trial.id, session)?;
                (closed.evaluated, closed.test, closed.weights)
            }
        };
        trial.outcome = match evaluated.result {
            Ok(values) => {
                let mut metrics = values.into_metrics();
                metrics.extend(test.into_iter().map(|(metric, value)| (format!("{TEST}{metric}"), value)));
                Outcome::Measured(metrics)
            }
            Err(failure) => Outcome::Failed(failure),
        };
        trial.curves = evaluated.curves;
        trial.cached = evaluated.cached;
        trial.seconds = evaluated.seconds;
        trial.worker = evaluated.worker;
        if let (Some(weights), Some(candidate)) = (weights, trial.request.candidate) {
            keep_weights(name, candidate, trial.request.repeat, &weights, folder, session)?;
        }
        session.writer().record_trial(name, &trial)?;
        session.commit()?;
        report(name, &trial, scorer, false, session)?;
    }
    some_measured(name, "training", &session.writer().trials(name)?)
}

/// A step of which nothing came has failed.
pub(crate) fn some_measured(step: &str, what: &str, trials: &[TrialRecord]) -> Result<(), RunError> {
    if trials.iter().any(|trial| matches!(trial.outcome, Outcome::Measured(_))) {
        return Ok(());
    }
    let why = trials.iter().find_map(|trial| match &trial.outcome {
        Outcome::Failed(failure) => Some(format!("{}: {}", failure.reason, failure.message)),
        _ => None,
    });
    let message = format!("step `{step}`: every {what} failed; the first: {}", why.unwrap_or_default());
    Err(RunError::Evaluation { message })
}

/// Copies weights into the run's folder.
fn keep_weights(
    step: &str,
    candidate: u32,
    repeat: u32,
    weights: &Path,
    folder: &Path,
    session: &mut Session<'_>,
) -> Result<(), RunError> {
    let path = weights_path(step, u64::from(candidate), repeat);
    let target: PathBuf = folder.join(&path);
    let failed = |source| RunError::File { path: target.clone(), source };
    std::fs::create_dir_all(target.parent().expect("the file lies in a folder")).map_err(failed)?;
    std::fs::copy(weights, &target).map_err(failed)?;
    record_artifact(step, Some(candidate), Some(repeat), "weights", path, folder, session)
}

/// Records a file that a step left, and says so.
pub(crate) fn record_artifact(
    step: &str,
    candidate: Option<u32>,
    repeat: Option<u32>,
    kind: &str,
    path: String,
    folder: &Path,
    session: &mut Session<'_>,
) -> Result<(), RunError> {
    let digest = file_digest(&folder.join(&path))?;
    session.emit(&Event::Artifact { step, candidate, kind, path: &path, digest: &digest })?;
    let artifact = ArtifactRecord { step: step.to_owned(), candidate, repeat, kind: kind.to_owned(), path, digest };
    Ok(session.writer().record_artifact(&artifact)?)
}

pub(crate) fn report(
    step: &str,
    trial: &TrialRecord,
    scorer: &Scorer,
    replayed: bool,
    session: &mut Session<'_>,
) -> Result<(), RunError> {
    let values = trial.metrics().map(|metrics| crate::outcome::Values::Named(metrics.clone()));
    let failure = match &trial.outcome {
        Outcome::Failed(failure) => Some(failure),
        _ => None,
    };
    let metric = |name: &str| trial.metrics()?.get(name).copied();
    let feasible = values.is_some() && scorer.violations(metric).iter().all(|violation| *violation <= 0.0);
    session.emit(&Event::TrialDone {
        step,
        id: trial.id,
        metrics: values.as_ref(),
        failure,
        losses: &scorer.losses(metric),
        feasible,
        cached: trial.cached,
        replayed,
        cost: trial.cost,
        seconds: trial.seconds,
    })
}
