use super::*;
use crate::budget::Spending;
use crate::events::Event;
use crate::search::{Search, Searcher};
use crate::services::Logs;
use pleach_data::Locations;
use pleach_plugin::PluginError;
use pleach_plugin::contract::{Answer, Genotype, Job, Outcome, Request};
use pleach_space::Space;
use pleach_spec::{Budget, Decide, Objective};
use serde_json::json;
use std::sync::atomic::AtomicBool;

const ROWS: &str = "op,acc,half,seconds,nwot,snip\na,0.9,0.5,100,3,\nb,0.8,0.6,200,,\nc,0.7,,40,1,2\n";

/// Asks for one list of jobs after another and keeps what it is told.
struct Listed {
    jobs: Vec<Vec<Job>>,
    asked: u64,
    told: Vec<Outcome>,
}

impl Searcher for &mut Listed {
    fn ask(&mut self, _: u32) -> Result<Answer, PluginError> {
        if self.asked > self.told.len() as u64 {
            return Ok(Answer::Wait);
        }
        if self.jobs.is_empty() {
            return Ok(Answer::Finished);
        }
        let first = self.asked;
        let jobs = self.jobs.remove(0);
        self.asked += jobs.len() as u64;
        let request = |(id, job)| Request { id, job, parents: Vec::new() };
        Ok(Answer::Requests((first..).zip(jobs).map(request).collect()))
    }

    fn tell(&mut self, outcomes: &[Outcome]) -> Result<(), PluginError> {
        self.told.extend(outcomes.to_vec());
        Ok(())
    }

    fn recommend(&mut self) -> Result<Vec<Genotype>, PluginError> {
        Ok(Vec::new())
    }

    fn save(&mut self) -> Result<Vec<u8>, PluginError> {
        Ok(Vec::new())
    }
}

fn train(op: f64, fidelity: f64, origin: Origin) -> Job {
    Job::Train(Training { genotype: vec![op], fidelity, origin, repeat: 0 })
}

/// What is told of jobs on the table with this kind of fidelities, by id.
fn told(kind: &str, jobs: Vec<Vec<Job>>, budget: Budget) -> (Vec<Outcome>, f64) {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("t.csv"), ROWS).unwrap();
    let (space, _) = Space::compile(&json!({"values": {"op": {"one_of": ["a", "b", "c"]}}}), "/space", None);
    let space = Arc::new(space.unwrap());
    let table = serde_json::from_value(json!({
        "file": "t.csv", "columns": {"op": "op"}, "metrics": {"accuracy": "acc"}, "cost": "seconds",
        "fidelities": {kind: [{"share": 0.5, "metrics": {"accuracy": "half"}}]},
        "proxies": {"seconds": 2, "scores": {"nwot": "nwot", "snip": "snip"}}
    }));
    let locations = Locations { base: folder.path().to_owned(), caches: Vec::new() };
    let table = Table::load(&table.unwrap(), &locations, &space).unwrap();
    let view = View::new(space.clone(), Decide::All, space.defaults());
    let scorer = Scorer::new(&[Objective::Maximize("accuracy".parse().unwrap())], &[]);
    let mut listed = Listed { jobs, asked: 0, told: Vec::new() };
    let (interrupt, now, mut ignore) = (AtomicBool::new(false), || 0.0, |_: &Event<'_>| {});
    let mut session = Session::new(None, &mut ignore, &now, &interrupt);
    let searched = Search {
        step: "explore",
        strategy: &mut listed,
        evaluator: TableEvaluator::new(&table, view, &scorer, 1),
        scorer: &scorer,
        concurrency: 2,
        failures: 1.0,
        spending: Spending::new(&budget),
        logs: Logs::default(),
        resumes: table.resumes(),
    }
    .run(&mut session)
    .unwrap();
    listed.told.sort_by_key(|outcome| outcome.id);
    (listed.told, searched.virtual_time)
}

#[test]
fn scores_are_told_by_name_and_cost_their_seconds() {
    let jobs = (0..3).map(|op| Job::Proxies(vec![f64::from(op)])).map(|job| vec![job]).collect();
    let (told, end) = told("scaled", jobs, Budget::Trials(10));
    let scores = |id: usize| told[id].measured.as_ref().map(|measured| measured.scores.clone());
    let first = &scores(0).unwrap()[0];
    assert!(first[0] == 3.0 && first[1].is_nan(), "a score that the row lacks is NaN: {first:?}");
    assert_eq!(scores(2).unwrap(), [[1.0, 2.0]]);
    let failure = scores(1).unwrap_err();
    assert_eq!(failure.message, "the table has no training-free scores for this candidate");
    assert!(told[0].measured.as_ref().unwrap().losses.is_empty());
    assert_eq!(
        told.iter().map(|outcome| outcome.cost).collect::<Vec<_>>(),
        [2.0, 2.0, 2.0],
        "infeasible costs as much"
    );
    assert_eq!(end, 6.0);
}

#[test]
fn parts_of_one_training_cost_the_difference_and_budgets_count_it() {
    let jobs = || {
        vec![
            vec![train(0.0, 0.5, Origin::Fresh), train(1.0, 0.5, Origin::Fresh)],
            vec![train(0.0, 1.0, Origin::Resume(0)), train(1.0, 1.0, Origin::Fresh)],
            vec![train(2.0, 0.5, Origin::Fresh)],
        ]
    };
    let (outcomes, end) = told("full", jobs(), Budget::Trials(10));
    let costs: Vec<f64> = outcomes.iter().map(|outcome| outcome.cost).collect();
    assert_eq!(costs, [50.0, 100.0, 50.0, 200.0, 2.0]);
    assert_eq!(end, 100.0 + 200.0 + 2.0);
    let losses = |id: usize| outcomes[id].measured.as_ref().unwrap().losses[0];
    assert_eq!([0, 1, 2, 3].map(losses), [-0.5, -0.6, -0.9, -0.8]);
    let signals = &outcomes[2].measured.as_ref().unwrap().signals;
    assert_eq!(signals[1..], [1.0, 0.5], "fidelity, and the one that it went on from");
    let failure = outcomes[4].measured.as_ref().unwrap_err();
    assert_eq!(failure.message, "the table has no `accuracy` for this candidate at fidelity 0.5");
    // 0.5 + 0.5 + 0.5 of a training; what would exceed it is not asked.
    assert_eq!(told("full", jobs(), Budget::Trainings(1.5)).0.len(), 3);
}
