use super::Format;
use super::run::{catch_interrupts, failed, greet, options, ready};
use crate::environment;
use crate::exit::{Exit, Failure, Outcome};
use crate::experiment;
use crate::output;
use crate::progress::Progress;
use pleach_plan::Strategies;
use pleach_run::reproduce::{Promise, Reproduction, has_trials};
use pleach_run::{Event, RunError, RunOptions};
use pleach_spec::Evaluator;
use pleach_store::{LockFile, RunFolder, RunState};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::PathBuf;
use std::time::Instant;

/// Run a recorded run again and compare the two, trial by trial
///
/// All that the run was made from lies in its folder: the resolved experiment in lock.yaml, the strategies in plugins/. Data sets,
/// tables and programs are looked for where they were, and must have the same content. Everything is evaluated anew, nothing is
/// taken from the cache; trials that failed for a reason of the machine are taken over as recorded. The new run is removed
/// afterwards.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  pleach reproduce quickstart               # the latest run of that experiment
  pleach reproduce quickstart-2 --workers 8 --keep
  pleach reproduce runs/quickstart-2 --format json | jq .difference
  pleach reproduce quickstart --tolerance 0.02

Compared are genotype and request of every trial, its failure or its metrics at every epoch, what strategies recommend, the digests
of weights, and the digest of the run. Where bits cannot be promised (another processor, device or version of libtorch than the
lock names, a GPU, a search that a measured latency led) it says so and why: metrics at the end of a trial are compared within
--tolerance, and where a search asks for something else, trials are compared with those that had the same request. Latency and
peak memory are never compared. Of an unfinished run all trials that were told are compared.

Exit codes: 0 reproduced; 5 not, with the first difference; 6 data, a table, a program or a strategy is missing or has changed.

JSON: {\"run\", \"reproduced\", \"tolerance\", \"same_requests\", \"because\": […], \"not_compared\": […], \"state\", \"steps\": [{\"step\", \"trials\",
\"compared\", \"taken_over\", \"another_way_from\", \"weights\"}], \"difference\": null or {\"step\", \"trial\", \"epoch\", \"what\", \"recorded\",
\"again\"}, \"digest\", \"digest_again\", \"folder\"}; `tolerance` is null where every bit is compared.")]
pub struct Arguments {
    /// A run such as quickstart-2, the name of an experiment (its latest run), or a run's folder
    run: String,
    /// Real workers; unless told, one a GPU, or one a core
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    workers: Option<u16>,
    /// Keep the run that was made again, below the folder of runs
    #[arg(long)]
    keep: bool,
    /// How far a metric at the end of a trial may lie from the recorded one: as it is up to 1, as a share of the value above. Unless
    /// told, bits where they are promised, else 0.05
    #[arg(long, value_name = "SHARE", value_parser = share)]
    tolerance: Option<f64>,
    /// The folder that paths in the experiment are relative to; unless told, the one that the lock names
    #[arg(long, value_name = "FOLDER")]
    base: Option<PathBuf>,
    /// The folder of runs
    #[arg(long, value_name = "FOLDER", default_value = "runs")]
    runs: PathBuf,
    /// How the result is written
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,
}

fn share(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(share) if share.is_finite() && share >= 0.0 => Ok(share),
        _ => Err("a number of at least 0, such as 0.02".to_owned()),
    }
}

pub fn run(arguments: &Arguments) -> Outcome {
    let folder = RunFolder::find(&arguments.runs, &arguments.run)?;
    let reader = folder.read()?;
    let (lock, state) = (reader.lock()?, reader.state()?);
    if let (RunState::Unfinished, Some(holder)) = (state, folder.holder()) {
        return Err(Failure::unusable(format!("{} is being executed by {holder}", folder.id()))
            .help("wait until it is done, or stop it: an unfinished run can be made again as far as it came"));
    }
    if state != RunState::Done && !has_trials(&reader).map_err(failed)? {
        return Err(Failure::unusable(format!("{} has no trial that could be compared", folder.id()))
            .help("`pleach run` goes on with it"));
    }
    let base = arguments.base.clone().or_else(|| lock.base.clone()).unwrap_or_else(|| PathBuf::from("."));
    let prepared = experiment::of_run_with(&folder, &base, strategies(&folder, &lock)).map_err(|failure| Failure {
        exit: Exit::Unusable,
        help: Some(format!(
            "data, tables and programs were looked for below `{}`; --base names another folder",
            base.display()
        )),
        ..failure
    })?;
    let concurrency = prepared.experiment.concurrency as usize;
    let prepared = ready(prepared)?;
    for (name, digest) in &lock.plugins {
        if prepared.plugins.get(name).is_some_and(|plugin| plugin.digest() != digest) {
            return Err(Failure::unusable(format!(
                "the strategy `{name}` is not the one that the run was made with (digest {}…), which its folder does not hold",
                &digest[..12.min(digest.len())]
            ))
            .help("put that one's file into the folder of strategies, or name it with PLEACH_PLUGINS"));
        }
    }
    // Of its own for each process, so that two can check one run at once.
    let root = arguments.runs.join(format!(".reproduce-{}-{}", folder.id(), std::process::id()));
    let options = options(&root, arguments.workers, false, concurrency);
    let hello = match prepared.experiment.evaluator {
        Evaluator::Libtorch => Some(greet(&options)?),
        Evaluator::Command(_) | Evaluator::Table(_) => None,
    };
    let promise = Promise::of(&lock, hello.as_ref(), arguments.tolerance);
    if arguments.format == Format::Human {
        output::say(expected(&folder, state, &promise));
    }
    let reproduction = again(arguments, &prepared, &folder, promise, &options);
    let reproduction = match (reproduction, arguments.keep) {
        (Ok(reproduction), true) => {
            output::say(format_args!("the run that was made again: {}", reproduction.folder.display()));
            reproduction
        }
        (reproduction, _) => {
            // What is left of it is of no use, and hides no error.
            let _ = std::fs::remove_dir_all(&root);
            reproduction.map_err(failed)?
        }
    };
    output::data(match arguments.format {
        Format::Json => output::json(&reproduction),
        Format::Human => text(&reproduction),
    })?;
    match &reproduction.difference {
        None => Ok(Exit::Done),
        Some(_) if arguments.format == Format::Json => Err(Failure::said(Exit::NotReproduced)),
        Some(difference) => {
            Err(Failure::new(Exit::NotReproduced, format!("{} did not reproduce: {difference}", folder.id())))
        }
    }
}

fn again(
    arguments: &Arguments,
    prepared: &pleach_run::Prepared,
    folder: &RunFolder,
    promise: Promise,
    options: &RunOptions,
) -> Result<Reproduction, RunError> {
    let interrupted = catch_interrupts();
    let start = Instant::now();
    let now = || start.elapsed().as_secs_f64();
    let mut progress =
        (arguments.format == Format::Human).then(|| Progress::new(false, prepared.experiment.objectives.clone()));
    let mut report = |event: &Event<'_>| {
        if let Some(progress) = &mut progress {
            progress.on(event);
        }
    };
    let result = pleach_run::reproduce::reproduce(prepared, folder, promise, options, &mut report, &now, interrupted);
    if let Some(progress) = &mut progress {
        progress.end(true);
    }
    result
}

/// The strategies that a run was made with, as its folder keeps them.
fn strategies(folder: &RunFolder, lock: &LockFile) -> Strategies {
    let kept = lock.plugins.iter().map(|(name, digest)| (name.clone(), folder.plugin(digest)));
    let pinned: BTreeMap<String, PathBuf> = kept.filter(|(_, file)| file.is_file()).collect();
    Strategies { pinned, ..environment::strategies() }
}

/// What is about to be compared, and what can be expected.
fn expected(folder: &RunFolder, state: RunState, promise: &Promise) -> String {
    let what = match state {
        RunState::Done => folder.id(),
        RunState::Unfinished | RunState::Failed => format!("the trials that {} had told", folder.id()),
    };
    let mut out = match promise.tolerance {
        None if promise.same_requests => format!("running {what} again: every bit must be the same"),
        None => format!("running {what} again: trials with the same request must have the same bits"),
        Some(tolerance) => format!("running {what} again: metrics at the end of trials must agree within {tolerance}"),
    };
    for reason in &promise.because {
        let _ = write!(out, "\n  bits cannot be promised: {reason}");
    }
    if !promise.not_compared.is_empty() {
        let _ = write!(out, "\n  not compared: {}", promise.not_compared.join(", "));
    }
    out
}

fn text(reproduction: &Reproduction) -> String {
    let rows = reproduction.steps.iter().map(|step| {
        let mut notes = Vec::new();
        if step.taken_over > 0 {
            notes.push(format!("{} failures of the machine taken over", step.taken_over));
        }
        if let Some(trial) = step.another_way_from {
            notes.push(format!("went another way from trial {trial} on"));
        }
        if step.weights > 0 {
            notes.push(format!("{} files of weights", step.weights));
        }
        vec![step.step.clone(), format!("{} of {}", step.compared, step.trials), notes.join(", ")]
    });
    let mut out = output::table(&["step", "compared", ""], rows);
    if reproduction.reproduced {
        let how = match reproduction.promise.tolerance {
            None => "every bit that was compared is the same".to_owned(),
            Some(tolerance) => format!("within {tolerance}"),
        };
        let _ = write!(out, "\nreproduced {}: {how}", reproduction.run);
        if let Some(digest) = reproduction.digest.as_ref().filter(|_| reproduction.digest == reproduction.digest_again)
        {
            let _ = write!(out, ", digest {digest}");
        }
        out.push('\n');
    }
    out
}
