//! The suite finds what is wrong, passes what is right, and skips what does not apply.

use std::path::Path;

use pleach_conformance::{Report, Verdict, checks, conformance};
use pleach_hostile_plugins::{Asked, Guest, answer};
use pleach_plugin::{Host, HostOptions};

fn host() -> Host {
    // One cache for all tests: compiling takes seconds in a build without optimization.
    let compiled = Path::new(env!("CARGO_TARGET_TMPDIR")).join("compiled");
    Host::new(HostOptions { cache: Some(compiled), compile_limit: None, ..HostOptions::default() }).unwrap()
}

fn verdict<'a>(report: &'a Report, name: &str) -> &'a Verdict {
    &report.checks.iter().find(|checked| checked.name == name).unwrap().verdict
}

fn reason<'a>(report: &'a Report, name: &str) -> &'a str {
    match verdict(report, name) {
        Verdict::Failed { reason } | Verdict::Skipped { reason } => reason,
        Verdict::Passed => panic!("{name} passes"),
    }
}

#[test]
fn checks_have_names_and_sentences_of_their_own() {
    let checks = checks();
    assert!(checks.len() >= 30, "{}", checks.len());
    let mut names: Vec<&str> = checks.iter().map(|check| check.name).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), checks.len());
    assert!(checks.iter().all(|check| !check.what.is_empty() && !check.name.contains(' ')));
}

/// A guest that asks for the same again and again, takes any options, and is no strategy of use.
#[test]
fn a_plugin_that_ignores_everything_is_found_out() {
    let request = Asked { genotype: &[0.0; 8], ..Asked::default() };
    let head = format!("(global $next (mut i64) (i64.const 0)) {}", answer(&[request]));
    let ask = "(i64.store (i32.const 1040) (global.get $next))
        (global.set $next (i64.add (global.get $next) (i64.const 1))) (i32.const 1024)";
    let wasm = Guest { head: &head, pages: 40, ask, ..Guest::default() }.wasm();
    let report = conformance(&host().load(&wasm, "guest.wasm").unwrap(), 1, |_| true);
    assert!(!report.passed());
    assert_eq!(*verdict(&report, "space-choices"), Verdict::Passed, "in the space for which it was written");
    assert!(reason(&report, "space-of-one-decision").contains("a genotype of 8 values where there are 1 decisions"));
    assert!(reason(&report, "space-integers").contains("request 0 has an invalid genotype"));
    assert!(reason(&report, "other-seed").contains("is `context.seed` used?"));
    assert!(reason(&report, "options-unknown").contains("additionalProperties"));
    assert!(reason(&report, "options-of-wrong-type").contains("no options"), "skipped");
    assert!(reason(&report, "resume").contains("does not need `resume`"), "skipped");
    assert_eq!(*verdict(&report, "replay"), Verdict::Passed);
}

/// A guest that waits before it has asked for anything.
#[test]
fn a_plugin_that_waits_for_nothing_fails_wherever_it_searches() {
    let wasm = Guest { ask: "(i32.const 192)", pages: 40, ..Guest::default() }.wasm();
    let report = conformance(&host().load(&wasm, "guest.wasm").unwrap(), 1, |name| name.starts_with("space"));
    assert!(report.checks.len() >= 8);
    for checked in &report.checks {
        assert!(reason(&report, &checked.name).contains("waits although nothing is in flight"), "{checked:?}");
    }
    let start = report.fuel.iter().find(|fuel| fuel.call == "start").unwrap();
    assert_eq!(start.calls, report.checks.len());
    assert!(start.median > 0 && start.largest >= start.median && start.share > 0.0 && start.share < 0.01);
}

#[test]
fn what_the_toy_world_lacks_is_skipped() {
    let wasm = Guest { needs: &["share"], ..Guest::default() }.wasm();
    let report = conformance(&host().load(&wasm, "guest.wasm").unwrap(), 1, |name| name == "replay");
    assert!(reason(&report, "replay").contains("it needs `share`"));
    assert!(report.passed(), "what is skipped did not fail");
}
