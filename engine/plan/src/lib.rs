//! From an experiment to a graph of steps: everything that is wrong with it, what each step depends on, how much work it is at
//! most, and whether it has to run.
//!
//! [`prepare`] checks a document in full and answers with all diagnostics at once, and with a [`Prepared`] experiment where none
//! is an error. [`step_documents`] says what each step depends on; their keys tell whether a step must run, and
//! [`pleach_store::differences`] between two of them which value changed. [`Plan`] puts all of it together for people
//! ([`render`]). Nothing here runs a plugin or trains anything.

mod check;
mod estimate;
mod graph;
mod keys;
mod prepare;
mod prepared;
pub mod render;
mod status;
mod strategies;

pub use check::with_defaults;
pub use estimate::{Estimate, estimate};
pub use graph::StepGraph;
pub use keys::{
    Digests, DigestsError, SEARCH_SEMANTICS, digests, key_of, measures, normal_space, pointer_of, step_documents,
};
pub use prepare::{Surroundings, check_space, prepare};
pub use prepared::{Prepared, PreparedStep};
pub use status::{Change, Plan, PlannedStep, Recorded, RecordedStep, StepStatus, changes};
pub use strategies::{Listed, Strategies, StrategyError, StrategyFile};
