//! Networks and requests for tests.

use pleach_evaluate::protocol::{TrainJob, WorkerAnswer, WorkerRequest};
use pleach_space::{Network, Node, Op, Shape, Space};
use pleach_spec::{
    ActivationKind, Adam, Augment, Cosine, Data, Dataset, Optimizer, PoolKind, Precision, Schedule, Sgd, Split,
    Training,
};
use pleach_torch::{Health, Worker};
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};
use tch::Device;

/// A network under construction; each call adds a node and answers with its index.
pub struct Builder {
    nodes: Vec<Node>,
}

impl Builder {
    pub fn new(input: Shape) -> Builder {
        let mut builder = Builder { nodes: Vec::new() };
        builder.add(Op::Input, &[], input);
        builder
    }

    pub fn add(&mut self, op: Op, inputs: &[u32], shape: Shape) -> u32 {
        let index = self.nodes.len() as u32;
        self.nodes.push(Node { op, inputs: inputs.into(), shape, path: format!("network[{index}]").into() });
        index
    }

    /// Convolution that keeps the size, batch norm, ReLU.
    pub fn block(&mut self, input: u32, out_channels: usize, stride: usize) -> u32 {
        let shape = self.nodes[input as usize].shape.clone();
        let (height, width) = shape.size().unwrap();
        let shape_out = Shape::image(out_channels, height.div_ceil(stride), width.div_ceil(stride));
        let conv = self.add(conv(shape.channels(), out_channels, 3, stride, 1), &[input], shape_out.clone());
        let norm = Op::BatchNorm { channels: out_channels, momentum: 0.1, epsilon: 1e-5, affine: true };
        let norm = self.add(norm, &[conv], shape_out.clone());
        self.add(Op::Activation(ActivationKind::Relu), &[norm], shape_out)
    }

    /// Mean of each channel, then a linear layer.
    pub fn classify(mut self, input: u32, classes: usize) -> Network {
        let channels = self.nodes[input as usize].shape.channels();
        let pooled = self.add(Op::GlobalPool { kind: PoolKind::Average }, &[input], Shape::vector(channels));
        let linear = Op::Linear { in_features: channels, out_features: classes, bias: true };
        let output = self.add(linear, &[pooled], Shape::vector(classes));
        self.finish(output)
    }

    pub fn finish(self, output: u32) -> Network {
        Network { nodes: self.nodes, output }
    }
}

pub fn conv(in_channels: usize, out_channels: usize, kernel: usize, stride: usize, groups: usize) -> Op {
    Op::Conv { in_channels, out_channels, kernel, stride, padding: kernel / 2, dilation: 1, groups, bias: false }
}

/// A network of one operation on the input.
pub fn single(op: Op, input: Shape, output: Shape) -> Network {
    let mut builder = Builder::new(input);
    let node = builder.add(op, &[0], output);
    builder.finish(node)
}

/// From 4 channels to 6.
pub fn conv1d(kernel: usize, stride: usize, groups: usize) -> Op {
    Op::Conv1d { in_channels: 4, out_channels: 6, kernel, stride, padding: kernel / 2, dilation: 1, groups, bias: true }
}

/// What a space section builds for the digits, its decisions at their defaults.
pub fn built(layers: serde_json::Value) -> Network {
    let section = serde_json::json!({"input": [1, 8, 8], "classes": 10, "network": layers});
    let (space, problems) = Space::compile(&section, "", None);
    assert_eq!(problems, []);
    let space = space.unwrap();
    space.build(&space.defaults()).unwrap().network
}

/// For the digits: 1x8x8 images, 10 classes.
pub fn digits_network() -> Network {
    let mut builder = Builder::new(Shape::image(1, 8, 8));
    let first = builder.block(0, 8, 1);
    let second = builder.block(first, 16, 2);
    builder.classify(second, 10)
}

/// One with dropout, drop path and a residual connection.
pub fn random_network() -> Network {
    let mut builder = Builder::new(Shape::image(1, 8, 8));
    let first = builder.block(0, 8, 1);
    let second = builder.block(first, 8, 1);
    let shape = Shape::image(8, 8, 8);
    let path = builder.add(Op::DropPath { probability: 0.2 }, &[second], shape.clone());
    let sum = builder.add(Op::Add, &[first, path], shape.clone());
    let dropped = builder.add(Op::Dropout { probability: 0.1 }, &[sum], shape);
    builder.classify(dropped, 10)
}

pub fn sgd(rate: f64) -> Optimizer {
    Optimizer::Sgd(Sgd { rate, momentum: 0.9, nesterov: true, weight_decay: 1e-4 })
}

pub fn adam(rate: f64) -> Adam {
    Adam { rate, beta1: 0.9, beta2: 0.999, weight_decay: 0.01 }
}

pub fn recipe(epochs: u32, optimizer: Optimizer) -> Training {
    Training {
        epochs,
        batch: None,
        optimizer,
        schedule: Schedule::Cosine(Cosine { warm_up: 0.5, minimum: 0.01 }),
        label_smoothing: 0.0,
        clip: None,
        augment: Augment::default(),
        adversarial: None,
        precision: Precision::Full,
        threads: 1,
    }
}

pub fn job(network: Network, recipe: Training) -> TrainJob {
    TrainJob {
        id: 5,
        network,
        epochs: recipe.epochs,
        recipe,
        batch: 64,
        data: Data { dataset: Dataset::Digits, batch: 64, split: Split { validation: None, test: None, limit: None } },
        data_base: PathBuf::new(),
        data_caches: Vec::new(),
        split_seed: 7,
        seed: 11,
        data_share: 1.0,
        resume: None,
        checkpoint: None,
        progress: None,
        test: false,
        measure: Vec::new(),
    }
}

pub fn worker() -> Worker {
    Worker::new(Device::Cpu, PathBuf::from(env!("CARGO_BIN_EXE_pleach-torch")), 1)
}

/// libtorch has one random generator for the process: what draws from it beside a worker's trainings holds this meanwhile.
pub fn draws() -> MutexGuard<'static, ()> {
    static DRAWS: Mutex<()> = Mutex::new(());
    DRAWS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The answers to a request, of which the last one ends it.
pub fn ask(worker: &mut Worker, request: &WorkerRequest) -> Vec<WorkerAnswer> {
    let _draws = draws();
    let mut answers = Vec::new();
    assert_eq!(worker.answer(request, &mut |answer| answers.push(answer)), Health::Well);
    answers
}

pub struct Trained {
    pub epochs: Vec<(u32, pleach_evaluate::protocol::Metrics)>,
    pub metrics: pleach_evaluate::protocol::Metrics,
    pub digest: String,
    pub parameters: u64,
}

pub fn train_with(worker: &mut Worker, job: &TrainJob) -> Trained {
    let mut answers = ask(worker, &WorkerRequest::Train(Box::new(job.clone())));
    let last = answers.pop().unwrap();
    let epochs = answers.into_iter().map(|answer| match answer {
        WorkerAnswer::Epoch { id, epoch, metrics } if id == job.id => (epoch, metrics),
        other => panic!("expected an epoch, found {other:?}"),
    });
    let epochs = epochs.collect();
    match last {
        WorkerAnswer::Trained { id, metrics, weights_digest, parameters, seconds } => {
            assert!(id == job.id && seconds > 0.0);
            Trained { epochs, metrics, digest: weights_digest, parameters }
        }
        other => panic!("{other:?}"),
    }
}

pub fn train(job: &TrainJob) -> Trained {
    train_with(&mut worker(), job)
}

/// The last answer to a training that fails: its reason, message and detail.
pub fn fail(job: &TrainJob) -> (pleach_evaluate::protocol::FailureReason, String, String) {
    match ask(&mut worker(), &WorkerRequest::Train(Box::new(job.clone()))).pop() {
        Some(WorkerAnswer::Failed { reason, message, detail, .. }) => (reason, message, detail),
        other => panic!("expected a failure, found {other:?}"),
    }
}
