use super::ValueRange;
use crate::Failure;
use pleach_data::{Examples, Inputs, Locations, Parts, Statistics};
use pleach_space::Network;
use pleach_spec::Data;
use std::ops::Range;
use tch::{Device, Kind, Tensor};

/// A data set on the training device, split into its parts.
#[derive(Debug)]
pub(crate) struct DataSet {
    source: Source,
    parts: Parts,
    /// The digest of the examples, wherever they lie.
    pub digest: String,
    /// The shape of one input.
    pub shape: Vec<usize>,
    /// The number of classes.
    pub classes: usize,
    /// In an order of which every prefix is a fair sample.
    pub training: Part,
    pub validation: Part,
    pub test: Part,
    /// What makes numbers of pixels; `None` where inputs are held as numbers.
    pixels: Option<Normalizer>,
    /// The values that inputs may have.
    pub range: ValueRange,
}

/// What decides which data set it is, and where it lies.
#[derive(Debug, PartialEq)]
pub(crate) struct Source {
    data: Data,
    locations: Locations,
    split_seed: u64,
    device: Device,
}

impl Source {
    /// Data on a device, split by a seed.
    pub(crate) fn new(data: Data, locations: Locations, split_seed: u64, device: Device) -> Source {
        Source { data, locations, split_seed, device }
    }
}

/// Some examples of a data set.
#[derive(Debug)]
pub(crate) struct Part {
    /// `[examples, ...]`: bytes for pixels, else numbers that are normalised already.
    pub inputs: Tensor,
    /// The class of each example, 64-bit.
    pub labels: Tensor,
    /// The number of examples.
    pub count: usize,
}

/// `value * scale + shift` by channel.
#[derive(Debug)]
struct Normalizer {
    scale: Tensor,
    shift: Tensor,
}

impl DataSet {
    /// The data set: `kept` if it is that, else read anew.
    ///
    /// Inputs are normalised to mean 0 and deviation 1, by channel for images and by feature else, as the whole training
    /// part has them. Images stay bytes on the device and become numbers batch by batch.
    ///
    /// # Errors
    /// If the data cannot be read or split, or memory runs out.
    pub(crate) fn of(kept: Option<DataSet>, source: Source) -> Result<DataSet, Failure> {
        match kept {
            Some(kept) if kept.source == source => Ok(kept),
            // Dropped before reading, so that memory never holds two sets.
            kept => {
                drop(kept);
                DataSet::read(source)
            }
        }
    }

    fn read(source: Source) -> Result<DataSet, Failure> {
        let unusable = |error| Failure::lost("the data cannot be used", error);
        let examples = pleach_data::read(&source.data, &source.locations).map_err(unusable)?;
        let parts = pleach_data::split(&examples, &source.data.split, source.split_seed).map_err(unusable)?;
        let statistics = Statistics::of(&examples, &parts.training);
        let (inputs, pixels) = tensor(&examples, &statistics, source.device)?;
        let range = range(&inputs, pixels.as_ref(), source.device)?;
        let labels: Vec<i64> = examples.labels.iter().map(|&label| i64::from(label)).collect();
        let labels = Tensor::f_from_slice(&labels)?;
        let part = |chosen: &[u32]| -> Result<Part, Failure> {
            let indices: Vec<i64> = chosen.iter().map(|&index| i64::from(index)).collect();
            let indices = Tensor::f_from_slice(&indices)?;
            Ok(Part {
                inputs: inputs.f_index_select(0, &indices)?.f_to(source.device)?,
                labels: labels.f_index_select(0, &indices)?.f_to(source.device)?,
                count: chosen.len(),
            })
        };
        Ok(DataSet {
            digest: examples.digest().to_hex().to_string(),
            shape: examples.shape.clone(),
            classes: examples.classes.len(),
            training: part(&parts.training)?,
            validation: part(&parts.validation)?,
            test: part(&parts.test)?,
            pixels,
            parts,
            range,
            source,
        })
    }

    /// Inputs as the network takes them.
    pub(crate) fn normalize(&self, inputs: Tensor) -> Result<Tensor, Failure> {
        match &self.pixels {
            Some(normalizer) => normalizer.apply(&inputs),
            None => Ok(inputs),
        }
    }

    /// Whether inputs are pixels, held as bytes.
    pub(crate) fn are_pixels(&self) -> bool {
        self.pixels.is_some()
    }

    /// Whether a network takes these inputs and tells these classes apart.
    ///
    /// # Errors
    /// If it does not, with both shapes.
    pub(crate) fn fits(&self, network: &Network) -> Result<(), Failure> {
        let shape = |index: usize| network.nodes.get(index).map(|node| &node.shape.0[..]).unwrap_or_default();
        let (input, output) = (shape(0), shape(network.output as usize));
        if input != self.shape.as_slice() {
            return Err(Failure::infeasible(format!(
                "the network takes {input:?}, the data set's inputs are {:?}",
                self.shape
            )));
        }
        if output != [self.classes] {
            return Err(Failure::infeasible(format!(
                "the network gives {output:?}, the data set has {} classes",
                self.classes
            )));
        }
        Ok(())
    }

    /// The number of examples that a share of the training part has.
    pub(crate) fn share(&self, share: f64) -> usize {
        pleach_data::training_share(&self.parts, share).len()
    }
}

impl Normalizer {
    fn apply(&self, pixels: &Tensor) -> Result<Tensor, Failure> {
        Ok(self.shift.f_addcmul(&pixels.f_to_kind(Kind::Float)?, &self.scale)?)
    }
}

/// Of pixels from black to white, of other inputs what occurs.
fn range(inputs: &Tensor, pixels: Option<&Normalizer>, device: Device) -> Result<ValueRange, Failure> {
    match pixels {
        Some(normalizer) => {
            let black = normalizer.shift.f_zeros_like()?;
            let white = black.f_add_scalar(255)?;
            Ok(ValueRange { low: normalizer.apply(&black)?, high: normalizer.apply(&white)? })
        }
        None => {
            let axes: Vec<i64> = (0..inputs.dim() as i64).filter(|&axis| axis != 1).collect();
            let (low, high) = (inputs.f_amin(&axes, true)?, inputs.f_amax(&axes, true)?);
            Ok(ValueRange { low: low.f_to(device)?, high: high.f_to(device)? })
        }
    }
}

/// All inputs on the CPU, and what normalises them later.
fn tensor(
    examples: &Examples,
    statistics: &Statistics,
    device: Device,
) -> Result<(Tensor, Option<Normalizer>), Failure> {
    let mut size = vec![examples.len() as i64];
    size.extend(examples.shape.iter().map(|&axis| axis as i64));
    let mut by_channel = vec![1; size.len()];
    by_channel[1] = -1;
    let channels = |values: &[f32]| Tensor::f_from_slice(values)?.f_view(by_channel.as_slice());
    match &examples.inputs {
        Inputs::Pixels(values) => {
            let scale: Vec<f32> = statistics.deviation.iter().map(|deviation| 1.0 / (255.0 * deviation)).collect();
            let shift: Vec<f32> =
                statistics.mean.iter().zip(&statistics.deviation).map(|(mean, deviation)| -mean / deviation).collect();
            let normalizer =
                Normalizer { scale: channels(&scale)?.f_to(device)?, shift: channels(&shift)?.f_to(device)? };
            Ok((Tensor::f_from_slice(values)?.f_view(size.as_slice())?, Some(normalizer)))
        }
        Inputs::Features(values) => {
            // Subtracted first: features may be large and lie close together.
            let inputs = Tensor::f_from_slice(values)?.f_view(size.as_slice())?;
            let inputs = inputs.f_sub(&channels(&statistics.mean)?)?.f_div(&channels(&statistics.deviation)?)?;
            Ok((inputs, None))
        }
    }
}

/// The batches of an epoch, as ranges of its order.
///
/// The last one is smaller where the batch does not divide the number of examples; a single example that is left over joins
/// the batch before it, since batch norm has no variance of one example.
pub(crate) fn bounds(count: usize, batch: usize) -> Vec<Range<usize>> {
    let mut ranges: Vec<Range<usize>> =
        (0..count).step_by(batch).map(|start| start..(start + batch).min(count)).collect();
    if batch > 1 && ranges.len() > 1 && ranges.last().is_some_and(|last| last.len() == 1) {
        ranges.pop();
        if let Some(last) = ranges.last_mut() {
            last.end = count;
        }
    }
    ranges
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_cover_every_example_once() {
        assert_eq!(bounds(6, 3), [0..3, 3..6]);
        assert_eq!(bounds(5, 3), [0..3, 3..5]);
        assert_eq!(bounds(7, 3), [0..3, 3..7], "one left over joins the batch before");
        assert_eq!(bounds(2, 1), [0..1, 1..2]);
        assert_eq!(bounds(1, 8), [Range { start: 0, end: 1 }]);
    }
}
