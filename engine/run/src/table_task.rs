//! A described table as a task for many searches: read once, asked by any number of threads.

use crate::budget::Spending;
use crate::error::RunError;
use crate::events::Event;
use crate::informed::{Informed, SharedSurrogate};
use crate::score::Scorer;
use crate::search::{Search, Searched};
use crate::search_step::context_decisions;
use crate::services::{Logs, Services};
use crate::session::Session;
use crate::table::TableEvaluator;
use pleach_evaluate::Table;
use pleach_plugin::contract::{Context, Task};
use pleach_plugin::{Limits, Need, Plugin};
use pleach_predict::{Encoder, Surrogate};
use pleach_random::derive;
use pleach_space::{Space, View};
use pleach_spec::{Budget, Decide, Objective, Predictor};
use serde_json::Value;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// A table with a space and objectives. Cheap to clone; clones share the table.
#[derive(Debug, Clone)]
pub struct TableTask {
    name: String,
    table: Arc<Table>,
    view: View,
    scorer: Scorer,
}

/// One search of a task.
#[derive(Debug, Clone, Copy)]
pub struct TableSearch<'s> {
    /// The strategy.
    pub plugin: &'s Plugin,
    /// Its options as JSON, defaults filled in.
    pub options: &'s Value,
    /// What everything random derives from.
    pub seed: u64,
    /// What may be spent.
    pub budget: &'s Budget,
    /// Simulated workers, at least 1.
    pub concurrency: u32,
    /// What estimates candidates, for strategies that ask.
    pub predictor: Option<&'s Predictor>,
}

impl TableTask {
    /// All decisions of the space, on a table that was loaded for it. Requirements of the space count.
    pub fn new(name: &str, space: &Arc<Space>, table: Arc<Table>, objectives: &[Objective]) -> TableTask {
        let view = View::new(space.clone(), Decide::All, space.defaults());
        let view = view.with_known(table.members().clone(), table.is_pool());
        let scorer = Scorer::new(objectives, space.requirements());
        TableTask { name: name.to_owned(), table, view, scorer }
    }

    /// The table.
    pub fn table(&self) -> &Arc<Table> {
        &self.table
    }

    /// What is decided.
    pub fn view(&self) -> &View {
        &self.view
    }

    /// What counts.
    pub fn scorer(&self) -> &Scorer {
        &self.scorer
    }

    /// The losses of a candidate at full fidelity, means over the table's seeds, where it has all objectives and keeps to all
    /// requirements.
    pub fn truth(&self, genotype: &[f64]) -> Option<Vec<f64>> {
        let row = self.table.lookup(genotype)?;
        let built = match self.view.space().has_network() && self.scorer.metrics().iter().any(|name| self.counted(name))
        {
            true => Some(self.view.space().build(genotype).ok()?),
            false => None,
        };
        let value = |name: &str| match self.table.metrics().iter().position(|known| known == name) {
            Some(place) => row.value(place),
            None => built.as_ref().and_then(|built| built.costs.metric(name)),
        };
        let losses = self.scorer.losses(value);
        let feasible = self.scorer.violations(value).iter().all(|violation| *violation <= 0.0);
        (feasible && losses.iter().all(|loss| !loss.is_nan())).then_some(losses)
    }

    /// Whether a metric is counted from the network and not looked up.
    fn counted(&self, name: &str) -> bool {
        !self.table.metrics().iter().any(|known| known == name)
    }

    /// Runs one search and keeps nothing of it but what `emit` is told. The same arguments give the same events, on any thread and
    /// beside any number of others.
    ///
    /// # Errors
    /// The strategy needs what a table cannot serve, or is at fault.
    pub fn search(&self, search: TableSearch<'_>, emit: &mut dyn FnMut(&Event<'_>)) -> Result<Searched, RunError> {
        let TableSearch { plugin, options, seed, budget, concurrency, predictor } = search;
        let step = self.name.as_str();
        let manifest = plugin.manifest();
        let options_map = options.as_object().cloned().unwrap_or_default();
        let predictor = predictor.filter(|_| manifest.uses(Need::Predict, &options_map));
        let served = |need: &Need| match need {
            Need::Train | Need::Resume => true,
            Need::SeveralObjectives => self.scorer.objectives().len() > 1,
            Need::Predict => predictor.is_some(),
            Need::Proxies => !self.table.scores().is_empty(),
            Need::Inherit | Need::Share | Need::Score => false,
        };
        let needs = manifest.needs.iter().copied().chain(manifest.options_need(&options_map).map(|(_, need)| need));
        if let Some(need) = needs.into_iter().find(|need| !served(need)) {
            let (step, plugin) = (step.to_owned(), manifest.name.clone());
            return Err(RunError::Need { step, plugin, need: need.to_string() });
        }
        let spending = Spending::new(budget);
        let logs = Logs::default();
        let predictor = predictor.map(|predictor| {
            let encoder = Encoder::new(self.view.clone(), predictor);
            let seed = derive(seed, &["predictor"]);
            let objectives = self.scorer.objectives().len();
            SharedSurrogate::new(Surrogate::new(predictor.clone(), encoder, objectives, 1.0, seed))
        });
        let services = Services::new(self.view.clone(), self.scorer.clone(), logs.clone());
        let services = services.with_predictor(predictor.clone());
        let context = self.context(seed, options, &spending, concurrency);
        let strategy = plugin
            .start(Box::new(services), &context, Limits::default())
            .map_err(|source| RunError::Plugin { step: step.to_owned(), source })?;
        let (interrupt, now) = (AtomicBool::new(false), || 0.0);
        let mut session = Session::new(None, emit, &now, &interrupt);
        Search {
            step,
            strategy: Informed::new(strategy, predictor),
            evaluator: TableEvaluator::new(&self.table, self.view.clone(), &self.scorer, seed),
            scorer: &self.scorer,
            concurrency,
            failures: 1.0,
            spending,
            logs,
            resumes: self.table.resumes(),
        }
        .run(&mut session)
    }

    fn context(&self, seed: u64, options: &Value, spending: &Spending, concurrency: u32) -> Context {
        let mut signals = vec!["virtual_time".to_owned(), "fidelity".to_owned()];
        signals.extend(self.table.resumes().then(|| "resumed".to_owned()));
        Context {
            decisions: context_decisions(&self.view),
            objectives: self.scorer.objectives(),
            constraints: self.scorer.constraints(),
            curves: self.table.curve().to_vec(),
            signals,
            proxies: self.table.scores().to_vec(),
            blocks: Vec::new(),
            node_kinds: View::node_kinds().iter().map(|kind| (*kind).to_owned()).collect(),
            node_features: View::NODE_FEATURES as u32,
            seed: derive(seed, &["search"]),
            options: options.to_string(),
            budget: spending.trials(),
            budget_trainings: spending.trainings(),
            budget_cost: spending.cost(),
            concurrency,
            fidelities: self.table.fidelities().collect(),
            tasks: vec![Task { name: self.name.clone(), features: Vec::new() }],
            history: Vec::new(),
            saved: None,
        }
    }
}
