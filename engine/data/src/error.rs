use std::io;
use std::path::{Path, PathBuf};
use thiserror::Error;

/// Why a data set cannot be used, and what to do about it.
#[derive(Debug, Error)]
pub enum DataError {
    /// A file or folder is not there.
    #[error("`{}` is missing: expected {expected}; {remedy}", .file.display())]
    Missing {
        /// The path that was looked at.
        file: PathBuf,
        /// What should be there.
        expected: String,
        /// What to do.
        remedy: String,
    },
    /// A file or folder is there but the system refuses to read or write it.
    #[error("`{}` cannot be used: {source}; check its permissions and the disk", .file.display())]
    Unreadable {
        /// The path.
        file: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A file's content is not what its kind demands: truncated, a wrong magic number, no image.
    #[error("`{}` is damaged or of another kind: expected {expected}, found {found}; {remedy}", .file.display())]
    Damaged {
        /// The file.
        file: PathBuf,
        /// What should be in it.
        expected: String,
        /// What is in it.
        found: String,
        /// What to do.
        remedy: String,
    },
    /// A cell of a CSV file cannot be read as what its column holds.
    #[error("`{}`, line {line}, column `{column}`: {problem}; {remedy}", .file.display())]
    Cell {
        /// The file.
        file: PathBuf,
        /// The line in the file (decompressed), from 1; the header is line 1.
        line: u64,
        /// The column's name.
        column: String,
        /// What is wrong with the cell.
        problem: String,
        /// What to do.
        remedy: String,
    },
    /// The files can be read but do not make a data set as described: no classes, a target column that is not there.
    #[error("`{}`: {problem}; {remedy}", .file.display())]
    Unsuitable {
        /// The file or folder.
        file: PathBuf,
        /// What is wrong.
        problem: String,
        /// What to do.
        remedy: String,
    },
    /// A published table does not lie in the cache.
    #[error("the published table `{name}` is not here; {remedy}")]
    TableNotFetched {
        /// Its name.
        name: String,
        /// What to do.
        remedy: String,
    },
    /// The shares of a split leave a part without examples.
    #[error(
        "the split leaves no example for training: {test} of {examples} examples for the test part and {validation} for \
         validation; lower `split.test` or `split.validation`, or bring more examples"
    )]
    EmptySplit {
        /// Examples in all.
        examples: usize,
        /// Those of the test part.
        test: usize,
        /// Those for validation.
        validation: usize,
    },
    /// A share of a split is not from 0 to 1.
    #[error("the share `split.{name}` is {share}; it must be a number from 0 up to, not including, 1")]
    Share {
        /// `validation` or `test`.
        name: &'static str,
        /// The share.
        share: f64,
    },
    /// The memory does not hold the data set.
    #[error(
        "the data set needs {bytes} bytes of memory, which the system does not give; use fewer or smaller examples"
    )]
    TooLarge {
        /// Bytes in all.
        bytes: u128,
    },
    /// A name that is no data set.
    #[error("there is no data set `{name}`; `pleach data list` shows those that there are")]
    Unknown {
        /// The name.
        name: String,
    },
    /// A data set could not be fetched.
    #[error("`{name}` could not be fetched: {problem}; {remedy}")]
    Fetch {
        /// The data set.
        name: String,
        /// What happened.
        problem: String,
        /// What to do.
        remedy: String,
    },
}

impl DataError {
    /// The file or folder that the error is about, where it is about one.
    pub fn file(&self) -> Option<&Path> {
        match self {
            DataError::Missing { file, .. }
            | DataError::Unreadable { file, .. }
            | DataError::Damaged { file, .. }
            | DataError::Cell { file, .. }
            | DataError::Unsuitable { file, .. } => Some(file),
            _ => None,
        }
    }

    pub(crate) fn missing(file: &Path, expected: impl Into<String>, remedy: impl Into<String>) -> Self {
        DataError::Missing { file: file.to_owned(), expected: expected.into(), remedy: remedy.into() }
    }

    pub(crate) fn unreadable(file: &Path, source: io::Error) -> Self {
        DataError::Unreadable { file: file.to_owned(), source }
    }

    pub(crate) fn damaged(
        file: &Path,
        expected: impl Into<String>,
        found: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        DataError::Damaged {
            file: file.to_owned(),
            expected: expected.into(),
            found: found.into(),
            remedy: remedy.into(),
        }
    }

    pub(crate) fn unsuitable(file: &Path, problem: impl Into<String>, remedy: impl Into<String>) -> Self {
        DataError::Unsuitable { file: file.to_owned(), problem: problem.into(), remedy: remedy.into() }
    }
}
