//! Trials as CSV, for people and for `read_csv`: `trials.csv` and `front.csv`.

use crate::error::Error;
use crate::folder::write_whole;
use crate::numbers::write_number;
use crate::record::{Outcome, TrialRecord};
use std::io;
use std::path::Path;

/// A table of trials, written row by row: `step, id, state, fidelity, repeat, candidate`, the decisions by path, the metrics at the
/// end, `start, end, cost, parents, seconds, cached, failure`.
///
/// `start` and `end` are on the step's virtual clock; `seconds` are real ones; `cached` says whether the result came from the cache. A
/// value that is not there is empty; parents are separated by spaces; numbers read back to the same bits.
pub struct TrialTable<'a> {
    csv: csv::Writer<&'a mut dyn io::Write>,
    decisions: usize,
    metrics: &'a [String],
}

impl std::fmt::Debug for TrialTable<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TrialTable").field("metrics", &self.metrics).finish_non_exhaustive()
    }
}

impl<'a> TrialTable<'a> {
    /// Writes a table to a file, in place of what was there: `rows` writes its rows.
    ///
    /// # Errors
    /// The file cannot be written, or what `rows` says; then the old content stays.
    pub fn write<E: From<Error>>(
        path: &Path,
        decisions: &[String],
        metrics: &[String],
        rows: impl FnOnce(&mut TrialTable<'_>) -> std::result::Result<(), E>,
    ) -> std::result::Result<(), E> {
        let mut failed = None;
        let written = write_whole(path, |file| {
            let mut out = io::BufWriter::new(file);
            let mut table = TrialTable::begin(&mut out, decisions, metrics)?;
            if let Err(error) = rows(&mut table) {
                failed = Some(error);
                return Err(io::Error::other("a row is missing"));
            }
            table.csv.flush()
        });
        match failed {
            Some(error) => Err(error),
            None => Ok(written?),
        }
    }

    /// Begins a table with its header.
    ///
    /// # Errors
    /// What `out` says.
    pub fn begin(out: &'a mut dyn io::Write, decisions: &[String], metrics: &'a [String]) -> io::Result<Self> {
        let mut csv = csv::Writer::from_writer(out);
        let columns = ["step", "id", "state", "fidelity", "repeat", "candidate"].into_iter();
        let columns = columns.chain(decisions.iter().map(String::as_str));
        let columns = columns.chain(metrics.iter().map(String::as_str));
        csv.write_record(columns.chain(["start", "end", "cost", "parents", "seconds", "cached", "failure"]))?;
        Ok(Self { csv, decisions: decisions.len(), metrics })
    }

    /// Writes a trial with one text per decision of the table: the option's label or the number; empty where the decision does not
    /// count.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn row(&mut self, step: &str, trial: &TrialRecord, decisions: &[String]) -> io::Result<()> {
        let csv = &mut self.csv;
        let request = &trial.request;
        csv.write_field(step)?;
        csv.write_field(trial.id.to_string())?;
        csv.write_field(trial.outcome.state())?;
        csv.write_field(number(request.fidelity))?;
        csv.write_field(request.repeat.to_string())?;
        csv.write_field(request.candidate.map_or_else(String::new, |candidate| candidate.to_string()))?;
        for place in 0..self.decisions {
            csv.write_field(decisions.get(place).map_or("", String::as_str))?;
        }
        for name in self.metrics {
            let value = trial.metrics().and_then(|metrics| metrics.get(name));
            csv.write_field(value.map_or_else(String::new, |value| number(*value)))?;
        }
        for value in [trial.start, trial.end, trial.cost] {
            csv.write_field(number(value))?;
        }
        csv.write_field(request.parents.iter().map(u64::to_string).collect::<Vec<_>>().join(" "))?;
        csv.write_field(format!("{:.3}", trial.seconds))?;
        csv.write_field(trial.cached.to_string())?;
        csv.write_field(match &trial.outcome {
            Outcome::Failed(failure) => failure.reason.as_str(),
            Outcome::Running | Outcome::Measured(_) => "",
        })?;
        csv.write_record(None::<&[u8]>)?;
        Ok(())
    }
}

fn number(number: f64) -> String {
    let mut text = Vec::new();
    write_number(&mut text, number);
    String::from_utf8_lossy(&text).trim_matches('"').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{Failure, Request};

    #[test]
    fn one_row_a_trial_under_fixed_columns() {
        let mut measured = TrialRecord::running(0, Request::train(vec![1.0, 0.1], 0.25, 0), 0.0, 1e20);
        measured.outcome = Outcome::Measured([("accuracy".to_owned(), 0.875), ("loss".to_owned(), f64::NAN)].into());
        measured.request.parents = vec![3, 1];
        measured.seconds = 1.23456;
        measured.cached = true;
        let mut failed = TrialRecord::running(1, Request::train(vec![0.0, 0.1], 1.0, 2), 0.0, 7.0);
        failed.request.candidate = Some(4);
        failed.outcome =
            Outcome::Failed(Failure { reason: "diverged".into(), message: "at epoch 3".into(), detail: String::new() });
        let decisions = ["network[0]".to_owned(), "training.rate".to_owned()];
        let metrics = ["accuracy".to_owned(), "loss".to_owned(), "flops".to_owned()];
        let mut out = Vec::new();
        let mut table = TrialTable::begin(&mut out, &decisions, &metrics).unwrap();
        table.row("explore", &measured, &["conv, \"3x3\"".into(), "0.1".into()]).unwrap();
        table.row("final", &failed, &["none".into()]).unwrap();
        drop(table);
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "step,id,state,fidelity,repeat,candidate,network[0],training.rate,accuracy,loss,flops,start,end,cost,parents,seconds,cached,failure\n\
             explore,0,measured,0.25,0,,\"conv, \"\"3x3\"\"\",0.1,0.875,NaN,,0,1e+20,1e+20,3 1,1.235,true,\n\
             final,1,failed,1,2,4,none,,,,,0,7,7,,0.000,false,diverged\n"
        );
    }
}
