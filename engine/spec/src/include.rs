//! `from: FILE` in a space or a table: a file of its own, read in its place.

use crate::diagnostic::{Diagnostic, Flaw};
use crate::document::Reader;
use crate::parse::parse;
use crate::source::{FileId, Sources};
use crate::tree::{Entry, Node, Value};
use std::io;

/// Why a file gave no text.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unreadable {
    #[error("there is no such file")]
    Missing,
    #[error("this file cannot be read: {0}")]
    Failed(io::Error),
    #[error("this file is no text in UTF-8")]
    NotText { line: usize, column: usize },
    #[error("this file is text in UTF-16")]
    Utf16,
}

impl Unreadable {
    /// The diagnostic where the file was named by no other file.
    pub fn into_diagnostic(self, path: &str) -> Diagnostic {
        let (code, line, column) = match &self {
            Unreadable::NotText { line, column } => ("not-utf-8", *line, *column),
            Unreadable::Utf16 => ("not-utf-8", 1, 1),
            Unreadable::Missing | Unreadable::Failed(_) => ("unreadable-file", 1, 1),
        };
        Diagnostic {
            line,
            column,
            end_line: line,
            end_column: column,
            help: Some(self.remedy().to_owned()),
            ..Diagnostic::of_file(path, code, self.to_string())
        }
    }

    /// What to do about it.
    fn remedy(&self) -> &'static str {
        match self {
            Unreadable::Missing => {
                "paths are relative to the working folder; `pleach new` writes an experiment to begin with"
            }
            Unreadable::Failed(_) => "name a YAML file with an experiment or a space",
            Unreadable::NotText { .. } | Unreadable::Utf16 => "save it as UTF-8",
        }
    }
}

/// Reads a file as text.
pub(crate) fn read(path: &str, reader: Reader<'_>) -> Result<String, Unreadable> {
    let bytes = reader(path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => Unreadable::Missing,
        _ => Unreadable::Failed(error),
    })?;
    if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) {
        return Err(Unreadable::Utf16);
    }
    String::from_utf8(bytes).map_err(|error| {
        let valid = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let valid = String::from_utf8_lossy(valid);
        let line = valid.split('\n').count();
        let column = valid.rsplit('\n').next().unwrap_or("").chars().count() + 1;
        Unreadable::NotText { line, column }
    })
}

/// A section that may lie in a file of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Section {
    /// What stands below `space`.
    Space,
    /// What stands at `evaluator.table`.
    Table,
}

impl Section {
    fn code(self) -> &'static str {
        match self {
            Section::Space => "not-a-space",
            Section::Table => "not-a-table",
        }
    }

    fn name(self) -> &'static str {
        match self {
            Section::Space => "a space",
            Section::Table => "a table's description",
        }
    }

    fn holds(self) -> &'static str {
        match self {
            Section::Space => "what stands below `space`: `network`, `training`, …",
            Section::Table => "what stands at `evaluator.table`: `file`, `metrics`, …",
        }
    }
}

/// Replaces a section with `from` by the file it names; the section's other keys win over the file's.
pub(crate) fn resolve(
    kind: Section,
    section: &mut Node,
    file: FileId,
    sources: &mut Sources,
    reader: Reader<'_>,
    includes: &mut Vec<String>,
    flaws: &mut Vec<Flaw>,
) {
    let mut chain = vec![normal(sources.file(file).label())];
    // The included file's folder, seen from that of the first file.
    let mut folder = String::new();
    // Each round puts one file in place, whose own `from` the next round resolves.
    while let Some(from) = section.get("from") {
        let span = from.span;
        let Some(named) = from.as_str().filter(|name| !name.is_empty()).map(str::to_owned) else {
            // Something else than a path: the schema has a word for it.
            return;
        };
        let path = beside(sources.file(span.file).label(), chain.last().map_or("", String::as_str), &named);
        folder = folder_of(&from_folder(&folder, &named));
        let mut refuse = |flaw: Flaw| flaws.push(flaw);
        if chain.contains(&path) {
            let circle =
                chain.iter().skip_while(|&p| *p != path).chain([&path]).cloned().collect::<Vec<_>>().join(" → ");
            refuse(Flaw::new(span, "include-circle", format!("this file includes itself: {circle}")));
            return remove(section, "from");
        }
        let text = match read(&path, reader) {
            Ok(text) => text,
            Err(error) => {
                let place = match &error {
                    Unreadable::NotText { line, column } => format!(" (line {line}, column {column})"),
                    _ => String::new(),
                };
                refuse(
                    Flaw::new(span, "unreadable-file", format!("{error}{place}"))
                        .help(format!("`{path}` was looked for: paths are relative to the file that names them")),
                );
                return remove(section, "from");
            }
        };
        includes.push(path.clone());
        let included = sources.add(&path, &text);
        let (root, found) = parse(sources, included, 0);
        let broken = root.is_none() && !found.is_empty();
        flaws.extend(found);
        remove(section, "from");
        match root {
            Some(Node { value: Value::Map(entries), .. })
                if entries.iter().any(|e| e.key == "steps" || e.key == "space") =>
            {
                let message = format!("this file is an experiment, not {}", kind.name());
                flaws.push(Flaw::new(span, kind.code(), message).help(format!("it holds {}", kind.holds())));
                return;
            }
            Some(Node { value: Value::Map(mut entries), .. }) => {
                if kind == Section::Table {
                    entries.iter_mut().for_each(|entry| move_paths(entry, &folder));
                }
                if let Value::Map(own) = &mut section.value {
                    let new: Vec<_> = entries.into_iter().filter(|e| !own.iter().any(|o| o.key == e.key)).collect();
                    own.extend(new);
                }
            }
            _ if broken => return,
            _ => {
                let message = "this file holds no mapping";
                flaws.push(Flaw::new(span, kind.code(), message).help(format!("it holds {}", kind.holds())));
                return;
            }
        }
        chain.push(path);
    }
}

/// Makes the paths in an included description of a table relative to the file that includes it.
fn move_paths(entry: &mut Entry, folder: &str) {
    match (entry.key.as_str(), &mut entry.value.value) {
        ("file", Value::String(path)) => *path = from_folder(folder, path),
        ("join", Value::Map(joined)) => {
            for file in joined.iter_mut().filter_map(|join| join.value.get_mut("file")) {
                if let Value::String(path) = &mut file.value {
                    *path = from_folder(folder, path);
                }
            }
        }
        _ => {}
    }
}

/// A path that is relative to a folder, as one that is relative to where the folder is.
fn from_folder(folder: &str, path: &str) -> String {
    match is_absolute(path) || folder.is_empty() {
        true => path.to_owned(),
        false => normal(&format!("{folder}/{path}")),
    }
}

fn folder_of(path: &str) -> String {
    path.rfind(['/', '\\']).map_or(String::new(), |end| path[..end].to_owned())
}

fn is_absolute(path: &str) -> bool {
    path.starts_with('/') || path.get(1..3) == Some(":\\")
}

fn remove(section: &mut Node, key: &str) {
    if let Value::Map(entries) = &mut section.value {
        entries.retain(|entry| entry.key != key);
    }
}

/// The path of a file named in another; names on the command line are relative to the file they change.
fn beside(label: &str, last: &str, named: &str) -> String {
    let base = if label.starts_with("--") { last } else { label };
    if is_absolute(named) {
        return normal(named);
    }
    match base.rfind(['/', '\\']) {
        Some(end) => normal(&format!("{}/{named}", &base[..end])),
        None => normal(named),
    }
}

/// The path without `.` and, as far as they can be resolved, `..`.
fn normal(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "." | "" => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    let joined = parts.join("/");
    if path.starts_with('/') { format!("/{joined}") } else { joined }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Document;

    fn files(path: &str) -> io::Result<Vec<u8>> {
        let text = match path {
            "specs/spaces/a.yaml" => "network: [conv, {linear: classes}]\ntraining: {epochs: 3}\n",
            "specs/spaces/b.yaml" => "from: a.yaml\ntraining:\n  epochs: 5\n",
            "specs/c.yaml" => "from: spaces/../c.yaml\n",
            "specs/e.yaml" => "version: 1\nsteps: {}\n",
            "specs/list.yaml" => "- a\n",
            "specs/wrong.yaml" => "network:\n  - convv\n",
            "specs/syntax.yaml" => "network: [\n",
            "specs/tables/a.yaml" => {
                "file: ../data/a.csv\njoin: {more: {file: more.csv, on: id}}\nmetrics: {accuracy: val}\n"
            }
            "specs/tables/deep/b.yaml" => "from: ../a.yaml\ncost: seconds\n",
            "specs/tables/c.yaml" => "file: {fetched: a/b.parquet}\nmetrics:\n  accuracy: {colum: val}\n",
            _ => return Err(io::ErrorKind::NotFound.into()),
        };
        Ok(text.into())
    }

    fn load(space: &str, sets: &[&str]) -> Document {
        let text = format!(
            "version: 1\nname: x\nspace: {space}\nobjectives: [{{maximize: accuracy}}]\ndata: {{dataset: digits}}\nsteps: {{a: {{train: {{}}}}}}\n"
        );
        Document::load("specs/x.yaml", &text, &files, &sets.iter().map(|&s| s.to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn a_space_is_read_in_place_and_overridden() {
        let document = load("{from: spaces/b.yaml, input: [1, 8, 8]}", &[]);
        let experiment = document.experiment().unwrap();
        assert_eq!(experiment.space.training.unwrap()["epochs"], 5);
        assert_eq!(experiment.space.input, Some(vec![1, 8, 8]));
        assert_eq!(experiment.space.from, None);
        assert_eq!(document.includes(), ["specs/spaces/b.yaml", "specs/spaces/a.yaml"]);
        let sets = ["space.from=spaces/a.yaml", "space.training.epochs=9"];
        assert_eq!(load("{}", &sets).space().unwrap().training.unwrap()["epochs"], 9);
    }

    fn with_table(table: &str, sets: &[&str]) -> Document {
        let text = format!(
            "version: 1\nname: x\nspace: {{values: {{a: {{one_of: [1, 2]}}}}}}\nobjectives: [{{maximize: accuracy}}]\n\
             evaluator:\n  table: {table}\nsteps: {{a: {{search: {{strategy: random, budget: {{trials: 3}}}}}}}}\n"
        );
        Document::load("specs/x.yaml", &text, &files, &sets.iter().map(|&s| s.to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn a_table_is_read_in_place_and_its_paths_are_relative_to_its_file() {
        use crate::{Evaluator, TableFile};
        let table = |document: Document| match document.experiment().unwrap().evaluator {
            Evaluator::Table(table) => table,
            other => panic!("{other:?}"),
        };
        let path = |path: &str| TableFile::Path(path.into());
        let found = table(with_table("{from: tables/deep/b.yaml}", &[]));
        assert_eq!((found.file, found.from), (Some(path("data/a.csv")), None));
        assert_eq!(found.join["more"].file, path("tables/more.csv"));
        assert!(found.cost.is_some() && found.metrics.contains_key("accuracy"));
        let found = table(with_table("{from: tables/a.yaml, file: mine.csv}", &[]));
        assert_eq!(found.file, Some(path("mine.csv")));
        let sets = ["evaluator.table.from=tables/a.yaml", "evaluator.table.file=here.csv"];
        assert_eq!(table(with_table("{}", &sets)).file, Some(path("here.csv")));
        let found = with_table("{from: tables/c.yaml}", &[]).check();
        assert_eq!((found[0].file.as_str(), found[0].line), ("specs/tables/c.yaml", 3), "{found:?}");
        let found = with_table("{from: e.yaml}", &[]).check();
        assert!(found.iter().any(|found| found.code == "not-a-table" && found.line == 6), "{found:?}");
    }

    #[test]
    fn mistakes_stand_where_they_were_made() {
        for (file, code, place) in [
            ("nowhere.yaml", "unreadable-file", "specs/x.yaml:3"),
            ("c.yaml", "include-circle", "specs/c.yaml:1"),
            ("e.yaml", "not-a-space", "specs/x.yaml:3"),
            ("list.yaml", "not-a-space", "specs/x.yaml:3"),
            ("wrong.yaml", "unknown-word", "specs/wrong.yaml:2"),
            ("syntax.yaml", "syntax", "specs/syntax.yaml:1"),
        ] {
            let found = load(&format!("{{from: {file}}}"), &[]).check();
            assert!(
                found.iter().any(|d| d.code == code && format!("{}:{}", d.file, d.line) == place),
                "{file}: {found:?}"
            );
        }
    }
}
