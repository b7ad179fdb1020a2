//! Figures as one HTML file: no script, nothing fetched, well-formed as XML too.
//!
//! A policy in its head forbids the file everything but its own style, so that no text of a run can do anything. What is not of
//! the file's own making goes through `maud`, which escapes it.

pub(crate) mod chart;
mod environment;
mod graph;
mod networks;
mod outcome;
mod searches;
mod steps;

use crate::figures::Figures;
use crate::words::counted;
use maud::{DOCTYPE, Markup, PreEscaped, html};

const STYLE: &str = include_str!("html/style.css");

/// A section: its anchor, its heading, and what stands in it; nothing where there is nothing to say.
type Section = (&'static str, &'static str, Option<Markup>);

/// The report of a run as the text of one HTML file.
pub fn html(figures: &Figures) -> String {
    let sections: [Section; 11] = [
        ("outcome", "Outcome", outcome::section(figures)),
        ("steps", "Steps", steps::section(figures)),
        ("searches", "Searches", searches::section(figures)),
        ("front", "Front", searches::fronts(figures)),
        ("decisions", "Importance of decisions", searches::importance(figures)),
        ("lineage", "Lineage of the best", searches::lineages(figures)),
        ("networks", "Networks", networks::section(figures)),
        ("robustness", "Robustness", outcome::robustness(figures)),
        ("curves", "Learning curves", searches::curves(figures)),
        ("experiment", "Experiment", environment::experiment(figures)),
        ("environment", "Environment", environment::section(figures)),
    ];
    let shown: Vec<&Section> = sections.iter().filter(|(_, _, content)| content.is_some()).collect();
    let broken = figures.requirements.iter().filter(|required| !required.passed).count();
    let page = html! {
        (DOCTYPE)
        html lang="en" xmlns="http://www.w3.org/1999/xhtml" {
            head {
                (PreEscaped(r#"<meta charset="utf-8"/>"#))
                (PreEscaped(r#"<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'"/>"#))
                (PreEscaped(r#"<meta name="viewport" content="width=device-width, initial-scale=1"/>"#))
                (PreEscaped(r#"<meta name="color-scheme" content="light dark"/>"#))
                title { (figures.run) ": report" }
                style { (PreEscaped(STYLE)) }
            }
            body {
                (graph::arrow_head())
                header {
                    h1 { (figures.name) " " span class={ "state " (figures.state) } { (figures.state) } @if broken > 0 { " " span class="state failed" { (counted(broken as u64, "requirement")) " failed" } } }
                    p class="minor" {
                        "Run " code { (figures.run) } ", digest " code { (figures.digest.get(..16).unwrap_or(&figures.digest)) }
                        ". Objectives: " (objectives(figures)) "."
                    }
                    nav {
                        ul { @for (anchor, heading, _) in &shown { li { a href={ "#" (anchor) } { (heading) } } } }
                    }
                }
                main {
                    @for (anchor, heading, content) in &shown {
                        section id=(anchor) {
                            h2 { (heading) }
                            @if let Some(content) = content { (content) }
                        }
                    }
                }
                footer { p class="minor" { "Written by pleach " (figures.environment.versions.get("pleach").map_or("", String::as_str)) "." } }
            }
        }
    };
    page.into_string()
}

fn objectives(figures: &Figures) -> String {
    let word = |maximize| if maximize { "maximize" } else { "minimize" };
    let all = figures.objectives.iter().map(|goal| format!("{} {}", word(goal.maximize), goal.metric));
    all.collect::<Vec<_>>().join(", ")
}

/// Words in which `names` stand between backticks.
fn said(text: &str) -> Markup {
    html! {
        @for (place, part) in text.split('`').enumerate() {
            @if place % 2 == 1 { code { (part) } } @else { (part) }
        }
    }
}

/// A decision's path without what all have in common.
fn short_path(path: &str) -> &str {
    path.strip_prefix("space.").unwrap_or(path)
}

/// The paths of decisions as short as tells them apart: the last parts of each.
fn short_paths<'p>(paths: &[&'p str]) -> Vec<&'p str> {
    let suffix = |path: &'p str, parts: usize| match path.rmatch_indices('.').nth(parts - 1) {
        Some((dot, _)) => &path[dot + 1..],
        None => path,
    };
    let told_apart = |path: &'p str, parts: usize| {
        let own = suffix(path, parts);
        paths.iter().filter(|other| suffix(other, parts) == own).count() == 1
    };
    paths
        .iter()
        .map(|path| (1..8).find(|parts| told_apart(path, *parts)).map_or(*path, |parts| suffix(path, parts)))
        .collect()
}

/// A table in a box of its own, so that a narrow page scrolls the table and not itself.
fn table(header: &[&str], rows: &[Vec<Markup>]) -> Markup {
    html! {
        div class="scroll" {
            table {
                thead { tr { @for name in header { th scope="col" { (name) } } } }
                tbody { @for row in rows { tr { @for cell in row { td { (cell) } } } } }
            }
        }
    }
}

/// Colours with their meaning.
fn legend(entries: &[(String, String)]) -> Markup {
    html! {
        ul class="legend" {
            @for (class, name) in entries { li { span class={ "key " (class) } {} " " (name) } }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_as_short_as_tells_them_apart() {
        let paths = ["space.network[0].conv.kernel", "space.network[1].conv.kernel", "space.training.epochs"];
        assert_eq!(short_paths(&paths), ["network[0].conv.kernel", "network[1].conv.kernel", "epochs"]);
        assert_eq!(short_paths(&["candidate"]), ["candidate"]);
    }

    #[test]
    fn backticks_are_code_and_the_rest_is_text() {
        assert_eq!(said("`a<b` is <b>").into_string(), "<code>a&lt;b</code> is &lt;b&gt;");
    }
}
