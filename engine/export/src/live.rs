//! What every exporter asks of a network first: is it well formed, and which nodes does its output depend on?

use crate::ExportError;
use pleach_space::{Network, Op};

/// For each node, whether the output depends on it.
///
/// # Errors
/// [`ExportError::Network`] and [`ExportError::Node`] where an index points forward or outside, the first node is not
/// the only input, or an operation has the wrong number of inputs.
pub(crate) fn live(network: &Network) -> Result<Vec<bool>, ExportError> {
    let malformed = |reason: String| Err(ExportError::Network { reason });
    if !matches!(network.nodes.first().map(|node| &node.op), Some(Op::Input)) {
        return malformed("its first node is not its input".into());
    }
    if network.output as usize >= network.nodes.len() {
        return malformed(format!("its output is node {}, but it has {} nodes", network.output, network.nodes.len()));
    }
    for (index, node) in network.nodes.iter().enumerate() {
        let inputs = node.inputs.len();
        let fits = match node.op {
            Op::Input => inputs == 0 && index == 0,
            Op::Zero => inputs == 0,
            Op::Add | Op::Concat => inputs >= 1,
            Op::Multiply => inputs == 2,
            _ => inputs == 1,
        };
        if !fits {
            return Err(node_error(network, index, format!("`{}` cannot have {inputs} inputs", node.op.name())));
        }
        if let Some(input) = node.inputs.iter().find(|&&input| input as usize >= index) {
            return Err(node_error(network, index, format!("its input {input} does not come before it")));
        }
    }
    let mut live = vec![false; network.nodes.len()];
    live[network.output as usize] = true;
    for index in (0..network.nodes.len()).rev() {
        if live[index] {
            network.nodes[index].inputs.iter().for_each(|&input| live[input as usize] = true);
        }
    }
    Ok(live)
}

/// An error about one node.
pub(crate) fn node_error(network: &Network, index: usize, reason: String) -> ExportError {
    ExportError::Node { node: network.node_name(index), path: network.nodes[index].path.to_string(), reason }
}
