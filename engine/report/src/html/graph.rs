//! Graphs of boxes: placed by `layout-rs`, drawn as SVG.

use layout::core::base::Orientation;
use layout::core::format::{ClipHandle, RenderBackend};
use layout::core::geometry::{Point, Position};
use layout::core::style::StyleAttr;
use layout::std_shapes::shapes::{Arrow, Element, ShapeKind};
use layout::topo::layout::VisualGraph;
use maud::{Markup, html};

/// A box with lines of text.
#[derive(Debug, Clone)]
pub(super) struct Boxed {
    /// What the style calls it.
    pub class: String,
    /// Its lines, the first one prominent.
    pub lines: Vec<String>,
    /// What is told of it where a pointer rests.
    pub title: String,
}

/// An edge between boxes by index, with what stands beside it where a pointer rests.
#[derive(Debug, Clone)]
pub(super) struct Line {
    pub from: usize,
    pub to: usize,
    pub title: String,
}

const LINE: f64 = 15.0;

impl Boxed {
    fn size(&self) -> (f64, f64) {
        let longest = self.lines.iter().map(|line| line.chars().count()).max().unwrap_or_default();
        (16.0 + 6.7 * longest.max(4) as f64, 10.0 + LINE * self.lines.len() as f64)
    }
}

/// What the layout draws, kept as paths; its boxes are not used.
#[derive(Debug, Default)]
struct Paths {
    /// The edge's number and its path.
    paths: Vec<(usize, String)>,
    far: (f64, f64),
}

impl Paths {
    fn point(&mut self, point: Point) -> String {
        self.far = (self.far.0.max(point.x), self.far.1.max(point.y));
        format!("{:.1} {:.1}", point.x, point.y)
    }
}

impl RenderBackend for Paths {
    fn draw_rect(&mut self, _: Point, _: Point, _: &StyleAttr, _: Option<String>, _: Option<ClipHandle>) {}

    fn draw_line(&mut self, _: Point, _: Point, _: &StyleAttr, _: Option<String>) {}

    fn draw_circle(&mut self, _: Point, _: Point, _: &StyleAttr, _: Option<String>) {}

    fn draw_text(&mut self, _: Point, _: &str, _: &StyleAttr) {}

    fn draw_arrow(
        &mut self,
        path: &[(Point, Point)],
        _: bool,
        _: (bool, bool),
        _: &StyleAttr,
        properties: Option<String>,
        _: &str,
    ) {
        // Pairs of a place and the control point beside it, as the layout's own SVG has them.
        let mut text = String::new();
        for (index, (place, control)) in path.iter().enumerate() {
            let (place, control) = (self.point(*place), self.point(*control));
            match index {
                0 => text.push_str(&format!("M{place}C{control}")),
                1 => text.push_str(&format!(" {place} {control}")),
                _ => text.push_str(&format!("S{place} {control}")),
            }
        }
        if let Some(edge) = properties.and_then(|properties| properties.parse().ok()) {
            self.paths.push((edge, text));
        }
    }

    fn create_clip(&mut self, _: Point, _: Point, _: usize) -> ClipHandle {
        0
    }
}

/// Draws a graph without circles from top to bottom, or from left to right.
pub(super) fn graph(title: &str, boxes: &[Boxed], lines: &[Line], across: bool) -> Markup {
    let orientation = if across { Orientation::LeftToRight } else { Orientation::TopToBottom };
    let mut layout = VisualGraph::new(orientation);
    let handles: Vec<_> = boxes
        .iter()
        .map(|one| {
            let (width, height) = one.size();
            let halo = if across { Point::new(34.0, 14.0) } else { Point::new(16.0, 26.0) };
            layout.add_node(Element {
                shape: ShapeKind::new_box(""),
                look: StyleAttr::simple(),
                orientation,
                pos: Position::new(Point::zero(), Point::new(width, height), Point::zero(), halo),
                properties: None,
            })
        })
        .collect();
    for (edge, line) in lines.iter().enumerate() {
        // The first of several between the same boxes stands for all.
        if !lines[..edge].iter().any(|other| (other.from, other.to) == (line.from, line.to)) {
            layout.add_edge(Arrow::simple_with_properties("", edge.to_string()), handles[line.from], handles[line.to]);
        }
    }
    let mut paths = Paths::default();
    layout.do_it(false, false, false, &mut paths);
    let placed: Vec<(f64, f64)> = handles
        .iter()
        .map(|handle| {
            let (from, to) = layout.pos(*handle).bbox(false);
            paths.far = (paths.far.0.max(to.x), paths.far.1.max(to.y));
            (from.x, from.y)
        })
        .collect();
    let near = placed.iter().fold((f64::INFINITY, f64::INFINITY), |(x, y), place| (x.min(place.0), y.min(place.1)));
    let near = if placed.is_empty() { (0.0, 0.0) } else { near };
    let (width, height) = (paths.far.0 - near.0 + 8.0, paths.far.1 - near.1 + 8.0);
    html! {
        svg class="graph" width={ (format!("{width:.0}")) } height={ (format!("{height:.0}")) }
            viewBox={ (format!("{:.1} {:.1} {width:.1} {height:.1}", near.0 - 4.0, near.1 - 4.0)) } role="img" aria-label=(title) {
            @for (edge, path) in &paths.paths {
                path class="edge" d=(path) marker-end="url(#arrow)" { title { (lines[*edge].title) } }
            }
            @for (one, (x, y)) in boxes.iter().zip(placed) {
                @let (width, height) = one.size();
                g class={ "box " (one.class) } {
                    title { (one.title) }
                    rect x={ (format!("{x:.1}")) } y={ (format!("{y:.1}")) } width={ (format!("{width:.1}")) } height={ (format!("{height:.1}")) } rx="5" {}
                    @for (number, line) in one.lines.iter().enumerate() {
                        text x={ (format!("{:.1}", x + width / 2.0)) } y={ (format!("{:.1}", y + 16.0 + LINE * number as f64)) }
                            class=[(number > 0).then_some("minor")] { (line) }
                    }
                }
            }
        }
    }
}

/// The head of arrows, once a page.
pub(super) fn arrow_head() -> Markup {
    html! {
        svg width="0" height="0" class="hidden" aria-hidden="true" {
            defs {
                marker id="arrow" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto" {
                    path class="head" d="M0 0L8 4L0 8z" {}
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn boxes_do_not_overlap_and_every_edge_is_drawn() {
        let boxed =
            |name: &str| Boxed { class: "a".into(), lines: vec![name.into(), "<8x8>".into()], title: "\"&".into() };
        let boxes: Vec<Boxed> = ["input", "conv 3×3", "conv 5×5", "add", "linear"].map(boxed).into();
        let edges = [(0, 1), (0, 2), (1, 3), (2, 3), (0, 3), (0, 3), (3, 4)];
        let lines: Vec<Line> = edges.map(|(from, to)| Line { from, to, title: String::new() }).into();
        for across in [false, true] {
            let text = graph("g", &boxes, &lines, across).into_string();
            let document = roxmltree::Document::parse(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
            let of = |node: roxmltree::Node<'_, '_>, name| node.attribute(name).unwrap().parse::<f64>().unwrap();
            let rects: Vec<[f64; 4]> = document
                .descendants()
                .filter(|node| node.has_tag_name("rect"))
                .map(|node| ["x", "y", "width", "height"].map(|name| of(node, name)))
                .collect();
            assert_eq!(rects.len(), 5);
            for (i, a) in rects.iter().enumerate() {
                for b in &rects[..i] {
                    let apart =
                        a[0] + a[2] <= b[0] || b[0] + b[2] <= a[0] || a[1] + a[3] <= b[1] || b[1] + b[3] <= a[1];
                    assert!(apart, "{a:?} {b:?}");
                }
            }
            let drawn = document.descendants().filter(|node| node.attribute("class") == Some("edge")).count();
            assert_eq!(drawn, 6, "the double edge once");
        }
    }
}
