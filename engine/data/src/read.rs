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

#[cfg(test)]
mod tests {
    use super::*;
    use pleach_spec::{Csv, Split, Synthetic};
    use std::fs;

    fn data(dataset: Dataset) -> Data {
        Data { dataset, batch: 64, split: Split::default() }
    }

    #[test]
    fn paths_are_relative_to_the_experiment() {
        let base = tempfile::tempdir().unwrap();
        fs::create_dir(base.path().join("sub")).unwrap();
        fs::write(base.path().join("sub/t.csv"), "x,y\n1,a\n2,b\n").unwrap();
        let csv = |path: String| data(Dataset::Csv(Csv { path, target: "y".into(), shape: None }));
        let locations = Locations { base: base.path().to_owned(), caches: Vec::new() };
        let relative = read(&csv("sub/t.csv".into()), &locations).unwrap();
        let absolute = base.path().join("sub/t.csv").to_str().unwrap().to_owned();
        assert_eq!(read(&csv(absolute), &Locations::default()).unwrap(), relative);
        assert_eq!(inspect(&csv("sub/t.csv".into()), &locations).unwrap(), relative.data_shape());
    }

    #[test]
    fn every_kind_is_inspected_as_it_is_read() {
        let base = tempfile::tempdir().unwrap();
        let folder = |name: &str, write: fn(&Path)| {
            let folder = base.path().join(name);
            fs::create_dir(&folder).unwrap();
            write(&folder);
            name.to_owned()
        };
        let kinds = [
            Dataset::Digits,
            Dataset::Idx(folder("idx", idx::tests::write)),
            Dataset::Cifar10(folder("cifar", cifar::tests::write)),
            Dataset::Folder(folder("folder", folder::tests::write)),
            Dataset::Synthetic(Synthetic { shape: vec![2, 3], classes: 2, examples: 10 }),
        ];
        let locations = Locations { base: base.path().to_owned(), caches: Vec::new() };
        for kind in kinds {
            let data = data(kind);
            let (shape, examples) = (inspect(&data, &locations).unwrap(), read(&data, &locations).unwrap());
            assert_eq!((&shape.shape, shape.classes), (&examples.shape, examples.classes.len()));
            assert!(shape.examples.is_none_or(|count| count == examples.len()));
            assert_eq!(examples.inputs.len(), examples.len() * examples.input_size());
        }
    }

    #[test]
    fn a_reader_keeps_what_it_read_last() {
        let base = tempfile::tempdir().unwrap();
        fs::write(base.path().join("t.csv"), "x,y\n1,a\n2,b\n").unwrap();
        let table = data(Dataset::Csv(Csv { path: "t.csv".into(), target: "y".into(), shape: None }));
        let mut reader = Reader::new();
        let first = reader.read(&table, base.path(), &[]).unwrap();
        fs::remove_file(base.path().join("t.csv")).unwrap();
        let again = reader.read(&table, base.path(), &[]).unwrap();
        assert!(Arc::ptr_eq(&first, &again));
        reader.read(&data(Dataset::Digits), base.path(), &[]).unwrap();
        assert!(matches!(reader.read(&table, base.path(), &[]), Err(DataError::Missing { .. })));
    }

    #[test]
    fn the_digest_is_of_the_content_not_of_the_files() {
        let base = tempfile::tempdir().unwrap();
        let digest = |name: &str| {
            let locations = Locations { base: base.path().to_owned(), caches: Vec::new() };
            read(&data(Dataset::Idx(name.into())), &locations).unwrap().digest()
        };
        for name in ["one", "two"] {
            fs::create_dir(base.path().join(name)).unwrap();
            idx::tests::write(&base.path().join(name));
        }
        let labels = base.path().join("two/t10k-labels.idx1-ubyte");
        fs::write(base.path().join("two/t10k-labels-idx1-ubyte.gz"), idx::tests::gzip(&fs::read(&labels).unwrap()))
            .unwrap();
        fs::remove_file(labels).unwrap();
        assert_eq!(digest("one"), digest("two"));
    }
}
