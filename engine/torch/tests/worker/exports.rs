//! TorchScript files.

use crate::networks::{Builder, ask, conv, draws, job, random_network, recipe, sgd, train, worker};
use pleach_evaluate::protocol::{FailureReason, TorchScriptJob, WorkerAnswer, WorkerRequest};
use pleach_space::{Network, Op, Shape};
use pleach_spec::PoolKind;
use std::fs;
use std::path::Path;
use tch::{CModule, Device, Kind, Tensor};

fn export(network: Network, weights: &Path, file: &Path) -> WorkerAnswer {
    let request = TorchScriptJob { id: 3, network, weights: weights.to_owned(), file: file.to_owned() };
    ask(&mut worker(), &WorkerRequest::TorchScript(Box::new(request))).pop().unwrap()
}

/// One with zeros, a factor by channel, and pools, whose traces could hold the number of examples.
fn wild_network() -> Network {
    let mut builder = Builder::new(Shape::image(1, 8, 8));
    let block = builder.block(0, 8, 2);
    let shape = Shape::image(8, 4, 4);
    let zero = builder.add(Op::Zero, &[], shape.clone());
    let norm = builder.add(Op::LayerNorm { channels: 8, epsilon: 1e-5 }, &[block], shape.clone());
    let squeezed = builder.add(Op::AdaptivePool { size: 1, kind: PoolKind::Average }, &[norm], Shape::image(8, 1, 1));
    let gate = builder.add(conv(8, 8, 1, 1, 1), &[squeezed], Shape::image(8, 1, 1));
    let scaled = builder.add(Op::Multiply, &[norm, gate], shape.clone());
    let shifted = builder.add(Op::Shift, &[scaled], shape.clone());
    let sum = builder.add(Op::Add, &[shifted, zero, block], shape);
    builder.classify(sum, 10)
}

#[test]
fn a_trained_network_comes_back_in_a_fresh_process() {
    let folder = tempfile::tempdir().unwrap();
    let (weights, file) = (folder.path().join("w.safetensors"), folder.path().join("n.pt"));
    for network in [random_network(), wild_network()] {
        let mut job = job(network.clone(), recipe(1, sgd(0.1)));
        job.data.split.limit = Some(128);
        job.checkpoint = Some(weights.clone());
        train(&job);
        match export(network, &weights, &file) {
            WorkerAnswer::TorchScriptWritten { id: 3, largest_difference } => assert!(largest_difference <= 1e-5),
            other => panic!("{other:?}"),
        }
        let module = CModule::load(&file).unwrap();
        let _draws = draws();
        let output = module.forward_ts(&[Tensor::randn([7, 1, 8, 8], (Kind::Float, Device::Cpu))]).unwrap();
        assert_eq!(output.size(), [7, 10]);
        let mut names: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        assert_eq!(names, ["n.pt", "w.safetensors"], "nothing else stays");
    }
}

#[test]
fn weights_of_another_network_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (weights, file) = (folder.path().join("w.safetensors"), folder.path().join("n.pt"));
    let mut job = job(wild_network(), recipe(1, sgd(0.1)));
    job.data.split.limit = Some(64);
    job.checkpoint = Some(weights.clone());
    train(&job);
    match export(random_network(), &weights, &file) {
        WorkerAnswer::Failed { reason: FailureReason::Lost, message, .. } => {
            assert_eq!(message, "the weights are of another network");
        }
        other => panic!("{other:?}"),
    }
    assert!(!file.exists());
    // The next request is not hurt by a trace that failed.
    assert!(matches!(export(wild_network(), &weights, &file), WorkerAnswer::TorchScriptWritten { .. }));
}
