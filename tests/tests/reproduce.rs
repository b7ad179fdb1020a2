//! The same run gives the same bits, and a user can check it: `pleach reproduce`, `pleach run --locked`.

use pleach_tests::{Said, pleach, run, said};
use rusqlite::Connection;
use serde_json::{Value, json};
use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

/// An experiment with a program of the user's, whose space lies in a file of its own.
const OWN: &str = "\
version: 1
name: own
seed: 3
space: {from: space.yaml}
evaluator: {command: [sh, ./evaluate.sh]}
objectives: [{minimize: loss}]
steps: {a: {search: {strategy: regularized-evolution, with: {population: 4, sample: 2}, budget: {trials: 12}, baseline: random}}}
";

const SPACE: &str = "values: {x: {float: [0.0, 1.0]}}\n";

/// A program that says `x` is the loss.
const PROGRAM: &str = "\
read candidate
x=$(echo \"$candidate\" | sed 's/.*\"x\":\\([0-9.e-]*\\).*/\\1/')
if test -e broken && test ${#x} -gt 18; then exit 1; fi
echo \"{\\\"metrics\\\": {\\\"loss\\\": $x, \\\"latency\\\": $(date +%s%N)}}\"
";

/// A folder with that experiment.
fn own() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in [("own.yaml", OWN), ("space.yaml", SPACE), ("evaluate.sh", PROGRAM)] {
        fs::write(folder.path().join(name), text).unwrap();
    }
    folder
}

fn ran(folder: &Path, arguments: &[&str]) {
    let told = run(folder, &[&["run"], arguments].concat());
    assert_eq!(told.code, 0, "{}", told.whole());
}

fn reproduced(folder: &Path, arguments: &[&str]) -> (i32, Value) {
    let told = run(folder, &[&["reproduce"], arguments, &["--format", "json"]].concat());
    let value = serde_json::from_str(&told.out).unwrap_or_else(|error| panic!("{error}: {}", told.whole()));
    (told.code, value)
}

fn change(folder: &Path, run: &str, sql: &str) {
    let record = Connection::open(folder.join("runs").join(run).join("run.sqlite")).unwrap();
    assert!(record.execute(sql, []).unwrap() > 0, "{sql}");
}

fn folders(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder.join("runs")).unwrap();
    let mut names: Vec<String> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn a_run_is_made_again_from_its_folder_alone() {
    let folder = own();
    let here = folder.path();
    ran(here, &["own.yaml"]);
    // The experiment's file is gone, its space has changed, and the strategies are nowhere.
    fs::remove_file(here.join("own.yaml")).unwrap();
    fs::write(here.join("space.yaml"), "values: {x: {float: [5.0, 6.0]}}\n").unwrap();
    let empty = here.join("no strategies");
    fs::create_dir(&empty).unwrap();
    let told = pleach(here).args(["reproduce", "own", "--format", "json"]).env("PLEACH_PLUGINS", &empty).output();
    let told = said(told.unwrap());
    assert_eq!(told.code, 0, "{}", told.whole());
    let value: Value = serde_json::from_str(&told.out).unwrap();
    assert_eq!(
        (&value["reproduced"], &value["tolerance"], &value["difference"]),
        (&true.into(), &Value::Null, &Value::Null)
    );
    assert!(value["digest"].is_string() && value["digest"] == value["digest_again"], "{value}");
    let steps: Vec<(&str, u64)> = value["steps"]
        .as_array()
        .unwrap()
        .iter()
        .map(|s| (s["step"].as_str().unwrap(), s["compared"].as_u64().unwrap()))
        .collect();
    assert_eq!(steps, [("a", 12), ("a/baseline", 12)]);
    assert_eq!(folders(here), [".cache", "own-1"], "the run that was made again is gone");

    let told = run(here, &["reproduce", "own", "--keep"]);
    assert!(told.code == 0 && told.out.contains("every bit that was compared is the same, digest"), "{}", told.whole());
    let kept = folders(here).into_iter().find(|name| name.starts_with(".reproduce-own-1-")).unwrap();
    let shown = run(here, &["show", "own", "--runs", &format!("runs/{kept}"), "--format", "json"]);
    assert_eq!(serde_json::from_str::<Value>(&shown.out).unwrap()["digest"], value["digest"]);
}

#[test]
fn the_first_difference_is_named_with_both_values() {
    let folder = own();
    let here = folder.path();
    ran(here, &["own.yaml"]);
    change(here, "own-1", "UPDATE trials SET metrics = '{\"loss\":0.25}' WHERE step = 'a/baseline' AND id = 3");
    let (code, value) = reproduced(here, &["own"]);
    let difference = &value["difference"];
    assert_eq!((code, &value["reproduced"]), (5, &false.into()));
    assert_eq!(
        (&difference["step"], &difference["trial"], &difference["epoch"], &difference["what"], &difference["recorded"]),
        (&"a/baseline".into(), &3.into(), &Value::Null, &"loss".into(), &0.25.into())
    );
    assert!(difference["again"].as_f64().is_some_and(|loss| loss != 0.25), "{difference}");
    // What is told of another request comes first, since the search asked for it before.
    change(here, "own-1", "UPDATE trials SET genotype = '[0.5]' WHERE step = 'a' AND id = 2");
    let told = run(here, &["reproduce", "own"]);
    assert_eq!(told.code, 5, "{}", told.whole());
    assert!(
        told.err.contains("own-1 did not reproduce: step `a`, trial 2: genotype was [0.5], is [0."),
        "{}",
        told.whole()
    );
}

#[test]
fn failures_of_the_machine_are_taken_over() {
    let folder = own();
    let here = folder.path();
    fs::write(here.join("broken"), "").unwrap();
    ran(here, &["own.yaml", "--set", "failures=1"]);
    fs::remove_file(here.join("broken")).unwrap();
    let lock = fs::read_to_string(here.join("runs/own-1/lock.yaml")).unwrap();
    assert!(
        lock.contains("digest_holds: this_machine") && lock.contains("failed for a reason of the machine"),
        "{lock}"
    );
    let (code, value) = reproduced(here, &["own"]);
    assert_eq!((code, &value["difference"]), (0, &Value::Null), "{value}");
    assert!(value["steps"][0]["taken_over"].as_u64().unwrap() > 0, "{value}");
    assert_eq!(value["digest"], value["digest_again"]);
}

#[test]
fn a_search_that_a_clock_led_is_compared_where_it_can_be() {
    let folder = own();
    let here = folder.path();
    ran(here, &["own.yaml", "--set", "objectives=[{minimize: latency}]"]);
    let lock = fs::read_to_string(here.join("runs/own-1/lock.yaml")).unwrap();
    assert!(lock.contains("digest_holds: this_run") && lock.contains("`latency` leads the search"), "{lock}");
    let (code, value) = reproduced(here, &["own"]);
    assert_eq!(
        (code, &value["same_requests"], &value["not_compared"]),
        (0, &false.into(), &json!(["latency"])),
        "{value}"
    );
    assert!(value["because"][0].as_str().unwrap().contains("`latency` leads"), "{value}");
    assert!(value["steps"][0]["compared"].as_u64().unwrap() >= 4, "the first population is random: {value}");
    // Of what can be compared every bit still counts.
    change(here, "own-1", "UPDATE trials SET metrics = '{\"loss\":7,\"latency\":1}' WHERE step = 'a' AND id = 0");
    let (code, value) = reproduced(here, &["own"]);
    assert_eq!(
        (code, &value["difference"]["what"], &value["difference"]["recorded"]),
        (5, &"loss".into(), &7.0.into())
    );
}

#[test]
fn of_an_unfinished_run_the_trials_that_were_told_are_compared() {
    let folder = own();
    let here = folder.path();
    let refused = run(here, &["reproduce", "own"]);
    assert!(refused.code == 6 && refused.err.contains("no run `own`"), "{}", refused.whole());
    fs::write(here.join("evaluate.sh"), format!("sleep 0.2\n{PROGRAM}")).unwrap();
    let mut child = pleach(here)
        .args(["run", "own.yaml", "--workers", "1"])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let told = || -> i64 {
        let Ok(record) = Connection::open(here.join("runs/own-1/run.sqlite")) else { return 0 };
        let count = "SELECT count(*) FROM trials WHERE state = 'measured'";
        record.query_row(count, [], |row| row.get(0)).unwrap_or(0)
    };
    let start = Instant::now();
    while told() < 3 {
        assert!(start.elapsed() < Duration::from_secs(60));
        std::thread::sleep(Duration::from_millis(20));
    }
    let refused = run(here, &["reproduce", "own"]);
    assert!(refused.code == 6 && refused.err.contains("is being executed by process"), "{}", refused.whole());
    child.kill().unwrap();
    child.wait().unwrap();
    let count = told();
    let (code, value) = reproduced(here, &["own"]);
    assert_eq!((code, &value["state"], &value["digest"]), (0, &"unfinished".into(), &Value::Null), "{value}");
    assert_eq!((value["steps"][0]["compared"].as_i64(), value["steps"].as_array().unwrap().len()), (Some(count), 1));
    assert!(count < 12, "it stops where the run had stopped");
}

#[test]
fn what_a_run_was_made_from_must_be_there_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    let rows: String = (0..10).map(|x| format!("{x},{}.5,1\n", x * x % 7)).collect();
    let table = format!("code,loss,seconds\n{rows}");
    fs::write(here.join("table.csv"), &table).unwrap();
    let spec = "\
version: 1
name: looked-up
space: {values: {x: {one_of: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]}}}
evaluator: {table: {file: table.csv, code: {column: code}, metrics: {loss: {column: loss}}, cost: seconds}}
objectives: [{minimize: loss}]
steps: {a: {search: {strategy: random, budget: {trials: 30}}}}
";
    fs::write(here.join("spec.yaml"), spec).unwrap();
    ran(here, &["spec.yaml"]);
    assert_eq!(reproduced(here, &["looked-up"]).0, 0);
    fs::write(here.join("table.csv"), table.replace("0.5", "0.25")).unwrap();
    let told = run(here, &["reproduce", "looked-up"]);
    assert_eq!(told.code, 6, "{}", told.whole());
    assert!(told.err.contains("the table is not what the run was made from"), "{}", told.whole());
    fs::remove_file(here.join("table.csv")).unwrap();
    let told = run(here, &["reproduce", "looked-up"]);
    assert_eq!(told.code, 6, "{}", told.whole());
    assert!(told.err.contains("table.csv") && told.err.contains("--base names another folder"), "{}", told.whole());
    let elsewhere = here.join("elsewhere");
    fs::create_dir(&elsewhere).unwrap();
    fs::write(elsewhere.join("table.csv"), &table).unwrap();
    assert_eq!(reproduced(here, &["looked-up", "--base", "elsewhere"]).0, 0);
    assert_eq!(folders(here), [".cache", "looked-up-1"]);
}

/// A small experiment that trains.
const TRAINED: &str = "\
version: 1
name: trained
seed: 1
data: {dataset: digits, batch: 32, split: {limit: 200}}
space:
  network:
    - conv: {channels: {one_of: [2, 3, 4]}, kernel: 3}
    - global_pool: average
    - linear: classes
  training: {epochs: 2, optimizer: {sgd: {rate: 0.05}}}
objectives: [{maximize: accuracy}]
steps:
  explore: {search: {strategy: random, budget: {trials: 3}}}
  final: {train: {candidates: best(explore)}}
";

#[test]
fn trainings_come_to_the_same_bits_and_differ_down_to_an_epoch() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    fs::write(here.join("trained.yaml"), TRAINED).unwrap();
    ran(here, &["trained.yaml", "--workers", "1"]);
    let lock = fs::read_to_string(here.join("runs/trained-1/lock.yaml")).unwrap();
    assert!(lock.contains("device: cpu\ndevice_name: ") && lock.contains("training_semantics: "), "{lock}");
    let (code, value) = reproduced(here, &["trained", "--workers", "2"]);
    assert_eq!((code, &value["tolerance"], &value["because"]), (0, &Value::Null, &json!([])), "{value}");
    assert_eq!((&value["steps"][0]["compared"], &value["steps"][1]["weights"]), (&3.into(), &1.into()), "{value}");
    assert_eq!(value["digest"], value["digest_again"]);

    // Another value at an epoch, and the weights of another training.
    let epoch = "UPDATE trials SET curves = json_set(curves, '$.accuracy[1]', 0.125) WHERE step = 'final'";
    change(here, "trained-1", epoch);
    let (code, value) = reproduced(here, &["trained"]);
    let difference = &value["difference"];
    assert_eq!((code, &difference["step"], &difference["trial"]), (5, &"final".into(), &0.into()), "{value}");
    assert_eq!(
        (&difference["epoch"], &difference["what"], &difference["recorded"]),
        (&2.into(), &"accuracy".into(), &0.125.into())
    );

    // On another processor the end of each trial is compared, within a tolerance.
    change(
        here,
        "trained-1",
        "UPDATE meta SET value = json_set(value, '$.device_name', 'Another') WHERE name = 'lock'",
    );
    let told = run(here, &["reproduce", "trained"]);
    assert_eq!(told.code, 0, "{}", told.whole());
    assert!(
        told.err.contains("bits cannot be promised: the device is") && told.err.contains(", was Another"),
        "{}",
        told.whole()
    );
    assert!(told.out.contains("reproduced trained-1: within 0.05"), "{}", told.whole());
    change(here, "trained-1", "UPDATE trials SET metrics = json_set(metrics, '$.loss', 3.0) WHERE step = 'final'");
    let (code, value) = reproduced(here, &["trained", "--tolerance", "0.01"]);
    assert_eq!((code, &value["tolerance"], &value["difference"]["what"]), (5, &0.01.into(), &"loss".into()), "{value}");
    assert_eq!(reproduced(here, &["trained", "--tolerance", "2"]).0, 0);
}

fn locked(here: &Path, more: &[&str]) -> Said {
    run(here, &[&["run", "own.yaml"], more].concat())
}

#[test]
fn a_locked_run_is_refused_with_all_that_differs() {
    let folder = own();
    let here = folder.path();
    let told = locked(here, &["--locked"]);
    assert!(told.code == 6 && told.err.contains("there is no run of `own`"), "{}", told.whole());
    ran(here, &["own.yaml"]);
    let told = locked(here, &["--locked"]);
    assert!(told.code == 0 && told.err.contains("up to date"), "{}", told.whole());
    // From the lock alone, in a folder without runs.
    fs::copy(here.join("runs/own-1/lock.yaml"), here.join("lock.yaml")).unwrap();
    let told = locked(here, &["--locked=lock.yaml", "--runs", "other"]);
    assert_eq!(told.code, 0, "{}", told.whole());

    fs::write(here.join("evaluate.sh"), format!("{PROGRAM}\n")).unwrap();
    fs::write(here.join("own.yaml"), OWN.replace("trials: 12", "trials: 14").replace("seed: 3", "seed: 4")).unwrap();
    let lock = fs::read_to_string(here.join("lock.yaml")).unwrap();
    let digest = lock.lines().find_map(|line| line.strip_prefix("  regularized-evolution: ")).unwrap();
    let other = lock.replace(digest, &"ab".repeat(32)).replace("pleach: \"0", "pleach: \"7");
    fs::write(here.join("lock.yaml"), other).unwrap();
    for wanted in ["--locked", "--locked=own-1", "--locked=lock.yaml"] {
        let told = locked(here, &[wanted]);
        assert_eq!(told.code, 2, "{}", told.whole());
        for part in [
            "content of `command`: ",
            "seed: 3 → 4 (own.yaml:3)",
            "steps.a.search.budget.trials: 12 → 14 (own.yaml:7)",
            "run without --locked",
        ] {
            assert!(told.err.contains(part), "no {part}: {}", told.whole());
        }
        let strategy = told.err.contains("strategy `regularized-evolution`: abababababab… → ");
        assert_eq!(
            (strategy, told.err.contains("version of `pleach`: 7")),
            (wanted.ends_with("yaml"), wanted.ends_with("yaml"))
        );
    }
    assert_eq!(folders(here), [".cache", "own-1"], "nothing was run");
    fs::write(here.join("no.yaml"), "a: 1\n").unwrap();
    let told = locked(here, &["--locked=no.yaml"]);
    assert!(told.code == 6 && told.err.contains("`no.yaml` is no lock file"), "{}", told.whole());
}
