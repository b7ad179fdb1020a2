use super::Format;
use crate::environment;
use crate::exit::{Exit, Failure, Outcome};
use crate::output;
use pleach_run::CACHE;
use pleach_store::{Cache, Clear, Cleared, RunFolder, RunState};
use serde::Serialize;
use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Show what is cached and how much of the disk it takes, or clear it
///
/// Results and weights of trainings lie beside the runs, so that a network with its recipe is trained once. Compiled strategies and
/// fetched data sets lie in the user's cache. Runs themselves are no cache: their folders hold all that they need, and nothing here
/// touches them.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  pleach cache
  pleach cache clear --older-than 30d --dry-run
  pleach cache clear --older-than 1w --weights
  pleach cache clear --all

JSON: {\"results\": {\"folder\", \"entries\", \"measurements\", \"bytes\"}, \"weights\": {\"folder\", \"entries\", \"bytes\"}, \"plugins\": {…}, \"data\": {…}}")]
pub struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    /// The folder of runs
    #[arg(long, value_name = "FOLDER", default_value = "runs", global = true)]
    runs: PathBuf,
    /// How it is written
    #[arg(long, value_enum, default_value_t = Format::Human, global = true)]
    format: Format,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Clear what was not of use for long: results and weights of trainings, compiled strategies
    ///
    /// What trials of unfinished runs have stays, as does all that was of use since a run began that is being executed. Whatever is
    /// cleared is made again when it is needed, to the same bits. Fetched data sets stay.
    #[command(after_long_help = "\
JSON: {\"cleared\", \"results\", \"weights\", \"weights_bytes\", \"strays\", \"kept\", \"plugins\", \"plugins_bytes\"}; `cleared` is false of a dry run,
`strays` are files that processes left which were killed, `kept` are old results that unfinished runs want.")]
    Clear(ClearArguments),
}

#[derive(Debug, clap::Args)]
struct ClearArguments {
    /// What was not of use for so long: a number with s, m, h, d or w, such as 30d
    #[arg(long, value_name = "AGE", value_parser = age, required_unless_present = "all")]
    older_than: Option<u64>,
    /// Weights only: results stay, so that searches still find them
    #[arg(long)]
    weights: bool,
    /// All of it, whatever its age, what unfinished runs have included
    #[arg(long, conflicts_with_all = ["older_than", "weights"])]
    all: bool,
    /// Say what would be cleared, and clear nothing
    #[arg(long)]
    dry_run: bool,
}

/// Seconds of an age such as `30d`.
fn age(text: &str) -> Result<u64, String> {
    const UNITS: [(char, u64); 5] = [('s', 1), ('m', 60), ('h', 3600), ('d', 86_400), ('w', 604_800)];
    let wrong = || "a number with s, m, h, d or w, such as 30d".to_owned();
    let unit = text.chars().last().ok_or_else(wrong)?;
    let (_, seconds) = UNITS.into_iter().find(|(name, _)| *name == unit).ok_or_else(wrong)?;
    let count: u64 = text[..text.len() - unit.len_utf8()].parse().map_err(|_| wrong())?;
    count.checked_mul(seconds).ok_or_else(wrong)
}

pub fn run(arguments: &Arguments) -> Outcome {
    match &arguments.command {
        None => show(&arguments.runs, arguments.format),
        Some(Command::Clear(clear)) => self::clear(clear, &arguments.runs, arguments.format),
    }
}

/// A part of what is cached.
#[derive(Debug, Serialize)]
struct Part {
    folder: Option<PathBuf>,
    entries: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    measurements: Option<u64>,
    bytes: u64,
}

#[derive(Debug, Serialize)]
struct Shown {
    results: Part,
    weights: Part,
    plugins: Part,
    data: Part,
}

fn show(runs: &Path, format: Format) -> Outcome {
    let folder = runs.join(CACHE);
    let size = match folder.is_dir() {
        true => Some(Cache::open(&folder)?.size()?),
        false => None,
    };
    let of = |count: fn(&pleach_store::CacheSize) -> u64| size.as_ref().map_or(0, count);
    let users = |folder: Option<PathBuf>| {
        let (entries, bytes) = folder.as_deref().map_or((0, 0), content);
        Part { folder, entries, measurements: None, bytes }
    };
    let shown = Shown {
        results: Part {
            folder: Some(folder.clone()),
            entries: of(|size| size.results),
            measurements: Some(of(|size| size.measurements)),
            bytes: of(|size| size.database_bytes),
        },
        weights: Part {
            folder: Some(folder.join("weights")),
            entries: of(|size| size.weights),
            measurements: None,
            bytes: of(|size| size.weights_bytes),
        },
        plugins: users(environment::plugin_cache()),
        data: users(environment::data_caches().pop()),
    };
    output::data(match format {
        Format::Json => output::json(&shown),
        Format::Human => {
            let row = |what: &str, entries: String, part: &Part| {
                let folder = part.folder.as_ref().map_or(String::new(), |folder| folder.display().to_string());
                vec![what.to_owned(), entries, bytes(part.bytes), folder]
            };
            let results = &shown.results;
            let measured = format!(
                "{}, {}",
                counted(results.entries, "training"),
                counted(results.measurements.unwrap_or_default(), "measurement")
            );
            let rows = [
                row("results", measured, results),
                row("weights", counted(shown.weights.entries, "file"), &shown.weights),
                row("compiled strategies", counted(shown.plugins.entries, "file"), &shown.plugins),
                row("data sets", counted(shown.data.entries, "file"), &shown.data),
            ];
            output::table(&["what", "entries", "size", "where"], rows)
        }
    })?;
    Ok(Exit::Done)
}

/// What was cleared, as it is written.
#[derive(Debug, Serialize)]
struct Said {
    cleared: bool,
    #[serde(flatten)]
    of_trainings: Cleared,
    plugins: u64,
    plugins_bytes: u64,
}

fn clear(arguments: &ClearArguments, runs: &Path, format: Format) -> Outcome {
    let now = environment::seconds();
    let mut before = match arguments.older_than {
        Some(age) => now.saturating_sub(age),
        None => u64::MAX >> 1,
    };
    let mut keep = HashSet::new();
    for run in RunFolder::list(runs)? {
        let reader = run.read()?;
        if let Some(holder) = run.holder() {
            if arguments.all {
                let message = format!("{} is being executed by {holder}: nothing was cleared", run.id());
                return Err(Failure::unusable(message).help("wait for it or stop it, or clear by age: --older-than 1d"));
            }
            before = before.min(run.held_since().unwrap_or_default());
        }
        if !arguments.all && reader.state()? != RunState::Done {
            for step in reader.steps()? {
                keep.extend(reader.trial_keys(&step.name)?);
            }
        }
    }
    let folder = runs.join(CACHE);
    let clear = Clear { before, weights_only: arguments.weights, keep, dry_run: arguments.dry_run };
    let of_trainings = match folder.is_dir() {
        true => Cache::open(&folder)?.at(now)?.clear(&clear)?,
        false => Cleared::default(),
    };
    let (plugins, plugins_bytes) = match environment::plugin_cache().filter(|_| !arguments.weights) {
        Some(folder) => clear_plugins(&folder, before, arguments.dry_run)?,
        None => (0, 0),
    };
    let said = Said { cleared: !arguments.dry_run, of_trainings, plugins, plugins_bytes };
    match format {
        Format::Json => output::data(output::json(&said))?,
        Format::Human => {
            let verb = if arguments.dry_run { "would clear" } else { "cleared" };
            let mut parts = vec![
                counted(of_trainings.results, "result"),
                format!("{} ({})", counted(of_trainings.weights, "file of weights"), bytes(of_trainings.weights_bytes)),
                format!("{} ({})", counted(plugins, "compiled strategy"), bytes(plugins_bytes)),
            ];
            if of_trainings.strays > 0 {
                parts.push(format!("{} that killed processes left", counted(of_trainings.strays, "file")));
            }
            let mut text = format!("{verb} {}\n", parts.join(", "));
            if of_trainings.kept > 0 {
                text.push_str(&format!("kept {} that unfinished runs want\n", counted(of_trainings.kept, "old entry")));
            }
            output::data(text)?;
        }
    }
    Ok(Exit::Done)
}

/// Removes compiled strategies that were compiled before a time; they are compiled again in a fraction of a second.
fn clear_plugins(folder: &Path, before: u64, dry_run: bool) -> Result<(u64, u64), Failure> {
    let (mut count, mut size) = (0, 0);
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let Ok(metadata) = entry.metadata() else { continue };
        // The secret that signs them stays, and what somebody else put there.
        let ours = entry.file_name().to_str().is_some_and(|name| name.len() == 64);
        if metadata.is_file() && ours && environment::modified(&entry.path()) < before as f64 {
            count += 1;
            size += metadata.len();
            if !dry_run {
                fs::remove_file(entry.path()).map_err(|error| {
                    Failure::unusable(format!("cannot remove `{}`: {error}", entry.path().display()))
                })?;
            }
        }
    }
    Ok((count, size))
}

/// Files and bytes below a folder; none where it is not there.
fn content(folder: &Path) -> (u64, u64) {
    let (mut files, mut bytes) = (0, 0);
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        match entry.metadata() {
            Ok(metadata) if metadata.is_dir() => {
                let (more_files, more_bytes) = content(&entry.path());
                files += more_files;
                bytes += more_bytes;
            }
            Ok(metadata) => {
                files += 1;
                bytes += metadata.len();
            }
            Err(_) => {}
        }
    }
    (files, bytes)
}

fn counted(count: u64, word: &str) -> String {
    match (count, word.strip_suffix('y')) {
        (1, _) => format!("1 {word}"),
        (count, Some(stem)) => format!("{count} {stem}ies"),
        (count, None) if word == "file of weights" => format!("{count} files of weights"),
        (count, None) => format!("{count} {word}s"),
    }
}

fn bytes(bytes: u64) -> String {
    const UNITS: [(&str, f64); 3] = [("GiB", 1_073_741_824.0), ("MiB", 1_048_576.0), ("KiB", 1024.0)];
    let size = bytes as f64;
    match UNITS.into_iter().find(|(_, unit)| size >= *unit) {
        Some((name, unit)) => format!("{:.1} {name}", size / unit),
        None => format!("{bytes} B"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_and_sizes_are_read_and_written() {
        assert_eq!(["90s", "5m", "2h", "30d", "1w"].map(age), [90, 300, 7200, 2_592_000, 604_800].map(Ok));
        assert!(["", "d", "30", "3.5d", "-1d", "30ä", "99999999999999999999w"].iter().all(|text| age(text).is_err()));
        assert_eq!([0, 1023, 1536, 5 << 20].map(bytes), ["0 B", "1023 B", "1.5 KiB", "5.0 MiB"]);
        assert_eq!(counted(2, "compiled strategy"), "2 compiled strategies");
    }
}
