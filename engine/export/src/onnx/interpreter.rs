//! Executes ONNX models slowly, by the words of the operators' specification, so that tests need no runtime.

use super::message::{Model, Node, Tensor, element};
use crate::testing::{Array, conv, conv1d, pool};
use pleach_spec::PoolKind;
use std::collections::BTreeMap;

/// The model's output for an input.
pub(super) fn execute(model: &Model, input: &Array) -> Array {
    let graph = model.graph.as_ref().unwrap();
    let mut values: BTreeMap<&str, Array> = BTreeMap::new();
    for constant in &graph.initializer {
        assert!(values.insert(&constant.name, numbers(constant)).is_none(), "`{}` is there twice", constant.name);
    }
    values.insert(&graph.input[0].name, input.clone());
    for node in &graph.node {
        let inputs: Vec<&Array> = node.input.iter().map(|name| &values[name.as_str()]).collect();
        let value = operate(node, &inputs);
        assert!(values.insert(&node.output[0], value).is_none(), "`{}` is there twice", node.output[0]);
    }
    for declared in graph.value_info.iter().chain(&graph.output) {
        let shape = declared.r#type.as_ref().unwrap().tensor_type.as_ref().unwrap().shape.as_ref().unwrap();
        let found = &values[declared.name.as_str()].shape;
        assert_eq!(shape.dim.len(), found.len(), "{}", declared.name);
        let axes = shape.dim.iter().map(|axis| axis.dim_value.map_or(input.shape[0], |value| value as usize));
        assert_eq!(&axes.collect::<Vec<_>>(), found, "{}", declared.name);
    }
    values.remove(graph.output[0].name.as_str()).unwrap()
}

fn numbers(tensor: &Tensor) -> Array {
    let data = match tensor.data_type {
        element::FLOAT => tensor.raw_data.as_chunks().0.iter().map(|&bytes| f32::from_le_bytes(bytes).into()).collect(),
        element::INT64 => tensor.raw_data.as_chunks().0.iter().map(|&bytes| i64::from_le_bytes(bytes) as f64).collect(),
        other => panic!("element type {other}"),
    };
    Array { shape: tensor.dims.iter().map(|&axis| axis as usize).collect::<Vec<_>>(), data }
}

fn operate(node: &Node, inputs: &[&Array]) -> Array {
    let attribute = |name: &str| node.attribute.iter().find(|attribute| attribute.name == name);
    let integer = |name: &str| attribute(name).map(|attribute| attribute.i.unwrap() as usize);
    let float = |name: &str| f64::from(attribute(name).unwrap().f.unwrap());
    let square = |name: &str| {
        let ints = &attribute(name).unwrap().ints;
        assert!(ints.iter().all(|value| value == &ints[0]), "{name} {ints:?}");
        ints[0] as usize
    };
    let x = inputs[0];
    let integers = |input: usize| -> Vec<i64> { inputs[input].data.iter().map(|&value| value as i64).collect() };
    match node.op_type.as_str() {
        "Identity" => x.clone(),
        "Conv" if x.shape.len() == 3 => {
            let (stride, padding, dilation) = (square("strides"), square("pads"), square("dilations"));
            assert_eq!(attribute("pads").unwrap().ints.len(), 2);
            assert_eq!(square("kernel_shape"), inputs[1].shape[2]);
            conv1d(x, inputs[1], inputs.get(2).copied(), stride, padding, dilation, integer("group").unwrap())
        }
        "Conv" => {
            let (stride, padding, dilation) = (square("strides"), square("pads"), square("dilations"));
            assert_eq!(attribute("pads").unwrap().ints.len(), 4);
            assert_eq!(square("kernel_shape"), inputs[1].shape[2]);
            conv(x, inputs[1], inputs.get(2).copied(), stride, padding, dilation, integer("group").unwrap())
        }
        "Gemm" => {
            assert_eq!(integer("transB"), Some(1));
            let product = Array::from(&[x.shape[0], inputs[1].shape[0]], |i| {
                (0..x.shape[1]).map(|k| x.at(&[i[0], k]) * inputs[1].at(&[i[1], k])).sum()
            });
            inputs.get(2).map_or(product.clone(), |bias| product.zip(bias, |a, b| a + b))
        }
        "MatMul" => matmul(x, inputs[1]),
        "BatchNormalization" => {
            let [_, scale, shift, mean, variance] = inputs else { panic!("{} inputs", inputs.len()) };
            Array::from(&x.shape, |i| {
                let channel = &i[1..2];
                let deviation = (variance.at(channel) + float("epsilon")).sqrt();
                (x.at(i) - mean.at(channel)) / deviation * scale.at(channel) + shift.at(channel)
            })
        }
        "InstanceNormalization" => {
            assert!(x.shape.len() >= 3);
            let normed = normalise(x, x.shape[2..].iter().product(), float("epsilon"));
            Array::from(&x.shape, |i| normed.at(i) * inputs[1].at(&i[1..2]) + inputs[2].at(&i[1..2]))
        }
        "LayerNormalization" => {
            let normed = normalise(x, *x.shape.last().unwrap(), float("epsilon"));
            normed.zip(inputs[1], |a, b| a * b).zip(inputs[2], |a, b| a + b)
        }
        "Transpose" => {
            let order: Vec<usize> = attribute("perm").unwrap().ints.iter().map(|&axis| axis as usize).collect();
            let shape: Vec<usize> = order.iter().map(|&axis| x.shape[axis]).collect();
            Array::from(&shape, |i| {
                let mut source = vec![0; i.len()];
                order.iter().zip(i).for_each(|(&axis, &at)| source[axis] = at);
                x.at(&source)
            })
        }
        "Softmax" => {
            let axis = integer("axis").unwrap();
            Array::from(&x.shape, |i| {
                let along = |k: usize| x.at(&[&i[..axis], &[k], &i[axis + 1..]].concat()).exp();
                x.at(i).exp() / (0..x.shape[axis]).map(along).sum::<f64>()
            })
        }
        "LSTM" | "GRU" => recurrent(node, inputs),
        "Add" => x.zip(inputs[1], |a, b| a + b),
        "Sub" => x.zip(inputs[1], |a, b| a - b),
        "Mul" => x.zip(inputs[1], |a, b| a * b),
        "Div" => x.zip(inputs[1], |a, b| a / b),
        "Sum" => inputs[1..].iter().fold(x.clone(), |sum, y| sum.zip(y, |a, b| a + b)),
        "Concat" => Array::concat(inputs, integer("axis").unwrap()),
        "Relu" => x.map(|x| x.max(0.0)),
        "Clip" => x.map(|x| x.clamp(inputs[1].at(&[]), inputs[2].at(&[]))),
        "LeakyRelu" => x.map(|x| if x < 0.0 { float("alpha") * x } else { x }),
        "Elu" => x.map(|x| if x < 0.0 { float("alpha") * (x.exp() - 1.0) } else { x }),
        "Gelu" => {
            assert_eq!(attribute("approximate").unwrap().s.as_deref(), Some(b"none".as_slice()));
            x.map(|x| x / 2.0 * (1.0 + libm::erf(x / 2f64.sqrt())))
        }
        "Sigmoid" => x.map(|x| 1.0 / (1.0 + (-x).exp())),
        "HardSigmoid" => x.map(|x| (float("alpha") * x + float("beta")).clamp(0.0, 1.0)),
        "HardSwish" => x.map(|x| x * (x / 6.0 + 0.5).clamp(0.0, 1.0)),
        "Tanh" => x.map(f64::tanh),
        "Softplus" => x.map(|x| (x.exp() + 1.0).ln()),
        "MaxPool" | "AveragePool" => {
            let kind = if node.op_type == "MaxPool" { PoolKind::Max } else { PoolKind::Average };
            let kernel = &attribute("kernel_shape").unwrap().ints;
            if kernel[0] == kernel[1] {
                assert!(kind == PoolKind::Max || integer("count_include_pad").unwrap_or(0) == 0);
                let padding = attribute("pads").map_or(0, |_| square("pads"));
                return pool(x, square("kernel_shape"), square("strides"), padding, kind);
            }
            // Windows that are not square do not overlap here and have no padding.
            assert_eq!(kernel, &attribute("strides").unwrap().ints);
            let (rows, columns) = (kernel[0] as usize, kernel[1] as usize);
            let shape = [x.shape[0], x.shape[1], x.shape[2] / rows, x.shape[3] / columns];
            Array::from(&shape, |i| {
                let pixels = (0..rows * columns)
                    .map(|pixel| x.at(&[i[0], i[1], i[2] * rows + pixel / columns, i[3] * columns + pixel % columns]));
                match kind {
                    PoolKind::Max => pixels.fold(f64::NEG_INFINITY, f64::max),
                    PoolKind::Average => pixels.sum::<f64>() / (rows * columns) as f64,
                }
            })
        }
        "GlobalAveragePool" | "GlobalMaxPool" => {
            let pixels = x.shape[2..].iter().product();
            let flat = x.reshape(&[x.shape[0], x.shape[1], pixels]);
            let shape: Vec<usize> = (0..x.shape.len()).map(|axis| if axis < 2 { x.shape[axis] } else { 1 }).collect();
            Array::from(&shape, |i| {
                let values = (0..pixels).map(|pixel| flat.at(&[i[0], i[1], pixel]));
                if node.op_type == "GlobalMaxPool" {
                    values.fold(f64::NEG_INFINITY, f64::max)
                } else {
                    values.sum::<f64>() / pixels as f64
                }
            })
        }
        "ReduceMax" => {
            assert_eq!(integer("keepdims"), Some(0));
            let axis = integers(1)[0] as usize;
            let mut shape = x.shape.clone();
            let length = shape.remove(axis);
            Array::from(&shape, |i| {
                let at = |k: usize| x.at(&[&i[..axis], &[k], &i[axis..]].concat());
                (0..length).map(at).fold(f64::NEG_INFINITY, f64::max)
            })
        }
        "Gather" => {
            let axis = integer("axis").unwrap();
            let picked = inputs[1].shape.len();
            let shape = [&x.shape[..axis], &inputs[1].shape, &x.shape[axis + 1..]].concat();
            Array::from(&shape, |i| {
                let pick = inputs[1].at(&i[axis..axis + picked]) as usize;
                x.at(&[&i[..axis], &[pick], &i[axis + picked..]].concat())
            })
        }
        "Flatten" => {
            assert_eq!(integer("axis"), Some(1));
            x.reshape(&[x.shape[0], x.shape[1..].iter().product()])
        }
        "Reshape" => {
            let wanted = integers(1);
            let mut shape: Vec<usize> =
                wanted.iter().enumerate().map(|(i, &n)| if n == 0 { x.shape[i] } else { n.max(1) as usize }).collect();
            if let Some(open) = wanted.iter().position(|&n| n == -1) {
                shape[open] = x.data.len() / shape.iter().product::<usize>();
            }
            x.reshape(&shape)
        }
        "Pad" => {
            let pads = integers(1);
            let rank = x.shape.len();
            let shape: Vec<usize> =
                (0..rank).map(|a| (x.shape[a] as i64 + pads[a] + pads[a + rank]) as usize).collect();
            Array::from(&shape, |i| {
                let source: Option<Vec<usize>> = (0..rank)
                    .map(|a| usize::try_from(i[a] as i64 - pads[a]).ok().filter(|&n| n < x.shape[a]))
                    .collect();
                source.map_or(0.0, |source| x.at(&source))
            })
        }
        "Slice" => {
            let (starts, ends, axes) = (integers(1), integers(2), integers(3));
            let mut shape = x.shape.clone();
            let mut offset = vec![0; shape.len()];
            for ((start, end), axis) in starts.iter().zip(ends).zip(axes) {
                let axis = axis as usize;
                offset[axis] = *start as usize;
                shape[axis] = (end as usize).min(x.shape[axis]) - offset[axis];
            }
            Array::from(&shape, |i| x.at(&i.iter().zip(&offset).map(|(a, b)| a + b).collect::<Vec<_>>()))
        }
        "Shape" => {
            let axes = &x.shape[integer("start").unwrap()..integer("end").unwrap()];
            Array { shape: vec![axes.len()], data: axes.iter().map(|&axis| axis as f64).collect() }
        }
        "Expand" => {
            let shape: Vec<usize> = integers(1).iter().map(|&axis| axis as usize).collect();
            x.zip(&Array::from(&shape, |_| 0.0), |a, _| a)
        }
        other => panic!("operator {other}"),
    }
}

/// Runs of `size` elements with mean 0 and variance 1.
fn normalise(x: &Array, size: usize, epsilon: f64) -> Array {
    let mut result = x.clone();
    for run in result.data.chunks_mut(size) {
        let mean = run.iter().sum::<f64>() / size as f64;
        let variance = run.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / size as f64;
        run.iter_mut().for_each(|x| *x = (*x - mean) / (variance + epsilon).sqrt());
    }
    result
}

/// `LSTM` and `GRU` by the equations of ONNX's specification, gate by gate: `[length, batch, input]` becomes
/// `[length, directions, batch, hidden]`.
fn recurrent(node: &Node, inputs: &[&Array]) -> Array {
    let [x, w, r, b] = inputs else { panic!("{} inputs", inputs.len()) };
    let attribute = |name: &str| node.attribute.iter().find(|attribute| attribute.name == name).unwrap();
    let hidden = attribute("hidden_size").i.unwrap() as usize;
    let [length, batch, width] = x.shape[..] else { panic!("{:?}", x.shape) };
    let directions = w.shape[0];
    let word = if directions == 2 { "bidirectional" } else { "forward" };
    assert_eq!(attribute("direction").s.as_deref(), Some(word.as_bytes()));
    let gates = w.shape[1] / hidden;
    let sigmoid = |x: f64| 1.0 / (1.0 + (-x).exp());
    let mut output = vec![0.0; length * directions * batch * hidden];
    for direction in 0..directions {
        for example in 0..batch {
            let (mut h, mut c) = (vec![0.0; hidden], vec![0.0; hidden]);
            for step in 0..length {
                let place = if direction == 0 { step } else { length - 1 - step };
                // The part of a gate from the input, and that from the state, each with its bias.
                let from_input = |gate: usize, unit: usize| -> f64 {
                    let row = gate * hidden + unit;
                    let sum: f64 = (0..width).map(|k| x.at(&[place, example, k]) * w.at(&[direction, row, k])).sum();
                    sum + b.at(&[direction, row])
                };
                let from_state = |gate: usize, unit: usize| -> f64 {
                    let row = gate * hidden + unit;
                    let sum: f64 = (0..hidden).map(|k| h[k] * r.at(&[direction, row, k])).sum();
                    sum + b.at(&[direction, gates * hidden + row])
                };
                let gate = |gate: usize, unit: usize| from_input(gate, unit) + from_state(gate, unit);
                let next: Vec<(f64, f64)> = (0..hidden)
                    .map(|unit| match node.op_type.as_str() {
                        "LSTM" => {
                            let [input, out, forget] = [0, 1, 2].map(|number| sigmoid(gate(number, unit)));
                            let cell = forget * c[unit] + input * gate(3, unit).tanh();
                            (out * cell.tanh(), cell)
                        }
                        _ => {
                            assert_eq!(attribute("linear_before_reset").i, Some(1));
                            let [update, reset] = [0, 1].map(|number| sigmoid(gate(number, unit)));
                            let new = (from_input(2, unit) + reset * from_state(2, unit)).tanh();
                            ((1.0 - update) * new + update * h[unit], 0.0)
                        }
                    })
                    .collect();
                (h, c) = next.into_iter().unzip();
                let start = ((place * directions + direction) * batch + example) * hidden;
                output[start..start + hidden].copy_from_slice(&h);
            }
        }
    }
    Array { shape: vec![length, directions, batch, hidden], data: output }
}

/// Matrix product of stacks of matrices, one of which may be a single matrix.
fn matmul(a: &Array, b: &Array) -> Array {
    let stack = if a.shape.len() > 2 { &a.shape[..a.shape.len() - 2] } else { &b.shape[..b.shape.len() - 2] };
    let [rows, inner] = a.shape[a.shape.len() - 2..] else { unreachable!() };
    let columns = b.shape[b.shape.len() - 1];
    let at = |array: &Array, outer: &[usize], row: usize, column: usize| {
        if array.shape.len() == 2 { array.at(&[row, column]) } else { array.at(&[outer, &[row, column]].concat()) }
    };
    Array::from(&[stack, &[rows, columns]].concat(), |i| {
        let (outer, inside) = i.split_at(stack.len());
        (0..inner).map(|k| at(a, outer, inside[0], k) * at(b, outer, k, inside[1])).sum()
    })
}
