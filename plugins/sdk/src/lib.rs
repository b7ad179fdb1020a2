//! Write a search strategy as one struct.
//!
//! A strategy is a plugin that sees decisions and numbers: it [asks](Strategy::ask) for trainings of genotypes and is
//! [told](Strategy::tell) how they came out. All that needs knowledge of networks (sampling, mutation, fingerprints,
//! predictions) is a call to the [`Engine`]. The contract behind both is `plugins/wit/strategy.wit`.
//!
//! ```
//! use pleach_sdk::{About, Answer, Context, Engine, Ledger, Need, Outcome, Random, Strategy};
//!
//! /// Takes no options.
//! #[derive(serde::Deserialize, schemars::JsonSchema)]
//! #[serde(deny_unknown_fields)]
//! struct Options {}
//!
//! struct Blind {
//!     fidelity: f64,
//!     random: Random,
//!     ledger: Ledger<()>,
//! }
//!
//! impl Strategy for Blind {
//!     type Options = Options;
//!     const ABOUT: About = About { name: "blind", version: "0.1.0", summary: "Draws at random.", needs: &[Need::Train] };
//!
//!     fn start(context: Context, _: Options, _: &dyn Engine) -> Result<Self, String> {
//!         let random = Random::stream(context.seed, "sample");
//!         Ok(Self { fidelity: context.highest_fidelity()?, random, ledger: Ledger::new() })
//!     }
//!
//!     fn ask(&mut self, room: u32, engine: &dyn Engine) -> Result<Answer, String> {
//!         let genotypes = engine.sample(room, self.random.draw());
//!         let train = |genotype| self.ledger.train(genotype, self.fidelity, vec![], ());
//!         Ok(Answer::Requests(genotypes.into_iter().map(train).collect()))
//!     }
//!
//!     fn tell(&mut self, outcomes: Vec<Outcome>, _: &dyn Engine) -> Result<(), String> {
//!         outcomes.iter().try_for_each(|outcome| self.ledger.settle(outcome.id))
//!     }
//! }
//!
//! pleach_sdk::export_strategy!(Blind);
//! ```
//!
//! The same struct is tested natively with the toy space of [`testing`]; compiled for `wasm32-unknown-unknown` the macro
//! makes it the component's exports. A strategy must be a pure function of its seed and of what it was told: take
//! randomness from [`Random`] alone, and never iterate over a `HashMap` (its order follows memory addresses): use a
//! `BTreeMap`.

#[doc(hidden)]
pub mod bindings;
mod cholesky;
mod context;
mod crossover;
mod decisions;
mod engine;
mod export;
mod identities;
mod ledger;
mod normal;
mod pareto;
mod parzen;
mod random;
mod rungs;
mod sampler;
mod score;
mod select;
mod strategy;
pub mod testing;

pub use bindings::exports::pleach::strategy::strategy::{Answer, Context, Known, Task};
pub use bindings::pleach::strategy::engine::{Architecture, Level, Node, Prediction};
pub use bindings::pleach::strategy::space::{
    Condition, Decision, Domain, Genotype, IntegerRange, RealRange, Role, Slot,
};
pub use bindings::pleach::strategy::trial::{
    Failure, Job, Measurement, Origin, Outcome, Reason, Request, SharedScoring, SharedTraining, Sharing, Training,
};
pub use cholesky::{Cholesky, dot};
pub use crossover::crossover;
pub use decisions::Decisions;
pub use engine::Engine;
#[doc(hidden)]
pub use export::glue;
pub use identities::Identities;
pub use ledger::Ledger;
pub use normal::{expected_improvement, normal_below, normal_density, normal_quantile, normal_scores};
pub use pareto::{crowding, fronts};
pub use parzen::{Parzen, Ranked};
pub use pleach_random::mix;
pub use random::Random;
pub use rungs::{halved, rungs};
pub use sampler::Sampler;
pub use score::{Score, rank};
pub use select::tournament;
pub use strategy::{About, Need, Strategy};
