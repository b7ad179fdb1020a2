//! One training worker: a process that is asked by JSON lines and answers the same way.

use crate::process::{Process, Program, read_line, status_text};
use crate::protocol::{Hello, Metrics, PROTOCOL_VERSION, WorkerAnswer, WorkerRequest};
use std::io::Write;
use std::path::PathBuf;
use std::process::ChildStdin;
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::time::{Duration, Instant};

/// A worker that has not said hello by then never will: libtorch from a cold disk takes seconds.
const HELLO: Duration = Duration::from_secs(180);

/// How long a worker may take to end after it has closed its output.
const END: Duration = Duration::from_secs(5);

/// So many messages are read before anybody wants them; a worker that says more waits.
const AHEAD: usize = 16;

/// No message is longer, in bytes.
const LONGEST: u64 = 64 << 20;

/// What goes wrong with a process that evaluates.
#[derive(Debug, thiserror::Error)]
pub enum WorkerError {
    /// The program is missing or is none.
    #[error("cannot start `{}`: {source}", program.display())]
    NotStarted {
        /// The program.
        program: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// The program ended before it said hello, such as for a missing library.
    #[error("`{}` ended before it was ready ({status}){}", program.display(), below(last_words))]
    NotReady {
        /// The program.
        program: PathBuf,
        /// How it ended.
        status: String,
        /// The end of its standard error.
        last_words: String,
    },
    /// The worker speaks another version of the protocol.
    #[error("`{}` speaks version {found} of the workers' protocol, this engine version {expected}: build both again", program.display())]
    Protocol {
        /// The program.
        program: PathBuf,
        /// The version of the engine.
        expected: u32,
        /// The version of the worker.
        found: u64,
    },
    /// The process ended in the middle of its work.
    #[error("the worker ended in the middle of its work ({status}){}", below(last_words))]
    Died {
        /// How it ended.
        status: String,
        /// The end of its standard error.
        last_words: String,
    },
    /// A line that is no message of the protocol.
    #[error("the worker answered with a line that is no message ({reason}): `{line}`")]
    Garbage {
        /// The line's beginning.
        line: String,
        /// What is wrong with it.
        reason: String,
    },
    /// An answer to a request that was not asked.
    #[error("the worker answered request {found} when asked {expected}")]
    WrongId {
        /// The request asked.
        expected: u64,
        /// The request answered.
        found: u64,
    },
    /// A message that does not answer the kind of request.
    #[error("the worker answered with `{found}`, which does not answer the request")]
    WrongKind {
        /// The kind of message.
        found: &'static str,
    },
    /// Took longer than allowed.
    #[error("took longer than {} s", limit.as_secs_f64())]
    TimedOut {
        /// The time allowed.
        limit: Duration,
    },
}

fn below(last_words: &str) -> String {
    if last_words.is_empty() { String::new() } else { format!(":\n{last_words}") }
}

impl WorkerError {
    /// What happened, in words that are the same on every machine.
    pub fn summary(&self) -> &'static str {
        match self {
            WorkerError::NotStarted { .. } => "the program cannot be started",
            WorkerError::NotReady { .. } => "the worker ended before it was ready",
            WorkerError::Protocol { .. } => "the worker speaks another version of the protocol",
            WorkerError::Died { .. } => "the worker ended in the middle of its work",
            WorkerError::Garbage { .. } => "the worker answered with a line that is no message",
            WorkerError::WrongId { .. } => "the worker answered a request that was not asked",
            WorkerError::WrongKind { .. } => "the worker's message does not answer the request",
            WorkerError::TimedOut { .. } => "took longer than allowed",
        }
    }
}

/// A running training worker. Dropping it ends the process.
#[derive(Debug)]
pub struct Worker {
    process: Process,
    stdin: ChildStdin,
    lines: Receiver<Vec<u8>>,
    hello: Hello,
}

impl Worker {
    /// Starts a worker and waits for its hello.
    ///
    /// # Errors
    /// [`WorkerError::NotStarted`], [`WorkerError::NotReady`], [`WorkerError::Protocol`], [`WorkerError::Garbage`].
    pub fn start(program: &Program) -> Result<Worker, WorkerError> {
        Worker::greet(program.spawn()?)
    }

    pub(crate) fn greet(mut process: Process) -> Result<Worker, WorkerError> {
        let (Some(stdin), Some(mut stdout)) = (process.stdin.take(), process.stdout.take()) else {
            unreachable!("the streams of a new process are still there");
        };
        let (sender, lines) = sync_channel(AHEAD);
        std::thread::spawn(move || {
            while let Some(line) = read_line(&mut stdout, LONGEST) {
                if sender.send(line).is_err() {
                    break;
                }
            }
        });
        let line = match lines.recv_timeout(HELLO) {
            Ok(line) => line,
            Err(RecvTimeoutError::Timeout) => return Err(WorkerError::TimedOut { limit: HELLO }),
            Err(RecvTimeoutError::Disconnected) => {
                let status = status_text(process.wait(Some(END)));
                let program = process.program().to_owned();
                return Err(WorkerError::NotReady { program, status, last_words: process.last_words() });
            }
        };
        // The version first: a message of another version may have another form.
        let value: serde_json::Value = serde_json::from_slice(&line).map_err(|error| garbage(&line, &error))?;
        if let Some(found) = value.pointer("/hello/protocol").and_then(serde_json::Value::as_u64)
            && found != u64::from(PROTOCOL_VERSION)
        {
            let program = process.program().to_owned();
            return Err(WorkerError::Protocol { program, expected: PROTOCOL_VERSION, found });
        }
        match serde_json::from_value(value).map_err(|error| garbage(&line, &error))? {
            WorkerAnswer::Hello(hello) => Ok(Worker { process, stdin, lines, hello }),
            other => Err(WorkerError::WrongKind { found: kind(&other) }),
        }
    }

    /// What the worker said of itself.
    pub fn hello(&self) -> &Hello {
        &self.hello
    }

    /// Asks and waits for the final answer: `Trained`, `TorchScriptWritten` or `Benchmarked` as asked, or `Failed`.
    ///
    /// # Errors
    /// Any but the errors of a start. The worker is of no use then: drop it.
    pub fn call(
        &mut self,
        request: &WorkerRequest,
        limit: Option<Duration>,
        on_epoch: &mut dyn FnMut(u32, &Metrics),
    ) -> Result<WorkerAnswer, WorkerError> {
        let start = Instant::now();
        let mut line = serde_json::to_vec(request)
            .map_err(|error| WorkerError::Garbage { line: String::new(), reason: error.to_string() })?;
        line.push(b'\n');
        if self.stdin.write_all(&line).and_then(|()| self.stdin.flush()).is_err() {
            return Err(self.died());
        }
        let expected = match request {
            WorkerRequest::Train(job) => job.id,
            WorkerRequest::Measure(job) => job.id,
            WorkerRequest::TorchScript(job) => job.id,
            WorkerRequest::Benchmark(job) => job.id,
        };
        loop {
            let line = match limit {
                None => self.lines.recv().map_err(|_| RecvTimeoutError::Disconnected),
                Some(limit) => self.lines.recv_timeout(limit.saturating_sub(start.elapsed())),
            };
            let line = match (line, limit) {
                (Ok(line), _) => line,
                (Err(RecvTimeoutError::Timeout), Some(limit)) => return Err(WorkerError::TimedOut { limit }),
                (Err(_), _) => return Err(self.died()),
            };
            let answer: WorkerAnswer = serde_json::from_slice(&line).map_err(|error| garbage(&line, &error))?;
            let found = match &answer {
                WorkerAnswer::Hello(_) => return Err(WorkerError::WrongKind { found: kind(&answer) }),
                WorkerAnswer::Epoch { id, .. }
                | WorkerAnswer::Trained { id, .. }
                | WorkerAnswer::Measured { id, .. }
                | WorkerAnswer::TorchScriptWritten { id, .. }
                | WorkerAnswer::Benchmarked { id, .. }
                | WorkerAnswer::Failed { id, .. } => *id,
            };
            if found != expected {
                return Err(WorkerError::WrongId { expected, found });
            }
            match (&answer, request) {
                (WorkerAnswer::Epoch { epoch, metrics, .. }, WorkerRequest::Train(_)) => on_epoch(*epoch, metrics),
                (WorkerAnswer::Trained { .. }, WorkerRequest::Train(_))
                | (WorkerAnswer::Measured { .. }, WorkerRequest::Measure(_))
                | (WorkerAnswer::TorchScriptWritten { .. }, WorkerRequest::TorchScript(_))
                | (WorkerAnswer::Benchmarked { .. }, WorkerRequest::Benchmark(_))
                | (WorkerAnswer::Failed { .. }, _) => return Ok(answer),
                _ => return Err(WorkerError::WrongKind { found: kind(&answer) }),
            }
        }
    }

    fn died(&self) -> WorkerError {
        let status = status_text(self.process.wait(Some(END)));
        WorkerError::Died { status, last_words: self.process.last_words() }
    }
}

fn garbage(line: &[u8], error: &serde_json::Error) -> WorkerError {
    let text = String::from_utf8_lossy(line);
    WorkerError::Garbage { line: text.trim_end().chars().take(200).collect(), reason: error.to_string() }
}

fn kind(answer: &WorkerAnswer) -> &'static str {
    match answer {
        WorkerAnswer::Hello(_) => "hello",
        WorkerAnswer::Epoch { .. } => "epoch",
        WorkerAnswer::Trained { .. } => "trained",
        WorkerAnswer::Measured { .. } => "measured",
        WorkerAnswer::TorchScriptWritten { .. } => "torch_script_written",
        WorkerAnswer::Benchmarked { .. } => "benchmarked",
        WorkerAnswer::Failed { .. } => "failed",
    }
}
