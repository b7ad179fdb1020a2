//! A growing ONNX graph: nodes and constants with names that are unique by construction.

use super::message::{self, Attribute, Dimension, Graph, Tensor, TensorShape, TensorType, Type, ValueInfo};
use super::message::{attribute_type, element};
use pleach_space::Shape;
use std::collections::HashSet;

/// The name of the batch axis, whose length is open.
const BATCH: &str = "batch";

/// An ONNX graph under construction.
pub(super) struct Builder {
    graph: Graph,
    constants: HashSet<String>,
    /// The layer that nodes added now belong to.
    layer: String,
}

impl Builder {
    pub(super) fn new(name: &str) -> Builder {
        let graph = Graph { name: name.to_string(), ..Graph::default() };
        Builder { graph, constants: HashSet::new(), layer: String::new() }
    }

    /// Says which layer the nodes added from now on belong to: viewers show it.
    pub(super) fn set_layer(&mut self, path: &str) {
        self.layer = path.to_string();
    }

    pub(super) fn declare_input(&mut self, name: &str, shape: &Shape) {
        self.graph.input.push(value_info(name, shape));
    }

    pub(super) fn declare_output(&mut self, name: &str, shape: &Shape) {
        self.graph.output.push(value_info(name, shape));
    }

    /// States the shape of a value inside, so that a checker can hold it against what it infers.
    pub(super) fn declare_value(&mut self, name: &str, shape: &Shape) {
        self.graph.value_info.push(value_info(name, shape));
    }

    /// Adds a node with one output, whose name is the node's too.
    pub(super) fn node(&mut self, op_type: &str, inputs: &[&str], output: &str, attribute: Vec<Attribute>) {
        self.graph.node.push(message::Node {
            input: inputs.iter().map(|input| input.to_string()).collect(),
            output: vec![output.to_string()],
            name: output.to_string(),
            op_type: op_type.to_string(),
            attribute,
            doc_string: self.layer.clone(),
        });
    }

    /// Adds a constant of numbers given as little-endian bytes; a name that is there already stands for the same
    /// numbers.
    pub(super) fn constant(&mut self, name: &str, shape: &[usize], bytes: Vec<u8>) {
        self.insert(name, shape, element::FLOAT, bytes);
    }

    /// As [`Builder::constant`].
    pub(super) fn floats(&mut self, name: &str, shape: &[usize], values: &[f32]) {
        self.insert(name, shape, element::FLOAT, values.iter().flat_map(|value| value.to_le_bytes()).collect());
    }

    /// As [`Builder::constant`].
    pub(super) fn integers(&mut self, name: &str, shape: &[usize], values: &[i64]) {
        self.insert(name, shape, element::INT64, values.iter().flat_map(|value| value.to_le_bytes()).collect());
    }

    fn insert(&mut self, name: &str, shape: &[usize], data_type: i32, raw_data: Vec<u8>) {
        if self.constants.insert(name.to_string()) {
            let dims = shape.iter().map(|&axis| axis as i64).collect();
            self.graph.initializer.push(Tensor { dims, data_type, name: name.to_string(), raw_data });
        }
    }

    pub(super) fn finish(self) -> Graph {
        self.graph
    }
}

/// A tensor of 32-bit floating-point numbers with an open batch axis before the shape.
fn value_info(name: &str, shape: &Shape) -> ValueInfo {
    let batch = Dimension { dim_value: None, dim_param: Some(BATCH.to_string()) };
    let axes = shape.0.iter().map(|&axis| Dimension { dim_value: Some(axis as i64), dim_param: None });
    let dim = std::iter::once(batch).chain(axes).collect();
    let tensor_type = TensorType { elem_type: element::FLOAT, shape: Some(TensorShape { dim }) };
    ValueInfo { name: name.to_string(), r#type: Some(Type { tensor_type: Some(tensor_type) }) }
}

/// An attribute that is an integer.
pub(super) fn integer(name: &str, value: usize) -> Attribute {
    Attribute { name: name.into(), i: Some(value as i64), r#type: attribute_type::INT, ..Attribute::default() }
}

/// An attribute that is a list of integers.
pub(super) fn integers(name: &str, values: &[usize]) -> Attribute {
    let ints = values.iter().map(|&value| value as i64).collect();
    Attribute { name: name.into(), ints, r#type: attribute_type::INTS, ..Attribute::default() }
}

/// An attribute that is a number.
pub(super) fn float(name: &str, value: f64) -> Attribute {
    Attribute { name: name.into(), f: Some(value as f32), r#type: attribute_type::FLOAT, ..Attribute::default() }
}

/// An attribute that is a text.
pub(super) fn text(name: &str, value: &str) -> Attribute {
    Attribute { name: name.into(), s: Some(value.into()), r#type: attribute_type::STRING, ..Attribute::default() }
}
