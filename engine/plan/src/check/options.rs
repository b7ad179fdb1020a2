//! A strategy's options, checked against the schema in its file without running it.

use super::listed;
use jsonschema::error::ValidationErrorKind;
use pleach_plugin::Manifest;
use pleach_spec::{Problem, push_token};
use serde_json::Value;

/// What the plugin's schema refuses; `pointer` is where the options stand.
pub(super) fn check(manifest: &Manifest, options: &Value, pointer: &str) -> Vec<Problem> {
    let strategy = &manifest.name;
    let validator = match jsonschema::validator_for(&manifest.options_schema) {
        Ok(validator) => validator,
        Err(error) => {
            let message = format!("strategy `{strategy}` has an invalid schema of its options: {error}");
            return vec![Problem::error(pointer, "unusable-strategy", message)];
        }
    };
    let mut problems = Vec::new();
    for error in validator.iter_errors(options) {
        let at = format!("{pointer}{}", error.instance_path());
        match error.kind() {
            ValidationErrorKind::AdditionalProperties { unexpected }
            | ValidationErrorKind::UnevaluatedProperties { unexpected } => {
                let known = properties(&manifest.options_schema);
                for name in unexpected {
                    let mut at = at.clone();
                    push_token(&mut at, name);
                    let message = format!("strategy `{strategy}` has no option `{name}`");
                    let help = match pleach_spec::suggest(name, known.iter().copied()) {
                        Some(likely) => format!("did you mean `{likely}`?"),
                        None if known.is_empty() => "it has no options".to_owned(),
                        None => format!("there are {}", listed(&known)),
                    };
                    problems.push(Problem::error(at, "unknown-option", message).at_key().help(help));
                }
            }
            _ => {
                let message = format!("strategy `{strategy}` refuses this: {error}");
                let help = format!("`pleach plugin inspect {strategy}` lists its options");
                problems.push(Problem::error(at, "refused-option", message).help(help));
            }
        }
    }
    problems
}

fn properties(schema: &Value) -> Vec<&str> {
    schema["properties"].as_object().into_iter().flat_map(|map| map.keys().map(String::as_str)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn manifest() -> Manifest {
        serde_json::from_value(json!({
            "name": "evolution", "version": "1.0.0", "summary": "Mutates.", "needs": ["train"],
            "options_schema": {
                "type": "object", "additionalProperties": false,
                "properties": {
                    "population": {"type": "integer", "minimum": 1, "default": 50},
                    "sample": {"type": "integer", "minimum": 1, "default": 10}
                }
            }
        }))
        .unwrap()
    }

    fn refused(options: Value) -> Vec<(String, String, Option<String>)> {
        let problems = check(&manifest(), &options, "/with");
        problems.into_iter().map(|problem| (problem.pointer, problem.message, problem.help)).collect()
    }

    #[test]
    fn the_schema_of_the_plugin_is_what_counts() {
        assert!(refused(json!({"population": 16})).is_empty());
        let found = refused(json!({"popluation": 16, "sample": 0}));
        assert_eq!(found.len(), 2, "{found:?}");
        let unknown = found.iter().find(|(pointer, ..)| pointer == "/with/popluation").unwrap();
        assert_eq!(unknown.2.as_deref(), Some("did you mean `population`?"));
        let low = found.iter().find(|(pointer, ..)| pointer == "/with/sample").unwrap();
        assert!(low.1.contains("less than the minimum of 1"), "{low:?}");
        assert!(refused(json!({"sample": "four"}))[0].1.contains("integer"));
    }
}
