//! Folders of runs that somebody damaged: each command says so, or does without what is damaged.

use crate::child::{EXPERIMENT, ends, pipe, refused, sparse};
use pleach_tests::run;
use rusqlite::Connection;
use std::fs;
use std::path::Path;
use std::sync::OnceLock;

/// The experiment by a program, so that a run takes no training.
fn experiment() -> String {
    let command = "evaluator: {command: [sh, -c, 'echo \"{\\\"metrics\\\": {\\\"accuracy\\\": 0.5}}\"']}\n";
    format!("{EXPERIMENT}{command}")
}

/// A folder with a finished run.
fn finished() -> &'static Path {
    static RUN: OnceLock<tempfile::TempDir> = OnceLock::new();
    RUN.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("x.yaml"), experiment()).unwrap();
        let said = run(folder.path(), &["run", "x.yaml"]);
        assert_eq!(said.code, 0, "{}", said.whole());
        folder
    })
    .path()
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let to = to.join(entry.file_name());
        if entry.path().is_dir() { copy(&entry.path(), &to) } else { fs::copy(entry.path(), to).map(drop).unwrap() }
    }
}

/// A copy of the run with something damaged; every command must end.
fn damaged(damage: impl FnOnce(&Path)) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    copy(finished(), folder.path());
    damage(&folder.path().join("runs/x-1"));
    for command in [
        &["show", "x-1"][..],
        &["report", "x-1"],
        &["export", "x-1", "--to", "csv", "--out", "trials"],
        &["export", "x-1", "--to", "parquet", "--out", "trials.parquet"],
        &["list"],
        &["watch", "x-1", "--once"],
        &["plan", "x.yaml"],
    ] {
        ends(folder.path(), command);
    }
    folder
}

#[test]
fn a_record_that_is_no_database_is_said_to_be_damaged() {
    for content in [b"hello".repeat(1000), Vec::new(), b"SQLite format 3\0".to_vec()] {
        let folder = damaged(|run| fs::write(run.join("run.sqlite"), &content).unwrap());
        refused(folder.path(), &["show", "x-1"], "run.sqlite");
    }
    damaged(|run| {
        fs::remove_file(run.join("run.sqlite")).unwrap();
        pipe(&run.join("run.sqlite"));
    });
    damaged(|run| sparse(&run.join("run.sqlite"), 1 << 30));
}

#[test]
fn damaged_pages_are_no_panic() {
    let whole = fs::read(finished().join("runs/x-1/run.sqlite")).unwrap();
    damaged(|run| fs::write(run.join("run.sqlite"), &whole[..5000]).unwrap());
    for step in [37, 1009, 4099] {
        let mut content = whole.clone();
        content.iter_mut().skip(100).step_by(step).for_each(|byte| *byte ^= 0x5a);
        damaged(|run| fs::write(run.join("run.sqlite"), &content).unwrap());
    }
}

#[test]
fn values_that_nobody_wrote_are_no_panic() {
    let nested = format!("replace(hex(zeroblob({})), '00', '[')", 100_000);
    for sql in [
        "UPDATE meta SET value = '{}' WHERE name = 'lock'",
        "UPDATE meta SET value = '[1]' WHERE name = 'state'",
        &format!("UPDATE meta SET value = {nested} WHERE name = 'lock'"),
        &format!("UPDATE trials SET genotype = {nested}"),
        "UPDATE trials SET genotype = '[1e308, -1e308, 3]'",
        "UPDATE trials SET genotype = '[]'",
        "UPDATE trials SET metrics = '{\"accuracy\": \"x\"}'",
        "UPDATE trials SET metrics = '{\"accuracy\": 1e308, \"parameters\": -1e308}'",
        "UPDATE trials SET metrics = '{}', curves = '{\"accuracy\": [null]}'",
        "UPDATE trials SET state = 'x'",
        "UPDATE steps SET state = 'x'",
        "UPDATE steps SET decisions = '[]'",
        "UPDATE steps SET decisions = '[\"a\", \"b\", \"c\", \"d\"]'",
        "UPDATE steps SET results = '[1, 2, {}]', recommendation = '[[9, 9, 9, 9]]', document = '{}'",
        "UPDATE trials SET fidelity = 9e999, start = -9e999, end = 9e999, seconds = -9e999, cost = 9e999",
        "UPDATE trials SET candidate = -9223372036854775808, repeat = -1, id = id - 5",
        "UPDATE trials SET parents = '[18446744073709551615]', detail = '3'",
        "UPDATE events SET event = '\"\u{1b}[2J\"'",
        "DELETE FROM steps",
        "DROP TABLE trials",
    ] {
        damaged(|run| Connection::open(run.join("run.sqlite")).unwrap().execute_batch(sql).unwrap());
    }
}

#[test]
fn files_beside_the_record_may_be_anything() {
    for file in ["best.yaml", "lock.yaml", "experiment.yaml", "trials.csv", "front.csv", "lock.pid"] {
        damaged(|run| fs::write(run.join(file), format!("network: {}", "[".repeat(100_000))).unwrap());
        damaged(|run| fs::write(run.join(file), [0xff; 100]).unwrap());
        let instead = |make: fn(&Path)| {
            damaged(|run| {
                drop(fs::remove_file(run.join(file)));
                make(&run.join(file));
            });
        };
        instead(|path| sparse(path, 1 << 30));
        instead(pipe);
        instead(|path| fs::create_dir(path).unwrap());
    }
}

#[test]
fn a_damaged_cache_is_said_to_be_damaged() {
    let cache = finished().join("runs/.cache/cache.sqlite");
    let whole = fs::read(cache).unwrap();
    let scrambled: Vec<u8> =
        whole.iter().enumerate().map(|(at, byte)| if at > 100 { byte ^ 0x5a } else { *byte }).collect();
    for content in [b"hello".repeat(1000), whole[..3000].to_vec(), scrambled] {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("x.yaml"), experiment()).unwrap();
        fs::create_dir_all(folder.path().join("runs/.cache")).unwrap();
        fs::write(folder.path().join("runs/.cache/cache.sqlite"), content).unwrap();
        refused(folder.path(), &["run", "x.yaml"], "cache.sqlite");
    }
}
