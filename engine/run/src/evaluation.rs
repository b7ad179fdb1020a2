//! From a candidate to a job of a real worker, and back: recipes, seeds, trial keys, the cache.

use crate::error::RunError;
use crate::events::Event;
use crate::outcome::{Evaluated, Values, of_machine};
use crate::prepared::{Material, Prepared, RunOptions, Source};
use crate::score::Scorer;
use crate::session::Session;
use pleach_evaluate::protocol::{Hello, TrainJob};
use pleach_evaluate::{Ask, CommandJob, Done, Job, Pool, PoolEvent, PoolOptions, Work, Worker};
use pleach_random::derive;
use pleach_space::{Built, Costs, Network};
use pleach_spec::{Data, FidelityBy, FidelitySchedule, Precision, Training};
use pleach_store::{Cache, CacheEntry, Failure, Metrics, Outcome, Put};
use serde_json::{Value, json};
use std::collections::HashMap;
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
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Wanted<'g> {
    /// The full genotype.
    pub genotype: &'g [f64],
    /// The share of the full training budget.
    pub fidelity: f64,
    /// The repetition, from 0.
    pub repeat: u32,
    /// Whether weights are kept and the test part is measured.
    pub last: bool,
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
    /// What waits for which, by ticket.
    open: HashMap<u64, Open>,
    next_job: u64,
    proxy_cost: f64,
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
    document: Value,
    checkpoint: Option<PathBuf>,
    /// The digest of weights that an earlier training of this key had.
    expected: Option<String>,
    tickets: Vec<u64>,
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
        let cache = Cache::open(&options.root.join(".cache"))?;
        let mut evaluations = Self {
            prepared,
            material,
            options,
            scorer,
            cache,
            hello: None,
            pool: None,
            running: HashMap::new(),
            open: HashMap::new(),
            next_job: 0,
            proxy_cost: 1.0,
        };
        evaluations.proxy_cost = evaluations.batch_cost();
        Ok(evaluations)
    }

    /// What the workers are, once one has started.
    pub fn hello(&self) -> Option<&Hello> {
        self.hello.as_ref()
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

    fn open_training(
        &mut self,
        ticket: u64,
        wanted: Wanted<'_>,
        data: &Data,
        allow: &mut dyn FnMut(f64) -> bool,
    ) -> Result<Option<Opened>, RunError> {
        let space = &self.prepared.space;
        let built = match space.build(wanted.genotype) {
            Ok(built) => built,
            Err(problem) => return Ok(infeasible(problem.message, self.proxy_cost, allow)),
        };
        if let Some(message) = broken(&built, space.requirements()) {
            return Ok(infeasible(message, self.proxy_cost, allow));
        }
        let recipe = match space.training(wanted.genotype) {
            Ok(recipe) => recipe,
            Err(problem) => return Ok(infeasible(problem.message, self.proxy_cost, allow)),
        };
        let part = Part::of(&self.prepared.experiment.fidelity, recipe, wanted.fidelity);
        let examples = (self.material.training_examples as f64 * part.data_share).ceil();
        let cost = built.costs.live_flops as f64 * PASSES * examples * f64::from(part.epochs);
        if !allow(cost) {
            return Ok(None);
        }
        let document = self.training_document(&built.network, &part, data, wanted.repeat)?;
        let key = pleach_store::key(&document);
        let costs = Some(built.costs);
        let known = self.cache.get(&key)?;
        if let Some(closed) = self.cached(&key, known.as_ref(), costs, wanted.last)? {
            self.open.insert(ticket, Open::Ready(Box::new(closed)));
            return Ok(Some(Opened { cost, key: Some(key), infeasible: None }));
        }
        self.open.insert(ticket, Open::Waiting { costs });
        if self.join(&key, ticket, wanted.last) {
            return Ok(Some(Opened { cost, key: Some(key), infeasible: None }));
        }
        // Of this process alone: another run below the same root may train the same key.
        let file = format!("training-{key}-{}.safetensors", self.options.holder.process);
        let checkpoint = wanted.last.then(|| self.cache.folder().join(file));
        let job = TrainJob {
            id: 0,
            network: built.network,
            batch: part.recipe.batch.unwrap_or(data.batch),
            recipe: part.recipe,
            data: data.clone(),
            data_base: self.prepared.base.clone(),
            data_caches: self.prepared.data_caches.clone(),
            split_seed: self.prepared.split_seed(),
            seed: self.training_seed(wanted.repeat),
            epochs: part.epochs,
            data_share: part.data_share,
            resume: None,
            checkpoint: checkpoint.clone(),
            test: wanted.last,
            measure: Vec::new(),
        };
        let expected = known.and_then(|entry| entry.tensors);
        let running = Running { key: key.clone(), document, checkpoint, expected, tickets: vec![ticket] };
        self.submit(running, Work::Train(Box::new(job)));
        Ok(Some(Opened { cost, key: Some(key), infeasible: None }))
    }

    fn open_command(
        &mut self,
        ticket: u64,
        wanted: Wanted<'_>,
        digest: &str,
        allow: &mut dyn FnMut(f64) -> bool,
    ) -> Result<Option<Opened>, RunError> {
        let space = &self.prepared.space;
        let costs = match space.has_network().then(|| space.build(wanted.genotype)) {
            None => None,
            Some(Ok(built)) => match broken(&built, space.requirements()) {
                Some(message) => return Ok(infeasible(message, COMMAND_PROXY, allow)),
                None => Some(built.costs),
            },
            Some(Err(problem)) => return Ok(infeasible(problem.message, COMMAND_PROXY, allow)),
        };
        if !allow(wanted.fidelity) {
            return Ok(None);
        }
        let known_without = |name: &String| costs.is_none_or(|costs| costs.metric(name).is_none());
        let metrics: Vec<String> = self.scorer.metrics().into_iter().filter(known_without).collect();
        let seed = self.training_seed(wanted.repeat);
        let ask = Ask { fidelity: wanted.fidelity, seed, repeat: wanted.repeat, metrics };
        let job = CommandJob::new(space.decisions(), wanted.genotype, &space.resolved(wanted.genotype), ask);
        let document = json!({
            "evaluator": {"command": digest},
            "candidate": job.candidate,
            "run_seed": self.prepared.experiment.seed,
            "data": self.material.data_digest,
        });
        let key = pleach_store::key(&document);
        let known = self.cache.get(&key)?;
        if let Some(closed) = self.cached(&key, known.as_ref(), costs, false)? {
            self.open.insert(ticket, Open::Ready(Box::new(closed)));
        } else {
            self.open.insert(ticket, Open::Waiting { costs });
            if !self.join(&key, ticket, false) {
                let running =
                    Running { key: key.clone(), document, checkpoint: None, expected: None, tickets: vec![ticket] };
                self.submit(running, Work::Command(Box::new(job)));
            }
        }
        Ok(Some(Opened { cost: wanted.fidelity, key: Some(key), infeasible: None }))
    }

    /// The seed of a training: never of the step, the trial or the space.
    fn training_seed(&self, repeat: u32) -> u64 {
        derive(self.prepared.experiment.seed, &["train", &repeat.to_string()])
    }

    /// All that a training's result depends on.
    fn training_document(
        &mut self,
        network: &Network,
        part: &Part,
        data: &Data,
        repeat: u32,
    ) -> Result<Value, RunError> {
        // Not the paths of layers: the same network of another space is the same.
        let nodes: Vec<Value> = network.nodes.iter().map(|node| json!([node.op, node.inputs, node.shape])).collect();
        let seed = self.prepared.experiment.seed;
        let digest = self.material.data_digest.clone();
        let hello = self.start_hello()?;
        Ok(json!({
            "evaluator": "libtorch",
            "network": {"nodes": nodes, "output": network.output},
            "recipe": part.recipe,
            "batch": part.recipe.batch.unwrap_or(data.batch),
            "epochs": part.epochs,
            "data_share": part.data_share,
            "data": digest,
            "split": data.split,
            "run_seed": seed,
            "repeat": repeat,
            "origin": "fresh",
            "threads": part.recipe.threads,
            "precision": match part.recipe.precision { Precision::Full => "full", Precision::Mixed => "mixed" },
            "device": hello.device,
            "libtorch": hello.libtorch,
            "training_semantics": hello.training_semantics,
        }))
    }

    /// What the workers are: keys depend on it, so one is asked before the first key.
    fn start_hello(&mut self) -> Result<&Hello, RunError> {
        if self.hello.is_none() {
            let mut program = self.options.worker.clone();
            program.environment.extend(self.options.environments.first().cloned().unwrap_or_default());
            let worker = Worker::start(&program).map_err(|error| no_worker(&error))?;
            self.hello = Some(worker.hello().clone());
        }
        Ok(self.hello.as_ref().expect("it was just set"))
    }

    fn cached(
        &self,
        key: &str,
        known: Option<&CacheEntry>,
        costs: Option<Costs>,
        last: bool,
    ) -> Result<Option<Closed>, RunError> {
        let Some(entry) = known else { return Ok(None) };
        let result = match &entry.outcome {
            Outcome::Measured(metrics) => Ok(with_costs(metrics.clone(), costs)),
            Outcome::Failed(failure) => Err(failure.clone()),
            Outcome::Running => return Ok(None),
        };
        let (mut test, mut weights) = (Metrics::new(), None);
        if last && result.is_ok() {
            weights = self.cache.weights(key)?;
            let Some(measured) = self.cache.measurements(key)?.swap_remove(TEST) else { return Ok(None) };
            if weights.is_none() {
                return Ok(None);
            }
            test = measured;
        }
        let evaluated = Evaluated { result, curves: entry.curves.clone(), cached: true, seconds: 0.0, worker: None };
        Ok(Some(Closed { evaluated, test, weights }))
    }

    /// Waits for a job of the same key, where there is one that gives all that is wanted.
    fn join(&mut self, key: &str, ticket: u64, last: bool) -> bool {
        let same = self.running.values_mut().find(|job| job.key == key && (!last || job.checkpoint.is_some()));
        same.map(|job| job.tickets.push(ticket)).is_some()
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
        pool.submit(Job { id, work, limit: self.options.limit });
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

    /// Takes one event of the workers, or none after a while.
    fn receive(&mut self, step: &str, session: &mut Session<'_>) -> Result<(), RunError> {
        let (_, receiver) = self.pool.as_ref().expect("what is waited for was submitted");
        let event = match receiver.recv_timeout(PATIENCE) {
            Ok(event) => event,
            Err(RecvTimeoutError::Timeout) => return Ok(()),
            Err(RecvTimeoutError::Disconnected) => {
                return Err(RunError::Evaluation { message: "the workers are gone".to_owned() });
            }
        };
        match event {
            PoolEvent::Epoch { id, epoch, metrics } => {
                if let Some(ticket) = self.running.get(&id).and_then(|job| job.tickets.first()) {
                    session.emit(&Event::Epoch { step, id: *ticket, epoch, metrics: &metrics })?;
                }
            }
            PoolEvent::Done(done) => self.absorb(step, done, session)?,
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
            PoolEvent::WorkerLost { worker, error, .. } => {
                let message = format!("worker {worker}: {error}; its trial is tried again");
                session.emit(&Event::Log { step, level: "warn", message: &message })?;
            }
            PoolEvent::CannotStart(error) => return Err(no_worker(&error)),
        }
        Ok(())
    }

    /// Keeps a result and hands it to all that wait for it.
    fn absorb(&mut self, step: &str, done: Done, session: &mut Session<'_>) -> Result<(), RunError> {
        let Some(job) = self.running.remove(&done.id) else { return Ok(()) };
        let mut test = Metrics::new();
        let mut weights = None;
        let (outcome, curves, tensors) = match done.result {
            Ok(evaluation) => {
                let mut metrics = Metrics::new();
                for (name, value) in evaluation.metrics {
                    match name.strip_prefix("test_") {
                        Some(measured) if job.checkpoint.is_some() => drop(test.insert(measured.to_owned(), value)),
                        _ => drop(metrics.insert(name, value)),
                    }
                }
                (Outcome::Measured(metrics), evaluation.curves, evaluation.weights_digest)
            }
            Err(failure) => {
                let reason = serde_json::to_value(failure.reason).ok();
                let reason = reason.and_then(|word| word.as_str().map(str::to_owned)).unwrap_or_default();
                let failure = Failure { reason, message: failure.message, detail: failure.detail };
                (Outcome::Failed(failure), Vec::new(), None)
            }
        };
        if let (Some(expected), Some(found)) = (&job.expected, &tensors)
            && expected != found
        {
            let detail =
                format!("its weights have the digest {found}, an earlier training of the same key had {expected}");
            let what = format!("a training of step `{step}` (key {})", &job.key[..12]);
            if self.hello.as_ref().is_none_or(|hello| hello.device == "cpu") {
                return Err(RunError::NotReproduced { what, detail });
            }
            let message = format!("{what} did not reproduce: {detail}");
            session.emit(&Event::Log { step, level: "warn", message: &message })?;
        }
        let cacheable = match &outcome {
            Outcome::Measured(_) => true,
            Outcome::Failed(failure) => !of_machine(&failure.reason),
            Outcome::Running => false,
        };
        if cacheable {
            let entry = CacheEntry {
                key: job.key.clone(),
                document: job.document,
                outcome: outcome.clone(),
                curves: curves.clone(),
                tensors,
                seconds: done.seconds,
            };
            // What is known stays; whether the weights are equal was looked at above.
            let (Put::New | Put::Known(_)) = self.cache.put(&entry)?;
        }
        if let Some(checkpoint) = &job.checkpoint
            && matches!(outcome, Outcome::Measured(_))
        {
            self.cache.put_measurement(&job.key, TEST, &test)?;
            self.cache.put_weights(&job.key, checkpoint)?;
            weights = self.cache.weights(&job.key)?;
            std::fs::remove_file(checkpoint).map_err(|source| RunError::File { path: checkpoint.clone(), source })?;
        }
        for (place, ticket) in job.tickets.iter().enumerate() {
            let costs = match self.open.get(ticket) {
                Some(Open::Waiting { costs }) => *costs,
                _ => continue,
            };
            let result = match &outcome {
                Outcome::Measured(metrics) => Ok(with_costs(metrics.clone(), costs)),
                Outcome::Failed(failure) => Err(failure.clone()),
                Outcome::Running => continue,
            };
            let evaluated = Evaluated {
                result,
                curves: curves.clone(),
                cached: place > 0,
                seconds: if place == 0 { done.seconds } else { 0.0 },
                worker: (place == 0).then(|| format!("worker {}", done.worker)),
            };
            let closed = Closed { evaluated, test: test.clone(), weights: weights.clone() };
            self.open.insert(*ticket, Open::Ready(Box::new(closed)));
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

/// The part of a training that a fidelity asks for.
#[derive(Debug, Clone, PartialEq)]
struct Part {
    recipe: Training,
    epochs: u32,
    data_share: f64,
}

impl Part {
    fn of(meaning: &pleach_spec::Fidelity, mut recipe: Training, fidelity: f64) -> Part {
        match (meaning.by, meaning.schedule) {
            (FidelityBy::Data, _) => Part { epochs: recipe.epochs, recipe, data_share: fidelity },
            (FidelityBy::Epochs, schedule) => {
                let epochs = whole_epochs(recipe.epochs, fidelity);
                if schedule == FidelitySchedule::Scaled {
                    recipe.epochs = epochs;
                }
                Part { recipe, epochs, data_share: 1.0 }
            }
        }
    }
}

/// The whole number of epochs nearest to a share of all, at least 1.
pub(crate) fn whole_epochs(all: u32, fidelity: f64) -> u32 {
    ((f64::from(all) * fidelity).round() as u32).clamp(1, all.max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recipe(epochs: u32) -> Training {
        serde_json::from_value(json!({"epochs": epochs})).unwrap()
    }

    #[test]
    fn a_fidelity_is_whole_epochs_or_a_share_of_the_data() {
        let part = |by: FidelityBy, schedule: FidelitySchedule, fidelity: f64| {
            let part = Part::of(&pleach_spec::Fidelity { by, schedule }, recipe(8), fidelity);
            (part.recipe.epochs, part.epochs, part.data_share)
        };
        use FidelityBy::{Data, Epochs};
        use FidelitySchedule::{Full, Scaled};
        assert_eq!(part(Epochs, Full, 0.25), (8, 2, 1.0));
        assert_eq!(part(Epochs, Scaled, 0.25), (2, 2, 1.0));
        assert_eq!(part(Data, Scaled, 0.25), (8, 8, 0.25));
        assert_eq!([0.01, 0.3, 0.99, 1.0].map(|f| whole_epochs(8, f)), [1, 2, 8, 8]);
    }
}
