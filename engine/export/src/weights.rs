//! Weights: read from a checkpoint, written for inference.

#[cfg(test)]
mod tests;

use crate::{ExportError, Preprocessing};
use pleach_space::Network;
use safetensors::{Dtype, SafeTensors};
use serde_json::{Map, Value, json};
use std::path::Path;

/// The version of the metadata in weight files, as the value of `pleach.format`.
pub const WEIGHTS_FORMAT: u32 = 1;

/// One tensor of a network: its numbers as 32-bit floating point, little-endian.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Tensor {
    /// The node that owns it.
    pub(crate) node: usize,
    /// The name, such as `conv_12.weight`.
    pub(crate) name: String,
    /// The shape.
    pub(crate) shape: Vec<usize>,
    /// The numbers.
    pub(crate) bytes: Vec<u8>,
}

/// The weights of one network, in the order of [`Network::tensors`], each of the shape that the network needs.
#[derive(Debug, Clone, PartialEq)]
pub struct Weights {
    tensors: Vec<Tensor>,
}

impl Weights {
    /// Takes the network's tensors from a checkpoint in safetensors form; further tensors (of an optimizer) are left.
    ///
    /// # Errors
    /// [`ExportError::NotSafetensors`], [`ExportError::MissingTensor`], [`ExportError::TensorShape`],
    /// [`ExportError::TensorType`].
    pub fn from_bytes(network: &Network, checkpoint: &[u8]) -> Result<Weights, ExportError> {
        let file = SafeTensors::deserialize(checkpoint)?;
        let mut tensors = Vec::new();
        let owned = network
            .nodes
            .iter()
            .enumerate()
            .flat_map(|(index, node)| node.op.tensors().into_iter().map(move |spec| (index, spec)));
        for (node, spec) in owned {
            let name = format!("{}.{}", network.node_name(node), spec.name);
            let Ok(view) = file.tensor(&name) else { return Err(ExportError::MissingTensor { name }) };
            if view.dtype() != Dtype::F32 {
                return Err(ExportError::TensorType { name, found: format!("{:?}", view.dtype()) });
            }
            if view.shape() != spec.shape.as_slice() {
                let (expected, found) = (spec.shape.to_vec(), view.shape().to_vec());
                return Err(ExportError::TensorShape { name, expected, found });
            }
            tensors.push(Tensor { node, name, shape: spec.shape.to_vec(), bytes: view.data().to_vec() });
        }
        Ok(Weights { tensors })
    }

    /// As [`Weights::from_bytes`], from a file.
    ///
    /// # Errors
    /// Those of [`Weights::from_bytes`], and [`ExportError::Read`].
    pub fn from_file(network: &Network, path: &Path) -> Result<Weights, ExportError> {
        let bytes = std::fs::read(path).map_err(|source| ExportError::Read { path: path.to_path_buf(), source })?;
        Weights::from_bytes(network, &bytes)
    }

    /// The tensors in order.
    pub(crate) fn tensors(&self) -> &[Tensor] {
        &self.tensors
    }

    /// Bytes of all tensors together.
    pub(crate) fn bytes(&self) -> usize {
        self.tensors.iter().map(|tensor| tensor.bytes.len()).sum()
    }
}

/// The network's weights as a safetensors file for inference: no optimizer, metadata that says what to feed it.
///
/// The metadata are `pleach.format` (the version), `input_shape`, `classes` and `preprocessing`, each JSON in a string.
/// Equal weights give equal files: tensors stand in the order of the network's nodes. (The safetensors crate would
/// write metadata in the order of a hash table, another one each time.)
///
/// # Errors
/// [`ExportError::Preprocessing`] where mean or deviation do not fit the input.
pub fn inference_weights(
    network: &Network,
    weights: &Weights,
    preprocessing: &Preprocessing,
) -> Result<Vec<u8>, ExportError> {
    let metadata = json!({
        "pleach.format": WEIGHTS_FORMAT.to_string(),
        "input_shape": json!(network.input_shape()).to_string(),
        "classes": json!(preprocessing.classes).to_string(),
        "preprocessing": preprocessing.to_json(network)?,
    });
    let mut header = Map::new();
    header.insert("__metadata__".into(), metadata);
    let mut offset = 0;
    for Tensor { name, shape, bytes, .. } in weights.tensors() {
        let end = offset + bytes.len();
        header.insert(name.clone(), json!({"dtype": "F32", "shape": shape, "data_offsets": [offset, end]}));
        offset = end;
    }
    let mut header = Value::Object(header).to_string().into_bytes();
    // The format lets the header end in spaces, so that the numbers after it are aligned.
    header.resize(header.len().next_multiple_of(8), b' ');
    let mut file = Vec::with_capacity(8 + header.len() + offset);
    file.extend((header.len() as u64).to_le_bytes());
    file.extend(header);
    weights.tensors().iter().for_each(|tensor| file.extend(&tensor.bytes));
    Ok(file)
}
