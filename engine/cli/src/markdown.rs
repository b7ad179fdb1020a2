//! A run as Markdown, for the page that a CI system shows.

use crate::progress::{duration, short};
use pleach_run::{Spread, Summary};
use pleach_store::StepState;
use std::fmt::Write;
use std::path::Path;

/// Steps, the best networks, requirements, and where the files lie; `error` is why the run ended early.
pub fn markdown(summary: &Summary, folder: &Path, error: Option<&str>) -> String {
    let broken = summary.requirements.iter().filter(|required| !required.passed).count();
    let sign = if error.is_some() || broken > 0 || summary.state != "done" { "❌" } else { "✅" };
    let mut out = format!("### {sign} {}: {}", cell(&summary.name), summary.state);
    if broken > 0 {
        let _ = write!(out, ", {broken} of {} requirements not met", summary.requirements.len());
    }
    out.push_str("\n\n");
    if let Some(error) = error {
        let _ = write!(out, "**{}**\n\n", cell(error));
    }
    out.push_str("| | step | kind | trials | best | time |\n| --- | --- | --- | ---: | --- | ---: |\n");
    for (name, step) in &summary.steps {
        let sign = match step.state {
            StepState::Done => "✓",
            StepState::Failed => "✗",
            StepState::Running | StepState::Pending => "…",
        };
        let trials = match (step.trials, step.failed) {
            (0, 0) => String::new(),
            (trials, 0) => trials.to_string(),
            (trials, failed) => format!("{trials}, {failed} failed"),
        };
        let best = step.best.as_ref().map_or(String::new(), |best| {
            let known = summary.objectives.iter().filter_map(|name| Some((name, best.metrics.get(name)?)));
            known.map(|(name, value)| format!("{name} {}", short(*value))).collect::<Vec<_>>().join(", ")
        });
        let (name, best, time) = (cell(name), cell(&best), duration(step.seconds));
        let _ = writeln!(out, "| {sign} | {name} | {} | {trials} | {best} | {time} |", step.kind);
    }
    for (name, step) in summary.steps.iter().filter(|(_, step)| step.kind == "train" && !step.results.is_empty()) {
        let mut columns: Vec<(bool, &String)> = Vec::new();
        for result in &step.results {
            let validated = result.validation.keys().filter(|name| summary.objectives.contains(name));
            for column in validated.map(|name| (false, name)).chain(result.test.keys().map(|name| (true, name))) {
                if !columns.contains(&column) {
                    columns.push(column);
                }
            }
        }
        let _ = write!(out, "\nTrained by {}, mean ± deviation over repeats:\n\n| candidate |", cell(name));
        for (test, metric) in &columns {
            let _ = write!(out, " {}{} |", if *test { "test " } else { "" }, cell(metric));
        }
        let _ = write!(out, "\n| ---: |{}\n", " ---: |".repeat(columns.len()));
        for result in &step.results {
            let _ = write!(out, "| {} |", result.candidate);
            for (test, metric) in &columns {
                let value = if *test { result.test.get(*metric) } else { result.validation.get(*metric) };
                let _ = write!(out, " {} |", value.map_or(String::new(), spread));
            }
            out.push('\n');
        }
    }
    for step in summary.steps.values() {
        if let Some(comparison) = &step.comparison {
            let _ = write!(out, "\n{}\n", cell(&comparison.verdict));
        }
    }
    for beside in &summary.beside {
        let (value, other) = (spread(&beside.value), spread(&beside.other_value));
        let _ = write!(out, "\n{} {value} against {other}: {}\n", cell(&beside.metric), cell(&beside.verdict));
    }
    if !summary.requirements.is_empty() {
        out.push_str("\n| | requirement | step | candidate | value |\n| --- | --- | --- | ---: | ---: |\n");
        for required in &summary.requirements {
            let sign = if required.passed { "✓" } else { "✗" };
            let candidate = required.candidate.map_or_else(|| "best".to_owned(), |number| number.to_string());
            let value = required.value.map_or_else(|| "not measured".to_owned(), short);
            let (text, step) = (cell(&required.text), cell(&required.step));
            let _ = writeln!(out, "| {sign} | `{text}` | {step} | {candidate} | {value} |");
        }
    }
    let _ = write!(out, "\nEverything lies in `{}`; digest `{}`\n\n", folder.display(), summary.digest);
    out
}

fn spread(spread: &Spread) -> String {
    match spread.values.len() {
        1 => short(spread.mean),
        _ => format!("{} ± {}", short(spread.mean), short(spread.deviation)),
    }
}

/// Text that stays in its cell.
fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace(['\n', '\r'], " ")
}
