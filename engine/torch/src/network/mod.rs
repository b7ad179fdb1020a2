//! Networks as tensors of libtorch.

mod initialize;
mod model;
mod operation;
mod plan;

pub use model::Model;
pub(crate) use model::bytes;
