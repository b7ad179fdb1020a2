//! Candidates that are known beforehand, as those of a table, and a search that keeps to them.

use crate::decision::{Decision, Domain, Genotype};
use crate::sample::is_active;
use std::collections::HashMap;
use std::sync::OnceLock;

/// A candidate has at least so many neighbours among the known ones, where there are as many.
const NEIGHBOURS: usize = 8;

/// Known candidates under the decisions of a view.
#[derive(Debug)]
pub(crate) struct Known {
    genotypes: Vec<Genotype>,
    places: HashMap<Box<[u64]>, usize>,
    /// Of each, its neighbours' places, once they were asked for.
    neighbours: Vec<OnceLock<Vec<usize>>>,
}

fn key(genotype: &[f64]) -> Box<[u64]> {
    genotype.iter().map(|value| (value + 0.0).to_bits()).collect()
}

impl Known {
    pub fn new(genotypes: Vec<Genotype>) -> Known {
        let places = genotypes.iter().enumerate().map(|(place, genotype)| (key(genotype), place)).collect();
        let neighbours = genotypes.iter().map(|_| OnceLock::new()).collect();
        Known { genotypes, places, neighbours }
    }

    pub fn genotypes(&self) -> &[Genotype] {
        &self.genotypes
    }

    /// The known one that is nearest to a genotype; the first of several.
    pub fn nearest(&self, decisions: &[Decision], genotype: &[f64]) -> Option<&Genotype> {
        if let Some(&place) = self.places.get(&key(genotype)) {
            return self.genotypes.get(place);
        }
        let distance = |place: &usize| distance(decisions, genotype, &self.genotypes[*place]).1;
        let nearest = (0..self.genotypes.len()).min_by(|a, b| distance(a).total_cmp(&distance(b)))?;
        self.genotypes.get(nearest)
    }

    /// All known ones that differ in one decision, and the nearest others until there are enough.
    pub fn neighbours(&self, decisions: &[Decision], genotype: &[f64]) -> Vec<&Genotype> {
        let found = match self.places.get(&key(genotype)) {
            Some(&place) => self.neighbours[place].get_or_init(|| self.near(decisions, genotype)).clone(),
            None => self.near(decisions, genotype),
        };
        found.into_iter().map(|place| &self.genotypes[place]).collect()
    }

    fn near(&self, decisions: &[Decision], genotype: &[f64]) -> Vec<usize> {
        let mut others: Vec<(usize, f64, usize)> = self
            .genotypes
            .iter()
            .enumerate()
            .map(|(place, other)| {
                let (differing, distance) = distance(decisions, genotype, other);
                (differing.max(1), distance, place)
            })
            .filter(|(_, _, place)| self.genotypes[*place] != genotype)
            .collect();
        let one = others.iter().filter(|(differing, ..)| *differing == 1).count();
        let enough = one.max(NEIGHBOURS).min(others.len());
        let order = |a: &(usize, f64, usize), b: &(usize, f64, usize)| {
            ((a.0 > 1), a.1, a.2).partial_cmp(&((b.0 > 1), b.1, b.2)).unwrap_or(std::cmp::Ordering::Equal)
        };
        if enough < others.len() && enough > 0 {
            others.select_nth_unstable_by(enough - 1, order);
            others.truncate(enough);
        }
        others.sort_by(order);
        others.into_iter().map(|(_, _, place)| place).collect()
    }
}

/// In how many decisions two genotypes differ, and how far: 1 for another option, the distance on its axis for a number.
fn distance(decisions: &[Decision], a: &[f64], b: &[f64]) -> (usize, f64) {
    let mut differing = 0;
    let mut distance = 0.0;
    for (index, decision) in decisions.iter().enumerate() {
        if a[index] == b[index] && is_active(decisions, a, index) == is_active(decisions, b, index) {
            continue;
        }
        differing += 1;
        let both = is_active(decisions, a, index) && is_active(decisions, b, index);
        distance += match &decision.domain {
            Domain::Integer { .. } | Domain::Real { .. } if both => {
                (decision.domain.unit(a[index]) - decision.domain.unit(b[index])).abs()
            }
            _ => 1.0,
        };
    }
    (differing, distance)
}

#[cfg(test)]
mod tests {
    use crate::{Genotype, Space, View};
    use pleach_spec::Decide;
    use serde_json::json;
    use std::sync::Arc;

    fn view() -> View {
        let values = json!({"values": {
            "op": {"one_of": ["a", "b", "c"]}, "width": {"int": [1, 100]}, "rate": {"float": [0.001, 1], "log": true}
        }});
        let (space, problems) = Space::compile(&values, "/space", None);
        let space = Arc::new(space.unwrap_or_else(|| panic!("{problems:?}")));
        View::new(space.clone(), Decide::All, space.defaults())
    }

    /// 60 candidates that differ in all but their operation.
    fn pool() -> Vec<Genotype> {
        (0..60).map(|i| vec![f64::from(i % 3), f64::from(i + 1), 0.001 * f64::from(i + 1)]).collect()
    }

    #[test]
    fn a_search_keeps_to_the_pool() {
        let view = view().with_known(Arc::new(pool()), true);
        let pool = pool();
        let sampled = view.sample(200, 3);
        assert!(sampled.len() == 200 && sampled.iter().all(|genotype| pool.contains(genotype)));
        let distinct: std::collections::BTreeSet<u64> = sampled.iter().map(|g| g[1] as u64).collect();
        assert!(distinct.len() > 45, "of 60, 200 draws miss few: {}", distinct.len());
        for (parent, child) in sampled.iter().zip(view.mutate(&sampled, 5)) {
            assert!(pool.contains(&child) && child != *parent);
        }
        let neighbours = view.neighbours(&pool[30]);
        assert!(neighbours.len() == 8 && neighbours.iter().all(|genotype| pool.contains(genotype)));
        assert!(
            neighbours.contains(&pool[33]) && !neighbours.contains(&pool[30]),
            "the same operation, the next width"
        );
        let repaired = view.repair(&[vec![0.0, 31.0, 0.0311], pool[4].clone()], 7);
        assert_eq!(repaired, [pool[30].clone(), pool[4].clone()]);
        assert_eq!(view.members(60), Some(pool.clone()));
        assert_eq!(view.members(59), None);
        assert_eq!(view.sample(5, 3), view.sample(5, 3));
    }

    #[test]
    fn all_that_differ_in_one_decision_are_neighbours() {
        let grid: Vec<Genotype> =
            (0..3).flat_map(|op| (1..=20).map(move |width| vec![f64::from(op), f64::from(width), 0.5])).collect();
        let view = view().with_known(Arc::new(grid.clone()), true);
        assert_eq!(view.neighbours(&grid[0]).len(), 2 + 19);
        assert!(view.mutate(&[grid[0].clone()], 1)[0].iter().zip(&grid[0]).filter(|(a, b)| a != b).count() == 1);
    }

    #[test]
    fn a_whole_space_is_only_counted() {
        let view = view().with_known(Arc::new(pool()), false);
        assert_eq!(view.members(100).unwrap().len(), 60);
        assert!(view.sample(50, 1).iter().any(|genotype| !pool().contains(genotype)));
    }

    #[test]
    fn only_what_agrees_with_the_fixed_decisions_is_known() {
        let space = view().space().clone();
        let base = vec![1.0, 5.0, 0.02];
        let held = crate::Fixed::of(space.decisions(), "space.values.op", &json!("b")).unwrap();
        let view = View::fixing(space, Decide::All, vec![base], &held).with_known(Arc::new(pool()), true);
        assert_eq!(view.members(100).unwrap().len(), 20);
        assert!(view.sample(30, 1).iter().all(|genotype| (genotype[0] as u64 - 1) % 3 == 1));
    }
}
