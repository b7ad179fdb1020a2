//! What earlier runs of an experiment did already.

use crate::error::RunError;
use crate::parts::part_of;
use crate::prepared::{Prepared, RunOptions};
use indexmap::IndexMap;
use pleach_plan::key_of;
use pleach_store::{RunFolder, RunReader, RunState, StepRecord, StepState};
use serde_json::Value;

/// Runs of one name.
#[derive(Debug, Default)]
pub(crate) struct Earlier {
    /// Those that can be read, the latest first.
    pub runs: Vec<(RunFolder, RunReader)>,
    /// Those that cannot, and why.
    pub unreadable: Vec<(String, RunError)>,
}

/// Runs of this name.
pub(crate) fn earlier_runs(prepared: &Prepared, options: &RunOptions) -> Result<Earlier, RunError> {
    let mut earlier = Earlier::default();
    for folder in RunFolder::list(&options.root)? {
        if folder.name() != prepared.experiment.name {
            continue;
        }
        let readable = folder.read().map_err(RunError::from).and_then(|reader| {
            reader.state()?;
            whole_steps(&reader)?;
            Ok(reader)
        });
        match readable {
            Ok(reader) => earlier.runs.push((folder, reader)),
            Err(error) => earlier.unreadable.push((folder.id(), error)),
        }
    }
    earlier.runs.sort_by_key(|(folder, _)| std::cmp::Reverse(folder.number()));
    Ok(earlier)
}

/// The records of whole steps: without those of repeats and baselines.
pub(crate) fn whole_steps(reader: &RunReader) -> Result<Vec<StepRecord>, RunError> {
    let mut steps = reader.steps()?;
    steps.retain(|step| part_of(&step.name).0 == step.name);
    Ok(steps)
}

pub(crate) fn is_compatible(reader: &RunReader, documents: &IndexMap<String, Value>) -> Result<bool, RunError> {
    let steps = whole_steps(reader)?;
    Ok(reader.state()? != RunState::Done
        && steps.len() == documents.len()
        && steps.iter().all(|step| documents.get(&step.name).is_some_and(|document| key_of(document) == step.key)))
}

pub(crate) fn is_done(
    prepared: &Prepared,
    folder: &RunFolder,
    reader: &RunReader,
    documents: &IndexMap<String, Value>,
) -> Result<bool, RunError> {
    let steps = whole_steps(reader)?;
    // What is required of candidates changes no step, but what the run's folder says of itself.
    let requirements = |experiment: &Value| -> Vec<Value> {
        let of_step = |step: &Value| step.as_object()?.values().next()?.get("require").cloned();
        let steps = experiment["steps"].as_object().into_iter().flat_map(|steps| steps.values());
        steps.map(|step| of_step(step).unwrap_or_default()).collect()
    };
    let now = serde_json::to_value(&prepared.experiment).unwrap_or_default();
    Ok(reader.state()? == RunState::Done
        && requirements(&reader.lock()?.experiment) == requirements(&now)
        && steps.len() == documents.len()
        && steps.iter().all(|step| {
            step.state == StepState::Done
                && artifacts_kept(folder, reader, &step.name)
                && documents.get(&step.name).is_some_and(|document| key_of(document) == step.key)
        }))
}

/// Whether all files that a step left are still there.
pub(crate) fn artifacts_kept(folder: &RunFolder, reader: &RunReader, step: &str) -> bool {
    reader.artifacts().is_ok_and(|artifacts| {
        artifacts.iter().filter(|a| a.step == step).all(|a| folder.path().join(&a.path).exists())
    })
}

pub(crate) fn done_earlier<'r>(
    earlier: &'r [(RunFolder, RunReader)],
    name: &str,
    key: &str,
) -> Option<(&'r RunFolder, &'r RunReader)> {
    earlier.iter().map(|(folder, reader)| (folder, reader)).find(|(folder, reader)| {
        let done = |step: StepRecord| step.state == StepState::Done && step.key == key;
        reader.step(name).ok().flatten().is_some_and(done) && artifacts_kept(folder, reader, name)
    })
}
