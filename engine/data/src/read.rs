use crate::{DataError, DataShape, Examples, cifar, digits, fashion_mnist, folder, idx, synthetic, table};
use pleach_spec::{Data, Dataset};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Where data sets are looked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Locations {
    /// The folder that paths in an experiment are relative to: that of its file.
    pub base: PathBuf,
    /// Folders in which [`fetch`](crate::fetch) has put data sets, the first that holds one wins.
    pub caches: Vec<PathBuf>,
}

impl Locations {
    /// A path as written in an experiment, made absolute or relative to the working folder.
    pub fn resolve(&self, path: &str) -> PathBuf {
        self.base.join(path)
    }
}

/// Reads a data set whole.
///
/// # Errors
/// If a file is missing, damaged, or of another kind; the error names it and says what to do.
pub fn read(data: &Data, locations: &Locations) -> Result<Examples, DataError> {
    match &data.dataset {
        Dataset::Digits => digits::read(),
        Dataset::FashionMnist => fashion_mnist::read(&locations.caches),
        Dataset::Idx(path) => idx::read(&locations.resolve(path)),
        Dataset::Cifar10(path) => cifar::TEN.read(&locations.resolve(path)),
        Dataset::Cifar100(path) => cifar::HUNDRED.read(&locations.resolve(path)),
        Dataset::Folder(path) => folder::read(&locations.resolve(path)),
        Dataset::Csv(csv) => table::read(&locations.resolve(&csv.path), csv),
        Dataset::Synthetic(synthetic) => synthetic::read(synthetic),
    }
}

/// Reads only what tells a data set's shape and classes: headers, the first image, a table's target column.
///
/// # Errors
/// As [`read`], but what lies behind the headers is not looked at.
pub fn inspect(data: &Data, locations: &Locations) -> Result<DataShape, DataError> {
    match &data.dataset {
        Dataset::Digits => Ok(digits::inspect()),
        Dataset::FashionMnist => fashion_mnist::inspect(&locations.caches),
        Dataset::Idx(path) => idx::inspect(&locations.resolve(path)),
        Dataset::Cifar10(path) => cifar::TEN.inspect(&locations.resolve(path)),
        Dataset::Cifar100(path) => cifar::HUNDRED.inspect(&locations.resolve(path)),
        Dataset::Folder(path) => folder::inspect(&locations.resolve(path)),
        Dataset::Csv(csv) => table::inspect(&locations.resolve(&csv.path), csv),
        Dataset::Synthetic(synthetic) => Ok(synthetic::inspect(synthetic)),
    }
}

/// Reads data sets and keeps the latest, for a worker that trains many networks on one set.
#[derive(Debug, Default)]
pub struct Reader {
    kept: Option<(Dataset, Locations, Arc<Examples>)>,
}

impl Reader {
    /// A reader that has read nothing yet.
    pub fn new() -> Self {
        Reader::default()
    }

    /// The examples of a data set: those kept if it is the one read last, whatever happened to its files since.
    ///
    /// # Errors
    /// As [`read`].
    pub fn read(&mut self, data: &Data, base: &Path, caches: &[PathBuf]) -> Result<Arc<Examples>, DataError> {
        let locations = Locations { base: base.to_owned(), caches: caches.to_vec() };
        match &self.kept {
            Some((dataset, kept, examples)) if *dataset == data.dataset && *kept == locations => Ok(examples.clone()),
            _ => {
                self.kept = None; // before reading, so that memory never holds two sets
                let examples = Arc::new(read(data, &locations)?);
                self.kept = Some((data.dataset.clone(), locations, examples.clone()));
                Ok(examples)
            }
        }
    }
}
