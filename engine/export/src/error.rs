use safetensors::SafeTensorError;
use std::path::PathBuf;
use thiserror::Error;

/// Why a network cannot be written.
#[derive(Debug, Error)]
pub enum ExportError {
    /// The checkpoint file cannot be read.
    #[error("cannot read the weights `{}`: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// The checkpoint is no safetensors file.
    #[error("the weights are not in safetensors form: {0}")]
    NotSafetensors(#[from] SafeTensorError),
    /// A tensor of the network is not in the checkpoint.
    #[error("the weights have no tensor `{name}`, which the network needs: they belong to another network")]
    MissingTensor {
        /// The tensor's name, such as `conv_12.weight`.
        name: String,
    },
    /// A tensor has other axes than the network's.
    #[error("tensor `{name}` has shape {found:?}, but the network needs {expected:?}: it belongs to another network")]
    TensorShape {
        /// The tensor's name.
        name: String,
        /// The shape that the network needs.
        expected: Vec<usize>,
        /// The shape in the checkpoint.
        found: Vec<usize>,
    },
    /// A tensor is not of 32-bit floating-point numbers.
    #[error("tensor `{name}` holds {found} numbers, but only F32 can be exported")]
    TensorType {
        /// The tensor's name.
        name: String,
        /// The type in the checkpoint, as safetensors names it.
        found: String,
    },
    /// A node of the network is malformed.
    #[error("node `{node}` (layer `{path}`): {reason}")]
    Node {
        /// The node's name, such as `conv_12`.
        node: String,
        /// The layer that it belongs to.
        path: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The network as a whole is malformed.
    #[error("the network cannot be exported: {reason}")]
    Network {
        /// What is wrong with it.
        reason: String,
    },
    /// The preprocessing does not fit the network's input.
    #[error("the preprocessing has {found} values of `{field}`, but the network's input has {expected} channels")]
    Preprocessing {
        /// `mean` or `deviation`.
        field: &'static str,
        /// Channels of the network's input.
        expected: usize,
        /// The values given.
        found: usize,
    },
    /// A protobuf message, and so an ONNX file, holds less than 2 GiB.
    #[error(
        "the ONNX model would take {bytes} bytes, but the format allows less than 2 GiB: export safetensors instead"
    )]
    TooLarge {
        /// Size of the model.
        bytes: usize,
    },
    /// A part of the experiment is of the wrong kind.
    #[error("`{field}` of the experiment must be {expected}")]
    Experiment {
        /// The part.
        field: &'static str,
        /// What it must be.
        expected: &'static str,
    },
}
