//! A network as a readable Python module for PyTorch.

mod statement;
#[cfg(test)]
mod tests;

use crate::live::live;
use crate::preprocessing::decimal;
use crate::{ExportError, Preprocessing};
use pleach_space::{Network, Shape};
use serde_json::json;
use std::fmt::Write;

/// What a Python module says beside the network.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct PytorchOptions {
    /// The network's name, for the documentation.
    pub name: String,
    /// The name of the weights file that lies beside the module, such as `network.safetensors`.
    pub weights_file: String,
    /// What the network's input went through.
    pub preprocessing: Preprocessing,
}

/// The network as the text of a Python module: a class `Network`, a function `preprocess` and a function `load`.
///
/// Modules bear the names of tensors in weight files (`conv_12`), so that a state dictionary and the weights file that
/// [`inference_weights`](crate::inference_weights) writes are the same thing. The class can be trained on: dropout and
/// drop path are there, and batch norms keep their momentum. The module needs PyTorch alone; it uses the safetensors
/// package where there is one.
///
/// # Errors
/// [`ExportError::Network`] and [`ExportError::Node`] for a malformed network, [`ExportError::Preprocessing`] where
/// mean or deviation do not fit the input.
pub fn pytorch(network: &Network, options: &PytorchOptions) -> Result<String, ExportError> {
    let live = live(network)?;
    let (mean, deviation) = options.preprocessing.statistics(network)?;
    let input = network.input_shape();
    let name = if options.name.is_empty() { "A network found by Pleach" } else { &options.name };
    let axes = |shape: &Shape| shape.0.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let (layout, view) = match input.0.len() {
        3 => ("(batch, channels, height, width)", "-1, 1, 1"),
        2 => ("(batch, channels, length)", "-1, 1"),
        _ => ("(batch, features)", "-1"),
    };
    let file = if options.weights_file.is_empty() { "network.safetensors" } else { &options.weights_file };

    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = write!(
        text,
        r#""""{name}.

Input: float32 of shape [batch, {input_axes}], {layout}, preprocessed:
(value * SCALE - MEAN) / DEVIATION, channel by channel, which `preprocess` does.
Output: logits of shape [batch, {output_axes}], in the order of CLASSES.

    import torch
    network = load()
    with torch.no_grad():
        scores = network(preprocess(raw)).softmax(dim=1)

The weights lie beside this file in {file}. Only torch is needed; the
safetensors package reads the weights where it is installed.
"""

import json
import struct
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import nn

INPUT_SHAPE = {input_tuple}
CLASSES = {classes}
SCALE = {scale}
MEAN = {mean}
DEVIATION = {deviation}
WEIGHTS = Path(__file__).with_name({file_literal})
"#,
        name = documentation(name),
        input_axes = axes(input),
        output_axes = axes(network.output_shape()),
        file = documentation(file),
        input_tuple = if input.0.len() == 1 { format!("({},)", input.0[0]) } else { format!("({})", axes(input)) },
        classes = list(options.preprocessing.classes.iter().map(|class| json!(class).to_string())),
        scale = decimal(options.preprocessing.scale),
        mean = list(mean.iter().copied().map(decimal)),
        deviation = list(deviation.iter().copied().map(decimal)),
        file_literal = json!(file),
    );
    text.push_str(&statement::class(network, &live));
    text.push_str(&FUNCTIONS.replace("VIEW", view));
    Ok(text)
}

/// A Python list, on one line where it fits, else several items a line.
fn list(items: impl Iterator<Item = String>) -> String {
    let items: Vec<String> = items.collect();
    let line = format!("[{}]", items.join(", "));
    if line.len() <= 80 {
        return line;
    }
    let mut text = String::from("[");
    let mut column = usize::MAX;
    for item in items {
        if column.saturating_add(item.len()) > 84 {
            text.push_str("\n   ");
            column = 3;
        }
        column += item.len() + 2;
        text.push(' ');
        text.push_str(&item);
        text.push(',');
    }
    text.push_str("\n]");
    text
}

/// A text as a part of a documentation string: one line, no end of the string inside.
fn documentation(text: &str) -> String {
    text.replace(char::is_control, " ").replace('\\', "\\\\").replace('"', "\\\"")
}

const FUNCTIONS: &str = r#"

def preprocess(raw):
    """What the network takes, from raw values (for images: bytes, 0 to 255)."""
    raw = torch.as_tensor(raw, dtype=torch.float32)
    mean = torch.tensor(MEAN, device=raw.device).view(VIEW)
    deviation = torch.tensor(DEVIATION, device=raw.device).view(VIEW)
    return (raw * SCALE - mean) / deviation


def load(path=WEIGHTS):
    """The network with its trained weights, ready for inference."""
    network = Network()
    network.load_state_dict(read_weights(path))
    return network.eval()


def read_weights(path=WEIGHTS):
    """The trained weights as tensors by name."""
    try:
        from safetensors.torch import load_file
    except ImportError:
        return read_safetensors(path)
    return load_file(path)


def read_safetensors(path):
    """As `read_weights`, without the safetensors package."""
    content = bytearray(Path(path).read_bytes())
    (length,) = struct.unpack("<Q", content[:8])
    header = json.loads(content[8 : 8 + length])
    header.pop("__metadata__", None)
    tensors = {}
    for name, entry in header.items():
        if entry["dtype"] != "F32":
            raise ValueError(f"{name} holds {entry['dtype']} numbers, not F32")
        begin, end = entry["data_offsets"]
        values = torch.frombuffer(
            content, dtype=torch.float32, count=(end - begin) // 4, offset=8 + length + begin
        )
        tensors[name] = values.clone().reshape(entry["shape"])
    return tensors
"#;
