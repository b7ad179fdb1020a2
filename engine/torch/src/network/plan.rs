use pleach_space::{Network, Node, Op};
use pleach_spec::ActivationKind;
use std::collections::HashMap;

/// How a network is computed: which nodes, from which outputs, and what can be spared.
#[derive(Debug)]
pub(super) struct Plan {
    /// The nodes whose outputs each node takes. Of nodes that compute the same only the first is computed: on edges of a cell
    /// that begin with an activation of the same node, it runs once.
    pub inputs: Vec<Vec<u32>>,
    /// The node whose output is the network's.
    pub output: u32,
    /// How many computed nodes, and the caller for the output, take each node's output; 0 is not computed.
    pub uses: Vec<u32>,
    /// Of a batch norm whose only use is a ReLU: that ReLU.
    pub relu: Vec<Option<u32>>,
}

impl Plan {
    /// For a network whose nodes take outputs of earlier nodes only.
    pub(super) fn new(network: &Network) -> Plan {
        let count = network.nodes.len();
        let mut same: Vec<u32> = Vec::with_capacity(count);
        let mut inputs: Vec<Vec<u32>> = Vec::with_capacity(count);
        let mut known: HashMap<Vec<u32>, Vec<u32>> = HashMap::new();
        for (index, node) in network.nodes.iter().enumerate() {
            let taken: Vec<u32> = node.inputs.iter().map(|&input| same[input as usize]).collect();
            let mut first = index as u32;
            if repeatable(&node.op) {
                let others = known.entry(taken.clone()).or_default();
                let equal = |&other: &u32| {
                    let other = &network.nodes[other as usize];
                    other.op == node.op && other.shape == node.shape
                };
                match others.iter().copied().find(equal) {
                    Some(other) => first = other,
                    None => others.push(first),
                }
            }
            same.push(first);
            inputs.push(taken);
        }
        let output = same[network.output as usize];
        let mut uses = vec![0; count];
        uses[output as usize] = 1;
        for index in (0..count).rev() {
            if uses[index] > 0 {
                inputs[index].iter().for_each(|&input| uses[input as usize] += 1);
            }
        }
        let mut relu = vec![None; count];
        for (index, node) in network.nodes.iter().enumerate() {
            if node.op == Op::Activation(ActivationKind::Relu) && uses[index] > 0 {
                let input = inputs[index][0] as usize;
                if uses[input] == 1 && matches!(network.nodes[input].op, Op::BatchNorm { .. }) {
                    relu[input] = Some(index as u32);
                }
            }
        }
        Plan { inputs, output, uses, relu }
    }
}

/// Whether an operation gives the same for the same inputs: it owns no tensors and draws nothing.
fn repeatable(op: &Op) -> bool {
    match op {
        Op::Activation(_)
        | Op::MaxPool { .. }
        | Op::AvgPool { .. }
        | Op::AdaptivePool { .. }
        | Op::GlobalPool { .. }
        | Op::Flatten
        | Op::ToSequence
        | Op::ToImage { .. }
        | Op::Shift
        | Op::Add
        | Op::Concat
        | Op::Multiply
        | Op::Zero => true,
        Op::Attention { dropout, .. } => *dropout == 0.0,
        Op::Input
        | Op::Conv { .. }
        | Op::Conv1d { .. }
        | Op::Linear { .. }
        | Op::Recurrent { .. }
        | Op::Position { .. }
        | Op::BatchNorm { .. }
        | Op::LayerNorm { .. }
        | Op::GroupNorm { .. }
        | Op::Dropout { .. }
        | Op::DropPath { .. } => false,
    }
}

/// Whether a node's output is a tensor of its own, which no backward pass looks at: the next operation may write over it where
/// nothing else takes it.
pub(super) fn may_be_overwritten(node: &Node) -> bool {
    match node.op {
        // With its axes turned it is a view, which is costly to write over.
        _ if node.shape.is_sequence() => false,
        // Their backward passes look at inputs and weights.
        Op::Conv { .. } | Op::Linear { .. } | Op::BatchNorm { .. } | Op::AvgPool { .. } => true,
        // Activations keep their outputs, others may hand on their input or a view.
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pleach_space::Shape;

    fn network(nodes: Vec<(Op, &[u32])>, output: u32) -> Network {
        let shape = Shape::image(2, 4, 4);
        let node =
            |(op, inputs): (Op, &[u32])| Node { op, inputs: inputs.into(), shape: shape.clone(), path: "".into() };
        Network { nodes: nodes.into_iter().map(node).collect(), output }
    }

    #[test]
    fn what_is_computed_twice_is_computed_once() {
        let relu = Op::Activation(ActivationKind::Relu);
        let drop = Op::Dropout { probability: 0.1 };
        let nodes = vec![
            (Op::Input, &[][..]),
            (relu.clone(), &[0]),
            (relu, &[0]),
            (Op::Shift, &[1]),
            (Op::Shift, &[2]),
            (drop.clone(), &[3]),
            (drop, &[4]),
            (Op::Add, &[5, 6]),
            (Op::Shift, &[7]),
        ];
        let plan = Plan::new(&network(nodes, 7));
        assert_eq!(plan.inputs[5..8], [vec![3], vec![3], vec![5, 6]], "but each dropout draws its own");
        assert_eq!(plan.uses, [1, 1, 0, 2, 0, 1, 1, 1, 0], "and what nothing needs not at all");
    }

    #[test]
    fn relu_joins_a_batch_norm_that_nothing_else_takes() {
        let norm = Op::BatchNorm { channels: 2, momentum: 0.1, epsilon: 1e-5, affine: true };
        let relu = Op::Activation(ActivationKind::Relu);
        let alone = network(vec![(Op::Input, &[]), (norm.clone(), &[0]), (relu.clone(), &[1])], 2);
        assert_eq!(Plan::new(&alone).relu, [None, Some(2), None]);
        let shared = network(vec![(Op::Input, &[]), (norm, &[0]), (relu, &[1]), (Op::Add, &[1, 2])], 3);
        assert_eq!(Plan::new(&shared).relu, [None; 4]);
    }
}
