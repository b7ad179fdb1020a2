use super::*;
use pleach_spec::Document;
use proptest::prelude::*;

fn read(text: &str) -> Document {
    Document::load("best.yaml", text, &|path| panic!("nothing is included, but {path} is read"), &[])
}

fn space() -> Value {
    json!({
        "blocks": {"cell": [{"conv": {"channels": 16, "kernel": 3, "order": ["activation", "conv", "norm"]}}, "identity"]},
        "network": [
            {"conv": {"channels": 16}},
            {"repeat": {"times": 2, "body": [{"residual": [{"use": "cell"}, {"separable_conv": {"kernel": 5}}]}]}},
            {"parallel": {"branches": ["identity", ["conv_3x3", {"activation": "hard_swish"}]], "join": "concat"}},
            {"global_pool": "average"},
            {"linear": "classes"},
        ],
        "training": {
            "epochs": 8,
            "batch": 64,
            "optimizer": {"sgd": {"rate": 1e-3, "momentum": 0.9, "nesterov": false, "weight_decay": 3e-5}},
            "schedule": {"cosine": {"warm_up": 0.0, "minimum": 0.0}},
            "label_smoothing": 0.1,
            "augment": {"crop": 1, "flip": false, "cutout": 0, "mixup": 0.0},
            "precision": "full",
            "threads": 1,
        },
    })
}

fn experiment<'a>(space: &'a Value, data: &'a Value, objectives: &'a Value) -> FixedExperiment<'a> {
    FixedExperiment {
        name: "quickstart-best",
        origin: &[],
        metrics: &[],
        seed: 7,
        data: Some(data),
        space,
        input: None,
        objectives,
        evaluator: None,
    }
}

#[test]
fn an_experiment_is_readable_valid_and_says_the_same() {
    let (space, data) = (space(), json!({"dataset": "digits", "batch": 64}));
    let objectives = json!([{"maximize": "accuracy"}, {"minimize": "parameters"}]);
    let text = experiment_yaml(&FixedExperiment {
        origin: &["candidate 17 of step final\nof run quickstart-1".into()],
        metrics: &[("accuracy".into(), 0.98125), ("parameters".into(), 20122.0)],
        input: Some((&[1, 8, 8], 10)),
        ..experiment(&space, &data, &objectives)
    })
    .unwrap();
    insta::assert_snapshot!(text);

    let document = read(&text);
    assert_eq!(document.check(), []);
    let sections = document.root().unwrap().to_json();
    let keys: Vec<&String> = sections.as_object().unwrap().keys().collect();
    assert_eq!(keys, ["version", "name", "seed", "data", "space", "objectives", "steps"]);
    assert_eq!(sections["data"], data);
    assert_eq!(sections["objectives"], objectives);
    for key in ["blocks", "network", "training"] {
        // As text, since equality of mappings looks past the order of keys.
        assert_eq!(sections["space"][key].to_string(), space[key].to_string());
    }
    let keys: Vec<&String> = sections["space"].as_object().unwrap().keys().collect();
    assert_eq!(keys, ["input", "classes", "blocks", "network", "training"]);
    assert_eq!(document.experiment().unwrap().steps.len(), 1);
}

#[test]
fn sections_of_the_wrong_kind_are_refused() {
    let (list, mapping) = (json!([]), json!({}));
    let refused =
        |space, objectives| experiment_yaml(&experiment(space, &mapping, objectives)).unwrap_err().to_string();
    assert_eq!(refused(&list, &list), "`space` of the experiment must be a mapping");
    assert_eq!(refused(&mapping, &mapping), "`objectives` of the experiment must be a list");
}

#[test]
fn a_space_may_state_its_own_input_and_an_evaluator_is_kept() {
    let (space, nothing) = (json!({"input": [3, 32, 32], "classes": 100, "values": {"a": 1}}), json!([]));
    let evaluator = json!({"command": {"program": ["python3", "evaluate.py"]}});
    let experiment = FixedExperiment {
        input: Some((&[1, 8, 8], 10)),
        data: None,
        evaluator: Some(&evaluator),
        ..experiment(&space, &nothing, &nothing)
    };
    let sections = read(&experiment_yaml(&experiment).unwrap()).root().unwrap().to_json();
    assert_eq!(sections["space"], space);
    assert_eq!(sections["evaluator"], evaluator);
    assert!(sections.get("data").is_none());
}

#[test]
fn numbers_and_texts_are_written_so_that_no_reader_mistakes_them() {
    let value = json!([
        1e-3,
        1e-5,
        1e16,
        1e300,
        2.5e-7,
        1.0,
        -0.0,
        3,
        -7,
        u64::MAX,
        i64::MIN,
        true,
        null,
        "plain words",
        "no",
        "Y",
        "1e-3",
        "012",
        "",
        "a: b",
        "#",
        "- x",
        "trailing ",
        "top(explore, 3)",
        "./data",
        "~",
        "null",
        "é",
        "\u{85}",
        "\"\\",
        "a\nb\tc\r",
        "0x10",
        "parameters <= 200_000",
        ".5",
        "*anchor",
        "\u{feff}",
    ]);
    insta::assert_snapshot!(yaml_text(&value));
}

fn values() -> impl Strategy<Value = Value> {
    let texts = prop_oneof![
        "[ -~]{0,12}",
        "\\PC{0,6}",
        any::<String>(),
        prop::sample::select(vec![
            "yes",
            "Null",
            "1.5",
            "-",
            "?",
            "1_000",
            ".inf",
            "0o7",
            "<<",
            "=",
            "2001-01-01",
            "a\u{2028}b"
        ])
        .prop_map(String::from),
    ];
    let scalars = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        (-1e3..1e3).prop_map(Value::from),
        prop::num::f64::NORMAL.prop_map(Value::from),
        texts.clone().prop_map(Value::from),
    ];
    scalars.prop_recursive(5, 60, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::vec((texts.clone(), inner), 0..6)
                .prop_map(|entries| Value::Object(entries.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn what_is_written_reads_back_the_same(value in values()) {
        // A document is a mapping.
        let value = json!({"value": value});
        let text = yaml_text(&value);
        let document = read(&text);
        let root = document.root();
        prop_assert!(root.is_some(), "{text}\n{:?}", document.check());
        prop_assert_eq!(root.unwrap().to_json().to_string(), value.to_string(), "{}", text);
    }
}
