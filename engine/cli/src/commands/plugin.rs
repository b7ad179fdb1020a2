mod build;
mod inspect;
mod list;
mod new;

use crate::environment;
use crate::exit::{Exit, Failure, Outcome};
use pleach_plugin::{Host, HostOptions};

/// Search strategies: list, inspect, build and begin them
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
    Build(build::Arguments),
    New(new::Arguments),
}

pub fn run(arguments: &Arguments) -> Outcome {
    match &arguments.command {
        Command::List(arguments) => list::run(arguments),
        Command::Inspect(arguments) => inspect::run(arguments),
        Command::Build(arguments) => build::run(arguments),
        Command::New(arguments) => new::run(arguments),
    }
}

/// What loads plugins, with the user's cache of compiled ones.
///
/// # Errors
/// The machine cannot run WebAssembly.
pub fn host() -> Result<Host, Failure> {
    let options = HostOptions { cache: environment::plugin_cache(), ..HostOptions::default() };
    Host::new(options).map_err(|error| Failure::new(Exit::PluginFailed, error))
}
