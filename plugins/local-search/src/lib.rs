//! Local search: from a random network to better neighbours until none is better, then again from another.
//!
//! White, Nolen and Savani, "Exploring the loss landscape in neural architecture search", UAI 2021, Algorithm 1, with the
//! variant that goes to the first better neighbour in place of the best.

mod climb;

use std::collections::BTreeMap;
use std::rc::Rc;

use pleach_sdk::{
    About, Answer, Context, Engine, Genotype, Ledger, Need, Outcome, Random, Request, Sampler, Score, Strategy,
    export_strategy,
};
use schemars::JsonSchema;
use serde::Deserialize;

use climb::{Climb, Measured, Next};

/// What stands below `with:`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Options {
    /// When a climb goes on to a neighbour.
    pub step: Step,
    /// How many networks are drawn at random for each climb, which begins at the best of them.
    #[schemars(range(min = 1, max = 100_000))]
    pub starts: u32,
}

/// When a climb goes on to a neighbour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Step {
    /// As soon as one is better.
    First,
    /// When all were measured, to the best of them.
    Best,
}

impl Default for Options {
    fn default() -> Self {
        Self { step: Step::First, starts: 1 }
    }
}

/// What is to be remembered of a request.
#[derive(Debug)]
struct Note {
    climb: u64,
    identity: u64,
    genotype: Genotype,
}

/// The running search.
#[derive(Debug)]
pub struct LocalSearch {
    options: Options,
    fidelity: f64,
    budget: u64,
    random: Random,
    sampler: Sampler,
    /// Those that are not over, by the order in which they began.
    climbs: BTreeMap<u64, Climb>,
    /// How many climbs began.
    begun: u64,
    /// All that were measured, by identity.
    measured: BTreeMap<u64, Rc<Measured>>,
    ledger: Ledger<Note>,
}

impl LocalSearch {
    /// Climbs from the one that is highest to those of which nothing was told yet.
    fn order(&self) -> Vec<u64> {
        let mut order: Vec<u64> = self.climbs.keys().copied().collect();
        order.sort_by(|one, two| match (self.climbs[one].best(), self.climbs[two].best()) {
            (Some(one), Some(two)) => one.score.cmp(&two.score),
            (one, two) => one.is_none().cmp(&two.is_none()),
        });
        order
    }

    /// The next request of a climb; none where it waits for outcomes or is over.
    fn advance(&mut self, number: u64, engine: &dyn Engine) -> Option<Request> {
        loop {
            match self.climbs.get_mut(&number)?.next(self.options.step == Step::First) {
                Next::Start => {
                    let left = self.budget.saturating_sub(self.ledger.asked());
                    if let Some(genotype) = self.sampler.next(left, engine) {
                        let identity = self.sampler.identities().of(std::slice::from_ref(&genotype), engine)[0];
                        return Some(self.request(Note { climb: number, identity, genotype }));
                    }
                }
                Next::Neighbour(identity, genotype) => {
                    if self.sampler.claim(identity) {
                        return Some(self.request(Note { climb: number, identity, genotype }));
                    }
                    let known = self.measured.get(&identity);
                    let climb = self.climbs.get_mut(&number)?;
                    known.into_iter().for_each(|known| climb.consider(known));
                }
                Next::Move(to) => {
                    let neighbours = self.neighbours(&to.genotype, engine);
                    self.climbs.get_mut(&number)?.go(to, neighbours);
                }
                Next::Wait => return None,
                Next::Over => {
                    self.climbs.remove(&number);
                    return None;
                }
            }
        }
    }

    /// All around a network in random order, those last that are known already: they are looked at first.
    fn neighbours(&mut self, genotype: &Genotype, engine: &dyn Engine) -> Vec<(u64, Genotype)> {
        let neighbours = engine.neighbours(std::slice::from_ref(genotype)).pop().unwrap_or_default();
        let identities = self.sampler.identities().of(&neighbours, engine);
        let mut around: Vec<_> = identities.into_iter().zip(neighbours).collect();
        self.random.shuffle(&mut around);
        around.sort_by_key(|(identity, _)| self.measured.contains_key(identity));
        around
    }

    fn request(&mut self, note: Note) -> Request {
        let climb = self.climbs.get_mut(&note.climb);
        let parents = climb.as_ref().and_then(|climb| climb.at()).map(|at| at.id);
        climb.into_iter().for_each(Climb::asked);
        self.ledger.train(note.genotype.clone(), self.fidelity, parents.into_iter().collect(), note)
    }
}

impl Strategy for LocalSearch {
    type Options = Options;

    const ABOUT: About = About {
        name: "local-search",
        version: env!("CARGO_PKG_VERSION"),
        summary: "Climbs from random networks to better neighbours (White et al. 2021).",
        needs: &[Need::Train],
    };

    fn start(context: Context, options: Options, _: &dyn Engine) -> Result<Self, String> {
        Ok(Self {
            options,
            fidelity: context.highest_fidelity()?,
            budget: context.budget.unwrap_or(u64::MAX),
            random: Random::stream(context.seed, "neighbours"),
            sampler: Sampler::new(&context),
            climbs: BTreeMap::new(),
            begun: 0,
            measured: BTreeMap::new(),
            ledger: Ledger::new(),
        })
    }

    fn ask(&mut self, room: u32, engine: &dyn Engine) -> Result<Answer, String> {
        let mut requests = Vec::new();
        for number in self.order() {
            while requests.len() < room as usize {
                let Some(request) = self.advance(number, engine) else { break };
                requests.push(request);
            }
        }
        // No worker waits for a climb's outcomes: another begins beside it.
        while requests.len() < room as usize {
            self.climbs.insert(self.begun, Climb::new(self.options.starts));
            self.begun += 1;
            let before = requests.len();
            while requests.len() < room as usize {
                let Some(request) = self.advance(self.begun - 1, engine) else { break };
                requests.push(request);
            }
            if requests.len() == before {
                break;
            }
        }
        match requests.is_empty() {
            false => Ok(Answer::Requests(requests)),
            true if self.ledger.in_flight() > 0 => Ok(Answer::Wait),
            true if self.ledger.asked() > 0 => Ok(Answer::Finished),
            true => Err("the space gives no network that keeps to its requirements".to_owned()),
        }
    }

    fn tell(&mut self, outcomes: Vec<Outcome>, _: &dyn Engine) -> Result<(), String> {
        for outcome in outcomes {
            let (id, note) = (outcome.id, self.ledger.settle(outcome.id)?);
            let score = Score::of(outcome);
            let measured = score.map(|score| Rc::new(Measured { id, genotype: note.genotype, score }));
            if let Some(climb) = self.climbs.get_mut(&note.climb) {
                climb.told(measured.as_ref());
            }
            self.measured.extend(measured.map(|measured| (note.identity, measured)));
        }
        Ok(())
    }
}

export_strategy!(LocalSearch);

#[cfg(test)]
mod tests;
