//! Networks and genotypes as numbers, for predictors and strategies.

mod columns;
mod paths;

pub use columns::{Column, Columns};
pub use paths::Paths;
pub(crate) use paths::{HASHED, Vocabulary, paths};

use crate::network::{Network, Op};

/// The kinds of nodes, by [`Op::name`].
pub(crate) const NODE_KINDS: [&str; 26] = [
    "input",
    "conv",
    "linear",
    "batch_norm",
    "layer_norm",
    "group_norm",
    "activation",
    "max_pool",
    "avg_pool",
    "adaptive_pool",
    "global_pool",
    "flatten",
    "dropout",
    "drop_path",
    "shift",
    "add",
    "concat",
    "multiply",
    "zero",
    "conv1d",
    "lstm",
    "gru",
    "attention",
    "position",
    "to_sequence",
    "to_image",
];

/// Features of a node: channels, height and width of its output (length and 1 of a sequence), kernel, stride, dilation, groups or
/// heads; in `log2(1 + x)`.
pub(crate) const NODE_FEATURES: usize = 7;

/// Kind and features of each node, and the edges.
pub type Graph = (Vec<(u32, Vec<f32>)>, Vec<(u32, u32)>);

/// The network as a graph.
pub(crate) fn graph(network: &Network) -> Graph {
    let logarithm = |value: usize| libm::log2(1.0 + value as f64) as f32;
    let nodes = network
        .nodes
        .iter()
        .map(|node| {
            let name = node.op.name();
            let kind = NODE_KINDS.iter().position(|kind| *kind == name).expect("every operation is a kind") as u32;
            let side = |axis: usize| node.shape.places().get(axis).copied().unwrap_or(1);
            let (height, width) = (side(0), side(1));
            let (kernel, stride, dilation, groups) = match node.op {
                Op::Conv { kernel, stride, dilation, groups, .. }
                | Op::Conv1d { kernel, stride, dilation, groups, .. } => (kernel, stride, dilation, groups),
                Op::Attention { heads, .. } => (1, 1, 1, heads),
                Op::MaxPool { kernel, stride, .. } | Op::AvgPool { kernel, stride, .. } => (kernel, stride, 1, 1),
                Op::GroupNorm { groups, .. } => (1, 1, 1, groups),
                _ => (1, 1, 1, 1),
            };
            let features = [node.shape.channels(), height, width, kernel, stride, dilation, groups];
            (kind, features.map(logarithm).to_vec())
        })
        .collect();
    let edges = network
        .nodes
        .iter()
        .enumerate()
        .flat_map(|(target, node)| node.inputs.iter().map(move |&source| (source, target as u32)))
        .collect();
    (nodes, edges)
}
