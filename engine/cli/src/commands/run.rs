use super::{RunFormat, plugin};
use crate::environment;
use crate::exit::{Exit, Failure, Outcome};
use crate::experiment::{self, ExperimentFile};
use crate::output;
use crate::progress::Progress;
use crate::{junit, locked, markdown};
use indexmap::IndexMap;
use pleach_evaluate::protocol::Hello;
use pleach_evaluate::{Program, Worker};
use pleach_plan::Prepared;
use pleach_plugin::Plugin;
use pleach_run::{Event, RunError, RunOptions};
use pleach_spec::Node;
use pleach_store::{Holder, RunFolder};
use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Set by an interrupt.
static INTERRUPTED: AtomicBool = AtomicBool::new(false);

/// Run an experiment, or go on with it
///
/// Leaves a folder `runs/NAME-NUMBER` with all trials (run.sqlite, trials.csv), the best network (best.yaml), the front
/// (front.csv) and what the steps wrote (artifacts/). An unfinished run of the same experiment goes on where it was; steps that an
/// earlier run has done from all the same are not done again. The result is the same with any number of workers.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  pleach run specs/quickstart.yaml
  pleach run specs/quickstart.yaml --workers 4 --set steps.explore.search.budget.trials=200
  pleach run my.yaml --smoke                # one random candidate through every step, to see whether all works
  pleach run my.yaml --locked=lock.yaml     # only if experiment, data, strategies and versions are those of that lock
  pleach run my.yaml --format junit > junit.xml
  pleach run my.yaml --format json | jq -c 'select(.event == \"trial_done\")'

An interrupt (Ctrl-C) ends the workers and stops with exit code 130; all finished trials are kept, and the same command goes on:
with trainings that were on their way from their last checkpoints. The results are those of a run that was never interrupted,
to the bit; the same holds after a kill or a loss of power.

JSON: one event a line, {\"event\": KIND, …}: run_left, run_started, step_started, step_up_to_date, trial_asked, activity, epoch, trial_done,
log, artifact, step_done, required, run_done. JUnit: one test suite, a test case a step and a requirement. Where GITHUB_STEP_SUMMARY names
a file, a summary in Markdown is appended to it.")]
pub struct Arguments {
    #[command(flatten)]
    experiment: ExperimentFile,
    /// Real workers; unless told, one a GPU, or one a core
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    workers: Option<u16>,
    /// Seconds between checkpoints within a training, which are written at ends of epochs; a training that was killed goes on
    /// from the last one [default: 60]
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    checkpoint_every: Option<f64>,
    /// Begin a new run, and do every step again; trainings that are in the cache are taken from there
    #[arg(long)]
    fresh: bool,
    /// Try one random candidate through every step, on a tiny budget
    #[arg(long)]
    smoke: bool,
    /// Refuse, with all differences, unless this is what a run was made from: --locked for the latest run of this experiment,
    /// --locked=RUN or --locked=FOLDER/lock.yaml for another
    #[arg(long, value_name = "RUN", num_args = 0..=1, require_equals = true, default_missing_value = "", conflicts_with = "smoke")]
    locked: Option<String>,
    /// The folder of runs
    #[arg(long, value_name = "FOLDER", default_value = "runs")]
    runs: PathBuf,
    /// What is written while it runs
    #[arg(long, value_enum, default_value_t = RunFormat::Human)]
    format: RunFormat,
}

pub fn run(arguments: &Arguments) -> Outcome {
    let mut file = arguments.experiment.clone();
    if arguments.smoke {
        file.overrides.set.extend(smoke(&arguments.experiment));
    }
    let (prepared, document) = experiment::prepare(&file)?;
    let objectives = prepared.experiment.objectives.clone();
    let concurrency = prepared.experiment.concurrency as usize;
    let options = RunOptions {
        checkpoint_every: arguments.checkpoint_every.map_or(CHECKPOINT_EVERY, Duration::from_secs_f64),
        ..options(&arguments.runs, arguments.workers, arguments.fresh || arguments.smoke, concurrency)
    };
    if options.workers > concurrency && arguments.workers.is_some() {
        output::say(format_args!(
            "note: more workers than `concurrency: {concurrency}` give no speed; raising it changes the search"
        ));
    }
    let prepared = ready(prepared)?;
    if let Some(wanted) = &arguments.locked {
        locked::check(wanted, &prepared, &document, &options)?;
    }
    let interrupted = catch_interrupts();
    let mut progress = Progress::new(arguments.format == RunFormat::Json, objectives);
    let start = Instant::now();
    let now = || start.elapsed().as_secs_f64();
    let mut folder = None;
    let mut report = |event: &Event<'_>| {
        if let Event::RunStarted { folder: begun, .. } = event {
            folder = Some(begun.to_path_buf());
        }
        progress.on(event);
    };
    let finished = pleach_run::execute(&prepared, &options, &mut report, &now, interrupted);
    progress.end(finished.is_ok());
    if finished.as_ref().is_ok_and(|finished| finished.up_to_date) && arguments.format != RunFormat::Json {
        output::say("all steps are up to date; `--fresh` runs them again");
    }
    // A run that failed has something to show too; that it cannot be shown hides no failure.
    let error = finished.as_ref().err().map(ToString::to_string);
    let shown = folder.map_or(Ok(()), |folder| show(arguments.format, &folder, error.as_deref()));
    let finished = finished.map_err(failed)?;
    shown?;
    let broken: Vec<String> =
        finished.required.iter().filter(|required| !required.passed).map(ToString::to_string).collect();
    match broken.as_slice() {
        [] => Ok(Exit::Done),
        broken => Err(Failure::new(Exit::RequirementFailed, broken.join("\n")).help(
            "all results are there: `pleach show` lists them; lower the bound, or give the search more to find with",
        )),
    }
}

/// Writes what came out of a run that ended, or why it ended early.
fn show(format: RunFormat, folder: &Path, error: Option<&str>) -> Result<(), Failure> {
    let folder = RunFolder::open(folder)?;
    let summary = pleach_run::summary(&folder.read()?).map_err(failed)?;
    if let Some(page) = environment::path("GITHUB_STEP_SUMMARY") {
        let text = markdown::markdown(&summary, folder.path(), error);
        let file = OpenOptions::new().create(true).append(true).open(&page);
        if let Err(error) = file.and_then(|mut file| file.write_all(text.as_bytes())) {
            output::say(format_args!("warning: cannot write to GITHUB_STEP_SUMMARY `{}`: {error}", page.display()));
        }
    }
    match format {
        RunFormat::Human if error.is_none() => {
            output::data(super::show::text(&summary, folder.path()))?;
            output::say(format_args!("`pleach report {}` draws all of it as one HTML file", folder.id()));
            Ok(())
        }
        RunFormat::Human | RunFormat::Json => Ok(()),
        RunFormat::Junit => output::data(junit::junit(&summary, &folder.id(), error).map_err(Failure::unusable)?),
    }
}

/// The experiment with its strategies loaded.
///
/// # Errors
/// A strategy cannot be loaded.
pub fn ready(prepared: Prepared) -> Result<pleach_run::Prepared, Failure> {
    let mut plugins: IndexMap<String, Plugin> = IndexMap::new();
    let mut components: IndexMap<String, Arc<[u8]>> = IndexMap::new();
    let searches = prepared.steps.iter().flat_map(|step| {
        let searching = step.step.searching();
        let own = searching.zip(step.strategy.as_ref()).map(|(searching, file)| (searching.strategy.to_owned(), file));
        let baseline = searching.and_then(|searching| searching.baseline).zip(step.baseline.as_ref());
        own.into_iter().chain(baseline.map(|(name, file)| (name.to_owned(), file)))
    });
    let mut host = None;
    for (called, file) in searches {
        if !plugins.contains_key(&called) {
            let host = match &host {
                Some(host) => host,
                None => host.insert(plugin::host()?),
            };
            let origin = format!("`{}`", file.path.display());
            let plugin = host.load(&file.bytes, &origin).map_err(|error| Failure::new(Exit::PluginFailed, error))?;
            components.insert(called.clone(), file.bytes.clone());
            plugins.insert(called, plugin);
        }
    }
    let own = prepared.steps.iter().filter_map(|step| Some((step.name.clone(), step.space.clone()?)));
    Ok(pleach_run::Prepared {
        own_spaces: own.collect(),
        order: prepared.steps.iter().map(|step| step.name.clone()).collect(),
        experiment: prepared.experiment,
        text: prepared.text,
        document: prepared.resolved,
        space: prepared.space,
        base: prepared.base,
        data_caches: environment::data_caches(),
        plugins,
        components,
    })
}

/// What a failed run says, and its exit code.
pub fn failed(error: RunError) -> Failure {
    let failure = Failure::new(Exit::of(error.exit_code()), &error);
    match error {
        RunError::NoWorker { .. } => failure.help("PLEACH_TORCH names the training worker; what was told is kept"),
        RunError::Store(pleach_store::Error::InUse { path, .. }) => {
            let run = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            failure.help(format_args!("`pleach watch {run}` shows how far it is; --fresh begins another run beside it"))
        }
        _ => failure,
    }
}

/// Overrides that leave one trial, one epoch and one repeat, on few examples, in a run of another name.
fn smoke(file: &ExperimentFile) -> Vec<String> {
    let document = experiment::open(&file.file, &file.overrides);
    let Some(root) = document.root() else { return Vec::new() };
    let mut set = Vec::new();
    if let Some(name) = root.get("name").and_then(Node::as_str) {
        let short: String = name.chars().take(58).collect();
        set.push(format!("name={short}-smoke"));
    }
    for entry in root.get("steps").map_or(&[][..], Node::entries) {
        for kind in ["search", "hpo"] {
            let Some(search) = entry.value.get(kind) else { continue };
            set.push(format!("steps.{}.{kind}.budget={{trials: 1}}", entry.key));
            for key in ["fidelity", "repeats"] {
                if search.get(key).is_some() {
                    set.push(format!("steps.{}.{kind}.{key}=1", entry.key));
                }
            }
        }
        if entry.value.get("robustness").is_some() {
            set.push(format!("steps.{}.robustness.examples=16", entry.key));
        }
        if let Some(kind) = entry.value.entries().first().filter(|kind| kind.value.get("require").is_some()) {
            // What one epoch teaches says nothing of what is required.
            set.push(format!("steps.{}.{}.require=[]", entry.key, kind.key));
        }
        if entry.value.get("train").is_some_and(|train| train.get("training").is_some()) {
            set.push(format!("steps.{}.train.training.epochs=1", entry.key));
        }
        if entry.value.get("train").is_some() {
            set.push(format!("steps.{}.train.repeats=1", entry.key));
        }
    }
    // A recipe that is decided as a whole stays as it is.
    let training = root.at("/space/training");
    if !training.is_some_and(|training| training.get("one_of").is_some() || training.get("from").is_some()) {
        set.push("space.training.epochs=1".to_owned());
    }
    if root.get("data").is_some() {
        set.push("data.split.limit=256".to_owned());
    }
    set
}

/// Checkpoints within a training are so far apart, unless told.
const CHECKPOINT_EVERY: Duration = Duration::from_secs(60);

/// How runs below a folder are to be done here.
pub fn options(root: &Path, workers: Option<u16>, fresh: bool, concurrency: usize) -> RunOptions {
    let devices = environment::devices();
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    // Beyond the virtual workers there is nothing to do.
    let unless_told = if devices.is_empty() { cores.min(concurrency) } else { devices.len() };
    RunOptions {
        root: root.to_owned(),
        holder: Holder {
            process: std::process::id(),
            since: environment::time(),
            host: environment::host().unwrap_or_default(),
        },
        time: environment::seconds(),
        workers: workers.map_or(unless_told, usize::from).max(1),
        worker: Program::worker(environment::worker()),
        environments: devices.into_iter().map(|device| vec![("CUDA_VISIBLE_DEVICES".to_owned(), device)]).collect(),
        checkpoint_every: CHECKPOINT_EVERY,
        fresh,
    }
}

/// A number of seconds from 0 on.
fn seconds(text: &str) -> Result<f64, String> {
    let seconds = text.parse().ok().filter(|seconds| (0.0..=1e9).contains(seconds));
    seconds.ok_or_else(|| "expected a number of seconds, such as 60".to_owned())
}

/// What the workers are that train.
///
/// # Errors
/// None can be started.
pub fn greet(options: &RunOptions) -> Result<Hello, Failure> {
    let mut program = options.worker.clone();
    program.environment.extend(options.environments.first().cloned().unwrap_or_default());
    let worker = Worker::start(&program).map_err(|error| failed(RunError::NoWorker { message: error.to_string() }))?;
    Ok(worker.hello().clone())
}

/// Listens to interrupts: the first one sets what is returned, the second one ends the process.
pub fn catch_interrupts() -> &'static AtomicBool {
    let listening = ctrlc::set_handler(|| {
        if INTERRUPTED.swap(true, Ordering::Relaxed) {
            std::process::exit(i32::from(Exit::Interrupted as u8));
        }
        output::say("stopping; once more stops at once");
    });
    if let Err(error) = listening {
        output::say(format_args!("warning: cannot listen to interrupts, which will end the process at once: {error}"));
    }
    &INTERRUPTED
}
