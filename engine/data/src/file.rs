use crate::DataError;
use crate::bounded::open_file;
use flate2::read::MultiGzDecoder;
use std::fs;
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};

const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];

/// The first bytes of a file's content, decompressed if it is gzip (by its first bytes; none of the formats read here begins so);
/// fewer where the content ends before.
pub(crate) fn read_start(file: &Path, count: u64, expected: &str, remedy: &str) -> Result<Vec<u8>, DataError> {
    let mut start = Vec::new();
    open(file, expected, remedy)?
        .take(count)
        .read_to_end(&mut start)
        .map_err(|error| gzip_error(file, &error, expected, remedy))?;
    Ok(start)
}

/// A file's content as a stream, decompressed if it is gzip.
pub(crate) fn open(file: &Path, expected: &str, remedy: &str) -> Result<Box<dyn Read>, DataError> {
    let opened = open_file(file).map_err(|error| open_error(file, error, expected, remedy))?;
    let mut opened = BufReader::with_capacity(1 << 16, opened);
    let start = io::BufRead::fill_buf(&mut opened).map_err(|error| DataError::unreadable(file, error))?;
    if start.starts_with(&GZIP_MAGIC) {
        Ok(Box::new(BufReader::with_capacity(1 << 16, MultiGzDecoder::new(opened))))
    } else {
        Ok(Box::new(opened))
    }
}

/// The first of the candidates that is a file.
pub(crate) fn first_present(folder: &Path, names: &[&str]) -> Option<PathBuf> {
    names.iter().flat_map(|name| [folder.join(name), folder.join(format!("{name}.gz"))]).find(|path| path.is_file())
}

/// Fails unless the path is a folder.
pub(crate) fn require_folder(folder: &Path, expected: &str) -> Result<(), DataError> {
    match fs::metadata(folder) {
        Ok(metadata) if metadata.is_dir() => Ok(()),
        Ok(_) => {
            Err(DataError::unsuitable(folder, format!("is a file, expected {expected}"), "name its folder instead"))
        }
        Err(error) => Err(open_error(
            folder,
            error,
            expected,
            "check the path in `data.dataset`, which is relative to the experiment's file",
        )),
    }
}

pub(crate) fn open_error(file: &Path, error: io::Error, expected: &str, remedy: &str) -> DataError {
    match error.kind() {
        io::ErrorKind::NotFound => DataError::missing(file, expected, remedy),
        io::ErrorKind::InvalidInput => {
            DataError::unsuitable(file, format!("{error}, expected {expected}"), "name a file on a disk")
        }
        _ => DataError::unreadable(file, error),
    }
}

fn gzip_error(file: &Path, error: &io::Error, expected: &str, remedy: &str) -> DataError {
    DataError::damaged(file, expected, format!("gzip data that cannot be decompressed ({error})"), remedy)
}
