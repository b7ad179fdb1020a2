//! Candidates as predictors see them.

use pleach_space::{Column, Columns, Paths, View};
use pleach_spec::{Kernel, Predictor};

/// A candidate as numbers.
#[derive(Debug, Clone, PartialEq)]
pub struct Candidate {
    /// Its genotype as columns from 0 to 1: see [`Columns`].
    pub row: Vec<f64>,
    /// Its path counts, where the predictor wants them, by rising key.
    pub paths: Paths,
    /// How much each column counts beside the paths.
    pub(crate) weighted: Vec<f64>,
    /// The share of the full training budget, above 0.
    pub fidelity: f64,
}

impl Candidate {
    /// The fidelity as a feature: its logarithm to base 2.
    pub(crate) fn fidelity_feature(&self) -> f64 {
        libm::log2(self.fidelity.max(f64::MIN_POSITIVE))
    }
}

/// Makes candidates of a view's genotypes.
#[derive(Debug, Clone)]
pub struct Encoder {
    view: View,
    columns: Columns,
    weights: Vec<f64>,
    with_paths: bool,
}

/// How much the whole of a range counts in a Gaussian process, where another option of a choice counts 2.
const RANGE_WEIGHT: f64 = 4.0;

impl Encoder {
    /// What this predictor needs to know of the view's genotypes.
    pub fn new(view: View, predictor: &Predictor) -> Self {
        let columns = view.columns();
        let with_paths = view.space().has_network()
            && matches!(predictor, Predictor::GaussianProcess(settings) if settings.kernel == Kernel::Path);
        let shown = if with_paths { view.shown_by_paths() } else { vec![false; view.decisions().len()] };
        let weight = |column: &Column| match column {
            column if shown[column.decision()] => 0.0,
            Column::Place { .. } => RANGE_WEIGHT,
            Column::Option { .. } | Column::Active { .. } => 1.0,
        };
        let weights = columns.columns().iter().map(weight).collect();
        Self { view, columns, weights, with_paths }
    }

    /// The genotype at a fidelity.
    pub fn candidate(&self, genotype: &[f64], fidelity: f64) -> Candidate {
        let row = self.columns.row(genotype);
        let paths = if self.with_paths { self.view.paths(genotype) } else { Paths::new() };
        let weighted = row.iter().zip(&self.weights).filter(|(_, weight)| **weight > 0.0);
        Candidate { weighted: weighted.map(|(value, weight)| value * weight).collect(), row, paths, fidelity }
    }
}
