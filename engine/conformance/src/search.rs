//! Searches as the engine runs them, with a record of every call.

use std::cell::RefCell;

use pleach_plugin::contract::{Answer, Genotype, Job, Origin, Outcome, Request};
use pleach_plugin::{Limits, Plugin, Strategy};

use crate::case::Case;
use crate::usage::Usages;
use crate::world::{World, result};

/// A call of a search and what came of it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Event {
    Asked { room: u32, answer: Answer },
    Told(Vec<Outcome>),
}

/// All that happened in a search.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct History {
    pub events: Vec<Event>,
    pub requests: Vec<Request>,
    pub finished: bool,
    pub recommended: Vec<Genotype>,
    pub saved: Vec<u8>,
    /// Units of all calls.
    pub fuel: u64,
}

impl History {
    /// The genotypes asked for, in order.
    pub fn genotypes(&self) -> Vec<&Genotype> {
        self.requests.iter().filter_map(|request| genotype(&request.job)).collect()
    }
}

/// The genotype that a job is about.
fn genotype(job: &Job) -> Option<&Genotype> {
    match job {
        Job::Train(training) => Some(&training.genotype),
        Job::Proxies(genotype) => Some(genotype),
        Job::Share(_) | Job::Score(_) => None,
    }
}

/// Starts a search; an error is the plugin's.
pub(crate) fn start(plugin: &Plugin, case: &Case, usage: &RefCell<Usages>) -> Result<Strategy, String> {
    let services = Box::new(World(case.space.clone()));
    let strategy = plugin.start(services, &case.context(), Limits::default()).map_err(|error| error.to_string())?;
    usage.borrow_mut().note("start", &strategy);
    Ok(strategy)
}

/// Runs a search to its end.
pub(crate) fn search(plugin: &Plugin, case: &Case, usage: &RefCell<Usages>) -> Result<History, String> {
    let mut strategy = start(plugin, case, usage)?;
    let mut loop_ = Loop { case, now: 0.0, running: Vec::new(), spent: Spent::default(), begun: Vec::new() };
    let (mut events, mut requests, mut finished) = (Vec::new(), Vec::new(), false);
    let mut asking = true;
    loop {
        while asking {
            let room = loop_.room();
            if room == 0 {
                break;
            }
            let answer = strategy.ask(room).map_err(|error| error.to_string())?;
            usage.borrow_mut().note("ask", &strategy);
            events.push(Event::Asked { room, answer: answer.clone() });
            match answer {
                Answer::Wait => break,
                Answer::Finished => (asking, finished) = (false, true),
                Answer::Requests(asked) => {
                    for request in asked {
                        if !loop_.begin(&request)? {
                            asking = false;
                            break;
                        }
                        requests.push(request);
                    }
                }
            }
        }
        let outcomes = loop_.advance();
        if outcomes.is_empty() {
            break;
        }
        strategy.tell(&outcomes).map_err(|error| error.to_string())?;
        usage.borrow_mut().note("tell", &strategy);
        events.push(Event::Told(outcomes));
    }
    let recommended = strategy.recommend().map_err(|error| error.to_string())?;
    usage.borrow_mut().note("recommend", &strategy);
    let saved = strategy.save().map_err(|error| error.to_string())?;
    usage.borrow_mut().note("save", &strategy);
    Ok(History { events, requests, finished, recommended, saved, fuel: strategy.total_fuel() })
}

/// Feeds a new instance what another was told, and says where it asks for something else.
pub(crate) fn replay(plugin: &Plugin, case: &Case, history: &History, usage: &RefCell<Usages>) -> Result<(), String> {
    let mut strategy = start(plugin, case, usage)?;
    for (step, event) in history.events.iter().enumerate() {
        match event {
            Event::Asked { room, answer } => {
                let again = strategy.ask(*room).map_err(|error| error.to_string())?;
                if again != *answer {
                    return Err(format!(
                        "call {step} of the search, `ask` with room {room}, answers otherwise on replay"
                    ));
                }
            }
            Event::Told(outcomes) => strategy.tell(outcomes).map_err(|error| error.to_string())?,
        }
    }
    if strategy.recommend().map_err(|error| error.to_string())? != history.recommended {
        return Err("`recommend` answers otherwise on replay".to_owned());
    }
    if strategy.save().map_err(|error| error.to_string())? != history.saved {
        return Err("`save` answers otherwise on replay".to_owned());
    }
    Ok(())
}

/// What a search has spent.
#[derive(Debug, Default)]
struct Spent {
    trials: u64,
    trainings: f64,
    cost: f64,
}

/// A request that was begun.
#[derive(Debug)]
struct Begun {
    end: f64,
    outcome: Outcome,
    fidelity: f64,
    /// What it would have cost on fresh weights.
    whole: f64,
}

/// The virtual clock and the budget.
#[derive(Debug)]
struct Loop<'a> {
    case: &'a Case,
    now: f64,
    running: Vec<u64>,
    spent: Spent,
    begun: Vec<Begun>,
}

impl Loop<'_> {
    fn room(&self) -> u32 {
        let limit = self.case.trials.unwrap_or(u64::MAX).min(self.case.ends_after);
        let left = limit.saturating_sub(self.spent.trials);
        let free = u64::from(self.case.concurrency) - self.running.len() as u64;
        u32::try_from(free.min(left)).unwrap_or(u32::MAX)
    }

    /// Begins a request; false where the budget does not allow it.
    fn begin(&mut self, request: &Request) -> Result<bool, String> {
        let genotype = genotype(&request.job).ok_or("it asks for shared weights, which the toy world does not have")?;
        let (fidelity, resumed) = match &request.job {
            Job::Train(training) => match training.origin {
                Origin::Resume(earlier) => (training.fidelity, Some(earlier as usize)),
                _ => (training.fidelity, None),
            },
            _ => (0.0, None),
        };
        // Costs differ, so that requests end in another order than asked.
        let whole = (1.0 + (request.id * 7 % 3) as f64) * fidelity.max(0.01);
        let (from, paid) =
            resumed.map_or((0.0, 0.0), |earlier| (self.begun[earlier].fidelity, self.begun[earlier].whole));
        let cost = (whole - paid).max(0.01);
        let within = |spent: f64, limit: Option<f64>| limit.is_none_or(|limit| spent <= limit * (1.0 + 1e-9));
        let trainings = self.spent.trainings + fidelity - from;
        if !within(trainings, self.case.trainings) || !within(self.spent.cost + cost, self.case.cost) {
            return Ok(false);
        }
        self.spent = Spent { trials: self.spent.trials + 1, trainings, cost: self.spent.cost + cost };
        let end = self.now + cost;
        let mut measured = result(self.case, genotype, request.id);
        if let Ok(measurement) = &mut measured {
            measurement.signals = vec![end, fidelity];
            measurement.signals.extend(self.case.resumes.then_some(from));
            if let Job::Proxies(_) = request.job {
                measurement.scores = vec![measurement.losses.clone()];
                measurement.losses = vec![f64::NAN; self.case.objectives];
            }
        }
        self.begun.push(Begun { end, outcome: Outcome { id: request.id, cost, measured }, fidelity, whole });
        self.running.push(request.id);
        Ok(true)
    }

    /// Goes to the next end, and gives all outcomes of that instant in the order asked; none where nothing is in flight.
    fn advance(&mut self) -> Vec<Outcome> {
        let end = |id: &u64| self.begun[*id as usize].end;
        let Some(next) = self.running.iter().map(end).min_by(f64::total_cmp) else { return Vec::new() };
        let (ended, running): (Vec<u64>, Vec<u64>) = self.running.iter().partition(|id| end(id) == next);
        (self.now, self.running) = (next, running);
        ended.into_iter().map(|id| self.begun[id as usize].outcome.clone()).collect()
    }
}
