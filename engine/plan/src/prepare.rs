//! From a document to an experiment that is ready to run, or to all that keeps it from that.

use crate::check::{Check, PreparedSearch};
use crate::graph::StepGraph;
use crate::prepared::{Prepared, PreparedStep};
use crate::strategies::Strategies;
use pleach_space::Space;
use pleach_spec::{Diagnostic, Document};
use std::path::PathBuf;
use std::sync::Arc;

/// Random genotypes that are built to see whether a large space's networks fit.
const RANDOM_GENOTYPES: usize = 1000;

/// Where an experiment stands and what it can find there.
#[derive(Debug, Clone, Default)]
pub struct Surroundings {
    /// The folder that paths in the experiment are relative to: that of its file.
    pub base: PathBuf,
    /// Folders with fetched data sets.
    pub data_caches: Vec<PathBuf>,
    /// Where strategies lie.
    pub strategies: Strategies,
}

/// Checks an experiment in full: syntax, schema, meaning, data, every option of the space and 1,000 random networks of it,
/// metrics, strategies with their options, tables.
///
/// Reads headers of data and tables only, and runs nothing. Answers with all diagnostics, in the order of the files, and with
/// the prepared experiment where none of them is an error.
pub fn prepare(document: &Document, surroundings: &Surroundings) -> (Option<Prepared>, Vec<Diagnostic>) {
    let mut problems = [document.validate(), document.semantics()].concat();
    let Some(root) = document.root() else { return (None, document.report(&problems)) };
    let mut check = Check::new(document, root, surroundings, &problems);
    let data = check.data();
    let space = check.space(data.as_ref(), RANDOM_GENOTYPES);
    check.metrics();
    let space = space.map(Arc::new);
    check.evaluator(space.as_ref());
    let searches = check.steps(space.as_ref());
    let own = check.own_networks(data.as_ref());
    problems.append(&mut check.problems);
    let diagnostics = document.report(&problems);
    if diagnostics.iter().any(Diagnostic::is_error) {
        return (None, diagnostics);
    }
    let (experiment, space) = match (document.experiment(), space) {
        (Ok(experiment), Some(space)) => (experiment, space),
        (Ok(_), None) => return (None, diagnostics),
        (Err(diagnostics), _) => return (None, diagnostics),
    };
    let graph = StepGraph::new(&experiment.steps);
    let order: Vec<String> = graph.order().into_iter().map(str::to_owned).collect();
    let place = |name: &str| order.iter().position(|other| other == name);
    let steps = order
        .iter()
        .map(|name| {
            let step = experiment.steps[name].clone();
            let inputs = graph.inputs(name).into_iter().filter_map(place).collect();
            let search = searches.get(name).cloned();
            let space = own.get(name).cloned();
            let (view, strategy, options, baseline) = match search {
                Some(PreparedSearch { view, strategy, options, baseline }) => {
                    (Some(view), Some(strategy), options, baseline)
                }
                None => (None, None, serde_json::Map::new(), None),
            };
            PreparedStep { name: name.clone(), step, inputs, space, view, strategy, options, baseline }
        })
        .collect();
    let prepared = Prepared {
        base: surroundings.base.clone(),
        text: document.sources().file(root.span.file).text().to_owned(),
        resolved: root.to_json(),
        experiment,
        space,
        data,
        steps,
        graph,
    };
    (Some(prepared), diagnostics)
}

/// Checks a space, in a file of its own or below `space` of an experiment; of an experiment everything else is looked at only as
/// far as the space depends on it.
pub fn check_space(document: &Document, surroundings: &Surroundings) -> (Option<Space>, Vec<Diagnostic>) {
    let base = document.space_pointer();
    let is_of_space = |pointer: &str| pointer.starts_with(base) || pointer.starts_with("/data");
    let mut problems = [document.validate(), document.semantics()].concat();
    problems.retain(|problem| is_of_space(&problem.pointer));
    let Some(root) = document.root() else { return (None, document.report(&problems)) };
    let mut check = Check::new(document, root, surroundings, &problems);
    let data = check.data();
    let space = check.space(data.as_ref(), RANDOM_GENOTYPES);
    problems.append(&mut check.problems);
    let diagnostics = document.report(&problems);
    let broken = diagnostics.iter().any(Diagnostic::is_error);
    (space.filter(|_| !broken), diagnostics)
}
