//! Random search: networks drawn uniformly, decision by decision.
//!
//! The baseline that a search must beat: Li and Talwalkar, "Random search and reproducibility for neural architecture
//! search", UAI 2019.

use pleach_sdk::{About, Answer, Context, Engine, Ledger, Need, Outcome, Sampler, Strategy, export_strategy};
use schemars::JsonSchema;
use serde::Deserialize;

/// What stands below `with:`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Options {
    /// Draw no network twice (with the same training recipe); the search ends when nothing new is found.
    #[serde(default = "yes")]
    pub distinct: bool,
}

fn yes() -> bool {
    true
}

/// The running search.
#[derive(Debug)]
pub struct RandomSearch {
    fidelity: f64,
    sampler: Sampler,
    budget: u64,
    ledger: Ledger<()>,
}

impl Strategy for RandomSearch {
    type Options = Options;

    const ABOUT: About = About {
        name: "random",
        version: env!("CARGO_PKG_VERSION"),
        summary: "Draws networks uniformly at random (Li and Talwalkar 2019): the baseline for every search.",
        needs: &[Need::Train],
    };

    fn start(context: Context, options: Options, _: &dyn Engine) -> Result<Self, String> {
        let sampler = Sampler::new(&context);
        Ok(Self {
            fidelity: context.highest_fidelity()?,
            sampler: if options.distinct { sampler } else { sampler.with_repetitions() },
            budget: context.budget.unwrap_or(u64::MAX),
            ledger: Ledger::new(),
        })
    }

    fn ask(&mut self, room: u32, engine: &dyn Engine) -> Result<Answer, String> {
        let mut requests = Vec::new();
        while requests.len() < room as usize {
            let Some(genotype) = self.sampler.next(self.budget - self.ledger.asked(), engine) else { break };
            requests.push(self.ledger.train(genotype, self.fidelity, Vec::new(), ()));
        }
        match requests.is_empty() {
            false => Ok(Answer::Requests(requests)),
            true if self.ledger.asked() == 0 => {
                Err("the space gives no network that keeps to its requirements".to_owned())
            }
            true => Ok(Answer::Finished),
        }
    }

    fn tell(&mut self, outcomes: Vec<Outcome>, _: &dyn Engine) -> Result<(), String> {
        outcomes.iter().try_for_each(|outcome| self.ledger.settle(outcome.id))
    }
}

export_strategy!(RandomSearch);

#[cfg(test)]
mod tests {
    use pleach_sdk::testing::{History, Search, ToySpace, failed, measured, options_schema};
    use pleach_sdk::{Domain, Genotype, RealRange, Role};

    use super::*;

    fn run(space: &ToySpace, seed: u64, budget: u64, options: &str) -> History {
        let search = Search { budget, ..Search::new(space, seed) };
        search.run::<RandomSearch>(options, |request| (1.0, measured(vec![request.genotype()[0]]))).unwrap()
    }

    fn genotypes(history: &History) -> Vec<&Genotype> {
        history.trials.iter().map(|trial| trial.request.genotype()).collect()
    }

    #[test]
    fn every_network_comes_once_and_then_the_search_ends() {
        let history = run(&ToySpace::choices(&[5, 4, 3]), 1, 1000, "{}");
        let mut all = genotypes(&history);
        all.sort_by(|one, two| one.partial_cmp(two).unwrap());
        all.dedup();
        assert_eq!((history.trials.len(), all.len()), (60, 60));
    }

    #[test]
    fn networks_may_come_again_where_they_need_not_be_distinct() {
        let history = run(&ToySpace::choices(&[2, 2]), 1, 200, r#"{"distinct": false}"#);
        assert_eq!(history.trials.len(), 200);
        let zeros = genotypes(&history).iter().filter(|genotype| genotype[0] == 0.0).count();
        assert!((70..130).contains(&zeros), "{zeros} of 200 draws between two options");
    }

    #[test]
    fn the_same_network_with_another_recipe_is_new() {
        let rate = Domain::Real(RealRange { low: 0.001, high: 1.0, log: true });
        let space = ToySpace::choices(&[2]).with("rate", rate, Role::Training, None);
        assert_eq!(run(&space, 1, 50, "{}").trials.len(), 50);
    }

    #[test]
    fn the_seed_alone_decides() {
        let space = ToySpace::choices(&[4; 8]);
        assert_eq!(run(&space, 1, 100, "{}"), run(&space, 1, 100, "{}"));
        assert_ne!(genotypes(&run(&space, 1, 100, "{}")), genotypes(&run(&space, 2, 100, "{}")));
        let failing = Search::new(&space, 1).run::<RandomSearch>("{}", |_| (1.0, failed())).unwrap();
        assert_eq!(genotypes(&failing), genotypes(&run(&space, 1, 100, "{}")));
    }

    #[test]
    fn it_trains_at_the_last_fidelity() {
        let space = ToySpace::choices(&[4; 8]);
        let search = Search { fidelities: vec![0.125, 0.25], budget: 5, ..Search::new(&space, 1) };
        search
            .run::<RandomSearch>("{}", |request| {
                assert!(matches!(&request.job, pleach_sdk::Job::Train(training) if training.fidelity == 0.25));
                (1.0, measured(vec![0.0]))
            })
            .unwrap();
    }

    #[test]
    fn options_are_described_with_their_defaults() {
        let schema = options_schema::<RandomSearch>();
        assert_eq!(schema["properties"]["distinct"]["default"], true);
        assert_eq!(schema["additionalProperties"], false);
        assert!(
            Search::new(&ToySpace::choices(&[2]), 0).run::<RandomSearch>(r#"{"sead": 1}"#, |_| unreachable!()).is_err()
        );
    }
}
