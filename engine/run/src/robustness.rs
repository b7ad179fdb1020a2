//! A robustness step: trained networks on corrupted and on attacked inputs of the validation part.

use crate::error::RunError;
use crate::evaluation::{Evaluations, Weights};
use crate::measures::Measures;
use crate::numbered;
use crate::score::Scorer;
use crate::session::Session;
use crate::train::weights_path;
use pleach_space::Space;
use pleach_store::{Request, TrialRecord};
use std::path::Path;

/// Measures the trainings of the step named `source` that are given, ordered by candidate, then repeat; a candidate keeps the
/// number that it has there.
///
/// # Errors
/// As [`numbered::run`].
#[allow(clippy::too_many_arguments)]
pub(crate) fn run(
    name: &str,
    space: &Space,
    source: &str,
    trained: &[TrialRecord],
    measures: &Measures,
    folder: &Path,
    evaluations: &mut Evaluations<'_>,
    scorer: &Scorer,
    session: &mut Session<'_>,
) -> Result<(), RunError> {
    let requests: Vec<Request> =
        trained.iter().map(|training| Request { job: "measure".to_owned(), ..training.request.clone() }).collect();
    numbered::run(
        name,
        "measurement",
        &requests,
        folder,
        evaluations,
        scorer,
        session,
        &mut |evaluations, id, request| {
            let Request { genotype, repeat, candidate, .. } = request;
            let file = folder.join(weights_path(source, u64::from(candidate.unwrap_or_default()), *repeat));
            let key = trained[id as usize].key.as_deref().unwrap_or_default();
            evaluations.open_measures(id, Weights { space, genotype, repeat: *repeat, key, file: &file, measures })
        },
    )
}
