use super::*;
use crate::testing::{Array, cases, python};
use crate::{Weights, inference_weights};

fn options(network: &Network) -> PytorchOptions {
    let channels = network.input_shape().channels();
    let preprocessing = Preprocessing {
        mean: (0..channels).map(|channel| 0.3 + 0.1 * channel as f32).collect(),
        deviation: (0..channels).map(|channel| 0.2 + 0.05 * channel as f32).collect(),
        scale: 0.0625,
        classes: (0..10).map(|class| class.to_string()).collect(),
    };
    PytorchOptions { name: "digits".into(), weights_file: "digits.safetensors".into(), preprocessing }
}

#[test]
fn a_small_network_is_a_readable_module() {
    let network = &cases()[0].network;
    insta::assert_snapshot!(pytorch(network, &options(network)).unwrap());
}

#[test]
fn every_operation_is_a_statement() {
    for case in cases() {
        let text = pytorch(&case.network, &options(&case.network)).unwrap();
        let start = text.find("class Network").unwrap();
        let end = text.find("def preprocess").unwrap();
        insta::assert_snapshot!(case.name, text[start..end].trim_end());
    }
}

#[test]
fn names_cannot_break_out_of_the_text() {
    let mut network = cases().swap_remove(0).network;
    network.nodes[1].path = "network[0]\nimport os".into();
    let mut options = options(&network);
    options.name = "a \"\"\" name\\\n".into();
    options.weights_file = "a \"file\".safetensors".into();
    options.preprocessing.classes = vec!["\"]\nimport os".into(), "\u{1}é".into()];
    let text = pytorch(&network, &options).unwrap();
    assert!(text.starts_with("\"\"\"a \\\"\\\"\\\" name\\\\ .\n"));
    assert!(text.contains(r#"CLASSES = ["\"]\nimport os", "\u0001é"]"#));
    assert!(text.contains(r#"with_name("a \"file\".safetensors")"#));
    assert!(!text.contains("\nimport os"));
}

#[test]
fn long_lists_are_wrapped() {
    let items = |n: usize| list((0..n).map(|i| (1000 + i).to_string()));
    assert_eq!(items(2), "[1000, 1001]");
    let long = items(40);
    assert!(long.starts_with("[\n    1000, 1001,") && long.ends_with("1039,\n]"));
    assert!(long.lines().all(|line| line.len() <= 88), "{long}");
}

#[test]
#[allow(clippy::print_stderr, reason = "shows what was measured")]
fn pytorch_agrees() {
    let folder = tempfile::tempdir().unwrap();
    let mut written = 0;
    for case in cases() {
        let weights = Weights::from_bytes(&case.network, &case.checkpoint).unwrap();
        let mut options = options(&case.network);
        options.weights_file = format!("{}.safetensors", case.name);
        let Preprocessing { mean, deviation, scale, .. } = &options.preprocessing;
        let raw = Array::from(&case.input.shape, |i| {
            (case.input.at(i) * f64::from(deviation[i[1]]) + f64::from(mean[i[1]])) / f64::from(*scale)
        });
        let value = |array: &Array| json!({"shape": array.shape, "data": array.data});
        let dead: &[&str] = if case.name == "dead" { &["conv_1.weight"] } else { &[] };
        let expected = json!({
            "raw": value(&raw),
            "output": value(&case.output),
            "classes": options.preprocessing.classes,
            "tensors": case.network.tensors().map(|(name, _)| name).collect::<Vec<_>>(),
            "dead": dead,
        });
        let path = folder.path().join(case.name);
        let file = inference_weights(&case.network, &weights, &options.preprocessing).unwrap();
        std::fs::write(path.with_extension("safetensors"), file).unwrap();
        std::fs::write(path.with_extension("py"), pytorch(&case.network, &options).unwrap()).unwrap();
        std::fs::write(path.with_extension("json"), expected.to_string()).unwrap();
        written += 1;
    }
    let Some(answers) = python("torch", include_str!("check.py"), folder.path()) else { return };
    assert_eq!(answers.lines().count(), written);
    for line in answers.lines() {
        eprintln!("{line}");
        let answer: serde_json::Value = serde_json::from_str(line).unwrap();
        assert!(answer["difference"].as_f64().unwrap() <= 1e-5, "{line}");
    }
}
