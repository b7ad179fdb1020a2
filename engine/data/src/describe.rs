use crate::file::open_error;
use crate::{DataError, DataShape, cifar, folder, idx, table};
use pleach_spec::Csv;
use std::fs;
use std::path::Path;

/// Names of columns that hold a class, by what people call them; small letters.
const TARGET_NAMES: [&str; 3] = ["target", "label", "class"];

/// What files of the user's own are, as far as an experiment needs to know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Description {
    /// The kind of data set.
    pub kind: Kind,
    /// The shape of one input: (channels, height, width), or (features).
    pub shape: Vec<usize>,
    /// The names of the classes.
    pub classes: Vec<String>,
    /// The number of examples, where it is known without reading everything.
    pub examples: Option<usize>,
    /// Whether the set brings a test part of its own.
    pub own_test: bool,
}

/// The kinds of data set that a path can be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// A folder with one subfolder of images a class.
    Folder,
    /// A folder with four IDX files.
    Idx,
    /// A folder with the binary files of CIFAR-10.
    Cifar10,
    /// A folder with the binary files of CIFAR-100.
    Cifar100,
    /// A CSV file.
    Csv {
        /// The column that seems to hold the class: one called `target`, `label` or `class`, else the last one, else the only
        /// one that holds no numbers.
        target: String,
        /// The names of all columns.
        columns: Vec<String>,
    },
}

/// Looks at a folder or a CSV file and says what data set it is.
///
/// A CSV file is read whole, so that an experiment written for it finds no bad cell; of images only headers are read.
///
/// # Errors
/// If there is nothing, or nothing that is a data set; the error says what would be.
pub fn describe_new(path: &Path) -> Result<Description, DataError> {
    let expected = "a folder of images or a CSV file";
    let metadata = fs::metadata(path).map_err(|error| open_error(path, error, expected, "check the path"))?;
    if metadata.is_file() {
        return describe_table(path);
    }
    if idx::is_here(path) {
        let shape = idx::inspect(path)?;
        let classes = (0..shape.classes).map(|class| class.to_string()).collect();
        return Ok(describe(Kind::Idx, shape, classes, true));
    }
    for (cifar, kind) in [(cifar::TEN, Kind::Cifar10), (cifar::HUNDRED, Kind::Cifar100)] {
        if cifar.is_here(path) {
            let classes = cifar.classes().iter().map(|&class| class.to_owned()).collect();
            return Ok(describe(kind, cifar.inspect(path)?, classes, true));
        }
    }
    let shape = folder::inspect(path)?;
    let (classes, own_test) = folder::classes(path)?;
    Ok(describe(Kind::Folder, shape, classes, own_test))
}

fn describe(kind: Kind, shape: DataShape, classes: Vec<String>, own_test: bool) -> Description {
    Description { kind, shape: shape.shape, classes, examples: shape.examples, own_test }
}

fn describe_table(file: &Path) -> Result<Description, DataError> {
    let columns = table::columns(file)?;
    let called = |name: &&str| columns.iter().find(|column| column.to_lowercase() == **name);
    let named = TARGET_NAMES.iter().find_map(called);
    let last = columns.last().expect("a table that was opened has columns");
    let read = |target: &str| table::read(file, &Csv { path: String::new(), target: target.to_owned(), shape: None });
    let mut target = named.unwrap_or(last).clone();
    let mut examples = read(&target);
    // A column without numbers can be no feature, so where there is one, it may be the class.
    if let (None, Err(DataError::Cell { column, .. })) = (named, &examples)
        && let other = column.clone()
        && let Ok(read) = read(&other)
        && read.classes.iter().all(|class| class.parse::<f64>().is_err())
    {
        (target, examples) = (other, Ok(read));
    }
    let examples = examples?;
    let kind = Kind::Csv { target, columns };
    let shape = examples.data_shape();
    Ok(describe(kind, shape, examples.classes, false))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(text: &str) -> Result<Description, DataError> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("table.csv");
        fs::write(&file, text).unwrap();
        describe_new(&file)
    }

    fn target(text: &str) -> String {
        match table(text).unwrap().kind {
            Kind::Csv { target, .. } => target,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_target_is_guessed() {
        assert_eq!(target("a,b,c\n1,2,3\n1,2,4\n"), "c");
        assert_eq!(target("a,Label,c\n1,2,3\n1,3,4\n"), "Label");
        assert_eq!(target("class,label,c\n1,2,3\n1,3,4\n"), "label");
        assert_eq!(target("species,b,c\nrose,2,3.5\naster,3,4.5\n"), "species");
        // A gap among numbers does not make a feature the class.
        let message = table("a,b,c\n1,2,1\nNA,3,2\n1,4,1\n").unwrap_err().to_string();
        assert!(message.contains("line 3, column `a`: `NA` is no finite number"), "{message}");
        let message = table("a,b,c\nx,2,y\nz,3,z\nx,?,z\n").unwrap_err().to_string();
        assert!(message.contains("line 2, column `a`: `x` is no finite number"), "{message}");
    }

    #[test]
    fn a_table_is_described() {
        let described = table("a,b,c\n1,2,u\n1,2,v\n3,4,v\n").unwrap();
        assert_eq!((described.shape, described.classes.len(), described.examples), (vec![2], 2, Some(3)));
    }

    #[test]
    fn folders_are_told_apart() {
        let kind = |write: fn(&Path)| {
            let folder = tempfile::tempdir().unwrap();
            write(folder.path());
            describe_new(folder.path()).unwrap()
        };
        let images = kind(crate::folder::tests::write);
        assert_eq!((&images.kind, images.shape.as_slice()), (&Kind::Folder, &[1, 2, 3][..]));
        assert_eq!((images.classes, images.own_test), (vec!["ant".to_owned(), "cat".to_owned()], false));
        let idx = kind(crate::idx::tests::write);
        assert_eq!((idx.kind, idx.classes.len(), idx.own_test), (Kind::Idx, 4, true));
        assert_eq!(kind(crate::cifar::tests::write).kind, Kind::Cifar10);
    }

    #[test]
    fn nothing_to_describe_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let message = describe_new(folder.path()).unwrap_err().to_string();
        assert!(message.contains("one subfolder of PNG or JPEG images a class"), "{message}");
        let message = describe_new(&folder.path().join("none")).unwrap_err().to_string();
        assert!(message.contains("expected a folder of images or a CSV file; check the path"), "{message}");
    }
}
