//! The search loop: ask, evaluate in virtual time, record, tell.

use crate::budget::Spending;
use crate::clock::Clock;
use crate::error::RunError;
use crate::events::Event;
use crate::outcome::{Evaluated, contract_reason};
use crate::score::Scorer;
use crate::services::{Logs, level_word};
use crate::session::Session;
use pleach_plugin::contract::{Answer, Failure, Genotype, Job, Measurement, Origin, Outcome, Request, Training};
use pleach_plugin::{PluginError, Strategy};
use pleach_store::{Outcome as Recorded, TrialRecord};
use std::collections::VecDeque;

/// Failures are counted against their limit from this many trials on.
const FAILURES_FROM: u64 = 10;

/// What is asked for trials: a plugin's strategy, or one of a test.
pub trait Searcher {
    /// As [`Strategy::ask`].
    ///
    /// # Errors
    /// What the strategy did wrong; so for all methods here.
    fn ask(&mut self, room: u32) -> Result<Answer, PluginError>;
    /// As [`Strategy::tell`].
    ///
    /// # Errors
    /// See [`Searcher::ask`].
    fn tell(&mut self, outcomes: &[Outcome]) -> Result<(), PluginError>;
    /// As [`Strategy::recommend`].
    ///
    /// # Errors
    /// See [`Searcher::ask`].
    fn recommend(&mut self) -> Result<Vec<Genotype>, PluginError>;
    /// As [`Strategy::save`].
    ///
    /// # Errors
    /// See [`Searcher::ask`].
    fn save(&mut self) -> Result<Vec<u8>, PluginError>;
}

impl Searcher for Strategy {
    fn ask(&mut self, room: u32) -> Result<Answer, PluginError> {
        Strategy::ask(self, room)
    }

    fn tell(&mut self, outcomes: &[Outcome]) -> Result<(), PluginError> {
        Strategy::tell(self, outcomes)
    }

    fn recommend(&mut self) -> Result<Vec<Genotype>, PluginError> {
        Strategy::recommend(self)
    }

    fn save(&mut self) -> Result<Vec<u8>, PluginError> {
        Strategy::save(self)
    }
}

/// What is known of a request when it is asked.
#[derive(Debug, Clone, PartialEq)]
pub struct Begun {
    /// Its virtual cost: FLOPs of training, or a table's seconds.
    pub cost: f64,
    /// The trial key, where its result can be cached.
    pub key: Option<String>,
    /// The result, where it is there at once.
    pub done: Option<Evaluated>,
}

/// Who evaluates the requests of one search.
pub trait Evaluator {
    /// Takes a request; real work may begin where `allow` says so of its cost. None where it does not.
    ///
    /// # Errors
    /// Evaluation cannot go on.
    fn begin(
        &mut self,
        id: u64,
        training: &Training,
        allow: &mut dyn FnMut(f64) -> bool,
    ) -> Result<Option<Begun>, RunError>;

    /// The names of the training-free scores that it serves.
    fn proxies(&self) -> &[String] {
        &[]
    }

    /// Takes a request for training-free scores; their values come by the names of [`Evaluator::proxies`]. None where `allow` does not
    /// say so of its cost.
    ///
    /// # Errors
    /// Evaluation cannot go on.
    fn score(&mut self, _genotype: &[f64], _allow: &mut dyn FnMut(f64) -> bool) -> Result<Option<Begun>, RunError> {
        unreachable!("an evaluator without proxies is not asked for them")
    }

    /// Takes note of a request that was recorded in an earlier sitting, in place of beginning it.
    fn recall(&mut self, _id: u64, _training: &Training, _key: Option<&str>) {}

    /// The fidelity that a training goes on from; 0 for fresh weights.
    fn resumed(&self, _training: &Training) -> f64 {
        0.0
    }

    /// Waits for the result of a request that was not done when it began.
    ///
    /// # Errors
    /// Evaluation cannot go on, or the run is to stop.
    fn finish(&mut self, id: u64, session: &mut Session<'_>) -> Result<Evaluated, RunError>;

    /// Whether results cost real work, so that each is on disk before it is told.
    fn costs_work(&self) -> bool;

    /// The metrics of which there is a value every epoch.
    fn curves(&self) -> &[String];
}

/// A search, ready to run.
#[derive(Debug)]
pub struct Search<'a, S, E> {
    /// The step.
    pub step: &'a str,
    /// Who asks.
    pub strategy: S,
    /// Who evaluates.
    pub evaluator: E,
    /// What counts.
    pub scorer: &'a Scorer,
    /// Virtual workers.
    pub concurrency: u32,
    /// The share of failures from which on the search gives up.
    pub failures: f64,
    /// What may be spent.
    pub spending: Spending,
    /// What the strategy says.
    pub logs: Logs,
    /// Whether it is told which fidelity a training went on from.
    pub resumes: bool,
}

/// How a search ended.
#[derive(Debug, Clone, PartialEq)]
pub struct Searched {
    /// Trials told.
    pub told: u64,
    /// Trials that failed, infeasible ones included.
    pub failed: u64,
    /// The virtual time at the end.
    pub virtual_time: f64,
    /// What the strategy recommends, best first; empty: the best measured.
    pub recommendation: Vec<Genotype>,
    /// What a later search can begin from.
    pub saved: Vec<u8>,
}

/// What a request is for.
#[derive(Debug)]
enum Asked {
    Training(Training),
    /// Training-free scores of a genotype.
    Proxies(Genotype),
}

impl Asked {
    /// As the record has it. Scores are of fidelity 0: nothing was trained for them.
    fn request(&self, parents: &[u64]) -> pleach_store::Request {
        let (job, genotype, fidelity, repeat, detail) = match self {
            Asked::Training(training) => {
                let Training { genotype, fidelity, repeat, origin } = training;
                ("train", genotype, *fidelity, *repeat, origin_detail(origin))
            }
            Asked::Proxies(genotype) => ("proxies", genotype, 0.0, 0, None),
        };
        pleach_store::Request {
            job: job.to_owned(),
            genotype: genotype.clone(),
            fidelity,
            repeat,
            candidate: None,
            parents: parents.to_vec(),
            detail,
        }
    }

    fn genotype(&self) -> &Genotype {
        match self {
            Asked::Training(Training { genotype, .. }) | Asked::Proxies(genotype) => genotype,
        }
    }

    fn fidelity(&self) -> f64 {
        match self {
            Asked::Training(training) => training.fidelity,
            Asked::Proxies(_) => 0.0,
        }
    }

    fn repeat(&self) -> u32 {
        match self {
            Asked::Training(training) => training.repeat,
            Asked::Proxies(_) => 0,
        }
    }
}

/// A request on its way.
#[derive(Debug)]
struct InFlight {
    asked: Asked,
    resumed: f64,
    parents: Vec<u64>,
    start: f64,
    end: f64,
    cost: f64,
    key: Option<String>,
    evaluated: Option<Evaluated>,
    replayed: bool,
}

impl InFlight {
    fn record(&self, id: u64, outcome: Recorded) -> TrialRecord {
        TrialRecord {
            id,
            request: self.asked.request(&self.parents),
            start: self.start,
            end: self.end,
            cost: self.cost,
            key: self.key.clone(),
            outcome,
            curves: Vec::new(),
            cached: false,
            seconds: 0.0,
            worker: None,
        }
    }
}

/// The trials of earlier sittings, which are replayed: read in parts as they are asked for again, since ids only rise.
#[derive(Debug, Default)]
struct Recording {
    part: VecDeque<TrialRecord>,
    exhausted: bool,
}

impl Recording {
    /// So many trials are in memory at once.
    const PART: usize = 1024;

    fn take(&mut self, step: &str, id: u64, session: &Session<'_>) -> Result<Option<TrialRecord>, RunError> {
        while self.part.front().is_some_and(|trial| trial.id < id) {
            self.part.pop_front();
        }
        if self.part.is_empty()
            && !self.exhausted
            && let Some(writer) = &session.writer
        {
            // What this sitting recorded itself has lower numbers.
            self.part = writer.trials_from(step, id, Self::PART)?.into();
            self.exhausted = self.part.len() < Self::PART;
        }
        Ok(self.part.pop_front_if(|trial| trial.id == id))
    }
}

/// Requests on their way, by id: ids rise by one, so a queue finds them without hashing.
#[derive(Debug, Default)]
struct Flights {
    first: u64,
    queue: VecDeque<Option<InFlight>>,
}

impl Flights {
    fn push(&mut self, id: u64, flight: InFlight) {
        debug_assert_eq!(id, self.first + self.queue.len() as u64);
        self.queue.push_back(Some(flight));
    }

    fn take(&mut self, id: u64) -> InFlight {
        let flight = self.queue[(id - self.first) as usize].take().expect("the clock ends what is in flight, once");
        while let Some(None) = self.queue.front() {
            self.queue.pop_front();
            self.first += 1;
        }
        flight
    }
}

impl<S: Searcher, E: Evaluator> Search<'_, S, E> {
    /// Runs to the end of the budget or until the strategy has finished, and ends all that is in flight.
    ///
    /// # Errors
    /// A plugin's fault, a request that differs on replay, an evaluation that cannot go on, too many failures, a record that
    /// cannot be written, or an interrupt; in each case what was told is recorded.
    pub fn run(mut self, session: &mut Session<'_>) -> Result<Searched, RunError> {
        let mut clock = Clock::new(self.concurrency);
        let mut flights = Flights::default();
        let mut recorded = Recording::default();
        let (mut ended, mut outcomes) = (Vec::new(), Vec::new());
        let mut asking = true;
        let mut tally = Tally::default();
        loop {
            while asking {
                let free = clock.room();
                let room = self.spending.room(free);
                if room == 0 {
                    // Without a free worker there may be room later; without a budget there will be none.
                    asking = free == 0;
                    break;
                }
                let answer = self.strategy.ask(room).map_err(|source| self.plugin(source))?;
                self.drain_logs(session)?;
                match answer {
                    Answer::Requests(requests) => {
                        for request in requests {
                            if !self.start(request, &mut clock, &mut flights, &mut recorded, session)? {
                                asking = false;
                                break;
                            }
                        }
                    }
                    Answer::Wait => break,
                    Answer::Finished => asking = false,
                }
            }
            if clock.is_idle() {
                break;
            }
            session.check_interrupt()?;
            clock.advance(&mut ended);
            outcomes.clear();
            for &id in &ended {
                let outcome = self.end(id, flights.take(id), session, &mut tally)?;
                outcomes.push(outcome);
            }
            if self.evaluator.costs_work() {
                session.commit()?;
            } else {
                session.commit_grouped()?;
            }
            self.strategy.tell(&outcomes).map_err(|source| self.plugin(source))?;
            self.drain_logs(session)?;
            tally.check(self.step, self.failures)?;
        }
        session.commit()?;
        let recommendation = self.strategy.recommend().map_err(|source| self.plugin(source))?;
        let saved = self.strategy.save().map_err(|source| self.plugin(source))?;
        self.drain_logs(session)?;
        Ok(Searched { told: tally.told, failed: tally.failed, virtual_time: clock.now(), recommendation, saved })
    }

    /// Starts a request; false where the budget does not allow it.
    fn start(
        &mut self,
        request: Request,
        clock: &mut Clock,
        flights: &mut Flights,
        recorded: &mut Recording,
        session: &mut Session<'_>,
    ) -> Result<bool, RunError> {
        let Request { id, job, parents } = request;
        let asked = match job {
            Job::Train(training) if matches!(training.origin, Origin::Fresh | Origin::Resume(_)) => {
                Asked::Training(training)
            }
            Job::Train(_) => return Err(self.unserved("training on weights of other networks")),
            Job::Proxies(_) if self.evaluator.proxies().is_empty() => return Err(self.unserved("proxies")),
            Job::Proxies(genotype) => Asked::Proxies(genotype),
            Job::Share(_) | Job::Score(_) => return Err(self.unserved("shared weights")),
        };
        let earlier = recorded.take(self.step, id, session)?;
        if let Some(earlier) = &earlier {
            self.compare(id, &asked, &parents, &earlier.request)?;
        }
        let replayed = earlier.filter(|trial| trial.outcome != Recorded::Running);
        let is_replayed = replayed.is_some();
        let resumed = match &asked {
            Asked::Training(training) => self.evaluator.resumed(training),
            Asked::Proxies(_) => 0.0,
        };
        let spending = &mut self.spending;
        let mut allow = |cost: f64| spending.charge(asked.fidelity() - resumed, cost.max(0.0));
        let begun = match (replayed, &asked) {
            (Some(trial), asked) => {
                if let Asked::Training(training) = asked {
                    self.evaluator.recall(id, training, trial.key.as_deref());
                }
                allow(trial.cost).then(|| replay(trial))
            }
            (None, Asked::Training(training)) => self.evaluator.begin(id, training, &mut allow)?,
            (None, Asked::Proxies(genotype)) => self.evaluator.score(genotype, &mut allow)?,
        };
        let Some(begun) = begun else { return Ok(false) };
        let cost = begun.cost.max(0.0);
        session.emit(&Event::TrialAsked {
            step: self.step,
            id,
            genotype: asked.genotype(),
            fidelity: asked.fidelity(),
            repeat: asked.repeat(),
            candidate: None,
        })?;
        let (start, end) = (clock.now(), clock.start(id, cost));
        let flight = InFlight {
            asked,
            resumed,
            parents,
            start,
            end,
            cost,
            key: begun.key,
            evaluated: begun.done,
            replayed: is_replayed,
        };
        if !is_replayed
            && self.evaluator.costs_work()
            && let Some(writer) = &mut session.writer
        {
            writer.record_trial(self.step, &flight.record(id, Recorded::Running))?;
        }
        flights.push(id, flight);
        Ok(true)
    }

    /// Ends a request: waits for its result, records it, and says what the strategy is told.
    fn end(
        &mut self,
        id: u64,
        mut flight: InFlight,
        session: &mut Session<'_>,
        tally: &mut Tally,
    ) -> Result<Outcome, RunError> {
        let evaluated = match flight.evaluated.take() {
            Some(evaluated) => evaluated,
            None => self.evaluator.finish(id, session)?,
        };
        let (measured, feasible, is_training) = match &evaluated.result {
            Ok(values) => {
                let (measurement, feasible) = self.measurement(&flight, values, &evaluated.curves);
                (Ok(measurement), feasible, matches!(flight.asked, Asked::Training(_)))
            }
            Err(failure) => {
                let reason = contract_reason(&failure.reason);
                (Err(Failure { reason, message: failure.message.clone() }), false, false)
            }
        };
        tally.count(&evaluated);
        session.emit(&Event::TrialDone {
            step: self.step,
            id,
            metrics: evaluated.result.as_ref().ok(),
            failure: evaluated.result.as_ref().err(),
            losses: measured.as_ref().map_or(&[], |measurement: &Measurement| measurement.losses.as_slice()),
            feasible: is_training && feasible,
            cached: evaluated.cached,
            replayed: flight.replayed,
            cost: flight.cost,
            end: flight.end,
            seconds: evaluated.seconds,
        })?;
        let cost = flight.cost;
        if !flight.replayed
            && let Some(writer) = &mut session.writer
        {
            let mut record = flight.record(id, Recorded::Running);
            record.outcome = match evaluated.result {
                Ok(values) => Recorded::Measured(values.into_metrics()),
                Err(failure) => Recorded::Failed(failure),
            };
            record.curves = evaluated.curves;
            record.cached = evaluated.cached;
            record.seconds = evaluated.seconds;
            record.worker = evaluated.worker;
            writer.record_trial(self.step, &record)?;
        }
        Ok(Outcome { id, cost, measured })
    }

    /// What the strategy is told of a request that was measured, and whether every requirement holds.
    fn measurement(
        &self,
        flight: &InFlight,
        values: &crate::outcome::Values,
        epochs: &[pleach_store::Metrics],
    ) -> (Measurement, bool) {
        let mut signals = vec![flight.end, flight.asked.fidelity()];
        if self.resumes {
            signals.push(flight.resumed);
        }
        let none = Measurement {
            losses: Vec::new(),
            violations: Vec::new(),
            curves: Vec::new(),
            scores: Vec::new(),
            gradients: Vec::new(),
            signals,
        };
        if let Asked::Proxies(_) = flight.asked {
            let names = self.evaluator.proxies().iter();
            let scores = vec![names.map(|name| values.get(name).unwrap_or(f64::NAN)).collect()];
            return (Measurement { scores, ..none }, true);
        }
        let losses = self.scorer.losses(|name| values.get(name));
        let violations = self.scorer.violations(|name| values.get(name));
        let feasible = violations.iter().all(|violation| *violation <= 0.0);
        let curve = |name: &String| {
            let value = |epoch: &pleach_store::Metrics| epoch.get(name).copied().unwrap_or(f64::NAN);
            epochs.iter().map(value).collect()
        };
        let curves = self.evaluator.curves().iter().map(curve).collect();
        (Measurement { losses, violations, curves, ..none }, feasible)
    }

    /// On replay a strategy must ask for exactly what is recorded.
    fn compare(
        &self,
        id: u64,
        asked: &Asked,
        parents: &[u64],
        recorded: &pleach_store::Request,
    ) -> Result<(), RunError> {
        let asked = asked.request(parents);
        let difference = if asked.job != recorded.job {
            format!("`{}` instead of `{}`", asked.job, recorded.job)
        } else if asked.genotype != recorded.genotype {
            format!("genotype {:?} instead of {:?}", asked.genotype, recorded.genotype)
        } else if asked.fidelity != recorded.fidelity {
            format!("fidelity {} instead of {}", asked.fidelity, recorded.fidelity)
        } else if asked.repeat != recorded.repeat {
            format!("repeat {} instead of {}", asked.repeat, recorded.repeat)
        } else if asked.detail != recorded.detail {
            format!("weights from {:?} instead of {:?}", asked.detail, recorded.detail)
        } else if asked.parents != recorded.parents {
            format!("parents {:?} instead of {:?}", asked.parents, recorded.parents)
        } else {
            return Ok(());
        };
        Err(RunError::Replay { step: self.step.to_owned(), request: id, difference })
    }

    fn plugin(&self, source: PluginError) -> RunError {
        RunError::Plugin { step: self.step.to_owned(), source }
    }

    fn unserved(&self, what: &str) -> RunError {
        RunError::Invalid {
            step: self.step.to_owned(),
            message: format!("the strategy asks for {what}, which is not served yet: choose another strategy"),
        }
    }

    fn drain_logs(&self, session: &mut Session<'_>) -> Result<(), RunError> {
        for (level, message) in self.logs.take() {
            session.emit(&Event::Log { step: self.step, level: level_word(level), message: &message })?;
        }
        Ok(())
    }
}

/// Where weights come from, as the record keeps it; nothing for fresh ones.
fn origin_detail(origin: &Origin) -> Option<serde_json::Value> {
    match origin {
        Origin::Resume(earlier) => Some(serde_json::json!({"resume": earlier})),
        _ => None,
    }
}

/// A recorded trial as if it had just been evaluated.
fn replay(trial: TrialRecord) -> Begun {
    let result = match trial.outcome {
        Recorded::Failed(failure) => Err(failure),
        Recorded::Measured(metrics) => Ok(crate::outcome::Values::Named(metrics)),
        Recorded::Running => unreachable!("only trials that ended are replayed"),
    };
    let done =
        Evaluated { result, curves: trial.curves, cached: trial.cached, seconds: trial.seconds, worker: trial.worker };
    Begun { cost: trial.cost, key: trial.key, done: Some(done) }
}

/// How many trials were told, and how many failed.
#[derive(Debug, Default)]
struct Tally {
    told: u64,
    failed: u64,
    infeasible: u64,
    last: Option<String>,
}

impl Tally {
    fn count(&mut self, evaluated: &Evaluated) {
        self.told += 1;
        if let Err(failure) = &evaluated.result {
            self.failed += 1;
            if failure.reason == "infeasible" {
                self.infeasible += 1;
            } else {
                self.last = Some(format!("{}: {}", failure.reason, failure.message));
            }
        }
    }

    fn check(&mut self, step: &str, allowed: f64) -> Result<(), RunError> {
        let (failed, told) = (self.failed - self.infeasible, self.told - self.infeasible);
        match &self.last {
            Some(last) if told >= FAILURES_FROM && failed as f64 > allowed * told as f64 => {
                Err(RunError::TooManyFailures {
                    step: step.to_owned(),
                    failed,
                    told,
                    allowed: allowed * 100.0,
                    last: last.clone(),
                })
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests;
