//! What a run records: steps, trials, events and artifacts.

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Metrics by name, in a fixed order.
pub type Metrics = IndexMap<String, f64>;

/// How far a run is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunState {
    /// Not ended: running now, or stopped before its end. It can be gone on with.
    Unfinished,
    /// Every step is done.
    Done,
    /// A step failed.
    Failed,
}

impl RunState {
    /// The word that is stored.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unfinished => "unfinished",
            Self::Done => "done",
            Self::Failed => "failed",
        }
    }

    pub(crate) fn from_word(word: &str) -> Option<Self> {
        [Self::Unfinished, Self::Done, Self::Failed].into_iter().find(|state| state.as_str() == word)
    }
}

/// How far a step is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StepState {
    /// Not begun.
    Pending,
    /// Begun and not ended: running now, or stopped before its end.
    Running,
    /// Ended; its results hold.
    Done,
    /// Ended by an error or by a requirement that does not hold.
    Failed,
}

impl StepState {
    /// The word that is stored.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Running => "running",
            Self::Done => "done",
            Self::Failed => "failed",
        }
    }

    pub(crate) fn from_word(word: &str) -> Option<Self> {
        [Self::Pending, Self::Running, Self::Done, Self::Failed].into_iter().find(|state| state.as_str() == word)
    }
}

/// One step of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StepRecord {
    /// Its name in the experiment.
    pub name: String,
    /// Its kind, such as `search` or `train`.
    pub kind: String,
    /// The strategy that asks for its trials; none where the engine numbers trainings by candidate and repeat.
    pub strategy: Option<String>,
    /// The [`key`](crate::key()) of `document`.
    pub key: String,
    /// All that the step depends on, by label.
    pub document: Value,
    /// The paths of the decisions that its genotypes hold, in their order.
    pub decisions: Vec<String>,
    /// How far it is.
    pub state: StepState,
    /// What its strategy recommended at the end, best first; empty where it left that to the engine, none before the end
    /// and without a strategy.
    pub recommendation: Option<Vec<Vec<f64>>>,
    /// What came out, in a form that the step's kind defines.
    pub results: Option<Value>,
    /// Real seconds that it took, over all sittings.
    pub seconds: f64,
}

impl StepRecord {
    /// A step that has not begun.
    pub fn pending(name: impl Into<String>, kind: impl Into<String>, document: Value) -> Self {
        Self {
            name: name.into(),
            kind: kind.into(),
            strategy: None,
            key: crate::key(&document),
            document,
            decisions: Vec::new(),
            state: StepState::Pending,
            recommendation: None,
            results: None,
            seconds: 0.0,
        }
    }
}

/// What was asked for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Request {
    /// The kind of job: `train`, `proxies`, `share`, `score`.
    pub job: String,
    /// One number per decision of the step; empty for a job without one genotype.
    pub genotype: Vec<f64>,
    /// Share of the full training budget, above 0 and at most 1.
    pub fidelity: f64,
    /// Which repetition, from 0.
    pub repeat: u32,
    /// Which of the step's candidates, from 0, where it has several.
    pub candidate: Option<u32>,
    /// The requests that it was derived from.
    pub parents: Vec<u64>,
    /// What else it says, such as another origin of weights than fresh ones.
    pub detail: Option<Value>,
}

impl Request {
    /// A training on fresh weights.
    pub fn train(genotype: Vec<f64>, fidelity: f64, repeat: u32) -> Self {
        Self { job: "train".to_owned(), genotype, fidelity, repeat, candidate: None, parents: Vec::new(), detail: None }
    }
}

/// Why there is no measurement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// The kind: `infeasible`, `diverged`, `out_of_memory`, `timed_out`, `lost`.
    pub reason: String,
    /// The same on every machine.
    pub message: String,
    /// What is of one machine only; empty where there is nothing to say.
    pub detail: String,
}

/// How far a trial is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Asked for, not ended.
    Running,
    /// Measured, with the metrics at its end.
    Measured(Metrics),
    /// Not measured.
    Failed(Failure),
}

impl Outcome {
    /// The word that is stored as the trial's state: `running`, `measured` or `failed`.
    pub fn state(&self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Measured(_) => "measured",
            Self::Failed(_) => "failed",
        }
    }
}

/// One request of a step and what came of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TrialRecord {
    /// Its number in the step, from 0.
    pub id: u64,
    /// What was asked for.
    pub request: Request,
    /// When it started on the step's virtual clock.
    pub start: f64,
    /// When it ends on the step's virtual clock.
    pub end: f64,
    /// Its virtual cost.
    pub cost: f64,
    /// The trial key in hexadecimal digits, where its result can be cached.
    pub key: Option<String>,
    /// How it ended, if it did.
    pub outcome: Outcome,
    /// All metrics at every epoch, from the first on.
    pub curves: Vec<Metrics>,
    /// Whether the result came from the cache.
    pub cached: bool,
    /// Real seconds that it took.
    pub seconds: f64,
    /// Who evaluated it.
    pub worker: Option<String>,
}

impl TrialRecord {
    /// A trial that was asked for and has not ended.
    pub fn running(id: u64, request: Request, start: f64, cost: f64) -> Self {
        Self {
            id,
            request,
            start,
            end: start + cost,
            cost,
            key: None,
            outcome: Outcome::Running,
            curves: Vec::new(),
            cached: false,
            seconds: 0.0,
            worker: None,
        }
    }

    /// The metrics at its end; none unless it was measured.
    pub fn metrics(&self) -> Option<&Metrics> {
        match &self.outcome {
            Outcome::Measured(metrics) => Some(metrics),
            Outcome::Running | Outcome::Failed(_) => None,
        }
    }
}

/// Something that happened in a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EventRecord {
    /// Its number in the run, from 1, rising.
    pub sequence: u64,
    /// The event as it was given.
    pub event: Value,
}

/// A file that a step left.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ArtifactRecord {
    /// The step.
    pub step: String,
    /// The candidate that it belongs to, from 0.
    pub candidate: Option<u32>,
    /// The repetition that it belongs to, from 0.
    pub repeat: Option<u32>,
    /// What it is, such as `weights` or `onnx`.
    pub kind: String,
    /// Where it lies, from the run's folder, parts separated by `/`.
    pub path: String,
    /// BLAKE3 of its content in hexadecimal digits.
    pub digest: String,
}
