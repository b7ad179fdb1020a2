//! One file a command: its arguments with their help, and what it does.

pub mod bench;
pub mod cache;
pub mod check;
pub mod completions;
pub mod data;
pub mod export;
pub mod list;
pub mod new;
pub mod plan;
pub mod plugin;
pub mod predictor;
pub mod report;
pub mod reproduce;
pub mod run;
pub mod schema;
pub mod show;
pub mod space;
pub mod watch;

use crate::arguments::Command;
use crate::exit::Outcome;

/// Does what was asked for.
///
/// # Errors
/// What kept it from its end.
pub fn run(command: Command) -> Outcome {
    match command {
        Command::New(arguments) => new::run(&arguments),
        Command::Check(arguments) => check::run(&arguments),
        Command::Plan(arguments) => plan::run(&arguments),
        Command::Run(arguments) => run::run(&arguments),
        Command::Reproduce(arguments) => reproduce::run(&arguments),
        Command::Watch(arguments) => watch::run(&arguments),
        Command::Show(arguments) => show::run(&arguments),
        Command::Report(arguments) => report::run(&arguments),
        Command::List(arguments) => list::run(&arguments),
        Command::Space(arguments) => space::run(&arguments),
        Command::Schema(arguments) => schema::run(&arguments),
        Command::Plugin(arguments) => plugin::run(&arguments),
        Command::Data(arguments) => data::run(&arguments),
        Command::Cache(arguments) => cache::run(&arguments),
        Command::Predictor(arguments) => predictor::run(&arguments),
        Command::Export(arguments) => export::run(&arguments),
        Command::Bench(arguments) => bench::run(&arguments),
        Command::Completions(arguments) => completions::run(&arguments),
    }
}

/// The two formats that most commands have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// Text for people
    Human,
    /// JSON for programs
    Json,
}

/// The formats of what came out of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum RunFormat {
    /// Text for people
    Human,
    /// JSON for programs
    Json,
    /// JUnit XML for CI systems: a test case a step and a requirement
    Junit,
}
