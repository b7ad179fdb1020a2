//! What a run needs to know before it begins.

use crate::error::RunError;
use crate::results::Results;
use crate::score::Scorer;
use indexmap::IndexMap;
use pleach_evaluate::{Program, Table};
use pleach_plugin::Plugin;
use pleach_space::Space;
use pleach_spec::{Data, Evaluator, Experiment};
use pleach_store::{Holder, RunReader};
use serde_json::Value;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// An experiment that was checked, with all that it refers to.
#[derive(Debug)]
pub struct Prepared {
    /// The experiment.
    pub experiment: Experiment,
    /// Its text as given.
    pub text: String,
    /// The experiment as JSON, with includes and overrides in place.
    pub document: Value,
    /// Its space, compiled for its data.
    pub space: Arc<Space>,
    /// The networks that `train` steps bring, as spaces, by step.
    pub own_spaces: IndexMap<String, Arc<Space>>,
    /// Its steps, each after those that it refers to.
    pub order: Vec<String>,
    /// The folder that paths in the experiment are relative to.
    pub base: PathBuf,
    /// Folders in which fetched data sets lie.
    pub data_caches: Vec<PathBuf>,
    /// The strategies by what the experiment calls them.
    pub plugins: IndexMap<String, Plugin>,
    /// The components that they were loaded from, by the same names; a run's folder keeps them.
    pub components: IndexMap<String, Arc<[u8]>>,
}

/// The folder below that of the runs in which results of trainings lie for all of them.
pub const CACHE: &str = ".cache";

/// How a run is to be done; nothing here changes its results.
#[derive(Debug, Clone)]
pub struct RunOptions {
    /// The folder of runs; the cache lies in [`CACHE`] below it.
    pub root: PathBuf,
    /// Who runs.
    pub holder: Holder,
    /// When it begins, in seconds since 1970: the cache notes when a result was last of use.
    pub time: u64,
    /// Real workers, at least 1.
    pub workers: usize,
    /// The training worker.
    pub worker: Program,
    /// Variables of each worker's own, such as the device that it sees.
    pub environments: Vec<Vec<(String, String)>>,
    /// How far a training has come is written down at the end of an epoch when so much time has passed since it was last.
    pub checkpoint_every: Duration,
    /// Starts a new run, and does every step again; results of trainings still come from the cache.
    pub fresh: bool,
}

/// What an experiment is evaluated on, read once.
#[derive(Debug)]
pub struct Material {
    /// Who evaluates.
    pub source: Source,
    /// The digest of the data, where there are data.
    pub data_digest: Option<String>,
    /// How inputs are made ready for a network, and the classes' names; of use for exports.
    pub preprocessing: pleach_export::Preprocessing,
    /// Examples of the training part; 0 without data.
    pub training_examples: usize,
    /// Examples of the validation part; 0 without data.
    pub validation_examples: usize,
}

/// Who evaluates.
#[derive(Debug)]
pub enum Source {
    /// Training workers, on these data.
    Libtorch(Data),
    /// The user's program.
    Command {
        /// The program.
        program: Program,
        /// The digest of its words and files.
        digest: String,
    },
    /// A table in memory, which several searches may share.
    Table(Arc<Table>),
}

impl Prepared {
    /// The space that a step's candidates are of: that of the experiment, or the network that a step brought, also where other
    /// steps refer to it.
    pub fn space_of(&self, step: &str) -> &Arc<Space> {
        let mut name = step;
        loop {
            if let Some(space) = self.own_spaces.get(name) {
                return space;
            }
            match self.experiment.steps.get(name).and_then(pleach_spec::Step::candidates) {
                Some(reference) => name = reference.step(),
                None => return &self.space,
            }
        }
    }

    /// What its steps came to in a run.
    pub(crate) fn results<'r>(&'r self, scorer: &'r Scorer, reader: &'r RunReader) -> Results<'r> {
        Results { experiment: &self.experiment, space: &self.space, scorer, reader }
    }

    /// The seed by which data are split.
    pub fn split_seed(&self) -> u64 {
        pleach_random::derive(self.experiment.seed, &["split"])
    }

    /// Reads the data or the table.
    ///
    /// # Errors
    /// They are missing or damaged.
    pub fn material(&self) -> Result<Material, RunError> {
        let mut material = Material {
            source: self.source()?,
            data_digest: None,
            preprocessing: pleach_export::Preprocessing::default(),
            training_examples: 0,
            validation_examples: 0,
        };
        if let Some(data) = &self.experiment.data {
            let locations = pleach_data::Locations { base: self.base.clone(), caches: self.data_caches.clone() };
            let examples = pleach_data::read(data, &locations)?;
            let parts = pleach_data::split(&examples, &data.split, self.split_seed())?;
            let statistics = pleach_data::Statistics::of(&examples, &parts.training);
            material.data_digest = Some(examples.digest().to_hex().to_string());
            material.training_examples = parts.training.len();
            material.validation_examples = parts.validation.len();
            material.preprocessing = pleach_export::Preprocessing {
                mean: statistics.mean,
                deviation: statistics.deviation,
                scale: match examples.inputs {
                    pleach_data::Inputs::Pixels(_) => 1.0 / 255.0,
                    pleach_data::Inputs::Features(_) => 1.0,
                },
                classes: examples.classes,
            };
        }
        Ok(material)
    }

    fn source(&self) -> Result<Source, RunError> {
        match &self.experiment.evaluator {
            Evaluator::Libtorch => match &self.experiment.data {
                Some(data) => Ok(Source::Libtorch(data.clone())),
                None => Err(RunError::Invalid {
                    step: self.order.first().cloned().unwrap_or_default(),
                    message: "networks are trained on data: set `data`".into(),
                }),
            },
            Evaluator::Command(command) => {
                let digest = pleach_evaluate::command_digest(command, &self.base)
                    .map_err(|error| RunError::File { path: error.file, source: error.source })?;
                Ok(Source::Command { program: Program::of_command(command, &self.base), digest })
            }
            Evaluator::Table(table) => {
                let locations = pleach_data::Locations { base: self.base.clone(), caches: self.data_caches.clone() };
                match Table::load(table, &locations, &self.space) {
                    Ok(table) => Ok(Source::Table(Arc::new(table))),
                    Err(error) => Err(RunError::Evaluation { message: error.to_string() }),
                }
            }
        }
    }
}
