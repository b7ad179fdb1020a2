mod overhead;
mod search;
mod train;

use crate::exit::Outcome;

/// Compare strategies on tabular benchmarks, and measure speed
#[derive(Debug, clap::Args)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    Search(search::Arguments),
    Train(train::Arguments),
    Overhead(overhead::Arguments),
}

pub fn run(arguments: &Arguments) -> Outcome {
    match &arguments.command {
        Command::Search(arguments) => search::run(arguments),
        Command::Train(arguments) => train::run(arguments),
        Command::Overhead(arguments) => overhead::run(arguments),
    }
}
