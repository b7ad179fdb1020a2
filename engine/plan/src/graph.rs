//! The graph of steps: an edge leads from a step to one that takes its candidates.

use indexmap::IndexMap;
use petgraph::Direction;
use petgraph::graph::{DiGraph, NodeIndex};
use pleach_spec::{Reference, Step};

/// Steps and the references between them, without circles.
#[derive(Debug, Clone)]
pub struct StepGraph {
    /// Nodes in the order of the file.
    graph: DiGraph<String, Reference>,
}

impl StepGraph {
    /// The graph of an experiment's steps. References to steps that do not exist are left out.
    pub fn new(steps: &IndexMap<String, Step>) -> StepGraph {
        let mut graph = DiGraph::with_capacity(steps.len(), steps.len());
        for name in steps.keys() {
            graph.add_node(name.clone());
        }
        for (index, step) in steps.values().enumerate() {
            if let Some(reference) = step.candidates()
                && let Some(source) = steps.get_index_of(reference.step())
            {
                graph.add_edge(NodeIndex::new(source), NodeIndex::new(index), reference.clone());
            }
        }
        StepGraph { graph }
    }

    /// The names in an order in which each comes after those that it depends on, else as in the file. Steps that wait for each
    /// other in a circle are left out.
    pub fn order(&self) -> Vec<&str> {
        let mut done = vec![false; self.graph.node_count()];
        let mut order = Vec::with_capacity(done.len());
        loop {
            let ready = self.graph.node_indices().find(|&node| {
                !done[node.index()]
                    && self.graph.neighbors_directed(node, Direction::Incoming).all(|source| done[source.index()])
            });
            let Some(node) = ready else { return order };
            done[node.index()] = true;
            order.push(self.graph[node].as_str());
        }
    }

    /// The names of the steps whose candidates a step takes.
    pub fn inputs(&self, name: &str) -> Vec<&str> {
        let Some(node) = self.graph.node_indices().find(|&node| self.graph[node] == name) else { return Vec::new() };
        self.graph.neighbors_directed(node, Direction::Incoming).map(|source| self.graph[source].as_str()).collect()
    }

    /// All edges: the step that gives candidates, the one that takes them, and how it refers to them.
    pub fn edges(&self) -> impl Iterator<Item = (&str, &str, &Reference)> {
        self.graph.edge_indices().filter_map(|edge| {
            let (source, target) = self.graph.edge_endpoints(edge)?;
            Some((self.graph[source].as_str(), self.graph[target].as_str(), self.graph.edge_weight(edge)?))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn steps(text: &str) -> IndexMap<String, Step> {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn each_step_comes_after_what_it_needs_and_else_as_written() {
        let graph = StepGraph::new(&steps(
            r#"{"ship": {"export": {"candidates": "best(final)", "formats": ["yaml"]}},
                "other": {"train": {}},
                "final": {"train": {"candidates": "top(explore, 3)"}},
                "explore": {"search": {"strategy": "random", "budget": {"trials": 3}}}}"#,
        ));
        assert_eq!(graph.order(), ["other", "explore", "final", "ship"]);
        assert_eq!((graph.inputs("ship"), graph.inputs("other")), (vec!["final"], vec![]));
        let edges: Vec<_> = graph.edges().map(|(from, to, by)| (from, to, by.to_string())).collect();
        assert_eq!(
            edges,
            [("final", "ship", "best(final)".to_owned()), ("explore", "final", "top(explore, 3)".to_owned())]
        );
    }

    #[test]
    fn circles_are_left_out() {
        let graph = StepGraph::new(&steps(
            r#"{"a": {"train": {"candidates": "best(b)"}}, "b": {"train": {"candidates": "best(a)"}}, "c": {"train": {}}}"#,
        ));
        assert_eq!(graph.order(), ["c"]);
    }
}
