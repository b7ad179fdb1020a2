//! Which candidates of a step the next one takes: best, top, all, front, recommended.

use crate::error::RunError;
use crate::score::Scorer;
use pleach_space::Genotype;
use pleach_spec::Reference;
use pleach_store::{Metrics, Outcome, TrialRecord};
use serde::Serialize;
use std::collections::HashMap;

/// A candidate as a step measured it: means over its repeats at the highest fidelity reached.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Candidate {
    /// The record of its first trial: the step's, or that of one of its repeats or of its baseline.
    pub record: String,
    /// The first of its trials; in a step that trains candidates, the candidate's number.
    pub id: u64,
    /// The genotype: a value a decision of its step.
    pub genotype: Genotype,
    /// The fidelity of its trials.
    pub fidelity: f64,
    /// The mean of each metric.
    pub metrics: Metrics,
    /// The value of each objective as a loss, lower is better.
    pub losses: Vec<f64>,
    /// Whether every requirement holds.
    pub feasible: bool,
    /// The number of trials behind the means.
    pub trials: usize,
}

/// The candidates of trials, best first: feasible ones of the highest fidelity reached, by the first objective, ties by the
/// later objectives, then by their order. Trials of one network and recipe are one candidate, also where several records have it.
pub fn candidates(records: &[(String, Vec<TrialRecord>)], scorer: &Scorer) -> Vec<Candidate> {
    let mut groups = Groups::default();
    for (record, trial) in records.iter().flat_map(|(record, trials)| trials.iter().map(move |trial| (record, trial))) {
        groups.take(record, trial);
    }
    groups.candidates(scorer)
}

/// Trials as they come, of one network and recipe together; only what candidates need of them is kept, so that a million trials need
/// not be in memory at once.
#[derive(Debug, Default)]
pub struct Groups {
    highest: f64,
    groups: Vec<Group>,
    /// The group of a candidate's number.
    by_number: HashMap<u32, usize>,
    /// The group of a genotype's bits.
    by_genotype: HashMap<Vec<u64>, usize>,
    /// The group of a trial key and costs as declared.
    by_key: HashMap<(String, [Option<u64>; 5]), usize>,
}

/// The trials of one candidate.
#[derive(Debug)]
struct Group {
    record: String,
    id: u64,
    genotype: Genotype,
    /// The metrics of each repeat.
    repeats: Vec<(u32, Metrics)>,
}

impl Groups {
    /// Takes in a trial of a record; what was not measured, or at a lower fidelity than others, does not count.
    pub fn take(&mut self, record: &str, trial: &TrialRecord) {
        let Outcome::Measured(metrics) = &trial.outcome else { return };
        let request = &trial.request;
        if request.fidelity > self.highest {
            *self = Groups { highest: request.fidelity, ..Groups::default() };
        } else if request.fidelity < self.highest {
            return;
        }
        let genotype: Vec<u64> = request.genotype.iter().map(|value| (value + 0.0).to_bits()).collect();
        // The same key is the same network and recipe, whatever its genotype; but it may be declared at other costs.
        let key = trial.key.clone().map(|key| (key, declared(trial)));
        let known = match request.candidate {
            Some(number) => self.by_number.get(&number),
            None => self.by_genotype.get(&genotype).or_else(|| self.by_key.get(key.as_ref()?)),
        };
        let place = known.copied().unwrap_or_else(|| {
            self.groups.push(Group {
                record: record.to_owned(),
                id: request.candidate.map_or(trial.id, u64::from),
                genotype: request.genotype.clone(),
                repeats: Vec::new(),
            });
            self.groups.len() - 1
        });
        match request.candidate {
            Some(number) => drop(self.by_number.entry(number).or_insert(place)),
            None => {
                self.by_genotype.entry(genotype).or_insert(place);
                if let Some(key) = key {
                    self.by_key.entry(key).or_insert(place);
                }
            }
        }
        // One value a repeat: a network that is asked for again has the same result.
        let group = &mut self.groups[place];
        if group.repeats.iter().all(|(repeat, _)| *repeat != request.repeat) {
            group.repeats.push((request.repeat, metrics.clone()));
        }
    }

    /// The candidates, best first.
    pub fn candidates(self, scorer: &Scorer) -> Vec<Candidate> {
        let highest = self.highest;
        let candidate = |group: Group| {
            let metrics = means(&group.repeats);
            let losses = scorer.losses(|name| metrics.get(name).copied());
            let feasible = scorer.violations(|name| metrics.get(name).copied()).iter().all(|v| *v <= 0.0);
            let Group { record, id, genotype, repeats } = group;
            Candidate { record, id, genotype, fidelity: highest, metrics, losses, feasible, trials: repeats.len() }
        };
        let mut candidates: Vec<Candidate> = self
            .groups
            .into_iter()
            .map(candidate)
            .filter(|candidate| candidate.losses.iter().all(|loss| !loss.is_nan()))
            .collect();
        candidates.sort_by(|a, b| {
            let by_losses = a.losses.iter().zip(&b.losses).map(|(a, b)| a.total_cmp(b)).find(|order| order.is_ne());
            b.feasible.cmp(&a.feasible).then(by_losses.unwrap_or(std::cmp::Ordering::Equal))
        });
        candidates
    }
}

/// The costs of a trial's network as declared, as bits.
fn declared(trial: &TrialRecord) -> [Option<u64>; 5] {
    pleach_space::Costs::NAMES
        .map(|name| trial.metrics().and_then(|metrics| metrics.get(name)).map(|value| value.to_bits()))
}

fn means(repeats: &[(u32, Metrics)]) -> Metrics {
    let mut means = Metrics::new();
    for name in repeats[0].1.keys() {
        let values: Vec<f64> = repeats.iter().filter_map(|(_, metrics)| metrics.get(name).copied()).collect();
        means.insert(name.clone(), values.iter().sum::<f64>() / values.len() as f64);
    }
    means
}

/// The candidates that no other one beats in every objective, in their order; they are given best first, as [`candidates`] has them.
pub fn front(candidates: &[Candidate]) -> Vec<&Candidate> {
    let dominates = |a: &Candidate, b: &Candidate| {
        a.losses.iter().zip(&b.losses).all(|(a, b)| a <= b) && a.losses.iter().zip(&b.losses).any(|(a, b)| a < b)
    };
    let mut front: Vec<&Candidate> = Vec::new();
    // Who beats another stands before it, and is beaten itself by one of the front if at all.
    for one in candidates.iter().filter(|candidate| candidate.feasible) {
        if !front.iter().any(|other| dominates(other, one)) {
            front.push(one);
        }
    }
    front
}

/// What a reference means: candidates with their full genotypes.
///
/// `candidates` are the step's, best first; `recommended` what its strategy said, as full genotypes.
///
/// # Errors
/// There is nothing to refer to.
pub fn select(
    reference: &Reference,
    candidates: &[Candidate],
    recommended: &[Genotype],
) -> Result<Vec<(u64, Genotype)>, RunError> {
    let nothing = |why: &str| RunError::NoCandidates {
        step: reference.step().to_owned(),
        reference: reference.to_string(),
        why: why.to_owned(),
    };
    let feasible: Vec<&Candidate> = candidates.iter().filter(|candidate| candidate.feasible).collect();
    let chosen: Vec<&Candidate> = match reference {
        Reference::Best(_) => feasible.into_iter().take(1).collect(),
        Reference::Top(_, count) => feasible.into_iter().take(*count).collect(),
        Reference::All(_) => {
            let mut all = feasible;
            all.sort_by_key(|candidate| candidate.id);
            all
        }
        Reference::Front(_) => front(candidates),
        // The candidates given are those of the baseline.
        Reference::Baseline(_) => feasible.into_iter().take(1).collect(),
        Reference::Recommended(_) if recommended.is_empty() => feasible.into_iter().take(1).collect(),
        Reference::Recommended(_) => {
            return Ok(recommended.iter().zip(0u64..).map(|(genotype, i)| (i, genotype.clone())).collect());
        }
    };
    if chosen.is_empty() {
        return Err(nothing(match candidates.is_empty() {
            true => "no trial was measured",
            false => "no measured candidate keeps to every requirement",
        }));
    }
    Ok(chosen.into_iter().map(|candidate| (candidate.id, candidate.genotype.clone())).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use pleach_spec::Objective;
    use pleach_store::Request;

    fn trial(id: u64, genotype: f64, fidelity: f64, accuracy: f64, size: f64) -> TrialRecord {
        let mut trial = TrialRecord::running(id, Request::train(vec![genotype], fidelity, 0), 0.0, 1.0);
        let metrics = [("accuracy".to_owned(), accuracy), ("size".to_owned(), size)];
        trial.outcome = Outcome::Measured(metrics.into_iter().collect());
        trial
    }

    fn ranked(trials: &[TrialRecord]) -> Vec<Candidate> {
        let scorer = Scorer::new(
            &[Objective::Maximize("accuracy".parse().unwrap()), Objective::Minimize("size".parse().unwrap())],
            &["size <= 50".parse().unwrap()],
        );
        candidates(&[("x".to_owned(), trials.to_vec())], &scorer)
    }

    #[test]
    fn the_best_are_feasible_of_the_highest_fidelity_and_ties_go_on() {
        let ranked = ranked(&[
            trial(0, 0.0, 0.25, 0.99, 1.0),
            trial(1, 1.0, 1.0, 0.8, 10.0),
            trial(2, 2.0, 1.0, 0.9, 90.0),
            trial(3, 3.0, 1.0, 0.8, 5.0),
            TrialRecord { request: Request::train(vec![1.0], 1.0, 1), ..trial(4, 1.0, 1.0, 0.9, 10.0) },
            trial(5, 1.0, 1.0, 0.8, 10.0),
        ]);
        let ids: Vec<u64> = ranked.iter().map(|candidate| candidate.id).collect();
        assert_eq!(ids, [1, 3, 2], "1 has the mean of two trials, 3 ties broken by size, 2 is infeasible");
        assert_eq!((ranked[0].metrics["accuracy"], ranked[0].trials), (0.8500000000000001, 2));
        let best = select(&"top(x, 5)".parse().unwrap(), &ranked, &[]).unwrap();
        assert_eq!(best.len(), 2);
    }

    #[test]
    fn the_front_is_what_none_beats() {
        let ranked =
            ranked(&[trial(0, 0.0, 1.0, 0.9, 30.0), trial(1, 1.0, 1.0, 0.8, 10.0), trial(2, 2.0, 1.0, 0.7, 20.0)]);
        let ids: Vec<u64> = front(&ranked).iter().map(|candidate| candidate.id).collect();
        assert_eq!(ids, [0, 1]);
        let recommended = select(&"recommended(x)".parse().unwrap(), &ranked, &[vec![7.0]]).unwrap();
        assert_eq!(recommended, [(0, vec![7.0])]);
        assert!(select(&"best(x)".parse().unwrap(), &[], &[]).is_err());
    }
}
