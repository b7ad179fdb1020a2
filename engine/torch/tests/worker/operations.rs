//! Every operation: the shape that the graph says, values by hand, and training apart from evaluation.

use crate::networks::{Builder, conv, conv1d, draws, single};
use pleach_space::{Network, Op, RecurrentKind, Shape};
use pleach_spec::{ActivationKind, PoolKind, PositionKind};
use pleach_torch::Model;
use tch::{Device, Kind, Tensor};

const CPU: (Kind, Device) = (Kind::Float, Device::Cpu);

fn model(network: &Network) -> Model {
    Model::initialize(network, 3, Device::Cpu).unwrap()
}

fn values(tensor: &Tensor) -> Vec<f64> {
    Vec::<f64>::try_from(tensor.flatten(0, -1).to_kind(Kind::Double)).unwrap()
}

fn close(found: &Tensor, expected: &[f64]) {
    let found = values(found);
    assert_eq!(found.len(), expected.len());
    assert!(found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-5), "{found:?} {expected:?}");
}

/// A 1x1x3x3 image of 1 to 9.
fn square() -> Tensor {
    (Tensor::arange(9, CPU) + 1).view([1, 1, 3, 3])
}

#[test]
fn every_operation_gives_the_shape_of_its_node() {
    let image = || Shape::image(4, 6, 5);
    let wide = |channels, height, width| Shape::image(channels, height, width);
    let tokens = || Shape::sequence(4, 8);
    let recurrent = |kind, bidirectional| Op::Recurrent { kind, in_channels: 4, features: 3, bidirectional };
    let mut cases = vec![
        (conv(4, 6, 3, 2, 2), image(), wide(6, 3, 3)),
        (
            Op::Conv {
                in_channels: 4,
                out_channels: 2,
                kernel: 3,
                stride: 1,
                padding: 2,
                dilation: 2,
                groups: 1,
                bias: true,
            },
            image(),
            wide(2, 6, 5),
        ),
        (Op::Linear { in_features: 4, out_features: 7, bias: true }, Shape::vector(4), Shape::vector(7)),
        (Op::Linear { in_features: 4, out_features: 7, bias: false }, Shape::vector(4), Shape::vector(7)),
        (Op::BatchNorm { channels: 4, momentum: 0.1, epsilon: 1e-5, affine: true }, image(), image()),
        (Op::BatchNorm { channels: 4, momentum: 0.1, epsilon: 1e-5, affine: false }, image(), image()),
        (Op::BatchNorm { channels: 4, momentum: 0.1, epsilon: 1e-5, affine: true }, Shape::vector(4), Shape::vector(4)),
        (Op::LayerNorm { channels: 4, epsilon: 1e-5 }, image(), image()),
        (Op::LayerNorm { channels: 4, epsilon: 1e-5 }, Shape::vector(4), Shape::vector(4)),
        (Op::GroupNorm { channels: 4, groups: 2, epsilon: 1e-5 }, image(), image()),
        (Op::MaxPool { kernel: 3, stride: 2, padding: 1 }, image(), wide(4, 3, 3)),
        (Op::AvgPool { kernel: 3, stride: 2, padding: 1 }, image(), wide(4, 3, 3)),
        (Op::AdaptivePool { size: 2, kind: PoolKind::Average }, image(), wide(4, 2, 2)),
        (Op::AdaptivePool { size: 2, kind: PoolKind::Max }, image(), wide(4, 2, 2)),
        (Op::GlobalPool { kind: PoolKind::Average }, image(), Shape::vector(4)),
        (Op::GlobalPool { kind: PoolKind::Max }, image(), Shape::vector(4)),
        (Op::Flatten, image(), Shape::vector(120)),
        (Op::Dropout { probability: 0.5 }, image(), image()),
        (Op::DropPath { probability: 0.5 }, image(), image()),
        (Op::DropPath { probability: 0.5 }, Shape::vector(4), Shape::vector(4)),
        (Op::Shift, image(), image()),
        (Op::Add, image(), image()),
        (Op::Concat, image(), image()),
        (Op::Zero, image(), wide(2, 3, 1)),
        (Op::Zero, image(), Shape::vector(9)),
        (Op::Zero, Shape::vector(9), image()),
        (Op::Zero, image(), tokens()),
        (conv1d(3, 2, 1), tokens(), Shape::sequence(6, 4)),
        (Op::Linear { in_features: 4, out_features: 7, bias: true }, tokens(), Shape::sequence(7, 8)),
        (Op::Linear { in_features: 4, out_features: 7, bias: false }, tokens(), Shape::sequence(7, 8)),
        (recurrent(RecurrentKind::Lstm, false), tokens(), Shape::sequence(3, 8)),
        (recurrent(RecurrentKind::Lstm, true), tokens(), Shape::sequence(6, 8)),
        (recurrent(RecurrentKind::Gru, false), tokens(), Shape::sequence(3, 8)),
        (recurrent(RecurrentKind::Gru, true), tokens(), Shape::sequence(6, 8)),
        (Op::Attention { heads: 2, dropout: 0.1 }, Shape::sequence(12, 8), tokens()),
        (Op::Position { channels: 4, length: 8, kind: PositionKind::Learned }, tokens(), tokens()),
        (Op::Position { channels: 4, length: 8, kind: PositionKind::Sinusoidal }, tokens(), tokens()),
        (Op::ToSequence, image(), Shape::sequence(4, 30)),
        (Op::ToImage { height: 2, width: 4 }, tokens(), wide(4, 2, 4)),
        (Op::BatchNorm { channels: 4, momentum: 0.1, epsilon: 1e-5, affine: true }, tokens(), tokens()),
        (Op::LayerNorm { channels: 4, epsilon: 1e-5 }, tokens(), tokens()),
        (Op::GroupNorm { channels: 4, groups: 2, epsilon: 1e-5 }, tokens(), tokens()),
        (Op::GlobalPool { kind: PoolKind::Average }, tokens(), Shape::vector(4)),
        (Op::GlobalPool { kind: PoolKind::Max }, tokens(), Shape::vector(4)),
        (Op::Flatten, tokens(), Shape::vector(32)),
    ];
    for kind in [
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
    ] {
        cases.push((Op::Activation(kind), image(), image()));
    }
    let _draws = draws();
    for (op, input, output) in cases {
        let network = single(op, input, output);
        let model = model(&network);
        let mut size = vec![3];
        size.extend(network.input_shape().0.iter().map(|&axis| axis as i64));
        let batch = Tensor::randn(&size, CPU);
        for training in [true, false] {
            let found: Vec<usize> =
                model.forward(&batch, training).unwrap().size()[1..].iter().map(|&a| a as usize).collect();
            assert_eq!(found, network.output_shape().0.to_vec(), "{:?}", network.nodes[1].op);
        }
        let tensors: Vec<(String, Vec<i64>)> =
            model.named_tensors().map(|(name, t)| (name.to_owned(), t.size())).collect();
        let expected = network.tensors().map(|(name, spec)| (name, spec.shape.iter().map(|&a| a as i64).collect()));
        assert_eq!(tensors, expected.collect::<Vec<_>>());
        let trainable =
            network.tensors().filter(|(_, spec)| spec.trainable).map(|(_, spec)| spec.elements()).sum::<u64>();
        assert_eq!(model.parameters(), trainable);
    }
}

#[test]
fn windows_and_shifts_by_hand() {
    let image = Shape::image(1, 3, 3);
    let run = |op, output| model(&single(op, image.clone(), output)).forward(&square(), false).unwrap();
    close(&run(Op::Shift, image.clone()), &[5.0, 6.0, 0.0, 8.0, 9.0, 0.0, 0.0, 0.0, 0.0]);
    let pooled = Shape::image(1, 2, 2);
    close(&run(Op::MaxPool { kernel: 3, stride: 2, padding: 1 }, pooled.clone()), &[5.0, 6.0, 8.0, 9.0]);
    // Padding does not count: the corner is the mean of 1, 2, 4, 5.
    close(&run(Op::AvgPool { kernel: 3, stride: 2, padding: 1 }, pooled.clone()), &[3.0, 4.0, 6.0, 7.0]);
    close(&run(Op::AdaptivePool { size: 2, kind: PoolKind::Average }, pooled.clone()), &[3.0, 4.0, 6.0, 7.0]);
    close(&run(Op::AdaptivePool { size: 2, kind: PoolKind::Max }, pooled), &[5.0, 6.0, 8.0, 9.0]);
    close(&run(Op::GlobalPool { kind: PoolKind::Average }, Shape::vector(1)), &[5.0]);
    close(&run(Op::GlobalPool { kind: PoolKind::Max }, Shape::vector(1)), &[9.0]);
}

#[test]
fn activations_by_hand() {
    let at = |kind, x: f64| {
        let network = single(Op::Activation(kind), Shape::vector(1), Shape::vector(1));
        model(&network).forward(&Tensor::from_slice(&[x as f32]).view([1, 1]), false).unwrap().double_value(&[0, 0])
    };
    let near = |a: f64, b: f64| assert!((a - b).abs() < 1e-6, "{a} {b}");
    near(at(ActivationKind::LeakyRelu, -2.0), -0.02);
    near(at(ActivationKind::Relu6, 7.0), 6.0);
    near(at(ActivationKind::Elu, -1.0), (-1.0_f64).exp() - 1.0);
    near(at(ActivationKind::Gelu, 1.0), 0.841_344_746);
    near(at(ActivationKind::Silu, 1.0), 1.0 / (1.0 + (-1.0_f64).exp()));
    near(at(ActivationKind::HardSwish, 1.0), 4.0 / 6.0);
    near(at(ActivationKind::HardSigmoid, 1.0), 4.0 / 6.0);
    near(at(ActivationKind::Softplus, 0.0), 2.0_f64.ln());
}

#[test]
fn layer_norm_is_over_all_but_the_batch() {
    let network = single(Op::LayerNorm { channels: 2, epsilon: 0.0 }, Shape::image(2, 1, 2), Shape::image(2, 1, 2));
    let input = Tensor::from_slice(&[0f32, 0.0, 2.0, 2.0]).view([1, 2, 1, 2]);
    close(&model(&network).forward(&input, true).unwrap(), &[-1.0, -1.0, 1.0, 1.0]);
}

#[test]
fn sums_products_and_concatenations() {
    let image = Shape::image(1, 3, 3);
    let mut builder = Builder::new(image.clone());
    let shifted = builder.add(Op::Shift, &[0], image.clone());
    let sum = builder.add(Op::Add, &[0, shifted, 0], image.clone());
    let both = builder.add(Op::Concat, &[0, sum], Shape::image(2, 3, 3));
    let pooled = builder.add(Op::AdaptivePool { size: 1, kind: PoolKind::Max }, &[both], Shape::image(2, 1, 1));
    let product = builder.add(Op::Multiply, &[both, pooled], Shape::image(2, 3, 3));
    let output = model(&builder.finish(product)).forward(&square(), false).unwrap();
    let first: Vec<f64> = (1..=9).map(|v| f64::from(v) * 9.0).collect();
    let sums = [7.0, 10.0, 6.0, 16.0, 19.0, 12.0, 14.0, 16.0, 18.0];
    close(&output, &first.into_iter().chain(sums.map(|v| v * 19.0)).collect::<Vec<_>>());
}

#[test]
fn a_sum_leaves_its_terms_as_they_are() {
    // The running total is added to in place, which must not touch a node's own output.
    let image = Shape::image(1, 3, 3);
    let mut builder = Builder::new(image.clone());
    let relu = builder.add(Op::Activation(ActivationKind::Relu), &[0], image.clone());
    let sum = builder.add(Op::Add, &[relu, 0, 0], image.clone());
    let again = builder.add(Op::Add, &[relu, sum], image);
    let input = square();
    close(
        &model(&builder.finish(again)).forward(&input, true).unwrap(),
        &(1..=9).map(|v| f64::from(v) * 4.0).collect::<Vec<_>>(),
    );
    close(&input, &(1..=9).map(f64::from).collect::<Vec<_>>());
}

#[test]
fn batch_norm_uses_the_batch_while_training_and_what_it_kept_afterwards() {
    let norm = Op::BatchNorm { channels: 1, momentum: 0.5, epsilon: 0.0, affine: true };
    let model = model(&single(norm, Shape::vector(1), Shape::vector(1)));
    let batch = Tensor::from_slice(&[1f32, 5.0]).view([2, 1]);
    close(&model.forward(&batch, true).unwrap(), &[-1.0, 1.0]);
    // Kept: mean 0.5 * 0 + 0.5 * 3; variance 0.5 * 1 + 0.5 * 8 (of the sample).
    let kept: Vec<Vec<f64>> = model.named_tensors().skip(2).map(|(_, tensor)| values(tensor)).collect();
    assert_eq!(kept, [[1.5], [4.5]]);
    close(&model.forward(&batch, false).unwrap(), &[-0.5 / 4.5_f64.sqrt(), 3.5 / 4.5_f64.sqrt()]);
    assert_eq!(model.named_tensors().skip(2).map(|(_, tensor)| values(tensor)).collect::<Vec<_>>(), kept);
}

#[test]
fn drop_path_zeroes_whole_examples_and_scales_the_others() {
    let op = Op::DropPath { probability: 0.25 };
    let model = model(&single(op, Shape::image(2, 2, 2), Shape::image(2, 2, 2)));
    let _draws = draws();
    let output = model.forward(&Tensor::ones([400, 2, 2, 2], CPU), true).unwrap();
    let examples: Vec<Vec<f64>> = (0..400).map(|i| values(&output.get(i))).collect();
    assert!(examples.iter().all(|e| e.iter().all(|v| *v == e[0]) && (e[0] == 0.0 || (e[0] - 4.0 / 3.0).abs() < 1e-6)));
    let dropped = examples.iter().filter(|e| e[0] == 0.0).count();
    assert!((60..140).contains(&dropped), "{dropped}");
    assert!(model.draws());
}

#[test]
fn depthwise_convolution_keeps_channels_apart() {
    let network = single(conv(2, 2, 1, 1, 2), Shape::image(2, 1, 1), Shape::image(2, 1, 1));
    let weight = Tensor::from_slice(&[2f32, 3.0]).view([2, 1, 1, 1]);
    let model =
        Model::with_tensors(&network, Device::Cpu, |name| (name == "conv_1.weight").then(|| weight.copy())).unwrap();
    close(&model.forward(&Tensor::ones([1, 2, 1, 1], CPU), false).unwrap(), &[2.0, 3.0]);
    let wrong = Model::with_tensors(&network, Device::Cpu, |_| Some(Tensor::ones([2], CPU))).unwrap_err();
    assert!(wrong.detail.contains("`conv_1.weight` is [2], expected [2, 1, 1, 1]"), "{wrong}");
}

#[test]
fn what_is_no_network_is_refused() {
    let later = Network { output: 1, ..single(Op::Add, Shape::vector(1), Shape::vector(1)) };
    let mut nodes = later.nodes.clone();
    nodes[1].inputs = [1u32, 0].as_slice().into();
    for broken in [
        Network { nodes, output: 1 },
        Network { output: 9, ..later.clone() },
        Network { nodes: Vec::new(), output: 0 },
        single(conv(3, 4, 3, 1, 2), Shape::image(3, 4, 4), Shape::image(4, 4, 4)),
    ] {
        assert!(Model::initialize(&broken, 1, Device::Cpu).is_err());
    }
    let shapes = single(conv(3, 4, 3, 1, 1), Shape::image(2, 4, 4), Shape::image(4, 4, 4));
    let error = model(&shapes).forward(&Tensor::ones([1, 2, 4, 4], CPU), false).unwrap_err();
    assert!(error.detail.contains("conv_1 at network[1]"), "{error}");
}

/// Output, gradients of the input, of scale and shift, and running statistics of batch norm and ReLU on an image.
fn normed(fast: bool, relu: bool, affine: bool) -> Vec<Tensor> {
    let shape = Shape::image(3, 5, 7);
    let mut builder = Builder::new(shape.clone());
    let norm = Op::BatchNorm { channels: 3, momentum: 0.3, epsilon: 1e-3, affine };
    let mut output = builder.add(norm, &[0], shape.clone());
    if relu {
        output = builder.add(Op::Activation(ActivationKind::Relu), &[output], shape);
    }
    let model = model(&builder.finish(output));
    let ramp = |size: &[i64]| {
        let count = size.iter().product::<i64>();
        ((Tensor::arange(count, CPU) * 0.731).sin() * 2.0 + 0.4).view(size)
    };
    tch::no_grad(|| {
        for (place, (_, tensor)) in model.named_tensors().enumerate() {
            tensor.shallow_clone().copy_(&(ramp(&tensor.size()).abs() + place as f64 * 0.1));
        }
    });
    // A batch that does not lie in one piece goes to libtorch's own kernel.
    let batch = ramp(&[4, 5, 7, 3]).permute([0, 3, 1, 2]);
    let batch = if fast { batch.contiguous() } else { batch }.set_requires_grad(true);
    let output = model.forward(&batch, true).unwrap();
    (&output * ramp(&[4, 3, 5, 7])).sum(Kind::Float).backward();
    let mut all = vec![output, batch.grad()];
    all.extend(model.trainable().map(|(_, tensor)| tensor.grad()));
    all.extend(model.named_tensors().filter(|(_, tensor)| !tensor.requires_grad()).map(|(_, tensor)| tensor.copy()));
    all
}

#[test]
fn the_fast_batch_norm_agrees_with_libtorch() {
    for (relu, affine) in [(false, true), (true, true), (false, false), (true, false)] {
        let (fast, slow) = (normed(true, relu, affine), normed(false, relu, affine));
        assert_eq!(fast.len(), if affine { 6 } else { 4 });
        for (place, (a, b)) in fast.iter().zip(&slow).enumerate() {
            assert!(a.allclose(b, 1e-4, 1e-5, false), "{place}, relu {relu}, affine {affine}: {a} {b}");
        }
    }
}

#[test]
fn the_fast_average_pool_agrees_with_libtorch() {
    for (kernel, stride, padding) in
        [(2, 2, 0), (3, 1, 1), (3, 2, 1), (5, 1, 2), (2, 1, 0), (4, 3, 2), (3, 1, 0), (7, 1, 3)]
    {
        let (height, width) = (7, 8);
        let size = |size: usize| (size + 2 * padding - kernel) / stride + 1;
        let output = Shape::image(2, size(height), size(width));
        let model = model(&single(Op::AvgPool { kernel, stride, padding }, Shape::image(2, height, width), output));
        let run = |training: bool| {
            let _draws = draws();
            tch::manual_seed(1);
            let batch = Tensor::randn([3, 2, 7, 8], CPU).set_requires_grad(true);
            let output = model.forward(&batch, training).unwrap();
            (&output * Tensor::randn(output.size(), CPU)).sum(Kind::Float).backward();
            (output, batch.grad())
        };
        // Evaluation uses libtorch's own.
        let (fast, slow) = (run(true), run(false));
        assert!(fast.0.allclose(&slow.0, 1e-5, 1e-6, false), "{kernel} {stride} {padding}");
        assert!(fast.1.allclose(&slow.1, 1e-5, 1e-6, false), "{kernel} {stride} {padding}");
    }
}
