//! The binary files of CIFAR-10 and CIFAR-100 (Krizhevsky 2009, "Learning multiple layers of features from tiny images").

use crate::examples::reserve;
use crate::file::{first_present, read_start, require_folder};
use crate::{DataError, DataShape, Examples, Inputs};
use std::path::{Path, PathBuf};

pub(crate) const SHAPE: [usize; 3] = [3, 32, 32];
const PIXELS: usize = 3 * 32 * 32;
const REMEDY: &str = "fetch or copy the file again";
/// No file of the sets holds more; what was compressed may be endless.
const MOST_RECORDS: usize = 60_000;

/// One of the two sets: how its records begin, its classes, the folder its archive unpacks to.
pub(crate) struct Cifar {
    label_bytes: usize,
    classes: &'static [&'static str],
    archive_folder: &'static str,
}

/// CIFAR-10: one byte of label.
pub(crate) const TEN: Cifar = Cifar { label_bytes: 1, classes: &TEN_CLASSES, archive_folder: "cifar-10-batches-bin" };

/// CIFAR-100: a byte of coarse label, then one of fine label, which is the class.
pub(crate) const HUNDRED: Cifar =
    Cifar { label_bytes: 2, classes: &HUNDRED_CLASSES, archive_folder: "cifar-100-binary" };

const TEN_CLASSES: [&str; 10] =
    ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"];

#[rustfmt::skip]
const HUNDRED_CLASSES: [&str; 100] = [
    "apple", "aquarium_fish", "baby", "bear", "beaver", "bed", "bee", "beetle", "bicycle", "bottle", "bowl", "boy",
    "bridge", "bus", "butterfly", "camel", "can", "castle", "caterpillar", "cattle", "chair", "chimpanzee", "clock",
    "cloud", "cockroach", "couch", "crab", "crocodile", "cup", "dinosaur", "dolphin", "elephant", "flatfish", "forest",
    "fox", "girl", "hamster", "house", "kangaroo", "keyboard", "lamp", "lawn_mower", "leopard", "lion", "lizard",
    "lobster", "man", "maple_tree", "motorcycle", "mountain", "mouse", "mushroom", "oak_tree", "orange", "orchid",
    "otter", "palm_tree", "pear", "pickup_truck", "pine_tree", "plain", "plate", "poppy", "porcupine", "possum",
    "rabbit", "raccoon", "ray", "road", "rocket", "rose", "sea", "seal", "shark", "shrew", "skunk", "skyscraper",
    "snail", "snake", "spider", "squirrel", "streetcar", "sunflower", "sweet_pepper", "table", "tank", "telephone",
    "television", "tiger", "tractor", "train", "trout", "tulip", "turtle", "wardrobe", "whale", "willow_tree", "wolf",
    "woman", "worm",
];

impl Cifar {
    pub(crate) fn read(&self, folder: &Path) -> Result<Examples, DataError> {
        let files = self.find(folder)?;
        let mut contents = Vec::with_capacity(files.len());
        for file in &files {
            contents.push(read_start(
                file,
                ((self.label_bytes + PIXELS) * MOST_RECORDS + 1) as u64,
                &self.content(),
                REMEDY,
            )?);
        }
        let record = self.label_bytes + PIXELS;
        let records: usize = contents.iter().map(|content| content.len() / record).sum();
        let mut pixels = reserve(Some(records * PIXELS))?;
        let mut labels = reserve(Some(records))?;
        let mut own_test = 0;
        for (file, content) in files.iter().zip(contents) {
            if content.is_empty() || content.len() % record != 0 {
                let expected = format!("{}, {record} bytes each", self.content());
                let found = format!(
                    "{} bytes: {} records and {} bytes",
                    content.len(),
                    content.len() / record,
                    content.len() % record
                );
                return Err(DataError::damaged(file, expected, found, REMEDY));
            }
            own_test = labels.len(); // the last file is the test part
            for (index, record) in content.chunks_exact(record).enumerate() {
                let label = record[self.label_bytes - 1];
                if usize::from(label) >= self.classes.len() {
                    let expected = format!("labels from 0 to {}", self.classes.len() - 1);
                    let found = format!("{label} in record {}", index + 1);
                    let other = "if these are the files of the other set, write `cifar_10` or `cifar_100` accordingly";
                    return Err(DataError::damaged(file, expected, found, other));
                }
                labels.push(u32::from(label));
                pixels.extend_from_slice(&record[self.label_bytes..]);
            }
        }
        Ok(Examples {
            shape: SHAPE.to_vec(),
            inputs: Inputs::Pixels(pixels),
            labels,
            classes: self.classes.iter().map(|&class| class.to_owned()).collect(),
            own_test: Some(own_test),
        })
    }

    /// Shape and classes are those of every set of the kind; the number of examples is told by the sizes of files that are
    /// not compressed.
    pub(crate) fn inspect(&self, folder: &Path) -> Result<DataShape, DataError> {
        let mut examples = Some(0);
        for file in self.find(folder)? {
            let size = file.metadata().map_err(|error| DataError::unreadable(&file, error))?.len() as usize;
            let compressed = file.extension().is_some_and(|extension| extension == "gz");
            examples = examples.filter(|_| !compressed).map(|count| count + size / (self.label_bytes + PIXELS));
        }
        Ok(DataShape { shape: SHAPE.to_vec(), classes: self.classes.len(), examples })
    }

    pub(crate) fn classes(&self) -> &'static [&'static str] {
        self.classes
    }

    fn content(&self) -> String {
        format!("records of {} label byte(s) and {PIXELS} bytes of pixels", self.label_bytes)
    }

    /// Whether the folder looks like one of this kind: `train.bin` serves both, so CIFAR-10 wins unless told.
    pub(crate) fn is_here(&self, folder: &Path) -> bool {
        let here = |name: &str| first_present(folder, &[name]).is_some();
        folder.join(self.archive_folder).is_dir()
            || (self.label_bytes == 1 && (here("data_batch_1.bin") || here("test_batch.bin")))
            || (here("train.bin")
                && here("test.bin")
                && folder.join("fine_label_names.txt").exists() == (self.label_bytes == 2))
    }

    /// The files of the training part, then that of the test part.
    fn find(&self, folder: &Path) -> Result<Vec<PathBuf>, DataError> {
        let expected = "a folder with the set's binary files";
        require_folder(folder, expected)?;
        let inner = folder.join(self.archive_folder);
        let folder = if inner.is_dir() { &inner } else { folder };
        let one = |name: &str, remedy: &str| {
            first_present(folder, &[name]).ok_or_else(|| {
                DataError::missing(&folder.join(name), "one of the set's binary files, gzip (`.gz`) or not", remedy)
            })
        };
        let batches: Vec<String> = (1..=5).map(|number| format!("data_batch_{number}.bin")).collect();
        let in_batches = self.label_bytes == 1 && batches.iter().any(|name| first_present(folder, &[name]).is_some());
        let (training, test, remedy) = if in_batches {
            let remedy = "put all of `data_batch_1.bin` to `data_batch_5.bin` and `test_batch.bin` there";
            (batches, "test_batch.bin", remedy)
        } else if self.label_bytes == 1 {
            let remedy = "put `train.bin` and `test.bin` there, or `data_batch_1.bin` to `data_batch_5.bin` and \
                          `test_batch.bin`, from the set's binary version";
            (vec!["train.bin".to_owned()], "test.bin", remedy)
        } else {
            (
                vec!["train.bin".to_owned()],
                "test.bin",
                "put `train.bin` and `test.bin` of the set's binary version there",
            )
        };
        let mut files = Vec::with_capacity(training.len() + 1);
        for name in &training {
            files.push(one(name, remedy)?);
        }
        files.push(one(test, remedy)?);
        Ok(files)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::idx::tests::gzip;
    use std::fs;

    fn records(label_bytes: usize, labels: &[u8]) -> Vec<u8> {
        let record = |&label: &u8| {
            let mut record = vec![0; label_bytes - 1];
            record.push(label);
            record.extend((0..PIXELS).map(|index| (index as u8).wrapping_add(label)));
            record
        };
        labels.iter().flat_map(record).collect()
    }

    pub(crate) fn write(folder: &Path) {
        fs::write(folder.join("train.bin.gz"), gzip(&records(1, &[3, 9, 0]))).unwrap();
        fs::write(folder.join("test.bin"), records(1, &[5])).unwrap();
    }

    #[test]
    fn two_files_are_read() {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path());
        let examples = TEN.read(folder.path()).unwrap();
        assert_eq!((examples.shape.as_slice(), examples.own_test), (&[3, 32, 32][..], Some(3)));
        assert_eq!(examples.labels, [3, 9, 0, 5]);
        assert_eq!(examples.classes[9], "truck");
        let Inputs::Pixels(pixels) = &examples.inputs else { panic!("images") };
        assert_eq!((pixels.len(), pixels[0], pixels[PIXELS + 1]), (4 * PIXELS, 3, 10));
        let shape = TEN.inspect(folder.path()).unwrap();
        assert_eq!(shape, DataShape { examples: None, ..examples.data_shape() });
    }

    #[test]
    fn six_batches_in_the_folder_of_the_archive_are_read() {
        let folder = tempfile::tempdir().unwrap();
        let inner = folder.path().join("cifar-10-batches-bin");
        fs::create_dir(&inner).unwrap();
        for number in 1..=5 {
            fs::write(inner.join(format!("data_batch_{number}.bin")), records(1, &[number])).unwrap();
        }
        let message = TEN.read(folder.path()).unwrap_err().to_string();
        assert!(message.contains("test_batch.bin` is missing"), "{message}");
        fs::write(inner.join("test_batch.bin"), records(1, &[9, 8])).unwrap();
        let examples = TEN.read(folder.path()).unwrap();
        assert_eq!((examples.labels.as_slice(), examples.own_test), (&[1, 2, 3, 4, 5, 9, 8][..], Some(5)));
        assert_eq!(TEN.inspect(folder.path()).unwrap(), examples.data_shape());
        fs::remove_file(inner.join("data_batch_4.bin")).unwrap();
        let message = TEN.read(folder.path()).unwrap_err().to_string();
        assert!(message.contains("data_batch_4.bin` is missing"), "{message}");
    }

    #[test]
    fn fine_labels_are_the_classes_of_cifar_100() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("train.bin"), records(2, &[99, 0])).unwrap();
        fs::write(folder.path().join("test.bin"), records(2, &[42])).unwrap();
        let examples = HUNDRED.read(folder.path()).unwrap();
        assert_eq!((examples.labels.as_slice(), examples.classes.len()), (&[99, 0, 42][..], 100));
        assert!(examples.classes.is_sorted());
        assert_eq!(HUNDRED.inspect(folder.path()).unwrap(), examples.data_shape());
        let message = TEN.read(folder.path()).unwrap_err().to_string();
        assert!(message.contains("6148 bytes: 2 records and 2 bytes"), "{message}");
    }

    #[test]
    fn damage_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let message = TEN.read(folder.path()).unwrap_err().to_string();
        assert!(message.contains("train.bin` is missing") && message.contains("data_batch_1.bin"), "{message}");
        write(folder.path());
        fs::write(folder.path().join("test.bin"), records(1, &[1, 10])).unwrap();
        let message = TEN.read(folder.path()).unwrap_err().to_string();
        assert!(message.contains("test.bin") && message.contains("found 10 in record 2"), "{message}");
        fs::write(folder.path().join("test.bin"), &records(1, &[1])[..100]).unwrap();
        let message = TEN.read(folder.path()).unwrap_err().to_string();
        assert!(message.contains("100 bytes: 0 records and 100 bytes"), "{message}");
    }
}
