//! A folder with one subfolder of PNG or JPEG images a class.

use crate::examples::reserve;
use crate::file::{open_error, require_folder};
use crate::{DataError, DataShape, Examples, Inputs};
use image::imageops::{self, FilterType};
use image::{DynamicImage, ImageDecoder, ImageFormat, ImageReader};
use rayon::prelude::*;
use std::fs;
use std::io::{Cursor, Read};
use std::path::{Path, PathBuf};

const LAYOUT: &str = "lay the folder out as `CLASS/IMAGE.png`, one subfolder of PNG or JPEG images a class";
const NOT_AN_IMAGE: &str = "remove it, or save it again as PNG or JPEG";
/// No image of a data set is larger than this file.
const MOST_BYTES: u64 = 64 << 20;
/// No side of an image of a data set has more pixels.
const MOST_PIXELS: u32 = 16_384;
/// Formats that people have and that are not read: leaving them out silently would lose examples.
const OTHER_FORMATS: [&str; 9] = ["gif", "bmp", "webp", "tif", "tiff", "avif", "heic", "jp2", "jxl"];

/// The classes and files of the set, in the order of the examples: by part, class, file name (bytes of the names).
struct Listing {
    classes: Vec<String>,
    files: Vec<(PathBuf, u32)>,
    own_test: Option<usize>,
}

/// Reads and decodes all images, on all processors; scaled to the first one's size where they differ.
///
/// Transparency is dropped, 16-bit images are read as 8-bit ones, and images have one channel only if all are grey.
pub(crate) fn read(folder: &Path) -> Result<Examples, DataError> {
    let listing = list(folder)?;
    let size = Size::of(&listing)?;
    let image_size = size.channels * size.height as usize * size.width as usize;
    let values = listing.files.len().checked_mul(image_size);
    let mut pixels = reserve(values)?;
    pixels.resize(values.unwrap_or(0), 0);
    // Each image is written to its place as soon as it is decoded: memory holds the set once.
    let results: Vec<Result<(), DataError>> = pixels
        .par_chunks_exact_mut(image_size)
        .zip(&listing.files)
        .map(|(place, (file, _))| decode(file).map(|image| size.write(image, place)))
        .collect();
    results.into_iter().collect::<Result<(), DataError>>()?; // the first in order that fails, however the threads went
    Ok(Examples {
        shape: size.shape(),
        inputs: Inputs::Pixels(pixels),
        labels: listing.files.iter().map(|&(_, label)| label).collect(),
        classes: listing.classes,
        own_test: listing.own_test,
    })
}

/// Lists the files and reads headers.
pub(crate) fn inspect(folder: &Path) -> Result<DataShape, DataError> {
    let listing = list(folder)?;
    let shape = Size::of(&listing)?.shape();
    Ok(DataShape { shape, classes: listing.classes.len(), examples: Some(listing.files.len()) })
}

/// What all images are made to have.
#[derive(Clone, Copy)]
struct Size {
    channels: usize,
    height: u32,
    width: u32,
}

impl Size {
    /// Height and width of the first image; one channel unless an image is not grey, after which no header is read.
    fn of(listing: &Listing) -> Result<Size, DataError> {
        let mut size = Size { channels: 1, height: 0, width: 0 };
        for (index, (file, _)) in listing.files.iter().enumerate() {
            let bytes = bytes(file)?;
            let decoder = reader(file, &bytes)?.into_decoder().map_err(|error| no_image(file, &error.to_string()))?;
            if index == 0 {
                (size.width, size.height) = decoder.dimensions();
                if size.width == 0 || size.height == 0 {
                    return Err(no_image(file, "an image without pixels"));
                }
                if size.width.max(size.height) > MOST_PIXELS {
                    return Err(no_image(file, &format!("an image of {}x{} pixels", size.width, size.height)));
                }
            }
            if decoder.color_type().has_color() {
                size.channels = 3;
                break;
            }
        }
        Ok(size)
    }

    fn shape(self) -> Vec<usize> {
        vec![self.channels, self.height as usize, self.width as usize]
    }

    /// Writes the image's channels one after another.
    fn write(self, image: DynamicImage, place: &mut [u8]) {
        let (width, height) = (self.width, self.height);
        let same_size = (image.width(), image.height()) == (width, height);
        // Linear interpolation over the area that a pixel covers: no overshoot, and the same on every machine.
        let filter = FilterType::Triangle;
        if self.channels == 1 {
            let grey = image.into_luma8();
            let grey = if same_size { grey } else { imageops::resize(&grey, width, height, filter) };
            place.copy_from_slice(grey.as_raw());
            return;
        }
        let colour = image.into_rgb8();
        let colour = if same_size { colour } else { imageops::resize(&colour, width, height, filter) };
        let interleaved = colour.as_raw();
        for (channel, plane) in place.chunks_exact_mut(interleaved.len() / self.channels).enumerate() {
            for (value, pixel) in plane.iter_mut().zip(interleaved.chunks_exact(self.channels)) {
                *value = pixel[channel];
            }
        }
    }
}

/// The names of the classes, in order, and whether there is a test part.
pub(crate) fn classes(folder: &Path) -> Result<(Vec<String>, bool), DataError> {
    let listing = list(folder)?;
    Ok((listing.classes, listing.own_test.is_some()))
}

fn list(folder: &Path) -> Result<Listing, DataError> {
    require_folder(folder, "a folder with one subfolder of images a class")?;
    let folders = subfolders(folder)?;
    let nested = |part: &str| {
        let part = folder.join(part);
        subfolders(&part).is_ok_and(|inside| !inside.is_empty()).then_some(part)
    };
    let (Some(training), Some(test)) = (nested("train"), nested("test")) else {
        let classes = list_classes(folder, folders)?;
        return number(folder, &classes, Vec::new());
    };
    if let Some((other, _)) = folders.iter().find(|(name, _)| name != "train" && name != "test") {
        let problem = format!("holds `train`, `test` and also `{other}`");
        let remedy =
            "move its images into the classes of `train`, from which the validation part is taken, or elsewhere";
        return Err(DataError::unsuitable(folder, problem, remedy));
    }
    let (training_folders, test_folders) = (subfolders(&training)?, subfolders(&test)?);
    number(&training, &list_classes(&training, training_folders)?, list_classes(&test, test_folders)?)
}

/// A class's name and its images.
type Class = (String, Vec<PathBuf>);

fn number(folder: &Path, training: &[Class], test: Vec<Class>) -> Result<Listing, DataError> {
    if training.len() < 2 {
        let problem = format!("has {} subfolder(s) of images, and classes must be at least 2", training.len());
        return Err(DataError::unsuitable(folder, problem, LAYOUT));
    }
    let classes: Vec<String> = training.iter().map(|(name, _)| name.clone()).collect();
    let labelled = |label: usize, files: &[PathBuf]| -> Vec<(PathBuf, u32)> {
        files.iter().map(|file| (file.clone(), label as u32)).collect()
    };
    let mut files: Vec<(PathBuf, u32)> =
        training.iter().enumerate().flat_map(|(label, (_, files))| labelled(label, files)).collect();
    let own_test = (!test.is_empty()).then_some(files.len());
    for (name, images) in test {
        let Ok(label) = classes.binary_search(&name) else {
            let problem = format!("`test` has a class `{name}` that `train` has not");
            return Err(DataError::unsuitable(folder, problem, "give both the same subfolders"));
        };
        files.extend(labelled(label, &images));
    }
    Ok(Listing { classes, files, own_test })
}

fn list_classes(folder: &Path, classes: Vec<(String, PathBuf)>) -> Result<Vec<Class>, DataError> {
    if classes.is_empty() {
        return Err(DataError::unsuitable(folder, "has no subfolder", LAYOUT));
    }
    classes.into_iter().map(|(name, path)| Ok((name, images(&path)?))).collect()
}

/// The subfolders by name, without hidden ones.
fn subfolders(folder: &Path) -> Result<Vec<(String, PathBuf)>, DataError> {
    Ok(entries(folder)?.into_iter().filter(|(_, path)| path.is_dir()).collect())
}

fn images(folder: &Path) -> Result<Vec<PathBuf>, DataError> {
    let mut images = Vec::new();
    for (_, path) in entries(folder)? {
        let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or("").to_ascii_lowercase();
        if OTHER_FORMATS.contains(&extension.as_str()) {
            return Err(DataError::damaged(
                &path,
                "a PNG or JPEG image",
                format!("a `.{extension}` file"),
                NOT_AN_IMAGE,
            ));
        }
        if matches!(extension.as_str(), "png" | "jpg" | "jpeg") && path.is_file() {
            images.push(path);
        }
    }
    if images.is_empty() {
        let problem = "holds no PNG or JPEG image (`.png`, `.jpg`, `.jpeg`) directly inside";
        return Err(DataError::unsuitable(folder, problem, LAYOUT));
    }
    Ok(images)
}

/// What a folder holds, in the order of the names' bytes, without hidden entries.
fn entries(folder: &Path) -> Result<Vec<(String, PathBuf)>, DataError> {
    let unreadable = |error| open_error(folder, error, "a folder of images", LAYOUT);
    let mut entries = Vec::new();
    for entry in fs::read_dir(folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        let Some(name) = path.file_name().and_then(|name| name.to_str()) else {
            return Err(DataError::unsuitable(&path, "has a name that is not UTF-8", "rename it"));
        };
        if !name.starts_with('.') {
            entries.push((name.to_owned(), path));
        }
    }
    entries.sort_unstable();
    Ok(entries)
}

fn bytes(file: &Path) -> Result<Vec<u8>, DataError> {
    let unreadable = |error| open_error(file, error, "an image", "leave the folder alone while it is read");
    let mut bytes = Vec::new();
    fs::File::open(file).map_err(unreadable)?.take(MOST_BYTES + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() as u64 > MOST_BYTES {
        return Err(no_image(file, &format!("a file of more than {} MiB", MOST_BYTES >> 20)));
    }
    Ok(bytes)
}

fn no_image(file: &Path, found: &str) -> DataError {
    DataError::damaged(file, "a whole PNG or JPEG image", found, NOT_AN_IMAGE)
}

/// A reader for the format that the content shows, whatever the file is called.
fn reader<'a>(file: &Path, bytes: &'a [u8]) -> Result<ImageReader<Cursor<&'a [u8]>>, DataError> {
    let reader = ImageReader::new(Cursor::new(bytes)).with_guessed_format();
    let reader = reader.map_err(|error| DataError::unreadable(file, error))?;
    match reader.format() {
        Some(ImageFormat::Png | ImageFormat::Jpeg) => Ok(reader),
        Some(other) => Err(no_image(file, &format!("an image of the format {other:?}"))),
        None if bytes.is_empty() => Err(no_image(file, "an empty file")),
        None => Err(no_image(file, "other content")),
    }
}

fn decode(file: &Path) -> Result<DynamicImage, DataError> {
    let bytes = bytes(file)?;
    let reader = reader(file, &bytes)?;
    if reader.format() == Some(ImageFormat::Jpeg) && !has_jpeg_end(&bytes) {
        return Err(no_image(file, "a JPEG image that breaks off"));
    }
    let image = reader.decode().map_err(|error| no_image(file, &error.to_string()))?;
    if image.width() == 0 || image.height() == 0 {
        return Err(no_image(file, "an image without pixels"));
    }
    Ok(image)
}

/// Whether a JPEG's last scan ends with the end-of-image marker: the decoder fills up what is missing without a word.
fn has_jpeg_end(bytes: &[u8]) -> bool {
    let last = |marker: [u8; 2]| bytes.windows(2).rposition(|pair| pair == marker);
    match (last([0xff, 0xda]), last([0xff, 0xd9])) {
        (Some(scan), Some(end)) => scan < end,
        _ => false,
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use image::{GrayImage, Luma, Rgb, RgbImage, RgbaImage};

    fn grey(file: &Path, width: u32, height: u32, value: u8) {
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        GrayImage::from_fn(width, height, |x, _| Luma([value + x as u8])).save(file).unwrap();
    }

    fn colour(file: &Path, width: u32, height: u32, value: [u8; 3]) {
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        RgbImage::from_pixel(width, height, Rgb(value)).save(file).unwrap();
    }

    /// Two classes of grey images, three by two pixels.
    pub(crate) fn write(folder: &Path) {
        grey(&folder.join("cat/b.png"), 3, 2, 10);
        grey(&folder.join("cat/a.png"), 3, 2, 20);
        grey(&folder.join("ant/c.png"), 3, 2, 30);
    }

    fn pixels(examples: &Examples) -> &[u8] {
        match &examples.inputs {
            Inputs::Pixels(pixels) => pixels,
            Inputs::Features(_) => panic!("images are pixels"),
        }
    }

    #[test]
    fn classes_and_files_are_in_the_order_of_their_names() {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path());
        fs::write(folder.path().join("cat/notes.txt"), "left alone").unwrap();
        fs::write(folder.path().join("README.md"), "left alone").unwrap();
        fs::create_dir(folder.path().join(".hidden")).unwrap();
        let examples = read(folder.path()).unwrap();
        assert_eq!(examples.shape, [1, 2, 3]);
        assert_eq!(examples.classes, ["ant", "cat"]);
        assert_eq!(examples.labels, [0, 1, 1]);
        assert_eq!(pixels(&examples)[..9], [30, 31, 32, 30, 31, 32, 20, 21, 22]);
        assert_eq!(examples.own_test, None);
        assert_eq!(inspect(folder.path()).unwrap(), examples.data_shape());
    }

    #[test]
    fn one_coloured_image_makes_all_three_channels() {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path());
        colour(&folder.path().join("cat/z.png"), 3, 2, [1, 2, 3]);
        let examples = read(folder.path()).unwrap();
        assert_eq!(examples.shape, [3, 2, 3]);
        assert_eq!(pixels(&examples)[..7], [30, 31, 32, 30, 31, 32, 30]);
        assert_eq!(pixels(&examples)[54..], [1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 2, 3, 3, 3, 3, 3, 3]);
        assert_eq!(inspect(folder.path()).unwrap(), examples.data_shape());
    }

    #[test]
    fn jpeg_transparency_and_other_sizes_are_read() {
        let folder = tempfile::tempdir().unwrap();
        colour(&folder.path().join("a/first.jpg"), 8, 8, [200, 100, 50]);
        fs::create_dir(folder.path().join("b")).unwrap();
        RgbaImage::from_pixel(16, 4, image::Rgba([10, 20, 30, 0])).save(folder.path().join("b/wide.png")).unwrap();
        let examples = read(folder.path()).unwrap();
        assert_eq!(examples.shape, [3, 8, 8]);
        let values = pixels(&examples);
        assert!((195..=205).contains(&values[0]) && (95..=105).contains(&values[64]), "{:?}", &values[..66]);
        assert_eq!((values[192], values[192 + 64], values[192 + 128]), (10, 20, 30));
        assert_eq!(inspect(folder.path()).unwrap(), examples.data_shape());
    }

    #[test]
    fn a_jpeg_under_the_name_of_a_png_is_read() {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path());
        colour(&folder.path().join("x.jpg"), 3, 2, [9, 9, 9]);
        fs::rename(folder.path().join("x.jpg"), folder.path().join("cat/x.png")).unwrap();
        assert_eq!(read(folder.path()).unwrap().len(), 4);
    }

    #[test]
    fn train_and_test_are_the_parts() {
        let folder = tempfile::tempdir().unwrap();
        write(&folder.path().join("train"));
        grey(&folder.path().join("test/cat/t.png"), 3, 2, 90);
        let examples = read(folder.path()).unwrap();
        assert_eq!((examples.labels.as_slice(), examples.own_test), (&[0, 1, 1, 1][..], Some(3)));
        assert_eq!(inspect(folder.path()).unwrap(), examples.data_shape());

        grey(&folder.path().join("test/dog/t.png"), 3, 2, 90);
        let message = read(folder.path()).unwrap_err().to_string();
        assert!(message.contains("a class `dog` that `train` has not"), "{message}");
        fs::create_dir(folder.path().join("val")).unwrap();
        let message = read(folder.path()).unwrap_err().to_string();
        assert!(message.contains("also `val`"), "{message}");
    }

    #[test]
    fn classes_may_be_called_train_and_test() {
        let folder = tempfile::tempdir().unwrap();
        grey(&folder.path().join("train/a.png"), 2, 2, 1);
        grey(&folder.path().join("test/a.png"), 2, 2, 1);
        let examples = read(folder.path()).unwrap();
        assert_eq!((examples.classes, examples.own_test), (vec!["test".into(), "train".into()], None));
    }

    #[test]
    fn damage_is_named() {
        let whole = tempfile::tempdir().unwrap();
        colour(&whole.path().join("whole.jpg"), 64, 64, [1, 200, 3]);
        colour(&whole.path().join("whole.png"), 64, 64, [1, 200, 3]);
        let jpeg = fs::read(whole.path().join("whole.jpg")).unwrap();
        let png = fs::read(whole.path().join("whole.png")).unwrap();
        let cases: [(&str, &[u8], &str); 6] = [
            ("text.png", b"no image", "found other content"),
            ("empty.jpg", b"", "found an empty file"),
            ("cut.png", &png[..png.len() / 2], "expected a whole PNG or JPEG image"),
            ("cut.jpg", &jpeg[..jpeg.len() - 20], "a JPEG image that breaks off"),
            ("gif.png", b"GIF89a\x01\x00\x01\x00\x00\x00\x00;", "an image of the format Gif"),
            ("other.webp", b"", "a `.webp` file"),
        ];
        for (name, content, expected) in cases {
            let folder = tempfile::tempdir().unwrap();
            write(folder.path());
            fs::write(folder.path().join("cat").join(name), content).unwrap();
            let message = read(folder.path()).unwrap_err().to_string();
            assert!(message.contains(expected) && message.contains(name), "{message}");
        }
    }

    #[test]
    fn folders_without_classes_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path();
        let failure = || read(path).unwrap_err().to_string();
        assert!(failure().contains("has no subfolder; lay the folder out as"), "{}", failure());
        fs::create_dir(path.join("only")).unwrap();
        assert!(failure().contains("only`: holds no PNG or JPEG image"), "{}", failure());
        grey(&path.join("only/a.png"), 2, 2, 0);
        assert!(failure().contains("classes must be at least 2"), "{}", failure());
        let message = read(&path.join("none")).unwrap_err().to_string();
        assert!(message.contains("none` is missing"), "{message}");
    }
}
