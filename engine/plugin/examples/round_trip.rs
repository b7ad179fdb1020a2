//! What a call of a plugin costs: `cargo run --release -p pleach-plugin --example round_trip -- FILE.wasm`.
//!
//! The engine behind it does next to nothing (six choices, mutation changes one), so what is measured is the component
//! boundary and the strategy itself.
#![allow(clippy::print_stdout)]

use std::time::Instant;

use pleach_plugin::contract::{
    Answer, Architecture, Context, Decision, Domain, Genotype, Job, Level, Measurement, Outcome, Prediction, Role,
};
use pleach_plugin::{EngineServices, Host, HostOptions, Limits};

const DECISIONS: usize = 6;
const OPTIONS: u64 = 5;

/// Six choices of five options.
struct Tiny;

fn next(state: &mut u64) -> u64 {
    *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    *state >> 33
}

impl EngineServices for Tiny {
    fn check_genotype(&self, genotype: &[f64]) -> Result<(), String> {
        match genotype.iter().all(|&value| value.fract() == 0.0 && (0.0..OPTIONS as f64).contains(&value)) {
            true => Ok(()),
            false => Err("a value out of range".to_owned()),
        }
    }
    fn log(&mut self, _: Level, _: &str) {}
    fn sample(&mut self, count: u32, mut seed: u64) -> Result<Vec<Genotype>, String> {
        let draw = |_| (0..DECISIONS).map(|_| (next(&mut seed) % OPTIONS) as f64).collect();
        Ok((0..count).map(draw).collect())
    }
    fn mutate(&mut self, parents: &[Genotype], mut seed: u64) -> Result<Vec<Genotype>, String> {
        let change = |parent: &Genotype| {
            let mut child = parent.clone();
            let place = (next(&mut seed) % DECISIONS as u64) as usize;
            child[place] = (child[place] + 1.0 + (next(&mut seed) % (OPTIONS - 1)) as f64) % OPTIONS as f64;
            child
        };
        Ok(parents.iter().map(change).collect())
    }
    fn repair(&mut self, genotypes: &[Genotype], _: u64) -> Result<Vec<Genotype>, String> {
        Ok(genotypes.to_vec())
    }
    fn neighbours(&mut self, _: &[Genotype]) -> Result<Vec<Vec<Genotype>>, String> {
        Err("not here".to_owned())
    }
    fn members(&mut self, _: u32) -> Result<Option<Vec<Genotype>>, String> {
        Ok(None)
    }
    fn fingerprint(&mut self, of: &[Genotype]) -> Result<Vec<u64>, String> {
        Ok(of.iter().map(|genotype| genotype.iter().fold(0, |hash, value| hash * OPTIONS + *value as u64)).collect())
    }
    fn path_counts(&mut self, _: &[Genotype]) -> Result<Vec<Vec<f32>>, String> {
        Err("not here".to_owned())
    }
    fn graph(&mut self, _: &[Genotype]) -> Result<Vec<Architecture>, String> {
        Err("not here".to_owned())
    }
    fn costs(&mut self, _: &[Genotype]) -> Result<Vec<Vec<f64>>, String> {
        Err("not here".to_owned())
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

fn context() -> Context {
    let decision = |index| Decision {
        path: format!("space.network[{index}]"),
        domain: Domain::Choice((0..OPTIONS).map(|option| option.to_string()).collect()),
        role: Role::Architecture,
        active_when: None,
        slot: None,
        block: None,
    };
    Context {
        decisions: (0..DECISIONS).map(decision).collect(),
        objectives: vec!["loss".to_owned()],
        constraints: vec![],
        curves: vec![],
        signals: vec![],
        proxies: vec![],
        blocks: vec![],
        node_kinds: vec![],
        node_features: 0,
        seed: 1,
        options: "{}".to_owned(),
        budget: None,
        budget_trainings: None,
        budget_cost: None,
        concurrency: 64,
        fidelities: vec![1.0],
        tasks: vec![],
        history: vec![],
        saved: None,
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let path = std::env::args().nth(1).ok_or("which plugin? Give its file")?;
    let bytes = std::fs::read(&path)?;
    println!("{path}: {} bytes", bytes.len());
    let cache = std::env::temp_dir().join(format!("pleach-round-trip-{}", std::process::id()));
    let host = Host::new(HostOptions { cache: Some(cache.clone()), ..HostOptions::default() })?;
    let timed = |what: &str| -> Result<_, Box<dyn std::error::Error>> {
        let begin = Instant::now();
        let plugin = host.load(&bytes, &path)?;
        println!("load, {what}: {:?} ({:?})", begin.elapsed(), plugin.cache_use());
        Ok(plugin)
    };
    timed("compiling")?;
    let plugin = timed("from the cache")?;
    std::fs::remove_dir_all(cache)?;
    let begin = Instant::now();
    plugin.start(Box::new(Tiny), &context(), Limits::default())?;
    println!("start (with its describe): {:?}", begin.elapsed());

    for batch in [1_u32, 8, 64] {
        let mut best = f64::INFINITY;
        for _ in 0..5 {
            let mut strategy = plugin.start(Box::new(Tiny), &context(), Limits::default())?;
            let trials = if plugin.manifest().name == "random" { 9_600 } else { 192_000 };
            let begin = Instant::now();
            let mut told = 0;
            while told < trials {
                let Answer::Requests(requests) = strategy.ask(batch)? else { break };
                told += requests.len();
                let outcomes: Vec<Outcome> = requests.into_iter().map(outcome).collect();
                strategy.tell(&outcomes)?;
            }
            best = f64::min(best, begin.elapsed().as_secs_f64() / told as f64);
        }
        println!("ask and tell, batch {batch}: {:.2} microseconds a trial", best * 1e6);
    }
    Ok(())
}

fn outcome(request: pleach_plugin::contract::Request) -> Outcome {
    let Job::Train(training) = &request.job else { unreachable!("both strategies only train") };
    let losses = vec![training.genotype.iter().sum()];
    let (violations, curves, scores, gradients, signals) = (vec![], vec![], vec![], vec![], vec![]);
    let measured = Ok(Measurement { losses, violations, curves, scores, gradients, signals });
    Outcome { id: request.id, cost: 1.0, measured }
}
