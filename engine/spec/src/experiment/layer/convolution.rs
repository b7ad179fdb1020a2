//! Convolutions over images.

use super::default::{batch, one, post_activation, quarter, relu, relu6, six, three, two, yes};
use super::{ActivationKind, NormKind};
use schemars::JsonSchema;
use serde::Deserialize as Derive;

/// The parts of a convolution block.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Derive, JsonSchema, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// The convolution or linear layer itself.
    Conv,
    /// The norm.
    Norm,
    /// The activation.
    Activation,
}

/// Zero padding on each side, in pixels, or `same`: as much as keeps height and width at stride 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Derive, JsonSchema)]
#[serde(untagged)]
pub enum Padding {
    /// So many pixels.
    Pixels(#[schemars(range(min = 0, max = 1024))] usize),
    /// `dilation * (kernel - 1) / 2` pixels, rounded down.
    Same(SameWord),
}

impl Default for Padding {
    fn default() -> Self {
        Padding::Same(SameWord::Same)
    }
}

/// The word `same`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Derive, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SameWord {
    /// As much padding as keeps height and width at stride 1.
    Same,
}

/// Norm, activation and order of a convolution block.
#[derive(Debug, Clone, PartialEq, Derive, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Conv {
    /// Output channels; the input's unless told.
    #[serde(default)]
    #[schemars(range(min = 1, max = 1_000_000))]
    pub channels: Option<usize>,
    /// Side of the kernel, in pixels.
    #[serde(default = "three")]
    #[schemars(range(min = 1, max = 1023))]
    pub kernel: usize,
    /// Step of the kernel, in pixels.
    #[serde(default = "one")]
    #[schemars(range(min = 1, max = 1023))]
    pub stride: usize,
    /// Zero padding on each side.
    #[serde(default)]
    pub padding: Padding,
    /// Distance of the kernel's points, in pixels.
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

impl Default for Conv {
    fn default() -> Self {
        Conv {
            channels: None,
            kernel: 3,
            stride: 1,
            padding: Padding::default(),
            dilation: 1,
            groups: 1,
            bias: None,
            norm: NormKind::Batch,
            activation: ActivationKind::Relu,
            order: post_activation(),
        }
    }
}

/// Convolution of each channel by itself.
#[derive(Debug, Clone, PartialEq, Derive, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DepthwiseConv {
    /// Output channels for each input channel.
    #[serde(default = "one")]
    #[schemars(range(min = 1, max = 1024))]
    pub multiplier: usize,
    /// Side of the kernel, in pixels.
    #[serde(default = "three")]
    #[schemars(range(min = 1, max = 1023))]
    pub kernel: usize,
    /// Step of the kernel, in pixels.
    #[serde(default = "one")]
    #[schemars(range(min = 1, max = 1023))]
    pub stride: usize,
    /// Distance of the kernel's points, in pixels.
    #[serde(default = "one")]
    #[schemars(range(min = 1, max = 1023))]
    pub dilation: usize,
    /// The norm.
    #[serde(default = "batch")]
    pub norm: NormKind,
    /// The activation.
    #[serde(default = "relu")]
    pub activation: ActivationKind,
    /// The order of the parts.
    #[serde(default = "post_activation")]
    #[schemars(length(min = 1, max = 3))]
    pub order: Vec<Part>,
}

/// Depthwise convolution, then 1x1 convolution.
#[derive(Debug, Clone, PartialEq, Derive, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SeparableConv {
    /// Output channels; the input's unless told.
    #[serde(default)]
    #[schemars(range(min = 1, max = 1_000_000))]
    pub channels: Option<usize>,
    /// Side of the kernel, in pixels.
    #[serde(default = "three")]
    #[schemars(range(min = 1, max = 1023))]
    pub kernel: usize,
    /// Step of the kernel, in pixels.
    #[serde(default = "one")]
    #[schemars(range(min = 1, max = 1023))]
    pub stride: usize,
    /// Distance of the kernel's points, in pixels.
    #[serde(default = "one")]
    #[schemars(range(min = 1, max = 1023))]
    pub dilation: usize,
    /// How often the whole block stands one after another, the stride in the first (DARTS: 2).
    #[serde(default = "one")]
    #[schemars(range(min = 1, max = 16))]
    pub repeats: usize,
    /// The norm.
    #[serde(default = "batch")]
    pub norm: NormKind,
    /// The activation.
    #[serde(default = "relu")]
    pub activation: ActivationKind,
    /// The order of the parts.
    #[serde(default = "post_activation")]
    #[schemars(length(min = 1, max = 3))]
    pub order: Vec<Part>,
}

/// Convolution whose kernel skips pixels.
#[derive(Debug, Clone, PartialEq, Derive, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DilatedConv {
    /// Output channels; the input's unless told.
    #[serde(default)]
    #[schemars(range(min = 1, max = 1_000_000))]
    pub channels: Option<usize>,
    /// Side of the kernel, in pixels.
    #[serde(default = "three")]
    #[schemars(range(min = 1, max = 1023))]
    pub kernel: usize,
    /// Step of the kernel, in pixels.
    #[serde(default = "one")]
    #[schemars(range(min = 1, max = 1023))]
    pub stride: usize,
    /// Distance of the kernel's points, in pixels.
    #[serde(default = "two")]
    #[schemars(range(min = 1, max = 1023))]
    pub dilation: usize,
    /// The norm.
    #[serde(default = "batch")]
    pub norm: NormKind,
    /// The activation.
    #[serde(default = "relu")]
    pub activation: ActivationKind,
    /// The order of the parts.
    #[serde(default = "post_activation")]
    #[schemars(length(min = 1, max = 3))]
    pub order: Vec<Part>,
}

/// Inverted bottleneck (Sandler et al. 2018, Howard et al. 2019).
#[derive(Debug, Clone, PartialEq, Derive, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Mbconv {
    /// Output channels; the input's unless told.
    #[serde(default)]
    #[schemars(range(min = 1, max = 1_000_000))]
    pub channels: Option<usize>,
    /// Side of the depthwise kernel, in pixels.
    #[serde(default = "three")]
    #[schemars(range(min = 1, max = 1023))]
    pub kernel: usize,
    /// Step of the kernel, in pixels.
    #[serde(default = "one")]
    #[schemars(range(min = 1, max = 1023))]
    pub stride: usize,
    /// Inner channels for each input channel; 1 leaves the expanding convolution away.
    #[serde(default = "six")]
    #[schemars(range(min = 1.0, max = 64.0))]
    pub expansion: f64,
    /// Squeezed channels as a share of the inner ones; 0 is without squeeze-and-excitation.
    #[serde(default)]
    #[schemars(range(min = 0.0, max = 1.0))]
    pub squeeze_excite: f64,
    /// Probability of dropping the body of the residual connection, by example (Huang et al. 2016).
    #[serde(default)]
    #[schemars(range(min = 0.0, max = 0.99))]
    pub drop_path: f64,
    /// The activation.
    #[serde(default = "relu6")]
    pub activation: ActivationKind,
    /// Whether there is a residual connection where input and output have one shape.
    #[serde(default = "yes")]
    pub residual: bool,
}

/// Squeeze-and-excitation.
#[derive(Debug, Clone, PartialEq, Derive, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SqueezeExcite {
    /// Squeezed channels as a share of the input's.
    #[serde(default = "quarter")]
    #[schemars(range(min = 0.001, max = 1.0))]
    pub ratio: f64,
    /// The inner activation; the gate is a sigmoid.
    #[serde(default = "relu")]
    pub activation: ActivationKind,
}

/// Halves height and width without losing pixels.
#[derive(Debug, Clone, PartialEq, Default, Derive, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FactorizedReduce {
    /// Output channels, an even number; the input's unless told.
    #[serde(default)]
    #[schemars(range(min = 2, max = 1_000_000))]
    pub channels: Option<usize>,
}
