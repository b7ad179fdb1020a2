//! Hostile plugins through the program: each ends with its error, within bounds, and what was done before is kept.

use std::collections::BTreeSet;
use std::fs;

use pleach_hostile_plugins::{Asked, EXPERIMENT, Guest, answer, attacks};
use pleach_tests::{run, sandbox};

/// Runs every fourth attack, so that four tests share them.
fn every_fourth(from: usize) {
    let mut failures = Vec::new();
    for attack in attacks().iter().skip(from).step_by(4) {
        let folder = tempfile::tempdir().unwrap();
        let ended = sandbox::run(attack, folder.path());
        // Time is for a machine that does nothing else: `cargo xtask test sandbox`.
        let memory = ended.bytes.filter(|bytes| *bytes > sandbox::BYTES).map(|bytes| format!("{} MiB", bytes >> 20));
        failures.extend(ended.differs_from(attack).or(memory).map(|reason| format!("{}: {reason}", attack.name)));
    }
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
}

#[test]
fn attacks_end_with_their_errors_1() {
    every_fourth(0);
}

#[test]
fn attacks_end_with_their_errors_2() {
    every_fourth(1);
}

#[test]
fn attacks_end_with_their_errors_3() {
    every_fourth(2);
}

#[test]
fn attacks_end_with_their_errors_4() {
    every_fourth(3);
}

#[test]
fn the_corpus_has_names_of_its_own() {
    let attacks = attacks();
    assert!(attacks.len() >= 40);
    assert_eq!(attacks.iter().map(|attack| attack.name).collect::<BTreeSet<_>>().len(), attacks.len());
}

/// A run whose plugin failed is kept; a mended plugin has another digest, so it begins a run of its own, and what was trained is
/// answered from the cache.
#[test]
fn a_mended_plugin_begins_anew_and_trains_nothing_twice() {
    let folder = tempfile::tempdir().unwrap();
    let head = format!("(global $asked (mut i32) (i32.const 0)) {}", answer(&[Asked::default()]));
    let once = |then: &str| {
        format!("(if (global.get $asked) (then {then})) (global.set $asked (i32.const 1)) (i32.const 1024)")
    };
    let write = |ask: &str| {
        fs::write(folder.path().join("guest.wasm"), Guest { head: &head, ask, ..Guest::default() }.wasm()).unwrap();
    };
    fs::write(folder.path().join("guest.yaml"), EXPERIMENT).unwrap();
    let started = || run(folder.path(), &["run", "guest.yaml", "--workers", "1"]);

    // The first trial is told before the third `ask`, which fails.
    let waits = "(global.set $asked (i32.add (global.get $asked) (i32.const 1)))
        (if (i32.gt_u (global.get $asked) (i32.const 2)) (then (unreachable))) (return (i32.const 192))";
    write(&once(waits));
    for _ in 0..2 {
        // The same plugin goes on with its run, and fails in the same call.
        let failed = started();
        assert_eq!(failed.code, 3, "{}", failed.err);
        assert!(failed.err.contains("ask 3"), "{}", failed.err);
    }
    let runs = || {
        let names = fs::read_dir(folder.path().join("runs")).unwrap().map(|entry| entry.unwrap().file_name());
        names.map(|name| name.into_string().unwrap()).filter(|name| name.starts_with("guest-")).count()
    };
    assert_eq!(runs(), 1);

    write(&once("(return (i32.const 208))"));
    let mended = started();
    assert_eq!(mended.code, 0, "{}", mended.err);
    assert_eq!(runs(), 2, "another plugin is another search");
    let trials = fs::read_to_string(folder.path().join("runs/guest-2/trials.csv")).unwrap();
    let mut lines = trials.lines().map(|line| line.split(',').map(str::to_owned).collect::<Vec<_>>());
    let header = lines.next().unwrap();
    let cached = header.iter().position(|column| column == "cached").expect("trials say whether they were cached");
    assert!(lines.all(|line| line[cached] == "true"), "{trials}");
}
