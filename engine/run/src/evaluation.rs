//! From a candidate to a job of a real worker, and back: recipes, seeds, trial keys, the cache.

mod absorb;
mod command;
mod measuring;
mod training;

use crate::activity::Working;
use crate::error::RunError;
use crate::events::Event;
use crate::measures::Measures;
use crate::outcome::{Evaluated, Values, of_machine};
use crate::part::Part;
use crate::prepared::{CACHE, Material, Prepared, RunOptions, Source};
use crate::score::Scorer;
use crate::session::Session;
use indexmap::IndexMap;
use pleach_evaluate::protocol::{Hello, MeasureJob, TrainJob};
use pleach_evaluate::{Ask, CommandJob, Done, Evaluation, Job, Pool, PoolEvent, PoolOptions, Work, Worker};
use pleach_random::derive;
use pleach_space::{Built, Costs, Network, Space};
use pleach_spec::{Adversarial, Data, Precision};
use pleach_store::{Cache, CacheEntry, Failure, Metrics, Outcome, Put};
use serde_json::{Value, json};
use std::collections::{BTreeSet, HashMap};
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

/// The metrics of which a training has a value every epoch.
pub const CURVES: [&str; 4] = ["loss", "accuracy", "train_loss", "train_accuracy"];

/// How often waiting looks whether to stop.
const PATIENCE: Duration = Duration::from_millis(50);

/// Forward pass, and twice as much backwards.
const PASSES: f64 = 3.0;

/// What a candidate costs that a program is not asked about, where a full evaluation costs 1.
const COMMAND_PROXY: f64 = 1e-3;

/// The name under which the cache keeps what was measured on the test part.
const TEST: &str = "test";

/// What is wanted of an evaluation.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'g> {
    /// The space that the genotype is of.
    pub space: &'g Space,
    /// The full genotype.
    pub genotype: &'g [f64],
    /// The share of the full training budget.
    pub fidelity: f64,
    /// The repetition, from 0.
    pub repeat: u32,
    /// Whether weights are kept and the test part is measured.
    pub last: bool,
    /// What is measured at the end of a training.
    pub measures: &'g Measures,
    /// Whether later trainings may go on from this one.
    pub resumable: bool,
    /// The training that this one goes on from.
    pub resumed: Option<Resumed<'g>>,
}

/// An earlier part of a training.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Resumed<'g> {
    /// The share of the full training budget that it had.
    pub fidelity: f64,
    /// Its trial key.
    pub key: &'g str,
}

/// Trained weights to be measured.
#[derive(Debug, Clone, Copy)]
pub struct Weights<'g> {
    /// The space that the genotype is of.
    pub space: &'g Space,
    /// The full genotype.
    pub genotype: &'g [f64],
    /// The repetition, from 0.
    pub repeat: u32,
    /// The trial key of the training.
    pub key: &'g str,
    /// The file.
    pub file: &'g std::path::Path,
    /// What is measured.
    pub measures: &'g Measures,
}

/// What is known at once of an evaluation.
#[derive(Debug)]
pub struct Opened {
    /// Its virtual cost.
    pub cost: f64,
    /// The trial key.
    pub key: Option<String>,
    /// Why it cannot be evaluated at all.
    pub infeasible: Option<String>,
}

/// An evaluation that ended.
#[derive(Debug, Clone)]
pub struct Closed {
    /// Metrics on validation data, and costs; or why there are none.
    pub evaluated: Evaluated,
    /// Metrics on the test part, where they were wanted.
    pub test: Metrics,
    /// The file of weights, where they were wanted.
    pub weights: Option<PathBuf>,
}

/// Evaluates in processes: trainings in libtorch workers, or runs of the user's program. Equal keys are evaluated once.
pub struct Evaluations<'a> {
    prepared: &'a Prepared,
    material: &'a Material,
    options: &'a RunOptions,
    scorer: &'a Scorer,
    cache: Cache,
    hello: Option<Hello>,
    pool: Option<(Pool, Receiver<PoolEvent>)>,
    /// Jobs of real workers, by their numbers.
    running: HashMap<u64, Running>,
    /// Of each of them, the epochs that have ended and those that there will be.
    epochs: HashMap<u64, (u32, Option<u32>)>,
    /// What waits for which, by ticket.
    open: HashMap<u64, Open>,
    next_job: u64,
    proxy_cost: f64,
    /// Keys whose weights are kept only while trainings may go on from them.
    temporary: BTreeSet<String>,
}

impl std::fmt::Debug for Evaluations<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Evaluations")
            .field("hello", &self.hello)
            .field("running", &self.running)
            .finish_non_exhaustive()
    }
}

/// A job of a real worker.
#[derive(Debug)]
struct Running {
    key: String,
    purpose: Purpose,
    measures: Measures,
    tickets: Vec<u64>,
}

/// What a job of a real worker is for.
#[derive(Debug)]
enum Purpose {
    /// A training, or a run of the user's program.
    Evaluate {
        document: Value,
        checkpoint: Option<PathBuf>,
        /// Whether the test part is measured.
        last: bool,
        /// The digest of weights that an earlier training of this key had.
        expected: Option<String>,
        /// The epochs of the training that it goes on from.
        before: Vec<Metrics>,
        /// Of a training that goes on: the same from fresh weights, in case the earlier ones cannot be used.
        anew: Option<Box<TrainJob>>,
    },
    /// Measurements on weights that are there.
    Measure {
        /// What the weights' training measured, where it is wanted too.
        trained: Option<Box<Closed>>,
    },
}

/// An evaluation on its way.
#[derive(Debug)]
enum Open {
    /// A job works on it.
    Waiting { costs: Option<Costs> },
    /// It is there.
    Ready(Box<Closed>),
}

impl<'a> Evaluations<'a> {
    /// Evaluations of a prepared experiment; no process starts before it is needed.
    ///
    /// # Errors
    /// The cache cannot be used.
    pub fn new(
        prepared: &'a Prepared,
        material: &'a Material,
        options: &'a RunOptions,
        scorer: &'a Scorer,
    ) -> Result<Self, RunError> {
        let cache = Cache::open(&options.root.join(CACHE))?.at(options.time)?;
        let mut evaluations = Self {
            prepared,
            material,
            options,
            scorer,
            cache,
            hello: None,
            pool: None,
            running: HashMap::new(),
            epochs: HashMap::new(),
            open: HashMap::new(),
            next_job: 0,
            proxy_cost: 1.0,
            temporary: BTreeSet::new(),
        };
        evaluations.proxy_cost = evaluations.batch_cost();
        Ok(evaluations)
    }

    /// What the workers are that train; none where nothing is trained.
    ///
    /// # Errors
    /// No worker can be started.
    pub fn introduced(&mut self) -> Result<Option<&Hello>, RunError> {
        match self.material.source {
            Source::Libtorch(_) => self.start_hello().map(Some),
            Source::Command { .. } | Source::Table(_) => Ok(None),
        }
    }

    /// The metrics of which there is a value every epoch.
    pub fn curves(&self) -> Vec<String> {
        match self.material.source {
            Source::Libtorch(_) => CURVES.map(str::to_owned).to_vec(),
            Source::Command { .. } | Source::Table(_) => Vec::new(),
        }
    }

    /// One batch through the space's default network: what a candidate costs that cannot be trained.
    fn batch_cost(&self) -> f64 {
        let space = &self.prepared.space;
        let Source::Libtorch(data) = &self.material.source else { return 1.0 };
        let built = space.build(&space.defaults());
        built.map_or(1.0, |built| (built.costs.live_flops as f64 * PASSES * data.batch as f64).max(1.0))
    }

    /// Begins an evaluation under a number that is free, where `allow` says so of its cost; none where it does not.
    ///
    /// # Errors
    /// Evaluation cannot go on.
    pub fn open(
        &mut self,
        ticket: u64,
        wanted: Wanted<'_>,
        allow: &mut dyn FnMut(f64) -> bool,
    ) -> Result<Option<Opened>, RunError> {
        let material = self.material;
        match &material.source {
            Source::Libtorch(data) => self.open_training(ticket, wanted, data, allow),
            Source::Command { digest, .. } => self.open_command(ticket, wanted, digest, allow),
            Source::Table(_) => unreachable!("a table is asked in memory"),
        }
    }

    /// Takes note of weights that another sitting kept for trainings to go on from.
    pub fn recall_temporary_weights(&mut self, key: &str) {
        self.temporary.insert(key.to_owned());
    }

    /// Forgets weights that were kept only for trainings to go on from: what a `train` step made stays.
    ///
    /// # Errors
    /// The cache cannot be used.
    pub fn forget_temporary_weights(&mut self) -> Result<(), RunError> {
        for key in std::mem::take(&mut self.temporary) {
            if !self.cache.measurements(&key)?.contains_key(TEST) {
                self.cache.remove_weights(&key)?;
            }
        }
        Ok(())
    }

    /// The seed of a training: never of the step, the trial or the space.
    fn training_seed(&self, repeat: u32) -> u64 {
        derive(self.prepared.experiment.seed, &["train", &repeat.to_string()])
    }

    /// What the workers are: keys depend on it, so one is asked before the first key.
    fn start_hello(&mut self) -> Result<&Hello, RunError> {
        if self.hello.is_none() {
            let mut program = self.options.worker.clone();
            program.environment.extend(self.options.environments.first().cloned().unwrap_or_default());
            // A second time where the first fails: a machine may be short of something for a moment.
            let worker = Worker::start(&program).or_else(|_| Worker::start(&program));
            let worker = worker.map_err(|error| no_worker(&error))?;
            self.hello = Some(worker.hello().clone());
        }
        Ok(self.hello.as_ref().expect("it was just set"))
    }

    fn submit(&mut self, running: Running, work: Work) {
        let (pool, _) = self.pool.get_or_insert_with(|| {
            let (sender, receiver) = channel();
            let program = match &self.material.source {
                Source::Command { program, .. } => program.clone(),
                Source::Libtorch(_) | Source::Table(_) => self.options.worker.clone(),
            };
            let (workers, environments) = (self.options.workers, self.options.environments.clone());
            (Pool::start(PoolOptions { workers, program, environments }, sender), receiver)
        });
        let id = self.next_job;
        self.next_job += 1;
        self.running.insert(id, running);
        let epochs = match &work {
            Work::Train(job) => Some(job.epochs),
            Work::Measure(_) | Work::Command(_) => None,
        };
        self.epochs.insert(id, (0, epochs));
        let limits = &self.prepared.experiment.limits;
        pool.submit(Job { id, work, limit: limits.trial.map(|time| time.0), retries: limits.retries });
    }

    /// Waits until an evaluation is there.
    ///
    /// # Errors
    /// Evaluation cannot go on, or the run is to stop.
    pub fn close(&mut self, step: &str, ticket: u64, session: &mut Session<'_>) -> Result<Closed, RunError> {
        loop {
            if let Some(Open::Ready(_)) = self.open.get(&ticket) {
                let Some(Open::Ready(closed)) = self.open.remove(&ticket) else { unreachable!("it was just seen") };
                return Ok(*closed);
            }
            session.check_interrupt()?;
            self.receive(step, session)?;
        }
    }

    /// What each worker does.
    fn working(&self, pool: &Pool) -> Vec<Working> {
        let doing = |(worker, job): (usize, Option<u64>)| {
            let known = job.and_then(|job| Some((self.running.get(&job)?, self.epochs.get(&job)?)));
            let trial = known.and_then(|(job, _)| job.tickets.first().copied());
            let (epoch, epochs) = known.map_or((0, None), |(_, epochs)| *epochs);
            Working { worker, trial, epoch, epochs }
        };
        pool.busy().into_iter().enumerate().map(doing).collect()
    }

    /// Takes one event of the workers, or none after a while.
    fn receive(&mut self, step: &str, session: &mut Session<'_>) -> Result<(), RunError> {
        let (pool, receiver) = self.pool.as_ref().expect("what is waited for was submitted");
        if session.wants_activity() {
            session.emit(&Event::Activity { step, workers: &self.working(pool) })?;
        }
        let event = match receiver.recv_timeout(PATIENCE) {
            Ok(event) => event,
            Err(RecvTimeoutError::Timeout) => return Ok(()),
            Err(RecvTimeoutError::Disconnected) => {
                return Err(RunError::Evaluation { message: "the workers are gone".to_owned() });
            }
        };
        match event {
            PoolEvent::Epoch { id, epoch, metrics } => {
                if let Some((ended, _)) = self.epochs.get_mut(&id) {
                    *ended = epoch;
                }
                if let Some(ticket) = self.running.get(&id).and_then(|job| job.tickets.first()) {
                    session.emit(&Event::Epoch { step, id: *ticket, epoch, metrics: &metrics })?;
                }
            }
            PoolEvent::Done(done) => {
                self.epochs.remove(&done.id);
                self.absorb(step, done, session)?;
            }
            PoolEvent::WorkerStarted { hello, .. } => {
                let known = self.hello.get_or_insert_with(|| hello.clone());
                if (known.libtorch.as_str(), known.device.as_str()) != (hello.libtorch.as_str(), hello.device.as_str())
                {
                    let message = format!(
                        "workers differ: one has libtorch {} on {}, another {} on {}; results would depend on chance",
                        known.libtorch, known.device, hello.libtorch, hello.device
                    );
                    return Err(RunError::Evaluation { message });
                }
            }
            PoolEvent::WorkerLost { worker, id, error, again } => {
                let trial = self.running.get(&id).and_then(|job| job.tickets.first());
                let trial = trial.map_or_else(|| "a trial".to_owned(), |trial| format!("trial {trial}"));
                let then = if again { "it is tried again" } else { "it has failed" };
                let message = format!("{trial} on worker {worker}: {error}; {then}");
                session.emit(&Event::Log { step, level: "warn", message: &message })?;
            }
            PoolEvent::CannotStart(error) => return Err(no_worker(&error)),
        }
        Ok(())
    }
}

fn no_worker(error: &pleach_evaluate::WorkerError) -> RunError {
    RunError::NoWorker { message: error.to_string() }
}

fn infeasible(message: String, cost: f64, allow: &mut dyn FnMut(f64) -> bool) -> Option<Opened> {
    allow(cost).then_some(Opened { cost, key: None, infeasible: Some(message) })
}

/// The first hard requirement that a network breaks, in words.
fn broken(built: &Built, requirements: &[pleach_spec::Requirement]) -> Option<String> {
    requirements.iter().find_map(|requirement| {
        let value = built.costs.metric(&requirement.metric.to_string())?;
        (requirement.violation(value) > 0.0)
            .then(|| format!("breaks `{requirement}`: {} is {value}", requirement.metric))
    })
}

fn with_costs(mut metrics: Metrics, costs: Option<Costs>) -> Values {
    if let Some(costs) = costs {
        for name in Costs::NAMES {
            if let Some(value) = costs.metric(name) {
                metrics.insert(name.to_owned(), value);
            }
        }
    }
    Values::Named(metrics)
}
