//! What is generated from the types and checked in is fresh. `PLEACH_UPDATE=1 cargo test -p pleach-spec` writes it anew.

use std::path::Path;

fn check(file: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(file);
    if std::env::var_os("PLEACH_UPDATE").is_some() {
        std::fs::write(&path, text).unwrap();
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    let line = found.lines().zip(text.lines()).position(|(a, b)| a != b).map_or(0, |line| line + 1);
    assert!(
        found == text,
        "{file} is out of date from line {line} on: run `PLEACH_UPDATE=1 cargo test -p pleach-spec`"
    );
}

#[test]
fn schemas_are_fresh() {
    for (name, text) in pleach_spec::schemas() {
        check(&format!("schemas/{name}"), &text);
    }
}

#[test]
fn the_reference_is_fresh() {
    check("docs/reference.md", &pleach_spec::reference());
}
