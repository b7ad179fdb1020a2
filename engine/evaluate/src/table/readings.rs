//! Which numbers of a row are which metric, at which fidelity.

use super::TableError;
use super::sheets::{Place, Sheets};
use indexmap::IndexSet;
use pleach_spec::{Cells, TableFidelities, push_token};

/// A value of a row: one number, or one a seed.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Reading {
    /// Places among the numbers of a row.
    pub places: Vec<u32>,
    pub scale: f64,
}

/// The results at one fidelity.
#[derive(Debug, Clone)]
pub(super) struct Level {
    pub share: f64,
    /// One a metric of the table; none where this fidelity lacks it.
    pub metrics: Vec<Option<Reading>>,
    /// What it costs; without it, the share of a full evaluation's cost.
    pub cost: Option<Reading>,
}

/// All numbers that are read of each row, and what they are.
#[derive(Debug, Default)]
pub(super) struct Readings {
    /// The columns of numbers, each once.
    pub columns: IndexSet<Place>,
    /// Rising; the last is a full evaluation.
    pub levels: Vec<Level>,
    /// One a score.
    pub scores: Vec<Reading>,
}

impl Readings {
    /// Looks every column up; what is missing is added to `errors`.
    pub fn of(table: &pleach_spec::Table, sheets: &Sheets, at: &str, errors: &mut Vec<TableError>) -> Readings {
        let mut readings = Readings::default();
        let names = table.all_metrics();
        let mut full: Vec<Option<Reading>> = Vec::with_capacity(names.len());
        let below = |base: &str, name: &str| {
            let mut pointer = format!("{at}/{base}");
            push_token(&mut pointer, name);
            pointer
        };
        let curve = match &table.fidelities {
            Some(TableFidelities::Curve(curve)) => Some(curve),
            _ => None,
        };
        let devices = table
            .devices
            .iter()
            .flat_map(|(device, metrics)| metrics.keys().map(move |name| (format!("{name}({device})"), device, name)));
        let devices: Vec<(String, String)> = devices
            .map(|(metric, device, name)| (metric, below(&below("devices", device)[at.len() + 1..], name)))
            .collect();
        for (name, cells) in &names {
            let device = devices.iter().find(|(metric, _)| metric == name);
            let reading = match (device, curve.and_then(|curve| Some((curve, curve.metrics.get(name)?)))) {
                (Some((_, pointer)), _) => readings.reading(cells, None, sheets, pointer, errors),
                (None, Some((curve, cells))) => {
                    let pointer = below("fidelities/curve/metrics", name);
                    readings.reading(&at_epoch(cells, curve.epochs), cells.scale(), sheets, &pointer, errors)
                }
                (None, None) => readings.reading(cells, None, sheets, &below("metrics", name), errors),
            };
            full.push(Some(reading));
        }
        // What was measured on devices is the same at every fidelity.
        let of_level = |name: &String, place: usize, own: Option<Reading>| {
            own.or_else(|| devices.iter().any(|(metric, _)| metric == name).then(|| full[place].clone()).flatten())
        };
        match &table.fidelities {
            None => {}
            Some(TableFidelities::Scaled(levels) | TableFidelities::Full(levels)) => {
                let kind = if table.resumes() { "full" } else { "scaled" };
                for (index, level) in levels.iter().enumerate() {
                    let base = format!("fidelities/{kind}/{index}");
                    let mut metrics = Vec::with_capacity(names.len());
                    for (place, (name, cells)) in names.iter().enumerate() {
                        let own = level.metrics.get(name).map(|own| {
                            let pointer = below(&format!("{base}/metrics"), name);
                            readings.reading(own, cells.scale(), sheets, &pointer, errors)
                        });
                        metrics.push(of_level(name, place, own));
                    }
                    let cost = level.cost.as_ref().map(|cost| {
                        let scale = table.cost.as_ref().and_then(Cells::scale);
                        readings.reading(cost, scale, sheets, &format!("{at}/{base}/cost"), errors)
                    });
                    readings.levels.push(Level { share: level.share, metrics, cost });
                }
            }
            Some(TableFidelities::Curve(curve)) => {
                for epoch in 1..curve.epochs {
                    let mut metrics = Vec::with_capacity(names.len());
                    for (place, name) in names.keys().enumerate() {
                        let own = curve.metrics.get(name).map(|cells| {
                            let pointer = below("fidelities/curve/metrics", name);
                            readings.reading(&at_epoch(cells, epoch), cells.scale(), sheets, &pointer, errors)
                        });
                        metrics.push(of_level(name, place, own));
                    }
                    let share = f64::from(epoch) / f64::from(curve.epochs);
                    readings.levels.push(Level { share, metrics, cost: None });
                }
            }
        }
        readings.levels.sort_by(|a, b| a.share.total_cmp(&b.share));
        let cost = table.cost.as_ref().map(|cost| readings.reading(cost, None, sheets, &format!("{at}/cost"), errors));
        readings.levels.push(Level { share: 1.0, metrics: full, cost });
        for (name, cells) in table.proxies.iter().flat_map(|proxies| &proxies.scores) {
            let score = readings.reading(cells, None, sheets, &below("proxies/scores", name), errors);
            readings.scores.push(score);
        }
        readings
    }

    fn reading(
        &mut self,
        cells: &Cells,
        scale: Option<f64>,
        sheets: &Sheets,
        pointer: &str,
        errors: &mut Vec<TableError>,
    ) -> Reading {
        let mut places = Vec::new();
        for (column, key) in cells.columns().into_iter().zip(cells.pointers()) {
            match sheets.place(column, &format!("{pointer}{key}")) {
                Ok(place) => places.push(self.columns.insert_full(place).0 as u32),
                Err(error) => errors.push(error),
            }
        }
        Reading { places, scale: cells.scale().or(scale).unwrap_or(1.0) }
    }
}

/// The cells of a curve at one epoch.
fn at_epoch(cells: &Cells, epoch: u32) -> Cells {
    let put = |name: &String| name.replace("{epoch}", &epoch.to_string());
    match cells {
        Cells::Column(column) => Cells::Column(put(column)),
        Cells::Described(cells) => Cells::Described(pleach_spec::DescribedCells {
            column: cells.column.as_ref().map(put),
            seeds: cells.seeds.iter().map(put).collect(),
            ..cells.clone()
        }),
    }
}
