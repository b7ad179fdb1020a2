//! Networks as tensors of libtorch.

mod initialize;
mod model;
mod operation;
mod plan;
mod sequence;

pub use model::Model;
pub(crate) use model::bytes;
