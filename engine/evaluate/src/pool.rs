//! Real workers behind threads: jobs go to free workers in the order submitted, events come back on a channel.

use crate::command;
use crate::evaluator::{Done, Evaluation, Failure, Job, Work};
use crate::process::{Killer, Program, lock};
use crate::protocol::{FailureReason, Hello, MeasureJob, Metrics, TrainJob, WorkerAnswer, WorkerRequest};
use crate::worker::{Worker, WorkerError};
use std::collections::VecDeque;
use std::sync::mpsc::Sender;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Instant;

/// How many workers run what.
#[derive(Debug, Clone)]
pub struct PoolOptions {
    /// At most so many jobs run at once; at least 1.
    pub workers: usize,
    /// The training worker, or the user's program.
    pub program: Program,
    /// Variables of each worker's own, such as the device that it sees; worker i has entry i modulo their number.
    pub environments: Vec<Vec<(String, String)>>,
}

/// What a pool tells.
#[derive(Debug)]
pub enum PoolEvent {
    /// A training has ended an epoch. After the loss of a worker its epochs are told again from the first.
    Epoch {
        /// The job.
        id: u64,
        /// The epoch, from 1.
        epoch: u32,
        /// Its metrics.
        metrics: Metrics,
    },
    /// A job is done: told exactly once for each.
    Done(Done),
    /// A training worker is ready.
    WorkerStarted {
        /// The worker, from 0.
        worker: usize,
        /// What it said of itself.
        hello: Hello,
    },
    /// A worker was lost.
    WorkerLost {
        /// The worker, from 0.
        worker: usize,
        /// The job that it worked on.
        id: u64,
        /// What happened.
        error: WorkerError,
        /// Whether the job is tried again.
        again: bool,
    },
    /// The program cannot be started, which no job is to blame for: the pool takes no jobs any more, and those that wait are
    /// never done.
    CannotStart(WorkerError),
}

/// A pool of real workers. Threads and processes start with the jobs that need them; dropping the pool ends them all, whatever
/// they do.
#[derive(Debug)]
pub struct Pool {
    shared: Arc<Shared>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

#[derive(Debug)]
struct Shared {
    options: PoolOptions,
    events: Sender<PoolEvent>,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// Jobs that wait, in order.
    queue: VecDeque<Job>,
    /// Jobs that wait until nothing else runs, to be tried again; with the number of tries so far.
    alone: VecDeque<(Job, u32)>,
    /// Jobs that run.
    running: usize,
    /// Whether the job that runs must have no other beside it.
    running_alone: bool,
    /// Threads that wait for a job.
    idle: usize,
    /// Whether no job is started any more.
    closed: bool,
    /// Rises with every further try, for which all processes are ended; those of an earlier generation are gone.
    generation: u64,
    /// What ends the process of each thread.
    killers: Vec<Option<Killer>>,
    /// The job of each thread.
    busy: Vec<Option<u64>>,
}

impl Pool {
    /// A pool that tells its events to `events`. Starts nothing yet.
    pub fn start(options: PoolOptions, events: Sender<PoolEvent>) -> Pool {
        let shared = Shared { options, events, state: Mutex::default(), changed: Condvar::new() };
        Pool { shared: Arc::new(shared), threads: Mutex::default() }
    }

    /// Puts a job at the end of the queue. Its id should be no other open job's.
    pub fn submit(&self, job: Job) {
        let mut state = lock(&self.shared.state);
        if state.closed {
            return;
        }
        state.queue.push_back(job);
        let threads = state.killers.len();
        if state.queue.len() > state.idle && threads < self.shared.options.workers.max(1) {
            state.killers.push(None);
            state.busy.push(None);
            let shared = self.shared.clone();
            lock(&self.threads).push(std::thread::spawn(move || serve(&shared, threads)));
        }
        drop(state);
        self.shared.changed.notify_all();
    }

    /// The number of jobs that wait or run.
    pub fn open(&self) -> usize {
        let state = lock(&self.shared.state);
        state.queue.len() + state.alone.len() + state.running
    }

    /// The job that each worker works on now, by worker.
    pub fn busy(&self) -> Vec<Option<u64>> {
        lock(&self.shared.state).busy.clone()
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.shared.close();
        for thread in lock(&self.threads).drain(..) {
            // A thread that panicked has told so already.
            let _ = thread.join();
        }
    }
}

impl Shared {
    /// The next job, how often it was tried, and the generation of processes; None when the pool is closed.
    fn take(&self, worker: usize) -> Option<(Job, u32, u64)> {
        let mut state = lock(&self.state);
        loop {
            if state.closed {
                return None;
            }
            // Who waits to be alone goes first, else new jobs would hold it off for ever.
            let next = match (state.running_alone, state.alone.is_empty()) {
                (true, _) => None,
                (false, true) => state.queue.pop_front().map(|job| (job, 0)),
                (false, false) if state.running == 0 => state.alone.pop_front(),
                (false, false) => None,
            };
            if let Some((job, tried)) = next {
                state.running += 1;
                state.busy[worker] = Some(job.id);
                state.running_alone = tried > 0;
                if tried > 0 {
                    // Idle processes keep memory of their earlier jobs, and so may the job's own.
                    state.generation += 1;
                    for killer in state.killers.iter().flatten() {
                        killer.kill();
                    }
                }
                return Some((job, tried, state.generation));
            }
            state.idle += 1;
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
            state.idle -= 1;
        }
    }

    /// A job that was taken runs no more; it waits to be tried again where it is given back.
    fn release(&self, worker: usize, again: Option<(Job, u32)>) {
        let mut state = lock(&self.state);
        state.running -= 1;
        state.busy[worker] = None;
        state.running_alone = false;
        state.alone.extend(again);
        drop(state);
        self.changed.notify_all();
    }

    /// Notes how to end a thread's process, and ends it at once where the pool is closed.
    fn register(&self, worker: usize, killer: Killer) {
        let mut state = lock(&self.state);
        if state.closed {
            killer.kill();
        }
        state.killers[worker] = Some(killer);
    }

    fn closed(&self) -> bool {
        lock(&self.state).closed
    }

    fn close(&self) {
        let mut state = lock(&self.state);
        state.closed = true;
        state.queue.clear();
        state.alone.clear();
        for killer in state.killers.iter().flatten() {
            killer.kill();
        }
        drop(state);
        self.changed.notify_all();
    }

    fn tell(&self, event: PoolEvent) {
        // Nobody listens any more only while the pool is being dropped.
        let _ = self.events.send(event);
    }
}

/// How one attempt ended.
enum Attempt {
    Answer(Result<Evaluation, Failure>),
    Lost(WorkerError),
    CannotStart(WorkerError),
}

/// What one thread of the pool does.
fn serve(shared: &Shared, index: usize) {
    let mut program = shared.options.program.clone();
    let own = &shared.options.environments;
    program.environment.extend(own.get(index % own.len().max(1)).cloned().unwrap_or_default());
    let mut worker = None;
    let mut seen = 0;
    while let Some((job, tried, generation)) = shared.take(index) {
        let last = tried >= job.retries;
        if generation != seen {
            seen = generation;
            worker = None;
        }
        let start = Instant::now();
        let attempt = match &job.work {
            Work::Train(train) => {
                let request = WorkerRequest::Train(Box::new(TrainJob { id: job.id, ..(**train).clone() }));
                in_worker(shared, index, &program, &mut worker, &job, &request)
            }
            Work::Measure(measure) => {
                let request = WorkerRequest::Measure(Box::new(MeasureJob { id: job.id, ..(**measure).clone() }));
                in_worker(shared, index, &program, &mut worker, &job, &request)
            }
            Work::Command(command) => {
                match command::run(&program, command, job.limit, |killer| shared.register(index, killer)) {
                    Ok(result) => Attempt::Answer(result),
                    Err(error @ WorkerError::NotStarted { .. }) => Attempt::CannotStart(error),
                    Err(error) => Attempt::Lost(error),
                }
            }
        };
        // What ends because the pool is closed says nothing about the job.
        if shared.closed() {
            shared.release(index, None);
            break;
        }
        let result = match attempt {
            Attempt::Answer(Err(failure)) if failure.reason == FailureReason::OutOfMemory && !last => {
                worker = None;
                shared.release(index, Some((job, tried + 1)));
                continue;
            }
            Attempt::Answer(result) => result,
            Attempt::Lost(error) => {
                worker = None;
                let failure = lost(&error, tried + 1);
                shared.tell(PoolEvent::WorkerLost { worker: index, id: job.id, error, again: !last });
                if !last {
                    shared.release(index, Some((job, tried + 1)));
                    continue;
                }
                Err(failure)
            }
            Attempt::CannotStart(error) => {
                shared.close();
                shared.release(index, None);
                shared.tell(PoolEvent::CannotStart(error));
                break;
            }
        };
        let seconds = start.elapsed().as_secs_f64();
        // Released first: who hears that the last job is done finds none open.
        shared.release(index, None);
        shared.tell(PoolEvent::Done(Done { id: job.id, result, seconds, worker: index }));
    }
}

fn lost(error: &WorkerError, tries: u32) -> Failure {
    let again = match tries {
        1 => String::new(),
        2 => ", also when tried again alone".to_owned(),
        _ => format!(", also when tried again alone {} times", tries - 1),
    };
    let (reason, message) = match error {
        WorkerError::TimedOut { limit } => {
            (FailureReason::TimedOut, format!("took longer than {} s{again}", limit.as_secs_f64()))
        }
        other => (FailureReason::Lost, format!("{}{again}", other.summary())),
    };
    Failure { reason, message, detail: error.to_string() }
}

fn in_worker(
    shared: &Shared,
    index: usize,
    program: &Program,
    worker: &mut Option<Worker>,
    job: &Job,
    request: &WorkerRequest,
) -> Attempt {
    let used = worker.is_some();
    let running = match worker {
        Some(running) => running,
        None => match start(shared, index, program) {
            Ok(started) => worker.insert(started),
            Err(error) => return Attempt::CannotStart(error),
        },
    };
    let mut curves = Vec::new();
    let mut first_epoch = 1;
    let answer = running.call(request, job.limit, &mut |epoch, metrics| {
        if curves.is_empty() {
            first_epoch = epoch;
        }
        curves.push(metrics.clone());
        shared.tell(PoolEvent::Epoch { id: job.id, epoch, metrics: metrics.clone() });
    });
    match answer {
        Ok(WorkerAnswer::Trained { metrics, weights_digest, parameters, .. }) => {
            let (weights_digest, parameters) = (Some(weights_digest), Some(parameters));
            Attempt::Answer(finite(Evaluation { metrics, curves, first_epoch, weights_digest, parameters }))
        }
        Ok(WorkerAnswer::Measured { metrics, .. }) => {
            Attempt::Answer(finite(Evaluation { metrics, ..Evaluation::default() }))
        }
        Ok(WorkerAnswer::Failed { reason, message, detail, .. }) => {
            Attempt::Answer(Err(Failure { reason, message, detail }))
        }
        Err(error @ WorkerError::WrongId { .. }) if used => {
            // An answer too many to an earlier job, which this one is not to blame for.
            *worker = None;
            shared.tell(PoolEvent::WorkerLost { worker: index, id: job.id, error, again: true });
            in_worker(shared, index, program, worker, job, request)
        }
        Ok(_) => unreachable!("a call answers a request with its result or with its failure"),
        Err(error) => Attempt::Lost(error),
    }
}

/// A loss that is not finite is a training that failed.
fn finite(evaluation: Evaluation) -> Result<Evaluation, Failure> {
    match evaluation.metrics.iter().find(|(_, value)| !value.is_finite()) {
        Some((name, _)) => Err(Failure::new(FailureReason::Diverged, format!("the metric `{name}` is not finite"))),
        None => Ok(evaluation),
    }
}

/// Starts a worker; a second time where the first fails, since a machine may be short of something for a moment.
fn start(shared: &Shared, index: usize, program: &Program) -> Result<Worker, WorkerError> {
    let start = || {
        let process = program.spawn()?;
        shared.register(index, process.killer());
        Worker::greet(process)
    };
    let worker = match start() {
        Err(WorkerError::NotReady { .. } | WorkerError::TimedOut { .. }) if !shared.closed() => start(),
        other => other,
    }?;
    shared.tell(PoolEvent::WorkerStarted { worker: index, hello: worker.hello().clone() });
    Ok(worker)
}
