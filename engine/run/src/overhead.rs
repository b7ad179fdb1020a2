//! What the search loop itself costs: a real plugin on a trivial objective.

use crate::budget::Spending;
use crate::error::RunError;
use crate::events::Event;
use crate::outcome::{Evaluated, Values};
use crate::score::Scorer;
use crate::search::{Begun, Evaluator, Search};
use crate::services::{Logs, Services};
use crate::session::Session;
use pleach_plugin::contract::{Context, Decision, Domain, Role, Task, Training};
use pleach_plugin::{Limits, Plugin};
use pleach_space::{Space, View};
use pleach_spec::{Budget, Decide, Objective};
use pleach_store::{Holder, LockFile, RunFolder, StepRecord};
use serde_json::{Value, json};
use smallvec::smallvec;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// Edges of the toy cell, each with [`OPERATIONS`] options: as many as NAS-Bench-201 has.
const EDGES: usize = 6;
const OPERATIONS: usize = 5;

/// Counts how many edges hold the last operation; costs nothing to evaluate.
struct Trivial {
    names: Arc<[String]>,
}

impl Evaluator for Trivial {
    fn begin(
        &mut self,
        _: u64,
        training: &Training,
        allow: &mut dyn FnMut(f64) -> bool,
    ) -> Result<Option<Begun>, RunError> {
        let score: f64 = training.genotype.iter().sum();
        let done = Evaluated::at_once(Ok(Values::Row { names: self.names.clone(), values: smallvec![score] }));
        Ok(allow(1.0).then_some(Begun { cost: 1.0, key: None, done: Some(done) }))
    }

    fn finish(&mut self, _: u64, _: &mut Session<'_>) -> Result<Evaluated, RunError> {
        unreachable!("every result is there at once")
    }

    fn costs_work(&self) -> bool {
        false
    }

    fn curves(&self) -> &[String] {
        &[]
    }
}

/// Microseconds a trial of a search of so many trials with a plugin's own defaults, one at a time; with storage into a run below
/// `root` where one is given. `options` are the plugin's, as JSON; `now` gives real seconds.
///
/// # Errors
/// The plugin fails, or the run's folder cannot be written.
pub fn overhead(
    plugin: &Plugin,
    options: &Value,
    trials: u64,
    concurrency: u32,
    root: Option<(&Path, &Holder)>,
    now: &dyn Fn() -> f64,
) -> Result<f64, RunError> {
    let labels: Vec<String> = (0..OPERATIONS).map(|i| format!("operation-{i}")).collect();
    let values: serde_json::Map<String, Value> =
        (0..EDGES).map(|edge| (format!("edge{edge}"), json!({"one_of": labels}))).collect();
    let (space, problems) = Space::compile(&json!({"values": values}), "/space", None);
    let space = Arc::new(space.unwrap_or_else(|| unreachable!("the toy space compiles: {problems:?}")));
    let base = space.defaults();
    let view = View::new(space, Decide::All, base);
    let metric = "score".parse().expect("it is a metric's name");
    let scorer = Scorer::new(&[Objective::Maximize(metric)], &[]);
    let budget = Budget::Trials(trials);
    let decision = |decision: &pleach_space::Decision| Decision {
        path: decision.path.clone(),
        domain: Domain::Choice(labels.clone()),
        role: Role::Architecture,
        active_when: None,
        slot: None,
        block: None,
    };
    let context = Context {
        decisions: view.decisions().iter().map(decision).collect(),
        objectives: scorer.objectives(),
        constraints: Vec::new(),
        curves: Vec::new(),
        signals: vec!["virtual_time".into(), "fidelity".into()],
        proxies: Vec::new(),
        blocks: Vec::new(),
        node_kinds: Vec::new(),
        node_features: 0,
        seed: 1,
        options: options.to_string(),
        budget: Some(trials),
        budget_trainings: None,
        budget_cost: None,
        concurrency,
        fidelities: vec![1.0],
        tasks: vec![Task { name: "overhead".into(), features: Vec::new() }],
        history: Vec::new(),
        saved: None,
    };
    let step = "explore";
    let writer = match root {
        None => None,
        Some((root, holder)) => {
            let folder = RunFolder::create(root, "overhead", "", &LockFile::default())?;
            let mut writer = folder.record(holder)?;
            writer.record_step(&StepRecord::pending(step, "search", Value::Null))?;
            Some(writer)
        }
    };
    let logs = Logs::default();
    let services = Services::new(view, scorer.clone(), logs.clone());
    let strategy = plugin
        .start(Box::new(services), &context, Limits::default())
        .map_err(|source| RunError::Plugin { step: step.to_owned(), source })?;
    let (interrupt, mut ignore) = (AtomicBool::new(false), |_: &Event<'_>| {});
    let mut session = Session::new(writer, &mut ignore, now, &interrupt);
    let start = now();
    Search {
        step,
        strategy,
        evaluator: Trivial { names: vec!["score".to_owned()].into() },
        scorer: &scorer,
        concurrency,
        failures: 1.0,
        spending: Spending::new(&budget),
        logs,
        resumes: false,
    }
    .run(&mut session)?;
    Ok((now() - start) * 1e6 / trials as f64)
}
