use pleach_random::{Generator, derive};
use pleach_space::{Op, TensorSpec};

/// The first values of a tensor, in row-major order.
///
/// - Weights of convolutions are normal with deviation `sqrt(2 / fan_out)`, `fan_out = out_channels / groups * kernel^2`
///   (He et al. 2015, equation 14), their biases 0.
/// - Weights and biases of linear layers are uniform within `1 / sqrt(in_features)`, as PyTorch's.
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
        (Op::Linear { in_features, .. }, _) => {
            let bound = 1.0 / libm::sqrt(*in_features as f64);
            let mut generator = stream(seed, name);
            (0..count).map(|_| ((2.0 * generator.unit() - 1.0) * bound) as f32).collect()
        }
        (Op::Conv { .. }, _) | (_, "bias" | "running_mean") => vec![0.0; count],
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
    fn norms_start_as_the_identity() {
        let op = Op::BatchNorm { channels: 2, momentum: 0.1, epsilon: 1e-5, affine: true };
        let values: Vec<_> = op.tensors().iter().map(|spec| initial(&op, spec, spec.name, 1)).collect();
        assert_eq!(values, [[1.0; 2], [0.0; 2], [0.0; 2], [1.0; 2]]);
    }
}
