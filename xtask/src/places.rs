//! Where things lie: the repository, what is built from it, and the user's cache.

use std::env;
use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::console::say;
use crate::failure::{AtPath, Failure, Outcome};

/// The cargo profile the programs are built with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Profile {
    Dev,
    Release,
}

impl Profile {
    /// The folder of this profile below the target folder.
    pub fn folder(self) -> &'static str {
        match self {
            Self::Dev => "debug",
            Self::Release => "release",
        }
    }
}

/// The folders of one checkout.
#[derive(Clone, Debug)]
pub struct Places {
    /// The root of the repository.
    pub root: PathBuf,
    /// Cargo's target folder.
    pub target: PathBuf,
}

impl Places {
    /// Finds the repository and its target folder from this program, which `cargo xtask` built into it.
    pub fn find() -> Outcome<Self> {
        let manifest =
            env::var_os("CARGO_MANIFEST_DIR").map_or_else(|| env!("CARGO_MANIFEST_DIR").into(), PathBuf::from);
        let root = manifest.parent().map(Path::to_path_buf).filter(|root| root.join("Cargo.toml").is_file());
        let root = root.ok_or_else(|| {
            Failure::new(format!("`{}` is no longer inside the repository", manifest.display()))
                .remedy("run `cargo xtask` from inside the repository, which builds this program again")
        })?;
        let program = env::current_exe().at("find", Path::new("xtask"))?;
        let target = program.parent().and_then(Path::parent).map_or_else(|| root.join("target"), Path::to_path_buf);
        Ok(Self { root, target })
    }

    /// A built program of the repository.
    pub fn program(&self, name: &str, profile: Profile) -> PathBuf {
        self.target.join(profile.folder()).join(format!("{name}{}", env::consts::EXE_SUFFIX))
    }

    /// The folder of the built strategies.
    pub fn plugins(&self) -> PathBuf {
        self.target.join("plugins")
    }

    /// A cargo command in the repository, free of the variables that `cargo run` gave this program.
    pub fn cargo(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        command.args(arguments).current_dir(&self.root);
        hide_cargo_run(&mut command);
        command
    }

    /// The oldest Rust that the repository builds with, from its `rust-version`: (major, minor).
    pub fn rust_version(&self) -> Outcome<(u32, u32)> {
        let manifest = self.root.join("Cargo.toml");
        let text = fs::read_to_string(&manifest).at("read", &manifest)?;
        let line = text.lines().find_map(|line| line.strip_prefix("rust-version"));
        line.and_then(version_in).ok_or_else(|| Failure::new("the repository's Cargo.toml has no `rust-version`"))
    }
}

/// Takes away the variables by which `cargo run` told this program about its own package.
pub fn hide_cargo_run(command: &mut Command) {
    for (name, _) in env::vars_os() {
        let text = name.to_string_lossy();
        if ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_"].iter().any(|prefix| text.starts_with(prefix)) {
            command.env_remove(&name);
        }
    }
}

/// The first `MAJOR.MINOR` in a text such as `rustc 1.96.0 (...)`.
pub fn version_in(text: &str) -> Option<(u32, u32)> {
    let start = text.find(|character: char| character.is_ascii_digit())?;
    let mut numbers = text[start..].split(|character: char| !character.is_ascii_digit());
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

/// The user's cache of what is the same for every checkout: `$XDG_CACHE_HOME/pleach` or `$HOME/.cache/pleach`.
pub fn cache() -> Outcome<PathBuf> {
    let absolute = |name: &str| env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let base = absolute("XDG_CACHE_HOME").or_else(|| absolute("HOME").map(|home| home.join(".cache")));
    let cache = base.map(|base| base.join("pleach")).ok_or_else(|| {
        Failure::new("no place for the cache: neither XDG_CACHE_HOME nor HOME names an absolute path")
            .remedy("set XDG_CACHE_HOME to a folder that you can write to")
    })?;
    fs::create_dir_all(&cache).at("create", &cache)?;
    Ok(cache)
}

/// Builds a folder of the cache so that it is there whole or not at all, also with several at it at once.
///
/// `complete` says whether the folder is good; if not, `make` fills an empty folder beside it, which then takes its place.
pub fn make_whole(folder: &Path, complete: impl Fn(&Path) -> bool, make: impl FnOnce(&Path) -> Outcome) -> Outcome {
    let lock_path = folder.with_added_extension("lock");
    let lock = File::create(&lock_path).at("create", &lock_path)?;
    match lock.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            say("set-up", &format!("waiting for another set-up that holds `{}`", lock_path.display()));
            lock.lock().at("lock", &lock_path)?;
        }
        Err(TryLockError::Error(error)) => Err(error).at("lock", &lock_path)?,
    }
    // The one we waited for may have made it.
    if complete(folder) {
        return Ok(());
    }
    let partial = folder.with_added_extension("partial");
    remove_folder(&partial)?;
    fs::create_dir_all(&partial).at("create", &partial)?;
    let made = make(&partial);
    if made.is_err() {
        // The failure of the work says more than one of the clearing away, which the next attempt repeats.
        let _ = remove_folder(&partial);
        return made;
    }
    remove_folder(folder)?;
    fs::rename(&partial, folder).at("move into place", folder)
}

/// Removes a folder with all that it holds; none there is fine.
pub fn remove_folder(folder: &Path) -> Outcome {
    if folder.exists() { fs::remove_dir_all(folder).at("remove", folder) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    fn scratch(name: &str) -> PathBuf {
        let folder = env::temp_dir().join(format!("pleach-xtask-{}-{name}", std::process::id()));
        remove_folder(&folder).unwrap();
        fs::create_dir_all(&folder).unwrap();
        folder
    }

    fn is_complete(folder: &Path) -> bool {
        folder.join("whole").is_file()
    }

    #[test]
    fn versions_are_read() {
        assert_eq!(version_in("rustc 1.96.0 (ac68faa20 2026-05-25) (built from a source tarball)"), Some((1, 96)));
        assert_eq!(version_in(" = \"1.95\""), Some((1, 95)));
        assert_eq!(version_in("unknown"), None);
    }

    #[test]
    fn this_repository_is_found() {
        let places = Places::find().unwrap();
        assert!(places.root.join("xtask").is_dir());
        assert!(places.rust_version().unwrap() >= (1, 95));
    }

    #[test]
    fn a_failed_attempt_leaves_nothing_that_looks_finished() {
        let base = scratch("failed");
        let folder = base.join("thing");
        let failure = make_whole(&folder, is_complete, |partial| {
            fs::write(partial.join("whole"), "").unwrap();
            Err(Failure::new("interrupted"))
        });
        assert!(failure.is_err());
        assert!(!folder.exists() && !base.join("thing.partial").exists());
        remove_folder(&base).unwrap();
    }

    #[test]
    fn what_an_interrupted_attempt_left_is_replaced() {
        let base = scratch("replaced");
        let folder = base.join("thing-1.0");
        for leftover in [folder.clone(), base.join("thing-1.0.partial")] {
            fs::create_dir_all(&leftover).unwrap();
            fs::write(leftover.join("leftover"), "").unwrap();
        }
        make_whole(&folder, is_complete, |partial| fs::write(partial.join("whole"), "").at("write", partial)).unwrap();
        assert!(is_complete(&folder) && !folder.join("leftover").exists());
        remove_folder(&base).unwrap();
    }

    #[test]
    fn several_at_once_make_it_once() {
        let base = scratch("once");
        let folder = base.join("thing");
        let made = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    make_whole(&folder, is_complete, |partial| {
                        made.fetch_add(1, Ordering::SeqCst);
                        std::thread::sleep(std::time::Duration::from_millis(20));
                        fs::write(partial.join("whole"), "").at("write", partial)
                    })
                    .unwrap();
                });
            }
        });
        assert_eq!(made.load(Ordering::SeqCst), 1);
        remove_folder(&base).unwrap();
    }
}
