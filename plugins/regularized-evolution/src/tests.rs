use pleach_sdk::Measurement;
use pleach_sdk::testing::{History, Search, ToySpace, failed, measured, options_schema};

use super::*;

const OPTIONS: &str = r#"{"population": 20, "sample": 5}"#;

/// How many of 24 decisions with four options are not yet the last option.
fn one_max(genotype: &[f64]) -> f64 {
    genotype.iter().filter(|&&value| value != 3.0).count() as f64
}

/// Costs differ, so that outcomes come back in another order than asked.
fn cost(id: u64) -> f64 {
    1.0 + (id % 3) as f64
}

fn run(seed: u64, concurrency: u32) -> History {
    let space = ToySpace::choices(&[4; 24]);
    let search = Search { budget: 400, concurrency, ..Search::new(&space, seed) };
    search
        .run::<RegularizedEvolution>(OPTIONS, |request| (cost(request.id), measured(vec![one_max(request.genotype())])))
        .unwrap()
}

#[test]
fn it_clearly_beats_random_search() {
    let space = ToySpace::choices(&[4; 24]);
    for seed in 0..5 {
        let random = space.sample(400, seed).iter().map(|genotype| one_max(genotype)).fold(f64::INFINITY, f64::min);
        let evolved = run(seed, 4).best();
        assert!(evolved + 3.0 <= random, "seed {seed}: {evolved} after evolution, {random} at random");
    }
}

#[test]
fn the_seed_alone_decides() {
    assert_eq!(run(1, 4), run(1, 4));
    assert_ne!(run(1, 4), run(2, 4));
}

#[test]
fn any_number_may_be_in_flight() {
    for concurrency in [1, 7, 50] {
        let history = run(3, concurrency);
        assert_eq!(history.trials.len(), 400);
        let with_parent = history.trials.iter().filter(|trial| !trial.request.parents.is_empty()).count();
        assert!(with_parent >= 400 - 20.max(concurrency as usize), "{with_parent} children");
    }
}

#[test]
fn children_differ_from_their_living_parent_in_one_decision() {
    let history = run(4, 4);
    let position = |id: u64| history.told.iter().position(|&told| told == id).unwrap();
    for trial in &history.trials {
        let Some(&parent) = trial.request.parents.first() else { continue };
        let pairs = trial.request.genotype().iter().zip(history.trials[parent as usize].request.genotype());
        assert_eq!(pairs.filter(|(child, parent)| child != parent).count(), 1);
        // Between the parent's outcome and the child's, at most the population and what was in flight was told.
        assert!(position(trial.request.id) - position(parent) <= 20 + 4);
    }
}

#[test]
fn failures_are_never_parents() {
    let space = ToySpace::choices(&[4; 24]);
    let search = Search { budget: 300, ..Search::new(&space, 5) };
    let fails = |genotype: &[f64]| genotype[0] >= 2.0;
    let history = search
        .run::<RegularizedEvolution>(OPTIONS, |request| {
            let genotype = request.genotype();
            (1.0, if fails(genotype) { failed() } else { measured(vec![one_max(genotype)]) })
        })
        .unwrap();
    let parents = history.trials.iter().flat_map(|trial| &trial.request.parents);
    assert!(parents.map(|&parent| history.trials[parent as usize].request.genotype()).all(|parent| !fails(parent)));
    assert!(history.trials.iter().any(|trial| trial.outcome.measured.is_err()));
    assert!(history.best() < 12.0);
}

#[test]
fn with_nothing_but_failures_it_goes_on_at_random() {
    let space = ToySpace::choices(&[4; 24]);
    let history = Search::new(&space, 6).run::<RegularizedEvolution>(OPTIONS, |_| (1.0, failed())).unwrap();
    assert_eq!(history.trials.len(), 100);
    assert!(history.trials.iter().all(|trial| trial.request.parents.is_empty()));
}

#[test]
fn constraints_count_before_losses() {
    let space = ToySpace::choices(&[4; 24]);
    let search = Search { budget: 400, ..Search::new(&space, 7) };
    let violation = |genotype: &[f64]| genotype.iter().sum::<f64>() - 24.0;
    let history = search
        .run::<RegularizedEvolution>(OPTIONS, |request| {
            let genotype = request.genotype();
            let measured = measured(vec![-genotype.iter().sum::<f64>()]).unwrap();
            (1.0, Ok(Measurement { violations: vec![violation(genotype)], ..measured }))
        })
        .unwrap();
    let last = &history.trials[300..];
    let feasible = last.iter().filter(|trial| violation(trial.request.genotype()) <= 1.0).count();
    assert!(feasible > 60, "{feasible} of the last hundred hold the constraint, or are one mutation away");
}

/// What it asked for in 60 trials.
fn asked(space: &ToySpace, options: &str) -> Vec<Genotype> {
    let search = Search { budget: 60, ..Search::new(space, 8) };
    let evaluate = |request: &Request| (1.0, measured(vec![one_max(request.genotype())]));
    let history = search.run::<RegularizedEvolution>(options, evaluate).unwrap();
    history.trials.iter().map(|trial| trial.request.genotype().clone()).collect()
}

#[test]
fn of_a_brood_the_best_predicted_is_evaluated() {
    let (silent, knowing) = (ToySpace::choices(&[4; 24]), ToySpace::choices(&[4; 24]).predicting(one_max));
    let least =
        |genotypes: &[Genotype]| genotypes.iter().map(|genotype| one_max(genotype)).fold(f64::INFINITY, f64::min);
    let options = |brood: u32| format!(r#"{{"population": 10, "sample": 5, "brood": {brood}}}"#);
    let alone = asked(&knowing, &options(1));
    // Without a brood no predictor is asked, and nothing is as it was not before.
    assert_eq!(alone, asked(&silent, r#"{"population": 10, "sample": 5}"#));
    let screened = asked(&knowing, &options(8));
    assert!(least(&screened) + 4.0 <= least(&alone), "{} and {}", least(&screened), least(&alone));
    // A predictor that misleads makes it worse: it is what chooses.
    let misled = ToySpace::choices(&[4; 24]).predicting(|genotype| -one_max(genotype));
    assert!(least(&asked(&misled, &options(8))) > least(&alone));
}

#[test]
fn a_brood_brings_what_was_not_asked_before_also_without_predictions() {
    let space = ToySpace::choices(&[4; 4]);
    let distinct = |options: &str| asked(&space, options).iter().map(|one| bits(one)).collect::<BTreeSet<_>>().len();
    let (alone, brood) =
        (distinct(r#"{"population": 10, "sample": 5}"#), distinct(r#"{"population": 10, "sample": 5, "brood": 8}"#));
    assert!(brood > alone && brood >= 55, "{brood} of 60, {alone} without a brood");
}

#[test]
fn options_are_described_with_their_defaults() {
    let schema = options_schema::<RegularizedEvolution>();
    assert_eq!(schema["properties"]["brood"]["x-needs"], "predict");
    assert_eq!(schema["properties"]["brood"]["default"], 1);
    assert_eq!(schema["properties"]["population"]["default"], 50);
    assert_eq!(schema["properties"]["sample"]["default"], 10);
    assert_eq!(schema["properties"]["sample"]["minimum"], 1);
    assert!(serde_json_free_error().contains("smaple"));
}

fn serde_json_free_error() -> String {
    let space = ToySpace::choices(&[2]);
    Search::new(&space, 0).run::<RegularizedEvolution>(r#"{"smaple": 3}"#, |_| unreachable!()).unwrap_err()
}
