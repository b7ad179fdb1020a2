//! The JSON Schemas that describe a plugin's options: kept to what can be checked in a moment.
//!
//! A schema is data from a stranger that is run on the user's options before any sandbox. References can be cycles, or
//! double the work at each of many levels; a pattern can take exponential time; so neither is taken.

use serde_json::Value;

/// Schemas, a schema in a schema counted too.
const NODES: usize = 10_000;
/// How deep values may lie within each other.
const DEPTH: usize = 32;
/// Keywords that are not taken, and why.
const REFUSED: [(&str, &str); 7] = [
    ("$ref", "write what it refers to in its place"),
    ("$dynamicRef", "write what it refers to in its place"),
    ("$recursiveRef", "write what it refers to in its place"),
    ("pattern", "list what is allowed as `enum`"),
    ("patternProperties", "list what is allowed as `properties`"),
    ("unevaluatedProperties", "`additionalProperties` does here"),
    ("unevaluatedItems", "`items` does here"),
];
/// Keywords whose value is data or names, not schemas.
const DATA: [&str; 4] = ["default", "const", "enum", "examples"];

/// Says why a schema is not taken.
pub(crate) fn check(schema: &Value) -> Result<(), String> {
    if !schema.is_object() {
        return Err("the options' schema is not an object".to_owned());
    }
    let mut left = NODES;
    walk(schema, DEPTH, false, &mut left)
}

/// `named` is an object of schemas by names of the author's choice, such as `properties`.
fn walk(value: &Value, depth: usize, named: bool, left: &mut usize) -> Result<(), String> {
    if depth == 0 {
        return Err(format!("the options' schema is nested deeper than {DEPTH} levels"));
    }
    *left = left.checked_sub(1).ok_or_else(|| format!("the options' schema has more than {NODES} parts"))?;
    match value {
        Value::Array(values) => values.iter().try_for_each(|value| walk(value, depth - 1, false, left)),
        Value::Object(entries) => entries.iter().try_for_each(|(key, value)| {
            if named {
                return walk(value, depth - 1, false, left);
            }
            if let Some((_, instead)) = REFUSED.iter().find(|(refused, _)| refused == key) {
                return Err(format!("the options' schema uses `{key}`, which plugins may not: {instead}"));
            }
            if DATA.contains(&key.as_str()) {
                return Ok(());
            }
            let names = matches!(key.as_str(), "properties" | "$defs" | "definitions" | "dependentSchemas");
            walk(value, depth - 1, names, left)
        }),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_schemas_of_options_need_is_taken() {
        let schema = json!({
            "type": "object", "additionalProperties": false,
            "properties": {
                "pattern": {"type": "integer", "minimum": 1, "default": 50},
                "kind": {"anyOf": [{"enum": ["a", "b"]}, {"type": "null"}], "default": {"$ref": "data"}}
            }
        });
        assert_eq!(check(&schema), Ok(()));
    }

    #[test]
    fn what_can_take_for_ever_is_not() {
        let refused = |schema: Value| check(&schema).unwrap_err();
        assert!(refused(json!(3)).contains("not an object"));
        assert!(refused(json!({"properties": {"a": {"$ref": "#"}}})).contains("`$ref`"));
        assert!(refused(json!({"allOf": [{"pattern": "(a+)+$"}]})).contains("`pattern`"));
        let deep = (0..40).fold(json!({}), |inner, _| json!({"not": inner}));
        assert!(refused(deep).contains("deeper than 32"));
        assert!(refused(json!({"allOf": vec![json!({}); 10_001]})).contains("more than 10000"));
    }
}
