//! A search step: the strategy's context, and who evaluates.

use crate::budget::Spending;
use crate::error::RunError;
use crate::evaluation::{Evaluations, Wanted, whole_epochs};
use crate::outcome::Evaluated;
use crate::prepared::{Prepared, Source};
use crate::score::Scorer;
use crate::search::{Begun, Evaluator, Search, Searched};
use crate::services::{Logs, Services};
use crate::session::Session;
use crate::table::TableEvaluator;
use pleach_plugin::contract::{self, Context, Task, Training};
use pleach_plugin::{Limits, Need, Plugin};
use pleach_random::derive;
use pleach_space::View;
use pleach_spec::{FidelityBy, Search as SearchStep};
use pleach_store::TrialRecord;

/// Jobs of the contract that a search serves.
const SERVED: [Need; 2] = [Need::Train, Need::Resume];

/// Evaluates a search's requests in processes.
struct InProcesses<'e, 'a> {
    evaluations: &'e mut Evaluations<'a>,
    view: View,
    step: String,
    curves: Vec<String>,
}

impl Evaluator for InProcesses<'_, '_> {
    fn begin(
        &mut self,
        id: u64,
        training: &Training,
        allow: &mut dyn FnMut(f64) -> bool,
    ) -> Result<Option<Begun>, RunError> {
        let genotype = self.view.full(&training.genotype);
        let wanted = Wanted { genotype: &genotype, fidelity: training.fidelity, repeat: training.repeat, last: false };
        let opened = self.evaluations.open(id, wanted, allow)?;
        Ok(opened.map(|opened| Begun {
            cost: opened.cost,
            key: opened.key,
            done: opened.infeasible.map(Evaluated::infeasible),
        }))
    }

    fn finish(&mut self, id: u64, session: &mut Session<'_>) -> Result<Evaluated, RunError> {
        Ok(self.evaluations.close(&self.step, id, session)?.evaluated)
    }

    fn costs_work(&self) -> bool {
        true
    }

    fn curves(&self) -> &[String] {
        &self.curves
    }
}

/// Runs a search step; `recorded` are its trials of an earlier sitting.
///
/// # Errors
/// As [`Search::run`].
#[allow(clippy::too_many_arguments)]
pub(crate) fn run(
    name: &str,
    step: &SearchStep,
    prepared: &Prepared,
    plugin: &Plugin,
    view: &View,
    source: &Source,
    evaluations: &mut Evaluations<'_>,
    scorer: &Scorer,
    options: String,
    recorded: Vec<TrialRecord>,
    session: &mut Session<'_>,
) -> Result<Searched, RunError> {
    if let Some(need) = plugin.manifest().needs.iter().find(|need| !SERVED.contains(need)) {
        return Err(RunError::Need {
            step: name.to_owned(),
            plugin: plugin.manifest().name.clone(),
            need: need.to_string(),
        });
    }
    let spending = Spending::new(&step.budget);
    let logs = Logs::default();
    let services = Services::new(view.clone(), scorer.clone(), logs.clone());
    let curves = evaluations.curves();
    let context = context(name, step, prepared, view, source, scorer, options, &spending, curves.clone());
    let strategy = plugin
        .start(Box::new(services), &context, Limits::default())
        .map_err(|source| RunError::Plugin { step: name.to_owned(), source })?;
    let (concurrency, failures) = (prepared.experiment.concurrency, prepared.experiment.failures);
    match source {
        Source::Table(table) => {
            let evaluator = TableEvaluator::new(table, view.clone(), scorer);
            Search { step: name, strategy, evaluator, scorer, concurrency, failures, spending, recorded, logs }
                .run(session)
        }
        Source::Libtorch(_) | Source::Command { .. } => {
            let evaluator = InProcesses { evaluations, view: view.clone(), step: name.to_owned(), curves };
            Search { step: name, strategy, evaluator, scorer, concurrency, failures, spending, recorded, logs }
                .run(session)
        }
    }
}

#[allow(clippy::too_many_arguments)]
fn context(
    name: &str,
    step: &SearchStep,
    prepared: &Prepared,
    view: &View,
    source: &Source,
    scorer: &Scorer,
    options: String,
    spending: &Spending,
    curves: Vec<String>,
) -> Context {
    let task = prepared.experiment.name.clone();
    Context {
        decisions: view.decisions().iter().map(decision).collect(),
        objectives: scorer.objectives(),
        constraints: scorer.constraints(),
        curves,
        signals: vec!["virtual_time".to_owned(), "fidelity".to_owned()],
        proxies: Vec::new(),
        blocks: Vec::new(),
        node_kinds: View::node_kinds().iter().map(|kind| (*kind).to_owned()).collect(),
        node_features: View::NODE_FEATURES as u32,
        seed: derive(prepared.experiment.seed, &["search", name, "0", "strategy"]),
        options,
        budget: spending.trials(),
        budget_trainings: spending.trainings(),
        budget_cost: spending.cost(),
        concurrency: prepared.experiment.concurrency,
        fidelities: fidelities(step.fidelity, prepared, source),
        tasks: vec![Task { name: task, features: Vec::new() }],
        history: Vec::new(),
        saved: None,
    }
}

/// The fidelities that can be asked for, rising to the step's own: whole epochs of a recipe whose length is not decided.
fn fidelities(highest: f64, prepared: &Prepared, source: &Source) -> Vec<f64> {
    let space = &prepared.space;
    let decided = space.decisions().iter().any(|decision| decision.path == "space.training.epochs");
    let recipe = space.training(&space.defaults());
    match (source, recipe) {
        (Source::Libtorch(_), Ok(recipe))
            if !decided && prepared.experiment.fidelity.by == FidelityBy::Epochs && recipe.epochs <= 1000 =>
        {
            let last = whole_epochs(recipe.epochs, highest);
            let mut all: Vec<f64> = (1..last).map(|epoch| f64::from(epoch) / f64::from(recipe.epochs)).collect();
            all.push(highest);
            all
        }
        _ => vec![highest],
    }
}

/// A decision as the contract has it.
fn decision(decision: &pleach_space::Decision) -> contract::Decision {
    contract::Decision {
        path: decision.path.clone(),
        domain: match &decision.domain {
            pleach_space::Domain::Choice(options) => contract::Domain::Choice(options.clone()),
            pleach_space::Domain::Levels(levels) => contract::Domain::Levels(levels.clone()),
            pleach_space::Domain::Integer { low, high, log } => {
                contract::Domain::Integer(contract::IntegerRange { low: *low, high: *high, log: *log })
            }
            pleach_space::Domain::Real { low, high, log } => {
                contract::Domain::Real(contract::RealRange { low: *low, high: *high, log: *log })
            }
        },
        role: match decision.role {
            pleach_space::Role::Architecture => contract::Role::Architecture,
            pleach_space::Role::Training => contract::Role::Training,
        },
        active_when: decision.active_when.as_ref().map(|condition| contract::Condition {
            decision: condition.decision as u32,
            values: condition.values.clone(),
        }),
        slot: decision.slot.map(|slot| contract::Slot { body: slot.body, position: slot.position }),
        block: None,
    }
}
