use crate::course::{Course, Follower};
use crate::task::Task;
use pleach_plugin::Plugin;
use pleach_run::{RunError, TableSearch};
use pleach_spec::{Budget, Predictor};
use rayon::prelude::*;
use serde_json::Value;
use std::sync::atomic::{AtomicBool, Ordering};

/// A strategy with its options.
#[derive(Debug, Clone)]
pub struct Entrant {
    /// What it is called.
    pub name: String,
    /// The strategy.
    pub plugin: Plugin,
    /// Its options as JSON, defaults filled in.
    pub options: Value,
    /// What estimates candidates for it.
    pub predictor: Option<Predictor>,
}

/// How searches are run.
#[derive(Debug, Clone)]
pub struct Contest {
    /// How many seeds.
    pub seeds: u32,
    /// The first one.
    pub first_seed: u32,
    /// What a search may spend.
    pub budget: Budget,
    /// Simulated workers, at least 1.
    pub concurrency: u32,
}

/// All searches of one strategy on one task, by seed, in parallel. The courses do not depend on how many run at once, but for their
/// real time, which `now` tells in seconds. `stop` ends it early; `done` is told of each search.
///
/// # Errors
/// The strategy fails, or it was stopped.
pub fn courses(
    task: &Task,
    entrant: &Entrant,
    contest: &Contest,
    now: &(dyn Fn() -> f64 + Sync),
    stop: &AtomicBool,
    done: &(dyn Fn() + Sync),
) -> Result<Vec<Course>, RunError> {
    let one = |seed: u32| {
        if stop.load(Ordering::Relaxed) {
            return Err(RunError::Interrupted);
        }
        let mut follower = Follower::new(task);
        let begun = now();
        let search = TableSearch {
            plugin: &entrant.plugin,
            options: &entrant.options,
            seed: u64::from(seed),
            budget: &contest.budget,
            concurrency: contest.concurrency,
            predictor: entrant.predictor.as_ref(),
        };
        task.table.search(search, &mut |event| follower.on(event))?;
        let course = follower.end(now() - begun);
        done();
        Ok(course)
    };
    let seeds: Vec<u32> = (0..contest.seeds).map(|place| contest.first_seed.wrapping_add(place)).collect();
    seeds.into_par_iter().map(one).collect()
}
