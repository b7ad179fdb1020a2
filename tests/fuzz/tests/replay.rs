//! Every input of the corpora goes through its target. A panic names the input.

use std::panic::catch_unwind;
use std::path::Path;

fn replay(name: &str, target: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(name);
    let mut files: Vec<_> = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(files.len() >= 10, "the corpus of {name} is missing");
    for file in files {
        let input = std::fs::read(&file).unwrap();
        assert!(catch_unwind(|| target(&input)).is_ok(), "{} makes {name} panic", file.display());
    }
}

#[test]
fn experiments() {
    replay("spec", pleach_fuzz::spec);
}

#[test]
fn spaces() {
    replay("space", pleach_fuzz::space);
}

#[test]
fn messages_of_workers() {
    replay("protocol", pleach_fuzz::protocol);
}

#[test]
fn records_on_disk() {
    replay("records", pleach_fuzz::records);
}
