//! Norms.

use super::default::{batch_norm_momentum, eight, norm_epsilon, yes};
use schemars::JsonSchema;
use serde::Deserialize as Derive;

/// The norm after a convolution or linear layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Derive, JsonSchema, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum NormKind {
    /// No norm; the layer then has a bias of its own.
    None,
    /// Batch norm.
    Batch,
    /// Layer norm.
    Layer,
    /// Group norm with 8 groups, or as many as divide the channels.
    Group,
}

/// Batch norm.
#[derive(Debug, Clone, PartialEq, Derive, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BatchNorm {
    /// Share of the newest batch in the running statistics.
    #[serde(default = "batch_norm_momentum")]
    #[schemars(range(min = 0.0, max = 1.0))]
    pub momentum: f64,
    /// Added to the variance.
    #[serde(default = "norm_epsilon")]
    #[schemars(range(min = 0.0, max = 1.0))]
    pub epsilon: f64,
    /// Whether it scales and shifts.
    #[serde(default = "yes")]
    pub affine: bool,
}

/// Layer norm.
#[derive(Debug, Clone, PartialEq, Derive, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LayerNorm {
    /// Added to the variance.
    #[serde(default = "norm_epsilon")]
    #[schemars(range(min = 0.0, max = 1.0))]
    pub epsilon: f64,
}

/// Group norm.
#[derive(Debug, Clone, PartialEq, Derive, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GroupNorm {
    /// Groups of channels; must divide them.
    #[serde(default = "eight")]
    #[schemars(range(min = 1, max = 1_000_000))]
    pub groups: usize,
    /// Added to the variance.
    #[serde(default = "norm_epsilon")]
    #[schemars(range(min = 0.0, max = 1.0))]
    pub epsilon: f64,
}
