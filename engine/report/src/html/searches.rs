//! Searches: the best so far, ranking, front, importance, lineage, learning curves.

use super::chart::{Axis, chart, line, steps};
use super::outcome::found;
use super::{legend, said, short_path, short_paths, table};
use crate::figures::{Curves, Figures, Front, FrontPoint, Goal, Importance, Lineage, Search, SearchOf};
use crate::words::{brief, counted, number};
use maud::{Markup, html};

/// Of a ranking so many are listed.
const LISTED: usize = 10;
/// More decisions are listed in one column.
const COLUMNS: usize = 8;

pub(super) fn section(figures: &Figures) -> Option<Markup> {
    let searches = &figures.searches;
    (!searches.is_empty()).then(|| html! { @for search in searches { (one(figures, search)) } })
}

fn one(figures: &Figures, search: &Search) -> Markup {
    let ranking = figures.fronts.iter().find(|front| front.step == search.step);
    html! {
        h3 { (search.step) }
        p { (found(search)) (said(search.verdict())) "." }
        div class="charts" { figure { (best_so_far(search)) (legend(&names(search))) } }
        @if let Some(front) = ranking {
            h4 { "The best " (front.points.len().min(LISTED)) " of " (counted(front.candidates as u64, "candidate")) }
            (listed(front, &mut front.points.iter().take(LISTED)))
        }
    }
}

fn names(search: &Search) -> Vec<(String, String)> {
    let name = |of: &SearchOf| match of.runs.len() {
        1 => format!("{} (a single search)", of.name),
        runs => format!("{}: mean of {runs} searches, and one deviation", of.name),
    };
    let mut names = vec![("c0".to_owned(), name(&search.strategy))];
    names.extend(search.baseline.as_ref().map(|baseline| ("c1".to_owned(), format!("baseline {}", name(baseline)))));
    names
}

fn best_so_far(search: &Search) -> Markup {
    let groups = [Some(&search.strategy), search.baseline.as_ref()];
    let groups: Vec<(usize, &SearchOf)> =
        groups.into_iter().enumerate().filter_map(|(i, group)| Some((i, group?))).collect();
    let points = || groups.iter().flat_map(|(_, group)| &group.runs).flat_map(|run| &run.best_so_far);
    let x = Axis::upwards(&search.unit, points().map(|(spent, _)| *spent).chain([0.0]));
    let y = Axis::around(
        &format!("{} so far", search.goal.metric),
        visible(search, &groups).into_iter(),
        !search.goal.maximize,
    );
    // What lies outside is drawn at the edge.
    let cut = |value: f64| value.clamp(y.from, y.to);
    chart(&format!("Best {} so far in {}", search.goal.metric, search.step), (440, 280), &x, &y, |place| {
        html! {
            @for (index, group) in &groups {
                g class={ "lines c" (index) } {
                    @if !group.band.is_empty() {
                        @let upper = group.band.iter().map(|point| (point.spent, cut(point.mean + point.deviation)));
                        @let lower = group.band.iter().rev().map(|point| (point.spent, cut(point.mean - point.deviation)));
                        path class="area" d={ (line(place, upper.chain(lower))) "z" } {}
                        path class="thick" d=(line(place, group.band.iter().map(|point| (point.spent, cut(point.mean))))) { title { (group.name) ", mean" } }
                    }
                    @for run in &group.runs {
                        @let shown: Vec<(f64, f64)> = run.best_so_far.iter().map(|(spent, best)| (*spent, cut(*best))).collect();
                        path class=(if group.runs.len() > 1 { "faint" } else { "thick" }) d=(steps(place, &shown)) {
                            title { (run.record) ", " (group.name) }
                        }
                        @if group.runs.len() == 1 {
                            @for (spent, best) in &run.best_so_far {
                                @let (x, y) = place(*spent, cut(*best));
                                circle cx=(x) cy=(y) r="12" { title { (brief(*spent)) " " (search.unit) ": " (number(*best)) } }
                            }
                        }
                    }
                }
            }
        }
    })
}

/// The values that the axis has to show: not the first few, which are often so bad that all that follows would look flat.
fn visible(search: &Search, groups: &[(usize, &SearchOf)]) -> Vec<f64> {
    let runs = groups.iter().flat_map(|(_, group)| &group.runs);
    let spread: Vec<f64> = groups
        .iter()
        .flat_map(|(_, group)| &group.band)
        .flat_map(|point| [point.mean - point.deviation, point.mean + point.deviation])
        .collect();
    let mut values: Vec<f64> = runs
        .clone()
        .flat_map(|run| {
            let end = run.best_so_far.last().map_or(0.0, |(spent, _)| *spent);
            run.best_so_far.iter().filter(move |(spent, _)| *spent >= 0.1 * end).map(|(_, best)| *best)
        })
        .collect();
    // The best that was there at that place.
    values.extend(runs.filter_map(|run| {
        let end = run.best_so_far.last().map_or(0.0, |(spent, _)| *spent);
        run.best_so_far.iter().take_while(|(spent, _)| *spent < 0.1 * end).last().map(|(_, best)| *best)
    }));
    if search.baseline.is_some() && !spread.is_empty() {
        let (low, high) = (
            values.iter().copied().fold(f64::INFINITY, f64::min),
            values.iter().copied().fold(f64::NEG_INFINITY, f64::max),
        );
        values.extend(spread.into_iter().filter(|value| (low..=high).contains(value)));
    }
    values
}

/// Candidates with their objectives and decisions.
fn listed(front: &Front, points: &mut dyn Iterator<Item = &FrontPoint>) -> Markup {
    let points: Vec<&FrontPoint> = points.collect();
    let mut decisions: Vec<&String> = Vec::new();
    for (path, _) in points.iter().flat_map(|point| &point.decisions) {
        if !decisions.contains(&path) {
            decisions.push(path);
        }
    }
    let columns = decisions.len() <= COLUMNS;
    let mut header: Vec<&str> = vec!["", points.first().map_or("trial", |point| point.called)];
    header.extend(front.goals.iter().map(|goal| goal.metric.as_str()));
    if columns {
        header.extend(short_paths(&decisions.iter().map(|path| path.as_str()).collect::<Vec<_>>()));
    } else {
        header.push("decisions");
    }
    let rows: Vec<Vec<Markup>> = points
        .iter()
        .map(|point| {
            let mut row = vec![
                html! { (point.rank) "." },
                html! { (point.id) @if point.record != front.step { span class="minor" { " of " (point.record) } } },
            ];
            row.extend(point.values.iter().map(|value| html! { (number(*value)) }));
            if columns {
                row.extend(decisions.iter().map(|path| {
                    let value = point.decisions.iter().find(|(own, _)| own == *path).map_or("", |(_, value)| value);
                    html! { (value) }
                }));
            } else {
                let values: Vec<&str> = point.decisions.iter().map(|(_, value)| value.as_str()).collect();
                row.push(html! { span class="minor wrap" { (values.join(", ")) } });
            }
            if !point.feasible {
                row[0] = html! { (point.rank) ". " span class="state failed" { "infeasible" } };
            }
            row
        })
        .collect();
    table(&header, &rows)
}

pub(super) fn fronts(figures: &Figures) -> Option<Markup> {
    let fronts: Vec<&Front> =
        figures.fronts.iter().filter(|front| front.goals.len() > 1 && front.candidates > 1).collect();
    (!fronts.is_empty()).then(|| html! {
        @for front in fronts {
            h3 { (front.step) }
            div class="charts" { @for other in 1..front.goals.len() { figure { (objectives(front, other)) } } }
            p {
                (counted(front.candidates as u64, "candidate")) ", " (front.on_front) " on the front: no other is better in one objective \
                 and as good in the others."
                @if front.points.len() < front.candidates { " Of the others " (front.points.len() - front.points.iter().filter(|point| point.front).count()) " are drawn, evenly spread over the ranking." }
            }
            (listed(front, &mut front.points.iter().filter(|point| point.front).take(40)))
        }
    })
}

/// The first objective over another one.
fn objectives(front: &Front, other: usize) -> Markup {
    let (of_x, of_y): (&Goal, &Goal) = (&front.goals[other], &front.goals[0]);
    let known: Vec<&FrontPoint> =
        front.points.iter().filter(|point| point.values[other].is_finite() && point.values[0].is_finite()).collect();
    let x = Axis::around(&of_x.metric, known.iter().map(|point| point.values[other]), true);
    let mut heights: Vec<f64> = known.iter().map(|point| point.values[0]).collect();
    heights.sort_by(f64::total_cmp);
    let y = Axis::around(&of_y.metric, heights.into_iter(), !of_y.maximize);
    let mut on: Vec<(f64, f64)> =
        known.iter().filter(|point| point.front).map(|point| (point.values[other], point.values[0])).collect();
    on.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)));
    if !of_x.maximize {
        // At most so much of one buys at least so much of the other.
        on.dedup_by(|next, before| next.0 == before.0);
    }
    let title = format!("{} over {} of {}", of_y.metric, of_x.metric, front.step);
    chart(&title, (440, 280), &x, &y, |place| {
        html! {
            g class="points" {
                @for point in known.iter().filter(|point| !point.front) {
                    @let (x, y) = place(point.values[other], point.values[0]);
                    circle class=(if point.feasible { "plain" } else { "infeasible" }) cx=(x) cy=(y) r="12" { title { (told(front, point)) } }
                }
            }
            g class="lines c0" {
                @if front.goals.len() == 2 { path class="faint" d=(steps(place, &on)) {} }
                @for point in known.iter().filter(|point| point.front) {
                    @let (x, y) = place(point.values[other], point.values[0]);
                    circle cx=(x) cy=(y) r="18" { title { (told(front, point)) } }
                }
            }
        }
    })
}

fn told(front: &Front, point: &FrontPoint) -> String {
    let values =
        front.goals.iter().zip(&point.values).map(|(goal, value)| format!("{} {}", goal.metric, number(*value)));
    let decisions = point.decisions.iter().take(12).map(|(_, value)| value.as_str());
    let decisions: Vec<&str> = decisions.collect();
    format!("{} {}: {}\n{}", point.called, point.id, values.collect::<Vec<_>>().join(", "), decisions.join(", "))
}

pub(super) fn importance(figures: &Figures) -> Option<Markup> {
    let all = &figures.importance;
    (!all.is_empty()).then(|| html! { @for step in all { (important(step)) } })
}

fn important(step: &Importance) -> Markup {
    let effects = |values: &[crate::figures::Effect]| {
        html! {
            ul class="effects" {
                @for effect in values {
                    li title={ (counted(effect.trials as u64, "trial")) ", deviation " (number(effect.deviation)) } {
                        (effect.value) ": " (number(effect.mean))
                    }
                }
            }
        }
    };
    let rows: Vec<Vec<Markup>> = step
        .decisions
        .iter()
        .map(|one| {
            vec![
                html! { code { (short_path(&one.decision)) } },
                html! {
                    span class="bar" { span style={ "width:" (format!("{:.1}", 100.0 * one.share)) "%" } {} }
                    " " (format!("{:.0} %", 100.0 * one.share))
                },
                effects(&one.effects),
            ]
        })
        .collect();
    let mean = format!("mean {} by value", step.goal.metric);
    html! {
        h3 { (step.step) }
        (table(&["decision", "share", &mean], &rows))
        p class="minor" {
            "Method: " (step.method) ", over " (counted(step.trials as u64, "trial")) " at the highest fidelity. Each decision by itself: \
             what only two together do is not seen, and a strategy that asks for some values more often than others blurs it."
        }
    }
}

pub(super) fn lineages(figures: &Figures) -> Option<Markup> {
    let all = &figures.lineages;
    (!all.is_empty()).then(|| html! { @for lineage in all { (descent(lineage)) } })
}

fn descent(lineage: &Lineage) -> Markup {
    let rows: Vec<Vec<Markup>> = lineage.ancestors.iter().map(|ancestor| {
        let changes = html! {
            @if ancestor.parents.is_empty() {
                span class="minor wrap" { "drawn: " (ancestor.changes.iter().filter_map(|change| change.to.as_deref()).take(12).collect::<Vec<_>>().join(", ")) }
            } @else if ancestor.changes.is_empty() {
                span class="minor" { "nothing changed" }
            } @else {
                ul class="effects" {
                    @for change in &ancestor.changes {
                        li {
                            code { (short_path(&change.decision)) } ": "
                            (change.from.as_deref().unwrap_or("not used")) " → " (change.to.as_deref().unwrap_or("not used"))
                        }
                    }
                }
            }
        };
        let parents: Vec<String> = ancestor.parents.iter().map(ToString::to_string).collect();
        let id = if ancestor.trial == lineage.best { html! { strong { (ancestor.trial) } } } else { html! { (ancestor.trial) } };
        vec![id, html! { (parents.join(", ")) }, html! { (ancestor.value.map_or_else(|| "–".into(), number)) }, changes]
    }).collect();
    html! {
        h3 { (lineage.step) }
        (table(&["trial", "from", &lineage.goal.metric, "what changed"], &rows))
        @if lineage.older > 0 { p class="minor" { (lineage.older) " older ancestors are left out." } }
    }
}

pub(super) fn curves(figures: &Figures) -> Option<Markup> {
    let main = |curves: &&Curves| !curves.step.contains('/');
    let (own, others): (Vec<&Curves>, Vec<&Curves>) = figures.curves.iter().partition(main);
    (!figures.curves.is_empty()).then(|| {
        html! {
            (by_step(&own))
            @if !others.is_empty() { details { summary { "Repeats and baselines" } (by_step(&others)) } }
        }
    })
}

fn by_step(all: &[&Curves]) -> Markup {
    html! {
        @for group in all.chunk_by(|a, b| a.step == b.step) {
            h3 { (group[0].step) }
            div class="charts" { @for curves in group { figure { (learning(curves)) figcaption class="minor" { (shown(curves)) } } } }
        }
    }
}

fn shown(curves: &Curves) -> String {
    match curves.curves.len() {
        shown if shown < curves.trials => {
            format!("{shown} of {} trials, evenly spread; the best in colour.", number(curves.trials as f64))
        }
        shown => format!("{}; the best in colour.", counted(shown as u64, "trial")),
    }
}

fn learning(curves: &Curves) -> Markup {
    let all = || curves.curves.iter().flat_map(|curve| &curve.points);
    let x = Axis::upwards("epoch", all().map(|(epoch, _)| f64::from(*epoch)));
    // The largest few values, of trainings that went astray, do not make the others flat.
    let mut values: Vec<f64> = all().map(|(_, value)| *value).collect();
    values.sort_by(f64::total_cmp);
    let high = values.get(values.len().saturating_sub(1) * 98 / 100).copied().unwrap_or(1.0);
    let top = values.last().copied().unwrap_or(1.0);
    let high = if top > 3.0 * high.abs() { high } else { top };
    let positive = values.first().is_some_and(|least| *least > 0.0) && !curves.metric.contains("accuracy");
    let y = Axis::around(&curves.metric, values.into_iter().filter(|value| *value <= high), positive);
    let cut = |value: f64| value.clamp(y.from, y.to);
    chart(&format!("{} by epoch in {}", curves.metric, curves.step), (440, 270), &x, &y, |place| {
        html! {
            g class="curves" {
                // The best last, so that it lies on top.
                @for best in [false, true] {
                    @for curve in curves.curves.iter().filter(|curve| curve.best == best && !curve.points.is_empty()) {
                        @let last = curve.points.last().map_or(f64::NAN, |(_, value)| *value);
                        @let points = curve.points.iter().map(|(epoch, value)| (f64::from(*epoch), cut(*value)));
                        @if curve.points.len() == 1 {
                            @let (x, y) = place(f64::from(curve.points[0].0), cut(last));
                            circle class=[best.then_some("best")] cx=(x) cy=(y) r="12" { title { (curve.title) "\nlast: " (number(last)) } }
                        } @else {
                            path class=[best.then_some("best")] d=(line(place, points)) { title { (curve.title) "\nlast: " (number(last)) } }
                        }
                    }
                }
            }
        }
    })
}
