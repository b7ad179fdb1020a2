//! Training on attacked examples.

use crate::networks::{adam, digits_network, fail, job, random_network, recipe, sgd, train};
use pleach_evaluate::Measure;
use pleach_evaluate::protocol::TrainJob;
use pleach_spec::{Adversarial, Attack, Augment, Optimizer, Pgd, PgdTraining, Precision, Trades};

fn pgd(epsilon: f64, steps: u32) -> Adversarial {
    Adversarial::Pgd(PgdTraining { epsilon, steps, step_size: None, random_start: true })
}

fn trades(epsilon: f64, steps: u32, beta: f64) -> Adversarial {
    Adversarial::Trades(Trades { epsilon, steps, step_size: None, beta })
}

fn with(adversarial: Option<Adversarial>) -> TrainJob {
    let mut job = job(digits_network(), recipe(5, sgd(0.1)));
    job.batch = 16;
    job.recipe.adversarial = adversarial;
    job
}

#[test]
fn networks_learn_to_withstand_attacks() {
    let trained = |adversarial| {
        let mut job = with(adversarial);
        let attack = Attack::Pgd(Pgd { epsilon: 0.1, steps: 10, step_size: None, random_start: true });
        job.measure = vec![Measure::Attacked { name: "pgd".to_owned(), attack }];
        train(&job).metrics
    };
    let plain = trained(None);
    for adversarial in [pgd(0.1, 2), trades(0.1, 2, 6.0)] {
        let metrics = trained(Some(adversarial.clone()));
        let (before, after) = (plain["accuracy(pgd)"], metrics["accuracy(pgd)"]);
        assert!(after > before + 0.2, "{adversarial:?}: {before} to {after}");
        assert!(metrics["accuracy"] > 0.8, "{adversarial:?}: {metrics:?}");
        assert!(metrics["train_loss"] > plain["train_loss"], "the attacked examples' loss is larger");
    }
}

#[test]
fn an_attack_that_does_nothing_is_plain_training() {
    let short = |adversarial| {
        let mut job = with(adversarial);
        job.data.split.limit = Some(200);
        (job.recipe.epochs, job.epochs) = (1, 1);
        train(&job)
    };
    let plain = short(None);
    assert_eq!(short(Some(pgd(0.0, 2))).digest, plain.digest);
    // Both passes see the same inputs, so nothing is apart; but batch norm counts its statistics twice.
    let trades = short(Some(trades(0.0, 2, 6.0)));
    assert!((trades.metrics["train_loss"] - plain.metrics["train_loss"]).abs() < 1e-4);
    assert_ne!(trades.digest, plain.digest);
}

#[test]
fn an_interrupted_training_has_the_bits_of_an_uninterrupted_one() {
    let folder = tempfile::tempdir().unwrap();
    for (number, adversarial) in [pgd(0.1, 2), trades(0.1, 2, 3.0)].into_iter().enumerate() {
        let mut whole = job(random_network(), recipe(3, Optimizer::Adam(adam(0.01))));
        whole.data.split.limit = Some(150);
        whole.recipe.augment = Augment { crop: 1, flip: true, cutout: 2, mixup: 0.3 };
        whole.recipe.label_smoothing = 0.1;
        whole.recipe.adversarial = Some(adversarial);
        let expected = train(&whole);
        assert_eq!(train(&whole).digest, expected.digest);
        let file = folder.path().join(format!("{number}.safetensors"));
        let mut first = whole.clone();
        (first.epochs, first.checkpoint) = (1, Some(file.clone()));
        train(&first);
        let mut second = whole.clone();
        second.resume = Some(file);
        let rest = train(&second);
        assert_eq!((&rest.digest, &rest.metrics), (&expected.digest, &expected.metrics));
        let mut other = whole.clone();
        other.seed += 1;
        assert_ne!(train(&other).digest, expected.digest);
        // A checkpoint is of its attack.
        second.recipe.adversarial = None;
        let (_, message, detail) = fail(&second);
        assert!(message.contains("cannot be gone on from") && detail.contains("another training"), "{detail}");
    }
}

#[test]
fn bfloat16_and_attacks_go_together() {
    let mut job = with(Some(trades(0.1, 2, 6.0)));
    job.data.split.limit = Some(200);
    (job.recipe.epochs, job.epochs) = (1, 1);
    let full = train(&job).digest;
    job.recipe.precision = Precision::Mixed;
    let mixed = train(&job).digest;
    assert_ne!(mixed, full);
    assert_eq!(train(&job).digest, mixed);
}
