//! Path counts: exact sequences of a cell, the same for equal networks, positions in lists of layers.

use pleach_space::{Paths, Space, View};
use pleach_spec::Decide;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::sync::Arc;

fn view(section: &Value) -> View {
    let (space, problems) = Space::compile(section, "", None);
    let space = Arc::new(space.unwrap_or_else(|| panic!("{problems:?}")));
    let defaults = space.defaults();
    View::new(space, Decide::All, defaults)
}

/// The cell of NAS-Bench-201 between a stem and a head, used four times.
fn cells() -> View {
    view(&json!({
        "input": [3, 8, 8], "classes": 10,
        "blocks": {"cell": {"cell": {"nodes": 4, "edge": {"one_of": ["none", "skip", "conv_1x1", "conv_3x3", "avg_pool_3x3"]}}}},
        "network": [
            {"conv": {"channels": 4}},
            {"repeat": {"times": 2, "body": [{"use": "cell"}]}},
            {"conv": {"channels": 8, "stride": 2}},
            {"repeat": {"times": 2, "body": [{"use": "cell"}]}},
            {"global_pool": "average"}, {"linear": "classes"}
        ]
    }))
}

fn counts_of_sequences(paths: &Paths, constant: &Paths) -> Vec<f64> {
    let mut counts: Vec<f64> =
        paths.iter().filter(|path| !constant.iter().any(|other| other.0 == path.0)).map(|(_, count)| *count).collect();
    counts.sort_by(f64::total_cmp);
    counts
}

#[test]
fn a_cells_paths_are_counted_once_and_exactly() {
    let view = cells();
    let genotype = |code: &str| code.bytes().map(|digit| f64::from(digit - b'0')).collect::<Vec<f64>>();
    let nothing = view.paths(&genotype("000000"));
    assert_eq!(nothing.len(), 4, "stem, reduction, pooling and classifier");
    let counts = |code: &str| counts_of_sequences(&view.paths(&genotype(code)), &nothing);
    // One path of one convolution, two of two, one of three.
    assert_eq!(counts("333333"), [1.0, 1.0, 2.0]);
    // Skips are no steps: four paths without a step.
    assert_eq!(counts("111111"), [4.0]);
    // What nothing reaches, and what reaches nothing, lies on no path.
    assert_eq!(view.paths(&genotype("032300")), view.paths(&genotype("000300")));
    assert_eq!(counts("300030"), [1.0]);
    // The order of a sequence counts.
    assert_ne!(view.paths(&genotype("200030")), view.paths(&genotype("300020")));
    // All of the space: 1 + 3 + 9 + 27 sequences, and the four that are always there.
    assert_eq!(view.path_counts(&genotype("333333")).len(), 44);
    assert_eq!(view.path_counts(&genotype("111111")).iter().filter(|count| **count == 4.0).count(), 1);
}

#[test]
fn equal_networks_have_equal_paths() {
    let view = cells();
    let mut known: HashMap<u64, Paths> = HashMap::new();
    let mut equal = 0;
    for genotype in view.sample(3000, 1) {
        let paths = view.paths(&genotype);
        match known.get(&view.fingerprint(&genotype)) {
            Some(other) => {
                assert_eq!(&paths, other, "{genotype:?}");
                equal += 1;
            }
            None => drop(known.insert(view.fingerprint(&genotype), paths)),
        }
    }
    assert!(equal > 500, "{equal}");
}

#[test]
fn lists_of_layers_count_by_place_and_show_only_some_decisions() {
    let view = view(&json!({
        "input": [3, 8, 8], "classes": 10,
        "network": [
            {"conv": {"channels": {"one_of": [4, 8]}}},
            {"repeat": {"times": {"int": [1, 3]}, "fresh": true, "body": [
                {"residual": [{"one_of": ["conv_3x3", "conv_1x1", "identity"]}]}
            ]}},
            {"activation": {"one_of": ["relu", "gelu"]}},
            {"global_pool": "average"}, {"linear": "classes"}
        ],
        "training": {"optimizer": {"one_of": ["sgd", "adam"]}}
    }));
    let names: Vec<(&str, bool)> =
        view.decisions().iter().map(|decision| decision.path.as_str()).zip(view.shown_by_paths()).collect();
    // The operations alone: not channels, depth, activation or optimizer.
    assert_eq!(names.iter().filter(|(_, shown)| *shown).count(), 3, "{names:?}");
    assert!(names.iter().all(|(path, shown)| *shown == path.contains("body")), "{names:?}");
    // [channels, times, first, second, third, activation, optimizer]: one operation at the first or at the second place.
    let paths = |first: f64, second: f64| view.paths(&[0.0, 2.0, first, second, 0.0, 0.0, 0.0]);
    assert_ne!(paths(0.0, 1.0), paths(1.0, 0.0));
    // A residual identity is two equal paths; a convolution beside it is another.
    let both: f64 = paths(2.0, 2.0).iter().map(|(_, count)| count).sum();
    assert_eq!(both, paths(0.0, 1.0).iter().map(|(_, count)| count).sum::<f64>());
}

#[test]
fn columns_mark_options_places_and_what_does_not_count() {
    let view = view(&json!({"values": {
        "kind": {"one_of": ["a", "b", "c"]},
        "width": {"one_of": [8, 16, 32]},
        "rate": {"one_of": [{"float": [0.01, 1.0], "log": true}, "none"]},
    }}));
    let columns = view.columns();
    // kind: three options; width: its place; rate: two options, whether its range counts, and where in it.
    assert_eq!(columns.columns().len(), 3 + 1 + 2 + 2);
    let row = columns.row(&[1.0, 2.0, 0.0, 0.1]);
    assert_eq!(row[..7], [0.0, 1.0, 0.0, 1.0, 1.0, 0.0, 1.0]);
    assert!((row[7] - 0.5).abs() < 1e-12);
    assert_eq!(columns.row(&[0.0, 0.0, 1.0, 0.0]), [1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.5]);
}

#[test]
fn a_large_space_has_its_paths_hashed() {
    let body = json!({"residual": [{"one_of": ["conv_3x3", "conv_1x1", "identity", "max_pool_3x3"]}]});
    let view = view(&json!({
        "input": [3, 8, 8], "classes": 10,
        "network": [
            {"repeat": {"times": 8, "fresh": true, "body": [body]}},
            {"global_pool": "average"}, {"linear": "classes"}
        ]
    }));
    let drawn = view.sample(2, 3);
    let counts: Vec<Vec<f32>> = drawn.iter().map(|genotype| view.path_counts(genotype)).collect();
    assert!(counts.iter().all(|counts| counts.len() == 512 && counts.iter().any(|count| *count > 0.0)));
    assert_ne!(counts[0], counts[1]);
}
