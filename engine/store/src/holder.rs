//! At most one process records into a run.

use crate::error::{Error, Result};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::time::Duration;

/// Who records into a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// The number of the process.
    pub process: u32,
    /// Since when, in words.
    pub since: String,
    /// On which machine; empty where it is not known.
    pub host: String,
}

impl fmt::Display for Holder {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "process {}", self.process)?;
        if !self.host.is_empty() {
            write!(formatter, " on {}", self.host)?;
        }
        if !self.since.is_empty() {
            write!(formatter, " since {}", self.since)?;
        }
        Ok(())
    }
}

/// The file that is locked.
pub(crate) const FILE: &str = "lock.pid";

/// A lock of the operating system on `lock.pid`: it ends with the process, however that ends, so it never needs clearing away.
#[derive(Debug)]
pub(crate) struct ProcessLock {
    file: File,
}

impl ProcessLock {
    /// Takes the lock of a run folder and says in the file who has it.
    pub fn take(folder: &Path, holder: &Holder) -> Result<Self> {
        let path = folder.join(FILE);
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(|source| Error::write(&path, source))?;
        let mut taken = file.try_lock();
        // Somebody who only looks whether there is a holder has the lock for a moment.
        for _ in 0..10 {
            if !matches!(taken, Err(TryLockError::WouldBlock)) {
                break;
            }
            std::thread::sleep(Duration::from_millis(5));
            taken = file.try_lock();
        }
        match taken {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(Error::InUse { path: folder.to_owned(), holder: read_holder(&mut file) });
            }
            Err(TryLockError::Error(source)) => return Err(Error::file(path, source)),
        }
        let mut lock = Self { file };
        let text = serde_json::to_string(holder).expect("a holder has nothing that JSON cannot say");
        lock.rewrite(&text).map_err(|source| Error::write(&path, source))?;
        Ok(lock)
    }

    fn rewrite(&mut self, text: &str) -> std::io::Result<()> {
        self.file.set_len(0)?;
        self.file.seek(SeekFrom::Start(0))?;
        self.file.write_all(text.as_bytes())
    }
}

impl Drop for ProcessLock {
    fn drop(&mut self) {
        // What stands in the file only informs; the lock itself goes with the file handle.
        let _ = self.rewrite("");
    }
}

fn read_holder(file: &mut File) -> Option<Holder> {
    let mut text = String::new();
    file.take(4096).read_to_string(&mut text).ok()?;
    serde_json::from_str(&text).ok()
}

/// Who records into a run folder now, as far as can be told; none where nobody does.
pub(crate) fn current_holder(folder: &Path) -> Option<Holder> {
    let path = folder.join(FILE);
    if !path.is_file() {
        return None;
    }
    let mut file = File::open(path).ok()?;
    match file.try_lock_shared() {
        Err(TryLockError::WouldBlock) => {
            Some(read_holder(&mut file).unwrap_or(Holder { process: 0, since: String::new(), host: String::new() }))
        }
        Ok(()) | Err(TryLockError::Error(_)) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_one_is_told_who_was_first() {
        let folder = tempfile::tempdir().unwrap();
        let first = Holder { process: 4711, since: "12:30".into(), host: "here".into() };
        let second = Holder { process: 4712, since: "12:31".into(), host: String::new() };
        assert_eq!(current_holder(folder.path()), None);
        let lock = ProcessLock::take(folder.path(), &first).unwrap();
        assert_eq!(current_holder(folder.path()), Some(first.clone()));
        let error = ProcessLock::take(folder.path(), &second).unwrap_err();
        assert!(matches!(&error, Error::InUse { holder: Some(holder), .. } if *holder == first));
        assert!(error.to_string().contains("in use by process 4711 on here since 12:30"), "{error}");
        drop(lock);
        assert_eq!(current_holder(folder.path()), None);
        ProcessLock::take(folder.path(), &second).unwrap();
    }
}
