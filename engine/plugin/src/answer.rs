//! What an answer of the engine takes, before a guest has it: the guest's own memory bounds only what arrives.

use crate::contract::{Architecture, Genotype};

/// Genotypes that are worked on before the answer is measured again.
pub(crate) const CHUNK: usize = 64;

/// Bytes of memory, about.
pub(crate) trait Weight {
    fn bytes(&self) -> u64;
}

impl Weight for u64 {
    fn bytes(&self) -> u64 {
        8
    }
}

impl Weight for f64 {
    fn bytes(&self) -> u64 {
        8
    }
}

impl Weight for f32 {
    fn bytes(&self) -> u64 {
        4
    }
}

impl<T: Weight> Weight for Vec<T> {
    fn bytes(&self) -> u64 {
        size_of::<Self>() as u64 + self.iter().map(Weight::bytes).sum::<u64>()
    }
}

impl Weight for Architecture {
    fn bytes(&self) -> u64 {
        let nodes = self.nodes.iter().map(|node| 32 + node.features.len() as u64 * 4);
        size_of::<Self>() as u64 + nodes.sum::<u64>() + self.edges.len() as u64 * 8
    }
}

/// The bytes of so many genotypes of so many decisions.
pub(crate) fn genotypes(count: usize, decisions: usize) -> u64 {
    let one = size_of::<Genotype>() as u64 + decisions as u64 * 8;
    one.saturating_mul(count as u64)
}
