//! The experiments and spaces that Pleach comes with are valid, by our own check and by an independent validator.

use pleach_spec::{Colour, Document, DocumentKind, human};
use std::path::{Path, PathBuf};

fn yaml_files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            yaml_files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "yaml") {
            found.push(path);
        }
    }
}

#[test]
fn ready_specs_are_valid() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../specs");
    let mut files = Vec::new();
    yaml_files(&folder, &mut files);
    assert!(files.iter().any(|path| path.ends_with("quickstart.yaml")));
    let kinds = [
        (DocumentKind::Experiment, "experiment", pleach_spec::schema::experiment()),
        (DocumentKind::Space, "space", pleach_spec::schema::space()),
        (DocumentKind::Table, "table", pleach_spec::schema::table()),
        (DocumentKind::Benchmark, "benchmark", pleach_spec::schema::benchmark()),
    ]
    .map(|(kind, name, schema)| (kind, name, jsonschema::draft202012::new(schema).unwrap()));
    for (kind, ..) in &kinds {
        let is =
            |path: &PathBuf| Document::open(path.to_str().unwrap(), &|path| std::fs::read(path), &[]).kind() == *kind;
        assert!(files.iter().any(is), "{kind:?}");
    }
    for path in files {
        let label = path.to_str().unwrap();
        let document = Document::open(label, &|path| std::fs::read(path), &[]);
        let found = document.check();
        assert!(found.is_empty(), "{}", human(&found, Colour::Never));
        let (_, schema, validator) = kinds.iter().find(|(kind, ..)| *kind == document.kind()).unwrap();
        let json = document.root().unwrap().to_json();
        let errors: Vec<String> = validator.iter_errors(&json).map(|error| error.to_string()).collect();
        assert!(errors.is_empty(), "{label}: {errors:?}");
        if document.kind() == DocumentKind::Benchmark {
            document.benchmark().unwrap_or_else(|found| panic!("{}", human(&found, Colour::Never)));
        } else if document.kind() != DocumentKind::Table {
            document.space().unwrap_or_else(|found| panic!("{}", human(&found, Colour::Never)));
        }
        let text = std::fs::read_to_string(&path).unwrap();
        let line = text.lines().next().unwrap_or_default();
        assert!(
            line.starts_with("# yaml-language-server: $schema=")
                && line.ends_with(&format!("/schemas/{schema}.schema.json")),
            "{label} does not name its schema for editors in the first line"
        );
    }
}
