use std::cmp::Ordering;

use super::ToySpace;
use crate::strategy::manifest;
use crate::{Answer, Context, Failure, Genotype, Job, Measurement, Outcome, Reason, Request, Strategy, Task};

/// A search loop as the engine runs it: a virtual clock orders outcomes, each worker takes the next request when its
/// last one ends.
#[derive(Debug, Clone)]
pub struct Search<'a> {
    /// Where the strategy searches.
    pub space: &'a ToySpace,
    /// The strategy's seed.
    pub seed: u64,
    /// How many requests it may make.
    pub budget: u64,
    /// How many may be in flight.
    pub concurrency: u32,
    /// The names of the objectives, one loss each.
    pub objectives: Vec<String>,
    /// The fidelities on offer, rising.
    pub fidelities: Vec<f64>,
}

/// A request and how it came out.
#[derive(Debug, Clone, PartialEq)]
pub struct Trial {
    pub request: Request,
    pub outcome: Outcome,
}

/// All that happened in a search.
#[derive(Debug, Clone, PartialEq)]
pub struct History {
    /// In the order asked.
    pub trials: Vec<Trial>,
    /// The ids in the order told.
    pub told: Vec<u64>,
    /// What the strategy recommended.
    pub recommended: Vec<Genotype>,
    /// What the strategy saved.
    pub saved: Vec<u8>,
}

impl History {
    /// The smallest first loss of all measured trials; infinite without one.
    pub fn best(&self) -> f64 {
        let measured = self.trials.iter().filter_map(|trial| trial.outcome.measured.as_ref().ok());
        measured.map(|measurement| measurement.losses[0]).fold(f64::INFINITY, f64::min)
    }
}

impl Request {
    /// The genotype that a request trains or scores without training.
    ///
    /// # Panics
    /// Where it is a job on shared weights, which has many.
    pub fn genotype(&self) -> &Genotype {
        match &self.job {
            Job::Train(training) => &training.genotype,
            Job::Proxies(genotype) => genotype,
            Job::Share(_) | Job::Score(_) => panic!("request {} has no genotype of its own", self.id),
        }
    }
}

/// A measurement with these losses and nothing else.
pub fn measured(losses: Vec<f64>) -> Result<Measurement, Failure> {
    Ok(Measurement { losses, violations: vec![], curves: vec![], scores: vec![], gradients: vec![], signals: vec![] })
}

/// A failure of a training that diverged.
pub fn failed() -> Result<Measurement, Failure> {
    Err(Failure { reason: Reason::Diverged, message: "the loss is not finite".to_owned() })
}

impl<'a> Search<'a> {
    /// One objective, 100 requests, 4 at once.
    pub fn new(space: &'a ToySpace, seed: u64) -> Self {
        Self { space, seed, budget: 100, concurrency: 4, objectives: vec!["loss".to_owned()], fidelities: vec![1.0] }
    }

    /// The context that the strategy sees.
    pub fn context(&self, options: &str) -> Context {
        Context {
            decisions: self.space.decisions.clone(),
            objectives: self.objectives.clone(),
            constraints: vec![],
            curves: vec![],
            signals: vec![],
            proxies: vec![],
            blocks: vec![],
            node_kinds: self.space.decisions.iter().map(|decision| decision.path.clone()).collect(),
            node_features: 1,
            seed: self.seed,
            options: options.to_owned(),
            budget: Some(self.budget),
            budget_trainings: None,
            budget_cost: None,
            concurrency: self.concurrency,
            fidelities: self.fidelities.clone(),
            tasks: vec![Task { name: "toy".to_owned(), features: vec![] }],
            history: vec![],
            saved: None,
        }
    }

    /// Runs a strategy to its end. `evaluate` gives the virtual cost and the result of a request.
    ///
    /// # Errors
    /// The strategy's own message; or what it did against the contract.
    pub fn run<S: Strategy>(
        &self,
        options: &str,
        mut evaluate: impl FnMut(&Request) -> (f64, Result<Measurement, Failure>),
    ) -> Result<History, String> {
        let parsed = serde_json::from_str(options).map_err(|error| format!("the options: {error}"))?;
        let mut strategy = S::start(self.context(options), parsed, self.space)?;
        let mut trials: Vec<Trial> = Vec::new();
        let mut told = Vec::new();
        let mut running: Vec<(f64, u64)> = Vec::new();
        let mut now = 0.0;
        loop {
            while running.len() < self.concurrency as usize && (trials.len() as u64) < self.budget {
                let room = (u64::from(self.concurrency) - running.len() as u64).min(self.budget - trials.len() as u64);
                let requests = match strategy.ask(room as u32, self.space)? {
                    Answer::Requests(requests) => requests,
                    Answer::Wait if running.is_empty() => return Err("waits with nothing in flight".to_owned()),
                    Answer::Wait | Answer::Finished => break,
                };
                if requests.is_empty() || requests.len() as u64 > room {
                    return Err(format!("{} requests for a room of {room}", requests.len()));
                }
                for request in requests {
                    if request.id != trials.len() as u64 {
                        return Err(format!("request {} where {} comes next", request.id, trials.len()));
                    }
                    if let Job::Train(training) = &request.job {
                        self.space.check(&training.genotype)?;
                    }
                    let (cost, measured) = evaluate(&request);
                    running.push((now + cost, request.id));
                    let outcome = Outcome { id: request.id, cost, measured };
                    trials.push(Trial { request, outcome });
                }
            }
            running.sort_by(|one, two| one.partial_cmp(two).unwrap_or(Ordering::Equal));
            let Some(&(next, _)) = running.first() else { break };
            now = next;
            let ended = running.iter().take_while(|(end, _)| *end == now).count();
            let ids: Vec<u64> = running.drain(..ended).map(|(_, id)| id).collect();
            told.extend(&ids);
            let outcomes = ids.iter().map(|&id| trials[id as usize].outcome.clone()).collect();
            strategy.tell(outcomes, self.space)?;
        }
        let recommended = strategy.recommend(self.space);
        Ok(History { trials, told, recommended, saved: strategy.save(self.space) })
    }
}

/// The options' schema, as the manifest holds it.
pub fn options_schema<S: Strategy>() -> serde_json::Value {
    serde_json::from_str(&manifest::<S>().options_schema).expect("the schema is JSON that schemars made")
}
