//! Our check and an independent validator agree on what fits the schemas, and no text makes the check fail.

use pleach_spec::{Document, DocumentKind};
use proptest::prelude::*;
use serde_json::{Value, json};
use std::sync::LazyLock;

static EXPERIMENT: LazyLock<jsonschema::Validator> =
    LazyLock::new(|| jsonschema::draft202012::new(pleach_spec::schema::experiment()).unwrap());

const QUICKSTART: &str = include_str!("../../../specs/quickstart.yaml");
const WIDE: &str = include_str!("wide.yaml");

fn load(text: &str) -> Document {
    Document::load("e.yaml", text, &|_| Err(std::io::ErrorKind::NotFound.into()), &[])
}

/// The pointers of all values below one.
fn pointers(value: &Value, at: &str, found: &mut Vec<String>) {
    found.push(at.to_owned());
    match value {
        Value::Object(map) => map.iter().for_each(|(key, value)| {
            let mut pointer = at.to_owned();
            pleach_spec::push_token(&mut pointer, key);
            pointers(value, &pointer, found);
        }),
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(i, value)| pointers(value, &format!("{at}/{i}"), found));
        }
        _ => {}
    }
}

/// Values that fit some places and not others.
fn replacement() -> impl Strategy<Value = Value> {
    prop::sample::select(vec![
        json!(null),
        json!(true),
        json!(0),
        json!(1),
        json!(3),
        json!(-1),
        json!(2.5),
        json!(0.25),
        json!(100_000_000_000_i64),
        json!("classes"),
        json!("conv"),
        json!("relu"),
        json!("same"),
        json!(""),
        json!("digits"),
        json!("best(explore)"),
        json!("top(explore, 0)"),
        json!("accuracy >= 0.7"),
        json!("accuracy(noise, 3)"),
        json!("a b"),
        json!([]),
        json!([1, 3]),
        json!(["conv", "norm"]),
        json!({}),
        json!({"conv": {}}),
        json!({"one_of": [1, 3]}),
        json!({"one_of": []}),
        json!({"one_of": ["conv", "identity", {"conv": {"kernel": {"int": [1, 5]}}}]}),
        json!({"one_of": ["relu", "silu"], "default": "relu", "name": "f"}),
        json!({"int": [1, 3]}),
        json!({"int": [1, 3], "log": true}),
        json!({"int": [1, 2.5]}),
        json!({"float": [0.1, 0.5]}),
        json!({"float": [1, 2], "int": [1, 2]}),
        json!({"from": "f"}),
        json!({"from": "f", "times": 2, "plus": -1}),
    ])
}

const KEYS: [&str; 12] =
    ["kernel", "kernal", "conv", "one_of", "int", "from", "name", "training", "x", "steps", "budget", "default"];

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn both_validators_agree(
        wide in any::<bool>(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), 0_u8..4, replacement(), prop::sample::select(KEYS.to_vec())), 1..3),
    ) {
        let mut json = load(if wide { WIDE } else { QUICKSTART }).root().unwrap().to_json();
        for (index, kind, value, key) in changes {
            let mut all = Vec::new();
            pointers(&json, "", &mut all);
            let place = json.pointer_mut(&all[index.index(all.len())]).unwrap();
            match (kind, place) {
                (0, Value::Object(map)) => { map.insert(key.to_owned(), value); }
                (1, Value::Object(map)) => { map.shift_remove_entry(key); if let Some(first) = map.keys().next().cloned() { map.shift_remove(&first); } }
                (2, Value::Array(items)) => items.push(value),
                (_, place) => *place = value,
            }
        }
        // Nothing at all is an empty file.
        prop_assume!(!json.is_null());
        // A `from` there is the name of a file to read.
        prop_assume!(json.pointer("/space/from").is_none());
        let text = json.to_string();
        let document = load(&text);
        let root = document.root().unwrap();
        prop_assert_eq!(root.to_json(), json.clone());
        // A document that is only a space any more is checked as one.
        if document.kind() == DocumentKind::Experiment {
            let problems = document.validate();
            let errors: Vec<String> = EXPERIMENT.iter_errors(&json).map(|e| format!("{} {e}", e.instance_path())).collect();
            prop_assert_eq!(problems.is_empty(), errors.is_empty(), "{:#?}\n{:#?}\n{}", problems, errors, text);
            let found = document.check();
            if !found.iter().any(|d| d.is_error()) {
                document.experiment().map_err(|found| TestCaseError::fail(format!("{found:?}")))?;
            }
        }
    }

    #[test]
    fn broken_texts_never_make_it_panic(
        wide in any::<bool>(),
        edits in prop::collection::vec((any::<prop::sample::Index>(), 0_usize..12, "[ -~\n\té→\r]{0,3}"), 1..6),
    ) {
        let mut text = (if wide { WIDE } else { QUICKSTART }).to_owned();
        for (at, length, new) in edits {
            let starts: Vec<usize> = text.char_indices().map(|(i, _)| i).collect();
            if starts.is_empty() { break; }
            let first = at.index(starts.len());
            let start = starts[first];
            let end = starts.get(first + length).copied().unwrap_or(text.len());
            text.replace_range(start..end, &new);
        }
        let document = load(&text);
        let lines = text.split(['\n', '\r']).count();
        for found in document.check() {
            prop_assert!(found.line >= 1 && found.line <= lines && found.column >= 1, "{:?}", found);
            prop_assert!((found.end_line, found.end_column) >= (found.line, found.column), "{:?}", found);
        }
        let _ = document.experiment();
        let _ = document.space();
    }
}

#[test]
fn the_wide_example_is_valid() {
    let document = load(WIDE);
    let found = document.check();
    assert!(found.is_empty(), "{}", pleach_spec::human(&found, pleach_spec::Colour::Never));
    assert!(EXPERIMENT.is_valid(&document.root().unwrap().to_json()));
}
