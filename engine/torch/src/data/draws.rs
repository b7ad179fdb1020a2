use pleach_random::Generator;

/// A number from Beta(alpha, alpha), as a quotient of Gamma variables.
pub(super) fn beta(alpha: f64, generator: &mut Generator) -> f64 {
    let (x, y) = (log_gamma_variable(alpha, generator), log_gamma_variable(alpha, generator));
    1.0 / (1.0 + libm::exp(y - x))
}

/// The logarithm of a Gamma variable of scale 1 (Marsaglia and Tsang 2000): small shapes give values that no `f64` holds.
fn log_gamma_variable(shape: f64, generator: &mut Generator) -> f64 {
    if shape < 1.0 {
        // Section 6 there: Gamma(a) is Gamma(a + 1) * U^(1 / a).
        let unit = 1.0 - generator.unit();
        return log_gamma_variable(shape + 1.0, generator) + libm::log(unit) / shape;
    }
    let d = shape - 1.0 / 3.0;
    let c = 1.0 / libm::sqrt(9.0 * d);
    loop {
        let x = generator.normal();
        let v = 1.0 + c * x;
        if v > 0.0 {
            let log_v = 3.0 * libm::log(v);
            let unit = 1.0 - generator.unit();
            if libm::log(unit) < 0.5 * x * x + d - d * v * v * v + d * log_v {
                return libm::log(d) + log_v;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn beta_has_its_mean_and_variance() {
        for alpha in [0.2, 1.0, 4.0] {
            let mut generator = Generator::new(1);
            let drawn: Vec<f64> = (0..20_000).map(|_| beta(alpha, &mut generator)).collect();
            assert!(drawn.iter().all(|value| (0.0..=1.0).contains(value)));
            let mean = drawn.iter().sum::<f64>() / drawn.len() as f64;
            let variance = drawn.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / drawn.len() as f64;
            let expected = 1.0 / (4.0 * (2.0 * alpha + 1.0));
            assert!((mean - 0.5).abs() < 0.01, "{alpha}: mean {mean}");
            assert!((variance / expected - 1.0).abs() < 0.05, "{alpha}: variance {variance}, expected {expected}");
        }
    }

    #[test]
    fn tiny_shapes_stay_finite() {
        let mut generator = Generator::new(2);
        assert!((0..1000).all(|_| beta(1e-4, &mut generator).is_finite()));
    }
}
