//! A search whose predictor is told what its strategy is told.

use crate::search::Searcher;
use pleach_plugin::PluginError;
use pleach_plugin::contract::{Answer, Genotype, Job, Outcome};
use pleach_predict::Surrogate;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A predictor that a search tells outcomes and a strategy asks.
#[derive(Debug, Clone)]
pub struct SharedSurrogate(Arc<Mutex<Surrogate>>);

impl SharedSurrogate {
    /// Shares a predictor.
    pub fn new(surrogate: Surrogate) -> Self {
        Self(Arc::new(Mutex::new(surrogate)))
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, Surrogate> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A strategy beside whose back a predictor is told every outcome first: the predictor's answers, then, are a function of what
/// the strategy was told, also when a recorded search is replayed.
#[derive(Debug)]
pub struct Informed<S> {
    strategy: S,
    predictor: Option<SharedSurrogate>,
    /// Genotype and fidelity of the trainings that were asked for and are not told.
    asked: HashMap<u64, (Genotype, f64)>,
}

impl<S> Informed<S> {
    /// A strategy, and the predictor that it asks, if it asks one.
    pub fn new(strategy: S, predictor: Option<SharedSurrogate>) -> Self {
        Self { strategy, predictor, asked: HashMap::new() }
    }
}

impl<S: Searcher> Searcher for Informed<S> {
    fn ask(&mut self, room: u32) -> Result<Answer, PluginError> {
        let answer = self.strategy.ask(room)?;
        if self.predictor.is_some()
            && let Answer::Requests(requests) = &answer
        {
            for request in requests {
                if let Job::Train(training) = &request.job {
                    self.asked.insert(request.id, (training.genotype.clone(), training.fidelity));
                }
            }
        }
        Ok(answer)
    }

    fn tell(&mut self, outcomes: &[Outcome]) -> Result<(), PluginError> {
        if let Some(predictor) = &self.predictor {
            let mut predictor = predictor.lock();
            for outcome in outcomes {
                let Some((genotype, fidelity)) = self.asked.remove(&outcome.id) else { continue };
                if let Ok(measurement) = &outcome.measured {
                    predictor.tell(&genotype, fidelity, &measurement.losses);
                }
            }
        }
        self.strategy.tell(outcomes)
    }

    fn recommend(&mut self) -> Result<Vec<Genotype>, PluginError> {
        self.strategy.recommend()
    }

    fn save(&mut self) -> Result<Vec<u8>, PluginError> {
        self.strategy.save()
    }
}
