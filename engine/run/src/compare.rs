//! Honest comparisons: a search with its baseline, and networks that were searched for with those that were not.

use crate::error::RunError;
use crate::parts::part_of;
use crate::score::Scorer;
use crate::select::Groups;
use crate::summary::StepSummary;
use crate::train::TEST;
use indexmap::IndexMap;
use pleach_spec::{Experiment, Objective, Reference, Step};
use pleach_store::{RunReader, StepRecord, StepState};
use serde::{Deserialize, Serialize};
use std::cmp::Ordering;
use std::collections::BTreeMap;

/// The searches of one step, by the first objective of the best feasible candidate that each found.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Comparison {
    /// The metric that is compared.
    pub metric: String,
    /// The strategy.
    pub strategy: String,
    /// What its searches found, over seeds.
    pub found: Spread,
    /// The baseline's strategy, where there is one.
    pub baseline: Option<String>,
    /// What the baseline found on the same budgets.
    pub baseline_found: Option<Spread>,
    /// What can be said of it, in words.
    pub verdict: String,
}

/// Trained networks of a search beside those of its baseline, or beside one that was written by hand: the best candidate of
/// each step, over its repeats.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Beside {
    /// The step that trained what a search found.
    pub step: String,
    /// The step that trained the other network.
    pub other: String,
    /// The metric that is compared: the first objective, on the test part where it was measured there.
    pub metric: String,
    /// What the step came to.
    pub value: Spread,
    /// What the other one came to.
    pub other_value: Spread,
    /// What can be said of it, in words.
    pub verdict: String,
}

/// A metric over repeats.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Spread {
    /// The mean.
    pub mean: f64,
    /// The standard deviation of the sample (n - 1); 0 for a single value.
    pub deviation: f64,
    /// The value of each repeat, in their order.
    pub values: Vec<f64>,
}

impl Spread {
    /// Of at least one value.
    pub fn of(values: Vec<f64>) -> Spread {
        let count = values.len() as f64;
        let mean = values.iter().sum::<f64>() / count;
        let squares: f64 = values.iter().map(|value| (value - mean) * (value - mean)).sum();
        let deviation = if values.len() > 1 { (squares / (count - 1.0)).sqrt() } else { 0.0 };
        Spread { mean, deviation, values }
    }

    /// Half of the 95 % confidence interval of the mean, by Student's t distribution; infinite for a single value.
    pub fn margin(&self) -> f64 {
        student_t(self.values.len() as f64 - 1.0) * self.variance_of_mean().sqrt()
    }

    /// The square of the standard error of the mean.
    fn variance_of_mean(&self) -> f64 {
        self.deviation * self.deviation / self.values.len() as f64
    }
}

/// What a gain and its 95 % margin allow to say of one thing and another.
fn claim(gain: f64, margin: f64, one: &str, other: &str) -> String {
    let word = if gain > margin {
        "better than"
    } else if gain < -margin {
        "worse than"
    } else {
        return format!("{one} is not shown to be better than {other}");
    };
    format!("{one} is {word} {other}")
}

/// The factor of a two-sided 95 % interval of Student's t distribution with so many degrees of freedom, rounded down; exact to
/// three digits up to 30, of the normal distribution beyond.
fn student_t(degrees: f64) -> f64 {
    const T: [f64; 30] = [
        12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145, 2.131,
        2.120, 2.110, 2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042,
    ];
    if degrees.is_nan() || degrees < 1.0 {
        return f64::INFINITY;
    }
    T.get(degrees as usize - 1).copied().unwrap_or(1.96)
}

impl Comparison {
    /// `found` and `beside` by repeat; at least one was found.
    fn of(
        metric: &str,
        maximize: bool,
        strategy: &str,
        found: &BTreeMap<u32, f64>,
        baseline: Option<(&str, &BTreeMap<u32, f64>)>,
    ) -> Self {
        let gain = |a: f64, b: f64| if maximize { a - b } else { b - a };
        // Paired: the searches of one repeat share seeds.
        let gains: Option<(&str, Vec<f64>)> = baseline.map(|(name, beside)| {
            let pairs = found.iter().filter_map(|(repeat, a)| Some(gain(*a, *beside.get(repeat)?)));
            (name, pairs.collect())
        });
        let searches = found.len();
        let verdict = match &gains {
            None if searches == 1 => {
                format!("a single search: it says nothing of how good `{strategy}` is; `repeats: 5` does")
            }
            None => format!("{searches} searches"),
            Some((name, gains)) if gains.is_empty() => format!("`{name}` found no feasible candidate to compare with"),
            Some((name, gains)) if gains.len() == 1 => {
                let than = match gains[0].total_cmp(&0.0) {
                    Ordering::Greater => "better than",
                    Ordering::Equal => "equal to",
                    Ordering::Less => "not better than",
                };
                format!("a single search, {than} a single one by `{name}`: `repeats: 5` tells skill from luck")
            }
            Some((name, gains)) => {
                let wins = gains.iter().filter(|gain| **gain > 0.0).count();
                let gain = Spread::of(gains.clone());
                let margin = student_t(gain.values.len() as f64 - 1.0) * gain.variance_of_mean().sqrt();
                let claim = claim(gain.mean, margin, &format!("`{strategy}`"), &format!("`{name}`"));
                let of = gain.values.len();
                format!("{claim}: {wins} of {of} searches better, mean gain {:.4} ± {margin:.4} (95 %)", gain.mean)
            }
        };
        Comparison {
            metric: metric.to_owned(),
            strategy: strategy.to_owned(),
            found: Spread::of(found.values().copied().collect()),
            baseline: baseline.map(|(name, _)| name.to_owned()),
            baseline_found: baseline
                .filter(|(_, beside)| !beside.is_empty())
                .map(|(_, beside)| Spread::of(beside.values().copied().collect())),
            verdict,
        }
    }
}

impl Beside {
    /// Welch's interval of the difference of two means.
    fn of(step: &str, other: &str, metric: String, maximize: bool, value: Spread, other_value: Spread) -> Self {
        let gain = if maximize { value.mean - other_value.mean } else { other_value.mean - value.mean };
        let (a, b) = (value.variance_of_mean(), other_value.variance_of_mean());
        let freedom = |variance: f64, count: usize| variance * variance / (count as f64 - 1.0);
        let degrees = (a + b) * (a + b) / (freedom(a, value.values.len()) + freedom(b, other_value.values.len()));
        let verdict = if value.values.len() < 2 || other_value.values.len() < 2 {
            format!("`{step}` and `{other}`: a single training says nothing of the difference; `repeats: 3` does")
        } else {
            // Without any deviation every difference is one.
            let margin = if a + b == 0.0 { 0.0 } else { student_t(degrees) * (a + b).sqrt() };
            let claim = claim(gain, margin, &format!("`{step}`"), &format!("`{other}`"));
            format!("{claim}: gain {gain:.4} ± {margin:.4} (95 %)")
        };
        Beside { step: step.to_owned(), other: other.to_owned(), metric, value, other_value, verdict }
    }
}

/// How the searches of a step compare, once all of them are done.
pub(crate) fn of_searches(
    record: &StepRecord,
    step: &Step,
    objective: &Objective,
    records: &[StepRecord],
    scorer: &Scorer,
    reader: &RunReader,
) -> Result<Option<Comparison>, RunError> {
    let Some(searching) = step.searching().filter(|_| record.state == StepState::Done) else { return Ok(None) };
    let metric = objective.metric().to_string();
    let (mut found, mut beside) = (BTreeMap::new(), BTreeMap::new());
    for other in records {
        let (name, baseline, repeat) = part_of(&other.name);
        if name != record.name {
            continue;
        }
        let mut groups = Groups::default();
        for trial in reader.each_trial(&other.name) {
            groups.take(&other.name, &trial?);
        }
        if let Some(best) = groups.candidates(scorer).into_iter().find(|candidate| candidate.feasible) {
            let value = best.metrics.get(&metric).copied().unwrap_or(f64::NAN);
            if baseline { &mut beside } else { &mut found }.insert(repeat, value);
        }
    }
    if found.is_empty() {
        return Ok(None);
    }
    let baseline = searching.baseline.map(|name| (name, &beside));
    Ok(Some(Comparison::of(&metric, is_maximized(objective), searching.strategy, &found, baseline)))
}

fn is_maximized(objective: &Objective) -> bool {
    matches!(objective, Objective::Maximize(_))
}

/// Where the candidates of a step come from in the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Origin {
    /// A search.
    Search,
    /// A search's baseline.
    Baseline,
    /// A network that a step brought, or the space's defaults.
    Given,
}

fn origin(experiment: &Experiment, name: &str) -> Option<Origin> {
    let mut step = experiment.steps.get(name)?;
    // `check` has seen to it that no steps wait for each other in a circle.
    loop {
        match step.candidates() {
            Some(Reference::Baseline(_)) => return Some(Origin::Baseline),
            Some(reference) => step = experiment.steps.get(reference.step())?,
            None if step.searching().is_some() => return Some(Origin::Search),
            None => return Some(Origin::Given),
        }
    }
}

/// How each step that trained what a search found compares with each that trained something else.
pub(crate) fn of_trained(experiment: &Experiment, steps: &IndexMap<String, StepSummary>) -> Vec<Beside> {
    let Some(objective) = experiment.objectives.first() else { return Vec::new() };
    let metric = objective.metric().to_string();
    let trained = |wanted: fn(Origin) -> bool| {
        let of = move |(name, step): (&String, &Step)| {
            matches!(step, Step::Train(_)) && origin(experiment, name).is_some_and(wanted)
        };
        experiment.steps.iter().filter(move |step| of(*step)).map(|(name, _)| name)
    };
    // The best candidate by validation, as `best(STEP)` takes it.
    let of = |name: &str| {
        let summary = steps.get(name)?;
        let best = summary.best.as_ref()?.id;
        summary.results.iter().find(|result| u64::from(result.candidate) == best)
    };
    let mut all = Vec::new();
    for name in trained(|origin| origin == Origin::Search) {
        for other in trained(|origin| origin != Origin::Search) {
            let (Some(one), Some(two)) = (of(name), of(other)) else { continue };
            let tested = one.test.get(&metric).zip(two.test.get(&metric));
            let (label, values) = match tested {
                Some(values) => (format!("{TEST}{metric}"), Some(values)),
                None => (metric.clone(), one.validation.get(&metric).zip(two.validation.get(&metric))),
            };
            if let Some((value, beside)) = values {
                let maximize = is_maximized(objective);
                all.push(Beside::of(name, other, label, maximize, value.clone(), beside.clone()));
            }
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn by_repeat(values: &[f64]) -> BTreeMap<u32, f64> {
        (0..).zip(values.iter().copied()).collect()
    }

    #[test]
    fn only_several_searches_say_something_of_a_strategy() {
        let verdict = |found: &[f64], beside: Option<&[f64]>| {
            let beside = beside.map(by_repeat);
            let baseline = beside.as_ref().map(|beside| ("random", beside));
            Comparison::of("accuracy", true, "mine", &by_repeat(found), baseline).verdict
        };
        assert!(verdict(&[0.9], None).starts_with("a single search: it says nothing"));
        assert!(verdict(&[0.9], Some(&[0.8])).starts_with("a single search, better than a single one by `random`"));
        assert!(verdict(&[0.8], Some(&[0.9])).starts_with("a single search, not better than"));
        assert!(verdict(&[0.8], Some(&[])).starts_with("`random` found no feasible candidate"));
        let five = [0.9, 0.91, 0.92, 0.91, 0.9];
        let better = verdict(&five, Some(&[0.8, 0.82, 0.81, 0.8, 0.8]));
        assert!(better.starts_with("`mine` is better than `random`: 5 of 5"), "{better}");
        assert!(verdict(&five, Some(&[0.95, 0.85, 0.96, 0.86, 0.91])).starts_with("`mine` is not shown to be better"));
        assert!(verdict(&[0.8, 0.8, 0.81], Some(&[0.9, 0.9, 0.9])).starts_with("`mine` is worse than `random`"));
    }

    #[test]
    fn searches_are_paired_by_their_repeat() {
        let (found, beside) = (by_repeat(&[0.5, 0.7, 0.9]), [(0, 0.4), (2, 0.8)].into());
        let comparison = Comparison::of("accuracy", true, "mine", &found, Some(("random", &beside)));
        assert!(comparison.verdict.contains("2 of 2 searches better, mean gain 0.1000"), "{}", comparison.verdict);
    }

    #[test]
    fn trained_networks_are_told_apart_by_their_repeats() {
        let verdict = |one: &[f64], two: &[f64]| {
            Beside::of("final", "by_hand", "accuracy".into(), true, Spread::of(one.to_vec()), Spread::of(two.to_vec()))
                .verdict
        };
        assert!(verdict(&[0.92, 0.921, 0.919], &[0.89, 0.892, 0.891]).starts_with("`final` is better than `by_hand`"));
        assert!(
            verdict(&[0.92, 0.924, 0.916], &[0.918, 0.922, 0.919]).starts_with("`final` is not shown to be better")
        );
        assert!(verdict(&[0.92], &[0.8]).contains("a single training says nothing"));
        // By hand: variances of the means 1e-4 / 3 and 4.9e-5 / 3, 3.58 degrees of freedom, t of 3 is 3.182.
        let welch = verdict(&[0.91, 0.92, 0.93], &[0.893, 0.9, 0.907]);
        assert!(welch.ends_with("gain 0.0200 ± 0.0224 (95 %)"), "{welch}");
    }

    #[test]
    fn a_spread_is_that_of_a_sample() {
        let spread = Spread::of(vec![1.0, 2.0, 3.0]);
        assert_eq!((spread.mean, spread.deviation), (2.0, 1.0));
        assert_eq!(Spread::of(vec![5.0]).deviation, 0.0);
    }
}
