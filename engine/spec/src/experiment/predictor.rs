use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What estimates how good a candidate is from those that were measured: mean and deviation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Predictor {
    /// A random forest over the genotype (Breiman 2001); the deviation is that over its trees.
    Forest(Forest),
    /// Gradient-boosted trees over the genotype (Friedman 2001), several on resampled outcomes for the deviation.
    Boosting(Boosting),
    /// A Gaussian process over canonical networks, on ranks (White et al. 2021 for the path encoding).
    GaussianProcess(GaussianProcess),
}

impl Predictor {
    /// The name as written in the YAML.
    pub fn name(&self) -> &'static str {
        match self {
            Predictor::Forest(_) => "forest",
            Predictor::Boosting(_) => "boosting",
            Predictor::GaussianProcess(_) => "gaussian_process",
        }
    }
}

/// A random forest.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Forest {
    /// Trees.
    #[serde(default = "default_trees")]
    #[schemars(range(min = 1, max = 10_000))]
    pub trees: u32,
    /// The least number of outcomes in a leaf.
    #[serde(default = "default_leaf")]
    #[schemars(range(min = 1, max = 1000))]
    pub leaf: u32,
}

impl Default for Forest {
    fn default() -> Self {
        Forest { trees: default_trees(), leaf: default_leaf() }
    }
}

/// Gradient-boosted trees.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Boosting {
    /// Rounds of boosting.
    #[serde(default = "default_rounds")]
    #[schemars(range(min = 1, max = 10_000))]
    pub rounds: u32,
    /// The share of each tree that is taken.
    #[serde(default = "default_rate")]
    #[schemars(range(min = 0.000_1, max = 1.0))]
    pub rate: f64,
    /// The largest depth of a tree.
    #[serde(default = "default_depth")]
    #[schemars(range(min = 1, max = 32))]
    pub depth: u32,
    /// Boosters, each on outcomes resampled with replacement.
    #[serde(default = "default_members")]
    #[schemars(range(min = 1, max = 100))]
    pub members: u32,
}

impl Default for Boosting {
    fn default() -> Self {
        Boosting { rounds: default_rounds(), rate: default_rate(), depth: default_depth(), members: default_members() }
    }
}

/// A Gaussian process.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GaussianProcess {
    /// What two candidates are compared by.
    #[serde(default)]
    pub kernel: Kernel,
    /// What is fitted: ranks of the outcomes, turned into normal scores, or their values.
    #[serde(default)]
    pub target: Target,
}

/// What two candidates are compared by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Kernel {
    /// The operation sequences from input to output of their canonical networks, and their other decisions.
    #[default]
    Path,
    /// Their decisions, one-hot.
    Hamming,
}

/// What is fitted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Target {
    /// Ranks.
    #[default]
    Rank,
    /// Values.
    Value,
}

fn default_trees() -> u32 {
    200
}

fn default_leaf() -> u32 {
    1
}

fn default_rounds() -> u32 {
    100
}

fn default_rate() -> f64 {
    0.1
}

fn default_depth() -> u32 {
    5
}

fn default_members() -> u32 {
    5
}
