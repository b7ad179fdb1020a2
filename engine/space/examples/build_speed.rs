//! Networks built, counted and fingerprinted a second, on one core: `cargo run --release -p pleach-space --example build_speed`.
#![allow(clippy::print_stdout)]

use pleach_space::{Space, View};
use pleach_spec::Decide;
use std::sync::Arc;
use std::time::Instant;

fn main() {
    for name in ["nas-bench-201", "nas-bench-macro", "darts-8", "mobilenet-v3"] {
        let path = format!("{}/../../specs/spaces/{name}.yaml", env!("CARGO_MANIFEST_DIR"));
        let text = std::fs::read_to_string(path).expect("the ready spaces lie in specs/spaces");
        let section = serde_saphyr::from_str(&text).expect("a ready space is YAML");
        let space = Arc::new(Space::compile(&section, "", None).0.expect("a ready space compiles"));
        let base = space.defaults();
        let view = View::new(space, Decide::All, base);
        let genotypes = view.sample(2_000, 1);
        let start = Instant::now();
        let nodes: usize = genotypes.iter().map(|g| view.build(g).map_or(0, |built| built.network.nodes.len())).sum();
        let seconds = start.elapsed().as_secs_f64();
        let count = genotypes.len() as f64;
        println!("{name}: {:.0} networks a second, {:.0} operations each", count / seconds, nodes as f64 / count);
    }
}
