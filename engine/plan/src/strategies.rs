//! Finding strategies by name, and reading what they say of themselves without running them.

use pleach_plugin::{COMPONENT_BYTES, Manifest, PluginError, read_manifest};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The folders in which strategies lie, each as `NAME.wasm`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Strategies {
    /// The folders; the first that holds a strategy wins.
    pub folders: Vec<PathBuf>,
    /// Files of strategies by what an experiment calls them, before all folders: those that a run was made with.
    pub pinned: BTreeMap<String, PathBuf>,
}

/// A strategy's file.
#[derive(Debug, Clone)]
pub struct StrategyFile {
    /// Where it lies.
    pub path: PathBuf,
    /// Its content.
    pub bytes: Arc<[u8]>,
    /// What it says of itself.
    pub manifest: Manifest,
    /// BLAKE3 of the content, 64 hexadecimal digits.
    pub digest: String,
}

/// A file of a strategy folder.
#[derive(Debug)]
pub struct Listed {
    /// The name by which experiments call it.
    pub name: String,
    /// Where it lies.
    pub path: PathBuf,
    /// The strategy, or why it is none.
    pub strategy: Result<StrategyFile, StrategyError>,
}

/// Why there is no strategy.
#[derive(Debug, thiserror::Error)]
pub enum StrategyError {
    /// No folder holds one of this name.
    #[error("there is no strategy `{name}`")]
    Unknown {
        /// The name.
        name: String,
        /// Those that there are.
        known: Vec<String>,
        /// Where it was looked for.
        folders: Vec<PathBuf>,
    },
    /// The file cannot be read.
    #[error("cannot read the strategy `{}`: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The file is no strategy.
    #[error(transparent)]
    NotStrategy(#[from] PluginError),
}

impl StrategyError {
    /// What to do.
    pub fn help(&self) -> Option<String> {
        match self {
            StrategyError::Unknown { name, known, folders } => {
                let list = || known.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
                let places = || folders.iter().map(|f| format!("`{}`", f.display())).collect::<Vec<_>>().join(", ");
                Some(match pleach_spec::suggest(name, known.iter().map(String::as_str)) {
                    Some(likely) if known.len() == 1 => format!("did you mean `{likely}`?"),
                    Some(likely) => format!("did you mean `{likely}`? There are {}", list()),
                    None if known.is_empty() && folders.is_empty() => {
                        "PLEACH_PLUGINS names the folder with the strategies".to_owned()
                    }
                    None if known.is_empty() => format!(
                        "no strategy lies in {}; PLEACH_PLUGINS names their folder, `pleach plugin build` fills it",
                        places()
                    ),
                    None => format!("there are {}; a path to a `.wasm` file may stand here, too", list()),
                })
            }
            StrategyError::Unreadable { .. } => Some("the path is relative to the experiment's file".to_owned()),
            StrategyError::NotStrategy(_) => None,
        }
    }
}

/// Whether a strategy is called by a path and not by a name.
fn is_path(strategy: &str) -> bool {
    strategy.contains(['/', '\\']) || Path::new(strategy).extension().is_some_and(|extension| extension == "wasm")
}

impl Strategies {
    /// The strategy of a name, or of the path of a `.wasm` file relative to `base`.
    ///
    /// # Errors
    /// There is none, or the file is no strategy.
    pub fn find(&self, strategy: &str, base: &Path) -> Result<StrategyFile, StrategyError> {
        if let Some(file) = self.pinned.get(strategy) {
            return StrategyFile::read(file);
        }
        if is_path(strategy) {
            return StrategyFile::read(&base.join(strategy));
        }
        let files = self.folders.iter().map(|folder| folder.join(format!("{strategy}.wasm")));
        match files.into_iter().find(|path| path.is_file()) {
            Some(path) => StrategyFile::read(&path),
            None => Err(StrategyError::Unknown {
                name: strategy.to_owned(),
                known: self.names(),
                folders: self.folders.clone(),
            }),
        }
    }

    /// The names of all strategies, sorted.
    pub fn names(&self) -> Vec<String> {
        self.files().into_keys().collect()
    }

    /// All files of the folders, by name; also those that turn out to be no strategies.
    pub fn list(&self) -> Vec<Listed> {
        let read = |(name, path): (String, PathBuf)| {
            let strategy = StrategyFile::read(&path);
            Listed { name, path, strategy }
        };
        self.files().into_iter().map(read).collect()
    }

    fn files(&self) -> BTreeMap<String, PathBuf> {
        let mut files = BTreeMap::new();
        for folder in &self.folders {
            // A folder that is not there holds no strategies.
            for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
                let path = entry.path();
                if path.extension().is_some_and(|extension| extension == "wasm")
                    && let Some(name) = path.file_stem().and_then(|stem| stem.to_str())
                {
                    files.entry(name.to_owned()).or_insert(path);
                }
            }
        }
        files
    }
}

impl StrategyFile {
    /// Reads a file without compiling or running it.
    ///
    /// # Errors
    /// It cannot be read, or is no strategy.
    pub fn read(path: &Path) -> Result<StrategyFile, StrategyError> {
        let unreadable = |source| StrategyError::Unreadable { path: path.to_owned(), source };
        let file = File::open(path).map_err(unreadable)?;
        // Of a device or a pipe there may be no end.
        if !file.metadata().map_err(unreadable)?.is_file() {
            return Err(unreadable(io::Error::other("it is no file")));
        }
        // One byte more than is allowed is refused as too large, without reading the rest.
        let mut bytes = Vec::new();
        file.take(COMPONENT_BYTES as u64 + 1).read_to_end(&mut bytes).map_err(unreadable)?;
        let bytes: Arc<[u8]> = bytes.into();
        let manifest = read_manifest(&bytes, &format!("`{}`", path.display()))?;
        let digest = blake3::hash(&bytes).to_hex().to_string();
        Ok(StrategyFile { path: path.to_owned(), bytes, manifest, digest })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_paths_are_told_apart() {
        assert!(is_path("./mine.wasm") && is_path("mine.wasm") && is_path("plugins/mine"));
        assert!(!is_path("regularized-evolution"));
    }

    #[test]
    fn what_is_not_there_is_said_with_what_to_do() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("random.wasm"), b"\0asm\x01\0\0\0").unwrap();
        let folders = vec![folder.path().join("missing"), folder.path().to_owned()];
        let strategies = Strategies { folders, ..Strategies::default() };
        let unknown = strategies.find("randm", Path::new("")).unwrap_err();
        assert_eq!(unknown.help().unwrap(), "did you mean `random`?");
        let no_strategy = strategies.find("random", Path::new("")).unwrap_err().to_string();
        assert!(no_strategy.contains("core module"), "{no_strategy}");
        assert!(matches!(strategies.find("./no.wasm", folder.path()), Err(StrategyError::Unreadable { .. })));
        let listed = strategies.list();
        assert!(listed.len() == 1 && listed[0].name == "random" && listed[0].strategy.is_err());
    }
}
