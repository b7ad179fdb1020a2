use std::path::PathBuf;
use thiserror::Error;

/// Why trials cannot be read or written.
#[derive(Debug, Error)]
pub enum TrialsError {
    /// The record cannot be read.
    #[error(transparent)]
    Store(#[from] pleach_store::Error),
    /// What the steps decided cannot be told from the record.
    #[error(transparent)]
    Run(Box<pleach_run::RunError>),
    /// What the run was made from is not understood.
    #[error(
        "the experiment in the record of this run cannot be read: {detail}; it may be of another version of pleach"
    )]
    Experiment {
        /// What is wrong with it.
        detail: String,
    },
    /// A file cannot be written.
    #[error("cannot write `{}`: {source}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// The database for Optuna cannot be written.
    #[error("cannot write the database `{}`: {source}", path.display())]
    Database {
        /// The file.
        path: PathBuf,
        /// What SQLite says.
        source: rusqlite::Error,
    },
    /// The Parquet file cannot be written.
    #[error("cannot write `{}`: {source}", path.display())]
    Parquet {
        /// The file.
        path: PathBuf,
        /// What the library says.
        source: ::parquet::errors::ParquetError,
    },
}

impl From<pleach_run::RunError> for TrialsError {
    fn from(error: pleach_run::RunError) -> Self {
        TrialsError::Run(Box::new(error))
    }
}
