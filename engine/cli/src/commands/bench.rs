mod overhead;
mod train;

use crate::exit::Outcome;

/// Measure speed
#[derive(Debug, clap::Args)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    Train(train::Arguments),
    Overhead(overhead::Arguments),
}

pub fn run(arguments: &Arguments) -> Outcome {
    match &arguments.command {
        Command::Train(arguments) => train::run(arguments),
        Command::Overhead(arguments) => overhead::run(arguments),
    }
}
