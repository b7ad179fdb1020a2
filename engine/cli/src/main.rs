//! The command line of Pleach: what was typed, what it means, what is printed, and the exit code.
//!
//! Only this crate reads the environment and the clock, prints, and exits. Data go to standard output, everything else to
//! standard error.

mod arguments;
mod commands;
mod environment;
mod exit;
mod experiment;
mod junit;
mod locked;
mod markdown;
mod output;
mod progress;

use clap::Parser;
use std::process::ExitCode;

fn main() -> ExitCode {
    let cli = arguments::Cli::parse();
    match commands::run(cli.command) {
        Ok(exit) => exit.into(),
        Err(failure) => {
            output::failure(&failure);
            failure.exit.into()
        }
    }
}
