//! The corpus of hostile plugins against the host itself: each ends as the error of its kind.

use pleach_hostile_plugins::{Attack, attacks};
use pleach_plugin::contract::{Answer, Condition, Context, Domain, Measurement, Outcome, RealRange, Role};
use pleach_plugin::{Limits, PluginError};
use pleach_sdk::testing::ToySpace;

use crate::guest::host;
use crate::toy::{Toy, context};

/// The space of the corpus' experiment.
fn space() -> ToySpace {
    let when = pleach_sdk::Condition { decision: 0, values: vec![1.0] };
    let range = pleach_sdk::RealRange { low: 0.01, high: 0.1, log: false };
    ToySpace::choices(&[2])
        .with("levels", pleach_sdk::Domain::Levels(vec![2.0, 4.0]), pleach_sdk::Role::Architecture, Some(when))
        .with("range", pleach_sdk::Domain::Real(range), pleach_sdk::Role::Training, None)
}

fn experiment() -> Context {
    let mut context = context(&[2], 1, "{}");
    let mut add = |domain, active_when| {
        context.decisions.push(pleach_plugin::contract::Decision {
            domain,
            active_when,
            ..context.decisions[0].clone()
        });
    };
    add(Domain::Levels(vec![2.0, 4.0]), Some(Condition { decision: 0, values: vec![1.0] }));
    add(Domain::Real(RealRange { low: 0.01, high: 0.1, log: false }), None);
    context.decisions[2].role = Role::Training;
    let signals = ["virtual_time", "fidelity", "resumed"].map(str::to_owned).to_vec();
    Context { signals, fidelities: vec![0.5, 1.0], budget: Some(4), concurrency: 2, ..context }
}

/// A search of four requests, two at once.
fn search(wasm: &[u8]) -> Result<(), PluginError> {
    let plugin = host().load(wasm, "guest.wasm")?;
    // The kind of error is the same with little fuel, which keeps loops short.
    let (start_fuel, call_fuel, end_fuel) = (100_000_000, 500_000_000, 100_000_000);
    let limits = Limits { start_fuel, call_fuel, end_fuel, ..Limits::default() };
    let mut strategy = plugin.start(Toy::boxed(&space()), &experiment(), limits)?;
    let (mut asked, mut running) = (0, Vec::new());
    loop {
        let mut finished = asked == 4;
        while running.len() < 2 && asked < 4 && !finished {
            match strategy.ask((2 - running.len()).min(4 - asked) as u32)? {
                Answer::Requests(requests) => {
                    asked += requests.len();
                    running.extend(requests.iter().map(|request| request.id));
                }
                Answer::Wait => break,
                Answer::Finished => finished = true,
            }
        }
        if running.is_empty() {
            break;
        }
        let measurement = Measurement {
            losses: vec![1.0],
            violations: vec![],
            curves: vec![],
            scores: vec![],
            gradients: vec![],
            signals: vec![0.0, 1.0, 0.0],
        };
        strategy.tell(&[Outcome { id: running.remove(0), cost: 1.0, measured: Ok(measurement) }])?;
    }
    strategy.recommend()?;
    strategy.save().map(|_| ())
}

/// The name of an error's variant, as it is written in Rust.
fn kind(error: &PluginError) -> String {
    let text = error.fault().map_or_else(|| format!("{error:?}"), |fault| format!("{fault:?}"));
    text.chars().take_while(char::is_ascii_alphanumeric).collect()
}

fn check(attack: &Attack) -> Option<String> {
    let found = search(&(attack.wasm)()).err().map(|error| kind(&error)).unwrap_or_default();
    (found != attack.kind).then(|| format!("{}: `{found}` where `{}` is expected", attack.name, attack.kind))
}

#[test]
fn every_attack_ends_as_its_kind_of_error() {
    let mut attacks = attacks();
    // The tests of the program have those that need a process of their own, a real network, or the check of the experiment.
    let elsewhere = ["slow-to-compile", "graphs-of-one-network", "schema-no-schema"];
    attacks.retain(|attack| !elsewhere.contains(&attack.name));
    let (one, other) = attacks.split_at(attacks.len() / 2);
    let failures: Vec<String> = std::thread::scope(|scope| {
        let halves = [one, other].map(|half| scope.spawn(|| half.iter().filter_map(check).collect::<Vec<_>>()));
        halves.into_iter().flat_map(|half| half.join().unwrap()).collect()
    });
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}
