//! What happens in a run, as it happens: the one stream that progress, JSON lines and the record consume.

use crate::activity::Working;
use crate::gate::Required;
use crate::outcome::Values;
use pleach_store::Metrics;
use serde::Serialize;
use std::path::Path;

/// Something that happened. Its JSON is an object whose `event` names the kind.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event<'a> {
    /// An earlier run of the experiment cannot be read, and is left as it is.
    RunLeft {
        /// The run.
        run: &'a str,
        /// Why.
        reason: &'a str,
    },
    /// The run begins, or goes on.
    RunStarted {
        /// The experiment's name.
        name: &'a str,
        /// The run's folder.
        folder: &'a Path,
        /// The steps in the order in which they run.
        steps: &'a [String],
        /// Whether an unfinished run goes on.
        resumed: bool,
    },
    /// A step begins.
    StepStarted {
        /// The step.
        step: &'a str,
        /// Its kind.
        kind: &'a str,
        /// The number of trials that it will have, where it is known.
        trials: Option<u64>,
    },
    /// A step was done before, from the same inputs, and need not run.
    StepUpToDate {
        /// The step.
        step: &'a str,
        /// Its kind.
        kind: &'a str,
        /// The run that did it.
        run: &'a str,
    },
    /// A step is done.
    StepDone {
        /// The step.
        step: &'a str,
        /// Its kind.
        kind: &'a str,
        /// Real seconds of this sitting.
        seconds: f64,
    },
    /// A trial was asked for.
    TrialAsked {
        /// The step.
        step: &'a str,
        /// The trial.
        id: u64,
        /// What was asked for: a value a decision of the step.
        genotype: &'a [f64],
        /// The share of the full training budget.
        fidelity: f64,
        /// The repetition, from 0.
        repeat: u32,
        /// The candidate, in steps that have candidates.
        candidate: Option<u32>,
    },
    /// An epoch of a training is done.
    Epoch {
        /// The step.
        step: &'a str,
        /// The trial.
        id: u64,
        /// The epoch, from 1.
        epoch: u32,
        /// Its metrics.
        metrics: &'a Metrics,
    },
    /// What the workers do, about once a second while they work.
    Activity {
        /// The step.
        step: &'a str,
        /// A line a worker.
        workers: &'a [Working],
    },
    /// A trial ended, in the order of the virtual clock.
    TrialDone {
        /// The step.
        step: &'a str,
        /// The trial.
        id: u64,
        /// The metrics at its end; none where it failed.
        metrics: Option<&'a Values>,
        /// Why it failed.
        failure: Option<&'a pleach_store::Failure>,
        /// The value of each objective as a loss, lower is better.
        losses: &'a [f64],
        /// Whether every requirement holds.
        feasible: bool,
        /// Whether the result was there before.
        cached: bool,
        /// Whether it was replayed from the record of this run.
        replayed: bool,
        /// Virtual cost.
        cost: f64,
        /// Virtual time at its end.
        end: f64,
        /// Real seconds.
        seconds: f64,
    },
    /// A strategy or the engine says something.
    Log {
        /// The step.
        step: &'a str,
        /// `debug`, `info` or `warn`.
        level: &'a str,
        /// What.
        message: &'a str,
    },
    /// A file was written.
    Artifact {
        /// The step.
        step: &'a str,
        /// The candidate.
        candidate: Option<u32>,
        /// What it is.
        kind: &'a str,
        /// Where it lies, from the run's folder.
        path: &'a str,
        /// Its BLAKE3.
        digest: &'a str,
    },
    /// What a step requires of a candidate was looked at, at the end of the run.
    Required(&'a Required),
    /// The run ended.
    RunDone {
        /// The run's folder.
        folder: &'a Path,
        /// The run's digest.
        digest: &'a str,
        /// Whether no step had to run.
        up_to_date: bool,
        /// Real seconds of this sitting.
        seconds: f64,
    },
}

impl Event<'_> {
    /// Whether the record has it elsewhere than among its events: trials in their table, activity in a note.
    pub(crate) fn is_recorded_elsewhere(&self) -> bool {
        use Event::{Activity, Epoch, TrialAsked, TrialDone};
        matches!(self, TrialAsked { .. } | Epoch { .. } | Activity { .. } | TrialDone { .. })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_one_json_object_with_its_kind() {
        let event = Event::StepUpToDate { step: "explore", kind: "search", run: "quickstart-1" };
        assert_eq!(
            serde_json::to_string(&event).unwrap(),
            r#"{"event":"step_up_to_date","step":"explore","kind":"search","run":"quickstart-1"}"#
        );
    }
}
