//! A network as an ONNX model for inference.

mod graph;
#[cfg(test)]
mod interpreter;
mod message;
mod operation;
mod sequence;
#[cfg(test)]
mod tests;

use crate::live::live;
use crate::{ExportError, Preprocessing, Weights};
use graph::Builder;
use message::{Entry, Model, OperatorSet};
use pleach_space::{Network, Op};
use prost::Message;
use serde_json::json;

/// The name of the model's input, of shape `[batch, ...]`.
pub const INPUT: &str = "input";

/// The name of the model's output, of shape `[batch, classes]`: unnormalised scores, a class each.
pub const OUTPUT: &str = "logits";

/// Operator set 21 and IR version 10 are of ONNX 1.16 (March 2024): the newest with `Gelu` (20) and `HardSwish` (14)
/// that onnxruntime 1.18 and later read.
const OPERATOR_SET: i64 = 21;
const IR_VERSION: i64 = 10;

/// What a protobuf message may hold, in bytes.
const LARGEST: usize = i32::MAX as usize;

/// What an ONNX model says beside the network.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct OnnxOptions {
    /// The name of the graph.
    pub name: String,
    /// What the network's input went through; the model's metadata hold it.
    pub preprocessing: Preprocessing,
    /// Whether the model itself does the preprocessing, so that it takes raw values; by default it takes normalised
    /// ones.
    pub include_preprocessing: bool,
}

/// The network as the bytes of an ONNX model for inference: dropout and drop path vanish, the batch axis is open.
///
/// Each value bears the name of its node (`conv_12`), each weight that of its tensor (`conv_12.weight`), and each ONNX
/// node's documentation names the layer that it belongs to. Metadata: `input_shape`, `classes`, `preprocessing` and
/// `preprocessing_included`, each as JSON. Equal networks and weights give equal bytes.
///
/// # Errors
/// [`ExportError::Network`] and [`ExportError::Node`] for a malformed network, [`ExportError::Preprocessing`] where
/// mean or deviation do not fit the input, [`ExportError::TooLarge`] from 2 GiB on.
pub fn onnx(network: &Network, weights: &Weights, options: &OnnxOptions) -> Result<Vec<u8>, ExportError> {
    let bytes = model(network, weights, options)?.encode_to_vec();
    if bytes.len() > LARGEST { Err(ExportError::TooLarge { bytes: bytes.len() }) } else { Ok(bytes) }
}

fn model(network: &Network, weights: &Weights, options: &OnnxOptions) -> Result<Model, ExportError> {
    if weights.bytes() > LARGEST {
        return Err(ExportError::TooLarge { bytes: weights.bytes() });
    }
    let live = live(network)?;
    let (mean, deviation) = options.preprocessing.statistics(network)?;
    let mut builder = Builder::new(if options.name.is_empty() { "network" } else { &options.name });
    builder.declare_input(INPUT, network.input_shape());
    builder.declare_output(OUTPUT, network.output_shape());

    for tensor in weights.tensors() {
        // Recurrent layers want theirs in another order.
        let is_recurrent = matches!(network.nodes.get(tensor.node).map(|node| &node.op), Some(Op::Recurrent { .. }));
        if live.get(tensor.node) == Some(&true) && !is_recurrent {
            builder.constant(&tensor.name, &tensor.shape, tensor.bytes.clone());
        }
    }

    // What only training needs is passed over, so a node's value may be that of an earlier node.
    let mut source: Vec<usize> = Vec::with_capacity(network.nodes.len());
    for (index, node) in network.nodes.iter().enumerate() {
        source.push(if passes_on(&node.op, node.inputs.len()) { source[node.inputs[0] as usize] } else { index });
    }
    let output = source[network.output as usize];
    let values: Vec<String> = source
        .iter()
        .map(|&node| match node {
            0 if options.include_preprocessing => "preprocessed".to_string(),
            0 => INPUT.to_string(),
            node if node == output => OUTPUT.to_string(),
            node => network.node_name(node),
        })
        .collect();

    if options.include_preprocessing {
        let mut axes = vec![1; network.input_shape().0.len()];
        axes[0] = network.input_shape().channels();
        builder.set_layer("preprocessing");
        builder.floats("preprocessing.scale", &[], &[options.preprocessing.scale]);
        builder.floats("preprocessing.mean", &axes, &mean);
        builder.floats("preprocessing.deviation", &axes, &deviation);
        builder.node("Mul", &[INPUT, "preprocessing.scale"], "preprocessing.scaled", Vec::new());
        builder.node("Sub", &["preprocessing.scaled", "preprocessing.mean"], "preprocessing.centred", Vec::new());
        builder.node("Div", &["preprocessing.centred", "preprocessing.deviation"], "preprocessed", Vec::new());
    }
    for (index, node) in network.nodes.iter().enumerate() {
        if live[index] && source[index] == index && index > 0 {
            builder.set_layer(&node.path);
            let inputs: Vec<&str> = node.inputs.iter().map(|&input| values[input as usize].as_str()).collect();
            operation::lower(&mut builder, network, weights, index, &inputs, &values[index])?;
            if index != output {
                builder.declare_value(&values[index], &node.shape);
            }
        }
    }
    if output == 0 {
        builder.node("Identity", &[&values[0]], OUTPUT, Vec::new());
    }

    let entry = |key: &str, value: String| Entry { key: key.to_string(), value };
    Ok(Model {
        ir_version: IR_VERSION,
        producer_name: "pleach".to_string(),
        producer_version: env!("CARGO_PKG_VERSION").to_string(),
        doc_string: String::new(),
        graph: Some(builder.finish()),
        opset_import: vec![OperatorSet { domain: String::new(), version: OPERATOR_SET }],
        metadata_props: vec![
            entry("input_shape", json!(network.input_shape()).to_string()),
            entry("classes", json!(options.preprocessing.classes).to_string()),
            entry("preprocessing", options.preprocessing.to_json(network)?),
            entry("preprocessing_included", options.include_preprocessing.to_string()),
        ],
    })
}

/// Whether an operation gives its one input on unchanged at inference.
fn passes_on(op: &Op, inputs: usize) -> bool {
    match op {
        Op::Dropout { .. } | Op::DropPath { .. } => true,
        Op::Activation(kind) => *kind == pleach_spec::ActivationKind::None,
        Op::Add | Op::Concat => inputs == 1,
        _ => false,
    }
}
