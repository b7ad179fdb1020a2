mod build;
mod inspect;
mod list;
mod new;
mod test;

use crate::environment;
use crate::exit::{Exit, Failure, Outcome};
use pleach_plan::{StrategyError, StrategyFile};
use pleach_plugin::{Host, HostOptions};
use std::path::Path;
use std::time::Duration;

/// Search strategies: list, inspect, test, build and begin them
///
/// A strategy is a WebAssembly component that sees decisions and numbers, and nothing else of the machine.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    List(list::Arguments),
    Inspect(inspect::Arguments),
    Test(test::Arguments),
    Build(build::Arguments),
    New(new::Arguments),
}

pub fn run(arguments: &Arguments) -> Outcome {
    match &arguments.command {
        Command::List(arguments) => list::run(arguments),
        Command::Inspect(arguments) => inspect::run(arguments),
        Command::Test(arguments) => test::run(arguments),
        Command::Build(arguments) => build::run(arguments),
        Command::New(arguments) => new::run(arguments),
    }
}

/// The strategy of a name, or of a path from here.
fn found(strategy: &str) -> Result<StrategyFile, Failure> {
    environment::strategies().find(strategy, Path::new("")).map_err(|error| {
        let exit = match &error {
            StrategyError::Unknown { .. } => Exit::Invalid,
            StrategyError::Unreadable { .. } => Exit::Unusable,
            StrategyError::NotStrategy(_) => Exit::PluginFailed,
        };
        let failure = Failure::new(exit, &error);
        match error.help() {
            Some(help) => failure.help(help),
            None => failure,
        }
    })
}

/// What loads plugins, with the user's cache of compiled ones.
///
/// # Errors
/// The machine cannot run WebAssembly.
pub fn host() -> Result<Host, Failure> {
    host_with(environment::compile_limit().map_or(HostOptions::default().compile_limit, Some))
}

/// The same, with this limit of the time that compiling takes.
fn host_with(compile_limit: Option<Duration>) -> Result<Host, Failure> {
    let options = HostOptions { cache: environment::plugin_cache(), compile_limit, ..HostOptions::default() };
    Host::new(options).map_err(|error| Failure::new(Exit::PluginFailed, error))
}
