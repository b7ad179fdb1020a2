use super::*;
use pleach_data::Locations;
use pleach_space::{Network, Node, Op, Shape};
use pleach_spec::{ActivationKind, Data, Dataset, PoolKind, Split, Square};
use tch::Kind;

fn network(shape: Shape, layers: &[(Op, Shape)]) -> Network {
    let node = |op: Op, inputs: &[u32], shape: Shape| Node { op, inputs: inputs.into(), shape, path: "".into() };
    let mut nodes = vec![node(Op::Input, &[], shape)];
    for (op, shape) in layers {
        let before = nodes.len() as u32 - 1;
        nodes.push(node(op.clone(), &[before], shape.clone()));
    }
    Network { output: nodes.len() as u32 - 1, nodes }
}

/// A small network with fresh weights, for the digits.
fn model() -> Model {
    let conv = Op::Conv {
        in_channels: 1,
        out_channels: 6,
        kernel: 3,
        stride: 1,
        padding: 1,
        dilation: 1,
        groups: 1,
        bias: false,
    };
    let norm = Op::BatchNorm { channels: 6, momentum: 0.1, epsilon: 1e-5, affine: true };
    let image = Shape::image(6, 8, 8);
    let network = network(
        Shape::image(1, 8, 8),
        &[
            (conv, image.clone()),
            (norm, image.clone()),
            (Op::Activation(ActivationKind::Relu), image),
            (Op::GlobalPool { kind: PoolKind::Average }, Shape::vector(6)),
            (Op::Linear { in_features: 6, out_features: 10, bias: true }, Shape::vector(10)),
        ],
    );
    Model::initialize(&network, 3, Device::Cpu).unwrap()
}

fn data(dataset: Dataset) -> DataSet {
    let split = Split { validation: Some(0.03), test: None, limit: Some(100) };
    let data = Data { dataset, batch: 64, split };
    DataSet::of(None, Source::new(data, Locations { base: "".into(), caches: Vec::new() }, 7, Device::Cpu)).unwrap()
}

fn subject<'a>(model: &'a Model, data: &'a DataSet, batch: usize) -> Subject<'a> {
    Subject { model, data, seed: 5, batch }
}

fn attacks(epsilon: f64) -> [Attack; 3] {
    [
        Attack::Fgsm(Fgsm { epsilon }),
        Attack::Pgd(Pgd { epsilon, steps: 4, step_size: None, random_start: true }),
        Attack::Square(Square { epsilon, queries: 30, initial_share: 0.5 }),
    ]
}

fn normalized(data: &DataSet) -> Tensor {
    data.normalize(data.validation.inputs.shallow_clone()).unwrap()
}

fn attacked(subject: &Subject, attack: &Attack) -> Tensor {
    let (data, labels) = (subject.data, &subject.data.validation.labels);
    let inputs = normalized(data);
    let count = data.validation.count;
    let each = (0..count).step_by(subject.batch).map(|start| {
        let numbers: Vec<usize> = (start..(start + subject.batch).min(count)).collect();
        let part = |tensor: &Tensor| tensor.narrow(0, start as i64, numbers.len() as i64);
        subject.attack(attack, &part(&inputs), &part(labels), &numbers).unwrap()
    });
    Tensor::cat(&each.collect::<Vec<_>>(), 0)
}

#[test]
fn attacked_inputs_stay_within_epsilon_and_within_the_range_of_the_data() {
    let (model, data) = (model(), data(Dataset::Digits));
    let span = f64::try_from(data.range.span().unwrap().max()).unwrap();
    for epsilon in [0.03, 0.3] {
        for attack in attacks(epsilon) {
            let inputs = normalized(&data);
            let after = attacked(&subject(&model, &data, 64), &attack);
            let moved = f64::try_from((&after - &inputs).abs().max()).unwrap() / span;
            assert!(moved <= epsilon + 1e-6 && moved > 0.9 * epsilon, "{attack:?}: {moved}");
            let low = f64::try_from((&after - &data.range.low).min()).unwrap();
            let high = f64::try_from((&data.range.high - &after).min()).unwrap();
            assert!(low >= 0.0 && high >= 0.0, "{attack:?}: {low} {high}");
        }
    }
}

#[test]
fn an_attack_depends_on_the_seed_and_the_example_alone() {
    let (model, data) = (model(), data(Dataset::Digits));
    for attack in attacks(0.1) {
        let whole = attacked(&subject(&model, &data, 64), &attack);
        assert_eq!(whole, attacked(&subject(&model, &data, 64), &attack), "{attack:?}");
        let parts = attacked(&subject(&model, &data, 7), &attack);
        let apart = f64::try_from((&whole - &parts).abs().max()).unwrap();
        assert!(apart < 1e-5, "{attack:?}: {apart} with another batch");
        if !matches!(attack, Attack::Fgsm(_)) {
            let other = attacked(&Subject { seed: 6, ..subject(&model, &data, 64) }, &attack);
            assert_ne!(whole, other, "{attack:?}");
        }
    }
}

#[test]
fn one_step_of_projected_gradient_descent_is_the_fast_gradient_sign_method() {
    let (model, data) = (model(), data(Dataset::Digits));
    let subject = subject(&model, &data, 64);
    let epsilon = 0.1;
    let pgd = Pgd { epsilon, steps: 1, step_size: Some(epsilon), random_start: false };
    let inputs = normalized(&data).set_requires_grad(true);
    let loss = model.forward(&inputs, false).unwrap().cross_entropy_for_logits(&data.validation.labels);
    let gradient = Tensor::run_backward(&[&loss], &[&inputs], false, false).remove(0);
    let moved = inputs.detach() + gradient.sign() * data.range.span().unwrap() * epsilon;
    let by_hand = moved.maximum(&data.range.low).minimum(&data.range.high);
    let fgsm = attacked(&subject, &Attack::Fgsm(Fgsm { epsilon }));
    assert_eq!(fgsm, attacked(&subject, &Attack::Pgd(pgd)));
    assert!(f64::try_from((fgsm - by_hand).abs().max()).unwrap() < 1e-6);
    assert!(model.named_tensors().all(|(_, tensor)| !tensor.grad().defined()), "weights get no gradients");
}

#[test]
fn square_changes_right_examples_only_and_asks_no_gradient() {
    let (model, data) = (model(), data(Dataset::Digits));
    let attack = Attack::Square(Square { epsilon: 0.1, queries: 10, initial_share: 0.5 });
    let inputs = normalized(&data);
    let after = {
        let _no_grad = tch::no_grad_guard();
        attacked(&subject(&model, &data, 64), &attack)
    };
    let answers = model.forward(&inputs, false).unwrap().argmax(1, false);
    let right = answers.eq_tensor(&data.validation.labels);
    let changed = (after - inputs).abs().flatten(1, -1).amax([1i64], false).gt(0.0);
    assert_eq!(changed, right);
    assert!(bool::try_from(right.any()).unwrap());
}

#[test]
fn noise_depends_on_the_example_and_not_on_its_batch() {
    let data = data(Dataset::Digits);
    let inputs = &data.validation.inputs;
    let numbers: Vec<usize> = (0..data.validation.count).collect();
    let corrupter = Corrupter::new(&data, pleach_spec::Corruption::ShotNoise, 3, 5).unwrap();
    let whole = corrupter.corrupt(inputs, &numbers).unwrap();
    assert_eq!(whole.kind(), Kind::Uint8);
    assert_ne!(&whole, inputs);
    let rest = corrupter.corrupt(&inputs.narrow(0, 9, 5), &numbers[9..14]).unwrap();
    assert_eq!(rest, whole.narrow(0, 9, 5));
    let other = Corrupter::new(&data, pleach_spec::Corruption::ShotNoise, 3, 6).unwrap();
    assert_ne!(other.corrupt(inputs, &numbers).unwrap(), whole);
}

#[test]
fn images_of_numbers_are_corrupted_within_their_range() {
    let made_up = pleach_spec::Synthetic { shape: vec![3, 8, 8], classes: 4, examples: 60 };
    let data = data(Dataset::Synthetic(made_up));
    let inputs = &data.validation.inputs;
    let numbers: Vec<usize> = (0..data.validation.count).collect();
    for corruption in pleach_spec::Corruption::ALL {
        let corrupter = Corrupter::new(&data, corruption, 5, 5).unwrap();
        let after = corrupter.corrupt(inputs, &numbers).unwrap();
        assert_eq!((after.size(), after.kind()), (inputs.size(), Kind::Float));
        assert!(f64::try_from((&after - inputs).abs().mean(Kind::Float)).unwrap() > 1e-3, "{corruption:?}");
        let inside =
            after.ge_tensor(&(&data.range.low - 1e-5)).logical_and(&after.le_tensor(&(&data.range.high + 1e-5)));
        assert!(bool::try_from(inside.all()).unwrap(), "{corruption:?}");
    }
}

#[test]
fn chosen_examples_are_spread_over_the_part() {
    let data = data(Dataset::Digits);
    let part = &data.validation;
    let chosen = Chosen::of(part, Some(10)).unwrap();
    assert_eq!((chosen.numbers.len(), chosen.part.count), (10, 10));
    let steps: Vec<usize> = chosen.numbers.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!(chosen.numbers[0] == 0 && steps.iter().all(|step| step.abs_diff(part.count / 10) <= 1), "{steps:?}");
    assert_eq!(chosen.part.inputs.get(3), part.inputs.get(chosen.numbers[3] as i64));
    assert_eq!(chosen.part.labels.get(3), part.labels.get(chosen.numbers[3] as i64));
    for all in [None, Some(part.count + 5)] {
        assert_eq!(Chosen::of(part, all).unwrap().part.count, part.count);
    }
}

#[test]
fn peak_memory_is_that_of_the_largest_moment() {
    // 100 numbers become 1,000, which become 10: the largest moment holds the first two or the last two.
    let linear = |from, to| (Op::Linear { in_features: from, out_features: to, bias: false }, Shape::vector(to));
    let network = network(Shape::vector(100), &[linear(100, 1000), linear(1000, 10)]);
    let model = Model::initialize(&network, 3, Device::Cpu).unwrap();
    for batch in [1, 8] {
        let expected = 4 * (100 * 1000 + 1000 * 10 + batch * (100 + 1000 + 10));
        let found = memory::peak(&model, batch, Device::Cpu).unwrap();
        assert_eq!(found, expected as u64, "batch {batch}");
    }
}
