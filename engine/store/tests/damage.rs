//! A run that cannot be used says why and what to do, and keeps what is there.

use pleach_store::{Error, Holder, LockFile, Outcome, Request, RunFolder, TrialRecord};
use std::fs;
use std::path::Path;

fn holder() -> Holder {
    Holder { process: 1, since: String::new(), host: String::new() }
}

fn trial(id: u64) -> TrialRecord {
    let mut trial = TrialRecord::running(id, Request::train(vec![1.0], 1.0, 0), 0.0, 1.0);
    trial.outcome = Outcome::Measured([("accuracy".to_owned(), 0.5)].into());
    trial
}

fn run_with_trials(root: &Path, count: u64) -> RunFolder {
    let folder = RunFolder::create(root, "quick", "version: 1\n", &LockFile::default()).unwrap();
    let mut run = folder.record(&holder()).unwrap();
    for id in 0..count {
        run.record_trial("explore", &trial(id)).unwrap();
    }
    run.close().unwrap();
    folder
}

#[test]
fn damaged_pages_are_an_error_that_says_what_to_do() {
    let root = tempfile::tempdir().unwrap();
    let folder = run_with_trials(root.path(), 2_000);
    let path = folder.database();
    let mut bytes = fs::read(&path).unwrap();
    for byte in &mut bytes[4096 * 8..] {
        *byte = 0x5a;
    }
    fs::write(&path, &bytes).unwrap();
    let error = folder.read().unwrap().trials("explore").unwrap_err();
    assert!(matches!(error, Error::Damaged { .. }), "{error}");
    assert!(error.to_string().contains("`sqlite3") && error.to_string().contains(".recover`"), "{error}");
    assert_eq!(fs::read(&path).unwrap(), bytes, "a damaged file is left as it is");
}

#[test]
fn a_log_cut_at_any_byte_gives_a_record_as_it_once_was() {
    let root = tempfile::tempdir().unwrap();
    let folder = RunFolder::create(root.path(), "quick", "version: 1\n", &LockFile::default()).unwrap();
    let mut run = folder.record(&holder()).unwrap();
    for id in 0..6 {
        run.record_trial("explore", &trial(id)).unwrap();
        run.commit().unwrap();
    }
    // The log of commits as a kill or a loss of power might leave it: cut at any byte.
    let log = fs::read(folder.path().join("run.sqlite-wal")).unwrap();
    let base = fs::read(folder.database()).unwrap();
    drop(run);
    let mut lengths = Vec::new();
    for cut in (0..=log.len()).step_by(509).chain([log.len()]) {
        let copy = tempfile::tempdir_in(root.path()).unwrap();
        for file in ["experiment.yaml", "lock.yaml"] {
            fs::copy(folder.path().join(file), copy.path().join(file)).unwrap();
        }
        fs::write(copy.path().join("run.sqlite"), &base).unwrap();
        fs::write(copy.path().join("run.sqlite-wal"), &log[..cut]).unwrap();
        let mut run = RunFolder::open(copy.path()).unwrap().record(&holder()).unwrap();
        let trials = run.trials("explore").unwrap();
        assert_eq!(trials, (0..trials.len() as u64).map(trial).collect::<Vec<_>>(), "cut at {cut}");
        lengths.push(trials.len());
        run.record_trial("explore", &trial(trials.len() as u64)).unwrap();
        run.commit().unwrap();
    }
    assert!(lengths.is_sorted());
    assert_eq!((lengths[0], lengths[lengths.len() - 1]), (0, 6));
}

#[test]
fn a_run_of_a_later_version_is_left_alone() {
    let root = tempfile::tempdir().unwrap();
    let folder = run_with_trials(root.path(), 1);
    let client = rusqlite::Connection::open(folder.database()).unwrap();
    client.pragma_update(None, "user_version", 2).unwrap();
    let error = folder.record(&holder()).unwrap_err();
    assert!(matches!(error, Error::NewerFormat { found: 2, known: 1, .. }));
    assert!(error.to_string().contains("has format 2, this version reads up to 1"), "{error}");
    assert!(matches!(folder.read().unwrap_err(), Error::NewerFormat { .. }));
    client.pragma_update(None, "application_id", 0).unwrap();
    assert!(matches!(folder.read().unwrap_err(), Error::Foreign { .. }));
    client.pragma_update(None, "application_id", 0x504c_524e).unwrap();
    client.pragma_update(None, "user_version", 1).unwrap();
    assert_eq!(folder.read().unwrap().trials("explore").unwrap(), [trial(0)]);
}

#[test]
fn the_first_format_stays_readable() {
    // Made by the first version that wrote runs; never made anew.
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/run-format-1.sql");
    let root = tempfile::tempdir().unwrap();
    fs::write(root.path().join("experiment.yaml"), "version: 1\n").unwrap();
    let client = rusqlite::Connection::open(root.path().join("run.sqlite")).unwrap();
    client.execute_batch(&fs::read_to_string(data).unwrap()).unwrap();
    drop(client);
    let run = RunFolder::open(root.path()).unwrap().read().unwrap();
    assert_eq!(run.name().unwrap(), "quick");
    let trials = run.trials("explore").unwrap();
    assert_eq!(trials.len(), 2);
    assert_eq!(trials[0].curves.len(), 2);
    assert_eq!(trials[0].metrics().unwrap()["accuracy"], 0.75);
    assert!(matches!(&trials[1].outcome, Outcome::Failed(failure) if failure.reason == "diverged"));
    let digest = pleach_store::digest(&run, |_| false).unwrap().run;
    assert_eq!(digest, "eb8ac848b301c8b6cf577e3ebdbd8d32e6482afd0c6780a007e66c3e419b9b56");
}

#[test]
fn values_that_cannot_be_read_are_named() {
    let root = tempfile::tempdir().unwrap();
    let folder = run_with_trials(root.path(), 2);
    let client = rusqlite::Connection::open(folder.database()).unwrap();
    client.execute("UPDATE trials SET genotype = '[1, oops]' WHERE id = 1", []).unwrap();
    let error = folder.read().unwrap().trials("explore").unwrap_err().to_string();
    assert!(error.contains("holds trial 1 of step `explore` that cannot be read"), "{error}");
}

#[test]
fn a_folder_without_a_record_is_no_run() {
    let root = tempfile::tempdir().unwrap();
    let folder = run_with_trials(root.path(), 1);
    fs::remove_file(folder.path().join("experiment.yaml")).unwrap();
    let error = RunFolder::open(folder.path()).unwrap_err().to_string();
    assert!(error.contains("is no run folder: it has no `experiment.yaml`"), "{error}");
    fs::write(root.path().join("a-file"), "").unwrap();
    assert!(matches!(RunFolder::open(&root.path().join("a-file")).unwrap_err(), Error::NotARun { .. }));
    assert_eq!(RunFolder::list(root.path()).unwrap(), []);
    let error = RunFolder::create(&root.path().join("a-file"), "a", "", &LockFile::default()).unwrap_err();
    assert!(error.to_string().contains("a-file"), "{error}");
}
