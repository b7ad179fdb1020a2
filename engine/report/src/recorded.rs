//! A run as it was recorded, with what its numbers mean.

use crate::error::ReportError;
use pleach_run::part_of;
use pleach_run::results::{Results, ranked_of};
use pleach_run::score::Scorer;
use pleach_run::select::{Candidate, candidates};
use pleach_space::{Built, Decision, Domain, Genotype, Shape, Space, View};
use pleach_spec::{Document, Experiment, Objective};
use pleach_store::{LockFile, Metrics, RunFolder, RunReader, StepRecord, TrialRecord};
use std::sync::Arc;

/// A run.
#[derive(Debug)]
pub(crate) struct Recorded {
    pub experiment: Experiment,
    pub lock: LockFile,
    /// Its steps in the order of the experiment, each followed by its repeats and baselines.
    pub steps: Vec<RecordedStep>,
    pub scorer: Scorer,
    /// The space; none where it does not compile, such as without the shape of the data.
    pub space: Option<Arc<Space>>,
    /// The shape and number of classes of the data.
    pub shape: Option<(Shape, usize)>,
}

/// A step of a run.
#[derive(Debug)]
pub(crate) struct RecordedStep {
    pub record: StepRecord,
    pub role: Role,
    /// What it decides; none of steps that take candidates as they are, and where the space is not known.
    view: Option<View>,
    pub trials: Vec<TrialRecord>,
    /// Best first; genotypes as recorded.
    pub candidates: Vec<Candidate>,
}

/// What a record is of the step that the experiment names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Role {
    /// The step of the experiment.
    pub step: String,
    /// Whether it is the baseline that runs beside it.
    pub baseline: bool,
    /// Which repetition.
    pub repeat: u32,
}

impl Role {
    /// Whether it is the step itself.
    pub fn is_main(&self) -> bool {
        !self.baseline && self.repeat == 0
    }
}

impl Recorded {
    /// Reads a run. `shape` is that of its data (channels, height, width, or features), with the number of classes; where it is
    /// not given, the run's own `best.yaml` says it.
    pub fn read(
        folder: &RunFolder,
        reader: &RunReader,
        shape: Option<(Shape, usize)>,
    ) -> Result<Recorded, ReportError> {
        let lock = reader.lock()?;
        let experiment: Experiment = serde_json::from_value(lock.experiment.clone())
            .map_err(|error| ReportError::Experiment { run: folder.id(), detail: error.to_string() })?;
        let shape = shape.or_else(|| shape_of_best(folder));
        let (space, _) = Space::compile(&lock.experiment["space"], "/space", shape.clone());
        let space = space.map(Arc::new);
        let scorer = Scorer::new(&experiment.objectives, &experiment.space.require);
        let mut steps: Vec<RecordedStep> = Vec::new();
        for record in reader.steps()? {
            let (step, baseline, repeat) = part_of(&record.name);
            let role = Role { step: step.to_owned(), baseline, repeat };
            let trials = reader.trials(&record.name)?;
            let view = space.as_ref().and_then(|space| {
                let step = experiment.steps.get(&role.step).filter(|step| step.searching().is_some())?;
                Results { experiment: &experiment, space, scorer: &scorer, reader }.view(step).ok()
            });
            // The first of several searches stands for all.
            let candidates = match repeat {
                0 => ranked_of(&role.step, baseline, &scorer, reader)?,
                _ => candidates(&[(record.name.clone(), trials.clone())], &scorer),
            };
            steps.push(RecordedStep { role, record, view, trials, candidates });
        }
        steps.sort_by_key(|step| {
            let place = experiment.steps.get_index_of(&step.role.step).unwrap_or(usize::MAX);
            (place, step.role.baseline, step.role.repeat)
        });
        Ok(Recorded { experiment, lock, steps, scorer, space, shape })
    }

    /// The first objective.
    pub fn objective(&self) -> Option<&Objective> {
        self.experiment.objectives.first()
    }

    /// The steps that the experiment names, without repeats and baselines.
    pub fn main_steps(&self) -> impl Iterator<Item = &RecordedStep> {
        self.steps.iter().filter(|step| step.role.is_main())
    }

    /// Whether metrics keep to every requirement of the space.
    pub fn feasible(&self, metrics: &Metrics) -> bool {
        self.scorer.violations(|name| metrics.get(name).copied()).iter().all(|violation| *violation <= 0.0)
    }

    /// A genotype of a step as one of the whole space.
    pub fn full(&self, step: &RecordedStep, genotype: &[f64]) -> Option<Genotype> {
        match &step.view {
            Some(view) => Some(view.full(genotype)),
            None => {
                self.space.as_ref().filter(|space| space.decisions().len() == genotype.len()).map(|_| genotype.to_vec())
            }
        }
    }

    /// A genotype of a step as a network with its costs.
    pub fn build(&self, step: &RecordedStep, genotype: &[f64]) -> Option<Built> {
        let (space, full) = self.space.as_ref().zip(self.full(step, genotype))?;
        space.has_network().then(|| space.build(&full).ok())?
    }
}

impl RecordedStep {
    /// A decision by its place in the step's genotypes.
    pub fn decision<'a>(&'a self, recorded: &'a Recorded, place: usize) -> Option<&'a Decision> {
        let path = self.record.decisions.get(place)?;
        self.known(recorded).get(place).filter(|decision| decision.path == *path)
    }

    fn known<'a>(&'a self, recorded: &'a Recorded) -> &'a [Decision] {
        match (&self.view, &recorded.space) {
            (Some(view), _) => view.decisions(),
            (None, Some(space)) => space.decisions(),
            (None, None) => &[],
        }
    }

    /// A value of a decision in words: the option's label or the number.
    pub fn value(&self, recorded: &Recorded, place: usize, value: f64) -> String {
        let label = match self.decision(recorded, place).map(|decision| &decision.domain) {
            Some(Domain::Choice(options)) if value >= 0.0 => options.get(value as usize).cloned(),
            Some(Domain::Levels(levels)) if value >= 0.0 => levels.get(value as usize).map(ToString::to_string),
            Some(Domain::Real { .. }) => Some(crate::words::number(value)),
            _ => None,
        };
        label.unwrap_or_else(|| value.to_string())
    }

    /// Whether a decision counts in a genotype; so does every one of which nothing is known.
    pub fn counts(&self, recorded: &Recorded, genotype: &[f64], place: usize) -> bool {
        let decisions = self.known(recorded);
        let mut next = self.decision(recorded, place);
        while let Some(condition) = next.and_then(|decision| decision.active_when.as_ref()) {
            if !genotype.get(condition.decision).is_some_and(|value| condition.values.contains(value)) {
                return false;
            }
            next = decisions.get(condition.decision);
        }
        true
    }

    /// Path and value in words of every decision that counts.
    pub fn described(&self, recorded: &Recorded, genotype: &[f64]) -> Vec<(String, String)> {
        let all = self.record.decisions.iter().zip(genotype).enumerate();
        let counted = all.filter(|(place, _)| self.counts(recorded, genotype, *place));
        counted.map(|(place, (path, value))| (path.clone(), self.value(recorded, place, *value))).collect()
    }
}

/// The shape of the input and the number of classes as `best.yaml` has them.
fn shape_of_best(folder: &RunFolder) -> Option<(Shape, usize)> {
    let path = folder.path().join("best.yaml");
    let text = String::from_utf8(pleach_spec::read_file(path.to_str()?).ok()?).ok()?;
    let document = Document::load("best.yaml", &text, &pleach_spec::read_file, &[]);
    let space = document.experiment().ok()?.space;
    Some((Shape(space.input?.into_iter().collect()), space.classes?))
}
