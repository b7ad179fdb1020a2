//! What the engine and a training worker say to each other: one JSON object a line, requests on the worker's standard input,
//! answers on its standard output. Weights travel as safetensors files, named in the messages.
//!
//! The worker works on one request at a time and answers it with any number of `epoch` messages and one final message.

use crate::measure::Measure;
use indexmap::IndexMap;
use pleach_space::Network;
use pleach_spec::{Data, Training};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// The protocol's version; a worker of another version is refused.
pub const PROTOCOL_VERSION: u32 = 3;

/// Metrics by name, in a fixed order.
pub type Metrics = IndexMap<String, f64>;

/// What the engine asks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WorkerRequest {
    /// Train a network.
    Train(Box<TrainJob>),
    /// Measure a trained network.
    Measure(Box<MeasureJob>),
    /// Write a trained network as TorchScript, load it again in a fresh process, and compare outputs.
    TorchScript(Box<TorchScriptJob>),
    /// Measure training speed.
    Benchmark(Box<BenchmarkJob>),
}

/// One training.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TrainJob {
    /// The number that answers carry.
    pub id: u64,
    /// The network in canonical form.
    pub network: Network,
    /// The training recipe; its `epochs` is the length of the schedule.
    pub recipe: Training,
    /// Examples a training step.
    pub batch: usize,
    /// The data.
    pub data: Data,
    /// What paths in `data` are relative to.
    pub data_base: PathBuf,
    /// Folders in which fetched data sets lie.
    pub data_caches: Vec<PathBuf>,
    /// The seed of the split.
    pub split_seed: u64,
    /// The seed of the training: initialization, order of examples, augmentation, dropout.
    pub seed: u64,
    /// The epochs to have trained in the end, at most `recipe.epochs`.
    pub epochs: u32,
    /// The share of the training part that is used.
    pub data_share: f64,
    /// A checkpoint to go on from.
    pub resume: Option<PathBuf>,
    /// Where to write the checkpoint at the end: weights, optimizer, epochs done.
    pub checkpoint: Option<PathBuf>,
    /// Where to keep how far the training has come, in case it is killed.
    #[serde(default)]
    pub progress: Option<Progress>,
    /// Whether to measure on the test part at the end.
    pub test: bool,
    /// What else to measure at the end, on the validation part: as a [`MeasureJob`] on the checkpoint does with the seed
    /// `derive(seed, ["measure"])` and the same batch, to the bit (but for what is unrepeatable).
    #[serde(default)]
    pub measure: Vec<Measure>,
}

/// Checkpoints within a training. Where `file` holds one of this very training, the training goes on from it: the epochs that
/// it has done are told again, and what comes out has the bits of a training that was never interrupted. Who asked removes the
/// file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Progress {
    /// The file.
    pub file: PathBuf,
    /// It is written at the end of an epoch when so many seconds have passed since the training began or it was written last.
    pub seconds: f64,
}

/// A trained network to be measured on the validation part.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MeasureJob {
    /// The number that answers carry.
    pub id: u64,
    /// The network in canonical form.
    pub network: Network,
    /// Its weights: a checkpoint of a training.
    pub weights: PathBuf,
    /// The data.
    pub data: Data,
    /// What paths in `data` are relative to.
    pub data_base: PathBuf,
    /// Folders in which fetched data sets lie.
    pub data_caches: Vec<PathBuf>,
    /// The seed of the split.
    pub split_seed: u64,
    /// The seed of the measurement: noise of corruptions, random starts of attacks. For a network that a [`TrainJob`] trained
    /// it is `derive(seed, ["measure"])` of that job's seed, as a training that measures has it.
    pub seed: u64,
    /// Examples that are attacked at once: those of a training step, whose gradients fit into memory.
    pub batch: usize,
    /// So many examples of the validation part, evenly spread over it; all of them without it.
    pub examples: Option<usize>,
    /// Threads: those of the recipe.
    pub threads: u32,
    /// What to measure.
    pub measure: Vec<Measure>,
}

/// A trained network to be written as TorchScript.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TorchScriptJob {
    /// The number that answers carry.
    pub id: u64,
    /// The network in canonical form.
    pub network: Network,
    /// Its weights.
    pub weights: PathBuf,
    /// The file to write.
    pub file: PathBuf,
}

/// A measurement of training speed on made-up data.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BenchmarkJob {
    /// The number that answers carry.
    pub id: u64,
    /// The network, in canonical form.
    pub network: Network,
    /// The training recipe.
    pub recipe: Training,
    /// Examples a step.
    pub batch: usize,
    /// Counted steps.
    pub steps: u32,
    /// Steps before counting.
    pub warm_up: u32,
    /// Threads.
    pub threads: u32,
}

/// What a worker says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WorkerAnswer {
    /// Said once at the start.
    Hello(Hello),
    /// One epoch of a training is done.
    Epoch {
        /// The request.
        id: u64,
        /// The epoch, from 1.
        epoch: u32,
        /// `loss`, `accuracy` on the validation part (where it is not empty), `train_loss`, `train_accuracy`.
        metrics: Metrics,
    },
    /// A training is done.
    Trained {
        /// The request.
        id: u64,
        /// The last epoch's metrics, `test_loss`, `test_accuracy` where asked for, and those of `measure`.
        metrics: Metrics,
        /// BLAKE3 of all tensors in order, in hexadecimal digits: two trainings with equal bits have equal digests.
        weights_digest: String,
        /// Trainable parameters as libtorch counts them.
        parameters: u64,
        /// Real seconds taken.
        seconds: f64,
    },
    /// A network is measured.
    Measured {
        /// The request.
        id: u64,
        /// The metrics by the names that [`Measure::metrics`] gives, and `accuracy` and `loss` on the examples as they are.
        metrics: Metrics,
        /// Real seconds taken.
        seconds: f64,
    },
    /// A TorchScript file is written and checked.
    TorchScriptWritten {
        /// The request.
        id: u64,
        /// The largest difference between the outputs of the trained and of the loaded network.
        largest_difference: f64,
    },
    /// Training speed.
    Benchmarked {
        /// The request.
        id: u64,
        /// Images per second of training.
        images_per_second: f64,
        /// Seconds of each counted step.
        step_seconds: Vec<f64>,
    },
    /// The request failed; the worker is ready for the next one.
    Failed {
        /// The request.
        id: u64,
        /// Why.
        reason: FailureReason,
        /// The same on every machine.
        message: String,
        /// What is of this machine only, for the record.
        detail: String,
    },
}

/// What a worker is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    /// The protocol that it speaks.
    pub protocol: u32,
    /// The version of libtorch.
    pub libtorch: String,
    /// `cpu` or `cuda`.
    pub device: String,
    /// The device's name, for the record.
    pub device_name: String,
    /// Rises whenever training gives other bits than before.
    pub training_semantics: u32,
}

/// Why an evaluation failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureReason {
    /// The candidate cannot be built or breaks a hard requirement.
    Infeasible,
    /// A loss that is not finite.
    Diverged,
    /// Memory ran out.
    OutOfMemory,
    /// Took too long.
    TimedOut,
    /// The worker was lost.
    Lost,
}
