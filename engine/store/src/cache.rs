//! Results of trainings by trial key, beside the runs and for all of them.

mod clear;

pub use clear::{Clear, Cleared};

use crate::database::{self, Format, Text};
use crate::digest::file_digest;
use crate::error::{Error, Result};
use crate::folder::write_whole;
use crate::numbers::{read_curves, read_metrics, write_curves, write_metrics};
use crate::record::{Failure, Metrics, Outcome};
use indexmap::IndexMap;
use rusqlite::{Connection, OptionalExtension, Row, params};
use serde_json::Value;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// `PLCA` in the header of `cache.sqlite`.
const FORMAT: Format = Format { application_id: 0x504c_4341, version: 1, schema: include_str!("cache.sql") };

/// Tells backup programs that the folder can be made again (<https://bford.info/cachedir/>).
const CACHE_TAG: &str = "Signature: 8a477f597d28d172789f06886806bc55\n# Results of trainings, kept by pleach.\n";

/// The folder of weights.
const WEIGHTS: &str = "weights";

/// The folder of trainings that are on their way.
const PROGRESS: &str = "progress";

/// The result of one training.
#[derive(Debug, Clone, PartialEq)]
pub struct CacheEntry {
    /// The trial key: 64 hexadecimal digits.
    pub key: String,
    /// All that the result depends on.
    pub document: Value,
    /// How it ended; only what ends alike on every machine belongs here.
    pub outcome: Outcome,
    /// All metrics at every epoch, from the first on.
    pub curves: Vec<Metrics>,
    /// The digest of all tensors, as who trained them says.
    pub tensors: Option<String>,
    /// Real seconds that it took.
    pub seconds: f64,
}

/// What became of a result that was put into the cache.
#[derive(Debug, Clone, PartialEq)]
pub enum Put {
    /// It was not there before.
    New,
    /// There was one under its key, which stays; the two should be equal.
    Known(Box<CacheEntry>),
}

/// One entry in short.
#[derive(Debug, Clone, PartialEq)]
pub struct CacheListing {
    /// The trial key.
    pub key: String,
    /// All that the result depends on.
    pub document: Value,
    /// Whether it was measured (else it failed).
    pub measured: bool,
    /// How many measurements on its weights there are.
    pub measurements: u64,
    /// How large its weights are, where they are kept.
    pub weights_bytes: Option<u64>,
    /// Real seconds that it took.
    pub seconds: f64,
}

/// How much the cache holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CacheSize {
    /// Results of trainings.
    pub results: u64,
    /// Measurements on their weights.
    pub measurements: u64,
    /// Files of weights.
    pub weights: u64,
    /// Bytes of these files.
    pub weights_bytes: u64,
    /// Bytes of the database.
    pub database_bytes: u64,
}

/// A cache in a folder of its own; several processes can use it at once. Every call is committed when it returns.
#[derive(Debug)]
pub struct Cache {
    connection: Connection,
    folder: PathBuf,
    path: PathBuf,
    /// In seconds since 1970.
    time: Option<u64>,
}

/// Last uses are noted this coarsely, in seconds.
const COARSE: u64 = 3600;

impl Cache {
    /// Opens the cache in a folder, which is made if need be.
    ///
    /// # Errors
    /// The folder cannot be written, or its database is damaged, of a later version, or not ours.
    pub fn open(folder: &Path) -> Result<Self> {
        for part in [WEIGHTS, PROGRESS] {
            let part = folder.join(part);
            fs::create_dir_all(&part).map_err(|source| Error::write(part, source))?;
        }
        for (name, text) in [("CACHEDIR.TAG", CACHE_TAG), (".gitignore", "*\n")] {
            let file = folder.join(name);
            if !file.exists() {
                write_whole(&file, |file| io::Write::write_all(file, text.as_bytes()))?;
            }
        }
        let path = folder.join("cache.sqlite");
        Ok(Self { connection: database::create(&path, &FORMAT)?, folder: folder.to_owned(), path, time: None })
    }

    /// The same, noting when each result is of use; `time` is now, in seconds since 1970.
    ///
    /// # Errors
    /// The database cannot be written.
    pub fn at(self, time: u64) -> Result<Self> {
        // A table of its own, so that earlier versions can use the cache too.
        let found = "SELECT count(*) FROM sqlite_schema WHERE name = 'uses'";
        if self.statement(found, |mut statement| statement.query_row([], |row| row.get::<_, i64>(0)))? == 0 {
            let make = "CREATE TABLE IF NOT EXISTS uses (key TEXT PRIMARY KEY, used INTEGER NOT NULL) WITHOUT ROWID";
            self.statement(make, |mut statement| statement.execute([]))?;
        }
        let unknown = "INSERT OR IGNORE INTO uses SELECT key, ?1 FROM results UNION SELECT key, ?1 FROM weights";
        self.statement(unknown, |mut statement| statement.execute([time as i64]))?;
        Ok(Self { time: Some(time), ..self })
    }

    /// Notes that what is kept under a key is of use now.
    fn used(&self, key: &str) -> Result<()> {
        let Some(time) = self.time else { return Ok(()) };
        let sql = "UPDATE uses SET used = ?2 WHERE key = ?1 AND used < ?3";
        let values = params![key, time as i64, time.saturating_sub(COARSE) as i64];
        self.statement(sql, |mut statement| statement.execute(values)).map(drop)
    }

    fn added(&self, key: &str) -> Result<()> {
        let Some(time) = self.time else { return Ok(()) };
        let sql = "INSERT OR REPLACE INTO uses VALUES (?1, ?2)";
        self.statement(sql, |mut statement| statement.execute(params![key, time as i64])).map(drop)
    }

    /// Where it lies.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The result under a key.
    ///
    /// # Errors
    /// The database cannot be read; so for all methods here.
    pub fn get(&self, key: &str) -> Result<Option<CacheEntry>> {
        self.used(key)?;
        let sql = "SELECT document, state, metrics, reason, message, machine_detail, curves, tensors, seconds \
                   FROM results WHERE key = ?1";
        let found = self.statement(sql, |mut statement| {
            statement.query_row([key], |row| Ok(EntryRow::read(row)?.parse(key))).optional()
        })?;
        found.transpose().map_err(|source| self.unreadable(key, source))
    }

    /// Adds a result. One that is there already stays and is returned, to be compared.
    ///
    /// # Errors
    /// A key that is none; a result that has not ended is refused as unreadable.
    pub fn put(&self, entry: &CacheEntry) -> Result<Put> {
        check_key(&entry.key)?;
        let mut curves = Vec::new();
        write_curves(&mut curves, &entry.curves);
        let mut metrics = None;
        let mut failure = None;
        match &entry.outcome {
            Outcome::Measured(measured) => write_metrics(metrics.insert(Vec::new()), measured),
            Outcome::Failed(failed) => failure = Some(failed),
            Outcome::Running => return Err(self.unreadable(&entry.key, "it has not ended")),
        }
        let added = self.statement(
            "INSERT OR IGNORE INTO results VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
            |mut statement| {
                statement.execute(params![
                    entry.key,
                    entry.document.to_string(),
                    entry.outcome.state(),
                    metrics.as_deref().map(Text),
                    failure.map(|failure| &failure.reason),
                    failure.map(|failure| &failure.message),
                    failure.map(|failure| &failure.detail),
                    Text(&curves),
                    entry.tensors,
                    entry.seconds,
                ])
            },
        )?;
        if added > 0 {
            self.added(&entry.key)?;
            return Ok(Put::New);
        }
        match self.get(&entry.key)? {
            Some(known) => Ok(Put::Known(Box::new(known))),
            // Another process removed it between the two statements.
            None => self.put(entry),
        }
    }

    /// All later measurements on the weights of a key, by name.
    pub fn measurements(&self, key: &str) -> Result<IndexMap<String, Metrics>> {
        let sql = "SELECT name, metrics FROM measurements WHERE key = ?1 ORDER BY name";
        let rows = self.statement(sql, |mut statement| {
            let rows = statement.query_map([key], |row| Ok((row.get(0)?, row.get(1)?)))?;
            rows.collect::<rusqlite::Result<Vec<(String, String)>>>()
        })?;
        let parse = |(name, text): (String, String)| Ok((name, read_metrics(&text)?));
        rows.into_iter().map(parse).collect::<serde_json::Result<_>>().map_err(|source| self.unreadable(key, source))
    }

    /// Adds a measurement on the weights of a key, such as `test`; an earlier one of that name stays.
    ///
    /// # Errors
    /// A key that is none.
    pub fn put_measurement(&self, key: &str, name: &str, metrics: &Metrics) -> Result<()> {
        check_key(key)?;
        let mut text = Vec::new();
        write_metrics(&mut text, metrics);
        let sql = "INSERT OR IGNORE INTO measurements VALUES (?1, ?2, ?3)";
        self.statement(sql, |mut statement| statement.execute(params![key, name, Text(&text)])).map(drop)
    }

    /// The file of a key's weights; none where it is missing or does not have the content that was put there.
    pub fn weights(&self, key: &str) -> Result<Option<PathBuf>> {
        self.used(key)?;
        let digest = self.statement("SELECT digest FROM weights WHERE key = ?1", |mut statement| {
            statement.query_row([key], |row| row.get::<_, String>(0)).optional()
        })?;
        let file = self.weights_file(key);
        match digest {
            Some(digest) if file.exists() && file_digest(&file)? == digest => Ok(Some(file)),
            _ => Ok(None),
        }
    }

    /// Copies a file of weights into the cache, in place of an earlier one, and returns the digest of its content.
    ///
    /// # Errors
    /// A key that is none, or files that cannot be read or written.
    pub fn put_weights(&self, key: &str, source: &Path) -> Result<String> {
        check_key(key)?;
        let digest = file_digest(source)?;
        let mut from = fs::File::open(source).map_err(|error| Error::file(source, error))?;
        let mut bytes = 0;
        write_whole(&self.weights_file(key), |file| {
            bytes = io::copy(&mut from, file)?;
            Ok(())
        })?;
        self.statement("INSERT OR REPLACE INTO weights VALUES (?1, ?2, ?3)", |mut statement| {
            statement.execute(params![key, digest, bytes as i64])
        })?;
        self.added(key)?;
        Ok(digest)
    }

    /// The keys of all results.
    pub fn keys(&self) -> Result<Vec<String>> {
        self.statement("SELECT key FROM results", |mut statement| {
            statement.query_map([], |row| row.get(0))?.collect::<rusqlite::Result<_>>()
        })
    }

    /// All entries, by key.
    pub fn list(&self) -> Result<Vec<CacheListing>> {
        let sql = "SELECT key, document, state = 'measured', seconds, \
                   (SELECT count(*) FROM measurements WHERE measurements.key = results.key), \
                   (SELECT bytes FROM weights WHERE weights.key = results.key) FROM results ORDER BY key";
        type Columns = (String, String, bool, f64, i64, Option<i64>);
        let rows = self.statement(sql, |mut statement| {
            let read =
                |row: &Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?, row.get(5)?));
            statement.query_map([], read)?.collect::<rusqlite::Result<Vec<Columns>>>()
        })?;
        let listing = |(key, document, measured, seconds, measurements, bytes): Columns| {
            Ok(CacheListing {
                document: serde_json::from_str(&document).map_err(|source| self.unreadable(&key, source))?,
                key,
                measured,
                measurements: measurements as u64,
                weights_bytes: bytes.map(|bytes| bytes as u64),
                seconds,
            })
        };
        rows.into_iter().map(listing).collect()
    }

    /// How much it holds.
    pub fn size(&self) -> Result<CacheSize> {
        let sql = "SELECT (SELECT count(*) FROM results), (SELECT count(*) FROM measurements), count(*), \
                   ifnull(sum(bytes), 0) FROM weights";
        let counts = self.statement(sql, |mut statement| {
            statement.query_row([], |row| Ok([row.get::<_, i64>(0)?, row.get(1)?, row.get(2)?, row.get(3)?]))
        })?;
        let mut log = self.path.as_os_str().to_owned();
        log.push("-wal");
        let length = |path: &Path| fs::metadata(path).map_or(0, |metadata| metadata.len());
        let [results, measurements, weights, weights_bytes] = counts.map(|count| count as u64);
        let database_bytes = length(&self.path) + length(Path::new(&log));
        Ok(CacheSize { results, measurements, weights, weights_bytes, database_bytes })
    }

    /// Removes all that is kept under a key.
    ///
    /// # Errors
    /// A key that is none, or a file of weights that cannot be removed.
    pub fn remove(&self, key: &str) -> Result<()> {
        check_key(key)?;
        for table in ["measurements", "results"] {
            self.statement(&format!("DELETE FROM {table} WHERE key = ?1"), |mut statement| statement.execute([key]))?;
        }
        if self.time.is_some() {
            self.statement("DELETE FROM uses WHERE key = ?1", |mut statement| statement.execute([key]))?;
        }
        self.remove_weights(key)
    }

    /// Removes a key's weights; its results and measurements stay.
    ///
    /// # Errors
    /// A key that is none, or a file that cannot be removed.
    pub fn remove_weights(&self, key: &str) -> Result<()> {
        check_key(key)?;
        self.statement("DELETE FROM weights WHERE key = ?1", |mut statement| statement.execute([key]))?;
        remove_file(&self.weights_file(key))
    }

    /// Where a training that is on its way keeps how far it has come; whether the file is there is its own affair.
    ///
    /// # Errors
    /// A key that is none.
    pub fn progress_file(&self, key: &str) -> Result<PathBuf> {
        check_key(key)?;
        Ok(self.folder.join(PROGRESS).join(format!("{key}.safetensors")))
    }

    /// Removes what a training that has ended kept of how far it had come.
    ///
    /// # Errors
    /// A key that is none, or a file that cannot be removed.
    pub fn remove_progress(&self, key: &str) -> Result<()> {
        remove_file(&self.progress_file(key)?)
    }

    fn weights_file(&self, key: &str) -> PathBuf {
        self.folder.join(WEIGHTS).join(format!("{key}.safetensors"))
    }

    fn statement<T>(
        &self,
        sql: &str,
        work: impl FnOnce(rusqlite::CachedStatement<'_>) -> rusqlite::Result<T>,
    ) -> Result<T> {
        self.connection.prepare_cached(sql).and_then(work).map_err(|source| Error::database(&self.path, source))
    }

    fn unreadable(&self, key: &str, detail: impl ToString) -> Error {
        Error::Unreadable { path: self.path.clone(), what: format!("result `{key}`"), detail: detail.to_string() }
    }
}

/// The columns of a result as SQLite gives them.
struct EntryRow {
    document: String,
    state: String,
    metrics: Option<String>,
    failure: [Option<String>; 3],
    curves: String,
    tensors: Option<String>,
    seconds: f64,
}

impl EntryRow {
    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            document: row.get(0)?,
            state: row.get(1)?,
            metrics: row.get(2)?,
            failure: [row.get(3)?, row.get(4)?, row.get(5)?],
            curves: row.get(6)?,
            tensors: row.get(7)?,
            seconds: row.get(8)?,
        })
    }

    fn parse(self, key: &str) -> serde_json::Result<CacheEntry> {
        let outcome = if self.state == "measured" {
            Outcome::Measured(read_metrics(self.metrics.as_deref().unwrap_or_default())?)
        } else {
            let [reason, message, detail] = self.failure.map(Option::unwrap_or_default);
            Outcome::Failed(Failure { reason, message, detail })
        };
        Ok(CacheEntry {
            key: key.to_owned(),
            document: serde_json::from_str(&self.document)?,
            outcome,
            curves: read_curves(&self.curves)?,
            tensors: self.tensors,
            seconds: self.seconds,
        })
    }
}

fn remove_file(file: &Path) -> Result<()> {
    match fs::remove_file(file) {
        Err(source) if source.kind() != io::ErrorKind::NotFound => Err(Error::write(file, source)),
        _ => Ok(()),
    }
}

/// A key becomes part of a file's name, so it must be nothing else.
fn check_key(key: &str) -> Result<()> {
    if key.len() == 64 && key.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        Ok(())
    } else {
        Err(Error::Key { key: key.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn entry(document: Value) -> CacheEntry {
        CacheEntry {
            key: crate::key(&document),
            document,
            outcome: Outcome::Measured([("accuracy".to_owned(), 0.9), ("loss".to_owned(), f64::INFINITY)].into()),
            curves: vec![[("accuracy".to_owned(), 0.5)].into(), [("accuracy".to_owned(), 0.9)].into()],
            tensors: Some("aa".into()),
            seconds: 1.5,
        }
    }

    #[test]
    fn results_are_there_for_the_next_one_and_the_first_stays() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().join(".cache");
        let first = entry(json!({"network": 1}));
        let cache = Cache::open(&folder).unwrap();
        assert_eq!(cache.get(&first.key).unwrap(), None);
        assert_eq!(cache.put(&first).unwrap(), Put::New);
        let again = CacheEntry { seconds: 9.0, ..first.clone() };
        let second_process = Cache::open(&folder).unwrap();
        assert_eq!(second_process.put(&again).unwrap(), Put::Known(Box::new(first.clone())));
        let failure = Failure { reason: "diverged".into(), message: "m".into(), detail: "d".into() };
        let failed = CacheEntry { outcome: Outcome::Failed(failure), ..entry(json!({"network": 2})) };
        assert_eq!(cache.put(&failed).unwrap(), Put::New);
        assert_eq!(second_process.get(&failed.key).unwrap(), Some(failed));
        let running = CacheEntry { outcome: Outcome::Running, ..entry(json!({"network": 3})) };
        assert!(cache.put(&running).unwrap_err().to_string().contains("has not ended"));
        assert_eq!(cache.list().unwrap().len(), 2);
    }

    #[test]
    fn measurements_stand_beside_the_result() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::open(folder.path()).unwrap();
        let key = "a".repeat(64);
        let test: Metrics = [("accuracy".to_owned(), 0.8)].into();
        cache.put_measurement(&key, "test", &test).unwrap();
        cache.put_measurement(&key, "test", &[("accuracy".to_owned(), 0.1)].into()).unwrap();
        cache.put_measurement(&key, "attack fgsm", &test).unwrap();
        let found = cache.measurements(&key).unwrap();
        assert_eq!(found.keys().collect::<Vec<_>>(), ["attack fgsm", "test"]);
        assert_eq!(found["test"], test);
        assert_eq!(cache.size().unwrap().measurements, 2);
    }

    #[test]
    fn weights_that_are_missing_or_damaged_miss_for_weights_only() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::open(&folder.path().join("cache")).unwrap();
        let entry = entry(json!("with weights"));
        let source = folder.path().join("checkpoint");
        fs::write(&source, b"tensors").unwrap();
        cache.put(&entry).unwrap();
        assert_eq!(cache.weights(&entry.key).unwrap(), None);
        let digest = cache.put_weights(&entry.key, &source).unwrap();
        assert_eq!(digest, blake3::hash(b"tensors").to_hex().to_string());
        let file = cache.weights(&entry.key).unwrap().unwrap();
        assert_eq!(fs::read(&file).unwrap(), b"tensors");
        assert_eq!(cache.list().unwrap()[0].weights_bytes, Some(7));
        fs::write(&file, b"tensorz").unwrap();
        assert_eq!(cache.weights(&entry.key).unwrap(), None);
        cache.put_weights(&entry.key, &source).unwrap();
        assert!(cache.weights(&entry.key).unwrap().is_some());
        fs::remove_file(&file).unwrap();
        assert_eq!(cache.weights(&entry.key).unwrap(), None);
        assert_eq!(cache.get(&entry.key).unwrap(), Some(entry.clone()));
        cache.put_weights(&entry.key, &source).unwrap();
        cache.remove(&entry.key).unwrap();
        assert!(!file.exists());
        let size = cache.size().unwrap();
        assert_eq!((size.results, size.weights, size.weights_bytes), (0, 0, 0));
        let outside = cache.put_weights("../../x", &source).unwrap_err();
        assert!(matches!(outside, Error::Key { .. }));
    }

    #[test]
    fn what_was_not_of_use_for_long_is_cleared_away() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("cache");
        let source = root.path().join("checkpoint");
        fs::write(&source, b"tensors").unwrap();
        const DAY: u64 = 86_400;
        let names = ["old", "read again", "wanted"];
        let entries = names.map(|name| entry(json!(name)));
        {
            let cache = Cache::open(&folder).unwrap().at(10 * DAY).unwrap();
            for entry in &entries {
                cache.put(entry).unwrap();
                cache.put_weights(&entry.key, &source).unwrap();
            }
        }
        let cache = Cache::open(&folder).unwrap().at(20 * DAY).unwrap();
        cache.get(&entries[1].key).unwrap().unwrap();
        let keep = [entries[2].key.clone()].into();
        let clear = Clear { before: 15 * DAY, weights_only: true, keep, dry_run: true };
        let would = cache.clear(&clear).unwrap();
        assert_eq!((would.results, would.weights, would.weights_bytes, would.kept), (0, 1, 7, 1));
        assert_eq!(cache.size().unwrap().weights, 3, "nothing was done");
        assert_eq!(cache.clear(&Clear { dry_run: false, ..clear.clone() }).unwrap(), would);
        assert_eq!((cache.size().unwrap().results, cache.size().unwrap().weights), (3, 2));
        let clear = Clear { weights_only: false, dry_run: false, ..clear };
        assert_eq!(cache.clear(&clear).unwrap().results, 1);
        assert_eq!(cache.get(&entries[0].key).unwrap(), None);
        assert!(cache.get(&entries[1].key).unwrap().is_some() && cache.weights(&entries[2].key).unwrap().is_some());
    }

    #[test]
    fn uses_in_a_cache_of_an_earlier_version_begin_when_it_is_opened() {
        let folder = tempfile::tempdir().unwrap();
        let one = entry(json!(1));
        Cache::open(folder.path()).unwrap().put(&one).unwrap();
        let cache = Cache::open(folder.path()).unwrap().at(1000).unwrap();
        assert_eq!(cache.clear(&Clear { before: 1000, ..Clear::default() }).unwrap().results, 0);
        assert_eq!(cache.clear(&Clear { before: 1001, ..Clear::default() }).unwrap().results, 1);
    }
}
