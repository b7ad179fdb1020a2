//! How options are called.

use serde_json::Value;
use std::collections::HashMap;

/// The options as rising numbers, if they are.
pub(crate) fn levels(options: &[Value]) -> Option<Vec<f64>> {
    let numbers: Option<Vec<f64>> = options.iter().map(Value::as_f64).collect();
    numbers.filter(|numbers| numbers.windows(2).all(|pair| pair[0] < pair[1]))
}

/// A label for each option, as short as tells them apart: `conv`, or `conv {kernel: 3}`.
pub(crate) fn labels(options: &[Value]) -> Vec<String> {
    let short: Vec<String> = options.iter().map(short_label).collect();
    let mut count: HashMap<&str, usize> = HashMap::new();
    short.iter().for_each(|label| *count.entry(label).or_default() += 1);
    let mut seen: HashMap<String, usize> = HashMap::new();
    options
        .iter()
        .zip(&short)
        .map(|(option, label)| {
            let label = if count[label.as_str()] == 1 { label.clone() } else { full_label(option) };
            let number = seen.entry(label.clone()).or_default();
            *number += 1;
            if *number == 1 { label } else { format!("{label} #{number}") }
        })
        .collect()
}

fn short_label(option: &Value) -> String {
    match option {
        Value::Object(map) if map.len() == 1 => map.keys().next().expect("the mapping has one key").clone(),
        Value::Array(items) => {
            format!("[{}]", items.iter().map(short_label).collect::<Vec<_>>().join(", "))
        }
        other => full_label(other),
    }
}

fn full_label(option: &Value) -> String {
    let label = match option {
        Value::String(text) => text.clone(),
        Value::Object(map) if map.len() == 1 => {
            let (key, value) = map.iter().next().expect("the mapping has one key");
            format!("{key} {}", flow(value))
        }
        other => flow(other),
    };
    if label.chars().count() > 80 { label.chars().take(79).chain(['…']).collect() } else { label }
}

/// The value as YAML on one line.
fn flow(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items) => format!("[{}]", items.iter().map(flow).collect::<Vec<_>>().join(", ")),
        Value::Object(map) => {
            let entries: Vec<String> = map.iter().map(|(key, value)| format!("{key}: {}", flow(value))).collect();
            format!("{{{}}}", entries.join(", "))
        }
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn labels_are_short_and_tell_apart() {
        let options = json!([{"conv": {"kernel": 3}}, {"conv": {"kernel": 5}}, "identity", ["conv", "identity"]]);
        let labels = labels(options.as_array().unwrap());
        assert_eq!(labels, ["conv {kernel: 3}", "conv {kernel: 5}", "identity", "[conv, identity]"]);
        assert_eq!(super::labels(&[json!("a"), json!("a")]), ["a", "a #2"]);
    }

    #[test]
    fn rising_numbers_are_levels() {
        assert_eq!(levels(&[json!(1), json!(2.5)]), Some(vec![1.0, 2.5]));
        assert_eq!(levels(&[json!(2), json!(1)]), None);
        assert_eq!(levels(&[json!(1), json!("a")]), None);
    }
}
