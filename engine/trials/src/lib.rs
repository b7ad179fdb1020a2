//! The trials of a run for the tools that people look at trials with: CSV, Parquet, TensorBoard, Optuna.
//!
//! [`Trials`] reads them from a run's record, each with the value of every decision; a function a format writes them.

mod error;
mod optuna;
mod parquet;
mod tensorboard;
#[cfg(test)]
mod testing;
mod trials;

pub use error::TrialsError;
pub use optuna::optuna;
pub use parquet::parquet;
pub use tensorboard::tensorboard;
pub use trials::{StepTrials, Trial, Trials, Value};
