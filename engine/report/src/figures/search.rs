//! Searches: the best so far, over repeats, beside the baseline.

use super::{Goal, spread_over};
use crate::recorded::{Recorded, RecordedStep};
use pleach_run::{Comparison, Spread, Summary};
use pleach_store::Outcome;
use serde::Serialize;

/// At most this many places of a band.
const BAND: usize = 200;
/// At most this many points of a best-so-far curve.
const POINTS: usize = 500;

/// A step in which a strategy searches, with all its repeats and the baseline's.
#[derive(Debug, Clone, Serialize)]
pub struct Search {
    /// The step.
    pub step: String,
    /// `search` or `hpo`.
    pub kind: String,
    /// The first objective.
    pub goal: Goal,
    /// What `spent` counts: `trials`, or `full trainings` where trials have several fidelities.
    pub unit: String,
    /// The strategy's searches.
    pub strategy: SearchOf,
    /// The baseline's searches.
    pub baseline: Option<SearchOf>,
    /// What its searches found beside what the baseline's found, and what can be said of it; none before all are done.
    pub comparison: Option<Comparison>,
}

/// All searches of one strategy.
#[derive(Debug, Clone, Serialize)]
pub struct SearchOf {
    /// The strategy.
    pub name: String,
    /// One a repeat.
    pub runs: Vec<SearchRun>,
    /// The best of each at its end, over repeats.
    pub best: Option<Spread>,
    /// Mean and deviation of the best so far over repeats; of several only.
    pub band: Vec<BandPoint>,
}

/// One search.
#[derive(Debug, Clone, Serialize)]
pub struct SearchRun {
    /// The name of its record.
    pub record: String,
    /// The repetition, from 0.
    pub repeat: u32,
    /// Trials that ended.
    pub trials: u64,
    /// What was spent when the best so far changed, and the best then; the last point is the end. Only feasible trials at the
    /// highest fidelity count.
    pub best_so_far: Vec<(f64, f64)>,
}

impl Search {
    /// What can be said of the strategy from this, in words: of a single search nothing.
    pub fn verdict(&self) -> &str {
        self.comparison.as_ref().map_or("not all of its searches are done", |comparison| &comparison.verdict)
    }
}

impl SearchRun {
    fn best(&self) -> Option<f64> {
        self.best_so_far.last().map(|(_, best)| *best)
    }

    /// The best when so much was spent.
    fn at(&self, spent: f64) -> Option<f64> {
        self.best_so_far.iter().take_while(|(when, _)| *when <= spent).last().map(|(_, best)| *best)
    }
}

/// A place of a band.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct BandPoint {
    /// What was spent.
    pub spent: f64,
    /// The mean over repeats.
    pub mean: f64,
    /// The standard deviation of the sample.
    pub deviation: f64,
}

pub(super) fn searches(recorded: &Recorded, summary: &Summary) -> Vec<Search> {
    let Some(goal) = recorded.objective().map(Goal::of) else { return Vec::new() };
    let found = recorded.main_steps().filter(|step| step.record.strategy.is_some());
    found.map(|step| search(recorded, summary, step, goal.clone())).collect()
}

fn search(recorded: &Recorded, summary: &Summary, main: &RecordedStep, goal: Goal) -> Search {
    let of = |baseline: bool| -> Vec<&RecordedStep> {
        let same = |step: &&RecordedStep| step.role.step == main.role.step && step.role.baseline == baseline;
        recorded.steps.iter().filter(same).collect()
    };
    let (own, beside) = (of(false), of(true));
    let fidelities = own.iter().chain(&beside).flat_map(|step| &step.trials).map(|trial| trial.request.fidelity);
    let highest = fidelities.clone().fold(0.0, f64::max);
    let several = fidelities.clone().any(|fidelity| fidelity != highest);
    let strategy = group(recorded, &own, &goal, highest, several);
    let baseline = (!beside.is_empty()).then(|| group(recorded, &beside, &goal, highest, several));
    let comparison = summary.steps.get(&main.role.step).and_then(|step| step.comparison.clone());
    Search {
        step: main.role.step.clone(),
        kind: main.record.kind.clone(),
        goal,
        unit: if several { "full trainings" } else { "trials" }.to_owned(),
        strategy,
        baseline,
        comparison,
    }
}

fn group(recorded: &Recorded, steps: &[&RecordedStep], goal: &Goal, highest: f64, several: bool) -> SearchOf {
    let name = steps.iter().find_map(|step| step.record.strategy.clone()).unwrap_or_default();
    let runs: Vec<SearchRun> = steps.iter().map(|step| run(recorded, step, goal, highest, several)).collect();
    let bests: Vec<f64> = runs.iter().filter_map(SearchRun::best).collect();
    let band = if runs.len() > 1 { band(&runs) } else { Vec::new() };
    SearchOf { name, band, best: (!bests.is_empty()).then(|| Spread::of(bests)), runs }
}

/// The best so far in the order of the virtual clock.
fn run(recorded: &Recorded, step: &RecordedStep, goal: &Goal, highest: f64, several: bool) -> SearchRun {
    let mut ended: Vec<_> = step.trials.iter().filter(|trial| trial.outcome != Outcome::Running).collect();
    ended.sort_by(|a, b| a.end.total_cmp(&b.end).then(a.id.cmp(&b.id)));
    let (mut spent, mut points): (f64, Vec<(f64, f64)>) = (0.0, Vec::new());
    for trial in &ended {
        spent += if several { trial.request.fidelity } else { 1.0 };
        let Some(metrics) = trial.metrics() else { continue };
        let Some(value) = metrics.get(&goal.metric).copied().filter(|value| value.is_finite()) else { continue };
        let better = points.last().is_none_or(|(_, best)| if goal.maximize { value > *best } else { value < *best });
        if trial.request.fidelity == highest && better && recorded.feasible(metrics) {
            points.push((spent, value));
        }
    }
    if let Some((when, best)) = points.last().copied()
        && when < spent
    {
        points.push((spent, best));
    }
    let kept = spread_over(points.len(), POINTS).into_iter().map(|place| points[place]).collect();
    SearchRun {
        record: step.record.name.clone(),
        repeat: step.role.repeat,
        trials: ended.len() as u64,
        best_so_far: kept,
    }
}

/// Mean and deviation where every search has a best.
fn band(runs: &[SearchRun]) -> Vec<BandPoint> {
    let starts = runs.iter().filter_map(|run| run.best_so_far.first()).map(|(spent, _)| *spent);
    let ends = runs.iter().filter_map(|run| run.best_so_far.last()).map(|(spent, _)| *spent);
    let (from, to) = (starts.fold(0.0, f64::max), ends.fold(f64::INFINITY, f64::min));
    let mut places: Vec<f64> = runs
        .iter()
        .flat_map(|run| &run.best_so_far)
        .map(|(spent, _)| *spent)
        .filter(|s| (from..=to).contains(s))
        .collect();
    places.sort_by(f64::total_cmp);
    places.dedup();
    let kept = spread_over(places.len(), BAND).into_iter().map(|place| places[place]);
    kept.filter_map(|spent| {
        let values: Vec<f64> = runs.iter().filter_map(|run| run.at(spent)).collect();
        let whole = values.len() == runs.len();
        let spread = Spread::of(values);
        whole.then_some(BandPoint { spent, mean: spread.mean, deviation: spread.deviation })
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn search_of(name: &str, bests: &[f64]) -> SearchOf {
        let runs: Vec<SearchRun> = bests
            .iter()
            .zip(0..)
            .map(|(best, repeat)| SearchRun {
                record: String::new(),
                repeat,
                trials: 10,
                best_so_far: vec![(1.0, best - 0.1), (4.0 + f64::from(repeat), *best), (10.0, *best)],
            })
            .collect();
        SearchOf { name: name.into(), band: band(&runs), best: Some(Spread::of(bests.to_vec())), runs }
    }

    #[test]
    fn a_band_is_the_mean_of_what_was_best_at_each_place() {
        let band = search_of("evolution", &[0.8, 0.9]).band;
        let found: Vec<(f64, f64)> = band.iter().map(|point| (point.spent, point.mean)).collect();
        let expected = [(1.0, 0.75), (4.0, 0.8), (5.0, 0.85), (10.0, 0.85)];
        for ((spent, mean), (expected_spent, expected_mean)) in found.iter().zip(expected) {
            assert!(*spent == expected_spent && (mean - expected_mean).abs() < 1e-12, "{found:?}");
        }
        assert_eq!(found.len(), 4);
    }
}
