//! What lies on disk: the record of a run, its lock, the cache of results, weights.

use pleach_export::Weights;
use pleach_space::Space;
use pleach_store::{
    Cache, CacheEntry, Error, Holder, LockFile, Metrics, Outcome, Request, RunFolder, RunReader, StepRecord,
    TrialRecord, digest,
};
use rusqlite::{Connection, params};
use serde_json::json;
use std::path::{Path, PathBuf};

/// A run and a cache as they are written, made once and changed by each input.
struct Kept {
    _folder: tempfile::TempDir,
    run: RunFolder,
    cache: PathBuf,
    /// The database of the run as it was written.
    written: Vec<u8>,
    space: Space,
}

thread_local! {
    static KEPT: Kept = kept().expect("a run and a cache can be written");
}

const KEY: &str = "abababababababababababababababababababababababababababababababab";

fn kept() -> Result<Kept, Box<dyn std::error::Error>> {
    let folder = tempfile::tempdir()?;
    let lock = LockFile { device: "cpu".into(), experiment: json!({"version": 1}), ..LockFile::default() };
    let run = RunFolder::create(folder.path(), "quick", "version: 1\n", &lock)?;
    let mut writer = run.record(&Holder { process: 1, since: "noon".into(), host: "here".into() })?;
    let mut step = StepRecord::pending("explore", "search", json!({"budget": 1}));
    step.decisions = vec!["a".into(), "b".into()];
    writer.record_step(&step)?;
    let mut trial = TrialRecord::running(0, Request::train(vec![1.0, 0.5], 1.0, 0), 0.0, 1.0);
    let metrics: Metrics = [("accuracy".to_owned(), 0.5)].into();
    trial.curves = vec![metrics.clone()];
    trial.outcome = Outcome::Measured(metrics.clone());
    writer.record_trial("explore", &trial)?;
    writer.record_event(&json!({"event": 1}))?;
    writer.commit()?;
    writer.close()?;
    let cache = folder.path().join("cache");
    let entry = CacheEntry {
        key: KEY.into(),
        document: json!({"a": 1}),
        outcome: Outcome::Measured(metrics.clone()),
        curves: vec![metrics],
        tensors: None,
        seconds: 1.0,
    };
    Cache::open(&cache)?.put(&entry)?;
    let written = std::fs::read(run.database())?;
    let section = json!({"input": [1, 2, 2], "classes": 2, "network": ["flatten", {"linear": "classes"}]});
    let space = Space::compile(&section, "", None).0.ok_or("the space is sound")?;
    Ok(Kept { _folder: folder, run, cache, written, space })
}

/// Reads what an input puts in place of a value on disk: a word, a space, and what the word says, such as `trial COLUMN`, a line break and
/// the value that the column holds.
pub fn records(bytes: &[u8]) {
    let (word, rest) = match bytes.iter().position(|&byte| byte == b' ') {
        Some(space) => (String::from_utf8_lossy(&bytes[..space]).into_owned(), &bytes[space + 1..]),
        None => (String::new(), bytes),
    };
    KEPT.with(|kept| match word.as_str() {
        "lock" => {
            // As the record holds it; the lock's YAML is written only.
            if let Ok(lock) = serde_json::from_slice::<LockFile>(rest) {
                lock.to_yaml();
            }
        }
        "weights" => {
            let network = kept.space.build(&[]).expect("the space builds").network;
            drop(Weights::from_bytes(&network, rest));
        }
        "file" => damaged_file(kept, rest),
        "cache" => column(&kept.cache.join("cache.sqlite"), "results", rest, |path| {
            let read = || -> Result<(), Error> {
                let cache = Cache::open(path.parent().expect("the database lies in a folder"))?;
                cache.get(KEY)?;
                cache.list()?;
                cache.measurements(KEY)?;
                cache.weights(KEY)?;
                cache.size().map(drop)
            };
            drop(read());
        }),
        "meta" | "step" | "trial" | "event" => {
            let table = if word == "meta" { "meta" } else { &format!("{word}s") };
            column(&kept.run.database(), table, rest, |_| drop(kept.run.read().and_then(|reader| everything(&reader))));
        }
        _ => {}
    });
}

/// Reads all that a record holds.
fn everything(reader: &RunReader) -> Result<(), Error> {
    reader.state()?;
    reader.lock()?;
    reader.events(0)?;
    reader.artifacts()?;
    for step in reader.steps()? {
        reader.trials(&step.name)?;
    }
    digest(reader, |_| false).map(drop)
}

/// Sets a column of a table to a value while something reads; the first line of what is given is the column.
fn column(database: &Path, table: &str, given: &[u8], mut read: impl FnMut(&Path)) {
    let text = String::from_utf8_lossy(given);
    let Some((column, value)) = text.split_once('\n') else { return };
    let column = if table == "meta" {
        "value"
    } else if table == "events" {
        "event"
    } else {
        column
    };
    let connection = Connection::open(database).expect("the database is there");
    // A name that is no column's is an error, and changes nothing.
    if !column.chars().all(|c| c.is_ascii_lowercase() || c == '_') || column.is_empty() {
        return;
    }
    let (get, set) =
        (format!("SELECT \"{column}\" FROM {table} LIMIT 1"), format!("UPDATE {table} SET \"{column}\" = ?1"));
    let Ok(before) = connection.query_row(&get, [], |row| row.get::<_, rusqlite::types::Value>(0)) else { return };
    if connection.execute(&set, params![value]).is_err() {
        return;
    }
    read(database);
    connection.execute(&set, params![before]).expect("what was there can be put back");
}

/// Reads a record whose file has other bytes: a number, a space, and the bytes that stand there.
fn damaged_file(kept: &Kept, given: &[u8]) {
    let Some(space) = given.iter().position(|&byte| byte == b' ') else { return };
    let Some(at) = std::str::from_utf8(&given[..space]).ok().and_then(|text| text.parse::<usize>().ok()) else {
        return;
    };
    let mut content = kept.written.clone();
    let at = at % content.len();
    for (place, byte) in content[at..].iter_mut().zip(&given[space + 1..]) {
        *place = *byte;
    }
    std::fs::write(kept.run.database(), content).expect("the database can be written");
    drop(kept.run.read().and_then(|reader| everything(&reader)));
    std::fs::write(kept.run.database(), &kept.written).expect("the database can be written");
}
