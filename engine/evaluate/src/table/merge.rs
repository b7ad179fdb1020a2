//! Which candidates are one and the same.

use super::TableError;
use super::candidates::{is_called, names};
use pleach_space::{Decision, Domain, Space};
use pleach_spec::{TableMerge, TableTree};
use std::sync::Arc;

/// The input, and what a node that is not there takes.
const INPUT: usize = 0;

/// Tells equal candidates by equal keys.
#[derive(Debug, Clone)]
pub(super) enum Merge {
    /// Equal networks.
    Canonical(Arc<Space>),
    /// Equal trees.
    Tree(Tree),
}

/// Decisions that form a tree.
#[derive(Debug, Clone)]
pub(super) struct Tree {
    /// Of each node, the decision that says what it takes, and the one that says what it does.
    nodes: Vec<(usize, usize)>,
    /// What each value of a link's decision stands for.
    takes: Vec<Vec<usize>>,
    /// What each option of an operation's decision is called.
    operations: Vec<Vec<String>>,
    identity: Option<String>,
}

impl Merge {
    pub fn of(merge: &TableMerge, space: &Arc<Space>, at: &str) -> Result<Merge, TableError> {
        match merge {
            TableMerge::Canonical if space.has_network() => Ok(Merge::Canonical(space.clone())),
            TableMerge::Canonical => Err(TableError::Merge {
                problem: "there are no equal networks where the space has no `network`".into(),
                pointer: format!("{at}/merge"),
            }),
            TableMerge::Tree(tree) => Tree::of(tree, space.decisions(), &format!("{at}/merge/tree")).map(Merge::Tree),
        }
    }

    /// The key of a candidate; none where it is no network.
    pub fn key(&self, genotype: &[f64]) -> Option<Box<[u8]>> {
        match self {
            Merge::Canonical(space) => {
                let built = space.build(genotype).ok()?;
                Some(built.fingerprint.to_u64().to_le_bytes().into())
            }
            Merge::Tree(tree) => tree.key(genotype).map(|key| key.into_bytes().into()),
        }
    }
}

impl Tree {
    fn of(tree: &TableTree, decisions: &[Decision], at: &str) -> Result<Tree, TableError> {
        let find =
            |name: &String, pointer: String| {
                decisions.iter().position(|decision| is_called(decision, name)).ok_or_else(|| {
                    TableError::UnknownDecision { name: name.clone(), pointer, decisions: names(decisions) }
                })
            };
        if tree.links.len() != tree.operations.len() {
            let (links, operations) = (tree.links.len(), tree.operations.len());
            let problem =
                format!("a node has a link and an operation, but there are {links} links and {operations} operations");
            return Err(TableError::Merge { problem, pointer: format!("{at}/operations") });
        }
        let (mut nodes, mut takes, mut operations) = (Vec::new(), Vec::new(), Vec::new());
        for (node, (link, operation)) in tree.links.iter().zip(&tree.operations).enumerate() {
            let pointer = format!("{at}/links/{node}");
            let link_place = find(link, pointer.clone())?;
            let place = find(operation, format!("{at}/operations/{node}"))?;
            let values: Option<Vec<usize>> = match &decisions[link_place].domain {
                Domain::Choice(options) => options.iter().map(|option| option.parse().ok()).collect(),
                Domain::Levels(levels) => Some(levels.iter().map(|level| *level as usize).collect()),
                // A range of whole numbers holds the number itself, options hold their place.
                Domain::Integer { high, .. } => (0..=*high).map(|value| value.try_into().ok()).collect(),
                Domain::Real { .. } => None,
            };
            let values = values.filter(|values| values.iter().all(|value| *value <= node));
            let values = values.ok_or_else(|| TableError::Merge {
                problem: format!("`{link}` must be one of the numbers from 0, the input, to {node}, the node before"),
                pointer,
            })?;
            let Domain::Choice(labels) = &decisions[place].domain else {
                let problem = format!("`{operation}` is no choice of an operation");
                return Err(TableError::Merge { problem, pointer: format!("{at}/operations/{node}") });
            };
            nodes.push((link_place, place));
            takes.push(values);
            operations.push(labels.clone());
        }
        Ok(Tree { nodes, takes, operations, identity: tree.identity.clone() })
    }

    /// The tree written with its branches in order.
    fn key(&self, genotype: &[f64]) -> Option<String> {
        // What each node takes; the input is 0, nodes are counted from 1.
        let mut takes = vec![INPUT];
        let mut operations = vec![""];
        for (node, (link, operation)) in self.nodes.iter().enumerate() {
            let value = match self.takes[node].as_slice() {
                values if values.len() > genotype[*link] as usize => values[genotype[*link] as usize],
                _ => return None,
            };
            takes.push(value);
            operations.push(self.operations[node].get(genotype[*operation] as usize)?.as_str());
        }
        let mut at_the_beginning = 0;
        let mut there = vec![true; takes.len()];
        while let Some(node) =
            (1..takes.len()).find(|&node| there[node] && self.moves(node, &takes, &operations, &there))
        {
            let input = takes[node];
            there[node] = false;
            takes.iter_mut().filter(|take| **take == node).for_each(|take| *take = input);
            at_the_beginning += 1;
        }
        let identity = self.identity.as_deref().unwrap_or_default();
        let mut text = format!("{identity}(").repeat(at_the_beginning);
        write(INPUT, &takes, &operations, &there, &mut text);
        Some(text)
    }

    /// Whether a node passes on its input in a way that is the same at the beginning.
    fn moves(&self, node: usize, takes: &[usize], operations: &[&str], there: &[bool]) -> bool {
        let Some(identity) = self.identity.as_deref().filter(|identity| operations[node] == *identity) else {
            return false;
        };
        let others = |input: usize| (1..takes.len()).filter(move |&n| there[n] && n != node && takes[n] == input);
        let feeds = others(node).next().is_some();
        let alone = others(takes[node]).next().is_none();
        let mut below = takes[node];
        while below != INPUT && operations[below] == identity {
            below = takes[below];
        }
        feeds || alone || below == INPUT
    }
}

/// Writes what takes a node, each with what takes it, in the order of the alphabet.
fn write(node: usize, takes: &[usize], operations: &[&str], there: &[bool], text: &mut String) {
    let branch = |next: usize| {
        let mut branch = operations[next].to_owned();
        branch.push('(');
        write(next, takes, operations, there, &mut branch);
        branch.push(')');
        branch
    };
    let mut branches: Vec<String> =
        (1..takes.len()).filter(|&next| there[next] && takes[next] == node).map(branch).collect();
    branches.sort();
    branches.iter().for_each(|branch| text.push_str(branch));
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn tree(identity: Option<&str>) -> (Arc<Space>, Merge) {
        let values = json!({"values": {
            "link0": {"one_of": [0]}, "link1": {"one_of": [0, 1]}, "link2": {"one_of": [0, 1, 2]},
            "op0": {"one_of": ["a", "b", "skip"]}, "op1": {"one_of": ["a", "b", "skip"]}, "op2": {"one_of": ["a", "b", "skip"]}
        }});
        let (space, problems) = Space::compile(&values, "/space", None);
        let space = Arc::new(space.unwrap_or_else(|| panic!("{problems:?}")));
        let links = ["link0", "link1", "link2"].map(str::to_owned).to_vec();
        let operations = ["op0", "op1", "op2"].map(str::to_owned).to_vec();
        let described = TableMerge::Tree(TableTree { links, operations, identity: identity.map(str::to_owned) });
        let merge = Merge::of(&described, &space, "/evaluator/table").unwrap();
        (space, merge)
    }

    #[test]
    fn nodes_under_other_numbers_are_the_same() {
        let (_, merge) = tree(None);
        let key = |links: [f64; 3], operations: [f64; 3]| merge.key(&[links, operations].concat()).unwrap();
        // a on the input with b behind it, and b on the input: in two orders.
        assert_eq!(key([0.0, 0.0, 1.0], [0.0, 1.0, 1.0]), key([0.0, 0.0, 2.0], [1.0, 0.0, 1.0]));
        assert_eq!(key([0.0, 0.0, 0.0], [0.0, 1.0, 2.0]), key([0.0, 0.0, 0.0], [2.0, 0.0, 1.0]));
        assert_ne!(key([0.0, 0.0, 1.0], [0.0, 1.0, 1.0]), key([0.0, 0.0, 1.0], [1.0, 0.0, 1.0]));
        assert_ne!(
            key([0.0, 1.0, 2.0], [0.0, 2.0, 1.0]),
            key([0.0, 1.0, 2.0], [2.0, 0.0, 1.0]),
            "no identity is named"
        );
    }

    #[test]
    fn what_passes_on_its_input_is_at_the_beginning() {
        let (_, merge) = tree(Some("skip"));
        let key = |links: [f64; 3], operations: [f64; 3]| merge.key(&[links, operations].concat()).unwrap();
        let first = key([0.0, 1.0, 2.0], [2.0, 0.0, 1.0]);
        assert_eq!(key([0.0, 1.0, 2.0], [0.0, 2.0, 1.0]), first, "between two");
        assert_eq!(key([0.0, 1.0, 2.0], [0.0, 1.0, 2.0]), first, "alone at the end");
        // Beside b, what a gives reaches the output a second time.
        assert_ne!(key([0.0, 1.0, 1.0], [0.0, 2.0, 1.0]), key([0.0, 1.0, 2.0], [2.0, 0.0, 1.0]));
    }

    #[test]
    fn what_is_no_tree_is_said() {
        let (space, _) = tree(None);
        let of = |links: &[&str], operations: &[&str]| {
            let texts = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
            let tree = TableTree { links: texts(links), operations: texts(operations), identity: None };
            let error = Merge::of(&TableMerge::Tree(tree), &space, "").unwrap_err();
            (error.pointer(), error.to_string())
        };
        assert_eq!(
            of(&["link1"], &["op0"]).1,
            "`link1` must be one of the numbers from 0, the input, to 0, the node before"
        );
        assert_eq!(of(&["link0"], &["link1"]).0, "/merge/tree/operations/0");
        assert_eq!(of(&["link"], &["op0"]).0, "/merge/tree/links/0");
        assert!(of(&["link0"], &[]).1.contains("1 links and 0 operations"));
        let error = Merge::of(&TableMerge::Canonical, &space, "").unwrap_err();
        assert!(error.to_string().contains("no `network`"), "{error}");
    }
}
