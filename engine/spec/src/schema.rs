//! The JSON Schemas (draft 2020-12), made from the types of the experiment.
//!
//! schemars writes a choice as `oneOf` or `anyOf`, whose failure tells an editor nothing; a mechanical rewriting
//! turns it into decisions on the value's type, in which every mistake has one place ([`plain`]). Below `space`, where any
//! value may be decided, each schema is then given the forms of a decision beside its own ([`decidable`]).

mod decidable;
mod plain;

use crate::benchmark::Benchmark;
use crate::experiment::Experiment;
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;
use std::sync::LazyLock;

pub(crate) use decidable::FORMS;

// At run time the schemas are read from the files that were generated, which takes a tenth of the time of generating them
// in a development build (2 against 15 ms); tests check that the files are fresh.
static EXPERIMENT: LazyLock<Value> = LazyLock::new(|| parse(include_str!("../../../schemas/experiment.schema.json")));
static TABLE: LazyLock<Value> = LazyLock::new(|| parse(include_str!("../../../schemas/table.schema.json")));
static BENCHMARK: LazyLock<Value> = LazyLock::new(|| parse(include_str!("../../../schemas/benchmark.schema.json")));
static SPACE: LazyLock<Value> = LazyLock::new(|| parse(include_str!("../../../schemas/space.schema.json")));

fn parse(text: &str) -> Value {
    serde_json::from_str(text).expect("the generated schemas are JSON")
}

/// The schema of an experiment.
pub fn experiment() -> &'static Value {
    &EXPERIMENT
}

/// The schema of a space in a file of its own.
pub fn space() -> &'static Value {
    &SPACE
}

/// The schema of a table's description in a file of its own.
pub fn table() -> &'static Value {
    &TABLE
}

/// The schema of a benchmark.
pub fn benchmark() -> &'static Value {
    &BENCHMARK
}

/// Generates the schemas from the types, as files of `schemas/`: name and text.
pub fn schemas() -> Vec<(&'static str, String)> {
    let experiment = generate();
    let space = part_of(&experiment, "SpaceSection", "A search space of Pleach");
    let table = part_of(&experiment, "Table", "A tabular benchmark of Pleach");
    let Value::Object(mut benchmark) = plain::rewrite(schemars::schema_for!(Benchmark).to_value()) else {
        unreachable!("the schema of a struct is an object")
    };
    benchmark.insert("title".into(), "A benchmark of Pleach".into());
    [
        ("experiment.schema.json", experiment),
        ("space.schema.json", space),
        ("table.schema.json", table),
        ("benchmark.schema.json", tidy(prune(benchmark))),
    ]
    .into_iter()
    .map(|(name, schema)| {
        let mut text = String::new();
        write_json(&schema, 0, &mut text);
        (name, text + "\n")
    })
    .collect()
}

/// JSON in which what fits a line stands on one.
fn write_json(value: &Value, indent: usize, text: &mut String) {
    const WIDTH: usize = 120;
    let compact = value.to_string();
    let inner: Vec<(Option<&String>, &Value)> = match value {
        Value::Object(map) => map.iter().map(|(key, value)| (Some(key), value)).collect(),
        Value::Array(items) => items.iter().map(|value| (None, value)).collect(),
        _ => Vec::new(),
    };
    if inner.is_empty() || indent + compact.chars().count() <= WIDTH {
        return text.push_str(&compact);
    }
    let (open, close) = if value.is_object() { ('{', '}') } else { ('[', ']') };
    text.push(open);
    for (index, (key, value)) in inner.into_iter().enumerate() {
        text.push_str(if index == 0 { "\n" } else { ",\n" });
        text.extend(std::iter::repeat_n(' ', indent + 2));
        if let Some(key) = key {
            text.push_str(&format!("{}: ", Value::from(key.as_str())));
        }
        write_json(value, indent + 2, text);
    }
    text.push('\n');
    text.extend(std::iter::repeat_n(' ', indent));
    text.push(close);
}

/// The schema of a part of an experiment that may lie in a file of its own.
fn part_of(experiment: &Value, definition: &str, title: &str) -> Value {
    let definitions = &experiment["$defs"];
    let mut root = definitions[definition].as_object().cloned().unwrap_or_default();
    root.shift_insert(0, "$schema".into(), experiment["$schema"].clone());
    root.shift_insert(1, "title".into(), title.into());
    root.insert("$defs".into(), definitions.clone());
    tidy(prune(root))
}

pub(crate) fn generate() -> Value {
    let generated = schemars::schema_for!(Experiment).to_value();
    let Value::Object(mut root) = plain::rewrite(generated) else {
        unreachable!("the schema of a struct is an object")
    };
    root.insert("title".into(), "An experiment of Pleach".into());
    decidable::rewrite(&mut root);
    tidy(prune(root))
}

/// The same with the keys of each schema in one order: what it is, what it takes, what it holds.
fn tidy(schema: Value) -> Value {
    #[rustfmt::skip]
    const ORDER: [&str; 17] = [
        "$schema", "title", "description", "default", "type", "$ref", "if", "then", "else", "enum", "minimum", "maximum",
        "minLength", "minItems", "maxItems", "minProperties", "maxProperties",
    ];
    const NAMED: [&str; 2] = ["properties", "$defs"];
    let Value::Object(map) = schema else { return schema };
    let mut entries: Vec<(String, Value)> = map
        .into_iter()
        .map(|(key, value)| {
            let value = match value {
                Value::Object(inner) if NAMED.contains(&key.as_str()) => {
                    inner.into_iter().map(|(name, schema)| (name, tidy(schema))).collect::<Map<_, _>>().into()
                }
                value if key == "default" => value,
                value => tidy(value),
            };
            (key, value)
        })
        .collect();
    let rank = |key: &str| match ORDER.iter().position(|other| *other == key) {
        Some(rank) => rank,
        // Definitions come last, all else in the order of the alphabet between them.
        None => ORDER.len() + usize::from(key == "$defs"),
    };
    entries.sort_by(|(a, _), (b, _)| (rank(a), a).cmp(&(rank(b), b)));
    entries.into_iter().collect::<Map<_, _>>().into()
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
pub(crate) fn name_of(reference: &Value) -> Option<&str> {
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
        for schema in [experiment(), space(), table()] {
            walk(schema, "");
            jsonschema::meta::validate(schema).unwrap();
            let mut found = Vec::new();
            references(schema, &mut found);
            assert!(found.iter().all(|name| schema["$defs"].get(name).is_some()));
        }
    }

    #[test]
    fn every_key_is_described() {
        for schema in [experiment(), space(), table()] {
            let definitions = schema["$defs"].as_object().unwrap();
            let all = definitions.iter().map(|(name, s)| (name.as_str(), s)).chain([("", schema)]);
            for (name, definition) in all {
                for branch in branches(definitions, definition) {
                    for (key, property) in branch["properties"].as_object().into_iter().flatten() {
                        let described = [property, resolve(definitions, property)];
                        assert!(described.iter().any(|p| p["description"].is_string()), "{name}: {key}");
                    }
                }
            }
        }
    }

    #[test]
    fn only_what_stands_below_space_is_decided() {
        let mut plain = experiment().as_object().unwrap().clone();
        plain["properties"].as_object_mut().unwrap().remove("space");
        // A network written by hand may be copied from a space: its decisions hold their defaults.
        let train = plain["$defs"]["Train"]["properties"].as_object_mut().unwrap();
        assert!(train.remove("network").is_some() && train.remove("training").is_some());
        let plain = prune(plain);
        let names: Vec<&String> = plain["$defs"].as_object().unwrap().keys().collect();
        assert!(names.iter().any(|name| *name == "Step"));
        assert!(!names.iter().any(|name| name.starts_with("Deci") && *name != "Decide"), "{names:?}");
    }
}
