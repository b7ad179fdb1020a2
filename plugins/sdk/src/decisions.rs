use crate::{Decision, Domain, Genotype};

/// Which decisions count in a genotype, and how far two genotypes lie apart in them.
#[derive(Debug, Clone)]
pub struct Decisions {
    decisions: Vec<Decision>,
}

impl Decisions {
    /// Those of a context.
    pub fn new(decisions: &[Decision]) -> Self {
        Self { decisions: decisions.to_vec() }
    }

    /// Which decisions count.
    pub fn active(&self, genotype: &[f64]) -> Vec<bool> {
        let mut active: Vec<bool> = Vec::with_capacity(self.decisions.len());
        for decision in &self.decisions {
            active.push(counts(decision, &active, genotype));
        }
        active
    }

    /// A genotype whose active decisions, in order, hold what is given for their positions.
    pub fn compose(&self, mut value: impl FnMut(usize) -> f64) -> Genotype {
        let mut active: Vec<bool> = Vec::with_capacity(self.decisions.len());
        let mut genotype = Vec::with_capacity(self.decisions.len());
        for (position, decision) in self.decisions.iter().enumerate() {
            let counts = counts(decision, &active, &genotype);
            active.push(counts);
            genotype.push(if counts { value(position) } else { 0.0 });
        }
        genotype
    }

    /// Where each value lies along its domain: the option's index for a choice, 0 to 1 for levels and ranges (logarithmic ones by
    /// logarithm); none of decisions that do not count.
    pub fn places(&self, genotype: &Genotype) -> Vec<Option<f64>> {
        let values = self.decisions.iter().zip(genotype).zip(self.active(genotype));
        values.map(|((decision, &value), active)| active.then(|| place(&decision.domain, value))).collect()
    }

    /// How far [places](Decisions::places) lie apart on average: 1 for another option and where a decision counts in one alone, the
    /// distance along the domain for numbers; from 0 to 1.
    pub fn distance(&self, one: &[Option<f64>], two: &[Option<f64>]) -> f64 {
        let (mut sum, mut counted) = (0.0, 0_u32);
        for ((decision, one), two) in self.decisions.iter().zip(one).zip(two) {
            sum += match (one, two) {
                (None, None) => continue,
                (Some(one), Some(two)) => match decision.domain {
                    Domain::Choice(_) => f64::from(u8::from(one != two)),
                    _ => (one - two).abs(),
                },
                _ => 1.0,
            };
            counted += 1;
        }
        if counted == 0 { 0.0 } else { sum / f64::from(counted) }
    }
}

/// Whether a decision counts, by the earlier ones.
fn counts(decision: &Decision, active: &[bool], genotype: &[f64]) -> bool {
    decision.active_when.as_ref().is_none_or(|condition| {
        let earlier = condition.decision as usize;
        active[earlier] && condition.values.contains(&genotype[earlier])
    })
}

fn place(domain: &Domain, value: f64) -> f64 {
    let (low, high, log) = match domain {
        Domain::Choice(_) => return value,
        Domain::Levels(levels) => (0.0, (levels.len().max(2) - 1) as f64, false),
        Domain::Integer(range) => (range.low as f64, range.high as f64, range.log),
        Domain::Real(range) => (range.low, range.high, range.log),
    };
    let scale = |value: f64| if log { libm::log(value) } else { value };
    if high > low { (scale(value) - scale(low)) / (scale(high) - scale(low)) } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::ToySpace;
    use crate::{Condition, RealRange, Role};

    #[test]
    fn only_what_counts_makes_a_distance() {
        let rate = Domain::Real(RealRange { low: 0.001, high: 1.0, log: true });
        let when = Some(Condition { decision: 0, values: vec![1.0] });
        let space = ToySpace::choices(&[3, 1]).with("rate", rate, Role::Training, when);
        let decisions = Decisions::new(&space.decisions);
        let distance = |one: [f64; 3], two: [f64; 3]| {
            decisions.distance(&decisions.places(&one.to_vec()), &decisions.places(&two.to_vec()))
        };
        assert_eq!(decisions.active(&[0.0, 0.0, 0.0]), [true, true, false]);
        assert_eq!(decisions.compose(|position| [1.0, 0.0, 0.5][position]), [1.0, 0.0, 0.5]);
        assert_eq!(decisions.compose(|position| [2.0, 0.0, 0.5][position]), [2.0, 0.0, 0.0]);
        assert_eq!(distance([0.0, 0.0, 0.0], [2.0, 0.0, 0.0]), 1.0 / 2.0);
        assert_eq!(distance([0.0, 0.0, 0.0], [1.0, 0.0, 0.1]), 2.0 / 3.0);
        assert!((distance([1.0, 0.0, 0.1], [1.0, 0.0, 0.01]) - 1.0 / 9.0).abs() < 1e-12);
        assert_eq!(distance([1.0, 0.0, 0.1], [1.0, 0.0, 0.1]), 0.0);
    }
}
