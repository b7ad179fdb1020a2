//! Trials with the values of all decisions, as the record has them.

use crate::TrialsError;
use pleach_run::part_of;
use pleach_run::results::Results;
use pleach_run::score::Scorer;
use pleach_space::{Decision, Domain, Genotype, Shape, Space, is_active};
use pleach_spec::{Experiment, Objective, Requirement};
use pleach_store::{RunReader, TrialRecord, TrialTable};
use std::collections::HashMap;
use std::io;
use std::path::Path;
use std::sync::Arc;

/// The trials of a run.
#[derive(Debug, Clone)]
pub struct Trials {
    /// What the run is called, such as `quickstart-1`.
    pub run: String,
    /// The objectives, the first one first.
    pub objectives: Vec<Objective>,
    /// The requirements below `space`.
    pub requirements: Vec<Requirement>,
    /// All decisions of the space.
    pub decisions: Vec<Decision>,
    /// The names of all metrics that a trial has at its end.
    pub metrics: Vec<String>,
    /// The steps that have trials, in the order of the experiment.
    pub steps: Vec<StepTrials>,
}

/// The trials of a step.
#[derive(Debug, Clone)]
pub struct StepTrials {
    /// The step; a repeat or a baseline of a search has a name of its own, such as `explore/baseline`.
    pub name: String,
    /// Its kind, such as `search`.
    pub kind: String,
    /// What its genotypes hold: each number's decision by its place in the space, or by its path where it is none of the
    /// space's, such as the choice between candidates.
    pub decided: Vec<Result<usize, String>>,
    /// Its trials, by id.
    pub trials: Vec<Trial>,
}

/// A trial.
#[derive(Debug, Clone)]
pub struct Trial {
    /// The record.
    pub record: TrialRecord,
    /// The full genotype: one number per decision of the space.
    pub genotype: Genotype,
    /// Whether each decision counts; none does in a network that a step brought.
    pub active: Vec<bool>,
    /// When it began, in real seconds from the beginning of the run, were each worker busy all the time. The record has how
    /// long each trial took and who trained it, but not when.
    pub begun: f64,
}

/// The value of a decision.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Value<'a> {
    /// The label of an option.
    Label(&'a str),
    /// A whole number of a range.
    Integer(i64),
    /// A real number, or one of a list of numbers.
    Real(f64),
}

impl Trial {
    /// The value of a decision; none where it does not count.
    pub fn value<'d>(&self, decisions: &'d [Decision], place: usize) -> Option<Value<'d>> {
        let number = *self.genotype.get(place).filter(|_| self.active[place])?;
        match &decisions[place].domain {
            Domain::Choice(options) => options.get(number as usize).map(|option| Value::Label(option)),
            Domain::Levels(levels) => levels.get(number as usize).map(|level| Value::Real(*level)),
            Domain::Integer { .. } => Some(Value::Integer(number as i64)),
            Domain::Real { .. } => Some(Value::Real(number)),
        }
    }
}

impl Trials {
    /// Reads the trials of a run, ended or not.
    ///
    /// # Errors
    /// The record cannot be read, or is of an experiment that this version does not know.
    pub fn read(reader: &RunReader, run: &str) -> Result<Trials, TrialsError> {
        let given = reader.lock()?.experiment;
        let unknown = |detail: String| TrialsError::Experiment { detail };
        let section = given.get("space").cloned().unwrap_or_default();
        let experiment: Experiment = serde_json::from_value(given).map_err(|error| unknown(error.to_string()))?;
        // No network is built, so any shape does: decisions do not depend on it.
        let (space, problems) = Space::compile(&section, "/space", Some((Shape::image(1, 1, 1), 2)));
        let space = space.ok_or_else(|| unknown(problems.first().map_or(String::new(), |p| p.message.clone())))?;
        let decisions = space.decisions().to_vec();
        let space = Arc::new(space);
        let scorer = Scorer::new(&experiment.objectives, &experiment.space.require);
        let results = Results { experiment: &experiment, space: &space, scorer: &scorer, reader };
        let places: HashMap<&str, usize> =
            decisions.iter().zip(0..).map(|(d, place)| (d.path.as_str(), place)).collect();
        let mut records = reader.steps()?;
        records.sort_by_key(|step| experiment.steps.get_index_of(part_of(&step.name).0));
        let mut steps = Vec::new();
        let mut metrics: Vec<String> = Vec::new();
        let mut offset = 0.0;
        for step in records {
            let decided: Vec<Result<usize, String>> = step
                .decisions
                .iter()
                .map(|path| places.get(path.as_str()).copied().ok_or_else(|| path.clone()))
                .collect();
            let recorded = reader.trials(&step.name)?;
            let searching = experiment.steps.get(part_of(&step.name).0).filter(|step| step.searching().is_some());
            let view = match searching.filter(|_| !recorded.is_empty()) {
                Some(searching) => Some(results.view(searching)?),
                None => None,
            };
            let mut trials = Vec::with_capacity(recorded.len());
            for record in recorded {
                for name in record.metrics().into_iter().flat_map(|metrics| metrics.keys()) {
                    if !metrics.contains(name) {
                        metrics.push(name.clone());
                    }
                }
                let genotype = match &view {
                    Some(view) => view.full(&record.request.genotype),
                    None => record.request.genotype.clone(),
                };
                // A network that a step brought has no decisions of the space.
                let own = view.is_none() && (genotype.len() != decisions.len() || decided.iter().any(Result::is_err));
                let active =
                    (0..decisions.len()).map(|place| !own && is_active(&decisions, &genotype, place)).collect();
                trials.push(Trial { record, genotype, active, begun: 0.0 });
            }
            offset = lay_out(&mut trials, offset);
            if !trials.is_empty() {
                steps.push(StepTrials { name: step.name, kind: step.kind, decided, trials });
            }
        }
        Ok(Trials {
            run: run.to_owned(),
            objectives: experiment.objectives,
            requirements: experiment.space.require,
            decisions,
            metrics,
            steps,
        })
    }

    /// All trials with their steps, in order.
    pub fn rows(&self) -> impl Iterator<Item = (&StepTrials, &Trial)> {
        self.steps.iter().flat_map(|step| step.trials.iter().map(move |trial| (step, trial)))
    }

    /// Writes the trials as CSV: the table that `trials.csv` in the run's folder is.
    ///
    /// # Errors
    /// The file cannot be written; then what was there stays.
    pub fn csv(&self, path: &Path) -> Result<(), TrialsError> {
        let write = |source| TrialsError::Write { path: path.to_owned(), source };
        TrialTable::write(path, &self.paths(), &self.metrics, |table| self.fill(table).map_err(write))
    }

    /// Writes the same to anything that takes bytes.
    ///
    /// # Errors
    /// What `out` says.
    pub fn csv_to(&self, out: &mut dyn io::Write) -> io::Result<()> {
        self.fill(&mut TrialTable::begin(out, &self.paths(), &self.metrics)?)
    }

    fn paths(&self) -> Vec<String> {
        self.decisions.iter().map(|decision| decision.path.clone()).collect()
    }

    fn fill(&self, table: &mut TrialTable<'_>) -> io::Result<()> {
        let text = |value: Value<'_>| match value {
            Value::Label(label) => label.to_owned(),
            Value::Integer(number) => number.to_string(),
            Value::Real(number) => number.to_string(),
        };
        for (step, trial) in self.rows() {
            let values = (0..self.decisions.len()).map(|place| trial.value(&self.decisions, place));
            let texts: Vec<String> = values.map(|value| value.map_or_else(String::new, text)).collect();
            table.row(&step.name, &trial.record, &texts)?;
        }
        Ok(())
    }
}

/// Lays trials out in time, one after another on each worker, from `offset`; the time at which the last one ends.
fn lay_out(trials: &mut [Trial], offset: f64) -> f64 {
    let mut free: HashMap<Option<String>, f64> = HashMap::new();
    let mut end = offset;
    for trial in trials {
        let at = free.entry(trial.record.worker.clone()).or_insert(offset);
        trial.begun = *at;
        *at += trial.record.seconds.max(0.0);
        end = at.max(end);
    }
    end
}

#[cfg(test)]
mod tests;
