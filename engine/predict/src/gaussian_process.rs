//! A Gaussian process over candidates (Rasmussen and Williams 2006, algorithm 2.1).

use crate::candidate::Candidate;
use crate::linear::{LANES, Lower, add_scaled, dot};
use crate::transform::Transform;
use crate::{Model, Prediction};
use pleach_spec::Kernel;
use std::collections::HashMap;

/// The scales of distances and the shares of noise in the variance among which the marginal likelihood chooses.
const SCALES: [f64; 3] = [4.0, 8.0, 16.0];
const NOISES: [f64; 3] = [0.01, 0.05, 0.2];

/// Only so many outcomes are fitted, the latest: the time grows with their third power.
const MOST: usize = 2000;

/// Two candidates are as alike as `exp(-distance / scale)`. The distance is the sum of absolute differences of path counts, of
/// the decisions that paths do not show (or of all decisions), and of the fidelity's logarithm to base 2.
#[derive(Debug)]
pub(crate) struct GaussianProcess {
    points: Points,
    scale: f64,
    noise: f64,
    factor: Lower,
    weights: Vec<f64>,
    transform: Transform,
}

impl GaussianProcess {
    pub(crate) fn fit(settings: &pleach_spec::GaussianProcess, candidates: &[&Candidate], targets: &[f64]) -> Self {
        let first = candidates.len().saturating_sub(MOST);
        let (candidates, targets) = (&candidates[first..], &targets[first..]);
        let transform = Transform::of(settings.target, targets);
        let scores: Vec<f64> = targets.iter().map(|&target| transform.score(target)).collect();
        let points = Points::of(candidates, settings.kernel);
        let mut distances: Vec<Vec<f64>> = candidates.iter().map(|candidate| points.distances(candidate)).collect();
        distances.iter_mut().enumerate().for_each(|(i, row)| row.truncate(i + 1));
        let mut best: Option<(f64, Self)> = None;
        for scale in SCALES {
            for noise in NOISES {
                let covariance = |(i, row): (usize, &Vec<f64>)| {
                    let alike = row.iter().map(|distance| (1.0 - noise) * libm::exp(-distance / scale));
                    let mut row: Vec<f64> = alike.collect();
                    row[i] = 1.0;
                    row
                };
                let Some(factor) = Lower::cholesky(distances.iter().enumerate().map(covariance).collect()) else {
                    continue;
                };
                let half = factor.solve(&scores);
                let likelihood = -0.5 * dot(&half, &half) - factor.log_determinant();
                if best.as_ref().is_none_or(|(known, _)| likelihood > *known) {
                    let weights = factor.solve_transposed(&half);
                    let (points, transform) = (points.clone(), transform.clone());
                    best = Some((likelihood, Self { points, scale, noise, factor, weights, transform }));
                }
            }
        }
        best.expect("noise makes a covariance positive definite").1
    }
}

impl Model for GaussianProcess {
    fn predict(&self, of: &[&Candidate]) -> Vec<Prediction> {
        // Many genotypes look alike, and each look is worked out once.
        let mut looks: Vec<&Candidate> = Vec::new();
        let mut known: HashMap<Vec<u64>, usize> = HashMap::new();
        let places: Vec<usize> = of
            .iter()
            .map(|candidate| {
                *known.entry(self.points.look(candidate)).or_insert_with(|| {
                    looks.push(candidate);
                    looks.len() - 1
                })
            })
            .collect();
        let mut answers = Vec::with_capacity(looks.len());
        let mut lanes = vec![[0.0; LANES]; self.weights.len()];
        for group in looks.chunks(LANES) {
            for (lane, candidate) in group.iter().enumerate() {
                for (row, distance) in lanes.iter_mut().zip(self.points.distances(candidate)) {
                    row[lane] = (1.0 - self.noise) * libm::exp(-distance / self.scale);
                }
            }
            let mut means = [0.0; LANES];
            for (row, weight) in lanes.iter().zip(&self.weights) {
                add_scaled(&mut means, *weight, row);
            }
            self.factor.solve_lanes(&mut lanes);
            let mut explained = [0.0; LANES];
            for row in &lanes {
                for (sum, value) in explained.iter_mut().zip(row) {
                    *sum += value * value;
                }
            }
            answers.extend((0..group.len()).map(|lane| {
                let variance: f64 = 1.0 - self.noise - explained[lane];
                self.transform.back(Prediction { mean: means[lane], deviation: variance.max(0.0).sqrt() })
            }));
        }
        places.into_iter().map(|place| answers[place]).collect()
    }
}

/// The candidates that were fitted, so that distances to all of them are found at once.
#[derive(Debug, Clone)]
struct Points {
    kernel: Kernel,
    /// For each sequence the candidates that have it, and how often.
    holders: HashMap<u64, Vec<(usize, f64)>>,
    /// Of each candidate, the number of its paths.
    paths: Vec<f64>,
    /// Of each candidate, what counts beside the paths.
    rest: Vec<Vec<f64>>,
}

impl Points {
    fn of(candidates: &[&Candidate], kernel: Kernel) -> Self {
        let mut points = Self { kernel, holders: HashMap::new(), paths: Vec::new(), rest: Vec::new() };
        for (index, candidate) in candidates.iter().enumerate() {
            for (key, count) in points.counted(candidate) {
                points.holders.entry(*key).or_default().push((index, *count));
            }
            points.paths.push(points.counted(candidate).iter().map(|(_, count)| count).sum());
            points.rest.push(points.others(candidate));
        }
        points
    }

    fn counted<'c>(&self, candidate: &'c Candidate) -> &'c [(u64, f64)] {
        match self.kernel {
            Kernel::Path => &candidate.paths,
            Kernel::Hamming => &[],
        }
    }

    fn others(&self, candidate: &Candidate) -> Vec<f64> {
        let mut others = candidate.weighted.clone();
        others.push(candidate.fidelity_feature());
        others
    }

    /// All that distances depend on.
    fn look(&self, candidate: &Candidate) -> Vec<u64> {
        let paths = self.counted(candidate).iter().flat_map(|(key, count)| [*key, count.to_bits()]);
        paths.chain(self.others(candidate).into_iter().map(f64::to_bits)).collect()
    }

    /// The distances from a candidate to those that were fitted, in their order.
    fn distances(&self, candidate: &Candidate) -> Vec<f64> {
        let counted = self.counted(candidate);
        let paths: f64 = counted.iter().map(|(_, count)| count).sum();
        // |a - b| = a + b - 2 min(a, b), and the least is 0 for most.
        let mut distances: Vec<f64> = self.paths.iter().map(|other| paths + other).collect();
        for (key, count) in counted {
            for (index, other) in self.holders.get(key).map_or(&[][..], Vec::as_slice) {
                distances[*index] -= 2.0 * count.min(*other);
            }
        }
        let others = self.others(candidate);
        for (distance, rest) in distances.iter_mut().zip(&self.rest) {
            *distance += others.iter().zip(rest).map(|(a, b)| (a - b).abs()).sum::<f64>();
        }
        distances
    }
}
