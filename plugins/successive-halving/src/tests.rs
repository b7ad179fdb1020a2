use pleach_sdk::testing::{History, Search, ToySpace, failed, measured, options_schema};
use pleach_sdk::{Domain, Measurement, Origin, RealRange, Role};

use super::*;

/// One learning rate, as the tuning of a single network has it.
fn rates() -> ToySpace {
    let rate = Domain::Real(RealRange { low: 0.001, high: 0.3, log: true });
    ToySpace::choices(&[]).with("space.training.optimizer.sgd.rate", rate, Role::Training, None)
}

/// The whole epochs of a training of so many.
fn epochs(all: u32) -> Vec<f64> {
    (1..=all).map(|epoch| f64::from(epoch) / f64::from(all)).collect()
}

/// 24 epochs that can be resumed.
fn search(space: &ToySpace, seed: u64) -> Search<'_> {
    Search { fidelities: epochs(24), resumes: true, ..Search::new(space, seed) }
}

/// How far a rate is from 0.05 in logarithms, in full training; less training adds to it.
fn loss(request: &Request) -> f64 {
    let training = request.training();
    let rate = training.genotype[0];
    (rate / 0.05).ln().abs() + 0.2 / training.fidelity
}

/// A slower network costs more; at full training from 100 to 400.
fn cost(request: &Request) -> f64 {
    let training = request.training();
    training.fidelity * 100.0 * (1.0 + 10.0 * training.genotype[0])
}

fn run(search: &Search<'_>, options: &str) -> History {
    search.run::<SuccessiveHalving>(options, |request| (cost(request), measured(vec![loss(request)]))).unwrap()
}

/// How many requests there were at each number of epochs of 24, rising.
fn rungs_of(history: &History) -> Vec<(u32, usize)> {
    let mut counts = std::collections::BTreeMap::new();
    for trial in &history.trials {
        *counts.entry((trial.request.training().fidelity * 24.0).round() as u32).or_insert(0) += 1;
    }
    counts.into_iter().collect()
}

#[test]
fn a_budget_of_trials_is_spent_to_the_last() {
    let space = rates();
    let sizes = |budget| rungs_of(&run(&Search { budget, ..search(&space, 1) }, "{}"));
    assert_eq!(sizes(13), [(3, 9), (8, 3), (24, 1)]);
    assert_eq!(sizes(24), [(3, 17), (8, 5), (24, 2)]);
    assert_eq!(sizes(100), [(3, 70), (8, 23), (24, 7)]);
    // Nine at the lowest of three rungs need thirteen trials: below that there are fewer rungs.
    assert_eq!(sizes(12), [(8, 9), (24, 3)]);
    assert_eq!(sizes(4), [(8, 3), (24, 1)]);
    assert_eq!(sizes(3), [(24, 3)]);
    for budget in 1..60 {
        let history = run(&Search { budget, ..search(&space, budget) }, "{}");
        assert_eq!(history.trials.len() as u64, budget);
        assert!(rungs_of(&history).last().is_some_and(|&(epochs, _)| epochs == 24), "{budget} trials");
    }
}

#[test]
fn a_budget_of_trainings_pays_only_differences_where_weights_go_on() {
    let space = rates();
    let search = Search { budget: u64::MAX, budget_trainings: Some(10.0), ..search(&space, 1) };
    let resumed = run(&search, "{}");
    // 38 to 1/8, 12 of them to 1/3, 4 of these to 1: 4.75 + 2.5 + 2.667.
    assert_eq!(rungs_of(&resumed), [(3, 38), (8, 12), (24, 4)]);
    assert!((resumed.trainings - 9.917).abs() < 1e-3 && resumed.refused.is_none(), "{}", resumed.trainings);
    let afresh = run(&Search { resumes: false, ..search }, "{}");
    assert!(afresh.trainings > 9.0 && afresh.trainings <= 10.0 + 1e-9 && afresh.refused.is_none());
    assert!(afresh.trials.len() < resumed.trials.len());
}

#[test]
fn a_budget_of_cost_is_never_exceeded_and_nearly_spent() {
    let space = rates();
    for (seed, resumes) in (0..40).map(|seed| (seed, seed % 2 == 0)) {
        let search = Search { budget: u64::MAX, budget_cost: Some(2500.0), resumes, ..search(&space, seed) };
        let history = run(&search, "{}");
        assert_eq!(history.refused, None, "seed {seed}");
        assert!((1500.0..=2500.0).contains(&history.cost), "seed {seed}: {}", history.cost);
        assert!(rungs_of(&history).last().is_some_and(|&(epochs, _)| epochs == 24), "seed {seed}");
    }
}

#[test]
fn the_best_of_each_rung_go_on_from_their_weights() {
    let space = rates();
    let history = run(&Search { budget: 40, ..search(&space, 2) }, "{}");
    let at = |epochs: u32| {
        let near = move |fidelity: f64| (fidelity * 24.0 - f64::from(epochs)).abs() < 1e-9;
        history.trials.iter().filter(move |trial| near(trial.request.training().fidelity))
    };
    for (below, above) in [(3, 8), (8, 24)] {
        let mut best: Vec<_> = at(below).collect();
        best.sort_by(|one, two| loss(&one.request).total_cmp(&loss(&two.request)));
        let promoted: Vec<_> = at(above).collect();
        assert!(!promoted.is_empty());
        for (better, trial) in best.iter().zip(promoted) {
            assert_eq!(trial.request.training().origin, Origin::Resume(better.request.id));
            assert_eq!(
                (trial.request.genotype(), &trial.request.parents),
                (better.request.genotype(), &vec![better.request.id])
            );
            // All of the rung below was told before.
            let position = |id: u64| history.told.iter().position(|&told| told == id).unwrap();
            assert!(at(below).all(|each| position(each.request.id) < position(trial.request.id)));
        }
    }
}

#[test]
fn without_resuming_all_is_trained_afresh() {
    let space = rates();
    let history = run(&Search { budget: 24, resumes: false, ..search(&space, 1) }, "{}");
    assert!(history.trials.iter().all(|trial| trial.request.training().origin == Origin::Fresh));
    let resumed = run(&Search { budget: 24, ..search(&space, 1) }, "{}");
    let asked = |history: &History| -> Vec<(Genotype, f64)> {
        let trainings = history.trials.iter().map(|trial| trial.request.training());
        trainings.map(|training| (training.genotype.clone(), training.fidelity)).collect()
    };
    assert_eq!(asked(&history), asked(&resumed));
}

#[test]
fn brackets_of_a_given_size_follow_each_other() {
    let space = rates();
    let history = run(&Search { budget: 39, ..search(&space, 3) }, r#"{"candidates": 9}"#);
    let order: Vec<u32> =
        history.trials.iter().map(|trial| (trial.request.training().fidelity * 24.0).round() as u32).collect();
    let bracket = [vec![3; 9], vec![8; 3], vec![24]].concat();
    assert_eq!(order, [&bracket[..], &bracket, &bracket].concat());
    let mut drawn: Vec<f64> = history.trials.iter().map(|trial| trial.request.genotype()[0]).collect();
    drawn.sort_by(f64::total_cmp);
    drawn.dedup();
    assert_eq!(drawn.len(), 27, "no candidate comes twice");
}

#[test]
fn options_choose_the_rungs() {
    let space = rates();
    let sizes = |options: &str| rungs_of(&run(&Search { budget: 60, ..search(&space, 1) }, options));
    assert_eq!(sizes(r#"{"eta": 2}"#), [(2, 31), (3, 15), (6, 7), (12, 4), (24, 3)]);
    assert_eq!(sizes(r#"{"lowest": 0.25}"#), [(8, 45), (24, 15)]);
    assert_eq!(sizes(r#"{"lowest": 1.0}"#), [(24, 60)]);
    assert_eq!(sizes(r#"{"eta": 5}"#), [(5, 50), (24, 10)]);
    // A rung that is asked for stays while one candidate can come to the top; then there are fewer.
    let short = |budget| rungs_of(&run(&Search { budget, ..search(&space, 1) }, r#"{"lowest": 0.1}"#));
    assert_eq!(short(4), [(3, 2), (8, 1), (24, 1)]);
    assert_eq!(short(2), [(8, 1), (24, 1)]);
    assert_eq!(short(1), [(24, 1)]);
    let none = Search { budget: u64::MAX, budget_trainings: Some(0.5), ..search(&space, 1) };
    let refused = none.run::<SuccessiveHalving>("{}", |_| unreachable!()).unwrap_err();
    assert_eq!(refused, "the budget is below one training at fidelity 1: raise it");
}

#[test]
fn small_spaces_are_tried_whole_and_the_rest_of_the_budget_promotes() {
    let space = ToySpace::choices(&[5]);
    let by_option = |request: &Request| (1.0, measured(vec![request.genotype()[0]]));
    let search = |budget| Search { budget, ..search(&space, 1) };
    let history = search(24).run::<SuccessiveHalving>("{}", by_option).unwrap();
    assert_eq!(rungs_of(&history), [(3, 5), (8, 5), (24, 5)]);
    let history = search(13).run::<SuccessiveHalving>("{}", by_option).unwrap();
    assert_eq!(rungs_of(&history), [(3, 5), (8, 4), (24, 4)]);
    assert_eq!(history.recommended, [[0.0]]);
}

#[test]
fn failures_come_last_and_never_go_on() {
    let space = ToySpace::choices(&[3, 40]);
    let search = Search { budget: 60, ..search(&space, 4) };
    let fails = |genotype: &[f64]| genotype[0] == 0.0;
    let history = search
        .run::<SuccessiveHalving>("{}", |request| {
            let genotype = request.genotype();
            (1.0, if fails(genotype) { failed() } else { measured(vec![genotype[1]]) })
        })
        .unwrap();
    assert_eq!(history.trials.len(), 60);
    let low = history.trials[0].request.training().fidelity;
    let promoted = history.trials.iter().filter(|trial| trial.request.training().fidelity > low);
    assert!(promoted.clone().count() > 10 && promoted.into_iter().all(|trial| !fails(trial.request.genotype())));
    assert!(history.trials.iter().any(|trial| fails(trial.request.genotype())));
}

#[test]
fn with_nothing_but_failures_the_search_still_ends() {
    let space = ToySpace::choices(&[4, 3]);
    let history = Search { budget: 100, ..search(&space, 5) }.run::<SuccessiveHalving>("{}", |_| (1.0, failed()));
    let history = history.unwrap();
    assert_eq!(history.trials.len(), 12, "every candidate once");
    assert!(history.recommended.is_empty());
    // A failure at the top leaves what came highest.
    let top = |request: &Request| request.training().fidelity == 1.0;
    let history = Search { budget: 13, ..search(&space, 5) }
        .run::<SuccessiveHalving>("{}", |request| {
            (1.0, if top(request) { failed() } else { measured(vec![request.genotype()[0]]) })
        })
        .unwrap();
    assert_eq!(history.recommended[0][0], 0.0);
}

#[test]
fn constraints_count_before_losses_and_ties_go_to_who_was_asked_first() {
    let space = ToySpace::choices(&[2, 100]);
    let search = Search { budget: 40, ..search(&space, 6) };
    let history = search
        .run::<SuccessiveHalving>("{}", |request| {
            let violations = vec![request.genotype()[0] - 0.5];
            // Those that break the constraint have the lower losses.
            let measured = measured(vec![-request.genotype()[0]]).unwrap();
            (1.0, Ok(Measurement { violations, ..measured }))
        })
        .unwrap();
    let top: Vec<_> = history.trials.iter().filter(|trial| trial.request.training().fidelity == 1.0).collect();
    let feasible = |trial: &&pleach_sdk::testing::Trial| trial.request.genotype()[0] == 0.0;
    assert!(top.len() >= 3 && top.iter().all(feasible));
    let first: Vec<&Genotype> =
        history.trials.iter().filter(feasible).take(top.len()).map(|trial| trial.request.genotype()).collect();
    assert_eq!(top.iter().map(|trial| trial.request.genotype()).collect::<Vec<_>>(), first);
    assert_eq!(history.recommended, [first[0].clone()]);
}

#[test]
fn it_recommends_the_best_at_the_highest_fidelity() {
    let space = rates();
    let history = run(&Search { budget: 24, ..search(&space, 7) }, "{}");
    let top = history.trials.iter().filter(|trial| trial.request.training().fidelity == 1.0);
    let best = top.min_by(|one, two| loss(&one.request).total_cmp(&loss(&two.request))).unwrap();
    assert_eq!(history.recommended, [best.request.genotype().clone()]);
}

#[test]
fn the_seed_alone_decides() {
    let space = rates();
    let with = |seed, concurrency| run(&Search { budget: 50, concurrency, ..search(&space, seed) }, "{}");
    assert_eq!(with(1, 4), with(1, 4));
    assert_ne!(with(1, 4), with(2, 4));
    // A rung is told whole, so what is asked does not depend on the order of outcomes.
    let asked = |history: History| history.trials.into_iter().map(|trial| trial.request).collect::<Vec<_>>();
    assert_eq!(asked(with(1, 1)), asked(with(1, 16)));
}

#[test]
fn workers_wait_only_for_the_end_of_a_rung() {
    let space = rates();
    let context = Search { budget: 24, concurrency: 5, ..search(&space, 1) }.context("{}");
    let mut strategy = SuccessiveHalving::start(context, Options::default(), &space).unwrap();
    let ask = |strategy: &mut SuccessiveHalving, room| match strategy.ask(room, &space).unwrap() {
        Answer::Requests(requests) => requests,
        _ => Vec::new(),
    };
    let tell = |strategy: &mut SuccessiveHalving, request: &Request| {
        let measured = measured(vec![loss(request)]);
        strategy.tell(vec![Outcome { id: request.id, cost: cost(request), measured }], &space).unwrap();
    };
    let mut flying = ask(&mut strategy, 5);
    assert_eq!(flying.len(), 5);
    // While the rung has candidates, every freed worker gets one.
    for _ in 5..17 {
        tell(&mut strategy, &flying.remove(0));
        let next = ask(&mut strategy, 1);
        assert_eq!(next.len(), 1);
        flying.extend(next);
    }
    while flying.len() > 1 {
        tell(&mut strategy, &flying.remove(0));
        assert!(ask(&mut strategy, 1).is_empty());
    }
    tell(&mut strategy, &flying.remove(0));
    assert_eq!(ask(&mut strategy, 5).len(), 5);
}

/// A synthetic benchmark of 1,600 candidates: the loss that each reaches, and how slowly; curves cross.
fn curve(genotype: &[f64], fidelity: f64) -> f64 {
    let number = genotype[0] * 40.0 + genotype[1];
    let reached = 0.05 + (number * 0.754_877_666).fract() * 0.4;
    let slowness = 0.2 + (number * 0.569_840_29).fract() * 0.6;
    reached + 0.5 * (-fidelity * 6.0 / slowness).exp()
}

#[test]
fn it_finds_better_than_random_search_at_the_same_budget() {
    let space = ToySpace::choices(&[40, 40]);
    let evaluate = |request: &Request| {
        let training = request.training();
        (training.fidelity, measured(vec![curve(&training.genotype, training.fidelity)]))
    };
    let found = |history: &History| curve(&history.recommended[0], 1.0);
    let (mut better, mut worse, mut difference) = (0, 0, 0.0);
    for seed in 0..100 {
        let base = Search { budget: u64::MAX, budget_trainings: Some(8.0), ..search(&space, seed) };
        let halved = base.run::<SuccessiveHalving>("{}", evaluate).unwrap();
        // One rung alone is random search.
        let random = base.run::<SuccessiveHalving>(r#"{"lowest": 1.0}"#, evaluate).unwrap();
        assert_eq!(random.trials.len(), 8);
        assert!(halved.trainings <= random.trainings + 1e-9);
        let (halved, random) = (found(&halved), found(&random));
        better += i32::from(halved < random);
        worse += i32::from(halved > random);
        difference += random - halved;
    }
    // A sign test: 70 of 100 would happen by chance less than once in 10,000 times.
    assert!(better >= 70 && worse <= 30, "better {better}, worse {worse}");
    assert!(difference / 100.0 > 0.02, "mean loss lower by {}", difference / 100.0);
}

#[test]
fn options_are_described_with_their_defaults() {
    let schema = options_schema::<SuccessiveHalving>();
    assert_eq!(schema["properties"]["eta"]["default"], 3);
    assert_eq!(schema["properties"]["eta"]["minimum"], 2);
    assert!(schema["properties"]["candidates"]["default"].is_null());
    assert_eq!(schema["additionalProperties"], false);
}
