use crate::hypervolume::hypervolume;
use pleach_run::{RunError, TableTask};

/// A table with its best candidates known.
#[derive(Debug, Clone)]
pub struct Task {
    /// What it is called.
    pub name: String,
    /// The table.
    pub table: TableTask,
    /// What the regret is multiplied by.
    pub scale: f64,
    /// The smallest and the largest loss of any feasible candidate, by objective.
    bounds: Vec<(f64, f64)>,
    /// The hypervolume of all feasible candidates, each objective scaled to 0 (its best) to 1 (its worst); of several objectives.
    volume: f64,
}

impl Task {
    /// Looks at all candidates of a table.
    ///
    /// # Errors
    /// None of them is feasible.
    pub fn new(name: &str, table: TableTask, scale: f64) -> Result<Task, RunError> {
        let truths: Vec<Vec<f64>> =
            table.table().members().iter().filter_map(|genotype| table.truth(genotype)).collect();
        let objectives = truths.first().map(Vec::len).ok_or_else(|| RunError::Invalid {
            step: name.to_owned(),
            message: "no candidate of the table has all objectives and keeps to all requirements".to_owned(),
        })?;
        let bounds: Vec<(f64, f64)> = (0..objectives)
            .map(|place| {
                let values = truths.iter().map(|losses| losses[place]);
                values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), loss| (low.min(loss), high.max(loss)))
            })
            .collect();
        let mut task = Task { name: name.to_owned(), table, scale, bounds, volume: 1.0 };
        if objectives > 1 {
            task.volume = hypervolume(&front(truths.iter().map(|losses| task.scaled(losses))), &vec![1.0; objectives]);
        }
        Ok(task)
    }

    /// Whether progress is a share of the true front's hypervolume, higher being better; else it is a regret.
    pub fn is_several_objectives(&self) -> bool {
        self.bounds.len() > 1
    }

    /// How far a candidate is from the best, in the first objective, scaled: 0 is the best.
    pub fn regret(&self, losses: &[f64]) -> f64 {
        (losses[0] - self.bounds[0].0) * self.scale
    }

    /// The regret of the worst candidate: what is said before anything was found.
    pub fn worst_regret(&self) -> f64 {
        (self.bounds[0].1 - self.bounds[0].0) * self.scale
    }

    /// The share of the true front's hypervolume that candidates dominate, 0 to 1.
    pub fn volume_share(&self, front: &[Vec<f64>]) -> f64 {
        hypervolume(front, &vec![1.0; self.bounds.len()]) / self.volume
    }

    /// Losses with each objective scaled to 0 (its best) to 1 (its worst).
    pub fn scaled(&self, losses: &[f64]) -> Vec<f64> {
        let scale =
            |(loss, (low, high)): (&f64, &(f64, f64))| if high > low { (loss - low) / (high - low) } else { 0.0 };
        losses.iter().zip(&self.bounds).map(scale).collect()
    }
}

/// Those of many points that no other dominates, added one by one.
fn front(points: impl Iterator<Item = Vec<f64>>) -> Vec<Vec<f64>> {
    let mut front = Vec::new();
    for point in points {
        join(&mut front, point);
    }
    front
}

/// Adds a point to a front unless it is dominated or equal to one that is there; says whether it was added.
pub(crate) fn join(front: &mut Vec<Vec<f64>>, point: Vec<f64>) -> bool {
    let at_most = |one: &[f64], other: &[f64]| one.iter().zip(other).all(|(one, other)| one <= other);
    if front.iter().any(|known| at_most(known, &point)) {
        return false;
    }
    front.retain(|known| !at_most(&point, known));
    front.push(point);
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_front_holds_what_nothing_dominates() {
        let points = [[1.0, 3.0], [2.0, 2.0], [3.0, 3.0], [2.0, 2.0], [0.5, 3.0], [3.0, 1.0]];
        let mut front = front(points.iter().map(|point| point.to_vec()));
        front.sort_by(|one, other| one[0].total_cmp(&other[0]));
        assert_eq!(front, [[0.5, 3.0], [2.0, 2.0], [3.0, 1.0]]);
    }
}
