//! What goes wrong when plugins are built, and what the error says.

use std::fs;
use std::path::Path;

use pleach_plugin::build::{BuildError, BuildOptions, build_component, component_of};

use crate::built::{options, source};
use crate::guest::host;

fn package(folder: &Path, library: &str, code: &str) {
    fs::create_dir(folder.join("src")).unwrap();
    fs::write(folder.join("src/lib.rs"), code).unwrap();
    let text =
        format!("[package]\nname = \"broken\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\n{library}\n[workspace]\n");
    fs::write(folder.join("Cargo.toml"), text).unwrap();
}

fn build(folder: &Path) -> BuildError {
    let target = folder.join("target");
    build_component(&host(), folder, &BuildOptions { target_folder: target, ..options() }).unwrap_err()
}

#[test]
fn errors_of_the_compiler_are_passed_on() {
    let folder = tempfile::tempdir().unwrap();
    package(folder.path(), "[lib]\ncrate-type = [\"cdylib\"]", "fn broken() -> u32 { \"text\" }");
    let text = build(folder.path()).to_string();
    assert!(text.contains("mismatched types") && text.contains("src/lib.rs:1"), "{text}");
}

#[test]
fn a_library_that_is_no_plugin_is_told() {
    let folder = tempfile::tempdir().unwrap();
    package(folder.path(), "", "");
    let text = build(folder.path()).to_string();
    assert!(text.starts_with("package `broken` makes no plugin") && text.contains("cdylib"), "{text}");
}

#[test]
fn a_module_without_a_strategy_is_told() {
    let folder = tempfile::tempdir().unwrap();
    package(folder.path(), "[lib]\ncrate-type = [\"cdylib\"]", "");
    let text = build(folder.path()).to_string();
    assert!(text.contains("is no strategy") && text.contains("export_strategy"), "{text}");
    assert!(matches!(component_of(&host(), b"text", "x"), Err(BuildError::NoStrategy { .. })));
}

#[test]
fn a_folder_without_a_package_is_told() {
    let folder = tempfile::tempdir().unwrap();
    assert!(matches!(build(folder.path()), BuildError::NoPackage { .. }));
    let missing = BuildOptions { cargo: folder.path().join("no-cargo"), ..options() };
    let error = build_component(&host(), &source("random"), &missing).unwrap_err();
    assert!(error.to_string().contains("no-cargo"), "{error}");
}
