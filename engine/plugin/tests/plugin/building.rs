//! Building plugins: a new one from the template, and what errors say.

use std::fs;
use std::path::Path;

use pleach_plugin::Limits;
use pleach_plugin::build::{BuildError, BuildOptions, build_component, component_of};
use pleach_plugin::contract::Answer;
use pleach_plugin::new::{SdkSource, new_plugin};
use pleach_sdk::testing::ToySpace;

use crate::built::{options, source};
use crate::guest::host;
use crate::toy::{Toy, context};

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
fn a_new_plugin_builds_and_runs() {
    let root = tempfile::tempdir().unwrap();
    let folder = root.path().join("tabu");
    new_plugin(&folder, "tabu-search", &SdkSource::Path(source("sdk").canonicalize().unwrap())).unwrap();
    // The versions of this workspace, which are at hand without a network.
    fs::copy(source("..").join("Cargo.lock"), folder.join("Cargo.lock")).unwrap();
    let built = build_component(&host(), &folder, &options()).unwrap();
    assert_eq!(built.manifest.name, "tabu-search");
    assert_eq!(built.manifest.options_schema["properties"]["explore"]["default"], 0.1);
    let plugin = host().load(&built.wasm, "tabu-search.wasm").unwrap();
    let space = ToySpace::choices(&[3, 3]);
    let mut strategy = plugin.start(Toy::boxed(&space), &context(&[3, 3], 1, "{}"), Limits::default()).unwrap();
    assert!(matches!(strategy.ask(4).unwrap(), Answer::Requests(requests) if requests.len() == 1));
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
