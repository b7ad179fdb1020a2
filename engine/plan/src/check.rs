//! What is wrong with an experiment beyond its own text: data, networks, metrics, strategies, tables.
//!
//! Each check looks at parts that the schema accepted, so that one mistake is said once and does not hide others.

mod data;
mod evaluator;
mod metrics;
mod options;
mod steps;

pub use pleach_plugin::with_defaults;
pub(crate) use steps::PreparedSearch;

use crate::prepare::Surroundings;
use indexmap::IndexMap;
use pleach_data::{DataShape, Locations};
use pleach_evaluate::Table;
use pleach_space::{Shape, Space, SpaceProblem};
use pleach_spec::{Document, Evaluator, Node, Problem, Severity, push_token};
use serde::de::DeserializeOwned;
use std::sync::Arc;

/// Collects problems of one document.
pub(crate) struct Check<'c> {
    document: &'c Document,
    root: &'c Node,
    surroundings: &'c Surroundings,
    /// Where the schema, or the experiment's own text, is at fault.
    refused: Vec<String>,
    data_failed: bool,
    /// What was found.
    pub problems: Vec<Problem>,
}

impl<'c> Check<'c> {
    /// A check of a document in which these problems are known.
    pub fn new(document: &'c Document, root: &'c Node, surroundings: &'c Surroundings, known: &[Problem]) -> Self {
        let errors = known.iter().filter(|problem| problem.severity == Severity::Error);
        let refused = errors.map(|problem| problem.pointer.clone()).collect();
        Check { document, root, surroundings, refused, data_failed: false, problems: Vec::new() }
    }

    /// Whether nothing is wrong yet at or below a place.
    fn is_sound(&self, pointer: &str) -> bool {
        !self
            .refused
            .iter()
            .any(|refused| refused.strip_prefix(pointer).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')))
    }

    /// A part in its type, where it is there and sound.
    fn part<T: DeserializeOwned>(&self, pointer: &str) -> Option<T> {
        let node = self.root.at(pointer).filter(|_| self.is_sound(pointer))?;
        serde_json::from_value(node.to_json()).ok()
    }

    /// Who evaluates; none where that part is wrong.
    fn who(&self) -> Option<Evaluator> {
        match self.root.get("evaluator") {
            None => Some(Evaluator::Libtorch),
            Some(_) => self.part("/evaluator"),
        }
    }

    /// Shape and classes of the data, where they are named.
    pub fn data(&mut self) -> Option<DataShape> {
        self.root.get("data")?;
        match self.part("/data").map(|data| data::inspect(&data, self.surroundings)) {
            Some(Ok(shape)) => return Some(shape),
            Some(Err(problem)) => self.problems.push(problem),
            None => {}
        }
        self.data_failed = true;
        None
    }

    /// Compiles the space and builds every option once, and random networks.
    pub fn space(&mut self, data: Option<&DataShape>, random: usize) -> Option<Space> {
        let base = self.document.space_pointer();
        let section = self.root.at(base).filter(|_| self.is_sound(base) && !self.document.is_broken())?;
        let shape = data.map(|data| (Shape(data.shape.iter().copied().collect()), data.classes));
        let (space, mut problems) = Space::compile(&section.to_json(), base, shape);
        if self.data_failed {
            // The data would tell, once they are right.
            problems.retain(|problem| problem.code != "unknown-input");
        }
        problems.extend(space.iter().flat_map(|space| space.check(random)));
        self.problems.extend(problems.into_iter().map(of_space));
        space
    }

    /// Compiles the networks that `train` steps bring, each with its recipe or that of the space, by step.
    pub fn own_networks(&mut self, data: Option<&DataShape>) -> IndexMap<String, Arc<Space>> {
        let mut own = IndexMap::new();
        let base = self.document.space_pointer();
        let recipe = self.root.at(base).and_then(|space| space.get("training")).map(Node::to_json);
        let shape = data.map(|data| (Shape(data.shape.iter().copied().collect()), data.classes));
        for entry in self.document.steps() {
            let Some(body) = entry.value.get("train") else { continue };
            let Some(network) = body.get("network") else { continue };
            let mut pointer = "/steps".to_owned();
            push_token(&mut pointer, &entry.key);
            pointer.push_str("/train");
            if !self.is_sound(&pointer) {
                continue;
            }
            let mut section = serde_json::Map::new();
            section.insert("network".into(), network.to_json());
            let given = body.get("training").map(Node::to_json);
            if let Some(training) = given.or_else(|| recipe.clone()) {
                section.insert("training".into(), training);
            }
            let (space, mut problems) = Space::compile(&section.into(), &pointer, shape.clone());
            problems.retain(|problem| !(self.data_failed && problem.code == "unknown-input"));
            problems.extend(space.iter().flat_map(|space| space.check(0)));
            self.problems.extend(problems.into_iter().map(of_space));
            if let Some(space) = space {
                own.insert(entry.key.clone(), Arc::new(space));
            }
        }
        own
    }

    /// A table's columns, a command's program.
    pub fn evaluator(&mut self, space: Option<&Arc<Space>>) {
        match self.who() {
            Some(Evaluator::Table(table)) => {
                // What is incomplete is said by the experiment's own check.
                if table.file.is_none() {
                    return;
                }
                let Surroundings { base, data_caches, .. } = self.surroundings;
                let locations = Locations { base: base.clone(), caches: data_caches.clone() };
                for error in Table::inspect(&table, &locations, space) {
                    // Without a space, nothing is known of its decisions.
                    if space.is_some() || !evaluator::is_about_decisions(&error) {
                        self.problems.push(evaluator::of_table(&error));
                    }
                }
            }
            Some(Evaluator::Command(command)) => {
                self.problems.extend(evaluator::of_command(&command, &self.surroundings.base));
            }
            Some(Evaluator::Libtorch) | None => {}
        }
    }
}

fn of_space(problem: SpaceProblem) -> Problem {
    Problem {
        severity: if problem.warning { Severity::Warning } else { Severity::Error },
        help: problem.help,
        ..Problem::error(problem.pointer, problem.code, problem.message)
    }
}

/// `a, b and c` in back-ticks, for helps.
fn listed<S: AsRef<str>>(words: impl IntoIterator<Item = S>) -> String {
    words.into_iter().map(|word| format!("`{}`", word.as_ref())).collect::<Vec<_>>().join(", ")
}
