use std::cmp::Ordering;
use std::f64::consts::{PI, SQRT_2};

/// The density of the standard normal distribution.
pub fn normal_density(at: f64) -> f64 {
    libm::exp(-0.5 * at * at) / (2.0 * PI).sqrt()
}

/// The share of the standard normal distribution that lies below.
pub fn normal_below(at: f64) -> f64 {
    0.5 * libm::erfc(-at / SQRT_2)
}

/// Below what this share of the standard normal distribution lies: Newton's method from a logistic guess.
pub fn normal_quantile(share: f64) -> f64 {
    if share > 0.5 {
        return -normal_quantile(1.0 - share);
    }
    if share <= 0.0 {
        return f64::NEG_INFINITY;
    }
    let mut at = 0.6 * libm::log(share / (1.0 - share));
    for _ in 0..60 {
        let step = (normal_below(at) - share) / normal_density(at);
        // The distribution bends upwards here, so that a step from too far left would go too far.
        at = (at - step.clamp(-1.0, 1.0)).min(0.0);
        if step.abs() < 1e-12 {
            break;
        }
    }
    at
}

/// Each item's normal score: the quantile of its rank's middle, equal ones sharing the mean of their ranks. The first in order
/// has the lowest.
pub fn normal_scores<T>(items: &[T], mut compare: impl FnMut(&T, &T) -> Ordering) -> Vec<f64> {
    let mut order: Vec<usize> = (0..items.len()).collect();
    order.sort_by(|&one, &two| compare(&items[one], &items[two]));
    let mut scores = vec![0.0; items.len()];
    let mut first = 0;
    while first < order.len() {
        let equal = |&&place: &&usize| compare(&items[order[first]], &items[place]).is_eq();
        let end = first + order[first..].iter().take_while(equal).count().max(1);
        let middle = (first + end) as f64 / 2.0;
        let score = normal_quantile(middle / items.len() as f64);
        order[first..end].iter().for_each(|&place| scores[place] = score);
        first = end;
    }
    scores
}

/// By how much a normally distributed value is expected to be above a bound, what lies below it counting as nothing (Jones,
/// Schonlau and Welch, "Efficient global optimization of expensive black-box functions", 1998, equation 15).
pub fn expected_improvement(mean: f64, deviation: f64, bound: f64) -> f64 {
    if deviation <= 0.0 {
        return (mean - bound).max(0.0);
    }
    let above = (mean - bound) / deviation;
    (deviation * (above * normal_below(above) + normal_density(above))).max(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_where_their_share_lies_below() {
        for share in [1e-9, 0.001, 0.025, 0.3, 0.5, 0.8, 0.999] {
            assert!((normal_below(normal_quantile(share)) / share - 1.0).abs() < 1e-9, "{share}");
        }
        assert!((normal_quantile(0.975) - 1.959_963_985).abs() < 1e-8);
    }

    #[test]
    fn scores_follow_the_order_and_equal_ones_share() {
        let scores = normal_scores(&[3, 1, 2, 2], Ord::cmp);
        assert_eq!((scores[1], scores[2], scores[3]), (-scores[0], 0.0, 0.0));
        assert!((scores[0] - normal_quantile(0.875)).abs() < 1e-12);
        assert_eq!(normal_scores(&[7, 7, 7], Ord::cmp), [0.0; 3]);
        assert!(normal_scores(&[] as &[u8], Ord::cmp).is_empty());
    }

    #[test]
    fn improvement_grows_with_mean_and_deviation() {
        // At the bound it is the deviation's part of the half-normal distribution.
        assert!((expected_improvement(1.0, 2.0, 1.0) - 2.0 / (2.0 * PI).sqrt()).abs() < 1e-12);
        assert_eq!((expected_improvement(3.0, 0.0, 1.0), expected_improvement(0.0, 0.0, 1.0)), (2.0, 0.0));
        assert!(expected_improvement(0.0, 1.0, 1.0) < expected_improvement(0.5, 1.0, 1.0));
        assert!(expected_improvement(0.0, 1.0, 1.0) < expected_improvement(0.0, 2.0, 1.0));
    }
}
