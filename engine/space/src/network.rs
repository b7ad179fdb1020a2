//! A network: the typed graph that a genotype builds, with every shape known.

use pleach_spec::{ActivationKind, PoolKind, PositionKind};
use serde::{Deserialize, Serialize};
use smallvec::SmallVec;
use std::fmt;
use std::sync::Arc;

/// The shape of a value without its batch axis: `[channels, height, width]` of an image, `[channels, length]` of a sequence,
/// `[features]` of a vector.
///
/// Channels come first everywhere. A sequence's places are also called tokens, and its channels their width. The tokens of an
/// image are its pixels (or patches) row by row, so that image and sequence are the same numbers in the same order.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Shape(pub SmallVec<[usize; 3]>);

impl Shape {
    /// An image of so many channels, height and width in pixels.
    pub fn image(channels: usize, height: usize, width: usize) -> Shape {
        Shape(SmallVec::from_buf([channels, height, width]))
    }

    /// A vector of so many features.
    pub fn vector(features: usize) -> Shape {
        Shape(SmallVec::from_slice(&[features]))
    }

    /// A sequence of so many channels and tokens.
    pub fn sequence(channels: usize, length: usize) -> Shape {
        Shape(SmallVec::from_slice(&[channels, length]))
    }

    /// Whether it is an image.
    pub fn is_image(&self) -> bool {
        self.0.len() == 3
    }

    /// Whether it is a sequence.
    pub fn is_sequence(&self) -> bool {
        self.0.len() == 2
    }

    /// Whether it is a vector.
    pub fn is_vector(&self) -> bool {
        self.0.len() == 1
    }

    /// Channels of an image or a sequence, features of a vector.
    pub fn channels(&self) -> usize {
        self.0[0]
    }

    /// The places at which there are channels: height and width of an image, the length of a sequence, none of a vector.
    pub fn places(&self) -> &[usize] {
        &self.0[1..]
    }

    /// As many channels at the same places.
    pub fn with_channels(&self, channels: usize) -> Shape {
        let mut shape = self.clone();
        shape.0[0] = channels;
        shape
    }

    /// Height and width of an image; `None` for others.
    pub fn size(&self) -> Option<(usize, usize)> {
        (self.0.len() == 3).then(|| (self.0[1], self.0[2]))
    }

    /// The number of elements, up to the largest `u64`.
    pub fn elements(&self) -> u64 {
        self.0.iter().fold(1u64, |product, &axis| product.saturating_mul(axis as u64))
    }
}

impl fmt::Display for Shape {
    /// As in `16x32x32`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, axis) in self.0.iter().enumerate() {
            if i > 0 {
                f.write_str("x")?;
            }
            write!(f, "{axis}")?;
        }
        Ok(())
    }
}

/// A recurrent cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RecurrentKind {
    /// Long short-term memory; gates in PyTorch's order: input, forget, cell, output.
    Lstm,
    /// Gated recurrent unit in PyTorch's form; gates in its order: reset, update, new.
    Gru,
}

impl RecurrentKind {
    /// The number of gates, each with weights of its own.
    pub fn gates(self) -> usize {
        match self {
            RecurrentKind::Lstm => 4,
            RecurrentKind::Gru => 3,
        }
    }
}

/// An operation of a network. Windows and kernels are square; sizes are in pixels.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Op {
    /// The network's input.
    Input,
    /// Convolution; weight `[out, in / groups, kernel, kernel]`.
    Conv {
        in_channels: usize,
        out_channels: usize,
        kernel: usize,
        stride: usize,
        padding: usize,
        dilation: usize,
        groups: usize,
        bias: bool,
    },
    /// Convolution along a sequence; weight `[out, in / groups, kernel]`.
    Conv1d {
        in_channels: usize,
        out_channels: usize,
        kernel: usize,
        stride: usize,
        padding: usize,
        dilation: usize,
        groups: usize,
        bias: bool,
    },
    /// Linear layer over a vector, or over the channels of each token of a sequence; weight `[out, in]`.
    Linear { in_features: usize, out_features: usize, bias: bool },
    /// One recurrent layer along a sequence, PyTorch's weights: each `[gates * features, ...]`, of each direction. The channels of
    /// both directions stand one after another.
    Recurrent { kind: RecurrentKind, in_channels: usize, features: usize, bidirectional: bool },
    /// Scaled dot-product attention (Vaswani et al. 2017, equation 1) between the tokens of a sequence, whose channels are
    /// queries, keys and values of all heads: `[3 * heads * head_dim, length]` becomes `[heads * head_dim, length]`. `dropout` is
    /// the probability of zeroing an attention weight while training.
    Attention { heads: usize, dropout: f64 },
    /// Adds a tensor `[channels, length]` that tells places to a sequence: learned, or sines at even and cosines at odd channels.
    Position { channels: usize, length: usize, kind: PositionKind },
    /// An image as a sequence of its pixels, row by row.
    ToSequence,
    /// A sequence as an image of this height and width, row by row.
    ToImage { height: usize, width: usize },
    /// Batch norm over the channels of an image or a sequence, or the features of a vector.
    BatchNorm { channels: usize, momentum: f64, epsilon: f64, affine: bool },
    /// Norm with scale and shift a channel or feature: over everything but the batch axis of an image or a vector, over the
    /// channels of each token of a sequence.
    LayerNorm { channels: usize, epsilon: f64 },
    /// Norm over groups of channels, scale and shift a channel.
    GroupNorm { channels: usize, groups: usize, epsilon: f64 },
    /// An activation function; never `None`.
    Activation(ActivationKind),
    /// Largest value of each window.
    MaxPool { kernel: usize, stride: usize, padding: usize },
    /// Mean of each window, padding not counted.
    AvgPool { kernel: usize, stride: usize, padding: usize },
    /// Pools an image to `size` x `size`; windows as PyTorch's adaptive pooling.
    AdaptivePool { size: usize, kind: PoolKind },
    /// Pools each channel of an image or a sequence to one feature of a vector.
    GlobalPool { kind: PoolKind },
    /// Flattens an image or a sequence to a vector, channel by channel, row by row.
    Flatten,
    /// Zeroes values with this probability while training, and scales the others up.
    Dropout { probability: f64 },
    /// Zeroes whole examples with this probability while training, and scales the others up.
    DropPath { probability: f64 },
    /// Moves an image one pixel up and left; zeros come in at the bottom and on the right.
    Shift,
    /// Sum of its inputs, all of one shape.
    Add,
    /// Channels (or features) of its inputs one after another.
    Concat,
    /// First input times second, whose shape is the same or `[channels, 1, 1]`.
    Multiply,
    /// Zeros of the node's shape; has no input.
    Zero,
}

/// A tensor that an operation owns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TensorSpec {
    /// PyTorch's name for it, such as `weight`, `bias`, `running_mean`, `weight_ih_l0`.
    pub name: &'static str,
    /// Its shape.
    pub shape: SmallVec<[usize; 4]>,
    /// Whether training changes it by gradient (statistics of batch norm and sinusoidal places are not).
    pub trainable: bool,
}

impl TensorSpec {
    /// The number of elements, up to the largest `u64`.
    pub fn elements(&self) -> u64 {
        self.shape.iter().fold(1u64, |product, &axis| product.saturating_mul(axis as u64))
    }
}

impl Op {
    /// The operation's name in lower case, as in `batch_norm`.
    pub fn name(&self) -> &'static str {
        match self {
            Op::Input => "input",
            Op::Conv { .. } => "conv",
            Op::Conv1d { .. } => "conv1d",
            Op::Linear { .. } => "linear",
            Op::Recurrent { kind: RecurrentKind::Lstm, .. } => "lstm",
            Op::Recurrent { kind: RecurrentKind::Gru, .. } => "gru",
            Op::Attention { .. } => "attention",
            Op::Position { .. } => "position",
            Op::ToSequence => "to_sequence",
            Op::ToImage { .. } => "to_image",
            Op::BatchNorm { .. } => "batch_norm",
            Op::LayerNorm { .. } => "layer_norm",
            Op::GroupNorm { .. } => "group_norm",
            Op::Activation(_) => "activation",
            Op::MaxPool { .. } => "max_pool",
            Op::AvgPool { .. } => "avg_pool",
            Op::AdaptivePool { .. } => "adaptive_pool",
            Op::GlobalPool { .. } => "global_pool",
            Op::Flatten => "flatten",
            Op::Dropout { .. } => "dropout",
            Op::DropPath { .. } => "drop_path",
            Op::Shift => "shift",
            Op::Add => "add",
            Op::Concat => "concat",
            Op::Multiply => "multiply",
            Op::Zero => "zero",
        }
    }

    /// The tensors that the operation owns, in the order in which they are initialized and stored.
    pub fn tensors(&self) -> SmallVec<[TensorSpec; 4]> {
        fn tensor(name: &'static str, shape: &[usize], trainable: bool) -> TensorSpec {
            TensorSpec { name, shape: SmallVec::from_slice(shape), trainable }
        }
        let mut tensors = SmallVec::new();
        match *self {
            Op::Conv { in_channels, out_channels, kernel, groups, bias, .. } => {
                tensors.push(tensor("weight", &[out_channels, in_channels / groups, kernel, kernel], true));
                if bias {
                    tensors.push(tensor("bias", &[out_channels], true));
                }
            }
            Op::Linear { in_features, out_features, bias } => {
                tensors.push(tensor("weight", &[out_features, in_features], true));
                if bias {
                    tensors.push(tensor("bias", &[out_features], true));
                }
            }
            Op::Conv1d { in_channels, out_channels, kernel, groups, bias, .. } => {
                tensors.push(tensor("weight", &[out_channels, in_channels / groups, kernel], true));
                if bias {
                    tensors.push(tensor("bias", &[out_channels], true));
                }
            }
            Op::Recurrent { kind, in_channels, features, bidirectional } => {
                let rows = kind.gates().saturating_mul(features);
                const NAMES: [[&str; 4]; 2] = [
                    ["weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0"],
                    ["weight_ih_l0_reverse", "weight_hh_l0_reverse", "bias_ih_l0_reverse", "bias_hh_l0_reverse"],
                ];
                for [weight, hidden_weight, bias, hidden_bias] in &NAMES[..1 + usize::from(bidirectional)] {
                    tensors.push(tensor(weight, &[rows, in_channels], true));
                    tensors.push(tensor(hidden_weight, &[rows, features], true));
                    tensors.push(tensor(bias, &[rows], true));
                    tensors.push(tensor(hidden_bias, &[rows], true));
                }
            }
            Op::Position { channels, length, kind } => {
                tensors.push(tensor("weight", &[channels, length], kind == PositionKind::Learned));
            }
            Op::BatchNorm { channels, affine, .. } => {
                if affine {
                    tensors.push(tensor("weight", &[channels], true));
                    tensors.push(tensor("bias", &[channels], true));
                }
                tensors.push(tensor("running_mean", &[channels], false));
                tensors.push(tensor("running_var", &[channels], false));
            }
            Op::LayerNorm { channels, .. } | Op::GroupNorm { channels, .. } => {
                tensors.push(tensor("weight", &[channels], true));
                tensors.push(tensor("bias", &[channels], true));
            }
            _ => {}
        }
        tensors
    }
}

/// A node: an operation on the outputs of earlier nodes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Node {
    /// The operation.
    pub op: Op,
    /// The nodes whose outputs it takes, by index, each smaller than its own.
    pub inputs: SmallVec<[u32; 2]>,
    /// The shape of its output.
    pub shape: Shape,
    /// The layer that it belongs to, as a path in the network as declared, such as `network[2].repeat[0].conv`.
    pub path: Arc<str>,
}

/// A network as a list of nodes in an order in which they can be computed.
///
/// Not a general graph type: each operation's inputs are ordered, the list is the order of execution, and an index is a
/// name that stays. Node 0 is the input.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Network {
    /// The nodes.
    pub nodes: Vec<Node>,
    /// The node whose output is the network's.
    pub output: u32,
}

impl Network {
    /// The shape of the network's input.
    pub fn input_shape(&self) -> &Shape {
        &self.nodes[0].shape
    }

    /// The shape of the network's output.
    pub fn output_shape(&self) -> &Shape {
        &self.nodes[self.output as usize].shape
    }

    /// The node's name in weight files and exports, such as `conv_12`: operation and index.
    pub fn node_name(&self, index: usize) -> String {
        format!("{}_{index}", self.nodes[index].op.name())
    }

    /// All tensors with their names in weight files, such as `conv_12.weight`, in order of nodes.
    pub fn tensors(&self) -> impl Iterator<Item = (String, TensorSpec)> + '_ {
        self.nodes.iter().enumerate().flat_map(move |(index, node)| {
            let name = self.node_name(index);
            node.op.tensors().into_iter().map(move |spec| (format!("{name}.{}", spec.name), spec))
        })
    }
}
