//! The folder of a run: what lies in it, what it is called, how it is found.

use crate::database::{self, Format};
use crate::error::{Error, Result};
use crate::holder::{self, Holder, ProcessLock};
use crate::lock_file::LockFile;
use crate::reader::RunReader;
use crate::record::RunState;
use crate::writer::RunWriter;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

const EXPERIMENT: &str = "experiment.yaml";
const LOCK: &str = "lock.yaml";
const DATABASE: &str = "run.sqlite";
const ARTIFACTS: &str = "artifacts";
const PLUGINS: &str = "plugins";

/// `PLRN` in the header of `run.sqlite`.
pub(crate) const FORMAT: Format =
    Format { application_id: 0x504c_524e, version: 1, schema: include_str!("schema.sql") };

/// One run on disk: `experiment.yaml` as given, `lock.yaml`, `run.sqlite`, `artifacts/`, `plugins/`.
///
/// Runs of one experiment are numbered from 1: `quickstart-1`, `quickstart-2`; a number is never given twice while a later
/// run is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunFolder {
    path: PathBuf,
    name: String,
    number: u32,
}

impl RunFolder {
    /// Makes the folder of a new run below `root`, which is made if need be. Never touches what is there.
    ///
    /// The folder appears whole or not at all, also if the process is killed.
    ///
    /// # Errors
    /// A name that cannot be a folder's, or a root that cannot be written.
    pub fn create(root: &Path, name: &str, experiment: &str, lock: &LockFile) -> Result<Self> {
        Self::create_with(root, name, experiment, lock, &|_| Ok(()))
    }

    /// The same with what `begin` puts into the folder before it appears.
    ///
    /// # Errors
    /// As [`RunFolder::create`], and what `begin` says; then there is no folder.
    pub fn create_with(
        root: &Path,
        name: &str,
        experiment: &str,
        lock: &LockFile,
        begin: &dyn Fn(&RunFolder) -> Result<()>,
    ) -> Result<Self> {
        check_name(name)?;
        fs::create_dir_all(root).map_err(|source| Error::write(root, source))?;
        let last = last_number(root, name)?;
        for number in last + 1.. {
            let path = root.join(format!("{name}-{number}"));
            let staging = root.join(format!(".creating-{name}-{number}"));
            match fs::create_dir(&staging) {
                Ok(()) => {}
                // Another process is making this very run, or was killed while it did: take the next number.
                Err(source) if source.kind() == io::ErrorKind::AlreadyExists => continue,
                Err(source) => return Err(Error::write(staging, source)),
            }
            let staged = Self { path: staging.clone(), name: name.to_owned(), number };
            let filled = fill(&staging, name, experiment, lock).and_then(|()| begin(&staged));
            let made = filled.and_then(|()| publish(&staging, &path));
            if !matches!(made, Ok(true)) {
                // Nothing but what was just made lies there; an error of clearing it away would hide the one that matters.
                let _ = fs::remove_dir_all(&staging);
            }
            if made? {
                return Ok(Self { path, name: name.to_owned(), number });
            }
        }
        unreachable!("there are fewer folders than numbers")
    }

    /// The run in a folder.
    ///
    /// # Errors
    /// A folder without `run.sqlite` or `experiment.yaml`.
    pub fn open(path: &Path) -> Result<Self> {
        for part in [DATABASE, EXPERIMENT] {
            let part = path.join(part);
            match fs::metadata(&part) {
                Ok(_) => {}
                Err(source) if matches!(source.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
                    let file = part.file_name().unwrap_or_default().to_string_lossy().into_owned();
                    return Err(Error::NotARun { path: path.to_owned(), why: format!("it has no `{file}`") });
                }
                Err(source) => return Err(Error::file(part, source)),
            }
        }
        // `.` and `..` have a name only once they are resolved.
        let resolved = fs::canonicalize(path).map_err(|source| Error::file(path, source))?;
        let id = resolved.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let (name, number) = split(&id);
        Ok(Self { path: path.to_owned(), name: name.to_owned(), number })
    }

    /// All runs below `root`, by name, then number. Folders that are no runs are left out.
    ///
    /// # Errors
    /// A root that is there but cannot be read.
    pub fn list(root: &Path) -> Result<Vec<Self>> {
        let entries = match fs::read_dir(root) {
            Ok(entries) => entries,
            Err(source) if source.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(source) => return Err(Error::file(root, source)),
        };
        let mut runs = Vec::new();
        for entry in entries {
            let entry = entry.map_err(|source| Error::file(root, source))?;
            if entry.file_name().to_string_lossy().starts_with('.') {
                continue;
            }
            match Self::open(&entry.path()) {
                Ok(run) => runs.push(run),
                Err(Error::NotARun { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        runs.sort_by(|one, other| (&one.name, one.number).cmp(&(&other.name, other.number)));
        Ok(runs)
    }

    /// The latest run of an experiment.
    ///
    /// # Errors
    /// As [`RunFolder::list`].
    pub fn latest(root: &Path, name: &str) -> Result<Option<Self>> {
        Ok(Self::list(root)?.into_iter().rfind(|run| run.name == name))
    }

    /// What a user means by `what`: the path of a run folder, a run such as `quickstart-2`, or the latest run of an experiment.
    ///
    /// # Errors
    /// Nothing fits; the error names the runs that are there.
    pub fn find(root: &Path, what: &str) -> Result<Self> {
        let path = Path::new(what);
        // A name alone means a run below the root, even if a folder of that name lies here.
        let is_name = check_name(what).is_ok();
        if is_name && root.join(what).is_dir() {
            return Self::open(&root.join(what));
        }
        if is_name && let Some(run) = Self::latest(root, what)? {
            return Ok(run);
        }
        if path.is_dir() {
            return Self::open(path);
        }
        let known = Self::list(root)?.iter().map(Self::id).collect();
        Err(Error::NoSuchRun { what: what.to_owned(), root: root.to_owned(), known })
    }

    /// Where it lies.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The experiment's name, as far as the folder's name tells.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Which run of the experiment it is, from 1; 0 where the folder was renamed.
    pub fn number(&self) -> u32 {
        self.number
    }

    /// What the folder is called, such as `quickstart-1`.
    pub fn id(&self) -> String {
        if self.number == 0 { self.name.clone() } else { format!("{}-{}", self.name, self.number) }
    }

    /// The experiment's text as it was given.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn experiment(&self) -> Result<String> {
        self.read_text(EXPERIMENT)
    }

    /// The text of `lock.yaml`.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn lock_text(&self) -> Result<String> {
        self.read_text(LOCK)
    }

    /// The database.
    pub fn database(&self) -> PathBuf {
        self.path.join(DATABASE)
    }

    /// Where steps leave their files.
    pub fn artifacts(&self) -> PathBuf {
        self.path.join(ARTIFACTS)
    }

    /// Where the component of a strategy lies that the run was made with, by its digest.
    pub fn plugin(&self, digest: &str) -> PathBuf {
        self.path.join(PLUGINS).join(format!("{digest}.wasm"))
    }

    /// Keeps the component of a strategy, so that the run can be repeated wherever its folder lies.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn keep_plugin(&self, digest: &str, component: &[u8]) -> Result<()> {
        let file = self.plugin(digest);
        if file.is_file() {
            return Ok(());
        }
        let folder = self.path.join(PLUGINS);
        fs::create_dir_all(&folder).map_err(|source| Error::write(folder, source))?;
        write_whole(&file, |file| io::Write::write_all(file, component))
    }

    /// Who records into it now; none where nobody does.
    pub fn holder(&self) -> Option<Holder> {
        holder::current_holder(&self.path)
    }

    /// When who records into it now began, in seconds since 1970; none where nobody does.
    pub fn held_since(&self) -> Option<u64> {
        self.holder()?;
        let written = fs::metadata(self.path.join(holder::FILE)).and_then(|metadata| metadata.modified()).ok()?;
        written.duration_since(std::time::UNIX_EPOCH).ok().map(|since| since.as_secs())
    }

    /// Opens it to read, also while a process records into it.
    ///
    /// # Errors
    /// A database that is damaged, of a later version, or not ours.
    pub fn read(&self) -> Result<RunReader> {
        let path = self.database();
        Ok(RunReader::new(database::open_to_read(&path, &FORMAT)?, path))
    }

    /// Opens it to record; until the writer is dropped no other process can.
    ///
    /// # Errors
    /// Another process records into it; else as [`RunFolder::read`], or it cannot be written.
    pub fn record(&self, holder: &Holder) -> Result<RunWriter> {
        let lock = ProcessLock::take(&self.path, holder)?;
        let path = self.database();
        let connection = database::open_to_write(&path, &FORMAT)?;
        Ok(RunWriter::new(RunReader::new(connection, path), lock, self.clone()))
    }

    /// Writes a file of the folder, such as `best.yaml`, whole: a reader sees the old content or the new.
    ///
    /// # Errors
    /// It cannot be written; then the old content stays.
    pub fn write_file(&self, name: &str, content: &[u8]) -> Result<()> {
        write_whole(&self.path.join(name), |file| io::Write::write_all(file, content))
    }

    fn read_text(&self, name: &str) -> Result<String> {
        let path = self.path.join(name);
        let read = || -> io::Result<String> {
            // A pipe would be waited for, and a file without end read without end.
            if !fs::metadata(&path)?.is_file() {
                return Err(io::Error::other("it is no regular file"));
            }
            let mut text = String::new();
            io::Read::read_to_string(&mut io::Read::take(fs::File::open(&path)?, MOST_BYTES + 1), &mut text)?;
            match text.len() as u64 > MOST_BYTES {
                true => Err(io::Error::other(format!("it has more than {} MiB", MOST_BYTES >> 20))),
                false => Ok(text),
            }
        };
        read().map_err(|source| Error::file(path, source))
    }
}

/// The experiment and its lock are smaller.
const MOST_BYTES: u64 = 64 << 20;

pub(crate) const LOCK_FILE: &str = LOCK;

fn fill(folder: &Path, name: &str, experiment: &str, lock: &LockFile) -> Result<()> {
    let write = |file: &str, text: &str| {
        let path = folder.join(file);
        fs::write(&path, text).map_err(|source| Error::write(path, source))
    };
    write(EXPERIMENT, experiment)?;
    write(LOCK, &lock.to_yaml())?;
    let artifacts = folder.join(ARTIFACTS);
    fs::create_dir(&artifacts).map_err(|source| Error::write(artifacts, source))?;
    let path = folder.join(DATABASE);
    let connection = database::create(&path, &FORMAT)?;
    let lock = serde_json::to_string(lock).expect("a lock file has nothing that JSON cannot say");
    for (key, value) in [("name", name), ("state", RunState::Unfinished.as_str()), ("lock", &lock)] {
        connection
            .execute("INSERT INTO meta (name, value) VALUES (?1, ?2)", [key, value])
            .map_err(|source| Error::database(&path, source))?;
    }
    connection.close().map_err(|(_, source)| Error::database(&path, source))
}

/// The highest number that a folder of this name has, be it a run or not; 0 where there is none.
fn last_number(root: &Path, name: &str) -> Result<u32> {
    let mut last = 0;
    for entry in fs::read_dir(root).map_err(|source| Error::file(root, source))? {
        let entry = entry.map_err(|source| Error::file(root, source))?;
        if let Some((found, number)) = entry.file_name().to_str().map(split)
            && found == name
        {
            last = last.max(number);
        }
    }
    Ok(last)
}

/// Gives a finished folder its name; false where that name was taken meanwhile.
fn publish(staging: &Path, path: &Path) -> Result<bool> {
    if path.symlink_metadata().is_ok() {
        return Ok(false);
    }
    match fs::rename(staging, path) {
        Ok(()) => Ok(true),
        Err(_) if path.symlink_metadata().is_ok() => Ok(false),
        Err(source) => Err(Error::write(path, source)),
    }
}

/// Writes a file beside its place, then puts it there.
pub(crate) fn write_whole(path: &Path, write: impl FnOnce(&mut fs::File) -> io::Result<()>) -> Result<()> {
    let mut draft = path.as_os_str().to_owned();
    draft.push(format!(".new-{}", std::process::id()));
    let draft = PathBuf::from(draft);
    let written =
        fs::File::create(&draft).and_then(|mut file| write(&mut file)).and_then(|()| fs::rename(&draft, path));
    written.map_err(|source| {
        // The draft is of no use to anyone; the error that matters is the one of writing it.
        let _ = fs::remove_file(&draft);
        Error::write(path, source)
    })
}

fn check_name(name: &str) -> Result<()> {
    let mut bytes = name.bytes();
    let first = bytes.next().is_some_and(|byte| byte.is_ascii_alphanumeric());
    if first && name.len() <= 64 && bytes.all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte)) {
        Ok(())
    } else {
        Err(Error::Name { name: name.to_owned() })
    }
}

/// `quickstart-12` is run 12 of `quickstart`.
fn split(id: &str) -> (&str, u32) {
    match id.rsplit_once('-').map(|(name, digits)| (name, digits, digits.parse::<u32>())) {
        Some((name, digits, Ok(number))) if number > 0 && !name.is_empty() && digits == number.to_string() => {
            (name, number)
        }
        _ => (id, 0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn create(root: &Path, name: &str) -> RunFolder {
        RunFolder::create(root, name, "version: 1\n", &LockFile::default()).unwrap()
    }

    #[test]
    fn numbers_rise_and_nothing_is_overwritten() {
        let root = tempfile::tempdir().unwrap();
        let root = root.path().join("runs");
        assert_eq!(RunFolder::list(&root).unwrap(), []);
        let ids: Vec<String> = (0..11).map(|_| create(&root, "quick").id()).collect();
        assert_eq!(ids[0], "quick-1");
        assert_eq!(ids[10], "quick-11");
        assert_eq!(create(&root, "quick-1").id(), "quick-1-1");
        fs::remove_dir_all(root.join("quick-3")).unwrap();
        fs::create_dir(root.join("quick-12")).unwrap();
        fs::write(root.join("quick-12/mine.txt"), "keep").unwrap();
        fs::create_dir(root.join(".creating-quick-13")).unwrap();
        assert_eq!(create(&root, "quick").id(), "quick-14");
        assert_eq!(fs::read_to_string(root.join("quick-12/mine.txt")).unwrap(), "keep");
        assert_eq!(RunFolder::list(&root).unwrap().len(), 12);
        assert_eq!(RunFolder::latest(&root, "quick").unwrap().unwrap().number(), 14);
    }

    #[test]
    fn a_run_is_found_by_id_by_name_and_by_path() {
        let root = tempfile::tempdir().unwrap();
        let root = root.path();
        let first = create(root, "a");
        let second = create(root, "a");
        let other = create(root, "a-2");
        assert_eq!(RunFolder::find(root, "a").unwrap(), second);
        assert_eq!(RunFolder::find(root, "a-1").unwrap(), first);
        assert_eq!(RunFolder::find(root, "a-2").unwrap(), second, "an exact run goes before a name");
        assert_eq!(RunFolder::find(root, "a-2-1").unwrap(), other);
        assert_eq!(RunFolder::find(root, first.path().to_str().unwrap()).unwrap(), first);
        let error = RunFolder::find(root, "b").unwrap_err().to_string();
        assert!(error.contains("no run `b`") && error.contains("`a-1`"), "{error}");
        let error = RunFolder::find(root, root.to_str().unwrap()).unwrap_err().to_string();
        assert!(error.contains("is no run folder: it has no `run.sqlite`"), "{error}");
    }

    #[test]
    fn names_are_folders() {
        let root = tempfile::tempdir().unwrap();
        for name in ["", "..", "a/b", ".hidden", "-x", "é", &"x".repeat(65)] {
            let error = RunFolder::create(root.path(), name, "", &LockFile::default()).unwrap_err();
            assert!(matches!(error, Error::Name { .. }), "{name}");
        }
        assert_eq!(fs::read_dir(root.path()).unwrap().count(), 0);
        assert_eq!(split("a-01"), ("a-01", 0));
        assert_eq!(split("a-b-7"), ("a-b", 7));
    }

    #[test]
    fn files_lie_as_given() {
        let root = tempfile::tempdir().unwrap();
        let text = "# mine\r\nname: é\n";
        let lock = LockFile { device: "cpu".into(), ..LockFile::default() };
        let run = RunFolder::create(root.path(), "a", text, &lock).unwrap();
        assert_eq!(run.experiment().unwrap(), text);
        assert_eq!(run.lock_text().unwrap(), lock.to_yaml());
        assert!(run.artifacts().is_dir());
        run.write_file("best.yaml", b"one").unwrap();
        run.write_file("best.yaml", b"two").unwrap();
        assert_eq!(fs::read(run.path().join("best.yaml")).unwrap(), b"two");
        let mut files: Vec<_> =
            fs::read_dir(run.path()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        files.sort();
        assert_eq!(files, ["artifacts", "best.yaml", "experiment.yaml", "lock.yaml", "run.sqlite"]);
    }
}
