//! A table as evaluator: results are there at once, and only the virtual clock takes time.

use crate::error::RunError;
use crate::outcome::{Evaluated, Values};
use crate::score::Scorer;
use crate::search::{Begun, Evaluator};
use crate::session::Session;
use pleach_evaluate::Table;
use pleach_plugin::contract::Training;
use pleach_space::{Costs, View};
use smallvec::SmallVec;
use std::borrow::Cow;
use std::sync::Arc;

/// A table under the decisions of one step.
#[derive(Debug)]
pub struct TableEvaluator<'t> {
    table: &'t Table,
    view: View,
    names: Arc<[String]>,
    /// Of `names`, what objectives and requirements need.
    needed: Vec<usize>,
    /// Metrics after the table's own, counted from the network.
    counted: usize,
    whole: bool,
    proxy_cost: f64,
}

impl<'t> TableEvaluator<'t> {
    /// A table; what the scorer uses and the table lacks is counted from the network, where there is one.
    pub fn new(table: &'t Table, view: View, scorer: &Scorer) -> Self {
        let mut names: Vec<String> = table.metrics().to_vec();
        let own = names.len();
        if view.space().has_network() {
            let counted = Costs::NAMES.iter().filter(|name| scorer.uses(name));
            names.extend(counted.map(|name| (*name).to_owned()).filter(|name| !table.metrics().contains(name)));
        }
        let needed = (0..names.len()).filter(|&place| scorer.uses(&names[place])).collect();
        let whole = view.decisions().len() == view.space().decisions().len();
        Self { table, view, counted: names.len() - own, needed, names: names.into(), whole, proxy_cost: 1.0 }
    }

    fn values(&self, genotype: &[f64]) -> Result<(Values, f64), String> {
        let full = if self.whole { Cow::Borrowed(genotype) } else { Cow::Owned(self.view.full(genotype)) };
        let row = self.table.evaluate(&full).map_err(|failure| failure.message)?;
        let own = self.names.len() - self.counted;
        let mut values: SmallVec<[f64; 4]> = (0..own).map(|place| row.value(place).unwrap_or(f64::NAN)).collect();
        if self.counted > 0 {
            let built = self.view.space().build(&full).map_err(|problem| problem.message)?;
            values.extend(self.names[own..].iter().map(|name| built.costs.metric(name).unwrap_or(f64::NAN)));
        }
        match self.needed.iter().find(|&&place| values[place].is_nan()) {
            Some(&place) => Err(format!("the table has no `{}` for this candidate", self.names[place])),
            None => Ok((Values::Row { names: self.names.clone(), values }, row.cost_seconds())),
        }
    }
}

impl Evaluator for TableEvaluator<'_> {
    fn begin(
        &mut self,
        _: u64,
        training: &Training,
        allow: &mut dyn FnMut(f64) -> bool,
    ) -> Result<Option<Begun>, RunError> {
        let (cost, done) = match self.values(&training.genotype) {
            Ok((values, cost)) => (cost, Evaluated::at_once(Ok(values))),
            Err(message) => (self.proxy_cost, Evaluated::infeasible(message)),
        };
        Ok(allow(cost).then_some(Begun { cost, key: None, done: Some(done) }))
    }

    fn finish(&mut self, _: u64, _: &mut Session<'_>) -> Result<Evaluated, RunError> {
        unreachable!("a table answers at once")
    }

    fn costs_work(&self) -> bool {
        false
    }

    fn curves(&self) -> &[String] {
        &[]
    }
}
