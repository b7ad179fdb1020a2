//! What a run came to, as plain data: what is drawn, printed, and written as JSON.
//!
//! Every list that could be very long is thinned out, and says of how many its entries are.

mod curves;
mod front;
mod importance;
mod lineage;
mod network;
mod robustness;
mod search;

pub use curves::{Curve, Curves};
pub use front::{Front, FrontPoint};
pub use importance::{DecisionImportance, Effect, Importance};
pub use lineage::{Ancestor, Change, Lineage};
pub use network::{Block, DrawnNetwork};
pub use robustness::{Robustness, RobustnessOf, RobustnessPoint, Series};
pub use search::{BandPoint, Search, SearchOf, SearchRun};

use crate::error::ReportError;
use crate::recorded::Recorded;
use indexmap::IndexMap;
use pleach_run::{Beside, CandidateResult, Required, Summary};
use pleach_space::Shape;
use pleach_spec::Objective;
use pleach_store::{DigestHolds, Outcome, RunFolder};
use serde::Serialize;

/// All figures of a run.
#[derive(Debug, Clone, Serialize)]
pub struct Figures {
    /// The experiment's name.
    pub name: String,
    /// The run, such as `quickstart-2`.
    pub run: String,
    /// `unfinished`, `done` or `failed`.
    pub state: String,
    /// The digest of all that must be the same wherever the run is repeated.
    pub digest: String,
    /// What is optimized, the most important first.
    pub objectives: Vec<Goal>,
    /// The experiment's text as given.
    pub experiment: String,
    /// Every step, in the order of the experiment; repeats and baselines after the step that they belong to.
    pub steps: Vec<Step>,
    /// Which step takes candidates from which.
    pub edges: Vec<Edge>,
    /// Trained networks of searches beside those of baselines and those written by hand.
    pub beside: Vec<Beside>,
    /// Requirements of steps, and whether they hold.
    pub requirements: Vec<Required>,
    /// Searches beside their repeats and baselines.
    pub searches: Vec<Search>,
    /// What training candidates in full gave.
    pub trainings: Vec<Training>,
    /// Networks on corrupted and attacked inputs.
    pub robustness: Vec<Robustness>,
    /// Candidates by two objectives.
    pub fronts: Vec<Front>,
    /// What decisions mattered.
    pub importance: Vec<Importance>,
    /// What the best of a search came from.
    pub lineages: Vec<Lineage>,
    /// The networks that came out, as graphs.
    pub networks: Vec<DrawnNetwork>,
    /// Metrics by epoch.
    pub curves: Vec<Curves>,
    /// What the run was made from.
    pub environment: Environment,
    /// What is not shown, and why.
    pub notes: Vec<String>,
}

/// An objective.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Goal {
    /// The metric.
    pub metric: String,
    /// Whether more is better.
    pub maximize: bool,
}

impl Goal {
    fn of(objective: &Objective) -> Goal {
        Goal { metric: objective.metric().to_string(), maximize: matches!(objective, Objective::Maximize(_)) }
    }

    /// `highest` or `lowest`: what is best.
    pub fn best(&self) -> &'static str {
        if self.maximize { "highest" } else { "lowest" }
    }
}

/// A step as it was recorded.
#[derive(Debug, Clone, Serialize)]
pub struct Step {
    /// The record's name.
    pub name: String,
    /// The step of the experiment; of repeats and baselines another than `name`.
    pub of: String,
    /// Its kind.
    pub kind: String,
    /// The strategy that searched.
    pub strategy: Option<String>,
    /// `pending`, `running`, `done` or `failed`.
    pub state: String,
    /// Trials that ended.
    pub trials: u64,
    /// Trials that failed, infeasible ones included.
    pub failed: u64,
    /// Trials whose result was there before.
    pub cached: u64,
    /// Real seconds of the step.
    pub seconds: f64,
    /// Real seconds of its trials in sum, on all workers; those from the cache not counted.
    pub worked: f64,
    /// Cost of all trials in sum, in the unit of the virtual clock.
    pub cost: f64,
    /// What a unit of cost is.
    pub unit: String,
}

/// An edge of the graph of steps.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Edge {
    /// The step that gives candidates.
    pub from: String,
    /// The step that takes them.
    pub to: String,
    /// Which, as written.
    pub reference: String,
}

/// What a `train` step gave.
#[derive(Debug, Clone, Serialize)]
pub struct Training {
    /// The step.
    pub step: String,
    /// Each candidate, in their order.
    pub candidates: Vec<CandidateResult>,
}

/// What a run was made from.
#[derive(Debug, Clone, Serialize)]
pub struct Environment {
    /// Version of each part.
    pub versions: IndexMap<String, String>,
    /// The device class that trained.
    pub device: String,
    /// The device's own name, where it is known.
    pub device_name: Option<String>,
    /// Digest of each data set or table, by name.
    pub data: IndexMap<String, String>,
    /// Digest of each strategy, by name.
    pub plugins: IndexMap<String, String>,
    /// Digest of the space.
    pub space: Option<String>,
    /// Where the run's digest can be expected again.
    pub digest_holds: String,
    /// The seed.
    pub seed: u64,
}

impl Figures {
    /// Reads a run and computes its figures. `shape` is that of the data (channels, height, width, or features) with the number of
    /// classes; where it is not given, `best.yaml` says it, and without either no network is drawn.
    ///
    /// # Errors
    /// The record cannot be read.
    pub fn of(folder: &RunFolder, shape: Option<(Shape, usize)>) -> Result<Figures, ReportError> {
        let reader = folder.read()?;
        let summary = pleach_run::summary(&reader)?;
        let recorded = Recorded::read(folder, &reader, shape)?;
        let device_name = reader.meta("hello")?.and_then(|text| {
            let hello: serde_json::Value = serde_json::from_str(&text).ok()?;
            Some(hello.get("device_name")?.as_str()?.to_owned())
        });
        let mut notes = Vec::new();
        let networks = network::networks(&recorded, &mut notes);
        Ok(Figures {
            name: summary.name.clone(),
            run: folder.id(),
            state: summary.state.clone(),
            digest: summary.digest.clone(),
            objectives: recorded.experiment.objectives.iter().map(Goal::of).collect(),
            experiment: folder.experiment()?,
            steps: steps(&recorded),
            edges: edges(&recorded),
            beside: summary.beside.clone(),
            requirements: summary.requirements.clone(),
            searches: search::searches(&recorded, &summary),
            trainings: trainings(&summary),
            robustness: robustness::robustness(&recorded),
            fronts: front::fronts(&recorded),
            importance: importance::importance(&recorded),
            lineages: lineage::lineages(&recorded),
            networks,
            curves: curves::curves(&recorded),
            environment: environment(&recorded, device_name),
            notes,
        })
    }
}

fn steps(recorded: &Recorded) -> Vec<Step> {
    let unit = match &recorded.experiment.evaluator {
        pleach_spec::Evaluator::Libtorch => "floating-point operations",
        pleach_spec::Evaluator::Table(_) => "seconds of the table",
        pleach_spec::Evaluator::Command(_) => "units of the program",
    };
    let step = |step: &crate::recorded::RecordedStep| {
        let ended = step.trials.iter().filter(|trial| trial.outcome != Outcome::Running);
        Step {
            name: step.record.name.clone(),
            of: step.role.step.clone(),
            kind: step.record.kind.clone(),
            strategy: step.record.strategy.clone(),
            state: step.record.state.as_str().to_owned(),
            trials: ended.clone().count() as u64,
            failed: ended.clone().filter(|trial| matches!(trial.outcome, Outcome::Failed(_))).count() as u64,
            cached: ended.clone().filter(|trial| trial.cached).count() as u64,
            seconds: step.record.seconds,
            worked: ended.clone().filter(|trial| !trial.cached).map(|trial| trial.seconds).sum(),
            cost: ended.map(|trial| trial.cost).sum(),
            unit: unit.to_owned(),
        }
    };
    recorded.steps.iter().map(step).collect()
}

fn edges(recorded: &Recorded) -> Vec<Edge> {
    let steps = recorded.experiment.steps.iter();
    let edge = |(name, step): (&String, &pleach_spec::Step)| {
        let reference = step.candidates()?;
        Some(Edge { from: reference.step().to_owned(), to: name.clone(), reference: reference.to_string() })
    };
    steps.filter_map(edge).collect()
}

fn trainings(summary: &Summary) -> Vec<Training> {
    let trained = summary.steps.iter().filter(|(_, step)| !step.results.is_empty() && step.kind == "train");
    trained.map(|(name, step)| Training { step: name.clone(), candidates: step.results.clone() }).collect()
}

fn environment(recorded: &Recorded, device_name: Option<String>) -> Environment {
    let lock = &recorded.lock;
    Environment {
        versions: lock.versions.clone(),
        device: lock.device.clone(),
        device_name,
        data: lock.data.clone(),
        plugins: lock.plugins.clone(),
        space: lock.space.clone(),
        digest_holds: match lock.digest_holds {
            DigestHolds::Anywhere => "wherever versions, device class and processor are these".to_owned(),
            DigestHolds::ThisRun => format!("nowhere else: {}", lock.because.join("; ")),
            DigestHolds::ThisMachine => format!("on this machine only: {}", lock.because.join("; ")),
        },
        seed: recorded.experiment.seed,
    }
}

/// At most `limit` of a list's places, evenly spread, the first and the last among them.
pub(crate) fn spread_over(length: usize, limit: usize) -> Vec<usize> {
    if length <= limit || limit < 2 {
        return (0..length.min(limit.max(1))).collect();
    }
    (0..limit).map(|i| i * (length - 1) / (limit - 1)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thinning_keeps_both_ends() {
        assert_eq!(spread_over(3, 5), [0, 1, 2]);
        assert_eq!(spread_over(10, 4), [0, 3, 6, 9]);
        assert_eq!(spread_over(0, 4), Vec::<usize>::new());
    }
}
