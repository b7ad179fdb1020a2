//! The tree-structured Parzen estimator: a few candidates at random, then those that are likely among the best told so far and
//! unlikely among the others.
//!
//! Bergstra, Bardenet, Bengio and Kégl, "Algorithms for hyper-parameter optimization", NeurIPS 2011; what it draws is described in
//! [`Parzen`].

use pleach_sdk::{
    About, Answer, Context, Engine, Genotype, Ledger, Need, Outcome, Parzen, Ranked, Sampler, Score, Strategy,
    export_strategy,
};
use schemars::JsonSchema;
use serde::Deserialize;

/// What stands below `with:`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Options {
    /// Candidates are drawn at random until so many were told.
    #[schemars(range(min = 1, max = 100_000))]
    pub startup: u32,
    /// The best part of all told counts as good.
    #[schemars(range(min = 0.001, max = 0.999))]
    pub good: f64,
    /// No more than so many count as good.
    #[schemars(range(min = 1, max = 1000))]
    pub most_good: u32,
    /// So many are drawn for each place; the one that is most likely to be good takes it.
    #[schemars(range(min = 1, max = 1000))]
    pub candidates: u32,
}

impl Default for Options {
    fn default() -> Self {
        Self { startup: 10, good: 0.2, most_good: 25, candidates: 64 }
    }
}

/// The running search.
#[derive(Debug)]
pub struct Tpe {
    fidelity: f64,
    budget: u64,
    startup: usize,
    sampler: Sampler,
    parzen: Parzen,
    told: Ranked,
    ledger: Ledger<Genotype>,
}

impl Strategy for Tpe {
    type Options = Options;

    const ABOUT: About = About {
        name: "tpe",
        version: env!("CARGO_PKG_VERSION"),
        summary: "Draws what is likely among the best and unlikely among the others (Bergstra et al. 2011).",
        needs: &[Need::Train],
    };

    fn start(context: Context, options: Options, _: &dyn Engine) -> Result<Self, String> {
        Ok(Self {
            fidelity: context.highest_fidelity()?,
            budget: context.budget.unwrap_or(u64::MAX),
            startup: options.startup as usize,
            sampler: Sampler::new(&context),
            parzen: Parzen::new(&context, options.good, options.most_good, options.candidates),
            told: Ranked::default(),
            ledger: Ledger::new(),
        })
    }

    fn ask(&mut self, room: u32, engine: &dyn Engine) -> Result<Answer, String> {
        let wanted = u64::from(room).min(self.budget - self.ledger.asked());
        let genotypes = if self.told.len() < self.startup || self.told.measured() == 0 {
            let next = |left| self.sampler.next(wanted - left, engine);
            (0..wanted).map_while(next).collect()
        } else {
            let in_flight = self.ledger.notes();
            self.parzen.propose(&self.told, in_flight, wanted as usize, &mut self.sampler, engine)
        };
        if genotypes.is_empty() {
            return match self.ledger.asked() {
                0 => Err("the space gives no network that keeps to its requirements".to_owned()),
                _ => Ok(Answer::Finished),
            };
        }
        let train = |genotype: Genotype| self.ledger.train(genotype.clone(), self.fidelity, Vec::new(), genotype);
        Ok(Answer::Requests(genotypes.into_iter().map(train).collect()))
    }

    fn tell(&mut self, outcomes: Vec<Outcome>, _: &dyn Engine) -> Result<(), String> {
        for outcome in outcomes {
            let genotype = self.ledger.settle(outcome.id)?;
            self.told.insert(self.parzen.decisions(), &genotype, Score::of(outcome));
        }
        Ok(())
    }
}

export_strategy!(Tpe);

#[cfg(test)]
mod tests;
