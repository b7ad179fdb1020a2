//! What steps came to, read from a run's record: their candidates, ranked, and which of them other steps take.

use crate::error::RunError;
use crate::parts::part_of;
use crate::score::Scorer;
use crate::select::{Candidate, Groups, select};
use pleach_space::{Fixed, Genotype, Space, View, fixed};
use pleach_spec::{Decide, Experiment, Reference, Step};
use pleach_store::{RunReader, TrialRecord};
use std::sync::Arc;

/// What the steps of a run came to.
#[derive(Debug, Clone, Copy)]
pub struct Results<'r> {
    /// The experiment.
    pub experiment: &'r Experiment,
    /// Its space.
    pub space: &'r Arc<Space>,
    /// What counts.
    pub scorer: &'r Scorer,
    /// The record.
    pub reader: &'r RunReader,
}

impl Results<'_> {
    /// What a step decides, on top of its candidates or of the space's defaults.
    ///
    /// # Errors
    /// The record cannot be read, or the step tunes candidates that there are not.
    pub fn view(&self, step: &Step) -> Result<View, RunError> {
        let decide = step.searching().map_or(Decide::All, |searching| searching.decide);
        let bases = match step {
            Step::Hpo(_) => self.candidates(step)?.into_iter().map(|(_, base)| base).collect(),
            _ => vec![self.space.defaults()],
        };
        Ok(View::fixing(self.space.clone(), decide, bases, &self.held(step)))
    }

    /// The candidates that a step takes, with their numbers in the step that they come from, as full genotypes; the space's
    /// defaults where it names none.
    ///
    /// # Errors
    /// The record cannot be read, or there is nothing to refer to.
    pub fn candidates(&self, step: &Step) -> Result<Vec<(u64, Genotype)>, RunError> {
        if let Step::Search(_) = step {
            return Ok(Vec::new());
        }
        let held = self.held(step);
        let hold = |genotype: &[f64]| fixed(self.space.decisions(), genotype, &held);
        let Some(reference) = step.candidates() else { return Ok(vec![(0, hold(&self.space.defaults()))]) };
        let baseline = matches!(reference, Reference::Baseline(_));
        let (ranked, recommended) = self.of(reference.step(), baseline)?;
        let mut candidates = select(reference, &ranked, &recommended)?;
        if !held.is_empty() {
            candidates.iter_mut().for_each(|(_, genotype)| *genotype = hold(genotype));
        }
        Ok(candidates)
    }

    /// The candidates of a step that ended, best first, over all its searches (or those of its baseline), and what its strategy
    /// recommends, as full genotypes.
    ///
    /// # Errors
    /// The record cannot be read.
    pub fn of(&self, name: &str, baseline: bool) -> Result<(Vec<Candidate>, Vec<Genotype>), RunError> {
        let Some(step) = self.experiment.steps.get(name) else { return Ok((Vec::new(), Vec::new())) };
        let mut ranked = ranked_of(name, baseline, self.scorer, self.reader)?;
        if step.searching().is_none() {
            return Ok((ranked, Vec::new()));
        }
        let view = self.view(step)?;
        for candidate in &mut ranked {
            candidate.genotype = view.full(&candidate.genotype);
        }
        let recommendation = self.reader.step(name)?.and_then(|step| step.recommendation).unwrap_or_default();
        Ok((ranked, recommendation.iter().map(|genotype| view.full(genotype)).collect()))
    }

    /// The decisions that a step holds at values of its own.
    fn held(&self, step: &Step) -> Vec<Fixed> {
        let fix = step.fix().into_iter().flatten();
        fix.flat_map(|(name, value)| Fixed::of(self.space.decisions(), name, value).unwrap_or_default()).collect()
    }
}

/// The candidates of a step, best first, with genotypes as the step decides them.
///
/// # Errors
/// The record cannot be read.
pub fn ranked_of(name: &str, baseline: bool, scorer: &Scorer, reader: &RunReader) -> Result<Vec<Candidate>, RunError> {
    let mut records = Vec::new();
    for record in reader.steps()? {
        let (step, of_baseline, repeat) = part_of(&record.name);
        if step == name && of_baseline == baseline {
            records.push((repeat, record.name));
        }
    }
    records.sort();
    let mut groups = Groups::default();
    for (_, record) in &records {
        for trial in reader.each_trial(record) {
            groups.take(record, &trial?);
        }
    }
    Ok(groups.candidates(scorer))
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
