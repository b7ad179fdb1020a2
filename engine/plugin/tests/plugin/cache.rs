//! The cache of compiled components: it never fails a run, and never loads what it did not write.

use std::fs;
use std::path::{Path, PathBuf};

use pleach_plugin::{CacheUse, Host, HostOptions, Plugin};

use crate::guest::Guest;

fn load(folder: &Path) -> Plugin {
    let host = Host::new(HostOptions { cache: Some(folder.to_owned()), ..HostOptions::default() }).unwrap();
    host.load(&Guest::default().wasm(), "guest.wasm").unwrap()
}

fn entry(folder: &Path) -> PathBuf {
    let files = fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
    let mut entries = files.filter(|path| path.extension().is_none() && !path.ends_with("secret"));
    let found = entries.next().unwrap();
    assert_eq!(entries.next(), None);
    found
}

#[test]
fn the_second_load_comes_from_the_cache() {
    let root = tempfile::tempdir().unwrap();
    let folder = root.path().join("deep/compiled");
    assert_eq!(load(&folder).cache_use(), &CacheUse::Stored);
    assert_eq!(load(&folder).cache_use(), &CacheUse::Hit);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&folder), mode(&entry(&folder)), mode(&folder.join("secret"))), (0o700, 0o600, 0o600));
    }
}

#[test]
fn building_fills_the_cache_for_loading() {
    let root = tempfile::tempdir().unwrap();
    let host = Host::new(HostOptions { cache: Some(root.path().to_owned()), ..HostOptions::default() }).unwrap();
    let built = pleach_plugin::build::component_of(&host, &Guest::default().module(), "guest").unwrap();
    assert_eq!(host.load(&built.wasm, "guest.wasm").unwrap().cache_use(), &CacheUse::Hit);
}

#[test]
fn damage_anywhere_is_noticed_and_compiled_again() {
    let root = tempfile::tempdir().unwrap();
    load(root.path());
    let path = entry(root.path());
    let whole = fs::read(&path).unwrap();
    let flipped = |place: usize| {
        let mut bytes = whole.clone();
        bytes[place] ^= 1;
        bytes
    };
    let damages = [
        (flipped(0), "it has no header of this format"),
        (flipped(20), "it belongs to another component or engine"),
        (flipped(50), "its contents are damaged"),
        (flipped(90), "it was not made with this cache's secret"),
        (flipped(whole.len() / 2), "its contents are damaged"),
        (whole[..whole.len() - 1].to_vec(), "its contents are damaged"),
        (whole[..40].to_vec(), "it has no header of this format"),
        (Vec::new(), "it has no header of this format"),
    ];
    for (bytes, reason) in damages {
        fs::write(&path, &bytes).unwrap();
        assert_eq!(load(root.path()).cache_use(), &CacheUse::Replaced { reason: reason.to_owned() });
        assert_eq!(fs::read(path.with_extension("quarantined")).unwrap(), bytes);
        assert_eq!(load(root.path()).cache_use(), &CacheUse::Hit);
    }
}

#[test]
fn an_entry_made_with_another_secret_is_not_trusted() {
    let (mine, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    load(mine.path());
    load(other.path());
    fs::copy(entry(other.path()), entry(mine.path())).unwrap();
    let reason = "it was not made with this cache's secret".to_owned();
    assert_eq!(load(mine.path()).cache_use(), &CacheUse::Replaced { reason });
}

#[test]
fn a_lost_or_damaged_secret_only_costs_time() {
    let root = tempfile::tempdir().unwrap();
    load(root.path());
    fs::write(root.path().join("secret"), b"short").unwrap();
    assert!(matches!(load(root.path()).cache_use(), CacheUse::Replaced { .. }));
    fs::remove_file(root.path().join("secret")).unwrap();
    assert!(matches!(load(root.path()).cache_use(), CacheUse::Replaced { .. }));
    assert_eq!(load(root.path()).cache_use(), &CacheUse::Hit);
}

#[cfg(unix)]
#[test]
fn a_link_in_place_of_an_entry_is_not_followed() {
    let root = tempfile::tempdir().unwrap();
    load(root.path());
    let path = entry(root.path());
    let elsewhere = root.path().join("elsewhere.moved");
    fs::rename(&path, &elsewhere).unwrap();
    std::os::unix::fs::symlink(&elsewhere, &path).unwrap();
    let reason = "it is not a regular file".to_owned();
    assert_eq!(load(root.path()).cache_use(), &CacheUse::Replaced { reason });
    assert!(fs::symlink_metadata(&path).unwrap().is_file());
}

#[test]
fn a_folder_that_cannot_be_used_does_not_fail_the_load() {
    let root = tempfile::tempdir().unwrap();
    let file = root.path().join("file");
    fs::write(&file, b"").unwrap();
    assert!(matches!(load(&file.join("below")).cache_use(), CacheUse::Unusable { .. }));
    assert!(matches!(load(&file).cache_use(), CacheUse::Unusable { .. }));
}

#[cfg(unix)]
#[test]
fn a_folder_open_to_others_is_closed() {
    use std::os::unix::fs::PermissionsExt;
    let root = tempfile::tempdir().unwrap();
    fs::set_permissions(root.path(), fs::Permissions::from_mode(0o755)).unwrap();
    load(root.path());
    assert_eq!(fs::metadata(root.path()).unwrap().permissions().mode() & 0o777, 0o700);
}

/// Loads a guest whose `ask` is this.
fn load_other(folder: &Path, ask: &'static str) -> CacheUse {
    let host = Host::new(HostOptions { cache: Some(folder.to_owned()), ..HostOptions::default() }).unwrap();
    let wasm = Guest { ask, ..Guest::default() }.wasm();
    host.load(&wasm, "other.wasm").unwrap().cache_use().clone()
}

#[test]
fn entries_that_change_places_are_noticed() {
    let root = tempfile::tempdir().unwrap();
    load(root.path());
    let one = entry(root.path());
    let elsewhere = root.path().join("one.moved");
    fs::rename(&one, &elsewhere).unwrap();
    assert_eq!(load_other(root.path(), "(i32.const 192)"), CacheUse::Stored);
    let other = entry(root.path());
    // The other plugin's code under this one's name: both were made with the secret.
    fs::rename(&other, &one).unwrap();
    fs::rename(&elsewhere, &other).unwrap();
    let reason = "it belongs to another component or engine".to_owned();
    assert_eq!(load(root.path()).cache_use(), &CacheUse::Replaced { reason: reason.clone() });
    assert_eq!(load_other(root.path(), "(i32.const 192)"), CacheUse::Replaced { reason });
}

#[cfg(unix)]
#[test]
fn a_secret_or_entry_that_others_can_read_is_not_trusted() {
    use std::os::unix::fs::PermissionsExt;
    let root = tempfile::tempdir().unwrap();
    load(root.path());
    let reason = "it is not a private file of this user".to_owned();
    let entry = entry(root.path());
    fs::set_permissions(&entry, fs::Permissions::from_mode(0o666)).unwrap();
    assert_eq!(load(root.path()).cache_use(), &CacheUse::Replaced { reason });
    fs::set_permissions(root.path().join("secret"), fs::Permissions::from_mode(0o644)).unwrap();
    let reason = "it was not made with this cache's secret".to_owned();
    assert_eq!(load(root.path()).cache_use(), &CacheUse::Replaced { reason });
}

#[cfg(unix)]
#[test]
fn a_secret_behind_a_link_is_not_trusted() {
    let (root, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    load(root.path());
    load(other.path());
    // Another's secret and entry, both sound by themselves.
    fs::remove_file(root.path().join("secret")).unwrap();
    std::os::unix::fs::symlink(other.path().join("secret"), root.path().join("secret")).unwrap();
    fs::copy(entry(other.path()), entry(root.path())).unwrap();
    let reason = "it was not made with this cache's secret".to_owned();
    assert_eq!(load(root.path()).cache_use(), &CacheUse::Replaced { reason });
    assert!(fs::symlink_metadata(root.path().join("secret")).unwrap().is_file());
}

#[cfg(unix)]
#[test]
fn a_folder_behind_a_link_is_not_used() {
    let root = tempfile::tempdir().unwrap();
    let (real, link) = (root.path().join("real"), root.path().join("link"));
    fs::create_dir(&real).unwrap();
    std::os::unix::fs::symlink(&real, &link).unwrap();
    assert!(
        matches!(load(&link).cache_use(), CacheUse::Unusable { reason } if reason.contains("not a folder of its own"))
    );
}

/// Only the superuser can give files away; elsewhere there is nothing to see.
#[cfg(unix)]
#[test]
fn what_another_user_left_is_not_trusted() {
    let root = tempfile::tempdir().unwrap();
    load(root.path());
    let secret = root.path().join("secret");
    if std::os::unix::fs::chown(&secret, Some(12345), None).is_err() {
        return;
    }
    let reason = "it was not made with this cache's secret".to_owned();
    assert_eq!(load(root.path()).cache_use(), &CacheUse::Replaced { reason });
    std::os::unix::fs::chown(entry(root.path()), Some(12345), None).unwrap();
    let reason = "it is not a private file of this user".to_owned();
    assert_eq!(load(root.path()).cache_use(), &CacheUse::Replaced { reason });
    std::os::unix::fs::chown(root.path(), Some(12345), None).unwrap();
    assert!(matches!(load(root.path()).cache_use(), CacheUse::Unusable { reason } if reason.contains("another user")));
}
