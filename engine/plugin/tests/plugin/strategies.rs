//! The strategies as real components: they do what they do natively, within small budgets.

use pleach_plugin::contract::{Answer, Context, Job, Measurement, Origin, Outcome, Request};
use pleach_plugin::{Call, Fault, Limits, Need, Plugin, PluginError, Strategy};
use pleach_sdk::testing::{Search, ToySpace, measured};
use pleach_strategy_random::RandomSearch;
use pleach_strategy_regularized_evolution::RegularizedEvolution;
use pleach_strategy_successive_halving::SuccessiveHalving;

use crate::built::{plugin, wasm};
use crate::toy::{Toy, context};

const DECISIONS: [u32; 24] = [4; 24];

fn loss(genotype: &[f64]) -> f64 {
    genotype.iter().filter(|&&value| value != 3.0).count() as f64
}

/// Costs differ, so that outcomes come back in another order than asked.
fn cost(id: u64) -> f64 {
    1.0 + (id % 3) as f64
}

fn genotype(request: &Request) -> &[f64] {
    match &request.job {
        Job::Train(training) => &training.genotype,
        _ => panic!("not a training"),
    }
}

fn start(plugin: &Plugin, seed: u64, options: &str) -> Strategy {
    start_in(plugin, &context(&DECISIONS, seed, options))
}

fn start_in(plugin: &Plugin, context: &Context) -> Strategy {
    plugin.start(Toy::boxed(&ToySpace::choices(&DECISIONS)), context, Limits::default()).unwrap()
}

fn outcome(request: &Request) -> Outcome {
    let measurement = Measurement {
        losses: vec![loss(genotype(request))],
        violations: vec![],
        curves: vec![],
        scores: vec![],
        gradients: vec![],
        signals: vec![],
    };
    Outcome { id: request.id, cost: cost(request.id), measured: Ok(measurement) }
}

/// The search loop of the strategy kit's tests, through the component: four workers, 400 requests.
fn search(plugin: &Plugin, seed: u64, options: &str) -> (Vec<Request>, u64) {
    search_in(plugin, &context(&DECISIONS, seed, options))
}

fn search_in(plugin: &Plugin, context: &Context) -> (Vec<Request>, u64) {
    let mut strategy = start_in(plugin, context);
    let mut requests: Vec<Request> = Vec::new();
    let mut running: Vec<(f64, u64)> = Vec::new();
    let mut now = 0.0;
    loop {
        while running.len() < 4 && requests.len() < 400 {
            let room = (4 - running.len()).min(400 - requests.len());
            let Answer::Requests(asked) = strategy.ask(room as u32).unwrap() else { break };
            running.extend(asked.iter().map(|request| (now + cost(request.id), request.id)));
            requests.extend(asked);
        }
        running.sort_by(|one, two| one.partial_cmp(two).unwrap());
        let Some(&(end, _)) = running.first() else { return (requests, strategy.total_fuel()) };
        now = end;
        let ended = running.iter().take_while(|(end, _)| *end == now).count();
        let outcomes: Vec<Outcome> = running.drain(..ended).map(|(_, id)| outcome(&requests[id as usize])).collect();
        strategy.tell(&outcomes).unwrap();
    }
}

/// A native search, as the same plain data.
fn native<S: pleach_sdk::Strategy>(seed: u64, options: &str) -> Vec<(Vec<f64>, Vec<u64>)> {
    let space = ToySpace::choices(&DECISIONS);
    let search = Search { budget: 400, ..Search::new(&space, seed) };
    let evaluate = |request: &pleach_sdk::Request| (cost(request.id), measured(vec![loss(request.genotype())]));
    let trials = search.run::<S>(options, evaluate).unwrap().trials;
    trials.into_iter().map(|trial| (trial.request.genotype().clone(), trial.request.parents)).collect()
}

fn plain(requests: &[Request]) -> Vec<(Vec<f64>, Vec<u64>)> {
    requests.iter().map(|request| (genotype(request).to_vec(), request.parents.clone())).collect()
}

#[test]
fn components_search_as_they_do_natively() {
    let options = r#"{"population": 20, "sample": 5}"#;
    let evolved = search(&plugin("regularized-evolution"), 3, options);
    assert_eq!(plain(&evolved.0), native::<RegularizedEvolution>(3, options));
    let random = search(&plugin("random"), 3, "{}");
    assert_eq!(plain(&random.0), native::<RandomSearch>(3, "{}"));
    let best = |requests: &[Request]| requests.iter().map(genotype).map(loss).fold(f64::INFINITY, f64::min);
    assert!(best(&evolved.0) + 3.0 <= best(&random.0));
}

#[test]
fn halving_resumes_as_it_does_natively() {
    let fidelities: Vec<f64> = (1..=24).map(|epoch| f64::from(epoch) / 24.0).collect();
    let context = |resumes: bool| {
        let signals = if resumes { vec!["resumed".to_owned()] } else { vec![] };
        Context { signals, fidelities: fidelities.clone(), ..context(&DECISIONS, 3, "{}") }
    };
    let plugin = plugin("successive-halving");
    assert_eq!(plugin.manifest().needs, [Need::Train, Need::Resume]);
    for resumes in [true, false] {
        let space = ToySpace::choices(&DECISIONS);
        let native = Search { budget: 400, fidelities: fidelities.clone(), resumes, ..Search::new(&space, 3) };
        let evaluate = |request: &pleach_sdk::Request| (cost(request.id), measured(vec![loss(request.genotype())]));
        let native = native.run::<SuccessiveHalving>("{}", evaluate).unwrap();
        let native = native.trials.iter().map(|trial| trial.request.training());
        let native: Vec<_> = native.map(|training| (training.genotype.clone(), training.fidelity)).collect();
        let (requests, _) = search_in(&plugin, &context(resumes));
        let trainings = requests.iter().map(|request| match &request.job {
            Job::Train(training) => training,
            _ => panic!("not a training"),
        });
        let asked: Vec<_> = trainings.clone().map(|training| (training.genotype.clone(), training.fidelity)).collect();
        assert_eq!(asked, native);
        let resumed = trainings.filter(|training| matches!(training.origin, Origin::Resume(_))).count();
        assert_eq!(resumed, if resumes { 400 - 278 } else { 0 }, "all above the lowest of three rungs");
    }
}

#[test]
fn searches_repeat_to_the_last_unit_of_fuel() {
    let plugin = plugin("regularized-evolution");
    let [one, two] = [1, 1].map(|seed| search(&plugin, seed, "{}"));
    assert_eq!(one, two);
    assert_ne!(one.0, search(&plugin, 2, "{}").0);
}

#[test]
fn searches_run_on_any_thread() {
    let plugin = plugin("random");
    let here = search(&plugin, 1, "{}");
    let threads: Vec<_> = (0..3)
        .map(|_| {
            let plugin = plugin.clone();
            std::thread::spawn(move || search(&plugin, 1, "{}"))
        })
        .collect();
    assert!(threads.into_iter().all(|thread| thread.join().unwrap() == here));
    // A search may be handed to another thread between calls.
    let mut strategy = start(&plugin, 1, "{}");
    std::thread::spawn(move || strategy.ask(1).unwrap()).join().unwrap();
}

#[test]
fn manifests_say_what_experiments_need() {
    let plugin = plugin("regularized-evolution");
    let manifest = plugin.manifest();
    assert_eq!((manifest.name.as_str(), manifest.needs.as_slice()), ("regularized-evolution", &[Need::Train][..]));
    assert_eq!(manifest.options_schema["properties"]["population"]["default"], 50);
    assert_eq!(manifest.options_schema["additionalProperties"], false);
    assert_eq!(plugin.digest(), blake3_of(&wasm("regularized-evolution")));
    assert!(plugin.imports().iter().all(|import| import.starts_with("pleach:strategy/")));
    assert_eq!(crate::built::plugin("random").manifest().options_schema["properties"]["distinct"]["default"], true);
}

fn blake3_of(bytes: &[u8]) -> String {
    blake3::hash(bytes).to_hex().to_string()
}

#[test]
fn a_panic_in_rust_shows_its_message_and_place() {
    let plugin = plugin("regularized-evolution");
    let space = ToySpace::choices(&DECISIONS);
    // Beyond the schema's maximum, which the engine checks before: no such memory can be reserved.
    let context = context(&DECISIONS, 1, r#"{"population": 4000000000}"#);
    let error = plugin.start(Toy::boxed(&space), &context, Limits::default()).unwrap_err();
    let text = error.to_string();
    assert!(text.starts_with("plugin `regularized-evolution`, start: panicked: capacity overflow, at "), "{text}");
    assert!(text.contains("RegularizedEvolution"), "{text}");
}

#[test]
fn options_that_do_not_fit_are_refused_with_a_message() {
    let plugin = plugin("random");
    let context = context(&DECISIONS, 1, r#"{"distinkt": true}"#);
    let error = plugin.start(Toy::boxed(&ToySpace::choices(&DECISIONS)), &context, Limits::default()).unwrap_err();
    let PluginError::Call { call: Call::Start, fault, .. } = error else { panic!("{error}") };
    assert!(matches!(&*fault, Fault::Refused { message } if message.contains("distinkt")), "{fault}");
}

#[test]
fn outcomes_must_belong_to_requests_in_flight() {
    let mut strategy = start(&plugin("random"), 1, "{}");
    let Answer::Requests(requests) = strategy.ask(2).unwrap() else { panic!("no requests") };
    strategy.tell(&[outcome(&requests[1])]).unwrap();
    let again = strategy.tell(&[outcome(&requests[1])]).unwrap_err();
    assert_eq!(again.fault(), Some(&Fault::NotInFlight { request: 1 }));
}

#[test]
fn limits_leave_room_for_these_strategies() {
    let mut strategy = start(&plugin("regularized-evolution"), 1, "{}");
    let Answer::Requests(requests) = strategy.ask(64).unwrap() else { panic!("no requests") };
    let asked = strategy.last_usage();
    assert!(asked.fuel < 1_000_000 && asked.engine_genotypes >= 50, "{asked:?}");
    let outcomes: Vec<Outcome> = requests.iter().map(outcome).collect();
    strategy.tell(&outcomes).unwrap();
    assert!(strategy.last_usage().fuel < 200_000, "{:?}", strategy.last_usage());
    assert!(strategy.peak_memory() < 4 << 20, "{} bytes", strategy.peak_memory());
}
