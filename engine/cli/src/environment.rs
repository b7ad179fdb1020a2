//! What the machine and the user's environment say; read nowhere else.

use pleach_plan::Strategies;
use std::env;
use std::path::{Path, PathBuf};
use std::time::Duration;

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

/// How long a plugin may take to compile, where `PLEACH_COMPILE_SECONDS` says it.
pub fn compile_limit() -> Option<Duration> {
    env::var("PLEACH_COMPILE_SECONDS").ok()?.parse().ok().map(Duration::from_secs)
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
    Strategies { folders, ..Strategies::default() }
}

/// The training worker: what `PLEACH_TORCH` names, else `pleach-torch` beside the executable, else that name in the search path.
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

/// The GPUs to train on, as `CUDA_VISIBLE_DEVICES` names them: those that it lists, else all of NVIDIA's.
pub fn devices() -> Vec<String> {
    if let Ok(named) = env::var("CUDA_VISIBLE_DEVICES") {
        let named = named.split(',').map(|device| device.trim().to_owned());
        return named.filter(|device| !device.is_empty() && device != "-1").collect();
    }
    let files = std::fs::read_dir("/dev").into_iter().flatten().flatten();
    let number = |entry: std::fs::DirEntry| entry.file_name().to_str()?.strip_prefix("nvidia")?.parse::<u32>().ok();
    let mut numbers: Vec<u32> = files.filter_map(number).collect();
    numbers.sort_unstable();
    (0..numbers.len()).map(|index| index.to_string()).collect()
}

/// The machine's name, where it is known.
pub fn host() -> Option<String> {
    let kernel = std::fs::read_to_string("/proc/sys/kernel/hostname").ok();
    let name = kernel.or_else(|| env::var("HOSTNAME").ok())?;
    Some(name.trim().to_owned()).filter(|name| !name.is_empty())
}

/// The time, such as `2026-01-31 09:30:00 UTC`.
pub fn time() -> String {
    civil(seconds())
}

/// Seconds since 1970.
pub fn seconds() -> u64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |passed| passed.as_secs())
}

/// When a file was last written, in seconds since 1970; 0 where that is not known.
pub fn modified(path: &Path) -> f64 {
    let time = std::fs::metadata(path).and_then(|metadata| metadata.modified()).ok();
    let since = time.and_then(|time| time.duration_since(std::time::UNIX_EPOCH).ok());
    since.map_or(0.0, |passed| passed.as_secs_f64())
}

/// Seconds since 1970 as date and time (Howard Hinnant, "chrono-compatible low-level date algorithms").
fn civil(seconds: u64) -> String {
    let (days, rest) = (seconds / 86_400, seconds % 86_400);
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    format!("{year}-{month:02}-{day:02} {:02}:{:02}:{:02} UTC", rest / 3600, rest / 60 % 60, rest % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_those_of_the_calendar() {
        assert_eq!(civil(0), "1970-01-01 00:00:00 UTC");
        assert_eq!(civil(951_782_400), "2000-02-29 00:00:00 UTC");
        assert_eq!(civil(1_767_225_599), "2025-12-31 23:59:59 UTC");
    }
}
