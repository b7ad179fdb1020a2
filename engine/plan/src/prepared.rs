//! An experiment that is ready to run.

use crate::graph::StepGraph;
use crate::strategies::StrategyFile;
use pleach_data::DataShape;
use pleach_space::{Space, View};
use pleach_spec::{Experiment, Step};
use serde_json::{Map, Value};
use std::path::PathBuf;
use std::sync::Arc;

/// An experiment without errors, with all that running it needs at hand.
#[derive(Debug, Clone)]
pub struct Prepared {
    /// The folder that paths in the experiment are relative to: that of its file.
    pub base: PathBuf,
    /// The text of the experiment's file as it was given.
    pub text: String,
    /// The experiment with included files and overrides in place, as JSON.
    pub resolved: Value,
    /// The same, typed, with defaults filled in.
    pub experiment: Experiment,
    /// Its space, compiled with the data's shape and classes.
    pub space: Arc<Space>,
    /// What the data's headers tell; none where no data are named.
    pub data: Option<DataShape>,
    /// The steps, each after those whose candidates it takes; else in the order of the file.
    pub steps: Vec<PreparedStep>,
    /// What depends on what.
    pub graph: StepGraph,
}

impl Prepared {
    /// The step of this name.
    pub fn step(&self, name: &str) -> Option<&PreparedStep> {
        self.steps.iter().find(|step| step.name == name)
    }
}

/// One step of a prepared experiment.
#[derive(Debug, Clone)]
pub struct PreparedStep {
    /// Its name.
    pub name: String,
    /// What it does.
    pub step: Step,
    /// Places in [`Prepared::steps`] of the steps whose candidates it takes; all lie before it.
    pub inputs: Vec<usize>,
    /// Of a `train` step with a network of its own: that network as a space.
    pub space: Option<Arc<Space>>,
    /// Of a search: the decisions that it makes, the others at their defaults (of `hpo`: at their candidate's values).
    pub view: Option<View>,
    /// Of a search: its strategy.
    pub strategy: Option<StrategyFile>,
    /// Of a search: the strategy's options, those not given at the defaults of the plugin's schema.
    pub options: Map<String, Value>,
    /// Of a search with a baseline: the baseline's strategy, at its default options.
    pub baseline: Option<StrategyFile>,
}
