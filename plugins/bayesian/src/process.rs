//! A Gaussian process that grows by a point at a time, and what it says of candidates.

use std::rc::Rc;

use pleach_sdk::{Cholesky, dot};

use crate::candidates::{Apart, Candidate, Describer};
use crate::kernel::Kernel;

/// The points that candidates are judged by (Rasmussen and Williams 2006, algorithm 2.1).
#[derive(Debug)]
pub(crate) struct Process {
    kernel: Kernel,
    /// Rises with each choice of settings.
    settings: u64,
    points: Vec<Rc<Candidate>>,
    /// From each to those before it.
    apart: Vec<Vec<Apart>>,
    factor: Cholesky,
    /// The factor's solution for the scores.
    half: Vec<f64>,
    deviation: f64,
}

/// A candidate as a process sees it, brought up to date when it is looked at.
#[derive(Debug, Clone, Default)]
pub(crate) struct View {
    /// The settings that `solved` is of.
    settings: u64,
    apart: Vec<[f32; 2]>,
    solved: Vec<f64>,
    explained: f64,
}

/// A normal distribution.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Belief {
    pub mean: f64,
    pub deviation: f64,
}

impl Process {
    /// Of these points, with settings by those that have a score.
    pub fn new(points: Vec<Rc<Candidate>>, scores: &[Option<f64>], describer: &Describer) -> Self {
        let row = |end: usize| points[..end].iter().map(|other| describer.apart(&points[end], other)).collect();
        let apart = (0..points.len()).map(row).collect();
        let mut process = Self {
            kernel: Kernel::default(),
            settings: 0,
            points,
            apart,
            factor: Cholesky::new(),
            half: Vec::new(),
            deviation: 1.0,
        };
        process.fit(scores);
        process
    }

    /// Chooses the settings that explain the scores best.
    pub fn fit(&mut self, scores: &[Option<f64>]) {
        let known: Vec<usize> = (0..scores.len()).filter(|&point| scores[point].is_some()).collect();
        let row = |(end, &point): (usize, &usize)| known[..end].iter().map(|&other| self.apart[point][other]).collect();
        let apart: Vec<Vec<Apart>> = known.iter().enumerate().map(row).collect();
        self.kernel = Kernel::fit(&apart, &scores.iter().copied().flatten().collect::<Vec<_>>());
        self.factor = self.kernel.factor(&self.apart);
        self.settings += 1;
    }

    pub fn len(&self) -> usize {
        self.points.len()
    }

    /// One more point.
    pub fn add(&mut self, point: Rc<Candidate>, describer: &Describer) {
        let apart: Vec<Apart> = self.points.iter().map(|other| describer.apart(&point, other)).collect();
        let row: Vec<f64> = apart.iter().map(|&apart| self.kernel.alike(apart)).collect();
        self.factor.extend(&row, 1.0);
        self.apart.push(apart);
        self.points.push(point);
    }

    /// From now on the points, in their order, have these scores.
    pub fn aim(&mut self, scores: &[f64]) {
        self.half = self.factor.solve(scores);
        self.deviation = (dot(&self.half, &self.half) / (scores.len() as f64).max(1.0)).max(1e-12).sqrt();
    }

    /// How many points a candidate's view has not seen yet.
    pub fn news(&self, view: &View) -> usize {
        self.points.len() - view.apart.len()
    }

    /// What to expect of a candidate, without noise. A view is of one process alone.
    pub fn believe(&self, candidate: &Candidate, view: &mut View, describer: &Describer) -> Belief {
        if view.settings != self.settings {
            view.settings = self.settings;
            view.solved.clear();
            view.explained = 0.0;
        }
        for point in &self.points[view.apart.len()..] {
            view.apart.push(describer.apart(candidate, point).map(|apart| apart as f32));
        }
        for &apart in &view.apart[view.solved.len()..] {
            self.factor.solve_next(&mut view.solved, self.kernel.alike(apart.map(f64::from)));
            view.explained += view.solved.last().map_or(0.0, |last| last * last);
        }
        let left = (1.0 - self.kernel.noise - view.explained).max(0.0);
        Belief { mean: dot(&self.half, &view.solved), deviation: self.deviation * left.sqrt() }
    }
}
