//! A network: the typed graph that a genotype builds, with every shape known.

use pleach_spec::{ActivationKind, PoolKind};
use serde::{Deserialize, Serialize};
use smallvec::SmallVec;
use std::fmt;
use std::sync::Arc;

/// The shape of a value without its batch axis: `[channels, height, width]` of an image, `[features]` of a vector.
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

    /// Whether it is an image.
    pub fn is_image(&self) -> bool {
        self.0.len() == 3
    }

    /// Channels of an image, features of a vector.
    pub fn channels(&self) -> usize {
        self.0[0]
    }

    /// Height and width of an image; `None` for a vector.
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
    /// Linear layer over a vector; weight `[out, in]`.
    Linear { in_features: usize, out_features: usize, bias: bool },
    /// Batch norm over the channels of an image or the features of a vector.
    BatchNorm { channels: usize, momentum: f64, epsilon: f64, affine: bool },
    /// Norm over everything but the batch axis, scale and shift a channel or feature.
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
    /// Pools each channel of an image to one feature of a vector.
    GlobalPool { kind: PoolKind },
    /// Flattens an image to a vector, row by row.
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
    /// PyTorch's name for it: `weight`, `bias`, `running_mean`, `running_var`.
    pub name: &'static str,
    /// Its shape.
    pub shape: SmallVec<[usize; 4]>,
    /// Whether training changes it by gradient (statistics of batch norm are not).
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
            Op::Linear { .. } => "linear",
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
