use crate::contract::{Architecture, Genotype, Level, Prediction};

/// What the engine does for a strategy: the host's side of the contract's interface `engine`.
///
/// Each answer must be a function of its arguments and of what was told to the strategy, since it is computed again on
/// replay. Genotypes that arrive have the right length and finite values; whether values are in range and inactive
/// decisions cleared is for the implementation to check. An error's message ends the search as the plugin's fault.
pub trait EngineServices: Send {
    /// Says what is wrong with a genotype: a value out of range, an inactive decision that holds a value.
    ///
    /// # Errors
    /// A message that names the decision and its value.
    fn check_genotype(&self, genotype: &[f64]) -> Result<(), String>;

    /// Takes a message for the run's log.
    fn log(&mut self, level: Level, message: &str);

    /// Up to `count` valid genotypes, decided by the seed alone.
    ///
    /// # Errors
    /// A message about the plugin's arguments.
    fn sample(&mut self, count: u32, seed: u64) -> Result<Vec<Genotype>, String>;

    /// Each parent with one active decision changed.
    ///
    /// # Errors
    /// A message about the plugin's arguments.
    fn mutate(&mut self, parents: &[Genotype], seed: u64) -> Result<Vec<Genotype>, String>;

    /// The genotypes made valid.
    ///
    /// # Errors
    /// A message about the plugin's arguments.
    fn repair(&mut self, genotypes: &[Genotype], seed: u64) -> Result<Vec<Genotype>, String>;

    /// For each, all genotypes that differ in one active decision.
    ///
    /// # Errors
    /// A message about the plugin's arguments.
    fn neighbours(&mut self, of: &[Genotype]) -> Result<Vec<Vec<Genotype>>, String>;

    /// One genotype per distinct network, where there are at most `limit`.
    ///
    /// # Errors
    /// A message about the plugin's arguments.
    fn members(&mut self, limit: u32) -> Result<Option<Vec<Genotype>>, String>;

    /// Equal numbers for genotypes that build the same network.
    ///
    /// # Errors
    /// A message about the plugin's arguments.
    fn fingerprint(&mut self, of: &[Genotype]) -> Result<Vec<u64>, String>;

    /// Counts of the operation sequences from input to output.
    ///
    /// # Errors
    /// A message about the plugin's arguments.
    fn path_counts(&mut self, of: &[Genotype]) -> Result<Vec<Vec<f32>>, String>;

    /// The canonical networks as graphs.
    ///
    /// # Errors
    /// A message about the plugin's arguments.
    fn graph(&mut self, of: &[Genotype]) -> Result<Vec<Architecture>, String>;

    /// Objectives, then constraints, where known without training; NaN elsewhere.
    ///
    /// # Errors
    /// A message about the plugin's arguments.
    fn costs(&mut self, of: &[Genotype]) -> Result<Vec<Vec<f64>>, String>;

    /// The predictor's answer for an objective; empty without a predictor.
    ///
    /// # Errors
    /// A message about the plugin's arguments.
    fn predict(&mut self, of: &[Genotype], objective: u32, pending: &[Genotype]) -> Result<Vec<Prediction>, String>;

    /// Values at full fidelity of told requests, from their curves; empty without a curve model.
    ///
    /// # Errors
    /// A message about the plugin's arguments.
    fn extrapolate(&mut self, requests: &[u64], objective: u32) -> Result<Vec<Prediction>, String>;

    /// Kendall's tau of the predictor in cross-validation.
    ///
    /// # Errors
    /// A message about the plugin's arguments.
    fn quality(&mut self, objective: u32) -> Result<Option<f64>, String>;
}
