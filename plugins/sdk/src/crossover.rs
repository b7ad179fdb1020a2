use crate::{Decision, Genotype, Random};

/// A child of two valid genotypes: each decision that counts in it takes the value of one of the parents at random, of those in
/// which it counts (Syswerda, "Uniform crossover in genetic algorithms", ICGA 1989).
///
/// It is valid but for the experiment's hard requirements: [repair](crate::Engine::repair) it.
pub fn crossover(decisions: &[Decision], parents: [&[f64]; 2], random: &mut Random) -> Genotype {
    let counting = parents.map(|parent| active(decisions, parent));
    let mut counts = Vec::with_capacity(decisions.len());
    let mut child = Vec::with_capacity(decisions.len());
    for (position, decision) in decisions.iter().enumerate() {
        let counted = is_active(decision, &counts, &child);
        let drawn = random.index(2);
        let from = if counting[drawn][position] { drawn } else { 1 - drawn };
        counts.push(counted);
        child.push(if counted { parents[from][position] } else { 0.0 });
    }
    child
}

/// Which decisions count in a genotype.
fn active(decisions: &[Decision], genotype: &[f64]) -> Vec<bool> {
    let mut active = Vec::with_capacity(decisions.len());
    for decision in decisions {
        active.push(is_active(decision, &active, genotype));
    }
    active
}

/// Whether a decision counts, by the earlier ones.
fn is_active(decision: &Decision, active: &[bool], genotype: &[f64]) -> bool {
    decision.active_when.as_ref().is_none_or(|condition| {
        let earlier = condition.decision as usize;
        active[earlier] && condition.values.contains(&genotype[earlier])
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::ToySpace;
    use crate::{Condition, Domain, Engine, IntegerRange, Role};

    #[test]
    fn children_are_valid_and_take_from_both() {
        let when = |values: &[f64]| Some(Condition { decision: 0, values: values.to_vec() });
        let depth = Domain::Integer(IntegerRange { low: 3, high: 9, log: false });
        let space = ToySpace::choices(&[3, 9, 9, 9])
            .with("depth", depth.clone(), Role::Architecture, when(&[1.0]))
            .with("other", depth, Role::Architecture, when(&[1.0, 2.0]));
        let parents = space.sample(200, 1);
        let mut random = Random::new(2);
        let mut mixed = 0;
        for pair in parents.chunks(2) {
            let child = crossover(&space.decisions, [&pair[0], &pair[1]], &mut random);
            space.check(&child).unwrap();
            for position in 0..4 {
                assert!(pair.iter().any(|parent| parent[position] == child[position]));
            }
            mixed += u32::from(child != pair[0] && child != pair[1]);
        }
        assert!(mixed > 70, "{mixed} of 100");
    }
}
