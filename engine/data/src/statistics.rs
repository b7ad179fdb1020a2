use crate::{Examples, Inputs};

/// What inputs are normalised by: `(value - mean) / deviation`.
///
/// One entry a channel for images (any shape of more than one axis), one a feature for flat inputs. Pixels count as 0 to 1,
/// that is, bytes divided by 255. A deviation is that of the whole population (divided by n), and 1 where all values are
/// equal, so that nothing is divided by 0.
#[derive(Debug, Clone, PartialEq)]
pub struct Statistics {
    /// The mean of each channel or feature.
    pub mean: Vec<f32>,
    /// The standard deviation of each channel or feature.
    pub deviation: Vec<f32>,
}

impl Statistics {
    /// The statistics of the chosen examples, usually the training part.
    ///
    /// Sums of pixels are exact; sums of features are made in 64 bits in the order of the choice. No example gives mean 0 and
    /// deviation 1.
    ///
    /// # Panics
    /// If an index is not below the number of examples.
    pub fn of(examples: &Examples, chosen: &[u32]) -> Self {
        let size = examples.input_size();
        let channels = examples.shape.first().copied().unwrap_or(1);
        let per_channel = size.checked_div(channels).unwrap_or(0);
        let count = chosen.len() * per_channel;
        if count == 0 {
            return Statistics { mean: vec![0.0; channels], deviation: vec![1.0; channels] };
        }
        let entries: Vec<(f64, f64)> = match &examples.inputs {
            Inputs::Pixels(values) => of_pixels(values, chosen, channels, per_channel, count),
            Inputs::Features(values) => of_features(values, chosen, channels, per_channel, count),
        };
        Statistics {
            mean: entries.iter().map(|entry| entry.0 as f32).collect(),
            deviation: entries.iter().map(|entry| entry.1 as f32).collect(),
        }
    }
}

fn of_pixels(values: &[u8], chosen: &[u32], channels: usize, per_channel: usize, count: usize) -> Vec<(f64, f64)> {
    let mut sums = vec![(0_u64, 0_u64); channels];
    for &index in chosen {
        let input = &values[index as usize * channels * per_channel..][..channels * per_channel];
        for (sum, channel) in sums.iter_mut().zip(input.chunks_exact(per_channel)) {
            for &value in channel {
                sum.0 += u64::from(value);
                sum.1 += u64::from(value) * u64::from(value);
            }
        }
    }
    let count = count as u128;
    let entry = |(sum, squares): (u64, u64)| {
        let (sum, squares) = (u128::from(sum), u128::from(squares));
        let mean = sum as f64 / (255.0 * count as f64);
        let variance = (count * squares - sum * sum) as f64 / (count as f64 * count as f64);
        (mean, if variance == 0.0 { 1.0 } else { variance.sqrt() / 255.0 })
    };
    sums.into_iter().map(entry).collect()
}

fn of_features(values: &[f32], chosen: &[u32], channels: usize, per_channel: usize, count: usize) -> Vec<(f64, f64)> {
    let inputs =
        || chosen.iter().map(|&index| &values[index as usize * channels * per_channel..][..channels * per_channel]);
    let mut means = vec![0.0_f64; channels];
    let mut bounds = vec![(f32::INFINITY, f32::NEG_INFINITY); channels];
    for input in inputs() {
        for (channel, part) in input.chunks_exact(per_channel).enumerate() {
            for &value in part {
                means[channel] += f64::from(value);
                bounds[channel] = (bounds[channel].0.min(value), bounds[channel].1.max(value));
            }
        }
    }
    means.iter_mut().for_each(|mean| *mean /= count as f64);
    let mut squares = vec![0.0_f64; channels];
    for input in inputs() {
        for (channel, part) in input.chunks_exact(per_channel).enumerate() {
            for &value in part {
                let difference = f64::from(value) - means[channel];
                squares[channel] += difference * difference;
            }
        }
    }
    let entry = |channel: usize| {
        let (low, high) = bounds[channel];
        let constant = low == high;
        (means[channel], if constant { 1.0 } else { (squares[channel] / count as f64).sqrt() })
    };
    (0..channels).map(entry).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn examples(shape: &[usize], inputs: Inputs, count: usize) -> Examples {
        Examples { shape: shape.to_vec(), inputs, labels: vec![0; count], classes: vec!["a".into()], own_test: None }
    }

    #[test]
    fn pixels_count_by_channel_as_0_to_1() {
        let pixels = vec![0, 255, 51, 51, /* second example */ 0, 0, 102, 102, /* not chosen */ 9, 9, 9, 9];
        let images = examples(&[2, 1, 2], Inputs::Pixels(pixels), 3);
        let statistics = Statistics::of(&images, &[0, 1]);
        assert_eq!(statistics.mean, [0.25, 0.3]);
        assert!((statistics.deviation[0] - 0.433_012_7).abs() < 1e-6);
        assert!((statistics.deviation[1] - 0.1).abs() < 1e-6);
    }

    #[test]
    fn features_count_each_by_itself() {
        let table = examples(&[2], Inputs::Features(vec![1.0, 7.7, 3.0, 7.7, 100.0, 0.0]), 3);
        let statistics = Statistics::of(&table, &[0, 1]);
        assert_eq!(statistics.mean, [2.0, 7.7]);
        assert_eq!(statistics.deviation, [1.0, 1.0], "a constant feature has deviation 1");
    }

    #[test]
    fn nothing_chosen_leaves_inputs_as_they_are() {
        let table = examples(&[2], Inputs::Features(vec![1.0, 2.0]), 1);
        assert_eq!(Statistics::of(&table, &[]), Statistics { mean: vec![0.0; 2], deviation: vec![1.0; 2] });
    }
}
