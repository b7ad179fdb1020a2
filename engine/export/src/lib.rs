//! Trained networks as files: ONNX, a PyTorch module, safetensors weights, an experiment without decisions.
//!
//! Every exporter is a function from a [`Network`](pleach_space::Network) and its weights to the contents of a file.
//! Nothing here needs libtorch: the network's graph says what is computed, the checkpoint's tensors with what.

mod error;
mod live;
mod onnx;
mod preprocessing;
mod pytorch;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
mod weights;
mod yaml;

pub use error::ExportError;
pub use onnx::{INPUT, OUTPUT, OnnxOptions, onnx};
pub use preprocessing::Preprocessing;
pub use pytorch::{PytorchOptions, pytorch};
pub use weights::{WEIGHTS_FORMAT, Weights, inference_weights};
pub use yaml::{FixedExperiment, experiment_yaml, yaml_text};
