//! From what schemars writes to schemas that decide on the value's type.

use super::name_of;
use serde_json::{Map, Value, json};

/// Rewrites a schema with its definitions: no null, no `oneOf`, no `anyOf`, no formats of integers.
pub(super) fn rewrite(root: Value) -> Value {
    let definitions = root["$defs"].as_object().cloned().unwrap_or_default();
    Rewriter { definitions: &definitions }.schema(root)
}

struct Rewriter<'d> {
    definitions: &'d Map<String, Value>,
}

impl Rewriter<'_> {
    fn schema(&self, schema: Value) -> Value {
        let Value::Object(mut map) = schema else { return schema };
        map.remove("format");
        // What is left away is written as nothing, not as null, in defaults too.
        match map.get_mut("default") {
            Some(Value::Null) => {
                map.remove("default");
            }
            Some(Value::Object(default)) => default.retain(|_, value| !value.is_null()),
            _ => {}
        }
        if let Some(Value::Array(types)) = map.get("type") {
            let kept: Vec<Value> = types.iter().filter(|t| *t != "null").cloned().collect();
            if let [only] = kept.as_slice() {
                map.insert("type".into(), only.clone());
            }
        }
        if map.contains_key("oneOf") || map.contains_key("anyOf") {
            return self.choice(map);
        }
        if let Some(word) = map.remove("const") {
            map.insert("enum".into(), json!([word]));
        }
        for key in ["items", "additionalProperties"] {
            if let Some(inner) = map.get_mut(key) {
                *inner = self.schema(inner.take());
            }
        }
        for key in ["properties", "$defs"] {
            if let Some(Value::Object(inner)) = map.get_mut(key) {
                inner.values_mut().for_each(|value| *value = self.schema(value.take()));
            }
        }
        map.into()
    }

    /// A choice as decisions on the type, in the order text, list, mapping, whole number, number, true or false.
    fn choice(&self, mut map: Map<String, Value>) -> Value {
        let alternatives: Vec<Value> = ["oneOf", "anyOf"]
            .into_iter()
            .filter_map(|key| map.remove(key))
            .flat_map(|alternatives| alternatives.as_array().cloned().unwrap_or_default())
            .filter(|alternative| alternative["type"] != "null")
            .collect();
        let mut chosen = match <[Value; 1]>::try_from(alternatives) {
            Ok([only]) => self.schema(only),
            Err(alternatives) => {
                let mut branches = Branches::default();
                alternatives.into_iter().for_each(|alternative| self.collect(alternative, &mut branches));
                branches.chain()
            }
        };
        // What stands beside the choice, description and default, stays.
        if let Value::Object(chosen) = &mut chosen {
            chosen.extend(map);
        }
        chosen
    }

    fn collect(&self, alternative: Value, branches: &mut Branches) {
        let target = alternative.get("$ref").and_then(name_of).map(|name| &self.definitions[name]);
        let nested = target.unwrap_or(&alternative);
        if let Some(inner) = nested.get("oneOf").or_else(|| nested.get("anyOf")).and_then(Value::as_array) {
            return inner.clone().into_iter().for_each(|alternative| self.collect(alternative, branches));
        }
        let kind = nested["type"].as_str().expect("each alternative has one type").to_owned();
        let named = target.is_some();
        branches.add(&kind, self.schema(alternative), named);
    }
}

const ORDER: [&str; 6] = ["string", "array", "object", "integer", "number", "boolean"];

/// The alternatives of a choice by type.
#[derive(Default)]
struct Branches {
    found: Vec<(String, Value)>,
}

impl Branches {
    fn add(&mut self, kind: &str, schema: Value, named: bool) {
        let Some((_, present)) = self.found.iter_mut().find(|(other, _)| other == kind) else {
            let schema = if kind == "object" && !named { one_key(schema) } else { words(schema) };
            self.found.push((kind.to_owned(), schema));
            return;
        };
        match kind {
            "string" => {
                let new = words(schema);
                for key in ["enum", "enumDescriptions"] {
                    if let (Some(Value::Array(words)), Some(more)) = (present.get_mut(key), new[key].as_array()) {
                        words.extend(more.iter().cloned());
                    }
                }
            }
            "object" if !named => {
                let new = one_key(schema);
                if let (Some(Value::Object(properties)), Some(more)) =
                    (present.get_mut("properties"), new["properties"].as_object())
                {
                    properties.extend(more.clone());
                }
            }
            // Two alternatives of one type that are told apart by nothing: the types of the experiment have none.
            _ => panic!("two alternatives of type {kind} in one choice"),
        }
    }

    fn chain(mut self) -> Value {
        self.found.sort_by_key(|(kind, _)| ORDER.iter().position(|other| other == kind));
        let (_, last) = self.found.pop().expect("a choice has alternatives");
        self.found
            .into_iter()
            .rev()
            .fold(last, |rest, (kind, schema)| json!({"if": {"type": kind}, "then": schema, "else": rest}))
    }
}

/// A text schema whose words keep their descriptions.
fn words(schema: Value) -> Value {
    let Value::Object(mut map) = schema else { return schema };
    if let Some(count) = map.get("enum").and_then(Value::as_array).map(Vec::len) {
        let description = if count == 1 { map.remove("description") } else { None };
        let descriptions = description.map_or_else(|| vec![Value::from(""); count], |text| vec![text]);
        map.insert("enumDescriptions".into(), descriptions.into());
    }
    map.into()
}

/// A mapping with exactly one key, whose description moves to the key.
fn one_key(schema: Value) -> Value {
    let Value::Object(mut map) = schema else { return schema };
    let description = map.remove("description");
    let mut properties = map.remove("properties").and_then(|p| p.as_object().cloned()).unwrap_or_default();
    if let (Some(Value::Object(property)), Some(description)) = (properties.values_mut().next(), description) {
        property.shift_insert(0, "description".into(), description);
    }
    json!({
        "type": "object", "properties": properties, "minProperties": 1, "maxProperties": 1, "additionalProperties": false
    })
}
