//! Cells: operations on the edges or nodes of a small graph, decided for each.

use super::{Compiler, MOST_OPTIONS, Place};
use crate::decision::Domain;
use crate::template::Template;
use serde_json::{Map, Value};

impl Compiler<'_> {
    /// Writes out a cell: `edge` becomes `edges`, `node` becomes `operations`, `inputs` becomes `connections`.
    pub(super) fn cell(&mut self, cell: &Map<String, Value>, place: &Place) -> Template {
        let mut entries = Vec::new();
        let count = match cell.get("nodes") {
            Some(nodes) => self.walk(nodes, &place.key("nodes")),
            None => return Template::Constant(Value::Object(cell.clone())),
        };
        let most = self.most(&count, &place.key("nodes"));
        let previous = cell.get("previous").and_then(Value::as_u64).unwrap_or(1) as usize;
        let picks = match cell.get("inputs") {
            None => None,
            Some(inputs) => match inputs.as_u64() {
                Some(picks) => Some(picks as usize),
                None => {
                    let pointer = format!("{}/inputs", place.pointer);
                    let message = "`inputs` of a cell must be a number, not a decision".to_owned();
                    self.problem(&pointer, "cell-inputs", message, None);
                    return Template::Constant(Value::Null);
                }
            },
        };
        entries.push(("nodes".to_owned(), count.clone()));
        for (key, value) in cell {
            if !matches!(key.as_str(), "nodes" | "edge" | "node" | "inputs") {
                let template = self.walk(value, &place.key(key));
                entries.push((key.clone(), template));
            }
        }
        let edge = cell.get("edge");
        let node = cell.get("node");
        let prefix = |items: Vec<Template>, lengths: Vec<usize>| Template::Prefix {
            count: Box::new(count.clone()),
            lengths,
            items,
            written: "",
        };
        match picks {
            // Every node takes every earlier one; node 0 is the input.
            None => {
                let mut edges = Vec::new();
                let mut operations = Vec::new();
                for target in 1..most {
                    let condition = self.at_least(&count, target + 1, place);
                    if let Some(edge) = edge {
                        for source in 0..target {
                            let mut inside = place.key("edge");
                            inside.path = format!("{}.edge[{source}->{target}]", place.path);
                            inside.condition.clone_from(&condition);
                            edges.push(self.walk(edge, &inside));
                        }
                    }
                    if let Some(node) = node {
                        let mut inside = place.key("node");
                        inside.path = format!("{}.node[{target}]", place.path);
                        inside.condition = condition;
                        operations.push(self.walk(node, &inside));
                    }
                }
                if edge.is_some() {
                    let lengths = (0..=most).map(|n| n * n.saturating_sub(1) / 2).collect();
                    entries.push(("edges".to_owned(), prefix(edges, lengths)));
                }
                if node.is_some() {
                    let lengths = (0..=most).map(|n| n.saturating_sub(1)).collect();
                    entries.push(("operations".to_owned(), prefix(operations, lengths)));
                }
            }
            // Every node picks some of the cell's inputs and the earlier nodes.
            Some(picks) => {
                let mut connections = Vec::new();
                let mut edges = Vec::new();
                let mut edge_lengths = vec![0];
                let mut operations = Vec::new();
                for index in 0..most {
                    let candidates = previous + index;
                    if count_combinations(candidates, picks.min(candidates)) > MOST_OPTIONS as f64 {
                        let message =
                            format!("{picks} of {candidates} earlier nodes are more than {MOST_OPTIONS} choices");
                        let help = "take fewer `inputs` or fewer `nodes`".to_owned();
                        self.problem(&format!("{}/inputs", place.pointer), "too-large", message, Some(help));
                        return Template::Constant(Value::Null);
                    }
                    let combinations = combinations(candidates, picks.min(candidates));
                    let condition = self.at_least(&count, index + 1, place);
                    let mut inside = place.key("inputs");
                    inside.path = format!("{}.inputs[{index}]", place.path);
                    inside.condition.clone_from(&condition);
                    connections.push(self.connection(&combinations, &inside));
                    if let Some(edge) = edge {
                        for pick in 0..picks.min(candidates) {
                            let mut inside = place.key("edge");
                            inside.path = format!("{}.edge[{index}, {pick}]", place.path);
                            inside.condition.clone_from(&condition);
                            edges.push(self.walk(edge, &inside));
                        }
                    }
                    if let Some(node) = node {
                        let mut inside = place.key("node");
                        inside.path = format!("{}.node[{index}]", place.path);
                        inside.condition = condition;
                        operations.push(self.walk(node, &inside));
                    }
                    edge_lengths.push(edges.len());
                }
                entries.push(("connections".to_owned(), prefix(connections, (0..=most).collect())));
                if edge.is_some() {
                    entries.push(("edges".to_owned(), prefix(edges, edge_lengths)));
                }
                if node.is_some() {
                    entries.push(("operations".to_owned(), prefix(operations, (0..=most).collect())));
                }
            }
        }
        Template::Map(entries)
    }

    fn connection(&mut self, combinations: &[Vec<usize>], place: &Place) -> Template {
        let values: Vec<Value> = combinations.iter().map(|combination| Value::from(combination.clone())).collect();
        if let [only] = values.as_slice() {
            return Template::Constant(only.clone());
        }
        let label = |combination: &Vec<usize>| combination.iter().map(usize::to_string).collect::<Vec<_>>().join(" ");
        let domain = Domain::Choice(combinations.iter().map(label).collect());
        let decision = self.decide(&Map::new(), domain, 0.0, place);
        Template::Choice { decision, options: values.into_iter().map(Template::Constant).collect() }
    }
}

/// How many ways there are to pick `k` of `n`.
fn count_combinations(n: usize, k: usize) -> f64 {
    (0..k).map(|i| (n - i) as f64 / (i + 1) as f64).product()
}

/// All ways to pick `k` of `0..n`, each rising, in order.
fn combinations(n: usize, k: usize) -> Vec<Vec<usize>> {
    if k == 0 {
        return vec![Vec::new()];
    }
    let mut all = Vec::new();
    for last in k - 1..n {
        for mut combination in combinations(last, k - 1) {
            combination.push(last);
            all.push(combination);
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::combinations;

    #[test]
    fn combinations_are_complete_and_rising() {
        assert_eq!(combinations(3, 2), [vec![0, 1], vec![0, 2], vec![1, 2]]);
        assert_eq!(combinations(5, 2).len(), 10);
        assert_eq!(super::count_combinations(5, 2), 10.0);
        assert_eq!(combinations(2, 2), [vec![0, 1]]);
    }
}
