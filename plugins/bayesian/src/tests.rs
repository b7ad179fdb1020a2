use pleach_sdk::testing::{History, Search, ToySpace, failed, measured, options_schema};
use pleach_sdk::{Condition, Domain, Measurement, RealRange, Request, Role};

use super::*;

/// How many decisions are not yet the last of four options, later ones counting a little more.
fn distance(genotype: &[f64]) -> f64 {
    genotype.iter().enumerate().map(|(place, &value)| (3.0 - value) * (1.0 + 0.01 * place as f64)).sum()
}

/// Costs differ, so that outcomes come back in another order than asked.
fn cost(id: u64) -> f64 {
    1.0 + (id % 3) as f64
}

fn run(space: &ToySpace, seed: u64, concurrency: u32, budget: u64) -> History {
    let search = Search { budget, concurrency, ..Search::new(space, seed) };
    search.run::<Bayesian>("{}", |request| (cost(request.id), measured(vec![distance(request.genotype())]))).unwrap()
}

fn asked(history: &History) -> BTreeSet<Vec<u64>> {
    history.trials.iter().map(|trial| trial.request.genotype().iter().map(|value| value.to_bits()).collect()).collect()
}

#[test]
fn the_best_of_a_small_space_is_found_soon() {
    let space = ToySpace::choices(&[4; 5]);
    for seed in 0..5 {
        assert_eq!(run(&space, seed, 1, 40).best(), 0.0, "seed {seed}");
        assert_eq!(run(&space, seed, 8, 60).best(), 0.0, "seed {seed}, 8 at once");
    }
}

#[test]
fn a_large_space_is_searched_better_than_at_random() {
    let space = ToySpace::choices(&[4; 12]);
    for seed in 0..3 {
        let random = space.sample(400, seed).iter().map(|genotype| distance(genotype)).fold(f64::INFINITY, f64::min);
        let found = run(&space, seed, 4, 60).best();
        assert!(found + 3.0 < random, "seed {seed}: {found}, {random} at random");
    }
}

#[test]
fn the_seed_alone_decides() {
    for space in [ToySpace::choices(&[4; 3]), ToySpace::choices(&[4; 12])] {
        assert_eq!(run(&space, 1, 4, 30), run(&space, 1, 4, 30));
        assert_ne!(run(&space, 1, 4, 30), run(&space, 2, 4, 30));
    }
}

#[test]
fn each_candidate_is_asked_once_until_there_is_no_other() {
    let space = ToySpace::choices(&[4; 3]);
    for concurrency in [1, 7, 64] {
        let history = run(&space, 3, concurrency, 1000);
        assert_eq!((history.trials.len(), asked(&history).len()), (64, 64));
    }
}

#[test]
fn it_goes_on_when_the_process_is_full() {
    let history = run(&ToySpace::choices(&[4; 5]), 4, 64, 450);
    assert_eq!((history.trials.len(), asked(&history).len()), (450, 450));
    assert_eq!(history.best(), 0.0);
}

#[test]
fn numbers_and_decisions_that_do_not_always_count() {
    let rate = Domain::Real(RealRange { low: 0.001, high: 1.0, log: true });
    let when = Some(Condition { decision: 0, values: vec![1.0] });
    let space = ToySpace::choices(&[2, 3]).with("rate", rate, Role::Training, when);
    // The second option is better, with a rate near 0.03.
    let loss = |genotype: &[f64]| match genotype[0] {
        0.0 => 1.0 - 0.1 * genotype[1],
        _ => (libm::log10(genotype[2]) + 1.5).abs() - 0.1 * genotype[1],
    };
    let evaluate = |request: &Request| (1.0, measured(vec![loss(request.genotype())]));
    for seed in 0..3 {
        let search = Search { budget: 60, concurrency: 2, ..Search::new(&space, seed) };
        let best = search.run::<Bayesian>("{}", evaluate).unwrap().best();
        assert!(best < -0.17, "seed {seed}: {best} of -0.2");
    }
}

#[test]
fn what_fails_is_left_alone() {
    let space = ToySpace::choices(&[4; 5]);
    let fails = |genotype: &[f64]| genotype[0] >= 2.0;
    let search = Search { budget: 80, ..Search::new(&space, 5) };
    let history = search
        .run::<Bayesian>("{}", |request| {
            let genotype = request.genotype();
            (1.0, if fails(genotype) { failed() } else { measured(vec![distance(genotype)]) })
        })
        .unwrap();
    let failures = history.trials.iter().filter(|trial| trial.outcome.measured.is_err()).count();
    assert!(failures < 25, "{failures} of 80 failed, half of the space does");
    assert_eq!(history.best(), 2.0);
    let all = Search { budget: 40, ..Search::new(&space, 6) }.run::<Bayesian>("{}", |_| (1.0, failed())).unwrap();
    assert_eq!(asked(&all).len(), 40);
}

#[test]
fn constraints_count_before_losses() {
    let space = ToySpace::choices(&[4; 5]);
    let search = Search { budget: 60, ..Search::new(&space, 7) };
    let violation = |genotype: &[f64]| genotype.iter().sum::<f64>() - 9.0;
    let history = search
        .run::<Bayesian>("{}", |request| {
            let genotype = request.genotype();
            let measured = measured(vec![-genotype.iter().sum::<f64>()]).unwrap();
            (1.0, Ok(Measurement { violations: vec![violation(genotype)], ..measured }))
        })
        .unwrap();
    let held = history.trials.iter().map(|trial| trial.request.genotype()).filter(|one| violation(one) <= 0.0);
    assert_eq!(held.map(|genotype| genotype.iter().sum::<f64>()).fold(0.0, f64::max), 9.0);
}

#[test]
fn several_objectives_are_all_sought() {
    let space = ToySpace::choices(&[4; 6]);
    let objectives = vec!["one".to_owned(), "two".to_owned()];
    let search = Search { budget: 80, objectives, ..Search::new(&space, 8) };
    // The first three decisions are for one, the last three for the other, and each costs the other a little.
    let losses = |genotype: &[f64]| {
        let (one, two): (f64, f64) = (genotype[..3].iter().sum(), genotype[3..].iter().sum());
        vec![9.0 - one + 0.5 * two, 9.0 - two + 0.5 * one]
    };
    let history = search.run::<Bayesian>("{}", |request| (1.0, measured(losses(request.genotype())))).unwrap();
    let least = |objective: usize| {
        history.trials.iter().map(|trial| losses(trial.request.genotype())[objective]).fold(f64::INFINITY, f64::min)
    };
    assert!(least(0) <= 1.0 && least(1) <= 1.0, "{} and {}", least(0), least(1));
}

#[test]
fn a_space_of_one_is_soon_done() {
    let history = run(&ToySpace::choices(&[1, 1]), 1, 4, 10);
    assert_eq!(history.trials.len(), 1);
}

#[test]
fn options_are_described_with_their_defaults() {
    let schema = options_schema::<Bayesian>();
    assert_eq!(schema["properties"]["initial"]["minimum"], 2);
    assert_eq!(schema["properties"]["candidates"]["default"], 256);
}
