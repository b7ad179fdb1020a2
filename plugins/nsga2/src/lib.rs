//! NSGA-II: a population that spreads over the front of several objectives.
//!
//! Deb, Pratap, Agarwal and Meyarivan, "A fast and elitist multiobjective genetic algorithm: NSGA-II", IEEE Transactions on Evolutionary
//! Computation 2002; in steady state (Durillo et al., "A study of the convergence behavior of steady-state NSGA-II", 2009): every free worker
//! gets a child of the population as it then stands.

mod population;

use pleach_sdk::{
    About, Answer, Context, Decision, Engine, Genotype, Ledger, Need, Outcome, Random, Request, Sampler, Score,
    Strategy, crossover, export_strategy, tournament,
};
use schemars::JsonSchema;
use serde::Deserialize;

use population::{Individual, Population};

/// How often a child that was asked before is bred anew before a random network takes its place.
const TRIES: usize = 16;

/// What stands below `with:`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Options {
    /// How many networks are alive: so many are drawn at random first, then the worst by front and crowding gives way.
    #[schemars(range(min = 2, max = 1000))]
    pub population: u32,
    /// The chance that a child mixes the decisions of two parents.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub crossover: f64,
    /// The chance that one decision of a mixed child is changed; a child of one parent always has one changed.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub mutation: f64,
}

impl Default for Options {
    fn default() -> Self {
        Self { population: 20, crossover: 0.9, mutation: 0.9 }
    }
}

/// A child that is not asked yet, with its parents.
type Bred = (Genotype, Vec<u64>);

/// The running search.
#[derive(Debug)]
pub struct Nsga2 {
    options: Options,
    fidelity: f64,
    budget: u64,
    decisions: Vec<Decision>,
    random: Random,
    sampler: Sampler,
    population: Population,
    ledger: Ledger<Genotype>,
}

impl Nsga2 {
    /// The winner between two.
    fn parent(&mut self) -> Option<&Individual> {
        let members = &self.population.members;
        let better = |one: usize, two: usize| members[one].beats(&members[two]);
        let winner = tournament(&mut self.random, members.len(), 2, better)?;
        members.get(winner)
    }

    /// Children that were not asked before, `wanted` at most; fewer where breeding finds nothing new.
    fn children(&mut self, wanted: usize, engine: &dyn Engine) -> Vec<Bred> {
        let mut children = Vec::new();
        for _ in 0..TRIES {
            if children.len() == wanted {
                break;
            }
            let bred = self.breed(wanted - children.len(), engine);
            let genotypes: Vec<Genotype> = bred.iter().map(|(genotype, _)| genotype.clone()).collect();
            let identities = self.sampler.identities().of(&genotypes, engine);
            let new = bred.into_iter().zip(identities).filter(|(_, identity)| self.sampler.claim(*identity));
            children.extend(new.map(|(child, _)| child));
        }
        children
    }

    /// So many children: crossover and repair, then mutation.
    fn breed(&mut self, count: usize, engine: &dyn Engine) -> Vec<Bred> {
        let (mut done, mut to_mutate): (Vec<Bred>, Vec<Bred>) = (Vec::new(), Vec::new());
        for _ in 0..count {
            let Some(parent) = self.parent() else { break };
            let (genotype, id) = (parent.genotype.clone(), parent.id);
            if !self.random.chance(self.options.crossover) {
                to_mutate.push((genotype, vec![id]));
                continue;
            }
            let Some(other) = self.parent() else { break };
            let (second, other) = (other.genotype.clone(), other.id);
            let mixed = crossover(&self.decisions, [&genotype, &second], &mut self.random);
            // Where the requirements cannot be kept, the first parent stands for it.
            let child = engine.repair(&[mixed], self.random.draw()).pop().unwrap_or(genotype);
            let parents = if id == other { vec![id] } else { vec![id, other] };
            if self.random.chance(self.options.mutation) { &mut to_mutate } else { &mut done }.push((child, parents));
        }
        let (genotypes, parents): (Vec<Genotype>, Vec<Vec<u64>>) = to_mutate.into_iter().unzip();
        done.extend(engine.mutate(&genotypes, self.random.draw()).into_iter().zip(parents));
        done
    }

    fn request(&mut self, (genotype, parents): Bred) -> Request {
        self.ledger.train(genotype.clone(), self.fidelity, parents, genotype)
    }
}

impl Strategy for Nsga2 {
    type Options = Options;

    const ABOUT: About = About {
        name: "nsga2",
        version: env!("CARGO_PKG_VERSION"),
        summary: "Spreads a population over the front of several objectives (Deb et al. 2002).",
        needs: &[Need::Train],
    };

    fn start(context: Context, options: Options, _: &dyn Engine) -> Result<Self, String> {
        Ok(Self {
            options,
            fidelity: context.highest_fidelity()?,
            budget: context.budget.unwrap_or(u64::MAX),
            random: Random::stream(context.seed, "nsga2"),
            sampler: Sampler::new(&context),
            decisions: context.decisions,
            population: Population::default(),
            ledger: Ledger::new(),
        })
    }

    fn ask(&mut self, room: u32, engine: &dyn Engine) -> Result<Answer, String> {
        let room = room as usize;
        let size = u64::from(self.options.population);
        let missing = size.saturating_sub(self.ledger.asked()).min(room as u64) as usize;
        let mut bred = self.children(room - missing, engine);
        while bred.len() < room {
            // At first, and where nobody was measured or nothing new could be bred.
            let left = self.budget.saturating_sub(self.ledger.asked()).min(size);
            let Some(genotype) = self.sampler.next(left, engine) else { break };
            bred.push((genotype, Vec::new()));
        }
        match bred.is_empty() {
            false => Ok(Answer::Requests(bred.into_iter().map(|bred| self.request(bred)).collect())),
            true if self.ledger.in_flight() > 0 => Ok(Answer::Wait),
            true if self.ledger.asked() > 0 => Ok(Answer::Finished),
            true => Err("the space gives no network that keeps to its requirements".to_owned()),
        }
    }

    fn tell(&mut self, outcomes: Vec<Outcome>, _: &dyn Engine) -> Result<(), String> {
        let mut new = Vec::new();
        for outcome in outcomes {
            let (id, genotype) = (outcome.id, self.ledger.settle(outcome.id)?);
            new.extend(Score::of(outcome).map(|score| Individual::new(id, genotype, score)));
        }
        self.population.admit(new, self.options.population as usize);
        Ok(())
    }
}

export_strategy!(Nsga2);

#[cfg(test)]
mod tests;
