//! Networks as numbers, for predictors and strategies.

use crate::network::{Network, Op};
use pleach_random::mix;

/// The length of a vector of path counts.
pub(crate) const PATHS: usize = 512;

/// The kinds of nodes, by [`Op::name`].
pub(crate) const NODE_KINDS: [&str; 19] = [
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
];

/// Features of a node: channels, height and width of its output, kernel, stride, dilation, groups; in `log2(1 + x)`.
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
            let (height, width) = node.shape.size().unwrap_or((1, 1));
            let (kernel, stride, dilation, groups) = match node.op {
                Op::Conv { kernel, stride, dilation, groups, .. } => (kernel, stride, dilation, groups),
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

/// Counts of the operation sequences from input to output, each sequence hashed to one of [`PATHS`] places. Only operations
/// with weights or windows count as steps. A network of repeated cells has very many paths, so counts are carried along as
/// a vector that each step permutes, and given in `log2(1 + count)`.
pub(crate) fn path_counts(network: &Network) -> Vec<f32> {
    let mut counts: Vec<Vec<f64>> = Vec::with_capacity(network.nodes.len());
    for (index, node) in network.nodes.iter().enumerate() {
        let mut sum = vec![0.0; PATHS];
        if index == 0 {
            sum[0] = 1.0;
        }
        let step = match node.op {
            Op::Conv { kernel, stride, dilation, groups, .. } => {
                Some([kernel, stride, dilation, usize::from(groups > 1)].iter().fold(2, |h, &x| mix(h ^ x as u64)))
            }
            Op::Linear { .. } => Some(mix(3)),
            Op::MaxPool { kernel, .. } => Some(mix(4 ^ (kernel as u64) << 8)),
            Op::AvgPool { kernel, .. } => Some(mix(5 ^ (kernel as u64) << 8)),
            _ => None,
        };
        for &input in &node.inputs {
            for (place, count) in counts[input as usize].iter().enumerate() {
                if *count != 0.0 {
                    let place = step.map_or(place, |step| mix(step ^ (place as u64) << 32) as usize % PATHS);
                    sum[place] += count;
                }
            }
        }
        counts.push(sum);
    }
    counts[network.output as usize].iter().map(|count| libm::log2(1.0 + count) as f32).collect()
}
