//! From a path on the command line to a prepared experiment.

use crate::environment;
use crate::exit::{Exit, Failure};
use crate::output;
use pleach_plan::{Prepared, Strategies, Surroundings};
use pleach_spec::{Diagnostic, Document};
use pleach_store::RunFolder;
use serde_json::{Map, Value};
use std::path::{Path, PathBuf};

/// The experiment and what to change in it.
#[derive(Debug, Clone, clap::Args)]
pub struct ExperimentFile {
    /// The experiment's file
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    #[command(flatten)]
    pub overrides: Overrides,
}

/// Values that override the file's.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct Overrides {
    /// Override a value of the file, such as steps.explore.search.budget.trials=200; may be repeated
    ///
    /// The path's parts are separated by dots, items of lists are written [0]; the value is YAML. Overrides are checked as the
    /// file is.
    #[arg(long = "set", value_name = "PATH=VALUE")]
    pub set: Vec<String>,
}

/// Reads a file as a document; what is wrong with it is in the document.
pub fn open(file: &Path, overrides: &Overrides) -> Document {
    Document::open(&file.to_string_lossy(), &pleach_spec::read_file, &overrides.set)
}

/// Where an experiment stands and what it can find there.
pub fn surroundings(file: &Path) -> Surroundings {
    Surroundings {
        base: file.parent().map(Path::to_owned).unwrap_or_default(),
        data_caches: environment::data_caches(),
        strategies: environment::strategies(),
    }
}

/// Prepares an experiment; shows its warnings.
///
/// # Errors
/// It has mistakes, which are shown.
pub fn prepare(arguments: &ExperimentFile) -> Result<(Prepared, Document), Failure> {
    let document = open(&arguments.file, &arguments.overrides);
    let (prepared, diagnostics) = pleach_plan::prepare(&document, &surroundings(&arguments.file));
    output::diagnostics(&diagnostics);
    match prepared {
        Some(prepared) => Ok((prepared, document)),
        None => {
            output::say(mistakes(&diagnostics));
            Err(Failure::said(Exit::Invalid))
        }
    }
}

/// The experiment of a run, whose paths are relative to `base`.
///
/// # Errors
/// The run cannot be read, or the experiment has mistakes where it now stands, which are shown.
pub fn of_run(folder: &RunFolder, base: &Path) -> Result<Prepared, Failure> {
    of_run_with(folder, base, environment::strategies())
}

/// As [`of_run`], with strategies that lie elsewhere.
///
/// # Errors
/// As [`of_run`].
pub fn of_run_with(folder: &RunFolder, base: &Path, strategies: Strategies) -> Result<Prepared, Failure> {
    // The lock holds the experiment with included files and overrides in place; JSON is YAML, too.
    let lock = folder.read()?.lock()?;
    let label = folder.path().join("lock.yaml");
    let text = without_nulls(lock.experiment).to_string();
    let document = Document::load(&label.to_string_lossy(), &text, &pleach_spec::read_file, &[]);
    let surroundings = Surroundings { base: base.to_owned(), data_caches: environment::data_caches(), strategies };
    let (prepared, diagnostics) = pleach_plan::prepare(&document, &surroundings);
    prepared.ok_or_else(|| {
        output::diagnostics(&diagnostics);
        output::say(mistakes(&diagnostics));
        Failure::said(Exit::Invalid).help("--base names the folder that the experiment's paths are relative to")
    })
}

/// Values that are not given stand as null in the lock, and are left out of an experiment.
fn without_nulls(value: Value) -> Value {
    match value {
        Value::Object(map) => {
            let given = map.into_iter().filter(|(_, value)| !value.is_null());
            given.map(|(key, value)| (key, without_nulls(value))).collect::<Map<_, _>>().into()
        }
        Value::Array(items) => items.into_iter().map(without_nulls).collect(),
        other => other,
    }
}

/// How many errors and warnings there are, in words.
pub fn mistakes(diagnostics: &[Diagnostic]) -> String {
    let errors = diagnostics.iter().filter(|diagnostic| diagnostic.is_error()).count();
    let counted = |count: usize, word: &str| match count {
        0 => None,
        1 => Some(format!("1 {word}")),
        count => Some(format!("{count} {word}s")),
    };
    let parts = [counted(errors, "error"), counted(diagnostics.len() - errors, "warning")];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    if parts.is_empty() { "no mistakes".to_owned() } else { parts.join(" and ") }
}
