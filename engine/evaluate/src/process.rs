//! A child process with its streams: started in a group of its own, its last words kept, killed as a group.

use crate::worker::WorkerError;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// The end of standard error that is kept, in bytes.
const TAIL: usize = 8 * 1024;

/// A program to start, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Program {
    /// The program's file; a bare name is looked for where the system looks for programs.
    pub path: PathBuf,
    /// Its arguments.
    pub arguments: Vec<String>,
    /// The folder that it runs in; the engine's own, unless told.
    pub folder: Option<PathBuf>,
    /// Variables set on top of the engine's own environment.
    pub environment: Vec<(String, String)>,
}

impl Program {
    /// A training worker. Its thread count comes with each recipe; until then, one keeps workers from taking all cores.
    pub fn worker(path: impl Into<PathBuf>) -> Program {
        let one = |name: &str| (name.to_owned(), "1".to_owned());
        Program {
            path: path.into(),
            arguments: Vec::new(),
            folder: None,
            environment: vec![one("OMP_NUM_THREADS"), one("MKL_NUM_THREADS")],
        }
    }

    /// The program of a `command` evaluator. It runs in the experiment's folder `base`; a program written with a slash is
    /// relative to it, a bare name is looked for where the system looks for programs.
    pub fn of_command(command: &pleach_spec::Command, base: &Path) -> Program {
        let name = command.0.first().map(String::as_str).unwrap_or_default();
        let path = if is_path(name) { base.join(name) } else { PathBuf::from(name) };
        // A folder of "" is the current one, but no system call takes it.
        let folder = (!base.as_os_str().is_empty()).then(|| base.to_owned());
        // The path would be relative to the folder on some systems and to the engine's own on others.
        let path = if path.is_relative() && is_path(name) { std::path::absolute(&path).unwrap_or(path) } else { path };
        Program { path, arguments: command.0.iter().skip(1).cloned().collect(), folder, environment: Vec::new() }
    }

    pub(crate) fn spawn(&self) -> Result<Process, WorkerError> {
        let mut command = Command::new(&self.path);
        command.args(&self.arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        if let Some(folder) = &self.folder {
            command.current_dir(folder);
        }
        // An interrupt of the terminal reaches its foreground group only: the engine, which then ends its workers itself.
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let mut child =
            command.spawn().map_err(|source| WorkerError::NotStarted { program: self.path.clone(), source })?;
        let (stdin, stdout, stderr) = match (child.stdin.take(), child.stdout.take(), child.stderr.take()) {
            (Some(stdin), Some(stdout), Some(stderr)) => (stdin, stdout, stderr),
            _ => unreachable!("all three streams are piped"),
        };
        let tail = Arc::new(Mutex::new(Vec::new()));
        let writer = tail.clone();
        let reader = std::thread::spawn(move || keep_tail(stderr, &writer));
        Ok(Process {
            program: self.path.clone(),
            child: Killer(Arc::new(Mutex::new(child))),
            stdin: Some(stdin),
            stdout: Some(BufReader::new(stdout)),
            tail,
            reader,
        })
    }
}

pub(crate) fn is_path(name: &str) -> bool {
    Path::new(name).components().count() > 1 || name.contains('/')
}

/// Keeps the last bytes of a stream until it ends.
fn keep_tail(mut stream: impl Read, tail: &Mutex<Vec<u8>>) {
    let mut buffer = [0; 4096];
    while let Ok(count) = stream.read(&mut buffer) {
        if count == 0 {
            break;
        }
        let mut tail = lock(tail);
        tail.extend_from_slice(&buffer[..count]);
        if tail.len() > 2 * TAIL {
            let surplus = tail.len() - TAIL;
            tail.drain(..surplus);
        }
    }
}

/// The lock, also after a thread that held it panicked: what these locks guard is whole at every instant.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A handle that ends a process from any thread.
#[derive(Debug, Clone)]
pub(crate) struct Killer(Arc<Mutex<Child>>);

impl Killer {
    /// Kills the process and all that it started in its group, unless it has ended already.
    pub(crate) fn kill(&self) {
        let mut child = lock(&self.0);
        // An ended process that has been waited for may have left its number to another.
        if !matches!(child.try_wait(), Ok(None)) {
            return;
        }
        #[cfg(unix)]
        if let Some(group) = i32::try_from(child.id()).ok().and_then(rustix::process::Pid::from_raw) {
            // Fails only where the group has ended by itself.
            let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
        }
        let _ = child.kill();
    }
}

/// A child process. Dropping it kills it.
#[derive(Debug)]
pub(crate) struct Process {
    program: PathBuf,
    child: Killer,
    pub(crate) stdin: Option<ChildStdin>,
    pub(crate) stdout: Option<BufReader<std::process::ChildStdout>>,
    tail: Arc<Mutex<Vec<u8>>>,
    reader: JoinHandle<()>,
}

impl Process {
    pub(crate) fn program(&self) -> &Path {
        &self.program
    }

    pub(crate) fn killer(&self) -> Killer {
        self.child.clone()
    }

    /// Waits for the process's end, at most so long; then kills it. None where it had to be killed.
    pub(crate) fn wait(&self, limit: Option<Duration>) -> Option<ExitStatus> {
        let start = Instant::now();
        let mut pause = Duration::from_micros(200);
        // Not `Child::wait`: the lock has to be free for whoever wants to kill the process.
        loop {
            match lock(&self.child.0).try_wait() {
                Ok(Some(status)) => return Some(status),
                Ok(None) => {}
                Err(_) => return None,
            }
            if limit.is_some_and(|limit| start.elapsed() >= limit) {
                self.child.kill();
                return None;
            }
            std::thread::sleep(pause);
            pause = (pause * 2).min(Duration::from_millis(20));
        }
    }

    /// The end of what the process wrote on its standard error, whole lines where it is long.
    pub(crate) fn last_words(&self) -> String {
        // The stream ends with the process, unless a process that it started holds it open.
        let start = Instant::now();
        while !self.reader.is_finished() && start.elapsed() < Duration::from_millis(300) {
            std::thread::sleep(Duration::from_millis(1));
        }
        let tail = lock(&self.tail);
        let cut = tail.len().saturating_sub(TAIL);
        let mut tail = &tail[cut..];
        if cut > 0 {
            let line = tail.iter().position(|&byte| byte == b'\n').map_or(0, |end| end + 1);
            tail = &tail[line..];
        }
        String::from_utf8_lossy(tail).trim_end().to_owned()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.child.kill();
        // Reaps the process; a killed one ends at once.
        let _ = lock(&self.child.0).wait();
    }
}

/// `exit code 3` or `signal 9`.
pub(crate) fn status_text(status: Option<ExitStatus>) -> String {
    let Some(status) = status else { return "it had to be killed".to_owned() };
    #[cfg(unix)]
    if let Some(signal) = std::os::unix::process::ExitStatusExt::signal(&status) {
        return format!("signal {signal}");
    }
    match status.code() {
        Some(code) => format!("exit code {code}"),
        None => status.to_string(),
    }
}

/// Reads one line of at most `limit` bytes; None at the end of the stream.
pub(crate) fn read_line(stream: &mut impl BufRead, limit: u64) -> Option<Vec<u8>> {
    let mut line = Vec::new();
    match stream.take(limit).read_until(b'\n', &mut line) {
        Ok(0) | Err(_) => None,
        Ok(_) => Some(line),
    }
}
