//! The reference of the YAML in Markdown, made from the schema's own descriptions.

use serde_json::{Map, Value};
use std::fmt::Write;

/// The reference of all that an experiment can hold; `schemas` are the generated ones, the experiment's first.
pub fn markdown(schemas: &[(&str, String)]) -> String {
    let experiment = schemas.first().map(|(_, text)| serde_json::from_str(text)).and_then(Result::ok);
    let schema: Value = experiment.unwrap_or_default();
    let writer = Writer { definitions: schema["$defs"].as_object().cloned().unwrap_or_default() };
    let mut out = String::from(
        "# Reference of the YAML\n\n\
         Generated from the schema by `pleach schema --reference`. A key without a default has to be given where it is marked \
         as required, and is without effect where it is left out. Below `space`, where the type says *decidable*, a \
         [decision](#decisions) can stand in place of the value.\n\n\
         ## Experiment\n\n",
    );
    writer.section(&schema, &mut out);
    out.push_str(DECISIONS);
    for (name, definition) in &writer.definitions {
        if is_of_users(name) {
            let _ = write!(out, "## {name}\n\n");
            writer.section(definition, &mut out);
        }
    }
    out.truncate(out.trim_end().len());
    out.push('\n');
    out
}

const DECISIONS: &str = "\
## Decisions

In place of any value below `space`:

| form | decides |
|---|---|
| `{one_of: [A, B, …]}` | one of the options, which may hold decisions of their own |
| `{int: [low, high]}` | a whole number, both ends included |
| `{float: [low, high]}` | a real number |
| `{from: NAME}` | nothing: the value of the decision of that name; `times` and the like compute from it |

Beside these keys: `name`, which `from` and tables refer to; `default`, the value where no search decides (else the first
option, or the middle of the range); `log: true`, for ranges whose steps are even in the logarithm.

";

/// The definitions that are forms of a decision have their own section.
fn is_of_users(name: &str) -> bool {
    !name.starts_with("Decided") && !name.starts_with("Decision")
}

struct Writer {
    definitions: Map<String, Value>,
}

impl Writer {
    fn section(&self, schema: &Value, out: &mut String) {
        if let Some(description) = schema["description"].as_str() {
            let _ = write!(out, "{}\n\n", plain(description));
        }
        let branches = branches(schema);
        for branch in &branches {
            self.words(branch, out);
            self.keys(branch, out);
        }
        let scalar = |branch: &&&Value| branch["properties"].is_null() && branch["enum"].is_null();
        let types: Vec<String> = branches.iter().filter(scalar).map(|branch| self.phrase(branch)).collect();
        if !types.is_empty() {
            let also = if types.len() < branches.len() { "Or" } else { "Written as" };
            let _ = write!(out, "{also} {}.\n\n", types.join(", or "));
        }
    }

    /// The words that can stand there, with what each means.
    fn words(&self, schema: &Value, out: &mut String) {
        let Some(words) = schema["enum"].as_array() else { return };
        let meanings = schema["enumDescriptions"].as_array();
        let meaning = |index: usize| meanings.and_then(|all| all.get(index)?.as_str()).unwrap_or_default();
        if words.iter().enumerate().all(|(index, _)| meaning(index).is_empty()) {
            let _ = write!(out, "One word: {}.\n\n", words.iter().map(code).collect::<Vec<_>>().join(", "));
            return;
        }
        out.push_str("| word | meaning |\n|---|---|\n");
        for (index, word) in words.iter().enumerate() {
            let _ = writeln!(out, "| {} | {} |", code(word), cell(meaning(index)));
        }
        out.push('\n');
    }

    /// The keys of a mapping.
    fn keys(&self, schema: &Value, out: &mut String) {
        let Some(properties) = schema["properties"].as_object() else { return };
        let required =
            |key: &str| schema["required"].as_array().is_some_and(|keys| keys.iter().any(|required| required == key));
        if schema["maxProperties"] == 1 {
            out.push_str("Exactly one of these keys:\n\n");
        }
        out.push_str("| key | type | default | meaning |\n|---|---|---|---|\n");
        for (key, property) in properties {
            let default = match property.get("default") {
                Some(default) => code(default),
                None if required(key) => "required".to_owned(),
                None => String::new(),
            };
            let description = property["description"].as_str().unwrap_or_default();
            let _ = writeln!(out, "| `{key}` | {} | {default} | {} |", cell(&self.phrase(property)), cell(description));
        }
        out.push('\n');
    }

    /// A type in a few words, with a link where it has a section.
    fn phrase(&self, schema: &Value) -> String {
        if let Some(name) = schema["$ref"].as_str().and_then(|reference| reference.strip_prefix("#/$defs/")) {
            if is_of_users(name) {
                return format!("[{name}](#{})", name.to_lowercase());
            }
            let definition = self.definitions.get(name).unwrap_or(&Value::Null);
            return match definition.get("else") {
                Some(settled) if definition["if"]["$ref"] == "#/$defs/Decision" => {
                    format!("{}, *decidable*", self.phrase(settled))
                }
                _ => self.phrase(definition),
            };
        }
        let branches = branches(schema);
        if branches.len() > 1 {
            return branches.iter().map(|branch| self.phrase(branch)).collect::<Vec<_>>().join(" or ");
        }
        match schema["type"].as_str() {
            Some("string") => match schema["enum"].as_array() {
                Some(words) => words.iter().map(code).collect::<Vec<_>>().join(" or "),
                None => "text".to_owned(),
            },
            Some("integer") => format!("whole number{}", range(schema)),
            Some("number") => format!("number{}", range(schema)),
            Some("boolean") => "true or false".to_owned(),
            Some("array") => format!("list of {}", self.phrase(&schema["items"])),
            Some("object") => match schema.get("additionalProperties") {
                Some(values) if values.is_object() => format!("mapping of names to {}", self.phrase(values)),
                _ => "mapping".to_owned(),
            },
            _ => "any value".to_owned(),
        }
    }
}

/// The alternatives of a schema that decides by the value's type.
fn branches(schema: &Value) -> Vec<&Value> {
    let mut branches = Vec::new();
    let mut current = schema;
    while let (Some(then), Some(otherwise)) = (current.get("then"), current.get("else")) {
        branches.push(then);
        current = otherwise;
    }
    branches.push(current);
    branches
}

fn range(schema: &Value) -> String {
    match (&schema["minimum"], &schema["maximum"]) {
        (Value::Null, Value::Null) => String::new(),
        (low, Value::Null) => format!(", at least {low}"),
        (Value::Null, high) => format!(", at most {high}"),
        (low, high) => format!(", {low} to {high}"),
    }
}

fn code(value: &Value) -> String {
    match value {
        Value::String(text) => format!("`{text}`"),
        other => format!("`{other}`"),
    }
}

fn plain(text: &str) -> String {
    text.split("\n\n").map(|paragraph| paragraph.replace('\n', " ")).collect::<Vec<_>>().join("\n\n")
}

/// A text that fits a cell of a table.
fn cell(text: &str) -> String {
    text.replace('\n', " ").replace('|', "\\|")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_of_the_schema_is_in_the_reference_and_every_link_leads_somewhere() {
        let schemas = pleach_spec::schemas();
        let reference = markdown(&schemas);
        let schema: Value = serde_json::from_str(&schemas[0].1).unwrap();
        for key in schema["properties"].as_object().unwrap().keys() {
            assert!(reference.contains(&format!("| `{key}` |")), "{key}");
        }
        let sections: Vec<String> =
            reference.lines().filter_map(|line| line.strip_prefix("## ")).map(str::to_lowercase).collect();
        let mut links = 0;
        for link in reference.split("](#").skip(1) {
            let target = link.split(')').next().unwrap();
            assert!(sections.iter().any(|section| section == target), "no section for #{target}");
            links += 1;
        }
        assert!(links > 50, "{links}");
        assert!(reference.contains("| `kernel` | whole number, 1 to 1023, *decidable* | `3` |"), "{reference}");
    }
}
