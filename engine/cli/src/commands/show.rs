use super::{RunFormat, run::failed};
use crate::exit::{Exit, Failure, Outcome};
use crate::output;
use crate::progress::{duration, short};
use pleach_run::{CandidateResult, Spread, StepSummary, Summary};
use pleach_store::RunFolder;
use std::fmt::Write;
use std::path::{Path, PathBuf};

/// Show what came out of a run: its steps, the best networks, where their files lie
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  pleach show quickstart                    # the latest run of that experiment
  pleach show quickstart-2 --format json
  pleach show quickstart --format junit > junit.xml

JSON: {\"name\", \"state\", \"digest\", \"steps\": {NAME: {\"kind\", \"state\", \"trials\", \"best\", \"results\", \"robustness\",
\"comparison\", \"artifacts\"}}, \"beside\": […], \"requirements\": […]}
`digest` is the same wherever the run is repeated. Of a `train` step, `results` has for each candidate every metric's \"mean\",
\"deviation\" (of the sample) and \"values\" by repeat, below \"validation\" and \"test\".")]
pub struct Arguments {
    /// A run such as quickstart-2, the name of an experiment (its latest run), or a run's folder
    run: String,
    /// The folder of runs
    #[arg(long, value_name = "FOLDER", default_value = "runs")]
    runs: PathBuf,
    /// How it is written
    #[arg(long, value_enum, default_value_t = RunFormat::Human)]
    format: RunFormat,
}

/// Of more trials nothing is drawn here, since every one of them would have to be read.
const DRAWN: u64 = 50_000;

pub fn run(arguments: &Arguments) -> Outcome {
    let folder = RunFolder::find(&arguments.runs, &arguments.run)?;
    let summary = pleach_run::summary(&folder.read()?).map_err(failed)?;
    output::data(match arguments.format {
        RunFormat::Json => output::json(&summary),
        RunFormat::Human if summary.steps.values().map(|step| step.trials).sum::<u64>() > DRAWN => {
            let note = format!("\nCurves and importances of so many trials: `pleach report {}`\n", folder.id());
            text(&summary, folder.path()) + &note
        }
        RunFormat::Human => {
            let figures = super::report::figures(&folder, Path::new("."))?;
            text(&summary, folder.path()) + &pleach_report::text(&figures)
        }
        RunFormat::Junit => {
            crate::junit::junit(&summary, &folder.id(), summary.error.as_deref()).map_err(Failure::unusable)?
        }
    })?;
    Ok(Exit::Done)
}

/// A run for people: its steps, the best networks, where everything lies.
pub fn text(summary: &Summary, folder: &Path) -> String {
    let mut out = format!("{}: {}, digest {}\n\n", summary.name, summary.state, summary.digest);
    let rows = summary.steps.iter().map(|(name, step)| {
        let trials = match step.failed {
            0 => step.trials.to_string(),
            failed => format!("{} ({failed} failed)", step.trials),
        };
        let best = step.best.as_ref().map_or(String::new(), |best| {
            let known = summary.objectives.iter().filter_map(|name| Some((name, best.metrics.get(name)?)));
            known.map(|(name, value)| format!("{name} {}", short(*value))).collect::<Vec<_>>().join(", ")
        });
        vec![name.clone(), step.kind.clone(), step.state.as_str().to_owned(), trials, best, duration(step.seconds)]
    });
    out.push_str(&output::table(&["step", "kind", "state", "trials", "best", "time"], rows));
    // What a robustness step measured stands below, by corruption and attack.
    let trained = |step: &StepSummary| step.kind == "train" && !step.results.is_empty();
    for (name, step) in summary.steps.iter().filter(|(_, step)| trained(step)) {
        let _ =
            write!(out, "\nTrained by {name}, mean ± deviation over repeats:\n{}", results(step, &summary.objectives));
    }
    for beside in &summary.beside {
        let (value, other) = (spread(&beside.value), spread(&beside.other_value));
        let _ = write!(
            out,
            "\n{} of {} and {}: {value} and {other}\n  {}\n",
            beside.metric, beside.step, beside.other, beside.verdict
        );
    }
    for (name, step) in &summary.steps {
        if let Some(comparison) = &step.comparison {
            let beside = comparison.baseline.as_deref().zip(comparison.baseline_found.as_ref());
            let beside = beside.map(|(name, found)| format!("; {name} {}", spread(found))).unwrap_or_default();
            let _ = write!(
                out,
                "\nBest {} found by {name}: {} {}{beside}\n  {}\n",
                comparison.metric,
                comparison.strategy,
                spread(&comparison.found),
                comparison.verdict
            );
        }
        if !step.robustness.is_empty() {
            let _ = write!(out, "\nAccuracy measured by {name}, mean over repeats:\n{}", robustness(step));
        }
    }
    if !summary.requirements.is_empty() {
        out.push_str("\nRequirements:\n");
        for required in &summary.requirements {
            let _ = writeln!(out, "  {} {required}", if required.passed { "✓" } else { "✗" });
        }
    }
    let _ = write!(out, "\nEverything lies in {}\n", folder.display());
    for (file, what) in FILES {
        if folder.join(file).exists() {
            let _ = writeln!(out, "  {file:<14}{what}");
        }
    }
    for artifact in summary.steps.values().flat_map(|step| &step.artifacts).filter(|file| file.kind != "weights") {
        let _ = writeln!(out, "  {} ({})", artifact.path, artifact.kind);
    }
    out
}

const FILES: [(&str, &str); 4] = [
    ("best.yaml", "the best network as an experiment without decisions"),
    ("trials.csv", "every trial"),
    ("front.csv", "the trials that no other beats in every objective"),
    ("run.sqlite", "all of it, for any SQLite client"),
];

/// Accuracy by candidate, corruption and severity, attack and epsilon.
fn robustness(step: &StepSummary) -> String {
    let mut columns: Vec<(&String, &String)> = Vec::new();
    for (name, at) in step.robustness.values().flat_map(|of| of.iter()) {
        for place in at.keys() {
            if !columns.contains(&(name, place)) {
                columns.push((name, place));
            }
        }
    }
    let rows = columns.iter().map(|(name, at)| {
        let value = |of: &indexmap::IndexMap<String, indexmap::IndexMap<String, f64>>| {
            of.get(*name).and_then(|at_all| at_all.get(*at)).map_or(String::new(), |value| short(*value))
        };
        [(*name).clone(), (*at).clone()].into_iter().chain(step.robustness.values().map(value)).collect::<Vec<_>>()
    });
    let numbers: Vec<String> = step.robustness.keys().map(|candidate| format!("candidate {candidate}")).collect();
    let mut header = vec!["corruption or attack", "severity or epsilon"];
    header.extend(numbers.iter().map(String::as_str));
    output::table(&header, rows)
}

/// Mean and deviation.
fn spread(spread: &Spread) -> String {
    match spread.values.len() {
        1 => short(spread.mean),
        _ if spread.deviation == 0.0 => short(spread.mean),
        _ => format!("{} ± {}", short(spread.mean), short(spread.deviation)),
    }
}

/// The candidates of a `train` step, those with the best first objective first as they were taken.
fn results(step: &StepSummary, objectives: &[String]) -> String {
    let names = |metrics: fn(&CandidateResult) -> Vec<&String>| {
        let mut found: Vec<String> = Vec::new();
        for name in step.results.iter().flat_map(metrics) {
            if !found.contains(name) {
                found.push(name.clone());
            }
        }
        found
    };
    let validated = names(|result| result.validation.keys().collect());
    let validated: Vec<&String> = objectives.iter().filter(|objective| validated.contains(objective)).collect();
    let tested = names(|result| result.test.keys().collect());
    let mut header = vec!["candidate".to_owned()];
    header.extend(validated.iter().map(|name| name.to_string()));
    header.extend(tested.iter().map(|name| format!("test {name}")));
    let rows = step.results.iter().map(|result| {
        let mut row = vec![result.candidate.to_string()];
        row.extend(validated.iter().map(|name| result.validation.get(*name).map_or(String::new(), spread)));
        row.extend(tested.iter().map(|name| result.test.get(name).map_or(String::new(), spread)));
        row
    });
    output::table(&header.iter().map(String::as_str).collect::<Vec<_>>(), rows)
}
