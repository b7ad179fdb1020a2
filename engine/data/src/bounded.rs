//! Reading no more than somebody meant: regular files, rows of a bounded length.

use std::cell::Cell;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;
use std::rc::Rc;

/// A row takes at most so many bytes: a quote that is never closed makes the rest of a file one cell.
const MOST_BYTES: u64 = 16 << 20;

/// Opens a regular file. Pipes and devices may have no end, and opening a pipe waits for somebody to write.
///
/// # Errors
/// If it cannot be opened; `InvalidInput` where it is no regular file.
pub fn open_file(path: &Path) -> io::Result<File> {
    let metadata = fs::metadata(path)?;
    if metadata.is_file() {
        return File::open(path);
    }
    let kind = if metadata.is_dir() { "is a folder" } else { "is no regular file" };
    Err(io::Error::new(io::ErrorKind::InvalidInput, kind))
}

/// A stream of rows, which fails where one takes more than 16 MiB.
#[derive(Debug)]
pub(crate) struct Rows<R> {
    input: R,
    since: RowEnd,
}

/// Tells a [`Rows`] that a row has ended.
#[derive(Debug, Clone, Default)]
pub(crate) struct RowEnd(Rc<Cell<u64>>);

impl RowEnd {
    /// A row has ended.
    pub fn reached(&self) {
        self.0.set(0);
    }
}

impl<R: Read> Rows<R> {
    /// The rows of a stream, and what is to be told after each of them.
    pub fn new(input: R) -> (Self, RowEnd) {
        let since = RowEnd::default();
        (Rows { input, since: since.clone() }, since)
    }
}

impl<R: Read> Read for Rows<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.input.read(buffer)?;
        let since = self.since.0.get() + count as u64;
        self.since.0.set(since);
        if since > MOST_BYTES {
            let problem = format!("a row of more than {} MiB: perhaps a quote that is never closed", MOST_BYTES >> 20);
            return Err(io::Error::other(problem));
        }
        Ok(count)
    }
}
