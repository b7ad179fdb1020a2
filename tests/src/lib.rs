//! End-to-end tests through the built programs; see `tests/`.
//!
//! `cargo xtask test` builds programs and strategies first and says where they are; without it they are looked for in
//! `target/debug` and `target/plugins`.

pub mod sandbox;

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// The repository's root.
pub fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the tests lie in the repository").to_owned()
}

/// What a variable names, else a path below the repository's `target`.
fn built(variable: &str, path: &str) -> PathBuf {
    let found = env::var_os(variable).map_or_else(|| repository().join("target").join(path), PathBuf::from);
    assert!(found.exists(), "{} is missing: run `cargo xtask test`, or set {variable}", found.display());
    found
}

/// The engine's command line in a folder, with the built strategies and worker, and a cache of compiled plugins that all tests share.
pub fn pleach(folder: &Path) -> Command {
    let mut command = Command::new(built("PLEACH_BIN", "debug/pleach"));
    command.current_dir(folder).env("PLEACH_PLUGINS", built("PLEACH_PLUGINS", "plugins"));
    command
        .env("XDG_CACHE_HOME", repository().join("target/cache-of-tests"))
        .env("NO_COLOR", "1")
        // Compilers that are built without optimization take their time.
        .env("PLEACH_COMPILE_SECONDS", "600")
        .env_remove("GITHUB_STEP_SUMMARY")
        .env_remove("RUST_BACKTRACE");
    if let Some(worker) = env::var_os("PLEACH_TORCH") {
        command.env("PLEACH_TORCH", worker);
    }
    command
}

/// What a command said and how it ended.
#[derive(Debug)]
pub struct Said {
    /// The exit code.
    pub code: i32,
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
}

impl Said {
    /// All of it as one text, for snapshots.
    pub fn whole(&self) -> String {
        format!("exit code {}\n--- standard output\n{}--- standard error\n{}", self.code, self.out, self.err)
    }
}

/// Runs `pleach` with these arguments in a folder.
pub fn run(folder: &Path, arguments: &[&str]) -> Said {
    said(pleach(folder).args(arguments).output().expect("the program can be started"))
}

/// What a finished process said.
pub fn said(output: Output) -> Said {
    Said {
        code: output.status.code().unwrap_or(-1),
        out: String::from_utf8_lossy(&output.stdout).into_owned(),
        err: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}
