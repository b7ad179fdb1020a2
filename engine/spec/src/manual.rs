//! The reference of the YAML, written from the descriptions of the schema.

use crate::schema::{self, branches, name_of, resolve};
use serde_json::{Map, Value};
use std::fmt::Write;

/// The reference of the YAML as Markdown: a section for each kind of mapping, a row for each key.
pub fn reference() -> String {
    let schema = schema::generate();
    let mut manual =
        Manual { definitions: schema["$defs"].as_object().cloned().unwrap_or_default(), text: String::new() };
    manual.text.push_str(HEAD);
    manual.section("Experiment", &schema);
    let mut done: Vec<String> = Vec::new();
    let mut open = manual.linked(&schema);
    open.reverse();
    while let Some(name) = open.pop() {
        if done.contains(&name) {
            continue;
        }
        let definition = manual.definitions[&name].clone();
        manual.section(&title(&name), &definition);
        let mut next = manual.linked(&definition);
        next.reverse();
        open.extend(next);
        done.push(name);
    }
    manual.text
}

const HEAD: &str = "\
<!-- Generated from the types of the experiment; changes belong there. -->
# Reference of the YAML

An experiment is one YAML file, read as YAML 1.2. `pleach check FILE` shows every mistake with its line and column, and
editors show the same from `schemas/experiment.schema.json`. Keys without a default are marked **needed**. A choice between
kinds is a mapping with exactly one key.

## Decisions

In place of any value below `network`, `blocks`, `training` and `values` of a [space](#space-section), also inside each other:

| Form | Meaning |
|---|---|
| `{one_of: [A, B, …]}` | One of the options. |
| `{int: [LOW, HIGH]}` | A whole number, both ends included; with `log: true` spread evenly in its logarithm. |
| `{float: [LOW, HIGH]}` | A number, both ends included; with `log: true` spread evenly in its logarithm. |
| `{from: NAME, times: 2, plus: 1}` | The value of the decision of that name, multiplied by `times`, then `plus` added. |

The first three may have a `name` and a `default`: the value where no search decides. Without one it is the first option, or
the middle of the range. A decision inside an option counts only where that option is picked.
";

struct Manual {
    definitions: Map<String, Value>,
    text: String,
}

impl Manual {
    /// What stands in a place that may also hold a decision.
    fn plain<'s>(&'s self, schema: &'s Value) -> &'s Value {
        let Some(definition) = schema.get("$ref").and_then(name_of).and_then(|name| self.definitions.get(name)) else {
            return schema;
        };
        if definition["if"].get("$ref").is_some() { self.plain(&definition["else"]) } else { schema }
    }

    /// The name of the section that a place refers to, where its type has one.
    fn linked_name<'s>(&'s self, schema: &'s Value) -> Option<&'s str> {
        let name = self.plain(schema).get("$ref").and_then(name_of)?;
        let has_section = branches(&self.definitions, &self.definitions[name]).iter().any(|branch| {
            branch["properties"].as_object().is_some_and(|properties| !properties.is_empty())
                || described_words(branch).is_some()
                || branch.get("pattern").is_some()
        });
        has_section.then_some(name)
    }

    /// The names of all sections that a schema refers to, in the order written.
    fn linked(&self, schema: &Value) -> Vec<String> {
        let mut found = Vec::new();
        for branch in branches(&self.definitions, schema) {
            let properties = branch["properties"].as_object().into_iter().flatten().map(|(_, property)| property);
            for place in properties.chain(branch.get("items")).chain(branch.get("additionalProperties")) {
                let plain = self.plain(place);
                match self.linked_name(plain) {
                    Some(name) => found.push(name.to_owned()),
                    // A list or a choice without a name of its own.
                    None => found.extend(self.linked(resolve(&self.definitions, plain))),
                }
            }
        }
        found
    }

    fn section(&mut self, title: &str, schema: &Value) {
        let schema = resolve(&self.definitions, schema).clone();
        let mut text = format!("\n## {title}\n");
        if let Some(description) = schema["description"].as_str() {
            let _ = write!(text, "\n{}\n", prose(description));
        }
        for branch in branches(&self.definitions, &schema) {
            match branch["type"].as_str() {
                Some("string") => match (described_words(branch), branch["enum"].as_array()) {
                    (Some(words), _) => {
                        text.push_str("\n| Word | Meaning |\n|---|---|\n");
                        for (word, description) in words {
                            let _ = writeln!(text, "| `{word}` | {} |", cell(description));
                        }
                    }
                    (None, Some(words)) => {
                        let words: Vec<String> =
                            words.iter().filter_map(Value::as_str).map(|w| format!("`{w}`")).collect();
                        let _ = write!(text, "\nA word: {}.\n", words.join(", "));
                    }
                    (None, None) => text.push_str("\nWritten as a text.\n"),
                },
                Some("object") => self.keys(branch, &mut text),
                _ => {
                    let words = self.kind(branch);
                    let mut letters = words.chars();
                    let first: String = letters.next().map(|c| c.to_uppercase().collect()).unwrap_or_default();
                    let _ = write!(text, "\n{first}{}.\n", letters.as_str());
                }
            }
        }
        self.text.push_str(&text);
    }

    fn keys(&self, schema: &Value, text: &mut String) {
        let Some(properties) = schema["properties"].as_object().filter(|properties| !properties.is_empty()) else {
            return;
        };
        let one_key = schema["maxProperties"] == 1;
        text.push_str(if one_key {
            "\nExactly one key:\n\n| Key | Value | Meaning |\n|---|---|---|\n"
        } else {
            "\n| Key | Value | Default | Meaning |\n|---|---|---|---|\n"
        });
        let needed =
            |key: &str| schema["required"].as_array().is_some_and(|required| required.iter().any(|r| r == key));
        for (key, property) in properties {
            let value = self.kind(property);
            let description = property["description"].as_str().unwrap_or_default();
            if one_key {
                let _ = writeln!(text, "| `{key}` | {value} | {} |", cell(description));
                continue;
            }
            let default = match property.get("default") {
                Some(Value::Object(map)) if map.is_empty() => String::new(),
                Some(default) => format!("`{}`", yaml(default)),
                None if needed(key) => "**needed**".to_owned(),
                None => String::new(),
            };
            let _ = writeln!(text, "| `{key}` | {value} | {default} | {} |", cell(description));
        }
    }

    /// What a place takes, in words, with a link where more is to be said.
    fn kind(&self, schema: &Value) -> String {
        if let Some(name) = self.linked_name(schema) {
            let title = title(name);
            return format!("[{}](#{})", title.to_lowercase(), title.to_lowercase().replace(' ', "-"));
        }
        let plain = self.plain(schema);
        let mut kinds: Vec<String> =
            branches(&self.definitions, plain).into_iter().map(|branch| self.one_kind(branch)).collect();
        kinds.dedup();
        kinds.join(" or ")
    }

    fn one_kind(&self, schema: &Value) -> String {
        let range = |noun: &str, low: &Value, high: &Value| match (low, high) {
            (Value::Null, Value::Null) => noun.to_owned(),
            (low, high) if low == high => plain(low),
            (low, Value::Null) => format!("{noun} from {}", plain(low)),
            (Value::Null, high) => format!("{noun} to {}", plain(high)),
            (low, high) => format!("{noun} from {} to {}", plain(low), plain(high)),
        };
        match schema["type"].as_str() {
            Some("integer") => range("whole number", &schema["minimum"], &schema["maximum"]),
            Some("number") => range("number", &schema["minimum"], &schema["maximum"]),
            Some("boolean") => "true or false".into(),
            Some("string") => match schema["enum"].as_array() {
                Some(words) => {
                    words.iter().filter_map(Value::as_str).map(|w| format!("`{w}`")).collect::<Vec<_>>().join(", ")
                }
                None => "text".into(),
            },
            Some("array") => {
                let count = match (&schema["minItems"], &schema["maxItems"]) {
                    (low, high) if low == high && !low.is_null() => format!("list of {low}"),
                    (low, high) if high.is_null() || low.is_null() => "list".into(),
                    (low, high) => format!("list of {low} to {high}"),
                };
                format!("{count}: {}", self.kind(&schema["items"]))
            }
            Some("object") => match schema.get("additionalProperties") {
                Some(values @ Value::Object(_)) => format!("mapping of names to {}", self.kind(values)),
                Some(Value::Bool(false)) => "`{}`".into(),
                _ => "mapping".into(),
            },
            _ => "anything".into(),
        }
    }
}

/// The words of a text with their descriptions, where they have any.
fn described_words(schema: &Value) -> Option<Vec<(&str, &str)>> {
    let words = schema["enum"].as_array()?.iter().filter_map(Value::as_str);
    let descriptions = schema["enumDescriptions"].as_array()?.iter().filter_map(Value::as_str);
    let words: Vec<(&str, &str)> = words.zip(descriptions).collect();
    (words.len() > 1 && words.iter().any(|(_, description)| !description.is_empty())).then_some(words)
}

/// `SeparableConv` as `Separable conv`.
fn title(name: &str) -> String {
    let mut title = String::new();
    for (index, c) in name.chars().enumerate() {
        if c.is_uppercase() && index > 0 {
            title.push(' ');
            title.extend(c.to_lowercase());
        } else {
            title.push(c);
        }
    }
    title
}

/// Paragraphs, each on one line.
fn prose(description: &str) -> String {
    description.split("\n\n").map(|paragraph| paragraph.replace('\n', " ")).collect::<Vec<_>>().join("\n\n")
}

/// A text that fits a cell of a table.
fn cell(description: &str) -> String {
    description.replace('\n', " ").replace('|', "\\|")
}

/// A default as the YAML would have it.
fn yaml(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items) => format!("[{}]", items.iter().map(yaml).collect::<Vec<_>>().join(", ")),
        Value::Object(map) => {
            format!(
                "{{{}}}",
                map.iter().map(|(key, value)| format!("{key}: {}", yaml(value))).collect::<Vec<_>>().join(", ")
            )
        }
        number @ Value::Number(_) => plain(number),
        other => other.to_string(),
    }
}

/// A number without needless `.0`.
fn plain(number: &Value) -> String {
    match number.as_f64() {
        Some(value) if number.is_f64() && (value == 0.0 || value.abs() >= 1e-4) => value.to_string(),
        _ => number.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_link_leads_to_a_section() {
        let text = reference();
        let anchors: Vec<String> =
            text.lines().filter_map(|l| l.strip_prefix("## ")).map(|t| t.to_lowercase().replace(' ', "-")).collect();
        let links: Vec<&str> = text.split("](#").skip(1).filter_map(|rest| rest.split(')').next()).collect();
        assert!(links.len() > 50);
        for link in links {
            assert_eq!(anchors.iter().filter(|anchor| *anchor == link).count(), 1, "{link}");
        }
    }

    #[test]
    fn every_kind_of_mapping_has_a_section() {
        let text = reference();
        for name in ["Conv", "Separable conv", "Training", "Search", "Table", "Reference", "Requirement", "Metric"] {
            assert!(text.contains(&format!("\n## {name}\n")), "{name}");
        }
    }
}
