//! Exit codes, which are part of the interface, and failures that end a command.

use std::fmt::Display;
use std::process::ExitCode;

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// All was done.
    Done = 0,
    /// A requirement failed.
    RequirementFailed = 1,
    /// The experiment or the arguments are invalid.
    Invalid = 2,
    /// A plugin failed, or asked for something else on replay.
    PluginFailed = 3,
    /// Evaluation could not go on: no worker, or too many trials failed.
    EvaluationStopped = 4,
    /// A run did not reproduce.
    NotReproduced = 5,
    /// The run folder, the cache, the data or another file cannot be used.
    Unusable = 6,
    /// Interrupted.
    Interrupted = 130,
}

impl Exit {
    /// The exit of this code; codes that nothing here has are those of files that cannot be used.
    pub fn of(code: u8) -> Exit {
        [
            Exit::Done,
            Exit::RequirementFailed,
            Exit::Invalid,
            Exit::PluginFailed,
            Exit::EvaluationStopped,
            Exit::NotReproduced,
            Exit::Interrupted,
        ]
        .into_iter()
        .find(|exit| *exit as u8 == code)
        .unwrap_or(Exit::Unusable)
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(exit as u8)
    }
}

/// Why a command ended before its end.
#[derive(Debug)]
pub struct Failure {
    /// The exit code.
    pub exit: Exit,
    /// What happened; empty where it was said already.
    pub message: String,
    /// What to do.
    pub help: Option<String>,
}

impl Failure {
    /// A failure with this exit code.
    pub fn new(exit: Exit, message: impl Display) -> Failure {
        Failure { exit, message: message.to_string(), help: None }
    }

    /// A failure about arguments or the experiment.
    pub fn invalid(message: impl Display) -> Failure {
        Failure::new(Exit::Invalid, message)
    }

    /// A failure about a file, a folder or data.
    pub fn unusable(message: impl Display) -> Failure {
        Failure::new(Exit::Unusable, message)
    }

    /// A failure of which everything was said.
    pub fn said(exit: Exit) -> Failure {
        Failure { exit, message: String::new(), help: None }
    }

    /// The same with what to do.
    #[must_use]
    pub fn help(self, help: impl Display) -> Failure {
        Failure { help: Some(help.to_string()), ..self }
    }
}

impl From<pleach_store::Error> for Failure {
    fn from(error: pleach_store::Error) -> Failure {
        Failure::unusable(error)
    }
}

impl From<pleach_data::DataError> for Failure {
    fn from(error: pleach_data::DataError) -> Failure {
        match error {
            // A word of the command line, not a file.
            pleach_data::DataError::Unknown { .. } => Failure::invalid(error),
            error => Failure::unusable(error),
        }
    }
}

/// The result of a command.
pub type Outcome = Result<Exit, Failure>;
