//! A run as JUnit XML, which CI systems read: a test case a step and a requirement.

use pleach_run::Summary;
use pleach_store::StepState;
use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};
use std::time::Duration;

/// The run as a test suite. A step that failed is an error, one that did not run is skipped; a requirement that does not hold is a
/// failure with its value, its bound and its candidate. `error` is why the run ended early.
///
/// # Errors
/// The text cannot be made.
pub fn junit(summary: &Summary, run: &str, error: Option<&str>) -> Result<String, quick_junit::SerializeError> {
    let mut suite = TestSuite::new(run);
    let mut blamed = false;
    for (name, step) in &summary.steps {
        let status = match step.state {
            StepState::Done => TestCaseStatus::success(),
            StepState::Pending => {
                let mut status = TestCaseStatus::skipped();
                status.set_message("the run ended before");
                status
            }
            StepState::Running | StepState::Failed => {
                blamed = true;
                let unfinished = step.state == StepState::Running;
                let kind = if unfinished { "interrupted" } else { "failed" };
                error_status(
                    kind,
                    error.unwrap_or(if unfinished { "the step has not ended" } else { "the step failed" }),
                )
            }
        };
        let mut case = TestCase::new(name.as_str(), status);
        case.set_classname(format!("{}.{}", summary.name, step.kind));
        case.set_time(seconds(step.seconds));
        suite.add_test_case(case);
    }
    if let (Some(error), false) = (error, blamed) {
        let mut case = TestCase::new("the run", error_status("failed", error));
        case.set_classname(summary.name.as_str());
        suite.add_test_case(case);
    }
    for required in &summary.requirements {
        let candidate = required.candidate.map_or(String::new(), |number| format!(" of candidate {number}"));
        let status = if required.passed {
            TestCaseStatus::success()
        } else {
            let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
            status.set_type("requirement");
            status.set_message(required.to_string());
            let value = required.value.map_or_else(|| "not measured".to_owned(), |value| value.to_string());
            status.set_description(format!(
                "step: {}\nrequirement: {}\nvalue: {value}\nbound: {}",
                required.step, required.text, required.bound
            ));
            status
        };
        let mut case = TestCase::new(format!("{}{candidate}", required.text), status);
        case.set_classname(format!("{}.{}.require", summary.name, required.step));
        case.set_time(Duration::ZERO);
        suite.add_test_case(case);
    }
    suite.set_time(seconds(summary.steps.values().map(|step| step.seconds).sum()));
    suite.add_property(("digest", summary.digest.as_str()));
    suite.add_property(("state", summary.state.as_str()));
    let mut report = Report::new("pleach");
    report.add_test_suite(suite);
    report.to_string()
}

fn error_status(kind: &str, message: &str) -> TestCaseStatus {
    let mut status = TestCaseStatus::non_success(NonSuccessKind::Error);
    status.set_type(kind);
    status.set_message(message);
    status
}

fn seconds(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds).unwrap_or_default()
}

#[cfg(test)]
mod tests;
