//! Reading what a run recorded.

use crate::error::{Error, Result};
use crate::lock_file::LockFile;
use crate::numbers::{read_curves, read_metrics, read_number_lists, read_numbers};
use crate::record::{
    ArtifactRecord, EventRecord, Failure, Outcome, Request, RunState, StepRecord, StepState, TrialRecord,
};
use indexmap::{IndexMap, IndexSet};
use rusqlite::{Connection, OptionalExtension, Params, Row};
use serde::de::DeserializeOwned;
use std::path::{Path, PathBuf};

const STEP_COLUMNS: &str = "name, kind, strategy, key, document, decisions, state, recommendation, results, seconds";
const TRIAL_COLUMNS: &str = "id, state, job, genotype, fidelity, repeat, candidate, parents, detail, start, \"end\", cost, \
     key, metrics, reason, message, machine_detail, cached, seconds, worker, curves";

/// What a run recorded. What another process commits meanwhile is seen by the next call.
#[derive(Debug)]
pub struct RunReader {
    pub(crate) connection: Connection,
    path: PathBuf,
}

impl RunReader {
    pub(crate) fn new(connection: Connection, path: PathBuf) -> Self {
        Self { connection, path }
    }

    /// The database.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A note about the run, as [`RunWriter::record_meta`](crate::RunWriter::record_meta) wrote it.
    ///
    /// # Errors
    /// The database cannot be read; so for all methods here.
    pub fn meta(&self, name: &str) -> Result<Option<String>> {
        self.connection
            .prepare_cached("SELECT value FROM meta WHERE name = ?1")
            .and_then(|mut statement| statement.query_row([name], |row| row.get(0)).optional())
            .map_err(|source| Error::database(&self.path, source))
    }

    /// The experiment's name.
    pub fn name(&self) -> Result<String> {
        self.meta("name")?.ok_or_else(|| self.unreadable("meta `name`", "it is missing"))
    }

    /// How far the run is.
    pub fn state(&self) -> Result<RunState> {
        let word = self.meta("state")?.unwrap_or_default();
        RunState::from_word(&word).ok_or_else(|| self.unreadable("meta `state`", format!("`{word}` is no state")))
    }

    /// What the run was made from.
    pub fn lock(&self) -> Result<LockFile> {
        let text = self.meta("lock")?.unwrap_or_default();
        self.parse("meta `lock`", &text)
    }

    /// All steps, in the order in which they were first recorded.
    pub fn steps(&self) -> Result<Vec<StepRecord>> {
        self.rows(&format!("SELECT {STEP_COLUMNS} FROM steps ORDER BY position"), [], |row| self.step_of(row))
    }

    /// A step by its name.
    pub fn step(&self, name: &str) -> Result<Option<StepRecord>> {
        let sql = format!("SELECT {STEP_COLUMNS} FROM steps WHERE name = ?1");
        Ok(self.rows(&sql, [name], |row| self.step_of(row))?.pop())
    }

    /// All trials of a step with their curves, by id.
    pub fn trials(&self, step: &str) -> Result<Vec<TrialRecord>> {
        let sql = format!("SELECT {TRIAL_COLUMNS} FROM trials WHERE step = ?1 ORDER BY id");
        self.rows(&sql, [step], |row| self.trial_of(step, row))
    }

    /// The trials of a step from a number on with their curves, by id, at most so many: what is too much for memory is read in
    /// such parts.
    pub fn trials_from(&self, step: &str, first: u64, count: usize) -> Result<Vec<TrialRecord>> {
        let sql = format!("SELECT {TRIAL_COLUMNS} FROM trials WHERE step = ?1 AND id >= ?2 ORDER BY id LIMIT ?3");
        let parameters = rusqlite::params![step, i64::try_from(first).unwrap_or(i64::MAX), count as i64];
        self.rows(&sql, parameters, |row| self.trial_of(step, row))
    }

    /// All trials of a step with their curves, by id, of which only a part is in memory at a time.
    pub fn each_trial<'r>(&'r self, step: &'r str) -> impl Iterator<Item = Result<TrialRecord>> + 'r {
        const PART: usize = 1024;
        let mut part = Vec::new().into_iter();
        let mut next = Some(0);
        std::iter::from_fn(move || {
            if part.len() == 0 {
                match self.trials_from(step, next?, PART) {
                    Ok(trials) => {
                        let more = trials.len() == PART;
                        next = trials.last().filter(|_| more).map(|trial| trial.id + 1);
                        part = trials.into_iter();
                    }
                    Err(error) => {
                        next = None;
                        return Some(Err(error));
                    }
                }
            }
            part.next().map(Ok)
        })
    }

    /// One trial of a step.
    pub fn trial(&self, step: &str, id: u64) -> Result<Option<TrialRecord>> {
        let sql = format!("SELECT {TRIAL_COLUMNS} FROM trials WHERE step = ?1 AND id = ?2");
        Ok(self.rows(&sql, rusqlite::params![step, id as i64], |row| self.trial_of(step, row))?.pop())
    }

    /// How many trials of a step have ended.
    pub fn ended_trials(&self, step: &str) -> Result<u64> {
        self.connection
            .prepare_cached("SELECT count(*) FROM trials WHERE step = ?1 AND state <> 'running'")
            .and_then(|mut statement| statement.query_row([step], |row| row.get::<_, i64>(0)))
            .map(|count| count as u64)
            .map_err(|source| Error::database(&self.path, source))
    }

    /// How many trials of a step failed, by reason.
    pub fn failures(&self, step: &str) -> Result<IndexMap<String, u64>> {
        let sql =
            "SELECT reason, count(*) FROM trials WHERE step = ?1 AND state = 'failed' GROUP BY reason ORDER BY reason";
        let rows = self.rows(sql, [step], |row| Ok((self.get::<Option<String>>(row, 0)?, self.get::<i64>(row, 1)?)))?;
        Ok(rows.into_iter().map(|(reason, count)| (reason.unwrap_or_default(), count as u64)).collect())
    }

    /// How many trials of a step came from the cache.
    pub fn cached_trials(&self, step: &str) -> Result<u64> {
        let sql = "SELECT count(*) FROM trials WHERE step = ?1 AND cached <> 0";
        Ok(self.rows(sql, [step], |row| self.get::<i64>(row, 0))?.pop().unwrap_or_default() as u64)
    }

    /// The keys of a step's trials that have one.
    pub fn trial_keys(&self, step: &str) -> Result<Vec<String>> {
        self.rows("SELECT key FROM trials WHERE step = ?1 AND key IS NOT NULL", [step], |row| self.get(row, 0))
    }

    /// The metrics that a step's trials have at their end, in the order in which they first appear.
    pub fn metric_names(&self, step: &str) -> Result<Vec<String>> {
        let mut names: IndexSet<String> = IndexSet::new();
        let sql = "SELECT metrics FROM trials WHERE step = ?1 AND metrics IS NOT NULL ORDER BY id";
        self.each_row(sql, [step], |row| {
            let metrics = self.numbers("a trial", read_metrics(self.text(row, 0)?))?;
            for name in metrics.into_keys() {
                // Nearly always known: looked up without a copy.
                if !names.contains(&name) {
                    names.insert(name);
                }
            }
            Ok(())
        })?;
        Ok(names.into_iter().collect())
    }

    /// All events with a number above `after`, in order; 0 for all there are.
    pub fn events(&self, after: u64) -> Result<Vec<EventRecord>> {
        let sql = "SELECT sequence, event FROM events WHERE sequence > ?1 ORDER BY sequence";
        self.rows(sql, [i64::try_from(after).unwrap_or(i64::MAX)], |row| {
            let sequence = self.get::<i64>(row, 0)? as u64;
            let event = self.parse(&format!("event {sequence}"), self.text(row, 1)?)?;
            Ok(EventRecord { sequence, event })
        })
    }

    /// What steps left, by path.
    pub fn artifacts(&self) -> Result<Vec<ArtifactRecord>> {
        let sql = "SELECT step, candidate, repeat, kind, path, digest FROM artifacts ORDER BY path";
        self.rows(sql, [], |row| {
            Ok(ArtifactRecord {
                step: self.get(row, 0)?,
                candidate: self.get(row, 1)?,
                repeat: self.get(row, 2)?,
                kind: self.get(row, 3)?,
                path: self.get(row, 4)?,
                digest: self.get(row, 5)?,
            })
        })
    }

    fn step_of(&self, row: &Row<'_>) -> Result<StepRecord> {
        let name: String = self.get(row, 0)?;
        let what = format!("step `{name}`");
        let state = self.text(row, 6)?;
        let recommendation = self.optional_text(row, 7)?;
        let results = self.optional_text(row, 8)?;
        Ok(StepRecord {
            kind: self.get(row, 1)?,
            strategy: self.get(row, 2)?,
            key: self.get(row, 3)?,
            document: self.parse(&what, self.text(row, 4)?)?,
            decisions: self.parse(&what, self.text(row, 5)?)?,
            state: StepState::from_word(state)
                .ok_or_else(|| self.unreadable(&what, format!("`{state}` is no state")))?,
            recommendation: recommendation.map(|text| self.numbers(&what, read_number_lists(text))).transpose()?,
            results: results.map(|text| self.parse(&what, text)).transpose()?,
            seconds: self.get(row, 9)?,
            name,
        })
    }

    fn trial_of(&self, step: &str, row: &Row<'_>) -> Result<TrialRecord> {
        let id = self.get::<i64>(row, 0)? as u64;
        // Only an error needs its name: a format for each of many thousand trials would cost more than reading it.
        let named = |error: Error| match error {
            Error::Unreadable { path, detail, .. } => {
                Error::Unreadable { path, what: format!("trial {id} of step `{step}`"), detail }
            }
            other => other,
        };
        self.trial_with_id(id, row).map_err(named)
    }

    fn trial_with_id(&self, id: u64, row: &Row<'_>) -> Result<TrialRecord> {
        let what = "a trial";
        let outcome = match self.text(row, 1)? {
            "running" => Outcome::Running,
            "measured" => Outcome::Measured(self.numbers(what, read_metrics(self.text(row, 13)?))?),
            "failed" => Outcome::Failed(Failure {
                reason: self.get(row, 14)?,
                message: self.get(row, 15)?,
                detail: self.get(row, 16)?,
            }),
            other => return Err(self.unreadable(what, format!("`{other}` is no state"))),
        };
        let detail = self.optional_text(row, 8)?;
        let curves = self.optional_text(row, 20)?;
        Ok(TrialRecord {
            id,
            request: Request {
                job: self.get(row, 2)?,
                genotype: self.numbers(what, read_numbers(self.text(row, 3)?))?,
                fidelity: self.get(row, 4)?,
                repeat: self.get(row, 5)?,
                candidate: self.get(row, 6)?,
                parents: self.parse(what, self.text(row, 7)?)?,
                detail: detail.map(|text| self.parse(what, text)).transpose()?,
            },
            start: self.get(row, 9)?,
            end: self.get(row, 10)?,
            cost: self.get(row, 11)?,
            key: self.get(row, 12)?,
            outcome,
            curves: curves.map_or(Ok(Vec::new()), |text| self.numbers(what, read_curves(text)))?,
            cached: self.get(row, 17)?,
            seconds: self.get(row, 18)?,
            worker: self.get(row, 19)?,
        })
    }

    fn rows<T>(&self, sql: &str, params: impl Params, read: impl Fn(&Row<'_>) -> Result<T>) -> Result<Vec<T>> {
        let mut found = Vec::new();
        self.each_row(sql, params, |row| {
            found.push(read(row)?);
            Ok(())
        })?;
        Ok(found)
    }

    fn each_row(&self, sql: &str, params: impl Params, mut take: impl FnMut(&Row<'_>) -> Result<()>) -> Result<()> {
        let failed = |source| Error::database(&self.path, source);
        let mut statement = self.connection.prepare_cached(sql).map_err(failed)?;
        let mut rows = statement.query(params).map_err(failed)?;
        while let Some(row) = rows.next().map_err(failed)? {
            take(row)?;
        }
        Ok(())
    }

    fn get<T: rusqlite::types::FromSql>(&self, row: &Row<'_>, column: usize) -> Result<T> {
        row.get(column).map_err(|source| self.wrong_type(source))
    }

    fn text<'row>(&self, row: &'row Row<'_>, column: usize) -> Result<&'row str> {
        let text = row.get_ref(column).and_then(|value| Ok(value.as_str()?));
        text.map_err(|source| self.wrong_type(source))
    }

    fn optional_text<'row>(&self, row: &'row Row<'_>, column: usize) -> Result<Option<&'row str>> {
        let text = row.get_ref(column).and_then(|value| Ok(value.as_str_or_null()?));
        text.map_err(|source| self.wrong_type(source))
    }

    fn wrong_type(&self, source: rusqlite::Error) -> Error {
        match source.sqlite_error_code() {
            Some(_) => Error::database(&self.path, source),
            None => self.unreadable("a value", source),
        }
    }

    fn parse<T: DeserializeOwned>(&self, what: &str, text: &str) -> Result<T> {
        self.numbers(what, serde_json::from_str(text))
    }

    fn numbers<T>(&self, what: &str, read: serde_json::Result<T>) -> Result<T> {
        read.map_err(|source| self.unreadable(what, source))
    }

    fn unreadable(&self, what: impl Into<String>, detail: impl ToString) -> Error {
        Error::Unreadable { path: self.path.clone(), what: what.into(), detail: detail.to_string() }
    }
}
