//! A train step: every candidate in full, on seeds of its own, measured on validation and test data.

use crate::error::RunError;
use crate::evaluation::{Evaluations, Wanted};
use crate::events::Event;
use crate::measures::Measures;
use crate::numbered;
use crate::score::Scorer;
use crate::session::Session;
use pleach_space::{Genotype, Space};
use pleach_store::{ArtifactRecord, Request, file_digest};
use std::path::{Path, PathBuf};

/// Before the names of metrics that were measured on the test part.
pub const TEST: &str = "test_";

/// Where the weights of a training lie, from the run's folder.
pub fn weights_path(step: &str, candidate: u64, repeat: u32) -> String {
    format!("artifacts/{step}/{candidate}/repeat-{repeat}.safetensors")
}

/// Trains each of the candidates `repeats` times; trials are numbered by candidate, then repeat.
///
/// # Errors
/// As [`numbered::run`].
#[allow(clippy::too_many_arguments)]
pub(crate) fn run(
    name: &str,
    space: &Space,
    candidates: &[Genotype],
    repeats: u32,
    measures: &Measures,
    folder: &Path,
    evaluations: &mut Evaluations<'_>,
    scorer: &Scorer,
    session: &mut Session<'_>,
) -> Result<(), RunError> {
    let of = |(candidate, genotype): (u32, &Genotype)| {
        let request =
            move |repeat, genotype| Request { candidate: Some(candidate), ..Request::train(genotype, 1.0, repeat) };
        (0..repeats).map(|repeat| request(repeat, genotype.clone())).collect::<Vec<_>>()
    };
    let requests: Vec<Request> = (0..).zip(candidates).flat_map(of).collect();
    numbered::run(name, "training", &requests, folder, evaluations, scorer, session, &mut |evaluations, id, request| {
        let wanted = Wanted {
            space,
            genotype: &request.genotype,
            fidelity: request.fidelity,
            repeat: request.repeat,
            last: true,
            measures,
            resumable: false,
            resumed: None,
        };
        Ok(evaluations.open(id, wanted, &mut |_| true)?.expect("nothing forbids it"))
    })
}

/// Copies weights into the run's folder.
pub(crate) fn keep_weights(
    step: &str,
    candidate: u32,
    repeat: u32,
    weights: &Path,
    folder: &Path,
    session: &mut Session<'_>,
) -> Result<(), RunError> {
    let path = weights_path(step, u64::from(candidate), repeat);
    let target: PathBuf = folder.join(&path);
    let failed = |source| RunError::File { path: target.clone(), source };
    std::fs::create_dir_all(target.parent().expect("the file lies in a folder")).map_err(failed)?;
    std::fs::copy(weights, &target).map_err(failed)?;
    record_artifact(step, Some(candidate), Some(repeat), "weights", path, folder, session)
}

/// Records a file that a step left, and says so.
pub(crate) fn record_artifact(
    step: &str,
    candidate: Option<u32>,
    repeat: Option<u32>,
    kind: &str,
    path: String,
    folder: &Path,
    session: &mut Session<'_>,
) -> Result<(), RunError> {
    let digest = file_digest(&folder.join(&path))?;
    session.emit(&Event::Artifact { step, candidate, kind, path: &path, digest: &digest })?;
    let artifact = ArtifactRecord { step: step.to_owned(), candidate, repeat, kind: kind.to_owned(), path, digest };
    Ok(session.writer().record_artifact(&artifact)?)
}
