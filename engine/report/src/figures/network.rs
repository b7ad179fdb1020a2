//! The networks that came out, as graphs of blocks.
//!
//! What is drawn is the canonical network: what was trained. Nodes that follow each other without a branch and belong to one
//! layer of the experiment (a convolution, its norm and its activation) are one block, and a sum takes an earlier one whose terms it
//! has.

use crate::recorded::{Recorded, RecordedStep};
use indexmap::IndexMap;
use pleach_space::{Built, Costs, Network, Node, Op, Space};
use pleach_spec::Step;
use serde::Serialize;
use serde_json::{Value, json};
use std::sync::Arc;

/// At most so many networks are drawn.
const NETWORKS: usize = 8;
/// A network with more blocks is not drawn.
const BLOCKS: usize = 600;

/// A network.
#[derive(Debug, Clone, Serialize)]
pub struct DrawnNetwork {
    /// What it is in the run, such as `best of explore (trial 30)`.
    pub roles: Vec<String>,
    /// Metrics as the last step that measured it did, mean over repeats.
    pub metrics: IndexMap<String, f64>,
    /// The decisions that made it, in words.
    pub decisions: Vec<(String, String)>,
    /// What it costs.
    pub costs: Costs,
    /// The shape of its input without the batch axis.
    pub input: String,
    /// In the order of execution; the first is the input.
    pub blocks: Vec<Block>,
}

/// A part of a network.
#[derive(Debug, Clone, Serialize)]
pub struct Block {
    /// Its operations in order, in words.
    pub operations: Vec<String>,
    /// The place among them of the one that it is named by: the first that multiplies, else the first.
    pub main: usize,
    /// The layer of the experiment that it belongs to.
    pub path: String,
    /// The blocks whose outputs it takes, by index, in order.
    pub inputs: Vec<usize>,
    /// The shape of its output without the batch axis, such as `16x8x8`.
    pub shape: String,
    /// Trainable parameters.
    pub parameters: u64,
    /// Multiply-adds for one example.
    pub flops: u64,
    /// Whether its output is the network's.
    pub output: bool,
}

pub(super) fn networks(recorded: &Recorded, notes: &mut Vec<String>) -> Vec<DrawnNetwork> {
    let mut drawn: Vec<(Network, DrawnNetwork)> = Vec::new();
    let mut left_out = 0;
    let mut unknown = false;
    // What was trained in full first.
    let kinds = ["train", "hpo", "search"];
    let steps = kinds.iter().flat_map(|kind| recorded.main_steps().filter(move |step| step.record.kind == *kind));
    for step in steps {
        for (role, genotype, metrics) in wanted(step) {
            let Some(built) = build(recorded, step, &genotype) else {
                unknown |= recorded.space.as_ref().is_none_or(|space| space.has_network());
                continue;
            };
            if let Some((_, known)) = drawn.iter_mut().find(|(network, _)| *network == built.network) {
                known.roles.push(role);
            } else if drawn.len() < NETWORKS {
                let decisions = step.described(recorded, &genotype);
                let blocks = blocks(&built.network);
                if blocks.len() > BLOCKS {
                    notes.push(format!("The network `{role}` has {} blocks and is not drawn.", blocks.len()));
                    continue;
                }
                let input = built.network.input_shape().to_string();
                let costs = built.costs;
                let network = DrawnNetwork { roles: vec![role], metrics, decisions, costs, input, blocks };
                drawn.push((built.network, network));
            } else {
                left_out += 1;
            }
        }
    }
    if left_out > 0 {
        notes.push(format!("{left_out} more networks are not drawn; `trials.csv` has all."));
    }
    if unknown && drawn.is_empty() {
        notes.push(
            "Networks are not drawn: the shape of the data is not known. `--base` names the folder of the experiment."
                .into(),
        );
    }
    drawn.into_iter().map(|(_, network)| network).collect()
}

/// A role, the step's genotype, and what was measured.
type Wanted = (String, Vec<f64>, IndexMap<String, f64>);

fn wanted(step: &RecordedStep) -> Vec<Wanted> {
    let name = &step.record.name;
    let mut wanted = Vec::new();
    if step.record.kind == "train" {
        for candidate in &step.candidates {
            wanted.push((
                format!("candidate {} of {name}", candidate.id),
                candidate.genotype.clone(),
                candidate.metrics.clone(),
            ));
        }
        return wanted;
    }
    if let Some(best) = step.candidates.first().filter(|best| best.feasible) {
        wanted.push((format!("best of {name} (trial {})", best.id), best.genotype.clone(), best.metrics.clone()));
    }
    let recommended = step.record.recommendation.iter().flatten().take(3).enumerate();
    for (place, genotype) in recommended {
        let measured = step.candidates.iter().find(|candidate| candidate.genotype == *genotype);
        let metrics = measured.map(|candidate| candidate.metrics.clone()).unwrap_or_default();
        wanted.push((format!("recommended by {name} ({})", place + 1), genotype.clone(), metrics));
    }
    wanted
}

/// The network of a genotype, or the one that a `train` step holds itself.
fn build(recorded: &Recorded, step: &RecordedStep, genotype: &[f64]) -> Option<Built> {
    if let Some(Step::Train(train)) = recorded.experiment.steps.get(&step.role.step)
        && let Some(network) = &train.network
    {
        let (space, _) = Space::compile(&json!({ "network": network }), "", recorded.shape.clone());
        let space = Arc::new(space?);
        return space.build(&space.defaults()).ok();
    }
    recorded.build(step, genotype)
}

/// The inputs of each node; a sum that holds all terms of an earlier sum takes that sum instead, as layers on layers were declared.
/// The canonical form has every sum's terms one by one.
fn folded(network: &Network) -> Vec<Vec<u32>> {
    let is_sum = |index: usize| network.nodes[index].op == Op::Add;
    let sorted = |index: usize| {
        let mut terms = network.nodes[index].inputs.to_vec();
        terms.sort_unstable();
        terms
    };
    // The longest first.
    let mut sums: Vec<(Vec<u32>, u32)> = Vec::new();
    let mut all: Vec<Vec<u32>> = Vec::with_capacity(network.nodes.len());
    for (index, node) in network.nodes.iter().enumerate() {
        if !is_sum(index) {
            all.push(node.inputs.to_vec());
            continue;
        }
        let whole = sorted(index);
        let (mut left, mut taken) = (whole.clone(), Vec::new());
        for (terms, sum) in &sums {
            let mut rest = left.clone();
            let held = terms.len() < whole.len()
                && terms.iter().all(|term| {
                    let place = rest.binary_search(term);
                    place.is_ok_and(|place| {
                        rest.remove(place);
                        true
                    })
                });
            if held {
                left = rest;
                taken.push(*sum);
            }
        }
        taken.extend(left);
        all.push(taken);
        let place = sums.partition_point(|(terms, _)| terms.len() > whole.len());
        sums.insert(place, (whole, index as u32));
    }
    all
}

fn blocks(network: &Network) -> Vec<Block> {
    let inputs = folded(network);
    let mut uses = vec![0usize; network.nodes.len()];
    for input in inputs.iter().flatten() {
        uses[*input as usize] += 1;
    }
    let mut blocks: Vec<Block> = Vec::new();
    // The block of each node.
    let mut of: Vec<usize> = Vec::with_capacity(network.nodes.len());
    for (index, node) in network.nodes.iter().enumerate() {
        let alone = Network { nodes: vec![node.clone()], output: 0 };
        let costs = Costs::of(&alone, &alone);
        let (parameters, flops) = (costs.parameters, costs.flops);
        let output = index == network.output as usize;
        let before = match inputs[index].as_slice() {
            // Block and node follow each other, nothing else uses what is between, and they are of one layer.
            [before] if uses[*before as usize] == 1 && *before > 0 => {
                let block = of[*before as usize];
                let last = of.iter().rposition(|of| *of == block) == Some(*before as usize);
                (last && network.nodes[*before as usize].path == node.path).then_some(block)
            }
            _ => None,
        };
        if let Some(block) = before {
            let into = &mut blocks[block];
            if flops > 0 && into.flops == 0 {
                into.main = into.operations.len();
            }
            into.operations.push(words(node));
            into.shape = node.shape.to_string();
            into.parameters += parameters;
            into.flops += flops;
            into.output = output;
            of.push(block);
            continue;
        }
        of.push(blocks.len());
        blocks.push(Block {
            operations: vec![words(node)],
            main: 0,
            path: node.path.to_string(),
            inputs: inputs[index].iter().map(|input| of[*input as usize]).collect(),
            shape: node.shape.to_string(),
            parameters,
            flops,
            output,
        });
    }
    blocks
}

/// An operation with what is not usual of it: `conv 3×3, stride 2`.
fn words(node: &Node) -> String {
    let name = node.op.name().replace('_', " ");
    let fields = match serde_json::to_value(&node.op) {
        Ok(Value::Object(map)) => map.into_iter().next().map_or(Value::Null, |(_, fields)| fields),
        _ => Value::Null,
    };
    let fields = match fields {
        Value::Object(fields) => fields,
        // An activation is named by its kind.
        Value::String(kind) if name == "activation" => return kind.replace('_', " "),
        Value::String(kind) => return format!("{} {name}", kind.replace('_', " ")),
        _ => return name,
    };
    let depthwise = fields.get("groups").is_some_and(|groups| {
        fields.get("in_channels") == Some(groups) && fields.get("out_channels") == Some(groups) && *groups != json!(1)
    });
    let mut text = if depthwise { format!("depthwise {name}") } else { name };
    if let Some(kernel) = fields.get("kernel") {
        text.push_str(&format!(" {kernel}×{kernel}"));
    }
    let usual = |name: &str, value: &Value| match name {
        "kernel" | "in_channels" | "out_channels" | "channels" | "in_features" | "out_features" | "padding"
        | "bias" => true,
        "epsilon" | "momentum" | "affine" => true,
        "stride" | "dilation" => *value == json!(1),
        "groups" => *value == json!(1) || depthwise,
        _ => false,
    };
    for (name, value) in fields.iter().filter(|(name, value)| !usual(name, value)) {
        match value {
            Value::String(word) => text.push_str(&format!(", {}", word.replace('_', " "))),
            value => text.push_str(&format!(", {} {value}", name.replace('_', " "))),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use pleach_space::Shape;

    fn network(layers: Value) -> Network {
        let (space, problems) = Space::compile(&json!({ "network": layers }), "", Some((Shape::image(3, 8, 8), 10)));
        let space = space.unwrap_or_else(|| panic!("{problems:?}"));
        space.build(&[]).unwrap().network
    }

    #[test]
    fn a_chain_of_residuals_is_drawn_as_a_chain() {
        let body = json!([{"residual": [{"conv": {"kernel": 3}}]}]);
        let network = network(json!([
            {"conv": {"channels": 8, "kernel": 3}},
            {"repeat": {"times": 4, "body": body}},
            {"global_pool": "average"},
            {"linear": "classes"}
        ]));
        let sums: Vec<Block> = blocks(&network).into_iter().filter(|block| block.operations[0] == "add").collect();
        assert_eq!(sums.len(), 4);
        assert!(sums.iter().all(|sum| sum.inputs.len() == 2), "{sums:?}");
        assert!(sums.windows(2).all(|pair| pair[0].inputs.iter().max() < pair[1].inputs.iter().min()), "{sums:?}");
    }

    #[test]
    fn a_layer_is_a_block_and_costs_add_up() {
        let network = network(json!([
            {"conv": {"channels": 8, "kernel": 3, "stride": 2}},
            {"residual": [{"separable_conv": {"kernel": 5}}]},
            {"global_pool": "average"},
            {"linear": "classes"}
        ]));
        let blocks = blocks(&network);
        assert_eq!(blocks[0].operations, ["input"]);
        assert_eq!(blocks[1].operations[0], "conv 3×3, stride 2");
        assert!(blocks[1].operations.len() > 1, "the norm and the activation belong to it: {blocks:?}");
        assert_eq!(blocks[1].shape, "8x4x4");
        let sum = blocks.iter().find(|block| block.operations[0] == "add").expect("a residual is a sum");
        assert_eq!(sum.inputs.len(), 2);
        assert!(blocks.iter().flat_map(|block| &block.operations).any(|words| words.starts_with("depthwise conv 5×5")));
        let costs = Costs::of(&network, &network);
        assert_eq!(blocks.iter().map(|block| block.parameters).sum::<u64>(), costs.parameters);
        assert_eq!(blocks.iter().map(|block| block.flops).sum::<u64>(), costs.flops);
        let last = blocks.last().unwrap();
        assert!(last.output && last.operations == ["linear"], "{last:?}");
        assert!(blocks.iter().enumerate().all(|(index, block)| block.inputs.iter().all(|input| *input < index)));
    }
}
