//! Ranks as normal scores.

/// The number below which a standard normal variable lies with this probability, strictly between 0 and 1.
pub(crate) fn inverse_normal(probability: f64) -> f64 {
    // Halving an interval is slow and plain: the result has all bits and needs no table of constants.
    let (mut low, mut high) = (-9.0, 9.0);
    for _ in 0..60 {
        let middle = 0.5 * (low + high);
        if 0.5 * libm::erfc(-middle * std::f64::consts::FRAC_1_SQRT_2) < probability {
            low = middle;
        } else {
            high = middle;
        }
    }
    0.5 * (low + high)
}

/// The distinct values, rising, with the normal score of each one's mean rank: the score of rank `r` of `n`, from 1, is the
/// normal quantile of `(r - 3/8) / (n + 1/4)` (Blom 1958).
pub(crate) fn normal_scores(values: &[f64]) -> Vec<(f64, f64)> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let count = sorted.len() as f64;
    let mut scores = Vec::new();
    let mut start = 0;
    for group in sorted.chunk_by(|one, two| one == two) {
        let rank = start as f64 + (group.len() as f64 + 1.0) / 2.0;
        scores.push((group[0], inverse_normal((rank - 0.375) / (count + 0.25))));
        start += group.len();
    }
    scores
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_the_tabled_ones() {
        for (probability, quantile) in [(0.5, 0.0), (0.975, 1.959963984540054), (0.001, -3.090232306167813)] {
            assert!((inverse_normal(probability) - quantile).abs() < 1e-12, "{probability}");
        }
    }

    #[test]
    fn scores_are_symmetric_and_equal_for_equal_values() {
        let scores = normal_scores(&[3.0, 1.0, 2.0, 2.0]);
        assert_eq!(scores.iter().map(|(value, _)| *value).collect::<Vec<_>>(), [1.0, 2.0, 3.0]);
        assert!((scores[0].1 + scores[2].1).abs() < 1e-12 && scores[1].1.abs() < 1e-12);
        assert_eq!(normal_scores(&[4.0, 4.0]), [(4.0, inverse_normal(0.5))]);
    }
}
