//! A plan as text for people, as a Mermaid or Graphviz graph, and as JSON for programs.

use crate::estimate::Estimate;
use crate::status::{Change, Plan, PlannedStep, StepStatus};
use serde_json::Value;
use std::fmt::Write;

/// For people: each step with its work and whether it will run, and why.
pub fn text(plan: &Plan) -> String {
    let mut out = format!("{}\n", plan.name);
    for step in &plan.steps {
        let _ = writeln!(out, "\n{} ({}): {}", step.name, step.kind, step.summary);
        let after = if step.inputs.is_empty() { String::new() } else { format!("after {}; ", step.inputs.join(", ")) };
        let work = work(&step.work);
        let work = if work.is_empty() { "work not known beforehand".to_owned() } else { work.join(", ") };
        let _ = writeln!(out, "  {after}{work}");
        let _ = writeln!(out, "  {}", status(&step.status));
        if let StepStatus::Changed { changes, known, .. } = &step.status {
            for one in changes {
                let _ = writeln!(out, "    {}", change(one));
            }
            match known {
                0 => {}
                1 => out.push_str("    1 trial is in the cache: if it is asked for again, it costs nothing\n"),
                known => {
                    let _ = writeln!(out, "    {known} trials are in the cache: those asked for again cost nothing");
                }
            }
        }
    }
    out
}

/// One value that changed, from what to what, and where it stands.
pub fn change(change: &Change) -> String {
    let place = match (&change.file, change.line) {
        (Some(file), Some(line)) => format!(" ({file}:{line})"),
        _ => String::new(),
    };
    let (old, new) = (value(change.old.as_ref()), value(change.new.as_ref()));
    format!("{}: {old} → {new}{place}", change.path)
}

/// A flowchart that Markdown viewers draw.
pub fn mermaid(plan: &Plan) -> String {
    let mut out = String::from("flowchart TD\n");
    for (index, step) in plan.steps.iter().enumerate() {
        let lines: Vec<String> = label(step).iter().map(|line| line.replace('"', "#quot;")).collect();
        let _ = writeln!(out, "  step{index}[\"{}\"]", lines.join("<br/>"));
    }
    for (from, to, by) in edges(plan) {
        let _ = writeln!(out, "  step{from} -->|\"{by}\"| step{to}");
    }
    for (index, _) in plan.steps.iter().enumerate().filter(|(_, step)| !step.status.runs()) {
        let _ = writeln!(out, "  style step{index} stroke-dasharray: 4");
    }
    out
}

/// A graph for Graphviz.
pub fn dot(plan: &Plan) -> String {
    let quoted = |text: &str| format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""));
    let mut out = format!("digraph {} {{\n  node [shape=box];\n", quoted(&plan.name));
    for step in &plan.steps {
        let lines = quoted(&label(step).join("\n")).replace('\n', "\\n");
        let style = if step.status.runs() { "" } else { ", style=dashed" };
        let _ = writeln!(out, "  {} [label={lines}{style}];", quoted(&step.name));
    }
    for (from, to, by) in edges(plan) {
        let (from, to) = (&plan.steps[from].name, &plan.steps[to].name);
        let _ = writeln!(out, "  {} -> {} [label={}];", quoted(from), quoted(to), quoted(by));
    }
    out.push_str("}\n");
    out
}

/// For programs: name and steps, with all that is known of each.
pub fn json(plan: &Plan) -> String {
    serde_json::to_string_pretty(plan).expect("a plan has nothing that JSON cannot say") + "\n"
}

fn edges(plan: &Plan) -> impl Iterator<Item = (usize, usize, &str)> {
    plan.steps.iter().enumerate().flat_map(move |(to, step)| {
        let from = move |input: &String| plan.steps.iter().position(|other| other.name == *input);
        let by = step.candidates.as_deref().unwrap_or_default();
        step.inputs.iter().filter_map(from).map(move |from| (from, to, by))
    })
}

fn label(step: &PlannedStep) -> Vec<String> {
    let mut lines = vec![format!("{}: {}", step.name, step.kind), step.summary.clone()];
    lines.extend(work(&step.work));
    if !step.status.runs() {
        lines.push("up to date".to_owned());
    }
    lines
}

fn work(estimate: &Estimate) -> Vec<String> {
    let mut parts = Vec::new();
    let plural = |count: f64, word: &str| {
        let s = if count == 1.0 { "" } else { "s" };
        format!("at most {} {word}{s}", grouped(count))
    };
    if let Some(trials) = estimate.trials {
        parts.push(plural(trials as f64, "trial"));
    }
    if let Some(epochs) = estimate.epochs {
        parts.push(plural(epochs, "epoch"));
    }
    if let Some(flops) = estimate.flops {
        parts.push(format!("about {} multiply-adds", magnitude(flops)));
    }
    if let Some(files) = estimate.files {
        parts.push(plural(files as f64, "file"));
    }
    parts
}

fn status(status: &StepStatus) -> String {
    match status {
        StepStatus::UpToDate { run } => format!("up to date: done in {run}"),
        StepStatus::GoesOn { run, trials: 1 } => format!("goes on in {run} after 1 trial"),
        StepStatus::GoesOn { run, trials } => format!("goes on in {run} after {trials} trials"),
        StepStatus::Incomplete { run, missing } => format!("runs, because `{missing}` is missing in {run}"),
        StepStatus::Follows { input } => format!("runs, because {input} does"),
        StepStatus::Changed { run, .. } => format!("runs, because since {run} there changed"),
        StepStatus::New => "runs for the first time".to_owned(),
    }
}

fn value(value: Option<&Value>) -> String {
    match value {
        None => "nothing".to_owned(),
        Some(Value::String(text)) => short(text),
        Some(value) => short(&value.to_string()),
    }
}

fn short(text: &str) -> String {
    const LONGEST: usize = 60;
    if text.chars().count() <= LONGEST {
        return text.to_owned();
    }
    text.chars().take(LONGEST - 1).chain(['…']).collect()
}

/// A number with groups of three digits; one decimal where it is not whole.
fn grouped(number: f64) -> String {
    let whole = number.fract() == 0.0;
    let text = if whole { format!("{number:.0}") } else { format!("{number:.1}") };
    let (digits, rest) = text.split_once('.').unwrap_or((&text, ""));
    let mut out = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    if !rest.is_empty() {
        out.push('.');
        out.push_str(rest);
    }
    out
}

/// A large number in two digits and a power of ten that people name.
fn magnitude(number: f64) -> String {
    const NAMES: [(f64, &str); 6] =
        [(1e18, "10^18"), (1e15, "10^15"), (1e12, "10^12"), (1e9, "10^9"), (1e6, "10^6"), (1e3, "10^3")];
    match NAMES.iter().find(|(size, _)| number >= *size) {
        Some((size, name)) if number / size < 10.0 => format!("{:.1}·{name}", number / size),
        Some((size, name)) => format!("{:.0}·{name}", number / size),
        None => format!("{number:.0}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_at_a_glance() {
        assert_eq!(
            (grouped(40.0), grouped(1_234_567.0), grouped(1234.5)),
            ("40".into(), "1,234,567".into(), "1,234.5".into())
        );
        assert_eq!(
            (magnitude(1.24e12), magnitude(4.5e10), magnitude(12.0)),
            ("1.2·10^12".into(), "45·10^9".into(), "12".into())
        );
    }
}
