//! A robustness step: trained networks on corrupted and on attacked inputs of the validation part.

use crate::error::RunError;
use crate::evaluation::{Evaluations, Weights};
use crate::events::Event;
use crate::measures::Measures;
use crate::outcome::Evaluated;
use crate::score::Scorer;
use crate::session::Session;
use crate::train::{report, some_measured, weights_path};
use pleach_space::Space;
use pleach_store::{Outcome, Request, TrialRecord};
use std::collections::HashMap;
use std::path::Path;

/// Measures the trainings of the step named `source` that are given, ordered by candidate, then repeat; a candidate keeps the
/// number that it has there.
///
/// # Errors
/// Evaluation cannot go on, not one network was measured, or the record cannot be written.
#[allow(clippy::too_many_arguments)]
pub(crate) fn run(
    name: &str,
    space: &Space,
    source: &str,
    trained: &[TrialRecord],
    measures: &Measures,
    folder: &Path,
    evaluations: &mut Evaluations<'_>,
    scorer: &Scorer,
    recorded: Vec<TrialRecord>,
    session: &mut Session<'_>,
) -> Result<(), RunError> {
    let recorded: HashMap<u64, TrialRecord> = recorded.into_iter().map(|trial| (trial.id, trial)).collect();
    let mut opened = Vec::new();
    for (id, training) in (0u64..).zip(trained) {
        let Request { genotype, repeat, candidate, .. } = &training.request;
        let (repeat, candidate) = (*repeat, *candidate);
        session.emit(&Event::TrialAsked { step: name, id, genotype, fidelity: 1.0, repeat, candidate })?;
        if let Some(trial) = recorded.get(&id).filter(|trial| trial.outcome != Outcome::Running) {
            report(name, trial, scorer, true, session)?;
            continue;
        }
        let number = u64::from(candidate.unwrap_or_default());
        let file = folder.join(weights_path(source, number, repeat));
        let key = training.key.as_deref().unwrap_or_default();
        let begun = evaluations.open_measures(id, Weights { space, genotype, repeat, key, file: &file, measures })?;
        let request = Request { job: "measure".to_owned(), candidate, ..Request::train(genotype.clone(), 1.0, repeat) };
        let mut trial = TrialRecord::running(id, request, 0.0, begun.cost);
        trial.key = begun.key;
        session.writer().record_trial(name, &trial)?;
        opened.push((trial, begun.infeasible));
    }
    session.commit()?;
    for (mut trial, infeasible) in opened {
        let evaluated = match infeasible {
            Some(message) => Evaluated::infeasible(message),
            None => evaluations.close(name, trial.id, session)?.evaluated,
        };
        trial.outcome = match evaluated.result {
            Ok(values) => Outcome::Measured(values.into_metrics()),
            Err(failure) => Outcome::Failed(failure),
        };
        trial.cached = evaluated.cached;
        trial.seconds = evaluated.seconds;
        trial.worker = evaluated.worker;
        session.writer().record_trial(name, &trial)?;
        session.commit()?;
        report(name, &trial, scorer, false, session)?;
    }
    some_measured(name, "measurement", &session.writer().trials(name)?)
}
