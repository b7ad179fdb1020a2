//! Executes an experiment: the search loop, the virtual clock, workers, events, and going on where a run was left.

pub mod budget;
pub mod clock;
mod earlier;
mod error;
mod evaluation;
pub mod events;
mod execute;
mod export;
mod files;
mod gate;
mod measures;
pub mod outcome;
pub mod overhead;
mod part;
mod parts;
mod prepared;
mod results;
mod robustness;
pub mod score;
pub mod search;
mod search_step;
pub mod select;
pub mod services;
pub mod session;
mod summary;
mod table;
mod train;

pub use error::RunError;
pub use evaluation::{CURVES, Closed, Evaluations, Opened, Wanted};
pub use events::Event;
pub use execute::{Finished, execute};
pub use export::{Trained, write as write_exports};
pub use gate::{Required, required};
pub use prepared::{Material, Prepared, RunOptions, Source};
pub use summary::{Best, CandidateResult, Comparison, Spread, StepSummary, Summary, summary};
pub use table::TableEvaluator;
