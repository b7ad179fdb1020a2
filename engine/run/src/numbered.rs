//! Steps without a strategy: their trials are numbered by the engine, begun together and waited for in order.

use crate::error::RunError;
use crate::evaluation::{Evaluations, Opened};
use crate::events::Event;
use crate::outcome::{Evaluated, Values};
use crate::score::Scorer;
use crate::session::Session;
use crate::train::{TEST, keep_weights};
use pleach_store::{Outcome, Request, TrialRecord};
use std::collections::HashMap;
use std::path::Path;

/// Has every request evaluated that was not before; `open` begins one under its number, its place in the list. Weights that come
/// of one are kept in the run's folder. `what` says in a word what one is.
///
/// # Errors
/// Evaluation cannot go on, not one trial was measured, or the record cannot be written.
#[allow(clippy::too_many_arguments)]
pub(crate) fn run(
    step: &str,
    what: &str,
    requests: &[Request],
    folder: &Path,
    evaluations: &mut Evaluations<'_>,
    scorer: &Scorer,
    session: &mut Session<'_>,
    open: &mut dyn FnMut(&mut Evaluations<'_>, u64, &Request) -> Result<Opened, RunError>,
) -> Result<(), RunError> {
    let recorded: HashMap<u64, TrialRecord> =
        session.writer().trials(step)?.into_iter().map(|trial| (trial.id, trial)).collect();
    let mut opened = Vec::new();
    for (id, request) in (0u64..).zip(requests) {
        let Request { genotype, fidelity, repeat, candidate, .. } = request;
        let (fidelity, repeat, candidate) = (*fidelity, *repeat, *candidate);
        session.emit(&Event::TrialAsked { step, id, genotype, fidelity, repeat, candidate })?;
        if let Some(trial) = recorded.get(&id).filter(|trial| trial.outcome != Outcome::Running) {
            report(step, trial, scorer, true, session)?;
            continue;
        }
        let begun = open(evaluations, id, request)?;
        let mut trial = TrialRecord::running(id, request.clone(), 0.0, begun.cost);
        trial.key = begun.key;
        session.writer().record_trial(step, &trial)?;
        opened.push((trial, begun.infeasible));
    }
    session.commit()?;
    for (mut trial, infeasible) in opened {
        let (evaluated, test, weights) = match infeasible {
            Some(message) => (Evaluated::infeasible(message), Default::default(), None),
            None => {
                let closed = evaluations.close(step, trial.id, session)?;
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
            keep_weights(step, candidate, trial.request.repeat, &weights, folder, session)?;
        }
        session.writer().record_trial(step, &trial)?;
        session.commit()?;
        report(step, &trial, scorer, false, session)?;
    }
    some_measured(step, what, &session.writer().trials(step)?)
}

/// A step of which nothing came has failed.
fn some_measured(step: &str, what: &str, trials: &[TrialRecord]) -> Result<(), RunError> {
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

fn report(
    step: &str,
    trial: &TrialRecord,
    scorer: &Scorer,
    replayed: bool,
    session: &mut Session<'_>,
) -> Result<(), RunError> {
    let values = trial.metrics().map(|metrics| Values::Named(metrics.clone()));
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
        end: trial.end,
        seconds: trial.seconds,
    })
}
