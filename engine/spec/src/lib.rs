//! The YAML of an experiment: text, spanned tree, schema, typed experiment, diagnostics.

pub mod experiment;

pub use experiment::*;
