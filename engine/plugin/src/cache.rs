//! A private cache of compiled components.
//!
//! A compiled component is native code that is trusted when it is loaded, so whoever can write the cache can run code as
//! its user. Therefore: the folder belongs to the user and to nobody else (mode 0700); every entry carries a keyed hash
//! that only who reads the folder's secret can make; secret and entries are read only where they are regular files of the
//! folder's owner, reached without a link; an entry is verified in memory before it is loaded, from that same
//! memory; entries appear by renaming, never by writing in place. Whatever does not fit is set aside and compiled again:
//! a cache never fails a run.

use std::fs::{self, OpenOptions};
use std::hash::{Hash, Hasher};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use wasmtime::Engine;
use wasmtime::component::Component;

/// The first bytes of an entry; changes with the format.
const MAGIC: &[u8; 16] = b"pleach-compiled1";
const DIGEST: usize = blake3::OUT_LEN;
const HEADER: usize = MAGIC.len() + 3 * DIGEST;

/// What the cache did for a load.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CacheUse {
    /// No cache was asked for.
    Off,
    /// The compiled component came from the cache.
    Hit,
    /// There was no entry yet; there is one now.
    Stored,
    /// An entry did not verify, was set aside, and the component compiled again.
    Replaced { reason: String },
    /// The cache cannot be used; the component was compiled.
    Unusable { reason: String },
}

/// An opened cache folder.
#[derive(Debug)]
pub(crate) struct Cache {
    folder: PathBuf,
    owner: Owner,
    secret: [u8; DIGEST],
}

/// The number of a user; nothing where the system has none.
#[cfg(unix)]
type Owner = u32;
#[cfg(not(unix))]
type Owner = ();

impl Cache {
    /// Opens a folder, making it and its secret where they are missing.
    pub fn open(folder: &Path) -> io::Result<Self> {
        let owner = make_private(folder)?;
        let path = folder.join("secret");
        let secret = match read_secret(&path, owner) {
            Ok(secret) => secret,
            Err(error) => {
                if error.kind() != io::ErrorKind::NotFound {
                    set_aside(&path)?;
                }
                let mut fresh = [0; DIGEST];
                getrandom::fill(&mut fresh).map_err(io::Error::other)?;
                let temporary = write_new(folder, &fresh)?;
                // A link appears whole, and fails where another process was first: then its secret counts.
                let linked = fs::hard_link(&temporary, &path);
                fs::remove_file(&temporary)?;
                match linked {
                    Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
                    _ => read_secret(&path, owner)?,
                }
            }
        };
        Ok(Self { folder: folder.to_owned(), owner, secret })
    }

    /// The compiled form of a component's bytes, from the cache or else compiled by `compile` and stored.
    pub fn load<E>(
        &self,
        engine: &Engine,
        bytes: &[u8],
        compile: impl FnOnce() -> Result<Component, E>,
    ) -> Result<(Component, CacheUse), E> {
        let key = key(engine, bytes);
        let path = self.folder.join(key.to_hex().as_str());
        let reason = match self.read(&path, &key) {
            Ok(body) => {
                // SAFETY: the bytes were written by `store` below: only a holder of the folder's secret can make the
                // keyed hash that `read` verified over exactly these bytes, and their key names this engine's version,
                // processor features and settings.
                match unsafe { Component::deserialize(engine, &body) } {
                    Ok(component) => return Ok((component, CacheUse::Hit)),
                    Err(error) => Some(format!("{error:#}")),
                }
            }
            Err(Unread::Missing) => None,
            Err(Unread::Rejected(reason)) => Some(reason),
        };
        let component = compile()?;
        let stored = match reason {
            None => self.store(&path, &key, &component).map(|()| CacheUse::Stored),
            Some(reason) => set_aside(&path)
                .and_then(|()| self.store(&path, &key, &component))
                .map(|()| CacheUse::Replaced { reason }),
        };
        let used = stored.unwrap_or_else(|error| CacheUse::Unusable { reason: error.to_string() });
        Ok((component, used))
    }

    fn read(&self, path: &Path, key: &blake3::Hash) -> Result<Vec<u8>, Unread> {
        let rejected = |reason: &str| Unread::Rejected(reason.to_owned());
        let mut entry = match read_own(path, self.owner) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(Unread::Missing),
            Err(error) => return Err(Unread::Rejected(error.to_string())),
            Ok(entry) => entry,
        };
        if entry.len() < HEADER || entry[..MAGIC.len()] != MAGIC[..] {
            return Err(rejected("it has no header of this format"));
        }
        let field = |index: usize| -> [u8; DIGEST] {
            let from = MAGIC.len() + index * DIGEST;
            entry[from..from + DIGEST].try_into().expect("the header's length was checked")
        };
        let (stored_key, stored_hash, stored_mac) = (field(0), field(1), field(2));
        let body = &entry[HEADER..];
        // Comparing hashes takes the same time wherever they differ.
        if *key != stored_key {
            return Err(rejected("it belongs to another component or engine"));
        }
        let hash = blake3::hash(body);
        if hash != stored_hash {
            return Err(rejected("its contents are damaged"));
        }
        if self.authenticate(key, &hash) != stored_mac {
            return Err(rejected("it was not made with this cache's secret"));
        }
        entry.drain(..HEADER);
        Ok(entry)
    }

    fn store(&self, path: &Path, key: &blake3::Hash, component: &Component) -> io::Result<()> {
        let body = component.serialize().map_err(io::Error::other)?;
        let hash = blake3::hash(&body);
        let mut entry = Vec::with_capacity(HEADER + body.len());
        entry.extend_from_slice(MAGIC);
        for field in [*key, hash, self.authenticate(key, &hash)] {
            entry.extend_from_slice(field.as_bytes());
        }
        entry.extend_from_slice(&body);
        let temporary = write_new(&self.folder, &entry)?;
        fs::rename(&temporary, path)
    }

    /// The keyed hash of an entry: over its key and the hash of its contents.
    fn authenticate(&self, key: &blake3::Hash, hash: &blake3::Hash) -> blake3::Hash {
        let mut hasher = blake3::Hasher::new_keyed(&self.secret);
        hasher.update(MAGIC).update(key.as_bytes()).update(hash.as_bytes());
        hasher.finalize()
    }
}

enum Unread {
    Missing,
    Rejected(String),
}

/// What an entry is for: the component's bytes, and all of the engine that its native code depends on (wasmtime's version,
/// target, processor features, settings).
fn key(engine: &Engine, bytes: &[u8]) -> blake3::Hash {
    struct Feed(blake3::Hasher);

    impl Hasher for Feed {
        fn write(&mut self, bytes: &[u8]) {
            self.0.update(bytes);
        }
        fn finish(&self) -> u64 {
            0
        }
    }

    let mut feed = Feed(blake3::Hasher::new());
    feed.0.update(MAGIC).update(blake3::hash(bytes).as_bytes());
    engine.precompile_compatibility_hash().hash(&mut feed);
    feed.0.finalize()
}

/// Makes sure that a folder exists, is ours and is closed to all others; gives its owner.
fn make_private(folder: &Path) -> io::Result<Owner> {
    fs::create_dir_all(folder)?;
    let metadata = fs::symlink_metadata(folder)?;
    if !metadata.is_dir() {
        return Err(io::Error::other(format!("{} is not a folder of its own", folder.display())));
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::{MetadataExt, PermissionsExt};
        if metadata.mode() & 0o077 != 0 {
            fs::set_permissions(folder, fs::Permissions::from_mode(0o700))?;
        }
        // Only an owner can close a folder; that a file made by us has the folder's owner tells the rest (root's case).
        let probe = write_new(folder, &[])?;
        let owner = fs::symlink_metadata(&probe)?.uid();
        fs::remove_file(&probe)?;
        if owner != metadata.uid() {
            return Err(io::Error::other(format!("{} belongs to another user", folder.display())));
        }
        Ok(owner)
    }
    #[cfg(not(unix))]
    Ok(())
}

/// Reads a regular file of this owner that others can neither read nor write, and that no link leads to.
fn read_own(path: &Path, owner: Owner) -> io::Result<Vec<u8>> {
    let named = fs::symlink_metadata(path)?;
    if !named.is_file() {
        return Err(io::Error::other("it is not a regular file"));
    }
    let mut file = fs::File::open(path)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        // Of the opened file, which may be another by now than the one that was looked at.
        let opened = file.metadata()?;
        if (opened.dev(), opened.ino()) != (named.dev(), named.ino()) {
            return Err(io::Error::other("it was exchanged while it was opened"));
        }
        if opened.uid() != owner || opened.mode() & 0o077 != 0 {
            return Err(io::Error::other("it is not a private file of this user"));
        }
    }
    #[cfg(not(unix))]
    let () = owner;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn read_secret(path: &Path, owner: Owner) -> io::Result<[u8; DIGEST]> {
    let bytes = read_own(path, owner)?;
    bytes.try_into().map_err(|_| io::Error::other("the cache's secret has a wrong length"))
}

/// Writes a new private file under a name that nobody else uses.
fn write_new(folder: &Path, contents: &[u8]) -> io::Result<PathBuf> {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    loop {
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = folder.join(format!("new-{}-{count}", std::process::id()));
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        match options.open(&path) {
            // Left behind by a process of the same number that was killed.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
            Ok(mut file) => {
                file.write_all(contents)?;
                return Ok(path);
            }
        }
    }
}

/// Moves what does not fit out of the way, for whoever wants to look at it.
fn set_aside(path: &Path) -> io::Result<()> {
    fs::rename(path, path.with_extension("quarantined"))
}
