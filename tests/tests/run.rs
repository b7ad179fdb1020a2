//! Experiments run through the built programs: the same bits with any number of workers, interrupted or not; nothing done twice.

use pleach_tests::repository;
use serde_json::Value;
use std::path::Path;
use std::process::{Command, Output, Stdio};

/// `pleach` in the repository, with the worker and plugins that belong to it.
fn pleach(arguments: &[&str]) -> Command {
    let mut command = pleach_tests::pleach(&repository());
    command.args(arguments).stdin(Stdio::null());
    command
}

fn run(arguments: &[&str]) -> Output {
    let output = pleach(arguments).output().unwrap();
    assert!(
        output.status.success(),
        "pleach {arguments:?}: {}\n{}",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
    output
}

fn show(runs: &Path, run_name: &str) -> Value {
    let output = run(&["show", run_name, "--runs", runs.to_str().unwrap(), "--format", "json"]);
    serde_json::from_slice(&output.stdout).unwrap()
}

/// The quickstart, smaller: each test has its own folder of runs, and so its own cache.
const SMALL: [&str; 10] = [
    "--set",
    "space.training.epochs=4",
    "--set",
    "steps.explore.search.budget.trials=10",
    "--set",
    "steps.explore.search.with.population=4",
    "--set",
    "steps.final.train.repeats=2",
    "--set",
    "steps.ship.export.formats=[torchscript, onnx, safetensors, pytorch, yaml]",
];

fn quickstart<'a>(runs: &'a Path, more: &[&'a str]) -> Vec<&'a str> {
    let mut arguments = vec!["run", "specs/quickstart.yaml", "--runs", runs.to_str().unwrap()];
    arguments.extend(SMALL);
    arguments.extend(more);
    arguments
}

#[test]
fn one_two_and_eight_workers_give_the_same_bits() {
    let folder = tempfile::tempdir().unwrap();
    let digests: Vec<Value> = ["1", "2", "8"]
        .iter()
        .map(|workers| {
            let runs = folder.path().join(workers);
            run(&quickstart(&runs, &["--workers", workers]));
            show(&runs, "quickstart-1")["digest"].clone()
        })
        .collect();
    assert!(digests[0].as_str().is_some_and(|digest| digest.len() == 64));
    assert_eq!(digests[0], digests[1]);
    assert_eq!(digests[0], digests[2]);
}

#[test]
fn a_run_leaves_networks_that_load_and_is_not_done_twice() {
    let folder = tempfile::tempdir().unwrap();
    run(&quickstart(folder.path(), &[]));
    let shown = show(folder.path(), "quickstart");
    assert_eq!((shown["state"].as_str(), shown["name"].as_str()), (Some("done"), Some("quickstart")));
    assert_eq!(shown["steps"]["explore"]["trials"], 10);
    let results = shown["steps"]["final"]["results"].as_array().unwrap();
    assert!((1..=3).contains(&results.len()));
    for result in results {
        let accuracy = &result["test"]["accuracy"];
        assert_eq!(accuracy["values"].as_array().unwrap().len(), 2);
        assert!(accuracy["mean"].as_f64().unwrap() > 0.3, "{accuracy}");
    }
    let kinds: Vec<&str> = shown["steps"]["ship"]["artifacts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|artifact| artifact["kind"].as_str().unwrap())
        .collect();
    for kind in ["torchscript", "onnx", "safetensors", "pytorch", "yaml"] {
        assert!(kinds.contains(&kind), "{kinds:?}");
    }
    let run_folder = folder.path().join("quickstart-1");
    for file in ["experiment.yaml", "lock.yaml", "run.sqlite", "trials.csv", "front.csv", "best.yaml"] {
        assert!(run_folder.join(file).is_file(), "{file}");
    }
    // The best network is an experiment by itself.
    run(&["check", run_folder.join("best.yaml").to_str().unwrap()]);
    run(&["check", run_folder.join("artifacts/ship/0/network.yaml").to_str().unwrap()]);

    // Again: nothing to do. With a raised budget: the search runs, on trials that are known.
    let again = run(&quickstart(folder.path(), &[]));
    assert!(String::from_utf8_lossy(&again.stderr).contains("up to date"), "{again:?}");
    assert!(!folder.path().join("quickstart-2").exists());
    run(&quickstart(folder.path(), &["--set", "steps.explore.search.budget.trials=12"]));
    let raised = rusqlite::Connection::open(folder.path().join("quickstart-2/run.sqlite")).unwrap();
    let cached: i64 = raised
        .query_row("select count(*) from trials where step = 'explore' and cached", [], |row| row.get(0))
        .unwrap();
    assert!(cached >= 10, "{cached}");
}

#[test]
fn an_interrupted_run_goes_on_to_the_same_digest() {
    let folder = tempfile::tempdir().unwrap();
    let (whole, stopped) = (folder.path().join("whole"), folder.path().join("stopped"));
    run(&quickstart(&whole, &["--workers", "2"]));
    let mut child = pleach(&quickstart(&stopped, &["--workers", "1", "--format", "json"]))
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    // Killed as soon as the third trial is told, wherever it is then.
    let mut lines = std::io::BufRead::lines(std::io::BufReader::new(child.stdout.take().unwrap()));
    let mut done = 0;
    while done < 3 {
        let event: Value = serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap();
        done += i32::from(event["event"] == "trial_done");
    }
    child.kill().unwrap();
    child.wait().unwrap();
    run(&quickstart(&stopped, &["--workers", "2"]));
    assert!(!stopped.join("quickstart-2").exists(), "the run goes on in its folder");
    assert_eq!(show(&whole, "quickstart-1")["digest"], show(&stopped, "quickstart-1")["digest"]);
}

#[test]
fn a_table_is_searched_in_virtual_time() {
    let folder = tempfile::tempdir().unwrap();
    let runs = folder.path().to_str().unwrap();
    run(&["run", "specs/nas-bench-201-table.yaml", "--runs", runs]);
    let name = std::fs::read_dir(folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .find(|name| !name.starts_with('.'))
        .unwrap();
    let shown = show(folder.path(), &name);
    let steps = shown["steps"].as_object().unwrap();
    let search = steps.values().next().unwrap();
    assert_eq!(search["trials"], 300);
    let best = search["best"]["metrics"]["accuracy"].as_f64().unwrap();
    assert!((0.912..=0.9161).contains(&best), "evolution of 300 trials comes near the optimum: {best}");
}

#[test]
fn a_program_of_the_users_evaluates_and_its_failures_end_the_run() {
    let folder = tempfile::tempdir().unwrap();
    let experiment = |program: &str| {
        format!(
            "version: 1\nname: own\nspace: {{values: {{x: {{float: [0.0, 1.0]}}}}}}\nevaluator: {{command: [sh, -c, '{program}']}}\n\
             objectives: [{{minimize: loss}}]\nsteps: {{a: {{search: {{strategy: random, budget: {{trials: 20}}}}}}}}\n"
        )
    };
    let file = folder.path().join("own.yaml");
    let runs = folder.path().join("runs");
    let arguments = ["run", file.to_str().unwrap(), "--runs", runs.to_str().unwrap()];
    std::fs::write(&file, experiment(r#"cat > /dev/null; echo "{\"metrics\": {\"loss\": 1.5}}""#)).unwrap();
    run(&arguments);
    assert_eq!(show(&runs, "own")["steps"]["a"]["best"]["metrics"]["loss"], 1.5);
    std::fs::write(&file, experiment("exit 7")).unwrap();
    let output = pleach(&arguments).output().unwrap();
    assert_eq!(output.status.code(), Some(4), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(String::from_utf8_lossy(&output.stderr).contains("trials failed"), "{output:?}");
}

#[test]
fn a_missing_worker_is_said_with_exit_code_4() {
    let folder = tempfile::tempdir().unwrap();
    let output = pleach(&quickstart(folder.path(), &[])).env("PLEACH_TORCH", "/nowhere/pleach-torch").output().unwrap();
    assert_eq!(output.status.code(), Some(4));
    assert!(String::from_utf8_lossy(&output.stderr).contains("/nowhere/pleach-torch"), "{output:?}");
}

#[test]
fn smoke_tries_every_step_on_a_tiny_budget() {
    let folder = tempfile::tempdir().unwrap();
    run(&["run", "specs/quickstart.yaml", "--smoke", "--runs", folder.path().to_str().unwrap()]);
    let entries: Vec<String> = std::fs::read_dir(folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| !name.starts_with('.'))
        .collect();
    assert_eq!(entries.len(), 1, "{entries:?}");
    let shown = show(folder.path(), &entries[0]);
    assert_eq!(shown["steps"]["explore"]["trials"], 1);
    assert_eq!(shown["steps"]["final"]["trials"], 1);
}
