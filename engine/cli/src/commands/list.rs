use super::Format;
use crate::exit::{Exit, Failure, Outcome};
use crate::output;
use pleach_store::{RunFolder, RunState, StepRecord};
use serde_json::json;
use std::path::PathBuf;

/// List runs
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
JSON: [{\"run\", \"name\", \"state\", \"folder\", \"running\", \"steps\": {NAME: STATE}}]")]
pub struct Arguments {
    /// The folder of runs
    #[arg(long, value_name = "FOLDER", default_value = "runs")]
    runs: PathBuf,
    /// How the list is written
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,
}

pub fn run(arguments: &Arguments) -> Outcome {
    let mut found = Vec::new();
    let mut damaged = None;
    for run in RunFolder::list(&arguments.runs)? {
        match read(&run) {
            Ok((name, state, steps)) => found.push((name, state, run.holder().is_some(), steps, run)),
            // One damaged run does not hide the others.
            Err(error) => {
                let failure = Failure::from(error);
                output::failure(&failure);
                damaged = Some(failure.exit);
            }
        }
    }
    match arguments.format {
        Format::Json => {
            let runs: Vec<_> = found
                .iter()
                .map(|(name, state, running, steps, run)| {
                    let steps: serde_json::Map<_, _> =
                        steps.iter().map(|step| (step.name.clone(), step.state.as_str().into())).collect();
                    json!({
                        "run": run.id(), "name": name, "state": state, "folder": run.path(), "running": running,
                        "steps": steps,
                    })
                })
                .collect();
            output::data(output::json(&runs))?;
        }
        Format::Human if found.is_empty() => output::say(format_args!("no runs in {}", arguments.runs.display())),
        Format::Human => {
            let rows = found.iter().map(|(_, state, running, steps, run)| {
                let state = match (state, running) {
                    (RunState::Unfinished, true) => "running",
                    (state, _) => state.as_str(),
                };
                let steps: Vec<String> =
                    steps.iter().map(|step| format!("{} {}", step.name, step.state.as_str())).collect();
                vec![run.id(), state.to_owned(), steps.join(", "), run.path().display().to_string()]
            });
            output::data(output::table(&["run", "state", "steps", "folder"], rows))?;
        }
    }
    Ok(damaged.unwrap_or(Exit::Done))
}

/// Name, state and steps of a run.
fn read(run: &RunFolder) -> pleach_store::Result<(String, RunState, Vec<StepRecord>)> {
    let reader = run.read()?;
    Ok((reader.name()?, reader.state()?, reader.steps()?))
}
