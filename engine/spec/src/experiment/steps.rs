use super::Reference;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One step of an experiment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// A strategy looks for good candidates.
    Search(Search),
    /// Trains candidates in full, on seeds of their own, and measures them on validation and test data.
    Train(Train),
    /// Writes trained networks as files.
    Export(Export),
}

impl Step {
    /// The kind's name as written in the YAML.
    pub fn kind(&self) -> &'static str {
        match self {
            Step::Search(_) => "search",
            Step::Train(_) => "train",
            Step::Export(_) => "export",
        }
    }

    /// The reference to the step's candidates, where it has one.
    pub fn candidates(&self) -> Option<&Reference> {
        match self {
            Step::Search(_) => None,
            Step::Train(step) => step.candidates.as_ref(),
            Step::Export(step) => Some(&step.candidates),
        }
    }
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
    /// What the search may spend.
    pub budget: Budget,
    /// The share of the full training budget that a trial gets.
    #[serde(default = "one")]
    #[schemars(range(min = 0.0001, max = 1.0))]
    pub fidelity: f64,
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
    /// How often each is trained, on another seed each time.
    #[serde(default = "one_repeat")]
    #[schemars(range(min = 1, max = 1000))]
    pub repeats: u32,
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
