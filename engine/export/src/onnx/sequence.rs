//! Operations on sequences, `[batch, channels, length]`, in terms of ONNX's.

use super::graph::{Builder, float, integer, integers, text};
use crate::weights::Tensor;
use pleach_space::{RecurrentKind, Shape};

/// The constant that makes `[channels]` of a bias `[channels, 1]`, as a sequence takes it.
pub(super) const TOKEN_AXES: &str = "token_axes";

/// A linear layer over the channels: the product of the weight with each example.
pub(super) fn linear(builder: &mut Builder, name: &str, bias: bool, input: &str, output: &str) {
    let part = |suffix: &str| format!("{name}.{suffix}");
    let weight = part("weight");
    if !bias {
        return builder.node("MatMul", &[&weight, input], output, Vec::new());
    }
    let (product, shift) = (part("product"), part("shift"));
    builder.integers(TOKEN_AXES, &[2], &[-1, 1]);
    builder.node("MatMul", &[&weight, input], &product, Vec::new());
    builder.node("Reshape", &[&part("bias"), TOKEN_AXES], &shift, Vec::new());
    builder.node("Add", &[&product, &shift], output, Vec::new());
}

/// Layer norm over the channels of each token, for which ONNX wants them last.
pub(super) fn layer_norm(builder: &mut Builder, name: &str, epsilon: f64, input: &str, output: &str) {
    let part = |suffix: &str| format!("{name}.{suffix}");
    let (turned, normed) = (part("turned"), part("normed"));
    let all = [turned.as_str(), &part("weight"), &part("bias")];
    builder.node("Transpose", &[input], &turned, vec![integers("perm", &[0, 2, 1])]);
    builder.node("LayerNormalization", &all, &normed, vec![float("epsilon", epsilon)]);
    builder.node("Transpose", &[&normed], output, vec![integers("perm", &[0, 2, 1])]);
}

/// Attention, with tokens along the last axis all the way: weights are `[batch, heads, keys, queries]`.
pub(super) fn attention(builder: &mut Builder, name: &str, shape: &Shape, heads: usize, input: &str, output: &str) {
    let part = |suffix: &str| format!("{name}.{suffix}");
    let head_dim = shape.channels() / heads.max(1);
    let length = shape.places()[0] as i64;
    let (to_parts, to_shape, scale) = (part("to_parts"), part("to_shape"), part("scale"));
    builder.integers(&to_parts, &[5], &[0, 3, heads as i64, head_dim as i64, length]);
    builder.integers(&to_shape, &[3], &[0, shape.channels() as i64, length]);
    builder.floats(&scale, &[], &[(1.0 / (head_dim as f64).sqrt()) as f32]);
    let parts = part("parts");
    builder.node("Reshape", &[input, &to_parts], &parts, Vec::new());
    let [query, key, value] = [("query", 0), ("key", 1), ("value", 2)].map(|(what, number)| {
        let (index, name) = (format!("attention.{what}"), part(what));
        builder.integers(&index, &[], &[number]);
        builder.node("Gather", &[&parts, &index], &name, vec![integer("axis", 1)]);
        name
    });
    let (turned, scaled, scores) = (part("turned"), part("scaled"), part("scores"));
    let (weights, attended) = (part("weights"), part("attended"));
    builder.node("Mul", &[&query, &scale], &scaled, Vec::new());
    builder.node("Transpose", &[&key], &turned, vec![integers("perm", &[0, 1, 3, 2])]);
    builder.node("MatMul", &[&turned, &scaled], &scores, Vec::new());
    builder.node("Softmax", &[&scores], &weights, vec![integer("axis", 2)]);
    builder.node("MatMul", &[&value, &weights], &attended, Vec::new());
    builder.node("Reshape", &[&attended, &to_shape], output, Vec::new());
}

/// One recurrent layer. ONNX has the weights of both directions in one tensor, its gates in another order than PyTorch, and
/// sequences as `[length, batch, channels]`.
pub(super) fn recurrent(
    builder: &mut Builder,
    name: &str,
    (kind, bidirectional): (RecurrentKind, bool),
    shape: &Shape,
    tensors: &[&Tensor],
    input: &str,
    output: &str,
) {
    let part = |suffix: &str| format!("{name}.{suffix}");
    // Where each gate of ONNX's stands in PyTorch: of input, output, forget, cell; of update, reset, hidden.
    let (op_type, gates): (_, &[usize]) = match kind {
        RecurrentKind::Lstm => ("LSTM", &[0, 3, 1, 2]),
        RecurrentKind::Gru => ("GRU", &[1, 0, 2]),
    };
    let in_order = |tensor: &Tensor| -> Vec<u8> {
        let gate = tensor.bytes.len() / gates.len();
        gates.iter().flat_map(|&at| tensor.bytes[at * gate..(at + 1) * gate].iter().copied()).collect()
    };
    let directions = tensors.len() / 4;
    let features = shape.channels() / directions;
    let rows = gates.len() * features;
    // Of each direction: weight, hidden weight, bias, hidden bias.
    let joined = |which: &[usize]| -> Vec<u8> {
        let chosen = tensors.chunks(4).flat_map(|direction| which.iter().map(|&at| direction[at]));
        chosen.flat_map(in_order).collect()
    };
    let (weight, hidden, bias) = (part("weight"), part("hidden_weight"), part("bias"));
    builder.constant(&weight, &[directions, rows, tensors[0].shape[1]], joined(&[0]));
    builder.constant(&hidden, &[directions, rows, features], joined(&[1]));
    builder.constant(&bias, &[directions, 2 * rows], joined(&[2, 3]));
    let (turned, run, by_example, to_shape) = (part("turned"), part("run"), part("by_example"), part("to_shape"));
    let direction = if bidirectional { "bidirectional" } else { "forward" };
    let mut attributes = vec![integer("hidden_size", features), text("direction", direction)];
    if kind == RecurrentKind::Gru {
        attributes.push(integer("linear_before_reset", 1));
    }
    builder.integers(&to_shape, &[3], &[0, shape.channels() as i64, shape.places()[0] as i64]);
    builder.node("Transpose", &[input], &turned, vec![integers("perm", &[2, 0, 1])]);
    builder.node(op_type, &[&turned, &weight, &hidden, &bias], &run, attributes);
    // From `[length, directions, batch, features]`.
    builder.node("Transpose", &[&run], &by_example, vec![integers("perm", &[2, 1, 3, 0])]);
    builder.node("Reshape", &[&by_example, &to_shape], output, Vec::new());
}
