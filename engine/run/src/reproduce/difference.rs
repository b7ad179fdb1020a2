//! Where two runs differ.

use serde::Serialize;
use serde_json::Value;
use std::fmt;

/// The first difference between a recorded run and the one that was made again.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Difference {
    /// Where it is.
    #[serde(flatten)]
    pub place: Place,
    /// What differs: `genotype`, `fidelity`, `failure`, `weights`, `recommendation` and so on, or a metric by its name.
    pub what: String,
    /// The recorded value; null where there was none.
    pub recorded: Value,
    /// The value now; null where there is none.
    pub again: Value,
}

/// A place in a run.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Place {
    /// The record of the step; none where the run as a whole is meant.
    pub step: Option<String>,
    /// The trial.
    pub trial: Option<u64>,
    /// The epoch, from 1; none at the end of a trial.
    pub epoch: Option<u64>,
}

impl Place {
    /// A step as a whole.
    pub(super) fn step(step: &str) -> Self {
        Self { step: Some(step.to_owned()), trial: None, epoch: None }
    }

    /// A trial as a whole.
    pub(super) fn trial(step: &str, trial: u64) -> Self {
        Self { trial: Some(trial), ..Self::step(step) }
    }
}

impl Difference {
    /// A difference of a run as a whole.
    pub(super) fn of_run(what: &str, recorded: Value, again: Value) -> Self {
        Self { place: Place::default(), what: what.to_owned(), recorded, again }
    }
}

/// A number as JSON; what JSON lacks is a word.
pub(super) fn number(value: Option<f64>) -> Value {
    match value {
        None => Value::Null,
        Some(value) if value.is_nan() => "NaN".into(),
        Some(value) if value.is_infinite() => if value > 0.0 { "Infinity" } else { "-Infinity" }.into(),
        Some(value) => value.into(),
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place.step {
            Some(step) => write!(f, "step `{step}`")?,
            None => write!(f, "the run")?,
        }
        if let Some(trial) = self.place.trial {
            write!(f, ", trial {trial}")?;
        }
        if let Some(epoch) = self.place.epoch {
            write!(f, ", epoch {epoch}")?;
        }
        let text = |value: &Value| match value {
            Value::Null => "nothing".to_owned(),
            Value::String(text) => text.clone(),
            value => value.to_string(),
        };
        write!(f, ": {} was {}, is {}", self.what, text(&self.recorded), text(&self.again))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_is_named_down_to_its_epoch() {
        let place = Place { epoch: Some(2), ..Place::trial("explore/baseline", 7) };
        let one =
            Difference { place, what: "accuracy".into(), recorded: number(Some(0.5)), again: number(Some(f64::NAN)) };
        assert_eq!(one.to_string(), "step `explore/baseline`, trial 7, epoch 2: accuracy was 0.5, is NaN");
        let run = Difference::of_run("digest", "ab".into(), Value::Null);
        assert_eq!(run.to_string(), "the run: digest was ab, is nothing");
    }
}
