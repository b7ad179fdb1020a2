//! Successive halving through the built programs: the best go on from their weights, to the bits of a training without
//! interruption.

use pleach_tests::repository;
use rusqlite::Connection;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

/// The ready experiment on few examples and epochs: two rungs, 3 and 8 epochs.
const SMALL: [&str; 10] = [
    "--set",
    "space.training.epochs=8",
    "--set",
    "data.split.limit=300",
    "--set",
    "steps.search.search.budget.trainings=4",
    "--set",
    "steps.final.train.repeats=2",
    "--set",
    "steps.ship.export.formats=[yaml]",
];

fn pleach(runs: &Path, more: &[&str]) -> Command {
    let mut command = pleach_tests::pleach(&repository());
    command.args(["run", "specs/successive-halving.yaml", "--runs"]).arg(runs).args(more).stdin(Stdio::null());
    command
}

fn run(runs: &Path, more: &[&str]) {
    let output = pleach(runs, more).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

fn record(folder: &Path) -> Connection {
    Connection::open(folder.join("run.sqlite")).unwrap()
}

fn digest(runs: &Path) -> serde_json::Value {
    let mut command = pleach_tests::pleach(&repository());
    let output = command.args(["show", "successive-halving", "--format", "json", "--runs"]).arg(runs).output().unwrap();
    let shown: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(shown["digest"].is_string(), "{shown}");
    shown["digest"].clone()
}

/// One number from a record.
fn number(record: &Connection, query: &str) -> f64 {
    record.query_row(query, [], |row| row.get(0)).unwrap_or_else(|error| panic!("{query}: {error}"))
}

#[test]
fn the_best_go_on_to_the_bits_of_an_uninterrupted_training() {
    let folder = tempfile::tempdir().unwrap();
    run(folder.path(), &SMALL);
    let record = record(&folder.path().join("successive-halving-1"));
    // Four trainings are 32 epochs: 7 candidates to epoch 3, 2 of them on to 8, as the third would not fit.
    let epochs =
        "SELECT sum(fidelity * 8.0 - CASE WHEN detail IS NULL THEN 0 ELSE 3 END) FROM trials WHERE step = 'search'";
    let spent = number(&record, epochs);
    assert_eq!(spent.round(), 31.0);
    let resumed = "SELECT count(*) FROM trials WHERE step = 'search' AND detail LIKE '%resume%' AND fidelity = 1.0";
    assert!(number(&record, resumed) >= 1.0);
    assert_eq!(number(&record, "SELECT count(*) FROM trials WHERE step = 'search' AND state != 'measured'"), 0.0);
    // `final` trains the best from fresh weights under the same key. The run would have failed if the weights differed; here
    // are the curves of all epochs.
    let same = "SELECT count(*) FROM trials AS one JOIN trials AS two ON one.key = two.key AND one.curves = two.curves \
                WHERE one.step = 'search' AND one.detail IS NOT NULL AND two.step = 'final' AND NOT two.cached";
    assert_eq!(number(&record, same), 1.0);
    let both = "SELECT json_array_length(json_extract(curves, '$.accuracy')) FROM trials WHERE step = 'search' AND detail IS NOT NULL";
    assert_eq!(number(&record, both), 8.0);
    assert_eq!(weights(folder.path()), 2, "the weights of `final` alone are kept");
}

/// How many weights the cache keeps.
fn weights(runs: &Path) -> usize {
    std::fs::read_dir(runs.join(".cache/weights")).unwrap().count()
}

#[test]
fn halving_that_was_interrupted_goes_on_to_the_same_digest() {
    let folder = tempfile::tempdir().unwrap();
    let (whole, stopped) = (folder.path().join("whole"), folder.path().join("stopped"));
    run(&whole, &[&SMALL[..], &["--workers", "2"]].concat());
    let arguments = [&SMALL[..], &["--workers", "1"]].concat();
    let mut child = pleach(&stopped, &[&arguments[..], &["--format", "json"]].concat())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut done = 0;
    for line in BufReader::new(child.stdout.take().unwrap()).lines() {
        let event: serde_json::Value = serde_json::from_str(&line.unwrap()).unwrap();
        done += i32::from(event["event"] == "trial_done");
        if done == 6 {
            break;
        }
    }
    child.kill().unwrap();
    child.wait().unwrap();
    run(&stopped, &arguments);
    assert_eq!(digest(&whole), digest(&stopped));
    assert!(!stopped.join("successive-halving-2").exists(), "the run goes on in its folder");
    assert_eq!(weights(&stopped), 2, "what the first sitting kept is forgotten too");
}

#[test]
fn smoke_tries_it() {
    let folder = tempfile::tempdir().unwrap();
    run(folder.path(), &["--smoke"]);
    let record = record(&folder.path().join("successive-halving-smoke-1"));
    assert_eq!(number(&record, "SELECT count(*) FROM trials WHERE step = 'search'"), 1.0);
    assert_eq!(number(&record, "SELECT count(*) FROM trials WHERE step = 'final' AND state = 'measured'"), 1.0);
}

/// A worker that finds no earlier weights, whatever is asked: a filter before the real one.
#[cfg(unix)]
fn forgetful_worker(folder: &Path) -> std::path::PathBuf {
    use std::os::unix::fs::PermissionsExt;
    let real = std::env::var_os("PLEACH_TORCH")
        .map_or_else(|| repository().join("target/debug/pleach-torch"), std::path::PathBuf::from);
    let script = folder.join("forgetful");
    let text =
        format!("#!/bin/sh\nsed -u 's#\"resume\":\"[^\"]*\"#\"resume\":\"/no/such/weights\"#' | {}\n", real.display());
    std::fs::write(&script, text).unwrap();
    std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o755)).unwrap();
    script
}

#[cfg(unix)]
#[test]
fn without_the_earlier_weights_a_training_begins_anew_and_comes_to_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let (usual, forgetful) = (folder.path().join("usual"), folder.path().join("forgetful-runs"));
    run(&usual, &SMALL);
    let output = pleach(&forgetful, &SMALL).env("PLEACH_TORCH", forgetful_worker(folder.path())).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    assert!(said.contains("begins anew to the same bits"), "{said}");
    assert_eq!(digest(&usual), digest(&forgetful));
}
