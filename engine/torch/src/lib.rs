//! The training worker: networks on libtorch.
//!
//! It answers the requests of [`pleach_evaluate::protocol`]: it trains networks from their typed graph, writes trained ones as
//! TorchScript, measures them, and measures how fast training is. The only crate that links libtorch; the engine runs its program.
//!
//! **One request gives the same bits**, in any process on one machine, interrupted or not: initialization, order of examples
//! and augmentation come from generators of our own, seeded by purpose, epoch and batch; libtorch's generator, used for
//! dropout, is seeded anew for each batch; the number of threads is part of the recipe. On a GPU libtorch's deterministic
//! kernels are chosen; where an operation has none, it warns.

mod attack;
mod benchmark;
mod data;
mod device;
mod failure;
mod measure;
mod native;
mod network;
mod optimizer;
pub mod torchscript;
mod training;
mod worker;

pub use device::{DeviceChoice, device_name};
pub use failure::Failure;
pub use native::{cpu_capability, libtorch_version};
pub use network::Model;
pub use optimizer::Optimizer;
pub use worker::{Health, Worker};

/// Rises whenever a training gives other bits than before; results of trainings are kept by it.
pub const TRAINING_SEMANTICS: u32 = 1;
