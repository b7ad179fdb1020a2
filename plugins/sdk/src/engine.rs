use crate::{Architecture, Genotype, Level, Prediction};

/// What the engine does for a strategy: everything that needs knowledge of networks.
///
/// Each answer is a function of its arguments and of what was told. Calls are batched: a call costs far more than an
/// element of it. Genotypes given must be valid, except to [`repair`](Engine::repair).
pub trait Engine {
    /// Shows a message in the run's log.
    fn log(&self, level: Level, message: &str);

    /// Valid genotypes, drawn uniformly decision by decision; the seed alone decides them. Fewer where the experiment's
    /// hard requirements leave too few.
    fn sample(&self, count: u32, seed: u64) -> Vec<Genotype>;

    /// Each with exactly one active decision changed, repaired to be valid.
    fn mutate(&self, parents: &[Genotype], seed: u64) -> Vec<Genotype>;

    /// Makes genotypes valid: clears inactive decisions, draws those that became active.
    fn repair(&self, genotypes: &[Genotype], seed: u64) -> Vec<Genotype>;

    /// For each, every genotype that differs in one active decision.
    fn neighbours(&self, of: &[Genotype]) -> Vec<Vec<Genotype>>;

    /// One genotype per distinct network, where there are at most `limit`.
    fn members(&self, limit: u32) -> Option<Vec<Genotype>>;

    /// Equal for two genotypes that build the same network (whatever their training decisions).
    fn fingerprint(&self, of: &[Genotype]) -> Vec<u64>;

    /// Counts of the operation sequences from input to output of the canonical network.
    fn path_counts(&self, of: &[Genotype]) -> Vec<Vec<f32>>;

    /// The canonical networks as graphs.
    fn graph(&self, of: &[Genotype]) -> Vec<Architecture>;

    /// Objectives, then constraints, where they are known without training; NaN elsewhere.
    fn costs(&self, of: &[Genotype]) -> Vec<Vec<f64>>;

    /// The experiment's predictor, as if the pending ones had come out as predicted. Empty without one.
    fn predict(&self, of: &[Genotype], objective: u32, pending: &[Genotype]) -> Vec<Prediction>;

    /// The value at full fidelity of requests that were told, from their curves. Empty without a curve model.
    fn extrapolate(&self, requests: &[u64], objective: u32) -> Vec<Prediction>;

    /// Kendall's tau of the predictor in cross-validation; none while it cannot be told.
    fn quality(&self, objective: u32) -> Option<f64>;
}
