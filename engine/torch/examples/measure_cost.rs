//! What each measurement of robustness costs: 1,000 images of 28x28 pixels, a network of two convolutions, one core.
//! `cargo run -p pleach-torch --example measure_cost`
#![allow(clippy::print_stdout)]

use pleach_evaluate::Measure;
use pleach_evaluate::protocol::{MeasureJob, TrainJob, WorkerAnswer, WorkerRequest};
use pleach_random::Generator;
use pleach_space::{Shape, Space, View};
use pleach_spec::{Attack, Corruption, Data, Dataset, Decide, Split, Training};
use pleach_torch::{DeviceChoice, Health, Worker};
use std::fs;
use std::path::Path;
use std::sync::Arc;

const SPACE: &str =
    "network: [{conv: {channels: 16}}, {conv: {channels: 32, stride: 2}}, {global_pool: average}, {linear: classes}]";
const IMAGES: u32 = 1_000;

fn main() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    // Half of them are the validation part.
    write_images(folder.path(), "train", 2 * IMAGES);
    write_images(folder.path(), "t10k", 10);
    let split = Split { validation: Some(0.5), test: None, limit: None };
    let data = Data { dataset: Dataset::Idx(".".to_owned()), batch: 64, split };
    let section = serde_saphyr::from_str(SPACE).expect("the space is YAML");
    let space =
        Arc::new(Space::compile(&section, "", Some((Shape::image(1, 28, 28), 10))).0.expect("the space compiles"));
    let base = space.defaults();
    let network = View::new(space, Decide::All, base).build(&[]).expect("the network can be built").network;
    let recipe: Training = serde_json::from_str(r#"{"epochs": 1}"#).expect("a recipe");
    let weights = folder.path().join("weights.safetensors");
    let training = TrainJob {
        id: 1,
        network: network.clone(),
        recipe,
        batch: 64,
        data: data.clone(),
        data_base: folder.path().to_owned(),
        data_caches: Vec::new(),
        split_seed: 1,
        seed: 1,
        epochs: 1,
        data_share: 1.0,
        resume: None,
        checkpoint: Some(weights.clone()),
        progress: None,
        test: false,
        measure: Vec::new(),
    };
    let device = DeviceChoice::Cpu.find().expect("a CPU is there");
    let mut worker = Worker::new(device, "pleach-torch".into(), 1);
    let mut ask = |request: WorkerRequest| {
        let mut last = None;
        let health = worker.answer(&request, &mut |answer| last = Some(answer));
        assert_eq!(health, Health::Well);
        last.expect("a request is answered")
    };
    let answer = ask(WorkerRequest::Train(Box::new(training)));
    assert!(matches!(answer, WorkerAnswer::Trained { .. }), "{answer:?}");
    let mut seconds = |measure: Vec<Measure>| {
        let job = MeasureJob {
            id: 2,
            network: network.clone(),
            weights: weights.clone(),
            data: data.clone(),
            data_base: folder.path().to_owned(),
            data_caches: Vec::new(),
            split_seed: 1,
            seed: 1,
            batch: 64,
            examples: None,
            threads: 1,
            measure,
        };
        match ask(WorkerRequest::Measure(Box::new(job))) {
            WorkerAnswer::Measured { seconds, .. } => seconds,
            other => panic!("{other:?}"),
        }
    };
    // Of five times the shortest is least disturbed by other programs.
    let mut shortest = |measure: &[Measure]| (0..5).map(|_| seconds(measure.to_vec())).fold(f64::INFINITY, f64::min);
    let clean = shortest(&[]);
    println!("clean {clean:.3} s");
    for corruption in Corruption::ALL {
        let all = [1, 5].map(|severity| shortest(&[Measure::Corrupted { corruption, severity }]) - clean);
        println!("{} {:.3} to {:.3} s", corruption.name(), all[0].min(all[1]), all[0].max(all[1]));
    }
    for (name, attack) in [
        ("fgsm", r#"{"fgsm": {"epsilon": 0.1}}"#),
        ("pgd, 10 steps", r#"{"pgd": {"epsilon": 0.1}}"#),
        ("square, 100 queries", r#"{"square": {"epsilon": 0.02}}"#),
    ] {
        let attack: Attack = serde_json::from_str(attack).expect("an attack");
        println!("{name} {:.3} s", shortest(&[Measure::Attacked { name: "a".to_owned(), attack }]) - clean);
    }
    println!("latency {:.3} s", shortest(&[Measure::Latency { batch: 1 }]) - clean);
    println!("peak_memory {:.3} s", shortest(&[Measure::PeakMemory { batch: 1 }]) - clean);
}

/// Bars of a direction that the class has, with noise: something to learn.
fn write_images(folder: &Path, part: &str, count: u32) {
    let mut generator = Generator::new(u64::from(count));
    let mut images = [0x0803, count, 28, 28].map(u32::to_be_bytes).concat();
    let mut labels = [0x0801, count].map(u32::to_be_bytes).concat();
    for number in 0..count {
        let class = number % 10;
        labels.push(class as u8);
        for place in 0..28 * 28 {
            let (row, column) = (place / 28, place % 28);
            let bar = (row * (class + 1) + column * (10 - class)) / 20 % 2 * 150;
            images.push((u64::from(bar) + generator.below(100)) as u8);
        }
    }
    for (kind, bytes) in [("images-idx3", images), ("labels-idx1", labels)] {
        fs::write(folder.join(format!("{part}-{kind}-ubyte")), bytes).expect("a file can be written");
    }
}
