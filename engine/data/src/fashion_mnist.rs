//! Fashion-MNIST (Xiao, Rasul and Vollgraf 2017, "Fashion-MNIST: a novel image dataset for benchmarking machine learning
//! algorithms"), as the Debian package `dataset-fashion-mnist` brings it.

use crate::idx::{self, Pinned};
use crate::{DataError, DataShape, Examples};
use std::path::{Path, PathBuf};

/// Where Debian's package puts the four files.
pub(crate) const SYSTEM_FOLDER: &str = "/usr/share/datasets/fashion-mnist";
/// The folder in a cache.
pub(crate) const CACHE_FOLDER: &str = "fashion_mnist";
pub(crate) const EXAMPLES: usize = 70_000;
pub(crate) const SHAPE: [usize; 3] = [1, 28, 28];

pub(crate) const CLASSES: [&str; 10] =
    ["T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"];

/// BLAKE3 of the decompressed files, from version 0.0~git20200523.55506a9-1 of the package.
pub(crate) const PINNED: Pinned = [
    "feaca08b36e07f8d504641a929bff1554884ef73964323e44e59e39a986b4c9e",
    "b4d9ea8013b029ef778c95ea7de31195ef443589877589523ad330db2829ebd6",
    "a19b8c1e5f798e5a6fa7229093b630c04a620179497a1fa3a71e7334fb59a30b",
    "0a067399ed18bcc9d7dc26832b3b8e4481abf2d33fee04c611e90b9061296b90",
];

/// The folders that may hold the set, in the order in which they are looked at.
pub(crate) fn folders(caches: &[PathBuf]) -> Vec<PathBuf> {
    let mut folders: Vec<PathBuf> = caches.iter().map(|cache| cache.join(CACHE_FOLDER)).collect();
    folders.push(PathBuf::from(SYSTEM_FOLDER));
    folders
}

/// The first folder in which at least one of the four files lies.
pub(crate) fn find(folders: &[PathBuf]) -> Result<&Path, DataError> {
    folders.iter().map(PathBuf::as_path).find(|folder| idx::is_here(folder)).ok_or_else(|| {
        let looked: Vec<String> = folders.iter().map(|folder| format!("`{}`", folder.display())).collect();
        let expected = format!("the four files of Fashion-MNIST in one of {}", looked.join(", "));
        let remedy = "fetch them with `pleach data fetch fashion_mnist`, or install the Debian package \
                      `dataset-fashion-mnist`";
        DataError::missing(&folders[0], expected, remedy)
    })
}

pub(crate) fn read(caches: &[PathBuf]) -> Result<Examples, DataError> {
    read_in(find(&folders(caches))?)
}

pub(crate) fn read_in(folder: &Path) -> Result<Examples, DataError> {
    let mut examples = idx::read_pinned(folder, Some(&PINNED))?;
    examples.classes = CLASSES.iter().map(|&class| class.to_owned()).collect();
    Ok(examples)
}

/// Only looks whether the files are there: their content is known.
pub(crate) fn inspect(caches: &[PathBuf]) -> Result<DataShape, DataError> {
    idx::find(find(&folders(caches))?)?;
    Ok(DataShape { shape: SHAPE.to_vec(), classes: CLASSES.len(), examples: Some(EXAMPLES) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_named_with_every_place_and_the_remedy() {
        let error = find(&[PathBuf::from("/nowhere/a"), PathBuf::from("/nowhere/b")]).unwrap_err();
        let message = error.to_string();
        assert!(message.contains("`/nowhere/a`, `/nowhere/b`"), "{message}");
        assert!(message.contains("pleach data fetch fashion_mnist"), "{message}");
        assert!(folders(&[PathBuf::from("cache")]).contains(&PathBuf::from("cache/fashion_mnist")));
    }

    #[test]
    fn other_content_of_the_same_form_is_damage() {
        let folder = tempfile::tempdir().unwrap();
        idx::tests::write(folder.path());
        let message = read_in(folder.path()).unwrap_err().to_string();
        assert!(message.contains("train-images.idx3-ubyte") && message.contains("published content"), "{message}");
    }
}
