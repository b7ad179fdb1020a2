//! Candidates and how far apart they are.

use std::rc::Rc;

use pleach_sdk::{Context, Decisions, Engine, Genotype, Identities};

/// So many genotypes are described in one call of the engine: the answer must stay below its limit.
const CHUNK: usize = 2000;

/// How far two candidates lie apart: in their path counts, in their decisions.
pub(crate) type Apart = [f64; 2];

/// What is known of a candidate before it is evaluated.
#[derive(Debug)]
pub(crate) struct Candidate {
    pub genotype: Genotype,
    /// Equal for the same network with the same recipe.
    pub identity: u64,
    /// The sequences of operations that it has, and how often, by rising number.
    paths: Vec<(u32, f64)>,
    places: Vec<Option<f64>>,
}

/// Describes genotypes.
#[derive(Debug)]
pub(crate) struct Describer {
    identities: Identities,
    decisions: Decisions,
}

impl Describer {
    pub fn new(context: &Context) -> Self {
        Self { identities: Identities::new(context), decisions: Decisions::new(&context.decisions) }
    }

    /// The candidates that these genotypes are, where `new` says so of their identity.
    pub fn candidates(
        &self,
        mut genotypes: Vec<Genotype>,
        engine: &dyn Engine,
        mut new: impl FnMut(u64) -> bool,
    ) -> Vec<Rc<Candidate>> {
        let mut identities = self.identities.of(&genotypes, engine);
        let kept: Vec<bool> = identities.iter().map(|&identity| new(identity)).collect();
        let mut flags = kept.iter();
        genotypes.retain(|_| flags.next() == Some(&true));
        let mut flags = kept.iter();
        identities.retain(|_| flags.next() == Some(&true));
        let mut counts = Vec::with_capacity(genotypes.len());
        for chunk in genotypes.chunks(CHUNK) {
            counts.extend(engine.path_counts(chunk).into_iter().map(|counts| sparse(&counts)));
        }
        let described = genotypes.into_iter().zip(identities).zip(counts);
        let candidate = |((genotype, identity), paths)| {
            let places = self.decisions.places(&genotype);
            Rc::new(Candidate { genotype, identity, paths, places })
        };
        described.map(candidate).collect()
    }

    pub fn apart(&self, one: &Candidate, two: &Candidate) -> Apart {
        [manhattan(&one.paths, &two.paths), self.decisions.distance(&one.places, &two.places)]
    }
}

fn sparse(counts: &[f32]) -> Vec<(u32, f64)> {
    let counted = counts.iter().enumerate().filter(|(_, count)| **count != 0.0);
    counted.map(|(place, &count)| (place as u32, f64::from(count))).collect()
}

/// The sum of absolute differences.
fn manhattan(one: &[(u32, f64)], two: &[(u32, f64)]) -> f64 {
    let (mut one, mut two) = (one.iter().peekable(), two.iter().peekable());
    let mut sum = 0.0;
    loop {
        sum += match (one.peek(), two.peek()) {
            (None, None) => return sum,
            (Some(&&(first, a)), Some(&&(second, b))) if first == second => {
                one.next();
                two.next();
                (a - b).abs()
            }
            (Some(&&(first, a)), other) if other.is_none_or(|(second, _)| first < *second) => {
                one.next();
                a.abs()
            }
            (_, Some(&&(_, b))) => {
                two.next();
                b.abs()
            }
            (Some(_), None) => unreachable!("the guard before takes it"),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_of_counts_are_sums_of_differences() {
        let (one, two) = ([1.0, 0.0, 2.0, 0.0, 1.0], [0.0, 3.0, 0.5, 0.0, 0.0]);
        assert_eq!(manhattan(&sparse(&one), &sparse(&two)), 6.5);
        assert_eq!(manhattan(&sparse(&two), &sparse(&one)), 6.5);
        assert_eq!((manhattan(&sparse(&one), &sparse(&one)), manhattan(&sparse(&one), &[])), (0.0, 4.0));
    }
}
