//! Measurements of trained networks.

use crate::networks::{Builder, adam, ask, digits_network, fail, job, recipe, sgd, train, worker};
use pleach_evaluate::Measure;
use pleach_evaluate::protocol::{FailureReason, MeasureJob, Metrics, TrainJob, WorkerAnswer, WorkerRequest};
use pleach_random::derive;
use pleach_space::{Op, Shape};
use pleach_spec::{Attack, Corruption, Csv, Dataset, Fgsm, Optimizer, Pgd, Precision, Split, Square};
use std::fs;
use std::path::PathBuf;
use std::sync::OnceLock;

fn fgsm(epsilon: f64) -> Attack {
    Attack::Fgsm(Fgsm { epsilon })
}

fn pgd(epsilon: f64, steps: u32) -> Attack {
    Attack::Pgd(Pgd { epsilon, steps, step_size: None, random_start: true })
}

fn square(epsilon: f64) -> Attack {
    Attack::Square(Square { epsilon, queries: 60, initial_share: 0.8 })
}

fn attacked(name: &str, attack: Attack) -> Measure {
    Measure::Attacked { name: name.to_owned(), attack }
}

fn corrupted(corruption: Corruption, severity: u8) -> Measure {
    Measure::Corrupted { corruption, severity }
}

fn measure_job(job: &TrainJob, weights: PathBuf, measure: Vec<Measure>) -> MeasureJob {
    MeasureJob {
        id: 8,
        network: job.network.clone(),
        weights,
        data: job.data.clone(),
        data_base: job.data_base.clone(),
        data_caches: Vec::new(),
        split_seed: job.split_seed,
        seed: derive(job.seed, &["measure"]),
        batch: job.batch,
        examples: None,
        threads: job.recipe.threads,
        measure,
    }
}

fn last(job: &MeasureJob) -> WorkerAnswer {
    let mut answers = ask(&mut worker(), &WorkerRequest::Measure(Box::new(job.clone())));
    assert_eq!(answers.len(), 1);
    answers.remove(0)
}

fn measure(job: &MeasureJob) -> Metrics {
    match last(job) {
        WorkerAnswer::Measured { id: 8, metrics, seconds } if seconds > 0.0 => metrics,
        other => panic!("{other:?}"),
    }
}

/// A network that knows the digits, trained once for all tests.
fn trained() -> &'static MeasureJob {
    static TRAINED: OnceLock<(MeasureJob, tempfile::TempDir)> = OnceLock::new();
    let make = || {
        let folder = tempfile::tempdir().unwrap();
        let mut job = job(digits_network(), recipe(4, sgd(0.1)));
        job.batch = 16;
        job.checkpoint = Some(folder.path().join("digits.safetensors"));
        assert!(train(&job).metrics["accuracy"] > 0.9);
        let mut measure = measure_job(&job, job.checkpoint.clone().unwrap(), Vec::new());
        measure.batch = 64;
        (measure, folder)
    };
    &TRAINED.get_or_init(make).0
}

fn measured(measure_these: Vec<Measure>) -> Metrics {
    measure(&MeasureJob { measure: measure_these, ..trained().clone() })
}

#[test]
fn a_stronger_epsilon_is_never_easier() {
    let epsilons = [0.0, 0.05, 0.1, 0.2, 0.3];
    for name in ["fgsm", "pgd", "square"] {
        let attack = |epsilon| match name {
            "fgsm" => fgsm(epsilon),
            "pgd" => pgd(epsilon, 10),
            _ => square(epsilon),
        };
        let all = epsilons.iter().enumerate().map(|(i, &epsilon)| attacked(&format!("{name}{i}"), attack(epsilon)));
        let metrics = measured(all.collect());
        let accuracies: Vec<f64> = (0..epsilons.len()).map(|i| metrics[&format!("accuracy({name}{i})")]).collect();
        let losses: Vec<f64> = (0..epsilons.len()).map(|i| metrics[&format!("loss({name}{i})")]).collect();
        assert!(accuracies.windows(2).all(|pair| pair[0] >= pair[1]), "{name} {accuracies:?}");
        assert_eq!(accuracies[0], metrics["accuracy"], "{name}: an epsilon of 0 is no attack");
        assert!((losses[0] - metrics["loss"]).abs() < 1e-6 && losses[0] < losses[4], "{name} {losses:?}");
        assert!(accuracies[4] < 0.5 * accuracies[0], "{name} {accuracies:?}");
    }
}

#[test]
fn more_steps_are_stronger_and_gradients_stronger_than_queries() {
    let still = Pgd { epsilon: 0.1, steps: 1, step_size: Some(0.1), random_start: false };
    let metrics = measured(vec![
        attacked("fast", fgsm(0.1)),
        attacked("one", Attack::Pgd(still)),
        attacked("ten", pgd(0.1, 10)),
        attacked("square", square(0.1)),
    ]);
    assert_eq!(metrics["accuracy(fast)"], metrics["accuracy(one)"]);
    assert_eq!(metrics["loss(fast)"].to_bits(), metrics["loss(one)"].to_bits());
    assert!(metrics["accuracy(ten)"] <= metrics["accuracy(fast)"], "{metrics:?}");
    assert!(metrics["loss(ten)"] > metrics["loss(fast)"], "{metrics:?}");
    assert!(metrics["accuracy(ten)"] <= metrics["accuracy(square)"], "{metrics:?}");
    assert!(metrics["accuracy(square)"] < metrics["accuracy"], "{metrics:?}");
}

#[test]
fn corruptions_harm_and_repeat() {
    let all = || Corruption::ALL.into_iter().map(|corruption| corrupted(corruption, 5)).collect::<Vec<_>>();
    let metrics = measured(all());
    assert_eq!(metrics.len(), 2 + 2 * Corruption::ALL.len());
    for corruption in Corruption::ALL {
        let loss = metrics[&format!("loss({}, 5)", corruption.name())];
        assert!(loss.is_finite() && loss != metrics["loss"], "{corruption:?} changes something");
    }
    for name in ["gaussian_noise", "defocus_blur", "contrast", "pixelate"] {
        assert!(metrics[&format!("accuracy({name}, 5)")] < metrics["accuracy"], "{name}: {metrics:?}");
    }
    let mut again = MeasureJob { measure: all(), ..trained().clone() };
    again.batch = 5;
    assert_eq!(measure(&again), metrics, "the batch changes nothing");
    again.seed += 1;
    assert_ne!(measure(&again)["loss(shot_noise, 5)"], metrics["loss(shot_noise, 5)"]);
    assert_eq!(measure(&again)["loss(contrast, 5)"], metrics["loss(contrast, 5)"]);
}

#[test]
fn a_training_measures_what_a_measurement_of_its_weights_does() {
    let folder = tempfile::tempdir().unwrap();
    let mut job = job(digits_network(), recipe(2, Optimizer::Adamw(adam(0.01))));
    job.data.split.limit = Some(300);
    job.checkpoint = Some(folder.path().join("c.safetensors"));
    let asked = vec![
        corrupted(Corruption::GaussianNoise, 2),
        corrupted(Corruption::JpegCompression, 5),
        attacked("pgd3", pgd(0.05, 3)),
        attacked("square", square(0.05)),
        Measure::PeakMemory { batch: 4 },
    ];
    let plain = train(&job);
    job.measure = asked.clone();
    job.test = true;
    let trained = train(&job);
    assert_eq!(trained.digest, plain.digest, "measuring changes no weight");
    let names: Vec<String> = asked.iter().flat_map(Measure::metrics).collect();
    let ends: Vec<&String> = trained.metrics.keys().skip(6).collect();
    assert_eq!(ends, names.iter().collect::<Vec<_>>());
    let mut alone = measure_job(&job, job.checkpoint.clone().unwrap(), asked);
    let metrics = measure(&alone);
    for (name, value) in &metrics {
        assert_eq!(value.to_bits(), trained.metrics[name].to_bits(), "{name}");
    }
    assert_eq!(metrics.len(), names.len() + 2, "accuracy and loss beside what was asked for");
    // A part of the examples.
    alone.examples = Some(40);
    let part = measure(&alone);
    assert_ne!(part["loss"], metrics["loss"]);
    let whole = |accuracy: f64| (accuracy * 40.0 - (accuracy * 40.0).round()).abs() < 1e-9;
    assert!(part.iter().all(|(name, &value)| !name.starts_with("accuracy") || whole(value)), "{part:?}");
    // A training that goes on measures the same.
    (job.epochs, job.measure, job.checkpoint) = (1, Vec::new(), Some(folder.path().join("half.safetensors")));
    train(&job);
    (job.epochs, job.measure, job.resume) = (2, alone.measure, job.checkpoint.take());
    assert_eq!(train(&job).metrics, trained.metrics);
}

#[test]
fn bfloat16_is_for_training_alone() {
    let folder = tempfile::tempdir().unwrap();
    let mut job = job(digits_network(), recipe(1, sgd(0.1)));
    job.data.split.limit = Some(200);
    job.recipe.precision = Precision::Mixed;
    job.checkpoint = Some(folder.path().join("c.safetensors"));
    job.measure = vec![attacked("nothing", fgsm(0.0)), corrupted(Corruption::Contrast, 1)];
    let trained = train(&job);
    let metrics = measure(&measure_job(&job, job.checkpoint.clone().unwrap(), job.measure.clone()));
    assert_eq!(metrics["loss(contrast, 1)"], trained.metrics["loss(contrast, 1)"]);
    assert!((metrics["loss"] - trained.metrics["loss(nothing)"]).abs() < 1e-6);
    assert_ne!(metrics["loss"], trained.metrics["loss"]);
}

#[test]
fn tables_can_be_attacked_but_not_corrupted() {
    let folder = tempfile::tempdir().unwrap();
    let rows: String = (0..90).map(|i| format!("{},{},{}\n", i % 3 * 100 + i % 7, 5, ["a", "b", "c"][i % 3])).collect();
    fs::write(folder.path().join("t.csv"), format!("x,y,class\n{rows}")).unwrap();
    let mut builder = Builder::new(Shape::vector(2));
    let output = builder.add(Op::Linear { in_features: 2, out_features: 3, bias: true }, &[0], Shape::vector(3));
    let mut job = job(builder.finish(output), recipe(30, Optimizer::Adam(adam(0.1))));
    job.data.dataset = Dataset::Csv(Csv { path: "t.csv".into(), target: "class".into(), shape: None });
    job.data_base = folder.path().to_owned();
    job.batch = 8;
    job.measure = vec![attacked("weak", pgd(0.01, 5)), attacked("strong", pgd(0.4, 5))];
    let metrics = train(&job).metrics;
    assert_eq!(metrics["accuracy(weak)"], metrics["accuracy"]);
    assert!(metrics["accuracy(strong)"] < 0.5, "{metrics:?}");
    let refused = |job: &TrainJob, measure: Measure| {
        let mut job = job.clone();
        job.measure = vec![measure];
        let (reason, message, _) = fail(&job);
        assert_eq!(reason, FailureReason::Infeasible);
        message
    };
    let message = refused(&job, corrupted(Corruption::Pixelate, 1));
    assert_eq!(
        message,
        "`pixelate` corrupts images of 1 or 3 channels, and the data set's inputs are [2]; leave it out"
    );
    let message = refused(&job, attacked("mine", square(0.1)));
    assert!(message.starts_with("the Square attack `mine` changes squares of images"), "{message}");
    job.data.split = Split { validation: Some(0.0), ..job.data.split };
    let message = refused(&job, attacked("pgd", pgd(0.1, 1)));
    assert!(message.contains("`accuracy(pgd)` is measured on the validation part, which is empty"), "{message}");
}

#[test]
fn weights_of_another_network_are_refused() {
    let mut job = trained().clone();
    let mut builder = Builder::new(Shape::image(1, 8, 8));
    let block = builder.block(0, 5, 1);
    job.network = builder.classify(block, 10);
    match last(&job) {
        WorkerAnswer::Failed { id: 8, reason: FailureReason::Lost, message, .. } => {
            assert_eq!(message, "the weights are of another network");
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn time_and_memory_grow_with_the_batch() {
    let metrics = measured(vec![
        Measure::Latency { batch: 1 },
        Measure::Latency { batch: 256 },
        Measure::PeakMemory { batch: 1 },
        Measure::PeakMemory { batch: 256 },
    ]);
    assert!(metrics["latency"] > 0.0 && metrics["latency(256)"] > metrics["latency"], "{metrics:?}");
    let (one, many) = (metrics["peak_memory"], metrics["peak_memory(256)"]);
    // Weights are there once; the first block's output alone is 256 * 8 * 8 * 8 numbers.
    assert!(one < many && many > 256.0 * 512.0 * 4.0, "{metrics:?}");
    assert!(one < 40_000.0, "{metrics:?}");
}
