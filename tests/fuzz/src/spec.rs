//! Experiments: text, tree, schema, typed experiment, diagnostics as they are shown.

use pleach_spec::{Colour, Diagnostic, Document, DocumentKind, github, human, json};

/// Reads an experiment or a space. A line `#set PATH=VALUE` is an override; what follows a line `#file` is what every included file holds.
pub fn spec(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let (main, included) = text.split_once("#file\n").unwrap_or((&text, ""));
    let sets: Vec<String> = main.lines().filter_map(|line| line.strip_prefix("#set ")).map(str::to_owned).collect();
    let reader = |path: &str| match path {
        "nothing.yaml" => Err(std::io::ErrorKind::NotFound.into()),
        _ => Ok(included.as_bytes().to_vec()),
    };
    let document = Document::load("fuzz.yaml", main, &reader, &sets);
    let diagnostics = document.check();
    for diagnostic in &diagnostics {
        place(diagnostic, &document);
    }
    let _ = (human(&diagnostics, Colour::Always), json(&diagnostics), github(&diagnostics));
    let broken = diagnostics.iter().any(Diagnostic::is_error);
    match document.kind() {
        DocumentKind::Experiment => {}
        DocumentKind::Space => {
            assert_eq!(document.space().is_err(), broken, "a space is read where nothing is wrong, and only there");
            return;
        }
        _ => return,
    }
    let experiment = document.experiment();
    assert_eq!(experiment.is_err(), broken, "an experiment is read where nothing is wrong, and only there");
    let Ok(experiment) = experiment else { return };
    // What a run's lock holds is read again.
    let Some(root) = document.root() else { return };
    let again = Document::load("lock.yaml", &root.to_json().to_string(), &reader, &[]);
    let found = again.check();
    assert!(!found.iter().any(Diagnostic::is_error), "{found:?}");
    let read = again.experiment().expect("nothing is wrong");
    assert_eq!(serde_json::to_value(&read).ok(), serde_json::to_value(&experiment).ok());
}

/// Every diagnostic stands somewhere in a file.
fn place(diagnostic: &Diagnostic, document: &Document) {
    let Diagnostic { line, column, end_line, end_column, .. } = *diagnostic;
    assert!(line >= 1 && column >= 1, "{diagnostic:?}");
    assert!((end_line, end_column) >= (line, column), "{diagnostic:?}");
    if diagnostic.file == "fuzz.yaml"
        && let Some(root) = document.root()
    {
        let text = document.sources().file(root.span.file).text();
        assert!(line <= text.split(['\n', '\r']).count(), "{diagnostic:?}");
    }
}
