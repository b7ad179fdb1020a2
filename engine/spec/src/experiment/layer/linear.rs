//! Linear layers.

use super::default::{no_activation, no_norm, yes};
use super::{ActivationKind, NormKind};
use schemars::JsonSchema;
use serde::Deserialize as Derive;

/// A linear layer: its features, `classes` for as many as there are classes, or all of its settings.
#[derive(Debug, Clone, PartialEq, Derive, JsonSchema)]
#[serde(untagged)]
pub enum LinearValue {
    /// The features alone.
    Features(Features),
    /// All settings.
    Full(Linear),
}

/// A number of features.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Derive, JsonSchema)]
#[serde(untagged)]
pub enum Features {
    /// So many.
    Count(#[schemars(range(min = 1, max = 100_000_000))] usize),
    /// As many as there are classes.
    Classes(ClassesWord),
}

/// The word `classes`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Derive, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ClassesWord {
    /// As many as there are classes.
    Classes,
}

/// A linear layer.
#[derive(Debug, Clone, PartialEq, Derive, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Linear {
    /// Output features, or `classes`.
    pub features: Features,
    /// Whether it has a bias.
    #[serde(default = "yes")]
    pub bias: bool,
    /// The norm.
    #[serde(default = "no_norm")]
    pub norm: NormKind,
    /// The activation.
    #[serde(default = "no_activation")]
    pub activation: ActivationKind,
}
