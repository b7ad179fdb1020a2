//! The JSON Schemas (draft 2020-12), made from the types of the experiment.
//!
//! schemars writes a choice as `oneOf` or `anyOf`, whose failure tells an editor nothing; a mechanical rewriting
//! turns it into decisions on the value's type, in which every mistake has one place ([`plain`]). Below `space`, where any
//! value may be decided, each schema is then given the forms of a decision beside its own ([`decidable`]).

mod decidable;
mod plain;

use crate::experiment::Experiment;
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;
use std::sync::LazyLock;

pub(crate) use decidable::FORMS;

/// What schemas of the specification are called, relative to the repository.
const FILES: [&str; 2] = ["experiment.schema.json", "space.schema.json"];

static EXPERIMENT: LazyLock<Value> = LazyLock::new(generate);
static SPACE: LazyLock<Value> = LazyLock::new(|| {
    let Value::Object(experiment) = experiment() else { unreachable!("the schema of a struct is an object") };
    let definitions = &experiment["$defs"];
    let mut root = definitions["SpaceSection"].as_object().cloned().unwrap_or_default();
    root.shift_insert(0, "$schema".into(), experiment["$schema"].clone());
    root.shift_insert(1, "title".into(), "A search space of Pleach".into());
    root.insert("$defs".into(), definitions.clone());
    prune(root)
});

/// The schema of an experiment.
pub fn experiment() -> &'static Value {
    &EXPERIMENT
}

/// The schema of a space in a file of its own.
pub fn space() -> &'static Value {
    &SPACE
}

/// The schemas as files: name and text.
pub fn schemas() -> Vec<(&'static str, String)> {
    FILES
        .into_iter()
        .zip([experiment(), space()])
        .map(|(name, schema)| (name, serde_json::to_string_pretty(schema).expect("a JSON value has a text") + "\n"))
        .collect()
}

fn generate() -> Value {
    let generated = schemars::schema_for!(Experiment).to_value();
    let Value::Object(mut root) = plain::rewrite(generated) else {
        unreachable!("the schema of a struct is an object")
    };
    root.insert("title".into(), "An experiment of Pleach".into());
    decidable::rewrite(&mut root);
    prune(root)
}

/// The root without the definitions that it does not reach.
fn prune(mut root: Map<String, Value>) -> Value {
    let Some(Value::Object(definitions)) = root.remove("$defs") else { return root.into() };
    let mut reached = BTreeSet::new();
    let mut open = Vec::new();
    root.values().for_each(|value| references(value, &mut open));
    while let Some(name) = open.pop() {
        if let Some(definition) = definitions.get(&name)
            && reached.insert(name)
        {
            references(definition, &mut open);
        }
    }
    let kept: Map<String, Value> = definitions.into_iter().filter(|(name, _)| reached.contains(name)).collect();
    root.insert("$defs".into(), kept.into());
    root.into()
}

/// The names of all definitions that a schema refers to directly.
fn references(schema: &Value, found: &mut Vec<String>) {
    match schema {
        Value::Object(map) => {
            if let Some(name) = map.get("$ref").and_then(name_of) {
                found.push(name.to_owned());
            }
            map.values().for_each(|value| references(value, found));
        }
        Value::Array(items) => items.iter().for_each(|value| references(value, found)),
        _ => {}
    }
}

/// The definition's name in the value of `$ref`.
fn name_of(reference: &Value) -> Option<&str> {
    reference.as_str()?.strip_prefix("#/$defs/")
}

/// A reference to a definition.
fn reference(name: &str) -> Value {
    json!({ "$ref": format!("#/$defs/{name}") })
}

/// The schema that a schema refers to, or itself.
pub(crate) fn resolve<'s>(definitions: &'s Map<String, Value>, mut schema: &'s Value) -> &'s Value {
    // No definition is a reference to itself alone, so that this ends; the bound keeps it from hanging if one ever is.
    for _ in 0..16 {
        match schema.get("$ref").and_then(name_of).and_then(|name| definitions.get(name)) {
            Some(definition) => schema = definition,
            None => break,
        }
    }
    schema
}

/// The branches of a schema that decides on the value's type, or the schema alone.
pub(crate) fn branches<'s>(definitions: &'s Map<String, Value>, schema: &'s Value) -> Vec<&'s Value> {
    let mut found = Vec::new();
    let mut rest = resolve(definitions, schema);
    while rest["if"].get("type").is_some() {
        found.push(resolve(definitions, &rest["then"]));
        rest = resolve(definitions, &rest["else"]);
    }
    found.push(rest);
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schemas_are_valid_and_closed() {
        fn walk(schema: &Value, path: &str) {
            match schema {
                Value::Object(map) => {
                    assert!(!map.contains_key("oneOf"), "{path}");
                    if map.get("type") == Some(&json!("object")) && map.contains_key("properties") {
                        assert_eq!(map.get("additionalProperties"), Some(&json!(false)), "{path}");
                    }
                    if path != "/$defs/Decision" {
                        assert!(!map.contains_key("anyOf"), "{path}");
                    }
                    map.iter()
                        .filter(|(key, _)| *key != "default")
                        .for_each(|(key, v)| walk(v, &format!("{path}/{key}")));
                }
                Value::Array(items) => items.iter().enumerate().for_each(|(i, v)| walk(v, &format!("{path}/{i}"))),
                _ => {}
            }
        }
        for schema in [experiment(), space()] {
            walk(schema, "");
            jsonschema::meta::validate(schema).unwrap();
            let mut found = Vec::new();
            references(schema, &mut found);
            assert!(found.iter().all(|name| schema["$defs"].get(name).is_some()));
        }
    }

    #[test]
    fn every_key_is_described() {
        for schema in [experiment(), space()] {
            let definitions = schema["$defs"].as_object().unwrap();
            let all = definitions.iter().map(|(name, s)| (name.as_str(), s)).chain([("", schema)]);
            for (name, definition) in all {
                for branch in branches(definitions, definition) {
                    for (key, property) in branch["properties"].as_object().into_iter().flatten() {
                        assert!(property["description"].is_string(), "{name}: {key}");
                    }
                }
            }
        }
    }

    #[test]
    fn the_files_are_the_same_each_time() {
        assert_eq!(generate(), generate());
        assert_eq!(schemas().len(), 2);
    }
}
