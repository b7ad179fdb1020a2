//! All formats of networks from the ready spaces.

use crate::testing::{Random, python, random_checkpoint};
use crate::*;
use pleach_space::{Built, Space, View};
use pleach_spec::{Decide, Document};
use serde_json::{Value, json};
use std::path::Path;
use std::sync::Arc;

/// A few networks of each ready space and of the quickstart, with the space section that builds each.
fn networks() -> Vec<(String, Built, Value)> {
    let specs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../specs");
    let files = [
        ("quickstart.yaml", 3),
        ("spaces/nas-bench-201.yaml", 2),
        ("spaces/nas-bench-macro.yaml", 1),
        ("spaces/darts-8.yaml", 1),
        ("spaces/mobilenet-v3.yaml", 1),
    ];
    let mut networks = Vec::new();
    for (file, count) in files {
        let path = specs.join(file);
        let document = Document::open(path.to_str().unwrap(), &|path| std::fs::read(path), &[]);
        let section = document.root().unwrap().at(document.space_pointer()).unwrap().to_json();
        let digits = file.starts_with("quickstart").then(|| (pleach_space::Shape::image(1, 8, 8), 10));
        let (space, problems) = Space::compile(&section, document.space_pointer(), digits);
        assert_eq!(problems, [], "{file}");
        let space = Arc::new(space.unwrap());
        let view = View::new(space.clone(), Decide::All, space.defaults());
        for (index, genotype) in view.sample(count, 7).iter().enumerate() {
            let name = format!("{}-{index}", path.file_stem().unwrap().to_str().unwrap());
            networks.push((name, view.build(genotype).unwrap(), space.resolved(&view.full(genotype))));
        }
    }
    networks
}

#[test]
fn an_experiment_without_decisions_builds_the_same_network() {
    for (name, built, section) in networks() {
        let (data, objectives) = (json!({"dataset": "digits"}), json!([{"maximize": "accuracy"}]));
        let text = experiment_yaml(&FixedExperiment {
            name: &name,
            origin: &[],
            metrics: &[],
            seed: 1,
            data: Some(&data),
            space: &section,
            input: None,
            objectives: &objectives,
            evaluator: None,
        })
        .unwrap();
        let document = Document::load("best.yaml", &text, &|path| panic!("{path} is read"), &[]);
        assert_eq!(document.check(), [], "{text}");
        let again = document.root().unwrap().at("/space").unwrap().to_json();
        assert_eq!(again.to_string(), section.to_string());
        let (space, problems) = Space::compile(&again, "/space", None);
        assert_eq!(problems, []);
        let space = space.unwrap();
        assert_eq!(space.decisions().len(), 0);
        assert_eq!(space.build(&[]).unwrap().fingerprint, built.fingerprint, "{text}");
    }
}

#[test]
#[allow(clippy::print_stderr, reason = "shows what was measured")]
fn onnxruntime_and_pytorch_agree_on_networks_of_the_ready_spaces() {
    let folder = tempfile::tempdir().unwrap();
    let networks = networks();
    for (seed, (name, built, _)) in networks.iter().enumerate() {
        let (network, path) = (&built.network, folder.path().join(name));
        let checkpoint = random_checkpoint(network, &mut Random(seed as u64));
        let weights = Weights::from_bytes(network, &checkpoint).unwrap();
        let channels = network.input_shape().channels();
        let preprocessing = Preprocessing {
            mean: vec![0.4; channels],
            deviation: vec![0.3; channels],
            scale: 1.0 / 255.0,
            classes: Vec::new(),
        };
        let options = PytorchOptions {
            name: name.clone(),
            weights_file: format!("{name}.safetensors"),
            preprocessing: preprocessing.clone(),
        };
        std::fs::write(path.with_extension("py"), pytorch(network, &options).unwrap()).unwrap();
        let file = inference_weights(network, &weights, &preprocessing).unwrap();
        std::fs::write(path.with_extension("safetensors"), file).unwrap();
        let options = OnnxOptions { name: name.clone(), preprocessing, include_preprocessing: true };
        std::fs::write(path.with_extension("onnx"), onnx(network, &weights, &options).unwrap()).unwrap();
    }
    let modules = "numpy, onnx, onnxruntime, torch";
    let Some(answers) = python(modules, include_str!("testing/compare.py"), folder.path()) else { return };
    assert_eq!(answers.lines().count(), networks.len());
    for line in answers.lines() {
        eprintln!("{line}");
        let answer: Value = serde_json::from_str(line).unwrap();
        assert!(answer["relative"].as_f64().unwrap() <= 1e-5, "{line}");
    }
}
