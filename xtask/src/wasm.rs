//! What compiles strategies to Wasm: the Rust that compiles everything else, with its Wasm target; where that target
//! cannot be had, Debian's Rust with a standard library built once.

mod debian;

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::console::say;
use crate::failure::{Failure, Outcome};
use crate::places::Places;
use crate::process;

/// The target of strategies: no operating system, not even WASI.
pub const TARGET: &str = "wasm32-unknown-unknown";

/// How long rustup may take to fetch the target (20 MB) before another way is tried.
const RUSTUP_LIMIT: Duration = Duration::from_secs(180);

/// The compiler of strategies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Toolchain {
    /// The compiler in use has the target.
    Own,
    /// Another compiler, and a sysroot with the target's standard library.
    Other { rustc: PathBuf, sysroot: PathBuf },
}

impl Toolchain {
    /// The variables that `pleach plugin build` reads.
    pub fn variables(&self) -> Vec<(&'static str, OsString)> {
        match self {
            Self::Own => Vec::new(),
            Self::Other { rustc, sysroot } => {
                vec![("PLEACH_WASM_RUSTC", rustc.into()), ("PLEACH_WASM_SYSROOT", sysroot.into())]
            }
        }
    }
}

/// Finds a compiler for strategies, or readies one.
pub fn ready(places: &Places) -> Outcome<Toolchain> {
    if let Some(toolchain) = named()? {
        say("wasm target", "ready: the compiler and sysroot that PLEACH_WASM_RUSTC and PLEACH_WASM_SYSROOT name");
        return Ok(toolchain);
    }
    match env::var("PLEACH_WASM_TOOLCHAIN").unwrap_or_default().as_str() {
        "" => {}
        "own" => return own().map_err(|reason| Failure::new(reason).remedy(format!("`rustup target add {TARGET}`"))),
        "debian" => return debian::ready(places),
        other => {
            return Err(Failure::usage(format!("PLEACH_WASM_TOOLCHAIN is `{other}`; it can be `own` or `debian`")));
        }
    }
    if !has_target(&sysroot_of(&rustc())?)
        && let Some(toolchain) = debian::already(places)?
    {
        // An earlier set-up fell back to it; asking rustup again could take minutes each time.
        return Ok(toolchain);
    }
    let reason = match own() {
        Ok(toolchain) => return Ok(toolchain),
        Err(reason) => reason,
    };
    say("wasm target", &format!("{reason}: falling back to Debian's Rust"));
    debian::ready(places).map_err(|failure| {
        failure.remedy_if_none(format!(
            "make `rustup target add {TARGET}` work, the simplest way ({reason});\n\
             or, on Debian and Ubuntu, as root: `apt-get install --no-install-recommends {}`;\n\
             or name a compiler and a sysroot with the target: PLEACH_WASM_RUSTC, PLEACH_WASM_SYSROOT (docs/setup.md)",
            debian::PACKAGES.join(" ")
        ))
    })
}

/// The compiler that the variables name.
fn named() -> Outcome<Option<Toolchain>> {
    let (rustc, sysroot) = match (env::var_os("PLEACH_WASM_RUSTC"), env::var_os("PLEACH_WASM_SYSROOT")) {
        (None, None) => return Ok(None),
        (Some(rustc), Some(sysroot)) => (PathBuf::from(rustc), PathBuf::from(sysroot)),
        _ => {
            return Err(Failure::usage("only one of PLEACH_WASM_RUSTC and PLEACH_WASM_SYSROOT is set")
                .remedy("set both: a compiler and a sysroot with its Wasm standard library; or neither"));
        }
    };
    if process::find(&rustc).is_none() {
        return Err(Failure::new(format!("PLEACH_WASM_RUSTC names `{}`, which is not there", rustc.display())));
    }
    if !has_target(&sysroot) {
        return Err(Failure::new(format!(
            "PLEACH_WASM_SYSROOT names `{}`, which holds no standard library for {TARGET}",
            sysroot.display()
        )));
    }
    Ok(Some(Toolchain::Other { rustc, sysroot }))
}

/// The compiler in use, its target added if need be; else the reason why not, as part of a sentence.
fn own() -> Result<Toolchain, String> {
    let sysroot = sysroot_of(&rustc()).map_err(|failure| failure.to_string())?;
    if has_target(&sysroot) {
        say("wasm target", &format!("ready: {}", sysroot.display()));
        return Ok(Toolchain::Own);
    }
    if process::find("rustup").is_none() {
        return Err(format!("the Rust in use has no target {TARGET}, and there is no rustup to add it"));
    }
    say(
        "wasm target",
        &format!("`rustup target add {TARGET}`: 20 MB, some seconds, at most {} s", RUSTUP_LIMIT.as_secs()),
    );
    let mut rustup = Command::new("rustup");
    rustup.args(["target", "add", TARGET]);
    match process::run_within(&mut rustup, RUSTUP_LIMIT) {
        Err(failure) => Err(failure.to_string()),
        Ok(None) => Err(format!("rustup did not fetch the target within {} s", RUSTUP_LIMIT.as_secs())),
        Ok(Some(captured)) if captured.success && has_target(&sysroot) => Ok(Toolchain::Own),
        Ok(Some(captured)) => {
            let errors = captured.stderr.lines().filter(|line| line.starts_with("error"));
            let said: Vec<&str> = errors.map(|line| line.trim_start_matches("error:").trim()).collect();
            let said = if said.is_empty() { "it does not say why".into() } else { said.join("; ") };
            Err(format!("rustup cannot add the target ({said})"))
        }
    }
}

/// The compiler that cargo would use.
fn rustc() -> PathBuf {
    env::var_os("RUSTC").map_or_else(|| "rustc".into(), PathBuf::from)
}

/// Where a compiler keeps its libraries.
fn sysroot_of(rustc: &Path) -> Outcome<PathBuf> {
    let captured = process::capture(Command::new(rustc).args(["--print", "sysroot"]))?;
    if !captured.success {
        return Err(Failure::new(format!("`{} --print sysroot` failed: {}", rustc.display(), captured.stderr)));
    }
    Ok(captured.stdout.trim().into())
}

/// Whether a sysroot has the target's standard library.
fn has_target(sysroot: &Path) -> bool {
    let libraries = sysroot.join("lib/rustlib").join(TARGET).join("lib");
    let Ok(entries) = libraries.read_dir() else { return false };
    entries.flatten().any(|entry| {
        let name = entry.file_name().to_string_lossy().into_owned();
        name.starts_with("libstd-") && name.ends_with(".rlib")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sysroot_without_the_target_is_seen() {
        let sysroot = sysroot_of(&rustc()).unwrap();
        assert!(sysroot.join("lib").is_dir());
        assert!(!has_target(Path::new("/no/such/sysroot")));
    }

    #[test]
    fn both_variables_reach_the_builder_of_strategies() {
        let other = Toolchain::Other { rustc: "/usr/bin/rustc".into(), sysroot: "/cache/sysroot".into() };
        let names: Vec<&str> = other.variables().iter().map(|(name, _)| *name).collect();
        assert_eq!(names, ["PLEACH_WASM_RUSTC", "PLEACH_WASM_SYSROOT"]);
        assert!(Toolchain::Own.variables().is_empty());
    }
}
