//! What is wrong with a table's description beyond single values.

use crate::diagnostic::Problem;
use crate::tree::{Node, push_token};

/// Checks a description at a pointer.
pub(super) fn check(table: &Node, at: &str, problems: &mut Vec<Problem>) {
    if table.entries().is_empty() {
        return;
    }
    if table.get("file").is_none() && table.get("from").is_none() {
        problems.push(
            Problem::error(at, "incomplete-table", "the table names no `file`")
                .at_key()
                .help("write `file: PATH` with a CSV or Parquet file, or `from: FILE` with a description"),
        );
    }
    let curve = table.at("/fidelities/curve");
    let has_some = |key: &str| table.get(key).is_some_and(|node| !node.entries().is_empty());
    if !has_some("metrics") && !has_some("devices") && curve.is_none() && table.get("from").is_none() {
        problems.push(
            Problem::error(at, "incomplete-table", "the table has no `metrics`")
                .at_key()
                .help("name a column for each, such as `metrics: {accuracy: val_acc}`"),
        );
    }
    maps_of_cells(table, at, &["metrics"], problems);
    maps_of_cells(table, at, &["proxies", "scores"], problems);
    maps_of_cells(table, at, &["fidelities", "curve", "metrics"], problems);
    cells(table.get("cost"), &format!("{at}/cost"), problems);
    for device in table.get("devices").map_or(&[][..], Node::entries) {
        maps_of_cells(table, at, &["devices", &device.key], problems);
    }
    if let Some(metrics) = curve.and_then(|curve| curve.get("metrics")) {
        for entry in metrics.entries() {
            let mut pointer = format!("{at}/fidelities/curve/metrics");
            push_token(&mut pointer, &entry.key);
            placeholders(&entry.value, &pointer, problems);
        }
    }
    for kind in ["scaled", "full"] {
        levels(table, kind, at, problems);
    }
}

fn levels(table: &Node, kind: &str, at: &str, problems: &mut Vec<Problem>) {
    let items = table.get("fidelities").and_then(|node| node.get(kind)).map_or(&[][..], Node::items);
    let mut seen: Vec<f64> = Vec::new();
    for (index, level) in items.iter().enumerate() {
        let base = format!("{at}/fidelities/{kind}/{index}");
        if let Some(share) = level.get("share").and_then(Node::as_f64) {
            if seen.contains(&share) {
                let message = format!("fidelity {share} is described already");
                problems.push(Problem::error(format!("{base}/share"), "duplicate-fidelity", message));
            }
            seen.push(share);
        }
        cells(level.get("cost"), &format!("{base}/cost"), problems);
        for entry in level.get("metrics").map_or(&[][..], Node::entries) {
            let mut pointer = format!("{base}/metrics");
            push_token(&mut pointer, &entry.key);
            if table.get("metrics").is_none_or(|metrics| metrics.get(&entry.key).is_none()) {
                let message = format!("`{}` is no metric of a full evaluation", entry.key);
                problems.push(
                    Problem::error(pointer.as_str(), "unknown-metric", message)
                        .at_key()
                        .help("name it below `metrics` too: the highest fidelity has every metric"),
                );
            }
            cells(Some(&entry.value), &pointer, problems);
        }
    }
}

fn maps_of_cells(table: &Node, at: &str, path: &[&str], problems: &mut Vec<Problem>) {
    let Some(node) = path.iter().try_fold(table, |node, key| node.get(key)) else { return };
    let mut base = at.to_owned();
    path.iter().for_each(|key| push_token(&mut base, key));
    for entry in node.entries() {
        let mut pointer = base.clone();
        push_token(&mut pointer, &entry.key);
        cells(Some(&entry.value), &pointer, problems);
    }
}

/// A mapping names one column or one a seed.
fn cells(node: Option<&Node>, pointer: &str, problems: &mut Vec<Problem>) {
    let Some(node) = node.filter(|node| !node.entries().is_empty()) else { return };
    let seeds = node.get("seeds").is_some_and(|seeds| !seeds.items().is_empty());
    let message = match (node.get("column").is_some(), seeds) {
        (true, true) => "`column` and `seeds` are both given",
        (false, false) => "no column is named",
        _ => return,
    };
    problems.push(
        Problem::error(pointer, "column-or-seeds", message)
            .at_key()
            .help("write `column: NAME`, or `seeds: [NAME, …]` with one column a training seed"),
    );
}

/// The columns of a curve say where the epoch stands in them.
fn placeholders(node: &Node, pointer: &str, problems: &mut Vec<Problem>) {
    let seeds = node.get("seeds").map_or(&[][..], Node::items).iter().enumerate();
    let columns = [(String::new(), Some(node)), ("/column".to_owned(), node.get("column"))]
        .into_iter()
        .chain(seeds.map(|(index, node)| (format!("/seeds/{index}"), Some(node))));
    for (key, column) in columns {
        if let Some(name) = column.and_then(Node::as_str).filter(|name| !name.contains("{epoch}")) {
            problems.push(
                Problem::error(format!("{pointer}{key}"), "curve-without-epoch", format!("`{name}` is one column"))
                    .help("write `{epoch}` where the number of the epoch stands in the columns' names"),
            );
        }
    }
}
