//! Networks as tensors of libtorch.

mod initialize;
mod model;
mod operation;

pub use model::Model;
pub(crate) use model::bytes;
