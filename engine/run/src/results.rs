//! What steps came to: their candidates, ranked, and which of them other steps take.

use crate::error::RunError;
use crate::parts::part_of;
use crate::prepared::Prepared;
use crate::score::Scorer;
use crate::select::{Candidate, candidates, select};
use pleach_space::{Genotype, View, fixed};
use pleach_spec::{Reference, Step};
use pleach_store::{RunReader, TrialRecord};

/// What a step that searches decides, on top of its candidates or of the space's defaults.
pub(crate) fn view_of(prepared: &Prepared, step: &Step, scorer: &Scorer, reader: &RunReader) -> Result<View, RunError> {
    let decide = step.searching().map_or(pleach_spec::Decide::All, |searching| searching.decide);
    let bases = match step {
        Step::Hpo(_) => candidates_of(prepared, step, scorer, reader)?.into_iter().map(|(_, base)| base).collect(),
        _ => vec![prepared.space.defaults()],
    };
    Ok(View::fixing(prepared.space.clone(), decide, bases, &prepared.held(step)))
}

/// The candidates that a step takes; those of the space's defaults where it names none.
pub(crate) fn candidates_of(
    prepared: &Prepared,
    step: &Step,
    scorer: &Scorer,
    reader: &RunReader,
) -> Result<Vec<(u64, Genotype)>, RunError> {
    if let Step::Search(_) = step {
        return Ok(Vec::new());
    }
    let Some(reference) = step.candidates() else {
        return Ok(vec![(0, fixed(prepared.space.decisions(), &prepared.space.defaults(), &prepared.held(step)))]);
    };
    let baseline = matches!(reference, Reference::Baseline(_));
    let (ranked, recommended) = results_of(prepared, reference.step(), baseline, scorer, reader)?;
    let held = prepared.held(step);
    let mut candidates = select(reference, &ranked, &recommended)?;
    if !held.is_empty() {
        for (_, genotype) in &mut candidates {
            *genotype = fixed(prepared.space.decisions(), genotype, &held);
        }
    }
    Ok(candidates)
}

/// The candidates of a step that ended, best first, over all its searches (or those of its baseline), and what its strategy
/// recommends, as full genotypes.
pub(crate) fn results_of(
    prepared: &Prepared,
    name: &str,
    baseline: bool,
    scorer: &Scorer,
    reader: &RunReader,
) -> Result<(Vec<Candidate>, Vec<Genotype>), RunError> {
    let Some(step) = prepared.experiment.steps.get(name) else { return Ok((Vec::new(), Vec::new())) };
    let mut ranked = ranked_of(name, baseline, scorer, reader)?;
    if step.searching().is_none() {
        return Ok((ranked, Vec::new()));
    }
    let view = view_of(prepared, step, scorer, reader)?;
    for candidate in &mut ranked {
        candidate.genotype = view.full(&candidate.genotype);
    }
    let recommendation = reader.step(name)?.and_then(|step| step.recommendation).unwrap_or_default();
    Ok((ranked, recommendation.iter().map(|genotype| view.full(genotype)).collect()))
}

/// The candidates of a step, best first, with genotypes as the step decides them.
pub(crate) fn ranked_of(
    name: &str,
    baseline: bool,
    scorer: &Scorer,
    reader: &RunReader,
) -> Result<Vec<Candidate>, RunError> {
    let mut records = Vec::new();
    for record in reader.steps()? {
        let (step, of_baseline, repeat) = part_of(&record.name);
        if step == name && of_baseline == baseline {
            records.push((repeat, record.name));
        }
    }
    records.sort();
    let trials = |(_, record): (u32, String)| Ok((record.clone(), reader.trials(&record)?));
    let records: Vec<(String, Vec<TrialRecord>)> = records.into_iter().map(trials).collect::<Result<_, RunError>>()?;
    Ok(candidates(&records, scorer))
}

/// The trainings of candidates of a step that were measured, by candidate, then repeat.
pub(crate) fn trainings(
    reader: &RunReader,
    step: &str,
    candidates: &[(u64, Genotype)],
) -> Result<Vec<TrialRecord>, RunError> {
    let mut trained = reader.trials(step)?;
    let wanted = |trial: &TrialRecord| {
        let number = trial.request.candidate.map(u64::from);
        trial.metrics().is_some() && candidates.iter().any(|(candidate, _)| Some(*candidate) == number)
    };
    trained.retain(wanted);
    trained.sort_by_key(|trial| (trial.request.candidate, trial.request.repeat));
    Ok(trained)
}
