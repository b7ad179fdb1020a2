//! The Wasm target from Debian: the Rust of its web browsers, and the target's standard library built once from source.
//!
//! Debian packages no ready-built standard library for a compiler this new. It is built for an empty crate with
//! `-Zbuild-std` and kept as a sysroot in the user's cache, after which strategies build with stable options alone.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::{TARGET, Toolchain, has_target, sysroot_of};
use crate::console::say;
use crate::failure::{AtPath, Failure, Outcome};
use crate::places::{self, Places};
use crate::process;

/// The compiler, and the source of its standard library.
pub const PACKAGES: [&str; 2] = ["rustc-web", "rust-web-src"];

/// Where the packages put the compiler; the one in the PATH is usually rustup's.
const RUSTC: &str = "/usr/bin/rustc";

/// Finds Debian's compiler or installs it, and builds the target's standard library once.
pub fn ready(places: &Places) -> Outcome<Toolchain> {
    if let Some(toolchain) = already(places)? {
        return Ok(toolchain);
    }
    let oldest = places.rust_version()?;
    let rustc = PathBuf::from(RUSTC);
    if usable(&rustc, oldest).is_err() {
        install()?;
    }
    let version =
        usable(&rustc, oldest).map_err(|reason| Failure::new(format!("Debian's Rust does not serve: {reason}")))?;
    let sysroot = sysroot_for(&version)?;
    say(
        "wasm target",
        &format!("building the standard library of Debian's Rust {version} for Wasm, once: about a minute"),
    );
    places::make_whole(&sysroot, is_complete, |folder| make_sysroot(places, &rustc, folder))?;
    Ok(announced(rustc, sysroot, &version))
}

/// Debian's compiler with its sysroot, if an earlier set-up left both ready.
pub fn already(places: &Places) -> Outcome<Option<Toolchain>> {
    let rustc = PathBuf::from(RUSTC);
    let Ok(version) = usable(&rustc, places.rust_version()?) else { return Ok(None) };
    let sysroot = sysroot_for(&version)?;
    Ok(is_complete(&sysroot).then(|| announced(rustc, sysroot, &version)))
}

fn announced(rustc: PathBuf, sysroot: PathBuf, version: &str) -> Toolchain {
    say("wasm target", &format!("ready: Debian's Rust {version} with {}", sysroot.display()));
    Toolchain::Other { rustc, sysroot }
}

/// The sysroot of one version of the compiler, in the user's cache.
fn sysroot_for(version: &str) -> Outcome<PathBuf> {
    Ok(places::cache()?.join(format!("{TARGET}-{version}")))
}

/// Whether a sysroot has the standard library, and links that still lead to the host's libraries and to a linker.
fn is_complete(sysroot: &Path) -> bool {
    let host = sysroot.join("lib/rustlib").join(host());
    has_target(sysroot) && host.join("lib").is_dir() && host.join("bin/rust-lld").is_file()
}

/// The version of Debian's compiler if it is there with its source and new enough; else why not.
fn usable(rustc: &Path, oldest: (u32, u32)) -> Result<String, String> {
    let captured =
        process::capture(Command::new(rustc).arg("--version")).map_err(|_| format!("no `{}`", rustc.display()))?;
    let version = captured.stdout.split_whitespace().nth(1).unwrap_or_default().to_owned();
    match places::version_in(&version) {
        Some(found) if captured.success && found >= oldest => {}
        _ => {
            let (major, minor) = oldest;
            return Err(format!(
                "`{}` is version {version}, and {major}.{minor} is the oldest that will do",
                rustc.display()
            ));
        }
    }
    let sysroot = sysroot_of(rustc).map_err(|failure| failure.to_string())?;
    let source = sysroot.join("lib/rustlib/src/rust/library/std/Cargo.toml");
    if source.is_file() { Ok(version) } else { Err(format!("`{}` is not there", source.display())) }
}

fn install() -> Outcome {
    if process::find("apt-get").is_none() {
        return Err(Failure::new("this system has no apt-get to install Debian's Rust with"));
    }
    if !is_root() {
        return Err(Failure::new("only root can install Debian's Rust"));
    }
    say("wasm target", &format!("installing {} with apt-get: 140 MB, half a minute", PACKAGES.join(" and ")));
    let apt = |arguments: &[&str]| {
        let mut command = Command::new("apt-get");
        command.arg("-qq").args(arguments).env("DEBIAN_FRONTEND", "noninteractive");
        process::run_quietly(&mut command)
    };
    apt(&["update"])?;
    apt(&[&["install", "-y", "--no-install-recommends"], &PACKAGES[..]].concat())
}

fn is_root() -> bool {
    process::capture(Command::new("id").arg("-u")).is_ok_and(|captured| captured.stdout.trim() == "0")
}

/// Builds the standard library for an empty crate and keeps it in the layout of a sysroot.
fn make_sysroot(places: &Places, rustc: &Path, folder: &Path) -> Outcome {
    let linker = linker()?;
    let empty = folder.join("empty");
    let source = empty.join("src");
    fs::create_dir_all(&source).at("create", &source)?;
    let manifest = "[package]\nname = \"empty\"\nedition = \"2024\"\n\n[workspace]\n";
    for (path, text) in [(empty.join("Cargo.toml"), manifest), (source.join("lib.rs"), "#![no_std]\n")] {
        fs::write(&path, text).at("write", &path)?;
    }
    let mut cargo = places.cargo(&["build", "--quiet", "--release", "-Zbuild-std=std,panic_abort", "--target", TARGET]);
    cargo
        .current_dir(&empty)
        .env("RUSTC", rustc)
        // The standard library needs unstable features, which this compiler allows when asked.
        .env("RUSTC_BOOTSTRAP", "1")
        .env("CARGO_TARGET_DIR", empty.join("target"))
        // Cargo leaves the bitcode out where nothing in the same build needs it; link-time optimization of strategies does.
        .env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS", "-C embed-bitcode=yes");
    for variable in ["RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS", "RUSTC_WRAPPER", "RUSTC_WORKSPACE_WRAPPER"] {
        cargo.env_remove(variable);
    }
    process::run_quietly(&mut cargo)?;

    let libraries = folder.join("lib/rustlib").join(TARGET).join("lib");
    fs::create_dir_all(&libraries).at("create", &libraries)?;
    let built = empty.join("target").join(TARGET).join("release/deps");
    for entry in fs::read_dir(&built).at("read", &built)?.flatten() {
        let name = entry.file_name();
        let text = name.to_string_lossy();
        if text.ends_with(".rlib") && !text.starts_with("libempty-") {
            fs::copy(entry.path(), libraries.join(&name)).at("copy", &entry.path())?;
        }
    }
    fs::remove_dir_all(&empty).at("remove", &empty)?;
    add_host(rustc, &linker, folder)
}

/// Links the compiler's own libraries for the host into the sysroot, and a Wasm linker where rustc looks for one.
fn add_host(rustc: &Path, linker: &Path, folder: &Path) -> Outcome {
    let ours = folder.join("lib/rustlib").join(host());
    let theirs = sysroot_of(rustc)?.join("lib/rustlib").join(host());
    let tools = ours.join("bin");
    fs::create_dir_all(&tools).at("create", &tools)?;
    link(&theirs.join("lib"), &ours.join("lib"))?;
    link(linker, &tools.join("rust-lld"))
}

/// A linker for Wasm: the one that came with the Rust in use, else LLVM's from the PATH.
fn linker() -> Outcome<PathBuf> {
    let own = sysroot_of(&super::rustc())?.join("lib/rustlib").join(host()).join("bin/rust-lld");
    let found = if own.is_file() { Some(own) } else { ["lld", "wasm-ld"].iter().find_map(process::find) };
    found.ok_or_else(|| {
        Failure::new("no linker for Wasm: the Rust in use has no rust-lld, and there is no `lld` in the PATH")
            .remedy("install one (Debian and Ubuntu: `apt-get install lld`)")
    })
}

/// The host's target triple; Debian's packages for other processors have the same layout.
fn host() -> String {
    format!("{}-unknown-linux-gnu", env::consts::ARCH)
}

#[cfg(unix)]
fn link(original: &Path, link: &Path) -> Outcome {
    std::os::unix::fs::symlink(original, link).at("create the link", link)
}

#[cfg(not(unix))]
fn link(_original: &Path, _link: &Path) -> Outcome {
    Err(Failure::new("Debian's Rust is for Linux"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_compiler_that_is_too_old_is_refused_with_its_version() {
        let newest = (u32::MAX, 0);
        let reason = usable(&super::super::rustc(), newest).unwrap_err();
        assert!(reason.contains("is the oldest that will do"), "{reason}");
        assert_eq!(usable(Path::new("/no/such/rustc"), (1, 95)).unwrap_err(), "no `/no/such/rustc`");
    }
}
