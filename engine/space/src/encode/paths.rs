//! Path counts: which sequences of operations lead from input to output, and how often.
//!
//! The path encoding of White, Neiswanger and Savani, "BANANAS", AAAI 2021, with counts in place of marks.

use pleach_random::mix;
use pleach_spec::{Cell, CellOutput, Layer, LayerKind, ParallelValue, ResidualValue, UseValue};
use std::fmt::Write as _;

/// The length of a vector of counts that are not exact.
pub(crate) const HASHED: usize = 512;

/// A part with more sequences than this has them hashed to [`HASHED`] places.
const MOST: usize = 4096;

/// Counts of operation sequences: each sequence's key and how many paths have it, by rising key.
///
/// Paths through a network of repeated cells are too many to count, and nearly every network would have paths of its own. So
/// the network is taken apart where layers follow each other, also in repeated bodies and named blocks, and paths lead through
/// one **part** at a time: a cell, a residual connection, parallel branches, a single layer. A part that is decided once is
/// counted once, however often it stands in the network.
///
/// Counts are those of the canonical network: identities are no step, zeros end a path, and what the output does not depend on
/// lies on none. A layer is one step, told apart by kind, kernel, stride, dilation, groups and expansion, not by channels;
/// norms, activations and dropout are no steps.
pub type Paths = Vec<(u64, f64)>;

/// The path counts of a network's layers.
pub(crate) fn paths<'l>(layers: impl Iterator<Item = &'l Layer>, blocks: &[(String, Layer)]) -> Paths {
    let mut walk = Walk { blocks, counted: Vec::new(), paths: Vec::new() };
    for (index, layer) in layers.enumerate() {
        walk.part(layer, mix(index as u64 + 1));
    }
    merged(walk.paths)
}

/// Sorts by key and adds up equal ones.
fn merged(mut paths: Paths) -> Paths {
    // Equal keys stay in order, so that sums have one order.
    paths.sort_by_key(|(key, _)| *key);
    paths.dedup_by(|next, kept| {
        let equal = next.0 == kept.0;
        if equal {
            kept.1 += next.1;
        }
        equal
    });
    paths
}

/// After one more step.
fn step(paths: &Paths, symbol: u64) -> Paths {
    let longer = paths.iter().map(|&(key, count)| (mix(key.rotate_left(23) ^ symbol).wrapping_add(symbol), count));
    let mut longer: Paths = longer.collect();
    longer.sort_by_key(|(key, _)| *key);
    longer
}

/// Those of one or of the other.
fn sum(all: impl IntoIterator<Item = Paths>) -> Paths {
    let paths = merged(all.into_iter().flatten().collect());
    if paths.len() <= MOST {
        return paths;
    }
    merged(paths.into_iter().map(|(key, count)| (key % HASHED as u64, count)).collect())
}

struct Walk<'a> {
    blocks: &'a [(String, Layer)],
    /// Named blocks whose parts were counted.
    counted: Vec<&'a str>,
    paths: Paths,
}

impl<'a> Walk<'a> {
    fn block(&self, value: &UseValue) -> Option<&'a (String, Layer)> {
        let name = match value {
            UseValue::Name(name) => name,
            UseValue::Full(settings) => &settings.block,
        };
        self.blocks.iter().find(|(block, _)| block == name)
    }

    /// Counts the parts of a layer that stands at a place.
    fn part(&mut self, layer: &Layer, place: u64) {
        match layer {
            Layer::Sequence(layers) => {
                for (index, layer) in layers.iter().enumerate() {
                    self.part(layer, mix(place ^ (index as u64 + 1)));
                }
            }
            Layer::Kind(kind) => match kind.as_ref() {
                LayerKind::Repeat(repeat) if repeat.times > 0 => self.part(&repeat.body, mix(place ^ 0x7265_7065)),
                LayerKind::Repeat(_) => {}
                LayerKind::Use(value) => {
                    let Some((name, layer)) = self.block(value) else { return };
                    if !self.counted.contains(&name.as_str()) {
                        self.counted.push(name);
                        self.part(layer, pleach_random::derive(0, &["block", name]));
                    }
                }
                _ => {
                    let through = self.through(layer, vec![(mix(place), 1.0)]);
                    self.paths.extend(through);
                }
            },
        }
    }

    /// The paths that come out of a layer for those that go in.
    fn through(&self, layer: &Layer, paths: Paths) -> Paths {
        let kind = match layer {
            Layer::Sequence(layers) => return layers.iter().fold(paths, |paths, layer| self.through(layer, paths)),
            Layer::Kind(kind) => kind.as_ref(),
        };
        match kind {
            LayerKind::None(_) => Paths::new(),
            LayerKind::Repeat(repeat) => (0..repeat.times).fold(paths, |paths, _| self.through(&repeat.body, paths)),
            LayerKind::Use(value) => match self.block(value) {
                Some((_, layer)) => self.through(layer, paths),
                None => paths,
            },
            LayerKind::Residual(value) => match value {
                ResidualValue::Body(layers) => {
                    let body = layers.iter().fold(paths.clone(), |paths, layer| self.through(layer, paths));
                    sum([paths, body])
                }
                ResidualValue::Full(settings) => {
                    let body = self.through(&settings.body, paths.clone());
                    let shortcut = match &settings.shortcut {
                        Some(shortcut) => self.through(shortcut, paths),
                        None => paths,
                    };
                    sum([shortcut, body])
                }
            },
            LayerKind::Parallel(value) => {
                let branches = match value {
                    ParallelValue::Branches(branches) => branches,
                    ParallelValue::Full(settings) => &settings.branches,
                };
                sum(branches.iter().map(|branch| self.through(branch, paths.clone())))
            }
            LayerKind::Cell(cell) => self.cell(cell, paths),
            leaf => match symbol(leaf) {
                Some(symbol) => step(&paths, symbol),
                None => paths,
            },
        }
    }

    fn cell(&self, cell: &Cell, paths: Paths) -> Paths {
        let mut values = vec![paths];
        if cell.previous == 2 {
            // What comes from the cell before is told apart by its first step.
            values.insert(0, step(&values[0], 0x6561_726c));
        }
        let inputs = values.len();
        let inner = if cell.connections.is_some() { cell.nodes } else { cell.nodes.saturating_sub(1) };
        let mut edge = 0;
        for index in 0..inner {
            let sources: Vec<usize> = match &cell.connections {
                Some(connections) => connections.get(index).cloned().unwrap_or_default(),
                None => (0..inputs + index).collect(),
            };
            let mut terms = Vec::with_capacity(sources.len());
            for source in sources {
                let Some(paths) = values.get(source).cloned() else { continue };
                let operation = match &cell.edges {
                    Some(edges) => edges.get(edge),
                    None => cell.edge.as_ref(),
                };
                terms.push(operation.map_or_else(|| paths.clone(), |operation| self.through(operation, paths.clone())));
                edge += 1;
            }
            let value = sum(terms);
            let operation = match &cell.operations {
                Some(operations) => operations.get(index),
                None => cell.node.as_ref(),
            };
            values.push(match operation {
                Some(operation) => self.through(operation, value),
                None => value,
            });
        }
        let last = match cell.connections {
            Some(_) => CellOutput::Concat,
            None => CellOutput::Last,
        };
        match cell.output.unwrap_or(last) {
            CellOutput::Last => values.pop().unwrap_or_default(),
            CellOutput::Add | CellOutput::Concat => sum(values.drain(inputs.min(values.len())..)),
        }
    }
}

/// What tells a step from others; none where a layer is no step.
fn symbol(kind: &LayerKind) -> Option<u64> {
    let words: &[u64] = match kind {
        LayerKind::Identity(_)
        | LayerKind::BatchNorm(_)
        | LayerKind::LayerNorm(_)
        | LayerKind::GroupNorm(_)
        | LayerKind::Activation(_)
        | LayerKind::Dropout(_)
        | LayerKind::Flatten(_) => return None,
        LayerKind::Conv(conv) => {
            &[1, conv.kernel as u64, conv.stride as u64, conv.dilation as u64, u64::from(conv.groups > 1)]
        }
        LayerKind::DepthwiseConv(conv) => &[2, conv.kernel as u64, conv.stride as u64, conv.dilation as u64],
        LayerKind::SeparableConv(conv) => {
            &[3, conv.kernel as u64, conv.stride as u64, conv.dilation as u64, conv.repeats as u64]
        }
        LayerKind::DilatedConv(conv) => &[4, conv.kernel as u64, conv.stride as u64, conv.dilation as u64],
        LayerKind::Mbconv(conv) => &[
            5,
            conv.kernel as u64,
            conv.stride as u64,
            conv.expansion.to_bits(),
            conv.squeeze_excite.to_bits(),
            u64::from(conv.residual),
        ],
        LayerKind::MaxPool(pool) => &[6, pool.kernel as u64, pool.stride.unwrap_or(pool.kernel) as u64],
        LayerKind::AvgPool(pool) => &[7, pool.kernel as u64, pool.stride.unwrap_or(pool.kernel) as u64],
        LayerKind::Linear(_) => &[8],
        LayerKind::FactorizedReduce(_) => &[9],
        LayerKind::Conv1d(conv) => {
            &[11, conv.kernel as u64, conv.stride as u64, conv.dilation as u64, u64::from(conv.groups > 1)]
        }
        LayerKind::Lstm(recurrent) => &[12, recurrent.layers as u64, u64::from(recurrent.bidirectional)],
        LayerKind::Gru(recurrent) => &[13, recurrent.layers as u64, u64::from(recurrent.bidirectional)],
        LayerKind::PatchEmbed(embed) => &[14, embed.patch as u64],
        // The rest has few settings, all of which count.
        other => {
            let mut text = String::new();
            write!(text, "{other:?}").ok()?;
            return Some(pleach_random::derive(10, &[&text]));
        }
    };
    Some(words.iter().fold(0x7374_6570, |hash, &word| mix(hash ^ word).wrapping_add(0x9e37_79b9_7f4a_7c15)))
}

/// The places of sequences in a vector of counts; without sequences, all are hashed.
#[derive(Debug, Clone, Default)]
pub(crate) struct Vocabulary {
    keys: Vec<u64>,
}

impl Vocabulary {
    /// A place a sequence of these counts; hashed where there are more than `most`.
    pub(crate) fn of(all: impl Iterator<Item = Paths>, most: usize) -> Self {
        let mut keys: Vec<u64> = Vec::new();
        for paths in all {
            for (key, _) in paths {
                if let Err(place) = keys.binary_search(&key) {
                    if keys.len() == most {
                        return Self::default();
                    }
                    keys.insert(place, key);
                }
            }
        }
        Self { keys }
    }

    /// Exact: one count a known sequence. Hashed: [`HASHED`] counts in `log2(1 + count)`.
    pub(crate) fn counts(&self, paths: &Paths) -> Vec<f32> {
        if self.keys.is_empty() {
            let mut counts = vec![0.0; HASHED];
            for (key, count) in paths {
                counts[(key % HASHED as u64) as usize] += count;
            }
            return counts.into_iter().map(|count: f64| libm::log2(1.0 + count) as f32).collect();
        }
        let mut counts = vec![0.0; self.keys.len()];
        for (key, count) in paths {
            if let Ok(place) = self.keys.binary_search(key) {
                counts[place] = *count as f32;
            }
        }
        counts
    }
}
