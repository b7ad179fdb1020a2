//! What a search of a check is about.

use pleach_plugin::contract::{Context, Known, RESUMED, Reason, Task};
use pleach_sdk::testing::ToySpace;

use crate::world;

/// A search in a toy space.
#[derive(Debug, Clone)]
pub(crate) struct Case {
    pub space: ToySpace,
    pub seed: u64,
    /// The options as JSON.
    pub options: String,
    /// Requests; none is without limit, and the engine ends the search after [`Case::ends_after`].
    pub trials: Option<u64>,
    pub trainings: Option<f64>,
    pub cost: Option<f64>,
    /// An engine may end a search at any time: it does after so many requests.
    pub ends_after: u64,
    pub concurrency: u32,
    /// How many objectives and constraints there are.
    pub objectives: usize,
    pub constraints: usize,
    pub fidelities: Vec<f64>,
    pub resumes: bool,
    pub results: Results,
    pub history: Vec<Known>,
    pub saved: Option<Vec<u8>>,
}

/// How trainings come out.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Results {
    /// By how far decisions are from the best.
    Distances,
    /// All alike.
    Equal,
    /// No number for every third.
    NotNumbers,
    /// Every third fails for this reason.
    Failing(Reason),
    /// All fail.
    AllFailing,
}

impl Case {
    /// The context that the strategy sees.
    pub fn context(&self) -> Context {
        let words = |count: usize, word: &str| (1..=count).map(|number| format!("{word}-{number}")).collect::<Vec<_>>();
        let mut signals = vec!["virtual_time".to_owned(), "fidelity".to_owned()];
        signals.extend(self.resumes.then(|| RESUMED.to_owned()));
        Context {
            decisions: self.space.decisions.iter().map(world::decision).collect(),
            objectives: words(self.objectives, "objective"),
            constraints: words(self.constraints, "constraint"),
            curves: vec![],
            signals,
            proxies: vec!["proxy".to_owned()],
            blocks: vec![],
            node_kinds: self.space.decisions.iter().map(|decision| decision.path.clone()).collect(),
            node_features: 1,
            seed: self.seed,
            options: self.options.clone(),
            budget: self.trials,
            budget_trainings: self.trainings,
            budget_cost: self.cost,
            concurrency: self.concurrency,
            fidelities: self.fidelities.clone(),
            tasks: vec![Task { name: "toy".to_owned(), features: vec![] }],
            history: self.history.clone(),
            saved: self.saved.clone(),
        }
    }
}
