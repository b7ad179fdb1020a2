//! Names for what a result depends on, and what changed between two of them.

use crate::numbers::write_json;
use serde_json::{Map, Number, Value};

/// The digest of a document: BLAKE3 of its [`canonical`] form, 64 hexadecimal digits.
///
/// Equal for documents that differ in the order of keys or in the spelling of numbers only.
pub fn key(document: &Value) -> String {
    blake3::hash(canonical(document).as_bytes()).to_hex().to_string()
}

/// A document as JSON text without spaces, keys sorted by their bytes, each number in one spelling.
///
/// Whole numbers are written without a point or exponent up to 2⁶⁴ (so 1.0, 1e0 and 1 are one number, as are -0.0 and 0),
/// other numbers by the shortest digits that read back to the same bits, with an exponent below 1e-6 and from 2⁶⁴ on. That is
/// RFC 8785 but for whole numbers above 2⁵³, which it would round.
pub fn canonical(document: &Value) -> String {
    let mut out = Vec::new();
    write_canonical(&mut out, document);
    String::from_utf8(out).expect("JSON is UTF-8")
}

fn write_canonical(out: &mut Vec<u8>, value: &Value) {
    match value {
        Value::Number(number) => write_canonical_number(out, number),
        Value::Array(items) => {
            out.push(b'[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push(b',');
                }
                write_canonical(out, item);
            }
            out.push(b']');
        }
        Value::Object(fields) => {
            let mut sorted: Vec<(&String, &Value)> = fields.iter().collect();
            sorted.sort_unstable_by_key(|(name, _)| *name);
            out.push(b'{');
            for (index, (name, value)) in sorted.into_iter().enumerate() {
                if index > 0 {
                    out.push(b',');
                }
                write_json(out, name);
                out.push(b':');
                write_canonical(out, value);
            }
            out.push(b'}');
        }
        Value::Null | Value::Bool(_) | Value::String(_) => write_json(out, value),
    }
}

fn write_canonical_number(out: &mut Vec<u8>, number: &Number) {
    const TOO_LARGE: f64 = 18_446_744_073_709_551_616.0; // 2^64
    match (number.as_u64(), number.as_i64(), number.as_f64()) {
        (Some(whole), _, _) => write_json(out, &whole),
        (None, Some(whole), _) => write_json(out, &whole),
        // The bound keeps the cast exact.
        (None, None, Some(real)) if real.fract() == 0.0 && real.abs() < TOO_LARGE => {
            out.extend_from_slice((real as i128).to_string().as_bytes());
        }
        (None, None, Some(real)) if (1e-6..TOO_LARGE).contains(&real.abs()) => {
            out.extend_from_slice(real.to_string().as_bytes());
        }
        (None, None, Some(real)) => {
            let text = format!("{real:e}");
            out.extend_from_slice(if real.abs() < 1.0 { text } else { text.replace('e', "e+") }.as_bytes());
        }
        (None, None, None) => write_json(out, number),
    }
}

/// One value that differs between two documents.
#[derive(Debug, Clone, PartialEq)]
pub struct Difference {
    /// Where it stands, such as `training.optimizer.sgd.rate` or `network[2].conv`; empty for the document itself.
    pub path: String,
    /// The value in the old document; none where it is not there.
    pub old: Option<Value>,
    /// The value in the new document; none where it is not there.
    pub new: Option<Value>,
}

/// What changed from one document to another, at the deepest places that tell it, in the order of the new document, then
/// what only the old one has.
///
/// Empty if and only if the two have one [`key`](key()).
pub fn differences(old: &Value, new: &Value) -> Vec<Difference> {
    let mut found = Vec::new();
    compare(&mut found, &mut String::new(), old, new);
    found
}

fn compare(found: &mut Vec<Difference>, path: &mut String, old: &Value, new: &Value) {
    match (old, new) {
        (Value::Object(old), Value::Object(new)) => compare_objects(found, path, old, new),
        (Value::Array(old), Value::Array(new)) => {
            for index in 0..old.len().max(new.len()) {
                inside(path, &format!("[{index}]"), |path| {
                    compare_options(found, path, old.get(index), new.get(index));
                });
            }
        }
        _ if canonical(old) == canonical(new) => {}
        _ => found.push(Difference { path: path.clone(), old: Some(old.clone()), new: Some(new.clone()) }),
    }
}

fn compare_objects(found: &mut Vec<Difference>, path: &mut String, old: &Map<String, Value>, new: &Map<String, Value>) {
    let only_old = old.keys().filter(|name| !new.contains_key(*name));
    for name in new.keys().chain(only_old) {
        let step = if path.is_empty() { name.clone() } else { format!(".{name}") };
        inside(path, &step, |path| compare_options(found, path, old.get(name), new.get(name)));
    }
}

fn compare_options(found: &mut Vec<Difference>, path: &mut String, old: Option<&Value>, new: Option<&Value>) {
    match (old, new) {
        (Some(old), Some(new)) => compare(found, path, old, new),
        (None, None) => {}
        (old, new) => found.push(Difference { path: path.clone(), old: old.cloned(), new: new.cloned() }),
    }
}

fn inside(path: &mut String, step: &str, work: impl FnOnce(&mut String)) {
    let length = path.len();
    path.push_str(step);
    work(path);
    path.truncate(length);
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn parse(text: &str) -> Value {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn order_of_keys_and_spelling_of_numbers_do_not_matter() {
        let one =
            parse(r#"{"rate": 1.0, "b": {"x": 100, "y": -0.0}, "list": [1e2, 0.10], "large": 1000000000000000000}"#);
        let other = parse(r#"{"list": [100, 1e-1], "large": 1e18, "b": {"y": 0, "x": 1e2}, "rate": 1}"#);
        assert_eq!(canonical(&one), r#"{"b":{"x":100,"y":0},"large":1000000000000000000,"list":[100,0.1],"rate":1}"#);
        assert_eq!(key(&one), key(&other));
        assert_eq!(differences(&one, &other), []);
        assert_eq!(key(&one).len(), 64);
        assert_eq!(canonical(&parse("[1.5e-7, -1E300, 0.000001, 2.50]")), "[1.5e-7,-1e+300,0.000001,2.5]");
    }

    #[test]
    fn values_types_and_the_order_of_lists_matter() {
        let documents =
            ["1", "\"1\"", "true", "null", "[1]", "[]", "{}", "[1,2]", "[2,1]", "1.5", "1e300", "-1", "{\"a\":null}"];
        let keys: std::collections::HashSet<String> = documents.iter().map(|text| key(&parse(text))).collect();
        assert_eq!(keys.len(), documents.len());
    }

    #[test]
    fn differences_name_the_deepest_place() {
        let old = json!({"training": {"rate": 0.1, "epochs": 8}, "network": [{"conv": 3}, "pool"], "gone": 1});
        let new = json!({"added": [], "training": {"rate": 0.15, "epochs": 8.0}, "network": [{"conv": 5}]});
        let difference =
            |path: &str, old: Option<Value>, new: Option<Value>| Difference { path: path.into(), old, new };
        assert_eq!(
            differences(&old, &new),
            [
                difference("added", None, Some(json!([]))),
                difference("training.rate", Some(json!(0.1)), Some(json!(0.15))),
                difference("network[0].conv", Some(json!(3)), Some(json!(5))),
                difference("network[1]", Some(json!("pool")), None),
                difference("gone", Some(json!(1)), None),
            ]
        );
        assert_eq!(differences(&json!(1), &json!([1])), [difference("", Some(json!(1)), Some(json!([1])))]);
    }
}
