//! Comparing the trials of a recorded run with those of the run that was made again.

use super::difference::{Difference, Place, number};
use super::promise::Promise;
use crate::error::RunError;
use crate::execute::failed_by_machine;
use pleach_space::Costs;
use pleach_store::{Metrics, Outcome, Request, RunReader, RunState, StepRecord, StepState, TrialRecord};
use serde::Serialize;
use serde_json::{Value, json};
use std::collections::HashMap;

/// What was compared of one record: a step, or one of its repeats or its baseline.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ReproducedStep {
    /// The record.
    pub step: String,
    /// Recorded trials that had ended.
    pub trials: u64,
    /// Those of them that were compared; where requests may differ, those whose request was made again.
    pub compared: u64,
    /// Failures of the machine, which were taken over from the record.
    pub taken_over: u64,
    /// The first trial whose request was not made again, where that is no difference.
    pub another_way_from: Option<u64>,
    /// Files of weights that were compared.
    pub weights: u64,
}

/// A comparison that goes on until the first difference.
#[derive(Debug)]
pub(super) struct Comparison<'r> {
    recorded: &'r RunReader,
    again: &'r RunReader,
    promise: &'r Promise,
    pub steps: Vec<ReproducedStep>,
    pub difference: Option<Difference>,
}

impl<'r> Comparison<'r> {
    pub fn new(recorded: &'r RunReader, again: &'r RunReader, promise: &'r Promise) -> Self {
        Self { recorded, again, promise, steps: Vec::new(), difference: None }
    }

    /// Compares all records that were not compared yet, in the order in which they were begun. Of a run that is done all must
    /// have been made again.
    pub fn rest(&mut self, state: RunState) -> Result<(), RunError> {
        let mut records = self.again.steps()?;
        // What was never begun again stands last, in its recorded order.
        for record in self.recorded.steps()? {
            if !records.iter().any(|other| other.name == record.name) {
                records.push(record);
            }
        }
        for record in records {
            self.step(&record.name)?;
            if self.promise.is_exact() && self.difference.is_none() {
                self.recommendation(&record.name)?;
            }
            if state == RunState::Done && self.difference.is_none() && self.promise.same_requests {
                let of = |reader: &RunReader| Ok::<_, RunError>(reader.step(&record.name)?.map(|step| step.state));
                if of(self.recorded)? == Some(StepState::Done) && of(self.again)? != Some(StepState::Done) {
                    self.differ(Place::step(&record.name), "state", "done".into(), "failed".into());
                }
            }
        }
        Ok(())
    }

    /// Compares one record, unless it was compared or a difference is known.
    pub fn step(&mut self, name: &str) -> Result<(), RunError> {
        if self.difference.is_some() || self.steps.iter().any(|step| step.step == name) {
            return Ok(());
        }
        let Some(record) = self.recorded.step(name)? else { return Ok(()) };
        let trials = self.recorded.ended_trials(name)?;
        if trials == 0 && record.state != StepState::Done {
            return Ok(());
        }
        let mut step = ReproducedStep {
            step: name.to_owned(),
            trials,
            compared: 0,
            taken_over: 0,
            another_way_from: None,
            weights: 0,
        };
        match self.promise.same_requests {
            true => self.in_order(name, &mut step)?,
            false => self.by_request(name, &mut step)?,
        }
        if self.difference.is_none() && self.promise.is_exact() {
            self.weights(&mut step)?;
        }
        self.steps.push(step);
        Ok(())
    }

    /// Every trial with the one of its number.
    fn in_order(&mut self, name: &str, step: &mut ReproducedStep) -> Result<(), RunError> {
        let ended = |trial: &pleach_store::Result<TrialRecord>| {
            !matches!(trial, Ok(TrialRecord { outcome: Outcome::Running, .. }))
        };
        let (recorded, again) = (self.recorded, self.again);
        let mut others = again.each_trial(name).filter(ended).peekable();
        for trial in recorded.each_trial(name).filter(ended) {
            let trial = trial?;
            // An unfinished run may have told more the second time.
            while matches!(others.peek(), Some(Ok(other)) if other.id < trial.id) {
                others.next();
            }
            let other = match others.peek() {
                Some(Ok(other)) if other.id > trial.id => None,
                _ => others.next().transpose()?,
            };
            let place = Place::trial(name, trial.id);
            let Some(other) = other else {
                self.differ(place, "trial", request_text(&trial.request), Value::Null);
                return Ok(());
            };
            if let Some((what, recorded, again)) = request_difference(&trial.request, &other.request) {
                self.differ(place, what, recorded, again);
                return Ok(());
            }
            self.trial(step, &trial, &other);
            if self.difference.is_some() {
                return Ok(());
            }
        }
        Ok(())
    }

    /// Every trial with the first one that had the same request.
    fn by_request(&mut self, name: &str, step: &mut ReproducedStep) -> Result<(), RunError> {
        let key = |request: &Request| {
            let Request { job, genotype, fidelity, repeat, .. } = request;
            json!([job, genotype, fidelity, repeat]).to_string()
        };
        let mut ids: HashMap<String, u64> = HashMap::new();
        for other in self.again.each_trial(name) {
            let other = other?;
            if other.outcome != Outcome::Running {
                ids.entry(key(&other.request)).or_insert(other.id);
            }
        }
        let recorded = self.recorded;
        for trial in recorded.each_trial(name) {
            let trial = trial?;
            if trial.outcome == Outcome::Running {
                continue;
            }
            let other = match ids.get(&key(&trial.request)) {
                Some(id) => self.again.trial(name, *id)?,
                None => None,
            };
            match other {
                Some(other) => self.trial(step, &trial, &other),
                None => drop(step.another_way_from.get_or_insert(trial.id)),
            }
            if self.difference.is_some() {
                return Ok(());
            }
        }
        Ok(())
    }

    /// What came of a request.
    fn trial(&mut self, step: &mut ReproducedStep, trial: &TrialRecord, other: &TrialRecord) {
        let place = Place::trial(&step.step, trial.id);
        step.compared += 1;
        if failed_by_machine(trial) {
            step.taken_over += 1;
            return;
        }
        let (metrics, others) = match (&trial.outcome, &other.outcome) {
            (Outcome::Measured(metrics), Outcome::Measured(others)) => (metrics, others),
            (Outcome::Failed(failure), Outcome::Failed(again)) => {
                if (&failure.reason, &failure.message) != (&again.reason, &again.message)
                    && self.promise.tolerance.is_none()
                {
                    self.differ(place, "failure", outcome_text(&trial.outcome), outcome_text(&other.outcome));
                }
                return;
            }
            // One more failure of the machine says nothing of the run.
            _ if failed_by_machine(other) && self.promise.tolerance.is_some() => return,
            (recorded, again) => {
                self.differ(place, "outcome", outcome_text(recorded), outcome_text(again));
                return;
            }
        };
        // Within a tolerance only the end counts: early epochs of a training that goes another way lie far apart.
        if self.promise.tolerance.is_none() {
            for (epoch, (metrics, others)) in (1..).zip(trial.curves.iter().zip(&other.curves)) {
                let place = Place { epoch: Some(epoch), ..place.clone() };
                self.metrics(&place, metrics, others);
            }
            if self.difference.is_none() && trial.curves.len() != other.curves.len() {
                self.differ(place, "epochs", trial.curves.len().into(), other.curves.len().into());
                return;
            }
        }
        self.metrics(&place, metrics, others);
    }

    fn metrics(&mut self, place: &Place, recorded: &Metrics, again: &Metrics) {
        if self.difference.is_some() {
            return;
        }
        let only_again = again.keys().filter(|name| !recorded.contains_key(*name));
        for name in recorded.keys().chain(only_again) {
            if self.promise.not_compared.contains(name) || pleach_evaluate::is_unrepeatable(name) {
                continue;
            }
            let (one, other) = (recorded.get(name).copied(), again.get(name).copied());
            let agree = match (one, other) {
                // What is counted is not measured.
                (Some(one), Some(other)) if Costs::NAMES.contains(&name.as_str()) => one == other,
                (Some(one), Some(other)) => self.promise.agree(one, other),
                _ => false,
            };
            if !agree {
                self.differ(place.clone(), name, number(one), number(other));
                return;
            }
        }
    }

    /// What the strategy recommended.
    fn recommendation(&mut self, name: &str) -> Result<(), RunError> {
        let done = |reader: &RunReader| {
            Ok::<_, RunError>(reader.step(name)?.filter(|step: &StepRecord| step.state == StepState::Done))
        };
        if let (Some(recorded), Some(again)) = (done(self.recorded)?, done(self.again)?)
            && recorded.recommendation != again.recommendation
        {
            let place = Place::step(name);
            self.differ(place, "recommendation", json!(recorded.recommendation), json!(again.recommendation));
        }
        Ok(())
    }

    /// Digests of the files of weights.
    fn weights(&mut self, step: &mut ReproducedStep) -> Result<(), RunError> {
        let again = self.again.artifacts()?;
        for file in
            self.recorded.artifacts()?.into_iter().filter(|file| file.step == step.step && file.kind == "weights")
        {
            if self.difference.is_some() {
                return Ok(());
            }
            let other = again.iter().find(|other| other.path == file.path).map(|other| other.digest.clone());
            step.weights += 1;
            if other.as_ref() != Some(&file.digest) {
                let what = format!("the digest of `{}`", file.path);
                self.differ(Place::step(&step.step), &what, file.digest.into(), other.into());
            }
        }
        Ok(())
    }

    /// Where the strategy asked for something else in place of a trial that was taken over, that comes before trials that are
    /// missing for it.
    pub fn asked_otherwise(&mut self, step: &str, trial: u64, how: &str) {
        let missing =
            |difference: &Difference| difference.again.is_null() && difference.place.step.as_deref() == Some(step);
        if self.difference.as_ref().is_none_or(missing) {
            let again = Value::from(how);
            self.difference = Some(Difference {
                place: Place::trial(step, trial),
                what: "request".into(),
                recorded: Value::Null,
                again,
            });
        }
    }

    fn differ(&mut self, place: Place, what: &str, recorded: Value, again: Value) {
        self.difference.get_or_insert(Difference { place, what: what.to_owned(), recorded, again });
    }
}

fn request_text(request: &Request) -> Value {
    format!("{} of {:?} at fidelity {}, repeat {}", request.job, request.genotype, request.fidelity, request.repeat)
        .into()
}

fn outcome_text(outcome: &Outcome) -> Value {
    match outcome {
        Outcome::Running => "running".into(),
        Outcome::Measured(_) => "measured".into(),
        Outcome::Failed(failure) => format!("{}: {}", failure.reason, failure.message).into(),
    }
}

/// What first differs between two requests.
fn request_difference(one: &Request, other: &Request) -> Option<(&'static str, Value, Value)> {
    let bits = |genotype: &[f64]| genotype.iter().map(|value| value.to_bits()).collect::<Vec<_>>();
    if bits(&one.genotype) != bits(&other.genotype) {
        return Some(("genotype", json!(one.genotype), json!(other.genotype)));
    }
    let fields = [
        ("job", json!(one.job), json!(other.job)),
        ("fidelity", json!(one.fidelity), json!(other.fidelity)),
        ("repeat", json!(one.repeat), json!(other.repeat)),
        ("candidate", json!(one.candidate), json!(other.candidate)),
        ("parents", json!(one.parents), json!(other.parents)),
        ("detail", json!(one.detail), json!(other.detail)),
    ];
    fields.into_iter().find(|(_, one, other)| one != other)
}
