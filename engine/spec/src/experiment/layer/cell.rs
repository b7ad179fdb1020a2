//! Cells.

use super::Layer;
use super::default::one;
use schemars::JsonSchema;
use serde::Deserialize as Derive;

/// A small graph of operations. Operations stand on the edges (`edge`) or on the nodes (`node`).
///
/// With `edge` alone every node takes every earlier one, each edge has an operation of its own (edges in the order 0→1,
/// 0→2, 1→2, 0→3, …), node 0 is the input and the last node the output (NAS-Bench-201). With `inputs: 2` each of the `nodes`
/// picks two of the earlier ones, and the output is all nodes concatenated (DARTS). With `node` each node adds up its inputs
/// and applies its operation (NAS-Bench-101).
#[derive(Debug, Clone, PartialEq, Derive, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Cell {
    /// The number of nodes; where every node takes every earlier one, input and output included.
    #[schemars(range(min = 2, max = 64))]
    pub nodes: usize,
    /// The operation on each edge, decided for each.
    #[serde(default)]
    pub edge: Option<Layer>,
    /// The operations of all edges in order, in place of `edge`.
    #[serde(default)]
    pub edges: Option<Vec<Layer>>,
    /// The operation on each node, decided for each.
    #[serde(default)]
    pub node: Option<Layer>,
    /// The operations of all nodes in order, in place of `node`.
    #[serde(default)]
    pub operations: Option<Vec<Layer>>,
    /// How many earlier nodes each node takes, decided for each; unless told, all.
    #[serde(default)]
    #[schemars(range(min = 1, max = 8))]
    pub inputs: Option<usize>,
    /// The earlier nodes that each node takes, in place of `inputs`.
    #[serde(default)]
    pub connections: Option<Vec<Vec<usize>>>,
    /// How many outputs of earlier cells the cell takes: 1, or 2 (DARTS), each brought to `channels` by ReLU, 1x1 convolution
    /// and batch norm.
    #[serde(default = "one")]
    #[schemars(range(min = 1, max = 2))]
    pub previous: usize,
    /// The channels inside a cell that takes 2 earlier outputs; unless told, as many as make the cell's output as wide as its
    /// input, times the stride.
    #[serde(default)]
    #[schemars(range(min = 1, max = 1_000_000))]
    pub channels: Option<usize>,
    /// The stride of the operations on the cell's inputs: 2 makes a reduction cell.
    #[serde(default = "one")]
    #[schemars(range(min = 1, max = 2))]
    pub stride: usize,
    /// What the cell gives out: its last node, or all inner nodes added or concatenated. Unless told, the last node; with
    /// `inputs`, all concatenated.
    #[serde(default)]
    pub output: Option<CellOutput>,
}

/// What a cell gives out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Derive, JsonSchema, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CellOutput {
    /// Its last node.
    Last,
    /// All inner nodes added.
    Add,
    /// All inner nodes concatenated.
    Concat,
}
