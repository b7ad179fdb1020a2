//! What a network costs, counted from its graph.

use crate::network::{Network, Node, Op};
use serde::{Deserialize, Serialize};

/// What is known of a network without training it. Counts stop at the largest `u64`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Costs {
    /// Trainable parameters of the network as declared, dead operations included: what benchmarks publish.
    pub parameters: u64,
    /// Multiply-adds of convolutions, linear and recurrent layers, their biases included, and of attention's two products, for
    /// one example; as declared.
    pub flops: u64,
    /// Trainable parameters of the canonical form: libtorch's own count.
    pub live_parameters: u64,
    /// Multiply-adds of the canonical form for one example.
    pub live_flops: u64,
    /// Bytes of all outputs of the canonical form's operations and of attention's weights for one example, at 32 bits a number:
    /// what training keeps.
    pub activation_bytes: u64,
}

impl Costs {
    /// The metrics that are known without training.
    pub const NAMES: [&'static str; 5] = ["parameters", "flops", "live_parameters", "live_flops", "activation_bytes"];

    /// Counts a network as declared and in its canonical form.
    pub fn of(declared: &Network, canonical: &Network) -> Costs {
        Costs {
            parameters: parameters(declared),
            flops: flops(declared),
            live_parameters: parameters(canonical),
            live_flops: flops(canonical),
            activation_bytes: canonical
                .nodes
                .iter()
                .skip(1)
                .fold(0u64, |sum, node| sum.saturating_add(kept(node).saturating_mul(4))),
        }
    }

    /// The metric of this name.
    pub fn metric(&self, name: &str) -> Option<f64> {
        let value = match name {
            "parameters" => self.parameters,
            "flops" => self.flops,
            "live_parameters" => self.live_parameters,
            "live_flops" => self.live_flops,
            "activation_bytes" => self.activation_bytes,
            _ => return None,
        };
        Some(value as f64)
    }
}

/// The numbers that training keeps of a node for one example.
fn kept(node: &Node) -> u64 {
    let weights = match node.op {
        Op::Attention { heads, .. } => {
            let length = node.shape.places()[0] as u64;
            (heads as u64).saturating_mul(length).saturating_mul(length)
        }
        _ => 0,
    };
    node.shape.elements().saturating_add(weights)
}

fn parameters(network: &Network) -> u64 {
    let trainable = network.nodes.iter().flat_map(|node| node.op.tensors()).filter(|tensor| tensor.trainable);
    trainable.fold(0u64, |sum, tensor| sum.saturating_add(tensor.elements()))
}

fn flops(network: &Network) -> u64 {
    network.nodes.iter().fold(0u64, |sum, node| {
        let flops = match node.op {
            Op::Conv { in_channels, kernel, groups, bias, .. } => {
                let each = (in_channels / groups) as u64 * (kernel * kernel) as u64 + u64::from(bias);
                node.shape.elements().saturating_mul(each)
            }
            Op::Conv1d { in_channels, kernel, groups, bias, .. } => {
                let each = (in_channels / groups) as u64 * kernel as u64 + u64::from(bias);
                node.shape.elements().saturating_mul(each)
            }
            Op::Recurrent { kind, in_channels, features, .. } => {
                let each = kind.gates() as u64 * (in_channels as u64 + features as u64 + 2);
                node.shape.elements().saturating_mul(each)
            }
            // Of each token with each: queries with keys, and weights with values.
            Op::Attention { .. } => node.shape.elements().saturating_mul(2 * node.shape.places()[0] as u64),
            Op::Linear { in_features, bias, .. } => {
                node.shape.elements().saturating_mul(in_features as u64 + u64::from(bias))
            }
            _ => 0,
        };
        sum.saturating_add(flops)
    })
}
