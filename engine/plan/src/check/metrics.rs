//! Whether somebody measures the metrics of objectives and requirements.

use super::{Check, listed};
use indexmap::IndexMap;
use pleach_evaluate::measures_of;
use pleach_space::Costs;
use pleach_spec::{Attack, Corruption, Direction, Evaluator, Metric, Node, Problem, Requirement, push_token};

/// What a training measures after each epoch: on the validation part, and on the training part as it goes.
const OF_VALIDATION: [&str; 2] = ["accuracy", "loss"];
const OF_TRAINING: [&str; 2] = ["train_accuracy", "train_loss"];

/// What a training measures on the test part, in `train` steps only.
const OF_TEST: [&str; 2] = ["test_accuracy", "test_loss"];

impl Check<'_> {
    /// Objectives and requirements name metrics that somebody measures.
    pub fn metrics(&mut self) {
        let Some(known) = self.measured() else { return };
        let mut found = Vec::new();
        for (index, objective) in self.root.get("objectives").map_or(&[][..], Node::items).iter().enumerate() {
            if let [entry] = objective.entries()
                && let Some(metric) = entry.value.as_str().and_then(|text| text.parse::<Metric>().ok())
            {
                let pointer = format!("/objectives/{index}/{}", entry.key);
                self.problems.extend(self.against_direction(&pointer, &entry.key, &metric));
                found.push((pointer, metric));
            }
        }
        let base = self.document.space_pointer();
        let required = |pointer: &str| -> Vec<(String, Metric)> {
            let items = self.root.at(pointer).map_or(&[][..], Node::items).iter().enumerate();
            let metric = |node: &Node| Some(node.as_str()?.parse::<Requirement>().ok()?.metric);
            items.filter_map(|(index, node)| Some((format!("{pointer}/{index}"), metric(node)?))).collect()
        };
        found.extend(required(&format!("{base}/require")));
        let attacks: IndexMap<String, Attack> = self.part("/attacks").unwrap_or_default();
        self.unmeasured(found, &known, &attacks);
        for entry in self.document.steps() {
            let [kind] = entry.value.entries() else { continue };
            let mut pointer = "/steps".to_owned();
            push_token(&mut pointer, &entry.key);
            push_token(&mut pointer, &kind.key);
            let found = required(&format!("{pointer}/require"));
            let mut known = known.clone();
            // A search never sees the test part; what comes after a training knows what it measured there.
            let trained = matches!(kind.key.as_str(), "train" | "robustness" | "export");
            if trained && matches!(self.who(), Some(Evaluator::Libtorch)) {
                known.extend(OF_TEST.map(str::to_owned));
            }
            let own: Option<IndexMap<String, Attack>> = self.part(&format!("{pointer}/attacks"));
            self.unmeasured(found, &known, own.as_ref().unwrap_or(&attacks));
        }
    }

    /// A table may say which way is better.
    fn against_direction(&self, pointer: &str, way: &str, metric: &Metric) -> Option<Problem> {
        let Evaluator::Table(table) = self.who()? else { return None };
        let direction = table.all_metrics().get(&metric.to_string())?.direction()?;
        let better = match direction {
            Direction::Maximize => "maximize",
            Direction::Minimize => "minimize",
        };
        (better != way).then(|| {
            let message = format!("the table says that `{metric}` is to be {better}d");
            Problem::warning(pointer, "against-direction", message).at_key().help(format!("write `{better}: {metric}`"))
        })
    }

    fn unmeasured(&mut self, found: Vec<(String, Metric)>, known: &[String], attacks: &IndexMap<String, Attack>) {
        let libtorch = matches!(self.who(), Some(Evaluator::Libtorch));
        let measured = |metric: &Metric| {
            known.contains(&metric.to_string()) || (libtorch && measures_of(metric, &[1], attacks).is_some())
        };
        let unknown = found.into_iter().filter(|(_, metric)| !measured(metric));
        let problems: Vec<Problem> =
            unknown.map(|(pointer, metric)| problem(pointer, &metric, known, attacks, libtorch)).collect();
        self.problems.extend(problems);
    }

    /// The metrics that there are; none where anything may be measured, or nothing is known of who measures.
    fn measured(&self) -> Option<Vec<String>> {
        let costs = || Costs::NAMES.iter().filter(|_| self.has_network()).map(|&name| name.to_owned());
        match self.who()? {
            Evaluator::Command(_) => None,
            Evaluator::Table(table) => Some(table.all_metrics().into_keys().chain(costs()).collect()),
            Evaluator::Libtorch => {
                let share = self.root.at("/data/split/validation").and_then(Node::as_f64);
                let validated = if share == Some(0.0) { &[][..] } else { &OF_VALIDATION[..] };
                let trained = validated.iter().chain(&OF_TRAINING).map(|&name| name.to_owned());
                Some(trained.chain(costs()).collect())
            }
        }
    }

    fn has_network(&self) -> bool {
        self.root.at(&format!("{}/network", self.document.space_pointer())).is_some()
    }
}

fn problem(
    pointer: String,
    metric: &Metric,
    known: &[String],
    attacks: &IndexMap<String, Attack>,
    libtorch: bool,
) -> Problem {
    let text = metric.to_string();
    let help = match (text.as_str(), metric.name.as_str()) {
        ("test_accuracy" | "test_loss", _) => {
            "a search never sees the test part: `train` steps measure it at their end".to_owned()
        }
        ("accuracy" | "loss", _) => "there is no validation part: raise `data.split.validation`".to_owned(),
        (_, "accuracy" | "loss") if libtorch => {
            let all = Corruption::ALL.map(Corruption::name);
            let names: Vec<&str> = attacks.keys().map(String::as_str).chain(all).collect();
            let given = metric.arguments.first().map_or("", String::as_str);
            match (names.contains(&given), pleach_spec::suggest(given, names.iter().copied())) {
                (true, _) => {
                    format!("write `{}({given}, SEVERITY)` with a corruption and a severity from 1 to 5", metric.name)
                }
                (false, Some(likely)) => format!("did you mean `{}({likely})`?", metric.name),
                (false, None) => format!("name an attack below `attacks`, or one of the corruptions {}", listed(all)),
            }
        }
        _ => match pleach_spec::suggest(&text, known.iter().map(String::as_str)) {
            Some(likely) => format!("did you mean `{likely}`?"),
            None => format!("there are {}", listed(known)),
        },
    };
    Problem::error(pointer, "unknown-metric", format!("nobody measures `{text}`")).help(help)
}
