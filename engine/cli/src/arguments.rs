//! What can be typed.

use crate::commands;
use clap::{Parser, Subcommand};

const EXIT_CODES: &str = "\
Exit codes:
  0    done
  1    a requirement failed
  2    the experiment or the arguments are invalid
  3    a plugin failed, or asked for something else on replay
  4    evaluation could not go on: no worker, or too many trials failed
  5    a run did not reproduce
  6    the run folder, the cache, the data or another file cannot be used
  130  interrupted";

const ENVIRONMENT: &str = "\
Environment:
  PLEACH_PLUGINS   folders with strategies, separated as in PATH, before `plugins` beside the program and one above
  PLEACH_TORCH     the training worker; unset: `pleach-torch` beside the program
  XDG_CACHE_HOME   where the cache `pleach` lies; unset: ~/.cache
  NO_COLOR         set: no colours
  GITHUB_STEP_SUMMARY   a file to which `pleach run` appends a summary in Markdown";

/// Neural architecture search: one YAML file, compiled to steps, searched by sandboxed strategies, trained by libtorch
///
/// An experiment is one YAML file. `pleach new` writes one to begin with, `pleach check` finds its mistakes, `pleach plan` says
/// what would be done, `pleach run` does it and leaves a folder with trained, exported networks.
///
/// Data go to standard output, everything else to standard error.
#[derive(Debug, Parser)]
#[command(name = "pleach", version, propagate_version = true, max_term_width = 100)]
#[command(after_long_help = format!("{EXIT_CODES}\n\n{ENVIRONMENT}"))]
#[command(after_help = "`pleach help COMMAND` explains a command; `pleach --help` lists exit codes and variables.")]
pub struct Cli {
    #[command(subcommand)]
    pub command: Command,
}

/// The commands, in the order in which a newcomer needs them.
#[derive(Debug, Subcommand)]
pub enum Command {
    New(commands::new::Arguments),
    Check(commands::check::Arguments),
    Plan(commands::plan::Arguments),
    Run(commands::run::Arguments),
    Reproduce(commands::reproduce::Arguments),
    Watch(commands::watch::Arguments),
    Show(commands::show::Arguments),
    Report(commands::report::Arguments),
    List(commands::list::Arguments),
    Space(commands::space::Arguments),
    Schema(commands::schema::Arguments),
    Plugin(commands::plugin::Arguments),
    Data(commands::data::Arguments),
    Cache(commands::cache::Arguments),
    Predictor(commands::predictor::Arguments),
    Export(commands::export::Arguments),
    Bench(commands::bench::Arguments),
    Completions(commands::completions::Arguments),
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exit::Exit;
    use clap::CommandFactory;

    #[test]
    fn the_arguments_make_sense() {
        Cli::command().debug_assert();
    }

    #[test]
    fn the_help_lists_every_exit_code() {
        for exit in [0, 1, 2, 3, 4, 5, 6, 130] {
            assert_eq!(Exit::of(exit) as u8, exit);
            assert!(EXIT_CODES.lines().any(|line| line.trim_start().starts_with(&format!("{exit} "))), "{exit}");
        }
    }
}
