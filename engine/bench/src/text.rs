//! Figures for people: a table a task, and a drawing of the courses.

use crate::course::Course;
use crate::figures::{Figures, Look};
use crate::task::Task;
use comfy_table::presets::UTF8_HORIZONTAL_ONLY;
use comfy_table::{CellAlignment, ContentArrangement, Table};
use pleach_report::plot::{Series, curves};
use pleach_spec::Axis;

/// So many points a curve is drawn with.
const DRAWN: usize = 200;

/// The figures of one task as a table; `others` are recorded ones of other tools.
pub fn text(task: &Task, axis: Axis, figures: &[Figures], others: &[Figures]) -> String {
    let at: Vec<f64> = figures.first().map_or(Vec::new(), |figures| figures.looks.iter().map(|look| look.at).collect());
    let what = match (task.is_several_objectives(), axis) {
        (true, Axis::Evaluations) => "share of the true front's hypervolume after so many evaluations",
        (true, Axis::Seconds) => "share of the true front's hypervolume after so many simulated seconds",
        (false, Axis::Evaluations) => "regret after so many evaluations",
        (false, Axis::Seconds) => "regret after so many simulated seconds",
    };
    let mut table = Table::new();
    table.load_preset(UTF8_HORIZONTAL_ONLY).set_content_arrangement(ContentArrangement::Disabled);
    let mut head = vec!["strategy".to_owned(), "seeds".to_owned()];
    head.extend(at.iter().map(|at| number(*at)));
    head.extend(["found", "median to it", "95 % to it", "µs each"].map(str::to_owned));
    table.set_header(head);
    for figures in figures.iter().chain(others) {
        let look = |at: &f64| {
            let look = figures.looks.iter().find(|look| look.at == *at);
            look.map_or_else(|| "–".to_owned(), cell)
        };
        let known = |value: Option<f64>| value.map_or_else(|| "–".to_owned(), number);
        let mut row = vec![figures.strategy.clone(), figures.seeds.to_string()];
        row.extend(at.iter().map(look));
        row.push(if figures.found.is_nan() { "–".to_owned() } else { format!("{:.0} %", figures.found * 100.0) });
        row.extend([known(figures.median_evaluations), known(figures.evaluations_95)]);
        row.push(if figures.microseconds.is_nan() { "–".to_owned() } else { number(figures.microseconds) });
        table.add_row(row);
    }
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    let differences = paired(figures);
    format!("{}: {what}, mean ± 95 %\n{table}\n{differences}", task.name)
}

/// What seeds allow to say of each strategy against the reference, where there is one.
fn paired(figures: &[Figures]) -> String {
    let mut text = String::new();
    for figures in figures {
        let differences = figures.looks.iter().filter_map(|look| {
            let difference = look.difference?;
            Some(format!("{} ± {} at {}", short(difference.mean), short(difference.margin), number(look.at)))
        });
        let differences: Vec<String> = differences.collect();
        if !differences.is_empty() {
            text.push_str(&format!(
                "  {} less the reference, seed by seed: {}\n",
                figures.strategy,
                differences.join(", ")
            ));
        }
    }
    text
}

fn cell(look: &Look) -> String {
    match look.margin.is_finite() {
        true => format!("{} ± {}", short(look.mean), short(look.margin)),
        false => short(look.mean),
    }
}

/// Three digits that matter.
fn short(value: f64) -> String {
    let size = value.abs();
    if size == 0.0 || !value.is_finite() {
        return value.to_string();
    }
    let digits = (2 - size.log10().floor() as i32).clamp(0, 5) as usize;
    format!("{value:.digits$}")
}

fn number(value: f64) -> String {
    if value.fract() == 0.0 { format!("{value}") } else { format!("{value:.1}") }
}

/// The means of all courses of one task as SVG.
pub fn plot(task: &Task, axis: Axis, entrants: &[(&str, &[Course])]) -> String {
    let end = |course: &Course| match axis {
        Axis::Evaluations => course.evaluations as f64,
        Axis::Seconds => course.points.last().map_or(0.0, |point| point.seconds),
    };
    let longest = entrants.iter().flat_map(|(_, courses)| courses.iter()).map(end).fold(1.0, f64::max);
    let step = match axis {
        Axis::Evaluations => (longest / DRAWN as f64).max(1.0),
        Axis::Seconds => longest / DRAWN as f64,
    };
    let places = || (0..=DRAWN).map(|place| place as f64 * step).take_while(|place| *place <= longest);
    let mean = |courses: &[Course], place: f64| {
        courses.iter().map(|course| course.at(axis, place)).sum::<f64>() / courses.len() as f64
    };
    let series: Vec<Series> = entrants
        .iter()
        .map(|(name, courses)| Series {
            name: (*name).to_owned(),
            points: places().map(|place| (place, mean(courses, place))).collect(),
        })
        .collect();
    let x = match axis {
        Axis::Evaluations => "evaluations",
        Axis::Seconds => "simulated seconds",
    };
    match task.is_several_objectives() {
        true => curves(&task.name, x, "share of the hypervolume", false, &series),
        false => curves(&task.name, x, "mean regret", true, &series),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short() {
        assert_eq!([short(0.0), short(0.0123456), short(1.23456), short(123.456)], ["0", "0.0123", "1.23", "123"]);
        assert_eq!((number(50.0), number(2.25)), ("50".to_owned(), "2.2".to_owned()));
    }
}
