use crate::commands::Format;
use crate::commands::run::{catch_interrupts, failed, ready};
use crate::exit::{Exit, Failure, Outcome};
use crate::experiment::{self, ExperimentFile, Overrides};
use crate::output;
use indexmap::IndexMap;
use indicatif::{ProgressBar, ProgressStyle};
use pleach_bench::{Contest, Course, Entrant, Figures, Task};
use pleach_plan::with_defaults;
use pleach_run::{Source, TableTask};
use pleach_spec::{Axis, Benchmark, BenchmarkTask, Budget, Contender, DocumentKind};
use serde_json::{Map, Value, json};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

/// Compare search strategies on tabular benchmarks
///
/// Each strategy searches each task with many seeds, on all cores; nothing is trained and nothing recorded. Of each search it is told
/// how good the candidate is that it had found after so many evaluations: its regret, the true value (the mean over the table's seeds)
/// less the best of the whole table. Of several objectives it is the share of the true front's hypervolume, each objective scaled to
/// 0 (its best) to 1 (its worst).
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
FILE is a benchmark (see specs/benchmarks and schemas/benchmark.schema.json), or an experiment with a table, which is then the one task.

Examples:
  pleach bench search specs/benchmarks/strategies.yaml
  pleach bench search specs/nas-bench-201-table.yaml --strategy random --strategy regularized-evolution --seeds 100 \\
      --trials 300 --at 50,100,200,300 --scale 100
  pleach bench search specs/benchmarks/strategies.yaml --out figures --against other-tools.csv

--out writes figures.csv, figures.json and a drawing TASK.svg of each task. --against reads figures of other tools from a CSV of the same
columns: task, strategy, at, mean; the others may be left out.

JSON: {\"benchmark\", \"concurrency\", \"by\", \"figures\": [{\"task\", \"strategy\", \"seeds\", \"looks\": [{\"at\", \"mean\", \"margin\", \"median\",
\"difference\"}], \"found\", \"median_evaluations\", \"evaluations_95\", \"microseconds\"}]}; `margin` is half of a 95 % interval.")]
pub struct Arguments {
    /// A benchmark, or an experiment with a table
    #[arg(value_name = "FILE")]
    file: PathBuf,
    #[command(flatten)]
    overrides: Overrides,
    /// Only this strategy; may be repeated. With an experiment: who searches
    #[arg(long, value_name = "NAME")]
    strategy: Vec<String>,
    /// Only this task; may be repeated
    #[arg(long, value_name = "NAME")]
    task: Vec<String>,
    /// Searches of each strategy
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    seeds: Option<u32>,
    /// Trials of each search
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=1_000_000_000))]
    trials: Option<u64>,
    /// Where it is looked, with commas
    #[arg(long, value_name = "N,N", value_delimiter = ',')]
    at: Vec<f64>,
    /// Simulated workers
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=4096))]
    concurrency: Option<u32>,
    /// With an experiment: what the regret is multiplied by; 100 makes percentage points of an accuracy
    #[arg(long, value_name = "FACTOR", default_value_t = 1.0)]
    scale: f64,
    /// The strategy that all others are compared with, seed by seed
    #[arg(long, value_name = "NAME")]
    reference: Option<String>,
    /// Recorded figures of other tools, as CSV
    #[arg(long, value_name = "FILE")]
    against: Option<PathBuf>,
    /// Write the figures into this folder
    #[arg(long, value_name = "FOLDER")]
    out: Option<PathBuf>,
    /// How the result is written
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,
}

pub fn run(arguments: &Arguments) -> Outcome {
    let benchmark = benchmark(arguments)?;
    let others = match &arguments.against {
        None => Vec::new(),
        Some(file) => {
            let unusable = |error: String| Failure::unusable(format!("cannot read `{}`: {error}", file.display()));
            let text = std::fs::read_to_string(file).map_err(|error| unusable(error.to_string()))?;
            pleach_bench::read(&text).map_err(|error| unusable(error.to_string()))?
        }
    };
    let base = arguments.file.parent().map(Path::to_owned).unwrap_or_default();
    let contest = Contest {
        seeds: benchmark.seeds,
        first_seed: benchmark.first_seed,
        budget: benchmark.budget.clone(),
        concurrency: benchmark.concurrency,
    };
    // Everything is checked and loaded before the first search begins.
    let mut prepared = Vec::new();
    for (name, task) in &benchmark.tasks {
        prepared.push(prepare(&benchmark, name, task, &base)?);
    }
    let stop = catch_interrupts();
    let searches: u64 = prepared.iter().map(|(_, entrants)| entrants.len() as u64 * u64::from(contest.seeds)).sum();
    let bar = ProgressBar::new(searches);
    let style = ProgressStyle::with_template("{wide_bar} {pos} of {len} searches, {eta} to go");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    output::keep_below(Some(bar.clone()));
    let start = Instant::now();
    let now = || start.elapsed().as_secs_f64();
    let mut all = Vec::new();
    let mut drawings = Vec::new();
    for (task, entrants) in &prepared {
        let mut courses: IndexMap<&str, Vec<Course>> = IndexMap::new();
        for entrant in entrants {
            let ran = pleach_bench::courses(task, entrant, &contest, &now, stop, &|| bar.inc(1));
            courses.insert(&entrant.name, ran.map_err(failed)?);
        }
        let reference = benchmark.reference.as_deref();
        let figures: Vec<Figures> = courses
            .iter()
            .map(|(name, own)| {
                let beside = reference.filter(|reference| reference != name).and_then(|name| courses.get(name));
                Figures::of(task, name, own, beside.map(Vec::as_slice), benchmark.by, &benchmark.at)
            })
            .collect();
        if arguments.format == Format::Human {
            let others: Vec<Figures> = others.iter().filter(|other| other.task == task.name).cloned().collect();
            output::data(format_args!("{}\n", pleach_bench::text(task, benchmark.by, &figures, &others)))?;
        }
        if arguments.out.is_some() {
            let entrants: Vec<(&str, &[Course])> =
                courses.iter().map(|(name, courses)| (*name, courses.as_slice())).collect();
            drawings.push((task.name.clone(), pleach_bench::plot(task, benchmark.by, &entrants)));
        }
        all.extend(figures);
    }
    bar.finish_and_clear();
    output::keep_below(None);
    let document = json!({
        "benchmark": benchmark.name, "concurrency": benchmark.concurrency, "by": benchmark.by, "figures": all,
    });
    if let Some(folder) = &arguments.out {
        let csv = pleach_bench::write(&all).map_err(Failure::unusable)?;
        let mut files = vec![("figures.csv".to_owned(), csv), ("figures.json".to_owned(), output::json(&document))];
        files.extend(drawings.into_iter().map(|(task, drawing)| (format!("{task}.svg"), drawing)));
        write(folder, &files)?;
    }
    if arguments.format == Format::Json {
        output::data(output::json(&document))?;
    }
    Ok(Exit::Done)
}

/// The benchmark of the file with what the arguments change.
fn benchmark(arguments: &Arguments) -> Result<Benchmark, Failure> {
    let document = experiment::open(&arguments.file, &arguments.overrides);
    let mut benchmark = match document.kind() {
        DocumentKind::Benchmark => document.benchmark().map_err(|diagnostics| {
            output::diagnostics(&diagnostics);
            Failure::said(Exit::Invalid)
        })?,
        _ => of_experiment(arguments)?,
    };
    let keep = |kept: &[String], name: &str| kept.is_empty() || kept.iter().any(|kept| kept == name);
    for (what, asked, known) in [
        ("strategy", &arguments.strategy, benchmark.strategies.keys().collect::<Vec<_>>()),
        ("task", &arguments.task, benchmark.tasks.keys().collect()),
    ] {
        if let Some(missing) = asked.iter().find(|name| !known.contains(name)) {
            let known: Vec<&str> = known.iter().map(|name| name.as_str()).collect();
            let message = format!("the benchmark has no {what} `{missing}`");
            return Err(Failure::invalid(message).help(format!("it has {}", known.join(", "))));
        }
    }
    benchmark.strategies.retain(|name, _| keep(&arguments.strategy, name));
    benchmark.tasks.retain(|name, _| keep(&arguments.task, name));
    benchmark.seeds = arguments.seeds.unwrap_or(benchmark.seeds);
    benchmark.concurrency = arguments.concurrency.unwrap_or(benchmark.concurrency);
    if let Some(trials) = arguments.trials {
        benchmark.budget = Budget::Trials(trials);
    }
    if !arguments.at.is_empty() {
        benchmark.at.clone_from(&arguments.at);
    }
    if benchmark.at.is_empty() {
        benchmark.at = match (benchmark.by, &benchmark.budget) {
            (Axis::Evaluations, Budget::Trials(trials)) => vec![*trials as f64],
            (Axis::Seconds, Budget::SimulatedHours(hours)) => vec![hours * 3600.0],
            _ => {
                let message = "`at` is missing: where is it looked what searches have found?";
                return Err(Failure::invalid(message).help("write `at: [50, 100]` in the benchmark, or --at 50,100"));
            }
        };
    }
    benchmark.reference = arguments.reference.clone().or(benchmark.reference);
    Ok(benchmark)
}

/// One task, with the strategies that the arguments name.
fn of_experiment(arguments: &Arguments) -> Result<Benchmark, Failure> {
    if arguments.strategy.is_empty() {
        return Err(Failure::invalid("an experiment does not say which strategies are compared")
            .help("name them: --strategy random --strategy regularized-evolution; or write a benchmark"));
    }
    let file = arguments.file.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let name = arguments.file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let task = BenchmarkTask { experiment: file, set: IndexMap::new(), scale: arguments.scale };
    let contender = || Contender { strategy: None, with: Map::new(), predictor: None, tasks: Vec::new() };
    Ok(Benchmark {
        version: 1,
        name: name.clone(),
        tasks: [(name, task)].into(),
        strategies: arguments.strategy.iter().map(|name| (name.clone(), contender())).collect(),
        seeds: 100,
        first_seed: 0,
        budget: Budget::Trials(100),
        at: Vec::new(),
        by: Axis::Evaluations,
        concurrency: 1,
        reference: None,
    })
}

/// A task with its table loaded, and who searches it; everything is checked as in an experiment with that one step.
fn prepare(
    benchmark: &Benchmark,
    name: &str,
    task: &BenchmarkTask,
    base: &Path,
) -> Result<(Task, Vec<Entrant>), Failure> {
    let file = base.join(&task.experiment);
    let mut loaded: Option<Task> = None;
    let mut entrants = Vec::new();
    for (called, contender) in &benchmark.strategies {
        if !contender.tasks.is_empty() && !contender.tasks.iter().any(|task| task == name) {
            continue;
        }
        let strategy = contender.strategy.as_deref().unwrap_or(called);
        let search = json!({"strategy": strategy, "with": contender.with, "budget": benchmark.budget});
        let mut set: Vec<String> = task.set.iter().map(|(path, value)| format!("{path}={value}")).collect();
        set.push(format!("steps={}", json!({"bench": {"search": search}})));
        if let Some(predictor) = &contender.predictor {
            set.push(format!("predictor={}", json!(predictor)));
        }
        let (prepared, _) = experiment::prepare(&ExperimentFile { file: file.clone(), overrides: Overrides { set } })?;
        let prepared = ready(prepared)?;
        if loaded.is_none() {
            let Source::Table(table) = prepared.material().map_err(failed)?.source else {
                return Err(Failure::invalid(format!("task `{name}`: the experiment's evaluator is no table"))
                    .help("`pleach run` compares strategies on trainings: `repeats` and `baseline`"));
            };
            let table = TableTask::new(name, &prepared.space, Arc::clone(&table), &prepared.experiment.objectives);
            loaded = Some(Task::new(name, table, task.scale).map_err(failed)?);
        }
        let plugin = prepared.plugins[strategy].clone();
        let options = with_defaults(&plugin.manifest().options_schema, contender.with.clone());
        let predictor = prepared.experiment.predictor.clone();
        entrants.push(Entrant { name: called.clone(), plugin, options: Value::from(options), predictor });
    }
    match loaded {
        Some(task) => Ok((task, entrants)),
        None => Err(Failure::invalid(format!("nobody searches the task `{name}`"))),
    }
}

fn write(folder: &Path, files: &[(String, String)]) -> Result<(), Failure> {
    let failed =
        |path: &Path, error: std::io::Error| Failure::unusable(format!("cannot write `{}`: {error}", path.display()));
    std::fs::create_dir_all(folder).map_err(|error| failed(folder, error))?;
    for (name, text) in files {
        let path = folder.join(name);
        std::fs::write(&path, text).map_err(|error| failed(&path, error))?;
    }
    output::say(format_args!("wrote {}", folder.display()));
    Ok(())
}
