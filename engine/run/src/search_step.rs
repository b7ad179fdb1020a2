//! A search step: the strategy's context, and who evaluates.

use crate::budget::Spending;
use crate::error::RunError;
use crate::evaluation::{Evaluations, Resumed, Wanted};
use crate::informed::{Informed, SharedSurrogate};
use crate::measures::Measures;
use crate::outcome::Evaluated;
use crate::part::whole_epochs;
use crate::parts::Part;
use crate::prepared::{Prepared, Source};
use crate::score::Scorer;
use crate::search::{Begun, Evaluator, Search, Searched};
use crate::services::{Logs, Services};
use crate::session::Session;
use crate::table::TableEvaluator;
use pleach_plugin::contract::{self, Context, Origin, Task, Training};
use pleach_plugin::{Limits, Need, Plugin};
use pleach_predict::{Encoder, Surrogate};
use pleach_random::derive;
use pleach_space::View;
use pleach_spec::{FidelityBy, FidelitySchedule, Step};
use std::collections::HashMap;

/// Jobs of the contract that a search serves; beside them `predict`, where the experiment names a predictor.
const SERVED: [Need; 2] = [Need::Train, Need::Resume];

/// Evaluates a search's requests in processes.
struct InProcesses<'e, 'a> {
    evaluations: &'e mut Evaluations<'a>,
    view: View,
    step: String,
    curves: Vec<String>,
    measures: Measures,
    /// Whether trainings go on from earlier ones.
    resumes: bool,
    /// Fidelity and trial key of what was asked, where trainings go on from it.
    asked: HashMap<u64, (f64, Option<String>)>,
}

impl Evaluator for InProcesses<'_, '_> {
    fn begin(
        &mut self,
        id: u64,
        training: &Training,
        allow: &mut dyn FnMut(f64) -> bool,
    ) -> Result<Option<Begun>, RunError> {
        let genotype = self.view.full(&training.genotype);
        let resumed = match training.origin {
            Origin::Resume(earlier) => self.asked.get(&earlier),
            _ => None,
        };
        let resumed = resumed.and_then(|(fidelity, key)| Some(Resumed { fidelity: *fidelity, key: key.as_deref()? }));
        let wanted = Wanted {
            space: self.view.space(),
            genotype: &genotype,
            fidelity: training.fidelity,
            repeat: training.repeat,
            last: false,
            measures: &self.measures,
            resumable: self.resumes,
            resumed,
        };
        let Some(opened) = self.evaluations.open(id, wanted, allow)? else { return Ok(None) };
        self.recall(id, training, opened.key.as_deref());
        let done = opened.infeasible.map(Evaluated::infeasible);
        Ok(Some(Begun { cost: opened.cost, key: opened.key, done }))
    }

    fn recall(&mut self, id: u64, training: &Training, key: Option<&str>) {
        if self.resumes {
            self.asked.insert(id, (training.fidelity, key.map(str::to_owned)));
            key.into_iter().for_each(|key| self.evaluations.recall_temporary_weights(key));
        }
    }

    fn resumed(&self, training: &Training) -> f64 {
        match training.origin {
            Origin::Resume(earlier) => self.asked.get(&earlier).map_or(0.0, |(fidelity, _)| *fidelity),
            _ => 0.0,
        }
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

/// Runs one search of a step; trials of an earlier sitting are replayed from the record.
///
/// # Errors
/// As [`Search::run`].
#[allow(clippy::too_many_arguments)]
pub(crate) fn run(
    part: &Part,
    step: &Step,
    prepared: &Prepared,
    plugin: &Plugin,
    view: &View,
    source: &Source,
    evaluations: &mut Evaluations<'_>,
    scorer: &Scorer,
    session: &mut Session<'_>,
) -> Result<Searched, RunError> {
    let name = part.record.as_str();
    let manifest = plugin.manifest();
    let options: serde_json::Map<String, serde_json::Value> = serde_json::from_str(&part.options).unwrap_or_default();
    let predictor = prepared.experiment.predictor.as_ref().filter(|_| manifest.uses(Need::Predict, &options));
    let scores = matches!(source, Source::Table(table) if !table.scores().is_empty());
    let served = |need: &Need| match need {
        Need::Predict => predictor.is_some(),
        Need::Proxies => scores,
        need => SERVED.contains(need),
    };
    let needs = manifest.needs.iter().copied().chain(manifest.options_need(&options).map(|(_, need)| need));
    if let Some(need) = needs.into_iter().find(|need| !served(need)) {
        return Err(RunError::Need { step: name.to_owned(), plugin: manifest.name.clone(), need: need.to_string() });
    }
    let searching = step.searching().expect("the step searches");
    let spending = Spending::new(searching.budget);
    let view = &match source {
        Source::Table(table) => view.clone().with_known(table.members().clone(), table.is_pool()),
        Source::Libtorch(_) | Source::Command { .. } => view.clone(),
    };
    let logs = Logs::default();
    let predictor = predictor.map(|predictor| {
        let encoder = Encoder::new(view.clone(), predictor);
        let seed = derive(part.seed(prepared.experiment.seed), &["predictor"]);
        let objectives = scorer.objectives().len();
        SharedSurrogate::new(Surrogate::new(predictor.clone(), encoder, objectives, searching.fidelity, seed))
    });
    let services = Services::new(view.clone(), scorer.clone(), logs.clone()).with_predictor(predictor.clone());
    let curves = match source {
        Source::Table(table) => table.curve().to_vec(),
        Source::Libtorch(_) | Source::Command { .. } => evaluations.curves(),
    };
    let resumes = can_resume(prepared, source);
    let context = context(part, searching.fidelity, prepared, view, source, scorer, &spending, curves.clone(), resumes);
    let strategy = plugin
        .start(Box::new(services), &context, Limits::default())
        .map_err(|source| RunError::Plugin { step: name.to_owned(), source })?;
    let strategy = Informed::new(strategy, predictor);
    let (concurrency, failures) = (prepared.experiment.concurrency, prepared.experiment.failures);
    match source {
        Source::Table(table) => {
            let evaluator = TableEvaluator::new(table, view.clone(), scorer, prepared.experiment.seed);
            Search { step: name, strategy, evaluator, scorer, concurrency, failures, spending, logs, resumes }
                .run(session)
        }
        Source::Libtorch(_) | Source::Command { .. } => {
            let evaluator = InProcesses {
                evaluations,
                view: view.clone(),
                step: name.to_owned(),
                curves,
                measures: Measures::of(&prepared.experiment, step),
                resumes: resumes && plugin.manifest().needs.contains(&Need::Resume),
                asked: HashMap::new(),
            };
            Search { step: name, strategy, evaluator, scorer, concurrency, failures, spending, logs, resumes }
                .run(session)
        }
    }
}

/// Whether a training can go on from an earlier part of it.
fn can_resume(prepared: &Prepared, source: &Source) -> bool {
    let meaning = &prepared.experiment.fidelity;
    match source {
        Source::Libtorch(_) => meaning.by == FidelityBy::Epochs && meaning.schedule == FidelitySchedule::Full,
        Source::Table(table) => table.resumes(),
        Source::Command { .. } => false,
    }
}

#[allow(clippy::too_many_arguments)]
fn context(
    part: &Part,
    fidelity: f64,
    prepared: &Prepared,
    view: &View,
    source: &Source,
    scorer: &Scorer,
    spending: &Spending,
    curves: Vec<String>,
    resumes: bool,
) -> Context {
    let task = prepared.experiment.name.clone();
    let mut signals = vec!["virtual_time".to_owned(), "fidelity".to_owned()];
    if resumes {
        signals.push("resumed".to_owned());
    }
    Context {
        decisions: context_decisions(view),
        objectives: scorer.objectives(),
        constraints: scorer.constraints(),
        curves,
        signals,
        proxies: match source {
            Source::Table(table) => table.scores().to_vec(),
            Source::Libtorch(_) | Source::Command { .. } => Vec::new(),
        },
        blocks: Vec::new(),
        node_kinds: View::node_kinds().iter().map(|kind| (*kind).to_owned()).collect(),
        node_features: View::NODE_FEATURES as u32,
        seed: part.seed(prepared.experiment.seed),
        options: part.options.clone(),
        budget: spending.trials(),
        budget_trainings: spending.trainings(),
        budget_cost: spending.cost(),
        concurrency: prepared.experiment.concurrency,
        fidelities: fidelities(fidelity, prepared, source),
        tasks: vec![Task { name: task, features: Vec::new() }],
        history: Vec::new(),
        saved: None,
    }
}

/// The fidelities that can be asked for, rising to the step's own: those of a table, or whole epochs of a recipe whose length is not
/// decided.
fn fidelities(highest: f64, prepared: &Prepared, source: &Source) -> Vec<f64> {
    if let Source::Table(table) = source {
        return table.fidelities().filter(|fidelity| *fidelity <= highest).collect();
    }
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

/// The decisions of a view as the contract has them.
pub(crate) fn context_decisions(view: &View) -> Vec<contract::Decision> {
    view.decisions().iter().map(decision).collect()
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
