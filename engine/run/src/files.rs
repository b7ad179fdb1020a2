//! What a run leaves for people: `best.yaml`, `trials.csv`, `front.csv`.

use crate::error::RunError;
use crate::export::fixed_experiment;
use crate::parts::part_of;
use crate::prepared::Prepared;
use crate::score::Scorer;
use crate::select::front;
use pleach_space::{Domain, View, is_active};
use pleach_spec::{Reference, Step};
use pleach_store::{RunFolder, RunReader, TrialRecord, TrialTable};
use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;

const BEST: &str = "best.yaml";
const TRIALS: &str = "trials.csv";
const FRONT: &str = "front.csv";

/// A genotype's value as text: the option's label or the number; empty where it does not count.
pub(crate) fn value_text(view: &View, genotype: &[f64], place: usize) -> String {
    if !is_active(view.decisions(), genotype, place) {
        return String::new();
    }
    match &view.decisions()[place].domain {
        Domain::Choice(options) => options.get(genotype[place] as usize).cloned().unwrap_or_default(),
        Domain::Levels(levels) => levels.get(genotype[place] as usize).map(ToString::to_string).unwrap_or_default(),
        Domain::Integer { .. } | Domain::Real { .. } => genotype[place].to_string(),
    }
}

/// Whether one of the files is not there.
pub(crate) fn are_missing(folder: &RunFolder) -> bool {
    [BEST, TRIALS, FRONT].iter().any(|name| !folder.path().join(name).exists())
}

/// Writes the files anew from the record.
///
/// # Errors
/// The record cannot be read, or a file not be written.
pub(crate) fn write(
    prepared: &Prepared,
    folder: &RunFolder,
    scorer: &Scorer,
    reader: &RunReader,
) -> Result<(), RunError> {
    let (space, results) = (&prepared.space, prepared.results(scorer, reader));
    let whole = View::new(space.clone(), pleach_spec::Decide::All, space.defaults());
    let mut records = reader.steps()?;
    records.sort_by_key(|record| prepared.experiment.steps.get_index_of(part_of(&record.name).0));
    let mut metrics: Vec<String> = Vec::new();
    for record in &records {
        for name in reader.metric_names(&record.name)? {
            if !metrics.contains(&name) {
                metrics.push(name);
            }
        }
    }
    let decisions: Vec<String> = whole.decisions().iter().map(|decision| decision.path.clone()).collect();
    // A million trials are never in memory together.
    let table = |keep: &dyn Fn(&str, &TrialRecord) -> bool, path: &Path| -> Result<(), RunError> {
        TrialTable::write(path, &decisions, &metrics, |table| {
            for record in &records {
                let (name, ..) = part_of(&record.name);
                let Some(step) = prepared.experiment.steps.get(name) else { continue };
                // Nothing was asked yet, so what the step decides need not be known.
                let mut trials = reader.each_trial(&record.name).peekable();
                if trials.peek().is_none() {
                    continue;
                }
                let view = match step.searching() {
                    Some(_) => Some(results.view(step)?),
                    None => None,
                };
                let own = !Arc::ptr_eq(prepared.space_of(name), space);
                for trial in trials {
                    let trial = trial?;
                    if !keep(&record.name, &trial) {
                        continue;
                    }
                    let full = match &view {
                        Some(view) => view.full(&trial.request.genotype),
                        None => trial.request.genotype.clone(),
                    };
                    // A network that a step brought has no decisions of the space.
                    let text = |place| if own { String::new() } else { value_text(&whole, &full, place) };
                    let row: Vec<String> = (0..decisions.len()).map(text).collect();
                    let failed = |source| RunError::File { path: path.to_owned(), source };
                    table.row(&record.name, &trial, &row).map_err(failed)?;
                }
            }
            Ok(())
        })
    };
    table(&|_, _| true, &folder.path().join(TRIALS))?;

    // The front and the best of the last step that has candidates of the space.
    for name in prepared.order.iter().rev() {
        let step = &prepared.experiment.steps[name];
        let own = !Arc::ptr_eq(prepared.space_of(name), space);
        let baseline = matches!(step.candidates(), Some(Reference::Baseline(_)));
        if own || baseline || matches!(step, Step::Export(_) | Step::Robustness(_)) {
            continue;
        }
        let (ranked, _) = results.of(name, false)?;
        let Some(best) = ranked.iter().find(|candidate| candidate.feasible) else { continue };
        // By record and trial; a step that trains candidates numbers them over all of its trials.
        let front: HashSet<(&str, u64)> =
            front(&ranked).into_iter().map(|candidate| (candidate.record.as_str(), candidate.id)).collect();
        let of = |record: &str, trial: &TrialRecord| {
            let (step, baseline, _) = part_of(record);
            let id = trial.request.candidate.map_or(trial.id, u64::from);
            step == name && !baseline && front.contains(&(record, id))
        };
        table(&of, &folder.path().join(FRONT))?;
        let origin = [format!("the best of step `{name}`, mean of {} trainings", best.trials)];
        let text = fixed_experiment(&prepared.experiment.name, &origin, &best.metrics, &best.genotype, prepared, space)
            .map_err(|source| RunError::Export { step: name.clone(), source })?;
        folder.write_file(BEST, text.as_bytes())?;
        break;
    }
    Ok(())
}
