//! Evaluators: who says how good a candidate is, and how the engine talks to training workers.
//!
//! A [`Pool`] evaluates jobs in processes: training workers, kept alive and spoken to by [`protocol`], or a program of the
//! user's, started once an evaluation ([`CommandJob`]). A [`Table`] answers in memory.

pub mod measure;
pub mod protocol;

mod command;
mod evaluator;
mod pool;
mod process;
mod table;
mod worker;

pub use command::{Ask, CommandJob, DigestError, command_digest, genotype_labels};
pub use evaluator::{Done, Evaluation, Failure, Job, Work};
pub use measure::{Measure, is_unrepeatable, measures_of, value_of};
pub use pool::{Pool, PoolEvent, PoolOptions};
pub use process::Program;
pub use table::{Draw, Row, Table, TableError};
pub use worker::{Worker, WorkerError};
