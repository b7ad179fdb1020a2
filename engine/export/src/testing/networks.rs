//! Networks made by hand, which together have every operation, with random weights and inputs.

use super::{Array, forward};
use pleach_space::{Network, Node, Op, RecurrentKind, Shape};
use pleach_spec::{ActivationKind, PoolKind, PositionKind};
use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensors, serialize};
use std::collections::BTreeMap;

/// A network with weights, an input and what it makes of it.
pub(crate) struct Case {
    pub(crate) name: &'static str,
    pub(crate) network: Network,
    /// A checkpoint as a worker leaves it: further tensors of the optimizer.
    pub(crate) checkpoint: Vec<u8>,
    pub(crate) input: Array,
    pub(crate) output: Array,
}

pub(crate) const ACTIVATIONS: [ActivationKind; 12] = [
    ActivationKind::None,
    ActivationKind::Relu,
    ActivationKind::Relu6,
    ActivationKind::LeakyRelu,
    ActivationKind::Elu,
    ActivationKind::Gelu,
    ActivationKind::Silu,
    ActivationKind::HardSwish,
    ActivationKind::HardSigmoid,
    ActivationKind::Sigmoid,
    ActivationKind::Tanh,
    ActivationKind::Softplus,
];

/// All cases, the same every time.
pub(crate) fn cases() -> Vec<Case> {
    let networks = [
        ("classifier", classifier()),
        ("convolutions", convolutions()),
        ("norms", norms()),
        ("activations", activations()),
        ("pools", pools()),
        ("joins", joins()),
        ("vectors", vectors()),
        ("pixel", pixel()),
        ("nothing", nothing()),
        ("zeros", zeros()),
        ("dead", dead()),
        ("transformer", transformer()),
        ("sequences", sequences()),
    ];
    networks.into_iter().enumerate().map(|(seed, (name, network))| case(name, network, seed as u64)).collect()
}

fn case(name: &'static str, network: Network, seed: u64) -> Case {
    let mut random = Random(seed + 1);
    let checkpoint = random_checkpoint(&network, &mut random);
    let file = SafeTensors::deserialize(&checkpoint).unwrap();
    let weights: BTreeMap<String, Array> = network
        .tensors()
        .map(|(name, spec)| {
            let numbers = file.tensor(&name).unwrap().data().as_chunks().0;
            let data = numbers.iter().map(|&bytes| f32::from_le_bytes(bytes).into()).collect();
            (name, Array { shape: spec.shape.to_vec(), data })
        })
        .collect();
    let shape = [&[3], network.input_shape().0.as_slice()].concat();
    let data = (0..shape.iter().product()).map(|_| (2.0 * random.uniform()).into()).collect();
    let input = Array { shape, data };
    let output = forward(&network, &weights, &input);
    Case { name, network, checkpoint, input, output }
}

/// A checkpoint with random weights, and with further tensors as an optimizer leaves them.
pub(crate) fn random_checkpoint(network: &Network, random: &mut Random) -> Vec<u8> {
    let mut files: Vec<(String, Vec<usize>, Vec<u8>)> = Vec::new();
    for (name, spec) in network.tensors() {
        let shape = spec.shape.to_vec();
        let fan_in = shape[1..].iter().product::<usize>().max(1);
        let bytes: Vec<u8> = (0..shape.iter().product())
            .flat_map(|_| {
                let value = match spec.name {
                    "running_var" => 1.0 + 0.5 * random.uniform(),
                    "weight" if shape.len() > 1 => 1.7 * random.uniform() / (fan_in as f32).sqrt(),
                    "weight" => 1.0 + 0.3 * random.uniform(),
                    _ => 0.5 * random.uniform(),
                };
                value.to_le_bytes()
            })
            .collect();
        files.push((format!("optimizer.{name}.momentum"), shape.clone(), vec![0; bytes.len()]));
        files.push((name, shape, bytes));
    }
    let views = files
        .iter()
        .map(|(name, shape, bytes)| (name.as_str(), TensorView::new(Dtype::F32, shape.clone(), bytes).unwrap()));
    let epochs = 3i64.to_le_bytes();
    let epochs = ("epochs", TensorView::new(Dtype::I64, vec![1], &epochs).unwrap());
    serialize(views.chain([epochs]), None).unwrap()
}

/// Numbers from -1 to 1 (Steele et al. 2014, SplitMix64).
pub(crate) struct Random(pub(crate) u64);

impl Random {
    fn uniform(&mut self) -> f32 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 40) as f32 / (1u64 << 23) as f32 - 1.0
    }
}

/// A network in the making.
struct Draft(Vec<Node>);

impl Draft {
    fn new(input: Shape) -> Draft {
        Draft(vec![Node { op: Op::Input, inputs: Default::default(), shape: input, path: "input".into() }])
    }

    fn push(&mut self, path: &str, op: Op, inputs: &[u32]) -> u32 {
        let shape = self.shape_after(&op, inputs);
        self.push_shaped(path, op, inputs, shape)
    }

    fn push_shaped(&mut self, path: &str, op: Op, inputs: &[u32], shape: Shape) -> u32 {
        self.0.push(Node { op, inputs: inputs.into(), shape, path: path.into() });
        self.0.len() as u32 - 1
    }

    fn shape_after(&self, op: &Op, inputs: &[u32]) -> Shape {
        let of = |input: u32| &self.0[input as usize].shape;
        let first = of(inputs[0]);
        let window = |channels: usize, extent: usize, stride: usize, padding: usize| {
            let (height, width) = first.size().unwrap();
            let side = |pixels: usize| (pixels + 2 * padding - extent) / stride + 1;
            Shape::image(channels, side(height), side(width))
        };
        match *op {
            Op::Conv { out_channels, kernel, stride, padding, dilation, .. } => {
                window(out_channels, dilation * (kernel - 1) + 1, stride, padding)
            }
            Op::MaxPool { kernel, stride, padding } | Op::AvgPool { kernel, stride, padding } => {
                window(first.channels(), kernel, stride, padding)
            }
            Op::Linear { out_features, .. } => first.with_channels(out_features),
            Op::Conv1d { out_channels, kernel, stride, padding, dilation, .. } => {
                let extent = dilation * (kernel - 1) + 1;
                Shape::sequence(out_channels, (first.places()[0] + 2 * padding - extent) / stride + 1)
            }
            Op::Recurrent { features, bidirectional, .. } => {
                first.with_channels(features * (1 + usize::from(bidirectional)))
            }
            Op::Attention { .. } => first.with_channels(first.channels() / 3),
            Op::ToSequence => Shape::sequence(first.channels(), first.places().iter().product()),
            Op::ToImage { height, width } => Shape::image(first.channels(), height, width),
            Op::AdaptivePool { size, .. } => Shape::image(first.channels(), size, size),
            Op::GlobalPool { .. } => Shape::vector(first.channels()),
            Op::Flatten => Shape::vector(first.elements() as usize),
            Op::Concat => {
                let mut shape = first.clone();
                shape.0[0] = inputs.iter().map(|&input| of(input).channels()).sum();
                shape
            }
            _ => first.clone(),
        }
    }

    fn finish(self, output: u32) -> Network {
        Network { nodes: self.0, output }
    }

    /// A network whose output is everything given, one after another.
    fn gather(mut self, values: &[u32]) -> Network {
        let flat: Vec<u32> = values
            .iter()
            .map(|&value| {
                let is_vector = self.0[value as usize].shape.is_vector();
                if is_vector { value } else { self.push("gather", Op::Flatten, &[value]) }
            })
            .collect();
        let output = self.push("gather", Op::Concat, &flat);
        self.finish(output)
    }
}

fn conv(in_channels: usize, out_channels: usize, kernel: usize) -> Op {
    Op::Conv { in_channels, out_channels, kernel, stride: 1, padding: kernel / 2, dilation: 1, groups: 1, bias: false }
}

fn batch_norm(channels: usize) -> Op {
    Op::BatchNorm { channels, momentum: 0.1, epsilon: 1e-5, affine: true }
}

fn activation(kind: ActivationKind) -> Op {
    Op::Activation(kind)
}

/// A small residual network with squeeze-and-excitation, as a search finds it.
pub(crate) fn classifier() -> Network {
    let mut draft = Draft::new(Shape::image(1, 8, 8));
    let x = draft.push("network[0].conv", conv(1, 8, 3), &[0]);
    let x = draft.push("network[0].conv", batch_norm(8), &[x]);
    let stem = draft.push("network[0].conv", activation(ActivationKind::Relu), &[x]);
    let path = "network[1].residual.body[0].conv";
    let x = draft.push(path, conv(8, 8, 3), &[stem]);
    let x = draft.push(path, batch_norm(8), &[x]);
    let body = draft.push(path, activation(ActivationKind::HardSwish), &[x]);
    let path = "network[1].residual.body[1].squeeze_excite";
    let average = PoolKind::Average;
    let x = draft.push(path, Op::AdaptivePool { size: 1, kind: average }, &[body]);
    let with_bias = |from, to| Op::Conv {
        in_channels: from,
        out_channels: to,
        kernel: 1,
        stride: 1,
        padding: 0,
        dilation: 1,
        groups: 1,
        bias: true,
    };
    let x = draft.push(path, with_bias(8, 2), &[x]);
    let x = draft.push(path, activation(ActivationKind::Relu), &[x]);
    let x = draft.push(path, with_bias(2, 8), &[x]);
    let gate = draft.push(path, activation(ActivationKind::HardSigmoid), &[x]);
    let x = draft.push(path, Op::Multiply, &[body, gate]);
    let path = "network[1].residual";
    let x = draft.push(path, Op::DropPath { probability: 0.2 }, &[x]);
    let x = draft.push(path, Op::Add, &[stem, x]);
    let x = draft.push("network[2].global_pool", Op::GlobalPool { kind: average }, &[x]);
    let x = draft.push("network[3].dropout", Op::Dropout { probability: 0.1 }, &[x]);
    let x = draft.push("network[4].linear", Op::Linear { in_features: 8, out_features: 10, bias: true }, &[x]);
    draft.finish(x)
}

fn convolutions() -> Network {
    let mut draft = Draft::new(Shape::image(4, 9, 11));
    let mut all = Vec::new();
    for (kernel, stride, padding, dilation, groups, bias) in [
        (3, 1, 1, 1, 1, false),
        (3, 2, 1, 1, 1, true),
        (1, 2, 0, 1, 1, false),
        (5, 1, 4, 2, 1, true),
        (3, 1, 2, 2, 4, false),
        (3, 1, 0, 1, 2, true),
        (2, 3, 1, 3, 2, false),
    ] {
        let op = Op::Conv { in_channels: 4, out_channels: 8, kernel, stride, padding, dilation, groups, bias };
        all.push(draft.push("convolution", op, &[0]));
    }
    draft.gather(&all)
}

fn norms() -> Network {
    let mut draft = Draft::new(Shape::image(6, 5, 4));
    let all = [
        batch_norm(6),
        Op::BatchNorm { channels: 6, momentum: 0.01, epsilon: 1e-3, affine: true },
        Op::BatchNorm { channels: 6, momentum: 0.1, epsilon: 1e-5, affine: false },
        Op::LayerNorm { channels: 6, epsilon: 1e-5 },
        Op::GroupNorm { channels: 6, groups: 3, epsilon: 1e-5 },
        Op::GroupNorm { channels: 6, groups: 6, epsilon: 1e-3 },
        Op::GroupNorm { channels: 6, groups: 1, epsilon: 1e-6 },
    ];
    let all = all.map(|op| draft.push("norm", op, &[0]));
    draft.gather(&all)
}

fn activations() -> Network {
    let mut draft = Draft::new(Shape::image(3, 4, 4));
    // Fourfold inputs, up to 8 either way, reach all pieces of the activations that are made of pieces.
    let double = draft.push("double", Op::Add, &[0, 0]);
    let wide = draft.push("wide", Op::Add, &[double, double]);
    let all = ACTIVATIONS.map(|kind| draft.push("activation", activation(kind), &[wide]));
    draft.gather(&all)
}

fn pools() -> Network {
    let mut draft = Draft::new(Shape::image(2, 12, 10));
    let mut all = Vec::new();
    for (kernel, stride, padding) in [(2, 2, 0), (3, 1, 1), (3, 2, 1), (5, 3, 2)] {
        all.push(draft.push("pool", Op::MaxPool { kernel, stride, padding }, &[0]));
        all.push(draft.push("pool", Op::AvgPool { kernel, stride, padding }, &[0]));
    }
    for kind in [PoolKind::Average, PoolKind::Max] {
        for size in [1, 2, 3, 5, 7, 13] {
            all.push(draft.push("adaptive", Op::AdaptivePool { size, kind }, &[0]));
        }
        all.push(draft.push("global", Op::GlobalPool { kind }, &[0]));
    }
    draft.gather(&all)
}

fn joins() -> Network {
    let mut draft = Draft::new(Shape::image(3, 5, 6));
    let a = draft.push("a", conv(3, 4, 3), &[0]);
    let b = draft.push("b", conv(3, 4, 1), &[0]);
    let gate = draft.push("gate", Op::AdaptivePool { size: 1, kind: PoolKind::Max }, &[b]);
    let zero = draft.push_shaped("zero", Op::Zero, &[], Shape::image(4, 5, 6));
    let gate_like = draft.push("activation", activation(ActivationKind::Sigmoid), &[a]);
    let alone = draft.push("alone", Op::Add, &[a]);
    let single = draft.push("single", Op::Concat, &[b]);
    let all = [
        draft.push("add", Op::Add, &[a, b]),
        draft.push("add", Op::Add, &[a, b, a, zero]),
        draft.push("add", Op::Add, &[a, b, gate_like, zero, a, b, gate_like, zero, a, b]),
        draft.push("concat", Op::Concat, &[alone, zero, single, a]),
        draft.push("gated", Op::Multiply, &[a, gate]),
        draft.push("multiply", Op::Multiply, &[a, b]),
        draft.push("shift", Op::Shift, &[a]),
        draft.push("path", Op::DropPath { probability: 0.5 }, &[single]),
    ];
    draft.gather(&all)
}

fn vectors() -> Network {
    let mut draft = Draft::new(Shape::vector(6));
    let linear = |bias| Op::Linear { in_features: 6, out_features: 6, bias };
    let zero = draft.push_shaped("zero", Op::Zero, &[], Shape::vector(6));
    let all = [
        linear(true),
        linear(false),
        batch_norm(6),
        Op::BatchNorm { channels: 6, momentum: 0.1, epsilon: 1e-5, affine: false },
        Op::LayerNorm { channels: 6, epsilon: 1e-5 },
        Op::GroupNorm { channels: 6, groups: 2, epsilon: 1e-5 },
        activation(ActivationKind::Gelu),
    ];
    let mut all = all.map(|op| draft.push("vector", op, &[0])).to_vec();
    all.push(draft.push("sum", Op::Add, &[0, all[0], zero]));
    all.push(draft.push("product", Op::Multiply, &[0, all[0]]));
    let joined = draft.push("joined", Op::Concat, &all);
    let output = draft.push("dropout", Op::Dropout { probability: 0.3 }, &[joined]);
    draft.finish(output)
}

/// An image of one pixel: nothing may become empty on the way.
fn pixel() -> Network {
    let mut draft = Draft::new(Shape::image(2, 1, 1));
    let shifted = draft.push("shift", Op::Shift, &[0]);
    let wider = draft.push("wider", Op::AdaptivePool { size: 3, kind: PoolKind::Average }, &[0]);
    let flat = draft.push("flat", Op::Flatten, &[0]);
    draft.gather(&[shifted, wider, flat])
}

/// What comes in goes out.
fn nothing() -> Network {
    let mut draft = Draft::new(Shape::vector(4));
    let output = draft.push("dropout", Op::Dropout { probability: 0.5 }, &[0]);
    draft.finish(output)
}

/// An output that does not depend on the input.
fn zeros() -> Network {
    let mut draft = Draft::new(Shape::image(2, 3, 3));
    let zero = draft.push_shaped("zero", Op::Zero, &[], Shape::image(2, 3, 3));
    let output = draft.push("flat", Op::Flatten, &[zero]);
    draft.finish(output)
}

/// Patches, places, a transformer block, and attention on an image between convolutions.
fn transformer() -> Network {
    let mut draft = Draft::new(Shape::image(2, 8, 8));
    let linear = |from, to| Op::Linear { in_features: from, out_features: to, bias: true };
    let norm = || Op::LayerNorm { channels: 6, epsilon: 1e-5 };
    let path = "network[0].patch_embed";
    let patches = Op::Conv {
        in_channels: 2,
        out_channels: 6,
        kernel: 2,
        stride: 2,
        padding: 0,
        dilation: 1,
        groups: 1,
        bias: true,
    };
    let x = draft.push(path, patches, &[0]);
    let x = draft.push(path, Op::ToSequence, &[x]);
    let learned = Op::Position { channels: 6, length: 16, kind: PositionKind::Learned };
    let embedded = draft.push("network[1].position", learned, &[x]);
    let path = "network[2].transformer_block";
    let x = draft.push(path, norm(), &[embedded]);
    let x = draft.push(path, linear(6, 24), &[x]);
    let x = draft.push(path, Op::Attention { heads: 4, dropout: 0.1 }, &[x]);
    let x = draft.push(path, linear(8, 6), &[x]);
    let x = draft.push(path, Op::Dropout { probability: 0.1 }, &[x]);
    let x = draft.push(path, Op::DropPath { probability: 0.1 }, &[x]);
    let attended = draft.push(path, Op::Add, &[embedded, x]);
    let x = draft.push(path, norm(), &[attended]);
    let x = draft.push(path, linear(6, 12), &[x]);
    let x = draft.push(path, activation(ActivationKind::Gelu), &[x]);
    let x = draft.push(path, linear(12, 6), &[x]);
    let x = draft.push(path, Op::Add, &[attended, x]);
    let x = draft.push("network[3].conv", Op::ToImage { height: 4, width: 4 }, &[x]);
    let x = draft.push("network[3].conv", conv(6, 9, 3), &[x]);
    let path = "network[4].self_attention";
    let x = draft.push(path, Op::ToSequence, &[x]);
    let x = draft.push(path, Op::Attention { heads: 1, dropout: 0.0 }, &[x]);
    let waves = Op::Position { channels: 3, length: 16, kind: PositionKind::Sinusoidal };
    let x = draft.push("network[5].position", waves, &[x]);
    let x = draft.push("network[6].global_pool", Op::GlobalPool { kind: PoolKind::Average }, &[x]);
    let x = draft.push("network[7].linear", linear(3, 10), &[x]);
    draft.finish(x)
}

/// Operations along sequences, on a sequence as it comes.
fn sequences() -> Network {
    let mut draft = Draft::new(Shape::sequence(4, 7));
    let recurrent = |kind, bidirectional| Op::Recurrent { kind, in_channels: 4, features: 3, bidirectional };
    let conv1d = |kernel, stride, padding, dilation, groups, bias| Op::Conv1d {
        in_channels: 4,
        out_channels: 6,
        kernel,
        stride,
        padding,
        dilation,
        groups,
        bias,
    };
    let zero = draft.push_shaped("zero", Op::Zero, &[], Shape::sequence(4, 7));
    let all = [
        conv1d(3, 1, 1, 1, 1, true),
        conv1d(3, 2, 2, 2, 2, false),
        recurrent(RecurrentKind::Lstm, false),
        recurrent(RecurrentKind::Lstm, true),
        recurrent(RecurrentKind::Gru, false),
        recurrent(RecurrentKind::Gru, true),
        Op::Linear { in_features: 4, out_features: 5, bias: true },
        Op::Linear { in_features: 4, out_features: 5, bias: false },
        batch_norm(4),
        Op::LayerNorm { channels: 4, epsilon: 1e-3 },
        Op::GroupNorm { channels: 4, groups: 2, epsilon: 1e-5 },
        activation(ActivationKind::Silu),
        Op::Dropout { probability: 0.2 },
        Op::GlobalPool { kind: PoolKind::Average },
        Op::GlobalPool { kind: PoolKind::Max },
    ];
    let mut all = all.map(|op| draft.push("sequence", op, &[0])).to_vec();
    all.push(draft.push("sum", Op::Add, &[all[8], zero, all[9]]));
    all.push(draft.push("joined", Op::Concat, &[all[2], all[6]]));
    draft.gather(&all)
}

/// Operations that the output does not depend on, and an output that is not the last node.
fn dead() -> Network {
    let mut draft = Draft::new(Shape::image(2, 4, 4));
    let dead = draft.push("dead", conv(2, 2, 3), &[0]);
    let live = draft.push("live", conv(2, 3, 3), &[0]);
    draft.push("dead", Op::Shift, &[dead]);
    draft.push("dead", activation(ActivationKind::Tanh), &[live]);
    draft.finish(live)
}

#[test]
fn every_operation_is_in_some_case() {
    let mut seen: Vec<&str> = cases().iter().flat_map(|case| case.network.nodes.iter().map(|n| n.op.name())).collect();
    seen.sort_unstable();
    seen.dedup();
    let all = [
        "activation",
        "adaptive_pool",
        "add",
        "attention",
        "avg_pool",
        "batch_norm",
        "concat",
        "conv",
        "conv1d",
        "drop_path",
        "dropout",
        "flatten",
        "global_pool",
        "group_norm",
        "gru",
        "input",
        "layer_norm",
        "linear",
        "lstm",
        "max_pool",
        "multiply",
        "position",
        "shift",
        "to_image",
        "to_sequence",
        "zero",
    ];
    assert_eq!(seen, all);
}
