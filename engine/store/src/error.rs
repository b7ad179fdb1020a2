//! What can go wrong with what is on disk.

use crate::holder::Holder;
use std::io;
use std::path::{Path, PathBuf};

/// A result of the store.
pub type Result<T> = std::result::Result<T, Error>;

/// Why a run folder or a cache cannot be used. In each case what was recorded before stays as it was.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The file system refused.
    #[error("cannot use `{path}`: {source}")]
    File {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// There is no space left.
    #[error("no space left to write `{path}`: free some and run again; all that was recorded before is kept")]
    DiskFull {
        /// The file.
        path: PathBuf,
    },
    /// The disk did not do what it was told.
    #[error("`{path}` cannot be used ({detail}): see to the disk and run again; all that was recorded before is kept")]
    Disk {
        /// The file.
        path: PathBuf,
        /// What SQLite said.
        detail: String,
    },
    /// Writing is not allowed.
    #[error("`{path}` cannot be written: make it and its folder writable, or choose another folder for runs")]
    ReadOnly {
        /// The file or folder.
        path: PathBuf,
    },
    /// Not a run.
    #[error("`{path}` is no run folder: {why}")]
    NotARun {
        /// The folder.
        path: PathBuf,
        /// What is missing or wrong.
        why: String,
    },
    /// A database that is not ours.
    #[error("`{path}` is a database of another program: move it away")]
    Foreign {
        /// The database.
        path: PathBuf,
    },
    /// Written by a later version.
    #[error(
        "`{path}` has format {found}, this version reads up to {known}: use the version of pleach that wrote it, or a later one"
    )]
    NewerFormat {
        /// The database.
        path: PathBuf,
        /// Its format.
        found: i64,
        /// The newest format that is known here.
        known: i64,
    },
    /// Its content is broken.
    #[error(
        "`{path}` is damaged ({detail}): keep a copy; `sqlite3 {path} .recover` may save what is readable; results of \
         trainings are also in the cache, so a new run finds them"
    )]
    Damaged {
        /// The database.
        path: PathBuf,
        /// What SQLite said.
        detail: String,
    },
    /// Something in it cannot be understood.
    #[error("`{path}` holds {what} that cannot be read: {detail}")]
    Unreadable {
        /// The database.
        path: PathBuf,
        /// Which entry.
        what: String,
        /// Why.
        detail: String,
    },
    /// Another process records into this run.
    #[error("`{path}` is in use by {}: wait for it or stop it", .holder.as_ref().map_or("another process".to_owned(), Holder::to_string))]
    InUse {
        /// The run folder.
        path: PathBuf,
        /// Who, where it can be told.
        holder: Option<Holder>,
    },
    /// Another process holds the database.
    #[error("`{path}` is locked by another program: close it, or wait until it is done")]
    Locked {
        /// The database.
        path: PathBuf,
    },
    /// An earlier write failed, so that later ones would leave a gap.
    #[error("`{path}` takes no more records since an earlier write failed: open the run again")]
    Stopped {
        /// The database.
        path: PathBuf,
    },
    /// Not a name for a folder.
    #[error("`{name}` is no name for a run: 1 to 64 letters, digits, `.`, `_` and `-`, the first a letter or a digit")]
    Name {
        /// The name.
        name: String,
    },
    /// No such run.
    #[error("no run `{what}` in `{root}`{}", known_runs(.known))]
    NoSuchRun {
        /// What was looked for.
        what: String,
        /// Where.
        root: PathBuf,
        /// The runs that are there.
        known: Vec<String>,
    },
    /// Not a key.
    #[error("`{key}` is no trial key: 64 hexadecimal digits")]
    Key {
        /// What was given.
        key: String,
    },
    /// Any other answer of SQLite.
    #[error("`{path}`: {source}")]
    Database {
        /// The database.
        path: PathBuf,
        /// What SQLite said.
        source: rusqlite::Error,
    },
}

fn known_runs(known: &[String]) -> String {
    match known {
        [] => "; there are none yet".to_owned(),
        known => {
            let shown: Vec<String> = known.iter().rev().take(5).map(|run| format!("`{run}`")).collect();
            let more = if known.len() > shown.len() {
                format!(" and {} more", known.len() - shown.len())
            } else {
                String::new()
            };
            format!("; there are {}{more}", shown.join(", "))
        }
    }
}

impl Error {
    pub(crate) fn file(path: impl Into<PathBuf>, source: io::Error) -> Self {
        let path = path.into();
        match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::DiskFull { path },
            io::ErrorKind::ReadOnlyFilesystem => Self::ReadOnly { path },
            _ => Self::File { path, source },
        }
    }

    /// As [`Error::file`], where writing was tried: what is not permitted is said to be so.
    pub(crate) fn write(path: impl Into<PathBuf>, source: io::Error) -> Self {
        match source.kind() {
            io::ErrorKind::PermissionDenied => Self::ReadOnly { path: path.into() },
            _ => Self::file(path, source),
        }
    }

    /// What SQLite's error means for the one who has to act on it.
    pub(crate) fn database(path: &Path, source: rusqlite::Error) -> Self {
        use rusqlite::ErrorCode;
        let path = path.to_owned();
        match source.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => Self::DiskFull { path },
            Some(ErrorCode::SystemIoFailure) => Self::Disk { path, detail: source.to_string() },
            Some(ErrorCode::ReadOnly) => Self::ReadOnly { path },
            Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) => {
                Self::Damaged { path, detail: source.to_string() }
            }
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::Locked { path },
            _ => Self::Database { path, source },
        }
    }
}
