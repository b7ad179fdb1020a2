use super::Table;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Who says how good a candidate is.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[expect(clippy::large_enum_variant, reason = "an experiment has one")]
pub enum Evaluator {
    /// Trains the network in libtorch worker processes.
    #[default]
    Libtorch,
    /// A program of yours: it gets a candidate as JSON on its standard input and answers with metrics as JSON.
    Command(Command),
    /// A table of published or recorded results.
    Table(Table),
}

/// The program and its arguments; a path is relative to the experiment's file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Command(#[schemars(length(min = 1))] pub Vec<String>);
