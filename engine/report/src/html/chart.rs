//! Charts as SVG: axes and grid by `plotters`, marks by the caller, colours by the page's style.

use crate::words::brief;
use maud::{Markup, PreEscaped, html};
use plotters::coord::ranged1d::{Ranged, ValueFormatter};
use plotters::prelude::*;

/// Whole pixels of the plotting library are parts of a pixel of the page, so that curves are smooth.
const SCALE: u32 = 4;

/// An axis.
#[derive(Debug, Clone)]
pub(crate) struct Axis {
    pub label: String,
    pub from: f64,
    pub to: f64,
    pub log: bool,
}

impl Axis {
    /// Around values, with a little room; logarithmic where `log` is wished and all are above 0 and far apart.
    pub fn around(label: &str, values: impl Iterator<Item = f64>, log: bool) -> Axis {
        let (mut from, mut to) = (f64::INFINITY, f64::NEG_INFINITY);
        for value in values.filter(|value| value.is_finite()) {
            (from, to) = (from.min(value), to.max(value));
        }
        if from > to {
            (from, to) = (0.0, 1.0);
        }
        let log = log && from > 0.0 && to / from > 20.0;
        if log {
            (from, to) = (from / 1.2, to * 1.2);
        } else {
            let room = if from == to { from.abs().max(1.0) * 0.05 } else { (to - from) * 0.05 };
            (from, to) = (from - room, to + room);
        }
        Axis { label: label.to_owned(), from, to, log }
    }

    /// From 0, or from the first value where that is far from 0.
    pub fn upwards(label: &str, values: impl Iterator<Item = f64>) -> Axis {
        let mut axis = Axis::around(label, values, false);
        axis.from = axis.from.max(0.0);
        axis
    }
}

/// Where a point lies in the drawing.
pub(crate) type Place<'p> = dyn Fn(f64, f64) -> (i32, i32) + 'p;

/// A chart of a size in pixels, with marks.
pub(crate) fn chart(title: &str, size: (u32, u32), x: &Axis, y: &Axis, marks: impl Fn(&Place<'_>) -> Markup) -> Markup {
    let (width, height) = (size.0 * SCALE, size.1 * SCALE);
    let mut drawing = String::new();
    let drawn = {
        let area = SVGBackend::with_string(&mut drawing, (width, height)).into_drawing_area();
        let mut builder = ChartBuilder::on(&area);
        builder.margin(6 * SCALE).margin_right(14 * SCALE);
        builder.x_label_area_size(38 * SCALE).y_label_area_size(54 * SCALE);
        match (x.log, y.log) {
            (false, false) => {
                builder.build_cartesian_2d(x.from..x.to, y.from..y.to).map(|chart| fill(chart, x, y, &marks))
            }
            (true, false) => builder
                .build_cartesian_2d((x.from..x.to).log_scale(), y.from..y.to)
                .map(|chart| fill(chart, x, y, &marks)),
            (false, true) => builder
                .build_cartesian_2d(x.from..x.to, (y.from..y.to).log_scale())
                .map(|chart| fill(chart, x, y, &marks)),
            (true, true) => builder
                .build_cartesian_2d((x.from..x.to).log_scale(), (y.from..y.to).log_scale())
                .map(|chart| fill(chart, x, y, &marks)),
        }
    };
    // Writing to a string does not fail.
    let marks = drawn.unwrap_or_default();
    let inside =
        drawing.split_once('>').and_then(|(_, rest)| rest.rsplit_once("</svg>")).map_or("", |(inside, _)| inside);
    html! {
        svg class="plot" viewBox={ "0 0 " (width) " " (height) } role="img" aria-label=(title) {
            g class="axes" { (PreEscaped(inside)) }
            (marks)
        }
    }
}

fn fill<X, Y>(
    mut chart: ChartContext<'_, SVGBackend<'_>, Cartesian2d<X, Y>>,
    x: &Axis,
    y: &Axis,
    marks: &impl Fn(&Place<'_>) -> Markup,
) -> Markup
where
    X: Ranged<ValueType = f64> + ValueFormatter<f64>,
    Y: Ranged<ValueType = f64> + ValueFormatter<f64>,
{
    let label = ("sans-serif", (11 * SCALE) as i32).into_font();
    let mut mesh = chart.configure_mesh();
    mesh.x_labels(6).y_labels(6).x_desc(x.label.as_str()).y_desc(y.label.as_str());
    mesh.x_label_formatter(&|value| brief(*value)).y_label_formatter(&|value| brief(*value));
    mesh.label_style(label.clone()).axis_desc_style(label);
    mesh.light_line_style(TRANSPARENT).bold_line_style(BLACK.mix(0.12).stroke_width(SCALE));
    mesh.axis_style(BLACK.mix(0.5).stroke_width(SCALE));
    mesh.set_all_tick_mark_size(4 * SCALE);
    let _ = mesh.draw();
    marks(&|x, y| chart.backend_coord(&(x, y)))
}

/// A line through points.
pub(crate) fn line(place: &Place<'_>, points: impl Iterator<Item = (f64, f64)>) -> String {
    joined(points.map(|(x, y)| place(x, y)))
}

/// A line that stays at a value until the next.
pub(crate) fn steps(place: &Place<'_>, points: &[(f64, f64)]) -> String {
    let mut all = Vec::with_capacity(2 * points.len());
    for (index, &(x, y)) in points.iter().enumerate() {
        if index > 0 {
            all.push(place(x, points[index - 1].1));
        }
        all.push(place(x, y));
    }
    joined(all.into_iter())
}

/// The commands of a path, relative ones since they are shorter.
fn joined(points: impl Iterator<Item = (i32, i32)>) -> String {
    let mut path = String::new();
    let mut last: Option<(i32, i32)> = None;
    for (x, y) in points {
        match last {
            None => path.push_str(&format!("M{x} {y}")),
            Some((a, b)) => {
                let letter = if path.contains('l') { " " } else { "l" };
                path.push_str(&format!("{letter}{} {}", x - a, y - b));
            }
        }
        last = Some((x, y));
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_lie_where_the_axes_say() {
        let x = Axis { label: "x & <y>".into(), from: 0.0, to: 10.0, log: false };
        let y = Axis { label: "y".into(), from: 1.0, to: 1000.0, log: true };
        let markup = chart("t", (400, 300), &x, &y, |place| {
            let (left, bottom) = place(0.0, 1.0);
            let (right, top) = place(10.0, 1000.0);
            assert!(left < right && top < bottom);
            let (middle, third) = place(5.0, 10.0);
            assert!((middle - (left + right) / 2).abs() <= 1);
            assert!((third - (bottom + (top - bottom) / 3)).abs() <= 1, "logarithmic");
            html! { path d=(line(place, [(0.0, 1.0), (5.0, 10.0), (10.0, 1000.0)].into_iter())) {} }
        });
        let text = markup.into_string();
        roxmltree::Document::parse(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
        assert!(text.contains("x &amp; &lt;y&gt;"));
    }

    #[test]
    fn paths_are_relative() {
        assert_eq!(joined([(1, 2), (3, 5), (3, 4)].into_iter()), "M1 2l2 3 0 -1");
    }
}
