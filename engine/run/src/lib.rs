//! Executes an experiment: the search loop, the virtual clock, workers, events, and going on where a run was left.

pub mod budget;
pub mod clock;
mod error;
pub mod events;
pub mod outcome;
pub mod score;
pub mod search;
pub mod services;
pub mod session;

pub use error::RunError;
pub use events::Event;
