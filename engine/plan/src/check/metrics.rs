//! Whether somebody measures the metrics of objectives and requirements.

use super::{Check, listed};
use pleach_space::Costs;
use pleach_spec::{Evaluator, Metric, Node, Problem, Requirement};

/// What a training measures after each epoch: on the validation part, and on the training part as it goes.
const OF_VALIDATION: [&str; 2] = ["accuracy", "loss"];
const OF_TRAINING: [&str; 2] = ["train_accuracy", "train_loss"];

impl Check<'_> {
    /// Objectives and requirements name metrics that somebody measures.
    pub fn metrics(&mut self) {
        let Some(known) = self.measured() else { return };
        let mut found = Vec::new();
        for (index, objective) in self.root.get("objectives").map_or(&[][..], Node::items).iter().enumerate() {
            if let [entry] = objective.entries()
                && let Some(metric) = entry.value.as_str().and_then(|text| text.parse::<Metric>().ok())
            {
                found.push((format!("/objectives/{index}/{}", entry.key), metric));
            }
        }
        let base = self.document.space_pointer();
        let require = format!("{base}/require");
        for (index, requirement) in self.root.at(&require).map_or(&[][..], Node::items).iter().enumerate() {
            if let Some(requirement) = requirement.as_str().and_then(|text| text.parse::<Requirement>().ok()) {
                found.push((format!("{require}/{index}"), requirement.metric));
            }
        }
        let unknown = found.into_iter().filter(|(_, metric)| !known.contains(&metric.to_string()));
        self.problems.extend(unknown.map(|(pointer, metric)| problem(pointer, &metric.to_string(), &known)));
    }

    /// The metrics that there are; none where anything may be measured, or nothing is known of who measures.
    fn measured(&self) -> Option<Vec<String>> {
        let costs = || Costs::NAMES.iter().filter(|_| self.has_network()).map(|&name| name.to_owned());
        match self.who()? {
            Evaluator::Command(_) => None,
            Evaluator::Table(table) => Some(table.metrics.into_keys().chain(costs()).collect()),
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

fn problem(pointer: String, metric: &str, known: &[String]) -> Problem {
    let help = match metric {
        "test_accuracy" | "test_loss" => {
            "a search never sees the test part: `train` steps measure it at their end".to_owned()
        }
        "accuracy" | "loss" => "there is no validation part: raise `data.split.validation`".to_owned(),
        _ => match pleach_spec::suggest(metric, known.iter().map(String::as_str)) {
            Some(likely) => format!("did you mean `{likely}`?"),
            None => format!("there are {}", listed(known)),
        },
    };
    Problem::error(pointer, "unknown-metric", format!("nobody measures `{metric}`")).help(help)
}
