use std::collections::{BTreeSet, VecDeque};

use crate::{Context, Engine, Genotype, Identities, Random};

/// How many genotypes are drawn in one call of the engine: enough that the call costs nothing per trial.
const BATCH: u64 = 64;

/// After so many calls without anything new the space counts as exhausted.
const FRUITLESS_CALLS: u32 = 32;

/// Random genotypes, none of which comes twice: neither the same network with the same training recipe.
#[derive(Debug)]
pub struct Sampler {
    random: Random,
    identities: Identities,
    /// What was given out or claimed so far; none where the same may come again.
    taken: Option<BTreeSet<u64>>,
    drawn: VecDeque<(u64, Genotype)>,
}

impl Sampler {
    /// A sampler of the context's space and seed.
    pub fn new(context: &Context) -> Self {
        Self {
            random: Random::stream(context.seed, "sample"),
            identities: Identities::new(context),
            taken: Some(BTreeSet::new()),
            drawn: VecDeque::new(),
        }
    }

    /// The same draws, where any may come again.
    #[must_use]
    pub fn with_repetitions(self) -> Self {
        Self { taken: None, ..self }
    }

    /// What tells candidates apart.
    pub fn identities(&self) -> &Identities {
        &self.identities
    }

    /// Takes a candidate that the strategy found by itself, so that it does not come; false where it was taken before.
    pub fn claim(&mut self, identity: u64) -> bool {
        self.taken.as_mut().is_none_or(|taken| taken.insert(identity))
    }

    /// The next genotype; none where nothing new was found. `wanted` is how many more will be needed at most, this one
    /// included, so that not many more are drawn.
    pub fn next(&mut self, wanted: u64, engine: &dyn Engine) -> Option<Genotype> {
        for _ in 0..FRUITLESS_CALLS {
            if self.drawn.is_empty() {
                self.draw(wanted.clamp(1, BATCH) as u32, engine);
            }
            while let Some((identity, genotype)) = self.drawn.pop_front() {
                if self.claim(identity) {
                    return Some(genotype);
                }
            }
        }
        None
    }

    fn draw(&mut self, count: u32, engine: &dyn Engine) {
        let genotypes = engine.sample(count, self.random.draw());
        // Without a need to tell them apart no network is built.
        let identities = match &self.taken {
            Some(_) => self.identities.of(&genotypes, engine),
            None => vec![0; genotypes.len()],
        };
        self.drawn.extend(identities.into_iter().zip(genotypes));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Search, ToySpace};
    use crate::{Domain, RealRange, Role};

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

    #[test]
    fn what_is_claimed_does_not_come() {
        let space = ToySpace::choices(&[5, 4]);
        let mut sampler = Sampler::new(&Search::new(&space, 1).context("{}"));
        let identity = sampler.identities().of(&[vec![2.0, 3.0]], &space)[0];
        assert!(sampler.claim(identity) && !sampler.claim(identity));
        let all: Vec<Genotype> = std::iter::from_fn(|| sampler.next(64, &space)).collect();
        assert!(all.len() == 19 && !all.contains(&vec![2.0, 3.0]));
    }
}
