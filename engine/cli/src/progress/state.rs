//! How far a run is: one model, fed by the events of a run in this process or by the record of a run in another.

use indexmap::IndexMap;
use pleach_run::{ACTIVITY, Activity, Event, Working};
use pleach_spec::{Experiment, Objective, Requirement};
use pleach_store::{Outcome, RunReader, RunState, StepState, TrialRecord};
use serde_json::Value;
use std::collections::HashMap;

/// A run as it stands.
#[derive(Debug, Default, Clone)]
pub struct State {
    /// What the run's folder is called.
    pub run: String,
    /// The objectives, the first one first.
    pub objectives: Vec<Objective>,
    /// The steps in the order in which they run; repeats and baselines of a search have names of their own.
    pub steps: IndexMap<String, Step>,
    /// What the workers do.
    pub workers: Vec<Working>,
    /// The step that the workers work for.
    pub working_for: String,
    /// Real seconds of steps that ended.
    pub seconds: f64,
}

/// A step as it stands.
#[derive(Debug, Default, Clone)]
pub struct Step {
    /// Its kind; empty before it begins.
    pub kind: String,
    /// How far it is.
    pub phase: Phase,
    /// The number of trials that it will have, where it is known.
    pub trials: Option<u64>,
    /// Trials that ended.
    pub done: u64,
    /// Of those, failed ones.
    pub failed: u64,
    /// Of those, results that were there before.
    pub cached: u64,
    /// Of those, trials of an earlier sitting.
    pub replayed: u64,
    /// The highest fidelity of a measured trial.
    pub(super) fidelity: f64,
    /// The lowest loss by the first objective, of feasible trials of the highest fidelity.
    pub best: Option<f64>,
    /// The losses of the feasible trials of the highest fidelity that no other beats.
    pub(super) front: Vec<Vec<f64>>,
    /// Real seconds: all of a step that ended, those before this sitting of one that runs.
    pub seconds: f64,
    /// When it began in this sitting, on the clock of whoever asks.
    pub begun: Option<f64>,
    /// The fidelity of each trial on its way.
    pub(super) asked: HashMap<u64, f64>,
}

/// How far a step is.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    #[default]
    Waiting,
    Running,
    Done,
    /// Done before, by this run or an earlier one.
    UpToDate,
    Failed,
}

impl State {
    /// Takes in an event; `now` is in real seconds from any fixed point.
    pub fn on(&mut self, event: &Event<'_>, now: f64) {
        match *event {
            Event::RunStarted { folder, steps, .. } => {
                self.run = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
                self.steps = steps.iter().map(|step| (step.clone(), Step::default())).collect();
            }
            Event::StepStarted { step, kind, trials } => {
                let step = self.step(step);
                *step =
                    Step { kind: kind.to_owned(), trials, begun: Some(now), phase: Phase::Running, ..Step::default() };
            }
            Event::StepUpToDate { step, kind, .. } => {
                let step = self.step(step);
                *step = Step { kind: kind.to_owned(), phase: Phase::UpToDate, ..Step::default() };
            }
            Event::StepDone { step, seconds, .. } => {
                self.seconds += seconds;
                self.workers.iter_mut().for_each(|worker| worker.trial = None);
                let step = self.step(step);
                step.phase = Phase::Done;
                step.seconds = seconds;
                step.begun = None;
            }
            Event::TrialAsked { step, id, fidelity, .. } => {
                self.step(step).asked.insert(id, fidelity);
            }
            Event::Epoch { id, epoch, .. } => {
                for worker in self.workers.iter_mut().filter(|worker| worker.trial == Some(id)) {
                    worker.epoch = epoch;
                }
            }
            Event::Activity { step, workers } => {
                self.workers = workers.to_vec();
                step.clone_into(&mut self.working_for);
            }
            Event::TrialDone { step, id, losses, feasible, failure, cached, replayed, .. } => {
                let step = self.step(step);
                let fidelity = step.asked.remove(&id).unwrap_or(1.0);
                step.replayed += u64::from(replayed);
                step.ended(fidelity, losses, feasible, failure.is_some(), cached);
            }
            Event::RunLeft { .. }
            | Event::Log { .. }
            | Event::Artifact { .. }
            | Event::Required(_)
            | Event::RunDone { .. } => {}
        }
    }

    /// The step of this name. A repeat or baseline of a search stands after the step's other searches.
    pub fn step(&mut self, name: &str) -> &mut Step {
        if !self.steps.contains_key(name) {
            let whole = whole(name);
            let last = self.steps.keys().rposition(|known| self::whole(known) == whole);
            self.steps.shift_insert(last.map_or(self.steps.len(), |last| last + 1), name.to_owned(), Step::default());
        }
        &mut self.steps[name]
    }

    /// The step that began last of those that run.
    pub fn running(&self) -> Option<(&str, &Step)> {
        let running = self.steps.iter().rfind(|(_, step)| step.phase == Phase::Running);
        running.map(|(name, step)| (name.as_str(), step))
    }

    /// Real seconds of this run up to `now`.
    pub fn passed(&self, now: f64) -> f64 {
        let running = self.running().map_or(0.0, |(_, step)| step.passed(now));
        self.seconds + running
    }
}

/// The step that a search belongs to.
fn whole(name: &str) -> &str {
    name.split('/').next().unwrap_or_default()
}

impl Step {
    /// Takes in a trial that ended.
    fn ended(&mut self, fidelity: f64, losses: &[f64], feasible: bool, failed: bool, cached: bool) {
        self.done += 1;
        self.failed += u64::from(failed);
        self.cached += u64::from(cached);
        if failed
            || !feasible
            || losses.is_empty()
            || losses.iter().any(|loss| loss.is_nan())
            || fidelity < self.fidelity
        {
            return;
        }
        if fidelity > self.fidelity {
            // What a longer training says counts; shorter ones are not compared with it.
            self.fidelity = fidelity;
            self.best = None;
            self.front.clear();
        }
        self.best = Some(self.best.map_or(losses[0], |best| best.min(losses[0])));
        let not_worse = |one: &[f64], other: &[f64]| one.iter().zip(other).all(|(one, other)| one <= other);
        if !self.front.iter().any(|other| not_worse(other, losses)) {
            self.front.retain(|other| !not_worse(losses, other));
            self.front.push(losses.to_vec());
        }
    }

    /// The number of trials that no other beats in every objective; none with a single objective.
    pub fn front(&self) -> Option<usize> {
        self.front.first().filter(|losses| losses.len() > 1).map(|_| self.front.len())
    }

    /// Real seconds since it began, earlier sittings included.
    pub fn passed(&self, now: f64) -> f64 {
        self.seconds + self.begun.map_or(0.0, |begun| (now - begun).max(0.0))
    }

    /// Real seconds until it ends, if what is left takes as long as what was trained until now.
    pub fn left(&self, now: f64) -> Option<f64> {
        let trained = self.done.checked_sub(self.replayed + self.cached).filter(|trained| *trained > 0)?;
        let open = self.trials?.checked_sub(self.done)?;
        (self.phase == Phase::Running).then(|| self.passed(now) / trained as f64 * open as f64)
    }
}

/// Follows the record of a run.
#[derive(Debug)]
pub struct Follower {
    reader: RunReader,
    requirements: Vec<Requirement>,
    state: State,
    /// Numbers of trials, from the events.
    trials: HashMap<String, u64>,
    events: u64,
    /// How many trials of a step had ended when it was read last.
    read: HashMap<String, u64>,
}

impl Follower {
    /// Follows a run by its record.
    ///
    /// # Errors
    /// The record cannot be read.
    pub fn new(reader: RunReader, run: String) -> pleach_store::Result<Follower> {
        let experiment: Option<Experiment> = serde_json::from_value(reader.lock()?.experiment).ok();
        let (objectives, requirements) = match experiment {
            Some(experiment) => (experiment.objectives, experiment.space.require),
            None => (Vec::new(), Vec::new()),
        };
        let state = State { run, objectives, ..State::default() };
        Ok(Follower { reader, requirements, state, trials: HashMap::new(), events: 0, read: HashMap::new() })
    }

    /// Reads what is new: the run as it stands, how it ended, and what strategies and the engine said since the last time.
    ///
    /// # Errors
    /// The record cannot be read.
    pub fn read(&mut self) -> pleach_store::Result<(&State, RunState, Vec<String>)> {
        // First, so that what was recorded before the end is read before the end is told.
        let end = self.reader.state()?;
        let mut said = Vec::new();
        for event in self.reader.events(self.events)? {
            self.events = event.sequence;
            said.extend(self.heard(&event.event));
        }
        let activity = self.reader.meta(ACTIVITY)?.and_then(|text| serde_json::from_str::<Activity>(&text).ok());
        self.state.seconds = 0.0;
        for record in self.reader.steps()? {
            let ended = self.reader.ended_trials(&record.name)?;
            let phase = match record.state {
                StepState::Pending => Phase::Waiting,
                StepState::Running => Phase::Running,
                StepState::Done => Phase::Done,
                StepState::Failed => Phase::Failed,
            };
            // Trials are read again only where there are new ones.
            let known = self.state.steps.contains_key(&record.name);
            if !known || self.read.insert(record.name.clone(), ended) != Some(ended) {
                let mut step = Step::default();
                for trial in self.reader.trials(&record.name)? {
                    self.count(&mut step, &trial);
                }
                *self.state.step(&record.name) = step;
            }
            let trials = self.trials.get(&record.name).copied();
            let sitting = activity.as_ref().filter(|activity| phase == Phase::Running && activity.step == record.name);
            let step = self.state.step(&record.name);
            step.kind = record.kind;
            step.phase = phase;
            step.trials = trials;
            step.seconds = record.seconds + sitting.map_or(0.0, |activity| activity.seconds);
            if phase != Phase::Running {
                self.state.seconds += record.seconds;
            }
        }
        if let Some(activity) = activity {
            let runs = |step: &Step| step.phase == Phase::Running;
            let working = self.state.steps.get(&activity.step).is_some_and(runs);
            self.state.workers = if working { activity.workers } else { Vec::new() };
            self.state.working_for = activity.step;
        }
        Ok((&self.state, end, said))
    }

    /// Takes in an event of the record; what is to be said of it.
    fn heard(&mut self, event: &Value) -> Option<String> {
        let text = |name: &str| event[name].as_str().unwrap_or_default();
        match text("event") {
            "step_started" => {
                match event["trials"].as_u64() {
                    Some(trials) => self.trials.insert(text("step").to_owned(), trials),
                    None => self.trials.remove(text("step")),
                };
                None
            }
            "log" if text("level") != "debug" => {
                Some(format!("{}: {}: {}", text("step"), text("level"), text("message")))
            }
            _ => None,
        }
    }

    fn count(&self, step: &mut Step, trial: &TrialRecord) {
        let metric = |name: String| trial.metrics().and_then(|metrics| metrics.get(&name)).copied().unwrap_or(f64::NAN);
        let losses: Vec<f64> =
            self.state.objectives.iter().map(|one| one.loss(metric(one.metric().to_string()))).collect();
        let feasible = self.requirements.iter().all(|one| one.violation(metric(one.metric.to_string())) <= 0.0);
        match trial.outcome {
            Outcome::Running => {}
            Outcome::Measured(_) => step.ended(trial.request.fidelity, &losses, feasible, false, trial.cached),
            Outcome::Failed(_) => step.ended(trial.request.fidelity, &losses, false, true, trial.cached),
        }
    }
}

#[cfg(test)]
mod tests;
