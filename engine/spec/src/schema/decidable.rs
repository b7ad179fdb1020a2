//! Below `space`: each value may be a decision in place of what it else is.

use super::{branches, name_of, reference, resolve};
use serde_json::{Map, Value, json};

/// The keys of which a decision has exactly one.
pub(crate) const FORMS: [&str; 4] = ["one_of", "int", "float", "from"];

/// The sections below `space` that may hold decisions: themselves, or only their values.
const SECTIONS: [(&str, bool); 4] = [("network", true), ("training", true), ("blocks", false), ("values", false)];

/// Rewrites what stands below `space`.
pub(super) fn rewrite(root: &mut Map<String, Value>) {
    let Some(Value::Object(definitions)) = root.remove("$defs") else { return };
    let mut rewriter = Rewriter { plain: &definitions, made: Map::new() };
    let mut space = definitions["SpaceSection"].clone();
    for (section, itself) in SECTIONS {
        let Some(property) = space["properties"].get_mut(section) else { continue };
        if itself {
            *property = rewriter.property(property);
        } else {
            let values = rewriter.property(&property["additionalProperties"]);
            property["additionalProperties"] = values;
        }
    }
    let made = rewriter.made;
    let mut all = definitions;
    all.insert("SpaceSection".into(), space);
    all.extend(shared());
    all.extend(made);
    root.insert("$defs".into(), all.into());
}

/// What all decisions have in common.
fn shared() -> impl Iterator<Item = (String, Value)> {
    let from = ("from", described("The name of a decision whose value stands here too.", text()));
    let times = (
        "times",
        json!({"description": "What the decision's value is multiplied by.", "type": "number", "default": 1}),
    );
    let plus = ("plus", json!({"description": "What is added, after `times`.", "type": "number", "default": 0}));
    let log = "Whether values are spread evenly in their logarithms.";
    [
        ("Decision", json!({"type": "object", "anyOf": FORMS.map(|form| json!({"required": [form]}))})),
        ("DecisionName", described("A name that `from` can refer to, and that results carry.", text())),
        ("DecisionLog", json!({"description": log, "type": "boolean", "default": false})),
        ("DecisionFrom", form_of("from", [from.clone()])),
        ("DecisionFromNumber", form_of("from", [from, times, plus])),
    ]
    .into_iter()
    .map(|(name, schema)| (name.to_owned(), schema))
}

struct Rewriter<'d> {
    plain: &'d Map<String, Value>,
    made: Map<String, Value>,
}

impl Rewriter<'_> {
    /// The schema of a place: its description and default, and what may stand there.
    fn property(&mut self, schema: &Value) -> Value {
        let mut place = Map::new();
        let mut value = schema.as_object().cloned().unwrap_or_default();
        for key in ["description", "default"] {
            if let Some(annotation) = value.remove(key) {
                place.insert(key.into(), annotation);
            }
        }
        let decided = self.decided(&value.into());
        place.extend(decided.as_object().cloned().unwrap_or_default());
        place.into()
    }

    /// A schema that takes a decision or what the given schema takes.
    fn decided(&mut self, schema: &Value) -> Value {
        if let Some(name) = schema.get("$ref").and_then(name_of) {
            let inner = self.definition(name);
            if self.nothing_to_decide(schema) {
                return inner;
            }
            return self.decision(&format!("Decided{name}"), schema, inner);
        }
        let inner = self.inside(schema.clone());
        self.decision(&name(&inner), schema, inner)
    }

    /// An empty mapping leaves nothing to decide.
    fn nothing_to_decide(&self, schema: &Value) -> bool {
        let schema = resolve(self.plain, schema);
        schema["type"] == "object" && schema["properties"].as_object().is_none_or(Map::is_empty)
    }

    /// The definition with decisions inside it; it replaces the one of the same name.
    fn definition(&mut self, name: &str) -> Value {
        if !self.made.contains_key(name) {
            // Holds the name while the definition is made, since it may refer to itself.
            self.made.insert(name.into(), Value::Null);
            let inner = self.inside(self.plain[name].clone());
            self.made.insert(name.into(), inner);
        }
        reference(name)
    }

    /// The same schema with decisions in place of what it holds.
    fn inside(&mut self, schema: Value) -> Value {
        let Value::Object(mut map) = schema else { return schema };
        if map.contains_key("if") {
            for key in ["then", "else"] {
                let branch = map[key].clone();
                map[key] = match branch.get("$ref").and_then(name_of) {
                    Some(name) => self.definition(name),
                    None => self.inside(branch),
                };
            }
            return map.into();
        }
        if let Some(items) = map.get("items").cloned() {
            map.insert("items".into(), self.property(&items));
        }
        if let Some(Value::Object(properties)) = map.get_mut("properties") {
            let names: Vec<String> = properties.keys().cloned().collect();
            assert!(
                !names.iter().any(|name| FORMS.contains(&name.as_str())),
                "a key of a decision below space: {names:?}"
            );
            for name in names {
                let property = properties[&name].clone();
                properties[&name] = self.property(&property);
            }
        }
        map.into()
    }

    /// Makes the definition that chooses between a decision and the value itself.
    fn decision(&mut self, name: &str, plain: &Value, inner: Value) -> Value {
        if self.made.contains_key(name) {
            return reference(name);
        }
        let this = reference(name);
        let numbers: Vec<Value> = branches(self.plain, plain)
            .into_iter()
            .filter(|b| b["type"] == "integer" || b["type"] == "number")
            .cloned()
            .collect();
        let anything = plain
            .as_object()
            .is_some_and(|map| !map.contains_key("type") && !map.contains_key("$ref") && !map.contains_key("if"))
            || plain.get("$ref").and_then(name_of) == Some("AnyValue");
        let number = numbers.first();
        let real = anything || number.is_some_and(|n| n["type"] == "number");
        let bound = |kind: &str| {
            let mut bound = Map::from_iter([("type".to_owned(), json!(kind))]);
            for key in ["minimum", "maximum"] {
                if let Some(limit) = number.and_then(|n| n.get(key)) {
                    bound.insert(key.into(), limit.clone());
                }
            }
            Value::from(bound)
        };
        let range = |form: &str, kind: &str| {
            let bounds = json!({
                "description": "The lowest and the highest value, both included.",
                "type": "array", "items": bound(kind), "minItems": 2, "maxItems": 2
            });
            let default = described(DEFAULT, bound(kind));
            form_of(
                form,
                [
                    (form, bounds),
                    ("log", reference("DecisionLog")),
                    ("default", default),
                    ("name", reference("DecisionName")),
                ],
            )
        };
        let options = json!({"description": "The options.", "type": "array", "items": this, "minItems": 1});
        let default = described(DEFAULT, this.clone());
        let options =
            form_of("one_of", [("one_of", options), ("default", default), ("name", reference("DecisionName"))]);
        let numeric = anything || number.is_some();
        let mut form = reference(if numeric { "DecisionFromNumber" } else { "DecisionFrom" });
        if real {
            form = when("float", range("float", "number"), form);
        }
        if numeric {
            form = when("int", range("int", "integer"), form);
        }
        form = when("one_of", options, form);
        self.made.insert(name.to_owned(), json!({"if": reference("Decision"), "then": form, "else": inner}));
        this
    }
}

const DEFAULT: &str = "The value where no search decides; else the first option, or the middle of the range.";

fn text() -> Value {
    json!({"type": "string", "minLength": 1})
}

fn described(description: &str, schema: Value) -> Value {
    let mut map = Map::from_iter([("description".to_owned(), json!(description))]);
    map.extend(schema.as_object().cloned().unwrap_or_default());
    map.into()
}

fn when(form: &str, then: Value, otherwise: Value) -> Value {
    json!({"if": {"required": [form]}, "then": then, "else": otherwise})
}

fn form_of<'k>(form: &str, properties: impl IntoIterator<Item = (&'k str, Value)>) -> Value {
    let properties: Map<String, Value> = properties.into_iter().map(|(key, schema)| (key.to_owned(), schema)).collect();
    json!({"type": "object", "properties": properties, "required": [form], "additionalProperties": false})
}

/// A name for the decidable form of a schema that has none: by all that tells it apart.
fn name(schema: &Value) -> String {
    let mut name = String::from("Decided");
    describe(schema, &mut name);
    name
}

fn describe(schema: &Value, name: &mut String) {
    match schema {
        Value::Object(map) => {
            let silent = ["description", "default", "enumDescriptions"];
            let mut entries: Vec<(&String, &Value)> =
                map.iter().filter(|(key, _)| !silent.contains(&key.as_str())).collect();
            // The lower limit before the upper one, in names as in prose.
            entries.sort_by_key(|(key, _)| (key.as_str() != "type", key.starts_with("max")));
            for (key, value) in entries {
                match key.as_str() {
                    "type" => {}
                    "minimum" | "minItems" => name.push_str("From"),
                    "maximum" | "maxItems" => name.push_str("To"),
                    "items" => name.push_str("Of"),
                    "$ref" => {
                        name.push_str(name_of(value).unwrap_or_default());
                        continue;
                    }
                    key => capitalized(key, name),
                }
                describe(value, name);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| describe(item, name)),
        Value::String(text) => capitalized(text, name),
        // The point and the sign of a number have no place in a name that stands in a reference.
        other => name.push_str(&other.to_string().replace('.', "_").replace('-', "Minus")),
    }
}

fn capitalized(text: &str, name: &mut String) {
    for part in text.split(|c: char| !c.is_ascii_alphanumeric()) {
        let mut characters = part.chars();
        name.extend(characters.next().map(|c| c.to_ascii_uppercase()));
        name.extend(characters);
    }
}
