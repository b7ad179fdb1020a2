//! The rungs, their prices, and how many candidates a budget lets onto each.

use pleach_sdk::halved;

use crate::budget::{Amount, Budget};

/// More candidates than this begin no bracket.
const MOST: u64 = 1 << 32;

/// The rungs of a bracket.
#[derive(Debug, Clone)]
pub struct Ladder {
    /// Rising.
    pub fidelities: Vec<f64>,
    /// The best 1/`eta` of each rung go on.
    pub eta: u64,
    /// Whether what goes on keeps its weights, and pays the difference alone.
    pub resumes: bool,
}

impl Ladder {
    /// How many rungs there are.
    pub fn len(&self) -> usize {
        self.fidelities.len()
    }

    /// What one candidate pays for a rung, where full training costs it `unit`.
    pub fn price(&self, rung: usize, unit: f64) -> Amount {
        let fidelity = self.fidelities[rung];
        let below = if self.resumes && rung > 0 { self.fidelities[rung - 1] } else { 0.0 };
        let trainings = fidelity - below;
        Amount { requests: 1.0, trainings, cost: trainings * unit }
    }

    /// What candidates pay for the rungs after `rung`, so many at each of these.
    pub fn price_above(&self, rung: usize, sizes: &[u64], unit: f64) -> Amount {
        let prices = sizes.iter().enumerate().map(|(above, &size)| self.price(rung + 1 + above, unit).times(size));
        prices.fold(Amount::default(), Amount::plus)
    }

    /// The smallest number of candidates of which one reaches the top when each rung keeps its best 1/`eta`.
    pub fn pyramid(&self) -> u64 {
        (1..self.len()).fold(1, |count: u64, _| count.saturating_mul(self.eta))
    }

    /// The sizes of the rungs after `rung`, on which so many are measured of `size`.
    ///
    /// The best 1/`eta` go on from each, one at least. Where `generous`, what then remains of the budget lets more go on, at
    /// the highest rungs first.
    pub fn above(&self, rung: usize, size: u64, measured: u64, budget: &Budget, unit: f64, generous: bool) -> Vec<u64> {
        let mut sizes = halved(size, self.eta, self.len() - rung).split_off(1);
        let mut below = measured;
        for size in &mut sizes {
            *size = (*size).min(below);
            below = *size;
        }
        while generous && self.add(rung, measured, &mut sizes, budget, unit) {}
        sizes
    }

    /// Lets one more go on, at the highest rung where the budget and the rung below allow it.
    fn add(&self, rung: usize, measured: u64, sizes: &mut [u64], budget: &Budget, unit: f64) -> bool {
        for place in (0..sizes.len()).rev() {
            let below = if place == 0 { measured } else { sizes[place - 1] };
            if sizes[place] < below {
                sizes[place] += 1;
                if budget.allows(self.price_above(rung, sizes, unit)) {
                    return true;
                }
                sizes[place] -= 1;
            }
        }
        false
    }

    /// Whether a bracket of so many fits.
    pub fn fits(&self, size: u64, budget: &Budget, unit: f64) -> bool {
        let above = self.price_above(0, &halved(size, self.eta, self.len())[1..], unit);
        budget.allows(self.price(0, unit).times(size).plus(above))
    }

    /// How many candidates begin a bracket: as many as the budget lets in, at most `wanted`; 0 where none fits.
    pub fn first(&self, wanted: u64, budget: &Budget, unit: f64) -> u64 {
        let (mut fits, mut too_many) = (0, wanted.min(MOST) + 1);
        while too_many - fits > 1 {
            let middle = fits + (too_many - fits) / 2;
            if self.fits(middle, budget, unit) {
                fits = middle;
            } else {
                too_many = middle;
            }
        }
        fits
    }
}
