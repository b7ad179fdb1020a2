use serde_json::json;

use super::*;
use crate::contract::{Decision, Domain, Failure, Measurement, Reason, Role, SharedScoring, SharedTraining};

fn context() -> Context {
    let decision = |path: &str| Decision {
        path: path.to_owned(),
        domain: Domain::Choice(vec!["a".to_owned(), "b".to_owned()]),
        role: Role::Architecture,
        active_when: None,
        slot: None,
        block: None,
    };
    Context {
        decisions: vec![decision("space.network[0]"), decision("space.network[1]")],
        objectives: vec!["loss".to_owned()],
        constraints: vec![],
        curves: vec![],
        signals: vec![RESUMED.to_owned()],
        proxies: vec![],
        blocks: vec!["stem".to_owned()],
        node_kinds: vec![],
        node_features: 0,
        seed: 1,
        options: "{}".to_owned(),
        budget: None,
        budget_trainings: None,
        budget_cost: None,
        concurrency: 4,
        fidelities: vec![0.25, 1.0],
        tasks: vec![],
        history: vec![],
        saved: None,
    }
}

fn rules(needs: &[Need]) -> Rules {
    rules_of(&context(), needs)
}

fn rules_of(context: &Context, needs: &[Need]) -> Rules {
    let manifest = Manifest {
        name: "rules".to_owned(),
        version: "0".to_owned(),
        summary: String::new(),
        options_schema: json!({}),
        needs: needs.to_vec(),
    };
    Rules::new(context, &manifest)
}

fn train(id: u64, genotype: &[f64], fidelity: f64, origin: Origin) -> Request {
    let training = Training { genotype: genotype.to_vec(), fidelity, origin, repeat: 0 };
    Request { id, job: Job::Train(training), parents: vec![] }
}

fn fresh(id: u64) -> Request {
    train(id, &[0.0, 1.0], 0.25, Origin::Fresh)
}

fn ask(rules: &mut Rules, requests: Vec<Request>) -> Result<(), Fault> {
    let in_range = |genotype: &[f64]| match genotype.iter().position(|&value| value > 1.0) {
        Some(position) => Err(format!("decision {position} holds {}", genotype[position])),
        None => Ok(()),
    };
    rules.asked(&Answer::Requests(requests), 4, &in_range)
}

fn measured(id: u64) -> Outcome {
    let measurement = Measurement {
        losses: vec![0.5],
        violations: vec![],
        curves: vec![],
        scores: vec![],
        gradients: vec![],
        signals: vec![],
    };
    Outcome { id, cost: 1.0, measured: Ok(measurement) }
}

fn failed(id: u64) -> Outcome {
    let failure = Failure { reason: Reason::Diverged, message: "the loss is not finite".to_owned() };
    Outcome { id, cost: 1.0, measured: Err(failure) }
}

/// The fault's text after a first request was measured, a second failed, and a third is in flight.
fn third(needs: &[Need], request: Request) -> String {
    let mut rules = rules(needs);
    ask(&mut rules, vec![fresh(0), fresh(1), fresh(2)]).unwrap();
    rules.told(&[measured(0), failed(1)]).unwrap();
    ask(&mut rules, vec![request]).map_or_else(|fault| fault.to_string(), |()| "accepted".to_owned())
}

#[test]
fn ids_rise_by_one_over_the_whole_search() {
    let mut rules = rules(&[Need::Train]);
    ask(&mut rules, vec![fresh(0), fresh(1)]).unwrap();
    assert_eq!(ask(&mut rules, vec![fresh(3)]), Err(Fault::RequestId { expected: 2, found: 3 }));
    assert_eq!(ask(&mut rules, vec![fresh(1)]), Err(Fault::RequestId { expected: 2, found: 1 }));
}

#[test]
fn answers_fit_the_room_and_waiting_needs_something_to_wait_for() {
    let mut rules = rules(&[Need::Train]);
    let accept = |_: &[f64]| Ok(());
    assert_eq!(rules.asked(&Answer::Wait, 1, &accept), Err(Fault::WaitsForNothing));
    assert_eq!(rules.asked(&Answer::Requests(vec![]), 1, &accept), Err(Fault::NoRequests));
    let two = Answer::Requests(vec![fresh(0), fresh(1)]);
    assert_eq!(rules.asked(&two, 1, &accept), Err(Fault::TooManyRequests { requests: 2, room: 1 }));
    rules.asked(&two, 2, &accept).unwrap();
    rules.asked(&Answer::Wait, 1, &accept).unwrap();
    rules.told(&[measured(1)]).unwrap();
    rules.asked(&Answer::Wait, 1, &accept).unwrap();
    rules.told(&[measured(0)]).unwrap();
    assert_eq!(rules.asked(&Answer::Wait, 1, &accept), Err(Fault::WaitsForNothing));
    rules.asked(&Answer::Finished, 1, &accept).unwrap();
}

#[test]
fn outcomes_come_once_and_for_what_was_asked() {
    let mut rules = rules(&[Need::Train]);
    ask(&mut rules, vec![fresh(0)]).unwrap();
    assert_eq!(rules.told(&[measured(1)]), Err(Fault::NotInFlight { request: 1 }));
    rules.told(&[measured(0)]).unwrap();
    assert_eq!(rules.told(&[measured(0)]), Err(Fault::NotInFlight { request: 0 }));
    assert_eq!(rules.told(&[measured(u64::MAX)]), Err(Fault::NotInFlight { request: u64::MAX }));
}

#[test]
fn genotypes_are_checked_in_shape_and_in_range() {
    let genotype = |genotype: &[f64]| third(&[Need::Train], train(3, genotype, 1.0, Origin::Fresh));
    assert_eq!(genotype(&[0.0, 1.0]), "accepted");
    let invalid = "request 3 has an invalid genotype: ";
    assert_eq!(genotype(&[0.0]), format!("{invalid}a genotype of 1 values where there are 2 decisions"));
    assert_eq!(genotype(&[0.0, f64::NAN]), format!("{invalid}decision 1 holds NaN"));
    assert_eq!(genotype(&[2.0, 0.0]), format!("{invalid}decision 0 holds 2"));
    let refuse = |_: &[f64]| Err("no member".to_owned());
    let fault = rules(&[]).recommended(&[vec![0.0, 1.0]], &refuse).unwrap_err();
    assert_eq!(fault.to_string(), "the recommendation has an invalid genotype: no member");
}

#[test]
fn fidelities_and_parents_are_those_that_exist() {
    let odd = third(&[Need::Train], train(3, &[0.0, 1.0], 0.5, Origin::Fresh));
    assert_eq!(odd, "request 3: its fidelity 0.5 is none of [0.25, 1.0]");
    let child = |parent| third(&[Need::Train], Request { parents: vec![0, parent], ..fresh(3) });
    assert_eq!(child(2), "accepted");
    assert_eq!(child(3), "request 3: its parent 3 was not asked before it");
}

#[test]
fn a_training_resumes_only_its_own_measured_beginning() {
    let needs = [Need::Train, Need::Resume];
    let resume =
        |earlier, genotype: &[f64], fidelity| third(&needs, train(3, genotype, fidelity, Origin::Resume(earlier)));
    assert_eq!(resume(0, &[0.0, 1.0], 1.0), "accepted");
    assert_eq!(resume(1, &[0.0, 1.0], 1.0), "request 3: wants to resume request 1, which failed");
    assert_eq!(resume(2, &[0.0, 1.0], 1.0), "request 3: wants to resume request 2, which was not told yet");
    assert_eq!(resume(9, &[0.0, 1.0], 1.0), "request 3: wants to resume request 9, which was not told yet");
    assert!(resume(0, &[1.0, 1.0], 1.0).ends_with("which has another genotype or repeat"));
    assert!(resume(0, &[0.0, 1.0], 0.25).ends_with("at a fidelity that is not above 0.25"));
}

#[test]
fn nothing_resumes_where_the_context_does_not_list_the_signal() {
    let mut rules = rules_of(&Context { signals: vec![], ..context() }, &[Need::Train, Need::Resume]);
    ask(&mut rules, vec![fresh(0)]).unwrap();
    rules.told(&[measured(0)]).unwrap();
    let refused = ask(&mut rules, vec![train(1, &[0.0, 1.0], 1.0, Origin::Resume(0))]).unwrap_err();
    assert_eq!(refused.to_string(), "request 1: resumes request 0, but here no training can be resumed");
    ask(&mut rules, vec![train(1, &[0.0, 1.0], 1.0, Origin::Fresh)]).unwrap();
}

#[test]
fn weights_are_inherited_only_from_what_was_measured() {
    let needs = [Need::Train, Need::Inherit];
    let inherit = |sources: &[u64]| third(&needs, train(3, &[1.0, 1.0], 1.0, Origin::Inherit(sources.to_vec())));
    assert_eq!(inherit(&[0]), "accepted");
    assert_eq!(inherit(&[0, 1]), "request 3: wants to inherit from request 1, which failed");
}

#[test]
fn only_announced_kinds_of_work_are_asked_for() {
    let undeclared = |request, need| {
        assert_eq!(ask(&mut rules(&[]), vec![request]), Err(Fault::Undeclared { request: 0, need }));
    };
    undeclared(fresh(0), Need::Train);
    let request = |job| Request { id: 0, job, parents: vec![] };
    undeclared(request(Job::Proxies(vec![0.0, 0.0])), Need::Proxies);
    undeclared(request(Job::Score(SharedScoring { pool: 0, block: None, how: Sharing::Sampled(1) })), Need::Score);
    let resumed = third(&[Need::Train], train(3, &[0.0, 1.0], 1.0, Origin::Resume(0)));
    assert_eq!(resumed, "request 3 uses `resume`, which the manifest's needs do not name");
}

#[test]
fn jobs_on_shared_weights_name_what_exists() {
    let share = |how, block, gradient_at| {
        let job = Job::Share(SharedTraining { pool: 0, block, batches: 1, how, gradient_at });
        let asked = ask(&mut rules(&[Need::Share]), vec![Request { id: 0, job, parents: vec![] }]);
        asked.map_or_else(|fault| fault.to_string(), |()| "accepted".to_owned())
    };
    assert_eq!(share(Sharing::Sampled(1), Some(0), None), "accepted");
    assert_eq!(share(Sharing::Sampled(1), Some(1), None), "request 0: names block 1 where there are 1");
    assert_eq!(share(Sharing::Paths(vec![]), None, None), "request 0: has a batch without paths");
    assert!(share(Sharing::Paths(vec![vec![vec![0.0, 5.0]]]), None, None).contains("decision 1 holds 5"));
    assert_eq!(share(Sharing::Mixtures(vec![vec![0.5, 0.5]]), None, Some(vec![1.0, 0.0])), "accepted");
    assert_eq!(share(Sharing::Mixtures(vec![vec![-0.5]]), None, None), "request 0: a weight of its mixture is -0.5");
    assert!(share(Sharing::Sampled(1), None, Some(vec![f32::NAN])).ends_with("a weight of its mixture is NaN"));
}
