//! How much work a step is at most.

use crate::prepared::{Prepared, PreparedStep};
use pleach_plugin::Need;
use pleach_space::{Genotype, Space, View};
use pleach_spec::{Budget, Data, Dataset, Decide, Evaluator, Reference, Searching, Split, Step};
use serde::Serialize;

/// Networks that are built for an estimate.
const NETWORKS: usize = 50;

/// A training step computes a network's output and the gradients of inputs and of weights: about three passes.
const PASSES: f64 = 3.0;

/// Bounds of a step's work; what is not known beforehand is left out.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Estimate {
    /// The number of candidates that it takes, or gives.
    pub candidates: Option<u64>,
    /// Trials at most: requests of a search, trainings of a `train` step.
    pub trials: Option<u64>,
    /// Epochs of training at most, all trials together.
    pub epochs: Option<f64>,
    /// Multiply-adds of all trainings together: the mean of 50 random networks, three passes an example.
    pub flops: Option<f64>,
    /// Files that an export writes.
    pub files: Option<u64>,
}

/// Bounds of the work of each step, in the order of [`Prepared::steps`].
pub fn estimate(prepared: &Prepared) -> Vec<Estimate> {
    let everything = View::new(prepared.space.clone(), Decide::All, prepared.space.defaults());
    let default = vec![prepared.space.defaults()];
    let sampled: Vec<Genotype> = everything.sample(NETWORKS, 0);
    let mut estimates: Vec<Estimate> = Vec::with_capacity(prepared.steps.len());
    for step in &prepared.steps {
        let estimate = match &step.step {
            Step::Search(_) | Step::Hpo(_) => {
                let searching = step.step.searching().expect("both search");
                let view = step.view.as_ref();
                let genotypes = view.map_or_else(Vec::new, |view| {
                    view.sample(NETWORKS, 0).iter().map(|genotype| view.full(genotype)).collect()
                });
                // Which networks are tuned is not known yet.
                let genotypes = if let Step::Hpo(_) = step.step { &sampled } else { &genotypes };
                let climbs = step.strategy.as_ref().is_some_and(|file| file.manifest.needs(Need::Resume));
                of_search(&searching, Training::of(prepared, &prepared.space, genotypes), climbs)
            }
            Step::Robustness(_) => {
                let candidates = candidates(prepared, step, &estimates);
                Estimate { candidates, ..Estimate::default() }
            }
            Step::Train(train) => {
                let candidates = candidates(prepared, step, &estimates);
                let training = match &step.space {
                    Some(own) => Training::of(prepared, own, &[own.defaults()]),
                    None if train.candidates.is_some() => Training::of(prepared, &prepared.space, &sampled),
                    None => Training::of(prepared, &prepared.space, &default),
                };
                of_train(candidates, u64::from(train.repeats), training)
            }
            Step::Export(export) => {
                let candidates = candidates(prepared, step, &estimates);
                let files = candidates.map(|candidates| candidates * export.formats.len() as u64);
                Estimate { candidates, files, ..Estimate::default() }
            }
        };
        estimates.push(estimate);
    }
    estimates
}

/// What one training at full fidelity takes.
#[derive(Debug, Clone, Copy)]
struct Training {
    /// At most.
    epochs: Option<f64>,
    /// On average.
    flops: Option<f64>,
}

impl Training {
    fn of(prepared: &Prepared, space: &Space, genotypes: &[Genotype]) -> Training {
        if prepared.experiment.evaluator != Evaluator::Libtorch || genotypes.is_empty() {
            return Training { epochs: None, flops: None };
        }
        let examples = prepared
            .experiment
            .data
            .as_ref()
            .and_then(|data| training_examples(data, prepared.data.as_ref()?.examples?));
        let (mut most, mut sum, mut built) = (0.0_f64, 0.0, 0.0);
        for genotype in genotypes {
            let Ok(training) = space.training(genotype) else { continue };
            let epochs = f64::from(training.epochs);
            most = most.max(epochs);
            if let Ok(network) = space.build(genotype) {
                sum += network.costs.live_flops as f64 * epochs;
                built += 1.0;
            }
        }
        let flops = examples.filter(|_| built > 0.0).map(|examples| PASSES * examples * sum / built);
        Training { epochs: Some(most), flops }
    }
}

/// `climbs`: the strategy trains below the step's fidelity too, so that work does not bound the number of its trials.
fn of_search(searching: &Searching<'_>, training: Training, climbs: bool) -> Estimate {
    let fidelity = searching.fidelity;
    // In full trainings.
    let (trials, trainings) = match *searching.budget {
        Budget::Trials(trials) => (Some(trials), Some(trials as f64 * fidelity)),
        Budget::Trainings(trainings) => (Some((trainings / fidelity + 1e-9).floor() as u64), Some(trainings)),
        Budget::Flops(flops) => {
            let trainings = training.flops.filter(|each| *each > 0.0).map(|each| flops / each);
            (trainings.map(|trainings| (trainings / fidelity).floor() as u64), trainings)
        }
        Budget::SimulatedHours(_) => (None, None),
    };
    let trials = trials.filter(|_| !climbs || matches!(searching.budget, Budget::Trials(_)));
    let flops = match *searching.budget {
        Budget::Flops(flops) => Some(flops),
        _ => Some(trainings).flatten().zip(training.flops).map(|(trainings, each)| trainings * each),
    };
    let epochs = trainings.zip(training.epochs).map(|(trainings, each)| trainings * each);
    // Beside each search its baseline, on the same budget.
    let searches = searching.repeats * if searching.baseline.is_some() { 2 } else { 1 };
    let all = |of_one: Option<f64>| of_one.map(|value| value * f64::from(searches));
    let trials = trials.map(|trials| trials * u64::from(searches));
    Estimate { candidates: trials, trials, epochs: all(epochs), flops: all(flops), files: None }
}

fn of_train(candidates: Option<u64>, repeats: u64, training: Training) -> Estimate {
    let trials = candidates.map(|candidates| candidates * repeats);
    let times = |each: Option<f64>| trials.zip(each).map(|(trials, each)| trials as f64 * each);
    Estimate { candidates, trials, epochs: times(training.epochs), flops: times(training.flops), files: None }
}

/// How many candidates a step takes at most.
fn candidates(prepared: &Prepared, step: &PreparedStep, before: &[Estimate]) -> Option<u64> {
    let Some(reference) = step.step.candidates() else { return Some(1) };
    let source = prepared.steps.iter().position(|other| other.name == reference.step());
    let available = source.and_then(|index| before.get(index)).and_then(|estimate| estimate.candidates);
    let wanted = match reference {
        Reference::Best(_) | Reference::Recommended(_) | Reference::Baseline(_) => Some(1),
        Reference::Top(_, count) => Some(*count as u64),
        Reference::All(_) | Reference::Front(_) => None,
    };
    match (wanted, available) {
        (Some(wanted), Some(available)) => Some(wanted.min(available)),
        (wanted, available) => wanted.or(available),
    }
}

/// About how many of the examples networks are trained on: the rule of `pleach_data::split`, with the known sizes of sets that
/// bring a test part of their own.
fn training_examples(data: &Data, examples: usize) -> Option<f64> {
    let Split { validation, test, limit } = data.split;
    let own_training = match data.dataset {
        Dataset::FashionMnist | Dataset::Idx(_) => Some(6.0 / 7.0),
        Dataset::Cifar10(_) | Dataset::Cifar100(_) => Some(5.0 / 6.0),
        _ => None,
    };
    let share = match own_training.filter(|_| test.is_none()) {
        Some(share) => share * (1.0 - validation.unwrap_or(0.1)),
        None => 1.0 - validation.unwrap_or(0.2) - test.unwrap_or(0.2),
    };
    let count = (examples as f64 * share + 1e-6).floor();
    let count = limit.map_or(count, |limit| count.min(limit as f64));
    (count > 0.0).then_some(count)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn budgets_bound_the_work() {
        let training = Training { epochs: Some(8.0), flops: Some(1e9) };
        let with = serde_json::Map::new();
        let of_search = |budget: &Budget, fidelity: f64, training: Training, climbs: bool| {
            let (decide, strategy) = (Decide::All, "random");
            of_search(
                &Searching { strategy, with: &with, decide, budget, fidelity, repeats: 1, baseline: None },
                training,
                climbs,
            )
        };
        let (of_halving, of_search) = (
            |budget: &Budget| of_search(budget, 1.0, training, true),
            |budget: &Budget, fidelity, training| of_search(budget, fidelity, training, false),
        );
        let halving = of_halving(&Budget::Trainings(10.0));
        assert_eq!((halving.trials, halving.epochs), (None, Some(80.0)));
        assert_eq!(of_halving(&Budget::Trials(24)).trials, Some(24));
        let trials = of_search(&Budget::Trials(40), 0.25, training);
        assert_eq!((trials.trials, trials.epochs, trials.flops), (Some(40), Some(80.0), Some(1e10)));
        let trainings = of_search(&Budget::Trainings(10.0), 0.1, training);
        assert_eq!((trainings.trials, trainings.epochs), (Some(100), Some(80.0)));
        let flops = of_search(&Budget::Flops(5e9), 0.5, training);
        assert_eq!((flops.trials, flops.epochs, flops.flops), (Some(10), Some(40.0), Some(5e9)));
        let hours = of_search(&Budget::SimulatedHours(1.0), 1.0, Training { epochs: None, flops: None });
        assert_eq!(hours, Estimate::default());
        let train = of_train(Some(3), 3, training);
        assert_eq!((train.trials, train.epochs, train.flops), (Some(9), Some(72.0), Some(9e9)));
    }

    #[test]
    fn parts_are_as_the_split_makes_them() {
        let data = |text: &str| serde_json::from_str::<Data>(text).unwrap();
        let plain = data(r#"{"dataset": "digits"}"#);
        assert_eq!(training_examples(&plain, 1000).unwrap().round(), 600.0);
        let own = data(r#"{"dataset": "fashion_mnist"}"#);
        assert_eq!(training_examples(&own, 70_000).unwrap().round(), 54_000.0);
        let limited = data(r#"{"dataset": "digits", "split": {"limit": 100}}"#);
        assert_eq!(training_examples(&limited, 1000).unwrap(), 100.0);
    }
}
