//! What a search may spend, and what one more candidate at a rung takes of it.

use pleach_sdk::Context;

/// Sums of shares such as 0.1 miss whole numbers by rounding; the engine allows for the same.
const ROUNDING: f64 = 1e-9;

/// Requests, full-training equivalents, virtual cost.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Amount {
    pub requests: f64,
    pub trainings: f64,
    pub cost: f64,
}

impl Amount {
    fn each(self, other: Self, combine: impl Fn(f64, f64) -> f64) -> Self {
        Self {
            requests: combine(self.requests, other.requests),
            trainings: combine(self.trainings, other.trainings),
            cost: combine(self.cost, other.cost),
        }
    }

    pub fn plus(self, other: Self) -> Self {
        self.each(other, |one, two| one + two)
    }

    /// So many of it; none of something is nothing, also where it is without limit.
    pub fn times(self, count: u64) -> Self {
        let count = count as f64;
        Self { requests: self.requests * count, trainings: self.trainings * count, cost: self.cost * count }
    }

    fn fits(self, limit: Self) -> bool {
        self.requests <= limit.requests && self.trainings <= limit.trainings && self.cost <= limit.cost
    }
}

/// A budget and what was spent of it.
#[derive(Debug, Clone)]
pub struct Budget {
    limit: Amount,
    spent: Amount,
}

impl Budget {
    /// What the context allows.
    pub fn new(context: &Context) -> Self {
        let limit = Amount {
            requests: context.budget.map_or(f64::INFINITY, |requests| requests as f64),
            trainings: context.budget_trainings.map_or(f64::INFINITY, |trainings| trainings * (1.0 + ROUNDING)),
            cost: context.budget_cost.map_or(f64::INFINITY, |cost| cost * (1.0 + ROUNDING)),
        };
        Self { limit, spent: Amount::default() }
    }

    /// Whether there is any limit.
    pub fn is_limited(&self) -> bool {
        !(self.limit.requests == f64::INFINITY && self.limit.trainings == f64::INFINITY && !self.limits_cost())
    }

    /// Whether what counts is a cost, which is known only of what was told.
    pub fn limits_cost(&self) -> bool {
        self.limit.cost < f64::INFINITY
    }

    /// Takes this much.
    pub fn spend(&mut self, amount: Amount) {
        self.spent = self.spent.plus(amount);
    }

    /// Whether so much more can be spent.
    pub fn allows(&self, amount: Amount) -> bool {
        self.spent.plus(amount).fits(self.limit)
    }
}
