//! What is said of mistakes: each case of `mistakes.md` is an experiment and the words expected for it.
//!
//! `PLEACH_UPDATE=1 cargo test -p pleach-spec` writes what is said now, to be read before it is committed.

use pleach_spec::{Colour, Document, human};
use std::fmt::Write;
use std::path::Path;

/// A case: its title, the arguments of `--set`, the YAML, the words.
struct Case {
    title: String,
    sets: Vec<String>,
    yaml: String,
    words: String,
}

fn cases(text: &str) -> (String, Vec<Case>) {
    let (head, rest) = text.split_once("\n## ").expect("the corpus has cases");
    let block = |case: &str, fence: &str| {
        let (_, rest) = case.split_once(&format!("```{fence}\n"))?;
        rest.split_once("```").map(|(inside, _)| inside.to_owned())
    };
    let read = |case: &str| Case {
        title: case.lines().next().unwrap_or_default().to_owned(),
        sets: case.lines().filter_map(|line| line.strip_prefix("`--set ")?.strip_suffix('`')).map(Into::into).collect(),
        yaml: block(case, "yaml").unwrap_or_else(|| panic!("no yaml block: {case}")),
        words: block(case, "text").unwrap_or_default(),
    };
    (head.to_owned(), rest.split("\n## ").map(read).collect())
}

fn spaces(path: &str) -> std::io::Result<Vec<u8>> {
    match path {
        "spaces/small.yaml" => Ok(b"network:\n  - conv: {kernal: 3}\n  - linear: classes\n".to_vec()),
        _ => Err(std::io::ErrorKind::NotFound.into()),
    }
}

#[test]
fn mistakes_are_said_as_written_down() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/mistakes.md");
    let text = std::fs::read_to_string(&path).unwrap();
    let (head, cases) = cases(&text);
    assert!(cases.len() > 30);
    let mut updated = head;
    for case in &cases {
        let document = Document::load("mistake.yaml", &case.yaml, &spaces, &case.sets);
        let words = human(&document.check(), Colour::Never);
        let sets: String = case.sets.iter().map(|set| format!("`--set {set}`\n\n")).collect();
        let _ = write!(updated, "\n## {}\n\n{sets}```yaml\n{}```\n```text\n{words}```\n", case.title, case.yaml);
        if std::env::var_os("PLEACH_UPDATE").is_none() {
            assert_eq!(words, case.words, "\n{}\n", case.title);
            assert_ne!(words, "", "{}: nothing is said", case.title);
        }
    }
    if std::env::var_os("PLEACH_UPDATE").is_some() {
        std::fs::write(&path, updated).unwrap();
    }
}
