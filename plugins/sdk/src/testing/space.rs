use crate::{
    Architecture, Condition, Decision, Domain, Engine, Genotype, IntegerRange, Level, Node, Prediction, Random,
    RealRange, Role, mix,
};

/// A space without networks that answers the engine's calls, conditions included.
///
/// A fingerprint is a hash of the architecture decisions, path counts are one count per decision and value, a graph is
/// the chain of active decisions. It knows no costs, and has a predictor only [where it is given](ToySpace::predicting) one.
#[derive(Debug, Clone)]
pub struct ToySpace {
    /// The decisions, as a strategy sees them.
    pub decisions: Vec<Decision>,
    /// The mean that is predicted of a genotype, for every objective.
    predictor: Option<fn(&[f64]) -> f64>,
}

impl ToySpace {
    /// Architecture decisions that are always active, with this many options each.
    pub fn choices(options: &[u32]) -> Self {
        let decisions = options.iter().enumerate().map(|(index, &count)| Decision {
            path: format!("space.network[{index}].one_of"),
            domain: Domain::Choice((0..count).map(|option| format!("option {option}")).collect()),
            role: Role::Architecture,
            active_when: None,
            slot: None,
            block: None,
        });
        Self { decisions: decisions.collect(), predictor: None }
    }

    /// The same with a predictor, which knows from the start what it will ever know.
    #[must_use]
    pub fn predicting(self, predictor: fn(&[f64]) -> f64) -> Self {
        Self { predictor: Some(predictor), ..self }
    }

    /// One more decision.
    #[must_use]
    pub fn with(mut self, path: &str, domain: Domain, role: Role, active_when: Option<Condition>) -> Self {
        self.decisions.push(Decision { path: path.to_owned(), domain, role, active_when, slot: None, block: None });
        self
    }

    /// Whether a decision counts in a genotype.
    pub fn active(&self, genotype: &[f64], position: usize) -> bool {
        self.decisions[position].active_when.as_ref().is_none_or(|condition| {
            let earlier = condition.decision as usize;
            self.active(genotype, earlier) && condition.values.contains(&genotype[earlier])
        })
    }

    /// What is wrong with a genotype.
    ///
    /// # Errors
    /// The message names the decision and its value.
    pub fn check(&self, genotype: &[f64]) -> Result<(), String> {
        if genotype.len() != self.decisions.len() {
            return Err(format!("{} values for {} decisions", genotype.len(), self.decisions.len()));
        }
        for (position, (decision, &value)) in self.decisions.iter().zip(genotype).enumerate() {
            let active = self.active(genotype, position);
            if !(if active { contains(&decision.domain, value) } else { value == 0.0 }) {
                let kind = if active { "active" } else { "inactive" };
                return Err(format!("{value} is no value of the {kind} decision `{}`", decision.path));
            }
        }
        Ok(())
    }

    fn draw(&self, random: &mut Random) -> Genotype {
        let mut genotype = vec![0.0; self.decisions.len()];
        for position in 0..genotype.len() {
            if self.active(&genotype, position) {
                genotype[position] = draw(&self.decisions[position].domain, random);
            }
        }
        genotype
    }

    fn repaired(&self, mut genotype: Genotype, random: &mut Random) -> Genotype {
        for position in 0..genotype.len() {
            if !self.active(&genotype, position) {
                genotype[position] = 0.0;
            } else if !contains(&self.decisions[position].domain, genotype[position]) {
                genotype[position] = draw(&self.decisions[position].domain, random);
            }
        }
        genotype
    }

    fn changed(&self, parent: &[f64], random: &mut Random) -> Genotype {
        let several = |&position: &usize| {
            self.active(parent, position) && grid(&self.decisions[position].domain).is_none_or(|grid| grid.len() > 1)
        };
        let open: Vec<usize> = (0..parent.len()).filter(several).collect();
        let mut child = parent.to_vec();
        if let Some(&position) = random.pick(&open) {
            while child[position] == parent[position] {
                child[position] = draw(&self.decisions[position].domain, random);
            }
        }
        let before: Vec<bool> = (0..parent.len()).map(|position| self.active(parent, position)).collect();
        for position in 0..child.len() {
            let active = self.active(&child, position);
            if active && !before[position] {
                child[position] = draw(&self.decisions[position].domain, random);
            } else if !active {
                child[position] = 0.0;
            }
        }
        child
    }
}

impl Engine for ToySpace {
    fn log(&self, _: Level, _: &str) {}

    fn sample(&self, count: u32, seed: u64) -> Vec<Genotype> {
        let mut random = Random::new(seed);
        (0..count).map(|_| self.draw(&mut random)).collect()
    }

    fn mutate(&self, parents: &[Genotype], seed: u64) -> Vec<Genotype> {
        let mut random = Random::new(seed);
        parents.iter().map(|parent| self.changed(parent, &mut random)).collect()
    }

    fn repair(&self, genotypes: &[Genotype], seed: u64) -> Vec<Genotype> {
        let mut random = Random::new(seed);
        genotypes.iter().map(|genotype| self.repaired(genotype.clone(), &mut random)).collect()
    }

    fn neighbours(&self, of: &[Genotype]) -> Vec<Vec<Genotype>> {
        let around = |genotype: &Genotype| {
            let mut found = Vec::new();
            for position in (0..genotype.len()).filter(|&position| self.active(genotype, position)) {
                for value in grid(&self.decisions[position].domain).unwrap_or_default() {
                    if value != genotype[position] {
                        let mut next = genotype.clone();
                        next[position] = value;
                        found.push(self.repaired(next, &mut Random::new(0)));
                    }
                }
            }
            found
        };
        of.iter().map(around).collect()
    }

    fn members(&self, limit: u32) -> Option<Vec<Genotype>> {
        let mut found = vec![vec![0.0; self.decisions.len()]];
        for (position, decision) in self.decisions.iter().enumerate() {
            let values = grid(&decision.domain)?;
            let mut longer = Vec::new();
            for genotype in found {
                let active = self.active(&genotype, position);
                for &value in if active { values.as_slice() } else { &[0.0] } {
                    longer.push(genotype.clone());
                    longer.last_mut().expect("one was pushed")[position] = value;
                }
            }
            found = longer;
            if found.len() > limit as usize {
                return None;
            }
        }
        Some(found)
    }

    fn fingerprint(&self, of: &[Genotype]) -> Vec<u64> {
        let hash = |genotype: &Genotype| {
            let architecture =
                self.decisions.iter().zip(genotype).filter(|(decision, _)| decision.role == Role::Architecture);
            architecture.fold(1, |hash, (_, value)| mix(hash ^ value.to_bits()))
        };
        of.iter().map(hash).collect()
    }

    fn path_counts(&self, of: &[Genotype]) -> Vec<Vec<f32>> {
        let counts = |genotype: &Genotype| {
            let pairs = self.decisions.iter().zip(genotype);
            let one_hot = |(decision, value): (&Decision, &f64)| {
                grid(&decision.domain).unwrap_or_default().into_iter().map(|each| f32::from(each == *value)).collect()
            };
            pairs.flat_map(one_hot as fn(_) -> Vec<f32>).collect()
        };
        of.iter().map(counts).collect()
    }

    fn graph(&self, of: &[Genotype]) -> Vec<Architecture> {
        let chain = |genotype: &Genotype| {
            let active: Vec<usize> = (0..genotype.len()).filter(|&position| self.active(genotype, position)).collect();
            let node = |&position: &usize| Node { kind: position as u32, features: vec![genotype[position] as f32] };
            let nodes: Vec<Node> = active.iter().map(node).collect();
            let edges = (1..nodes.len() as u32).map(|to| (to - 1, to)).collect();
            Architecture { nodes, edges }
        };
        of.iter().map(chain).collect()
    }

    fn costs(&self, of: &[Genotype]) -> Vec<Vec<f64>> {
        vec![vec![f64::NAN]; of.len()]
    }

    fn predict(&self, of: &[Genotype], _: u32, _: &[Genotype]) -> Vec<Prediction> {
        let Some(predictor) = self.predictor else { return Vec::new() };
        of.iter().map(|genotype| Prediction { mean: predictor(genotype), deviation: 0.0 }).collect()
    }

    fn extrapolate(&self, _: &[u64], _: u32) -> Vec<Prediction> {
        Vec::new()
    }

    fn quality(&self, _: u32) -> Option<f64> {
        None
    }
}

/// All values of a domain that has few; none of a range of real numbers or a long one.
fn grid(domain: &Domain) -> Option<Vec<f64>> {
    match domain {
        Domain::Choice(options) => Some((0..options.len()).map(|option| option as f64).collect()),
        Domain::Levels(levels) => Some((0..levels.len()).map(|level| level as f64).collect()),
        Domain::Integer(IntegerRange { low, high, .. }) if high - low < 1000 => {
            Some((*low..=*high).map(|value| value as f64).collect())
        }
        Domain::Integer(_) | Domain::Real(_) => None,
    }
}

fn contains(domain: &Domain, value: f64) -> bool {
    match domain {
        Domain::Choice(options) => value.fract() == 0.0 && (0.0..options.len() as f64).contains(&value),
        Domain::Levels(levels) => value.fract() == 0.0 && (0.0..levels.len() as f64).contains(&value),
        Domain::Integer(IntegerRange { low, high, .. }) => {
            value.fract() == 0.0 && (*low as f64..=*high as f64).contains(&value)
        }
        Domain::Real(RealRange { low, high, .. }) => (*low..=*high).contains(&value),
    }
}

fn draw(domain: &Domain, random: &mut Random) -> f64 {
    match domain {
        Domain::Choice(options) => random.index(options.len()) as f64,
        Domain::Levels(levels) => random.index(levels.len()) as f64,
        Domain::Integer(IntegerRange { low, high, .. }) => (low + random.below((high - low + 1) as u64) as i64) as f64,
        Domain::Real(RealRange { low, high, log: false }) => low + (high - low) * random.unit(),
        Domain::Real(RealRange { low, high, log: true }) => {
            let (from, to) = (libm::log(*low), libm::log(*high));
            libm::exp(from + (to - from) * random.unit()).clamp(*low, *high)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn space() -> ToySpace {
        let when = |values: &[f64]| Some(Condition { decision: 0, values: values.to_vec() });
        ToySpace::choices(&[3, 1])
            .with(
                "integer",
                Domain::Integer(IntegerRange { low: 2, high: 5, log: false }),
                Role::Architecture,
                when(&[1.0]),
            )
            .with(
                "real",
                Domain::Real(RealRange { low: 0.001, high: 1.0, log: true }),
                Role::Training,
                when(&[0.0, 1.0]),
            )
    }

    #[test]
    fn all_that_is_drawn_is_valid() {
        let space = space();
        let sampled = space.sample(300, 1);
        for genotype in sampled.iter().chain(&space.mutate(&sampled, 2)).chain(&space.neighbours(&sampled[..3])[0]) {
            space.check(genotype).unwrap();
        }
        assert_eq!(sampled, space.sample(300, 1));
        assert_ne!(sampled, space.sample(300, 2));
        assert_eq!(space.repair(&sampled, 3), sampled);
        assert!(space.check(&[0.0, 0.0, 2.0, 0.5]).unwrap_err().contains("inactive decision `integer`"));
    }

    #[test]
    fn a_mutation_changes_one_decision() {
        let space = ToySpace::choices(&[3, 1, 4]);
        let parents = space.sample(100, 1);
        for (parent, child) in parents.iter().zip(space.mutate(&parents, 5)) {
            assert_eq!(parent.iter().zip(&child).filter(|(before, after)| before != after).count(), 1);
        }
    }

    #[test]
    fn members_are_counted_up_to_the_limit() {
        let space = ToySpace::choices(&[2, 3]);
        assert_eq!(space.members(6).unwrap().len(), 6);
        assert_eq!(space.members(5), None);
        assert_eq!(super::ToySpace { decisions: self::space().decisions, predictor: None }.members(1000), None);
    }
}
