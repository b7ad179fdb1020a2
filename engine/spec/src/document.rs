//! A document: the tree of an experiment or a space, with its includes and overrides, and all that is wrong with it.

use crate::benchmark::{self, Benchmark};
use crate::diagnostic::{Diagnostic, Flaw, Place, Problem, Severity, arrange};
use crate::experiment::{Experiment, SpaceSection};
use crate::include::{self, Section};
use crate::overrides::Override;
use crate::parse::parse;
use crate::scalar::lookalike;
use crate::schema;
use crate::semantics;
use crate::source::{FileId, Sources, Span};
use crate::tree::{Entry, Node, Value, Walk};
use crate::validate::validate;
use serde::de::DeserializeOwned;
use std::collections::HashSet;
use std::io;

/// So many mistakes are shown at once; nobody reads more.
const MOST_DIAGNOSTICS: usize = 200;

/// Reads a file by its path; the only way in which this crate sees files.
pub type Reader<'r> = &'r dyn Fn(&str) -> io::Result<Vec<u8>>;

/// What the top level of a document is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DocumentKind {
    /// An experiment.
    Experiment,
    /// What stands below `space` in an experiment, in a file of its own.
    Space,
    /// What stands at `evaluator.table` in an experiment, in a file of its own.
    Table,
    /// A comparison of strategies on several experiments.
    Benchmark,
}

/// The tree of an experiment, or of a space in a file of its own, with included files and overrides in place.
#[derive(Debug, Clone)]
pub struct Document {
    sources: Sources,
    main: FileId,
    kind: DocumentKind,
    root: Option<Node>,
    includes: Vec<String>,
    include_failed: bool,
    flaws: Vec<Flaw>,
    /// Mistakes without a place in a text, such as a file that cannot be read.
    elsewhere: Vec<Diagnostic>,
}

impl Document {
    /// Reads and parses a file; `sets` are overrides such as `steps.explore.search.budget.trials=200`.
    ///
    /// There is always a document: what is wrong, an unreadable file included, is in [`Document::check`].
    pub fn open(path: &str, reader: Reader<'_>, sets: &[String]) -> Document {
        match include::read(path, reader) {
            Ok(text) => Document::load(path, &text, reader, sets),
            Err(unreadable) => {
                let mut sources = Sources::default();
                let main = sources.add(path, "");
                let elsewhere = vec![unreadable.into_diagnostic(path)];
                Document {
                    sources,
                    main,
                    kind: DocumentKind::Experiment,
                    root: None,
                    includes: Vec::new(),
                    include_failed: false,
                    flaws: Vec::new(),
                    elsewhere,
                }
            }
        }
    }

    /// Parses a text, as [`Document::open`] does; `label` is the path it is called by, to which included files are relative.
    pub fn load(label: &str, text: &str, reader: Reader<'_>, sets: &[String]) -> Document {
        let mut sources = Sources::default();
        let main = sources.add(label, text);
        let (mut root, mut flaws) = parse(&sources, main, 0);
        if flaws.is_empty() && root.as_ref().is_none_or(|node| node.value == Value::Null) {
            let span = Span { file: main, start: 0, end: 0 };
            flaws.push(
                Flaw::new(span, "empty-file", "the file is empty")
                    .help("`pleach new` writes an experiment to begin with"),
            );
            root = None;
        }
        let kind = root.as_ref().map_or(DocumentKind::Experiment, kind);
        let mut includes = Vec::new();
        let mut include_failed = false;
        let overrides = Override::parse_all(&mut sources, sets, &mut flaws);
        if let Some(root) = &mut root {
            let sections: &[(Section, &[&str])] = match kind {
                DocumentKind::Experiment => &[(Section::Space, &["space"]), (Section::Table, &["evaluator", "table"])],
                DocumentKind::Space => &[(Section::Space, &[])],
                DocumentKind::Table => &[(Section::Table, &[])],
                DocumentKind::Benchmark => &[],
            };
            // An override may say which file to include; all others act on what is included.
            let names_file = |o: &Override| {
                let at = |path: &[&str]| (1..=path.len()).any(|end| o.is_at(&path[..end]));
                sections.iter().any(|(_, path)| at(path) || o.is_at(&[path, &["from"][..]].concat()))
            };
            let (first, rest): (Vec<_>, Vec<_>) = overrides.into_iter().partition(names_file);
            first.into_iter().for_each(|o| o.apply(root, &mut flaws));
            for (kind, path) in sections {
                let section = path.iter().try_fold(&mut *root, |node, key| node.get_mut(key));
                if let Some(section) = section {
                    let before = flaws.len();
                    include::resolve(*kind, section, main, &mut sources, reader, &mut includes, &mut flaws);
                    include_failed |= flaws.len() > before;
                }
            }
            rest.into_iter().for_each(|o| o.apply(root, &mut flaws));
        }
        Document { sources, main, kind, root, includes, include_failed, flaws, elsewhere: Vec::new() }
    }

    /// Whether this is an experiment or a space.
    pub fn kind(&self) -> DocumentKind {
        self.kind
    }

    /// The tree; none where the text cannot be parsed.
    pub fn root(&self) -> Option<&Node> {
        self.root.as_ref()
    }

    /// The texts it was read from.
    pub fn sources(&self) -> &Sources {
        &self.sources
    }

    /// The paths of the included files, in the order read.
    pub fn includes(&self) -> &[String] {
        &self.includes
    }

    /// The JSON pointer of the space section: `/space`, or the empty text where the document is a space; a table has none.
    pub fn space_pointer(&self) -> &'static str {
        match self.kind {
            DocumentKind::Experiment | DocumentKind::Table | DocumentKind::Benchmark => "/space",
            DocumentKind::Space => "",
        }
    }

    /// What the schema refuses, all of it.
    pub fn validate(&self) -> Vec<Problem> {
        let Some(root) = &self.root else { return Vec::new() };
        match self.kind {
            DocumentKind::Experiment => validate(schema::experiment(), root),
            DocumentKind::Space => validate(schema::space(), root),
            DocumentKind::Table => validate(schema::table(), root),
            DocumentKind::Benchmark => validate(schema::benchmark(), root),
        }
    }

    /// What is wrong beyond single values, all of it: references between steps, data or network that are missing, …
    ///
    /// Parts that the schema refuses are passed over.
    pub fn semantics(&self) -> Vec<Problem> {
        let Some(root) = &self.root else { return Vec::new() };
        match self.kind {
            DocumentKind::Experiment => {
                let mut problems = semantics::experiment(root);
                // The network is perhaps in the file that could not be included.
                if self.include_failed {
                    problems
                        .retain(|problem| !["missing-network", "incomplete-table"].contains(&problem.code.as_ref()));
                }
                problems
            }
            DocumentKind::Space => semantics::space(root),
            DocumentKind::Table => semantics::table(root),
            DocumentKind::Benchmark => benchmark::problems(root),
        }
    }

    /// The steps of an experiment as written; none where there are more than the schema takes.
    pub fn steps(&self) -> &[Entry] {
        self.root.as_ref().map_or(&[], semantics::steps)
    }

    /// Everything that is wrong, errors and warnings, in the order of the files.
    pub fn check(&self) -> Vec<Diagnostic> {
        let problems = [self.validate(), self.semantics()].concat();
        self.report(&problems)
    }

    /// What was wrong when the document was read, and these problems, in the order of the files.
    pub fn report(&self, problems: &[Problem]) -> Vec<Diagnostic> {
        let mut diagnostics = self.elsewhere.clone();
        diagnostics.extend(self.flaws.iter().cloned().map(|flaw| flaw.locate(&self.sources)));
        // What could not be read as written needs no second word about what it was read as.
        let place = |d: &Diagnostic| (d.file.clone(), d.line, d.column, d.end_line, d.end_column);
        let read: HashSet<_> = diagnostics.iter().filter(|d| d.is_error()).map(place).collect();
        let found = problems.iter().take(MOST_DIAGNOSTICS + 1).map(|problem| self.diagnose(problem));
        diagnostics.extend(found.filter(|diagnostic| !read.contains(&place(diagnostic))));
        let mut diagnostics = arrange(diagnostics);
        if diagnostics.len() > MOST_DIAGNOSTICS {
            diagnostics.truncate(MOST_DIAGNOSTICS);
            let message = format!("there are more than {MOST_DIAGNOSTICS} mistakes: the first are shown");
            let file = self.sources.file(self.main).label();
            diagnostics.push(Diagnostic::of_file(file, "too-many", message).help("mend these, then check again"));
        }
        diagnostics
    }

    /// The typed experiment.
    ///
    /// # Errors
    /// Everything that is wrong, where at least one is an error; warnings alone do not count.
    pub fn experiment(&self) -> Result<Experiment, Vec<Diagnostic>> {
        let other = match self.kind {
            DocumentKind::Experiment => None,
            DocumentKind::Space => Some(("a space", "an experiment names it: `space: {from: THIS FILE}`")),
            DocumentKind::Table => {
                Some(("a table's description", "an experiment names it: `evaluator: {table: {from: THIS FILE}}`"))
            }
            DocumentKind::Benchmark => Some(("a benchmark", "`pleach bench search` runs it")),
        };
        if let Some((what, help)) = other {
            let problem = Problem::error("", "not-an-experiment", format!("this is {what}, not an experiment"));
            return Err(self.report(&[problem.at_key().help(help)]));
        }
        self.typed("")
    }

    /// The typed space section, of a space or of an experiment.
    ///
    /// # Errors
    /// Everything that is wrong with the document, where at least one is an error.
    pub fn space(&self) -> Result<SpaceSection, Vec<Diagnostic>> {
        self.typed(self.space_pointer())
    }

    /// The typed benchmark.
    ///
    /// # Errors
    /// Everything that is wrong, where at least one is an error.
    pub fn benchmark(&self) -> Result<Benchmark, Vec<Diagnostic>> {
        self.typed("")
    }

    fn typed<T: DeserializeOwned>(&self, pointer: &str) -> Result<T, Vec<Diagnostic>> {
        let diagnostics = self.check();
        if diagnostics.iter().any(Diagnostic::is_error) {
            return Err(diagnostics);
        }
        let value = self.root.as_ref().and_then(|root| root.at(pointer)).map(Node::to_json).unwrap_or_default();
        // The schema comes from the same types, so that this is not expected to fail.
        T::deserialize(value).map_err(|error| {
            self.report(&[Problem::error(pointer, "unreadable", format!("this cannot be read: {error}")).at_key()])
        })
    }

    /// Finds line and column of a problem. Where the pointer leads nowhere, its nearest ancestor that exists is meant.
    pub fn diagnose(&self, problem: &Problem) -> Diagnostic {
        let nowhere = Span { file: self.main, start: 0, end: 0 };
        let mut help = problem.help.clone();
        let span = match self.root.as_ref().map(|root| root.walk(&problem.pointer)) {
            None => nowhere,
            Some(Walk::Missing { node, key }) => key.unwrap_or_else(|| self.first_line(node.span)),
            Some(Walk::Found { node, key }) => {
                if problem.place == Place::Value && help.is_none() {
                    help = node.as_str().and_then(|text| lookalike(text, node.text.is_none()));
                }
                let empty = node.span.start == node.span.end;
                match (problem.place, key) {
                    (Place::Key, Some(key)) => key,
                    (Place::Value, Some(key)) if empty => key,
                    (Place::Key, None) => self.first_line(node.span),
                    (Place::Value, _) => node.span,
                }
            }
        };
        let flaw = Flaw {
            span,
            code: problem.code.clone(),
            severity: problem.severity,
            message: problem.message.clone(),
            help,
        };
        flaw.locate(&self.sources)
    }

    /// Whether reading the document already found an error.
    pub fn is_broken(&self) -> bool {
        self.root.is_none() || !self.elsewhere.is_empty() || self.flaws.iter().any(|f| f.severity == Severity::Error)
    }

    fn first_line(&self, span: Span) -> Span {
        let text = self.sources.file(span.file).text().get(span.start..span.end).unwrap_or("");
        let line = text.split(['\n', '\r']).next().unwrap_or("");
        // A mapping in block style begins with its first key: that is enough to mark.
        let end =
            line.find(": ").or_else(|| line.strip_suffix(':').map(str::len)).filter(|_| !line.starts_with(['{', '[']));
        Span { end: span.start + end.unwrap_or(line.trim_end().len()), ..span }
    }
}

/// A benchmark has tasks or strategies, a space has a network, blocks or values at its top level, a table metrics or fidelities, and nothing that only experiments have.
fn kind(root: &Node) -> DocumentKind {
    let has = |keys: &[&str]| keys.iter().any(|key| root.get(key).is_some());
    if has(&["tasks", "strategies"]) {
        return DocumentKind::Benchmark;
    }
    let of_experiment = has(&["steps", "version", "space", "objectives"]);
    if has(&["network", "blocks", "values"]) && !of_experiment {
        DocumentKind::Space
    } else if has(&["metrics", "fidelities", "file", "proxies", "join", "devices"]) && !of_experiment {
        DocumentKind::Table
    } else {
        DocumentKind::Experiment
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "version: 1\nname: x\nspace:\n  network:\n    - conv\n    - linear: classes\n  training: {epochs: 4}\nobjectives:\n  - maximize: accuracy\ndata: {dataset: digits}\nsteps:\n  a:\n    search: {strategy: random, budget: {trials: 3}}\n";

    fn none(_: &str) -> io::Result<Vec<u8>> {
        Err(io::ErrorKind::NotFound.into())
    }

    fn load(text: &str, sets: &[&str]) -> Document {
        Document::load("dir/e.yaml", text, &none, &sets.iter().map(|&s| s.to_owned()).collect::<Vec<_>>())
    }

    fn at(document: &Document, problem: Problem) -> (usize, usize, usize, usize) {
        let d = document.diagnose(&problem);
        (d.line, d.column, d.end_line, d.end_column)
    }

    #[test]
    fn a_valid_experiment_is_read() {
        let experiment = load(TEXT, &[]).experiment().unwrap();
        assert_eq!(experiment.steps.len(), 1);
        assert_eq!(experiment.space.network.unwrap()[0], "conv");
        assert_eq!(load(TEXT, &[]).space().unwrap().training.unwrap()["epochs"], 4);
    }

    #[test]
    fn problems_find_their_place() {
        let document = load(TEXT, &[]);
        assert_eq!(at(&document, Problem::error("/space/training/epochs", "c", "m")), (7, 22, 7, 23));
        assert_eq!(at(&document, Problem::error("/space/training/epochs", "c", "m").at_key()), (7, 14, 7, 20));
        // What is not there is shown at the nearest thing that is.
        assert_eq!(at(&document, Problem::error("/space/training/batch", "c", "m")), (7, 3, 7, 11));
        assert_eq!(at(&document, Problem::error("/space/network/1/conv", "c", "m")), (6, 7, 6, 13));
        assert_eq!(at(&document, Problem::error("", "c", "m").at_key()), (1, 1, 1, 8));
        assert_eq!(at(&document, Problem::error("/nothing", "c", "m")), (1, 1, 1, 8));
    }

    #[test]
    fn a_space_in_a_file_of_its_own_is_recognized() {
        let document = load("input: [1, 8, 8]\nclasses: 10\nnetwork: [conv, {linear: classes}]\n", &[]);
        assert_eq!((document.kind(), document.space_pointer()), (DocumentKind::Space, ""));
        assert!(document.check().is_empty(), "{:?}", document.check());
        assert_eq!(document.space().unwrap().classes, Some(10));
        assert_eq!(document.experiment().unwrap_err()[0].code, "not-an-experiment");
    }

    #[test]
    fn an_empty_or_unreadable_file_is_said_to_be() {
        assert_eq!(load("# nothing\n", &[]).check()[0].code, "empty-file");
        assert_eq!(load("", &[]).experiment().unwrap_err()[0].code, "empty-file");
        let document = Document::open("no.yaml", &none, &[]);
        assert_eq!(document.check()[0].code, "unreadable-file");
        assert!(document.is_broken());
        let document = Document::open("bad.yaml", &|_| Ok(b"a: 1\nb: \xff\n".to_vec()), &[]);
        let found = &document.check()[0];
        assert_eq!((&*found.code, found.line, found.column), ("not-utf-8", 2, 4));
    }
}
