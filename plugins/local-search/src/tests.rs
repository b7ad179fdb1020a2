use std::collections::BTreeSet;

use pleach_sdk::testing::{History, Search, ToySpace, failed, measured, options_schema};
use pleach_sdk::{Condition, Domain, IntegerRange, Measurement, RealRange, Role};

use super::*;

/// How many of 24 decisions with four options are not yet the last option: a single hill.
fn one_max(genotype: &[f64]) -> f64 {
    genotype.iter().filter(|&&value| value != 3.0).count() as f64
}

fn run(seed: u64, concurrency: u32, options: &str) -> History {
    let space = ToySpace::choices(&[4; 24]);
    let search = Search { budget: 400, concurrency, ..Search::new(&space, seed) };
    let cost = |id: u64| 1.0 + (id % 3) as f64;
    search
        .run::<LocalSearch>(options, |request| (cost(request.id), measured(vec![one_max(request.genotype())])))
        .unwrap()
}

fn asked(history: &History) -> Vec<&Genotype> {
    history.trials.iter().map(|trial| trial.request.genotype()).collect()
}

fn distinct(history: &History) -> usize {
    asked(history).iter().map(|genotype| format!("{genotype:?}")).collect::<BTreeSet<_>>().len()
}

#[test]
fn a_hill_is_climbed_to_its_top_where_random_search_stays_below() {
    let space = ToySpace::choices(&[4; 24]);
    for seed in 0..5 {
        let random = space.sample(400, seed).iter().map(|genotype| one_max(genotype)).fold(f64::INFINITY, f64::min);
        assert!(random >= 7.0 && run(seed, 1, "{}").best() == 0.0, "seed {seed}");
    }
}

#[test]
fn the_seed_alone_decides() {
    assert_eq!(run(1, 4, "{}"), run(1, 4, "{}"));
    assert_ne!(run(1, 4, "{}"), run(2, 4, "{}"));
}

#[test]
fn no_worker_waits_and_nothing_comes_twice_however_many_there_are() {
    for concurrency in [1, 7, 64] {
        let history = run(3, concurrency, "{}");
        assert_eq!((history.trials.len(), distinct(&history)), (400, 400));
        assert!(history.best() <= f64::from(concurrency) / 8.0, "{} with {concurrency} workers", history.best());
    }
}

#[test]
fn neighbours_of_one_network_are_asked_side_by_side() {
    let history = run(4, 8, "{}");
    let siblings = history
        .trials
        .windows(2)
        .filter(|pair| !pair[0].request.parents.is_empty() && pair[0].request.parents == pair[1].request.parents);
    assert!(siblings.count() > 200);
}

#[test]
fn the_best_neighbour_is_known_when_all_are_measured() {
    let history = run(5, 1, r#"{"step": "best"}"#);
    let children = |parent| {
        let of_parent = |trial: &&pleach_sdk::testing::Trial| trial.request.parents == [parent];
        history.trials.iter().filter(of_parent).count()
    };
    // All 72 around the start; later ones share two with the one before, and those that were asked with it.
    assert_eq!((children(0), history.trials[0].request.parents.len()), (72, 0));
    let second = history.trials[73].request.parents[0];
    assert_eq!(children(second), 72 - 3);
}

#[test]
fn a_climb_begins_at_the_best_of_its_starts() {
    let history = run(6, 3, r#"{"starts": 20}"#);
    let losses = |trial: &pleach_sdk::testing::Trial| trial.outcome.measured.as_ref().unwrap().losses[0];
    let best = history.trials[..20].iter().map(losses).fold(f64::INFINITY, f64::min);
    let first = history.trials.iter().find_map(|trial| trial.request.parents.first()).unwrap();
    assert!(*first < 20 && losses(&history.trials[*first as usize]) == best);
}

/// Two hills by the last option of all, of which the lower is the wider.
fn two_hills(genotype: &[f64]) -> f64 {
    let rest = genotype[1..].iter().sum::<f64>();
    if genotype[0] == 3.0 { rest - 5.0 } else { 20.0 - rest }
}

#[test]
fn it_begins_anew_until_every_network_was_asked() {
    let space = ToySpace::choices(&[4, 3, 3, 3]);
    for concurrency in [1, 8] {
        let search = Search { budget: u64::MAX, concurrency, ..Search::new(&space, 7) };
        let history =
            search.run::<LocalSearch>("{}", |request| (1.0, measured(vec![two_hills(request.genotype())]))).unwrap();
        assert_eq!((history.trials.len(), distinct(&history), history.best()), (108, 108, -5.0));
    }
}

#[test]
fn a_flat_landscape_and_failures_end_no_search() {
    let space = ToySpace::choices(&[4; 6]);
    let search = Search { budget: 300, ..Search::new(&space, 8) };
    let flat = search.run::<LocalSearch>("{}", |_| (1.0, measured(vec![1.0]))).unwrap();
    let none = search.run::<LocalSearch>("{}", |_| (1.0, failed())).unwrap();
    assert_eq!((distinct(&flat), distinct(&none)), (300, 300));
    let some = search
        .run::<LocalSearch>("{}", |request| {
            let genotype = request.genotype();
            (1.0, if genotype[0] == 1.0 { failed() } else { measured(vec![one_max(genotype)]) })
        })
        .unwrap();
    let parents = some.trials.iter().flat_map(|trial| &trial.request.parents);
    assert!(parents.map(|&parent| some.trials[parent as usize].request.genotype()).all(|parent| parent[0] != 1.0));
    assert_eq!(some.best(), 0.0);
}

#[test]
fn constraints_are_climbed_first() {
    let space = ToySpace::choices(&[4; 12]);
    let search = Search { budget: 300, concurrency: 1, ..Search::new(&space, 9) };
    let sum = |genotype: &[f64]| genotype.iter().sum::<f64>();
    let history = search
        .run::<LocalSearch>("{}", |request| {
            let measured = measured(vec![-sum(request.genotype())]).unwrap();
            (1.0, Ok(Measurement { violations: vec![sum(request.genotype()) - 10.0], ..measured }))
        })
        .unwrap();
    let best = asked(&history).into_iter().map(|genotype| sum(genotype)).filter(|&sum| sum <= 10.0);
    assert_eq!(best.fold(0.0, f64::max), 10.0);
}

#[test]
fn decisions_that_come_and_go_and_numbers_are_climbed_too() {
    let depth = Domain::Integer(IntegerRange { low: 1, high: 9, log: false });
    let rate = Domain::Real(RealRange { low: 0.001, high: 1.0, log: true });
    let when = |values: &[f64]| Some(Condition { decision: 0, values: values.to_vec() });
    let space = ToySpace::choices(&[3, 3]).with("depth", depth, Role::Architecture, when(&[1.0])).with(
        "rate",
        rate,
        Role::Training,
        when(&[1.0, 2.0]),
    );
    let search = Search { budget: 150, ..Search::new(&space, 10) };
    let loss = |genotype: &[f64]| 9.0 - genotype[2] - genotype[3];
    let history = search
        .run::<LocalSearch>("{}", |request| {
            space.check(request.genotype()).unwrap();
            (1.0, measured(vec![loss(request.genotype())]))
        })
        .unwrap();
    assert!(history.trials.len() == 150 && history.best() < 0.5, "{}", history.best());
}

#[test]
fn options_are_described_with_their_defaults() {
    let schema = options_schema::<LocalSearch>();
    assert_eq!(
        (&schema["properties"]["starts"]["default"], schema["additionalProperties"].as_bool()),
        (&1.into(), Some(false))
    );
    assert!(
        Search::new(&ToySpace::choices(&[2]), 0).run::<LocalSearch>(r#"{"step": "last"}"#, |_| unreachable!()).is_err()
    );
}
