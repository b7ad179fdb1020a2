//! The IDX files of MNIST and its successors (LeCun, Cortes and Burges, "The MNIST database of handwritten digits").

use crate::file::{first_present, read_start, require_folder};
use crate::{DataError, DataShape, Examples, Inputs};
use std::path::{Path, PathBuf};

const IMAGES_MAGIC: u32 = 0x0803; // unsigned bytes, three dimensions
const LABELS_MAGIC: u32 = 0x0801; // unsigned bytes, one dimension
const REMEDY: &str = "fetch or copy the file again";

/// The BLAKE3 hashes of the four files' content, decompressed, in the order of [`FILES`].
pub(crate) type Pinned = [&'static str; 4];

/// Number, height and width of a file of images.
#[derive(Debug, PartialEq, Eq, Clone, Copy)]
struct Images {
    count: usize,
    height: usize,
    width: usize,
}

pub(crate) const FILES: [&str; 4] =
    ["train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"];

/// The paths of the four files, each under its published name, with `-` or `.` before `idx`, gzip or not.
pub(crate) fn find(folder: &Path) -> Result<[PathBuf; 4], DataError> {
    require_folder(folder, "a folder with the four IDX files")?;
    let one = |name: &str| {
        let dotted = name.replace("-idx", ".idx");
        first_present(folder, &[name, &dotted]).ok_or_else(|| {
            let file = folder.join(name);
            let expected = "one of the four IDX files, gzip (`.gz`) or not";
            DataError::missing(&file, expected, format!("put it there; the others are {}", others(name)))
        })
    };
    Ok([one(FILES[0])?, one(FILES[1])?, one(FILES[2])?, one(FILES[3])?])
}

fn others(name: &str) -> String {
    let names: Vec<String> = FILES.iter().filter(|&&other| other != name).map(|other| format!("`{other}`")).collect();
    names.join(", ")
}

/// Those of the four files that the folder holds, under any of their names.
pub(crate) fn find_any(folder: &Path) -> Vec<PathBuf> {
    let names = FILES.iter().flat_map(|name| {
        let dotted = name.replace("-idx", ".idx");
        [format!("{name}.gz"), format!("{dotted}.gz"), (*name).to_owned(), dotted]
    });
    names.map(|name| folder.join(name)).filter(|file| file.is_file()).collect()
}

/// Whether the folder holds at least one of the four files.
pub(crate) fn is_here(folder: &Path) -> bool {
    !find_any(folder).is_empty()
}

pub(crate) fn read(folder: &Path) -> Result<Examples, DataError> {
    read_pinned(folder, None)
}

/// Reads the four files; where their content is known, other content is damage.
pub(crate) fn read_pinned(folder: &Path, pinned: Option<&Pinned>) -> Result<Examples, DataError> {
    let [train_images, train_labels, test_images, test_labels] = find(folder)?;
    let hash = |index: usize| pinned.map(|pinned| pinned[index]);
    let (size, mut pixels) = read_images(&train_images, hash(0))?;
    let mut labels = read_labels_of(&train_images, size, &train_labels, hash(1))?;
    let (test_size, test_pixels) = read_images(&test_images, hash(2))?;
    require_same_size(size, test_size, &test_images)?;
    pixels.extend_from_slice(&test_pixels);
    labels.extend(read_labels_of(&test_images, test_size, &test_labels, hash(3))?);
    let classes = labels.iter().max().map_or(0, |&label| label as usize + 1);
    Ok(Examples {
        shape: vec![1, size.height, size.width],
        inputs: Inputs::Pixels(pixels),
        labels,
        classes: (0..classes).map(|class| class.to_string()).collect(),
        own_test: Some(size.count),
    })
}

pub(crate) fn inspect(folder: &Path) -> Result<DataShape, DataError> {
    let [train_images, train_labels, test_images, test_labels] = find(folder)?;
    let start = |file: &Path| read_start(file, 16, "the header of IDX images", REMEDY);
    let size = images_header(&train_images, &start(&train_images)?)?;
    let test_size = images_header(&test_images, &start(&test_images)?)?;
    require_same_size(size, test_size, &test_images)?;
    let labels = [read_labels(&train_labels, None)?, read_labels(&test_labels, None)?].concat();
    let classes = labels.iter().max().map_or(0, |&label| label as usize + 1);
    Ok(DataShape { shape: vec![1, size.height, size.width], classes, examples: Some(size.count + test_size.count) })
}

fn require_same_size(size: Images, test: Images, file: &Path) -> Result<(), DataError> {
    if (size.height, size.width) == (test.height, test.width) {
        return Ok(());
    }
    let expected = format!("images of {}x{} pixels as in the training part", size.height, size.width);
    Err(DataError::damaged(file, expected, format!("{}x{}", test.height, test.width), "use files of one set"))
}

fn read_images(file: &Path, hash: Option<&str>) -> Result<(Images, Vec<u8>), DataError> {
    let size = images_header(file, &read_start(file, 16, "the header of IDX images", REMEDY)?)?;
    let values = size.count as u128 * size.height as u128 * size.width as u128;
    // No more than the header says: what was compressed may be endless.
    let whole = u64::try_from(values).unwrap_or(u64::MAX).saturating_add(17);
    let mut bytes = read_start(file, whole, "IDX images", REMEDY)?;
    let held = bytes.len() - 16;
    if values != held as u128 {
        let (count, height, width) = (size.count, size.height, size.width);
        let expected = format!("{count} images of {height}x{width} pixels, {values} bytes after the header");
        let found = if held as u128 > values { "more".to_owned() } else { format!("{held} bytes") };
        return Err(DataError::damaged(file, expected, found, REMEDY));
    }
    require_hash(file, &bytes, hash)?;
    bytes.drain(..16);
    Ok((size, bytes))
}

fn read_labels_of(images: &Path, size: Images, file: &Path, hash: Option<&str>) -> Result<Vec<u32>, DataError> {
    let labels = read_labels(file, hash)?;
    if labels.len() != size.count {
        let expected = format!("{} labels, one for each image of `{}`", size.count, images.display());
        return Err(DataError::damaged(file, expected, labels.len().to_string(), "use files of one set"));
    }
    Ok(labels.into_iter().map(u32::from).collect())
}

/// Hashing 55 MB, the largest of the known sets, takes some 30 ms: cheap beside reading them.
fn require_hash(file: &Path, content: &[u8], hash: Option<&str>) -> Result<(), DataError> {
    let Some(expected) = hash else { return Ok(()) };
    let found = blake3::hash(content).to_hex();
    if found.as_str() == expected {
        return Ok(());
    }
    let expected = format!("the published content, of BLAKE3 {expected}");
    let remedy = "fetch it again, or name another set of the same form by `idx: FOLDER`";
    Err(DataError::damaged(file, expected, format!("content of BLAKE3 {found}"), remedy))
}

fn images_header(file: &Path, bytes: &[u8]) -> Result<Images, DataError> {
    let number = |index| header_number(bytes, index);
    require_magic(file, number(0), IMAGES_MAGIC, "IDX images")?;
    match (number(1), number(2), number(3)) {
        (Some(count), Some(height), Some(width)) if count > 0 && height > 0 && width > 0 => {
            Ok(Images { count: count as usize, height: height as usize, width: width as usize })
        }
        (_, _, None) => Err(DataError::damaged(file, "a header of 16 bytes", format!("{} bytes", bytes.len()), REMEDY)),
        _ => Err(DataError::damaged(file, "at least one image of at least one pixel", "none", REMEDY)),
    }
}

fn read_labels(file: &Path, hash: Option<&str>) -> Result<Vec<u8>, DataError> {
    let header = read_start(file, 8, "the header of IDX labels", REMEDY)?;
    require_magic(file, header_number(&header, 0), LABELS_MAGIC, "IDX labels")?;
    let count = header_number(&header, 1).map(|count| count as usize);
    let mut bytes = read_start(file, count.unwrap_or(0) as u64 + 9, "IDX labels", REMEDY)?;
    if count != bytes.len().checked_sub(8) {
        let expected = count.map_or("a header of 8 bytes".to_owned(), |count| format!("{count} labels of one byte"));
        let held = bytes.len().saturating_sub(8);
        let found = if count.is_some_and(|count| held > count) {
            "more".into()
        } else {
            format!("{held} bytes after the header")
        };
        return Err(DataError::damaged(file, expected, found, REMEDY));
    }
    require_hash(file, &bytes, hash)?;
    bytes.drain(..8);
    Ok(bytes)
}

fn header_number(bytes: &[u8], index: usize) -> Option<u32> {
    let bytes = bytes.get(4 * index..4 * index + 4)?;
    Some(u32::from_be_bytes(bytes.try_into().ok()?))
}

fn require_magic(file: &Path, found: Option<u32>, magic: u32, what: &str) -> Result<(), DataError> {
    if found == Some(magic) {
        return Ok(());
    }
    let found = found.map_or("fewer than four bytes".to_owned(), |found| format!("0x{found:08x}"));
    Err(DataError::damaged(file, format!("{what}, which begin with 0x{magic:08x}"), found, REMEDY))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use flate2::{Compression, write::GzEncoder};
    use std::fs;
    use std::io::Write;

    pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn images(count: u32, height: u32, width: u32, first: u8) -> Vec<u8> {
        let mut bytes: Vec<u8> = [IMAGES_MAGIC, count, height, width].iter().flat_map(|n| n.to_be_bytes()).collect();
        bytes.extend((0..count * height * width).map(|index| first.wrapping_add(index as u8)));
        bytes
    }

    fn labels(labels: &[u8]) -> Vec<u8> {
        let mut bytes: Vec<u8> = [LABELS_MAGIC, labels.len() as u32].iter().flat_map(|n| n.to_be_bytes()).collect();
        bytes.extend(labels);
        bytes
    }

    /// Three training and two test images of 2x3 pixels; half of the files gzip, half of the names with a dot.
    pub(crate) fn write(folder: &Path) {
        fs::write(folder.join("train-images.idx3-ubyte"), images(3, 2, 3, 0)).unwrap();
        fs::write(folder.join("train-labels-idx1-ubyte.gz"), gzip(&labels(&[0, 1, 2]))).unwrap();
        fs::write(folder.join("t10k-images-idx3-ubyte.gz"), gzip(&images(2, 2, 3, 100))).unwrap();
        fs::write(folder.join("t10k-labels.idx1-ubyte"), labels(&[2, 3])).unwrap();
    }

    fn folder() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path());
        folder
    }

    fn failure(folder: &Path) -> String {
        read(folder).unwrap_err().to_string()
    }

    #[test]
    fn images_and_labels_are_read() {
        let folder = folder();
        let examples = read(folder.path()).unwrap();
        assert_eq!(examples.shape, [1, 2, 3]);
        assert_eq!(examples.labels, [0, 1, 2, 2, 3]);
        assert_eq!(examples.classes, ["0", "1", "2", "3"]);
        assert_eq!(examples.own_test, Some(3));
        let pixels: Vec<u8> = (0..18).chain(100..112).collect();
        assert_eq!(examples.inputs, Inputs::Pixels(pixels));
        assert_eq!(inspect(folder.path()).unwrap(), examples.data_shape());
    }

    #[test]
    fn a_missing_file_is_named_with_the_others() {
        let folder = folder();
        fs::remove_file(folder.path().join("t10k-labels.idx1-ubyte")).unwrap();
        let message = failure(folder.path());
        assert!(message.contains("t10k-labels-idx1-ubyte` is missing"), "{message}");
        assert!(message.contains("`train-images-idx3-ubyte`"), "{message}");
        let message = failure(&folder.path().join("nowhere"));
        assert!(message.contains("nowhere` is missing: expected a folder with the four IDX files"), "{message}");
    }

    #[test]
    fn damage_is_named() {
        let cases: [(&str, Vec<u8>, &str); 7] = [
            ("train-images.idx3-ubyte", labels(&[1]), "begin with 0x00000803, found 0x00000801"),
            ("train-images.idx3-ubyte", images(3, 2, 3, 0)[..30].to_vec(), "18 bytes after the header, found 14 bytes"),
            ("train-images.idx3-ubyte", images(3, 2, 3, 0)[..10].to_vec(), "a header of 16 bytes"),
            ("train-images.idx3-ubyte", vec![], "fewer than four bytes"),
            ("train-images.idx3-ubyte", images(4, 2, 3, 0), "expected 4 labels"),
            ("t10k-images-idx3-ubyte.gz", gzip(&images(2, 2, 3, 0))[..20].to_vec(), "cannot be decompressed"),
            (
                "t10k-images-idx3-ubyte.gz",
                images(2, 3, 3, 0),
                "images of 2x3 pixels as in the training part, found 3x3",
            ),
        ];
        for (name, content, expected) in cases {
            let folder = folder();
            fs::write(folder.path().join(name), content).unwrap();
            let message = failure(folder.path());
            assert!(message.contains(expected), "{message}");
            assert!(message.contains(&name[..12]) || message.contains("labels"), "{message}");
        }
        let folder = folder();
        fs::write(folder.path().join("t10k-labels.idx1-ubyte"), &labels(&[2, 3])[..9]).unwrap();
        let message = failure(folder.path());
        assert!(message.contains("expected 2 labels of one byte, found 1 bytes"), "{message}");
    }
}
