//! The digest of a run: what it must not see, and what it must.

use pleach_store::{
    Failure, Holder, LockFile, Metrics, Outcome, Request, RunDigest, RunFolder, StepRecord, TrialRecord, digest,
};
use serde_json::json;

/// A run of two steps: one with a strategy, one without.
struct Run {
    steps: Vec<StepRecord>,
    trials: Vec<(&'static str, TrialRecord)>,
}

fn trial(id: u64, repeat: u32) -> TrialRecord {
    let mut trial = TrialRecord::running(id, Request::train(vec![id as f64, 0.5], 0.25, repeat), 0.0, 3.0);
    trial.request.parents = vec![7, 2];
    trial.request.candidate = Some(1);
    let metrics: Metrics =
        [("accuracy".to_owned(), 0.5), ("loss".to_owned(), f64::NAN), ("latency_ms".to_owned(), 3.0)].into();
    trial.curves = vec![metrics.clone(), metrics.clone()];
    trial.outcome = Outcome::Measured(metrics);
    trial
}

fn failed(id: u64) -> TrialRecord {
    let failure = Failure { reason: "diverged".into(), message: "at epoch 2".into(), detail: "worker 3".into() };
    TrialRecord { outcome: Outcome::Failed(failure), ..trial(id, 0) }
}

fn run() -> Run {
    let mut explore = StepRecord::pending("explore", "search", json!({"a": 1}));
    explore.strategy = Some("random".into());
    explore.recommendation = Some(vec![vec![1.0, 0.5]]);
    let last = StepRecord::pending("a-final", "train", json!({"b": 2}));
    let trials = vec![
        ("explore", trial(0, 0)),
        ("explore", trial(1, 0)),
        ("explore", failed(2)),
        ("a-final", trial(0, 0)),
        ("a-final", TrialRecord { id: 1, ..trial(0, 1) }),
    ];
    Run { steps: vec![explore, last], trials }
}

fn digest_of(run: &Run) -> RunDigest {
    let root = tempfile::tempdir().unwrap();
    let folder = RunFolder::create(root.path(), "a", "", &LockFile::default()).unwrap();
    let holder = Holder { process: 1, since: String::new(), host: String::new() };
    let mut writer = folder.record(&holder).unwrap();
    for step in &run.steps {
        writer.record_step(step).unwrap();
    }
    for (step, trial) in &run.trials {
        writer.record_trial(step, trial).unwrap();
    }
    writer.commit().unwrap();
    digest(&writer, |metric| metric == "latency_ms").unwrap()
}

#[track_caller]
fn same(change: impl FnOnce(&mut Run)) {
    let mut changed = run();
    change(&mut changed);
    assert_eq!(digest_of(&changed), digest_of(&run()));
}

#[track_caller]
fn other(step: &str, change: impl FnOnce(&mut Run)) {
    let mut changed = run();
    change(&mut changed);
    let (before, after) = (digest_of(&run()), digest_of(&changed));
    assert_ne!(after.run, before.run);
    for (name, digest) in &after.steps {
        assert_eq!(*digest != before.steps[name], name == step, "step `{name}`");
    }
}

#[test]
fn order_of_recording_does_not_matter() {
    same(|run| {
        run.trials.reverse();
        run.steps.reverse();
    });
    same(|run| {
        let Outcome::Measured(metrics) = &mut run.trials[0].1.outcome else { unreachable!() };
        metrics.sort_by(|one, _, other, _| other.cmp(one));
    });
}

#[test]
fn the_cache_the_clock_and_the_machine_do_not_matter() {
    same(|run| run.trials[0].1.cached = true);
    same(|run| run.trials[0].1.key = Some("a".repeat(64)));
    same(|run| run.trials[0].1.seconds = 99.0);
    same(|run| run.trials[0].1.worker = Some("gpu 1".into()));
    same(|run| run.steps[0].seconds = 99.0);
    same(|run| {
        let Outcome::Failed(failure) = &mut run.trials[2].1.outcome else { unreachable!() };
        failure.detail = "worker 4".into();
    });
    same(|run| run.trials[2].1.curves.clear());
    same(|run| {
        run.trials[1].1.curves[0]["latency_ms"] = 4.0;
        let Outcome::Measured(metrics) = &mut run.trials[1].1.outcome else { unreachable!() };
        metrics["latency_ms"] = 5.0;
    });
}

#[test]
fn what_has_not_ended_does_not_matter() {
    same(|run| run.trials.push(("explore", TrialRecord::running(3, Request::train(vec![], 1.0, 0), 0.0, 1.0))));
}

#[test]
fn trainings_without_a_strategy_are_ordered_by_candidate_then_repeat() {
    same(|run| {
        run.trials[3].1.id = 9;
        run.trials[4].1.id = 3;
    });
    other("explore", |run| run.trials[1].1.id = 9);
    other("a-final", |run| run.trials[4].1.request.candidate = Some(0));
}

#[test]
fn every_part_of_a_request_and_of_what_came_out_matters() {
    other("explore", |run| run.trials[0].1.request.genotype[1] = 0.5 + f64::EPSILON);
    other("explore", |run| run.trials[0].1.request.genotype[0] = -0.0);
    other("explore", |run| run.trials[0].1.request.fidelity = 0.5);
    other("explore", |run| run.trials[0].1.request.repeat = 1);
    other("explore", |run| run.trials[0].1.request.candidate = None);
    other("explore", |run| run.trials[0].1.request.parents.reverse());
    other("explore", |run| run.trials[0].1.request.job = "proxies".into());
    other("explore", |run| run.trials[0].1.request.detail = Some(json!({"resume": 1})));
    other("explore", |run| run.trials[0].1.curves[1]["accuracy"] = 0.25);
    other("explore", |run| run.trials[0].1.curves.truncate(1));
    other("explore", |run| run.trials[0].1.outcome = Outcome::Measured(Metrics::new()));
    other("explore", |run| run.trials[0].1.outcome = failed(0).outcome);
    other("explore", |run| {
        let Outcome::Failed(failure) = &mut run.trials[2].1.outcome else { unreachable!() };
        failure.message = "at epoch 3".into();
    });
    other("explore", |run| run.steps[0].recommendation = None);
    other("explore", |run| run.steps[0].recommendation = Some(vec![vec![1.0], vec![0.5]]));
    other("explore", |run| drop(run.trials.remove(1)));
    other("a-final", |run| run.trials[4].1.curves[0]["accuracy"] = 0.25);
    let mut fewer = run();
    fewer.steps.pop();
    assert_ne!(digest_of(&fewer).run, digest_of(&run()).run);
}
