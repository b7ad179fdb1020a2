//! Checkpoints within a training, for the case that it is killed.

use super::checkpoint::{Checkpoint, TrainingFingerprint};
use crate::Failure;
use pleach_evaluate::protocol::Progress;
use std::path::Path;
use std::time::{Duration, Instant};

/// Keeps how far a training has come.
#[derive(Debug)]
pub(super) struct Keeper<'j> {
    file: &'j Path,
    every: Duration,
    /// When the training began, or the file was written last.
    since: Instant,
}

impl<'j> Keeper<'j> {
    pub(super) fn new(progress: &'j Progress) -> Keeper<'j> {
        let every = Duration::try_from_secs_f64(progress.seconds).unwrap_or(Duration::MAX);
        Keeper { file: &progress.file, every, since: Instant::now() }
    }

    /// What an earlier attempt at this very training left, at most so many epochs. A file that is missing, damaged or of
    /// another training only means that there is nothing to go on from.
    pub(super) fn read(&self, training: &TrainingFingerprint, epochs: u32) -> Option<Checkpoint> {
        let checkpoint = Checkpoint::read(self.file, training).ok()?;
        let plausible = checkpoint.epochs() <= epochs && checkpoint.told().len() as u32 <= checkpoint.epochs();
        plausible.then_some(checkpoint)
    }

    /// Writes the file where it is time. That it cannot be written (a full disk) is no reason to lose the training: it would
    /// only have to be done again after a kill.
    pub(super) fn epoch_ended(&mut self, write: impl FnOnce(&Path) -> Result<(), Failure>) {
        if self.since.elapsed() < self.every {
            return;
        }
        let _ = write(self.file);
        self.since = Instant::now();
    }
}
