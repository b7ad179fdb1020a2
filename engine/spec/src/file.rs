//! Files with text: what a [`Reader`](crate::Reader) of files on a disk reads, within limits.

use std::fs::{self, File};
use std::io::{self, Read};

/// The largest file that is read as an experiment or a space, in bytes.
const MOST_BYTES: u64 = 4 << 20;

/// Reads a regular file of at most 4 MiB. Pipes and devices are refused before they are opened: they may have no end, and opening a
/// pipe waits for somebody to write.
///
/// # Errors
/// If the file cannot be read, is no regular file, or is larger.
pub fn read_file(path: &str) -> io::Result<Vec<u8>> {
    let metadata = fs::metadata(path)?;
    if metadata.is_dir() {
        return Err(io::Error::new(io::ErrorKind::IsADirectory, "it is a folder"));
    }
    if !metadata.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is no regular file"));
    }
    let mut bytes = Vec::new();
    File::open(path)?.take(MOST_BYTES + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MOST_BYTES {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, format!("it has more than {} MiB", MOST_BYTES >> 20)));
    }
    Ok(bytes)
}
