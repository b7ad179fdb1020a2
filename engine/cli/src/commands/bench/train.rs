use crate::commands::{Format, space};
use crate::environment;
use crate::exit::{Exit, Failure, Outcome};
use crate::experiment::Overrides;
use crate::output;
use pleach_evaluate::protocol::{BenchmarkJob, WorkerAnswer, WorkerRequest};
use pleach_evaluate::{Program, Worker, WorkerError};
use pleach_space::View;
use pleach_spec::Decide;
use serde_json::json;
use std::path::PathBuf;
use std::sync::Arc;

/// Measure how fast a network is trained, on made-up data
///
/// One training worker trains the network of a genotype, in its canonical form, by the recipe that stands in the file: forward,
/// loss, backward and optimizer on one batch. The batch lies on the device; reading and augmenting data are not measured.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Example:
  pleach bench train specs/bench/nas-bench-201-cell.yaml --genotype 3,3,3,1,3,3 --batch 64 --threads 1 --steps 30

JSON: {\"images_per_second\", \"step_milliseconds\": {\"median\", \"fastest\", \"slowest\"}, \"genotype\", \"batch\", \"threads\",
\"steps\", \"parameters\", \"flops\", \"device\", \"device_name\", \"libtorch\"}; `parameters` and `flops` are those of the
network as trained.")]
pub struct Arguments {
    /// An experiment, or a file with a space
    #[arg(value_name = "FILE")]
    file: PathBuf,
    #[command(flatten)]
    overrides: Overrides,
    /// The genotype, comma-separated; unless told, every decision at its default
    #[arg(long)]
    genotype: Option<String>,
    /// Images a training step
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..=65_536))]
    batch: u32,
    /// Threads
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=256))]
    threads: u32,
    /// Steps that are measured
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..))]
    steps: u32,
    /// Steps before, that are not measured
    #[arg(long, default_value_t = 5)]
    warm_up: u32,
    /// How the result is written
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,
}

pub fn run(arguments: &Arguments) -> Outcome {
    let space = Arc::new(space::compile(&arguments.file, &arguments.overrides)?);
    let view = View::new(space.clone(), Decide::All, space.defaults());
    let invalid = |problem: String| Failure::invalid(format!("--genotype: {problem}"));
    let genotype = match &arguments.genotype {
        None => space.defaults(),
        Some(text) => space::parse(text).map_err(invalid)?,
    };
    view.check(&genotype).map_err(invalid)?;
    let built = view.build(&genotype).map_err(|problem| invalid(problem.message))?;
    let mut recipe = space.training(&genotype).map_err(|problem| invalid(problem.message))?;
    recipe.threads = arguments.threads;

    let mut worker = Worker::start(&Program::worker(environment::worker())).map_err(stopped)?;
    let request = WorkerRequest::Benchmark(Box::new(BenchmarkJob {
        id: 0,
        network: built.network,
        recipe,
        batch: arguments.batch as usize,
        steps: arguments.steps,
        warm_up: arguments.warm_up,
        threads: arguments.threads,
    }));
    let answer = worker.call(&request, None, &mut |_, _| {}).map_err(stopped)?;
    let hello = worker.hello();
    let (speed, mut seconds) = match answer {
        WorkerAnswer::Benchmarked { images_per_second, step_seconds, .. } => (images_per_second, step_seconds),
        WorkerAnswer::Failed { message, detail, .. } => {
            let failure = Failure::new(Exit::EvaluationStopped, message);
            return Err(if detail.is_empty() { failure } else { failure.help(detail) });
        }
        // The worker's client has refused any other.
        other => return Err(Failure::new(Exit::EvaluationStopped, format!("an unexpected answer: {other:?}"))),
    };
    seconds.sort_by(f64::total_cmp);
    let milliseconds = |place: usize| seconds.get(place).map(|seconds| seconds * 1e3);
    let median = milliseconds(seconds.len() / 2);
    match arguments.format {
        Format::Json => output::data(output::json(&json!({
            "images_per_second": speed,
            "step_milliseconds": {
                "median": median,
                "fastest": milliseconds(0),
                "slowest": milliseconds(seconds.len().saturating_sub(1)),
            },
            "genotype": genotype.iter().map(|&value| space::number(value)).collect::<Vec<_>>(),
            "batch": arguments.batch,
            "threads": arguments.threads,
            "steps": arguments.steps,
            "parameters": built.costs.live_parameters,
            "flops": built.costs.live_flops,
            "device": hello.device,
            "device_name": hello.device_name,
            "libtorch": hello.libtorch,
        })))?,
        Format::Human => output::data(format_args!(
            "{speed:.1} images per second: {:.2} ms a step of {} images, {} threads, {} ({}), libtorch {}\n",
            median.unwrap_or_default(),
            arguments.batch,
            arguments.threads,
            hello.device_name,
            hello.device,
            hello.libtorch,
        ))?,
    }
    Ok(Exit::Done)
}

fn stopped(error: WorkerError) -> Failure {
    let failure = Failure::new(Exit::EvaluationStopped, &error);
    match error {
        WorkerError::NotStarted { .. } => {
            failure.help("PLEACH_TORCH names the training worker, `cargo xtask build` builds it")
        }
        _ => failure,
    }
}
