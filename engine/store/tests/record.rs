//! What is recorded is there after a commit, whatever happens then, and nothing else is.

use pleach_store::{
    ArtifactRecord, DigestHolds, Error, Failure, Holder, LockFile, Metrics, Outcome, Request, RunFolder, RunState,
    StepRecord, StepState, TrialRecord,
};
use serde_json::json;
use std::path::Path;
use std::process::Command;

fn holder() -> Holder {
    Holder { process: std::process::id(), since: "noon".into(), host: "here".into() }
}

fn new_run(root: &Path) -> RunFolder {
    let lock = LockFile { device: "cpu".into(), experiment: json!({"version": 1}), ..LockFile::default() };
    RunFolder::create(root, "quick", "version: 1\n", &lock).unwrap()
}

fn search_step() -> StepRecord {
    let mut step = StepRecord::pending("explore", "search", json!({"budget": {"trials": 40}, "rate": 0.1}));
    step.strategy = Some("random".into());
    step.decisions = vec!["network[0].conv.channels".into(), "training.rate".into()];
    step
}

fn measured(id: u64) -> TrialRecord {
    let accuracy = 0.5 + id as f64 / 7.0;
    let mut trial = TrialRecord::running(id, Request::train(vec![id as f64, 0.1], 0.25, 0), id as f64, 1.0 / 3.0);
    trial.request.parents = (0..id.min(2)).collect();
    trial.curves = vec![[("accuracy".to_owned(), accuracy / 2.0)].into(), [("accuracy".to_owned(), accuracy)].into()];
    trial.outcome = Outcome::Measured([("accuracy".to_owned(), accuracy), ("loss".to_owned(), -0.0)].into());
    trial.seconds = 2.5;
    trial.worker = Some("1".into());
    trial
}

/// Trials of every kind, with everything that a record can hold.
fn all_kinds() -> Vec<TrialRecord> {
    let mut shared = measured(1);
    shared.request.detail = Some(json!({"inherit": [0], "why": "é \"quoted\"\n"}));
    shared.request.candidate = Some(3);
    shared.key = Some("ab".repeat(32));
    shared.cached = true;
    let mut odd = measured(2);
    odd.request.genotype = vec![-0.0, 1e300];
    odd.curves[0].insert("loss".into(), f64::INFINITY);
    odd.outcome = Outcome::Measured(Metrics::new());
    let mut failed = measured(3);
    failed.outcome =
        Outcome::Failed(Failure { reason: "diverged".into(), message: "at epoch 2".into(), detail: "x".into() });
    let running = TrialRecord::running(4, Request::train(Vec::new(), 1.0, 2), 9.0, 2.0);
    vec![measured(0), shared, odd, failed, running]
}

#[test]
fn everything_reads_back_as_it_was_recorded() {
    let root = tempfile::tempdir().unwrap();
    let folder = new_run(root.path());
    let mut step = search_step();
    let trials = all_kinds();
    let artifact = ArtifactRecord {
        step: "explore".into(),
        candidate: Some(0),
        repeat: None,
        kind: "weights".into(),
        path: "artifacts/explore/0.safetensors".into(),
        digest: "00".repeat(32),
    };
    let mut run = folder.record(&holder()).unwrap();
    run.record_step(&step).unwrap();
    run.record_step(&StepRecord::pending("final", "train", json!(null))).unwrap();
    // Any order of recording gives the order of ids.
    for trial in trials.iter().rev() {
        run.record_trial("explore", trial).unwrap();
    }
    run.record_trial("final", &trials[0]).unwrap();
    run.record_event(&json!({"started": "explore"})).unwrap();
    run.record_event(&json!({"done": "explore"})).unwrap();
    run.record_artifact(&artifact).unwrap();
    run.record_artifact(&artifact).unwrap();
    step.state = StepState::Done;
    step.recommendation = Some(vec![vec![1.0, 0.1], vec![0.0, f64::INFINITY]]);
    step.results = Some(json!({"best": 1}));
    step.seconds = 12.25;
    run.record_step(&step).unwrap();
    run.record_state(RunState::Done).unwrap();
    run.record_meta("started", "noon").unwrap();
    run.close().unwrap();

    let run = folder.read().unwrap();
    assert_eq!(run.name().unwrap(), "quick");
    assert_eq!(run.state().unwrap(), RunState::Done);
    assert_eq!(run.meta("started").unwrap().as_deref(), Some("noon"));
    assert_eq!(run.meta("never").unwrap(), None);
    assert_eq!(run.lock().unwrap().device, "cpu");
    let steps = run.steps().unwrap();
    assert_eq!(steps.iter().map(|step| step.name.as_str()).collect::<Vec<_>>(), ["explore", "final"]);
    assert_eq!(steps[0], step);
    assert_eq!(run.step("explore").unwrap(), Some(step));
    assert_eq!(run.trials("explore").unwrap(), trials);
    assert_eq!(run.trial("explore", 3).unwrap().as_ref(), Some(&trials[3]));
    assert_eq!(run.trial("explore", 9).unwrap(), None);
    assert_eq!(run.trials("final").unwrap().len(), 1);
    assert_eq!(run.ended_trials("explore").unwrap(), 4);
    assert_eq!(run.artifacts().unwrap(), [artifact]);
    let events = run.events(0).unwrap();
    assert_eq!(events[1].event, json!({"done": "explore"}));
    assert_eq!(run.events(events[0].sequence).unwrap(), events[1..]);
}

#[test]
fn a_closed_run_is_one_database_whoever_looked_at_it() {
    let root = tempfile::tempdir().unwrap();
    let folder = new_run(root.path());
    folder.record(&holder()).unwrap().close().unwrap();
    folder.read().unwrap().steps().unwrap();
    let files =
        std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let databases: Vec<String> = files.filter(|file| file.starts_with("run.sqlite")).collect();
    assert_eq!(databases, ["run.sqlite"]);
}

#[test]
fn what_was_not_committed_is_gone_and_all_before_is_there() {
    let root = tempfile::tempdir().unwrap();
    let folder = new_run(root.path());
    let mut run = folder.record(&holder()).unwrap();
    run.record_step(&search_step()).unwrap();
    run.record_trial("explore", &measured(0)).unwrap();
    run.record_trial("explore", &measured(1)).unwrap();
    assert_eq!(run.pending(), 3);
    let other = folder.read().unwrap();
    assert_eq!(other.trials("explore").unwrap(), []);
    run.commit().unwrap();
    assert_eq!(run.pending(), 0);
    assert_eq!(other.trials("explore").unwrap().len(), 2, "a reader sees each commit");
    run.record_trial("explore", &measured(2)).unwrap();
    run.record_event(&json!("lost")).unwrap();
    assert_eq!(run.trials("explore").unwrap().len(), 3, "the writer sees its own records");
    drop(run);

    let mut run = folder.record(&holder()).unwrap();
    assert_eq!(run.trials("explore").unwrap(), [measured(0), measured(1)]);
    assert_eq!(run.events(0).unwrap(), []);
    run.commit().unwrap();
    run.record_trial("explore", &measured(2)).unwrap();
    run.commit().unwrap();
    assert_eq!(other.trials("explore").unwrap().len(), 3);
}

/// The process that [`a_killed_process_leaves_what_it_committed`] starts and kills: this test binary itself.
const VICTIM: &str = "PLEACH_STORE_TEST_RUN";

#[test]
fn a_killed_process_leaves_what_it_committed() {
    if let Some(path) = std::env::var_os(VICTIM) {
        let mut run = RunFolder::open(Path::new(&path)).unwrap().record(&holder()).unwrap();
        run.record_trial("explore", &measured(0)).unwrap();
        run.commit().unwrap();
        run.record_trial("explore", &measured(1)).unwrap();
        // As hard as a kill from outside: nothing is dropped, flushed or closed.
        std::process::abort();
    }
    let root = tempfile::tempdir().unwrap();
    let folder = new_run(root.path());
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "a_killed_process_leaves_what_it_committed", "--nocapture"])
        .env(VICTIM, folder.path())
        .output()
        .unwrap();
    assert!(!output.status.success());
    assert!(folder.path().join("run.sqlite-wal").exists(), "the victim did not die: {output:?}");
    assert_eq!(folder.holder(), None, "a lock ends with its process");
    assert_eq!(folder.read().unwrap().trials("explore").unwrap(), [measured(0)]);
    assert_eq!(folder.record(&holder()).unwrap().trials("explore").unwrap(), [measured(0)]);
}

#[test]
fn two_writers_never_share_a_run() {
    let root = tempfile::tempdir().unwrap();
    let folder = new_run(root.path());
    let run = folder.record(&holder()).unwrap();
    assert_eq!(folder.holder(), Some(holder()));
    let error = folder.record(&Holder { process: 1, since: String::new(), host: String::new() }).unwrap_err();
    assert!(matches!(&error, Error::InUse { holder: Some(first), .. } if *first == holder()), "{error}");
    folder.read().unwrap();
    drop(run);
    folder.record(&holder()).unwrap();
}

#[test]
fn a_step_that_runs_again_starts_empty() {
    let root = tempfile::tempdir().unwrap();
    let folder = new_run(root.path());
    let mut run = folder.record(&holder()).unwrap();
    let mut step = search_step();
    step.state = StepState::Done;
    step.results = Some(json!(1));
    run.record_step(&step).unwrap();
    run.record_trial("explore", &measured(0)).unwrap();
    run.record_trial("other", &measured(0)).unwrap();
    run.clear_step("explore").unwrap();
    run.commit().unwrap();
    assert_eq!(run.step("explore").unwrap(), Some(search_step()));
    assert_eq!(run.trials("explore").unwrap(), []);
    assert_eq!(run.trials("other").unwrap().len(), 1);
}

#[test]
fn the_lock_can_say_later_that_the_digest_is_of_this_machine() {
    let root = tempfile::tempdir().unwrap();
    let folder = new_run(root.path());
    let mut run = folder.record(&holder()).unwrap();
    let lock = LockFile { digest_holds: DigestHolds::ThisMachine, ..run.lock().unwrap() };
    run.record_lock(&lock).unwrap();
    run.commit().unwrap();
    assert_eq!(folder.read().unwrap().lock().unwrap(), lock);
    assert!(folder.lock_text().unwrap().contains("digest_holds: this_machine\n"));
}

#[test]
fn any_sqlite_client_finds_rows_under_plain_names() {
    let root = tempfile::tempdir().unwrap();
    let folder = new_run(root.path());
    let mut run = folder.record(&holder()).unwrap();
    run.record_step(&search_step()).unwrap();
    for trial in all_kinds() {
        run.record_trial("explore", &trial).unwrap();
    }
    run.commit().unwrap();

    let client = rusqlite::Connection::open(folder.database()).unwrap();
    let texts = |sql: &str| -> Vec<String> {
        let mut statement = client.prepare(sql).unwrap();
        statement.query_map([], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap()
    };
    assert_eq!(
        texts(
            "SELECT id || ' ' || epoch || ' ' || metric || ' ' || value FROM curves WHERE step = 'explore' AND id IN (0, 2) ORDER BY id, metric, epoch"
        ),
        [
            "0 1 accuracy 0.25",
            "0 2 accuracy 0.5",
            "2 1 accuracy 0.39285714285714285",
            "2 2 accuracy 0.7857142857142857",
            "2 1 loss Infinity"
        ]
    );
    assert_eq!(texts("SELECT metric || ' ' || value FROM metrics WHERE id = 0"), ["accuracy 0.5", "loss 0.0"]);
    assert_eq!(
        texts("SELECT path || ' ' || value FROM decisions WHERE id = 3"),
        ["network[0].conv.channels 3", "training.rate 0.1"]
    );
    assert_eq!(texts("SELECT reason || ': ' || message FROM trials WHERE state = 'failed'"), ["diverged: at epoch 2"]);
    assert_eq!(texts("SELECT end || '' FROM trials WHERE id = 4"), ["11.0"]);
}
