//! What the best of a search came from.

use super::Goal;
use crate::recorded::{Recorded, RecordedStep};
use pleach_store::TrialRecord;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// At most this many ancestors, the youngest ones.
const ANCESTORS: usize = 60;

/// The best of a search and all that it came from.
#[derive(Debug, Clone, Serialize)]
pub struct Lineage {
    /// The record's name.
    pub step: String,
    /// The best trial.
    pub best: u64,
    /// The metric of the values.
    pub goal: Goal,
    /// The oldest first; the last one is the best.
    pub ancestors: Vec<Ancestor>,
    /// Ancestors that are left out, older than those.
    pub older: usize,
}

/// A trial that the best came from.
#[derive(Debug, Clone, Serialize)]
pub struct Ancestor {
    /// The trial.
    pub trial: u64,
    /// The trials that it was derived from.
    pub parents: Vec<u64>,
    /// The first objective, where it was measured.
    pub value: Option<f64>,
    /// How it differs from its first parent; of one without parents every decision.
    pub changes: Vec<Change>,
}

/// A decision that changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Change {
    /// The decision's path.
    pub decision: String,
    /// The parent's value in words; none where the parent did not have the decision.
    pub from: Option<String>,
    /// The value in words; none where the decision no longer counts.
    pub to: Option<String>,
}

pub(super) fn lineages(recorded: &Recorded) -> Vec<Lineage> {
    let Some(goal) = recorded.objective().map(Goal::of) else { return Vec::new() };
    let searches = recorded.main_steps().filter(|step| step.record.strategy.is_some());
    searches.filter_map(|step| lineage(recorded, step, &goal)).collect()
}

fn lineage(recorded: &Recorded, step: &RecordedStep, goal: &Goal) -> Option<Lineage> {
    let best = step.candidates.first().filter(|best| best.feasible)?;
    // Of several searches, the one that found it.
    let step = recorded.steps.iter().find(|step| step.record.name == best.record)?;
    let best = best.id;
    let trials: BTreeMap<u64, &TrialRecord> = step.trials.iter().map(|trial| (trial.id, trial)).collect();
    let (mut found, mut open) = (BTreeSet::new(), vec![best]);
    while let Some(id) = open.pop() {
        if let Some(trial) = trials.get(&id)
            && found.insert(id)
        {
            open.extend(&trial.request.parents);
        }
    }
    // One without a parent has no lineage to show.
    if found.len() < 2 {
        return None;
    }
    let older = found.len().saturating_sub(ANCESTORS);
    let ancestors = found.iter().skip(older).map(|id| {
        let trial = trials[id];
        let parent = trial.request.parents.first().and_then(|parent| trials.get(parent));
        Ancestor {
            trial: *id,
            parents: trial.request.parents.clone(),
            value: trial.metrics().and_then(|metrics| metrics.get(&goal.metric).copied()),
            changes: changes(recorded, step, parent.copied(), trial),
        }
    });
    Some(Lineage { step: step.record.name.clone(), best, goal: goal.clone(), ancestors: ancestors.collect(), older })
}

fn changes(recorded: &Recorded, step: &RecordedStep, parent: Option<&TrialRecord>, trial: &TrialRecord) -> Vec<Change> {
    let own = step.described(recorded, &trial.request.genotype);
    let before = parent.map(|parent| step.described(recorded, &parent.request.genotype)).unwrap_or_default();
    let value = |list: &[(String, String)], path: &str| {
        list.iter().find(|(decision, _)| decision == path).map(|(_, value)| value.clone())
    };
    let change = |decision: &String| {
        let (from, to) = (value(&before, decision), value(&own, decision));
        (from != to).then(|| Change { decision: decision.clone(), from, to })
    };
    step.record.decisions.iter().filter_map(change).collect()
}
