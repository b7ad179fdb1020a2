//! Building and running what the repository makes: the programs, the strategies, the schemas.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};

use crate::console::{Console, say};
use crate::failure::{AtPath, Failure, Outcome};
use crate::places::{Places, Profile, hide_cargo_run};
use crate::{libtorch, process, wasm};

/// The programs: the engine with its command line, and the training worker.
const PROGRAMS: [&str; 2] = ["pleach", "pleach-torch"];

/// A checkout that is ready to build: its folders, and the variables that cargo and the programs need.
pub struct Workshop {
    pub places: Places,
    variables: Vec<(&'static str, OsString)>,
}

impl Workshop {
    /// Readies libtorch and the Wasm target.
    pub fn ready(places: Places, console: &mut Console) -> Outcome<Self> {
        let libtorch = console.timed("libtorch", libtorch::ready)?;
        let toolchain = console.timed("wasm target", || wasm::ready(&places))?;
        let variables = [libtorch.variables(), toolchain.variables()].concat();
        Ok(Self { places, variables })
    }

    /// The variables with which cargo, the tests and the programs find everything.
    pub fn variables(&self, profile: Profile) -> Vec<(&'static str, OsString)> {
        let program = |name| self.places.program(name, profile).into();
        let mut variables = self.variables.clone();
        variables.push(("PLEACH_BIN", program("pleach")));
        variables.push(("PLEACH_TORCH", program("pleach-torch")));
        variables.push(("PLEACH_PLUGINS", self.places.plugins().into()));
        if profile == Profile::Dev {
            // A compiler that was built without optimization takes ten times as long.
            variables.push(("PLEACH_COMPILE_SECONDS", "80".into()));
        }
        variables
    }

    /// A cargo command with what the build needs. The variables about programs are for tests only.
    pub fn cargo(&self, arguments: &[&str]) -> Command {
        let mut command = self.places.cargo(arguments);
        command.envs(self.variables.iter().cloned());
        command
    }

    /// The command line of the engine, as built.
    pub fn pleach(&self, profile: Profile) -> Command {
        let mut command = Command::new(self.places.program("pleach", profile));
        command.envs(self.variables(profile));
        hide_cargo_run(&mut command);
        command
    }

    /// Builds the programs.
    pub fn build_programs(&self, profile: Profile) -> Outcome {
        if !PROGRAMS.iter().all(|program| self.places.program(program, profile).is_file()) {
            let time = match profile {
                Profile::Dev => "about 3 minutes",
                Profile::Release => "about 10 minutes",
            };
            say("programs", &format!("the first build compiles every dependency: {time} on two cores"));
        }
        // The whole workspace, and its few examples, because cargo then chooses the features of dependencies as it does for
        // tests: with `--package` alone, Wasmtime and 60 other crates would be compiled a second time for `xtask test`.
        let mut cargo = self.cargo(&["build", "--workspace", "--exclude", "xtask", "--bins", "--examples"]);
        if profile == Profile::Release {
            cargo.arg("--release");
        }
        process::run(&mut cargo)
    }

    /// Builds every strategy to a Wasm component, with the program `pleach` of this profile.
    pub fn build_plugins(&self, profile: Profile) -> Outcome {
        let strategies = strategies(&self.places.root)?;
        let out = self.places.plugins();
        if !out.is_dir() {
            say("strategies", "the first build compiles the kit's dependencies for Wasm: about a minute");
        }
        let mut command = self.pleach(profile);
        command.current_dir(&self.places.root).args(["plugin", "build"]).args(&strategies).arg("--out").arg(&out);
        process::run_quietly(&mut command)?;
        say("strategies", &format!("ready: {} in {}", strategies.len(), out.display()));
        Ok(())
    }

    /// Runs an experiment in the folder where the user is, and gives the program's exit status.
    pub fn run_experiment(&self, profile: Profile, arguments: &[OsString]) -> Outcome<ExitStatus> {
        process::status(self.pleach(profile).arg("run").args(arguments))
    }

    /// Writes the generated schemas to a folder.
    pub fn write_schemas(&self, profile: Profile, folder: &Path) -> Outcome {
        process::run_quietly(self.pleach(profile).args(["schema", "--out"]).arg(folder))
    }

    /// Checks that `schemas/` is what the program would write.
    pub fn check_schemas(&self, profile: Profile) -> Outcome {
        let fresh = self.places.target.join("schemas-fresh");
        crate::places::remove_folder(&fresh)?;
        fs::create_dir_all(&fresh).at("create", &fresh)?;
        self.write_schemas(profile, &fresh)?;
        let differences = differences(&fresh, &self.places.root.join("schemas"))?;
        if differences.is_empty() {
            return Ok(());
        }
        Err(Failure::new(format!("schemas/ is not what the program writes: {}", differences.join(", ")))
            .remedy("`cargo xtask schemas`, and commit what it changes"))
    }
}

/// The folders of the strategies, relative to the repository's root, in order.
fn strategies(root: &Path) -> Outcome<Vec<PathBuf>> {
    let plugins = root.join("plugins");
    let entries = fs::read_dir(&plugins).at("read", &plugins)?;
    let folders = entries.flatten().filter(|entry| entry.path().join("Cargo.toml").is_file());
    let mut names: Vec<OsString> = folders.map(|entry| entry.file_name()).filter(|name| name != "sdk").collect();
    names.sort();
    Ok(names.into_iter().map(|name| Path::new("plugins").join(name)).collect())
}

/// What differs between the fresh schemas and those kept: one phrase a file, in order.
fn differences(fresh: &Path, kept: &Path) -> Outcome<Vec<String>> {
    let names = |folder: &Path| -> Outcome<Vec<OsString>> {
        let files = fs::read_dir(folder).at("read", folder)?.flatten().filter(|entry| entry.path().is_file());
        Ok(files.map(|entry| entry.file_name()).filter(|name| name.to_string_lossy().ends_with(".json")).collect())
    };
    let (fresh_names, kept_names) = (names(fresh)?, names(kept)?);
    let mut all: Vec<&OsString> = fresh_names.iter().chain(&kept_names).collect();
    all.sort();
    all.dedup();
    let mut found = Vec::new();
    for name in all {
        let what = match (fresh_names.contains(name), kept_names.contains(name)) {
            (true, false) => "is missing",
            (false, true) => "is no longer written",
            _ if fs::read(fresh.join(name)).ok() == fs::read(kept.join(name)).ok() => continue,
            _ => "is stale",
        };
        found.push(format!("`{}` {what}", name.to_string_lossy()));
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kit_is_no_strategy() {
        let root = Places::find().unwrap().root;
        let strategies = strategies(&root).unwrap();
        assert!(strategies.contains(&PathBuf::from("plugins/random")));
        assert!(
            !strategies.contains(&PathBuf::from("plugins/sdk")) && !strategies.contains(&PathBuf::from("plugins/wit"))
        );
    }

    #[test]
    fn stale_missing_and_superfluous_schemas_are_told_apart() {
        let base = std::env::temp_dir().join(format!("pleach-xtask-schemas-{}", std::process::id()));
        let (fresh, kept) = (base.join("fresh"), base.join("kept"));
        for folder in [&fresh, &kept] {
            fs::create_dir_all(folder).unwrap();
            fs::write(folder.join("same.json"), "{}").unwrap();
        }
        assert!(differences(&fresh, &kept).unwrap().is_empty());
        fs::write(fresh.join("a.json"), "{}").unwrap();
        fs::write(kept.join("b.json"), "{}").unwrap();
        fs::write(kept.join("same.json"), "[]").unwrap();
        fs::write(kept.join("README.md"), "not a schema").unwrap();
        let expected = ["`a.json` is missing", "`b.json` is no longer written", "`same.json` is stale"];
        assert_eq!(differences(&fresh, &kept).unwrap(), expected);
        fs::remove_dir_all(&base).unwrap();
    }
}
