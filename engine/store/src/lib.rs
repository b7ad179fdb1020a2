//! Runs on disk: one folder a run, a record that any SQLite client can read, and a cache of results beside the runs.
//!
//! The store knows nothing of spaces, plugins or training: a genotype is a list of numbers, metrics are numbers by name,
//! documents are JSON. What is recorded is the truth: a run is resumed by reading its trials back and replaying them.
//!
//! - [`RunFolder`] is the folder: its files, its name, and how runs are listed and found.
//! - [`RunWriter`] records; [`RunReader`] reads, also while another process records.
//! - [`Cache`] keeps the results of trainings by trial key, for all runs.
//! - [`digest`](digest()) condenses a run to what must be the same wherever it is repeated.
//! - [`key`](key()) names what a step or a trial depends on; [`differences`] says what changed between two.
//! - [`TrialTable`] writes `trials.csv` and `front.csv`.

mod cache;
mod database;
mod digest;
mod error;
mod folder;
mod holder;
mod key;
mod lock_file;
mod numbers;
mod reader;
mod record;
mod table;
mod writer;

pub use cache::{Cache, CacheEntry, CacheListing, CacheSize, Clear, Cleared, Put};
pub use digest::{RunDigest, digest, file_digest};
pub use error::{Error, Result};
pub use folder::RunFolder;
pub use holder::Holder;
pub use key::{Difference, canonical, differences, key};
pub use lock_file::{DigestHolds, LockFile};
pub use reader::RunReader;
pub use record::{
    ArtifactRecord, EventRecord, Failure, Metrics, Outcome, Request, RunState, StepRecord, StepState, TrialRecord,
};
pub use table::TrialTable;
pub use writer::RunWriter;
