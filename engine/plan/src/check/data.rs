//! Whether the data are there, and what they are.

use crate::prepare::Surroundings;
use pleach_data::{DataError, DataShape, Locations};
use pleach_spec::{Data, Dataset, Problem};

/// Reads the headers of the data.
pub(super) fn inspect(data: &Data, surroundings: &Surroundings) -> Result<DataShape, Problem> {
    let locations = Locations { base: surroundings.base.clone(), caches: surroundings.data_caches.clone() };
    pleach_data::inspect(data, &locations).map_err(|error| {
        let text = error.to_string();
        // What to do stands after the last semicolon of every message that says it.
        let (message, help) = match text.rsplit_once("; ") {
            Some((message, help)) => (message.to_owned(), Some(help.to_owned())),
            None => (text, None),
        };
        Problem { help, ..Problem::error(place(&data.dataset, &error), code(&error), message) }
    })
}

fn place(dataset: &Dataset, error: &DataError) -> &'static str {
    match dataset {
        Dataset::Idx(_) => "/data/dataset/idx",
        Dataset::Cifar10(_) => "/data/dataset/cifar_10",
        Dataset::Cifar100(_) => "/data/dataset/cifar_100",
        Dataset::Folder(_) => "/data/dataset/folder",
        Dataset::Csv(csv) => match error {
            DataError::Unsuitable { problem, .. } if problem.contains(&format!("`{}`", csv.target)) => {
                "/data/dataset/csv/target"
            }
            DataError::Unsuitable { problem, .. } if csv.shape.is_some() && problem.contains("shape") => {
                "/data/dataset/csv/shape"
            }
            _ => "/data/dataset/csv/path",
        },
        Dataset::Digits | Dataset::FashionMnist | Dataset::Synthetic(_) => "/data/dataset",
    }
}

fn code(error: &DataError) -> &'static str {
    match error {
        DataError::Missing { .. } => "missing-data-file",
        DataError::Unreadable { .. } => "unreadable-data",
        DataError::Damaged { .. } => "damaged-data",
        _ => "unsuitable-data",
    }
}
