//! A network as an experiment without decisions.

#[cfg(test)]
mod tests;
mod writer;

use crate::ExportError;
use serde_json::{Map, Value, json};
pub use writer::yaml_text;

/// The parts of an experiment in which everything is decided.
#[derive(Debug, Clone, Copy)]
pub struct FixedExperiment<'a> {
    /// The name, as the experiment's `name`.
    pub name: &'a str,
    /// Lines about where the network comes from, for the comment at the top.
    pub origin: &'a [String],
    /// What was measured, for the comment at the top.
    pub metrics: &'a [(String, f64)],
    /// The seed of the run.
    pub seed: u64,
    /// The section `data`, where there is one.
    pub data: Option<&'a Value>,
    /// The resolved space: a mapping of `network`, `blocks`, `training` and so on, without decisions.
    pub space: &'a Value,
    /// The shape of one input and the number of classes, where the space does not state them itself.
    pub input: Option<(&'a [usize], usize)>,
    /// The section `objectives`.
    pub objectives: &'a Value,
    /// The section `evaluator`, where it is not the default.
    pub evaluator: Option<&'a Value>,
}

/// The experiment as YAML: it trains the network once, by the one step `train`.
///
/// Keys keep their order, and numbers read back the same, also in readers of YAML 1.1.
///
/// # Errors
/// [`ExportError::Experiment`] where the space is no mapping or the objectives are no list.
pub fn experiment_yaml(experiment: &FixedExperiment<'_>) -> Result<String, ExportError> {
    let Value::Object(given) = experiment.space else {
        return Err(ExportError::Experiment { field: "space", expected: "a mapping" });
    };
    if !experiment.objectives.is_array() {
        return Err(ExportError::Experiment { field: "objectives", expected: "a list" });
    }
    let mut space = Map::new();
    if let Some((shape, classes)) = experiment.input {
        space.insert("input".into(), json!(shape));
        space.insert("classes".into(), json!(classes));
    }
    space.extend(given.clone());

    let mut sections = Map::new();
    sections.insert("version".into(), json!(1));
    sections.insert("name".into(), json!(experiment.name));
    sections.insert("seed".into(), json!(experiment.seed));
    sections.extend(experiment.data.map(|data| ("data".into(), data.clone())));
    sections.insert("space".into(), Value::Object(space));
    sections.insert("objectives".into(), experiment.objectives.clone());
    sections.extend(experiment.evaluator.map(|evaluator| ("evaluator".into(), evaluator.clone())));
    sections.insert("steps".into(), json!({"train": {"train": {"repeats": 1}}}));

    let mut text = String::new();
    let mut comment = |line: &str| {
        let line = line.replace(char::is_control, " ");
        text.push_str(format!("# {line}").trim_end());
        text.push('\n');
    };
    comment(&format!("{}: a network without decisions, found by Pleach", experiment.name));
    experiment.origin.iter().for_each(|line| comment(line));
    for (metric, value) in experiment.metrics {
        comment(&format!("{metric}: {value}"));
    }
    text.push('\n');
    text.push_str(&yaml_text(&Value::Object(sections)));
    Ok(text)
}
