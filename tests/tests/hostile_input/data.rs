//! Data sets and tables that are not what they say.

use crate::child::{EXPERIMENT, ends, pipe, refused, sparse};
use flate2::{Compression, write::GzEncoder};
use std::fs;
use std::io::Write;
use std::os::unix::fs::symlink;
use std::path::Path;

/// An experiment on a data set, checked in a folder that holds it.
fn experiment(folder: &Path, dataset: &str) {
    let text = EXPERIMENT.replace("{dataset: digits}", &format!("{{dataset: {dataset}}}"));
    fs::write(folder.join("x.yaml"), text).unwrap();
}

fn data(dataset: &str, write: impl FnOnce(&Path), words: &str) {
    let folder = tempfile::tempdir().unwrap();
    experiment(folder.path(), dataset);
    write(folder.path());
    refused(folder.path(), &["check", "x.yaml"], words);
}

fn put(folder: &Path, name: &str, content: impl AsRef<[u8]>) {
    let file = folder.join(name);
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(file, content).unwrap();
}

fn gzip(content: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

/// What unpacks to the beginning and a gigabyte of zeros: a gzip file may be many, one after another.
fn bomb(beginning: &[u8]) -> Vec<u8> {
    [gzip(beginning), gzip(&vec![0; 1 << 20]).repeat(1024)].concat()
}

/// A PNG of any size with any data: lengths and checksums are right.
fn png(width: u32, height: u32, data: &[u8]) -> Vec<u8> {
    let chunk = |kind: &[u8; 4], data: &[u8]| {
        let mut crc = flate2::Crc::new();
        crc.update(kind);
        crc.update(data);
        [&(data.len() as u32).to_be_bytes()[..], kind, data, &crc.sum().to_be_bytes()].concat()
    };
    let header = [&width.to_be_bytes()[..], &height.to_be_bytes(), &[8, 0, 0, 0, 0]].concat();
    [b"\x89PNG\r\n\x1a\n".to_vec(), chunk(b"IHDR", &header), chunk(b"IDAT", data), chunk(b"IEND", &[])].concat()
}

/// A sound PNG, all black.
fn black(side: u32) -> Vec<u8> {
    let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(&vec![0; ((side + 1) * side) as usize]).unwrap();
    png(side, side, &encoder.finish().unwrap())
}

#[test]
fn images_that_are_none_are_found() {
    let folder = |image: Vec<u8>, words: &str| {
        data(
            "{folder: d}",
            |folder| {
                put(folder, "d/a/1.png", image);
                put(folder, "d/b/1.png", black(8));
            },
            words,
        );
    };
    folder(b"hello".to_vec(), "expected a whole PNG or JPEG image");
    folder(Vec::new(), "an empty file");
    folder(png(100_000, 100_000, &[]), "x.yaml:3");
    folder(png(u32::MAX, u32::MAX, &[]), "x.yaml:3");
    folder(png(0, 0, &[]), "x.yaml:3");
    folder(b"\xff\xd8\xff\xe0".iter().copied().chain([0; 100]).collect(), "expected a whole PNG or JPEG image");
}

#[test]
fn folders_without_images_are_found() {
    data("{folder: d}", |folder| fs::create_dir(folder.join("d")).unwrap(), "has no subfolder");
    data("{folder: d}", |folder| fs::create_dir_all(folder.join("d/a")).unwrap(), "holds no PNG or JPEG image");
    data("{folder: d}", |folder| put(folder, "d", "a file"), "is a file");
    data("{folder: nowhere}", |_| {}, "is missing");
    data("{folder: d}", |folder| put(folder, "d/a/1.png", black(8)), "class");
    let with = |other: fn(&Path), words: &str| {
        data(
            "{folder: d}",
            |folder| {
                fs::create_dir_all(folder.join("d/a")).unwrap();
                put(folder, "d/b/1.png", black(8));
                other(&folder.join("d/a/1.png"));
            },
            words,
        );
    };
    with(|file| pipe(file), "holds no PNG or JPEG image");
    with(|file| symlink("/dev/zero", file).unwrap(), "holds no PNG or JPEG image");
    with(|file| sparse(file, 1 << 30), "a file of more than 64 MiB");
}

#[test]
fn tables_that_are_none_are_found() {
    let csv = |content: Vec<u8>, words: &str| {
        data("{csv: {path: d.csv, target: y}}", |folder| put(folder, "d.csv", content), words);
    };
    csv(Vec::new(), "x.yaml:3");
    csv(b"a,y\n".to_vec(), "no row");
    csv(b"a,y\n1,1\n".to_vec(), "one class");
    csv(b"a,b\n1,1\n".to_vec(), "has no column `y`");
    csv(b"a,y\n1,0\n1,2,3\n".to_vec(), "2 cells in line 3");
    csv(b"a,y\n1,0\n2,\xff\n".to_vec(), "not UTF-8");
    csv(b"\xff\xfea\0,\0y\0\n\0".to_vec(), "not UTF-8");
    csv([b"a,y\n\"1,0\n".to_vec(), b"2,1\n".repeat(8 << 20)].concat(), "a quote that is never closed");
    let many: String = (0..200_000).map(|row| format!("{row},{row}\n")).collect();
    csv(format!("a,y\n{many}").into_bytes(), "which are no classes");
    let columns: String = (0..300_000).map(|column| format!("c{column},")).collect();
    csv(format!("{columns}z\n").into_bytes(), "and 299981 more");
    csv(format!("{}y\n", "c,".repeat(300_000)).into_bytes(), "more than one column `c`");
    let shaped = |shape: &str, words: &str| {
        let dataset = format!("{{csv: {{path: d.csv, target: y, shape: {shape}}}}}");
        data(&dataset, |folder| put(folder, "d.csv", "a,y\n1,0\n2,1\n"), words);
    };
    shaped("[4294967296, 4294967296, 1]", "1 to 1000000 can stand here");
    shaped("[1000000, 1000000, 1000000]", "do not fill the shape");
}

#[test]
fn files_without_end_are_not_read_to_their_end() {
    let at = |path: &str, write: fn(&Path), words: &str| {
        data(&format!("{{csv: {{path: {path}, target: y}}}}"), |folder| write(&folder.join("d.csv")), words);
    };
    at("/dev/zero", |_| {}, "is no regular file");
    at("d.csv", |file| pipe(file), "is no regular file");
    at("d.csv", |file| sparse(file, 1 << 30), "a row of more than 16 MiB");
    at("d.csv", |file| fs::create_dir(file).unwrap(), "is a folder");
    let bomb = bomb(b"a,y\n");
    data("{csv: {path: d.gz, target: y}}", |folder| put(folder, "d.gz", &bomb), "a row of more than 16 MiB");
    let cut = gzip(b"a,y\n1,0\n2,1\n");
    data("{csv: {path: d.gz, target: y}}", |folder| put(folder, "d.gz", &cut[..cut.len() - 6]), "x.yaml:3");
    // One that a predictor or an evaluator reads.
    let folder = tempfile::tempdir().unwrap();
    put(folder.path(), "t.gz", &bomb);
    for path in ["t.gz", "/dev/zero", "pipe"] {
        let table = format!("{EXPERIMENT}evaluator: {{table: {{file: {path}, metrics: {{accuracy: a}}}}}}\n");
        if path == "pipe" {
            pipe(&folder.path().join(path));
        }
        put(folder.path(), "x.yaml", table);
        refused(folder.path(), &["check", "x.yaml"], "x.yaml");
    }
}

#[test]
fn headers_that_lie_are_found() {
    let images = |count: u32, height: u32, width: u32, held: usize| {
        let header: Vec<u8> = [0x803, count, height, width].into_iter().flat_map(u32::to_be_bytes).collect();
        [header, vec![0; held]].concat()
    };
    let labels = |count: u32, held: Vec<u8>| {
        let header: Vec<u8> = [0x801, count].into_iter().flat_map(u32::to_be_bytes).collect();
        [header, held].concat()
    };
    let sound = images(100, 4, 4, 1600);
    let ten = || (0..100).map(|label| label % 10).collect::<Vec<u8>>();
    let idx = |images: &[u8], labels: &[u8], words: &str| {
        data(
            "{idx: d}",
            |folder| {
                put(folder, "d/train-images-idx3-ubyte", images);
                put(folder, "d/train-labels-idx1-ubyte", labels);
                put(folder, "d/t10k-images-idx3-ubyte", &sound);
                put(folder, "d/t10k-labels-idx1-ubyte", labels_of(&ten()));
            },
            words,
        );
    };
    idx(&images(100, 0, 0, 0), &labels(100, ten()), "at least one pixel");
    idx(b"\0\0\x08", &labels(100, ten()), "IDX images");
    idx(&[b"\0\0\x0d\x03", &sound[4..]].concat(), &labels(100, ten()), "0x00000d03");
    idx(&images(100, 5, 5, 2500), &labels(100, ten()), "5x5");
    idx(&sound, &labels(u32::MAX, ten()), "4294967295 labels");
    idx(&sound, &labels(100, vec![0; 1 << 20]), "found more");
    idx(&sound, &bomb(&labels(100, ten())), "found more");
    data("{cifar_10: d}", |folder| put(folder, "d/train.bin", [0; 3000]), "test.bin");
    data(
        "{synthetic: {shape: [16384, 16384, 16384], classes: 2, examples: 10000000}}",
        |_| {},
        "larger than any machine holds",
    );
    data("{synthetic: {shape: [], classes: 2, examples: 10}}", |_| {}, "1 to 3 items");
}

/// A sound file of labels.
fn labels_of(labels: &[u8]) -> Vec<u8> {
    [&0x801_u32.to_be_bytes()[..], &(labels.len() as u32).to_be_bytes(), labels].concat()
}

#[test]
fn what_a_new_experiment_is_to_be_written_for_is_looked_at_first() {
    let folder = tempfile::tempdir().unwrap();
    put(folder.path(), "bomb.gz", bomb(b""));
    put(folder.path(), "empty.csv", "");
    pipe(&folder.path().join("pipe.csv"));
    for file in ["bomb.gz", "empty.csv", "pipe.csv", "/dev/zero", "..", "nowhere/"] {
        refused(folder.path(), &["new", file], "error");
    }
    ends(folder.path(), &["data", "list"]);
}
