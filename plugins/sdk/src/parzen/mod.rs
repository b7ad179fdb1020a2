//! The tree-structured Parzen estimator: candidates that are likely among the best and unlikely among the others.
//!
//! Bergstra, Bardenet, Bengio and Kégl, "Algorithms for hyper-parameter optimization", NeurIPS 2011, with multivariate kernels
//! (Falkner, Klein and Hutter, "BOHB", ICML 2018) and widths as in Watanabe, "Tree-structured Parzen estimator: understanding its
//! algorithm components and their roles for better empirical performance", 2023.

mod axis;
mod estimator;
mod ranked;

pub use ranked::Ranked;

use axis::Axis;
use estimator::Estimator;

use crate::{Context, Decisions, Engine, Genotype, Random, Sampler};

/// So many kernels on single decisions are computed at most for one proposal; more observations are thinned out.
const WORK: usize = 500_000;

/// Adding a kernel up costs as much as it does on so many decisions.
const SUMMING: usize = 4;

/// No more are proposed in one call, whatever is wanted: the others can be asked for in the next.
const AT_ONCE: usize = 16;

/// So often candidates are drawn anew where all were taken before.
const ROUNDS: u32 = 4;

/// Proposes candidates by those that were told.
#[derive(Debug)]
pub struct Parzen {
    decisions: Decisions,
    axes: Vec<Axis>,
    random: Random,
    share: f64,
    most: usize,
    candidates: usize,
}

impl Parzen {
    /// The best `share` of all observations, at most `most` of them, count as good; of `candidates` drawn by these the one is proposed
    /// whose ratio of likelihoods is highest.
    pub fn new(context: &Context, share: f64, most: u32, candidates: u32) -> Self {
        Self {
            decisions: Decisions::new(&context.decisions),
            axes: context.decisions.iter().map(|decision| Axis::new(&decision.domain)).collect(),
            random: Random::stream(context.seed, "parzen"),
            share,
            most: most as usize,
            candidates: candidates as usize,
        }
    }

    /// The space's decisions.
    pub fn decisions(&self) -> &Decisions {
        &self.decisions
    }

    /// New candidates, at most as many as are wanted: none of them was taken from `sampler` before, they are taken from it now.
    /// None where the space seems to have no others.
    ///
    /// Those in flight count as bad (a "constant liar": Ginsbourger, Le Riche and Carraro, "Kriging is well-suited to parallelize
    /// optimization", 2010), and so does each proposal for the next.
    pub fn propose<'a>(
        &mut self,
        told: &Ranked,
        in_flight: impl Iterator<Item = &'a Genotype>,
        wanted: usize,
        sampler: &mut Sampler,
        engine: &dyn Engine,
    ) -> Vec<Genotype> {
        let good = (libm::ceil(self.share * told.len() as f64) as usize).clamp(1, self.most.max(1));
        let kernels = (WORK / (self.candidates * (self.axes.len() + SUMMING))).max(2);
        let flying: Vec<&Genotype> = in_flight.collect();
        let latest = &flying[flying.len().saturating_sub(kernels / 2)..];
        let (best, mut others) = told.split(good, kernels - latest.len());
        others.extend(latest.iter().map(|genotype| self.decisions.places(genotype)));
        let (good, mut bad) = (Estimator::new(&self.axes, best), Estimator::new(&self.axes, others));
        let wanted = wanted.min(AT_ONCE);
        let mut proposed = Vec::with_capacity(wanted);
        while proposed.len() < wanted {
            let (decisions, random) = (&self.decisions, &mut self.random);
            let found = (0..ROUNDS).find_map(|_| {
                let drawn: Vec<Genotype> = (0..self.candidates).map(|_| good.draw(decisions, random)).collect();
                let ratio = |genotype: Genotype| {
                    let places = decisions.places(&genotype);
                    (good.density(&places) - bad.density(&places), genotype)
                };
                let mut rated: Vec<(f64, Genotype)> = drawn.into_iter().map(ratio).collect();
                rated.sort_by(|one, two| two.0.total_cmp(&one.0));
                // The engine is asked of few: most often the first is new.
                rated.into_iter().find_map(|(_, genotype)| {
                    let repaired = engine.repair(&[genotype], random.draw());
                    let identity = sampler.identities().of(&repaired, engine);
                    let new = identity.first().is_some_and(|&identity| sampler.claim(identity));
                    repaired.into_iter().next().filter(|_| new)
                })
            });
            let missing = (wanted - proposed.len()) as u64;
            let Some(found) = found.or_else(|| sampler.next(missing, engine)) else { break };
            bad.add(self.decisions.places(&found));
            proposed.push(found);
        }
        proposed
    }
}
