//! Folders and files that cannot be used: an error that says which, and nothing lost of what was there.
#![cfg(unix)]

use pleach_tests::{Said, pleach, repository, said};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A search of a table, as a command.
fn search(runs: &Path) -> Command {
    let mut command = pleach(&repository());
    command.args(["run", "specs/nas-bench-201-table.yaml", "--runs", runs.to_str().unwrap()]).stdin(Stdio::null());
    command
}

fn run(command: &mut Command) -> Said {
    said(command.output().unwrap())
}

fn done(command: &mut Command) {
    let told = run(command);
    assert_eq!(told.code, 0, "{}", told.err);
}

fn show(runs: &Path, id: &str) -> Said {
    pleach_tests::run(&repository(), &["show", id, "--runs", runs.to_str().unwrap(), "--format", "json"])
}

fn digest(runs: &Path, id: &str) -> String {
    let told = show(runs, id);
    assert_eq!(told.code, 0, "{}", told.err);
    let shown: Value = serde_json::from_str(&told.out).unwrap();
    shown["digest"].as_str().unwrap().to_owned()
}

const FIRST: &str = "nas-bench-201-table-1";

#[test]
fn a_disk_that_fills_up_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (whole, short) = (folder.path().join("whole"), folder.path().join("short"));
    let long = |runs: &Path| {
        let mut command = search(runs);
        command.args(["--set", "steps.explore.search.budget.trials=3000"]);
        command
    };
    done(&mut long(&whole));
    // No file may grow beyond 350 to 700 kB.
    let plain = long(&short);
    let mut limited = Command::new("sh");
    limited
        .args(["-c", "trap '' XFSZ; ulimit -f 700; exec \"$0\" \"$@\""])
        .arg(plain.get_program())
        .args(plain.get_args());
    limited.current_dir(repository()).envs(plain.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let told = run(&mut limited);
    assert_eq!(told.code, 6, "{}", told.err);
    assert!(
        told.err.contains("run.sqlite") && told.err.contains("all that was recorded before is kept"),
        "{}",
        told.err
    );
    done(&mut long(&short));
    assert_eq!(fs::read_dir(&short).unwrap().filter(|entry| is_run(&entry.as_ref().unwrap().path())).count(), 1);
    assert_eq!(digest(&whole, FIRST), digest(&short, FIRST));
}

fn is_run(path: &Path) -> bool {
    path.join("run.sqlite").is_file()
}

#[test]
fn a_folder_that_cannot_be_made_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "mine").unwrap();
    let told = run(&mut search(&file.join("runs")));
    assert_eq!(told.code, 6, "{}", told.err);
    assert!(told.err.contains(file.to_str().unwrap()), "{}", told.err);
    assert_eq!(fs::read_to_string(&file).unwrap(), "mine");
}

#[test]
fn a_damaged_record_is_said_and_left_as_it_is() {
    let runs = tempfile::tempdir().unwrap();
    let runs = runs.path();
    done(&mut search(runs));
    let expected = digest(runs, FIRST);
    let database = runs.join(FIRST).join("run.sqlite");
    let whole = fs::read(&database).unwrap();
    for damaged in [&whole[..whole.len() / 2], &whole[..100], b"", b"not a database, but long enough to look like some"]
    {
        fs::write(&database, damaged).unwrap();
        let shown = show(runs, FIRST);
        assert_eq!(shown.code, 6, "{}", shown.err);
        assert!(shown.err.contains(database.to_str().unwrap()), "{}", shown.err);
        let told = run(&mut search(runs));
        assert_eq!(told.code, 0, "{}", told.err);
        assert!(told.err.contains(FIRST), "it is said that the run is left alone: {}", told.err);
        assert_eq!(fs::read(&database).unwrap(), damaged);
        let second = runs.join("nas-bench-201-table-2");
        assert_eq!(digest(runs, "nas-bench-201-table-2"), expected);
        fs::remove_dir_all(second).unwrap();
    }
}

/// An experiment whose program takes its time.
fn slow(folder: &Path) -> PathBuf {
    let file = folder.join("slow.yaml");
    let yaml = r#"
version: 1
name: slow
space: {values: {x: {float: [0.0, 1.0]}}}
evaluator: {command: [sh, -c, 'cat > /dev/null; sleep 0.1; echo "{\"metrics\": {\"loss\": 1}}"']}
objectives: [{minimize: loss}]
steps: {explore: {search: {strategy: random, budget: {trials: 60}}}}
"#;
    fs::write(&file, yaml).unwrap();
    file
}

#[test]
fn a_run_in_use_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let (file, runs) = (slow(folder.path()), folder.path().join("runs"));
    let command = || {
        let mut command = pleach(folder.path());
        command.args(["run", file.to_str().unwrap(), "--runs", runs.to_str().unwrap(), "--workers", "2"]);
        command.stdin(Stdio::null());
        command
    };
    let mut first = command().stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let record = runs.join("slow-1/lock.pid");
    while fs::read_to_string(&record).unwrap_or_default().is_empty() {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    let told = run(&mut command());
    assert_eq!(told.code, 6, "{}", told.err);
    assert!(told.err.contains(&format!("in use by process {}", first.id())), "{}", told.err);
    // Who only looks is let in.
    assert_eq!(show(&runs, "slow").code, 0);
    assert!(first.wait().unwrap().success());
    assert!(!runs.join("slow-2").exists());
}

#[test]
fn files_that_are_missing_are_written_again() {
    let runs = tempfile::tempdir().unwrap();
    let runs = runs.path();
    done(&mut search(runs));
    let run_folder = runs.join(FIRST);
    let files = ["best.yaml", "trials.csv", "front.csv"];
    let before = files.map(|name| fs::read(run_folder.join(name)).unwrap());
    for name in files {
        fs::remove_file(run_folder.join(name)).unwrap();
    }
    done(&mut search(runs));
    assert_eq!(files.map(|name| fs::read(run_folder.join(name)).unwrap()), before);
}
