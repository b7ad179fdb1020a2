//! From layers to a network: shapes are inferred, and what cannot fit is said with the layer's place.

mod attention;
mod cell;
mod convolution;
mod sequence;
mod structure;

use crate::network::{Network, Node, Op, RecurrentKind, Shape};
use pleach_spec::{ActivationKind, Features, Layer, LayerKind, Linear, LinearValue, NormKind, Pool, PoolKind};
use smallvec::{SmallVec, smallvec};
use std::sync::Arc;

/// A network whose values and weights have more elements than this, together, is refused: no machine holds it.
const MOST_ELEMENTS: u64 = 1 << 38;
/// A network of more nodes than this is refused.
const MOST_NODES: usize = 200_000;
/// A network of more layers than this is refused, those that compute nothing included.
const MOST_LAYERS: usize = 200_000;
/// Layers may stand so deep in each other, named blocks written out.
const MOST_DEPTH: usize = 128;

/// Why layers build no network, and at which place of the resolved space.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct BuildError {
    /// The steps from the layer outwards: innermost first.
    place: Vec<String>,
    pub(crate) message: String,
    pub(crate) help: Option<String>,
}

impl BuildError {
    fn new(message: impl Into<String>) -> BuildError {
        BuildError { place: Vec::new(), message: message.into(), help: None }
    }

    fn help(mut self, help: impl Into<String>) -> BuildError {
        self.help = Some(help.into());
        self
    }

    fn at(mut self, step: impl ToString) -> BuildError {
        // The steps outside of a named block lead to its use, not to the layer.
        if self.place.last().is_none_or(|last| last != "blocks") {
            self.place.push(step.to_string());
        }
        self
    }

    /// The steps from the section to the layer.
    pub(crate) fn place(&self) -> Vec<String> {
        self.place.iter().rev().cloned().collect()
    }
}

type Result<T> = std::result::Result<T, BuildError>;

/// The index of a node while building.
type Id = u32;

/// Builds the network that the layers describe; says also how many layers and nodes were worked on.
pub(crate) fn build(
    layers: &[Layer],
    blocks: &[(String, Layer)],
    input: &Shape,
    classes: Option<usize>,
) -> (Result<Network>, usize) {
    let mut builder = Builder {
        nodes: vec![Node { op: Op::Input, inputs: SmallVec::new(), shape: input.clone(), path: Arc::from("input") }],
        blocks,
        classes,
        path: String::from("network"),
        earlier: None,
        layers: 0,
        depth: 0,
        elements: 0,
    };
    let output = builder.sequence(layers, 0).map_err(|error| error.at("network"));
    let work = builder.layers + builder.nodes.len();
    (output.map(|output| Network { nodes: builder.nodes, output }), work)
}

struct Builder<'a> {
    nodes: Vec<Node>,
    blocks: &'a [(String, Layer)],
    classes: Option<usize>,
    /// The path of the layer being built.
    path: String,
    /// The input of the last cell: what a cell with two earlier outputs takes beside its own input.
    earlier: Option<Id>,
    /// How many layers were begun, and how deep the present one stands.
    layers: usize,
    depth: usize,
    /// How many elements the values and weights so far have.
    elements: u64,
}

impl Builder<'_> {
    fn shape(&self, id: Id) -> &Shape {
        &self.nodes[id as usize].shape
    }

    fn add(&mut self, op: Op, inputs: SmallVec<[Id; 2]>, shape: Shape, path: &Arc<str>) -> Result<Id> {
        if shape.elements() > MOST_ELEMENTS {
            return Err(BuildError::new(format!("a value of shape {shape} is larger than any machine holds"))
                .help("fewer channels, or more strides before it"));
        }
        if op.tensors().iter().any(|tensor| tensor.elements() > MOST_ELEMENTS) {
            return Err(BuildError::new(format!("the weights of `{}` are larger than any machine holds", op.name()))
                .help("fewer channels, or `global_pool` before it"));
        }
        let weights = op.tensors().iter().fold(0, |sum: u64, tensor| sum.saturating_add(tensor.elements()));
        self.elements = self.elements.saturating_add(weights).saturating_add(shape.elements());
        if self.elements > MOST_ELEMENTS {
            return Err(BuildError::new("up to this layer, the network is larger than any machine holds")
                .help("fewer layers or channels, or more strides between them"));
        }
        if self.nodes.len() >= MOST_NODES {
            return Err(BuildError::new(format!("the network has more than {MOST_NODES} operations"))
                .help("repeat less, or use blocks less often"));
        }
        self.nodes.push(Node { op, inputs, shape, path: path.clone() });
        Ok((self.nodes.len() - 1) as Id)
    }

    /// An operation that keeps its input's shape.
    fn same(&mut self, op: Op, x: Id, path: &Arc<str>) -> Result<Id> {
        let shape = self.shape(x).clone();
        self.add(op, smallvec![x], shape, path)
    }

    fn activation(&mut self, kind: ActivationKind, x: Id, path: &Arc<str>) -> Result<Id> {
        match kind {
            ActivationKind::None => Ok(x),
            kind => self.same(Op::Activation(kind), x, path),
        }
    }

    fn norm(&mut self, kind: NormKind, x: Id, path: &Arc<str>) -> Result<Id> {
        let channels = self.shape(x).channels();
        let op = match kind {
            NormKind::None => return Ok(x),
            NormKind::Batch => Op::BatchNorm { channels, momentum: 0.1, epsilon: 1e-5, affine: true },
            NormKind::Layer => Op::LayerNorm { channels, epsilon: 1e-5 },
            NormKind::Group => {
                let groups = (1..=8).rev().find(|groups| channels.is_multiple_of(*groups)).unwrap_or(1);
                Op::GroupNorm { channels, groups, epsilon: 1e-5 }
            }
        };
        self.same(op, x, path)
    }

    /// The channels, height and width of an image, or an error that names the layer.
    fn image(&self, x: Id, layer: &str) -> Result<(usize, usize, usize)> {
        let shape = self.shape(x);
        let Some((height, width)) = shape.size() else {
            let found =
                if shape.is_sequence() { format!("a sequence of {shape}") } else { format!("{shape} features") };
            let message = format!("`{layer}` needs an image (channels, height, width), but gets {found}");
            let error = BuildError::new(message);
            return Err(match layer {
                "conv" if shape.is_sequence() => error.help("take `conv1d`, or put it before `patch_embed`"),
                _ if shape.is_sequence() => error.help("put it before `patch_embed`"),
                _ => error,
            });
        };
        Ok((shape.channels(), height, width))
    }

    fn sequence(&mut self, layers: &[Layer], x: Id) -> Result<Id> {
        let mut x = x;
        let length = self.path.len();
        for (i, layer) in layers.iter().enumerate() {
            self.path.push_str(&format!("[{i}]"));
            let result = self.layer(layer, x);
            self.path.truncate(length);
            x = result.map_err(|error| error.at(i))?;
        }
        Ok(x)
    }

    fn layer(&mut self, layer: &Layer, x: Id) -> Result<Id> {
        self.layers += 1;
        if self.layers > MOST_LAYERS {
            return Err(BuildError::new(format!("the network has more than {MOST_LAYERS} layers"))
                .help("repeat less, or use blocks less often"));
        }
        if self.depth == MOST_DEPTH {
            return Err(BuildError::new(format!("layers stand deeper than {MOST_DEPTH} in each other"))
                .help("put them one after another"));
        }
        self.depth += 1;
        let result = self.layer_itself(layer, x);
        self.depth -= 1;
        result
    }

    fn layer_itself(&mut self, layer: &Layer, x: Id) -> Result<Id> {
        match layer {
            Layer::Sequence(layers) => self.sequence(layers, x),
            Layer::Kind(kind) => {
                let name = kind_name(kind);
                let length = self.path.len();
                self.path.push('.');
                self.path.push_str(name);
                let result = self.kind(kind, x);
                self.path.truncate(length);
                result.map_err(|error| error.at(name))
            }
        }
    }

    fn kind(&mut self, kind: &LayerKind, x: Id) -> Result<Id> {
        let path: Arc<str> = match kind {
            LayerKind::Repeat(_) | LayerKind::Use(_) | LayerKind::Parallel(_) | LayerKind::Cell(_) => Arc::from(""),
            _ => Arc::from(self.path.as_str()),
        };
        match kind {
            LayerKind::Conv(conv) => self.conv(conv, x, &path),
            LayerKind::DepthwiseConv(conv) => self.depthwise_conv(conv, x, &path),
            LayerKind::SeparableConv(conv) => self.separable_conv(conv, x, &path),
            LayerKind::DilatedConv(conv) => self.dilated_conv(conv, x, &path),
            LayerKind::Mbconv(conv) => self.mbconv(conv, x, &path),
            LayerKind::FactorizedReduce(reduce) => self.factorized_reduce(reduce.channels, x, &path),
            LayerKind::SqueezeExcite(settings) => self.squeeze_excite(settings.ratio, settings.activation, x, &path),
            LayerKind::Linear(linear) => self.linear(linear, x, &path),
            LayerKind::Conv1d(conv) => self.conv1d(conv, x, &path),
            LayerKind::Lstm(settings) => self.recurrent(RecurrentKind::Lstm, settings, x, &path),
            LayerKind::Gru(settings) => self.recurrent(RecurrentKind::Gru, settings, x, &path),
            LayerKind::PatchEmbed(patch) => self.patch_embed(patch, x, &path),
            LayerKind::Position(kind) => self.position(*kind, x, &path),
            LayerKind::SelfAttention(attention) => self.self_attention(attention, x, &path),
            LayerKind::TransformerBlock(block) => self.transformer_block(block, x, &path),
            LayerKind::MaxPool(pool) => self.pool(pool, PoolKind::Max, x, &path),
            LayerKind::AvgPool(pool) => self.pool(pool, PoolKind::Average, x, &path),
            LayerKind::AdaptivePool(pool) => {
                let (channels, ..) = self.image(x, "adaptive_pool")?;
                let shape = Shape::image(channels, pool.size, pool.size);
                self.add(Op::AdaptivePool { size: pool.size, kind: pool.kind }, smallvec![x], shape, &path)
            }
            LayerKind::GlobalPool(kind) => {
                let shape = self.shape(x);
                let channels = shape.channels();
                if shape.is_vector() {
                    let message = format!("`global_pool` needs an image or a sequence, but gets {shape} features");
                    return Err(BuildError::new(message).help("leave it away: there is nothing to pool"));
                }
                self.add(Op::GlobalPool { kind: *kind }, smallvec![x], Shape::vector(channels), &path)
            }
            LayerKind::BatchNorm(norm) => {
                let channels = self.shape(x).channels();
                let (momentum, epsilon, affine) = (norm.momentum, norm.epsilon, norm.affine);
                self.same(Op::BatchNorm { channels, momentum, epsilon, affine }, x, &path)
            }
            LayerKind::LayerNorm(norm) => {
                let channels = self.shape(x).channels();
                self.same(Op::LayerNorm { channels, epsilon: norm.epsilon }, x, &path)
            }
            LayerKind::GroupNorm(norm) => {
                let channels = self.shape(x).channels();
                if !channels.is_multiple_of(norm.groups) {
                    let message = format!("{} groups do not divide {channels} channels", norm.groups);
                    return Err(BuildError::new(message));
                }
                self.same(Op::GroupNorm { channels, groups: norm.groups, epsilon: norm.epsilon }, x, &path)
            }
            LayerKind::Activation(kind) => self.activation(*kind, x, &path),
            LayerKind::Dropout(probability) if *probability == 0.0 => Ok(x),
            LayerKind::Dropout(probability) => self.same(Op::Dropout { probability: *probability }, x, &path),
            LayerKind::Flatten(_) => {
                let shape = self.shape(x);
                let elements = shape.elements();
                if shape.is_vector() {
                    return Ok(x);
                }
                let features = usize::try_from(elements).unwrap_or(usize::MAX);
                self.add(Op::Flatten, smallvec![x], Shape::vector(features), &path)
            }
            LayerKind::Identity(_) => Ok(x),
            LayerKind::None(_) => {
                let shape = self.shape(x).clone();
                self.add(Op::Zero, SmallVec::new(), shape, &path)
            }
            LayerKind::Repeat(repeat) => self.repeat(repeat, x),
            LayerKind::Residual(value) => self.residual(value, x, &path),
            LayerKind::Parallel(value) => self.parallel(value, x),
            LayerKind::Use(value) => self.use_block(value, x),
            LayerKind::Cell(cell) => self.cell(cell, x),
        }
    }

    fn linear(&mut self, value: &LinearValue, x: Id, path: &Arc<str>) -> Result<Id> {
        let short;
        let linear = match value {
            LinearValue::Full(linear) => linear,
            LinearValue::Features(features) => {
                short =
                    Linear { features: *features, bias: true, norm: NormKind::None, activation: ActivationKind::None };
                &short
            }
        };
        let shape = self.shape(x);
        if shape.is_image() {
            return Err(BuildError::new(format!(
                "`linear` needs a vector or a sequence, but gets an image of {shape}"
            ))
            .help("put `flatten` or `global_pool: average` before it"));
        }
        let out_features = match linear.features {
            Features::Count(count) => count,
            Features::Classes(_) => self.classes.ok_or_else(|| {
                BuildError::new("the number of classes is not known").help("set `data`, or `space.classes`")
            })?,
        };
        let y = self.dense(out_features, linear.bias, x, path)?;
        let y = self.norm(linear.norm, y, path)?;
        self.activation(linear.activation, y, path)
    }

    /// A linear layer over the features of a vector, or the channels of each token.
    fn dense(&mut self, out_features: usize, bias: bool, x: Id, path: &Arc<str>) -> Result<Id> {
        let shape = self.shape(x);
        let (op, shape) =
            (Op::Linear { in_features: shape.channels(), out_features, bias }, shape.with_channels(out_features));
        self.add(op, smallvec![x], shape, path)
    }

    fn pool(&mut self, pool: &Pool, kind: PoolKind, x: Id, path: &Arc<str>) -> Result<Id> {
        let layer = if kind == PoolKind::Max { "max_pool" } else { "avg_pool" };
        let (channels, height, width) = self.image(x, layer)?;
        let (kernel, stride, padding) = (pool.kernel, pool.stride.unwrap_or(pool.kernel), pool.padding);
        if kernel == 0 || stride == 0 {
            return Err(BuildError::new("kernel and stride of a pooling must be at least 1"));
        }
        if padding * 2 > kernel {
            let message = format!("padding {padding} is more than half of kernel {kernel}");
            return Err(BuildError::new(message));
        }
        let size = |side| window(side, kernel, stride, padding, 1);
        let (Some(out_height), Some(out_width)) = (size(height), size(width)) else {
            return Err(too_small(layer, kernel, height, width));
        };
        let op = match kind {
            PoolKind::Max => Op::MaxPool { kernel, stride, padding },
            PoolKind::Average => Op::AvgPool { kernel, stride, padding },
        };
        self.add(op, smallvec![x], Shape::image(channels, out_height, out_width), path)
    }
}

/// The output side of a window that moves over an input side, if it fits.
fn window(side: usize, kernel: usize, stride: usize, padding: usize, dilation: usize) -> Option<usize> {
    let reach = dilation * (kernel - 1) + 1;
    (side + 2 * padding).checked_sub(reach).map(|rest| rest / stride + 1)
}

fn too_small(layer: &str, kernel: usize, height: usize, width: usize) -> BuildError {
    BuildError::new(format!("`{layer}` of kernel {kernel} does not fit into an image of {height}x{width}"))
        .help("take a smaller kernel, more padding, or fewer strides before it")
}

fn kind_name(kind: &LayerKind) -> &'static str {
    match kind {
        LayerKind::Conv(_) => "conv",
        LayerKind::DepthwiseConv(_) => "depthwise_conv",
        LayerKind::SeparableConv(_) => "separable_conv",
        LayerKind::DilatedConv(_) => "dilated_conv",
        LayerKind::Mbconv(_) => "mbconv",
        LayerKind::Linear(_) => "linear",
        LayerKind::Conv1d(_) => "conv1d",
        LayerKind::Lstm(_) => "lstm",
        LayerKind::Gru(_) => "gru",
        LayerKind::PatchEmbed(_) => "patch_embed",
        LayerKind::Position(_) => "position",
        LayerKind::SelfAttention(_) => "self_attention",
        LayerKind::TransformerBlock(_) => "transformer_block",
        LayerKind::MaxPool(_) => "max_pool",
        LayerKind::AvgPool(_) => "avg_pool",
        LayerKind::AdaptivePool(_) => "adaptive_pool",
        LayerKind::GlobalPool(_) => "global_pool",
        LayerKind::BatchNorm(_) => "batch_norm",
        LayerKind::LayerNorm(_) => "layer_norm",
        LayerKind::GroupNorm(_) => "group_norm",
        LayerKind::Activation(_) => "activation",
        LayerKind::Dropout(_) => "dropout",
        LayerKind::SqueezeExcite(_) => "squeeze_excite",
        LayerKind::Flatten(_) => "flatten",
        LayerKind::Identity(_) => "identity",
        LayerKind::None(_) => "none",
        LayerKind::FactorizedReduce(_) => "factorized_reduce",
        LayerKind::Repeat(_) => "repeat",
        LayerKind::Residual(_) => "residual",
        LayerKind::Parallel(_) => "parallel",
        LayerKind::Use(_) => "use",
        LayerKind::Cell(_) => "cell",
    }
}
