//! How alike two candidates are, with settings chosen by the marginal likelihood.

use pleach_sdk::{Cholesky, dot};

use crate::candidates::Apart;

/// Scales of distances, as multiples of the mean distance.
const SCALES: [f64; 5] = [0.25, 0.5, 1.0, 2.0, 4.0];
/// How much of the likeness is that of paths, the rest that of decisions.
const SHARES: [f64; 5] = [0.0, 0.25, 0.5, 0.75, 1.0];
/// How much of the variance is noise.
const NOISES: [f64; 4] = [0.001, 0.01, 0.05, 0.2];
/// Rounds over all settings, one after another.
const ROUNDS: usize = 2;

/// `(1 - noise) (share exp(-paths / scale) + (1 - share) exp(-decisions / scale))`.
///
/// The likeness of paths is that of the path encoding of White, Neiswanger and Savani, "BANANAS", AAAI 2021; the sum of two
/// kernels follows where either finds two candidates alike.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Kernel {
    scales: Apart,
    share: f64,
    pub noise: f64,
}

/// A kernel's settings as places in the lists above: scales, share, noise.
type Places = [usize; 4];
/// Where the search for settings begins.
const FIRST: Places = [2, 2, 2, 1];
const CHOICES: [usize; 4] = [SCALES.len(), SCALES.len(), SHARES.len(), NOISES.len()];

impl Default for Kernel {
    fn default() -> Self {
        Self::at(FIRST, [0.0; 2])
    }
}

impl Kernel {
    fn at(places: Places, means: Apart) -> Self {
        let [paths, decisions, share, noise] = places;
        let scale = |mean: f64, place: usize| if mean > 0.0 { mean * SCALES[place] } else { 1.0 };
        Self {
            scales: [scale(means[0], paths), scale(means[1], decisions)],
            // Where all paths are alike they tell nothing.
            share: if means[0] > 0.0 { SHARES[share] } else { 0.0 },
            noise: NOISES[noise],
        }
    }

    /// From the distances between points that were measured (each to those before it) and their scores: one setting after
    /// another is moved to where the marginal likelihood is highest, the variance at its best for each (Rasmussen and Williams
    /// 2006, equation 5.8).
    pub fn fit(apart: &[Vec<Apart>], scores: &[f64]) -> Self {
        let pairs: usize = apart.iter().map(Vec::len).sum();
        let mean =
            |which: usize| apart.iter().flatten().map(|apart| apart[which]).sum::<f64>() / (pairs as f64).max(1.0);
        let means = [mean(0), mean(1)];
        let merit = |places: Places| likelihood(&Self::at(places, means), apart, scores);
        let (mut best, mut places) = (merit(FIRST), FIRST);
        for _ in 0..ROUNDS {
            for setting in 0..places.len() {
                for choice in 0..CHOICES[setting] {
                    let mut tried = places;
                    tried[setting] = choice;
                    let found = if tried == places { continue } else { merit(tried) };
                    if found > best {
                        (best, places) = (found, tried);
                    }
                }
            }
        }
        Self::at(places, means)
    }

    /// The covariance of two points, where that of a point with itself is 1.
    pub fn alike(&self, apart: Apart) -> f64 {
        let part = |which: usize| libm::exp(-apart[which] / self.scales[which]);
        let paths = if self.share > 0.0 { self.share * part(0) } else { 0.0 };
        let decisions = if self.share < 1.0 { (1.0 - self.share) * part(1) } else { 0.0 };
        (1.0 - self.noise) * (paths + decisions)
    }

    pub fn factor(&self, apart: &[Vec<Apart>]) -> Cholesky {
        let mut factor = Cholesky::new();
        for row in apart {
            let row: Vec<f64> = row.iter().map(|&apart| self.alike(apart)).collect();
            factor.extend(&row, 1.0);
        }
        factor
    }
}

fn likelihood(kernel: &Kernel, apart: &[Vec<Apart>], scores: &[f64]) -> f64 {
    let factor = kernel.factor(apart);
    let half = factor.solve(scores);
    let count = scores.len() as f64;
    -0.5 * count * libm::log(dot(&half, &half).max(f64::MIN_POSITIVE)) - factor.half_log_determinant()
}
