//! What a network computes at inference, by loops over the definition of each operation.

use super::Array;
use pleach_space::{Network, Op, RecurrentKind};
use pleach_spec::{ActivationKind, PoolKind};
use std::collections::BTreeMap;

/// The network's output for a batch.
pub(crate) fn forward(network: &Network, weights: &BTreeMap<String, Array>, input: &Array) -> Array {
    let batch = input.shape[0];
    let mut values: Vec<Array> = Vec::new();
    for (index, node) in network.nodes.iter().enumerate() {
        let name = network.node_name(index);
        let parameter = |suffix: &str| &weights[&format!("{name}.{suffix}")];
        let inputs: Vec<&Array> = node.inputs.iter().map(|&input| &values[input as usize]).collect();
        let x = inputs.first().copied().unwrap_or(input);
        let value = match node.op {
            Op::Input | Op::Dropout { .. } | Op::DropPath { .. } => x.clone(),
            Op::Conv { stride, padding, dilation, groups, bias, .. } => {
                conv(x, parameter("weight"), bias.then(|| parameter("bias")), stride, padding, dilation, groups)
            }
            Op::Conv1d { stride, padding, dilation, groups, bias, .. } => {
                conv1d(x, parameter("weight"), bias.then(|| parameter("bias")), stride, padding, dilation, groups)
            }
            // `i` is example and feature, and the place in a sequence.
            Op::Linear { in_features, bias, .. } => Array::from(&[&[batch], node.shape.0.as_slice()].concat(), |i| {
                let input = |k: usize| x.at(&[&[i[0], k], &i[2..]].concat());
                let sum: f64 = (0..in_features).map(|k| input(k) * parameter("weight").at(&[i[1], k])).sum();
                sum + if bias { parameter("bias").at(&[i[1]]) } else { 0.0 }
            }),
            Op::Recurrent { kind, features, bidirectional, .. } => {
                let forward = recurrent(kind, x, features, |name| parameter(&format!("{name}_l0")), false);
                if bidirectional {
                    let backward = recurrent(kind, x, features, |name| parameter(&format!("{name}_l0_reverse")), true);
                    Array::concat(&[&forward, &backward], 1)
                } else {
                    forward
                }
            }
            Op::Attention { heads, .. } => attention(x, heads),
            Op::Position { .. } => x.zip(parameter("weight"), |a, b| a + b),
            Op::ToSequence | Op::ToImage { .. } => x.reshape(&[&[batch], node.shape.0.as_slice()].concat()),
            Op::BatchNorm { epsilon, affine, .. } => Array::from(&x.shape, |i| {
                let (mean, variance) = (parameter("running_mean"), parameter("running_var"));
                let normed = (x.at(i) - mean.at(&i[1..2])) / (variance.at(&i[1..2]) + epsilon).sqrt();
                if affine { normed * parameter("weight").at(&i[1..2]) + parameter("bias").at(&i[1..2]) } else { normed }
            }),
            Op::LayerNorm { epsilon, .. } if node.shape.is_sequence() => {
                token_norm(x, epsilon, parameter("weight"), parameter("bias"))
            }
            Op::LayerNorm { epsilon, .. } => group_norm(x, 1, epsilon, parameter("weight"), parameter("bias")),
            Op::GroupNorm { groups, epsilon, .. } => {
                group_norm(x, groups, epsilon, parameter("weight"), parameter("bias"))
            }
            Op::Activation(kind) => x.map(|x| activation(kind, x)),
            Op::MaxPool { kernel, stride, padding } => pool(x, kernel, stride, padding, PoolKind::Max),
            Op::AvgPool { kernel, stride, padding } => pool(x, kernel, stride, padding, PoolKind::Average),
            Op::AdaptivePool { size, kind } => Array::from(&[batch, x.shape[1], size, size], |i| {
                let window = |i: usize, pixels: usize| {
                    let start = (i as f64 * pixels as f64 / size as f64).floor() as usize;
                    let end = ((i + 1) as f64 * pixels as f64 / size as f64).ceil() as usize;
                    start..end
                };
                let rows = window(i[2], x.shape[2]);
                join(
                    kind,
                    rows.flat_map(|row| window(i[3], x.shape[3]).map(move |column| x.at(&[i[0], i[1], row, column]))),
                )
            }),
            Op::GlobalPool { kind } => Array::from(&[batch, x.shape[1]], |i| {
                let places: usize = x.shape[2..].iter().product();
                let flat = (i[0] * x.shape[1] + i[1]) * places;
                join(kind, x.data[flat..flat + places].iter().copied())
            }),
            Op::Flatten => x.reshape(&[batch, x.shape[1..].iter().product()]),
            Op::Shift => Array::from(&x.shape, |i| {
                let inside = i[2] + 1 < x.shape[2] && i[3] + 1 < x.shape[3];
                if inside { x.at(&[i[0], i[1], i[2] + 1, i[3] + 1]) } else { 0.0 }
            }),
            Op::Add => inputs[1..].iter().fold(x.clone(), |sum, y| sum.zip(y, |a, b| a + b)),
            Op::Concat => Array::concat(&inputs, 1),
            Op::Multiply => x.zip(inputs[1], |a, b| a * b),
            Op::Zero => Array::from(&[&[batch], node.shape.0.as_slice()].concat(), |_| 0.0),
        };
        assert_eq!(value.shape[1..], *node.shape.0, "shape of {name}");
        values.push(value);
    }
    values.swap_remove(network.output as usize)
}

/// Convolution of images with zero padding.
pub(crate) fn conv(
    x: &Array,
    weight: &Array,
    bias: Option<&Array>,
    stride: usize,
    padding: usize,
    dilation: usize,
    groups: usize,
) -> Array {
    let (kernel, per_group) = (weight.shape[2], weight.shape[1]);
    let side = |pixels: usize| (pixels + 2 * padding - dilation * (kernel - 1) - 1) / stride + 1;
    let shape = [x.shape[0], weight.shape[0], side(x.shape[2]), side(x.shape[3])];
    Array::from(&shape, |i| {
        let first = i[1] / (weight.shape[0] / groups) * per_group;
        let mut sum = bias.map_or(0.0, |bias| bias.at(&[i[1]]));
        for channel in 0..per_group {
            for row in 0..kernel {
                for column in 0..kernel {
                    let y = (i[2] * stride + row * dilation).checked_sub(padding).filter(|&y| y < x.shape[2]);
                    let z = (i[3] * stride + column * dilation).checked_sub(padding).filter(|&z| z < x.shape[3]);
                    if let (Some(y), Some(z)) = (y, z) {
                        sum += x.at(&[i[0], first + channel, y, z]) * weight.at(&[i[1], channel, row, column]);
                    }
                }
            }
        }
        sum
    })
}

/// Convolution along sequences with zero padding.
pub(crate) fn conv1d(
    x: &Array,
    weight: &Array,
    bias: Option<&Array>,
    stride: usize,
    padding: usize,
    dilation: usize,
    groups: usize,
) -> Array {
    let (kernel, per_group) = (weight.shape[2], weight.shape[1]);
    let length = (x.shape[2] + 2 * padding - dilation * (kernel - 1) - 1) / stride + 1;
    Array::from(&[x.shape[0], weight.shape[0], length], |i| {
        let first = i[1] / (weight.shape[0] / groups) * per_group;
        let mut sum = bias.map_or(0.0, |bias| bias.at(&[i[1]]));
        for channel in 0..per_group {
            for point in 0..kernel {
                let place = (i[2] * stride + point * dilation).checked_sub(padding).filter(|&y| y < x.shape[2]);
                if let Some(place) = place {
                    sum += x.at(&[i[0], first + channel, place]) * weight.at(&[i[1], channel, point]);
                }
            }
        }
        sum
    })
}

/// PyTorch's equations, one direction: `[batch, channels, length]` becomes `[batch, features, length]`.
fn recurrent<'a>(
    kind: RecurrentKind,
    x: &Array,
    features: usize,
    parameter: impl Fn(&str) -> &'a Array,
    backwards: bool,
) -> Array {
    let sigmoid = |x: f64| 1.0 / (1.0 + (-x).exp());
    let (batch, channels, length) = (x.shape[0], x.shape[1], x.shape[2]);
    let mut output = Array::from(&[batch, features, length], |_| 0.0);
    for example in 0..batch {
        let (mut h, mut c) = (vec![0.0; features], vec![0.0; features]);
        for step in 0..length {
            let place = if backwards { length - 1 - step } else { step };
            let row = |weight: &str, bias: &str, row: usize, values: &[f64]| -> f64 {
                let products = values.iter().enumerate().map(|(k, value)| parameter(weight).at(&[row, k]) * value);
                products.sum::<f64>() + parameter(bias).at(&[row])
            };
            let now: Vec<f64> = (0..channels).map(|channel| x.at(&[example, channel, place])).collect();
            let (mut next, mut cells) = (Vec::new(), Vec::new());
            for unit in 0..features {
                let a = |gate: usize| row("weight_ih", "bias_ih", gate * features + unit, &now);
                let b = |gate: usize| row("weight_hh", "bias_hh", gate * features + unit, &h);
                match kind {
                    RecurrentKind::Lstm => {
                        let [input, forget, out] = [0, 1, 3].map(|gate| sigmoid(a(gate) + b(gate)));
                        let cell = forget * c[unit] + input * (a(2) + b(2)).tanh();
                        cells.push(cell);
                        next.push(out * cell.tanh());
                    }
                    RecurrentKind::Gru => {
                        let [reset, update] = [0, 1].map(|gate| sigmoid(a(gate) + b(gate)));
                        let new = (a(2) + reset * b(2)).tanh();
                        next.push((1.0 - update) * new + update * h[unit]);
                    }
                }
            }
            for (unit, value) in next.iter().enumerate() {
                output.data[(example * features + unit) * length + place] = *value;
            }
            (h, c) = (next, cells);
        }
    }
    output
}

/// Queries, keys and values of all heads along the channels.
fn attention(x: &Array, heads: usize) -> Array {
    let (batch, inner, length) = (x.shape[0], x.shape[1] / 3, x.shape[2]);
    let size = inner / heads;
    Array::from(&[batch, inner, length], |i| {
        let head = i[1] / size * size;
        let score = |key: usize| -> f64 {
            let products = (head..head + size).map(|k| x.at(&[i[0], k, i[2]]) * x.at(&[i[0], inner + k, key]));
            (products.sum::<f64>() / (size as f64).sqrt()).exp()
        };
        let scores: Vec<f64> = (0..length).map(score).collect();
        let weighted = (0..length).map(|key| scores[key] * x.at(&[i[0], 2 * inner + i[1], key]));
        weighted.sum::<f64>() / scores.iter().sum::<f64>()
    })
}

/// Layer norm over the channels of each token.
fn token_norm(x: &Array, epsilon: f64, weight: &Array, bias: &Array) -> Array {
    let channels = x.shape[1];
    Array::from(&x.shape, |i| {
        let token: Vec<f64> = (0..channels).map(|channel| x.at(&[i[0], channel, i[2]])).collect();
        let mean = token.iter().sum::<f64>() / channels as f64;
        let variance = token.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / channels as f64;
        (x.at(i) - mean) / (variance + epsilon).sqrt() * weight.at(&[i[1]]) + bias.at(&[i[1]])
    })
}

/// Pooling of images, padding not counted.
pub(crate) fn pool(x: &Array, kernel: usize, stride: usize, padding: usize, kind: PoolKind) -> Array {
    let side = |pixels: usize| (pixels + 2 * padding - kernel) / stride + 1;
    Array::from(&[x.shape[0], x.shape[1], side(x.shape[2]), side(x.shape[3])], |i| {
        let inside = |i: usize, pixels: usize| {
            (i * stride..i * stride + kernel).filter_map(move |y| y.checked_sub(padding).filter(|&y| y < pixels))
        };
        let rows = inside(i[2], x.shape[2]);
        join(kind, rows.flat_map(|row| inside(i[3], x.shape[3]).map(move |column| x.at(&[i[0], i[1], row, column]))))
    })
}

fn join(kind: PoolKind, values: impl Iterator<Item = f64>) -> f64 {
    let values: Vec<f64> = values.collect();
    match kind {
        PoolKind::Average => values.iter().sum::<f64>() / values.len() as f64,
        PoolKind::Max => values.into_iter().fold(f64::NEG_INFINITY, f64::max),
    }
}

fn group_norm(x: &Array, groups: usize, epsilon: f64, weight: &Array, bias: &Array) -> Array {
    let size = x.shape[1..].iter().product::<usize>() / groups;
    let channel_size = x.shape[2..].iter().product::<usize>();
    let mut result = x.clone();
    for (index, group) in result.data.chunks_mut(size).enumerate() {
        let mean = group.iter().sum::<f64>() / size as f64;
        let variance = group.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / size as f64;
        for (offset, value) in group.iter_mut().enumerate() {
            let channel = (index * size + offset) / channel_size % x.shape[1];
            *value = (*value - mean) / (variance + epsilon).sqrt() * weight.at(&[channel]) + bias.at(&[channel]);
        }
    }
    result
}

fn activation(kind: ActivationKind, x: f64) -> f64 {
    let sigmoid = |x: f64| 1.0 / (1.0 + (-x).exp());
    match kind {
        ActivationKind::None => x,
        ActivationKind::Relu => x.max(0.0),
        ActivationKind::Relu6 => x.clamp(0.0, 6.0),
        ActivationKind::LeakyRelu => x.max(0.01 * x),
        ActivationKind::Elu => {
            if x > 0.0 {
                x
            } else {
                x.exp() - 1.0
            }
        }
        ActivationKind::Gelu => 0.5 * x * (1.0 + libm::erf(x / 2f64.sqrt())),
        ActivationKind::Silu => x * sigmoid(x),
        ActivationKind::HardSwish => x * (x + 3.0).clamp(0.0, 6.0) / 6.0,
        ActivationKind::HardSigmoid => (x + 3.0).clamp(0.0, 6.0) / 6.0,
        ActivationKind::Sigmoid => sigmoid(x),
        ActivationKind::Tanh => x.tanh(),
        ActivationKind::Softplus => (1.0 + x.exp()).ln(),
    }
}
