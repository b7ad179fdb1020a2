//! Layers as written in the YAML, without decisions.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize as Derive;
use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor, value::MapAccessDeserializer};
use std::fmt;

/// One layer, a list of layers one after another, or the name of a layer with all its defaults.
#[derive(Debug, Clone, PartialEq)]
pub enum Layer {
    /// Layers one after another.
    Sequence(Vec<Layer>),
    /// One layer.
    Kind(Box<LayerKind>),
}

/// The kinds of layer. Channels and features default to the input's.
#[derive(Debug, Clone, PartialEq, Derive, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LayerKind {
    /// Convolution, batch norm, ReLU.
    Conv(Conv),
    /// Convolution of each channel by itself, batch norm, ReLU.
    DepthwiseConv(DepthwiseConv),
    /// Depthwise convolution, then 1x1 convolution, batch norm, ReLU.
    SeparableConv(SeparableConv),
    /// Convolution whose kernel skips pixels, batch norm, ReLU.
    DilatedConv(DilatedConv),
    /// Inverted bottleneck of MobileNetV2 and V3: expand, depthwise convolution, squeeze-and-excitation, project; with a
    /// residual connection where shapes agree.
    Mbconv(Mbconv),
    /// Linear layer over the last axis of flat features.
    Linear(LinearValue),
    /// Largest value of each window.
    MaxPool(Pool),
    /// Mean of each window.
    AvgPool(Pool),
    /// Pools to a given size.
    AdaptivePool(AdaptivePool),
    /// Pools each channel to one value.
    GlobalPool(PoolKind),
    /// Batch norm (Ioffe and Szegedy 2015).
    BatchNorm(BatchNorm),
    /// Layer norm over channels, height and width (Ba et al. 2016).
    LayerNorm(LayerNorm),
    /// Group norm (Wu and He 2018).
    GroupNorm(GroupNorm),
    /// An activation function.
    Activation(ActivationKind),
    /// Zeroes values with this probability while training.
    Dropout(#[schemars(range(min = 0.0, max = 0.99))] f64),
    /// Squeeze-and-excitation (Hu et al. 2018).
    SqueezeExcite(SqueezeExcite),
    /// Flattens to a vector.
    Flatten(Empty),
    /// Passes its input on; with a stride, a factorized reduction.
    Identity(Empty),
    /// Gives zeros.
    None(Empty),
    /// Halves height and width by two shifted 1x1 convolutions of stride 2, concatenated (DARTS).
    FactorizedReduce(FactorizedReduce),
    /// Repeats its body.
    Repeat(Repeat),
    /// Adds its input to what its body makes of it.
    Residual(ResidualValue),
    /// Branches on the same input, joined.
    Parallel(ParallelValue),
    /// Puts in a named block.
    Use(UseValue),
    /// A small graph of operations.
    Cell(Cell),
}

/// Nothing to set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Derive, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Empty {}

/// Activation functions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Derive, JsonSchema, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ActivationKind {
    /// No activation.
    None,
    /// max(x, 0)
    Relu,
    /// min(max(x, 0), 6)
    Relu6,
    /// x where positive, else 0.01 x
    LeakyRelu,
    /// x where positive, else exp(x) - 1
    Elu,
    /// Gaussian error linear unit, exact form
    Gelu,
    /// x sigmoid(x), also called swish
    Silu,
    /// x relu6(x + 3) / 6 (MobileNetV3)
    HardSwish,
    /// relu6(x + 3) / 6
    HardSigmoid,
    /// 1 / (1 + exp(-x))
    Sigmoid,
    /// Hyperbolic tangent
    Tanh,
    /// log(1 + exp(x))
    Softplus,
}

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

/// How pooling joins values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Derive, JsonSchema, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PoolKind {
    /// The mean.
    Average,
    /// The largest.
    Max,
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

/// A linear layer: its features, `classes` for as many as there are classes, or all of its settings.
#[derive(Debug, Clone, PartialEq, Derive, JsonSchema)]
#[serde(untagged)]
pub enum LinearValue {
    /// The features alone.
    Features(Features),
    /// All settings.
    Full(Linear),
}

/// A number of features.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Derive, JsonSchema)]
#[serde(untagged)]
pub enum Features {
    /// So many.
    Count(#[schemars(range(min = 1, max = 100_000_000))] usize),
    /// As many as there are classes.
    Classes(ClassesWord),
}

/// The word `classes`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Derive, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ClassesWord {
    /// As many as there are classes.
    Classes,
}

/// A linear layer.
#[derive(Debug, Clone, PartialEq, Derive, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Linear {
    /// Output features, or `classes`.
    pub features: Features,
    /// Whether it has a bias.
    #[serde(default = "yes")]
    pub bias: bool,
    /// The norm.
    #[serde(default = "no_norm")]
    pub norm: NormKind,
    /// The activation.
    #[serde(default = "no_activation")]
    pub activation: ActivationKind,
}

/// Pooling over windows.
#[derive(Debug, Clone, PartialEq, Derive, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Pool {
    /// Side of the window, in pixels.
    #[serde(default = "two")]
    #[schemars(range(min = 1, max = 1023))]
    pub kernel: usize,
    /// Step of the window, in pixels; the kernel unless told.
    #[serde(default)]
    #[schemars(range(min = 1, max = 1023))]
    pub stride: Option<usize>,
    /// Padding on each side, in pixels; never counted in a mean.
    #[serde(default)]
    #[schemars(range(min = 0, max = 511))]
    pub padding: usize,
}

/// Pooling to a given size.
#[derive(Debug, Clone, PartialEq, Derive, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AdaptivePool {
    /// Height and width of the output, in pixels.
    #[schemars(range(min = 1, max = 1024))]
    pub size: usize,
    /// How values are joined.
    #[serde(default = "average")]
    pub kind: PoolKind,
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

/// A body, several times over. It is decided once, unless `fresh`.
#[derive(Debug, Clone, PartialEq, Derive, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Repeat {
    /// How often.
    #[schemars(range(min = 0, max = 1000))]
    pub times: usize,
    /// The layers that are repeated.
    pub body: Layer,
    /// Decides the body anew in each repetition.
    #[serde(default)]
    pub fresh: bool,
}

/// A residual connection: its body, or all of its settings.
#[derive(Debug, Clone, PartialEq)]
pub enum ResidualValue {
    /// The body alone; input and output must have one shape.
    Body(Vec<Layer>),
    /// All settings.
    Full(Residual),
}

/// A residual connection (He et al. 2016).
#[derive(Debug, Clone, PartialEq, Derive, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Residual {
    /// What is added to the input.
    pub body: Layer,
    /// Layers on the input's side, such as a pooling and a 1x1 convolution.
    #[serde(default)]
    pub shortcut: Option<Layer>,
    /// Where shapes differ, brings the input to the body's shape by a 1x1 convolution with batch norm.
    #[serde(default)]
    pub project: bool,
    /// The activation after the addition.
    #[serde(default = "no_activation")]
    pub activation: ActivationKind,
    /// Probability of dropping the body, by example (Huang et al. 2016).
    #[serde(default)]
    #[schemars(range(min = 0.0, max = 0.99))]
    pub drop_path: f64,
}

/// Branches: a list of them, or all settings.
#[derive(Debug, Clone, PartialEq)]
pub enum ParallelValue {
    /// The branches alone, added.
    Branches(Vec<Layer>),
    /// All settings.
    Full(Parallel),
}

/// Branches on the same input.
#[derive(Debug, Clone, PartialEq, Derive, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Parallel {
    /// The branches.
    #[schemars(length(min = 1))]
    pub branches: Vec<Layer>,
    /// How they are joined.
    #[serde(default = "add")]
    pub join: Join,
    /// Where shapes differ, brings each branch to the first one's channels by a 1x1 convolution with batch norm.
    #[serde(default)]
    pub project: bool,
}

/// How several outputs become one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Derive, JsonSchema, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Join {
    /// Their sum; all have one shape.
    Add,
    /// Their channels one after another.
    Concat,
}

/// A named block: its name, or all settings.
#[derive(Debug, Clone, PartialEq, Derive, JsonSchema)]
#[serde(untagged)]
pub enum UseValue {
    /// The name alone.
    Name(String),
    /// All settings.
    Full(Use),
}

/// A named block.
#[derive(Debug, Clone, PartialEq, Derive, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Use {
    /// Its name under `blocks`.
    pub block: String,
    /// Decides the block anew for this use.
    #[serde(default)]
    pub fresh: bool,
}

/// A small graph of operations. Operations stand on the edges (`edge`) or on the nodes (`node`).
///
/// With `edge` alone every node takes every earlier one, each edge has an operation of its own (edges in the order 0→1,
/// 0→2, 1→2, 0→3, …), node 0 is the input and the last node the output (NAS-Bench-201). With `inputs: 2` each of the `nodes`
/// picks two of the earlier ones, and the output is all nodes concatenated (DARTS). With `node` each node adds up its inputs
/// and applies its operation (NAS-Bench-101).
#[derive(Debug, Clone, PartialEq, Derive, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Cell {
    /// The number of nodes; where every node takes every earlier one, input and output included.
    #[schemars(range(min = 2, max = 64))]
    pub nodes: usize,
    /// The operation on each edge, decided for each.
    #[serde(default)]
    pub edge: Option<Layer>,
    /// The operations of all edges in order, in place of `edge`.
    #[serde(default)]
    pub edges: Option<Vec<Layer>>,
    /// The operation on each node, decided for each.
    #[serde(default)]
    pub node: Option<Layer>,
    /// The operations of all nodes in order, in place of `node`.
    #[serde(default)]
    pub operations: Option<Vec<Layer>>,
    /// How many earlier nodes each node takes, decided for each; unless told, all.
    #[serde(default)]
    #[schemars(range(min = 1, max = 8))]
    pub inputs: Option<usize>,
    /// The earlier nodes that each node takes, in place of `inputs`.
    #[serde(default)]
    pub connections: Option<Vec<Vec<usize>>>,
    /// How many outputs of earlier cells the cell takes: 1, or 2 (DARTS), each brought to `channels` by ReLU, 1x1 convolution
    /// and batch norm.
    #[serde(default = "one")]
    #[schemars(range(min = 1, max = 2))]
    pub previous: usize,
    /// The channels inside a cell that takes 2 earlier outputs; unless told, as many as make the cell's output as wide as its
    /// input, times the stride.
    #[serde(default)]
    #[schemars(range(min = 1, max = 1_000_000))]
    pub channels: Option<usize>,
    /// The stride of the operations on the cell's inputs: 2 makes a reduction cell.
    #[serde(default = "one")]
    #[schemars(range(min = 1, max = 2))]
    pub stride: usize,
    /// What the cell gives out: its last node, or all inner nodes added or concatenated. Unless told, the last node; with
    /// `inputs`, all concatenated.
    #[serde(default)]
    pub output: Option<CellOutput>,
}

/// What a cell gives out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Derive, JsonSchema, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CellOutput {
    /// Its last node.
    Last,
    /// All inner nodes added.
    Add,
    /// All inner nodes concatenated.
    Concat,
}

fn one() -> usize {
    1
}
fn two() -> usize {
    2
}
fn three() -> usize {
    3
}
fn eight() -> usize {
    8
}
fn six() -> f64 {
    6.0
}
fn quarter() -> f64 {
    0.25
}
fn yes() -> bool {
    true
}
fn batch() -> NormKind {
    NormKind::Batch
}
fn no_norm() -> NormKind {
    NormKind::None
}
fn relu() -> ActivationKind {
    ActivationKind::Relu
}
fn relu6() -> ActivationKind {
    ActivationKind::Relu6
}
fn no_activation() -> ActivationKind {
    ActivationKind::None
}
fn average() -> PoolKind {
    PoolKind::Average
}
fn add() -> Join {
    Join::Add
}
fn post_activation() -> Vec<Part> {
    vec![Part::Conv, Part::Norm, Part::Activation]
}
fn batch_norm_momentum() -> f64 {
    0.1
}
fn norm_epsilon() -> f64 {
    1e-5
}

/// Layers that may be written as a bare name: every setting at its default.
const BARE: &[&str] = &[
    "conv",
    "depthwise_conv",
    "separable_conv",
    "dilated_conv",
    "mbconv",
    "max_pool",
    "avg_pool",
    "batch_norm",
    "layer_norm",
    "group_norm",
    "squeeze_excite",
    "flatten",
    "identity",
    "none",
    "factorized_reduce",
];

/// Names of cell operations as benchmarks write them: ReLU, convolution, batch norm in this order.
const OPERATIONS: &[&str] = &[
    "skip",
    "conv_1x1",
    "conv_3x3",
    "conv_5x5",
    "sep_conv_3x3",
    "sep_conv_5x5",
    "sep_conv_7x7",
    "dil_conv_3x3",
    "dil_conv_5x5",
    "max_pool_3x3",
    "avg_pool_3x3",
];

impl Layer {
    /// The layer that a bare name stands for, if there is one.
    pub fn named(name: &str) -> Option<Layer> {
        let pre = || vec![Part::Activation, Part::Conv, Part::Norm];
        let side = |prefix: &str| -> Option<usize> {
            let (a, b) = name.strip_prefix(prefix)?.split_once('x')?;
            (a == b && OPERATIONS.contains(&name)).then(|| a.parse().ok())?
        };
        let pool = Pool { kernel: 3, stride: Some(1), padding: 1 };
        let separable = |kernel, dilation, repeats| SeparableConv {
            channels: None,
            kernel,
            stride: 1,
            dilation,
            repeats,
            norm: NormKind::Batch,
            activation: ActivationKind::Relu,
            order: pre(),
        };
        let kind = if let Some(kernel) = side("conv_") {
            LayerKind::Conv(Conv { kernel, order: pre(), ..Conv::default() })
        } else if let Some(kernel) = side("sep_conv_") {
            LayerKind::SeparableConv(separable(kernel, 1, 2))
        } else if let Some(kernel) = side("dil_conv_") {
            LayerKind::SeparableConv(separable(kernel, 2, 1))
        } else {
            match name {
                "skip" | "identity" => LayerKind::Identity(Empty {}),
                "none" => LayerKind::None(Empty {}),
                "flatten" => LayerKind::Flatten(Empty {}),
                "max_pool_3x3" => LayerKind::MaxPool(pool),
                "avg_pool_3x3" => LayerKind::AvgPool(pool),
                bare if BARE.contains(&bare) => {
                    let empty = serde_json::json!({ bare: {} });
                    LayerKind::deserialize(&empty).ok()?
                }
                _ => return None,
            }
        };
        Some(Layer::Kind(Box::new(kind)))
    }

    /// The names that may stand for a layer by themselves.
    pub fn names() -> impl Iterator<Item = &'static str> {
        BARE.iter().chain(OPERATIONS).copied()
    }
}

impl<'de> Deserialize<'de> for Layer {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct LayerVisitor;

        impl<'de> Visitor<'de> for LayerVisitor {
            type Value = Layer;

            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("a layer: a name, a list of layers, or a mapping with one key")
            }

            fn visit_str<E: de::Error>(self, name: &str) -> Result<Layer, E> {
                Layer::named(name).ok_or_else(|| E::custom(format!("unknown layer `{name}`")))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Layer, A::Error> {
                let mut layers = Vec::with_capacity(seq.size_hint().unwrap_or(4));
                while let Some(layer) = seq.next_element()? {
                    layers.push(layer);
                }
                Ok(Layer::Sequence(layers))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Layer, A::Error> {
                LayerKind::deserialize(MapAccessDeserializer::new(map)).map(|kind| Layer::Kind(Box::new(kind)))
            }
        }

        deserializer.deserialize_any(LayerVisitor)
    }
}

impl JsonSchema for Layer {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Layer".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let kind = generator.subschema_for::<LayerKind>();
        let this = generator.subschema_for::<Layer>();
        let names: Vec<&str> = Layer::names().collect();
        json_schema!({
            "description": "One layer, a list of layers one after another, or the name of a layer with all its defaults.",
            "anyOf": [
                {"type": "string", "enum": names},
                {"type": "array", "items": this},
                kind,
            ]
        })
    }
}

/// A value that is either a list of layers or a mapping with all settings.
macro_rules! list_or_settings {
    ($value:ident, $list:ident, $full:ident, $expecting:literal) => {
        impl<'de> Deserialize<'de> for $value {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct ValueVisitor;

                impl<'de> Visitor<'de> for ValueVisitor {
                    type Value = $value;

                    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                        f.write_str($expecting)
                    }

                    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<$value, A::Error> {
                        let mut layers = Vec::new();
                        while let Some(layer) = seq.next_element()? {
                            layers.push(layer);
                        }
                        Ok($value::$list(layers))
                    }

                    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<$value, A::Error> {
                        $full::deserialize(MapAccessDeserializer::new(map)).map($value::Full)
                    }
                }

                deserializer.deserialize_any(ValueVisitor)
            }
        }

        impl JsonSchema for $value {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($value).into()
            }

            fn json_schema(generator: &mut SchemaGenerator) -> Schema {
                let layer = generator.subschema_for::<Layer>();
                let full = generator.subschema_for::<$full>();
                json_schema!({"description": $expecting, "anyOf": [{"type": "array", "items": layer, "minItems": 1}, full]})
            }
        }
    };
}

list_or_settings!(ResidualValue, Body, Residual, "A list of layers, or a mapping with `body` and further settings.");
list_or_settings!(
    ParallelValue,
    Branches,
    Parallel,
    "A list of branches, or a mapping with `branches` and further settings."
);

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn layer(value: serde_json::Value) -> Layer {
        Layer::deserialize(&value).unwrap()
    }

    #[test]
    fn every_bare_name_is_a_layer() {
        for name in Layer::names() {
            assert!(Layer::named(name).is_some(), "{name}");
            assert_eq!(layer(json!(name)), Layer::named(name).unwrap());
        }
        assert_eq!(Layer::named("conv_4x4"), None);
        assert_eq!(Layer::named("conv_3x5"), None);
    }

    #[test]
    fn shorthands_and_full_forms_are_read() {
        assert_eq!(layer(json!("conv")), layer(json!({"conv": {}})));
        assert!(matches!(layer(json!(["conv", "identity"])), Layer::Sequence(l) if l.len() == 2));
        layer(json!({"linear": "classes"}));
        layer(json!({"linear": {"features": 10, "activation": "relu"}}));
        layer(json!({"residual": ["conv"]}));
        layer(json!({"residual": {"body": ["conv"], "project": true}}));
        layer(json!({"parallel": {"branches": ["conv", "identity"], "join": "concat"}}));
        layer(json!({"conv": {"padding": 2}}));
        layer(json!({"conv": {"padding": "same"}}));
        layer(json!({"cell": {"nodes": 4, "edge": "conv_3x3"}}));
        layer(json!({"global_pool": "average"}));
        assert!(Layer::deserialize(&json!({"conv": {"kernal": 3}})).is_err());
    }
}
