//! The loop with a strategy whose requests depend on everything that it was told, and evaluations that arrive in any order.

use super::*;
use crate::outcome::Values;
use pleach_random::{Generator, mix};
use pleach_spec::Budget;
use pleach_store::{Failure as Failed, Holder, LockFile, RunFolder, StepRecord};
use proptest::prelude::*;
use std::collections::HashMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

/// Asks for a genotype that is a hash of all that was told before, and fills every free place.
#[derive(Debug, Default)]
struct Chain {
    state: u64,
    asked: u64,
    told: Vec<(u64, bool)>,
    /// The number of each call at which so many outcomes came.
    instants: Vec<usize>,
    /// Finishes of its own accord after so many requests.
    finish_after: Option<u64>,
    /// Asks for something else at this request, as if it drew from a clock.
    stray: Option<u64>,
}

impl Searcher for &mut Chain {
    fn ask(&mut self, room: u32) -> Result<Answer, PluginError> {
        let left = self.finish_after.map_or(u64::MAX, |all| all - self.asked);
        if left == 0 {
            return Ok(Answer::Finished);
        }
        let requests = (0..u64::from(room).min(left))
            .map(|_| {
                let id = self.asked;
                self.asked += 1;
                let stray = if self.stray == Some(id) { 0.5 } else { 0.0 };
                let genotype = vec![(mix(self.state ^ id) % 1000) as f64 + stray];
                let training = Training { genotype, fidelity: 0.25, origin: Origin::Fresh, repeat: 0 };
                Request { id, job: Job::Train(training), parents: Vec::new() }
            })
            .collect();
        Ok(Answer::Requests(requests))
    }

    fn tell(&mut self, outcomes: &[Outcome]) -> Result<(), PluginError> {
        self.instants.push(outcomes.len());
        for outcome in outcomes {
            let loss = outcome.measured.as_ref().map_or(u64::MAX, |measured| measured.losses[0].to_bits());
            self.state = mix(self.state ^ mix(outcome.id ^ loss));
            self.told.push((outcome.id, outcome.measured.is_ok()));
        }
        Ok(())
    }

    fn recommend(&mut self) -> Result<Vec<Genotype>, PluginError> {
        Ok(vec![vec![(self.state % 1000) as f64]])
    }

    fn save(&mut self) -> Result<Vec<u8>, PluginError> {
        Ok(self.state.to_le_bytes().to_vec())
    }
}

/// Real workers in small: begun requests become ready in an order that `arrivals` draws.
struct Shuffled<'i> {
    arrivals: Generator,
    running: Vec<(u64, f64)>,
    ready: HashMap<u64, f64>,
    begun: u64,
    /// Fails where the genotype is a multiple of this.
    fails: Option<(u64, &'static str)>,
    /// Interrupts once so many results were waited for.
    interrupt: Option<(u64, &'i AtomicBool)>,
}

impl Shuffled<'_> {
    fn new(seed: u64) -> Self {
        Self {
            arrivals: Generator::new(seed),
            running: Vec::new(),
            ready: HashMap::new(),
            begun: 0,
            fails: None,
            interrupt: None,
        }
    }
}

impl Evaluator for Shuffled<'_> {
    fn begin(
        &mut self,
        id: u64,
        training: &Training,
        allow: &mut dyn FnMut(f64) -> bool,
    ) -> Result<Option<Begun>, RunError> {
        // Few different costs, so that many ends are equal.
        let cost = 1.0 + (training.genotype[0] as u64 % 3) as f64;
        if !allow(cost) {
            return Ok(None);
        }
        self.begun += 1;
        self.running.push((id, training.genotype[0]));
        Ok(Some(Begun { cost, key: None, done: None }))
    }

    fn finish(&mut self, id: u64, session: &mut Session<'_>) -> Result<Evaluated, RunError> {
        if let Some((after, flag)) = self.interrupt
            && self.begun >= after
        {
            flag.store(true, Ordering::Relaxed);
        }
        session.check_interrupt()?;
        while !self.ready.contains_key(&id) {
            let arrives = self.arrivals.below(self.running.len() as u64) as usize;
            let (id, value) = self.running.swap_remove(arrives);
            self.ready.insert(id, value);
        }
        let value = self.ready.remove(&id).unwrap();
        let result = match self.fails {
            Some((multiple, reason)) if (value as u64).is_multiple_of(multiple) => {
                Err(Failed { reason: reason.to_owned(), message: format!("value {value}"), detail: String::new() })
            }
            _ => Ok(Values::Named([("accuracy".to_owned(), value)].into_iter().collect())),
        };
        Ok(Evaluated::at_once(result))
    }

    fn costs_work(&self) -> bool {
        true
    }

    fn curves(&self) -> &[String] {
        &[]
    }
}

fn scorer() -> Scorer {
    Scorer::new(&[pleach_spec::Objective::Maximize("accuracy".parse().unwrap())], &[])
}

fn folder(root: &Path) -> RunFolder {
    let folder = RunFolder::create(root, "loop", "version: 1\n", &LockFile::default()).unwrap();
    let mut writer = folder.record(&holder()).unwrap();
    let mut step = StepRecord::pending("explore", "search", serde_json::json!({}));
    step.strategy = Some("chain".to_owned());
    writer.record_step(&step).unwrap();
    writer.close().unwrap();
    folder
}

fn holder() -> Holder {
    Holder { process: 1, since: String::new(), host: String::new() }
}

/// One sitting of a search in a folder, going on with what is recorded there.
fn sit(
    folder: &RunFolder,
    chain: &mut Chain,
    evaluator: Shuffled<'_>,
    budget: &Budget,
    interrupt: &AtomicBool,
) -> Result<Searched, RunError> {
    let writer = folder.record(&holder()).unwrap();
    let mut report = |_: &Event<'_>| {};
    let mut session = Session::new(Some(writer), &mut report, &|| 0.0, interrupt);
    let search = Search {
        step: "explore",
        strategy: chain,
        evaluator,
        scorer: &scorer(),
        concurrency: 5,
        failures: 0.2,
        spending: Spending::new(budget),
        logs: Logs::default(),
        resumes: false,
    };
    search.run(&mut session)
}

fn digest(folder: &RunFolder) -> String {
    pleach_store::digest(&folder.read().unwrap(), |_| false).unwrap().run
}

/// A whole search: how it ended, what was told when, and the digest of the record.
fn whole(arrivals: u64, budget: &Budget) -> (Searched, Chain, String) {
    let root = tempfile::tempdir().unwrap();
    let folder = folder(root.path());
    let mut chain = Chain::default();
    let searched = sit(&folder, &mut chain, Shuffled::new(arrivals), budget, &AtomicBool::new(false)).unwrap();
    let digest = digest(&folder);
    (searched, chain, digest)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn the_order_of_arrival_changes_nothing(arrivals in any::<u64>()) {
        let (searched, chain, digest) = whole(arrivals, &Budget::Trials(60));
        let (expected, reference, expected_digest) = whole(0, &Budget::Trials(60));
        prop_assert_eq!(searched, expected);
        prop_assert_eq!((&chain.told, &chain.instants), (&reference.told, &reference.instants));
        prop_assert_eq!(digest, expected_digest);
    }

    #[test]
    fn an_interrupted_search_goes_on_to_the_same_record(after in 1u64..60, arrivals in any::<u64>()) {
        let root = tempfile::tempdir().unwrap();
        let folder = folder(root.path());
        let flag = AtomicBool::new(false);
        let evaluator = Shuffled { interrupt: Some((after, &flag)), ..Shuffled::new(arrivals) };
        let stopped = sit(&folder, &mut Chain::default(), evaluator, &Budget::Trials(60), &flag);
        prop_assert!(matches!(stopped, Err(RunError::Interrupted)), "{stopped:?}");
        let told = folder.read().unwrap().ended_trials("explore").unwrap();
        let mut chain = Chain::default();
        let searched =
            sit(&folder, &mut chain, Shuffled::new(arrivals ^ 1), &Budget::Trials(60), &AtomicBool::new(false));
        let (expected, _, expected_digest) = whole(0, &Budget::Trials(60));
        prop_assert_eq!(searched.unwrap(), expected);
        prop_assert_eq!(digest(&folder), expected_digest);
        prop_assert!(told < 60 && chain.told.len() == 60);
    }
}

#[test]
fn one_tell_carries_all_of_an_instant_and_places_are_filled_again() {
    let (searched, chain, _) = whole(1, &Budget::Trials(60));
    assert_eq!((searched.told, searched.failed), (60, 0));
    assert!(chain.instants.iter().any(|&outcomes| outcomes > 1), "{:?}", chain.instants);
    assert!(chain.instants.iter().all(|&outcomes| outcomes <= 5));
    // Costs are 1, 2 or 3, and five workers are never idle before the last requests.
    assert!((60.0 / 5.0..=3.0 * 60.0 / 5.0).contains(&searched.virtual_time), "{}", searched.virtual_time);
    let mut ids: Vec<u64> = chain.told.iter().map(|(id, _)| *id).collect();
    ids.sort_unstable();
    assert_eq!(ids, (0..60).collect::<Vec<_>>());
}

#[test]
fn what_is_recorded_is_not_evaluated_again() {
    let root = tempfile::tempdir().unwrap();
    let folder = folder(root.path());
    let never = AtomicBool::new(false);
    sit(&folder, &mut Chain::default(), Shuffled::new(0), &Budget::Trials(20), &never).unwrap();
    // A request that begins would interrupt as soon as it is waited for.
    let flag = AtomicBool::new(false);
    let evaluator = Shuffled { interrupt: Some((1, &flag)), ..Shuffled::new(0) };
    assert!(sit(&folder, &mut Chain::default(), evaluator, &Budget::Trials(20), &flag).is_ok());
    assert_eq!(folder.read().unwrap().trials("explore").unwrap().len(), 20);
}

#[test]
fn a_request_that_differs_on_replay_is_the_plugins_failure() {
    let root = tempfile::tempdir().unwrap();
    let folder = folder(root.path());
    let never = AtomicBool::new(false);
    sit(&folder, &mut Chain::default(), Shuffled::new(0), &Budget::Trials(20), &never).unwrap();
    let mut stray = Chain { stray: Some(7), ..Chain::default() };
    let error = sit(&folder, &mut stray, Shuffled::new(0), &Budget::Trials(20), &never).unwrap_err();
    assert!(matches!(&error, RunError::Replay { request: 7, .. }), "{error}");
    assert!(error.exit_code() == 3 && error.to_string().contains("genotype ["), "{error}");
}

#[test]
fn budgets_end_the_asking_and_what_is_in_flight_is_told() {
    // A trial costs a quarter of a training.
    assert_eq!(whole(0, &Budget::Trainings(2.6)).0.told, 10);
    let (searched, chain, _) = whole(0, &Budget::Flops(40.0));
    assert!(searched.told == chain.told.len() as u64 && (13..=40).contains(&searched.told), "{searched:?}");
    let mut chain = Chain { finish_after: Some(7), ..Chain::default() };
    let root = tempfile::tempdir().unwrap();
    let never = AtomicBool::new(false);
    let searched = sit(&folder(root.path()), &mut chain, Shuffled::new(0), &Budget::Trials(60), &never).unwrap();
    assert_eq!((searched.told, chain.told.len()), (7, 7));
}

#[test]
fn too_many_failures_end_the_search_but_infeasible_ones_do_not_count() {
    let search = |fails| {
        let root = tempfile::tempdir().unwrap();
        let folder = folder(root.path());
        let evaluator = Shuffled { fails: Some(fails), ..Shuffled::new(0) };
        let ended = sit(&folder, &mut Chain::default(), evaluator, &Budget::Trials(60), &AtomicBool::new(false));
        (ended, folder.read().unwrap().ended_trials("explore").unwrap())
    };
    let (ended, told) = search((2, "diverged"));
    let error = ended.unwrap_err();
    assert!(matches!(&error, RunError::TooManyFailures { .. }), "{error}");
    assert!(error.exit_code() == 4 && error.to_string().contains("diverged: value"), "{error}");
    assert!((10..60).contains(&told), "not before the tenth trial, and all told are recorded: {told}");
    let (ended, told) = search((2, "infeasible"));
    let searched = ended.unwrap();
    assert!(searched.failed > 12 && searched.told == 60 && told == 60, "{searched:?}");
    let (ended, _) = search((50, "out_of_memory"));
    assert!(ended.is_ok(), "few failures are allowed");
}
