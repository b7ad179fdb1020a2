//! Attacks on the sandbox through the program, each in a process of its own whose time and memory are measured.

use std::fs::{self, File};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use pleach_hostile_plugins::{Attack, EXPERIMENT};

/// What an attack may take: seconds, and bytes of memory.
pub const SECONDS: f64 = 10.0;
/// See [`SECONDS`].
pub const BYTES: u64 = 1 << 30;
/// After so long the process is killed.
const PATIENCE: Duration = Duration::from_secs(120);

/// How an attack ended.
#[derive(Debug)]
pub struct Ended {
    /// The exit code; -1 where a signal ended the process.
    pub code: i32,
    /// What the program said of it.
    pub said: String,
    /// From start to end.
    pub seconds: f64,
    /// The most that the process had in memory, and no less than what started it had; none where the system does not tell.
    pub bytes: Option<u64>,
}

impl Ended {
    /// What is not as the attack's entry says; none where all is.
    pub fn differs_from(&self, attack: &Attack) -> Option<String> {
        if self.code != attack.exit {
            return Some(format!("exit code {} where {} is expected:\n{}", self.code, attack.exit, self.said));
        }
        // Long messages are wrapped at blanks, with a margin.
        let words = |text: &str| {
            text.split(|c: char| c.is_whitespace() || c == '│')
                .filter(|word| !word.is_empty())
                .map(str::to_owned)
                .collect::<Vec<_>>()
                .join(" ")
        };
        if !words(&self.said).contains(&words(attack.error)) {
            return Some(format!("it does not say `{}`:\n{}", attack.error, self.said));
        }
        None
    }

    /// The limit that was exceeded.
    pub fn exceeds(&self) -> Option<String> {
        if self.seconds > SECONDS {
            return Some(format!("{:.1} s where {SECONDS} are allowed", self.seconds));
        }
        let bytes = self.bytes.filter(|bytes| *bytes > BYTES)?;
        Some(format!("{} MiB where {} are allowed", bytes >> 20, BYTES >> 20))
    }
}

/// Runs an experiment with the attack as its strategy, in an empty folder; the cache of compiled plugins is empty, too.
pub fn run(attack: &Attack, folder: &Path) -> Ended {
    fs::write(folder.join("guest.wasm"), (attack.wasm)()).expect("the folder can be written");
    fs::write(folder.join("guest.yaml"), EXPERIMENT).expect("the folder can be written");
    measured(crate::pleach(folder).args(["run", "guest.yaml", "--workers", "1"]), folder)
}

/// Runs a command to its end and measures it; what it says goes through a file in the folder.
fn measured(command: &mut Command, folder: &Path) -> Ended {
    let path = folder.join("said");
    let file = File::create(&path).expect("the folder can be written");
    command.stdin(Stdio::null()).stdout(file.try_clone().expect("a file has many handles")).stderr(file);
    // As users have it: their own cache, and the limits that nobody changed.
    command.env("XDG_CACHE_HOME", folder.join("cache")).env_remove("PLEACH_COMPILE_SECONDS");
    let start = Instant::now();
    let mut child = command.spawn().expect("the program can be started");
    let (code, bytes) = loop {
        if let Some(ended) = ended(&mut child) {
            break ended;
        }
        if start.elapsed() > PATIENCE {
            child.kill().expect("the process is ours");
        }
        thread::sleep(Duration::from_millis(2));
    };
    let seconds = start.elapsed().as_secs_f64();
    let said = fs::read(&path).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default();
    Ended { code, said, seconds, bytes }
}

/// Exit code and peak of memory of a process that has ended.
#[cfg(unix)]
fn ended(child: &mut Child) -> Option<(i32, Option<u64>)> {
    let mut status = 0;
    // SAFETY: all-zero bytes are a value of this struct of numbers.
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    let id = child.id() as libc::pid_t;
    // SAFETY: both pointers are to values that live through the call.
    let waited = unsafe { libc::wait4(id, &raw mut status, libc::WNOHANG, &raw mut usage) };
    if waited == 0 {
        return None;
    }
    assert_eq!(waited, id, "the process is a child that nobody else waits for");
    // macOS counts bytes, others kilobytes.
    let unit = if cfg!(target_os = "macos") { 1 } else { 1024 };
    let code = if libc::WIFEXITED(status) { libc::WEXITSTATUS(status) } else { -1 };
    Some((code, Some(usage.ru_maxrss as u64 * unit)))
}

/// Exit code of a process that has ended.
#[cfg(not(unix))]
fn ended(child: &mut Child) -> Option<(i32, Option<u64>)> {
    let status = child.try_wait().expect("the process is ours")?;
    Some((status.code().unwrap_or(-1), None))
}
