//! What the tests of the host share: a toy space as the engine, and a context for it.

use pleach_plugin::EngineServices;
use pleach_plugin::contract::{Architecture, Context, Decision, Domain, Genotype, Level, Node, Prediction, Role, Task};
use pleach_sdk::Engine;
use pleach_sdk::testing::ToySpace;

/// The toy space of the strategy kit, behind the host's side of the contract.
pub struct Toy {
    pub space: ToySpace,
    pub logged: std::sync::mpsc::Sender<String>,
}

impl Toy {
    pub fn boxed(space: &ToySpace) -> Box<dyn EngineServices> {
        Box::new(Self { space: space.clone(), logged: std::sync::mpsc::channel().0 })
    }
}

impl EngineServices for Toy {
    fn check_genotype(&self, genotype: &[f64]) -> Result<(), String> {
        self.space.check(genotype)
    }
    fn log(&mut self, _: Level, message: &str) {
        let _ = self.logged.send(message.to_owned());
    }
    fn sample(&mut self, count: u32, seed: u64) -> Result<Vec<Genotype>, String> {
        Ok(self.space.sample(count, seed))
    }
    fn mutate(&mut self, parents: &[Genotype], seed: u64) -> Result<Vec<Genotype>, String> {
        parents.iter().try_for_each(|parent| self.space.check(parent))?;
        Ok(self.space.mutate(parents, seed))
    }
    fn repair(&mut self, genotypes: &[Genotype], seed: u64) -> Result<Vec<Genotype>, String> {
        Ok(self.space.repair(genotypes, seed))
    }
    fn neighbours(&mut self, of: &[Genotype]) -> Result<Vec<Vec<Genotype>>, String> {
        Ok(self.space.neighbours(of))
    }
    fn members(&mut self, limit: u32) -> Result<Option<Vec<Genotype>>, String> {
        Ok(self.space.members(limit))
    }
    fn fingerprint(&mut self, of: &[Genotype]) -> Result<Vec<u64>, String> {
        Ok(self.space.fingerprint(of))
    }
    fn path_counts(&mut self, of: &[Genotype]) -> Result<Vec<Vec<f32>>, String> {
        Ok(self.space.path_counts(of))
    }
    fn graph(&mut self, of: &[Genotype]) -> Result<Vec<Architecture>, String> {
        let convert = |graph: pleach_sdk::Architecture| Architecture {
            nodes: graph.nodes.into_iter().map(|node| Node { kind: node.kind, features: node.features }).collect(),
            edges: graph.edges,
        };
        Ok(self.space.graph(of).into_iter().map(convert).collect())
    }
    fn costs(&mut self, of: &[Genotype]) -> Result<Vec<Vec<f64>>, String> {
        Ok(self.space.costs(of))
    }
    fn predict(&mut self, _: &[Genotype], _: u32, _: &[Genotype]) -> Result<Vec<Prediction>, String> {
        Ok(Vec::new())
    }
    fn extrapolate(&mut self, _: &[u64], _: u32) -> Result<Vec<Prediction>, String> {
        Ok(Vec::new())
    }
    fn quality(&mut self, _: u32) -> Result<Option<f64>, String> {
        Ok(None)
    }
}

/// A context for choices with this many options each.
pub fn context(options: &[u32], seed: u64, with: &str) -> Context {
    let decisions = options.iter().enumerate().map(|(index, &count)| Decision {
        path: format!("space.network[{index}].one_of"),
        domain: Domain::Choice((0..count).map(|option| format!("option {option}")).collect()),
        role: Role::Architecture,
        active_when: None,
        slot: None,
        block: None,
    });
    Context {
        decisions: decisions.collect(),
        objectives: vec!["loss".to_owned()],
        constraints: vec![],
        curves: vec![],
        signals: vec![],
        proxies: vec![],
        blocks: vec![],
        node_kinds: vec![],
        node_features: 1,
        seed,
        options: with.to_owned(),
        budget: Some(400),
        budget_trainings: None,
        budget_cost: None,
        concurrency: 4,
        fidelities: vec![1.0],
        tasks: vec![Task { name: "toy".to_owned(), features: vec![] }],
        history: vec![],
        saved: None,
    }
}
