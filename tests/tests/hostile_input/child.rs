//! Runs the program and measures it.

use pleach_tests::{Said, pleach};
use std::fs::File;
use std::io::{Read, Seek};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// Processor time that a refusal may take in a dev build, in seconds: half of it is the start on a busy machine.
const SECONDS: f64 = 2.0;
/// Memory that it may take at its peak, in MiB.
const MEBIBYTES: u64 = 500;
/// A program that waits for something that never comes ends here.
const WAIT: Duration = Duration::from_secs(60);

/// What a program said, and what it cost.
struct Cost {
    said: Said,
    seconds: f64,
    mebibytes: u64,
}

fn run(folder: &Path, arguments: &[&str]) -> Cost {
    // Files, not pipes: nobody reads while the program runs.
    let (mut out, mut err) = (tempfile::tempfile().unwrap(), tempfile::tempfile().unwrap());
    // Waited for by `wait`, which tells what it used.
    #[allow(clippy::zombie_processes)]
    let mut child = pleach(folder)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(out.try_clone().unwrap())
        .stderr(err.try_clone().unwrap())
        .spawn()
        .unwrap();
    let start = Instant::now();
    let (status, usage) = loop {
        if let Some(ended) = wait(child.id()) {
            break ended;
        }
        if start.elapsed() > WAIT {
            child.kill().unwrap();
            panic!("{arguments:?} does not end");
        }
        std::thread::sleep(Duration::from_millis(5));
    };
    let seconds = |time: libc::timeval| time.tv_sec as f64 + time.tv_usec as f64 * 1e-6;
    Cost {
        said: Said { code: status.code().unwrap_or(-1), out: read(&mut out), err: read(&mut err) },
        seconds: seconds(usage.ru_utime) + seconds(usage.ru_stime),
        mebibytes: usage.ru_maxrss as u64 / 1024,
    }
}

/// How a child ended and what it used, once it has ended.
fn wait(child: u32) -> Option<(ExitStatus, libc::rusage)> {
    let mut status = 0;
    // SAFETY: a rusage is plain numbers, for which zeros are valid.
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    // SAFETY: both pointers are to variables of this function, of the types that the call writes.
    let ended = unsafe { libc::wait4(child as libc::pid_t, &raw mut status, libc::WNOHANG, &raw mut usage) };
    (ended > 0).then(|| (ExitStatus::from_raw(status), usage))
}

fn read(file: &mut File) -> String {
    let mut bytes = Vec::new();
    file.rewind().unwrap();
    file.read_to_end(&mut bytes).unwrap();
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Runs the program; it must end by itself, cheaply, whatever it says.
pub fn ends(folder: &Path, arguments: &[&str]) -> Said {
    let Cost { said, seconds, mebibytes } = run(folder, arguments);
    let whole: String = said.whole().chars().take(4000).collect();
    assert!(matches!(said.code, 0..=6), "{arguments:?}: {whole}");
    assert!(!whole.contains("panicked"), "{arguments:?}: {whole}");
    assert!(seconds < SECONDS, "{arguments:?} took {seconds} s: {whole}");
    assert!(mebibytes < MEBIBYTES, "{arguments:?} took {mebibytes} MiB: {whole}");
    assert!(said.out.len() + said.err.len() < 1_000_000, "{arguments:?} says more than anybody reads");
    said
}

/// Runs the program, which must refuse what it is given, in these words among others.
pub fn refused(folder: &Path, arguments: &[&str], words: &str) {
    let said = ends(folder, arguments);
    let whole: String = said.whole().chars().take(4000).collect();
    assert!(matches!(said.code, 2 | 6), "{arguments:?}: {whole}");
    assert!(said.out.contains(words) || said.err.contains(words), "{arguments:?}: no `{words}` in {whole}");
}

/// Checks a text as a file `x.yaml`, which must be refused in these words.
pub fn check(text: impl AsRef<[u8]>, words: &str) {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("x.yaml"), text).unwrap();
    refused(folder.path(), &["check", "x.yaml"], words);
}

/// A file as large as this, which takes no room on the disk.
pub fn sparse(path: &Path, bytes: u64) {
    File::create(path).unwrap().set_len(bytes).unwrap();
}

/// A pipe that nobody writes to.
pub fn pipe(path: &Path) {
    assert!(std::process::Command::new("mkfifo").arg(path).status().unwrap().success());
}

/// An experiment with nothing wrong, for one thing to be changed in.
pub const EXPERIMENT: &str = "\
version: 1
name: x
data: {dataset: digits}
space:
  network: [flatten, {linear: classes}]
  training: {epochs: 1, optimizer: {sgd: {rate: {float: [0.01, 0.1]}}}}
objectives: [{maximize: accuracy}]
steps:
  explore: {search: {strategy: random, budget: {trials: 2}}}
";

/// The experiment with one text in place of another.
pub fn with(old: &str, new: &str) -> String {
    assert!(EXPERIMENT.contains(old), "{old}");
    EXPERIMENT.replace(old, new)
}
