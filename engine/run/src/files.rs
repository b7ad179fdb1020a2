//! What a run leaves for people: `best.yaml`, `trials.csv`, `front.csv`.

use crate::error::RunError;
use crate::execute::{results_of, view_of};
use crate::export::fixed_experiment;
use crate::prepared::Prepared;
use crate::score::Scorer;
use crate::select::front;
use pleach_space::{Domain, View};
use pleach_spec::Step;
use pleach_store::{RunFolder, RunReader, TrialRecord, TrialRow, TrialTable};

/// A genotype's value as text: the option's label or the number; empty where it does not count.
pub(crate) fn value_text(view: &View, genotype: &[f64], place: usize) -> String {
    let decision = &view.decisions()[place];
    let mut next = decision;
    while let Some(condition) = &next.active_when {
        if !condition.values.contains(&genotype[condition.decision]) {
            return String::new();
        }
        next = &view.decisions()[condition.decision];
    }
    match &decision.domain {
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
    let space = &prepared.space;
    let whole = View::new(space.clone(), pleach_spec::Decide::All, space.defaults());
    let mut steps: Vec<(&String, Vec<TrialRecord>)> = Vec::new();
    for (name, step) in &prepared.experiment.steps {
        if !matches!(step, Step::Export(_)) {
            steps.push((name, reader.trials(name)?));
        }
    }
    let mut metrics: Vec<String> = Vec::new();
    for trial in steps.iter().flat_map(|(_, trials)| trials) {
        for name in trial.metrics().into_iter().flat_map(|metrics| metrics.keys()) {
            if !metrics.contains(name) {
                metrics.push(name.clone());
            }
        }
    }
    let decisions: Vec<String> = whole.decisions().iter().map(|decision| decision.path.clone()).collect();
    let row = |name: &'_ str, genotype: &[f64]| -> Vec<String> {
        let full = match &prepared.experiment.steps[name] {
            step @ Step::Search(_) => view_of(prepared, step).full(genotype),
            _ => genotype.to_vec(),
        };
        (0..decisions.len()).map(|place| value_text(&whole, &full, place)).collect()
    };
    let mut table = TrialTable { decisions: decisions.clone(), metrics: metrics.clone(), rows: Vec::new() };
    for (name, trials) in &steps {
        for trial in trials {
            let decisions = row(name, &trial.request.genotype);
            table.rows.push(TrialRow { step: name, trial, decisions });
        }
    }
    table.write(&folder.path().join("trials.csv"))?;

    // The front and the best of the last step that has candidates.
    for name in prepared.order.iter().rev() {
        if matches!(prepared.experiment.steps[name], Step::Export(_)) {
            continue;
        }
        let (ranked, _) = results_of(prepared, name, scorer, reader)?;
        let Some(best) = ranked.iter().find(|candidate| candidate.feasible) else { continue };
        let trials =
            steps.iter().find(|(step, _)| *step == name).map(|(_, trials)| trials.as_slice()).unwrap_or_default();
        let mut table = TrialTable { decisions: decisions.clone(), metrics, rows: Vec::new() };
        for candidate in front(&ranked) {
            let of = |trial: &&TrialRecord| match trial.request.candidate {
                Some(number) => u64::from(number) == candidate.id,
                None => trial.id == candidate.id,
            };
            for trial in trials.iter().filter(of) {
                table.rows.push(TrialRow { step: name, trial, decisions: row(name, &trial.request.genotype) });
            }
        }
        table.write(&folder.path().join("front.csv"))?;
        let origin = [format!("the best of step `{name}`, mean of {} trainings", best.trials)];
        let text = fixed_experiment(&prepared.experiment.name, &origin, &best.metrics, &best.genotype, prepared)
            .map_err(|source| RunError::Export { step: name.clone(), source })?;
        folder.write_file("best.yaml", text.as_bytes())?;
        break;
    }
    Ok(())
}
