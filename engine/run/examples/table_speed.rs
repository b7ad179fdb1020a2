//! How long a table takes to load, and what a trial on it costs: `cargo run --release -p pleach-run --example table_speed -- STRATEGY.wasm`.
//!
//! The table is that of NAS-Bench-201 in the tests' data, read once; searches on it run one after another, then one a thread.

use pleach_data::Locations;
use pleach_evaluate::Table;
use pleach_plugin::{Host, HostOptions, Plugin};
use pleach_run::{TableSearch, TableTask};
use pleach_space::Space;
use pleach_spec::{Budget, Document, Evaluator};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

const TRIALS: u64 = 100_000;

#[expect(clippy::print_stdout, reason = "it is a program")]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    let strategy = PathBuf::from(std::env::args().nth(1).ok_or("name the file of a strategy")?);
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../specs/nas-bench-201-halving.yaml");
    let document = Document::open(&path.to_string_lossy(), &|path| std::fs::read(path), &[]);
    let experiment = document.experiment().map_err(|_| "the experiment is not valid")?;
    let Evaluator::Table(described) = &experiment.evaluator else { return Err("it has no table".into()) };
    let section = document.root().and_then(|root| root.get("space")).map(|space| space.to_json()).unwrap_or_default();
    let (space, _) = Space::compile(&section, "/space", None);
    let space = Arc::new(space.ok_or("the space is not valid")?);
    let locations = Locations { base: path.parent().map(Path::to_owned).unwrap_or_default(), caches: Vec::new() };
    let start = Instant::now();
    let table = Arc::new(Table::load(described, &locations, &space)?);
    println!("{} rows loaded in {:.1} ms", table.len(), start.elapsed().as_secs_f64() * 1e3);
    let host = Host::new(HostOptions::default())?;
    let plugin = host.load(&std::fs::read(&strategy)?, &strategy.to_string_lossy())?;
    let task = TableTask::new("nas-bench-201", &space, table, &experiment.objectives);
    let options = defaults(&plugin);
    let search = |seed: u64| {
        let (plugin, options, budget) = (&plugin, &options, &Budget::Trials(TRIALS));
        let search = TableSearch { plugin, options, seed, budget, concurrency: 8, predictor: None };
        task.search(search, &mut |_| {}).map(|searched| searched.told).map_err(|error| error.to_string())
    };
    let start = Instant::now();
    search(1)?;
    println!("{:.2} µs a trial", start.elapsed().as_secs_f64() * 1e6 / TRIALS as f64);
    let threads = std::thread::available_parallelism()?.get() as u64;
    let start = Instant::now();
    std::thread::scope(|scope| {
        for seed in 0..threads {
            let search = &search;
            scope.spawn(move || search(seed).is_ok());
        }
    });
    println!("{:.2} µs a trial on {threads} threads", start.elapsed().as_secs_f64() * 1e6 / (TRIALS * threads) as f64);
    Ok(())
}

/// The options of a strategy that are not required, at their defaults.
fn defaults(plugin: &Plugin) -> Value {
    let properties = plugin.manifest().options_schema["properties"].as_object().into_iter().flatten();
    properties
        .filter_map(|(name, option)| Some((name.clone(), option.get("default")?.clone())))
        .collect::<serde_json::Map<_, _>>()
        .into()
}
