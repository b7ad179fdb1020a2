//! A run with trials of every kind, recorded as a run records them, and Python where there is one.

use crate::Trials;
use pleach_store::{Failure, Holder, LockFile, Outcome, Request, RunFolder, StepRecord, TrialRecord};
use serde_json::json;
use std::path::Path;
use std::process::Command;

/// The decisions of the run below, in their order.
pub(crate) const DECISIONS: [&str; 5] = [
    "space.network[0].conv.kernel",
    "space.network[1]",
    "space.network[1].one_of[0].conv.channels",
    "space.training.optimizer.sgd.rate",
    "space.training.epochs",
];

/// Records a run of two steps and reads its trials.
pub(crate) fn trials(root: &Path) -> Trials {
    let experiment = json!({
        "version": 1, "name": "small", "seed": 1,
        "space": {
            "network": [
                {"conv": {"channels": 4, "kernel": {"one_of": [3, 5]}}},
                {"one_of": [{"conv": {"channels": {"int": [4, 64], "log": true}}}, "identity"]},
                {"global_pool": "average"},
                {"linear": "classes"},
            ],
            "training": {"epochs": {"int": [1, 3]}, "optimizer": {"sgd": {"rate": {"float": [1e-3, 0.3], "log": true}}}},
            "require": ["parameters <= 100"],
        },
        "objectives": [{"maximize": "accuracy"}, {"minimize": "parameters"}],
        "steps": {
            "explore": {"search": {"strategy": "random", "budget": {"trials": 5}}},
            "final": {"train": {"candidates": "best(explore)"}},
        },
    });
    let lock = LockFile { experiment, ..LockFile::default() };
    let folder = RunFolder::create(root, "small", "version: 1\n", &lock).unwrap();
    let holder = Holder { process: 1, since: String::new(), host: String::new() };
    let mut run = folder.record(&holder).unwrap();
    // The record's order of decisions is its own.
    let (space, problems) = pleach_space::Space::compile(
        &lock.experiment["space"],
        "/space",
        Some((pleach_space::Shape::image(1, 8, 8), 10)),
    );
    assert_eq!(problems, []);
    let paths: Vec<String> = space.unwrap().decisions().iter().map(|decision| decision.path.clone()).collect();
    let genotype = |values: [f64; 5]| -> Vec<f64> {
        let place =
            |path: &String| DECISIONS.iter().position(|known| known == path).unwrap_or_else(|| panic!("{path}"));
        paths.iter().map(|path| values[place(path)]).collect()
    };
    let mut step = |name: &str, kind: &str, trials: Vec<TrialRecord>| {
        let mut record = StepRecord::pending(name, kind, json!({"step": name}));
        record.decisions.clone_from(&paths);
        run.record_step(&record).unwrap();
        for trial in trials {
            run.record_trial(name, &trial).unwrap();
        }
    };
    let measured = |id: u64, values: [f64; 5], accuracy: f64, parameters: f64| {
        let mut trial = TrialRecord::running(id, Request::train(genotype(values), 0.5, 0), id as f64, 2.0);
        let metrics = [("accuracy".to_owned(), accuracy), ("parameters".to_owned(), parameters)];
        trial.outcome = Outcome::Measured(metrics.into_iter().collect());
        trial.curves = vec![
            [("accuracy".to_owned(), accuracy / 2.0), ("loss".to_owned(), f64::NAN)].into(),
            [("accuracy".to_owned(), accuracy), ("loss".to_owned(), 0.25)].into(),
        ];
        trial.seconds = 1.5;
        trial.worker = Some("worker 0".into());
        trial
    };
    let mut second = measured(1, [1.0, 1.0, 0.0, 0.01, 2.0], 0.9375, 120.0);
    second.request.parents = vec![0];
    let mut failed = TrialRecord::running(2, Request::train(genotype([0.0, 1.0, 0.0, 0.3, 1.0]), 1.0, 0), 2.0, 2.0);
    failed.outcome =
        Outcome::Failed(Failure { reason: "diverged".into(), message: "at epoch 1".into(), detail: "here".into() });
    failed.seconds = 0.5;
    failed.worker = Some("worker 1".into());
    let unknown = measured(3, [0.0, 1.0, 0.0, 0.3, 1.0], f64::NAN, 10.0);
    let running = TrialRecord::running(4, Request::train(genotype([0.0, 1.0, 0.0, 0.3, 1.0]), 1.0, 0), 2.0, 2.0);
    step(
        "explore",
        "search",
        vec![measured(0, [0.0, 0.0, 16.0, 0.1, 3.0], 0.8, 40.0), second, failed, unknown, running],
    );
    let mut last = measured(0, [0.0, 0.0, 16.0, 0.1, 3.0], 0.85, 40.0);
    last.request = Request { candidate: Some(0), repeat: 1, fidelity: 1.0, ..last.request };
    step("final", "train", vec![last]);
    run.close().unwrap();
    Trials::read(&folder.read().unwrap(), &folder.id()).unwrap()
}

/// Runs a Python script over a path and gives what it printed; `None`, with a word about why, where Python lacks a module. The Python
/// is `PLEACH_TEST_PYTHON`, which must then have all modules, else `python3` from the path.
#[allow(clippy::print_stderr, reason = "says which check did not run, and why")]
pub(crate) fn python(modules: &str, script: &str, path: &Path) -> Option<String> {
    let named = std::env::var_os("PLEACH_TEST_PYTHON").filter(|path| !path.is_empty());
    let program = named.clone().unwrap_or_else(|| "python3".into());
    let run = |script: &str| Command::new(&program).args(["-B", "-c", script]).arg(path).output();
    let missing = match run(&format!("import {modules}")) {
        Ok(output) if output.status.success() => None,
        Ok(output) => {
            Some(String::from_utf8_lossy(&output.stderr).trim().lines().last().unwrap_or_default().to_owned())
        }
        Err(error) => Some(error.to_string()),
    };
    if let Some(missing) = missing {
        let program = Path::new(&program).display();
        assert!(named.is_none(), "PLEACH_TEST_PYTHON is `{program}`, but it cannot import {modules}: {missing}");
        eprintln!("skipped: `{program}` cannot import {modules} ({missing}); set PLEACH_TEST_PYTHON to one that can");
        return None;
    }
    let output = run(script).unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Some(String::from_utf8(output.stdout).unwrap())
}
