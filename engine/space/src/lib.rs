//! Decisions, genotypes and networks: what can be searched, and what a genotype builds.

mod network;

pub use network::{Network, Node, Op, Shape, TensorSpec};
