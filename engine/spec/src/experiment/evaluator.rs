use indexmap::IndexMap;
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

/// A tabular benchmark: a CSV file whose rows are candidates.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Table {
    /// The CSV file with a header line, gzip or not, relative to the experiment's file.
    pub path: String,
    /// The column that holds one character a decision, in the order of the decisions.
    #[serde(default)]
    pub code: Option<TableCode>,
    /// The column of each decision, by the decision's name or path; its cells hold the option's label or the number.
    #[serde(default)]
    pub columns: IndexMap<String, Column>,
    /// The metrics, by name.
    #[schemars(extend("minProperties" = 1))]
    pub metrics: IndexMap<String, TableMetric>,
    /// The column with the seconds that an evaluation costs; without it each costs 1.
    #[serde(default)]
    pub cost: Option<String>,
}

/// The name of a column.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Column(pub String);

/// A column of codes, one character a decision.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TableCode {
    /// The column.
    pub column: String,
    /// The character of each option in order; `0123…` unless told.
    #[serde(default)]
    pub characters: Option<String>,
}

/// Where a metric's value stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TableMetric {
    /// The column.
    pub column: String,
    /// Multiplies each value, such as 0.01 for percent.
    #[serde(default = "one")]
    pub scale: f64,
}

fn one() -> f64 {
    1.0
}
