use crate::task::{Task, join};
use pleach_run::Event;
use pleach_space::Genotype;
use pleach_spec::Axis;
use std::collections::HashMap;

/// How good what a search has found is, as it goes on.
#[derive(Debug, Clone, PartialEq)]
pub struct Course {
    /// What it is before anything was found, and each change of it.
    pub points: Vec<Point>,
    /// Evaluations that ended.
    pub evaluations: u64,
    /// Microseconds of real time an evaluation.
    pub microseconds: f64,
}

/// From here on the search had found something this good.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    /// Evaluations that had ended, this one included.
    pub evaluations: u64,
    /// The virtual time, in seconds.
    pub seconds: f64,
    /// The regret of the candidate that the search had found, scaled; or the share of the true front's hypervolume.
    pub value: f64,
}

impl Course {
    /// The value after so many evaluations or simulated seconds.
    pub fn at(&self, axis: Axis, place: f64) -> f64 {
        let reached = |point: &&Point| match axis {
            Axis::Evaluations => point.evaluations as f64 <= place,
            Axis::Seconds => point.seconds <= place,
        };
        self.points.iter().take_while(reached).last().map_or(f64::NAN, |point| point.value)
    }

    /// Evaluations until a value was reached to within rounding; none where it never was.
    pub fn evaluations_to(&self, goal: f64) -> Option<u64> {
        self.points.iter().find(|point| (point.value - goal).abs() <= 1e-9).map(|point| point.evaluations)
    }
}

/// Follows a search by its events.
///
/// Of a search with one objective the candidate counts that was measured best at the highest fidelity so far, and of it the true value
/// at full fidelity, the mean over seeds. With several objectives all feasible candidates that were measured at that fidelity count.
pub(crate) struct Follower<'t> {
    task: &'t Task,
    asked: HashMap<u64, (Genotype, f64)>,
    fidelity: f64,
    best: f64,
    front: Vec<Vec<f64>>,
    points: Vec<Point>,
    evaluations: u64,
}

impl<'t> Follower<'t> {
    pub fn new(task: &'t Task) -> Self {
        let value = if task.is_several_objectives() { 0.0 } else { task.worst_regret() };
        let points = vec![Point { evaluations: 0, seconds: 0.0, value }];
        let (best, fidelity) = (f64::INFINITY, 0.0);
        Self { task, asked: HashMap::new(), fidelity, best, front: Vec::new(), points, evaluations: 0 }
    }

    pub fn on(&mut self, event: &Event<'_>) {
        match event {
            Event::TrialAsked { id, genotype, fidelity, .. } => {
                self.asked.insert(*id, (genotype.to_vec(), *fidelity));
            }
            Event::TrialDone { id, losses, feasible, end, .. } => {
                self.evaluations += 1;
                let Some((genotype, fidelity)) = self.asked.remove(id) else { return };
                if !feasible || losses.is_empty() || fidelity < self.fidelity {
                    return;
                }
                if fidelity > self.fidelity {
                    (self.fidelity, self.best) = (fidelity, f64::INFINITY);
                    self.front.clear();
                }
                if let Some(value) = self.value(&genotype, losses[0]) {
                    self.points.push(Point { evaluations: self.evaluations, seconds: *end, value });
                }
            }
            _ => {}
        }
    }

    /// The new value, where a candidate changes it.
    fn value(&mut self, genotype: &[f64], loss: f64) -> Option<f64> {
        if self.task.is_several_objectives() {
            let truth = self.task.table.truth(genotype)?;
            return join(&mut self.front, self.task.scaled(&truth)).then(|| self.task.volume_share(&self.front));
        }
        if loss >= self.best {
            return None;
        }
        self.best = loss;
        Some(self.task.regret(&self.task.table.truth(genotype)?))
    }

    pub fn end(self, real_seconds: f64) -> Course {
        let microseconds = real_seconds * 1e6 / (self.evaluations as f64).max(1.0);
        Course { points: self.points, evaluations: self.evaluations, microseconds }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_course_stays_until_it_changes() {
        let point = |evaluations, seconds, value| Point { evaluations, seconds, value };
        let points = vec![point(0, 0.0, 9.0), point(1, 10.0, 3.0), point(4, 25.0, 0.0)];
        let course = Course { points, evaluations: 6, microseconds: 1.0 };
        let at = |place| course.at(Axis::Evaluations, place);
        assert_eq!([at(0.0), at(1.0), at(3.0), at(4.0), at(100.0)], [9.0, 3.0, 3.0, 0.0, 0.0]);
        assert_eq!((course.at(Axis::Seconds, 24.0), course.at(Axis::Seconds, 25.0)), (3.0, 0.0));
        assert_eq!((course.evaluations_to(0.0), course.evaluations_to(1.0)), (Some(4), None));
    }
}
