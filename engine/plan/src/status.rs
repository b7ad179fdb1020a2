//! The plan of an experiment: its steps, their work, and whether each has to run.

use crate::estimate::{Estimate, estimate};
use crate::keys::{Digests, key_of, pointer_of};
use crate::prepared::Prepared;
use pleach_spec::{Budget, Diagnostic, Document, Problem, Step};
use pleach_store::{StepRecord, StepState};
use serde::Serialize;
use serde_json::Value;

/// What an earlier run recorded of its steps.
#[derive(Debug, Clone)]
pub struct Recorded {
    /// The run, such as `quickstart-1`.
    pub run: String,
    /// Its steps.
    pub steps: Vec<RecordedStep>,
}

/// What an earlier run recorded of a step.
#[derive(Debug, Clone)]
pub struct RecordedStep {
    /// The step.
    pub record: StepRecord,
    /// Trials that have ended, those of repeats and baselines included.
    pub ended: u64,
    /// Those of them whose results the cache still has.
    pub known: u64,
    /// The first of its files that is no longer there, from the run's folder.
    pub missing: Option<String>,
}

/// Whether a step has to run.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum StepStatus {
    /// An earlier run has done it, from all the same.
    UpToDate {
        /// The run.
        run: String,
    },
    /// An earlier run has begun it, from all the same, and it goes on there.
    GoesOn {
        /// The run.
        run: String,
        /// Trials that have ended.
        trials: u64,
    },
    /// It runs: an earlier run has done it, from all the same, but a file that it left is gone.
    Incomplete {
        /// The run.
        run: String,
        /// The file, from the run's folder.
        missing: String,
    },
    /// It runs: the step whose candidates it takes has to run.
    Follows {
        /// That step.
        input: String,
    },
    /// It runs: something changed since the latest run.
    Changed {
        /// That run.
        run: String,
        /// What changed.
        changes: Vec<Change>,
        /// How many trials of that run have results in the cache, where what changed leaves trainings as they are: those that are
        /// asked for again cost nothing.
        known: u64,
    },
    /// It runs for the first time.
    New,
}

impl StepStatus {
    /// Whether something is left to be done.
    pub fn runs(&self) -> bool {
        !matches!(self, StepStatus::UpToDate { .. })
    }
}

/// A value that changed since an earlier run.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Change {
    /// Where it stands, such as `space.network[0].conv.channels`.
    pub path: String,
    /// What it was; none where it was not there.
    pub old: Option<Value>,
    /// What it is; none where it is gone.
    pub new: Option<Value>,
    /// The file that holds it, where one does.
    pub file: Option<String>,
    /// The line in that file.
    pub line: Option<usize>,
}

/// One step of a plan.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PlannedStep {
    /// Its name.
    pub name: String,
    /// Its kind.
    pub kind: &'static str,
    /// What it does, in a few words.
    pub summary: String,
    /// How it refers to the step whose candidates it takes.
    pub candidates: Option<String>,
    /// The steps that it depends on.
    pub inputs: Vec<String>,
    /// Bounds of its work.
    pub work: Estimate,
    /// Its key.
    pub key: String,
    /// Whether it has to run.
    pub status: StepStatus,
}

/// The steps of an experiment, each after those that it depends on.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Plan {
    /// The experiment's name.
    pub name: String,
    /// The steps.
    pub steps: Vec<PlannedStep>,
}

impl Plan {
    /// The plan of an experiment; `recorded` are earlier runs of it, the latest last.
    pub fn new(prepared: &Prepared, document: &Document, digests: &Digests, recorded: &[Recorded]) -> Plan {
        let estimates = estimate(prepared);
        let documents = prepared.step_documents(digests);
        let mut steps: Vec<PlannedStep> = Vec::with_capacity(prepared.steps.len());
        for (step, work) in prepared.steps.iter().zip(estimates) {
            let depends_on = &documents[&step.name];
            let inputs: Vec<String> = step.inputs.iter().map(|&index| prepared.steps[index].name.clone()).collect();
            let status = match status(&step.name, depends_on, recorded, document) {
                // Nothing of its own: an input's key changed.
                StepStatus::Changed { changes, .. } if changes.is_empty() && !inputs.is_empty() => {
                    StepStatus::Follows { input: inputs[0].clone() }
                }
                status => status,
            };
            steps.push(PlannedStep {
                name: step.name.clone(),
                kind: step.step.kind(),
                summary: summary(&step.step),
                candidates: step.step.candidates().map(ToString::to_string),
                inputs,
                work,
                key: key_of(depends_on),
                status,
            });
        }
        Plan { name: prepared.experiment.name.clone(), steps }
    }

    /// Whether every step was done before.
    pub fn is_up_to_date(&self) -> bool {
        self.steps.iter().all(|step| !step.status.runs())
    }
}

fn status(name: &str, depends_on: &Value, recorded: &[Recorded], document: &Document) -> StepStatus {
    let key = key_of(depends_on);
    let latest_first = || recorded.iter().rev().flat_map(|run| run.steps.iter().map(move |step| (&run.run, step)));
    let same = || latest_first().filter(|(_, step)| step.record.key == key);
    let done = || same().filter(|(_, step)| step.record.state == StepState::Done);
    if let Some((run, _)) = done().find(|(_, step)| step.missing.is_none()) {
        return StepStatus::UpToDate { run: run.clone() };
    }
    if let Some((run, missing)) = done().find_map(|(run, step)| Some((run, step.missing.as_ref()?))) {
        return StepStatus::Incomplete { run: run.clone(), missing: missing.clone() };
    }
    if let Some((run, step)) = same().find(|(_, step)| step.record.state == StepState::Running) {
        return StepStatus::GoesOn { run: run.clone(), trials: step.ended };
    }
    // Of a step that an earlier run never came to, nothing changed.
    let begun = |step: &StepRecord| step.state != StepState::Pending;
    match latest_first().find(|(_, step)| step.record.name == name && begun(&step.record) && step.record.key != key) {
        Some((run, step)) => {
            let changes = changes(&step.record.document, depends_on, document);
            let known = if changes.iter().any(changes_trainings) { 0 } else { step.known };
            StepStatus::Changed { run: run.clone(), changes, known }
        }
        None => StepStatus::New,
    }
}

/// Whether no training can be the same after a change.
fn changes_trainings(change: &Change) -> bool {
    const ALL: [&str; 7] = ["seed", "data", "evaluator", "fidelity", "digests", "space.training.", "space.input"];
    const RANGES: [&str; 3] = ["one_of", ".int[", ".float["];
    let path = change.path.as_str();
    let decided = RANGES.iter().any(|part| path.contains(part));
    path.ends_with(".fidelity") || (!decided && ALL.iter().any(|part| path.starts_with(part)))
}

/// What changed between two documents whose places are those of an experiment, with the lines where it stands now.
pub fn changes(old: &Value, new: &Value, document: &Document) -> Vec<Change> {
    let found = pleach_store::differences(old, new);
    let own = found.into_iter().filter(|difference| !difference.path.starts_with("inputs"));
    own.map(|difference| {
        let place: Option<Diagnostic> =
            pointer_of(&difference.path).map(|pointer| document.diagnose(&Problem::error(pointer, "changed", "")));
        Change {
            file: place.as_ref().map(|place| place.file.clone()),
            line: place.as_ref().map(|place| place.line),
            path: difference.path,
            old: difference.old,
            new: difference.new,
        }
    })
    .collect()
}

/// What a step does, in a few words.
fn summary(step: &Step) -> String {
    match step {
        Step::Search(_) | Step::Hpo(_) => {
            let searching = step.searching().expect("both search");
            let budget = match *searching.budget {
                Budget::Trials(trials) => format!("{trials} trials"),
                Budget::Trainings(trainings) => format!("{trainings} full trainings"),
                Budget::Flops(flops) => format!("{flops:e} FLOPs"),
                Budget::SimulatedHours(hours) => format!("{hours} simulated hours"),
            };
            let fidelity =
                if searching.fidelity < 1.0 { format!(" at fidelity {}", searching.fidelity) } else { String::new() };
            let repeats = if searching.repeats > 1 { format!(", {} times", searching.repeats) } else { String::new() };
            let beside = searching.baseline.map(|baseline| format!(", beside {baseline}")).unwrap_or_default();
            let of = step.candidates().map(|candidates| format!("{candidates}, ")).unwrap_or_default();
            format!("{of}{}, {budget}{fidelity}{repeats}{beside}", searching.strategy)
        }
        Step::Robustness(robustness) => robustness.candidates.to_string(),
        Step::Train(train) => {
            let what = match (&train.candidates, &train.network) {
                (Some(candidates), _) => candidates.to_string(),
                (None, Some(_)) => "a network of its own".to_owned(),
                (None, None) => "the defaults".to_owned(),
            };
            match train.repeats {
                1 => what,
                repeats => format!("{what}, {repeats} times each"),
            }
        }
        Step::Export(export) => {
            let formats: Vec<&str> = export.formats.iter().map(|format| format.name()).collect();
            format!("{} as {}", export.candidates, formats.join(", "))
        }
    }
}
