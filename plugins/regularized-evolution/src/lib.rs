//! Regularized (aging) evolution: the best of a few mutates, the oldest dies.
//!
//! Real, Aggarwal, Huang and Le, "Regularized evolution for image classifier architecture search", AAAI 2019, Algorithm 1,
//! in its asynchronous form: every free worker gets a child of the population as it then stands.
//!
//! With a `brood`, several children are bred for each place and the best predicted one takes it (Wei et al., "NPENAS: neural
//! predictor guided evolution for neural architecture search", TNNLS 2022).

use std::collections::{BTreeSet, VecDeque};

use pleach_sdk::{
    About, Answer, Context, Engine, Genotype, Ledger, Need, Outcome, Random, Request, Score, Strategy, export_strategy,
    tournament,
};
use schemars::JsonSchema;
use serde::Deserialize;

/// What stands below `with:`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Options {
    /// How many networks are alive: so many are drawn at random first, then the oldest dies with each new one.
    #[schemars(range(min = 1, max = 100_000))]
    pub population: u32,
    /// How many of them are drawn, with replacement, for the tournament whose winner becomes a parent.
    #[schemars(range(min = 1, max = 100_000))]
    pub sample: u32,
    /// How many children are bred for each place; the one with the best predicted first objective is evaluated. With more than
    /// one the experiment needs a predictor.
    #[schemars(range(min = 1, max = 1000), extend("x-needs" = "predict"))]
    pub brood: u32,
}

impl Default for Options {
    fn default() -> Self {
        Self { population: 50, sample: 10, brood: 1 }
    }
}

/// A network that was told, alive until `population` younger ones are.
#[derive(Debug)]
struct Individual {
    id: u64,
    genotype: Genotype,
    /// None for a failure: it takes its place and ages, but is never a parent.
    score: Option<Score>,
}

/// The running search.
#[derive(Debug)]
pub struct RegularizedEvolution {
    options: Options,
    fidelity: f64,
    random: Random,
    /// The initial random networks that were drawn and not asked yet.
    initial: VecDeque<Genotype>,
    /// The oldest first.
    alive: VecDeque<Individual>,
    ledger: Ledger<Genotype>,
    /// Bits of what was asked, where children compete for their place.
    known: BTreeSet<Vec<u64>>,
}

fn bits(genotype: &[f64]) -> Vec<u64> {
    genotype.iter().map(|value| value.to_bits()).collect()
}

impl RegularizedEvolution {
    /// A child of each parent: of its brood the best predicted, those first that were not asked before; the first while nothing
    /// can be predicted yet.
    fn children(&mut self, parents: &[Genotype], engine: &dyn Engine) -> Vec<Genotype> {
        let brood = self.options.brood as usize;
        let breeders: Vec<Genotype> =
            parents.iter().flat_map(|parent| std::iter::repeat_n(parent.clone(), brood)).collect();
        let bred = engine.mutate(&breeders, self.random.draw());
        if brood == 1 {
            return bred;
        }
        let predicted = engine.predict(&bred, 0, &[]);
        let mut chosen = Vec::with_capacity(parents.len());
        for (number, children) in bred.chunks(brood).enumerate() {
            let merit = |child: usize| {
                let mean = predicted.get(number * brood + child).map_or(0.0, |prediction| prediction.mean);
                (self.known.contains(&bits(&children[child])), mean)
            };
            let better = |one: usize, two: usize| {
                let (one, two) = (merit(one), merit(two));
                one.0.cmp(&two.0).then(one.1.total_cmp(&two.1))
            };
            let Some(best) = (0..children.len()).min_by(|&one, &two| better(one, two)) else { continue };
            self.known.insert(bits(&children[best]));
            chosen.push(children[best].clone());
        }
        chosen
    }

    /// Another random network; `wanted` is how many more will be needed.
    fn newcomer(&mut self, wanted: u32, engine: &dyn Engine) -> Result<Genotype, String> {
        if self.initial.is_empty() {
            self.initial = engine.sample(wanted, self.random.draw()).into();
        }
        self.initial.pop_front().ok_or_else(|| "the space gives no network that keeps to its requirements".to_owned())
    }

    /// Who wins a tournament among those alive; none where all drawn are failures.
    fn parent(&mut self) -> Option<&Individual> {
        let alive = &self.alive;
        let better = |one: usize, two: usize| match (&alive[one].score, &alive[two].score) {
            (Some(one), Some(two)) => one < two,
            (one, _) => one.is_some(),
        };
        let winner = tournament(&mut self.random, alive.len(), self.options.sample as usize, better)?;
        self.alive.get(winner).filter(|individual| individual.score.is_some())
    }

    fn request(&mut self, genotype: Genotype, parents: Vec<u64>) -> Request {
        if self.options.brood > 1 {
            self.known.insert(bits(&genotype));
        }
        self.ledger.train(genotype.clone(), self.fidelity, parents, genotype)
    }
}

impl Strategy for RegularizedEvolution {
    type Options = Options;

    const ABOUT: About = About {
        name: "regularized-evolution",
        version: env!("CARGO_PKG_VERSION"),
        summary: "Mutates the best of a few, the oldest dies (Real et al. 2019).",
        needs: &[Need::Train],
    };

    fn start(context: Context, options: Options, _: &dyn Engine) -> Result<Self, String> {
        Ok(Self {
            fidelity: context.highest_fidelity()?,
            random: Random::stream(context.seed, "evolution"),
            initial: VecDeque::new(),
            alive: VecDeque::with_capacity(options.population as usize + 1),
            ledger: Ledger::new(),
            known: BTreeSet::new(),
            options,
        })
    }

    fn ask(&mut self, room: u32, engine: &dyn Engine) -> Result<Answer, String> {
        let mut requests = Vec::with_capacity(room as usize);
        let missing = u64::from(self.options.population).saturating_sub(self.ledger.asked());
        for left in (0..missing).rev().take(room as usize) {
            let genotype = self.newcomer(left as u32 + 1, engine)?;
            requests.push(self.request(genotype, Vec::new()));
        }
        let (mut parents, mut genotypes) = (Vec::new(), Vec::new());
        for _ in requests.len()..room as usize {
            if let Some(parent) = self.parent() {
                let (id, genotype) = (parent.id, parent.genotype.clone());
                parents.push(id);
                genotypes.push(genotype);
            } else {
                // Nobody has been measured yet, or the whole tournament failed: no worker waits for that.
                let genotype = self.newcomer(1, engine)?;
                requests.push(self.request(genotype, Vec::new()));
            }
        }
        if !genotypes.is_empty() {
            let children = self.children(&genotypes, engine);
            for (genotype, parent) in children.into_iter().zip(parents) {
                requests.push(self.request(genotype, vec![parent]));
            }
        }
        Ok(Answer::Requests(requests))
    }

    fn tell(&mut self, outcomes: Vec<Outcome>, _: &dyn Engine) -> Result<(), String> {
        for outcome in outcomes {
            let genotype = self.ledger.settle(outcome.id)?;
            self.alive.push_back(Individual { id: outcome.id, genotype, score: Score::of(outcome) });
            if self.alive.len() > self.options.population as usize {
                self.alive.pop_front();
            }
        }
        Ok(())
    }
}

export_strategy!(RegularizedEvolution);

#[cfg(test)]
mod tests;
