use super::{Format, run::failed};
use crate::environment;
use crate::exit::{Exit, Failure, Outcome};
use crate::experiment::{self, ExperimentFile, Overrides};
use crate::output;
use pleach_data::Locations;
use pleach_evaluate::Table;
use pleach_plan::Prepared;
use pleach_predict::{Candidate, Encoder, FitError, held_out_tau};
use pleach_run::results::Results;
use pleach_run::score::Scorer;
use pleach_space::View;
use pleach_spec::{Boosting, Decide, Evaluator, Forest, GaussianProcess, Kernel, Predictor, Target};
use pleach_store::{RunFolder, RunReader};
use rayon::prelude::*;
use serde::Serialize;
use std::path::{Path, PathBuf};
use std::time::Instant;

/// Show how well predictors order networks that they were not fitted on
///
/// Of a table of results, or of what a search of a run has measured: so many candidates are drawn at random, each predictor is
/// fitted on them, and all others are put in order by what it predicts. Kendall's tau says how well that order agrees with the
/// true one: 1 is the same, 0 is chance. Of a run, the trials of the highest fidelity count.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  pleach predictor specs/nas-bench-201-table.yaml
  pleach predictor specs/nas-bench-201-table.yaml --set evaluator.table.metrics.accuracy.column=c100_val
  pleach predictor quickstart --sizes 10,20                # what the latest run of that experiment has measured
  RAYON_NUM_THREADS=1 pleach predictor specs/nas-bench-201-table.yaml --only gaussian_process   # times on one core

JSON: {\"candidates\", \"objective\", \"draws\", \"results\": [{\"predictor\", \"settings\", \"encode_seconds\", \"sizes\": [{\"known\",
\"tau\", \"deviation\", \"seconds\"}]}]}
`tau` is the mean over the draws and `deviation` that of the draws (null where nothing can be ordered); `seconds` is what fitting
and predicting all others takes, `encode_seconds` what encoding all candidates takes, once.")]
pub struct Arguments {
    /// An experiment with a table, or a run: quickstart-2, the name of an experiment (its latest run), a run's folder
    #[arg(value_name = "FILE|RUN")]
    what: String,
    #[command(flatten)]
    overrides: Overrides,
    /// Draws of the candidates that are fitted
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u64).range(1..=10_000))]
    draws: u64,
    /// How many candidates are fitted, with commas
    #[arg(long, value_name = "N,N", value_delimiter = ',', default_values_t = [10, 20, 50, 100, 200, 400])]
    sizes: Vec<usize>,
    /// The objective, by its place from 0
    #[arg(long, value_name = "N", default_value_t = 0)]
    objective: usize,
    /// Only predictors whose name or settings hold these words, such as forest or hamming, with commas
    #[arg(long, value_name = "WORD,WORD", value_delimiter = ',')]
    only: Vec<String>,
    /// Of a run: the step; unless told, the first that has searched
    #[arg(long, value_name = "STEP")]
    step: Option<String>,
    /// Of a run: the folder that the experiment's paths are relative to
    #[arg(long, value_name = "FOLDER", default_value = ".")]
    base: PathBuf,
    /// The folder of runs
    #[arg(long, value_name = "FOLDER", default_value = "runs")]
    runs: PathBuf,
    /// How it is written
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,
}

/// Genotypes whose losses are known.
struct Known {
    view: View,
    genotypes: Vec<Vec<f64>>,
    losses: Vec<f64>,
    objective: String,
    own: Option<Predictor>,
}

#[derive(Serialize)]
struct Curve {
    predictor: &'static str,
    settings: Predictor,
    encode_seconds: f64,
    sizes: Vec<Point>,
}

#[derive(Serialize)]
struct Point {
    known: usize,
    tau: Option<f64>,
    deviation: Option<f64>,
    seconds: f64,
}

pub fn run(arguments: &Arguments) -> Outcome {
    let file = Path::new(&arguments.what);
    let known = match file.is_file() {
        true => of_table(file, arguments)?,
        false => of_run(arguments)?,
    };
    let sizes: Vec<usize> =
        arguments.sizes.iter().copied().filter(|&size| size > 0 && size + 2 <= known.losses.len()).collect();
    if sizes.is_empty() {
        let message = format!("{} candidates with results are too few for these sizes", known.losses.len());
        return Err(
            Failure::invalid(message).help("`--sizes 10,20` says how many are fitted; at least two must remain")
        );
    }
    let mut curves = Vec::new();
    for predictor in predictors(known.own.as_ref()) {
        let words = describe(&predictor);
        if arguments.only.is_empty() || arguments.only.iter().any(|word| words.contains(word.as_str())) {
            curves.push(curve(&known, predictor, &sizes, arguments.draws)?);
        }
    }
    if curves.is_empty() {
        return Err(Failure::invalid(format!("no predictor is called `{}`", arguments.only.join("`, `"))));
    }
    output::data(match arguments.format {
        Format::Json => output::json(&serde_json::json!({
            "candidates": known.losses.len(),
            "objective": known.objective,
            "draws": arguments.draws,
            "results": curves,
        })),
        Format::Human => text(&known, &curves, arguments.draws),
    })?;
    Ok(Exit::Done)
}

/// All that there are with their defaults, and the experiment's own.
fn predictors(own: Option<&Predictor>) -> Vec<Predictor> {
    let process = |kernel, target| Predictor::GaussianProcess(GaussianProcess { kernel, target });
    let mut all = vec![
        Predictor::Forest(Forest::default()),
        Predictor::Boosting(Boosting::default()),
        process(Kernel::Hamming, Target::Rank),
        process(Kernel::Path, Target::Value),
        process(Kernel::Path, Target::Rank),
    ];
    all.extend(own.filter(|own| !all.contains(own)).cloned().into_iter().collect::<Vec<_>>());
    all
}

/// A predictor with its settings, as in `gaussian_process kernel path, target rank`.
fn describe(predictor: &Predictor) -> String {
    let value = serde_json::to_value(predictor).unwrap_or_default();
    let settings = value[predictor.name()].as_object().into_iter().flatten();
    let words: Vec<String> =
        settings.map(|(name, value)| format!("{name} {}", value.to_string().trim_matches('"'))).collect();
    format!("{} {}", predictor.name(), words.join(", "))
}

fn curve(known: &Known, predictor: Predictor, sizes: &[usize], draws: u64) -> Result<Curve, Failure> {
    let start = Instant::now();
    let encoder = Encoder::new(known.view.clone(), &predictor);
    let candidates: Vec<Candidate> =
        known.genotypes.par_iter().map(|genotype| encoder.candidate(genotype, 1.0)).collect();
    let encode_seconds = start.elapsed().as_secs_f64();
    let point = |&size: &usize| -> Result<Point, Failure> {
        let once = |draw: u64| -> Result<(Option<f64>, f64), FitError> {
            let start = Instant::now();
            let tau = held_out_tau(&predictor, &candidates, &known.losses, size, draw)?;
            Ok((tau, start.elapsed().as_secs_f64()))
        };
        let all: Vec<(Option<f64>, f64)> =
            (0..draws).into_par_iter().map(once).collect::<Result<Vec<_>, FitError>>().map_err(Failure::unusable)?;
        let taus: Vec<f64> = all.iter().filter_map(|(tau, _)| *tau).collect();
        let mean = taus.iter().sum::<f64>() / taus.len() as f64;
        let squares: f64 = taus.iter().map(|tau| (tau - mean) * (tau - mean)).sum();
        let deviation = (squares / (taus.len() as f64 - 1.0).max(1.0)).sqrt();
        Ok(Point {
            known: size,
            tau: (!taus.is_empty()).then_some(mean),
            deviation: (!taus.is_empty()).then_some(deviation),
            seconds: all.iter().map(|(_, seconds)| seconds).sum::<f64>() / all.len() as f64,
        })
    };
    let sizes = sizes.iter().map(point).collect::<Result<Vec<Point>, Failure>>()?;
    Ok(Curve { predictor: predictor.name(), settings: predictor, encode_seconds, sizes })
}

fn text(known: &Known, curves: &[Curve], draws: u64) -> String {
    let sizes: Vec<String> = curves[0].sizes.iter().map(|point| point.known.to_string()).collect();
    let mut header = vec!["predictor"];
    header.extend(sizes.iter().map(String::as_str));
    let rows = |cell: &dyn Fn(&Point) -> String| {
        let row = |curve: &Curve| {
            std::iter::once(describe(&curve.settings)).chain(curve.sizes.iter().map(cell)).collect::<Vec<String>>()
        };
        curves.iter().map(row).collect::<Vec<_>>()
    };
    let tau = |point: &Point| match (point.tau, point.deviation) {
        (Some(tau), Some(deviation)) => format!("{tau:.3} ± {deviation:.3}"),
        _ => "-".to_owned(),
    };
    format!(
        "Kendall's tau of `{}` on the rest of {} candidates, mean ± deviation of {draws} draws, by how many were fitted\n{}\n\
         Seconds for fitting and predicting the rest\n{}",
        known.objective,
        known.losses.len(),
        output::table(&header, rows(&tau)),
        output::table(&header, rows(&|point: &Point| format!("{:.3}", point.seconds))),
    )
}

/// The objective's metric and the scorer.
fn objective(prepared: &Prepared, place: usize) -> Result<(String, Scorer), Failure> {
    let scorer = Scorer::new(&prepared.experiment.objectives, &[]);
    match scorer.objectives().get(place) {
        Some(name) => Ok((name.clone(), scorer)),
        None => Err(Failure::invalid(format!("there is no objective {place}"))
            .help(format!("there are {} of them, from 0", scorer.objectives().len()))),
    }
}

fn of_table(file: &Path, arguments: &Arguments) -> Result<Known, Failure> {
    let file = ExperimentFile { file: file.to_owned(), overrides: arguments.overrides.clone() };
    let (prepared, _) = experiment::prepare(&file)?;
    let Evaluator::Table(table) = &prepared.experiment.evaluator else {
        return Err(Failure::invalid("an experiment without a table has no results before it has run")
            .help("run it, and name the run in place of the file"));
    };
    let (name, scorer) = objective(&prepared, arguments.objective)?;
    let locations = Locations { base: prepared.base.clone(), caches: environment::data_caches() };
    let table = Table::load(table, &locations, &prepared.space).map_err(Failure::unusable)?;
    let view = View::new(prepared.space.clone(), Decide::All, prepared.space.defaults());
    let place = table.metrics().iter().position(|metric| *metric == name);
    let loss = |genotype: &[f64]| {
        let value = match place {
            Some(place) => table.lookup(genotype)?.value(place)?,
            None => view.build(genotype).ok()?.costs.metric(&name)?,
        };
        Some(scorer.losses(|metric| (metric == name).then_some(value))[arguments.objective])
    };
    let known = table.members().par_iter().filter_map(|genotype| Some((loss(genotype)?, genotype.clone())));
    let (losses, genotypes) = known.filter(|(loss, _)| loss.is_finite()).unzip();
    Ok(Known { view, genotypes, losses, objective: name, own: prepared.experiment.predictor.clone() })
}

fn of_run(arguments: &Arguments) -> Result<Known, Failure> {
    let folder = RunFolder::find(&arguments.runs, &arguments.what)?;
    let prepared = experiment::of_run(&folder, &arguments.base)?;
    let (name, scorer) = objective(&prepared, arguments.objective)?;
    let reader = folder.read()?;
    let (step, view) = searched(&prepared, &scorer, &reader, arguments.step.as_deref())?;
    let trials = reader.trials(&step)?;
    let measured = trials.iter().filter(|trial| trial.metrics().is_some());
    let highest = measured.clone().map(|trial| trial.request.fidelity).fold(0.0, f64::max);
    let loss = |trial: &pleach_store::TrialRecord| {
        scorer.losses(|metric| trial.metrics()?.get(metric).copied())[arguments.objective]
    };
    let (losses, genotypes) = measured
        .filter(|trial| trial.request.fidelity == highest && view.check(&trial.request.genotype).is_ok())
        .map(|trial| (loss(trial), trial.request.genotype.clone()))
        .filter(|(loss, _)| loss.is_finite())
        .unzip();
    Ok(Known { view, genotypes, losses, objective: name, own: prepared.experiment.predictor.clone() })
}

/// The step whose trials are taken, and what it decides.
fn searched(
    prepared: &Prepared,
    scorer: &Scorer,
    reader: &RunReader,
    wanted: Option<&str>,
) -> Result<(String, View), Failure> {
    let (experiment, space) = (&prepared.experiment, &prepared.space);
    for step in &prepared.steps {
        if wanted.is_none_or(|wanted| wanted == step.name)
            && step.step.searching().is_some()
            && reader.ended_trials(&step.name)? > 0
        {
            let view = Results { experiment, space, scorer, reader }.view(&step.step).map_err(failed)?;
            return Ok((step.name.clone(), view));
        }
    }
    let message = match wanted {
        Some(step) => format!("the run has no step `{step}` that searches, with trials"),
        None => "the run has no step that searches, with trials".to_owned(),
    };
    Err(Failure::invalid(message).help("`pleach show RUN` lists the steps"))
}
