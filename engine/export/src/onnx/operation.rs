//! Each operation of a network in terms of ONNX's.

use super::graph::{Builder, float, integer, integers, text};
use super::{INPUT, sequence};
use crate::live::node_error;
use crate::weights::Tensor;
use crate::{ExportError, Weights};
use pleach_space::{Network, Op, Shape};
use pleach_spec::{ActivationKind, PoolKind};

/// Adds the nodes that compute the network's node `index` from the values `inputs`, as the value `output`.
pub(super) fn lower(
    builder: &mut Builder,
    network: &Network,
    weights: &Weights,
    index: usize,
    inputs: &[&str],
    output: &str,
) -> Result<(), ExportError> {
    let node = &network.nodes[index];
    let name = network.node_name(index);
    let parameter = |suffix: &str| format!("{name}.{suffix}");
    let shape_of_input = || &network.nodes[node.inputs[0] as usize].shape;
    match node.op {
        // Inputs are declared, and what only training needs is passed over, before this is called.
        Op::Input | Op::Dropout { .. } | Op::DropPath { .. } => {}
        Op::Conv { kernel, stride, padding, dilation, groups, bias, .. } => {
            let mut all = vec![inputs[0].to_string(), parameter("weight")];
            all.extend(bias.then(|| parameter("bias")));
            let mut attributes = window(kernel, stride, padding);
            attributes.push(integers("dilations", &[dilation, dilation]));
            attributes.push(integer("group", groups));
            builder.node("Conv", &all.iter().map(String::as_str).collect::<Vec<_>>(), output, attributes);
        }
        Op::Conv1d { kernel, stride, padding, dilation, groups, bias, .. } => {
            let mut all = vec![inputs[0].to_string(), parameter("weight")];
            all.extend(bias.then(|| parameter("bias")));
            let attributes = vec![
                integers("kernel_shape", &[kernel]),
                integers("strides", &[stride]),
                integers("pads", &[padding; 2]),
                integers("dilations", &[dilation]),
                integer("group", groups),
            ];
            builder.node("Conv", &all.iter().map(String::as_str).collect::<Vec<_>>(), output, attributes);
        }
        Op::Linear { bias, .. } if node.shape.is_sequence() => {
            sequence::linear(builder, &name, bias, inputs[0], output);
        }
        Op::Recurrent { kind, bidirectional, .. } => {
            let tensors: Vec<&Tensor> = weights.tensors().iter().filter(|tensor| tensor.node == index).collect();
            if tensors.len() != node.op.tensors().len() {
                return Err(node_error(network, index, "its weights are incomplete".into()));
            }
            sequence::recurrent(builder, &name, (kind, bidirectional), &node.shape, &tensors, inputs[0], output);
        }
        Op::Attention { heads, .. } => sequence::attention(builder, &name, &node.shape, heads, inputs[0], output),
        Op::Position { .. } => builder.node("Add", &[inputs[0], &parameter("weight")], output, Vec::new()),
        Op::ToSequence | Op::ToImage { .. } => {
            let shape = parameter("shape");
            let axes: Vec<i64> = std::iter::once(0).chain(node.shape.0.iter().map(|&axis| axis as i64)).collect();
            builder.integers(&shape, &[axes.len()], &axes);
            builder.node("Reshape", &[inputs[0], &shape], output, Vec::new());
        }
        Op::Linear { bias, .. } => {
            let mut all = vec![inputs[0].to_string(), parameter("weight")];
            all.extend(bias.then(|| parameter("bias")));
            let transposed = vec![integer("transB", 1)];
            builder.node("Gemm", &all.iter().map(String::as_str).collect::<Vec<_>>(), output, transposed);
        }
        Op::BatchNorm { channels, epsilon, affine, .. } => {
            let (weight, bias) = (parameter("weight"), parameter("bias"));
            if !affine {
                builder.floats(&weight, &[channels], &vec![1.0; channels]);
                builder.floats(&bias, &[channels], &vec![0.0; channels]);
            }
            let all = [inputs[0], &weight, &bias, &parameter("running_mean"), &parameter("running_var")];
            builder.node("BatchNormalization", &all, output, vec![float("epsilon", epsilon)]);
        }
        Op::LayerNorm { epsilon, .. } if node.shape.is_sequence() => {
            sequence::layer_norm(builder, &name, epsilon, inputs[0], output);
        }
        Op::LayerNorm { epsilon, .. } if node.shape.is_vector() => {
            let all = [inputs[0], &parameter("weight"), &parameter("bias")];
            builder.node("LayerNormalization", &all, output, vec![float("epsilon", epsilon)]);
        }
        Op::LayerNorm { epsilon, .. } => group_norm(builder, &name, &node.shape, 1, epsilon, inputs[0], output),
        Op::GroupNorm { groups, epsilon, .. } => {
            group_norm(builder, &name, &node.shape, groups, epsilon, inputs[0], output);
        }
        Op::Activation(kind) => activation(builder, kind, &name, inputs[0], output),
        Op::MaxPool { kernel, stride, padding } => {
            builder.node("MaxPool", inputs, output, window(kernel, stride, padding));
        }
        Op::AvgPool { kernel, stride, padding } => {
            let mut attributes = window(kernel, stride, padding);
            attributes.push(integer("count_include_pad", 0));
            builder.node("AveragePool", inputs, output, attributes);
        }
        Op::AdaptivePool { size, kind } => {
            let Some(side) = shape_of_input().size() else {
                return Err(node_error(network, index, "only images can be pooled".into()));
            };
            adaptive_pool(builder, &name, side, size, kind, inputs[0], output);
        }
        Op::GlobalPool { kind } => {
            let pooled = format!("{name}.pooled");
            builder.node(global(kind), inputs, &pooled, Vec::new());
            builder.node("Flatten", &[&pooled], output, vec![integer("axis", 1)]);
        }
        Op::Flatten => builder.node("Flatten", inputs, output, vec![integer("axis", 1)]),
        Op::Shift => {
            // Padding first: an image one pixel high or wide would be empty in between.
            let padded = format!("{name}.padded");
            builder.integers("shift.pads", &[8], &[0, 0, 0, 0, 0, 0, 1, 1]);
            builder.integers("shift.starts", &[2], &[1, 1]);
            builder.integers("shift.ends", &[2], &[i64::MAX, i64::MAX]);
            builder.integers("shift.axes", &[2], &[2, 3]);
            builder.node("Pad", &[inputs[0], "shift.pads"], &padded, vec![text("mode", "constant")]);
            builder.node("Slice", &[&padded, "shift.starts", "shift.ends", "shift.axes"], output, Vec::new());
        }
        Op::Add if inputs.len() == 2 => builder.node("Add", inputs, output, Vec::new()),
        Op::Add => builder.node("Sum", inputs, output, Vec::new()),
        Op::Concat => builder.node("Concat", inputs, output, vec![integer("axis", 1)]),
        Op::Multiply => builder.node("Mul", inputs, output, Vec::new()),
        Op::Zero => {
            let (batch, axes, shape) = (format!("{name}.batch"), format!("{name}.axes"), format!("{name}.shape"));
            let declared: Vec<i64> = node.shape.0.iter().map(|&axis| axis as i64).collect();
            builder.integers(&axes, &[declared.len()], &declared);
            builder.floats("zero", &[], &[0.0]);
            builder.node("Shape", &[INPUT], &batch, vec![integer("start", 0), integer("end", 1)]);
            builder.node("Concat", &[&batch, &axes], &shape, vec![integer("axis", 0)]);
            builder.node("Expand", &["zero", &shape], output, Vec::new());
        }
    }
    Ok(())
}

/// Kernel, step and padding of a square window.
fn window(kernel: usize, stride: usize, padding: usize) -> Vec<super::message::Attribute> {
    vec![
        integers("kernel_shape", &[kernel, kernel]),
        integers("strides", &[stride, stride]),
        integers("pads", &[padding; 4]),
    ]
}

fn global(kind: PoolKind) -> &'static str {
    match kind {
        PoolKind::Average => "GlobalAveragePool",
        PoolKind::Max => "GlobalMaxPool",
    }
}

/// Group norm by way of instance norm over the groups, as PyTorch exports it: ONNX's own `GroupNormalization` changed
/// its meaning between operator sets 18 and 21, and not every runtime followed.
fn group_norm(
    builder: &mut Builder,
    name: &str,
    shape: &Shape,
    groups: usize,
    epsilon: f64,
    input: &str,
    output: &str,
) {
    let part = |suffix: &str| format!("{name}.{suffix}");
    let (grouped, normed, whole, scaled) = (part("grouped"), part("normed"), part("whole"), part("scaled"));
    let (to_groups, to_shape, ones, zeros) = (part("to_groups"), part("to_shape"), part("ones"), part("zeros"));
    let (scale, shift) = (part("scale"), part("shift"));
    // In a `Reshape`, 0 keeps an axis, here the batch's, and -1 takes what is left.
    builder.integers(&to_groups, &[3], &[0, groups as i64, -1]);
    let original: Vec<i64> = std::iter::once(0).chain(shape.0.iter().map(|&axis| axis as i64)).collect();
    builder.integers(&to_shape, &[original.len()], &original);
    builder.floats(&ones, &[groups], &vec![1.0; groups]);
    builder.floats(&zeros, &[groups], &vec![0.0; groups]);
    builder.node("Reshape", &[input, &to_groups], &grouped, Vec::new());
    builder.node("InstanceNormalization", &[&grouped, &ones, &zeros], &normed, vec![float("epsilon", epsilon)]);
    builder.node("Reshape", &[&normed, &to_shape], &whole, Vec::new());
    // Channel by channel: `[channels]` of the weights as `[channels, 1, 1]`, or `[channels, 1]` of a sequence.
    let mut weight = part("weight");
    let mut bias = part("bias");
    if !shape.is_vector() {
        let (axes, name) = ([-1, 1, 1], if shape.is_image() { "channel_axes" } else { sequence::TOKEN_AXES });
        builder.integers(name, &[shape.0.len()], &axes[..shape.0.len()]);
        builder.node("Reshape", &[&weight, name], &scale, Vec::new());
        builder.node("Reshape", &[&bias, name], &shift, Vec::new());
        (weight, bias) = (scale, shift);
    }
    builder.node("Mul", &[&whole, &weight], &scaled, Vec::new());
    builder.node("Add", &[&scaled, &bias], output, Vec::new());
}

fn activation(builder: &mut Builder, kind: ActivationKind, name: &str, input: &str, output: &str) {
    let sixth = 1.0 / 6.0;
    let (op_type, attributes) = match kind {
        // Passed over before this is called.
        ActivationKind::None => return,
        ActivationKind::Relu => ("Relu", Vec::new()),
        ActivationKind::Relu6 => {
            builder.floats("relu6.low", &[], &[0.0]);
            builder.floats("relu6.high", &[], &[6.0]);
            return builder.node("Clip", &[input, "relu6.low", "relu6.high"], output, Vec::new());
        }
        ActivationKind::LeakyRelu => ("LeakyRelu", vec![float("alpha", 0.01)]),
        ActivationKind::Elu => ("Elu", vec![float("alpha", 1.0)]),
        ActivationKind::Gelu => ("Gelu", vec![text("approximate", "none")]),
        ActivationKind::Silu => {
            let gate = format!("{name}.gate");
            builder.node("Sigmoid", &[input], &gate, Vec::new());
            return builder.node("Mul", &[input, &gate], output, Vec::new());
        }
        ActivationKind::HardSwish => ("HardSwish", Vec::new()),
        ActivationKind::HardSigmoid => ("HardSigmoid", vec![float("alpha", sixth), float("beta", 0.5)]),
        ActivationKind::Sigmoid => ("Sigmoid", Vec::new()),
        ActivationKind::Tanh => ("Tanh", Vec::new()),
        ActivationKind::Softplus => ("Softplus", Vec::new()),
    };
    builder.node(op_type, &[input], output, attributes);
}

/// PyTorch's adaptive pooling, for which ONNX has no operation: window `i` of `size` over `n` pixels goes from
/// `floor(i n / size)` up to, not including, `ceil((i + 1) n / size)`.
fn adaptive_pool(
    builder: &mut Builder,
    name: &str,
    (height, width): (usize, usize),
    size: usize,
    kind: PoolKind,
    input: &str,
    output: &str,
) {
    if size == 1 {
        return builder.node(global(kind), &[input], output, Vec::new());
    }
    if height % size == 0 && width % size == 0 {
        let sides = [height / size, width / size];
        let attributes = vec![integers("kernel_shape", &sides), integers("strides", &sides)];
        let op_type = if kind == PoolKind::Max { "MaxPool" } else { "AveragePool" };
        return builder.node(op_type, &[input], output, attributes);
    }
    let part = |suffix: &str| format!("{name}.{suffix}");
    let (rows, columns, pooled) = (part("rows"), part("columns"), part("pooled_rows"));
    match kind {
        // The mean of a window is the mean over rows of means over columns: a product with one matrix from each side.
        PoolKind::Average => {
            builder.floats(&rows, &[size, height], &averaging(height, size));
            let across = averaging(width, size);
            let transposed: Vec<f32> = (0..width * size).map(|i| across[(i % size) * width + i / size]).collect();
            builder.floats(&columns, &[width, size], &transposed);
            builder.node("MatMul", &[&rows, input], &pooled, Vec::new());
            builder.node("MatMul", &[&pooled, &columns], output, Vec::new());
        }
        // Gathers each window, filled up by repeating its last pixel, which leaves the largest as it is.
        PoolKind::Max => {
            let (longest, indices) = gathering(height, size);
            builder.integers(&rows, &[size, longest], &indices);
            let (longest, indices) = gathering(width, size);
            builder.integers(&columns, &[size, longest], &indices);
            builder.integers("third_axis", &[1], &[3]);
            builder.integers("fourth_axis", &[1], &[4]);
            let (by_rows, by_columns) = (part("row_windows"), part("column_windows"));
            builder.node("Gather", &[input, &rows], &by_rows, vec![integer("axis", 2)]);
            builder.node("ReduceMax", &[&by_rows, "third_axis"], &pooled, vec![integer("keepdims", 0)]);
            builder.node("Gather", &[&pooled, &columns], &by_columns, vec![integer("axis", 3)]);
            builder.node("ReduceMax", &[&by_columns, "fourth_axis"], output, vec![integer("keepdims", 0)]);
        }
    }
}

/// The windows of adaptive pooling: first pixel, and the one after the last.
fn windows(pixels: usize, size: usize) -> impl Iterator<Item = (usize, usize)> {
    (0..size).map(move |i| (i * pixels / size, ((i + 1) * pixels).div_ceil(size)))
}

/// The matrix `[size, pixels]` that averages over each window.
fn averaging(pixels: usize, size: usize) -> Vec<f32> {
    let mut matrix = vec![0.0; size * pixels];
    for (row, (start, end)) in windows(pixels, size).enumerate() {
        matrix[row * pixels + start..row * pixels + end].fill(1.0 / (end - start) as f32);
    }
    matrix
}

/// The length of the longest window, and for each window as many pixels.
fn gathering(pixels: usize, size: usize) -> (usize, Vec<i64>) {
    let longest = windows(pixels, size).map(|(start, end)| end - start).max().unwrap_or(0);
    let window = |(start, end): (usize, usize)| (0..longest).map(move |i| (start + i).min(end - 1) as i64);
    (longest, windows(pixels, size).flat_map(window).collect())
}
