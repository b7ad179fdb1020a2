use super::Format;
use crate::exit::{Exit, Failure, Outcome};
use crate::experiment::{self, Overrides};
use crate::output;
use pleach_space::{Built, Decision, Domain, Space, View};
use pleach_spec::Decide;
use rayon::prelude::*;
use serde::Serialize;
use serde_json::{Value, json};
use std::io::{self, BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The most genotypes of which the distinct networks are counted.
const COUNTED: u64 = 100_000;

/// Lines that are worked on at once.
const CHUNK: usize = 4096;

/// Show what can be decided, and what genotypes build
///
/// Of an experiment or a file with a space: the number of networks, how many of them are distinct, and every decision. With
/// --genotypes, what each genotype builds: its costs and the fingerprint that is equal for networks that compute the same.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  pleach space specs/spaces/nas-bench-201.yaml
  pleach space specs/quickstart.yaml --format json
  echo 3,3,3,1,3,3 | pleach space specs/spaces/nas-bench-201.yaml --genotypes -

JSON: {\"networks\", \"unique\", \"decisions\": [{\"path\", \"kind\", \"options\" or \"low\" and \"high\"}]}
`networks` is the number of genotypes (null where a range has fractions), `unique` that of distinct networks (null where
there are more than 100,000 genotypes, or no network). `kind` is choice, levels, integer or real.

--genotypes: one genotype a line in, comma-separated, one value a decision: the option's number from 0, or the value in a
range; 0 where the decision does not count. One JSON line out for each, in their order:
{\"genotype\", \"valid\", \"parameters\", \"flops\", \"live_parameters\", \"live_flops\", \"activation_bytes\", \"fingerprint\"}
Of a genotype that is not valid the others are null, and standard error says why.")]
pub struct Arguments {
    /// An experiment, or a file with a space
    #[arg(value_name = "FILE")]
    file: PathBuf,
    #[command(flatten)]
    overrides: Overrides,
    /// How the space is written
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,
    /// Say what each genotype of a file builds; `-` is standard input
    #[arg(long, value_name = "FILE|-")]
    genotypes: Option<PathBuf>,
}

pub fn run(arguments: &Arguments) -> Outcome {
    let space = compile(&arguments.file, &arguments.overrides)?;
    match &arguments.genotypes {
        Some(file) => genotypes(space, file),
        None => describe(&space, arguments.format),
    }
}

/// The space of an experiment or of a file of its own.
///
/// # Errors
/// It has mistakes, which are shown.
pub fn compile(file: &Path, overrides: &Overrides) -> Result<Space, Failure> {
    let document = experiment::open(file, overrides);
    let (space, diagnostics) = pleach_plan::check_space(&document, &experiment::surroundings(file));
    output::diagnostics(&diagnostics);
    space.ok_or_else(|| {
        output::say(experiment::mistakes(&diagnostics));
        Failure::said(Exit::Invalid)
    })
}

fn describe(space: &Space, format: Format) -> Outcome {
    let networks = space.genotypes();
    let unique = space.unique(COUNTED);
    match format {
        Format::Json => {
            let decisions: Vec<Value> = space.decisions().iter().map(decision).collect();
            let value = json!({"networks": networks.map(number), "unique": unique, "decisions": decisions});
            output::data(output::json(&value))?;
        }
        Format::Human => {
            let count =
                networks.map_or("endlessly many networks".to_owned(), |count| format!("{} networks", number(count)));
            let distinct = unique.map_or(String::new(), |unique| format!(", {unique} of them distinct"));
            let rows = space.decisions().iter().map(|decision| {
                let name = decision.name.as_ref().map_or(String::new(), |name| format!(" ({name})"));
                vec![format!("{}{name}", decision.path), kind(&decision.domain).to_owned(), values(&decision.domain)]
            });
            let decisions = space.decisions().len();
            let table = output::table(&["decision", "kind", "values"], rows);
            output::data(format_args!("{count}{distinct}; {decisions} decisions\n{table}"))?;
        }
    }
    Ok(Exit::Done)
}

fn decision(decision: &Decision) -> Value {
    let (path, kind) = (&decision.path, kind(&decision.domain));
    match &decision.domain {
        Domain::Choice(options) => json!({"path": path, "kind": kind, "options": options}),
        Domain::Levels(levels) => {
            let levels: Vec<Value> = levels.iter().map(|&level| number(level)).collect();
            json!({"path": path, "kind": kind, "options": levels})
        }
        Domain::Integer { low, high, .. } => json!({"path": path, "kind": kind, "low": low, "high": high}),
        Domain::Real { low, high, .. } => json!({"path": path, "kind": kind, "low": low, "high": high}),
    }
}

fn kind(domain: &Domain) -> &'static str {
    match domain {
        Domain::Choice(_) => "choice",
        Domain::Levels(_) => "levels",
        Domain::Integer { .. } => "integer",
        Domain::Real { .. } => "real",
    }
}

fn values(domain: &Domain) -> String {
    let logarithmic = |log: bool| if log { ", in logarithms" } else { "" };
    match domain {
        Domain::Choice(options) => options.join(", "),
        Domain::Levels(levels) => levels.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
        Domain::Integer { low, high, log } => format!("{low} to {high}{}", logarithmic(*log)),
        Domain::Real { low, high, log } => format!("{low} to {high}{}", logarithmic(*log)),
    }
}

/// Whole numbers without a point, as long as they are exact.
pub fn number(value: f64) -> Value {
    if value.fract() == 0.0 && value.abs() < 9_007_199_254_740_992.0 { (value as i64).into() } else { value.into() }
}

/// What one genotype builds.
#[derive(Serialize)]
struct Line {
    genotype: Option<Vec<Value>>,
    valid: bool,
    parameters: Option<u64>,
    flops: Option<u64>,
    live_parameters: Option<u64>,
    live_flops: Option<u64>,
    activation_bytes: Option<u64>,
    fingerprint: Option<String>,
}

fn genotypes(space: Space, file: &Path) -> Outcome {
    let unreadable = |error: io::Error| Failure::unusable(format!("cannot read `{}`: {error}", file.display()));
    let input: Box<dyn BufRead> = match file.to_str() {
        Some("-") => Box::new(BufReader::new(io::stdin())),
        _ => Box::new(BufReader::new(std::fs::File::open(file).map_err(unreadable)?)),
    };
    let defaults = space.defaults();
    let view = View::new(Arc::new(space), Decide::All, defaults);
    let mut lines =
        input.lines().enumerate().filter(|(_, line)| line.as_ref().map_or(true, |line| !line.trim().is_empty()));
    let mut stdout = io::stdout().lock();
    loop {
        let chunk: Vec<(usize, String)> = lines
            .by_ref()
            .take(CHUNK)
            .map(|(index, line)| Ok((index + 1, line?)))
            .collect::<io::Result<_>>()
            .map_err(unreadable)?;
        if chunk.is_empty() {
            return Ok(Exit::Done);
        }
        let built: Vec<(String, Option<String>)> = chunk.par_iter().map(|(_, line)| answer(&view, line)).collect();
        for ((index, _), (answer, problem)) in chunk.iter().zip(built) {
            if let Some(problem) = problem {
                output::say(format_args!("line {index}: {problem}"));
            }
            match writeln!(stdout, "{answer}") {
                Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(Exit::Done),
                written => written.map_err(|error| Failure::unusable(format!("cannot write: {error}")))?,
            }
        }
    }
}

/// The JSON for a genotype, and what is wrong with it.
fn answer(view: &View, line: &str) -> (String, Option<String>) {
    let values = parse(line);
    let built = values.as_ref().map_err(Clone::clone).and_then(|values| {
        view.check(values)?;
        match view.space().has_network() {
            true => view.build(values).map(Some).map_err(|problem| problem.message),
            false => Ok(None),
        }
    });
    let valid = built.is_ok();
    let (costs, fingerprint) = match &built {
        Ok(Some(Built { costs, fingerprint, .. })) => (Some(*costs), Some(fingerprint.to_string())),
        _ => (None, None),
    };
    let line = Line {
        genotype: values.ok().map(|values| values.into_iter().map(number).collect()),
        valid,
        parameters: costs.map(|costs| costs.parameters),
        flops: costs.map(|costs| costs.flops),
        live_parameters: costs.map(|costs| costs.live_parameters),
        live_flops: costs.map(|costs| costs.live_flops),
        activation_bytes: costs.map(|costs| costs.activation_bytes),
        fingerprint,
    };
    let json = serde_json::to_string(&line).expect("numbers and texts can be said in JSON");
    (json, built.err())
}

/// Comma-separated values.
///
/// # Errors
/// A value is no number.
pub fn parse(line: &str) -> Result<Vec<f64>, String> {
    if line.trim().is_empty() {
        return Ok(Vec::new());
    }
    let value = |text: &str| {
        let value = text.trim().parse::<f64>().ok().filter(|value| value.is_finite());
        value.ok_or_else(|| format!("`{}` is no number; a genotype is one number a decision, with commas", text.trim()))
    };
    line.split(',').map(value).collect()
}
