//! Trainings in process.

use crate::networks::{
    Builder, adam, ask, digits_network, fail, job, random_network, recipe, sgd, train, train_with, worker,
};
use pleach_evaluate::protocol::{BenchmarkJob, FailureReason, Progress, TrainJob, WorkerAnswer, WorkerRequest};
use pleach_space::{Op, Shape};
use pleach_spec::{Augment, Csv, Dataset, Optimizer, PoolKind, Precision, Split, Synthetic};
use std::fs;

#[test]
fn digits_are_learned() {
    let mut job = job(digits_network(), recipe(4, sgd(0.1)));
    (job.test, job.batch) = (true, 16);
    let trained = train(&job);
    assert_eq!(trained.epochs.iter().map(|(epoch, _)| *epoch).collect::<Vec<_>>(), [1, 2, 3, 4]);
    let names: Vec<&str> = trained.metrics.keys().map(String::as_str).collect();
    assert_eq!(names, ["loss", "accuracy", "train_loss", "train_accuracy", "test_loss", "test_accuracy"]);
    assert!(trained.metrics["accuracy"] > 0.9 && trained.metrics["test_accuracy"] > 0.9, "{:?}", trained.metrics);
    assert!(trained.metrics["train_loss"] < 0.5 * trained.epochs[0].1["train_loss"]);
    assert_eq!(trained.parameters, 8 * 9 + 16 + 8 * 16 * 9 + 32 + 16 * 10 + 10);
}

#[test]
fn one_request_gives_the_same_bits() {
    let mut job = job(random_network(), recipe(2, Optimizer::Adamw(adam(0.01))));
    job.data.split.limit = Some(300);
    job.recipe.augment = Augment { crop: 1, flip: true, cutout: 2, mixup: 0.3 };
    let (first, second) = (train(&job), train(&job));
    assert_eq!((first.digest.clone(), first.metrics, first.epochs), (second.digest, second.metrics, second.epochs));
    job.seed += 1;
    assert_ne!(train(&job).digest, first.digest);
}

#[test]
fn two_threads_agree_with_themselves() {
    let mut job = job(digits_network(), recipe(1, sgd(0.1)));
    job.data.split.limit = Some(100);
    job.recipe.threads = 2;
    assert_eq!(train(&job).digest, train(&job).digest);
}

#[test]
fn a_resumed_training_has_the_bits_of_an_uninterrupted_one() {
    let folder = tempfile::tempdir().unwrap();
    let all = Augment { crop: 1, flip: true, cutout: 2, mixup: 0.3 };
    for (number, optimizer) in [sgd(0.1), Optimizer::Adam(adam(0.01))].into_iter().enumerate() {
        let mut whole = job(random_network(), recipe(4, optimizer));
        whole.data.split.limit = Some(200);
        whole.recipe.augment = all.clone();
        whole.recipe.clip = Some(1.0);
        whole.recipe.label_smoothing = 0.1;
        let file = |name: &str| folder.path().join(format!("{name}-{number}.safetensors"));
        whole.checkpoint = Some(file("whole"));
        let expected = train(&whole);
        let (mut first, mut second) = (whole.clone(), whole.clone());
        (first.epochs, first.checkpoint) = (1, Some(file("first")));
        (second.resume, second.checkpoint) = (Some(file("first")), Some(file("second")));
        // The same network of a space that is written otherwise.
        second.network.nodes.iter_mut().for_each(|node| node.path = format!("network[7].{}", node.path).into());
        let start = train(&first);
        assert_ne!(start.digest, expected.digest);
        let rest = train(&second);
        assert_eq!((rest.digest, &rest.metrics), (expected.digest.clone(), &expected.metrics));
        assert_eq!([start.epochs, rest.epochs].concat(), expected.epochs);
        assert_eq!(
            fs::read(file("whole")).unwrap(),
            fs::read(file("second")).unwrap(),
            "checkpoints are equal byte by byte"
        );
        // Nothing left to train: the metrics of the checkpoint.
        second.resume = Some(file("whole"));
        let done = train(&second);
        assert_eq!((done.digest, done.metrics, done.epochs.len()), (expected.digest, expected.metrics, 0));
    }
}

#[test]
fn a_killed_training_goes_on_from_its_last_epoch() {
    let folder = tempfile::tempdir().unwrap();
    let mut whole = job(random_network(), recipe(4, sgd(0.1)));
    whole.data.split.limit = Some(200);
    let expected = train(&whole);
    let progress = Some(Progress { file: folder.path().join("progress"), seconds: 0.0 });
    // What two epochs leave is what four leave that are killed after the second.
    let killed = TrainJob { epochs: 2, progress: progress.clone(), ..whole.clone() };
    train(&killed);
    let left = fs::read(folder.path().join("progress")).unwrap();
    let again = TrainJob { progress: progress.clone(), ..whole.clone() };
    let rest = train(&again);
    assert_eq!(
        (rest.digest, rest.metrics, rest.epochs),
        (expected.digest.clone(), expected.metrics.clone(), expected.epochs.clone())
    );
    // It did go on: it tells what the file says of its epochs.
    let mut changed = left;
    let told = changed.windows(4).position(|bytes| bytes == b"told").unwrap();
    let digit = told + changed[told..].iter().position(|&byte| byte == b'.').unwrap() + 1;
    changed[digit] = if changed[digit] == b'1' { b'2' } else { b'1' };
    fs::write(folder.path().join("progress"), &changed).unwrap();
    let rest = train(&again);
    assert_ne!(rest.epochs[0], expected.epochs[0]);
    assert_eq!((rest.epochs.len(), rest.digest), (4, expected.digest.clone()));
    // A file of another training or a damaged one is as good as none.
    fs::write(folder.path().join("progress"), &changed[..changed.len() / 2]).unwrap();
    assert_eq!(train(&again).epochs, expected.epochs);
    train(&TrainJob { seed: whole.seed + 1, ..killed });
    assert_eq!(train(&again).epochs, expected.epochs);
    // One that cannot be written costs nothing but that.
    let nowhere = Some(Progress { file: folder.path().join("none/progress"), seconds: 0.0 });
    assert_eq!(train(&TrainJob { progress: nowhere, ..whole }).digest, expected.digest);
}

#[test]
fn a_checkpoint_of_another_training_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("c.safetensors");
    let mut job = job(digits_network(), recipe(2, sgd(0.1)));
    job.data.split.limit = Some(64);
    (job.epochs, job.checkpoint) = (1, Some(file.clone()));
    train(&job);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "no temporary file stays");
    (job.checkpoint, job.resume) = (None, Some(file.clone()));
    let mut other = job.clone();
    other.recipe.optimizer = sgd(0.2);
    let (reason, message, detail) = fail(&other);
    assert_eq!((reason, message.as_str()), (FailureReason::Lost, "the checkpoint cannot be gone on from"));
    assert!(detail.contains("another training"), "{detail}");
    fs::write(&file, "{").unwrap();
    assert_eq!(fail(&job).1, "the weights cannot be read");
    job.resume = Some(folder.path().join("none"));
    assert_eq!(fail(&job).1, "the weights cannot be read");
}

#[test]
fn a_loss_that_is_not_finite_fails_that_trial_alone() {
    let mut diverging = job(digits_network(), recipe(3, sgd(1e30)));
    diverging.data.split.limit = Some(256);
    let (reason, message, _) = fail(&diverging);
    assert_eq!(reason, FailureReason::Diverged);
    assert_eq!(message, "the training loss of epoch 1 is not finite");
    let mut worker = worker();
    let mut fine = job(digits_network(), recipe(1, sgd(0.1)));
    fine.data.split.limit = Some(256);
    let expected = train(&fine).digest;
    assert!(matches!(
        ask(&mut worker, &WorkerRequest::Train(Box::new(diverging)))[..],
        [WorkerAnswer::Failed { reason: FailureReason::Diverged, .. }]
    ));
    assert_eq!(train_with(&mut worker, &fine).digest, expected);
}

#[test]
fn memory_that_runs_out_fails_that_trial_alone() {
    let mut builder = Builder::new(Shape::image(1, 8, 8));
    let flat = builder.add(Op::Flatten, &[0], Shape::vector(64));
    let huge = 1 << 44;
    let wide =
        builder.add(Op::Linear { in_features: 64, out_features: huge, bias: false }, &[flat], Shape::vector(huge));
    let output =
        builder.add(Op::Linear { in_features: huge, out_features: 10, bias: true }, &[wide], Shape::vector(10));
    let mut worker = worker();
    let hungry = job(builder.finish(output), recipe(1, sgd(0.1)));
    let answers = ask(&mut worker, &WorkerRequest::Train(Box::new(hungry)));
    let [WorkerAnswer::Failed { id: 5, reason, message, .. }] = &answers[..] else { panic!("{answers:?}") };
    assert_eq!((*reason, message.as_str()), (FailureReason::OutOfMemory, "memory ran out"));
    let mut fine = job(digits_network(), recipe(1, sgd(0.1)));
    fine.data.split.limit = Some(64);
    train_with(&mut worker, &fine);
}

#[test]
fn a_network_without_weights_is_measured() {
    let mut builder = Builder::new(Shape::image(1, 8, 8));
    let zero = builder.add(Op::Zero, &[], Shape::vector(10));
    let trained = train(&job(builder.finish(zero), recipe(2, sgd(0.1))));
    assert_eq!((trained.parameters, trained.epochs.len()), (0, 2));
    for name in ["loss", "train_loss"] {
        assert!((trained.metrics[name] - 10f64.ln()).abs() < 1e-5, "{:?}", trained.metrics);
    }
    // With weights of which the loss knows nothing, too.
    let mut builder = Builder::new(Shape::image(1, 8, 8));
    let dead = builder.block(0, 4, 1);
    builder.add(Op::GlobalPool { kind: PoolKind::Max }, &[dead], Shape::vector(4));
    let zero = builder.add(Op::Zero, &[], Shape::vector(10));
    let trained = train(&job(builder.finish(zero), recipe(1, sgd(0.1))));
    assert_eq!(trained.parameters, 4 * 9 + 8);
}

#[test]
fn a_part_of_the_data_and_of_the_epochs() {
    let mut job = job(digits_network(), recipe(8, sgd(0.1)));
    (job.epochs, job.data_share) = (1, 0.25);
    let part = train(&job);
    assert_eq!(part.epochs.len(), 1);
    job.data_share = 1.0;
    assert_ne!(train(&job).digest, part.digest);
    job.data.split = Split { validation: Some(0.0), test: Some(0.0), limit: Some(65) };
    job.test = true;
    let names: Vec<String> = train(&job).metrics.into_keys().collect();
    assert_eq!(names, ["train_loss", "train_accuracy"], "empty parts have no metrics");
}

#[test]
fn tables_and_made_up_images() {
    let folder = tempfile::tempdir().unwrap();
    let rows: String = (0..60).map(|i| format!("{},{},{}\n", i % 3, 5 + i, ["a", "b", "c"][i % 3])).collect();
    fs::write(folder.path().join("t.csv"), format!("x,y,class\n{rows}")).unwrap();
    let mut builder = Builder::new(Shape::vector(2));
    let output = builder.add(Op::Linear { in_features: 2, out_features: 3, bias: true }, &[0], Shape::vector(3));
    let network = builder.finish(output);
    let mut job = job(network, recipe(30, Optimizer::Adam(adam(0.1))));
    job.data.dataset = Dataset::Csv(Csv { path: "t.csv".into(), target: "class".into(), shape: None });
    job.data_base = folder.path().to_owned();
    job.batch = 8;
    assert!(train(&job).metrics["accuracy"] > 0.9);
    job.recipe.augment.flip = true;
    let (reason, message, _) = fail(&job);
    assert_eq!(reason, FailureReason::Infeasible);
    assert!(message.contains("are for images"), "{message}");
    job.data.dataset = Dataset::Synthetic(Synthetic { shape: vec![1, 8, 8], classes: 10, examples: 100 });
    job.network = digits_network();
    job.recipe = recipe(1, sgd(0.1));
    job.recipe.augment = Augment { crop: 2, flip: true, cutout: 3, mixup: 1.0 };
    train(&job);
}

#[test]
fn a_network_that_does_not_fit_the_data_is_infeasible() {
    let mut builder = Builder::new(Shape::image(1, 8, 8));
    let block = builder.block(0, 4, 1);
    let (reason, message, _) = fail(&job(builder.classify(block, 9), recipe(1, sgd(0.1))));
    assert_eq!(reason, FailureReason::Infeasible);
    assert_eq!(message, "the network gives [9], the data set has 10 classes");
    let mut missing = job(digits_network(), recipe(1, sgd(0.1)));
    missing.data.dataset = Dataset::Folder("/no/such/folder".into());
    assert_eq!(fail(&missing).1, "the data cannot be used");
}

#[test]
fn bfloat16_learns_too() {
    let mut job = job(digits_network(), recipe(2, sgd(0.1)));
    job.batch = 16;
    let full = train(&job);
    job.recipe.precision = Precision::Mixed;
    let mixed = train(&job);
    assert_ne!(mixed.digest, full.digest);
    assert!(mixed.metrics["accuracy"] > 0.8, "{:?}", mixed.metrics);
    assert_eq!(train(&job).digest, mixed.digest);
    job.recipe.precision = Precision::Full;
    assert_eq!(train(&job).digest, full.digest, "nothing of bfloat16 stays switched on");
}

#[test]
fn speed_is_measured() {
    let request = WorkerRequest::Benchmark(Box::new(BenchmarkJob {
        id: 9,
        network: digits_network(),
        recipe: recipe(1, sgd(0.1)),
        batch: 16,
        steps: 5,
        warm_up: 2,
        threads: 1,
    }));
    let answers = ask(&mut worker(), &request);
    let [WorkerAnswer::Benchmarked { id: 9, images_per_second, step_seconds }] = &answers[..] else {
        panic!("{answers:?}")
    };
    assert!(step_seconds.len() == 5 && step_seconds.iter().all(|&seconds| seconds > 0.0));
    let expected = 5.0 * 16.0 / step_seconds.iter().sum::<f64>();
    assert!((images_per_second / expected - 1.0).abs() < 1e-9);
}
