//! What each step depends on, as a document whose key says whether the step must run again.
//!
//! The one definition, for `plan` and for running. A document repeats the parts of the experiment that the step depends on, at
//! the same places, so that a difference between two documents is a place in the file ([`pointer_of`]); beside them stand the
//! keys of its inputs and the digests and versions that the file does not show.

use crate::check::with_defaults;
use crate::prepared::Prepared;
use indexmap::IndexMap;
use pleach_data::{DataError, Locations};
use pleach_evaluate::{DigestError, Measure, measures_of};
use pleach_plugin::{Manifest, Need};
use pleach_space::Space;
use pleach_spec::{Evaluator, Experiment, Objective, Step, push_token};
use serde_json::{Map, Value, json};
use std::path::{Path, PathBuf};

/// Rises whenever the search loop asks or tells otherwise than before for the same experiment.
pub const SEARCH_SEMANTICS: u32 = 1;

/// Digests of what an experiment names and does not hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Digests {
    /// Of the data's decoded content, where data are named.
    pub data: Option<String>,
    /// Of a table's file, or of a command's words and files.
    pub evaluator: Option<String>,
}

/// What cannot be digested.
#[derive(Debug, thiserror::Error)]
pub enum DigestsError {
    /// The data cannot be read.
    #[error(transparent)]
    Data(#[from] DataError),
    /// A command's file cannot be read.
    #[error(transparent)]
    Command(#[from] DigestError),
    /// A table's file cannot be read.
    #[error(transparent)]
    Table(#[from] pleach_evaluate::TableError),
}

/// Reads the data, and the table or command, and digests them.
///
/// # Errors
/// One of them cannot be read.
pub fn digests(experiment: &Experiment, base: &Path, data_caches: &[PathBuf]) -> Result<Digests, DigestsError> {
    let data = match &experiment.data {
        None => None,
        Some(data) => {
            let locations = Locations { base: base.to_owned(), caches: data_caches.to_vec() };
            Some(pleach_data::read(data, &locations)?.digest().to_hex().to_string())
        }
    };
    let evaluator = match &experiment.evaluator {
        Evaluator::Libtorch => None,
        Evaluator::Command(command) => Some(pleach_evaluate::command_digest(command, base)?),
        Evaluator::Table(table) => {
            let locations = Locations { base: base.to_owned(), caches: data_caches.to_vec() };
            Some(pleach_evaluate::Table::digest_of(table, &locations)?)
        }
    };
    Ok(Digests { data, evaluator })
}

/// The document of every step, in the order of `order`, in which each comes after its inputs.
///
/// `resolved` is the experiment as JSON with includes and overrides in place; `strategy` gives manifest and digest of a strategy
/// by what the experiment calls it.
pub fn step_documents<'m>(
    experiment: &Experiment,
    resolved: &Value,
    space: &Space,
    order: &[String],
    digests: &Digests,
    strategy: &dyn Fn(&str) -> Option<(&'m Manifest, &'m str)>,
) -> IndexMap<String, Value> {
    let mut documents: IndexMap<String, Value> = IndexMap::with_capacity(order.len());
    for name in order {
        let Some(step) = experiment.steps.get(name) else { continue };
        let mut document = shared(experiment, resolved, space, digests);
        let mut section = serde_json::to_value(step).unwrap_or_default();
        // Whether candidates are good enough changes nothing of what they are.
        section[step.kind()].as_object_mut().map(|section| section.shift_remove("require"));
        if let Step::Robustness(robustness) = step {
            let measured = &mut section["robustness"];
            let corruptions = robustness.corruptions.as_ref().unwrap_or(&experiment.corruptions);
            measured["corruptions"] = json!(corruptions);
            measured["severities"] = json!(robustness.severities.as_ref().unwrap_or(&experiment.severities));
            measured["attacks"] = json!(robustness.attacks.as_ref().unwrap_or(&experiment.attacks));
        } else {
            measured(experiment, step, &mut document);
        }
        if let Some(searching) = step.searching()
            && let Some((manifest, digest)) = strategy(searching.strategy)
        {
            let options = with_defaults(&manifest.options_schema, searching.with.clone());
            section[step.kind()]["with"] = options.clone().into();
            let identity = json!({"name": manifest.name, "version": manifest.version, "digest": digest});
            document.insert("strategy".into(), identity);
            let mut predicts = manifest.uses(Need::Predict, &options);
            if let Some((manifest, digest)) = searching.baseline.and_then(strategy) {
                let identity = json!({"name": manifest.name, "version": manifest.version, "digest": digest});
                document.insert("baseline".into(), identity);
                predicts |= manifest.needs(Need::Predict);
            }
            if predicts && let Some(predictor) = &experiment.predictor {
                document.insert("predictor".into(), json!(predictor));
            }
        }
        // The name of a search is part of its seeds.
        document.insert("steps".into(), json!({ name: section }));
        let inputs: Map<String, Value> = step
            .candidates()
            .and_then(|reference| Some((reference.step().to_owned(), key_of(documents.get(reference.step())?).into())))
            .into_iter()
            .collect();
        document.insert("inputs".into(), inputs.into());
        documents.insert(name.clone(), document.into());
    }
    documents
}

/// What is measured at the end of each of a step's trainings beside what every training measures.
fn measured(experiment: &Experiment, step: &Step, document: &mut Map<String, Value>) {
    let mut attacks = Map::new();
    for measure in measures(experiment, step) {
        match measure {
            Measure::Corrupted { .. } => drop(document.insert("severities".into(), json!(experiment.severities))),
            Measure::Attacked { name, attack } => drop(attacks.insert(name, json!(attack))),
            Measure::Latency { .. } | Measure::PeakMemory { .. } => {}
        }
    }
    if !attacks.is_empty() {
        document.insert("attacks".into(), attacks.into());
    }
}

/// What is measured at the end of each of a step's trainings, or on its trained networks: what objectives, the space's
/// requirements and those of the step name, each once.
pub fn measures(experiment: &Experiment, step: &Step) -> Vec<Measure> {
    let mut all: Vec<Measure> = Vec::new();
    let mut attacks = &experiment.attacks;
    let mut severities = &experiment.severities;
    if let Step::Robustness(robustness) = step {
        attacks = robustness.attacks.as_ref().unwrap_or(attacks);
        severities = robustness.severities.as_ref().unwrap_or(severities);
        for &corruption in robustness.corruptions.as_ref().unwrap_or(&experiment.corruptions) {
            all.extend(severities.iter().map(|&severity| Measure::Corrupted { corruption, severity }));
        }
        all.extend(
            attacks.iter().map(|(name, attack)| Measure::Attacked { name: name.clone(), attack: attack.clone() }),
        );
    }
    let objectives = experiment.objectives.iter().map(Objective::metric);
    let required = experiment.space.require.iter().chain(step.require()).map(|requirement| &requirement.metric);
    let of_step = match step {
        // What a robustness step measures is its own affair, and an export measures nothing.
        Step::Robustness(_) => step.require().iter().map(|requirement| &requirement.metric).collect(),
        Step::Export(_) => Vec::new(),
        _ => objectives.chain(required).collect::<Vec<_>>(),
    };
    for metric in of_step {
        for measure in measures_of(metric, severities, attacks).unwrap_or_default() {
            if !all.contains(&measure) {
                all.push(measure);
            }
        }
    }
    let mut once = Vec::with_capacity(all.len());
    all.into_iter().for_each(|measure| {
        if !once.contains(&measure) {
            once.push(measure)
        }
    });
    once
}

/// The key of a step's document.
pub fn key_of(document: &Value) -> String {
    pleach_store::key(document)
}

/// What every step depends on.
fn shared(experiment: &Experiment, resolved: &Value, space: &Space, digests: &Digests) -> Map<String, Value> {
    let typed = serde_json::to_value(experiment).unwrap_or_default();
    let mut document = Map::new();
    for part in ["seed", "data", "evaluator", "objectives", "fidelity", "concurrency", "failures"] {
        document.insert(part.into(), typed[part].clone());
    }
    // Of files that are named, the content counts and not the place.
    if let Some(data) = document.get_mut("data").filter(|_| digests.data.is_some()) {
        without_paths(data);
    }
    document.insert("space".into(), normal_space(experiment, resolved));
    // Genotypes hold values in this order, which the order of keys in the file can change.
    let decisions = space.decisions().iter().map(|decision| decision.path.clone());
    document.insert("decisions".into(), decisions.collect());
    document.insert("digests".into(), json!({"data": digests.data, "evaluator": digests.evaluator}));
    let versions = json!({"pleach": env!("CARGO_PKG_VERSION"), "search_semantics": SEARCH_SEMANTICS});
    document.insert("versions".into(), versions);
    document
}

/// The section of the space with its decisions as given, requirements in one spelling; `resolved` is the experiment as JSON with
/// includes in place.
pub fn normal_space(experiment: &Experiment, resolved: &Value) -> Value {
    let mut section = resolved.get("space").cloned().unwrap_or_default();
    if let Some(section) = section.as_object_mut() {
        section.shift_remove("from");
        if let Some(require) = section.get_mut("require") {
            *require = json!(experiment.space.require);
        }
    }
    section
}

fn without_paths(data: &mut Value) {
    let Some(Value::Object(dataset)) = data.get_mut("dataset") else { return };
    for (kind, value) in dataset.iter_mut() {
        match (kind.as_str(), &mut *value) {
            (_, Value::String(_)) => *value = Value::Null,
            ("csv", Value::Object(csv)) => drop(csv.shift_remove("path")),
            _ => {}
        }
    }
}

/// The JSON pointer in the experiment that a path of a difference means, such as `space.network[0].conv`; none for what does
/// not stand there: digests, versions, inputs.
pub fn pointer_of(path: &str) -> Option<String> {
    let first = path.split(['.', '[']).next().unwrap_or_default();
    if matches!(first, "digests" | "versions" | "inputs" | "strategy" | "baseline" | "decisions") {
        return None;
    }
    let mut pointer = String::new();
    for part in path.split('.') {
        let (key, indices) = part.split_once('[').map_or((part, None), |(key, rest)| (key, Some(rest)));
        if !key.is_empty() {
            push_token(&mut pointer, key);
        }
        for index in indices.into_iter().flat_map(|rest| rest.trim_end_matches(']').split("][")) {
            push_token(&mut pointer, index);
        }
    }
    Some(pointer)
}

impl Prepared {
    /// The document of every step: see [`step_documents`].
    pub fn step_documents(&self, digests: &Digests) -> IndexMap<String, Value> {
        let order: Vec<String> = self.steps.iter().map(|step| step.name.clone()).collect();
        let strategy = |name: &str| {
            let file = self.steps.iter().find_map(|step| {
                let searching = step.step.searching()?;
                let own = step.strategy.as_ref().filter(|_| searching.strategy == name);
                own.or(step.baseline.as_ref().filter(|_| searching.baseline == Some(name)))
            })?;
            Some((&file.manifest, file.digest.as_str()))
        };
        step_documents(&self.experiment, &self.resolved, &self.space, &order, digests, &strategy)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_finds_its_place_in_the_file() {
        assert_eq!(
            pointer_of("space.network[0].conv.channels.one_of[2]").unwrap(),
            "/space/network/0/conv/channels/one_of/2"
        );
        assert_eq!(pointer_of("steps.explore.search.budget").unwrap(), "/steps/explore/search/budget");
        assert_eq!(pointer_of("a[1][2]").unwrap(), "/a/1/2");
        assert_eq!(pointer_of("digests.data"), None);
    }
}
