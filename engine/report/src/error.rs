/// Why there are no figures of a run.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// The record cannot be read.
    #[error(transparent)]
    Store(#[from] pleach_store::Error),
    /// The record cannot be summed up.
    #[error(transparent)]
    Run(Box<pleach_run::RunError>),
    /// The record was made by a version with another form of experiments.
    #[error(
        "the experiment in the lock of `{run}` is not of this version's form: {detail}; use the version that the lock names"
    )]
    Experiment {
        /// The run.
        run: String,
        /// What does not fit.
        detail: String,
    },
}

impl From<pleach_run::RunError> for ReportError {
    fn from(error: pleach_run::RunError) -> Self {
        ReportError::Run(Box::new(error))
    }
}
