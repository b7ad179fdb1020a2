//! The toy world: the strategy kit's spaces behind the host's side of the contract, and how trainings come out.

use pleach_plugin::EngineServices;
use pleach_plugin::contract::{
    Architecture, Condition, Decision, Domain, Failure, Genotype, IntegerRange, Level, Measurement, Node, Prediction,
    RealRange, Reason, Role, Slot,
};
use pleach_sdk::Engine;
use pleach_sdk::testing::ToySpace;

use crate::case::{Case, Results};

/// A toy space that serves a plugin.
pub(crate) struct World(pub ToySpace);

/// A decision of the strategy kit as the host has it.
pub(crate) fn decision(decision: &pleach_sdk::Decision) -> Decision {
    Decision {
        path: decision.path.clone(),
        domain: match &decision.domain {
            pleach_sdk::Domain::Choice(options) => Domain::Choice(options.clone()),
            pleach_sdk::Domain::Levels(levels) => Domain::Levels(levels.clone()),
            pleach_sdk::Domain::Integer(range) => {
                Domain::Integer(IntegerRange { low: range.low, high: range.high, log: range.log })
            }
            pleach_sdk::Domain::Real(range) => {
                Domain::Real(RealRange { low: range.low, high: range.high, log: range.log })
            }
        },
        role: match decision.role {
            pleach_sdk::Role::Architecture => Role::Architecture,
            pleach_sdk::Role::Training => Role::Training,
        },
        active_when: decision
            .active_when
            .as_ref()
            .map(|condition| Condition { decision: condition.decision, values: condition.values.clone() }),
        slot: decision.slot.map(|slot| Slot { body: slot.body, position: slot.position }),
        block: decision.block,
    }
}

/// How far a genotype is from the best, from 0 to 1: each active decision by its place between first and last.
pub(crate) fn distance(space: &ToySpace, genotype: &[f64]) -> f64 {
    let place = |(index, decision): (usize, &pleach_sdk::Decision)| {
        let value = genotype[index];
        let (low, high) = match &decision.domain {
            _ if !space.active(genotype, index) => return 0.5,
            pleach_sdk::Domain::Choice(options) => (0.0, options.len() as f64 - 1.0),
            pleach_sdk::Domain::Levels(levels) => (0.0, levels.len() as f64 - 1.0),
            pleach_sdk::Domain::Integer(range) => (range.low as f64, range.high as f64),
            pleach_sdk::Domain::Real(range) => (range.low, range.high),
        };
        if high > low { (high - value) / (high - low) } else { 0.0 }
    };
    space.decisions.iter().enumerate().map(place).sum::<f64>() / space.decisions.len().max(1) as f64
}

/// How a request for this genotype comes out; `number` is the request's.
pub(crate) fn result(case: &Case, genotype: &[f64], number: u64) -> Result<Measurement, Failure> {
    let failed = |reason: Reason| Err(Failure { reason, message: "it is meant to fail".to_owned() });
    let distance = distance(&case.space, genotype);
    let third = number % 3 == 2;
    let loss = match case.results {
        Results::Failing(reason) if third => return failed(reason),
        Results::AllFailing => return failed(Reason::Diverged),
        Results::NotNumbers if third => f64::NAN,
        Results::Equal => 0.5,
        _ => distance,
    };
    Ok(Measurement {
        // Further objectives are better where the first is worse.
        losses: (0..case.objectives).map(|index| if index == 0 { loss } else { 1.0 - loss }).collect(),
        violations: vec![distance - 0.5; case.constraints],
        curves: vec![],
        scores: vec![],
        gradients: vec![],
        signals: vec![],
    })
}

impl EngineServices for World {
    fn check_genotype(&self, genotype: &[f64]) -> Result<(), String> {
        self.0.check(genotype)
    }
    fn log(&mut self, _: Level, _: &str) {}
    fn sample(&mut self, count: u32, seed: u64) -> Result<Vec<Genotype>, String> {
        Ok(self.0.sample(count, seed))
    }
    fn mutate(&mut self, parents: &[Genotype], seed: u64) -> Result<Vec<Genotype>, String> {
        parents.iter().try_for_each(|parent| self.0.check(parent))?;
        Ok(self.0.mutate(parents, seed))
    }
    fn repair(&mut self, genotypes: &[Genotype], seed: u64) -> Result<Vec<Genotype>, String> {
        Ok(self.0.repair(genotypes, seed))
    }
    fn neighbours(&mut self, of: &[Genotype]) -> Result<Vec<Vec<Genotype>>, String> {
        of.iter().try_for_each(|genotype| self.0.check(genotype))?;
        Ok(self.0.neighbours(of))
    }
    fn members(&mut self, limit: u32) -> Result<Option<Vec<Genotype>>, String> {
        Ok(self.0.members(limit))
    }
    fn fingerprint(&mut self, of: &[Genotype]) -> Result<Vec<u64>, String> {
        of.iter().try_for_each(|genotype| self.0.check(genotype))?;
        Ok(self.0.fingerprint(of))
    }
    fn path_counts(&mut self, of: &[Genotype]) -> Result<Vec<Vec<f32>>, String> {
        Ok(self.0.path_counts(of))
    }
    fn graph(&mut self, of: &[Genotype]) -> Result<Vec<Architecture>, String> {
        let convert = |graph: pleach_sdk::Architecture| Architecture {
            nodes: graph.nodes.into_iter().map(|node| Node { kind: node.kind, features: node.features }).collect(),
            edges: graph.edges,
        };
        Ok(self.0.graph(of).into_iter().map(convert).collect())
    }
    fn costs(&mut self, of: &[Genotype]) -> Result<Vec<Vec<f64>>, String> {
        Ok(self.0.costs(of))
    }
    fn predict(&mut self, of: &[Genotype], objective: u32, pending: &[Genotype]) -> Result<Vec<Prediction>, String> {
        let predictions = self.0.predict(of, objective, pending);
        Ok(predictions.into_iter().map(|one| Prediction { mean: one.mean, deviation: one.deviation }).collect())
    }
    fn extrapolate(&mut self, _: &[u64], _: u32) -> Result<Vec<Prediction>, String> {
        Ok(Vec::new())
    }
    fn quality(&mut self, objective: u32) -> Result<Option<f64>, String> {
        Ok(self.0.quality(objective))
    }
}
