//! Cells: a small graph whose operations stand on edges or on nodes.

use super::{BuildError, Builder, Id, Result};
use crate::network::{Op, Shape};
use pleach_spec::{Cell, CellOutput, Layer, LayerKind};
use smallvec::SmallVec;
use std::sync::Arc;

impl Builder<'_> {
    pub(super) fn cell(&mut self, cell: &Cell, x: Id) -> Result<Id> {
        if cell.nodes < 2 {
            return Err(BuildError::new("a cell needs at least 2 nodes").at("nodes"));
        }
        let path: Arc<str> = Arc::from(self.path.as_str());
        let earlier = self.earlier.unwrap_or(x);
        let mut values: SmallVec<[Id; 8]> = SmallVec::new();
        if cell.previous == 2 {
            let (channels, height, width) = self.image(x, "cell")?;
            let joined = if cell.output.unwrap_or(CellOutput::Concat) == CellOutput::Concat { cell.nodes } else { 1 };
            let channels = cell.channels.unwrap_or((channels * cell.stride).div_ceil(joined));
            let (_, earlier_height, earlier_width) = self.image(earlier, "cell")?;
            let first = if (earlier_height, earlier_width) == (height, width) {
                self.preprocess(channels, earlier, &path)?
            } else {
                // The cell before was a reduction cell: its input is twice as large.
                let reduced = self.factorized_reduce(Some(channels), earlier, &path)?;
                if self.shape(reduced).size() != Some((height, width)) {
                    let message = format!(
                        "the cell before last gives {earlier_height}x{earlier_width}, which a reduction does not bring to {height}x{width}"
                    );
                    return Err(BuildError::new(message));
                }
                reduced
            };
            let second = self.preprocess(channels, x, &path)?;
            values.extend([first, second]);
        } else {
            values.push(x);
        }
        let inputs = values.len();
        let inner = if cell.connections.is_some() { cell.nodes } else { cell.nodes - 1 };
        let chosen = |index: usize| -> Result<SmallVec<[usize; 4]>> {
            let available = inputs + index;
            match &cell.connections {
                None => Ok((0..available).collect()),
                Some(connections) => {
                    let picks = connections.get(index).ok_or_else(|| {
                        BuildError::new(format!("node {index} has no entry in `connections`")).at("connections")
                    })?;
                    if picks.is_empty() || picks.iter().any(|&pick| pick >= available) {
                        let message = format!("node {index} can take 0 to {}, not {picks:?}", available - 1);
                        return Err(BuildError::new(message).at("connections"));
                    }
                    Ok(picks.iter().copied().collect())
                }
            }
        };
        let mut edge = 0;
        for index in 0..inner {
            let sources = chosen(index)?;
            let mut terms: SmallVec<[Id; 4]> = SmallVec::new();
            for source in sources {
                let stride = if source < inputs { cell.stride } else { 1 };
                let operation = match (&cell.edges, &cell.edge) {
                    (Some(edges), _) => Some((
                        edges.get(edge).ok_or_else(|| {
                            BuildError::new(format!("{} operations are too few for the cell's edges", edges.len()))
                                .at("edges")
                        })?,
                        edge,
                    )),
                    (None, Some(operation)) => Some((operation, edge)),
                    (None, None) => None,
                };
                let term = match operation {
                    // Where operations stand on nodes, an edge passes its value on.
                    None if stride == 1 => values[source],
                    None => self.factorized_reduce(None, values[source], &path)?,
                    Some((operation, number)) => {
                        let length = self.path.len();
                        self.path.push_str(&format!("[{number}]"));
                        let result = self.operation(operation, values[source], stride);
                        self.path.truncate(length);
                        result.map_err(|error| match &cell.edges {
                            Some(_) => error.at(number).at("edges"),
                            None => error.at("edge"),
                        })?
                    }
                };
                edge += 1;
                terms.push(term);
            }
            let mut value = self.sum(&terms, &path)?;
            let operation = match (&cell.operations, &cell.node) {
                (Some(operations), _) => Some(operations.get(index).ok_or_else(|| {
                    BuildError::new(format!("{} operations are too few for the cell's nodes", operations.len()))
                        .at("operations")
                })?),
                (None, operation) => operation.as_ref(),
            };
            if let Some(operation) = operation {
                let length = self.path.len();
                self.path.push_str(&format!("[{index}]"));
                let result = self.operation(operation, value, 1);
                self.path.truncate(length);
                value = result.map_err(|error| match &cell.operations {
                    Some(_) => error.at(index).at("operations"),
                    None => error.at("node"),
                })?;
            }
            values.push(value);
        }
        self.earlier = Some(x);
        let output = cell.output.unwrap_or(match cell.connections {
            Some(_) => CellOutput::Concat,
            None => CellOutput::Last,
        });
        match output {
            CellOutput::Last => Ok(*values.last().expect("a cell has an input")),
            CellOutput::Add => self.sum(&values[inputs..], &path),
            CellOutput::Concat => self.concat(&values[inputs..], &path),
        }
    }

    /// An operation of a cell with the stride that its edge has.
    fn operation(&mut self, layer: &Layer, x: Id, stride: usize) -> Result<Id> {
        if stride == 1 {
            return self.layer(layer, x);
        }
        let kind = match layer {
            Layer::Kind(kind) => kind.as_ref(),
            Layer::Sequence(layers) => {
                let Some((first, rest)) = layers.split_first() else {
                    return self.operation(&Layer::Kind(Box::new(LayerKind::Identity(Default::default()))), x, stride);
                };
                let y = self.operation(first, x, stride)?;
                return self.sequence(rest, y);
            }
        };
        let mut kind = kind.clone();
        match &mut kind {
            LayerKind::Conv(conv) => conv.stride = stride,
            LayerKind::DepthwiseConv(conv) => conv.stride = stride,
            LayerKind::SeparableConv(conv) => conv.stride = stride,
            LayerKind::DilatedConv(conv) => conv.stride = stride,
            LayerKind::Mbconv(conv) => conv.stride = stride,
            LayerKind::MaxPool(pool) | LayerKind::AvgPool(pool) => pool.stride = Some(stride),
            LayerKind::Identity(_) => {
                let path: Arc<str> = Arc::from(self.path.as_str());
                return self.factorized_reduce(None, x, &path);
            }
            LayerKind::None(_) => {
                let (channels, height, width) = self.image(x, "none")?;
                let shape = Shape::image(channels, height.div_ceil(stride), width.div_ceil(stride));
                let path: Arc<str> = Arc::from(self.path.as_str());
                return self.add(Op::Zero, SmallVec::new(), shape, &path);
            }
            other => {
                let name = super::kind_name(other);
                let message =
                    format!("`{name}` cannot stand where a reduction cell takes its inputs with stride {stride}");
                return Err(BuildError::new(message));
            }
        }
        self.layer(&Layer::Kind(Box::new(kind)), x)
    }
}
