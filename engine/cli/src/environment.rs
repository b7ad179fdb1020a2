//! What the machine and the user's environment say; read nowhere else.

use pleach_plan::Strategies;
use std::env;
use std::path::{Path, PathBuf};

/// The user's cache folder of Pleach: `$XDG_CACHE_HOME/pleach`, else `~/.cache/pleach`.
pub fn cache() -> Option<PathBuf> {
    let folder = |name: &str| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    // The specification has relative paths ignored.
    let base = folder("XDG_CACHE_HOME").filter(|path| path.is_absolute());
    Some(base.or_else(|| Some(folder("HOME")?.join(".cache")))?.join("pleach"))
}

/// Folders with fetched data sets.
pub fn data_caches() -> Vec<PathBuf> {
    cache().map(|cache| cache.join("data")).into_iter().collect()
}

/// The folder of compiled plugins.
pub fn plugin_cache() -> Option<PathBuf> {
    cache().map(|cache| cache.join("plugins"))
}

/// Where strategies lie: the folders that `PLEACH_PLUGINS` names, else `plugins` beside the executable or one above.
pub fn strategies() -> Strategies {
    let named = env::var_os("PLEACH_PLUGINS").map(|paths| env::split_paths(&paths).collect::<Vec<_>>());
    let mut folders: Vec<PathBuf> = named.unwrap_or_default();
    folders.retain(|folder| !folder.as_os_str().is_empty());
    if let Some(beside) = executable_folder() {
        folders.push(beside.join("plugins"));
        folders.extend(beside.parent().map(|above| above.join("plugins")));
    }
    folders.retain(|folder| folder.is_dir());
    folders.dedup();
    Strategies { folders }
}

/// The training worker: what `PLEACH_TORCH` names, else `pleach-torch` beside the executable, else that name in the search path.
#[allow(dead_code, reason = "used with the engine that runs experiments")]
pub fn worker() -> PathBuf {
    let name = format!("pleach-torch{}", env::consts::EXE_SUFFIX);
    let named = env::var_os("PLEACH_TORCH").filter(|value| !value.is_empty()).map(PathBuf::from);
    let beside = || executable_folder().map(|folder| folder.join(&name)).filter(|path| path.is_file());
    named.or_else(beside).unwrap_or_else(|| PathBuf::from(&name))
}

/// A path that a variable names.
pub fn path(variable: &str) -> Option<PathBuf> {
    env::var_os(variable).filter(|value| !value.is_empty()).map(PathBuf::from)
}

fn executable_folder() -> Option<PathBuf> {
    // Through links, so that a link in ~/bin finds what lies beside the program.
    let executable = env::current_exe().ok()?;
    let executable = executable.canonicalize().unwrap_or(executable);
    executable.parent().map(Path::to_owned)
}
