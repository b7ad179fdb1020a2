//! The ready spaces against what is published of them.

use pleach_space::{Space, View};
use pleach_spec::Decide;
use serde_json::Value;
use std::collections::HashSet;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn space(name: &str) -> Space {
    let text = std::fs::read_to_string(root().join("specs/spaces").join(name)).unwrap();
    let section: Value = serde_saphyr::from_str(&text).unwrap();
    let (space, problems) = Space::compile(&section, "", None);
    assert_eq!(problems, []);
    space.unwrap()
}

/// Code, parameters and FLOPs in millions.
fn nas_bench_201() -> Vec<(Vec<f64>, f64, f64)> {
    let file = std::fs::File::open(root().join("tests/data/nas-bench-201.csv.gz")).unwrap();
    let mut text = String::new();
    flate2::read::GzDecoder::new(file).read_to_string(&mut text).unwrap();
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let header = reader.headers().unwrap().clone();
    let column = |name: &str| header.iter().position(|column| column == name).unwrap();
    let (code, parameters, flops) = (column("code"), column("params_m"), column("flops_m"));
    reader
        .records()
        .map(|record| {
            let record = record.unwrap();
            let genotype = record[code].chars().map(|c| f64::from(c.to_digit(10).unwrap())).collect();
            (genotype, record[parameters].parse().unwrap(), record[flops].parse().unwrap())
        })
        .collect()
}

#[test]
fn nas_bench_201_has_the_published_parameters_and_flops_and_4930_networks() {
    let space = space("nas-bench-201.yaml");
    assert_eq!(space.genotypes(), Some(15_625.0));
    let rows = nas_bench_201();
    assert_eq!(rows.len(), 15_625);
    let mut fingerprints = HashSet::new();
    for (genotype, parameters, flops) in rows {
        let built = space.build(&genotype).unwrap();
        assert_eq!(built.costs.parameters, (parameters * 1e6).round() as u64, "{genotype:?}");
        assert_eq!(built.costs.flops, (flops * 1e6).round() as u64, "{genotype:?}");
        assert!(built.costs.live_parameters <= built.costs.parameters);
        fingerprints.insert(built.fingerprint);
    }
    assert_eq!(fingerprints.len(), 4_930);
}

#[test]
fn the_order_of_edges_is_the_benchmarks() {
    let space = space("nas-bench-201.yaml");
    let paths: Vec<&str> = space.decisions().iter().map(|d| d.path.as_str()).collect();
    let edges = ["0->1", "0->2", "1->2", "0->3", "1->3", "2->3"];
    assert_eq!(paths, edges.map(|edge| format!("space.blocks.cell.cell.edge[{edge}]")));
}

#[test]
fn ready_spaces_have_their_published_sizes_and_build_everywhere() {
    for (name, genotypes) in [
        ("nas-bench-macro.yaml", 6_561.0),
        ("darts-8.yaml", (180.0 * 8f64.powi(8)).powi(2)),
        ("darts-20.yaml", (180.0 * 8f64.powi(8)).powi(2)),
        ("mobilenet-v3.yaml", 7_371f64.powi(5)),
        // Three widths; six or seven blocks of two numbers of heads and two ratios.
        ("autoformer-tiny-32.yaml", 3.0 * (4f64.powi(6) + 4f64.powi(7))),
        // One to three blocks of 12 kinds, twice; one to four of 12 + 12 kinds.
        ("conv-transformer.yaml", (12.0 + 144.0 + 1_728.0f64).powi(2) * (24.0 + 576.0 + 13_824.0 + 331_776.0)),
    ] {
        let space = space(name);
        let count = space.genotypes().unwrap();
        assert!((count / genotypes - 1.0).abs() < 1e-12, "{name}: {count}");
        assert_eq!(space.check(20), [], "{name}");
    }
}

#[test]
fn darts_networks_have_the_papers_width() {
    let space = space("darts-20.yaml");
    let view = View::new(Arc::new(space), Decide::All, vec![0.0; 32]);
    for genotype in view.sample(5, 1) {
        let network = view.space().network(&view.full(&genotype)).unwrap();
        let last_image = network.nodes.iter().rev().find(|node| node.shape.is_image()).unwrap();
        assert_eq!(last_image.shape.to_string(), "576x8x8", "four nodes of 4 x 36 channels");
    }
}
