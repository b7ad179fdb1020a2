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

/// A number from the Poisson distribution of this mean, which must be finite and at least 0.
///
/// Small means by multiplying uniform numbers (Knuth 1969), larger ones by transformed rejection (PTRS of Hörmann 1993).
pub(crate) fn poisson(mean: f64, generator: &mut Generator) -> f64 {
    if mean <= 0.0 {
        return 0.0;
    }
    if mean < 10.0 {
        let (limit, mut product, mut count) = (libm::exp(-mean), generator.unit(), 0.0);
        while product > limit {
            product *= generator.unit();
            count += 1.0;
        }
        return count;
    }
    let log_mean = libm::log(mean);
    let b = 0.931 + 2.53 * libm::sqrt(mean);
    let a = -0.059 + 0.02483 * b;
    let inverse_alpha = 1.1239 + 1.1328 / (b - 3.4);
    let accepted_at_once = 0.9277 - 3.6224 / (b - 2.0);
    loop {
        let u = generator.unit() - 0.5;
        let v = 1.0 - generator.unit();
        let distance = 0.5 - u.abs();
        let count = libm::floor((2.0 * a / distance + b) * u + mean + 0.43);
        if distance >= 0.07 && v <= accepted_at_once {
            return count;
        }
        if count < 0.0 || (distance < 0.013 && v > distance) {
            continue;
        }
        let accepted = libm::log(v * inverse_alpha / (a / (distance * distance) + b));
        if accepted <= count * log_mean - mean - libm::lgamma(count + 1.0) {
            return count;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn poisson_has_its_mean_variance_and_probabilities() {
        for mean in [0.3, 9.5, 10.5, 40.0, 500.0] {
            let mut generator = Generator::new(3);
            let drawn: Vec<f64> = (0..40_000).map(|_| poisson(mean, &mut generator)).collect();
            let count = drawn.len() as f64;
            let found = drawn.iter().sum::<f64>() / count;
            let variance = drawn.iter().map(|value| (value - found).powi(2)).sum::<f64>() / count;
            assert!((found / mean - 1.0).abs() < 0.02, "{mean}: mean {found}");
            assert!((variance / mean - 1.0).abs() < 0.03, "{mean}: variance {variance}");
            let middle = mean.floor();
            let expected = (middle * mean.ln() - mean - libm::lgamma(middle + 1.0)).exp();
            let share = drawn.iter().filter(|&&value| value == middle).count() as f64 / count;
            assert!((share - expected).abs() < 4.0 * (expected / count).sqrt(), "{mean}: {share}, expected {expected}");
        }
        assert_eq!(poisson(0.0, &mut Generator::new(1)), 0.0);
    }

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
