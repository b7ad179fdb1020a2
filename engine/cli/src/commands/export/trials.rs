//! All trials of a run for another tool.

use crate::environment;
use crate::exit::{Exit, Failure, Outcome};
use crate::output;
use pleach_store::RunFolder;
use pleach_trials::{Trials, TrialsError};
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

/// Who reads the trials.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Tool {
    /// The table of trials.csv, for spreadsheets and `read_csv`
    Csv,
    /// The same columns with their types, for pandas, Polars, DuckDB
    Parquet,
    /// A folder of event files: learning curves and the HPARAMS tab
    Tensorboard,
    /// An SQLite storage of Optuna, a study a step, for optuna-dashboard and `optuna.load_study`
    Optuna,
}

pub fn run(folder: &RunFolder, tool: Tool, out: Option<&Path>, force: bool) -> Outcome {
    let trials = Trials::read(&folder.read()?, &folder.id()).map_err(failed)?;
    if trials.steps.is_empty() {
        return Err(Failure::unusable(format!("{} has no trials yet", folder.id())));
    }
    if out == Some(Path::new("-")) {
        if tool != Tool::Csv {
            return Err(Failure::invalid("only CSV goes to standard output").help("-o names a file"));
        }
        let mut text = Vec::new();
        trials.csv_to(&mut text).map_err(Failure::unusable)?;
        output::data(String::from_utf8_lossy(&text))?;
        return Ok(Exit::Done);
    }
    let id = folder.id();
    let out = out.map_or_else(
        || {
            PathBuf::from(match tool {
                Tool::Csv => format!("{id}.csv"),
                Tool::Parquet => format!("{id}.parquet"),
                Tool::Tensorboard => format!("{id}-tensorboard"),
                Tool::Optuna => format!("{id}-optuna.sqlite"),
            })
        },
        Path::to_owned,
    );
    if !force && fs::symlink_metadata(&out).is_ok() {
        let failure = Failure::unusable(format!("`{}` is there already", out.display()));
        return Err(failure.help("-o names another path; --force replaces what is there"));
    }
    let created = environment::modified(&folder.path().join("experiment.yaml"));
    // Written beside its place, so that what was there is replaced by something whole or not at all.
    let mut draft: OsString = out.as_os_str().to_owned();
    draft.push(format!(".new-{}", std::process::id()));
    let draft = PathBuf::from(draft);
    let written = match tool {
        Tool::Csv => trials.csv(&draft),
        Tool::Parquet => pleach_trials::parquet(&trials, &draft),
        Tool::Tensorboard => pleach_trials::tensorboard(&trials, created, &draft),
        Tool::Optuna => pleach_trials::optuna(&trials, created, &draft),
    };
    if let Err(failure) = written.map_err(failed).and_then(|()| place(&draft, &out)) {
        // What was half written is of no use; the error that matters is the one of writing it.
        let _ = remove(&draft);
        return Err(failure);
    }
    let path = out.display();
    match tool {
        Tool::Csv | Tool::Parquet => {}
        Tool::Tensorboard => output::say(format_args!("look at it: tensorboard --logdir {path}")),
        Tool::Optuna => output::say(format_args!("look at it: optuna-dashboard sqlite:///{path}")),
    }
    output::data(format_args!("{path}\n"))?;
    Ok(Exit::Done)
}

/// Puts a draft in its place.
fn place(draft: &Path, out: &Path) -> Result<(), Failure> {
    // Of a folder only event files are replaced: whatever else lies in it may be somebody's.
    let merged = if draft.is_dir() && out.is_dir() { merge(draft, out) } else { fs::rename(draft, out) };
    merged.map_err(|error| Failure::unusable(format!("cannot write `{}`: {error}", out.display())))
}

fn merge(from: &Path, to: &Path) -> std::io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() { merge(&entry.path(), &target)? } else { fs::rename(entry.path(), target)? }
    }
    fs::remove_dir(from)
}

fn remove(path: &Path) -> std::io::Result<()> {
    if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) }
}

fn failed(error: TrialsError) -> Failure {
    Failure::unusable(error)
}
