//! The experiment as given, and what the run was made from.

use super::table;
use crate::figures::Figures;
use maud::{Markup, html};

pub(super) fn experiment(figures: &Figures) -> Option<Markup> {
    let comment = |line: &str| line.trim_start().starts_with('#');
    Some(html! {
        pre class="scroll yaml" {
            @for line in figures.experiment.lines() {
                span class={ "line" @if comment(line) { " comment" } } { (line) "\n" }
            }
        }
        p class="minor" { "As it was given; " code { "lock.yaml" } " has it with included files, overrides and defaults." }
    })
}

pub(super) fn section(figures: &Figures) -> Option<Markup> {
    let environment = &figures.environment;
    let mut rows: Vec<Vec<Markup>> = Vec::new();
    let mut row = |what: String, value: &str| rows.push(vec![html! { (what) }, html! { code { (value) } }]);
    row("digest of the run".into(), &figures.digest);
    row("the digest holds".into(), &environment.digest_holds);
    row("seed".into(), &environment.seed.to_string());
    for (name, version) in &environment.versions {
        row(name.replace('_', " "), version);
    }
    row("device".into(), &environment.device);
    if let Some(name) = &environment.device_name {
        row("device's name".into(), name);
    }
    if let Some(space) = &environment.space {
        row("space".into(), space);
    }
    for (name, digest) in &environment.data {
        row(format!("data: {name}"), digest);
    }
    for (name, digest) in &environment.plugins {
        row(format!("strategy: {name}"), digest);
    }
    Some(table(&["what", "version or digest"], &rows))
}
