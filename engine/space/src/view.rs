//! What one step decides: some of a space's decisions, the others fixed.

use crate::canonical::Fingerprint;
use crate::cost::Costs;
use crate::decision::{Condition, Decision, Domain, Genotype, Role};
use crate::encode::{self, Columns, Paths, Vocabulary};
use crate::fix::{Fixed, fixed};
use crate::known::Known;
use crate::problem::SpaceProblem;
use crate::sample;
use crate::space::{Built, Space};
use pleach_random::{Generator, mix};
use pleach_spec::{Decide, Requirement};
use std::collections::HashSet;
use std::sync::{Arc, OnceLock};

/// How often a draw is repeated until it keeps to the hard requirements.
const TRIES: usize = 1000;

/// Path counts are exact where there are at most so many genotypes.
const SMALL: f64 = 20_000.0;

/// Random genotypes that tell which decisions the paths show.
const PROBES: usize = 8;

/// A space as one step sees it. Genotypes in and out hold the decided decisions only; hard requirements are kept.
#[derive(Debug, Clone)]
pub struct View {
    space: Arc<Space>,
    decided: Vec<usize>,
    decisions: Vec<Decision>,
    /// At least one. Where there are several, the first decision says which.
    bases: Vec<Genotype>,
    hard: Vec<Requirement>,
    vocabulary: Arc<OnceLock<Vocabulary>>,
    known: Option<Arc<KnownBeforehand>>,
}

/// Full genotypes, and, once they were asked for, what they are under the view's decisions.
#[derive(Debug)]
struct KnownBeforehand {
    full: Arc<Vec<Genotype>>,
    pool: bool,
    seen: OnceLock<Known>,
}

impl View {
    /// The decisions of `decide`; the others hold their values in the full genotype `base`. A decision that can never count
    /// beside them does not appear.
    pub fn new(space: Arc<Space>, decide: Decide, base: Genotype) -> View {
        View::of_candidates(space, decide, vec![base])
    }

    /// As [`View::new`] over several full genotypes, at least one: with more than one, which of them it is, is a choice before
    /// the other decisions.
    pub fn of_candidates(space: Arc<Space>, decide: Decide, bases: Vec<Genotype>) -> View {
        View::fixing(space, decide, bases, &[])
    }

    /// As [`View::of_candidates`]; decisions that are held at a value are not decided.
    pub fn fixing(space: Arc<Space>, decide: Decide, bases: Vec<Genotype>, held: &[Fixed]) -> View {
        let all = space.decisions();
        let bases: Vec<Genotype> = bases.iter().map(|base| fixed(all, base, held)).collect();
        let is_held = |index: usize| held.iter().any(|fixed| fixed.decision == index);
        let wanted = |index: usize| match decide {
            _ if is_held(index) => false,
            Decide::All => true,
            Decide::Architecture => all[index].role == Role::Architecture,
            Decide::Training => all[index].role == Role::Training,
        };
        let mut decided: Vec<usize> = Vec::new();
        let mut decisions: Vec<Decision> = candidate(bases.len()).into_iter().collect();
        let before = decisions.len();
        for (index, decision) in all.iter().enumerate() {
            if !wanted(index) {
                continue;
            }
            // Up the chain of conditions: fixed decisions are settled here, by each candidate for itself; the first decided
            // one is the condition.
            let mut condition = decision.active_when.clone();
            let mut possible: Vec<usize> = (0..bases.len()).collect();
            while let Some(current) = &condition {
                if let Some(position) = decided.iter().position(|&d| d == current.decision) {
                    condition = Some(Condition { decision: before + position, values: current.values.clone() });
                    break;
                }
                let settled = !wanted(current.decision);
                possible.retain(|&base| settled && current.values.contains(&bases[base][current.decision]));
                condition = all[current.decision].active_when.clone();
            }
            if possible.is_empty() {
                continue;
            }
            if condition.is_none() && possible.len() < bases.len() {
                condition = Some(Condition { decision: 0, values: possible.iter().map(|&base| base as f64).collect() });
            }
            decided.push(index);
            decisions.push(Decision { active_when: condition, ..decision.clone() });
        }
        let is_hard = |requirement: &&Requirement| Costs::NAMES.contains(&requirement.metric.name.as_str());
        let hard = match space.has_network() {
            true => space.requirements().iter().filter(is_hard).cloned().collect(),
            false => Vec::new(),
        };
        View { space, decided, decisions, bases, hard, vocabulary: Arc::default(), known: None }
    }

    /// The same with candidates that are known, as those of a table: full genotypes, of which those count that agree with what is
    /// not decided. They are the [`members`](View::members). Of a `pool` there are no others: sample, mutate, repair and neighbours
    /// then answer with known ones only, and neighbours are those that differ in one decision and the nearest ones.
    #[must_use]
    pub fn with_known(self, known: Arc<Vec<Genotype>>, pool: bool) -> View {
        let known = KnownBeforehand { full: known, pool, seen: OnceLock::new() };
        View { known: Some(Arc::new(known)), ..self }
    }

    /// The known candidates.
    fn known(&self) -> Option<&Known> {
        let known = self.known.as_deref()?;
        Some(known.seen.get_or_init(|| {
            let narrowed = known.full.iter().map(|full| (full, self.narrow(full)));
            let agreeing = narrowed.filter(|(full, genotype)| self.full(genotype) == **full);
            Known::new(agreeing.map(|(_, genotype)| genotype).filter(|genotype| self.keeps(genotype)).collect())
        }))
    }

    /// The known candidates that a search keeps to.
    fn pool(&self) -> Option<&Known> {
        self.known.as_ref().filter(|known| known.pool).and_then(|_| self.known())
    }

    /// The space.
    pub fn space(&self) -> &Arc<Space> {
        &self.space
    }

    /// The decided decisions; conditions hold indices of this list.
    pub fn decisions(&self) -> &[Decision] {
        &self.decisions
    }

    /// The genotype of all of the space's decisions.
    pub fn full(&self, genotype: &[f64]) -> Genotype {
        let (base, own) = match self.bases.as_slice() {
            [base] => (base, genotype),
            bases => (&bases[genotype[0] as usize], &genotype[1..]),
        };
        let mut full = base.clone();
        for (&index, &value) in self.decided.iter().zip(own) {
            full[index] = value;
        }
        sample::clear_inactive(self.space.decisions(), &mut full);
        full
    }

    /// The decided part of a full genotype; of several candidates, the first one that it agrees with.
    pub fn narrow(&self, full: &[f64]) -> Genotype {
        let fixed = |base: &&Genotype| (0..full.len()).all(|i| self.decided.contains(&i) || base[i] == full[i]);
        let mut genotype = Genotype::new();
        if self.bases.len() > 1 {
            genotype.push(self.bases.iter().position(|base| fixed(&base)).unwrap_or_default() as f64);
        }
        genotype.extend(self.decided.iter().map(|&index| full[index]));
        sample::clear_inactive(&self.decisions, &mut genotype);
        genotype
    }

    /// Whether a genotype is valid: one value a decision, each of its domain, 0 where it does not count.
    ///
    /// # Errors
    /// The rule that is broken, with the decision's path.
    pub fn check(&self, genotype: &[f64]) -> Result<(), String> {
        if genotype.len() != self.decisions.len() {
            return Err(format!("it has {} values for {} decisions", genotype.len(), self.decisions.len()));
        }
        for (index, decision) in self.decisions.iter().enumerate() {
            let value = genotype[index];
            if sample::is_active(&self.decisions, genotype, index) {
                if !decision.domain.contains(value) {
                    return Err(format!("`{}` cannot hold {value}", decision.path));
                }
            } else if value != 0.0 {
                return Err(format!("`{}` does not count here and must be 0, not {value}", decision.path));
            }
        }
        Ok(())
    }

    /// What a genotype builds.
    ///
    /// # Errors
    /// As [`Space::network`].
    pub fn build(&self, genotype: &[f64]) -> Result<Built, SpaceProblem> {
        self.space.build(&self.full(genotype))
    }

    /// Whether the genotype's network keeps to the hard requirements.
    fn keeps(&self, genotype: &[f64]) -> bool {
        self.hard.is_empty()
            || self.build(genotype).is_ok_and(|built| {
                self.hard.iter().all(|requirement| {
                    built
                        .costs
                        .metric(&requirement.metric.name)
                        .is_some_and(|value| requirement.violation(value) <= 0.0)
                })
            })
    }

    /// Draws until a genotype keeps to the hard requirements, at most [`TRIES`] times.
    fn until_kept(&self, mut draw: impl FnMut() -> Option<Genotype>) -> Option<Genotype> {
        (0..TRIES).map_while(|_| draw()).find(|genotype| self.keeps(genotype))
    }

    /// Valid genotypes, drawn uniformly decision by decision; fewer where hard requirements leave too few.
    pub fn sample(&self, count: usize, seed: u64) -> Vec<Genotype> {
        (0..count as u64)
            .filter_map(|i| {
                let mut generator = Generator::new(mix(seed).wrapping_add(i));
                if let Some(pool) = self.pool() {
                    return one_of(pool.genotypes(), &mut generator).cloned();
                }
                self.until_kept(|| Some(sample::draw(&self.decisions, &mut generator)))
            })
            .collect()
    }

    /// Each parent with exactly one active decision changed, repaired. Where nothing else is allowed, the parent itself.
    pub fn mutate(&self, parents: &[Genotype], seed: u64) -> Vec<Genotype> {
        parents
            .iter()
            .zip(0u64..)
            .map(|(parent, i)| {
                let mut generator = Generator::new(mix(seed).wrapping_add(i));
                if let Some(pool) = self.pool() {
                    let near = pool.neighbours(&self.decisions, parent);
                    return one_of(&near, &mut generator).map_or_else(|| parent.clone(), |child| (*child).clone());
                }
                self.until_kept(|| sample::mutate(&self.decisions, parent, &mut generator))
                    .unwrap_or_else(|| parent.clone())
            })
            .collect()
    }

    /// Makes genotypes valid: clears inactive decisions, draws those that became active or hold no value of their domain; then
    /// changes decisions one by one until hard requirements are kept. Fewer where that fails.
    pub fn repair(&self, genotypes: &[Genotype], seed: u64) -> Vec<Genotype> {
        genotypes
            .iter()
            .zip(0u64..)
            .filter_map(|(genotype, i)| {
                let mut generator = Generator::new(mix(seed).wrapping_add(i));
                let mut repaired = genotype.clone();
                sample::repair(&self.decisions, &mut repaired, None, &mut generator);
                if let Some(pool) = self.pool() {
                    return pool.nearest(&self.decisions, &repaired).cloned();
                }
                if self.keeps(&repaired) {
                    return Some(repaired);
                }
                self.until_kept(|| {
                    let next = sample::mutate(&self.decisions, &repaired, &mut generator)?;
                    repaired.clone_from(&next);
                    Some(next)
                })
            })
            .collect()
    }

    /// Every genotype that differs in one active decision; ranges in a few steps; what becomes active holds its default.
    pub fn neighbours(&self, genotype: &[f64]) -> Vec<Genotype> {
        if let Some(pool) = self.pool() {
            return pool.neighbours(&self.decisions, genotype).into_iter().cloned().collect();
        }
        let mut neighbours = sample::neighbours(&self.decisions, genotype);
        neighbours.retain(|neighbour| self.keeps(neighbour));
        neighbours
    }

    /// One genotype a distinct network, the first in order, where there are at most `limit` genotypes; where candidates are known,
    /// these, where there are at most `limit`.
    pub fn members(&self, limit: u64) -> Option<Vec<Genotype>> {
        if let Some(known) = self.known() {
            return (known.genotypes().len() as u64 <= limit).then(|| known.genotypes().to_vec());
        }
        if sample::count(&self.decisions)? > limit as f64 {
            return None;
        }
        let mut seen: HashSet<Fingerprint> = HashSet::new();
        let members = sample::all(&self.decisions)
            .filter(|genotype| self.keeps(genotype))
            .filter(|genotype| match self.space.has_network() {
                true => self.build(genotype).is_ok_and(|built| seen.insert(built.fingerprint)),
                false => true,
            })
            .collect();
        Some(members)
    }

    /// A number that is equal for two genotypes that build the same network; without a network, for equal genotypes.
    pub fn fingerprint(&self, genotype: &[f64]) -> u64 {
        match self.build(genotype) {
            Ok(built) if self.space.has_network() => built.fingerprint.to_u64(),
            _ => genotype.iter().fold(0, |hash, value| mix(hash ^ value.to_bits()).wrapping_add(1)),
        }
    }

    /// Counts of the operation sequences of the canonical network: see [`Paths`]. Empty where nothing is built.
    pub fn paths(&self, genotype: &[f64]) -> Paths {
        match self.space.layers(&self.full(genotype)) {
            Ok((layers, blocks)) => encode::paths(layers.iter().map(AsRef::as_ref), &blocks),
            Err(_) => Paths::default(),
        }
    }

    /// The same as a vector: a place a sequence where there are at most 20,000 genotypes with at most 512 sequences, else hashed
    /// to 512 places. The first call of a small space walks through all of it.
    pub fn path_counts(&self, genotype: &[f64]) -> Vec<f32> {
        if !self.space.has_network() {
            return Vec::new();
        }
        let vocabulary = self.vocabulary.get_or_init(|| {
            let small = sample::count(&self.decisions).is_some_and(|count| count <= SMALL);
            let all = if small { sample::all(&self.decisions) } else { return Vocabulary::default() };
            Vocabulary::of(all.map(|genotype| self.paths(&genotype)), encode::HASHED)
        });
        vocabulary.counts(&self.paths(genotype))
    }

    /// Genotypes as columns of numbers.
    pub fn columns(&self) -> Columns {
        Columns::of(&self.decisions)
    }

    /// Which decisions the paths show: choices whose options give other paths, in some of a few genotypes.
    pub fn shown_by_paths(&self) -> Vec<bool> {
        let genotypes: Vec<Genotype> =
            self.bases.iter().map(|base| self.narrow(base)).chain(self.sample(PROBES, 0)).collect();
        let paths: Vec<Paths> = genotypes.iter().map(|genotype| self.paths(genotype)).collect();
        let shown = |index: usize| {
            genotypes.iter().zip(&paths).any(|(genotype, paths)| {
                let options = self.decisions[index].domain.size().unwrap_or(0);
                sample::is_active(&self.decisions, genotype, index)
                    && (0..options).any(|option| {
                        let other = sample::with_value(&self.decisions, genotype, index, option as f64);
                        self.paths(&other) != *paths
                    })
            })
        };
        let decisions = self.decisions.iter().enumerate();
        decisions
            .map(|(index, decision)| {
                decision.role == Role::Architecture && matches!(decision.domain, Domain::Choice(_)) && shown(index)
            })
            .collect()
    }

    /// The canonical network as a graph: kind and features of each node, and the edges.
    pub fn graph(&self, genotype: &[f64]) -> encode::Graph {
        self.build(genotype).map(|built| encode::graph(&built.network)).unwrap_or_default()
    }

    /// The names of the node kinds of [`View::graph`].
    pub fn node_kinds() -> &'static [&'static str] {
        &encode::NODE_KINDS
    }

    /// The number of features of each node of [`View::graph`].
    pub const NODE_FEATURES: usize = encode::NODE_FEATURES;

    /// The path of the decision between several candidates.
    pub const CANDIDATE: &str = "candidate";
}

/// One of several, uniformly; none of none.
fn one_of<'g, G>(several: &'g [G], generator: &mut Generator) -> Option<&'g G> {
    let place = (!several.is_empty()).then(|| generator.below(several.len() as u64) as usize)?;
    several.get(place)
}

/// The choice between several candidates.
fn candidate(count: usize) -> Option<Decision> {
    (count > 1).then(|| Decision {
        path: View::CANDIDATE.to_owned(),
        pointer: String::new(),
        name: None,
        domain: Domain::Choice((0..count).map(|number| number.to_string()).collect()),
        role: Role::Architecture,
        active_when: None,
        slot: None,
        default: 0.0,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn several_candidates_are_a_choice_before_the_others() {
        let section = json!({
            "values": {"width": {"one_of": [8, 16, 32]}},
            "training": {"optimizer": {"one_of": [
                {"sgd": {"rate": {"float": [0.01, 0.1]}}}, {"adam": {"rate": {"float": [0.001, 0.01]}}}
            ]}},
        });
        let (space, problems) = Space::compile(&section, "/space", None);
        let space = Arc::new(space.unwrap_or_else(|| panic!("{problems:?}")));
        let base = space.defaults();
        let width = space.decisions().iter().position(|decision| decision.path.contains("width")).unwrap();
        let mut other = base.clone();
        other[width] = 2.0;
        let one = View::of_candidates(space.clone(), Decide::Training, vec![base.clone()]);
        let two = View::of_candidates(space, Decide::Training, vec![base, other]);
        assert_eq!(two.decisions().len(), one.decisions().len() + 1);
        assert_eq!(two.decisions()[0].path, View::CANDIDATE);
        // Conditions moved by one place with the decisions that they name.
        assert!(two.decisions()[2..].iter().all(|d| d.active_when.as_ref().is_some_and(|when| when.decision == 1)));
        let drawn = two.sample(50, 1);
        for genotype in &drawn {
            two.check(genotype).unwrap();
            let full = two.full(genotype);
            assert_eq!(full[width], if genotype[0] == 0.0 { 0.0 } else { 2.0 });
            assert_eq!(&two.narrow(&full), genotype);
        }
        assert!(drawn.iter().any(|genotype| genotype[0] == 0.0) && drawn.iter().any(|genotype| genotype[0] == 1.0));
    }
}
