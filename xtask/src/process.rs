//! Running other programs: searching for them, capturing what they say, giving up on them.

use std::env;
use std::ffi::OsStr;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::failure::{Failure, Outcome};

/// What a captured program printed, and whether it succeeded.
pub struct Captured {
    pub success: bool,
    pub stdout: String,
    pub stderr: String,
}

/// The file a program's name stands for, as the shell would find it; a name with a slash stands for itself.
pub fn find(program: impl AsRef<OsStr>) -> Option<PathBuf> {
    let program = Path::new(program.as_ref());
    if program.components().count() > 1 {
        return program.is_file().then(|| program.to_path_buf());
    }
    let folders = env::var_os("PATH")?;
    env::split_paths(&folders)
        .flat_map(|folder| [folder.join(program), folder.join(program).with_extension(env::consts::EXE_EXTENSION)])
        .find(|file| file.is_file())
}

/// The command as a reader would type it.
pub fn shown(command: &Command) -> String {
    let words = [command.get_program()].into_iter().chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}

/// Runs a command to its end with its output on our standard error; a failed start or exit code is a failure.
pub fn run(command: &mut Command) -> Outcome {
    let status = status(command.stdout(Stdio::from(std::io::stderr())))?;
    if status.success() { Ok(()) } else { Err(Failure::new(format!("`{}` failed ({status})", shown(command)))) }
}

/// Runs a command to its end with the streams it was given.
pub fn status(command: &mut Command) -> Outcome<ExitStatus> {
    command.status().map_err(|error| not_started(command, &error))
}

/// Runs a command to its end and keeps what it prints.
pub fn capture(command: &mut Command) -> Outcome<Captured> {
    let output = command.stdin(Stdio::null()).output().map_err(|error| not_started(command, &error))?;
    Ok(Captured {
        success: output.status.success(),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    })
}

/// Runs a command quietly: what it prints is shown only if it fails.
pub fn run_quietly(command: &mut Command) -> Outcome {
    let captured = capture(command)?;
    if captured.success {
        return Ok(());
    }
    Err(Failure::new(format!("`{}` failed:\n{}{}", shown(command), captured.stdout, captured.stderr)))
}

/// Runs a command and ends it if it takes longer than `limit`; `None` then, else its standard error and success.
pub fn run_within(command: &mut Command, limit: Duration) -> Outcome<Option<Captured>> {
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(|error| not_started(command, &error))?;
    let mut stream = child.stderr.take().expect("standard error is piped");
    let reader = thread::spawn(move || {
        let mut text = Vec::new();
        // A stream that breaks off ends the text; the exit status says what happened.
        let _ = stream.read_to_end(&mut text);
        String::from_utf8_lossy(&text).into_owned()
    });
    let Some(status) = wait_within(&mut child, limit)? else {
        child.kill().and_then(|()| child.wait()).map_err(|error| Failure::new(error.to_string()))?;
        return Ok(None);
    };
    let stderr = reader.join().unwrap_or_default();
    Ok(Some(Captured { success: status.success(), stdout: String::new(), stderr }))
}

fn wait_within(child: &mut Child, limit: Duration) -> Outcome<Option<ExitStatus>> {
    let start = Instant::now();
    loop {
        let status = child.try_wait().map_err(|error| Failure::new(format!("cannot wait for a program: {error}")))?;
        if status.is_some() || start.elapsed() >= limit {
            return Ok(status);
        }
        thread::sleep(Duration::from_millis(20));
    }
}

fn not_started(command: &Command, error: &std::io::Error) -> Failure {
    Failure::new(format!("cannot start `{}`: {error}", command.get_program().to_string_lossy()))
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn programs_are_found_in_the_path_only() {
        assert!(find("sh").is_some_and(|file| file.is_absolute()));
        assert_eq!(find("no-such-program-anywhere"), None);
        assert_eq!(find("/no/such/program"), None);
    }

    #[test]
    fn a_slow_program_is_ended() {
        let start = Instant::now();
        assert!(run_within(&mut shell("exec sleep 30"), Duration::from_millis(50)).unwrap().is_none());
        assert!(start.elapsed() < Duration::from_secs(10));
    }

    #[test]
    fn a_quick_program_keeps_its_words() {
        let captured = run_within(&mut shell("echo no network >&2; exit 3"), Duration::from_secs(30)).unwrap().unwrap();
        assert!(!captured.success);
        assert_eq!(captured.stderr, "no network\n");
    }

    #[test]
    fn quiet_programs_speak_when_they_fail() {
        run_quietly(&mut shell("echo fine")).unwrap();
        let failure = run_quietly(&mut shell("echo out; echo broken >&2; false")).unwrap_err().to_string();
        assert!(failure.contains("out\nbroken"), "{failure}");
    }

    #[test]
    fn a_missing_program_is_named() {
        let failure = capture(&mut Command::new("/no/such/program")).err().unwrap().to_string();
        assert!(failure.contains("/no/such/program"), "{failure}");
    }
}
