//! From a candidate to a job of a real worker, and back: recipes, seeds, trial keys, the cache.

use crate::error::RunError;
use crate::events::Event;
use crate::measures::Measures;
use crate::outcome::{Evaluated, Values, of_machine};
use crate::part::Part;
use crate::prepared::{Material, Prepared, RunOptions, Source};
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
            temporary: BTreeSet::new(),
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

    /// Begins to measure trained weights, under a number that is free.
    ///
    /// # Errors
    /// Evaluation cannot go on.
    pub fn open_measures(&mut self, ticket: u64, weights: Weights<'_>) -> Result<Opened, RunError> {
        let Source::Libtorch(data) = &self.material.source else {
            unreachable!("only what libtorch trains has weights, and `check` says so")
        };
        let key = Some(weights.key.to_owned());
        let (built, recipe) = match weights.space.build(weights.genotype).and_then(|built| {
            let recipe = weights.space.training(weights.genotype)?;
            Ok((built, recipe))
        }) {
            Ok(made) => made,
            Err(problem) => {
                return Ok(Opened { cost: self.proxy_cost, key, infeasible: Some(problem.message) });
            }
        };
        let examples = weights.measures.examples().unwrap_or(usize::MAX).min(self.material.validation_examples);
        let cost = built.costs.live_flops as f64 * examples as f64 * (1.0 + weights.measures.passes());
        let costs = Some(built.costs);
        let kept = self.cache.measurements(weights.key)?;
        let clean = kept.get(&clean(weights.measures));
        if let (Some(measured), Some(clean)) = (weights.measures.join(&kept), clean) {
            let mut metrics = clean.clone();
            metrics.extend(measured);
            let evaluated = Evaluated { cached: true, ..Evaluated::at_once(Ok(with_costs(metrics, costs))) };
            let closed = Closed { evaluated, test: Metrics::new(), weights: None };
            self.open.insert(ticket, Open::Ready(Box::new(closed)));
        } else {
            self.open.insert(ticket, Open::Waiting { costs });
            let missing = weights.measures.missing(&kept);
            let (batch, threads) = (recipe.batch.unwrap_or(data.batch), recipe.threads);
            self.measure(ticket, &weights, &missing, built.network, batch, threads, None);
        }
        Ok(Opened { cost, key, infeasible: None })
    }

    /// Has a worker measure of weights what is missing.
    #[allow(clippy::too_many_arguments)]
    fn measure(
        &mut self,
        ticket: u64,
        weights: &Weights<'_>,
        missing: &Measures,
        network: Network,
        batch: usize,
        threads: u32,
        trained: Option<Box<Closed>>,
    ) {
        let Source::Libtorch(data) = &self.material.source else {
            unreachable!("only what libtorch trains has weights, and `check` says so")
        };
        let job = MeasureJob {
            id: 0,
            network,
            weights: std::path::absolute(weights.file).unwrap_or_else(|_| weights.file.to_owned()),
            data: data.clone(),
            data_base: self.prepared.base.clone(),
            data_caches: self.prepared.data_caches.clone(),
            split_seed: self.prepared.split_seed(),
            // As at the end of the training.
            seed: derive(self.training_seed(weights.repeat), &["measure"]),
            batch,
            examples: weights.measures.examples(),
            threads,
            measure: missing.all().to_vec(),
        };
        let running = Running {
            key: weights.key.to_owned(),
            purpose: Purpose::Measure { trained },
            measures: weights.measures.clone(),
            tickets: vec![ticket],
        };
        self.submit(running, Work::Measure(Box::new(job)));
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

    fn open_training(
        &mut self,
        ticket: u64,
        wanted: Wanted<'_>,
        data: &Data,
        allow: &mut dyn FnMut(f64) -> bool,
    ) -> Result<Option<Opened>, RunError> {
        let space = wanted.space;
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
        let meaning = &self.prepared.experiment.fidelity;
        let before = wanted.resumed.map(|resumed| Part::of(meaning, recipe.clone(), resumed.fidelity));
        let part = Part::of(meaning, recipe, wanted.fidelity);
        let cost = self.training_cost(&built, &part, before.as_ref(), wanted.measures);
        if !allow(cost) {
            return Ok(None);
        }
        let document = self.training_document(&built.network, &part, data, wanted.repeat)?;
        let key = pleach_store::key(&document);
        let costs = Some(built.costs);
        if wanted.resumable {
            self.temporary.insert(key.clone());
        }
        let opened = Opened { cost, key: Some(key.clone()), infeasible: None };
        let known = self.cache.get(&key)?;
        match self.cached(&key, known.as_ref(), costs, &wanted)? {
            Known::Whole(closed) => {
                self.open.insert(ticket, Open::Ready(Box::new(closed)));
                return Ok(Some(opened));
            }
            Known::Unmeasured { closed, missing, weights } => {
                self.open.insert(ticket, Open::Waiting { costs });
                let weights = Weights {
                    space,
                    genotype: wanted.genotype,
                    repeat: wanted.repeat,
                    key: &key,
                    file: &weights,
                    measures: wanted.measures,
                };
                let (batch, threads) = (part.recipe.batch.unwrap_or(data.batch), part.recipe.threads);
                self.measure(ticket, &weights, &missing, built.network, batch, threads, Some(Box::new(closed)));
                return Ok(Some(opened));
            }
            Known::Nothing => {}
        }
        self.open.insert(ticket, Open::Waiting { costs });
        let keeps = wanted.last || wanted.resumable;
        if self.join(&key, ticket, wanted.last, keeps, wanted.measures) {
            return Ok(Some(opened));
        }
        // Of this process alone: another run below the same root may train the same key.
        let file = format!("training-{key}-{}.safetensors", self.options.holder.process);
        let checkpoint = keeps.then(|| self.cache.folder().join(file));
        // Without the earlier weights the training begins anew, and comes to the same bits.
        let (mut resume, mut epochs_before) = (None, Vec::new());
        if let Some(resumed) = wanted.resumed
            && let (Some(weights), Some(entry)) = (self.cache.weights(resumed.key)?, self.cache.get(resumed.key)?)
        {
            (resume, epochs_before) = (Some(weights), entry.curves);
        }
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
            resume,
            checkpoint: checkpoint.clone(),
            test: wanted.last,
            measure: wanted.measures.all().to_vec(),
        };
        let expected = known.and_then(|entry| entry.tensors);
        let running = Running {
            key,
            purpose: Purpose::Evaluate { document, checkpoint, last: wanted.last, expected, before: epochs_before },
            measures: wanted.measures.clone(),
            tickets: vec![ticket],
        };
        self.submit(running, Work::Train(Box::new(job)));
        Ok(Some(opened))
    }

    /// The floating-point operations of a training and its measurements; of one that goes on, without those before.
    fn training_cost(&self, built: &Built, part: &Part, before: Option<&Part>, measures: &Measures) -> f64 {
        let flops = built.costs.live_flops as f64;
        let examples =
            |part: &Part| (self.material.training_examples as f64 * part.data_share).ceil() * f64::from(part.epochs);
        // Each step of an attack goes forwards and backwards; TRADES then trains on both clean and attacked examples.
        let passes = match &part.recipe.adversarial {
            None => 1.0,
            Some(adversarial @ Adversarial::Pgd(_)) => 1.0 + f64::from(adversarial.steps()),
            Some(adversarial @ Adversarial::Trades(_)) => 2.0 + f64::from(adversarial.steps()),
        };
        let training = flops * PASSES * passes * (examples(part) - before.map_or(0.0, examples));
        training + flops * measures.passes() * self.material.validation_examples as f64
    }

    fn open_command(
        &mut self,
        ticket: u64,
        wanted: Wanted<'_>,
        digest: &str,
        allow: &mut dyn FnMut(f64) -> bool,
    ) -> Result<Option<Opened>, RunError> {
        let space = wanted.space;
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
        let wanted = Wanted { last: false, ..wanted };
        if let Known::Whole(closed) = self.cached(&key, known.as_ref(), costs, &wanted)? {
            self.open.insert(ticket, Open::Ready(Box::new(closed)));
        } else {
            self.open.insert(ticket, Open::Waiting { costs });
            if !self.join(&key, ticket, false, false, wanted.measures) {
                let purpose =
                    Purpose::Evaluate { document, checkpoint: None, last: false, expected: None, before: Vec::new() };
                let measures = Measures::default();
                let running = Running { key: key.clone(), purpose, measures, tickets: vec![ticket] };
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

    /// What the cache holds of a key.
    fn cached(
        &self,
        key: &str,
        entry: Option<&CacheEntry>,
        costs: Option<Costs>,
        wanted: &Wanted<'_>,
    ) -> Result<Known, RunError> {
        let Some(entry) = entry else { return Ok(Known::Nothing) };
        let mut metrics = match &entry.outcome {
            Outcome::Measured(metrics) => metrics.clone(),
            Outcome::Failed(failure) => {
                let evaluated = Evaluated { cached: true, ..Evaluated::at_once(Err(failure.clone())) };
                let evaluated = Evaluated { curves: entry.curves.clone(), ..evaluated };
                return Ok(Known::Whole(Closed { evaluated, test: Metrics::new(), weights: None }));
            }
            Outcome::Running => return Ok(Known::Nothing),
        };
        let needed = wanted.last || !wanted.measures.all().is_empty();
        let kept = if needed { self.cache.measurements(key)? } else { IndexMap::new() };
        let (mut test, mut weights) = (Metrics::new(), None);
        if wanted.last {
            weights = self.cache.weights(key)?;
            match kept.get(TEST) {
                Some(measured) if weights.is_some() => test.clone_from(measured),
                _ => return Ok(Known::Nothing),
            }
        }
        let joined = wanted.measures.join(&kept);
        metrics.extend(joined.iter().flatten().map(|(name, value)| (name.clone(), *value)));
        let evaluated = Evaluated {
            curves: entry.curves.clone(),
            cached: true,
            ..Evaluated::at_once(Ok(with_costs(metrics, costs)))
        };
        let closed = Closed { evaluated, test, weights };
        if joined.is_some() {
            return Ok(Known::Whole(closed));
        }
        // The weights tell what was not measured at the end of the training.
        Ok(match self.cache.weights(key)? {
            Some(weights) => Known::Unmeasured { closed, missing: wanted.measures.missing(&kept), weights },
            None => Known::Nothing,
        })
    }

    /// Waits for a job of the same key, where there is one that gives all that is wanted.
    fn join(&mut self, key: &str, ticket: u64, last: bool, keeps: bool, measures: &Measures) -> bool {
        let gives = |job: &&mut Running| {
            job.key == key
                && job.measures == *measures
                && matches!(&job.purpose, Purpose::Evaluate { last: is_last, checkpoint, .. }
                    if (!last || *is_last) && (!keeps || checkpoint.is_some()))
        };
        self.running.values_mut().find(gives).map(|job| job.tickets.push(ticket)).is_some()
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
        let Some(Running { key, purpose, measures, tickets }) = self.running.remove(&done.id) else { return Ok(()) };
        let result = match done.result {
            Ok(evaluation) => Ok(evaluation),
            Err(failure) => {
                let reason = serde_json::to_value(failure.reason).ok();
                let reason = reason.and_then(|word| word.as_str().map(str::to_owned)).unwrap_or_default();
                Err(Failure { reason, message: failure.message, detail: failure.detail })
            }
        };
        let closed = match purpose {
            Purpose::Measure { trained } => self.absorb_measured(&key, result, &measures, trained)?,
            Purpose::Evaluate { document, checkpoint, last, expected, before } => {
                if let (Some(expected), Ok(Evaluation { weights_digest: Some(found), .. })) = (&expected, &result)
                    && expected != found
                {
                    self.not_reproduced(step, &key, expected, found, session)?;
                }
                let kept = Kept { document, checkpoint, last, before, seconds: done.seconds };
                self.absorb_evaluated(&key, result, &measures, kept)?
            }
        };
        for (place, ticket) in tickets.iter().enumerate() {
            let costs = match self.open.get(ticket) {
                Some(Open::Waiting { costs }) => *costs,
                _ => continue,
            };
            let mut own = closed.clone();
            own.evaluated.result = own.evaluated.result.map(|values| with_costs(values.into_metrics(), costs));
            own.evaluated.cached = place > 0 || closed.evaluated.cached;
            own.evaluated.seconds = if place == 0 { done.seconds } else { 0.0 };
            own.evaluated.worker = (place == 0).then(|| format!("worker {}", done.worker));
            self.open.insert(*ticket, Open::Ready(Box::new(own)));
        }
        Ok(())
    }

    /// A training that came to other bits than an earlier one of the same key.
    fn not_reproduced(
        &self,
        step: &str,
        key: &str,
        expected: &str,
        found: &str,
        session: &mut Session<'_>,
    ) -> Result<(), RunError> {
        let detail = format!("its weights have the digest {found}, an earlier training of the same key had {expected}");
        let what = format!("a training of step `{step}` (key {})", &key[..12]);
        if self.hello.as_ref().is_none_or(|hello| hello.device == "cpu") {
            return Err(RunError::NotReproduced { what, detail });
        }
        let message = format!("{what} did not reproduce: {detail}");
        session.emit(&Event::Log { step, level: "warn", message: &message })
    }

    fn absorb_evaluated(
        &mut self,
        key: &str,
        result: Result<Evaluation, Failure>,
        measures: &Measures,
        kept: Kept,
    ) -> Result<Closed, RunError> {
        let (outcome, curves, tensors, mut test) = match result {
            Ok(evaluation) => {
                let (mut metrics, mut test) = (Metrics::new(), Metrics::new());
                for (name, value) in evaluation.metrics {
                    match name.strip_prefix("test_") {
                        Some(measured) if kept.last => drop(test.insert(measured.to_owned(), value)),
                        _ => drop(metrics.insert(name, value)),
                    }
                }
                let mut curves = kept.before;
                curves.truncate(evaluation.first_epoch.saturating_sub(1) as usize);
                curves.extend(evaluation.curves);
                (Outcome::Measured(metrics), curves, evaluation.weights_digest, test)
            }
            Err(failure) => (Outcome::Failed(failure), Vec::new(), None, Metrics::new()),
        };
        let (mut outcome, mut measured) = (outcome, Metrics::new());
        if let Outcome::Measured(metrics) = &mut outcome {
            let taken: IndexMap<String, Metrics> = measures.take(metrics).into_iter().collect();
            measured = measures.join(&taken).unwrap_or_default();
            for (name, metrics) in &taken {
                self.cache.put_measurement(key, name, metrics)?;
            }
        }
        let cacheable = match &outcome {
            Outcome::Measured(_) => true,
            Outcome::Failed(failure) => !of_machine(&failure.reason),
            Outcome::Running => false,
        };
        if cacheable {
            let entry = CacheEntry {
                key: key.to_owned(),
                document: kept.document,
                outcome: outcome.clone(),
                curves: curves.clone(),
                tensors,
                seconds: kept.seconds,
            };
            // What is known stays; whether the weights are equal was looked at above.
            let (Put::New | Put::Known(_)) = self.cache.put(&entry)?;
        }
        let mut weights = None;
        if let Some(checkpoint) = &kept.checkpoint
            && matches!(outcome, Outcome::Measured(_))
        {
            if kept.last {
                self.cache.put_measurement(key, TEST, &test)?;
            }
            self.cache.put_weights(key, checkpoint)?;
            weights = self.cache.weights(key)?;
            std::fs::remove_file(checkpoint).map_err(|source| RunError::File { path: checkpoint.clone(), source })?;
        }
        let result = match outcome {
            Outcome::Measured(mut metrics) => {
                metrics.extend(measured);
                Ok(Values::Named(metrics))
            }
            Outcome::Failed(failure) => {
                test.clear();
                Err(failure)
            }
            Outcome::Running => unreachable!("it has ended"),
        };
        Ok(Closed { evaluated: Evaluated { curves, ..Evaluated::at_once(result) }, test, weights })
    }

    fn absorb_measured(
        &mut self,
        key: &str,
        result: Result<Evaluation, Failure>,
        measures: &Measures,
        trained: Option<Box<Closed>>,
    ) -> Result<Closed, RunError> {
        let mut closed = match trained {
            Some(trained) => *trained,
            None => Closed {
                evaluated: Evaluated::at_once(Ok(Values::Named(Metrics::new()))),
                test: Metrics::new(),
                weights: None,
            },
        };
        match result {
            Err(failure) => closed.evaluated.result = Err(failure),
            Ok(evaluation) => {
                let mut metrics = evaluation.metrics;
                let taken: IndexMap<String, Metrics> = measures.take(&mut metrics).into_iter().collect();
                for (name, own) in &taken {
                    self.cache.put_measurement(key, name, own)?;
                }
                self.cache.put_measurement(key, &clean(measures), &metrics)?;
                // What the training itself measured is of all examples, and stays.
                let mut all = closed.evaluated.result.map(Values::into_metrics).unwrap_or_default();
                for (name, value) in metrics {
                    all.entry(name).or_insert(value);
                }
                let kept = self.cache.measurements(key)?;
                all.extend(measures.join(&kept).unwrap_or_default());
                closed.evaluated.result = Ok(Values::Named(all));
            }
        }
        Ok(closed)
    }
}

/// What is to become of a training's result.
#[derive(Debug)]
struct Kept {
    document: Value,
    checkpoint: Option<PathBuf>,
    last: bool,
    before: Vec<Metrics>,
    seconds: f64,
}

/// What the cache holds of a key.
#[derive(Debug)]
enum Known {
    /// All that is wanted.
    Whole(Closed),
    /// All but some measurements, and the weights to make them with.
    Unmeasured { closed: Closed, missing: Measures, weights: PathBuf },
    /// Not what is wanted.
    Nothing,
}

/// The name under which the cache keeps accuracy and loss on the examples that are measured, as they are.
fn clean(measures: &Measures) -> String {
    match measures.examples() {
        None => "clean".to_owned(),
        Some(examples) => format!("clean, {examples} examples"),
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
