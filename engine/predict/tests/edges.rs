//! Predictors where there is little to learn: few outcomes, equal ones, decisions of every kind.

use pleach_predict::{Candidate, ENOUGH, Encoder, QUALITY_FROM, Surrogate, fit, fitted_size};
use pleach_space::{Space, View};
use pleach_spec::{Decide, Predictor};
use serde_json::json;
use std::sync::Arc;

/// A network, a recipe, ranges and conditions.
fn view() -> View {
    let section = json!({
        "input": [3, 8, 8],
        "classes": 3,
        "network": [
            {"conv": {"channels": {"one_of": [4, 8, 16]}, "kernel": {"one_of": [1, 3]}}},
            {"repeat": {"times": {"int": [0, 3]}, "fresh": true, "body": [
                {"residual": [{"one_of": [{"conv": {"kernel": 3}}, "identity", "none"]}]}
            ]}},
            {"global_pool": "average"},
            {"linear": "classes"},
        ],
        "training": {"optimizer": {"one_of": [
            {"sgd": {"rate": {"float": [0.01, 0.1], "log": true}}}, {"adam": {"rate": {"float": [0.001, 0.01]}}}
        ]}},
    });
    let (space, problems) = Space::compile(&section, "", None);
    let space = Arc::new(space.unwrap_or_else(|| panic!("{problems:?}")));
    let defaults = space.defaults();
    View::new(space, Decide::All, defaults)
}

fn predictors() -> Vec<Predictor> {
    let all = json!([
        {"forest": {"trees": 20}}, {"forest": {"trees": 3, "leaf": 4}}, {"boosting": {"rounds": 10, "members": 2}},
        {"gaussian_process": {}}, {"gaussian_process": {"kernel": "hamming", "target": "value"}},
    ]);
    serde_json::from_value(all).unwrap()
}

#[test]
fn all_answers_are_numbers_whatever_was_told() {
    let view = view();
    let genotypes = view.sample(40, 3);
    for predictor in predictors() {
        let encoder = Encoder::new(view.clone(), &predictor);
        let candidates: Vec<Candidate> = genotypes
            .iter()
            .enumerate()
            .map(|(i, genotype)| encoder.candidate(genotype, if i % 2 == 0 { 1.0 } else { 0.25 }))
            .collect();
        let all: Vec<&Candidate> = candidates.iter().collect();
        let rising: Vec<f64> = (0..40).map(f64::from).collect();
        let one_far: Vec<f64> = (0..40).map(|i| if i == 7 { 1e12 } else { 0.5 }).collect();
        for (known, targets) in [(1, &rising), (2, &rising), (30, &rising), (30, &vec![0.25; 40]), (30, &one_far)] {
            let model = fit(&predictor, &all[..known], &targets[..known], 1).unwrap();
            for prediction in model.predict(&all) {
                assert!(prediction.mean.is_finite(), "{predictor:?} {known} {prediction:?}");
                assert!(prediction.deviation.is_finite() && prediction.deviation >= 0.0, "{predictor:?} {known}");
                if targets[0] == 0.25 {
                    assert!((prediction.mean - 0.25).abs() < 1e-6, "{predictor:?} {prediction:?}");
                }
            }
        }
        // Twice the same candidate with two outcomes.
        let twice = [all[0], all[0], all[1]];
        let model = fit(&predictor, &twice, &[1.0, 2.0, 4.0], 1).unwrap();
        assert!(model.predict(&twice).iter().all(|prediction| (0.9..4.1).contains(&prediction.mean)));
        assert!(model.predict(&[]).is_empty());
        assert!(fit(&predictor, &[], &[], 1).is_err());
    }
}

#[test]
fn the_fidelity_is_a_feature() {
    let view = view();
    let genotypes = view.sample(60, 9);
    for predictor in predictors() {
        let encoder = Encoder::new(view.clone(), &predictor);
        let mut surrogate = Surrogate::new(predictor.clone(), encoder, 1, 1.0, 1);
        for (i, genotype) in genotypes[..40].iter().enumerate() {
            let (fidelity, loss) = if i % 2 == 0 { (1.0, 1.0) } else { (0.0625, 9.0) };
            surrogate.tell(genotype, fidelity, &[loss + 0.01 * i as f64]);
        }
        let predictions = surrogate.predict(&genotypes[40..], 0, &[]).unwrap();
        let near = predictions.iter().filter(|prediction| prediction.mean < 5.0).count();
        assert!(near >= 18, "{predictor:?}: {near} of 20");
    }
}

#[test]
fn losses_that_are_no_numbers_are_left_out() {
    let view = view();
    let predictor = predictors().remove(0);
    let mut surrogate = Surrogate::new(predictor.clone(), Encoder::new(view.clone(), &predictor), 2, 1.0, 1);
    for (i, genotype) in view.sample(QUALITY_FROM, 4).iter().enumerate() {
        surrogate.tell(genotype, 1.0, &[i as f64, if i < ENOUGH - 1 { 1.0 } else { f64::NAN }]);
    }
    let asked = view.sample(3, 5);
    assert_eq!(surrogate.predict(&asked, 0, &[]).unwrap().len(), 3);
    assert!(surrogate.predict(&asked, 1, &[]).unwrap().is_empty());
    assert!(surrogate.predict(&asked, 2, &[]).unwrap().is_empty());
    assert!(surrogate.quality(0).unwrap().is_some());
    assert_eq!(surrogate.quality(1), Ok(None));
}

#[test]
fn quality_tells_what_can_be_learned_from_what_cannot() {
    let view = view();
    let genotypes = view.sample(60, 2);
    let noise = |i: usize| (pleach_random::mix(i as u64) % 1000) as f64;
    for predictor in predictors() {
        let quality = |loss: &dyn Fn(usize, &[f64]) -> f64| {
            let encoder = Encoder::new(view.clone(), &predictor);
            let mut surrogate = Surrogate::new(predictor.clone(), encoder, 1, 1.0, 1);
            for (i, genotype) in genotypes.iter().enumerate() {
                surrogate.tell(genotype, 1.0, &[loss(i, genotype)]);
            }
            surrogate.quality(0).unwrap().unwrap()
        };
        let learned = quality(&|_, genotype| genotype[0] + 3.0 * genotype[1]);
        let guessed = quality(&|i, _| noise(i));
        assert!(learned > 0.4 && guessed.abs() < 0.3, "{predictor:?}: {learned} {guessed}");
    }
}

#[test]
fn predictors_are_fitted_at_every_outcome_up_to_a_hundred_and_then_by_a_twentieth() {
    assert!((0..=100).all(|outcomes| fitted_size(outcomes) == outcomes));
    assert_eq!((fitted_size(104), fitted_size(105), fitted_size(109), fitted_size(110)), (100, 105, 105, 110));
    let sizes: Vec<usize> = (100..5000).map(fitted_size).collect();
    assert!(sizes.is_sorted());
    let mut distinct = sizes.clone();
    distinct.dedup();
    assert!(distinct.windows(2).all(|pair| {
        let growth = pair[1] as f64 / pair[0] as f64;
        growth <= 1.05 && growth > 1.04
    }));
}
