//! What the engine does for a strategy, over what its step decides.

use crate::informed::SharedSurrogate;
use crate::score::Scorer;
use pleach_plugin::EngineServices;
use pleach_plugin::contract::{Architecture, Genotype, Level, Node, Prediction};
use pleach_space::View;
use std::sync::{Arc, Mutex, PoisonError};

/// Messages of a strategy that wait to be told.
#[derive(Debug, Clone, Default)]
pub struct Logs(Arc<Mutex<Vec<(Level, String)>>>);

impl Logs {
    fn push(&self, level: Level, message: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push((level, message.to_owned()));
    }

    /// Takes all messages, in order.
    pub fn take(&self) -> Vec<(Level, String)> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// The engine's side of the contract for one search.
#[derive(Debug)]
pub struct Services {
    view: View,
    scorer: Scorer,
    logs: Logs,
    needs_network: bool,
    predictor: Option<SharedSurrogate>,
}

impl Services {
    /// Serves a view; messages go to `logs`.
    pub fn new(view: View, scorer: Scorer, logs: Logs) -> Self {
        let needs_network =
            pleach_space::Costs::NAMES.iter().any(|name| scorer.uses(name)) && view.space().has_network();
        Self { view, scorer, logs, needs_network, predictor: None }
    }

    /// Predicts by this predictor, which is told the outcomes beside.
    #[must_use]
    pub fn with_predictor(self, predictor: Option<SharedSurrogate>) -> Self {
        Self { predictor, ..self }
    }

    fn checked(&self, genotypes: &[Genotype]) -> Result<(), String> {
        genotypes.iter().try_for_each(|genotype| self.view.check(genotype))
    }
}

impl EngineServices for Services {
    fn check_genotype(&self, genotype: &[f64]) -> Result<(), String> {
        self.view.check(genotype)
    }

    fn log(&mut self, level: Level, message: &str) {
        self.logs.push(level, message);
    }

    fn sample(&mut self, count: u32, seed: u64) -> Result<Vec<Genotype>, String> {
        Ok(self.view.sample(count as usize, seed))
    }

    fn mutate(&mut self, parents: &[Genotype], seed: u64) -> Result<Vec<Genotype>, String> {
        self.checked(parents)?;
        Ok(self.view.mutate(parents, seed))
    }

    fn repair(&mut self, genotypes: &[Genotype], seed: u64) -> Result<Vec<Genotype>, String> {
        Ok(self.view.repair(genotypes, seed))
    }

    fn neighbours(&mut self, of: &[Genotype]) -> Result<Vec<Vec<Genotype>>, String> {
        self.checked(of)?;
        Ok(of.iter().map(|genotype| self.view.neighbours(genotype)).collect())
    }

    fn members(&mut self, limit: u32) -> Result<Option<Vec<Genotype>>, String> {
        Ok(self.view.members(u64::from(limit)))
    }

    fn fingerprint(&mut self, of: &[Genotype]) -> Result<Vec<u64>, String> {
        self.checked(of)?;
        Ok(of.iter().map(|genotype| self.view.fingerprint(genotype)).collect())
    }

    fn path_counts(&mut self, of: &[Genotype]) -> Result<Vec<Vec<f32>>, String> {
        self.checked(of)?;
        Ok(of.iter().map(|genotype| self.view.path_counts(genotype)).collect())
    }

    fn graph(&mut self, of: &[Genotype]) -> Result<Vec<Architecture>, String> {
        self.checked(of)?;
        let graph = |genotype: &Genotype| {
            let (nodes, edges) = self.view.graph(genotype);
            let nodes = nodes.into_iter().map(|(kind, features)| Node { kind, features }).collect();
            Architecture { nodes, edges }
        };
        Ok(of.iter().map(graph).collect())
    }

    fn costs(&mut self, of: &[Genotype]) -> Result<Vec<Vec<f64>>, String> {
        self.checked(of)?;
        let costs = |genotype: &Genotype| {
            let built = if self.needs_network { self.view.build(genotype).ok() } else { None };
            self.scorer.known(|name| built.as_ref().and_then(|built| built.costs.metric(name)))
        };
        Ok(of.iter().map(costs).collect())
    }

    fn predict(&mut self, of: &[Genotype], objective: u32, pending: &[Genotype]) -> Result<Vec<Prediction>, String> {
        self.checked(of)?;
        self.checked(pending)?;
        let Some(predictor) = &self.predictor else { return Ok(Vec::new()) };
        let predictions =
            predictor.lock().predict(of, objective as usize, pending).map_err(|error| error.to_string())?;
        let prediction =
            |known: pleach_predict::Prediction| Prediction { mean: known.mean, deviation: known.deviation };
        Ok(predictions.into_iter().map(prediction).collect())
    }

    fn extrapolate(&mut self, _: &[u64], _: u32) -> Result<Vec<Prediction>, String> {
        Ok(Vec::new())
    }

    fn quality(&mut self, objective: u32) -> Result<Option<f64>, String> {
        let Some(predictor) = &self.predictor else { return Ok(None) };
        predictor.lock().quality(objective as usize).map_err(|error| error.to_string())
    }
}

/// The level's word in events.
pub(crate) fn level_word(level: Level) -> &'static str {
    match level {
        Level::Debug => "debug",
        Level::Info => "info",
        Level::Warn => "warn",
    }
}
