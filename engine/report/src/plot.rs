//! Curves as an SVG file of its own.

use crate::html::chart::{Axis, chart, line};
use maud::html;

/// A curve.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    /// What it shows.
    pub name: String,
    /// Its points, x rising.
    pub points: Vec<(f64, f64)>,
}

/// Colours that differ also for the colour-blind (Okabe and Ito, "Color universal design", 2008), then by lightness.
const COLOURS: [&str; 12] = [
    "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000", "#7f7f00", "#5e3c99", "#8c510a",
    "#999999", "#01665e",
];

/// Curves with axes and a legend, the vertical one logarithmic where `log` and the values allow it. On it, what is 0 lies at the lower
/// edge.
pub fn curves(title: &str, x: &str, y: &str, log: bool, series: &[Series]) -> String {
    let points = || series.iter().flat_map(|series| &series.points);
    let horizontal = Axis::upwards(x, points().map(|(x, _)| *x));
    let positive = |value: &f64| !log || *value > 0.0;
    let vertical = Axis::around(y, points().map(|(_, y)| *y).filter(positive), log);
    let (width, height, row) = (640, 400, 18);
    let markup = chart(title, (width, height), &horizontal, &vertical, |place| {
        html! {
            @for (index, series) in series.iter().enumerate() {
                @let points = series.points.iter().map(|(x, y)| (*x, y.clamp(vertical.from, vertical.to)));
                path d=(line(place, points)) fill="none" stroke=(COLOURS[index % COLOURS.len()]) stroke-width="6" {
                    title { (series.name) }
                }
            }
        }
    });
    let whole = height + 12 + row * series.len() as u32;
    let page = html! {
        svg xmlns="http://www.w3.org/2000/svg" width=(width) height=(whole) viewBox={ "0 0 " (width) " " (whole) } font-family="sans-serif" {
            title { (title) }
            rect width="100%" height="100%" fill="#ffffff" {}
            svg width=(width) height=(height) { (markup) }
            @for (index, series) in series.iter().enumerate() {
                @let middle = height + 12 + row * index as u32;
                line x1="60" x2="84" y1=(middle) y2=(middle) stroke=(COLOURS[index % COLOURS.len()]) stroke-width="2" {}
                text x="92" y=(middle + 4) font-size="12" { (series.name) }
            }
        }
    };
    page.into_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn curves_are_a_drawing_with_names() {
        let series = |name: &str, last: f64| Series { name: name.into(), points: vec![(0.0, 9.0), (10.0, last)] };
        let text = curves("a & b", "evaluations", "regret", true, &[series("<one>", 0.1), series("two", 0.0)]);
        let document = roxmltree::Document::parse(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
        let names = document
            .descendants()
            .filter(|node| node.has_tag_name("text"))
            .filter_map(|node| Some(node.text()?.trim()));
        let names: Vec<&str> = names.collect();
        assert!(names.contains(&"<one>") && names.contains(&"two") && names.contains(&"evaluations"), "{names:?}");
        assert!(!text.contains("NaN") && !text.contains("inf"), "{text}");
    }
}
