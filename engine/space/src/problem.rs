//! What is wrong with a space, and where.

/// A mistake at a place in the experiment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpaceProblem {
    /// The JSON pointer of the value.
    pub pointer: String,
    /// A short name of the rule, such as `range-order`.
    pub code: &'static str,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub help: Option<String>,
    /// Whether the space works nevertheless.
    pub warning: bool,
}
