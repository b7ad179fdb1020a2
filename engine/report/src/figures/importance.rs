//! How much each decision mattered: the share of the variance of ranks that its values explain.
//!
//! One-way analysis of variance per decision over the trials of a search, on ranks of the first objective (Kruskal and Wallis
//! 1952): a few networks that did not learn would rule the variance of the values themselves. The share is epsilon squared
//! (Kelley 1935), which is 0 in expectation for a decision that does not matter, however many values it has.

use super::Goal;
use crate::recorded::{Recorded, RecordedStep};
use crate::words::number;
use pleach_run::Spread;
use pleach_space::Domain;
use pleach_store::TrialRecord;
use serde::Serialize;

/// The method in words, as reports name it.
pub const METHOD: &str = "share of the variance of ranks that the decision's values explain (one-way analysis of variance, epsilon \
                          squared)";
/// Ranges with more values than this are cut into so many parts of equally many trials.
const PARTS: usize = 5;
/// Below so many trials nothing is said.
const FEWEST: usize = 10;

/// What decisions mattered in a search.
#[derive(Debug, Clone, Serialize)]
pub struct Importance {
    /// The record's name.
    pub step: String,
    /// The metric.
    pub goal: Goal,
    /// How the shares were computed.
    pub method: &'static str,
    /// Trials that it was computed from: measured at the highest fidelity, by all searches of the step, its baseline's too.
    pub trials: usize,
    /// The most important first.
    pub decisions: Vec<DecisionImportance>,
}

/// How much a decision mattered.
#[derive(Debug, Clone, Serialize)]
pub struct DecisionImportance {
    /// Its path.
    pub decision: String,
    /// The share of the variance, from 0 to 1.
    pub share: f64,
    /// The metric by value.
    pub effects: Vec<Effect>,
}

/// The metric where a decision has a value.
#[derive(Debug, Clone, Serialize)]
pub struct Effect {
    /// The value or part of the range in words; of trials in which the decision does not count, `not used`.
    pub value: String,
    /// Trials with it.
    pub trials: usize,
    /// Their mean.
    pub mean: f64,
    /// Their standard deviation.
    pub deviation: f64,
}

pub(super) fn importance(recorded: &Recorded) -> Vec<Importance> {
    let Some(goal) = recorded.objective().map(Goal::of) else { return Vec::new() };
    let searches = recorded.main_steps().filter(|step| step.record.strategy.is_some());
    searches.filter_map(|step| of(recorded, step, &goal)).collect()
}

fn of(recorded: &Recorded, step: &RecordedStep, goal: &Goal) -> Option<Importance> {
    // Trials of all repeats; those of the baseline too, which are drawn without preference.
    let of = |other: &&RecordedStep| other.role.step == step.role.step;
    let trials: Vec<&TrialRecord> = recorded.steps.iter().filter(of).flat_map(|step| &step.trials).collect();
    let highest = trials.iter().filter(|trial| trial.metrics().is_some()).map(|trial| trial.request.fidelity);
    let highest = highest.fold(0.0, f64::max);
    let measured: Vec<(&[f64], f64)> = trials
        .iter()
        .filter(|trial| trial.request.fidelity == highest)
        .filter_map(|trial| {
            let value = trial.metrics()?.get(&goal.metric).copied().filter(|value| value.is_finite())?;
            Some((trial.request.genotype.as_slice(), value))
        })
        .collect();
    if measured.len() < FEWEST {
        return None;
    }
    let values: Vec<f64> = measured.iter().map(|(_, value)| *value).collect();
    let ranks = ranks(&values);
    let mut decisions: Vec<DecisionImportance> = (0..step.record.decisions.len())
        .map(|place| {
            let path = &step.record.decisions[place];
            let held: Vec<Option<f64>> = measured
                .iter()
                .map(|(genotype, _)| genotype.get(place).copied().filter(|_| step.counts(recorded, genotype, place)))
                .collect();
            let (groups, names) = groups(recorded, step, place, &held);
            let effects = names.into_iter().enumerate().filter_map(|(group, value)| {
                let own = groups.iter().zip(&values).filter(|(of, _)| **of == group).map(|(_, value)| *value);
                let own: Vec<f64> = own.collect();
                let trials = own.len();
                (trials > 0).then(|| {
                    let spread = Spread::of(own);
                    Effect { value, trials, mean: spread.mean, deviation: spread.deviation }
                })
            });
            DecisionImportance { decision: path.clone(), share: explained(&groups, &ranks), effects: effects.collect() }
        })
        .collect();
    decisions.sort_by(|a, b| b.share.total_cmp(&a.share));
    (!decisions.is_empty()).then(|| Importance {
        step: step.record.name.clone(),
        goal: goal.clone(),
        method: METHOD,
        trials: measured.len(),
        decisions,
    })
}

/// The group of each trial by the decision's value, and the groups' names.
fn groups(recorded: &Recorded, step: &RecordedStep, place: usize, held: &[Option<f64>]) -> (Vec<usize>, Vec<String>) {
    let mut distinct: Vec<f64> = held.iter().flatten().copied().collect();
    distinct.sort_by(f64::total_cmp);
    let sorted = distinct.clone();
    distinct.dedup();
    let options =
        matches!(step.decision(recorded, place).map(|d| &d.domain), Some(Domain::Choice(_) | Domain::Levels(_)));
    let (bounds, mut names): (Vec<f64>, Vec<String>) = if options || distinct.len() <= 2 * PARTS {
        (distinct.clone(), distinct.iter().map(|value| step.value(recorded, place, *value)).collect())
    } else {
        // The upper end of each part.
        let mut bounds: Vec<f64> = (1..=PARTS).map(|part| sorted[part * sorted.len() / PARTS - 1]).collect();
        bounds.dedup();
        let mut from = sorted[0];
        let names = bounds.iter().map(|to| {
            let name = format!("{} to {}", number(from), number(*to));
            from = *to;
            name
        });
        let names = names.collect();
        (bounds, names)
    };
    names.push("not used".to_owned());
    let group = |value: &Option<f64>| match value {
        Some(value) => bounds.partition_point(|bound| bound < value).min(bounds.len() - 1),
        None => bounds.len(),
    };
    (held.iter().map(group).collect(), names)
}

/// Ranks from 1, equal values sharing the mean of theirs.
fn ranks(values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|a, b| values[*a].total_cmp(&values[*b]));
    let mut ranks = vec![0.0; values.len()];
    let mut from = 0;
    while from < order.len() {
        let mut to = from + 1;
        while to < order.len() && values[order[to]] == values[order[from]] {
            to += 1;
        }
        let rank = (from + to + 1) as f64 / 2.0;
        order[from..to].iter().for_each(|place| ranks[*place] = rank);
        from = to;
    }
    ranks
}

/// Epsilon squared of a one-way analysis of variance: the variance between groups beyond what chance gives, as a share of all;
/// 0 where it is less.
fn explained(groups: &[usize], values: &[f64]) -> f64 {
    let count = groups.iter().max().map_or(0, |most| most + 1);
    let (mut sums, mut sizes) = (vec![0.0; count], vec![0usize; count]);
    for (group, value) in groups.iter().zip(values) {
        sums[*group] += value;
        sizes[*group] += 1;
    }
    let used = sizes.iter().filter(|size| **size > 0).count();
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    let total: f64 = values.iter().map(|value| (value - mean) * (value - mean)).sum();
    if used < 2 || values.len() <= used || total == 0.0 {
        return 0.0;
    }
    let between: f64 = sums.iter().zip(&sizes).filter(|(_, size)| **size > 0).fold(0.0, |between, (sum, size)| {
        let apart = sum / *size as f64 - mean;
        between + *size as f64 * apart * apart
    });
    let within = (total - between) / (values.len() - used) as f64;
    ((between - (used - 1) as f64 * within) / total).clamp(0.0, 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_decides_all_explains_all_and_what_does_not_matter_nothing() {
        let values = [1.0, 1.0, 1.0, 5.0, 5.0, 5.0];
        assert_eq!(explained(&[0, 0, 0, 1, 1, 1], &values), 1.0);
        assert_eq!(explained(&[0, 1, 0, 1, 0, 1], &[1.0, 1.0, 2.0, 2.0, 3.0, 3.0]), 0.0);
        assert_eq!(explained(&[0, 0, 0, 0, 0, 0], &values), 0.0);
        // By hand: total 10, between 2 * (1.5 - 3)^2 + 3 * (4 - 3)^2 = 7.5, within (10 - 7.5) / 3: (7.5 - 0.8333) / 10.
        let share = explained(&[0, 0, 1, 1, 1], &[1.0, 2.0, 3.0, 4.0, 5.0]);
        assert!((share - 2.0 / 3.0).abs() < 1e-12, "{share}");
    }

    #[test]
    fn equal_values_share_a_rank() {
        assert_eq!(ranks(&[3.0, 1.0, 3.0, 2.0]), [3.5, 1.0, 3.5, 2.0]);
    }
}
