//! `pleach plugin test`: every strategy of this repository passes, and one that is broken is told what is wrong.

use std::fs;

use pleach_hostile_plugins::Guest;
use pleach_tests::{repository, run};
use serde_json::Value;

/// All strategies: the folders of `plugins/` that are neither the kit nor the contract.
fn strategies() -> Vec<String> {
    let folders = fs::read_dir(repository().join("plugins")).unwrap().map(|entry| entry.unwrap());
    let is_strategy = |folder: &fs::DirEntry| folder.path().join("Cargo.toml").is_file() && folder.file_name() != "sdk";
    folders.filter(is_strategy).map(|folder| folder.file_name().into_string().unwrap()).collect()
}

#[test]
fn every_strategy_of_this_repository_passes() {
    let folder = tempfile::tempdir().unwrap();
    let strategies = strategies();
    assert!(strategies.len() >= 3, "{strategies:?}");
    for strategy in strategies {
        let said = run(folder.path(), &["plugin", "test", &strategy, "--format", "json"]);
        let report: Value =
            serde_json::from_str(&said.out).unwrap_or_else(|error| panic!("{strategy}: {error} {}", said.err));
        let checks = report["checks"].as_array().unwrap();
        let failed: Vec<&Value> = checks.iter().filter(|check| check["result"] == "failed").collect();
        assert!(failed.is_empty() && said.code == 0, "{strategy}: {failed:#?}");
        let passed = checks.iter().filter(|check| check["result"] == "passed").count();
        assert!(passed >= 30, "{strategy}: only {passed} checks apply");
        let ask = report["fuel"].as_array().unwrap().iter().find(|fuel| fuel["call"] == "ask").unwrap();
        assert!(ask["share"].as_f64().unwrap() < 0.6, "{strategy} comes near its limits: {ask}");
    }
}

#[test]
fn a_broken_strategy_is_told_what_is_wrong_and_how_to_see_it_again() {
    let folder = tempfile::tempdir().unwrap();
    let wasm = Guest { ask: "(i32.div_u (i32.const 1) (i32.const 0))", ..Guest::default() }.wasm();
    fs::write(folder.path().join("guest.wasm"), wasm).unwrap();
    let said = run(
        folder.path(),
        &["plugin", "test", "./guest.wasm", "--only", "space-choices", "--only", "imports", "--seed", "5"],
    );
    assert_eq!(said.code, 3, "{}", said.whole());
    assert!(said.out.contains("FAIL") && said.out.contains("integer divide by zero"), "{}", said.out);
    assert!(said.out.contains("1 passed, 1 failed, 0 skipped"), "{}", said.out);
    assert!(said.err.contains("pleach plugin test ./guest.wasm --only space-choices --seed 5"), "{}", said.err);
    let none = run(folder.path(), &["plugin", "test", "./guest.wasm", "--only", "no-such-check"]);
    assert!(none.code == 2 && none.err.contains("space-choices"), "{}", none.whole());
}
