//! Recording a run.

use crate::database::Text;
use crate::error::{Error, Result};
use crate::folder::{LOCK_FILE, RunFolder};
use crate::holder::ProcessLock;
use crate::lock_file::LockFile;
use crate::numbers::{write_curves, write_ids, write_json, write_metrics, write_number_lists, write_numbers};
use crate::reader::RunReader;
use crate::record::{ArtifactRecord, Outcome, RunState, StepRecord, TrialRecord};
use rusqlite::{Connection, params};
use serde_json::Value;
use std::ops::Deref;

/// Records a run; reads as a [`RunReader`] what it recorded itself, committed or not.
///
/// What is recorded is kept from the next [`commit`](Self::commit) on: the caller decides when, and a commit takes all that
/// was recorded before with it, so the record never has a gap. What was not committed is gone when the writer is dropped or
/// the process dies. After a write that failed nothing more is taken.
///
/// Recording a trial of six decisions and one epoch costs 2.4 µs with a commit every 0.1 s, as
/// `examples/record_speed.rs` measures it.
#[derive(Debug)]
pub struct RunWriter {
    // The order matters: the database is closed before the lock on the folder is given up.
    reader: RunReader,
    _lock: ProcessLock,
    folder: RunFolder,
    pending: u64,
    stopped: bool,
    buffers: Buffers,
}

/// Texts of one row, kept so that a row costs no allocation.
#[derive(Debug, Default)]
struct Buffers {
    genotype: Vec<u8>,
    parents: Vec<u8>,
    detail: Vec<u8>,
    metrics: Vec<u8>,
    curves: Vec<u8>,
}

impl Deref for RunWriter {
    type Target = RunReader;

    fn deref(&self) -> &RunReader {
        &self.reader
    }
}

impl RunWriter {
    pub(crate) fn new(reader: RunReader, lock: ProcessLock, folder: RunFolder) -> Self {
        Self { reader, _lock: lock, folder, pending: 0, stopped: false, buffers: Buffers::default() }
    }

    /// The run's folder.
    pub fn folder(&self) -> &RunFolder {
        &self.folder
    }

    /// How many records wait for a commit.
    pub fn pending(&self) -> u64 {
        self.pending
    }

    /// Keeps all that was recorded so far.
    ///
    /// # Errors
    /// The disk is full or fails; then all since the last commit is lost, and all before it is kept.
    pub fn commit(&mut self) -> Result<()> {
        if self.stopped {
            return Err(Error::Stopped { path: self.reader.path().to_owned() });
        }
        if self.pending == 0 {
            return Ok(());
        }
        let done = self.reader.connection.prepare_cached("COMMIT").and_then(|mut statement| statement.execute([]));
        match done {
            Ok(_) => {
                self.pending = 0;
                Ok(())
            }
            Err(source) => Err(self.stop(source)),
        }
    }

    /// Writes a note about the run, in place of an earlier one of that name. The names `name`, `state` and `lock` are taken.
    ///
    /// # Errors
    /// The database cannot be written; so for all methods here.
    pub fn record_meta(&mut self, name: &str, value: &str) -> Result<()> {
        self.write(|connection, _| {
            let sql = "INSERT OR REPLACE INTO meta VALUES (?1, ?2)";
            connection.prepare_cached(sql)?.execute([name, value]).map(drop)
        })
    }

    /// Says how far the run is.
    pub fn record_state(&mut self, state: RunState) -> Result<()> {
        self.record_meta("state", state.as_str())
    }

    /// Says anew what the run was made from, in the record and in `lock.yaml`.
    pub fn record_lock(&mut self, lock: &LockFile) -> Result<()> {
        let text = serde_json::to_string(lock).expect("a lock file has nothing that JSON cannot say");
        self.record_meta("lock", &text)?;
        self.folder.write_file(LOCK_FILE, lock.to_yaml().as_bytes())
    }

    /// Records a step, in place of an earlier record of that name.
    pub fn record_step(&mut self, step: &StepRecord) -> Result<()> {
        let document = step.document.to_string();
        let decisions = serde_json::to_string(&step.decisions).expect("strings can be said in JSON");
        let recommendation = step.recommendation.as_ref().map(|genotypes| {
            let mut out = Vec::new();
            write_number_lists(&mut out, genotypes);
            out
        });
        let results = step.results.as_ref().map(Value::to_string);
        self.write(|connection, _| {
            let sql = "INSERT INTO steps (name, kind, strategy, key, document, decisions, state, recommendation, results, \
                       seconds) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10) ON CONFLICT (name) DO UPDATE SET \
                       kind = ?2, strategy = ?3, key = ?4, document = ?5, decisions = ?6, state = ?7, recommendation = ?8, \
                       results = ?9, seconds = ?10";
            let mut statement = connection.prepare_cached(sql)?;
            let row = params![
                step.name,
                step.kind,
                step.strategy,
                step.key,
                document,
                decisions,
                step.state.as_str(),
                recommendation.as_deref().map(Text),
                results,
                step.seconds,
            ];
            statement.execute(row).map(drop)
        })
    }

    /// Forgets the trials, artifacts, recommendation and results of a step that has to run again from its start.
    ///
    /// Files of artifacts stay where they are.
    pub fn clear_step(&mut self, step: &str) -> Result<()> {
        self.write(|connection, _| {
            connection.execute("DELETE FROM trials WHERE step = ?1", [step])?;
            connection.execute("DELETE FROM artifacts WHERE step = ?1", [step])?;
            let sql = "UPDATE steps SET state = 'pending', recommendation = NULL, results = NULL, seconds = 0 WHERE name = ?1";
            connection.execute(sql, [step]).map(drop)
        })
    }

    /// Records a trial, in place of an earlier record of that step and id: when it is asked, while it goes on, or at its end.
    pub fn record_trial(&mut self, step: &str, trial: &TrialRecord) -> Result<()> {
        self.write(|connection, buffers| {
            let request = &trial.request;
            buffers.clear();
            write_numbers(&mut buffers.genotype, &request.genotype);
            write_ids(&mut buffers.parents, &request.parents);
            if let Some(detail) = &request.detail {
                write_json(&mut buffers.detail, detail);
            }
            if let Some(metrics) = trial.metrics() {
                write_metrics(&mut buffers.metrics, metrics);
            }
            if !trial.curves.is_empty() {
                write_curves(&mut buffers.curves, &trial.curves);
            }
            let failure = match &trial.outcome {
                Outcome::Failed(failure) => Some(failure),
                Outcome::Running | Outcome::Measured(_) => None,
            };
            // In the order of the schema; a short text, since it is looked up by its hash at every trial.
            let sql = "INSERT OR REPLACE INTO trials VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)";
            let mut statement = connection.prepare_cached(sql)?;
            let row = params![
                step,
                trial.id as i64,
                trial.outcome.state(),
                request.job,
                Text(&buffers.genotype),
                request.fidelity,
                request.repeat,
                request.candidate,
                Text(&buffers.parents),
                text_or_null(&buffers.detail),
                trial.start,
                trial.end,
                trial.cost,
                trial.key,
                text_or_null(&buffers.metrics),
                failure.map(|failure| &failure.reason),
                failure.map(|failure| &failure.message),
                failure.map(|failure| &failure.detail),
                trial.cached,
                trial.seconds,
                trial.worker,
                text_or_null(&buffers.curves),
            ];
            statement.execute(row).map(drop)
        })
    }

    /// Records an event under the next number. What trials say need not be said again.
    pub fn record_event(&mut self, event: &Value) -> Result<()> {
        let text = event.to_string();
        self.write(|connection, _| {
            connection.prepare_cached("INSERT INTO events (event) VALUES (?1)")?.execute([&text]).map(drop)
        })
    }

    /// Records a file that a step left, in place of an earlier record of that path.
    pub fn record_artifact(&mut self, artifact: &ArtifactRecord) -> Result<()> {
        self.write(|connection, _| {
            let sql = "INSERT OR REPLACE INTO artifacts (path, step, candidate, repeat, kind, digest) \
                       VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
            let ArtifactRecord { step, candidate, repeat, kind, path, digest } = artifact;
            connection.prepare_cached(sql)?.execute(params![path, step, candidate, repeat, kind, digest]).map(drop)
        })
    }

    /// Commits and closes, so that the database is one file without a log beside it.
    ///
    /// # Errors
    /// As [`commit`](Self::commit).
    pub fn close(mut self) -> Result<()> {
        self.commit()?;
        let path = self.reader.path().to_owned();
        // A reader in another process may still need the log: then it stays until that one is done.
        let checkpoint = self.reader.connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()));
        checkpoint.map_err(|source| Error::database(&path, source))
    }

    fn write(&mut self, work: impl FnOnce(&Connection, &mut Buffers) -> rusqlite::Result<()>) -> Result<()> {
        if self.stopped {
            return Err(Error::Stopped { path: self.reader.path().to_owned() });
        }
        let connection = &self.reader.connection;
        let begun = if self.pending == 0 {
            connection.prepare_cached("BEGIN IMMEDIATE").and_then(|mut statement| statement.execute([])).map(drop)
        } else {
            Ok(())
        };
        match begun.and_then(|()| work(connection, &mut self.buffers)) {
            Ok(()) => {
                self.pending += 1;
                Ok(())
            }
            Err(source) => Err(self.stop(source)),
        }
    }

    /// Some errors end SQLite's transaction by themselves and some do not: going on would leave a gap in the record.
    fn stop(&mut self, source: rusqlite::Error) -> Error {
        self.stopped = true;
        self.pending = 0;
        if !self.reader.connection.is_autocommit() {
            // The first error is the one to tell; the transaction ends with the connection at the latest.
            let _ = self.reader.connection.execute_batch("ROLLBACK");
        }
        Error::database(self.reader.path(), source)
    }
}

impl Buffers {
    fn clear(&mut self) {
        for buffer in [&mut self.genotype, &mut self.parents, &mut self.detail, &mut self.metrics, &mut self.curves] {
            buffer.clear();
        }
    }
}

fn text_or_null(buffer: &[u8]) -> Option<Text<'_>> {
    (!buffer.is_empty()).then_some(Text(buffer))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::holder::Holder;
    use crate::record::Request;

    fn holder() -> Holder {
        Holder { process: 1, since: String::new(), host: String::new() }
    }

    fn trial(id: u64) -> TrialRecord {
        TrialRecord::running(id, Request::train(vec![1.0; 20], 1.0, 0), 0.0, 1.0)
    }

    fn run_with_trials(root: &std::path::Path, count: u64) -> RunFolder {
        let folder = RunFolder::create(root, "quick", "version: 1\n", &LockFile::default()).unwrap();
        let mut run = folder.record(&holder()).unwrap();
        for id in 0..count {
            run.record_trial("explore", &trial(id)).unwrap();
        }
        run.close().unwrap();
        folder
    }

    #[test]
    fn a_full_disk_loses_nothing_that_was_committed() {
        let root = tempfile::tempdir().unwrap();
        let folder = run_with_trials(root.path(), 10);
        let mut run = folder.record(&holder()).unwrap();
        // The same answer of SQLite as that of a full disk, without one.
        run.reader.connection.pragma_update(None, "max_page_count", 20).unwrap();
        let error =
            (10..100_000).find_map(|id| run.record_trial("explore", &trial(id)).err()).expect("20 pages are enough");
        assert!(matches!(error, Error::DiskFull { .. }), "{error}");
        assert!(
            error.to_string().contains("no space left to write") && error.to_string().contains("run.sqlite"),
            "{error}"
        );
        assert!(matches!(run.record_trial("explore", &trial(10)).unwrap_err(), Error::Stopped { .. }));
        assert!(matches!(run.commit().unwrap_err(), Error::Stopped { .. }));
        drop(run);
        let mut run = folder.record(&holder()).unwrap();
        assert_eq!(run.trials("explore").unwrap().len(), 10);
        run.record_trial("explore", &trial(10)).unwrap();
        run.commit().unwrap();
    }
}
