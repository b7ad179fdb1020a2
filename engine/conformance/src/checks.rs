//! The checks by what they are about, and what they share.

mod ends;
mod failures;
mod manifest;
mod objectives;
mod options;
mod repetition;
mod room;
mod spaces;

use std::cell::RefCell;

use pleach_plugin::{Need, Plugin, with_defaults};
use pleach_sdk::testing::ToySpace;
use serde_json::{Map, Value};

use crate::case::{Case, Results};
use crate::report::Verdict;
use crate::search::{self, History};
use crate::usage::Usages;

/// One check.
#[derive(Clone, Copy)]
pub struct Check {
    /// Its name, words joined by hyphens.
    pub name: &'static str,
    /// What it checks, as a sentence about the plugin.
    pub what: &'static str,
    pub(crate) run: fn(&Bench<'_>) -> Verdict,
}

impl std::fmt::Debug for Check {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Check").field("name", &self.name).field("what", &self.what).finish_non_exhaustive()
    }
}

/// All checks in order.
pub fn checks() -> Vec<Check> {
    [
        manifest::CHECKS,
        options::CHECKS,
        spaces::CHECKS,
        objectives::CHECKS,
        repetition::CHECKS,
        failures::CHECKS,
        room::CHECKS,
        ends::CHECKS,
    ]
    .concat()
}

/// A plugin that is checked.
#[derive(Debug)]
pub(crate) struct Bench<'a> {
    pub plugin: &'a Plugin,
    pub seed: u64,
    pub usage: RefCell<Usages>,
}

impl<'a> Bench<'a> {
    pub fn new(plugin: &'a Plugin, seed: u64) -> Self {
        Self { plugin, seed, usage: RefCell::default() }
    }

    pub fn needs(&self, need: Need) -> bool {
        self.plugin.manifest().needs(need)
    }

    /// The options by their defaults.
    pub fn options(&self) -> Value {
        Value::Object(with_defaults(&self.plugin.manifest().options_schema, Map::new()))
    }

    /// Forty trials in this space, four at once.
    pub fn case(&self, space: ToySpace) -> Case {
        // As good as a guess by the first decision.
        let predictor = |genotype: &[f64]| genotype.first().map_or(0.0, |value| -value);
        let space = if self.needs(Need::Predict) { space.predicting(predictor) } else { space };
        Case {
            space,
            seed: self.seed,
            options: self.options().to_string(),
            trials: Some(40),
            trainings: None,
            cost: None,
            ends_after: 1000,
            concurrency: 4,
            objectives: if self.needs(Need::SeveralObjectives) { 2 } else { 1 },
            constraints: 0,
            fidelities: vec![1.0],
            resumes: false,
            results: Results::Distances,
            history: vec![],
            saved: None,
        }
    }

    /// The same in a space of eight choices of four options.
    pub fn usual(&self) -> Case {
        self.case(ToySpace::choices(&[4; 8]))
    }

    /// Why no search of this plugin can run here.
    fn unserved(&self) -> Option<Verdict> {
        let needs = [Need::Share, Need::Score, Need::Inherit];
        let need = needs.into_iter().find(|need| self.needs(*need))?;
        Some(skipped(format!("it needs `{need}`, which the toy world does not have")))
    }

    pub fn search(&self, case: &Case) -> Result<History, String> {
        search::search(self.plugin, case, &self.usage)
    }

    /// Searches, and judges what came of it.
    pub fn searched(&self, case: &Case, judge: impl FnOnce(&History) -> Result<(), String>) -> Verdict {
        match self.unserved() {
            Some(skipped) => skipped,
            None => verdict(self.search(case).and_then(|history| judge(&history))),
        }
    }

    /// Searches, which must come to its end with something asked.
    pub fn ends(&self, case: &Case) -> Verdict {
        self.searched(case, asked_something)
    }
}

/// A search must ask for something.
pub(crate) fn asked_something(history: &History) -> Result<(), String> {
    if history.requests.is_empty() { Err("it finishes without a request".to_owned()) } else { Ok(()) }
}

pub(crate) fn verdict(result: Result<(), String>) -> Verdict {
    match result {
        Ok(()) => Verdict::Passed,
        Err(reason) => Verdict::Failed { reason },
    }
}

pub(crate) fn skipped(reason: impl Into<String>) -> Verdict {
    Verdict::Skipped { reason: reason.into() }
}

pub(crate) fn failed(reason: impl Into<String>) -> Verdict {
    Verdict::Failed { reason: reason.into() }
}
