//! What a run leaves for people: `best.yaml`, `trials.csv`, `front.csv`.

use crate::error::RunError;
use crate::export::fixed_experiment;
use crate::parts::part_of;
use crate::prepared::Prepared;
use crate::score::Scorer;
use crate::select::front;
use pleach_space::{Domain, View, is_active};
use pleach_spec::{Reference, Step};
use pleach_store::{RunFolder, RunReader, StepRecord, TrialRecord, TrialRow, TrialTable};
use std::path::Path;
use std::sync::Arc;

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
    let mut records: Vec<(StepRecord, Vec<TrialRecord>)> = Vec::new();
    for record in reader.steps()? {
        let trials = reader.trials(&record.name)?;
        records.push((record, trials));
    }
    records.sort_by_key(|(record, _)| prepared.experiment.steps.get_index_of(part_of(&record.name).0));
    let mut metrics: Vec<String> = Vec::new();
    for trial in records.iter().flat_map(|(_, trials)| trials) {
        for name in trial.metrics().into_iter().flat_map(|metrics| metrics.keys()) {
            if !metrics.contains(name) {
                metrics.push(name.clone());
            }
        }
    }
    let decisions: Vec<String> = whole.decisions().iter().map(|decision| decision.path.clone()).collect();
    let mut rows: Vec<Vec<Vec<String>>> = Vec::with_capacity(records.len());
    for (record, trials) in &records {
        let (name, ..) = part_of(&record.name);
        let Some(step) = prepared.experiment.steps.get(name).filter(|_| !trials.is_empty()) else {
            rows.push(Vec::new());
            continue;
        };
        let view = match step.searching() {
            Some(_) => Some(results.view(step)?),
            None => None,
        };
        let own = !Arc::ptr_eq(prepared.space_of(name), space);
        let row = |trial: &TrialRecord| -> Vec<String> {
            let full = match &view {
                Some(view) => view.full(&trial.request.genotype),
                None => trial.request.genotype.clone(),
            };
            // A network that a step brought has no decisions of the space.
            (0..decisions.len())
                .map(|place| if own { String::new() } else { value_text(&whole, &full, place) })
                .collect()
        };
        rows.push(trials.iter().map(row).collect());
    }
    let table = |keep: &dyn Fn(&str, &TrialRecord) -> bool, path: &Path| -> Result<(), RunError> {
        let mut table = TrialTable { decisions: decisions.clone(), metrics: metrics.clone(), rows: Vec::new() };
        for ((record, trials), rows) in records.iter().zip(&rows) {
            for (trial, decisions) in trials.iter().zip(rows).filter(|(trial, _)| keep(&record.name, trial)) {
                table.rows.push(TrialRow { step: &record.name, trial, decisions: decisions.clone() });
            }
        }
        Ok(table.write(path)?)
    };
    table(&|_, _| true, &folder.path().join("trials.csv"))?;

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
        let front = front(&ranked);
        let of = |record: &str, trial: &TrialRecord| {
            let (step, baseline, _) = part_of(record);
            step == name
                && !baseline
                && front.iter().any(|candidate| match trial.request.candidate {
                    Some(number) => u64::from(number) == candidate.id,
                    None => candidate.record == record && trial.id == candidate.id,
                })
        };
        table(&of, &folder.path().join("front.csv"))?;
        let origin = [format!("the best of step `{name}`, mean of {} trainings", best.trials)];
        let text = fixed_experiment(&prepared.experiment.name, &origin, &best.metrics, &best.genotype, prepared, space)
            .map_err(|source| RunError::Export { step: name.clone(), source })?;
        folder.write_file("best.yaml", text.as_bytes())?;
        break;
    }
    Ok(())
}
