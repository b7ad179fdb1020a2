//! A comparison of strategies on tabular benchmarks: what runs on what, how often, and at which points it is looked at.

use crate::diagnostic::Problem;
use crate::experiment::{AnyValue, Budget, Predictor, forms};
use crate::tree::Node;
use crate::words::did_you_mean;
use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Strategies on tasks, each with many seeds.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Benchmark {
    /// The version of this format: 1.
    #[schemars(range(min = 1, max = 1))]
    pub version: u32,
    /// The name of the benchmark.
    #[schemars(extend("pattern" = forms::NAME))]
    pub name: String,
    /// What is searched, by name: experiments whose evaluator is a table.
    #[schemars(extend("minProperties" = 1, "propertyNames" = {"pattern": forms::NAME}))]
    pub tasks: IndexMap<String, BenchmarkTask>,
    /// Who searches, by name.
    #[schemars(extend("minProperties" = 1, "propertyNames" = {"pattern": forms::NAME}))]
    pub strategies: IndexMap<String, Contender>,
    /// How often each strategy searches each task; seeds are the numbers from `first_seed` on, the same for all.
    #[serde(default = "default_seeds")]
    #[schemars(range(min = 1, max = 100_000))]
    pub seeds: u32,
    /// The first seed.
    #[serde(default)]
    #[schemars(range(min = 0, max = 4_294_967_295_i64))]
    pub first_seed: u32,
    /// What a search may spend.
    pub budget: Budget,
    /// Where it is looked at what a search has found so far, rising: numbers of evaluations, repeated and failed ones included, or
    /// simulated seconds. The end, unless told.
    #[serde(default)]
    #[schemars(inner(range(min = 0.0)))]
    pub at: Vec<f64>,
    /// What `at` counts.
    #[serde(default)]
    pub by: Axis,
    /// Simulated workers.
    #[serde(default = "default_concurrency")]
    #[schemars(range(min = 1, max = 4096))]
    pub concurrency: u32,
    /// The strategy that all others are compared with, seed by seed.
    #[serde(default)]
    pub reference: Option<String>,
}

fn default_seeds() -> u32 {
    100
}

fn default_concurrency() -> u32 {
    1
}

/// What progress of a search is measured by.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Axis {
    /// Evaluations that have ended.
    #[default]
    Evaluations,
    /// Seconds of the virtual clock.
    Seconds,
}

/// A task.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BenchmarkTask {
    /// The experiment's file, relative to this one. Space, table and objectives count; its steps do not.
    pub experiment: String,
    /// Overrides of the experiment, as with `--set`: values by path, such as `evaluator.table.metrics.accuracy.column: c100_val`.
    #[serde(default)]
    #[schemars(with = "IndexMap<String, AnyValue>")]
    pub set: IndexMap<String, serde_json::Value>,
    /// What the regret is multiplied by: 100 makes percentage points of an accuracy.
    #[serde(default = "default_scale")]
    #[schemars(range(min = 1e-12, max = 1e12))]
    pub scale: f64,
}

fn default_scale() -> f64 {
    1.0
}

/// A strategy with its options.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Contender {
    /// The strategy; what the contender is called, unless told.
    #[serde(default)]
    pub strategy: Option<String>,
    /// Its options.
    #[serde(default)]
    #[schemars(with = "IndexMap<String, AnyValue>")]
    pub with: serde_json::Map<String, serde_json::Value>,
    /// What estimates candidates for it; the experiment's own, unless told.
    #[serde(default)]
    pub predictor: Option<Predictor>,
    /// Only on these tasks; on all, unless told.
    #[serde(default)]
    pub tasks: Vec<String>,
}

/// Names that nothing is called by, and points that do not rise.
pub(crate) fn problems(root: &Node) -> Vec<Problem> {
    let names = |key: &str| -> Vec<String> {
        root.get(key).map_or(Vec::new(), |map| map.entries().iter().map(|entry| entry.key.clone()).collect())
    };
    let (tasks, strategies) = (names("tasks"), names("strategies"));
    let unknown = |pointer: String, what: &str, name: &str, known: &[String]| {
        let known: Vec<&str> = known.iter().map(String::as_str).collect();
        let help = did_you_mean(name, &known).unwrap_or_else(|| format!("there are {}", known.join(", ")));
        Problem::error(pointer, "unknown-name", format!("there is no {what} `{name}`")).help(help)
    };
    let mut found = Vec::new();
    if let Some(reference) = root.get("reference").and_then(Node::as_str)
        && !strategies.iter().any(|name| name == reference)
    {
        found.push(unknown("/reference".into(), "strategy", reference, &strategies));
    }
    for entry in root.get("strategies").map_or(&[][..], Node::entries) {
        let listed = entry.value.get("tasks").map_or(&[][..], Node::items);
        for (place, task) in listed.iter().enumerate() {
            if let Some(task) = task.as_str().filter(|task| !tasks.iter().any(|name| name == task)) {
                let mut pointer = "/strategies".to_owned();
                crate::push_token(&mut pointer, &entry.key);
                found.push(unknown(format!("{pointer}/tasks/{place}"), "task", task, &tasks));
            }
        }
    }
    let at = root.get("at").map(Node::to_json).unwrap_or_default();
    let points: Vec<f64> = at.as_array().into_iter().flatten().filter_map(serde_json::Value::as_f64).collect();
    if let Some(place) = points.windows(2).position(|pair| pair[0] >= pair[1]) {
        let message = "points at which is looked must rise".to_owned();
        found.push(Problem::error(format!("/at/{}", place + 1), "not-rising", message).help("write them in order"));
    }
    found
}
