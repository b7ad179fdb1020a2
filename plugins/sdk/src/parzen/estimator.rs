use super::axis::{Axis, Form};
use crate::{Decisions, Genotype, Random};

/// The [places](Decisions::places) of a genotype.
pub(super) type Places = Vec<Option<f64>>;

/// How likely candidates are, by those observed: the mean of a uniform distribution and of one kernel an observation.
///
/// A kernel is the product over all decisions that count in a candidate; one that does not count in the observation is as likely as
/// any other there. So every kernel is a distribution over the whole conditional space, and decisions that go together are drawn
/// together (multivariate, as in Falkner, Klein and Hutter, "BOHB", ICML 2018).
#[derive(Debug)]
pub(super) struct Estimator<'a> {
    axes: &'a [Axis],
    forms: Vec<Form>,
    centers: Vec<Places>,
    /// One list a kernel, by axis: the logarithm of what it sums to.
    sums: Vec<Vec<f64>>,
}

impl<'a> Estimator<'a> {
    pub(super) fn new(axes: &'a [Axis], centers: Vec<Places>) -> Self {
        let forms = axes.iter().map(|axis| Form::new(axis, centers.len(), axes.len())).collect();
        let mut estimator = Self { axes, forms, centers: Vec::with_capacity(centers.len()), sums: Vec::new() };
        centers.into_iter().for_each(|center| estimator.add(center));
        estimator
    }

    /// One more kernel, of the form that the others have.
    pub(super) fn add(&mut self, center: Places) {
        let sum = |(form, center): (&Form, &Option<f64>)| center.map_or(0.0, |center| form.sum(center));
        self.sums.push(self.forms.iter().zip(&center).map(sum).collect());
        self.centers.push(center);
    }

    /// The logarithm of how likely a candidate is.
    pub(super) fn density(&self, candidate: &Places) -> f64 {
        let counting: Vec<(usize, f64, f64)> = (candidate.iter().enumerate())
            .filter_map(|(axis, place)| place.map(|place| (axis, place, self.axes[axis].uniform_density())))
            .collect();
        let mut logs = vec![counting.iter().map(|(_, _, uniform)| uniform).sum::<f64>()];
        logs.extend(self.centers.iter().zip(&self.sums).map(|(center, sums)| {
            let one = |&(axis, place, uniform): &(usize, f64, f64)| match center[axis] {
                Some(center) => self.forms[axis].height(center, place) - sums[axis],
                None => uniform,
            };
            counting.iter().map(one).sum::<f64>()
        }));
        let largest = logs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let sum = logs.iter().map(|log| libm::exp(log - largest)).sum::<f64>();
        largest + libm::log(sum / logs.len() as f64)
    }

    /// A candidate, as likely as its density.
    pub(super) fn draw(&self, decisions: &Decisions, random: &mut Random) -> Genotype {
        let kernel = self.centers.get(random.index(self.centers.len() + 1));
        decisions.compose(|axis| {
            let place = match kernel.and_then(|center| center[axis]) {
                Some(center) => self.forms[axis].draw(center, random),
                None => self.axes[axis].uniform(random),
            };
            self.axes[axis].value(place)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::ToySpace;
    use crate::{Condition, Domain, Engine, Role};

    #[test]
    fn it_is_a_distribution_over_a_conditional_space() {
        let when = Some(Condition { decision: 0, values: vec![1.0] });
        let space = ToySpace::choices(&[3, 2]).with("levels", Domain::Levels(vec![1.0; 4]), Role::Training, when);
        let decisions = Decisions::new(&space.decisions);
        let axes: Vec<Axis> = space.decisions.iter().map(|decision| Axis::new(&decision.domain)).collect();
        let observed = [vec![1.0, 0.0, 3.0], vec![2.0, 1.0, 0.0]].map(|genotype| decisions.places(&genotype));
        let estimator = Estimator::new(&axes, observed.to_vec());
        let members = space.members(100).unwrap();
        let densities: Vec<f64> =
            members.iter().map(|member| libm::exp(estimator.density(&decisions.places(member)))).collect();
        assert_eq!(members.len(), 12);
        assert!((densities.iter().sum::<f64>() - 1.0).abs() < 1e-9);
        let mut random = Random::new(1);
        let mut counts = vec![0.0; members.len()];
        for _ in 0..20_000 {
            let drawn = estimator.draw(&decisions, &mut random);
            counts[members.iter().position(|member| *member == drawn).unwrap()] += 1.0 / 20_000.0;
        }
        assert!(densities.iter().zip(&counts).all(|(density, count)| (density - count).abs() < 0.015));
    }
}
