//! Decisions, genotypes and networks: what can be searched, and what a genotype builds.

mod build;
mod canonical;
mod compile;
mod cost;
mod decision;
mod encode;
mod fix;
mod known;
mod label;
mod network;
mod problem;
mod sample;
mod space;
mod template;
mod view;

pub use canonical::{Fingerprint, canonical, fingerprint};
pub use cost::Costs;
pub use decision::{Condition, Decision, Domain, Genotype, Role, Slot};
pub use encode::{Column, Columns, Paths};
pub use fix::{FixError, Fixed, fixed};
pub use network::{Network, Node, Op, RecurrentKind, Shape, TensorSpec};
pub use problem::SpaceProblem;
pub use sample::is_active;
pub use space::{Built, Space};
pub use view::View;
