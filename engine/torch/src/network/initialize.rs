use pleach_random::{Generator, derive};
use pleach_space::{Op, TensorSpec};
use pleach_spec::PositionKind;

/// The first values of a tensor, in row-major order.
///
/// - Weights of convolutions are normal with deviation `sqrt(2 / fan_out)`, `fan_out = out_channels / groups * kernel^2`
///   (He et al. 2015, equation 14; `kernel` along a sequence), their biases 0. So are those of a patch embedding.
/// - Weights and biases of linear layers, those around attention included, are uniform within `1 / sqrt(in_features)`, and those
///   of recurrent layers within `1 / sqrt(features)`, as PyTorch's.
/// - Learned places are normal with deviation 0.02, cut off at two deviations (Dosovitskiy et al. 2021 in its common form).
/// - Scales of norms are 1, shifts 0; running means 0, running variances 1.
///
/// Each tensor draws from a stream of its own, derived from the seed and the tensor's name, and from nothing of libtorch: a
/// seed means the same first weights on every device and every machine.
pub(super) fn initial(op: &Op, spec: &TensorSpec, name: &str, seed: u64) -> Vec<f32> {
    let count = usize::try_from(spec.elements()).unwrap_or(usize::MAX);
    match (op, spec.name) {
        (Op::Conv { out_channels, kernel, groups, .. }, "weight") => {
            let fan_out = (out_channels / groups * kernel * kernel) as f64;
            let deviation = libm::sqrt(2.0 / fan_out);
            normal(count, deviation, &mut stream(seed, name))
        }
        (Op::Conv1d { out_channels, kernel, groups, .. }, "weight") => {
            let deviation = libm::sqrt(2.0 / (out_channels / groups * kernel) as f64);
            normal(count, deviation, &mut stream(seed, name))
        }
        (Op::Linear { in_features: fan, .. } | Op::Recurrent { features: fan, .. }, _) => {
            let bound = 1.0 / libm::sqrt(*fan as f64);
            let mut generator = stream(seed, name);
            (0..count).map(|_| ((2.0 * generator.unit() - 1.0) * bound) as f32).collect()
        }
        (Op::Position { kind: PositionKind::Learned, .. }, _) => truncated_normal(count, 0.02, &mut stream(seed, name)),
        (Op::Position { channels, length, kind: PositionKind::Sinusoidal }, _) => sinusoidal(*channels, *length),
        (Op::Conv { .. } | Op::Conv1d { .. }, _) | (_, "bias" | "running_mean") => vec![0.0; count],
        _ => vec![1.0; count],
    }
}

fn stream(seed: u64, name: &str) -> Generator {
    Generator::new(derive(seed, &["initialize", name]))
}

/// Both numbers of each pair of Box and Muller, since large networks draw millions.
fn normal(count: usize, deviation: f64, generator: &mut Generator) -> Vec<f32> {
    let mut values = Vec::with_capacity(count + 1);
    while values.len() < count {
        let radius = deviation * libm::sqrt(-2.0 * libm::log(1.0 - generator.unit()));
        let (sine, cosine) = libm::sincos(2.0 * std::f64::consts::PI * generator.unit());
        values.extend([(radius * cosine) as f32, (radius * sine) as f32]);
    }
    values.truncate(count);
    values
}

/// As [`normal`], but what lies beyond two deviations is drawn again.
fn truncated_normal(count: usize, deviation: f64, generator: &mut Generator) -> Vec<f32> {
    (0..count)
        .map(|_| {
            loop {
                let value = generator.normal();
                if value.abs() <= 2.0 {
                    return (deviation * value) as f32;
                }
            }
        })
        .collect()
}

/// `[channels, length]`: at place `p` the sine of `p / 10000^(i / channels)` for even channels `i`, and the cosine of the same
/// angle for the odd channel after each (Vaswani et al. 2017, section 3.5).
fn sinusoidal(channels: usize, length: usize) -> Vec<f32> {
    let mut values = Vec::with_capacity(channels * length);
    for channel in 0..channels {
        let even = channel - channel % 2;
        let period = libm::pow(10_000.0, even as f64 / channels as f64);
        for place in 0..length {
            let (sine, cosine) = libm::sincos(place as f64 / period);
            values.push(if channel % 2 == 0 { sine } else { cosine } as f32);
        }
    }
    values
}

#[cfg(test)]
mod tests {
    use super::*;

    fn deviation(values: &[f32]) -> f64 {
        let mean = values.iter().map(|&v| f64::from(v)).sum::<f64>() / values.len() as f64;
        (values.iter().map(|&v| (f64::from(v) - mean).powi(2)).sum::<f64>() / values.len() as f64).sqrt()
    }

    #[test]
    fn convolutions_keep_the_variance_of_gradients() {
        let op = Op::Conv {
            in_channels: 64,
            out_channels: 128,
            kernel: 3,
            stride: 1,
            padding: 1,
            dilation: 1,
            groups: 2,
            bias: true,
        };
        let tensors = op.tensors();
        let weight = initial(&op, &tensors[0], "conv_1.weight", 7);
        assert_eq!(weight.len(), 128 * 32 * 9);
        let expected = (2.0 / (64.0 * 9.0_f64)).sqrt();
        assert!((deviation(&weight) / expected - 1.0).abs() < 0.02, "{} {expected}", deviation(&weight));
        assert_eq!(weight, initial(&op, &tensors[0], "conv_1.weight", 7));
        assert_ne!(weight, initial(&op, &tensors[0], "conv_1.weight", 8));
        assert_ne!(weight, initial(&op, &tensors[0], "conv_2.weight", 7));
        assert_eq!(initial(&op, &tensors[1], "conv_1.bias", 7), [0.0; 128]);
    }

    #[test]
    fn linear_layers_are_uniform_within_their_bound() {
        let op = Op::Linear { in_features: 100, out_features: 50, bias: true };
        for spec in op.tensors() {
            let values = initial(&op, &spec, spec.name, 1);
            assert!(values.iter().all(|v| v.abs() <= 0.1) && values.iter().any(|v| v.abs() > 0.09));
        }
    }

    #[test]
    fn places_are_small_or_waves() {
        let learned = Op::Position { channels: 40, length: 50, kind: PositionKind::Learned };
        let values = initial(&learned, &learned.tensors()[0], "position_1.weight", 1);
        assert!(values.iter().all(|v| v.abs() <= 0.04));
        // Of a normal cut off at two deviations.
        assert!((deviation(&values) / (0.02 * 0.8796) - 1.0).abs() < 0.05, "{}", deviation(&values));
        let waves = Op::Position { channels: 4, length: 3, kind: PositionKind::Sinusoidal };
        let values = initial(&waves, &waves.tensors()[0], "position_1.weight", 1);
        let expected = [0.0, 1.0, 2.0].map(|p: f64| [p.sin(), p.cos(), (p / 100.0).sin(), (p / 100.0).cos()]);
        for (place, channels) in expected.iter().enumerate() {
            for (channel, value) in channels.iter().enumerate() {
                assert!((f64::from(values[channel * 3 + place]) - value).abs() < 1e-7);
            }
        }
    }

    #[test]
    fn norms_start_as_the_identity() {
        let op = Op::BatchNorm { channels: 2, momentum: 0.1, epsilon: 1e-5, affine: true };
        let values: Vec<_> = op.tensors().iter().map(|spec| initial(&op, spec, spec.name, 1)).collect();
        assert_eq!(values, [[1.0; 2], [0.0; 2], [0.0; 2], [1.0; 2]]);
    }
}
