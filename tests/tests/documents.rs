//! What the documents say in YAML is valid.

use pleach_tests::{repository, run};
use std::path::{Path, PathBuf};

/// All Markdown files of the repository but a corpus of mistakes.
fn documents(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() && name != "target" && name != "runs" && !name.starts_with('.') {
            documents(&path, found);
        } else if name.ends_with(".md") && name != "mistakes.md" {
            found.push(path);
        }
    }
}

/// The fenced blocks of YAML in a text.
fn blocks(text: &str) -> Vec<String> {
    let mut blocks = Vec::new();
    let mut open: Option<String> = None;
    for line in text.lines() {
        match (&mut open, line.trim_end()) {
            (None, "```yaml") => open = Some(String::new()),
            (Some(_), "```") => blocks.extend(open.take()),
            (Some(block), line) => *block += &format!("{line}\n"),
            (None, _) => {}
        }
    }
    blocks
}

/// What a part of an experiment is completed by to be checked.
const REST: [(&str, &str); 6] = [
    ("version:", "version: 1\n"),
    ("name:", "name: example\n"),
    ("data:", "data: {dataset: digits}\n"),
    (
        "space:",
        "space: {network: [{conv: {channels: {one_of: [8, 16]}}}, {global_pool: average}, {linear: classes}]}\n",
    ),
    ("objectives:", "objectives: [{maximize: accuracy}]\n"),
    ("steps:", "steps: {only: {train: {}}}\n"),
];

#[test]
fn every_yaml_block_of_the_documents_is_valid() {
    let mut found = Vec::new();
    documents(&repository(), &mut found);
    let folder = tempfile::tempdir().unwrap();
    // What the documents name: spaces, tables with the one that is carried, and a table of the reader's own.
    let base = folder.path().join("specs");
    let data = folder.path().join("tests/data");
    std::fs::create_dir_all(&data).unwrap();
    std::fs::copy(repository().join("tests/data/nas-bench-201.csv.gz"), data.join("nas-bench-201.csv.gz")).unwrap();
    for part in ["spaces", "tables"] {
        std::fs::create_dir_all(base.join(part)).unwrap();
        for entry in std::fs::read_dir(repository().join("specs").join(part)).unwrap().map(Result::unwrap) {
            std::fs::copy(entry.path(), base.join(part).join(entry.file_name())).unwrap();
        }
    }
    let mine = "op,width,short,full_s0,full_s1,seconds,phone_ms\nconv,16,61.2,88.1,87.9,310,4.1\n";
    std::fs::write(base.join("mine.csv"), mine).unwrap();
    let mut checked = 0;
    for document in found {
        for mut block in blocks(&std::fs::read_to_string(&document).unwrap()) {
            // A table's description is a file of its own.
            let is_table = ["metrics:", "fidelities:", "proxies:"]
                .iter()
                .any(|key| block.starts_with(key) || block.contains(&format!("\n{key}")));
            for (key, line) in REST {
                if is_table {
                    break;
                }
                if !block.lines().any(|given| given.starts_with(key)) {
                    block += line;
                }
            }
            std::fs::write(base.join("block.yaml"), &block).unwrap();
            let said = run(&base, &["check", "block.yaml"]);
            assert_eq!(said.code, 0, "{}:\n{block}\n{}", document.display(), said.whole());
            checked += 1;
        }
    }
    assert!(checked >= 2);
}
