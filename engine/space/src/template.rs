//! A space section with its decisions marked: what a genotype fills in to give plain JSON.

use serde_json::{Map, Value};

/// A value below `space` that may depend on decisions.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Template {
    /// No decision inside.
    Constant(Value),
    /// A list.
    List(Vec<Template>),
    /// A mapping.
    Map(Vec<(String, Template)>),
    /// One of several options.
    Choice { decision: usize, options: Vec<Template> },
    /// A number from a range.
    Number { decision: usize, integer: bool },
    /// `times * value + plus` of another decision's value, or that value itself.
    Computed { decision: usize, source: Box<Template>, times: f64, plus: f64 },
    /// The first items of a list, as many as belong to a count: a repeated body that decides in each repetition, the edges
    /// of a cell whose number of nodes is decided. `written` leads from here to the place in the source that they copy.
    Prefix { count: Box<Template>, lengths: Vec<usize>, items: Vec<Template>, written: &'static str },
    /// What stands elsewhere in the source: a named block that is decided anew where it is used.
    Elsewhere { pointer: String, template: Box<Template> },
}

impl Template {
    /// The plain value that a full genotype gives.
    pub(crate) fn resolve(&self, genotype: &[f64]) -> Value {
        match self {
            Template::Constant(value) => value.clone(),
            Template::List(items) => Value::Array(items.iter().map(|item| item.resolve(genotype)).collect()),
            Template::Map(entries) => {
                let mut map = Map::with_capacity(entries.len());
                for (key, value) in entries {
                    map.insert(key.clone(), value.resolve(genotype));
                }
                Value::Object(map)
            }
            Template::Choice { decision, options } => {
                options[index(genotype[*decision], options.len())].resolve(genotype)
            }
            Template::Number { decision, integer: true } => Value::from(genotype[*decision] as i64),
            Template::Number { decision, integer: false } => Value::from(genotype[*decision]),
            Template::Computed { source, times, plus, .. } => {
                let value = source.resolve(genotype);
                match value.as_f64() {
                    Some(number) if (*times, *plus) != (1.0, 0.0) => number_value(number * times + plus),
                    _ => value,
                }
            }
            Template::Elsewhere { template, .. } => template.resolve(genotype),
            Template::Prefix { count, lengths, items, .. } => {
                let count = count.resolve(genotype).as_u64().unwrap_or(0) as usize;
                let length = lengths.get(count).or(lengths.last()).copied().unwrap_or(0);
                Value::Array(items[..length].iter().map(|item| item.resolve(genotype)).collect())
            }
        }
    }

    /// The pointer, in the source, of the value at a place in the resolved value. Stops where the place ends.
    pub(crate) fn source_pointer(&self, genotype: &[f64], place: &[String], pointer: &mut String) {
        match self {
            Template::Choice { decision, options } => {
                let chosen = index(genotype[*decision], options.len());
                pointer.push_str(&format!("/one_of/{chosen}"));
                options[chosen].source_pointer(genotype, place, pointer);
            }
            Template::Map(entries) => {
                let Some((first, rest)) = place.split_first() else { return };
                // A cell's operations are written once and resolved for each edge or node.
                let written = match first.as_str() {
                    "edges" if !entries.iter().any(|(key, _)| key == "edges") => "edge",
                    "operations" if !entries.iter().any(|(key, _)| key == "operations") => "node",
                    other => other,
                };
                push(pointer, written);
                if let Some((_, value)) = entries.iter().find(|(key, _)| key == first) {
                    value.source_pointer(genotype, rest, pointer);
                }
            }
            Template::List(items) => {
                let Some((first, rest)) = place.split_first() else { return };
                push(pointer, first);
                if let Some(item) = first.parse::<usize>().ok().and_then(|i| items.get(i)) {
                    item.source_pointer(genotype, rest, pointer);
                }
            }
            Template::Elsewhere { pointer: elsewhere, template } => {
                pointer.clone_from(elsewhere);
                template.source_pointer(genotype, place, pointer);
            }
            Template::Prefix { items, written, .. } => {
                // The items are copies of one place in the source.
                pointer.push_str(written);
                let Some((first, rest)) = place.split_first() else { return };
                if let Some(item) = first.parse::<usize>().ok().and_then(|i| items.get(i)) {
                    item.source_pointer(genotype, rest, pointer);
                }
            }
            Template::Constant(value) => {
                let mut value = value;
                for step in place {
                    let next = match value {
                        Value::Array(items) => step.parse::<usize>().ok().and_then(|i| items.get(i)),
                        Value::Object(map) => map.get(step),
                        _ => None,
                    };
                    let Some(next) = next else { return };
                    push(pointer, step);
                    value = next;
                }
            }
            Template::Number { .. } | Template::Computed { .. } => {}
        }
    }
}

fn push(pointer: &mut String, step: &str) {
    pointer.push('/');
    pointer.push_str(&step.replace('~', "~0").replace('/', "~1"));
}

fn index(value: f64, options: usize) -> usize {
    (value as usize).min(options - 1)
}

/// A number as JSON, whole where it is whole.
pub(crate) fn number_value(number: f64) -> Value {
    if number.fract() == 0.0 && number.abs() < 9.0e15 { Value::from(number as i64) } else { Value::from(number) }
}
