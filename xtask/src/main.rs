//! `cargo xtask`: set-up and chores of the repository, in Rust, so that they work wherever Pleach does.
//!
//! It is built before anything else on a fresh machine, so it uses the standard library alone.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program for people at a terminal")]

mod arguments;
mod bench;
mod checks;
mod console;
mod failure;
mod help;
mod libtorch;
mod places;
mod process;
mod programs;
mod wasm;

use std::env;
use std::process::{ExitCode, ExitStatus};

use arguments::Task;
use console::{Console, say};
use failure::Outcome;
use places::{Places, Profile};
use programs::Workshop;

fn main() -> ExitCode {
    match Task::parse(env::args_os().skip(1)).and_then(perform) {
        Ok(code) => code,
        Err(failure) => {
            eprintln!("{failure}");
            failure.code().into()
        }
    }
}

fn perform(task: Task) -> Outcome<ExitCode> {
    let mut console = Console::default();
    match task {
        Task::Help(text) => println!("{}", text.map_or_else(help::overview, str::to_owned).trim_end()),
        Task::Run { profile, arguments } => {
            let workshop = build(profile, &mut console)?;
            return workshop.run_experiment(profile, &arguments).map(passed_on);
        }
        Task::Test { fast, filter } => {
            let outcome = checks::run(Places::find()?, fast, &filter, &mut console);
            console.summary(if outcome.is_ok() { "all checks passed" } else { "the last stage failed" });
            outcome?;
        }
        Task::TestCrash { kills, seed } => {
            let workshop = build(Profile::Dev, &mut console)?;
            checks::crash(&workshop, kills, seed)?;
        }
        Task::TestSandbox { names } => {
            let workshop = build(Profile::Dev, &mut console)?;
            return checks::sandbox(&workshop, &names).map(passed_on);
        }
        Task::Setup => {
            Workshop::ready(Places::find()?, &mut console)?;
        }
        Task::Build { profile } => {
            build(profile, &mut console)?;
        }
        Task::Plugins { profile } => {
            build(profile, &mut console)?;
        }
        Task::Schemas => {
            let workshop = programs(Profile::Dev, &mut console)?;
            let folder = workshop.places.root.join("schemas");
            workshop.write_schemas(Profile::Dev, &folder)?;
            say("schemas", &format!("written to {}", folder.display()));
        }
        Task::Env => {
            let workshop = Workshop::ready(Places::find()?, &mut console)?;
            for (name, value) in workshop.variables(Profile::Dev) {
                println!("export {name}={}", quoted(&value.to_string_lossy()));
            }
        }
        Task::BenchOverhead { profile, arguments } => {
            let workshop = build(profile, &mut console)?;
            return bench::overhead(&workshop, profile, &arguments).map(passed_on);
        }
        Task::BenchTrain(options) => {
            let workshop = programs(options.profile, &mut console)?;
            bench::train(&workshop, &options)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Sets up and builds the programs.
fn programs(profile: Profile, console: &mut Console) -> Outcome<Workshop> {
    let workshop = Workshop::ready(Places::find()?, console)?;
    console.timed("programs", || workshop.build_programs(profile))?;
    Ok(workshop)
}

/// Sets up and builds the programs and the strategies.
fn build(profile: Profile, console: &mut Console) -> Outcome<Workshop> {
    let workshop = programs(profile, console)?;
    console.timed("strategies", || workshop.build_plugins(profile))?;
    Ok(workshop)
}

/// The exit code of a program that we ran for the user; one that a signal ended counts as failed.
fn passed_on(status: ExitStatus) -> ExitCode {
    status.code().and_then(|code| u8::try_from(code).ok()).map_or(ExitCode::FAILURE, ExitCode::from)
}

/// A value as one word of a POSIX shell.
fn quoted(value: &str) -> String {
    format!("'{}'", value.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_stay_one_word_in_the_shell() {
        assert_eq!(quoted("/a folder/it's here"), r"'/a folder/it'\''s here'");
    }

    #[cfg(unix)]
    #[test]
    fn the_shell_reads_back_what_was_quoted() {
        let value = "/a b/$HOME/it's `here`";
        let script = format!("printf %s {}", quoted(value));
        let output = std::process::Command::new("sh").args(["-c", &script]).output().unwrap();
        assert_eq!(String::from_utf8(output.stdout).unwrap(), value);
    }
}
