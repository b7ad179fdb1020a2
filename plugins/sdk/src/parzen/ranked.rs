use crate::{Decisions, Genotype, Score};

use super::estimator::Places;

/// Candidates that were told, the best first: what holds all constraints by its losses, then what breaks them, failures last;
/// equal ones in the order told.
#[derive(Debug, Clone, Default)]
pub struct Ranked {
    entries: Vec<(Option<Score>, Places)>,
    measured: usize,
}

impl Ranked {
    /// Takes a candidate; without a score it failed.
    pub fn insert(&mut self, decisions: &Decisions, genotype: &Genotype, score: Option<Score>) {
        let place = match &score {
            None => self.entries.len(),
            Some(score) => self.entries[..self.measured]
                .partition_point(|(other, _)| other.as_ref().is_some_and(|other| other <= score)),
        };
        self.measured += usize::from(score.is_some());
        self.entries.insert(place, (score, decisions.places(genotype)));
    }

    /// How many were told.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether none was told.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// How many did not fail.
    pub fn measured(&self) -> usize {
        self.measured
    }

    /// The best so many, and of the others an even selection of at most so many.
    pub(super) fn split(&self, good: usize, most: usize) -> (Vec<Places>, Vec<Places>) {
        let (best, others) = self.entries.split_at(good.min(self.measured));
        let kept = others.len().min(most);
        let even = (0..kept).map(|number| others[number * others.len() / kept].1.clone());
        (best.iter().map(|(_, places)| places.clone()).collect(), even.collect())
    }
}
