//! What ends a run before its end, and the exit code that says so.

use std::path::PathBuf;

/// Why a run ended early.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RunError {
    /// A requirement does not hold.
    #[error(
        "step `{step}`: no candidate keeps to `{requirement}`; the closest misses it by {violation:.4} of its bound"
    )]
    Requirement {
        /// The step.
        step: String,
        /// The requirement.
        requirement: String,
        /// The smallest violation.
        violation: f64,
    },
    /// The experiment asks for what cannot be done.
    #[error("step `{step}`: {message}")]
    Invalid {
        /// The step.
        step: String,
        /// What is wrong, and what to do.
        message: String,
    },
    /// A strategy needs jobs that this experiment cannot serve.
    #[error("step `{step}`: strategy `{plugin}` needs `{need}`, which is not served yet: choose another strategy")]
    Need {
        /// The step.
        step: String,
        /// The plugin.
        plugin: String,
        /// What it needs.
        need: String,
    },
    /// A plugin failed.
    #[error("step `{step}`: {source}")]
    Plugin {
        /// The step.
        step: String,
        /// What it did.
        source: pleach_plugin::PluginError,
    },
    /// On replay a strategy asked for something else than is recorded.
    #[error(
        "step `{step}`: on replay, request {request} differs from the recorded one ({difference}): the strategy or the \
         engine is not deterministic; `--fresh` starts a new run"
    )]
    Replay {
        /// The step.
        step: String,
        /// The request.
        request: u64,
        /// What differs.
        difference: String,
    },
    /// Too many trials failed.
    #[error(
        "step `{step}`: {failed} of {told} trials failed, more than the {allowed} % that `failures` allows; the last one: \
         {last}"
    )]
    TooManyFailures {
        /// The step.
        step: String,
        /// Failed trials, infeasible ones not counted.
        failed: u64,
        /// Trials told.
        told: u64,
        /// What is allowed, in percent.
        allowed: f64,
        /// Reason and message of the last failure.
        last: String,
    },
    /// Evaluation cannot go on.
    #[error("{message}")]
    Evaluation {
        /// What happened, and what to do.
        message: String,
    },
    /// The training worker cannot be started.
    #[error("no worker can be started: {message}")]
    NoWorker {
        /// Why.
        message: String,
    },
    /// A step leaves nothing that the next could take.
    #[error("step `{step}` has nothing for `{reference}`: {why}")]
    NoCandidates {
        /// The step referred to.
        step: String,
        /// The reference.
        reference: String,
        /// Why.
        why: String,
    },
    /// A training gave other bits than an earlier one of the same key.
    #[error("{what} did not reproduce: {detail}")]
    NotReproduced {
        /// What was done again.
        what: String,
        /// What differs.
        detail: String,
    },
    /// Data or programs are not what a run was made from.
    #[error(
        "{what} is not what the run was made from: it is missing, or its content has changed since; bring it back below `{}`, or name \
         the folder where it lies as it was with --base", base.display()
    )]
    Changed {
        /// What.
        what: String,
        /// The folder that paths are relative to.
        base: PathBuf,
    },
    /// A network cannot be written.
    #[error("step `{step}`: {source}")]
    Export {
        /// The step.
        step: String,
        /// Why.
        source: pleach_export::ExportError,
    },
    /// The run folder or the cache cannot be used.
    #[error(transparent)]
    Store(#[from] pleach_store::Error),
    /// The data cannot be used.
    #[error(transparent)]
    Data(Box<pleach_data::DataError>),
    /// A file cannot be read or written.
    #[error("cannot use `{}`: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// Stopped from outside; all that was told is kept.
    #[error("interrupted; all results are kept, and the same command goes on with the run")]
    Interrupted,
}

impl From<pleach_data::DataError> for RunError {
    fn from(error: pleach_data::DataError) -> Self {
        // The largest by far, and seldom: every result of a run would grow by it.
        Self::Data(Box::new(error))
    }
}

impl RunError {
    /// The exit code of a process that ends with this error.
    ///
    /// 1 a requirement failed; 2 the experiment is invalid; 3 a plugin failed; 4 evaluation could not go on; 5 not reproduced;
    /// 6 run folder, cache or data; 130 interrupted.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Requirement { .. } => 1,
            Self::Invalid { .. } | Self::Need { .. } => 2,
            Self::Plugin { .. } | Self::Replay { .. } => 3,
            Self::TooManyFailures { .. }
            | Self::Evaluation { .. }
            | Self::NoWorker { .. }
            | Self::NoCandidates { .. }
            | Self::Export { .. } => 4,
            Self::NotReproduced { .. } => 5,
            Self::Store(_) | Self::Data(_) | Self::File { .. } | Self::Changed { .. } => 6,
            Self::Interrupted => 130,
        }
    }
}
