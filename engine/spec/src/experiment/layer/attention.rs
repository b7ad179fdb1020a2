//! Attention, and what makes tokens of an image.

use super::default::{four, four_times, gelu, layer, no_norm, yes};
use super::{ActivationKind, NormKind};
use schemars::JsonSchema;
use serde::Deserialize as Derive;

/// Multi-head self-attention.
#[derive(Debug, Clone, PartialEq, Derive, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SelfAttention {
    /// Heads, which attend apart from each other.
    #[serde(default = "four")]
    #[schemars(range(min = 1, max = 1024))]
    pub heads: usize,
    /// Width of each head's queries, keys and values; unless told, the channels divided by the heads.
    #[serde(default)]
    #[schemars(range(min = 1, max = 100_000))]
    pub head_dim: Option<usize>,
    /// Probability of zeroing an attention weight while training.
    #[serde(default)]
    #[schemars(range(min = 0.0, max = 0.99))]
    pub dropout: f64,
    /// Whether the linear layers, of queries, keys and values and of the output, have biases.
    #[serde(default = "yes")]
    pub bias: bool,
}

/// A transformer block.
#[derive(Debug, Clone, PartialEq, Derive, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TransformerBlock {
    /// Heads, which attend apart from each other.
    #[serde(default = "four")]
    #[schemars(range(min = 1, max = 1024))]
    pub heads: usize,
    /// Width of each head's queries, keys and values; unless told, the channels divided by the heads.
    #[serde(default)]
    #[schemars(range(min = 1, max = 100_000))]
    pub head_dim: Option<usize>,
    /// Inner features of the perceptron for each channel.
    #[serde(default = "four_times")]
    #[schemars(range(min = 0.01, max = 64.0))]
    pub mlp_ratio: f64,
    /// Probability of zeroing, while training, an attention weight, a value after attention, and a value in and after the
    /// perceptron.
    #[serde(default)]
    #[schemars(range(min = 0.0, max = 0.99))]
    pub dropout: f64,
    /// Probability of dropping what is added to a residual connection, by example (Huang et al. 2016).
    #[serde(default)]
    #[schemars(range(min = 0.0, max = 0.99))]
    pub drop_path: f64,
    /// The norm: `layer` of each token, or `batch` of each channel over all examples and tokens.
    #[serde(default = "layer")]
    pub norm: NormKind,
    /// Whether the norms stand before attention and perceptron (Xiong et al. 2020), or after the additions.
    #[serde(default = "yes")]
    pub pre_norm: bool,
    /// The activation inside the perceptron.
    #[serde(default = "gelu")]
    pub activation: ActivationKind,
    /// Whether the linear layers have biases.
    #[serde(default = "yes")]
    pub bias: bool,
}

/// Patches of an image as tokens: a convolution whose kernel and stride are the patch's side, with bias.
#[derive(Debug, Clone, PartialEq, Derive, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PatchEmbed {
    /// Side of a patch, in pixels; must divide height and width.
    #[serde(default = "four")]
    #[schemars(range(min = 1, max = 1023))]
    pub patch: usize,
    /// Channels of each token, also called its width.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub channels: usize,
    /// The norm after it.
    #[serde(default = "no_norm")]
    pub norm: NormKind,
}

/// How a place is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Derive, JsonSchema, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PositionKind {
    /// A learned number for each channel and place.
    Learned,
    /// Sines and cosines of falling frequency (Vaswani et al. 2017, section 3.5).
    Sinusoidal,
}
