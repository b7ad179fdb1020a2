use crate::data::DataSet;
use crate::device::device_name;
use crate::{Failure, TRAINING_SEMANTICS, benchmark, measure, native, torchscript, training};
use pleach_evaluate::protocol::{FailureReason, Hello, PROTOCOL_VERSION, TrainJob, WorkerAnswer, WorkerRequest};
use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::time::Instant;
use tch::Device;

/// Answers requests on one device. Data stay on the device from one training to the next.
#[derive(Debug)]
pub struct Worker {
    device: Device,
    program: PathBuf,
    threads: u32,
    data: Option<DataSet>,
}

/// Whether a worker can go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Health {
    /// It takes the next request.
    Well,
    /// Its device answers nothing any more: only a new process helps.
    Broken,
}

impl Worker {
    /// A worker on a device. `program` is the worker's own executable, by which TorchScript files are checked in a fresh
    /// process; `threads` is for requests that do not say theirs.
    pub fn new(device: Device, program: PathBuf, threads: u32) -> Worker {
        Worker { device, program, threads, data: None }
    }

    /// What the worker is.
    pub fn hello(&self) -> Hello {
        Hello {
            protocol: PROTOCOL_VERSION,
            libtorch: native::libtorch_version(),
            device: if self.device.is_cuda() { "cuda" } else { "cpu" }.to_owned(),
            device_name: device_name(self.device),
            training_semantics: TRAINING_SEMANTICS,
        }
    }

    /// Answers a request with any number of messages, the last of which ends it.
    pub fn answer(&mut self, request: &WorkerRequest, say: &mut dyn FnMut(WorkerAnswer)) -> Health {
        let id = match request {
            WorkerRequest::Train(job) => job.id,
            WorkerRequest::Measure(job) => job.id,
            WorkerRequest::TorchScript(job) => job.id,
            WorkerRequest::Benchmark(job) => job.id,
        };
        // A few functions of `tch` panic where libtorch fails; the next request must not suffer from it.
        let result = catch_unwind(AssertUnwindSafe(|| match request {
            WorkerRequest::Train(job) => self.train(job, say),
            WorkerRequest::Measure(job) => {
                let start = Instant::now();
                let metrics = measure::run(job, self.device, &mut self.data)?;
                Ok(WorkerAnswer::Measured { id, metrics, seconds: start.elapsed().as_secs_f64() })
            }
            WorkerRequest::TorchScript(job) => {
                let largest_difference = torchscript::write(job, &self.program, self.threads)?;
                Ok(WorkerAnswer::TorchScriptWritten { id, largest_difference })
            }
            WorkerRequest::Benchmark(job) => {
                let step_seconds = benchmark::run(job, self.device)?;
                let images = step_seconds.len() as f64 * job.batch as f64;
                let images_per_second = images / step_seconds.iter().sum::<f64>().max(f64::MIN_POSITIVE);
                Ok(WorkerAnswer::Benchmarked { id, images_per_second, step_seconds })
            }
        }));
        let failure = match result {
            Ok(Ok(answer)) => {
                say(answer);
                return Health::Well;
            }
            Ok(Err(failure)) => failure,
            Err(panic) => Failure::of_libtorch(&text_of(&*panic)),
        };
        if failure.reason == FailureReason::OutOfMemory {
            self.data = None;
            training::clean_up(self.device);
        }
        let Failure { reason, message, detail, fatal } = failure;
        say(WorkerAnswer::Failed { id, reason, message, detail });
        if fatal { Health::Broken } else { Health::Well }
    }

    fn train(&mut self, job: &TrainJob, say: &mut dyn FnMut(WorkerAnswer)) -> Result<WorkerAnswer, Failure> {
        let _alone = training::alone(job.recipe.threads);
        let start = Instant::now();
        let id = job.id;
        let outcome = training::train(job, self.device, &mut self.data, |epoch, metrics| {
            say(WorkerAnswer::Epoch { id, epoch, metrics: metrics.clone() });
        })?;
        let training::Outcome { metrics, weights_digest, parameters } = outcome;
        Ok(WorkerAnswer::Trained { id, metrics, weights_digest, parameters, seconds: start.elapsed().as_secs_f64() })
    }
}

fn text_of(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().cloned();
    text.or_else(|| panic.downcast_ref::<&str>().map(|&text| text.to_owned())).unwrap_or_else(|| "a panic".to_owned())
}
