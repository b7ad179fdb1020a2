use super::interpreter::execute;
use super::message::{Dimension, Model};
use super::*;
use crate::testing::{Array, Case, cases, python};

fn read(case: &Case, options: &OnnxOptions) -> Model {
    let weights = Weights::from_bytes(&case.network, &case.checkpoint).unwrap();
    Model::decode(onnx(&case.network, &weights, options).unwrap().as_slice()).unwrap()
}

/// Thousandths of a byte for each channel: values as a data set of images has them.
fn preprocessing(case: &Case) -> Preprocessing {
    let channels = case.network.input_shape().channels();
    Preprocessing {
        mean: (0..channels).map(|channel| 0.3 + 0.1 * channel as f32).collect(),
        deviation: (0..channels).map(|channel| 0.2 + 0.05 * channel as f32).collect(),
        scale: 1.0 / 255.0,
        classes: vec!["a \"quoted\" class".into(), "übrige".into()],
    }
}

/// The values that preprocessing turns into these.
fn raw(input: &Array, preprocessing: &Preprocessing) -> Array {
    Array::from(&input.shape, |i| {
        let (mean, deviation) = (preprocessing.mean[i[1]], preprocessing.deviation[i[1]]);
        (input.at(i) * f64::from(deviation) + f64::from(mean)) / f64::from(preprocessing.scale)
    })
}

#[test]
fn models_compute_what_networks_do() {
    for case in cases() {
        let difference = execute(&read(&case, &OnnxOptions::default()), &case.input).difference(&case.output);
        assert!(difference <= 1e-6, "{}: {difference}", case.name);
    }
}

#[test]
fn preprocessing_can_be_part_of_the_model() {
    for case in cases() {
        let preprocessing = preprocessing(&case);
        let raw = raw(&case.input, &preprocessing);
        let options = OnnxOptions { preprocessing, include_preprocessing: true, ..OnnxOptions::default() };
        let difference = execute(&read(&case, &options), &raw).difference(&case.output);
        assert!(difference <= 1e-5, "{}: {difference}", case.name);
    }
}

#[test]
fn models_say_what_they_take_and_give() {
    let case = cases().swap_remove(0);
    let preprocessing = Preprocessing {
        mean: vec![0.3],
        deviation: vec![0.25],
        scale: 0.0625,
        classes: vec!["zero".into(), "one".into()],
    };
    let model = read(&case, &OnnxOptions { name: "digits".into(), preprocessing, ..OnnxOptions::default() });
    assert_eq!((model.ir_version, model.opset_import[0].version), (10, 21));
    let metadata: Vec<(&str, &str)> =
        model.metadata_props.iter().map(|entry| (entry.key.as_str(), entry.value.as_str())).collect();
    assert_eq!(
        metadata,
        [
            ("input_shape", "[1,8,8]"),
            ("classes", r#"["zero","one"]"#),
            ("preprocessing", r#"{"scale":0.0625,"mean":[0.3],"deviation":[0.25]}"#),
            ("preprocessing_included", "false"),
        ]
    );
    let graph = model.graph.unwrap();
    assert_eq!(graph.name, "digits");
    assert_eq!((graph.input[0].name.as_str(), graph.output[0].name.as_str()), (INPUT, OUTPUT));
    let input = graph.input[0].r#type.as_ref().unwrap().tensor_type.as_ref().unwrap().shape.as_ref().unwrap();
    assert_eq!(input.dim[0], Dimension { dim_value: None, dim_param: Some("batch".into()) });
    let operators: Vec<&str> = graph.node.iter().map(|node| node.op_type.as_str()).collect();
    insta::assert_compact_debug_snapshot!(operators, @r#"["Conv", "BatchNormalization", "Relu", "Conv", "BatchNormalization", "HardSwish", "GlobalAveragePool", "Conv", "Relu", "Conv", "HardSigmoid", "Mul", "Add", "GlobalAveragePool", "Flatten", "Gemm"]"#);
    assert_eq!(graph.node[4].doc_string, "network[1].residual.body[0].conv");
}

#[test]
fn equal_networks_give_equal_bytes_and_dead_weights_are_left_out() {
    for case in cases() {
        let weights = Weights::from_bytes(&case.network, &case.checkpoint).unwrap();
        let options = OnnxOptions { preprocessing: preprocessing(&case), ..OnnxOptions::default() };
        let bytes = onnx(&case.network, &weights, &options).unwrap();
        assert_eq!(bytes, onnx(&case.network, &weights, &options).unwrap());
    }
    let case = cases().into_iter().find(|case| case.name == "dead").unwrap();
    let names: Vec<String> =
        read(&case, &OnnxOptions::default()).graph.unwrap().initializer.into_iter().map(|tensor| tensor.name).collect();
    assert_eq!(names, ["conv_2.weight"]);
}

#[test]
fn malformed_networks_and_preprocessing_are_refused() {
    let case = cases().swap_remove(0);
    let weights = Weights::from_bytes(&case.network, &case.checkpoint).unwrap();
    let refused = |network: &Network, options: &OnnxOptions| onnx(network, &weights, options).unwrap_err().to_string();
    let options = OnnxOptions::default();
    let mut network = case.network.clone();
    network.nodes[2].inputs = [9].into_iter().collect();
    insta::assert_snapshot!(refused(&network, &options), @"node `batch_norm_2` (layer `network[0].conv`): its input 9 does not come before it");
    network.nodes[2].inputs = [0, 1].into_iter().collect();
    insta::assert_snapshot!(refused(&network, &options), @"node `batch_norm_2` (layer `network[0].conv`): `batch_norm` cannot have 2 inputs");
    let mut network = case.network.clone();
    network.output = 99;
    insta::assert_snapshot!(refused(&network, &options), @"the network cannot be exported: its output is node 99, but it has 18 nodes");
    network.nodes.clear();
    insta::assert_snapshot!(refused(&network, &options), @"the network cannot be exported: its first node is not its input");
    let preprocessing = Preprocessing { mean: vec![0.1; 3], ..Preprocessing::default() };
    let options = OnnxOptions { preprocessing, ..OnnxOptions::default() };
    insta::assert_snapshot!(refused(&case.network, &options), @"the preprocessing has 3 values of `mean`, but the network's input has 1 channels");
}

#[test]
#[allow(clippy::print_stderr, reason = "shows what was measured")]
fn onnxruntime_agrees() {
    let folder = tempfile::tempdir().unwrap();
    let mut written = 0;
    for case in cases() {
        let weights = Weights::from_bytes(&case.network, &case.checkpoint).unwrap();
        for include_preprocessing in [false, true] {
            let preprocessing = preprocessing(&case);
            let input = if include_preprocessing { raw(&case.input, &preprocessing) } else { case.input.clone() };
            let name = format!("{}{}", case.name, if include_preprocessing { "_raw" } else { "" });
            let options = OnnxOptions { name: name.clone(), preprocessing, include_preprocessing };
            let value = |array: &Array| json!({"shape": array.shape, "data": array.data});
            let expected = json!({"input": value(&input), "output": value(&case.output)});
            let path = folder.path().join(name);
            std::fs::write(path.with_extension("onnx"), onnx(&case.network, &weights, &options).unwrap()).unwrap();
            std::fs::write(path.with_extension("json"), expected.to_string()).unwrap();
            written += 1;
        }
    }
    let Some(answers) = python("numpy, onnx, onnxruntime", include_str!("check.py"), folder.path()) else { return };
    assert_eq!(answers.lines().count(), written);
    for line in answers.lines() {
        eprintln!("{line}");
        let answer: serde_json::Value = serde_json::from_str(line).unwrap();
        assert!(answer["difference"].as_f64().unwrap() <= 1e-5, "{line}");
    }
}
