//! Runs a recorded run again, and compares the two trial by trial.

mod difference;
mod promise;
mod trials;

pub use difference::{Difference, Place};
pub use promise::Promise;
pub use trials::ReproducedStep;

use crate::error::RunError;
use crate::events::Event;
use crate::execute::{create, documents, execute, failed_by_machine};
use crate::lock::lock;
use crate::parts::part_of;
use crate::prepared::{Material, Prepared, RunOptions};
use pleach_store::{RunFolder, RunReader, RunState, StepState};
use serde::Serialize;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use trials::Comparison;

/// What became of running a recorded run again.
#[derive(Debug, Clone, Serialize)]
pub struct Reproduction {
    /// The recorded run, such as `quickstart-1`.
    pub run: String,
    /// Whether all that was compared is the same, or within the tolerance.
    pub reproduced: bool,
    /// What could be expected, and why not more.
    #[serde(flatten)]
    pub promise: Promise,
    /// How far the recorded run had come; of an unfinished one all trials that were told are compared.
    pub state: RunState,
    /// What was compared, by record, in the order in which it was done again.
    pub steps: Vec<ReproducedStep>,
    /// The first difference.
    pub difference: Option<Difference>,
    /// The digest of the recorded run; none of one that is unfinished.
    pub digest: Option<String>,
    /// The digest of the run that was made again; none where it did not come to its end.
    pub digest_again: Option<String>,
    /// The folder of the run that was made again.
    pub folder: PathBuf,
}

/// Whether data and programs are what the run was made from.
///
/// # Errors
/// One of them has another digest; a comparison would say nothing of the run.
pub fn check_material(
    recorded: &pleach_store::LockFile,
    prepared: &Prepared,
    material: &Material,
) -> Result<(), RunError> {
    let now = lock(prepared, material);
    for (name, digest) in &recorded.data {
        let found = now.data.get(name);
        if found.is_some_and(|found| found != digest) {
            let what = match name.as_str() {
                "table" => "the table".to_owned(),
                "command" => "the program that evaluates, or a file that it is given,".to_owned(),
                name => format!("the data set `{name}`"),
            };
            return Err(RunError::Changed { what, base: prepared.base.clone() });
        }
    }
    Ok(())
}

/// Runs a recorded run again in a fresh folder below `options.root`, whose cache should be empty, and compares. Failures of the
/// machine are taken over from the record. Ends at the first difference.
///
/// # Errors
/// The record cannot be read, the material has changed, or the run cannot be made again for a reason that is no difference:
/// no worker, an interrupt, a full disk.
pub fn reproduce(
    prepared: &Prepared,
    recorded: &RunFolder,
    promise: Promise,
    options: &RunOptions,
    report: &mut dyn FnMut(&Event<'_>),
    now: &dyn Fn() -> f64,
    interrupt: &AtomicBool,
) -> Result<Reproduction, RunError> {
    let reader = recorded.read()?;
    let material = prepared.material()?;
    check_material(&reader.lock()?, prepared, &material)?;
    let state = reader.state()?;
    let folder = take_over_failures(prepared, &material, options, &reader)?;
    let again = folder.read()?;
    let mut comparison = Comparison::new(&reader, &again, &promise);
    let mut remaining = Remaining::of(&reader, state)?;
    // Set where there is nothing more to be done, by a difference or since an unfinished run had come no further.
    let mut enough = false;
    let mut broken = None;
    let mut begun: Option<String> = None;
    let result = {
        let mut watch = |event: &Event<'_>| {
            // What was taken over from the record is no run that goes on.
            match *event {
                Event::RunStarted { name, folder, steps, .. } => {
                    report(&Event::RunStarted { name, folder, steps, resumed: false });
                }
                _ => report(event),
            }
            // The first of several searches ends before the next begins, and its step after them all.
            let ended = match event {
                Event::StepStarted { step, .. } => begun.replace((*step).to_owned()),
                Event::StepDone { step, .. } => Some((*step).to_owned()),
                _ => None,
            };
            if let Some(Err(error)) = ended.map(|step| comparison.step(&step)) {
                broken = Some(error);
            }
            remaining.on(event);
            if broken.is_some() || comparison.difference.is_some() || remaining.is_empty() {
                enough = true;
                interrupt.store(true, Ordering::Relaxed);
            }
        };
        execute(prepared, options, &mut watch, now, interrupt)
    };
    if let Some(error) = broken {
        return Err(error);
    }
    let (mut digest_again, mut failed) = (None, None);
    match result {
        Ok(finished) => digest_again = Some(finished.digest),
        Err(RunError::Interrupted) if enough => {}
        // The comparison says what led there; of a run that failed itself, the same is expected.
        Err(error @ (RunError::Replay { .. } | RunError::TooManyFailures { .. } | RunError::NoCandidates { .. })) => {
            failed = Some(error);
        }
        Err(error) if state == RunState::Failed && error.exit_code() < 5 => failed = Some(error),
        Err(error) => return Err(error),
    }
    comparison.rest(state)?;
    if let Some(RunError::Replay { step, request, difference }) = failed {
        comparison.asked_otherwise(&step, request, &difference);
    }
    let digest = match state {
        RunState::Done => Some(pleach_store::digest(&reader, pleach_evaluate::is_unrepeatable)?.run),
        RunState::Unfinished | RunState::Failed => None,
    };
    let Comparison { mut difference, steps, .. } = comparison;
    if difference.is_none()
        && promise.is_exact()
        && digest_again.is_some()
        && digest != digest_again
        && digest.is_some()
    {
        difference = Some(Difference::of_run("digest", digest.clone().into(), digest_again.clone().into()));
    }
    Ok(Reproduction {
        run: recorded.id(),
        reproduced: difference.is_none(),
        promise,
        state,
        steps,
        difference,
        digest,
        digest_again,
        folder: folder.path().to_owned(),
    })
}

/// A new run in which trials that failed for a reason of the machine are recorded already: replaying takes them from there.
fn take_over_failures(
    prepared: &Prepared,
    material: &Material,
    options: &RunOptions,
    recorded: &RunReader,
) -> Result<RunFolder, RunError> {
    let documents = documents(prepared, material);
    let mut writer = create(prepared, material, options, &documents)?;
    for record in recorded.steps()? {
        if !documents.contains_key(part_of(&record.name).0) || recorded.failures(&record.name)?.is_empty() {
            continue;
        }
        for trial in recorded.each_trial(&record.name) {
            let trial = trial?;
            if failed_by_machine(&trial) {
                writer.record_trial(&record.name, &trial)?;
            }
        }
    }
    let folder = writer.folder().clone();
    writer.close()?;
    Ok(folder)
}

/// What an unfinished run had done, which is as far as it is made again.
struct Remaining {
    /// Whether the run is done; then nothing is counted.
    whole: bool,
    trials: u64,
    steps: Vec<String>,
}

impl Remaining {
    fn of(recorded: &RunReader, state: RunState) -> Result<Self, RunError> {
        let (mut trials, mut steps) = (0, Vec::new());
        for record in recorded.steps()? {
            trials += recorded.ended_trials(&record.name)?;
            if record.state == StepState::Done {
                steps.push(record.name);
            }
        }
        Ok(Self { whole: state == RunState::Done, trials, steps })
    }

    fn on(&mut self, event: &Event<'_>) {
        match event {
            Event::TrialDone { .. } => self.trials = self.trials.saturating_sub(1),
            Event::StepDone { step, .. } => self.steps.retain(|other| other != step),
            _ => {}
        }
    }

    fn is_empty(&self) -> bool {
        !self.whole && self.trials == 0 && self.steps.is_empty()
    }
}

/// Whether a recorded run has anything that could be compared.
///
/// # Errors
/// The record cannot be read.
pub fn has_trials(reader: &RunReader) -> Result<bool, RunError> {
    for record in reader.steps()? {
        if reader.ended_trials(&record.name)? > 0 {
            return Ok(true);
        }
    }
    Ok(false)
}
