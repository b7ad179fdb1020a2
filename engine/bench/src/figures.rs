use crate::course::Course;
use crate::task::Task;
use pleach_run::Spread;
use pleach_spec::Axis;
use serde::{Deserialize, Serialize};

/// What the searches of one strategy on one task came to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Figures {
    /// The task.
    pub task: String,
    /// The strategy, as the benchmark calls it.
    pub strategy: String,
    /// How many searches there were.
    pub seeds: u32,
    /// At each point that is looked at.
    pub looks: Vec<Look>,
    /// The share of searches that found the very best candidate, or the whole front; 0 to 1.
    pub found: f64,
    /// The median number of evaluations until then; none where fewer than half of the searches did.
    pub median_evaluations: Option<f64>,
    /// The number of evaluations within which 95 % of the searches found it; none where fewer did.
    pub evaluations_95: Option<f64>,
    /// Microseconds of real time an evaluation, the median over searches.
    pub microseconds: f64,
}

/// The searches at one point.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Look {
    /// Evaluations, or simulated seconds.
    pub at: f64,
    /// The mean of the searches' regrets, or of their shares of the true front's hypervolume.
    pub mean: f64,
    /// Half of the 95 % confidence interval of the mean.
    pub margin: f64,
    /// Their median.
    pub median: f64,
    /// Less the reference's, seed by seed.
    pub difference: Option<Difference>,
}

/// A paired difference.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Difference {
    /// The mean.
    pub mean: f64,
    /// Half of its 95 % confidence interval.
    pub margin: f64,
}

impl Figures {
    /// Of at least one search; `reference` has the same seeds.
    pub fn of(
        task: &Task,
        strategy: &str,
        courses: &[Course],
        reference: Option<&[Course]>,
        axis: Axis,
        at: &[f64],
    ) -> Figures {
        let look = |&at: &f64| {
            let values: Vec<f64> = courses.iter().map(|course| course.at(axis, at)).collect();
            let median = quantile(values.clone(), 0.5);
            let difference = reference.map(|reference| {
                let pairs = values.iter().zip(reference).map(|(value, other)| value - other.at(axis, at));
                let spread = Spread::of(pairs.collect());
                Difference { mean: spread.mean, margin: spread.margin() }
            });
            let spread = Spread::of(values);
            Look { at, mean: spread.mean, margin: spread.margin(), median, difference }
        };
        let goal = if task.is_several_objectives() { 1.0 } else { 0.0 };
        let to: Vec<f64> = courses
            .iter()
            .map(|course| course.evaluations_to(goal).map_or(f64::INFINITY, |evaluations| evaluations as f64))
            .collect();
        let found = to.iter().filter(|evaluations| evaluations.is_finite()).count() as f64 / to.len() as f64;
        let finite = |value: f64| Some(value).filter(|value| value.is_finite());
        Figures {
            task: task.name.clone(),
            strategy: strategy.to_owned(),
            seeds: courses.len() as u32,
            looks: at.iter().map(look).collect(),
            found,
            median_evaluations: finite(quantile(to.clone(), 0.5)),
            evaluations_95: finite(quantile(to, 0.95)),
            microseconds: quantile(courses.iter().map(|course| course.microseconds).collect(), 0.5),
        }
    }
}

/// The smallest value that at least this share of all values does not exceed; of a median of an even number, the mean of the two in
/// the middle.
fn quantile(mut values: Vec<f64>, share: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    let rank = share * values.len() as f64;
    let place = (rank.ceil() as usize).clamp(1, values.len()) - 1;
    match values.get(place + 1) {
        Some(next) if share == 0.5 && rank.fract() == 0.0 => (values[place] + next) / 2.0,
        _ => values[place],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_ranks() {
        let values: Vec<f64> = (1..=100).map(f64::from).collect();
        assert_eq!(quantile(values.clone(), 0.95), 95.0);
        assert_eq!(quantile(values, 0.5), 50.5);
        assert_eq!(quantile(vec![3.0, 1.0, 2.0], 0.5), 2.0);
        assert_eq!(quantile(vec![1.0, f64::INFINITY], 0.5), f64::INFINITY);
    }
}
