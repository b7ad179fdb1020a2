//! Networks as graphs, cut to pieces that a page can hold.

use super::graph::{Boxed, Line, graph};
use super::{short_path, table};
use crate::figures::{Block, DrawnNetwork, Figures};
use crate::words::{brief, number};
use maud::{Markup, html};

/// A piece has about so many blocks,
const WISHED: usize = 9;
/// at least so many,
const LEAST: usize = 5;
/// and at most so many.
const MOST: usize = 40;

pub(super) fn section(figures: &Figures) -> Option<Markup> {
    let networks = &figures.networks;
    (!networks.is_empty()).then(|| html! {
        div class="networks" { @for (index, network) in networks.iter().enumerate() { (card(figures, network, index < 4)) } }
        p class="minor" {
            "What was trained: the canonical form, without operations that change nothing; a sum takes an earlier one whose terms it has. Shapes are channels × height × width of one \
             example; parameters and multiply-adds of a block stand where it has any."
        }
    })
}

fn card(figures: &Figures, network: &DrawnNetwork, open: bool) -> Markup {
    let costs = network.costs;
    let measured: Vec<String> = figures
        .objectives
        .iter()
        .filter_map(|goal| Some(format!("{} {}", goal.metric, number(*network.metrics.get(&goal.metric)?))))
        .collect();
    let decisions: Vec<Vec<Markup>> = network
        .decisions
        .iter()
        .map(|(path, value)| vec![html! { code { (short_path(path)) } }, html! { (value) }])
        .collect();
    let counts =
        [("parameters", costs.parameters, costs.live_parameters), ("multiply-adds", costs.flops, costs.live_flops)];
    let pieces = pieces(&network.blocks);
    html! {
        details class={ "network" @if pieces.len() > 1 { " wide" } } open=[open.then_some("open")] {
            summary { strong { (network.roles.join(", ")) } @if !measured.is_empty() { " · " (measured.join(", ")) } }
            p {
                @for (name, declared, live) in counts {
                    (number(declared as f64)) " " (name) @if live != declared { " (" (number(live as f64)) " of them alive)" } ", "
                }
                (brief(costs.activation_bytes as f64)) "B of activations an example."
            }
            @if !decisions.is_empty() {
                details { summary { (decisions.len()) " decisions" } (table(&["decision", "value"], &decisions)) }
            }
            div class="pieces" { @for piece in pieces { (drawn(network, piece)) } }
        }
    }
}

/// Cuts a list of blocks where as few edges as can be lead from before to after.
fn pieces(blocks: &[Block]) -> Vec<std::ops::Range<usize>> {
    let mut pieces = Vec::new();
    let mut from = 0;
    while blocks.len() - from > WISHED + LEAST {
        let last = (from + MOST).min(blocks.len() - LEAST);
        let crossing = |place: usize| {
            let mut sources: Vec<usize> = blocks[place..]
                .iter()
                .flat_map(|block| &block.inputs)
                .copied()
                .filter(|source| *source < place)
                .collect();
            sources.sort_unstable();
            sources.dedup();
            sources.len()
        };
        let best = (from + LEAST..=last).min_by_key(|place| (crossing(*place), (from + WISHED).abs_diff(*place)));
        let Some(to) = best else { break };
        pieces.push(from..to);
        from = to;
    }
    pieces.push(from..blocks.len());
    pieces
}

fn drawn(network: &DrawnNetwork, piece: std::ops::Range<usize>) -> Markup {
    let blocks = &network.blocks;
    // What comes from earlier pieces stands at the top.
    let mut before: Vec<usize> = blocks[piece.clone()]
        .iter()
        .flat_map(|block| &block.inputs)
        .copied()
        .filter(|input| *input < piece.start)
        .collect();
    before.sort_unstable();
    before.dedup();
    let mut boxes: Vec<Boxed> = before
        .iter()
        .map(|source| Boxed {
            class: "stub".into(),
            lines: vec![format!("from {source}"), shape(&blocks[*source].shape)],
            title: blocks[*source].operations.join(", "),
        })
        .collect();
    boxes.extend(piece.clone().map(|index| boxed(index, &blocks[index])));
    let place = |block: usize| match before.iter().position(|source| *source == block) {
        Some(place) => place,
        None => before.len() + block - piece.start,
    };
    let mut lines = Vec::new();
    for index in piece.clone() {
        for input in &blocks[index].inputs {
            lines.push(Line { from: place(*input), to: place(index), title: shape(&blocks[*input].shape) });
        }
    }
    let title = format!("Blocks {} to {} of {}", piece.start, piece.end - 1, network.roles.join(", "));
    html! { div class="scroll piece" { (graph(&title, &boxes, &lines, false)) } }
}

fn shape(shape: &str) -> String {
    shape.replace('x', "×")
}

fn boxed(index: usize, block: &Block) -> Boxed {
    let main = block.operations.get(block.main).map_or("", String::as_str);
    let mut lines = vec![format!("{index} · {main}")];
    // What follows; where something comes before, all of it in its order.
    let short = |operation: &String| operation.split(',').next().unwrap_or_default().to_owned();
    let others: Vec<String> = match block.main {
        0 => block.operations[1..].iter().map(short).collect(),
        _ => block.operations.iter().map(short).collect(),
    };
    if !others.is_empty() {
        lines.push(others.join(if block.main == 0 { ", " } else { " → " }));
    }
    let mut size = shape(&block.shape);
    if block.parameters > 0 {
        size.push_str(&format!(" · {} parameters", brief(block.parameters as f64)));
    }
    lines.push(size);
    let mut title = format!("{}: {}, output {}", block.path, block.operations.join(", "), shape(&block.shape));
    if block.flops > 0 {
        title.push_str(&format!(", {} multiply-adds", number(block.flops as f64)));
    }
    let kind = match main {
        "input" => "data",
        _ if block.output => "data",
        _ if block.parameters > 0 => "learned",
        _ => "plain",
    };
    Boxed { class: kind.into(), lines, title }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chain(length: usize, skip: usize) -> Vec<Block> {
        (0..length)
            .map(|index| {
                let mut inputs: Vec<usize> = index.checked_sub(1).into_iter().collect();
                // A sum that takes what was `skip` blocks before.
                if index > 0 && index % skip == 0 {
                    inputs.push(index - skip);
                }
                Block {
                    operations: vec!["conv".into()],
                    main: 0,
                    path: String::new(),
                    inputs,
                    shape: "8x4x4".into(),
                    parameters: 1,
                    flops: 1,
                    output: index + 1 == length,
                }
            })
            .collect()
    }

    #[test]
    fn long_networks_are_cut_where_one_edge_crosses() {
        let blocks = chain(60, 4);
        let pieces = pieces(&blocks);
        assert!(pieces.len() > 3);
        assert_eq!((pieces[0].start, pieces.last().unwrap().end), (0, 60));
        for pair in pieces.windows(2) {
            assert_eq!(pair[0].end, pair[1].start);
            // After a sum only the sum itself goes on.
            assert_eq!(pair[0].end % 4, 1, "{pieces:?}");
            assert!(pair[0].len() <= MOST);
        }
    }

    #[test]
    fn a_short_network_is_one_piece() {
        assert_eq!(pieces(&chain(9, 4)), std::iter::once(0..9).collect::<Vec<_>>());
        assert_eq!(pieces(&[]), std::iter::once(0..0).collect::<Vec<_>>());
    }
}
