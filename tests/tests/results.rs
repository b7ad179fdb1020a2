//! What others see of a run: who watches it, CI systems, the tools that read trials.

use pleach_tests::{Said, pleach, repository, run, said};
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

/// A search on a table in memory, of so many trials.
fn searched(folder: &Path, trials: u32, more: &[&str]) -> Said {
    let spec = repository().join("specs/nas-bench-201-table.yaml");
    let budget = format!("steps.explore.search.budget.trials={trials}");
    run(folder, &[&["run", spec.to_str().unwrap(), "--set", &budget], more].concat())
}

#[test]
fn trials_are_exported_for_four_tools() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    let told = searched(here, 25, &[]);
    assert_eq!(told.code, 0, "{}", told.whole());
    let export = |arguments: &[&str]| run(here, &[&["export", "nas-bench-201-table"], arguments].concat());
    let text = |path: &str| std::fs::read_to_string(here.join(path)).unwrap();

    assert_eq!(export(&["--to", "csv"]).out, "nas-bench-201-table-1.csv\n");
    let kept = text("runs/nas-bench-201-table-1/trials.csv");
    assert_eq!(text("nas-bench-201-table-1.csv"), kept);
    assert_eq!(export(&["--to", "csv", "-o", "-"]).out, kept);

    let told = export(&["--to", "parquet"]);
    assert_eq!((told.code, told.out.as_str()), (0, "nas-bench-201-table-1.parquet\n"), "{}", told.whole());
    assert!(std::fs::read(here.join("nas-bench-201-table-1.parquet")).unwrap().ends_with(b"PAR1"));

    let told = export(&["--to", "optuna", "--out", "trials.sqlite"]);
    assert!(told.err.contains("optuna-dashboard sqlite:///trials.sqlite"), "{}", told.whole());
    let database = rusqlite::Connection::open(here.join("trials.sqlite")).unwrap();
    let count = |sql: &str| database.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap();
    assert_eq!(count("SELECT count(*) FROM trials WHERE state = 'COMPLETE'"), 25);
    assert_eq!(count("SELECT count(DISTINCT param_name) FROM trial_params"), 6, "the six edges of the cell");

    assert_eq!(export(&["--to", "tensorboard"]).code, 0);
    let runs = std::fs::read_dir(here.join("nas-bench-201-table-1-tensorboard/explore")).unwrap().count();
    assert_eq!(runs, 25);

    // What is there is somebody's.
    let again = export(&["--to", "parquet"]);
    assert_eq!(again.code, 6);
    assert!(again.err.contains("is there already") && again.err.contains("--force"), "{}", again.whole());
    assert_eq!(export(&["--to", "parquet", "--force"]).code, 0);
    for wrong in [&["--to", "optuna", "--formats", "onnx"][..], &["--to", "parquet", "-o", "-"], &["--force"]] {
        assert_eq!(export(wrong).code, 2, "{wrong:?}");
    }
}

#[test]
fn a_requirement_that_fails_is_in_the_junit_file_and_on_the_page_of_the_ci() {
    let folder = tempfile::tempdir().unwrap();
    let page = folder.path().join("page.md");
    std::fs::write(&page, "before\n").unwrap();
    let spec = repository().join("specs/nas-bench-201-table.yaml");
    let output = pleach(folder.path())
        .args(["run", spec.to_str().unwrap(), "--format", "junit"])
        .args(["--set", "steps.explore.search.budget.trials=20"])
        .args(["--set", "steps.explore.search.require=[\"accuracy >= 200\", \"accuracy >= 0.01\"]"])
        .env("GITHUB_STEP_SUMMARY", &page)
        .output();
    let told = said(output.unwrap());
    assert_eq!(told.code, 1, "{}", told.whole());
    assert!(told.out.starts_with("<?xml") && told.out.contains(r#"tests="3" "#), "{}", told.out);
    assert!(told.out.contains(r#"failures="1""#) && told.out.contains("accuracy &gt;= 200"), "{}", told.out);
    let shown = run(folder.path(), &["show", "nas-bench-201-table", "--format", "junit"]);
    assert_eq!((shown.code, shown.out), (0, told.out), "asked for later, it says the same");
    let text = std::fs::read_to_string(&page).unwrap();
    assert!(text.starts_with("before\n### ❌ nas-bench-201-table: done, 1 of 2 requirements not met\n"), "{text}");
    assert!(text.contains("| ✗ | `accuracy >= 200` | explore | best |"), "{text}");
}

/// An experiment whose trials take a while.
const SLOW: &str = r#"
version: 1
name: slow
seed: 1
space: {values: {rate: {float: [0, 1]}}}
evaluator: {command: [sh, -c, 'sleep 0.4; echo "{\"metrics\": {\"loss\": 1.5}}"']}
objectives: [{minimize: loss}]
steps: {explore: {search: {strategy: random, budget: {trials: 12}}}}
"#;

fn slow(folder: &Path) -> Child {
    std::fs::write(folder.join("slow.yaml"), SLOW).unwrap();
    let mut command = pleach(folder);
    command
        .args(["run", "slow.yaml", "--workers", "2"])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command.spawn().unwrap()
}

/// Looks at a run until what is seen is as wanted.
fn watched_until(folder: &Path, wanted: impl Fn(&str) -> bool) -> String {
    let start = Instant::now();
    loop {
        let told = run(folder, &["watch", "slow", "--once"]);
        if told.code == 0 && wanted(&told.out) {
            return told.out;
        }
        assert!(start.elapsed() < Duration::from_secs(60), "{}", told.whole());
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn a_run_is_watched_from_another_process_until_it_ends() {
    let folder = tempfile::tempdir().unwrap();
    let missing = run(folder.path(), &["watch", "slow"]);
    assert_eq!(missing.code, 6);
    assert!(missing.err.contains("no run `slow`") && missing.err.contains("pleach run"), "{}", missing.whole());
    let mut child = slow(folder.path());
    let running = watched_until(folder.path(), |text| text.contains("▸ explore") && text.contains("best loss 1.5"));
    assert!(running.contains("/12") && running.contains("being executed by process"), "{running}");
    let told = run(folder.path(), &["watch", "slow"]);
    assert_eq!((told.code, told.out.as_str()), (0, ""), "{}", told.whole());
    assert!(told.err.contains("explore (search): done: 12 of 12 trials"), "{}", told.whole());
    assert!(
        told.err.contains("✓ explore") && told.err.ends_with("slow-1 is done: `pleach show slow-1`\n"),
        "{}",
        told.err
    );
    assert!(child.wait().unwrap().success());
}

#[test]
fn who_watches_is_told_when_nobody_runs_it_any_more() {
    let folder = tempfile::tempdir().unwrap();
    let mut child = slow(folder.path());
    watched_until(folder.path(), |text| text.contains("▸ explore"));
    child.kill().unwrap();
    child.wait().unwrap();
    let told = run(folder.path(), &["watch", "slow"]);
    assert_eq!(told.code, 0, "{}", told.whole());
    assert!(told.err.contains("nobody executes it"), "{}", told.whole());
}
