//! What holds for every genotype of every space: sampling, changing, listing, encoding and building agree.

use pleach_space::{Shape, Space, View};
use pleach_spec::Decide;
use proptest::prelude::*;
use serde_json::{Value, json};
use std::collections::HashSet;
use std::sync::Arc;

fn spaces() -> Vec<Value> {
    vec![
        // Conditional options, a repeated body, ranges, a recipe.
        json!({
            "input": [1, 8, 8], "classes": 10,
            "network": [
                {"conv": {"channels": {"one_of": [8, 16, 32]}, "kernel": {"one_of": [3, 5]}}},
                {"repeat": {"times": {"int": [1, 3]}, "body": [
                    {"residual": [{"one_of": [{"conv": {"kernel": 3}}, {"separable_conv": {"kernel": {"one_of": [3, 5]}}}, "identity"]}]}
                ]}},
                {"global_pool": "average"}, {"linear": "classes"}
            ],
            "training": {"epochs": 8, "optimizer": {"one_of": [
                {"sgd": {"rate": {"float": [1e-3, 0.3], "log": true, "default": 0.05}, "momentum": 0.9}},
                {"adam": {"rate": {"float": [1e-4, 1e-2], "log": true}}}
            ]}},
            "require": ["parameters <= 15_000"]
        }),
        // Fresh repetitions, a named decision, a value computed from it.
        json!({
            "input": [3, 16, 16], "classes": 4,
            "network": [
                {"conv": {"channels": {"one_of": [4, 8], "name": "width"}}},
                {"repeat": {"times": {"int": [0, 3]}, "fresh": true, "body": [
                    {"one_of": ["conv", "identity", ["depthwise_conv", {"conv": {"kernel": 1}}]]}
                ]}},
                {"conv": {"channels": {"from": "width", "times": 2}, "stride": 2}},
                {"global_pool": "max"}, {"linear": "classes"}
            ]
        }),
        // A block used inside two options of one decision: it is decided only where one of them is picked.
        json!({
            "input": [3, 8, 8], "classes": 2,
            "blocks": {"body": [{"conv": {"kernel": {"one_of": [1, 3, 5]}}}]},
            "network": [
                {"one_of": [{"use": "body"}, {"residual": [{"use": "body"}]}, "identity"]},
                {"global_pool": "average"}, {"linear": "classes"}
            ]
        }),
        // Cells: a decided number of nodes, operations on nodes, inputs that are picked.
        json!({
            "input": [4, 8, 8], "classes": 3,
            "network": [
                {"cell": {"nodes": {"one_of": [2, 3]}, "edge": {"one_of": ["none", "skip", "conv_3x3"]}}},
                {"cell": {"nodes": 2, "inputs": 1, "node": {"one_of": ["conv_1x1", "max_pool_3x3"]}, "output": "add"}},
                {"global_pool": "average"}, {"linear": "classes"}
            ]
        }),
        // No network at all: values for a program.
        json!({"values": {"depth": {"int": [1, 4]}, "kind": {"one_of": ["a", "b"]}, "width": {"one_of": [{"float": [0.0, 1.0]}, 2]}}}),
    ]
}

fn view(index: usize) -> View {
    let (space, problems) = Space::compile(&spaces()[index], "/space", None);
    assert_eq!(problems, []);
    let space = Arc::new(space.unwrap());
    assert_eq!(space.check(100), []);
    let base = space.defaults();
    View::new(space, Decide::All, base)
}

fn hard_requirements_hold(view: &View, genotype: &[f64]) {
    if !view.space().has_network() {
        return;
    }
    let built = view.build(genotype).unwrap();
    for requirement in view.space().requirements() {
        assert!(requirement.violation(built.costs.metric(&requirement.metric.name).unwrap()) <= 0.0);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn drawn_and_changed_genotypes_are_valid_and_build(index in 0usize..5, seed in any::<u64>()) {
        let view = view(index);
        let sampled = view.sample(5, seed);
        prop_assert_eq!(sampled.len(), 5);
        prop_assert_eq!(&sampled, &view.sample(5, seed));
        let mutants = view.mutate(&sampled, seed);
        for (parent, child) in sampled.iter().zip(&mutants) {
            for genotype in [parent, child] {
                prop_assert_eq!(view.check(genotype), Ok(()));
                hard_requirements_hold(&view, genotype);
                prop_assert_eq!(&view.narrow(&view.full(genotype)), genotype);
                prop_assert_eq!(&view.repair(std::slice::from_ref(genotype), seed)[0], genotype);
                if view.space().has_network() {
                    let (nodes, edges) = view.graph(genotype);
                    prop_assert!(edges.iter().all(|(a, b)| a < b && (*b as usize) < nodes.len()));
                    prop_assert!(view.path_counts(genotype).iter().any(|count| *count > 0.0) || nodes.len() == 2);
                }
            }
            // The first difference is the decision that was changed; all others follow from it by conditions.
            let differing = parent.iter().zip(child).filter(|(a, b)| a != b).count();
            prop_assert!(differing >= 1);
        }
        for neighbour in view.neighbours(&sampled[0]) {
            prop_assert_eq!(view.check(&neighbour), Ok(()));
            prop_assert_ne!(&neighbour, &sampled[0]);
        }
    }

    #[test]
    fn broken_genotypes_are_refused_and_repaired(index in 0usize..5, seed in any::<u64>(), place in any::<prop::sample::Index>()) {
        let view = view(index);
        let mut genotype = view.sample(1, seed).remove(0);
        let place = place.index(genotype.len());
        for bad in [f64::NAN, -7.5, 1e9, f64::INFINITY] {
            genotype[place] = bad;
            prop_assert!(view.check(&genotype).is_err());
            let repaired = view.repair(std::slice::from_ref(&genotype), seed).remove(0);
            prop_assert_eq!(view.check(&repaired), Ok(()));
        }
        genotype.pop();
        prop_assert!(view.check(&genotype).is_err());
    }

    #[test]
    fn a_network_written_back_is_a_space_without_decisions(index in 0usize..4, seed in any::<u64>()) {
        let view = view(index);
        let genotype = view.full(&view.sample(1, seed)[0]);
        let built = view.space().build(&genotype).unwrap();
        let resolved = view.space().resolved(&genotype);
        let (again, problems) = Space::compile(&resolved, "/space", None);
        prop_assert!(problems.iter().all(|problem| problem.warning), "{:?}", problems);
        let again = again.unwrap();
        prop_assert_eq!(again.decisions(), &[]);
        prop_assert_eq!(again.build(&[]).unwrap().fingerprint, built.fingerprint);
        prop_assert_eq!(again.training(&[]).unwrap(), view.space().training(&genotype).unwrap());
    }
}

#[test]
fn counting_and_listing_agree() {
    for index in [1, 2, 3] {
        let view = view(index);
        let count = view.space().genotypes().unwrap();
        let members = view.members(10_000).unwrap();
        let mut fingerprints: HashSet<u64> = members.iter().map(|member| view.fingerprint(member)).collect();
        assert_eq!(fingerprints.len(), members.len());
        assert_eq!(view.space().unique(10_000), Some(members.len() as u64));
        assert!(members.len() as f64 <= count);
        for genotype in view.sample(200, 1) {
            assert!(!fingerprints.insert(view.fingerprint(&genotype)), "every sample is a member");
        }
    }
    // 3 options of the first decision, kernel decided under two of them: 3 + 3 + 1.
    assert_eq!(view(2).space().genotypes(), Some(7.0));
    // Times 0 to 3 with a fresh choice of 3 each: 1 + 3 + 9 + 27, twice for the width.
    assert_eq!(view(1).space().genotypes(), Some(80.0));
}

#[test]
fn a_step_sees_only_what_it_decides() {
    let (space, _) = Space::compile(&spaces()[0], "/space", None);
    let space = Arc::new(space.unwrap());
    let base = space.defaults();
    let architecture = View::new(space.clone(), Decide::Architecture, base.clone());
    let training = View::new(space.clone(), Decide::Training, base.clone());
    assert_eq!(architecture.decisions().len() + training.decisions().len(), space.decisions().len());
    assert!(training.decisions().iter().all(|decision| decision.path.starts_with("space.training")));
    for genotype in training.sample(10, 3) {
        let full = training.full(&genotype);
        assert_eq!(space.build(&full).unwrap(), space.build(&base).unwrap());
    }
    assert_eq!(space.training(&base).unwrap().epochs, 8);
}

#[test]
fn mistakes_are_found_at_their_place() {
    let check = |network: Value| -> Vec<(String, &'static str)> {
        let section = json!({"input": [3, 8, 8], "classes": 10, "network": network});
        let (space, mut problems) = Space::compile(&section, "/space", Some((Shape::image(3, 8, 8), 10)));
        if let Some(space) = space {
            problems.extend(space.check(100));
        }
        problems.into_iter().map(|problem| (problem.pointer, problem.code)).collect()
    };
    let at = |pointer: &str, code| (format!("/space/network{pointer}"), code);
    let end = || json!([{"global_pool": "average"}, {"linear": "classes"}]);
    assert_eq!(check(json!([{"linear": "classes"}])), [at("/0/linear", "shape")]);
    assert_eq!(check(json!(["conv"])), [("/space/network".to_owned(), "network-output")]);
    assert_eq!(
        check(json!([{"one_of": ["identity", {"residual": [{"conv": {"stride": 2}}]}]}, end()])),
        [at("/0/one_of/1/residual", "shape")]
    );
    assert_eq!(
        check(json!([{"repeat": {"times": 5, "body": [{"max_pool": {"kernel": 2}}]}}, end()])),
        [at("/0/repeat/body/0/max_pool", "shape")]
    );
    assert_eq!(
        check(
            json!([{"repeat": {"times": 2, "fresh": true, "body": [{"one_of": ["conv", {"conv": {"groups": 2}}]}]}}, end()])
        ),
        [at("/0/repeat/body/0/one_of/1/conv", "shape")]
    );
    assert_eq!(
        check(json!([{"cell": {"nodes": 3, "edge": {"one_of": ["skip", {"conv": {"channels": 5}}]}}}, end()])),
        [at("/0/cell", "shape"), at("/0/cell", "shape")][..1].to_vec()
    );
    assert_eq!(
        check(json!([{"conv": {"channels": {"int": [8, 4]}}}, end()])),
        [at("/0/conv/channels/int", "range-order")]
    );
    assert_eq!(
        check(json!([{"conv": {"channels": {"from": "width"}}}, end()])),
        [at("/0/conv/channels/from", "unknown-name")]
    );
    assert_eq!(check(json!([{"use": "stem"}, end()])), [at("/0/use", "unknown-block")]);
    assert_eq!(
        check(json!([{"conv": {"channels": {"one_of": [4, 8], "default": 5}}}, end()])),
        [at("/0/conv/channels/default", "default-not-an-option")]
    );
    assert_eq!(
        check(
            json!([{"conv": {"channels": 1_000_000, "kernel": 1023}}, {"conv": {"channels": 1_000_000, "kernel": 1023}}, end()])
        ),
        [at("/0/conv", "shape")]
    );
}

#[test]
fn a_space_where_almost_nothing_passes_is_said_so() {
    let section = json!({
        "input": [3, 8, 8], "classes": 10, "require": ["parameters <= 10"],
        "network": [{"conv": {"channels": {"int": [8, 64]}}}, {"global_pool": "average"}, {"linear": "classes"}]
    });
    let (space, problems) = Space::compile(&section, "/space", None);
    assert_eq!(problems, []);
    let problems = space.unwrap().check(1000);
    assert_eq!(problems.len(), 1);
    assert_eq!((problems[0].code, problems[0].pointer.as_str()), ("hard-to-require", "/space/require"));
}
