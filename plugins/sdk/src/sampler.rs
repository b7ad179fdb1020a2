use std::collections::{BTreeSet, VecDeque};

use crate::{Context, Engine, Genotype, Random, Role, mix};

/// How many genotypes are drawn in one call of the engine: enough that the call costs nothing per trial.
const BATCH: u64 = 64;

/// After so many calls without anything new the space counts as exhausted.
const FRUITLESS_CALLS: u32 = 32;

/// Random genotypes, none of which comes twice: neither the same network with the same training recipe.
#[derive(Debug)]
pub struct Sampler {
    random: Random,
    /// What was drawn so far; none where the same may come again.
    seen: Option<BTreeSet<u64>>,
    /// The positions of the training decisions, which a network's fingerprint leaves out.
    recipe: Vec<usize>,
    drawn: VecDeque<Genotype>,
}

impl Sampler {
    /// A sampler of the context's space and seed.
    pub fn new(context: &Context) -> Self {
        Self {
            random: Random::stream(context.seed, "sample"),
            seen: Some(BTreeSet::new()),
            recipe: context.positions_of(Role::Training),
            drawn: VecDeque::new(),
        }
    }

    /// The same draws, where any may come again.
    #[must_use]
    pub fn with_repetitions(self) -> Self {
        Self { seen: None, ..self }
    }

    /// The next genotype; none where nothing new was found. `wanted` is how many more will be needed at most, this one
    /// included, so that not many more are drawn.
    pub fn next(&mut self, wanted: u64, engine: &dyn Engine) -> Option<Genotype> {
        if self.drawn.is_empty() {
            self.refill(wanted.clamp(1, BATCH) as u32, engine);
        }
        self.drawn.pop_front()
    }

    /// Draws until something is new.
    fn refill(&mut self, count: u32, engine: &dyn Engine) {
        for _ in 0..FRUITLESS_CALLS {
            let mut genotypes = engine.sample(count, self.random.draw());
            if let Some(seen) = &mut self.seen {
                let mut networks = engine.fingerprint(&genotypes).into_iter();
                genotypes.retain(|genotype| {
                    let network = networks.next().unwrap_or_default();
                    let hashed = |hash, &position: &usize| mix(hash ^ genotype[position].to_bits()).wrapping_add(1);
                    seen.insert(self.recipe.iter().fold(network, hashed))
                });
            }
            self.drawn.extend(genotypes);
            if !self.drawn.is_empty() {
                break;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Search, ToySpace};
    use crate::{Domain, RealRange};

    fn drawn(space: &ToySpace, at_most: u64) -> Vec<Genotype> {
        let mut sampler = Sampler::new(&Search::new(space, 1).context("{}"));
        (0..at_most).map_while(|asked| sampler.next(at_most - asked, space)).collect()
    }

    #[test]
    fn each_candidate_comes_once_until_there_is_no_other() {
        let mut all = drawn(&ToySpace::choices(&[5, 4, 3]), 1000);
        assert_eq!(all.len(), 60);
        all.sort_by(|one, two| one.partial_cmp(two).unwrap());
        all.dedup();
        assert_eq!(all.len(), 60);
    }

    #[test]
    fn another_recipe_is_another_candidate() {
        let rate = Domain::Real(RealRange { low: 0.001, high: 1.0, log: true });
        let space = ToySpace::choices(&[2]).with("rate", rate, Role::Training, None);
        assert_eq!(drawn(&space, 50).len(), 50);
    }
}
