use crate::environment;
use crate::exit::{Exit, Failure, Outcome};
use crate::output;
use pleach_report::{Figures, ReportError};
use pleach_space::Shape;
use pleach_spec::Experiment;
use pleach_store::RunFolder;
use std::path::{Path, PathBuf};

/// Write a report of a run: one HTML file with all its figures, for a browser or for print
///
/// The file needs nothing else and runs no script: best-so-far curves beside repeats and baselines, the front, what decisions
/// mattered, lineage and graphs of the best networks, robustness, learning curves, time and cost, requirements, the experiment,
/// versions and digests. A report of an unfinished run shows what there is so far.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  pleach report quickstart                       # writes report.html into the run's folder
  pleach report quickstart-2 -o quickstart.html
  pleach report quickstart --format json | jq '.importance[0].decisions[:3]'

Prints the path of the file; with --format json and without -o the figures themselves.")]
pub struct Arguments {
    /// A run such as quickstart-2, the name of an experiment (its latest run), or a run's folder
    run: String,
    /// The file to write; unless told, report.html in the run's folder, or standard output for JSON
    #[arg(short, long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// How it is written
    #[arg(long, value_enum, default_value_t = Format::Html)]
    format: Format,
    /// The folder that the experiment's paths are relative to; where a run has no best network yet, the shape of its data is read there
    #[arg(long, value_name = "FOLDER", default_value = ".")]
    base: PathBuf,
    /// The folder of runs
    #[arg(long, value_name = "FOLDER", default_value = "runs")]
    runs: PathBuf,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// A page for people
    Html,
    /// The figures for programs
    Json,
}

pub fn run(arguments: &Arguments) -> Outcome {
    let folder = RunFolder::find(&arguments.runs, &arguments.run)?;
    let figures = figures(&folder, &arguments.base)?;
    let text = match arguments.format {
        Format::Html => pleach_report::html(&figures),
        Format::Json => output::json(&figures),
    };
    let file = match (&arguments.out, arguments.format) {
        (Some(file), _) => file.clone(),
        (None, Format::Html) => folder.path().join("report.html"),
        (None, Format::Json) => {
            output::data(text)?;
            return Ok(Exit::Done);
        }
    };
    std::fs::write(&file, text)
        .map_err(|error| Failure::unusable(format!("cannot write {}: {error}", file.display())))?;
    output::data(format_args!("{}\n", file.display()))?;
    Ok(Exit::Done)
}

/// The figures of a run; `base` is where the experiment's data lie.
pub fn figures(folder: &RunFolder, base: &Path) -> Result<Figures, Failure> {
    let shape = shape(folder, base);
    Figures::of(folder, shape).map_err(|error| match error {
        ReportError::Run(error) => super::run::failed(*error),
        error => Failure::unusable(error),
    })
}

/// The shape of the run's data and the number of classes, where the data can be read; a run with a best network needs neither.
fn shape(folder: &RunFolder, base: &Path) -> Option<(Shape, usize)> {
    if folder.path().join("best.yaml").is_file() {
        return None;
    }
    let lock = folder.read().ok()?.lock().ok()?;
    let experiment: Experiment = serde_json::from_value(lock.experiment).ok()?;
    let locations = pleach_data::Locations { base: base.to_owned(), caches: environment::data_caches() };
    let found = pleach_data::inspect(&experiment.data?, &locations).ok()?;
    Some((Shape(found.shape.into_iter().collect()), found.classes))
}
