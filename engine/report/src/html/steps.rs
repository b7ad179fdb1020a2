//! The graph of steps, and what each took.

use super::graph::{Boxed, Line, graph};
use super::table;
use crate::figures::Figures;
use crate::words::{brief, counted, duration};
use maud::{Markup, html};

pub(super) fn section(figures: &Figures) -> Option<Markup> {
    let main: Vec<_> = figures.steps.iter().filter(|step| step.name == step.of).collect();
    if main.is_empty() {
        return None;
    }
    let boxes: Vec<Boxed> = main
        .iter()
        .map(|step| {
            let mut lines = vec![step.name.clone(), step.kind.clone()];
            lines.extend(step.strategy.clone());
            let others = figures.steps.iter().filter(|other| other.of == step.name && other.name != step.name).count();
            if step.trials > 0 {
                lines.push(counted(step.trials, "trial"));
            }
            if others > 0 {
                lines.push(format!("and {}", counted(others as u64, "search").replace("searchs", "searches")));
            }
            Boxed { class: format!("step {}", step.state), lines, title: format!("{}: {}", step.name, step.state) }
        })
        .collect();
    let place = |name: &str| main.iter().position(|step| step.name == name);
    let lines: Vec<Line> = figures
        .edges
        .iter()
        .filter_map(|edge| Some(Line { from: place(&edge.from)?, to: place(&edge.to)?, title: edge.reference.clone() }))
        .collect();
    let rows: Vec<Vec<Markup>> = figures
        .steps
        .iter()
        .map(|step| {
            let name = if step.name == step.of {
                html! { strong { (step.name) } }
            } else {
                html! { (step.name) }
            };
            let trials = match step.failed {
                0 => step.trials.to_string(),
                failed => format!("{} ({failed} failed)", step.trials),
            };
            let cost = if step.cost > 0.0 { format!("{} {}", brief(step.cost), step.unit) } else { String::new() };
            let takes = figures.edges.iter().filter(|edge| edge.to == step.name).map(|edge| edge.reference.as_str());
            vec![
                name,
                html! { (step.kind) @if let Some(strategy) = &step.strategy { ", " (strategy) } },
                html! { code { (takes.collect::<Vec<_>>().join(", ")) } },
                html! { span class={ "state " (step.state) } { (step.state) } },
                html! { (trials) @if step.cached > 0 { span class="minor" { ", " (step.cached) " from the cache" } } },
                html! { (duration(step.seconds)) },
                html! { @if step.worked > 0.0 { (duration(step.worked)) } },
                html! { (cost) },
            ]
        })
        .collect();
    // A step's own time holds that of its repeats and its baseline.
    let whole = figures.steps.iter().filter(|step| pleach_run::part_of(&step.name).0 == step.name);
    let total: f64 = whole.map(|step| step.seconds).sum();
    Some(html! {
        div class="scroll" { (graph("Graph of steps", &boxes, &lines, true)) }
        (table(&["step", "kind", "takes", "state", "trials", "time", "work", "cost"], &rows))
        p class="minor" {
            "Time in all " (duration(total)) ". Time is what passed, for a step with its repeats and baseline; work the sum over trials on all workers, without those from the \
             cache; cost what the virtual clock counted."
        }
    })
}
