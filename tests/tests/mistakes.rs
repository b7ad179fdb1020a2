//! What is said of mistakes: each case of `docs/mistakes.md` is an experiment, and the exact words of `pleach check`.
//!
//! `PLEACH_UPDATE=1 cargo xtask test -- mistakes` writes what is said now, to be read before it is committed.

use pleach_tests::{repository, run};
use std::fmt::Write;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A case: its title, the arguments of `--set`, files beside the experiment, the YAML, the words.
struct Case<'t> {
    title: &'t str,
    sets: Vec<&'t str>,
    files: Vec<(&'t str, &'t str)>,
    yaml: &'t str,
    words: &'t str,
}

/// What stands before the first case, and the cases.
fn cases(text: &str) -> (&str, Vec<Case<'_>>) {
    let (head, rest) = text.split_once("\n## ").expect("the corpus has cases");
    let read = |case| {
        let mut blocks = Vec::new();
        let mut rest: &str = case;
        while let Some((_, after)) = rest.split_once("```") {
            let (fence, after) = after.split_once('\n').expect("a block has lines");
            let (inside, after) = after.split_once("```").expect("a block ends");
            blocks.push((fence, inside));
            rest = after;
        }
        let block = |name: &str| blocks.iter().find(|(fence, _)| *fence == name).map(|(_, inside)| *inside);
        Case {
            title: case.lines().next().unwrap_or_default(),
            sets: case.lines().filter_map(|line| line.strip_prefix("`--set ")?.strip_suffix('`')).collect(),
            files: blocks.iter().filter_map(|(fence, inside)| Some((fence.strip_prefix("yaml ")?, *inside))).collect(),
            yaml: block("yaml").unwrap_or_else(|| panic!("no yaml block: {case}")),
            words: block("text").unwrap_or_default(),
        }
    };
    (head, rest.split("\n## ").map(read).collect())
}

/// What `pleach check` says of a case.
fn said(case: &Case<'_>) -> String {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let file = folder.path().join(name);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, text).unwrap();
    };
    write("mistake.yaml", case.yaml);
    case.files.iter().for_each(|(name, text)| write(name, text));
    let sets = case.sets.iter().flat_map(|set| ["--set", set]);
    let arguments: Vec<&str> = ["check", "mistake.yaml"].into_iter().chain(sets).collect();
    run(folder.path(), &arguments).out
}

#[test]
fn mistakes_are_said_as_written_down() {
    let path = repository().join("docs/mistakes.md");
    let text = std::fs::read_to_string(&path).unwrap();
    let (head, cases) = cases(&text);
    assert!(cases.len() >= 120, "{} cases", cases.len());
    let next = AtomicUsize::new(0);
    let found = Mutex::new(vec![String::new(); cases.len()]);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let words = said(case);
                    let index = cases.iter().position(|other| std::ptr::eq(other, case)).unwrap();
                    found.lock().unwrap()[index] = words;
                }
            });
        }
    });
    let found = found.into_inner().unwrap();
    if std::env::var_os("PLEACH_UPDATE").is_some() {
        let mut updated = head.to_owned();
        for (case, words) in cases.iter().zip(&found) {
            let sets: String = case.sets.iter().map(|set| format!("`--set {set}`\n\n")).collect();
            let files: String = case.files.iter().map(|(name, text)| format!("```yaml {name}\n{text}```\n")).collect();
            write!(updated, "\n## {}\n\n{sets}{files}```yaml\n{}```\n```text\n{words}```\n", case.title, case.yaml)
                .unwrap();
        }
        return std::fs::write(&path, updated).unwrap();
    }
    for (case, words) in cases.iter().zip(&found) {
        assert_ne!(words, "", "{}: nothing is said", case.title);
        assert_eq!(words, case.words, "\n{}\n", case.title);
    }
}
