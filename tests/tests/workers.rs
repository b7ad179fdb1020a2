//! Workers that die, hang, answer nonsense or answer twice: the trial is tried again, then failed alone, and it is said which and why.
#![cfg(unix)]

use pleach_tests::{Said, pleach, said};
use serde_json::Value;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Stdio;

/// A worker that does at once what the kernel of the first convolution says, and is well otherwise.
const WORKER: &str = r#"#!/bin/sh
printf '{"hello":{"protocol":3,"libtorch":"2","device":"cpu","device_name":"x","training_semantics":1}}\n'
trained() {
    printf '{"trained":{"id":%s,"metrics":{"loss":0.5,"accuracy":0.5},"weights_digest":"ab","parameters":1,"seconds":0}}\n' "$id"
}
while read -r line; do
    rest=${line#*\"id\":}
    id=${rest%%,*}
    case $line in
        *'"kernel":3'*) echo 'the last words' >&2; kill -SEGV $$ ;;
        *'"kernel":5'*) sleep 1000 ;;
        *'"kernel":7'*) echo 'I am no message' ;;
        *'"kernel":9'*) printf '{"failed":{"id":%s,"reason":"out_of_memory","message":"memory ran out","detail":"x"}}\n' "$id" ;;
        *'"kernel":11'*) trained; trained ;;
        *) trained ;;
    esac
done
"#;

fn run(folder: &Path, convolution: &str, more: &str) -> (Said, Value) {
    let (worker, file, runs) = (folder.join("worker"), folder.join("ill.yaml"), folder.join("runs"));
    fs::write(&worker, WORKER).unwrap();
    fs::set_permissions(&worker, fs::Permissions::from_mode(0o755)).unwrap();
    let yaml = format!(
        "version: 1\nname: ill\ndata: {{dataset: digits, split: {{limit: 300}}}}\nspace:\n  network:\n    \
         - conv: {{{convolution}}}\n    - global_pool: average\n    - linear: classes\n\
         objectives: [{{maximize: accuracy}}]\n{more}\n\
         steps: {{explore: {{search: {{strategy: random, budget: {{trials: 16}}}}}}}}\n"
    );
    fs::write(&file, yaml).unwrap();
    let run = |arguments: &[&str]| {
        let mut command = pleach(folder);
        command.args(arguments).args(["--runs", runs.to_str().unwrap()]).env("PLEACH_TORCH", &worker);
        said(command.stdin(Stdio::null()).output().unwrap())
    };
    let told = run(&["run", file.to_str().unwrap(), "--workers", "2"]);
    let shown = run(&["show", "ill", "--format", "json"]);
    (told, serde_json::from_str(&shown.out).unwrap_or_default())
}

/// Trials by kernel: `state` or the message of the failure, each once.
fn outcomes(folder: &Path) -> Vec<(i64, String)> {
    let record = rusqlite::Connection::open(folder.join("runs/ill-1/run.sqlite")).unwrap();
    let sql = "SELECT DISTINCT CAST(json_extract(genotype, '$[0]') AS INTEGER), ifnull(reason || ': ' || message, state) FROM trials \
               ORDER BY 1";
    let mut statement = record.prepare(sql).unwrap();
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
    rows.map(Result::unwrap).collect()
}

#[test]
fn only_the_trials_fail_whose_workers_misbehave() {
    let folder = tempfile::tempdir().unwrap();
    let (told, shown) = run(
        folder.path(),
        "channels: 4, kernel: {one_of: [1, 3, 5, 7, 9, 11]}",
        "failures: 1.0\nlimits: {trial: 1s, retries: 1}",
    );
    assert_eq!(told.code, 0, "{}", told.err);
    let expected = [
        (0, "measured"),
        (1, "lost: the worker ended in the middle of its work, also when tried again alone"),
        (2, "timed_out: took longer than 1 s, also when tried again alone"),
        (3, "lost: the worker answered with a line that is no message, also when tried again alone"),
        (4, "out_of_memory: memory ran out"),
        (5, "measured"),
    ];
    assert_eq!(outcomes(folder.path()), expected.map(|(kernel, state)| (kernel, state.to_owned())));
    for words in [
        "explore: warn: trial ",
        "the worker ended in the middle of its work (signal 11):\nthe last words; it is tried again",
        "took longer than 1 s; it is tried again",
        "took longer than 1 s; it has failed",
        "the worker answered with a line that is no message",
        "`I am no message`",
    ] {
        assert!(told.err.contains(words), "`{words}` in {}", told.err);
    }
    assert_eq!(shown["steps"]["explore"]["trials"], 6, "every network once");
    // What failed so says nothing of another machine.
    let lock = fs::read_to_string(folder.path().join("runs/ill-1/lock.yaml")).unwrap();
    assert!(lock.contains("machine"), "{lock}");
}

#[test]
fn retries_are_those_of_the_experiment() {
    let folder = tempfile::tempdir().unwrap();
    let (told, _) = run(folder.path(), "channels: 4, kernel: {one_of: [1, 3]}", "limits: {retries: 0}");
    assert_eq!(told.code, 0, "{}", told.err);
    assert_eq!(outcomes(folder.path())[1].1, "lost: the worker ended in the middle of its work");
    assert!(!told.err.contains("tried again"), "{}", told.err);
}

#[test]
fn too_many_failures_end_the_run_and_say_which() {
    let folder = tempfile::tempdir().unwrap();
    let (told, _) = run(folder.path(), "channels: {int: [1, 64]}, kernel: 3", "limits: {retries: 0}");
    assert_eq!(told.code, 4, "{}", told.err);
    assert!(told.err.contains("10 of 10 trials failed, more than the 20 % that `failures` allows"), "{}", told.err);
    assert!(told.err.contains("lost: the worker ended in the middle of its work"), "{}", told.err);
}

#[test]
fn without_a_worker_all_works_that_needs_none() {
    let folder = tempfile::tempdir().unwrap();
    let run = |arguments: &[&str]| {
        let mut command = pleach(&pleach_tests::repository());
        command.args(arguments).env("PLEACH_TORCH", "/nowhere/pleach-torch").stdin(Stdio::null());
        let told = said(command.output().unwrap());
        assert_eq!(told.code, 0, "{arguments:?}: {}", told.err);
    };
    let runs = folder.path().to_str().unwrap();
    run(&["check", "specs/quickstart.yaml"]);
    run(&["plan", "specs/quickstart.yaml"]);
    run(&["space", "specs/quickstart.yaml"]);
    run(&["run", "specs/nas-bench-201-table.yaml", "--runs", runs]);
    run(&["show", "nas-bench-201-table", "--runs", runs]);
    run(&["report", "nas-bench-201-table", "--runs", runs]);
}
