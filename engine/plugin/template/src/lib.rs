//! A hill climber to start from. It mutates the best network so far, and sometimes draws a random one.

use pleach_sdk::{
    About, Answer, Context, Engine, Genotype, Ledger, Need, Outcome, Random, Score, Strategy, export_strategy,
};
use schemars::JsonSchema;
use serde::Deserialize;

/// What stands below `with:` in an experiment. Checked before a run, by the schema made from this type.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Options {
    /// How often a random network is drawn instead of a mutation.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub explore: f64,
}

impl Default for Options {
    fn default() -> Self {
        Self { explore: 0.1 }
    }
}

/// The running search. All randomness comes from the context's seed: the same run gives the same requests.
pub struct HillClimbing {
    options: Options,
    fidelity: f64,
    random: Random,
    /// Numbers the requests, and remembers the genotype of each in flight.
    ledger: Ledger<Genotype>,
    best: Option<(u64, Genotype, Score)>,
}

impl Strategy for HillClimbing {
    type Options = Options;

    const ABOUT: About = About {
        name: "hill-climbing",
        version: env!("CARGO_PKG_VERSION"),
        summary: "Climbs from the best network so far.",
        needs: &[Need::Train],
    };

    fn start(context: Context, options: Options, _: &dyn Engine) -> Result<Self, String> {
        let random = Random::stream(context.seed, "climb");
        Ok(Self { options, fidelity: context.highest_fidelity()?, random, ledger: Ledger::new(), best: None })
    }

    // One request at a time: the engine asks again while there is room.
    fn ask(&mut self, _room: u32, engine: &dyn Engine) -> Result<Answer, String> {
        let explore = self.random.chance(self.options.explore);
        let seed = self.random.draw();
        let (found, parents) = match &self.best {
            Some((id, genotype, _)) if !explore => (engine.mutate(std::slice::from_ref(genotype), seed), vec![*id]),
            _ => (engine.sample(1, seed), vec![]),
        };
        let genotype = found.into_iter().next().ok_or("the space gives no network")?;
        Ok(Answer::Requests(vec![self.ledger.train(genotype.clone(), self.fidelity, parents, genotype)]))
    }

    fn tell(&mut self, outcomes: Vec<Outcome>, _: &dyn Engine) -> Result<(), String> {
        for outcome in outcomes {
            let id = outcome.id;
            let genotype = self.ledger.settle(id)?;
            // A failure has no score. The smaller score is the better one.
            if let Some(score) = Score::of(outcome)
                && self.best.as_ref().is_none_or(|(_, _, best)| score < *best)
            {
                self.best = Some((id, genotype, score));
            }
        }
        Ok(())
    }

    fn recommend(&mut self, _: &dyn Engine) -> Vec<Genotype> {
        self.best.iter().map(|(_, genotype, _)| genotype.clone()).collect()
    }
}

export_strategy!(HillClimbing);

#[cfg(test)]
mod tests {
    use pleach_sdk::testing::{Search, ToySpace, measured};

    use super::*;

    /// Ten decisions with four options each; the loss counts those that are not the last one.
    #[test]
    fn it_climbs() {
        let space = ToySpace::choices(&[4; 10]);
        let loss = |genotype: &Genotype| genotype.iter().filter(|&&value| value != 3.0).count() as f64;
        for seed in 0..5 {
            let search = Search { budget: 300, ..Search::new(&space, seed) };
            let run = || search.run::<HillClimbing>("{}", |request| (1.0, measured(vec![loss(request.genotype())])));
            let history = run().unwrap();
            assert!(history.best() <= 1.0, "seed {seed}: {}", history.best());
            assert_eq!(history, run().unwrap(), "equal seeds must give equal searches");
        }
    }
}
