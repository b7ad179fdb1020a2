mod trials;

use super::run::{failed, ready};
use crate::environment;
use crate::exit::{Exit, Failure, Outcome};
use crate::experiment;
use crate::output;
use pleach_evaluate::Program;
use pleach_run::score::Scorer;
use pleach_run::{StepSummary, Summary, Trained, summary, write_exports};
use pleach_spec::ExportFormat;
use pleach_store::{RunFolder, TrialRecord};
use std::path::PathBuf;

/// Export the best trained network of a run, or all its trials for another tool
///
/// Without --to: writes what an `export` step writes, to a folder of its own: TorchScript (made by the training worker, loaded
/// again and compared), ONNX, safetensors weights, a PyTorch module in Python, and the network as an experiment without
/// decisions.
///
/// With --to: writes the trials of a run, ended or not, for the tools that people look at trials with.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  pleach export quickstart --out best
  pleach export quickstart-2 --step final --formats onnx,yaml --out for-the-phone
  pleach export quickstart --to parquet     # python -c 'import pandas; print(pandas.read_parquet(\"quickstart-1.parquet\"))'
  pleach export quickstart --to tensorboard # tensorboard --logdir quickstart-1-tensorboard
  pleach export quickstart --to optuna      # optuna-dashboard sqlite:///quickstart-1-optuna.sqlite
  pleach export quickstart --to csv -o - | head

With --to, the file is RUN.csv, RUN.parquet, RUN-tensorboard/ or RUN-optuna.sqlite unless -o names another; what is there
already is replaced only with --force. The written path is printed.")]
pub struct Arguments {
    /// A run such as quickstart-2, the name of an experiment (its latest run), or a run's folder
    run: String,
    /// Export all trials for this tool instead of the best network
    #[arg(long, value_name = "TOOL", value_enum, conflicts_with_all = ["step", "formats", "base"])]
    to: Option<trials::Tool>,
    /// The `train` step whose best candidate is exported; unless told, the last one that trained any
    #[arg(long)]
    step: Option<String>,
    /// The formats, with commas
    #[arg(long, value_delimiter = ',', value_enum, default_values_t = Format::ALL)]
    formats: Vec<Format>,
    /// Where to write: a folder for networks [default: export]; for trials a file, or `-` for CSV on standard output
    #[arg(long, short, value_name = "PATH")]
    out: Option<PathBuf>,
    /// Replace what is there
    #[arg(long, requires = "to")]
    force: bool,
    /// The folder that the experiment's paths are relative to; its data are read for how inputs are prepared
    #[arg(long, value_name = "FOLDER", default_value = ".")]
    base: PathBuf,
    /// The folder of runs
    #[arg(long, value_name = "FOLDER", default_value = "runs")]
    runs: PathBuf,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    Torchscript,
    Onnx,
    Safetensors,
    Pytorch,
    Yaml,
}

impl Format {
    const ALL: [Format; 5] = [Format::Torchscript, Format::Onnx, Format::Safetensors, Format::Pytorch, Format::Yaml];

    fn meant(self) -> ExportFormat {
        match self {
            Format::Torchscript => ExportFormat::Torchscript,
            Format::Onnx => ExportFormat::Onnx,
            Format::Safetensors => ExportFormat::Safetensors,
            Format::Pytorch => ExportFormat::Pytorch,
            Format::Yaml => ExportFormat::Yaml,
        }
    }
}

pub fn run(arguments: &Arguments) -> Outcome {
    let folder = RunFolder::find(&arguments.runs, &arguments.run)?;
    if let Some(tool) = arguments.to {
        return trials::run(&folder, tool, arguments.out.as_deref(), arguments.force);
    }
    let out = arguments.out.clone().unwrap_or_else(|| PathBuf::from("export"));
    let reader = folder.read()?;
    let summary = summary(&reader).map_err(failed)?;
    let (step, candidate) = best(&summary, arguments.step.as_deref())?;

    let prepared = experiment::of_run(&folder, &arguments.base)?;
    let prepared = ready(prepared)?;
    let material = prepared.material().map_err(failed)?;

    let trials = reader.trials(step)?;
    let scorer = Scorer::new(&prepared.experiment.objectives, &[]);
    let trial = best_repeat(&trials, candidate, &scorer)
        .ok_or_else(|| Failure::unusable(format!("step `{step}` has no training of candidate {candidate}")))?;
    let formats: Vec<ExportFormat> = arguments.formats.iter().map(|format| format.meant()).collect();
    let worker = Program::worker(environment::worker());
    let trained = Trained { trial, step };
    let written = write_exports("export", &trained, &formats, &prepared, &material, &worker, folder.path(), &out)
        .map_err(failed)?;
    for (kind, file) in written {
        output::say(format_args!("{kind}: {file}"));
        output::data(format_args!("{}\n", out.join(file).display()))?;
    }
    Ok(Exit::Done)
}

/// The step and the number of its best candidate.
fn best<'s>(summary: &'s Summary, wanted: Option<&str>) -> Result<(&'s str, u64), Failure> {
    let trained = |(name, step): (&'s String, &'s StepSummary)| {
        let best = step.best.as_ref().filter(|_| step.kind == "train")?;
        Some((name.as_str(), best.id))
    };
    let mut all = summary.steps.iter().filter_map(trained);
    let found = match wanted {
        None => all.next_back(),
        Some(wanted) => all.find(|(name, _)| *name == wanted),
    };
    found.ok_or_else(|| {
        let message = match wanted {
            Some(wanted) => format!("`{wanted}` is no `train` step that has trained a network"),
            None => "no `train` step of the run has trained a network".to_owned(),
        };
        Failure::invalid(message).help("`pleach show RUN` lists the steps")
    })
}

/// The repeat with the lowest losses.
fn best_repeat<'t>(trials: &'t [TrialRecord], candidate: u64, scorer: &Scorer) -> Option<&'t TrialRecord> {
    let losses = |trial: &TrialRecord| scorer.losses(|name| trial.metrics()?.get(name).copied());
    let own =
        |trial: &&TrialRecord| trial.request.candidate.map(u64::from) == Some(candidate) && trial.metrics().is_some();
    trials.iter().filter(own).min_by(|one, other| {
        let (first, second) = (losses(one), losses(other));
        let order = first.iter().zip(&second).map(|(a, b)| a.total_cmp(b)).find(|order| order.is_ne());
        order.unwrap_or(std::cmp::Ordering::Equal)
    })
}
