//! The canonical form of a network: what is trained, exported and fingerprinted.
//!
//! It drops what no output depends on and what only zeros reach, replaces skips by what they copy, and flattens and sorts sums. An
//! image that is made of a sequence only to become a sequence again is that sequence.
//! An operation on zeros counts as zero, although its batch norm's bias would make it a constant. Equal terms of a sum stay
//! twice. Two networks with one canonical form compute the same function of input and weights.
//!
//! NAS-Bench-201's 15,625 cells compute 4,930 different expressions, which is what [`fingerprint`] counts. Keeping operations on
//! zeros gives 5,545; keeping nested sums as they are gives 5,819; the published 6,466 keeps zeros as terms of sums. Counting
//! how often equal terms have weights of their own gives 5,425 networks.

use crate::network::{Network, Node, Op, RecurrentKind, Shape};
use pleach_random::mix;
use smallvec::SmallVec;
use std::fmt;

/// What tells canonical forms apart: equal for networks that compute the same, in 32 hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Fingerprint(pub [u8; 16]);

impl Fingerprint {
    /// Its first 64 bits, as strategies see it.
    pub fn to_u64(self) -> u64 {
        u64::from_be_bytes(self.0[..8].try_into().expect("a fingerprint has 16 bytes"))
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// A node of the network while it is simplified.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Value {
    Zero,
    Node(u32),
}

/// The canonical form of a network.
pub fn canonical(network: &Network) -> Network {
    let (simple, output) = simplify(network);
    order(&simple, output, network)
}

/// Removes zeros, copies and nested sums; indices are those of the input network.
fn simplify(network: &Network) -> (Vec<SmallVec<[u32; 2]>>, Value) {
    let count = network.nodes.len();
    let mut values: Vec<Value> = Vec::with_capacity(count);
    let mut inputs: Vec<SmallVec<[u32; 2]>> = vec![SmallVec::new(); count];
    for (index, node) in network.nodes.iter().enumerate() {
        let given = |i: usize| values[node.inputs[i] as usize];
        let value = match &node.op {
            Op::Input => Value::Node(index as u32),
            Op::Zero => Value::Zero,
            Op::Add => {
                let mut terms: SmallVec<[u32; 2]> = SmallVec::new();
                for i in 0..node.inputs.len() {
                    if let Value::Node(term) = given(i) {
                        match network.nodes[term as usize].op {
                            Op::Add => terms.extend_from_slice(&inputs[term as usize]),
                            _ => terms.push(term),
                        }
                    }
                }
                match terms.as_slice() {
                    [] => Value::Zero,
                    [only] => Value::Node(*only),
                    _ => {
                        inputs[index] = terms;
                        Value::Node(index as u32)
                    }
                }
            }
            Op::Concat => {
                let given: SmallVec<[Value; 4]> = (0..node.inputs.len()).map(given).collect();
                if given.iter().all(|value| *value == Value::Zero) {
                    Value::Zero
                } else {
                    // A zero among the channels stays; it stands as the node that was declared.
                    inputs[index] = given
                        .iter()
                        .zip(&node.inputs)
                        .map(|(value, declared)| match value {
                            Value::Node(node) => *node,
                            Value::Zero => *declared | ZERO,
                        })
                        .collect();
                    Value::Node(index as u32)
                }
            }
            Op::ToSequence if matches!(given(0), Value::Node(n) if matches!(network.nodes[n as usize].op, Op::ToImage { .. })) =>
            {
                let Value::Node(image) = given(0) else { unreachable!("the guard has seen a node") };
                Value::Node(inputs[image as usize][0])
            }
            _ => {
                let given: SmallVec<[Value; 4]> = (0..node.inputs.len()).map(given).collect();
                if given.contains(&Value::Zero) {
                    Value::Zero
                } else {
                    inputs[index] = given
                        .iter()
                        .filter_map(|value| match value {
                            Value::Node(node) => Some(*node),
                            Value::Zero => None,
                        })
                        .collect();
                    Value::Node(index as u32)
                }
            }
        };
        values.push(value);
    }
    (inputs, values[network.output as usize])
}

/// Marks an input that is zeros of the declared node's shape.
const ZERO: u32 = 1 << 31;

/// Numbers what the output depends on in an order that the declaration does not influence.
fn order(inputs: &[SmallVec<[u32; 2]>], output: Value, network: &Network) -> Network {
    let input = Node { path: network.nodes[0].path.clone(), ..network.nodes[0].clone() };
    let Value::Node(output) = output else {
        let shape = network.output_shape().clone();
        let zero = Node {
            op: Op::Zero,
            inputs: SmallVec::new(),
            shape,
            path: network.nodes[network.output as usize].path.clone(),
        };
        return Network { nodes: vec![input, zero], output: 1 };
    };
    // What stands below each node, as a hash: terms of sums are sorted by it.
    let mut needed = vec![false; network.nodes.len()];
    needed[output as usize] = true;
    for index in (0..=output as usize).rev() {
        if needed[index] {
            for &source in inputs[index].iter().filter(|&&source| source & ZERO == 0) {
                needed[source as usize] = true;
            }
        }
    }
    let mut hashes = vec![0u64; network.nodes.len()];
    let mut sorted: Vec<SmallVec<[u32; 2]>> = vec![SmallVec::new(); network.nodes.len()];
    for index in 0..=output as usize {
        if !needed[index] {
            continue;
        }
        let node = &network.nodes[index];
        let hash_of = |source: u32| {
            if source & ZERO != 0 {
                shape_hash(0x7a65_726f, &network.nodes[(source & !ZERO) as usize].shape)
            } else {
                hashes[source as usize]
            }
        };
        let mut sources = inputs[index].clone();
        if node.op == Op::Add {
            sources.sort_by_key(|&source| (hash_of(source), source));
        }
        let mut hash = op_hash(&node.op);
        if index == 0 {
            hash = shape_hash(hash, &node.shape);
        }
        for &source in &sources {
            hash = mix(hash.rotate_left(17) ^ hash_of(source));
        }
        hashes[index] = hash;
        sorted[index] = sources;
    }
    // Depth first from the output, inputs in order: a node comes after all that it takes.
    let mut nodes = vec![input];
    let mut numbers = vec![u32::MAX; network.nodes.len()];
    numbers[0] = 0;
    let mut stack: Vec<(u32, usize)> = vec![(output, 0)];
    while let Some((index, next)) = stack.pop() {
        let sources = &sorted[index as usize];
        if numbers[index as usize] != u32::MAX {
            continue;
        }
        if let Some(&source) = sources.get(next) {
            stack.push((index, next + 1));
            if source & ZERO == 0 && numbers[source as usize] == u32::MAX {
                stack.push((source, 0));
            }
            continue;
        }
        let mut sources = sources.clone();
        if network.nodes[index as usize].op == Op::Add {
            // Equal terms in the order in which they are numbered, so that the form of the form is itself.
            sources.sort_by_key(|&source| (hashes[source as usize], numbers[source as usize]));
        }
        let sources = sources
            .iter()
            .map(|&source| {
                if source & ZERO == 0 {
                    return numbers[source as usize];
                }
                let declared = &network.nodes[(source & !ZERO) as usize];
                let zero = Node { op: Op::Zero, inputs: SmallVec::new(), ..declared.clone() };
                nodes.push(zero);
                (nodes.len() - 1) as u32
            })
            .collect();
        let node = &network.nodes[index as usize];
        numbers[index as usize] = nodes.len() as u32;
        nodes.push(Node { inputs: sources, ..node.clone() });
    }
    Network { nodes, output: numbers[output as usize] }
}

/// The fingerprint of a network in canonical form: of the expression that it computes, not of paths or the order of sums.
///
/// It is a hash of each operation over the hashes of what it takes, those of a sum sorted. So it does not tell whether equal
/// terms come from one operation or from two with weights of their own: `c(x) + c(x)` and `c1(x) + c2(x)` are one expression,
/// although the second has more weights. What must tell them apart, such as the key of a training, takes the network itself.
pub fn fingerprint(canonical: &Network) -> Fingerprint {
    // Two lanes of 64 bits with different constants: networks are not made to collide.
    let mut hashes: Vec<[u64; 2]> = Vec::with_capacity(canonical.nodes.len());
    for (index, node) in canonical.nodes.iter().enumerate() {
        let mut hash = [op_hash(&node.op), !op_hash(&node.op)];
        if index == 0 || node.op == Op::Zero {
            hash = hash.map(|lane| shape_hash(lane, &node.shape));
        }
        let mut inputs: SmallVec<[[u64; 2]; 4]> = node.inputs.iter().map(|&input| hashes[input as usize]).collect();
        if node.op == Op::Add {
            inputs.sort_unstable();
        }
        for input in inputs {
            for (lane, word) in hash.iter_mut().zip(input) {
                *lane = mix(lane.rotate_left(17) ^ word).wrapping_add(0x2545_f491_4f6c_dd1d);
            }
        }
        hashes.push(hash);
    }
    let [first, second] = hashes[canonical.output as usize];
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&first.to_be_bytes());
    bytes[8..].copy_from_slice(&second.to_be_bytes());
    Fingerprint(bytes)
}

fn op_hash(op: &Op) -> u64 {
    let mut hash = 0x9e37_79b9_7f4a_7c15;
    write_op(op, &mut |word| hash = mix(hash ^ word).wrapping_add(0x9e37_79b9_7f4a_7c15));
    hash
}

fn shape_hash(hash: u64, shape: &Shape) -> u64 {
    shape.0.iter().fold(hash, |hash, &axis| mix(hash.rotate_left(9) ^ axis as u64))
}

/// The operation as numbers: its kind first. Equal for equal operations.
fn write_op(op: &Op, write: &mut impl FnMut(u64)) {
    let mut all = |words: &[u64]| words.iter().for_each(|&word| write(word));
    match *op {
        Op::Input => all(&[1]),
        Op::Conv { in_channels, out_channels, kernel, stride, padding, dilation, groups, bias } => {
            let sizes = [in_channels, out_channels, kernel, stride, padding, dilation, groups].map(|n| n as u64);
            all(&[2]);
            all(&sizes);
            all(&[u64::from(bias)]);
        }
        Op::Linear { in_features, out_features, bias } => {
            all(&[3, in_features as u64, out_features as u64, u64::from(bias)]);
        }
        Op::BatchNorm { channels, momentum, epsilon, affine } => {
            all(&[4, channels as u64, momentum.to_bits(), epsilon.to_bits(), u64::from(affine)]);
        }
        Op::LayerNorm { channels, epsilon } => all(&[5, channels as u64, epsilon.to_bits()]),
        Op::GroupNorm { channels, groups, epsilon } => all(&[6, channels as u64, groups as u64, epsilon.to_bits()]),
        Op::Activation(kind) => all(&[7, kind as u64]),
        Op::MaxPool { kernel, stride, padding } => all(&[8, kernel as u64, stride as u64, padding as u64]),
        Op::AvgPool { kernel, stride, padding } => all(&[9, kernel as u64, stride as u64, padding as u64]),
        Op::AdaptivePool { size, kind } => all(&[10, size as u64, kind as u64]),
        Op::GlobalPool { kind } => all(&[11, kind as u64]),
        Op::Flatten => all(&[12]),
        Op::Dropout { probability } => all(&[13, probability.to_bits()]),
        Op::DropPath { probability } => all(&[14, probability.to_bits()]),
        Op::Shift => all(&[15]),
        Op::Add => all(&[16]),
        Op::Concat => all(&[17]),
        Op::Multiply => all(&[18]),
        Op::Zero => all(&[19]),
        Op::Conv1d { in_channels, out_channels, kernel, stride, padding, dilation, groups, bias } => {
            let sizes = [in_channels, out_channels, kernel, stride, padding, dilation, groups].map(|n| n as u64);
            all(&[20]);
            all(&sizes);
            all(&[u64::from(bias)]);
        }
        Op::Recurrent { kind, in_channels, features, bidirectional } => {
            let kind = u64::from(kind == RecurrentKind::Gru);
            all(&[21, kind, in_channels as u64, features as u64, u64::from(bidirectional)]);
        }
        Op::Attention { heads, dropout } => all(&[22, heads as u64, dropout.to_bits()]),
        Op::Position { channels, length, kind } => all(&[23, channels as u64, length as u64, kind as u64]),
        Op::ToSequence => all(&[24]),
        Op::ToImage { height, width } => all(&[25, height as u64, width as u64]),
    }
}
