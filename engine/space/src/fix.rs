//! Decisions that a step holds at values of its own.

use crate::decision::{Decision, Domain, Genotype};
use crate::sample;
use serde_json::Value;

/// A decision held at a value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Fixed {
    /// The decision's index.
    pub decision: usize,
    /// Its value in a genotype.
    pub value: f64,
}

/// Why a decision cannot be held at a value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FixError {
    /// There is no decision of this name or path.
    #[error("there is no decision `{name}`")]
    Unknown {
        /// What was written.
        name: String,
        /// The names, and paths of decisions without one, that there are.
        known: Vec<String>,
    },
    /// It is none of the decision's values.
    #[error("`{name}` cannot be {value}")]
    Value {
        /// The decision.
        name: String,
        /// What was written.
        value: String,
        /// What it can be, in words.
        values: String,
    },
}

impl Fixed {
    /// The decisions of this name or path (a block used afresh has several), held at a value as the experiment writes it: an
    /// option, or a number of the range.
    ///
    /// # Errors
    /// There is no such decision, or it cannot hold the value.
    pub fn of(decisions: &[Decision], name: &str, value: &Value) -> Result<Vec<Fixed>, FixError> {
        let called = |decision: &Decision| decision.name.as_deref() == Some(name) || decision.path == name;
        let found: Vec<usize> = (0..decisions.len()).filter(|&index| called(&decisions[index])).collect();
        if found.is_empty() {
            let known = decisions.iter().map(|decision| decision.name.clone().unwrap_or_else(|| decision.path.clone()));
            return Err(FixError::Unknown { name: name.to_owned(), known: known.collect() });
        }
        let hold = |index: usize| {
            let domain = &decisions[index].domain;
            let held = in_genotype(domain, value).filter(|held| domain.contains(*held));
            held.map(|value| Fixed { decision: index, value }).ok_or_else(|| FixError::Value {
                name: name.to_owned(),
                value: value.to_string(),
                values: in_words(domain),
            })
        };
        found.into_iter().map(hold).collect()
    }
}

/// A full genotype with decisions held at other values; what becomes active by that holds its default.
pub fn fixed(decisions: &[Decision], genotype: &[f64], held: &[Fixed]) -> Genotype {
    let mut genotype = genotype.to_vec();
    for fixed in held {
        genotype[fixed.decision] = fixed.value;
    }
    for (index, decision) in decisions.iter().enumerate() {
        if sample::is_active(decisions, &genotype, index) && !decision.domain.contains(genotype[index]) {
            genotype[index] = decision.default;
        }
    }
    sample::clear_inactive(decisions, &mut genotype);
    genotype
}

fn in_genotype(domain: &Domain, value: &Value) -> Option<f64> {
    match domain {
        Domain::Choice(options) => {
            let text = match value {
                Value::String(text) => text.clone(),
                other => other.to_string(),
            };
            options.iter().position(|option| *option == text).map(|place| place as f64)
        }
        Domain::Levels(levels) => {
            let number = value.as_f64()?;
            levels.iter().position(|level| *level == number).map(|place| place as f64)
        }
        Domain::Integer { .. } | Domain::Real { .. } => value.as_f64(),
    }
}

fn in_words(domain: &Domain) -> String {
    match domain {
        Domain::Choice(options) => options.join(", "),
        Domain::Levels(levels) => levels.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
        Domain::Integer { low, high, .. } => format!("a whole number from {low} to {high}"),
        Domain::Real { low, high, .. } => format!("a number from {low} to {high}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Space;
    use serde_json::json;

    #[test]
    fn values_are_held_as_the_experiment_writes_them() {
        let section = json!({"values": {
            "width": {"one_of": [8, 16], "name": "width"},
            "kind": {"one_of": ["a", {"b": {"int": [3, 9]}}]},
        }});
        let (space, problems) = Space::compile(&section, "/space", None);
        let space = space.unwrap_or_else(|| panic!("{problems:?}"));
        let decisions = space.decisions();
        let of = |name: &str, value: Value| Fixed::of(decisions, name, &value);
        assert_eq!(of("width", json!(16)).unwrap(), [Fixed { decision: 0, value: 1.0 }]);
        assert!(matches!(of("width", json!(9)), Err(FixError::Value { values, .. }) if values == "8, 16"));
        assert!(matches!(of("wdith", json!(9)), Err(FixError::Unknown { known, .. }) if known[0] == "width"));
        let other = of(&decisions[1].path, json!("b")).unwrap();
        let genotype = fixed(decisions, &space.defaults(), &other);
        assert_eq!(genotype, [0.0, 1.0, decisions[2].default], "what becomes active holds its default");
    }
}
