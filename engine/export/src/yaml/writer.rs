//! JSON values as YAML that people like to read: blocks outside, one-line mappings and lists inside where they fit.

use serde_json::{Number, Value};

/// The longest line in which a mapping or list is written as one, in bytes.
const WIDTH: usize = 100;

/// A JSON value as YAML, which reads back as the same value; ends with a new line.
///
/// Floating-point numbers have a point, and exponents a sign: YAML 1.1 reads `1e-5` and `1.0e16` as texts. Texts are
/// quoted where any version of YAML could take them for something else.
pub fn yaml_text(value: &Value) -> String {
    let mut text = String::new();
    match value {
        Value::Object(map) if !map.is_empty() => block(value, 0, true, &mut text),
        Value::Array(list) if !list.is_empty() => block(value, 0, true, &mut text),
        _ => {
            text.push_str(&flow(value));
            text.push('\n');
        }
    }
    text
}

/// Writes a mapping or list that is not empty, a line an entry; the first line is already indented.
fn block(value: &Value, indent: usize, top: bool, text: &mut String) {
    let pad = |text: &mut String, first: &mut bool| {
        if !std::mem::take(first) {
            text.push_str(&" ".repeat(indent));
        }
    };
    let mut first = true;
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                pad(text, &mut first);
                text.push_str(&scalar(key));
                text.push(':');
                if is_short(value, indent + key.len() + 2, top) {
                    text.push(' ');
                    text.push_str(&flow(value));
                    text.push('\n');
                } else {
                    text.push('\n');
                    text.push_str(&" ".repeat(indent + 2));
                    block(value, indent + 2, false, text);
                }
            }
        }
        Value::Array(list) => {
            for value in list {
                pad(text, &mut first);
                text.push_str("- ");
                // A mapping in a list begins on the dash's line: `- conv: {channels: 16}`.
                let is_mapping = value.as_object().is_some_and(|map| !map.is_empty());
                if !is_mapping && is_short(value, indent + 2, false) {
                    text.push_str(&flow(value));
                    text.push('\n');
                } else {
                    block(value, indent + 2, false, text);
                }
            }
        }
        // Only mappings and lists are written as blocks.
        _ => text.push_str(&flow(value)),
    }
}

/// Whether a value after so many columns is written on the line: every scalar, and mappings and lists that fit and hold
/// no list of mappings. The sections at the top hold scalars only where they are written on a line.
fn is_short(value: &Value, column: usize, section: bool) -> bool {
    let is_container = |value: &Value| value.is_object() || value.is_array();
    fn is_plain(value: &Value) -> bool {
        match value {
            Value::Object(map) => map.values().all(is_plain),
            Value::Array(list) => !list.iter().any(|item| item.is_object() || item.is_array()),
            _ => true,
        }
    }
    match value {
        Value::Object(map) if map.is_empty() => true,
        Value::Object(map) if section && map.values().any(is_container) => false,
        Value::Array(list) if list.is_empty() => true,
        value if is_container(value) => is_plain(value) && column + flow(value).len() <= WIDTH,
        _ => true,
    }
}

/// A value on one line.
fn flow(value: &Value) -> String {
    match value {
        Value::Null => "null".to_string(),
        Value::Bool(value) => value.to_string(),
        Value::Number(value) => number(value),
        Value::String(value) => scalar(value),
        Value::Array(list) => format!("[{}]", list.iter().map(flow).collect::<Vec<_>>().join(", ")),
        Value::Object(map) => {
            let entries: Vec<String> =
                map.iter().map(|(key, value)| format!("{}: {}", scalar(key), flow(value))).collect();
            format!("{{{}}}", entries.join(", "))
        }
    }
}

/// A number; where it is none, floating-point numbers get a point, and exponents a sign, which YAML 1.1 wants of a
/// number.
fn number(value: &Number) -> String {
    let text = value.to_string();
    match text.split_once(['e', 'E']) {
        None => text,
        Some((mantissa, exponent)) => {
            let point = if mantissa.contains('.') { "" } else { ".0" };
            let sign = if exponent.starts_with(['-', '+']) { "" } else { "+" };
            format!("{mantissa}{point}e{sign}{exponent}")
        }
    }
}

/// A text, plain where no version of YAML takes it for anything else.
fn scalar(text: &str) -> String {
    const RESERVED: &[&str] = &["null", "true", "false", "yes", "no", "on", "off", "y", "n"];
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-./()<>=*+% ".contains(c);
    let path = text.starts_with("./") || text.starts_with("../") || text.starts_with('/');
    let is_plain = (path || text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_'))
        && text.chars().all(plain)
        && !text.ends_with(' ')
        && !RESERVED.contains(&text.to_ascii_lowercase().as_str());
    if is_plain { text.to_string() } else { quoted(text) }
}

/// A text in double quotes, with escapes for all that YAML does not count as printable.
fn quoted(text: &str) -> String {
    let mut quoted = String::from('"');
    for c in text.chars() {
        match c {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\t' => quoted.push_str("\\t"),
            '\r' => quoted.push_str("\\r"),
            c if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}') => {
                quoted.push_str(&format!("\\u{:04x}", c as u32));
            }
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}
