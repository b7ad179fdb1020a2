use crate::{Context, Engine, Genotype, Role, mix};

/// Tells candidates apart: equal for genotypes that build the same network and train it by the same recipe.
#[derive(Debug, Clone)]
pub struct Identities {
    /// The positions of the training decisions, which a network's fingerprint leaves out.
    recipe: Vec<usize>,
}

impl Identities {
    /// For the candidates of this context.
    pub fn new(context: &Context) -> Self {
        Self { recipe: context.positions_of(Role::Training) }
    }

    /// A number for each genotype, in order.
    pub fn of(&self, genotypes: &[Genotype], engine: &dyn Engine) -> Vec<u64> {
        let networks = engine.fingerprint(genotypes);
        let identity = |(genotype, network): (&Genotype, u64)| {
            let hashed = |hash, &position: &usize| mix(hash ^ genotype[position].to_bits()).wrapping_add(1);
            self.recipe.iter().fold(network, hashed)
        };
        genotypes.iter().zip(networks).map(identity).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Search, ToySpace};
    use crate::{Domain, RealRange};

    #[test]
    fn network_and_recipe_make_a_candidate() {
        let rate = Domain::Real(RealRange { low: 0.001, high: 1.0, log: true });
        let space = ToySpace::choices(&[2]).with("rate", rate, Role::Training, None);
        let identities = Identities::new(&Search::new(&space, 1).context("{}"));
        let of = identities.of(&[vec![0.0, 0.5], vec![0.0, 0.25], vec![1.0, 0.5], vec![0.0, 0.5]], &space);
        assert_eq!(of[0], of[3]);
        assert!(of[0] != of[1] && of[0] != of[2] && of[1] != of[2]);
    }
}
