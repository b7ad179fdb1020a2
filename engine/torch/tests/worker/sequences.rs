//! Sequences: attention, recurrent layers and norms of tokens against libtorch's own, and networks of them trained.

use crate::networks::{adam, ask, built, job, recipe, sgd, single, train, train_with, worker};
use pleach_evaluate::protocol::{TorchScriptJob, WorkerAnswer, WorkerRequest};
use pleach_space::{Network, Op, RecurrentKind, Shape};
use pleach_spec::{Optimizer, Precision};
use pleach_torch::Model;
use serde_json::json;
use tch::{Device, Kind, Tensor};

const CPU: (Kind, Device) = (Kind::Float, Device::Cpu);

/// Numbers between -1 and 1, the same every time.
fn waves(size: &[i64]) -> Tensor {
    (Tensor::arange(size.iter().product::<i64>(), CPU) * 0.731).sin().view(size)
}

fn model(op: Op, input: Shape, output: Shape) -> Model {
    Model::initialize(&single(op, input, output), 5, Device::Cpu).unwrap()
}

fn close(found: &Tensor, expected: &Tensor) {
    assert!(found.size() == expected.size() && found.allclose(expected, 1e-5, 1e-6, false), "{found} {expected}");
}

#[test]
fn attention_is_scaled_dot_product_attention_of_each_head() {
    let attention = model(Op::Attention { heads: 3, dropout: 0.0 }, Shape::sequence(36, 5), Shape::sequence(12, 5));
    let input = waves(&[2, 36, 5]);
    let found = attention.forward(&input, false).unwrap();
    // The channels are the queries of all heads, then the keys, then the values.
    for head in 0..3 {
        let part = |which: i64| input.slice(1, which * 12 + head * 4, which * 12 + head * 4 + 4, 1).transpose(1, 2);
        let expected = Tensor::scaled_dot_product_attention(
            &part(0),
            &part(1),
            &part(2),
            None::<Tensor>,
            0.0,
            false,
            None::<f64>,
            false,
        );
        close(&found.slice(1, head * 4, head * 4 + 4, 1), &expected.transpose(1, 2));
    }
}

#[test]
fn attention_drops_weights_while_training_alone() {
    let attention = model(Op::Attention { heads: 1, dropout: 0.5 }, Shape::sequence(12, 6), Shape::sequence(4, 6));
    assert!(attention.draws());
    let input = waves(&[2, 12, 6]);
    let evaluated = attention.forward(&input, false).unwrap();
    assert_eq!(evaluated, attention.forward(&input, false).unwrap());
    assert_ne!(evaluated, attention.forward(&input, true).unwrap());
}

#[test]
fn norms_of_tokens() {
    let input = waves(&[3, 4, 5]);
    let each = model(Op::LayerNorm { channels: 4, epsilon: 1e-5 }, Shape::sequence(4, 5), Shape::sequence(4, 5));
    let mean = input.mean_dim([1i64].as_slice(), true, Kind::Float);
    let variance = input.var_dim([1i64].as_slice(), false, true);
    close(&each.forward(&input, false).unwrap(), &((&input - mean) / (variance + 1e-5).sqrt()));

    let norm = Op::BatchNorm { channels: 4, momentum: 0.1, epsilon: 1e-5, affine: true };
    let batch = model(norm, Shape::sequence(4, 5), Shape::sequence(4, 5));
    let over = [0i64, 2];
    let (mean, variance) =
        (input.mean_dim(over.as_slice(), true, Kind::Float), input.var_dim(over.as_slice(), false, true));
    let expected = (&input - mean) / (variance + 1e-5).sqrt();
    // In memory as convolutions leave a sequence, and as layers of tokens do.
    for input in [input.copy(), input.transpose(1, 2).contiguous().transpose(1, 2)] {
        close(&batch.forward(&input, true).unwrap(), &expected);
    }
}

/// One direction, cell by cell.
fn by_cells(kind: RecurrentKind, input: &Tensor, weights: &[Tensor], backwards: bool) -> Tensor {
    let [w, r, b, c] = weights else { panic!("{} tensors", weights.len()) };
    let (examples, length) = (input.size()[0], input.size()[2]);
    let mut hidden = Tensor::zeros([examples, r.size()[1]], CPU);
    let mut cell = hidden.copy();
    let mut outputs = Vec::new();
    for step in 0..length {
        let now = input.select(2, if backwards { length - 1 - step } else { step });
        (hidden, cell) = match kind {
            RecurrentKind::Lstm => now.lstm_cell(&[&hidden, &cell], w, r, Some(b), Some(c)),
            RecurrentKind::Gru => (now.gru_cell(&hidden, w, r, Some(b), Some(c)), cell),
        };
        outputs.push(hidden.copy());
    }
    if backwards {
        outputs.reverse();
    }
    Tensor::stack(&outputs, 2)
}

#[test]
fn recurrent_layers_are_their_cells_one_after_another() {
    let input = waves(&[2, 4, 6]);
    for kind in [RecurrentKind::Lstm, RecurrentKind::Gru] {
        let op = Op::Recurrent { kind, in_channels: 4, features: 3, bidirectional: true };
        let layer = model(op, Shape::sequence(4, 6), Shape::sequence(6, 6));
        let weights: Vec<Tensor> = layer.named_tensors().map(|(_, tensor)| tensor.detach()).collect();
        assert!(weights.iter().all(|tensor| tensor.abs().max().double_value(&[]) <= 1.0 / 3f64.sqrt()));
        let expected = Tensor::cat(
            &[by_cells(kind, &input, &weights[..4], false), by_cells(kind, &input, &weights[4..], true)],
            1,
        );
        for training in [false, true] {
            close(&layer.forward(&input, training).unwrap(), &expected);
        }
    }
}

#[test]
fn an_image_and_its_tokens_are_the_same_numbers() {
    let input = waves(&[2, 3, 4, 5]);
    let tokens = model(Op::ToSequence, Shape::image(3, 4, 5), Shape::sequence(3, 20)).forward(&input, false).unwrap();
    assert_eq!(tokens.double_value(&[1, 2, 7]), input.double_value(&[1, 2, 1, 2]));
    let back = model(Op::ToImage { height: 4, width: 5 }, Shape::sequence(3, 20), Shape::image(3, 4, 5));
    assert_eq!(back.forward(&tokens, false).unwrap(), input);
}

/// A vision transformer, and a hybrid with batch norm and recurrent layers.
fn networks() -> [Network; 2] {
    [
        built(json!([
            {"patch_embed": {"patch": 2, "channels": 16}},
            {"position": "learned"},
            {"transformer_block": {"heads": 2, "mlp_ratio": 2.0}},
            {"transformer_block": {"heads": 2, "dropout": 0.1, "drop_path": 0.1, "pre_norm": false}},
            {"global_pool": "average"}, {"linear": "classes"}
        ])),
        built(json!([
            {"conv": {"channels": 8}},
            {"transformer_block": {"heads": 2, "head_dim": 8, "norm": "batch", "mlp_ratio": 1.0}},
            {"self_attention": {"heads": 4}},
            {"patch_embed": {"patch": 2, "channels": 12}},
            {"position": "sinusoidal"},
            {"conv1d": {"channels": 12}},
            {"lstm": {"features": 6, "layers": 2, "bidirectional": true, "dropout": 0.1}},
            "gru",
            {"global_pool": "max"}, {"linear": "classes"}
        ])),
    ]
}

#[test]
fn networks_of_tokens_learn_and_give_the_same_bits_twice() {
    for network in networks() {
        let mut job = job(network, recipe(8, Optimizer::Adamw(adam(0.01))));
        job.data.split.limit = Some(600);
        let trained = train(&job);
        assert_eq!(trained.digest, train(&job).digest);
        let losses: Vec<f64> = trained.epochs.iter().map(|(_, metrics)| metrics["train_loss"]).collect();
        // Guessing stays at the logarithm of 10 classes, 2.3.
        assert!(losses[0] > 2.0 && losses[7] < 1.8, "{losses:?}");
        job.recipe.precision = Precision::Mixed;
        job.epochs = 1;
        job.recipe.epochs = 1;
        assert!(train(&job).metrics["train_loss"].is_finite());
    }
}

#[test]
fn they_come_back_from_torchscript_for_any_number_of_examples() {
    let folder = tempfile::tempdir().unwrap();
    let (weights, file) = (folder.path().join("w.safetensors"), folder.path().join("n.pt"));
    let mut worker = worker();
    for network in networks() {
        let mut job = job(network.clone(), recipe(1, sgd(0.05)));
        job.data.split.limit = Some(128);
        job.checkpoint = Some(weights.clone());
        train_with(&mut worker, &job);
        let request = TorchScriptJob { id: 3, network, weights: weights.clone(), file: file.clone() };
        match ask(&mut worker, &WorkerRequest::TorchScript(Box::new(request))).pop() {
            Some(WorkerAnswer::TorchScriptWritten { largest_difference, .. }) => assert!(largest_difference <= 1e-5),
            other => panic!("{other:?}"),
        }
    }
}
