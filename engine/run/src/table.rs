//! A table as evaluator: results are there at once, and only the virtual clock takes time.

use crate::error::RunError;
use crate::outcome::{Evaluated, Values};
use crate::score::Scorer;
use crate::search::{Begun, Evaluator};
use crate::session::Session;
use pleach_evaluate::{Draw, Row, Table};
use pleach_plugin::contract::{Origin, Training};
use pleach_space::{Costs, View};
use pleach_store::Metrics;
use smallvec::SmallVec;
use std::borrow::Cow;
use std::sync::Arc;

/// A table under the decisions of one step.
#[derive(Debug)]
pub struct TableEvaluator<'t> {
    table: &'t Table,
    view: View,
    names: Arc<[String]>,
    proxies: Arc<[String]>,
    /// Of `names`, what objectives and requirements need.
    needed: Vec<usize>,
    /// Of `names`, those of which there is a value every epoch.
    curve: Vec<usize>,
    /// Metrics after the table's own, counted from the network.
    counted: usize,
    whole: bool,
    /// By which seeds are drawn, where the table samples them.
    seed: u64,
    /// The fidelity of each request, where trainings go on from earlier ones.
    asked: Vec<f64>,
}

impl<'t> TableEvaluator<'t> {
    /// A table; what the scorer uses and the table lacks is counted from the network, where there is one. The run's seed draws
    /// training seeds, where the table samples them.
    pub fn new(table: &'t Table, view: View, scorer: &Scorer, seed: u64) -> Self {
        let mut names: Vec<String> = table.metrics().to_vec();
        let own = names.len();
        if view.space().has_network() {
            let counted = Costs::NAMES.iter().filter(|name| scorer.uses(name));
            names.extend(counted.map(|name| (*name).to_owned()).filter(|name| !table.metrics().contains(name)));
        }
        let needed = (0..names.len()).filter(|&place| scorer.uses(&names[place])).collect();
        let curve = (0..own).filter(|&place| table.curve().contains(&names[place])).collect();
        let whole = view.decisions().len() == view.space().decisions().len();
        Self {
            table,
            view,
            counted: names.len() - own,
            needed,
            curve,
            names: names.into(),
            proxies: table.scores().into(),
            whole,
            seed: pleach_random::derive(seed, &["table"]),
            asked: Vec::new(),
        }
    }

    fn row(&self, full: &[f64]) -> Result<Row<'t>, String> {
        self.table.evaluate(full).map_err(|failure| failure.message)
    }

    fn full<'g>(&self, genotype: &'g [f64]) -> Cow<'g, [f64]> {
        if self.whole { Cow::Borrowed(genotype) } else { Cow::Owned(self.view.full(genotype)) }
    }

    /// Metrics, curves and seconds of a training.
    fn values(&self, training: &Training) -> Result<(Values, Vec<Metrics>, f64), String> {
        let full = self.full(&training.genotype);
        let row = self.row(&full)?;
        let Some(level) = self.table.level(training.fidelity) else {
            return Err(format!("the table has no results at fidelity {}", training.fidelity));
        };
        let own = self.names.len() - self.counted;
        let draw = Draw { seed: self.seed, repeat: training.repeat };
        let mut values: SmallVec<[f64; 4]> =
            (0..own).map(|place| row.value_at(level, place, draw).unwrap_or(f64::NAN)).collect();
        if self.counted > 0 {
            let built = self.view.space().build(&full).map_err(|problem| problem.message)?;
            values.extend(self.names[own..].iter().map(|name| built.costs.metric(name).unwrap_or(f64::NAN)));
        }
        if let Some(&place) = self.needed.iter().find(|&&place| values[place].is_nan()) {
            let at =
                if training.fidelity < 1.0 { format!(" at fidelity {}", training.fidelity) } else { String::new() };
            return Err(format!("the table has no `{}` for this candidate{at}", self.names[place]));
        }
        let epoch = |level: usize| {
            let value = |&place: &usize| Some((self.names[place].clone(), row.value_at(level, place, draw)?));
            self.curve.iter().filter_map(value).collect()
        };
        let curves = if self.curve.is_empty() { Vec::new() } else { (0..=level).map(epoch).collect() };
        let before = match self.resumed(training) {
            0.0 => 0.0,
            resumed => self.table.level(resumed).map_or(0.0, |level| row.cost_at(level)),
        };
        let seconds = (row.cost_at(level) - before).max(0.0);
        Ok((Values::Row { names: self.names.clone(), values }, curves, seconds))
    }

    /// What begins where the budget allows it.
    fn begun(
        &self,
        found: Result<(Values, Vec<Metrics>, f64), String>,
        allow: &mut dyn FnMut(f64) -> bool,
    ) -> Option<Begun> {
        let (cost, done) = match found {
            Ok((values, curves, cost)) => (cost, Evaluated { curves, ..Evaluated::at_once(Ok(values)) }),
            Err(message) => (self.table.infeasible_seconds(), Evaluated::infeasible(message)),
        };
        allow(cost).then_some(Begun { cost, key: None, done: Some(done) })
    }

    fn scored(&self, genotype: &[f64]) -> Result<Values, String> {
        let row = self.row(&self.full(genotype))?;
        let values: SmallVec<[f64; 4]> =
            (0..self.proxies.len()).map(|place| row.score(place).unwrap_or(f64::NAN)).collect();
        match values.iter().all(|value| value.is_nan()) {
            true => Err("the table has no training-free scores for this candidate".to_owned()),
            false => Ok(Values::Row { names: self.proxies.clone(), values }),
        }
    }
}

impl Evaluator for TableEvaluator<'_> {
    fn begin(
        &mut self,
        id: u64,
        training: &Training,
        allow: &mut dyn FnMut(f64) -> bool,
    ) -> Result<Option<Begun>, RunError> {
        let begun = self.begun(self.values(training), allow);
        self.recall(id, training, None);
        Ok(begun)
    }

    fn proxies(&self) -> &[String] {
        &self.proxies
    }

    fn score(&mut self, genotype: &[f64], allow: &mut dyn FnMut(f64) -> bool) -> Result<Option<Begun>, RunError> {
        let seconds = self.table.score_seconds();
        Ok(self.begun(self.scored(genotype).map(|values| (values, Vec::new(), seconds)), allow))
    }

    fn recall(&mut self, id: u64, training: &Training, _: Option<&str>) {
        if self.table.resumes() {
            self.asked.resize(id as usize + 1, 0.0);
            self.asked[id as usize] = training.fidelity;
        }
    }

    fn resumed(&self, training: &Training) -> f64 {
        match training.origin {
            Origin::Resume(earlier) => self.asked.get(earlier as usize).copied().unwrap_or(0.0),
            _ => 0.0,
        }
    }

    fn finish(&mut self, _: u64, _: &mut Session<'_>) -> Result<Evaluated, RunError> {
        unreachable!("a table answers at once")
    }

    fn costs_work(&self) -> bool {
        false
    }

    fn curves(&self) -> &[String] {
        self.table.curve()
    }
}

#[cfg(test)]
mod tests;
