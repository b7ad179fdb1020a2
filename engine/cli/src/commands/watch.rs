use crate::exit::{Exit, Failure, Outcome};
use crate::output;
use crate::progress::state::{Follower, Phase, State};
use crate::progress::terminal::Terminal;
use crate::progress::{can_draw, duration, progress_of, snapshot};
use pleach_store::{RunFolder, RunState};
use std::collections::HashMap;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// How often the record is looked at, at most.
const EVERY: Duration = Duration::from_millis(500);

/// Watch a run that another process executes
///
/// Shows what `pleach run` shows on a terminal: the steps with their trials, the best so far, the front's size and the time left,
/// and what each worker does. Reads only the run's record, so it can be started and stopped at any time, by anyone who can read the
/// folder. Ends when the run ends, or when nobody executes it any more.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  pleach watch quickstart                   # the latest run of that experiment
  pleach watch runs/quickstart-2 --once     # how far it is now, on standard output

Where standard error is no terminal, lines are written as the run goes on. Exit codes: 0, however the run ended (`pleach show RUN`
says what came out); 6 where there is no such run.")]
pub struct Arguments {
    /// A run such as quickstart-2, the name of an experiment (its latest run), or a run's folder
    run: String,
    /// Write how far the run is now, once, to standard output
    #[arg(long)]
    once: bool,
    /// The folder of runs
    #[arg(long, value_name = "FOLDER", default_value = "runs")]
    runs: PathBuf,
}

pub fn run(arguments: &Arguments) -> Outcome {
    let folder = RunFolder::find(&arguments.runs, &arguments.run)
        .map_err(|error| Failure::from(error).help("`pleach list` shows the runs; `pleach run FILE` starts one"))?;
    let mut follower = Follower::new(folder.read()?, folder.id())?;
    if arguments.once {
        let (state, end, _) = follower.read()?;
        output::data(format_args!("{}\n{}\n", snapshot(state, 0.0), how_it_stands(&folder, end)))?;
        return Ok(Exit::Done);
    }
    let mut terminal = can_draw().then(Terminal::new);
    let mut seen: HashMap<String, (Phase, u64)> = HashMap::new();
    let mut alone = 0;
    let mut first = true;
    let (last, end) = loop {
        let begun = Instant::now();
        // Before the record is read: who has ended since has recorded all of it.
        let held = folder.holder().is_some();
        let (state, end, said) = follower.read()?;
        // What was said before is history.
        for line in said.into_iter().filter(|_| !first) {
            output::say(line);
        }
        match &mut terminal {
            Some(terminal) => terminal.draw(state, 0.0),
            None if first && end != RunState::Unfinished && !held => {}
            None => lines(state, &mut seen, first),
        }
        // A run that has just begun, or goes on, is without its process for a moment.
        alone = if held { 0 } else { alone + 1 };
        if alone >= 2 || (end != RunState::Unfinished && !held) {
            break (state.clone(), end);
        }
        first = false;
        // A long record takes a while to read: reading takes a tenth of the time at most.
        std::thread::sleep(EVERY.max(begun.elapsed() * 10));
    };
    if let Some(terminal) = &mut terminal {
        terminal.clear();
    }
    output::say(snapshot(&last, 0.0));
    output::say(how_it_stands(&folder, end));
    Ok(Exit::Done)
}

/// Whether the run has ended, who executes it, or that nobody does.
fn how_it_stands(folder: &RunFolder, end: RunState) -> String {
    let id = folder.id();
    match (end, folder.holder()) {
        (RunState::Done, _) => format!("{id} is done: `pleach show {id}`"),
        (RunState::Failed, None) => format!("{id} has failed; `pleach run` on its experiment goes on with it"),
        (_, Some(holder)) => format!("{id} is being executed by {holder}"),
        (RunState::Unfinished, None) => {
            format!(
                "{id} is unfinished and nobody executes it: it was interrupted or killed; `pleach run` on its experiment goes on with it"
            )
        }
    }
}

/// Says what changed since the last time.
fn lines(state: &State, seen: &mut HashMap<String, (Phase, u64)>, first: bool) {
    if first {
        output::say(snapshot(state, 0.0));
    }
    for (name, step) in &state.steps {
        let before = seen.insert(name.clone(), (step.phase, step.done));
        let Some((phase, done)) = before.filter(|_| !first) else { continue };
        if phase != step.phase {
            output::say(match step.phase {
                Phase::Waiting => continue,
                Phase::Running => format!("{name} ({})", step.kind),
                Phase::Done | Phase::UpToDate => {
                    let trials = progress_of(step, &state.objectives);
                    format!("{name} ({}): done: {trials}, {}", step.kind, duration(step.seconds))
                }
                Phase::Failed => format!("{name} ({}): failed", step.kind),
            });
        } else if crossed_a_tenth(done, step.done, step.trials) && step.phase == Phase::Running {
            output::say(format_args!("{name}: {}", progress_of(step, &state.objectives)));
        }
    }
}

/// Whether a count has passed one of about ten marks since the last time.
fn crossed_a_tenth(before: u64, now: u64, all: Option<u64>) -> bool {
    let every = (all.unwrap_or(100) / 10).max(1);
    before / every != now / every
}
