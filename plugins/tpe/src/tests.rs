use pleach_sdk::testing::{History, Search, ToySpace, failed, measured, options_schema};
use pleach_sdk::{Condition, Domain, IntegerRange, Measurement, RealRange, Request, Role};

use super::*;

/// How many of eight decisions with four options are not yet the last option.
fn one_max(genotype: &[f64]) -> f64 {
    genotype.iter().filter(|&&value| value != 3.0).count() as f64
}

/// Costs differ, so that outcomes come back in another order than asked.
fn cost(request: &Request) -> f64 {
    1.0 + (request.id % 3) as f64
}

fn run(search: &Search<'_>, loss: impl Fn(&[f64]) -> f64) -> History {
    search.run::<Tpe>("{}", |request| (cost(request), measured(vec![loss(request.genotype())]))).unwrap()
}

/// A rate, a width and, with the second of two options only, a momentum.
fn recipe() -> ToySpace {
    let when = Some(Condition { decision: 0, values: vec![1.0] });
    ToySpace::choices(&[2])
        .with("rate", Domain::Real(RealRange { low: 1e-6, high: 1.0, log: true }), Role::Training, None)
        .with("width", Domain::Integer(IntegerRange { low: 1, high: 4096, log: true }), Role::Training, None)
        .with("layers", Domain::Integer(IntegerRange { low: 1, high: 9, log: false }), Role::Training, None)
        .with("momentum", Domain::Real(RealRange { low: 0.0, high: 1.0, log: false }), Role::Training, when)
}

/// Least at option 1, rate 0.01, width 64, 3 layers and momentum 0.9.
fn recipe_loss(genotype: &[f64]) -> f64 {
    let momentum = if genotype[0] == 1.0 { (genotype[4] - 0.9).abs() } else { 1.0 };
    (genotype[1] / 0.01).ln().abs() / 3.0
        + (genotype[2] / 64.0).ln().abs() / 3.0
        + (genotype[3] - 3.0).abs() / 3.0
        + momentum
}

#[test]
fn it_clearly_beats_random_search() {
    let choices = ToySpace::choices(&[4; 8]);
    let recipe = recipe();
    let better = |space: &ToySpace, loss: fn(&[f64]) -> f64, seed| {
        let random = space.sample(100, seed).iter().map(|genotype| loss(genotype)).fold(f64::INFINITY, f64::min);
        run(&Search::new(space, seed), loss).best() / random
    };
    for seed in 0..5 {
        let (options, numbers) = (better(&choices, one_max, seed), better(&recipe, recipe_loss, seed));
        assert!(options <= 0.5, "seed {seed}: {options} of random search's loss");
        assert!(numbers <= 0.7, "seed {seed}: {numbers} of random search's loss");
    }
}

#[test]
fn the_seed_alone_decides() {
    let space = recipe();
    let with = |seed| run(&Search::new(&space, seed), recipe_loss);
    assert_eq!(with(1), with(1));
    assert_ne!(with(1), with(2));
}

#[test]
fn any_number_may_be_in_flight_and_none_comes_twice() {
    let space = ToySpace::choices(&[4; 8]);
    for concurrency in [1, 7, 64] {
        let history = run(&Search { concurrency, budget: 150, ..Search::new(&space, 3) }, one_max);
        let mut asked: Vec<&Genotype> = history.trials.iter().map(|trial| trial.request.genotype()).collect();
        asked.sort_by(|one, two| one.partial_cmp(two).unwrap());
        asked.dedup();
        assert_eq!(asked.len(), 150);
        assert!(history.best() <= 2.0, "{} at {concurrency}", history.best());
    }
}

#[test]
fn a_small_space_is_tried_whole_and_then_it_ends() {
    let space = ToySpace::choices(&[3, 4, 2]);
    let history = run(&Search::new(&space, 4), one_max);
    assert_eq!(history.trials.len(), 24);
}

#[test]
fn failures_count_as_the_worst() {
    let space = ToySpace::choices(&[4; 8]);
    let fails = |genotype: &[f64]| genotype[0] >= 1.0;
    let evaluate = |request: &Request| {
        let genotype = request.genotype();
        (1.0, if fails(genotype) { failed() } else { measured(vec![one_max(genotype)]) })
    };
    let history = Search::new(&space, 5).run::<Tpe>("{}", evaluate).unwrap();
    let failures = history.trials[50..].iter().filter(|trial| trial.outcome.measured.is_err()).count();
    assert!(failures < 15, "{failures} of the last 50, where three quarters of the space fail");
    let nothing = Search::new(&space, 6).run::<Tpe>("{}", |_| (1.0, failed())).unwrap();
    assert_eq!(nothing.trials.len(), 100);
}

#[test]
fn constraints_count_before_losses() {
    let space = ToySpace::choices(&[4; 8]);
    let violation = |genotype: &[f64]| genotype.iter().sum::<f64>() - 8.0;
    let evaluate = |request: &Request| {
        let genotype = request.genotype();
        let measured = measured(vec![one_max(genotype)]).unwrap();
        (1.0, Ok(Measurement { violations: vec![violation(genotype)], ..measured }))
    };
    let history = Search::new(&space, 7).run::<Tpe>("{}", evaluate).unwrap();
    let feasible = |trials: &[pleach_sdk::testing::Trial]| {
        trials.iter().filter(|trial| violation(trial.request.genotype()) <= 0.0).count()
    };
    let (first, last) = (feasible(&history.trials[..10]), feasible(&history.trials[50..]));
    // At random one in seven holds it. The best lie at its bound, and what is drawn lies on both sides.
    assert!(last >= 20 && first < 5, "{first} of the first 10 and {last} of the last 50");
}

#[test]
fn options_are_described_with_their_defaults() {
    let schema = options_schema::<Tpe>();
    assert_eq!(schema["properties"]["startup"]["default"], 10);
    assert_eq!(schema["properties"]["candidates"]["default"], 64);
    assert_eq!(schema["additionalProperties"], false);
}
