//! `cargo xtask test`: every check that a change must pass.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};

use crate::console::{Console, say};
use crate::failure::{AtPath, Outcome};
use crate::places::{Places, Profile};
use crate::process;
use crate::programs::Workshop;

/// Programs under test are those of the dev profile, as `cargo test` builds them.
const PROFILE: Profile = Profile::Dev;

/// Runs the stages up to the first that fails; the console keeps their times.
pub fn run(places: Places, fast: bool, filter: &[OsString], console: &mut Console) -> Outcome {
    console.stage("format", "cargo fmt --all --check", || {
        process::run(&mut places.cargo(&["fmt", "--all", "--check"]))
            .map_err(|failure| failure.remedy("`cargo fmt --all`"))
    })?;
    let workshop = Workshop::ready(places, console)?;
    if !fast {
        console.stage("clippy", "cargo clippy, warnings denied: about 4 minutes the first time", || {
            process::run(&mut workshop.cargo(&["clippy", "--workspace", "--all-targets", "--", "--deny", "warnings"]))
                .map_err(|failure| failure.remedy("see the lints above; each names the page that explains it"))
        })?;
    }
    console.stage("build", "programs and tests: about 10 minutes the first time", || build(&workshop))?;
    console.timed("strategies", || workshop.build_plugins(PROFILE))?;
    console.stage("tests", "all tests", || tests(&workshop, filter))?;
    if !fast && filter.is_empty() && has_documentation_tests(&workshop.places.root)? {
        console.stage("doc tests", "cargo test --doc", || {
            let mut cargo = workshop.cargo(&["test", "--doc", "--workspace", "--quiet"]);
            process::run(cargo.envs(workshop.variables(PROFILE)))
        })?;
    }
    console.stage("schemas", "schemas/ is what the program writes", || workshop.check_schemas(PROFILE))
}

/// Builds programs and tests in one go, for then they share the features of their dependencies: the same selection as
/// in the tests' own stage, so that nothing is compiled twice.
fn build(workshop: &Workshop) -> Outcome {
    process::run(&mut workshop.cargo(&["build", "--workspace", "--all-targets"]))
}

fn tests(workshop: &Workshop, filter: &[OsString]) -> Outcome {
    let nextest = process::capture(&mut workshop.places.cargo(&["nextest", "--version"]))?.success;
    let mut cargo = if nextest {
        workshop.cargo(&["nextest", "run", "--workspace", "--all-targets", "--no-fail-fast"])
    } else {
        say("tests", "with `cargo test`; cargo-nextest is faster where it is installed");
        workshop.cargo(&["test", "--workspace", "--all-targets", "--no-fail-fast"])
    };
    if !nextest && !filter.is_empty() {
        cargo.arg("--");
    }
    cargo.args(filter).envs(workshop.variables(PROFILE));
    process::run(&mut cargo).map_err(|failure| {
        failure.remedy("see the failures above; `cargo xtask test --fast -- NAME` runs single tests again")
    })
}

/// Runs experiments that are killed at random moments, so many times in all.
pub fn crash(workshop: &Workshop, kills: u32, seed: u32) -> Outcome {
    let mut cargo = workshop.cargo(&["test", "--workspace", "--test", "crash", "--", "--nocapture"]);
    cargo.envs(workshop.variables(PROFILE));
    cargo.envs([("PLEACH_KILLS", kills.to_string()), ("PLEACH_KILLS_SEED", seed.to_string())]);
    process::run(&mut cargo)
}

/// Runs the corpus of hostile plugins, each in a process of its own, and prints how each ended.
pub fn sandbox(workshop: &Workshop, names: &[OsString]) -> Outcome<ExitStatus> {
    let mut command = Command::new(workshop.places.program("sandbox", PROFILE));
    process::status(command.args(names).envs(workshop.variables(PROFILE)))
}

/// Whether any library documents with code that runs, for the stage takes time even where none does.
fn has_documentation_tests(root: &Path) -> Outcome<bool> {
    for group in ["engine", "plugins"] {
        let group = root.join(group);
        for crate_folder in fs::read_dir(&group).at("read", &group)?.flatten() {
            let source = crate_folder.path().join("src");
            if source.join("lib.rs").is_file() && any_source(&source, &documents_code)? {
                return Ok(true);
            }
        }
    }
    Ok(false)
}

fn any_source(folder: &Path, matches: &dyn Fn(&str) -> bool) -> Outcome<bool> {
    for entry in fs::read_dir(folder).at("read", folder)?.flatten() {
        let path: PathBuf = entry.path();
        let found = if path.is_dir() {
            any_source(&path, matches)?
        } else {
            path.extension().is_some_and(|extension| extension == "rs")
                && matches(&fs::read_to_string(&path).at("read", &path)?)
        };
        if found {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Whether a source file has a fenced block in its documentation that rustdoc would compile.
fn documents_code(source: &str) -> bool {
    let mut inside = false;
    for line in source.lines() {
        let line = line.trim_start();
        let Some(text) = line.strip_prefix("///").or_else(|| line.strip_prefix("//!")) else { continue };
        let Some(kind) = text.trim_start().strip_prefix("```") else { continue };
        if !inside && kind.split(',').all(|word| matches!(word.trim(), "" | "rust" | "no_run" | "should_panic")) {
            return true;
        }
        inside = !inside;
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_blocks_that_rustdoc_compiles_count() {
        assert!(documents_code("/// Adds.\n///\n/// ```\n/// assert_eq!(1 + 1, 2);\n/// ```\n"));
        assert!(documents_code("//! ```text\n//! a\n//! ```\n//! ```rust,no_run\n//! run();\n//! ```\n"));
        assert!(!documents_code("//! ```text\n//! a → b\n//! ```\n"));
        assert!(!documents_code("/// ```yaml\n/// name: a\n/// ```\n// ```\nlet text = \"```\";\n"));
    }
}
