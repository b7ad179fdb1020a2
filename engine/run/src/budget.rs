//! What a search may spend; charged at the ask, by what is asked.

use pleach_spec::Budget;

/// Sums of shares such as 0.1 miss whole numbers by rounding.
const ROUNDING: f64 = 1e-9;

/// A budget and what was spent of it.
#[derive(Debug, Clone)]
pub struct Spending {
    trials: u64,
    trainings: f64,
    cost: f64,
    asked: u64,
    spent_trainings: f64,
    spent_cost: f64,
}

impl Spending {
    /// Nothing spent yet.
    pub fn new(budget: &Budget) -> Self {
        let mut spending = Self {
            trials: u64::MAX,
            trainings: f64::INFINITY,
            cost: f64::INFINITY,
            asked: 0,
            spent_trainings: 0.0,
            spent_cost: 0.0,
        };
        match *budget {
            Budget::Trials(trials) => spending.trials = trials,
            Budget::Trainings(trainings) => spending.trainings = trainings,
            Budget::Flops(flops) => spending.cost = flops,
            Budget::SimulatedHours(hours) => spending.cost = hours * 3600.0,
        }
        spending
    }

    /// The number of requests that may be made, as the contract has it.
    pub fn trials(&self) -> Option<u64> {
        (self.trials != u64::MAX).then_some(self.trials)
    }

    /// The full-training equivalents, as the contract has it.
    pub fn trainings(&self) -> Option<f64> {
        self.trainings.is_finite().then_some(self.trainings)
    }

    /// The virtual cost, as the contract has it.
    pub fn cost(&self) -> Option<f64> {
        self.cost.is_finite().then_some(self.cost)
    }

    /// How many more requests there may be, at most so many.
    pub fn room(&self, at_most: u32) -> u32 {
        self.trials.saturating_sub(self.asked).min(u64::from(at_most)) as u32
    }

    /// Charges a request, unless it would exceed the budget.
    pub fn charge(&mut self, fidelity: f64, cost: f64) -> bool {
        let within = |spent: f64, more: f64, limit: f64| spent + more <= limit * (1.0 + ROUNDING);
        let fits = self.asked < self.trials
            && within(self.spent_trainings, fidelity, self.trainings)
            && within(self.spent_cost, cost, self.cost);
        if fits {
            self.asked += 1;
            self.spent_trainings += fidelity;
            self.spent_cost += cost;
        }
        fits
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(budget: &Budget, fidelity: f64, cost: f64) -> u32 {
        let mut spending = Spending::new(budget);
        (0..).take_while(|_| spending.charge(fidelity, cost)).count() as u32
    }

    #[test]
    fn what_would_exceed_it_is_not_asked() {
        assert_eq!(asked(&Budget::Trials(40), 0.25, 1e9), 40);
        assert_eq!(asked(&Budget::Trainings(1.0), 0.1, 1e9), 10);
        assert_eq!(asked(&Budget::Trainings(1.05), 0.1, 1e9), 10);
        assert_eq!(asked(&Budget::Flops(1e9), 1.0, 3e8), 3);
        assert_eq!(asked(&Budget::SimulatedHours(2.0), 1.0, 1800.0), 4);
        let spending = Spending::new(&Budget::Trials(3));
        assert_eq!((spending.room(8), spending.room(2), spending.trials(), spending.cost()), (3, 2, Some(3), None));
    }
}
