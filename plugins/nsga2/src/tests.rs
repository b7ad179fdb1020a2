use std::collections::BTreeSet;

use pleach_sdk::Measurement;
use pleach_sdk::testing::{History, Search, ToySpace, failed, measured, options_schema};

use super::*;

/// Two objectives that contradict each other where the first decision is at its end, and are both worse elsewhere.
fn conflict(genotype: &[f64]) -> Vec<f64> {
    let share = genotype[1..].iter().filter(|&&value| value == 3.0).count() as f64;
    let spoiled = genotype[1..].iter().filter(|&&value| value != 3.0 && value != 0.0).count() as f64 + genotype[0];
    vec![share + 2.0 * spoiled, 15.0 - share + 2.0 * spoiled]
}

fn run(seed: u64, concurrency: u32, budget: u64) -> History {
    let space = ToySpace::choices(&[4; 16]);
    let objectives = vec!["one".to_owned(), "two".to_owned()];
    let search = Search { budget, concurrency, objectives, ..Search::new(&space, seed) };
    let cost = |id: u64| 1.0 + (id % 3) as f64;
    search.run::<Nsga2>("{}", |request| (cost(request.id), measured(conflict(request.genotype())))).unwrap()
}

/// The area below (60, 60) that the losses dominate.
fn hypervolume(losses: impl Iterator<Item = Vec<f64>>) -> f64 {
    let mut losses: Vec<Vec<f64>> = losses.filter(|losses| losses.iter().all(|&loss| loss < 60.0)).collect();
    losses.sort_by(|one, two| one.partial_cmp(two).unwrap());
    let (mut volume, mut height) = (0.0, 60.0);
    for loss in losses.iter().filter(|loss| loss[1] < 60.0) {
        if loss[1] < height {
            volume += (60.0 - loss[0]) * (height - loss[1]);
            height = loss[1];
        }
    }
    volume
}

fn losses(history: &History) -> impl Iterator<Item = Vec<f64>> + '_ {
    history.trials.iter().map(|trial| trial.outcome.measured.as_ref().unwrap().losses.clone())
}

#[test]
fn the_front_is_far_wider_than_at_random() {
    let space = ToySpace::choices(&[4; 16]);
    for seed in 0..5 {
        let random = hypervolume(space.sample(400, seed).iter().map(|genotype| conflict(genotype)));
        let evolved = hypervolume(losses(&run(seed, 4, 400)));
        assert!(evolved > 1.15 * random, "seed {seed}: {evolved} and {random} at random");
    }
}

#[test]
fn both_ends_of_the_front_are_kept() {
    let all: Vec<Vec<f64>> = losses(&run(1, 1, 600)).collect();
    let least = |objective: usize| all.iter().map(|losses| losses[objective]).fold(f64::INFINITY, f64::min);
    assert!(least(0) <= 7.0 && least(1) <= 7.0, "{} and {}", least(0), least(1));
}

#[test]
fn one_objective_is_minimized_too() {
    let space = ToySpace::choices(&[4; 16]);
    let search = Search { budget: 400, ..Search::new(&space, 2) };
    let distance = |genotype: &[f64]| genotype.iter().filter(|&&value| value != 3.0).count() as f64;
    let history = search.run::<Nsga2>("{}", |request| (1.0, measured(vec![distance(request.genotype())]))).unwrap();
    assert!(history.best() <= 2.0, "{}", history.best());
}

#[test]
fn the_seed_alone_decides() {
    assert_eq!(run(1, 4, 100), run(1, 4, 100));
    assert_ne!(run(1, 4, 100), run(2, 4, 100));
}

#[test]
fn any_number_may_be_in_flight_and_nothing_comes_twice() {
    for concurrency in [1, 7, 64] {
        let history = run(3, concurrency, 400);
        let distinct: BTreeSet<String> =
            history.trials.iter().map(|trial| format!("{:?}", trial.request.genotype())).collect();
        assert_eq!((history.trials.len(), distinct.len()), (400, 400));
        let children = history.trials.iter().filter(|trial| !trial.request.parents.is_empty()).count();
        assert!(children >= 400 - 20.max(concurrency as usize) - 20, "{children} children");
    }
}

#[test]
fn a_small_space_is_asked_in_full_and_then_it_ends() {
    let space = ToySpace::choices(&[4, 3, 3]);
    let search = Search { budget: u64::MAX, concurrency: 8, ..Search::new(&space, 4) };
    let history = search.run::<Nsga2>("{}", |request| (1.0, measured(vec![request.genotype()[0]]))).unwrap();
    assert_eq!(history.trials.len(), 36);
}

#[test]
fn failures_are_never_parents_and_constraints_come_first() {
    let space = ToySpace::choices(&[4; 16]);
    let search = Search { budget: 300, objectives: vec!["one".to_owned(), "two".to_owned()], ..Search::new(&space, 5) };
    let violation = |genotype: &[f64]| genotype[1..8].iter().sum::<f64>() - 6.0;
    let history = search
        .run::<Nsga2>("{}", |request| {
            let genotype = request.genotype();
            let measured = measured(conflict(genotype)).unwrap();
            let kept = Measurement { violations: vec![violation(genotype)], ..measured };
            (1.0, if genotype[15] == 1.0 { failed() } else { Ok(kept) })
        })
        .unwrap();
    let genotype = |id: u64| history.trials[id as usize].request.genotype();
    let parents = || history.trials.iter().flat_map(|trial| &trial.request.parents);
    assert!(parents().all(|&parent| genotype(parent)[15] != 1.0));
    let last = history.trials[200..].iter().flat_map(|trial| &trial.request.parents);
    assert!(last.map(|&parent| violation(genotype(parent))).all(|violation| violation <= 0.0));
    let none = Search::new(&space, 6).run::<Nsga2>("{}", |_| (1.0, failed())).unwrap();
    assert_eq!(none.trials.len(), 100);
}

#[test]
fn options_are_described_with_their_defaults() {
    let schema = options_schema::<Nsga2>();
    assert_eq!(schema["properties"]["population"]["default"], 20);
    assert_eq!(schema["properties"]["crossover"]["default"], 0.9);
}
