use crate::commands::{Format, plugin, run::failed};
use crate::environment;
use crate::exit::{Exit, Failure, Outcome};
use crate::output;
use pleach_plan::StrategyError;
use pleach_store::Holder;
use serde_json::json;
use std::path::{Path, PathBuf};
use std::time::Instant;

/// Measure what the search loop itself costs: microseconds a trial, through a real strategy, on a trivial objective
///
/// The objective costs nothing and the space is one of six choices, so that what is left is the loop: asking the strategy,
/// checking its answers, the virtual clock, telling it; with storage also recording every trial. The median of the rounds.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Example:
  pleach bench overhead --strategy regularized-evolution --trials 200000 --format json

JSON: {\"strategy\", \"trials\", \"concurrency\", \"rounds\", \"memory_microseconds\", \"storage_microseconds\",
\"memory_rounds\", \"storage_rounds\"}")]
pub struct Arguments {
    /// The strategy
    #[arg(long, default_value = "regularized-evolution")]
    strategy: String,
    /// Trials a round
    #[arg(long, default_value_t = 100_000, value_parser = clap::value_parser!(u64).range(1..))]
    trials: u64,
    /// Virtual workers
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u32).range(1..=4096))]
    concurrency: u32,
    /// Rounds, of which the median counts
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// The folder to record into; unless told, one in the system's folder for temporary files
    #[arg(long, value_name = "FOLDER")]
    folder: Option<PathBuf>,
    /// How the result is written
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,
}

pub fn run(arguments: &Arguments) -> Outcome {
    let file = environment::strategies().find(&arguments.strategy, Path::new("")).map_err(|error: StrategyError| {
        let help = error.help().unwrap_or_default();
        Failure::invalid(&error).help(help)
    })?;
    let origin = format!("`{}`", file.path.display());
    let plugin = plugin::host()?.load(&file.bytes, &origin).map_err(|error| Failure::new(Exit::PluginFailed, error))?;
    let options = json!({});
    let start = Instant::now();
    let now = || start.elapsed().as_secs_f64();
    let temporary = std::env::temp_dir().join(format!("pleach-overhead-{}", std::process::id()));
    let root = arguments.folder.clone().unwrap_or_else(|| temporary.clone());
    let holder = Holder { process: std::process::id(), since: environment::time(), host: String::new() };
    let measure = |root: Option<(&Path, &Holder)>| {
        pleach_run::overhead::overhead(&plugin, &options, arguments.trials, arguments.concurrency, root, &now)
            .map_err(failed)
    };
    let (mut memory, mut storage) = (Vec::new(), Vec::new());
    let mut outcome = Ok(());
    for _ in 0..arguments.rounds {
        // In turns, so that a busy machine disturbs both alike.
        outcome = measure(None)
            .map(|microseconds| memory.push(microseconds))
            .and_then(|()| measure(Some((&root, &holder))))
            .map(|microseconds| storage.push(microseconds));
        if outcome.is_err() {
            break;
        }
    }
    if arguments.folder.is_none() {
        // Nothing but what was just recorded lies there.
        let _ = std::fs::remove_dir_all(&temporary);
    }
    outcome?;
    let (in_memory, with_storage) = (median(&memory), median(&storage));
    match arguments.format {
        Format::Json => output::data(output::json(&json!({
            "strategy": arguments.strategy,
            "trials": arguments.trials,
            "concurrency": arguments.concurrency,
            "rounds": arguments.rounds,
            "memory_microseconds": in_memory,
            "storage_microseconds": with_storage,
            "memory_rounds": memory,
            "storage_rounds": storage,
        })))?,
        Format::Human => output::data(format_args!(
            "{}, {} trials, median of {}: {in_memory:.2} µs a trial in memory, {with_storage:.2} µs with storage\n",
            arguments.strategy, arguments.trials, arguments.rounds,
        ))?,
    }
    Ok(Exit::Done)
}

fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN)
}
