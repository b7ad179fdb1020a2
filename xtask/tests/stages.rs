//! The commands from end to end in a small repository, with a shell script in place of cargo and of the programs that it
//! builds: which stages run, in which order, with what, and what becomes of failures.

#![cfg(unix)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// Writes what it was asked to the log; `build` makes the programs, as copies of `program`.
const CARGO: &str = r#"#!/bin/sh
echo "cargo $*" >> "$LOG"
echo "cargo has LIBTORCH=$LIBTORCH package=$CARGO_PKG_NAME" >> "$LOG"
case "$1 $2" in
    "$FAIL"*) echo "cargo says no" >&2; exit 101 ;;
    "nextest --version") exit "${NO_NEXTEST:-0}" ;;
esac
if [ "$1" = build ]; then
    for program in pleach pleach-torch; do cp "$PROGRAM" "$REPOSITORY/target/debug/$program"; done
fi
exit 0
"#;

/// Stands for `pleach`: a schema is one file, a run passes on an exit code.
const PROGRAM: &str = r#"#!/bin/sh
echo "pleach $*" >> "$LOG"
case "$1" in
    schema) echo '{"fresh": true}' > "$3/experiment.schema.json" ;;
    plugin) mkdir -p "$REPOSITORY/target/plugins"; echo "built" ;;
    run) echo '{"event": "finished"}'; pwd >> "$LOG"; echo "worker $PLEACH_TORCH plugins $PLEACH_PLUGINS" >> "$LOG"; exit 4 ;;
esac
"#;

struct Repository {
    root: PathBuf,
}

impl Repository {
    fn new(name: &str) -> Self {
        let root = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("stages-{name}"));
        let _ = fs::remove_dir_all(&root);
        let repository = Self { root };
        for (path, text) in [
            ("Cargo.toml", "[workspace.package]\nrust-version = \"1.95\"\n"),
            ("xtask/Cargo.toml", ""),
            ("plugins/sdk/Cargo.toml", ""),
            ("plugins/random/Cargo.toml", ""),
            ("plugins/annealing/Cargo.toml", ""),
            ("engine/space/src/lib.rs", "//! Nothing documented.\n"),
            ("schemas/experiment.schema.json", "{\"fresh\": true}\n"),
            ("libtorch/build-version", "2.11.0"),
            ("libtorch/include/torch.h", ""),
            ("libtorch/lib/libtorch_cpu.so", ""),
            ("libtorch/lib/libtorch_cpu.dylib", ""),
            ("sysroot/lib/rustlib/wasm32-unknown-unknown/lib/libstd-1.rlib", ""),
            ("elsewhere/experiment.yaml", ""),
        ] {
            let path = repository.root.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        let programs = repository.root.join("target/debug");
        fs::create_dir_all(&programs).unwrap();
        // No file that will be executed is opened for writing here: a process that another test starts at that moment would
        // inherit it open, and a file open for writing cannot be executed.
        repository.script("cargo", CARGO);
        repository.script("program", PROGRAM);
        // The target folder is found from where the program lies.
        fs::hard_link(env!("CARGO_BIN_EXE_xtask"), programs.join("xtask")).unwrap();
        repository
    }

    fn script(&self, name: &str, text: &str) {
        let mut shell = Command::new("sh");
        shell.args(["-c", "printf %s \"$1\" > \"$0\" && chmod 755 \"$0\""]).arg(self.root.join(name)).arg(text);
        assert!(shell.status().unwrap().success());
    }

    fn xtask(&self, arguments: &[&str]) -> Command {
        let path = |name: &str| self.root.join(name);
        let mut command = Command::new(path("target/debug/xtask"));
        command.args(arguments).current_dir(path("elsewhere"));
        for variable in ["LIBTORCH_USE_PYTORCH", "PLEACH_WASM_TOOLCHAIN", "LIBTORCH_LIB", "LIBTORCH_INCLUDE"] {
            command.env_remove(variable);
        }
        command
            .env("CARGO", path("cargo"))
            .env("CARGO_MANIFEST_DIR", path("xtask"))
            .env("CARGO_PKG_NAME", "xtask")
            .env("LIBTORCH", path("libtorch"))
            .env("CXX", "sh")
            .env("PLEACH_WASM_RUSTC", path("cargo"))
            .env("PLEACH_WASM_SYSROOT", path("sysroot"))
            .env("REPOSITORY", &self.root)
            .env("PROGRAM", path("program"))
            .env("LOG", path("log"))
            .env("FAIL", "nothing");
        command
    }

    fn log(&self) -> Vec<String> {
        let log = fs::read_to_string(self.root.join("log")).unwrap_or_default();
        log.replace(&*self.root.to_string_lossy(), "ROOT").lines().map(str::to_owned).collect()
    }

    /// The log without cargo's surroundings.
    fn commands(&self) -> Vec<String> {
        self.log().into_iter().filter(|line| !line.starts_with("cargo has")).collect()
    }
}

impl Drop for Repository {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.root);
    }
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn fails_at(repository: &Repository, stage: &str) -> String {
    let output = repository.xtask(&["test"]).env("FAIL", stage).output().unwrap();
    assert_eq!(output.status.code(), Some(101), "{}", stderr(&output));
    stderr(&output)
}

const BUILD: &str = "cargo build --workspace --exclude xtask --bins --examples";
const PLUGINS: &str = "pleach plugin build plugins/annealing plugins/random --out ROOT/target/plugins";

#[test]
fn run_builds_everything_and_passes_on_exit_code_and_output() {
    let repository = Repository::new("run");
    let output = repository.xtask(&["run", "experiment.yaml", "--workers", "2"]).output().unwrap();
    assert_eq!(output.status.code(), Some(4), "{}", stderr(&output));
    assert_eq!(String::from_utf8_lossy(&output.stdout), "{\"event\": \"finished\"}\n");
    let expected = [
        BUILD,
        "cargo has LIBTORCH=ROOT/libtorch package=",
        PLUGINS,
        "pleach run experiment.yaml --workers 2",
        "ROOT/elsewhere",
        "worker ROOT/target/debug/pleach-torch plugins ROOT/target/plugins",
    ];
    assert_eq!(repository.log(), expected);
}

#[test]
fn test_runs_every_stage_in_order() {
    let repository = Repository::new("test");
    let output = repository.xtask(&["test"]).output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    let expected = [
        "cargo fmt --all --check",
        "cargo clippy --workspace --all-targets -- --deny warnings",
        "cargo build --workspace --all-targets",
        PLUGINS,
        "cargo nextest --version",
        "cargo nextest run --workspace --all-targets --no-fail-fast",
        "pleach schema --out ROOT/target/schemas-fresh",
    ];
    assert_eq!(repository.commands(), expected);
    for stage in ["format", "libtorch", "wasm target", "clippy", "build", "strategies", "tests", "schemas", "total"] {
        assert!(stderr(&output).contains(&format!(" {stage}  ")), "{stage} in:\n{}", stderr(&output));
    }
    assert!(stderr(&output).contains("all checks passed"));
}

#[test]
fn tests_run_without_nextest_and_documentation_is_tested_where_it_has_code() {
    let repository = Repository::new("cargo-test");
    let source = "/// Adds.\n///\n/// ```\n/// assert_eq!(1 + 1, 2);\n/// ```\npub fn add() {}\n";
    fs::write(repository.root.join("engine/space/src/lib.rs"), source).unwrap();
    let output = repository.xtask(&["test"]).env("NO_NEXTEST", "1").output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    let commands = repository.commands();
    assert!(commands.contains(&"cargo test --workspace --all-targets --no-fail-fast".into()), "{commands:?}");
    assert!(commands.contains(&"cargo test --doc --workspace --quiet".into()), "{commands:?}");
}

#[test]
fn fast_tests_take_a_filter_and_leave_clippy_out() {
    let repository = Repository::new("fast");
    assert!(repository.xtask(&["test", "--fast", "--", "space"]).output().unwrap().status.success());
    let commands = repository.commands();
    assert!(!commands.iter().any(|command| command.contains("clippy")), "{commands:?}");
    assert!(
        commands.contains(&"cargo nextest run --workspace --all-targets --no-fail-fast space".into()),
        "{commands:?}"
    );
}

#[test]
fn the_first_failing_stage_ends_it_and_says_how_to_fix() {
    let repository = Repository::new("failing");
    let said = fails_at(&repository, "fmt");
    assert!(said.contains("cargo says no") && said.contains("to fix: `cargo fmt --all`"), "{said}");
    assert!(said.contains("the last stage failed"), "{said}");
    assert_eq!(repository.commands(), ["cargo fmt --all --check"]);
    assert!(fails_at(&repository, "clippy").contains("to fix: see the lints above"));
    assert!(fails_at(&repository, "nextest run").contains("`cargo xtask test --fast -- NAME` runs single tests again"));
}

#[test]
fn stale_schemas_fail_and_are_written_again() {
    let repository = Repository::new("schemas");
    let schema = repository.root.join("schemas/experiment.schema.json");
    fs::write(&schema, "{}").unwrap();
    let said = fails_at(&repository, "nothing");
    assert!(said.contains("`experiment.schema.json` is stale\nto fix: `cargo xtask schemas`"), "{said}");
    assert!(repository.xtask(&["schemas"]).output().unwrap().status.success());
    assert_eq!(fs::read_to_string(&schema).unwrap(), "{\"fresh\": true}\n");
    assert!(repository.xtask(&["test"]).output().unwrap().status.success());
}

#[test]
fn variables_are_printed_for_the_shell() {
    let repository = Repository::new("env");
    let root = repository.root.display();
    let output = repository.xtask(&["env"]).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    // What the environment names already is left to it.
    assert!(!text.contains("LIBTORCH"), "{text}");
    assert!(text.contains(&format!("export PLEACH_BIN='{root}/target/debug/pleach'\n")), "{text}");
    assert!(text.contains(&format!("export PLEACH_WASM_SYSROOT='{root}/sysroot'\n")), "{text}");
}

#[test]
fn a_wrong_libtorch_stops_everything_before_cargo_runs() {
    let repository = Repository::new("libtorch");
    fs::write(repository.root.join("libtorch/build-version"), "2.9.1").unwrap();
    let output = repository.xtask(&["run", "experiment.yaml"]).output().unwrap();
    assert_eq!(output.status.code(), Some(101));
    assert!(stderr(&output).contains("is version 2.9.1; Pleach is built with 2.11.0"), "{}", stderr(&output));
    assert!(!repository.root.join("log").exists());
}
