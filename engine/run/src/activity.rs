//! What the workers do now, for who watches: told as an event, and noted in the record about once a second.

use serde::{Deserialize, Serialize};

/// The note of the record that holds the latest [`Activity`] as JSON.
pub const ACTIVITY: &str = "activity";

/// What is told and noted at most so often, in seconds.
pub(crate) const EVERY: f64 = 1.0;

/// What a worker does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Working {
    /// The worker, from 0.
    pub worker: usize,
    /// The trial that it works on; none while it has nothing to do.
    pub trial: Option<u64>,
    /// The epochs that have ended.
    pub epoch: u32,
    /// The epochs that there will be; none where there are no epochs.
    pub epochs: Option<u32>,
}

/// What a run does now.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Activity {
    /// The step that runs.
    pub step: String,
    /// Real seconds since it began, in this sitting.
    pub seconds: f64,
    /// A line a worker.
    pub workers: Vec<Working>,
}
