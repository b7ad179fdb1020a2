//! What every evaluator has in common: a job goes in, an evaluation or a failure comes out.

use crate::command::CommandJob;
use crate::protocol::{FailureReason, MeasureJob, Metrics, TrainJob};
use std::time::Duration;

/// One evaluation to be made.
#[derive(Debug, Clone, PartialEq)]
pub struct Job {
    /// The number that the outcome carries.
    pub id: u64,
    /// What is to be done.
    pub work: Work,
    /// After so long the job is stopped; never, unless told.
    pub limit: Option<Duration>,
    /// How often the job is tried again where its worker is lost, runs out of memory or takes too long.
    pub retries: u32,
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq)]
pub enum Work {
    /// A training in a worker process. The pool puts the job's own id into the message.
    Train(Box<TrainJob>),
    /// Measurements of trained weights in a worker process. The pool puts the job's own id into the message.
    Measure(Box<MeasureJob>),
    /// One run of the user's program.
    Command(Box<CommandJob>),
}

/// The outcome of a job.
#[derive(Debug, Clone, PartialEq)]
pub struct Done {
    /// The job.
    pub id: u64,
    /// What came out.
    pub result: Result<Evaluation, Failure>,
    /// Real seconds of the attempt that gave the result, the start of a process included; for the record only.
    pub seconds: f64,
    /// The worker, from 0; for the record only.
    pub worker: usize,
}

/// What an evaluation measured.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Evaluation {
    /// The metrics at the end; all are finite.
    pub metrics: Metrics,
    /// The metrics after each epoch told, in order.
    pub curves: Vec<Metrics>,
    /// The epoch of the first entry of `curves`: above 1 where a training went on from a checkpoint.
    pub first_epoch: u32,
    /// BLAKE3 of all trained weights in hexadecimal digits; trainings in a worker have it.
    pub weights_digest: Option<String>,
    /// Trainable parameters as libtorch counts them; trainings in a worker have it.
    pub parameters: Option<u64>,
}

/// Why there is no evaluation.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Failure {
    /// The kind of failure.
    pub reason: FailureReason,
    /// What happened, in words that are the same on every machine.
    pub message: String,
    /// What is of this machine only, such as the end of what a program wrote on its standard error; for the record.
    pub detail: String,
}

impl Failure {
    /// A failure without details.
    pub fn new(reason: FailureReason, message: impl Into<String>) -> Failure {
        Failure { reason, message: message.into(), detail: String::new() }
    }
}
