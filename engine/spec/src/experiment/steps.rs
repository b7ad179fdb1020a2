use super::{AnyValue, Attack, Corruption, Layer, Reference, Requirement, Training};
use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One step of an experiment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// A strategy looks for good candidates.
    Search(Search),
    /// A strategy looks for good training recipes for candidates whose networks stay as they are.
    Hpo(Hpo),
    /// Trains candidates in full, on seeds of their own, and measures them on validation and test data.
    Train(Train),
    /// Measures trained networks on corrupted and on attacked inputs.
    Robustness(Robustness),
    /// Writes trained networks as files.
    Export(Export),
}

impl Step {
    /// The kind's name as written in the YAML.
    pub fn kind(&self) -> &'static str {
        match self {
            Step::Search(_) => "search",
            Step::Hpo(_) => "hpo",
            Step::Robustness(_) => "robustness",
            Step::Train(_) => "train",
            Step::Export(_) => "export",
        }
    }

    /// The reference to the step's candidates, where it has one.
    pub fn candidates(&self) -> Option<&Reference> {
        match self {
            Step::Search(_) => None,
            Step::Hpo(step) => Some(&step.candidates),
            Step::Train(step) => step.candidates.as_ref(),
            Step::Robustness(step) => Some(&step.candidates),
            Step::Export(step) => Some(&step.candidates),
        }
    }

    /// Values that decisions hold in it.
    pub fn fix(&self) -> Option<&IndexMap<String, serde_json::Value>> {
        match self {
            Step::Search(step) => Some(&step.fix),
            Step::Hpo(step) => Some(&step.fix),
            Step::Train(step) => Some(&step.fix),
            Step::Robustness(_) | Step::Export(_) => None,
        }
    }

    /// What its candidates must keep to.
    pub fn require(&self) -> &[Requirement] {
        match self {
            Step::Search(step) => &step.require,
            Step::Hpo(step) => &step.require,
            Step::Train(step) => &step.require,
            Step::Robustness(step) => &step.require,
            Step::Export(step) => &step.require,
        }
    }

    /// Of a step in which a strategy searches: what it asks for.
    pub fn searching(&self) -> Option<Searching<'_>> {
        match self {
            Step::Search(step) => Some(Searching {
                strategy: &step.strategy,
                with: &step.with,
                decide: step.decide,
                budget: &step.budget,
                fidelity: step.fidelity,
                repeats: step.repeats,
                baseline: step.baseline.as_deref(),
            }),
            Step::Hpo(step) => Some(Searching {
                strategy: &step.strategy,
                with: &step.with,
                decide: Decide::Training,
                budget: &step.budget,
                fidelity: step.fidelity,
                repeats: step.repeats,
                baseline: step.baseline.as_deref(),
            }),
            Step::Train(_) | Step::Robustness(_) | Step::Export(_) => None,
        }
    }
}

/// What `search` and `hpo` steps have in common.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Searching<'s> {
    /// The strategy, as the experiment names it.
    pub strategy: &'s str,
    /// Its options as given.
    pub with: &'s serde_json::Map<String, serde_json::Value>,
    /// Which decisions it makes.
    pub decide: Decide,
    /// What it may spend.
    pub budget: &'s Budget,
    /// The share of the full training budget of a trial.
    pub fidelity: f64,
    /// How often it is done.
    pub repeats: u32,
    /// The strategy that gets the same budget beside it.
    pub baseline: Option<&'s str>,
}

/// A strategy looks for good candidates.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Search {
    /// The strategy: the name of a plugin, or the path of a `.wasm` file (relative to the experiment's file).
    pub strategy: String,
    /// The strategy's options; `pleach plugin inspect NAME` lists them.
    #[serde(default)]
    pub with: serde_json::Map<String, serde_json::Value>,
    /// Which decisions the search makes; the others hold their defaults.
    #[serde(default)]
    pub decide: Decide,
    /// Values that decisions hold in this step, by name or path: few channels while searching, many in the training of what was
    /// found.
    #[serde(default)]
    #[schemars(with = "IndexMap<String, AnyValue>")]
    pub fix: IndexMap<String, serde_json::Value>,
    /// What the search may spend.
    pub budget: Budget,
    /// The share of the full training budget that a trial gets.
    #[serde(default = "one")]
    #[schemars(range(min = 0.0001, max = 1.0))]
    pub fidelity: f64,
    /// How often the whole search is done, on another seed each time, to tell a strategy from luck.
    #[serde(default = "one_repeat")]
    #[schemars(range(min = 1, max = 1000))]
    pub repeats: u32,
    /// A strategy that gets the same budget on the same seeds beside this one, such as `random`, for an honest comparison.
    #[serde(default)]
    pub baseline: Option<String>,
    /// What the best candidate must keep to; where it does not, the run fails.
    #[serde(default)]
    pub require: Vec<Requirement>,
}

/// A strategy looks for good training recipes; the candidates' networks stay as they are.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Hpo {
    /// Which candidates, such as `best(explore)`; several are one search, in which the candidate is a choice before the others.
    pub candidates: Reference,
    /// The strategy: the name of a plugin, or the path of a `.wasm` file (relative to the experiment's file).
    pub strategy: String,
    /// The strategy's options; `pleach plugin inspect NAME` lists them.
    #[serde(default)]
    pub with: serde_json::Map<String, serde_json::Value>,
    /// Values that decisions hold in this step, by name or path: few channels while searching, many in the training of what was
    /// found.
    #[serde(default)]
    #[schemars(with = "IndexMap<String, AnyValue>")]
    pub fix: IndexMap<String, serde_json::Value>,
    /// What the search may spend.
    pub budget: Budget,
    /// The share of the full training budget that a trial gets; the highest one, where the strategy asks for several.
    #[serde(default = "one")]
    #[schemars(range(min = 0.0001, max = 1.0))]
    pub fidelity: f64,
    /// How often the whole search is done, on another seed each time, to tell a strategy from luck.
    #[serde(default = "one_repeat")]
    #[schemars(range(min = 1, max = 1000))]
    pub repeats: u32,
    /// A strategy that gets the same budget on the same seeds beside this one, such as `random`, for an honest comparison.
    #[serde(default)]
    pub baseline: Option<String>,
    /// What the best candidate must keep to; where it does not, the run fails.
    #[serde(default)]
    pub require: Vec<Requirement>,
}

fn one() -> f64 {
    1.0
}

/// Which decisions a search makes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Decide {
    /// Every decision below `space`.
    #[default]
    All,
    /// The network's decisions.
    Architecture,
    /// The decisions of the training recipe.
    Training,
}

/// What a search may spend. What would exceed it is not asked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Budget {
    /// This many trials.
    Trials(#[schemars(range(min = 1, max = 1_000_000_000))] u64),
    /// This many trainings at full fidelity; a trial at fidelity 0.25 counts a quarter.
    Trainings(#[schemars(range(min = 0.0001))] f64),
    /// This many floating-point operations of training.
    Flops(#[schemars(range(min = 1.0))] f64),
    /// This many hours of a table's own cost, in sum over all trials.
    SimulatedHours(#[schemars(range(min = 0.000_001))] f64),
}

/// Trains candidates in full and measures them on validation and test data.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Train {
    /// Which candidates, such as `top(explore, 3)`; without it the space's own defaults.
    #[serde(default)]
    pub candidates: Option<Reference>,
    /// Values that decisions hold in this step, by name or path: few channels while searching, many in the training of what was
    /// found.
    #[serde(default)]
    #[schemars(with = "IndexMap<String, AnyValue>")]
    pub fix: IndexMap<String, serde_json::Value>,
    /// A network written by hand, trained in place of candidates: a baseline that a search has to beat. Decisions in it hold
    /// their defaults.
    #[serde(default)]
    #[schemars(with = "Option<Vec<Layer>>")]
    pub network: Option<serde_json::Value>,
    /// The recipe of that network; the space's own unless told.
    #[serde(default)]
    #[schemars(with = "Option<Training>")]
    pub training: Option<serde_json::Value>,
    /// How often each is trained, on another seed each time.
    #[serde(default = "one_repeat")]
    #[schemars(range(min = 1, max = 1000))]
    pub repeats: u32,
    /// What every candidate must keep to, on the mean over its repeats; where one does not, the run fails.
    #[serde(default)]
    pub require: Vec<Requirement>,
}

/// Measures trained networks on corrupted and on attacked inputs of the validation part.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Robustness {
    /// Which candidates, such as `all(final)`: of a `train` step, so that there are weights.
    pub candidates: Reference,
    /// The corruptions; those of the experiment unless told.
    #[serde(default)]
    pub corruptions: Option<Vec<Corruption>>,
    /// The severities of each corruption, 1 (mild) to 5; those of the experiment unless told.
    #[serde(default)]
    #[schemars(length(min = 1), inner(range(min = 1, max = 5)))]
    pub severities: Option<Vec<u8>>,
    /// The attacks by name; those of the experiment unless told.
    #[serde(default)]
    #[schemars(extend("propertyNames" = {"pattern": super::forms::STEP}))]
    pub attacks: Option<IndexMap<String, Attack>>,
    /// So many examples, evenly spread over the validation part; all unless told. Black-box attacks ask a network very often.
    #[serde(default)]
    #[schemars(range(min = 1))]
    pub examples: Option<usize>,
    /// What every candidate must keep to, on the mean over its repeats; where one does not, the run fails.
    #[serde(default)]
    pub require: Vec<Requirement>,
}

fn one_repeat() -> u32 {
    1
}

/// Writes trained networks as files.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Export {
    /// Which candidates, such as `best(final)`: of a `train` step, so that there are weights to export.
    pub candidates: Reference,
    /// The formats.
    #[schemars(length(min = 1))]
    pub formats: Vec<ExportFormat>,
    /// What every exported candidate must keep to, on the mean over its repeats; where one does not, the run fails.
    #[serde(default)]
    pub require: Vec<Requirement>,
}

/// A format that a trained network is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ExportFormat {
    /// TorchScript, for inference in PyTorch or libtorch.
    Torchscript,
    /// ONNX, for inference elsewhere.
    Onnx,
    /// The weights alone.
    Safetensors,
    /// A readable PyTorch module in Python that loads the weights.
    Pytorch,
    /// An experiment without decisions: the network and its training recipe.
    Yaml,
}

impl ExportFormat {
    /// The format's name as written in the YAML.
    pub fn name(self) -> &'static str {
        match self {
            ExportFormat::Torchscript => "torchscript",
            ExportFormat::Onnx => "onnx",
            ExportFormat::Safetensors => "safetensors",
            ExportFormat::Pytorch => "pytorch",
            ExportFormat::Yaml => "yaml",
        }
    }
}
