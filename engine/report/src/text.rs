//! Figures as text for a terminal: what `pleach show` prints below steps, results, comparisons and requirements.

use crate::figures::{Curves, Figures, Front, Importance, Lineage, Search, SearchOf};
use crate::words::{brief, counted, number};
use comfy_table::{ContentArrangement, Table, TableComponent};
use std::fmt::Write;

/// The characters that a curve is made of, from low to high.
const LEVELS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
/// A curve's length in characters.
const LENGTH: usize = 40;
/// Of a list so many entries are shown.
const LISTED: usize = 8;

/// What came out of a run beyond its results: curves of the best so far, front, decisions that mattered, lineage, learning curves.
pub fn text(figures: &Figures) -> String {
    let mut out = String::new();
    for search in &figures.searches {
        searched(&mut out, search);
    }
    for front in figures.fronts.iter().filter(|front| front.goals.len() > 1 && front.candidates > 1) {
        on_front(&mut out, front);
    }
    for importance in &figures.importance {
        mattered(&mut out, importance);
    }
    for lineage in &figures.lineages {
        descended(&mut out, lineage);
    }
    learned(&mut out, &figures.curves);
    out
}

fn searched(out: &mut String, search: &Search) {
    let _ = writeln!(out, "\nSearched by {}, best {} so far:", search.step, search.goal.metric);
    let groups: Vec<&SearchOf> = [Some(&search.strategy), search.baseline.as_ref()].into_iter().flatten().collect();
    let runs = || groups.iter().flat_map(|group| &group.runs);
    let end = runs().filter_map(|run| run.best_so_far.last()).map(|(spent, _)| *spent).fold(0.0, f64::max);
    let name = |of: &SearchOf, repeat: u32| match of.runs.len() {
        1 => of.name.clone(),
        _ => format!("{} {repeat}", of.name),
    };
    let width =
        groups.iter().flat_map(|group| group.runs.iter().map(|run| name(group, run.repeat).chars().count())).max();
    let width = width.unwrap_or_default();
    // One scale for all; what came before a tenth of the budget was spent does not flatten the rest.
    let late = |points: &[(f64, f64)]| {
        at(points, end * 0.1).into_iter().chain(points.last().map(|(_, best)| *best)).collect::<Vec<f64>>()
    };
    let scale: Vec<f64> = runs().flat_map(|run| late(&run.best_so_far)).collect();
    for group in &groups {
        for run in &group.runs {
            let values = (0..LENGTH).map(|place| at(&run.best_so_far, end * (place + 1) as f64 / LENGTH as f64));
            let curve = sparkline(values, &scale);
            let best = run.best_so_far.last().map_or_else(|| "–".to_owned(), |(_, best)| number(*best));
            let _ = writeln!(out, "  {:width$}  {curve}  {best}", name(group, run.repeat));
        }
    }
    let _ = writeln!(out, "  from 0 to {} {}; {}", number(end), search.unit, search.verdict());
}

/// The best when so much was spent.
fn at(points: &[(f64, f64)], spent: f64) -> Option<f64> {
    points.iter().take_while(|(when, _)| *when <= spent).last().map(|(_, best)| *best)
}

fn on_front(out: &mut String, front: &Front) {
    let mut header = vec![front.points.first().map_or("trial", |point| point.called)];
    header.extend(front.goals.iter().map(|goal| goal.metric.as_str()));
    header.push("decisions");
    let on = || front.points.iter().filter(|point| point.front);
    let rows = on().take(LISTED).map(|point| {
        let mut row = vec![point.id.to_string()];
        row.extend(point.values.iter().map(|value| number(*value)));
        let decisions: Vec<&str> = point.decisions.iter().map(|(_, value)| value.as_str()).take(10).collect();
        row.push(decisions.join(", "));
        row
    });
    let _ = writeln!(
        out,
        "\nFront of {}, {} of {}:",
        front.step,
        front.on_front,
        counted(front.candidates as u64, "candidate")
    );
    out.push_str(&table(&header, rows));
    more(out, front.on_front);
}

fn more(out: &mut String, all: usize) {
    if all > LISTED {
        let _ = writeln!(out, "and {} more", all - LISTED);
    }
}

fn mattered(out: &mut String, importance: &Importance) {
    let rows = importance.decisions.iter().take(LISTED).map(|one| {
        let best = one.effects.iter().filter(|effect| effect.trials > 1);
        let order = |a: f64, b: f64| if importance.goal.maximize { a.total_cmp(&b) } else { b.total_cmp(&a) };
        let best = best.max_by(|a, b| order(a.mean, b.mean));
        let best = best.map_or_else(String::new, |effect| format!("{} ({})", effect.value, number(effect.mean)));
        let bar = "█".repeat((one.share * 20.0).round() as usize);
        vec![one.decision.clone(), format!("{:>3.0} % {bar}", 100.0 * one.share), best]
    });
    let _ = writeln!(
        out,
        "\nDecisions that mattered in {}, {}:",
        importance.step,
        counted(importance.trials as u64, "trial")
    );
    out.push_str(&table(&["decision", "share", &format!("{} mean", importance.goal.best())], rows));
    more(out, importance.decisions.len());
    let _ = writeln!(out, "({})", importance.method);
}

fn descended(out: &mut String, lineage: &Lineage) {
    let rows = lineage.ancestors.iter().skip(lineage.ancestors.len().saturating_sub(LISTED)).map(|ancestor| {
        let parents: Vec<String> = ancestor.parents.iter().map(ToString::to_string).collect();
        let changes = ancestor.changes.iter().take(6).map(|change| {
            let (from, to) = (change.from.as_deref(), change.to.as_deref().unwrap_or("not used"));
            match (from, ancestor.parents.is_empty()) {
                (_, true) => to.to_owned(),
                (from, false) => format!("{}: {} → {to}", change.decision, from.unwrap_or("not used")),
            }
        });
        let changes: Vec<String> = changes.collect();
        let value = ancestor.value.map_or_else(|| "–".to_owned(), number);
        vec![ancestor.trial.to_string(), parents.join(", "), value, changes.join(", ")]
    });
    let rows: Vec<Vec<String>> = rows.collect();
    let _ = writeln!(out, "\nLineage of the best of {}:", lineage.step);
    let (all, shown) = (lineage.ancestors.len() + lineage.older, rows.len());
    out.push_str(&table(&["trial", "from", &lineage.goal.metric, "what changed"], rows));
    if all > shown {
        let _ = writeln!(out, "and {} older", all - shown);
    }
}

/// The curve of each step's best, by metric.
fn learned(out: &mut String, curves: &[Curves]) {
    let rows = curves.iter().filter(|curves| !curves.step.contains('/')).filter_map(|curves| {
        let best = curves.curves.iter().find(|curve| curve.best && curve.points.len() > 1)?;
        let values: Vec<f64> = best.points.iter().map(|(_, value)| *value).collect();
        let length = values.len().min(LENGTH);
        let shown = (0..length).map(|place| Some(values[place * (values.len() - 1) / (length - 1).max(1)]));
        let (first, last) = (best.points.first()?.1, best.points.last()?);
        let text = format!("{} → {} in {} epochs", brief(first), number(last.1), last.0);
        Some(vec![curves.step.clone(), curves.metric.clone(), sparkline(shown, &values), text])
    });
    let rows: Vec<Vec<String>> = rows.collect();
    if !rows.is_empty() {
        let _ = write!(out, "\nHow the best learned:\n{}", table(&["step", "metric", "", ""], rows));
    }
}

/// A curve of characters; the scale reaches over `scale`, what lies outside is drawn at its edge, what is missing as a blank.
fn sparkline(values: impl Iterator<Item = Option<f64>>, scale: &[f64]) -> String {
    let finite = || scale.iter().copied().filter(|value| value.is_finite());
    let (low, high) = (finite().fold(f64::INFINITY, f64::min), finite().fold(f64::NEG_INFINITY, f64::max));
    let character = |value: Option<f64>| match value {
        Some(value) if value.is_finite() && high > low => {
            let place = ((value - low) / (high - low)).clamp(0.0, 1.0) * (LEVELS.len() - 1) as f64;
            LEVELS[place.round() as usize]
        }
        Some(value) if value.is_finite() => LEVELS[LEVELS.len() / 2],
        _ => ' ',
    };
    values.map(character).collect()
}

fn table(header: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let mut table = Table::new();
    table.load_preset(comfy_table::presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    table.set_style(TableComponent::HeaderLines, '─');
    table.set_header(header.iter().map(ToString::to_string).collect::<Vec<String>>());
    for row in rows {
        table.add_row(row);
    }
    table.lines().map(|line| line.trim_end().to_owned() + "\n").collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_curve_of_characters_rises_with_its_values() {
        assert_eq!(sparkline([Some(0.0), None, Some(0.5), Some(1.0), Some(9.0)].into_iter(), &[0.0, 1.0]), "▁ ▅██");
        assert_eq!(sparkline([Some(2.0)].into_iter(), &[2.0]), "▅");
    }
}
