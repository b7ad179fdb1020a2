//! Candidates by their objectives, and those that no other beats in all of them.

use super::{Goal, spread_over};
use crate::recorded::{Recorded, RecordedStep};
use serde::Serialize;
use std::collections::HashSet;

/// At most this many candidates beside the front.
const POINTS: usize = 1000;
/// At most this many on the front.
const ON_FRONT: usize = 200;

/// The candidates of a step by the objectives.
#[derive(Debug, Clone, Serialize)]
pub struct Front {
    /// The record's name.
    pub step: String,
    /// The objectives, in their order.
    pub goals: Vec<Goal>,
    /// Candidates that were measured at the highest fidelity.
    pub candidates: usize,
    /// How many of them lie on the front.
    pub on_front: usize,
    /// Best first; all on the front, and others evenly spread over the ranking.
    pub points: Vec<FrontPoint>,
}

/// A candidate.
#[derive(Debug, Clone, Serialize)]
pub struct FrontPoint {
    /// The record of its first trial: the step's, or that of one of its repeats.
    pub record: String,
    /// Its first trial there, or its number among candidates.
    pub id: u64,
    /// `trial` or `candidate`: what `id` counts.
    pub called: &'static str,
    /// Its rank, from 1.
    pub rank: usize,
    /// The value of each objective, mean over its trials.
    pub values: Vec<f64>,
    /// Trials behind the values.
    pub trials: usize,
    /// Whether it keeps to every requirement of the space.
    pub feasible: bool,
    /// Whether no other feasible candidate beats it in every objective.
    pub front: bool,
    /// Its decisions that count, in words.
    pub decisions: Vec<(String, String)>,
}

pub(super) fn fronts(recorded: &Recorded) -> Vec<Front> {
    recorded
        .main_steps()
        .filter(|step| !step.candidates.is_empty() && step.record.kind != "robustness")
        .map(|step| of(recorded, step))
        .collect()
}

fn of(recorded: &Recorded, step: &RecordedStep) -> Front {
    let goals: Vec<Goal> = recorded.experiment.objectives.iter().map(Goal::of).collect();
    let front: HashSet<usize> = front(step).into_iter().collect();
    let mut places: Vec<usize> = spread_over(step.candidates.len(), POINTS);
    // The ten best are in the table even where all is thinned out.
    places.extend(0..step.candidates.len().min(10));
    let on: Vec<usize> = (0..step.candidates.len()).filter(|place| front.contains(place)).collect();
    places.extend(spread_over(on.len(), ON_FRONT).into_iter().map(|place| on[place]));
    places.sort_unstable();
    places.dedup();
    let point = |place: usize| {
        let candidate = &step.candidates[place];
        let values = goals.iter().map(|goal| candidate.metrics.get(&goal.metric).copied().unwrap_or(f64::NAN));
        FrontPoint {
            record: candidate.record.clone(),
            id: candidate.id,
            called: if step.record.strategy.is_some() { "trial" } else { "candidate" },
            rank: place + 1,
            values: values.collect(),
            trials: candidate.trials,
            feasible: candidate.feasible,
            front: front.contains(&place),
            decisions: step.described(recorded, &candidate.genotype),
        }
    };
    Front {
        step: step.record.name.clone(),
        candidates: step.candidates.len(),
        on_front: on.len(),
        points: places.into_iter().map(point).collect(),
        goals,
    }
}

/// The places of the candidates that no feasible one beats. Of two objectives, walked once in the order of the first.
fn front(step: &RecordedStep) -> Vec<usize> {
    let feasible = step.candidates.iter().enumerate().filter(|(_, candidate)| candidate.feasible);
    match step.candidates.first().map_or(0, |candidate| candidate.losses.len()) {
        // Candidates are sorted by the first loss, ties by the second: each has to beat the least second loss so far, or equal the
        // candidate that has it.
        2 => {
            let mut least: Option<&[f64]> = None;
            let mut front = Vec::new();
            for (place, candidate) in feasible {
                let beaten = least.is_some_and(|least| candidate.losses[1] >= least[1] && candidate.losses != least);
                if !beaten {
                    front.push(place);
                    least = Some(&candidate.losses);
                }
            }
            front
        }
        _ => {
            let on = pleach_run::select::front(&step.candidates);
            feasible
                .filter(|(_, one)| on.iter().any(|other| std::ptr::eq(*one, *other)))
                .map(|(place, _)| place)
                .collect()
        }
    }
}
