use super::*;
use crate::markdown::markdown;
use indexmap::IndexMap;
use pleach_run::{Best, CandidateResult, Required, Spread, StepSummary};
use std::path::Path;

/// A run of two steps, one requirement that holds and one that does not.
pub(crate) fn summary() -> Summary {
    let step = |kind: &str, state: StepState, seconds: f64| StepSummary {
        kind: kind.into(),
        state,
        trials: 12,
        best: None,
        results: Vec::new(),
        robustness: IndexMap::new(),
        comparison: None,
        artifacts: Vec::new(),
        failed: 1,
        seconds,
    };
    let mut last = step("train", StepState::Done, 1.25);
    last.best = Some(Best {
        id: 0,
        genotype: IndexMap::new(),
        metrics: [("accuracy".to_owned(), 0.9375)].into(),
        feasible: true,
    });
    last.results = vec![CandidateResult {
        candidate: 0,
        validation: [
            ("accuracy".to_owned(), Spread::of(vec![0.925, 0.95])),
            ("loss".to_owned(), Spread::of(vec![0.1, 0.2])),
        ]
        .into(),
        test: [("accuracy".to_owned(), Spread::of(vec![0.9, 0.92]))].into(),
        failed: 0,
    }];
    let required = |text: &str, value: Option<f64>, bound: f64, passed: bool| Required {
        step: "final".into(),
        candidate: Some(0),
        text: text.into(),
        value,
        bound,
        passed,
    };
    Summary {
        name: "gated".into(),
        state: "done".into(),
        error: None,
        digest: "ab12".into(),
        steps: [("explore".to_owned(), step("search", StepState::Done, 30.0)), ("final".to_owned(), last)].into(),
        beside: Vec::new(),
        requirements: vec![
            required("accuracy >= 0.9", Some(0.9375), 0.9, true),
            required("parameters <= 1000", Some(1234.0), 1000.0, false),
        ],
        objectives: vec!["accuracy".into()],
    }
}

/// The text as a parser of its own reads it.
fn parsed(text: &str) -> TestSuite {
    let report = Report::deserialize_from_str(text).unwrap();
    let name = report.name.as_ref().map(|name| name.as_str());
    assert_eq!((name, report.test_suites.len()), (Some("pleach"), 1));
    report.test_suites.into_iter().next().unwrap()
}

fn case<'s>(suite: &'s TestSuite, name: &str) -> &'s TestCase {
    suite.test_cases.iter().find(|case| case.name.as_str() == name).unwrap_or_else(|| panic!("no case {name}"))
}

fn trouble(case: &TestCase) -> Option<(&NonSuccessKind, &str)> {
    match &case.status {
        TestCaseStatus::NonSuccess { kind, message, .. } => Some((kind, message.as_ref()?.as_str())),
        _ => None,
    }
}

#[test]
fn a_requirement_that_does_not_hold_is_a_failure_with_value_and_bound() {
    let text = junit(&summary(), "gated-1", None).unwrap();
    let suite = parsed(&text);
    assert_eq!((suite.name.as_str(), suite.tests, suite.failures, suite.errors), ("gated-1", 4, 1, 0));
    let (kind, message) = trouble(case(&suite, "parameters <= 1000 of candidate 0")).unwrap();
    assert!(matches!(kind, NonSuccessKind::Failure));
    assert!(message.contains("parameters is 1234") && message.contains("candidate 0"), "{message}");
    assert!(trouble(case(&suite, "accuracy >= 0.9 of candidate 0")).is_none());
    assert_eq!(case(&suite, "final").time, Some(Duration::from_millis(1250)));
    assert_eq!(suite.time, Some(Duration::from_millis(31250)));
}

#[test]
fn a_step_that_failed_is_an_error_and_later_ones_are_skipped() {
    let mut run = summary();
    run.state = "failed".into();
    run.requirements.clear();
    run.steps["explore"].state = StepState::Failed;
    run.steps["final"].state = StepState::Pending;
    let error = "strategy `a<b>` & \"co\" said:\u{1b}[31m no\u{0}";
    let suite = parsed(&junit(&run, "gated-1", Some(error)).unwrap());
    assert_eq!((suite.tests, suite.errors, suite.failures, suite.skipped), (2, 1, 0, 1));
    let (kind, message) = trouble(case(&suite, "explore")).unwrap();
    assert!(matches!(kind, NonSuccessKind::Error));
    assert!(message.contains("`a<b>` & \"co\" said: no"), "{message}");
}

#[test]
fn an_error_of_no_step_is_a_case_of_its_own() {
    let suite = parsed(&junit(&summary(), "gated-1", Some("the disk is full")).unwrap());
    assert_eq!(trouble(case(&suite, "the run")).unwrap().1, "the disk is full");
}

#[test]
fn markdown_has_steps_networks_and_requirements() {
    let text = markdown(&summary(), Path::new("runs/gated-1"), None);
    for line in [
        "### ❌ gated: done, 1 of 2 requirements not met",
        "| ✓ | explore | search | 12, 1 failed |  | 30 s |",
        "| ✓ | final | train | 12, 1 failed | accuracy 0.9375 | 1.2 s |",
        "| candidate | accuracy | test accuracy |",
        "| 0 | 0.9375 ± 0.0177 | 0.9100 ± 0.0141 |",
        "| ✓ | `accuracy >= 0.9` | final | 0 | 0.9375 |",
        "| ✗ | `parameters <= 1000` | final | 0 | 1234 |",
        "Everything lies in `runs/gated-1`; digest `ab12`",
    ] {
        assert!(text.lines().any(|other| other == line), "{line}\n{text}");
    }
    let failed = markdown(&summary(), Path::new("runs/gated-1"), Some("a | b\nc"));
    assert!(failed.contains("**a \\| b c**"), "{failed}");
}
