//! Layers along sequences.

use super::default::{batch, one, post_activation, relu, three};
use super::{ActivationKind, NormKind, Padding, Part};
use schemars::JsonSchema;
use serde::Deserialize as Derive;

/// Convolution along a sequence.
#[derive(Debug, Clone, PartialEq, Derive, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Conv1d {
    /// Output channels; the input's unless told.
    #[serde(default)]
    #[schemars(range(min = 1, max = 1_000_000))]
    pub channels: Option<usize>,
    /// Length of the kernel.
    #[serde(default = "three")]
    #[schemars(range(min = 1, max = 1023))]
    pub kernel: usize,
    /// Step of the kernel.
    #[serde(default = "one")]
    #[schemars(range(min = 1, max = 1023))]
    pub stride: usize,
    /// Zero padding at each end.
    #[serde(default)]
    pub padding: Padding,
    /// Distance of the kernel's points.
    #[serde(default = "one")]
    #[schemars(range(min = 1, max = 1023))]
    pub dilation: usize,
    /// Groups of channels that are convolved apart.
    #[serde(default = "one")]
    #[schemars(range(min = 1, max = 1_000_000))]
    pub groups: usize,
    /// Whether the convolution has a bias; unless told, where no norm follows it.
    #[serde(default)]
    pub bias: Option<bool>,
    /// The norm.
    #[serde(default = "batch")]
    pub norm: NormKind,
    /// The activation.
    #[serde(default = "relu")]
    pub activation: ActivationKind,
    /// The order of the parts; `[activation, conv, norm]` is pre-activation. A part left out is left away.
    #[serde(default = "post_activation")]
    #[schemars(length(min = 1, max = 3))]
    pub order: Vec<Part>,
}

/// Recurrent layers one after another along a sequence.
#[derive(Debug, Clone, PartialEq, Derive, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Recurrent {
    /// Hidden features of each direction; the input's channels unless told.
    #[serde(default)]
    #[schemars(range(min = 1, max = 100_000))]
    pub features: Option<usize>,
    /// Layers one after another.
    #[serde(default = "one")]
    #[schemars(range(min = 1, max = 64))]
    pub layers: usize,
    /// Whether each layer also runs from the end to the beginning; the channels of both directions stand one after another.
    #[serde(default)]
    pub bidirectional: bool,
    /// Probability of zeroing a value between two layers while training.
    #[serde(default)]
    #[schemars(range(min = 0.0, max = 0.99))]
    pub dropout: f64,
}
