//! The typed experiment: what the YAML says, once the schema has accepted it.
//!
//! These types are the one source of the JSON Schemas, of the reference of the YAML and of what the engine reads; their
//! documentation comments are what an editor shows. What stands below `space` may hold decisions in place of any value,
//! so it stays a JSON value here; `pleach_space` gives it meaning, and [`Layer`] and [`Training`] are its decision-free form.

mod data;
mod evaluator;
pub(crate) mod forms;
mod layer;
mod limits;
mod metric;
mod predictor;
mod reference;
mod robustness;
mod steps;
mod table;
mod training;

pub use data::{Csv, Data, Dataset, Split, Synthetic};
pub use evaluator::{Command, Evaluator};
pub use layer::*;
pub use limits::{Limits, Time, TimeError};
pub use metric::{Comparison, Metric, MetricError, Objective, Requirement};
pub use predictor::{Boosting, Forest, GaussianProcess, Kernel, Predictor, Target};
pub use reference::{Reference, ReferenceError};
pub use robustness::{Attack, Corruption, Fgsm, Pgd, Square};
pub use steps::{Budget, Decide, Export, ExportFormat, Hpo, Robustness, Search, Searching, Step, Train};
pub use table::{
    Cells, Column, DescribedCells, Direction, Published, Table, TableCode, TableCurve, TableFidelities, TableFile,
    TableJoin, TableLevel, TableMerge, TableProxies, TableSeeds, TableTree,
};
pub use training::*;

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One experiment: what is searched, on which data, by which steps.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Experiment {
    /// The version of this format: 1.
    #[schemars(range(min = 1, max = 1))]
    pub version: u32,
    /// The name of the experiment; the run's folder begins with it.
    #[schemars(extend("pattern" = forms::NAME))]
    pub name: String,
    /// Everything random derives from this number: the same seed gives the same run.
    #[serde(default)]
    #[schemars(range(min = 0, max = 9_007_199_254_740_991_i64))]
    pub seed: u64,
    /// What networks are trained on; not needed where a table or a command evaluates.
    #[serde(default)]
    pub data: Option<Data>,
    /// What can be decided: the network, its training recipe, and what candidates must keep to.
    pub space: SpaceSection,
    /// What the search optimizes, the most important first.
    #[schemars(length(min = 1))]
    pub objectives: Vec<Objective>,
    /// Who says how good a candidate is; libtorch workers unless told otherwise.
    #[serde(default)]
    pub evaluator: Evaluator,
    /// What estimates candidates that were not measured, for strategies that ask.
    #[serde(default)]
    pub predictor: Option<Predictor>,
    /// The corruptions that robustness is measured on, unless a step names its own.
    #[serde(default)]
    pub corruptions: Vec<Corruption>,
    /// The severities of each corruption, 1 (mild) to 5: also those that `accuracy(gaussian_noise)` is the mean of.
    #[serde(default = "default_severities")]
    #[schemars(length(min = 1), inner(range(min = 1, max = 5)))]
    pub severities: Vec<u8>,
    /// Attacks by name; a name makes a metric, such as `accuracy(pgd10)`.
    #[serde(default)]
    #[schemars(extend("propertyNames" = {"pattern": forms::STEP}))]
    pub attacks: IndexMap<String, Attack>,
    /// What a fidelity, a share of the full training budget, means.
    #[serde(default)]
    pub fidelity: Fidelity,
    /// How many requests of a strategy are in flight at once, on virtual workers; the same on every machine.
    #[serde(default = "default_concurrency")]
    #[schemars(range(min = 1, max = 4096))]
    pub concurrency: u32,
    /// The share of trials told failed, from the tenth on, above which a search gives up; infeasible ones do not count.
    #[serde(default = "default_failures")]
    #[schemars(range(min = 0.0, max = 1.0))]
    pub failures: f64,
    /// Real time that a trial may take, and how often it is tried again.
    #[serde(default)]
    pub limits: Limits,
    /// The steps by name; a step that refers to another, as in `top(explore, 3)`, runs after it.
    #[schemars(extend("minProperties" = 1, "maxProperties" = MOST_STEPS, "propertyNames" = {"pattern": forms::STEP}))]
    pub steps: IndexMap<String, Step>,
}

/// The most steps of an experiment.
pub(crate) const MOST_STEPS: usize = 256;

fn default_severities() -> Vec<u8> {
    vec![1, 2, 3, 4, 5]
}

fn default_concurrency() -> u32 {
    8
}

fn default_failures() -> f64 {
    0.2
}

/// What can be decided. Any value below it may be a decision: `{one_of: [...]}`, `{int: [low, high]}`, `{float: [low, high]}`.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SpaceSection {
    /// A file that holds the space, relative to this one; what stands beside this key overrides it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// The shape of one input, such as `[3, 32, 32]` (channels, height, width); the data's own shape wins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 3), inner(range(min = 1, max = 1_000_000)))]
    pub input: Option<Vec<usize>>,
    /// The number of classes; the data's own number wins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1_000_000))]
    pub classes: Option<usize>,
    /// Named blocks: each is decided once, and `use: NAME` puts it into the network, however often.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<IndexMap<String, Layer>>")]
    pub blocks: Option<serde_json::Value>,
    /// The network: a list of layers, one after another.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Vec<Layer>>")]
    pub network: Option<serde_json::Value>,
    /// How a network is trained.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Training>")]
    pub training: Option<serde_json::Value>,
    /// Values for a `command` or `table` evaluator that are no network and no training recipe.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<IndexMap<String, AnyValue>>")]
    pub values: Option<serde_json::Value>,
    /// What every candidate must keep to, such as `parameters <= 200_000`. What is known without training is hard: candidates
    /// that break it are never trained. What is measured is soft: the trial runs, and counts as infeasible.
    #[serde(default)]
    pub require: Vec<Requirement>,
}

/// Any value: a number, a text, true or false, a list or a mapping.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AnyValue(pub serde_json::Value);

impl JsonSchema for AnyValue {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "AnyValue".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({"description": "Any value."})
    }
}

/// What a fidelity means: a share of the epochs or of the training data.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Fidelity {
    /// What a fidelity is a share of.
    #[serde(default)]
    pub by: FidelityBy,
    /// `full`: the first part of the one schedule, which can be resumed. `scaled`: a whole schedule of its own length.
    #[serde(default)]
    pub schedule: FidelitySchedule,
}

/// What a fidelity is a share of.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FidelityBy {
    /// A share of the epochs.
    #[default]
    Epochs,
    /// All epochs on a share of the training part; smaller shares are parts of larger ones.
    Data,
}

/// Which schedule a fidelity below 1 follows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FidelitySchedule {
    /// The first part of the full schedule.
    #[default]
    Full,
    /// A schedule of its own, scaled to the fidelity's length.
    Scaled,
}
