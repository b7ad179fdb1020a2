//! Trials as CSV, for people and for `read_csv`: `trials.csv` and `front.csv`.

use crate::error::Result;
use crate::folder::write_whole;
use crate::numbers::write_number;
use crate::record::{Outcome, TrialRecord};
use std::io;
use std::path::Path;

/// One row.
#[derive(Debug, Clone)]
pub struct TrialRow<'a> {
    /// The step.
    pub step: &'a str,
    /// The trial.
    pub trial: &'a TrialRecord,
    /// One text per decision of the table: the option's label or the number; empty where the decision does not count.
    pub decisions: Vec<String>,
}

/// A table of trials: `step, id, state, fidelity, repeat, candidate`, the decisions by path, the metrics at the end,
/// `start, end, cost, parents, seconds, failure`.
///
/// `start` and `end` are on the step's virtual clock; `seconds` are real ones. A value that is not there is empty; parents are separated by spaces; numbers read back to the same bits.
#[derive(Debug, Clone, Default)]
pub struct TrialTable<'a> {
    /// The columns of the decisions.
    pub decisions: Vec<String>,
    /// The columns of the metrics.
    pub metrics: Vec<String>,
    /// The rows, in their order.
    pub rows: Vec<TrialRow<'a>>,
}

impl TrialTable<'_> {
    /// Writes the table to a file, in place of what was there.
    ///
    /// # Errors
    /// The file cannot be written; then the old content stays.
    pub fn write(&self, path: &Path) -> Result<()> {
        write_whole(path, |file| self.write_to(io::BufWriter::new(file)))
    }

    /// Writes the table as CSV.
    ///
    /// # Errors
    /// What `out` says.
    pub fn write_to(&self, out: impl io::Write) -> io::Result<()> {
        let mut csv = csv::Writer::from_writer(out);
        let columns = ["step", "id", "state", "fidelity", "repeat", "candidate"].into_iter();
        let columns = columns.chain(self.decisions.iter().map(String::as_str));
        let columns = columns.chain(self.metrics.iter().map(String::as_str));
        csv.write_record(columns.chain(["start", "end", "cost", "parents", "seconds", "failure"]))?;
        for row in &self.rows {
            self.write_row(&mut csv, row)?;
        }
        csv.flush()
    }

    fn write_row(&self, csv: &mut csv::Writer<impl io::Write>, row: &TrialRow<'_>) -> io::Result<()> {
        let TrialRow { step, trial, decisions } = row;
        let request = &trial.request;
        csv.write_field(step)?;
        csv.write_field(trial.id.to_string())?;
        csv.write_field(trial.outcome.state())?;
        csv.write_field(number(request.fidelity))?;
        csv.write_field(request.repeat.to_string())?;
        csv.write_field(request.candidate.map_or_else(String::new, |candidate| candidate.to_string()))?;
        for place in 0..self.decisions.len() {
            csv.write_field(decisions.get(place).map_or("", String::as_str))?;
        }
        for name in &self.metrics {
            let value = trial.metrics().and_then(|metrics| metrics.get(name));
            csv.write_field(value.map_or_else(String::new, |value| number(*value)))?;
        }
        for value in [trial.start, trial.end, trial.cost] {
            csv.write_field(number(value))?;
        }
        csv.write_field(request.parents.iter().map(u64::to_string).collect::<Vec<_>>().join(" "))?;
        csv.write_field(format!("{:.3}", trial.seconds))?;
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
        let mut failed = TrialRecord::running(1, Request::train(vec![0.0, 0.1], 1.0, 2), 0.0, 7.0);
        failed.request.candidate = Some(4);
        failed.outcome =
            Outcome::Failed(Failure { reason: "diverged".into(), message: "at epoch 3".into(), detail: String::new() });
        let rows = vec![
            TrialRow { step: "explore", trial: &measured, decisions: vec!["conv, \"3x3\"".into(), "0.1".into()] },
            TrialRow { step: "final", trial: &failed, decisions: vec!["none".into()] },
        ];
        let decisions = vec!["network[0]".to_owned(), "training.rate".to_owned()];
        let table = TrialTable { decisions, metrics: vec!["accuracy".into(), "loss".into(), "flops".into()], rows };
        let mut out = Vec::new();
        table.write_to(&mut out).unwrap();
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "step,id,state,fidelity,repeat,candidate,network[0],training.rate,accuracy,loss,flops,start,end,cost,parents,seconds,failure\n\
             explore,0,measured,0.25,0,,\"conv, \"\"3x3\"\"\",0.1,0.875,NaN,,0,1e+20,1e+20,3 1,1.235,\n\
             final,1,failed,1,2,4,none,,,,,0,7,7,,0.000,diverged\n"
        );
    }
}
