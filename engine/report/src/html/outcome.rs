//! What came out: trained candidates, requirements, robustness.

use super::chart::{Axis, chart, line};
use super::{legend, said, table};
use crate::figures::{Figures, Robustness, RobustnessOf, Search, Training};
use crate::words::{brief, deviation, number};
use maud::{Markup, html};
use pleach_run::{CandidateResult, Spread};

pub(super) fn section(figures: &Figures) -> Option<Markup> {
    Some(html! {
        @for search in &figures.searches {
            div class="verdict" { p { strong { (search.step) } ": " (found(search)) (said(search.verdict())) "." } }
        }
        @for beside in &figures.beside {
            div class="verdict" {
                p {
                    (beside.metric) " of " strong { (beside.step) } " " (spread(&beside.value)) ", of " strong { (beside.other) } " "
                    (spread(&beside.other_value)) ". In short: " (said(&beside.verdict)) "."
                }
            }
        }
        @for training in &figures.trainings { (trained(figures, training)) }
        @if !figures.requirements.is_empty() { (requirements(figures)) }
        @for note in &figures.notes { p class="minor" { (note) } }
    })
}

/// What the searches of a step found.
pub(super) fn found(search: &Search) -> Markup {
    let Some(comparison) = &search.comparison else { return Markup::default() };
    html! {
        (comparison.strategy) " found " (comparison.metric) " " (spread(&comparison.found))
        @if let (Some(name), Some(beside)) = (&comparison.baseline, &comparison.baseline_found) { ", " (name) " beside it " (spread(beside)) }
        ". In short: "
    }
}

/// A mean with its deviation over repeats.
pub(super) fn spread(spread: &Spread) -> Markup {
    let values: Vec<String> = spread.values.iter().map(|value| number(*value)).collect();
    html! {
        span title={ "by repeat: " (values.join(", ")) } {
            (number(spread.mean))
            @if spread.values.len() > 1 && spread.deviation > 0.0 { span class="minor" { " ± " (deviation(spread.deviation)) } }
        }
    }
}

fn trained(figures: &Figures, training: &Training) -> Markup {
    let names = |of: fn(&CandidateResult) -> Vec<&String>| {
        let mut found: Vec<&String> = Vec::new();
        for name in training.candidates.iter().flat_map(of) {
            if !found.contains(&name) {
                found.push(name);
            }
        }
        found
    };
    let objectives: Vec<&String> = figures.objectives.iter().map(|goal| &goal.metric).collect();
    let mut validated = names(|result| result.validation.keys().collect());
    validated.retain(|name| objectives.contains(name));
    let tested = names(|result| result.test.keys().collect());
    let repeats =
        training.candidates.iter().flat_map(|one| one.validation.values()).map(|spread| spread.values.len()).max();
    let mut header = vec!["candidate".to_owned()];
    header.extend(validated.iter().map(|name| (*name).clone()));
    header.extend(tested.iter().map(|name| format!("test {name}")));
    let rows: Vec<Vec<Markup>> = training
        .candidates
        .iter()
        .map(|result| {
            let mut row = vec![html! { (result.candidate) @if result.failed > 0 { " (" (result.failed) " failed)" } }];
            row.extend(validated.iter().map(|name| result.validation.get(*name).map_or_else(Markup::default, spread)));
            row.extend(tested.iter().map(|name| result.test.get(*name).map_or_else(Markup::default, spread)));
            row
        })
        .collect();
    html! {
        h3 { "Trained by " (training.step) }
        (table(&header.iter().map(String::as_str).collect::<Vec<_>>(), &rows))
        p class="minor" {
            @match repeats {
                Some(repeats) if repeats > 1 => { "Mean ± standard deviation over " (repeats) " trainings on seeds of their own." }
                _ => { "One training each: nothing is known of the spread over seeds." }
            }
            " Rows are in the order in which the step took its candidates."
        }
    }
}

fn requirements(figures: &Figures) -> Markup {
    let rows: Vec<Vec<Markup>> = figures
        .requirements
        .iter()
        .map(|one| {
            let word = if one.passed { "passed" } else { "failed" };
            vec![
                html! { span class={ "state " (word) } { (word) } },
                html! { (one.step) @if let Some(candidate) = one.candidate { ", candidate " (candidate) } },
                html! { code { (one.text) } },
                html! { (one.value.map_or_else(|| "not measured".to_owned(), number)) },
            ]
        })
        .collect();
    html! { h3 { "Requirements" } (table(&["", "step", "requirement", "value"], &rows)) }
}

pub(super) fn robustness(figures: &Figures) -> Option<Markup> {
    let all = &figures.robustness;
    (!all.is_empty()).then(|| html! { @for step in all { (robust(step)) } })
}

fn robust(step: &Robustness) -> Markup {
    html! {
        h3 { (step.step) }
        @for candidate in &step.candidates {
            h4 { "Candidate " (candidate.candidate) @if let Some(clean) = &candidate.clean { ", " (number(clean.mean)) " on clean inputs" } }
            div class="charts" {
                @if !candidate.corruptions.is_empty() { (corruptions(candidate)) }
                @if !candidate.attacks.is_empty() { (attacks(candidate)) }
            }
        }
    }
}

/// Accuracy by severity; 0 is the clean input.
fn corruptions(of: &RobustnessOf) -> Markup {
    let points = |series: &crate::figures::Series| -> Vec<(f64, f64)> {
        let clean = of.clean.iter().map(|clean| (0.0, clean.mean));
        clean.chain(series.points.iter().filter_map(|point| Some((point.strength?, point.accuracy.mean)))).collect()
    };
    let x = Axis { label: "severity (0: clean)".into(), from: -0.2, to: 5.2, log: false };
    let y = Axis { label: "accuracy".into(), from: 0.0, to: 1.02, log: false };
    let drawing = chart("Accuracy by severity of corruptions", (440, 280), &x, &y, |place| {
        html! {
            g class="lines" {
                @for (index, series) in of.corruptions.iter().enumerate() {
                    g class={ "c" (index % 9) } {
                        title { (series.name) }
                        path d=(line(place, points(series).into_iter())) {}
                        @for (severity, accuracy) in points(series) {
                            @let (x, y) = place(severity, accuracy);
                            circle cx=(x) cy=(y) r="14" { title { (series.name) ", severity " (severity) ": " (number(accuracy)) } }
                        }
                    }
                }
            }
        }
    });
    let entries: Vec<(String, String)> = of
        .corruptions
        .iter()
        .enumerate()
        .map(|(index, series)| (format!("c{}", index % 9), series.name.replace('_', " ")))
        .collect();
    html! { figure { (drawing) (legend(&entries)) } }
}

/// Accuracy under each attack at its epsilon.
fn attacks(of: &RobustnessOf) -> Markup {
    let points: Vec<(&str, f64, &Spread)> = of
        .attacks
        .iter()
        .flat_map(|series| {
            series.points.iter().filter_map(|point| Some((series.name.as_str(), point.strength?, &point.accuracy)))
        })
        .collect();
    let clean = of.clean.iter().map(|clean| (0.0, clean.mean));
    let x = Axis::upwards("epsilon", points.iter().map(|(_, epsilon, _)| *epsilon).chain([0.0]));
    let x = Axis { from: -0.03 * x.to, ..x };
    let y = Axis { label: "accuracy".into(), from: -0.02, to: 1.02, log: false };
    let drawing = chart("Accuracy under attacks by epsilon", (440, 280), &x, &y, |place| {
        html! {
            g class="lines" {
                @for (epsilon, accuracy) in clean.clone() {
                    @let (x, y) = place(epsilon, accuracy);
                    g class="c0" { circle cx=(x) cy=(y) r="18" { title { "clean: " (number(accuracy)) } } }
                }
                @for (index, (name, epsilon, accuracy)) in points.iter().enumerate() {
                    @let (x, y) = place(*epsilon, accuracy.mean);
                    g class={ "c" ((index + 1) % 9) } {
                        circle cx=(x) cy=(y) r="18" { title { (name) ", epsilon " (brief(*epsilon)) ": " (number(accuracy.mean)) } }
                    }
                }
            }
        }
    });
    let mut rows: Vec<Vec<Markup>> = of
        .clean
        .iter()
        .map(|clean| vec![html! { span class="key c0" {} " clean" }, html! { "0" }, spread(clean)])
        .collect();
    rows.extend(points.iter().enumerate().map(|(index, (name, epsilon, accuracy))| {
        vec![
            html! { span class={ "key c" ((index + 1) % 9) } {} " " (name) },
            html! { (number(*epsilon)) },
            spread(accuracy),
        ]
    }));
    for series in of.attacks.iter().filter(|series| series.points.iter().all(|point| point.strength.is_none())) {
        rows.extend(
            series.points.iter().map(|point| vec![html! { (series.name) }, html! { "–" }, spread(&point.accuracy)]),
        );
    }
    html! { figure { (drawing) (table(&["attack", "epsilon", "accuracy"], &rows)) } }
}
