//! Whether each step can do what it is to do: its strategy, the strategy's options and needs, what there is to decide.

use super::options;
use super::{Check, listed, with_defaults};
use crate::strategies::{StrategyError, StrategyFile};
use indexmap::IndexMap;
use pleach_plugin::Need;
use pleach_space::{FixError, Fixed, Space, View};
use pleach_spec::{Decide, Evaluator, Node, Problem, push_token};
use serde_json::{Map, Value};
use std::sync::Arc;

/// What a search step needs to start.
#[derive(Debug, Clone)]
pub(crate) struct PreparedSearch {
    pub view: View,
    pub strategy: StrategyFile,
    pub options: Map<String, Value>,
    pub baseline: Option<StrategyFile>,
}

impl Check<'_> {
    /// Checks all steps; gives what each sound search needs.
    pub fn steps(&mut self, space: Option<&Arc<Space>>) -> IndexMap<String, PreparedSearch> {
        let mut searches = IndexMap::new();
        for entry in self.document.steps() {
            let mut pointer = "/steps".to_owned();
            push_token(&mut pointer, &entry.key);
            let [kind] = entry.value.entries() else { continue };
            push_token(&mut pointer, &kind.key);
            match kind.key.as_str() {
                "search" | "hpo" => {
                    let decide = match kind.key.as_str() {
                        "hpo" => Some(Decide::Training),
                        _ => self.decide(&pointer),
                    };
                    let held = self.held(&pointer, &kind.value, space);
                    let view = space.zip(decide).zip(held);
                    let view = view.and_then(|((space, decide), held)| self.decided(&pointer, space, decide, &held));
                    let strategy = self.strategy(&pointer, &kind.value);
                    let baseline = self.baseline(&pointer, &kind.value);
                    self.table_fidelity(&pointer);
                    if let (Some(view), Some((strategy, options))) = (view, strategy) {
                        searches.insert(entry.key.clone(), PreparedSearch { view, strategy, options, baseline });
                    }
                }
                "export" => self.weights(&pointer, &kind.value),
                "robustness" if !matches!(self.who(), Some(Evaluator::Libtorch) | None) => self.problems.push(
                    Problem::error(&*pointer, "no-weights", "only what libtorch trains has weights to measure")
                        .help("leave this step out, or use `evaluator: libtorch`"),
                ),
                "robustness" => self.measured_at_all(&pointer, &kind.value),
                "train" if matches!(self.who(), Some(Evaluator::Table(_))) => self.problems.push(
                    Problem::error(&*pointer, "table-cannot-train", "a table has nothing to train")
                        .help("leave this step out, or use another evaluator"),
                ),
                "train" => drop(self.held(&pointer, &kind.value, space)),
                _ => {}
            }
        }
        searches
    }

    /// The decisions that a step holds at values; none where one of them cannot be.
    fn held(&mut self, pointer: &str, body: &Node, space: Option<&Arc<Space>>) -> Option<Vec<Fixed>> {
        let at = format!("{pointer}/fix");
        let (Some(node), Some(space)) = (body.get("fix").filter(|_| self.is_sound(&at)), space) else {
            return Some(Vec::new());
        };
        let (mut held, mut sound) = (Vec::new(), true);
        for entry in node.entries() {
            match Fixed::of(space.decisions(), &entry.key, &entry.value.to_json()) {
                Ok(mut fixed) => held.append(&mut fixed),
                Err(error) => {
                    let mut at = at.clone();
                    push_token(&mut at, &entry.key);
                    let problem = Problem::error(at, "cannot-fix", error.to_string());
                    self.problems.push(match &error {
                        FixError::Unknown { name, known } => {
                            let likely = pleach_spec::suggest(name, known.iter().map(String::as_str));
                            problem.at_key().help(match likely {
                                Some(likely) => format!("did you mean `{likely}`?"),
                                None => {
                                    format!("give a decision a `name`, or write its path; there are {}", listed(known))
                                }
                            })
                        }
                        FixError::Value { values, .. } => problem.help(format!("write one of {values}")),
                    });
                    sound = false;
                }
            }
        }
        sound.then_some(held)
    }

    /// What a search decides.
    fn decide(&self, pointer: &str) -> Option<Decide> {
        let at = format!("{pointer}/decide");
        match self.root.at(&at) {
            None => Some(Decide::All),
            Some(_) => self.part(&at),
        }
    }

    /// The strategy beside a search: with its default options.
    fn baseline(&mut self, pointer: &str, body: &Node) -> Option<StrategyFile> {
        let at = format!("{pointer}/baseline");
        let name = body.get("baseline").and_then(Node::as_str).filter(|_| self.is_sound(&at))?;
        let file = self.found(&at, name)?;
        self.needs(&at, &file, &with_defaults(&file.manifest.options_schema, Map::new()));
        Some(file)
    }

    /// A step that measures nothing is a mistake.
    fn measured_at_all(&mut self, pointer: &str, body: &Node) {
        let some = |key: &str| match body.get(key).or_else(|| self.root.get(key)) {
            Some(node) => !node.items().is_empty() || !node.entries().is_empty(),
            None => false,
        };
        if !some("corruptions") && !some("attacks") {
            self.problems.push(
                Problem::error(pointer, "nothing-to-measure", "there is neither a corruption nor an attack")
                    .at_key()
                    .help(
                        "write `corruptions: [gaussian_noise, contrast]` or `attacks: {fgsm: {fgsm: {epsilon: 0.1}}}`",
                    ),
            );
        }
    }

    /// The decisions of a search, of which there must be some.
    fn decided(&mut self, pointer: &str, space: &Arc<Space>, decide: Decide, held: &[Fixed]) -> Option<View> {
        let at = format!("{pointer}/decide");
        let view = View::fixing(space.clone(), decide, vec![space.defaults()], held);
        if view.decisions().is_empty() {
            let what = match decide {
                _ if !held.is_empty() => "`fix` holds every decision",
                Decide::All => "the space has no decisions",
                Decide::Architecture => "the network has no decisions",
                Decide::Training => "the training recipe has no decisions",
            };
            self.problems.push(
                Problem::error(at, "nothing-to-decide", format!("there is nothing to search: {what}"))
                    .help("put `one_of`, `int` or `float` in place of a value below `space`"),
            );
            return None;
        }
        Some(view)
    }

    fn strategy(&mut self, pointer: &str, body: &Node) -> Option<(StrategyFile, Map<String, Value>)> {
        let at = format!("{pointer}/strategy");
        let name = body.get("strategy").and_then(Node::as_str).filter(|_| self.is_sound(&at))?;
        let file = self.found(&at, name)?;
        let with = format!("{pointer}/with");
        let given = body.get("with").map(Node::to_json);
        if self.is_sound(&with) {
            let options = given.clone().unwrap_or_else(|| Value::Object(Map::new()));
            self.problems.extend(options::check(&file.manifest, &options, &with));
        }
        let given = given.and_then(|given| given.as_object().cloned()).unwrap_or_default();
        let options = with_defaults(&file.manifest.options_schema, given);
        self.needs(&at, &file, &options);
        Some((file, options))
    }

    /// The strategy of this name.
    fn found(&mut self, at: &str, name: &str) -> Option<StrategyFile> {
        match self.surroundings.strategies.find(name, &self.surroundings.base) {
            Ok(file) => Some(file),
            Err(error) => {
                let code = match error {
                    StrategyError::Unknown { .. } => "unknown-strategy",
                    _ => "unusable-strategy",
                };
                self.problems.push(Problem { help: error.help(), ..Problem::error(at, code, error.to_string()) });
                None
            }
        }
    }

    /// What the strategy asks of the engine, this experiment must be able to serve.
    fn needs(&mut self, at: &str, file: &StrategyFile, options: &Map<String, Value>) {
        let objectives = self.root.get("objectives").map_or(1, |objectives| objectives.items().len());
        let name = &file.manifest.name;
        let predicts = self.root.get("predictor").is_some();
        let scores = matches!(self.who(), Some(Evaluator::Table(table)) if table.proxies.is_some());
        let own = file.manifest.needs.iter().map(|&need| (None, need));
        let of_options = file.manifest.options_need(options).map(|(option, need)| (Some(option), need));
        for (option, need) in own.chain(of_options) {
            let (why, help) = match need {
                // What resumes trains afresh where it cannot: its context tells.
                Need::Train | Need::Resume => continue,
                Need::SeveralObjectives if objectives > 1 => continue,
                Need::SeveralObjectives => {
                    ("there is one objective".to_owned(), "name a second objective, or choose another strategy")
                }
                Need::Predict if predicts => continue,
                Need::Predict => ("there is no predictor".to_owned(), "write `predictor: {forest: {}}` beside `steps`"),
                Need::Proxies if scores => continue,
                Need::Proxies => (
                    "nobody scores candidates without training them".to_owned(),
                    "a table does whose description names `proxies`; or choose another strategy",
                ),
                Need::Inherit | Need::Share | Need::Score => {
                    (format!("this engine does not serve `{need}`"), "choose another strategy")
                }
            };
            let who = option.map_or_else(String::new, |option| format!("option `{option}` of "));
            let message = format!("{who}strategy `{name}` needs `{need}`, but {why}");
            self.problems.push(Problem::error(at, "unserved-need", message).help(help));
        }
    }

    /// A table holds results at the fidelities that it describes.
    fn table_fidelity(&mut self, pointer: &str) {
        let at = format!("{pointer}/fidelity");
        let Some(Evaluator::Table(table)) = self.who() else { return };
        let Some(fidelity) = self.root.at(&at).and_then(Node::as_f64).filter(|_| self.is_sound(&at)) else { return };
        let shares = table.shares();
        if !shares.contains(&fidelity) {
            let help = match shares.as_slice() {
                [_] => "leave `fidelity` out, or describe more below `evaluator.table.fidelities`".to_owned(),
                shares if shares.len() > 20 => {
                    format!("there are {} from {} to 1, in equal steps", shares.len(), shares[0])
                }
                shares => format!("there are {}", super::listed(shares.iter().map(f64::to_string))),
            };
            let message = format!("the table holds no results at fidelity {fidelity}");
            self.problems.push(Problem::error(at, "table-fidelity", message).help(help));
        }
    }

    /// Only what libtorch trained has weights to export.
    fn weights(&mut self, pointer: &str, body: &Node) {
        if matches!(self.who(), Some(Evaluator::Libtorch) | None) {
            return;
        }
        for (index, format) in body.get("formats").map_or(&[][..], Node::items).iter().enumerate() {
            if let Some(name) = format.as_str().filter(|&name| name != "yaml") {
                self.problems.push(
                    Problem::error(
                        format!("{pointer}/formats/{index}"),
                        "no-weights",
                        format!("`{name}` needs weights, and only libtorch trains some"),
                    )
                    .help("`yaml` writes the network and its recipe, which a libtorch experiment can train"),
                );
            }
        }
    }
}
