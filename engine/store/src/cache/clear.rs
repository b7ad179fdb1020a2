//! Clearing away what was not of use for long.

use super::{Cache, PROGRESS, WEIGHTS};
use crate::error::{Error, Result};
use rusqlite::Row;
use serde::Serialize;
use std::collections::HashSet;
use std::fs;
use std::time::UNIX_EPOCH;

/// What is to be cleared away.
#[derive(Debug, Clone, Default)]
pub struct Clear {
    /// What was not of use since then, in seconds since 1970.
    pub before: u64,
    /// Files of weights only: results and measurements stay.
    pub weights_only: bool,
    /// Keys under which all stays.
    pub keep: HashSet<String>,
    /// Removes nothing, and only counts.
    pub dry_run: bool,
}

/// What was cleared away, or would be.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Cleared {
    /// Results of trainings.
    pub results: u64,
    /// Files of weights.
    pub weights: u64,
    /// Bytes of all files.
    pub weights_bytes: u64,
    /// Files that processes left which were killed.
    pub strays: u64,
    /// Keys that are old and stayed, since they are wanted.
    pub kept: u64,
}

impl Cache {
    /// Removes what was not of use since a time, or says what would be removed. Needs [`Cache::at`].
    ///
    /// # Errors
    /// A file of weights that cannot be removed.
    pub fn clear(&self, clear: &Clear) -> Result<Cleared> {
        let mut cleared = Cleared::default();
        self.immediately(|| {
            let old = "SELECT key, (SELECT bytes FROM weights WHERE weights.key = uses.key), \
                       EXISTS (SELECT 1 FROM results WHERE results.key = uses.key) FROM uses WHERE used < ?1 ORDER BY key";
            let rows = self.statement(old, |mut statement| {
                let read = |row: &Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get(2)?));
                statement.query_map([clear.before as i64], read)?.collect::<rusqlite::Result<Vec<(String, Option<i64>, bool)>>>()
            })?;
            for (key, bytes, has_result) in rows {
                if clear.keep.contains(&key) {
                    cleared.kept += 1;
                    continue;
                }
                if let Some(bytes) = bytes {
                    cleared.weights += 1;
                    cleared.weights_bytes += bytes as u64;
                }
                cleared.results += u64::from(has_result && !clear.weights_only);
                match clear.dry_run {
                    true => {}
                    false if clear.weights_only => self.remove_weights(&key)?,
                    false => self.remove(&key)?,
                }
            }
            Ok(())
        })?;
        self.clear_strays(clear, &mut cleared)?;
        if cleared.results > 0 && !clear.dry_run {
            // Another process that uses the cache now keeps it from shrinking, and nothing else.
            let _ = self.connection.execute_batch("VACUUM");
        }
        Ok(cleared)
    }

    /// Files that a process left which was killed.
    fn clear_strays(&self, clear: &Clear, cleared: &mut Cleared) -> Result<()> {
        let known: HashSet<String> = self.statement("SELECT key FROM weights", |mut statement| {
            statement.query_map([], |row| row.get(0))?.collect::<rusqlite::Result<_>>()
        })?;
        for folder in [self.folder.clone(), self.folder.join(WEIGHTS), self.folder.join(PROGRESS)] {
            for entry in fs::read_dir(&folder).map_err(|source| Error::file(&folder, source))?.flatten() {
                let path = entry.path();
                let (Some(stem), Ok(metadata)) = (path.file_stem().and_then(|stem| stem.to_str()), entry.metadata())
                else {
                    continue;
                };
                let written = metadata.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
                let old = written.is_some_and(|written| written.as_secs() < clear.before);
                let ours = path.to_string_lossy().contains(".safetensors");
                if ours && old && metadata.is_file() && !known.contains(stem) {
                    cleared.strays += 1;
                    cleared.weights_bytes += metadata.len();
                    if !clear.dry_run {
                        fs::remove_file(&path).map_err(|source| Error::write(path, source))?;
                    }
                }
            }
        }
        Ok(())
    }

    /// Does several things as one: no other process sees a part, or writes in between.
    fn immediately(&self, work: impl FnOnce() -> Result<()>) -> Result<()> {
        let run = |sql: &str| self.connection.execute_batch(sql).map_err(|source| Error::database(&self.path, source));
        run("BEGIN IMMEDIATE")?;
        match work() {
            Ok(()) => run("COMMIT"),
            Err(error) => {
                // The first error is the one to tell.
                let _ = run("ROLLBACK");
                Err(error)
            }
        }
    }
}
