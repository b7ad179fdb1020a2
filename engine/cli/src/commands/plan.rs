use crate::environment;
use crate::exit::{Exit, Failure, Outcome};
use crate::experiment::{self, ExperimentFile};
use crate::output;
use pleach_plan::{Plan, Recorded, RecordedStep, render};
use pleach_run::{CACHE, part_of};
use pleach_store::{ArtifactRecord, Cache, RunFolder};
use std::collections::HashSet;
use std::path::{Path, PathBuf};

/// Show what a run would do: the steps, their work, and which of them have to run
///
/// A step is up to date where an earlier run has done it from all the same: its section, the space, the data's content, the
/// strategy, the steps that it takes candidates from. Else it says which value changed, from what to what, and at which line.
/// The work is an upper bound; FLOPs are estimated from 50 random networks, three passes an example.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  pleach plan specs/quickstart.yaml
  pleach plan specs/quickstart.yaml --format mermaid       # paste it into a Markdown file
  pleach plan specs/quickstart.yaml --format dot | dot -Tsvg > plan.svg
  pleach plan specs/quickstart.yaml --set seed=8           # what would that change?")]
pub struct Arguments {
    #[command(flatten)]
    experiment: ExperimentFile,
    /// How the plan is written
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// The folder of runs
    #[arg(long, value_name = "FOLDER", default_value = "runs")]
    runs: PathBuf,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// Text for people
    Text,
    /// A flowchart that Markdown viewers draw
    Mermaid,
    /// A graph for Graphviz
    Dot,
    /// JSON for programs
    Json,
}

pub fn run(arguments: &Arguments) -> Outcome {
    let (prepared, document) = experiment::prepare(&arguments.experiment)?;
    let digests = pleach_plan::digests(&prepared.experiment, &prepared.base, &environment::data_caches())
        .map_err(Failure::unusable)?;
    let recorded = recorded(&arguments.runs, &prepared.experiment.name)?;
    let plan = Plan::new(&prepared, &document, &digests, &recorded);
    output::data(match arguments.format {
        Format::Text => render::text(&plan),
        Format::Mermaid => render::mermaid(&plan),
        Format::Dot => render::dot(&plan),
        Format::Json => render::json(&plan),
    })?;
    Ok(Exit::Done)
}

/// What earlier runs of an experiment recorded.
fn recorded(runs: &Path, name: &str) -> Result<Vec<Recorded>, Failure> {
    let mut recorded = Vec::new();
    let cache = runs.join(CACHE);
    let cached: HashSet<String> = match cache.is_dir() {
        true => Cache::open(&cache)?.keys()?.into_iter().collect(),
        false => HashSet::new(),
    };
    for run in RunFolder::list(runs)?.into_iter().filter(|run| run.name() == name) {
        let reader = run.read()?;
        let artifacts = reader.artifacts()?;
        let (whole, parts): (Vec<_>, Vec<_>) =
            reader.steps()?.into_iter().partition(|step| part_of(&step.name).0 == step.name);
        let steps = whole.into_iter().map(|record| {
            let (mut ended, mut known) = (0, 0);
            let of_step = parts.iter().filter(|part| part_of(&part.name).0 == record.name);
            for name in of_step.chain([&record]).map(|record| record.name.as_str()) {
                ended += reader.ended_trials(name)?;
                known += reader.trial_keys(name)?.iter().filter(|key| cached.contains(*key)).count() as u64;
            }
            let missing = |file: &&ArtifactRecord| file.step == record.name && !run.path().join(&file.path).exists();
            let missing = artifacts.iter().find(missing).map(|file| file.path.clone());
            Ok(RecordedStep { record, ended, known, missing })
        });
        let steps = steps.collect::<pleach_store::Result<Vec<_>>>()?;
        recorded.push(Recorded { run: run.id(), steps });
    }
    Ok(recorded)
}
