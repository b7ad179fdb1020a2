//! From files to a table in memory.

use super::candidates::Candidates;
use super::merge::Merge;
use super::readings::Readings;
use super::sheets::{Sheets, path};
use super::{Table, TableError, key};
use pleach_data::Locations;
use pleach_space::{Decision, Genotype, Space};
use pleach_spec::TableFidelities;
use rayon::prelude::*;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::path::PathBuf;
use std::sync::Arc;

/// Where a description stands in an experiment.
const AT: &str = "/evaluator/table";

/// The files of a table, each with the digest of its content.
pub(super) fn digest(table: &pleach_spec::Table, locations: &Locations) -> Result<String, TableError> {
    let Some(file) = &table.file else { return Err(TableError::NoFile { pointer: AT.into() }) };
    let files = std::iter::once((file, format!("{AT}/file")))
        .chain(table.join.iter().map(|(name, join)| (&join.file, format!("{AT}/join/{name}/file"))));
    let files: Result<Vec<PathBuf>, TableError> =
        files.map(|(file, pointer)| path(file, locations, &pointer)).collect();
    digest_of(files?.iter())
}

/// That of the one file, or of the digests of several.
fn digest_of<'f>(files: impl Iterator<Item = &'f PathBuf>) -> Result<String, TableError> {
    let mut digests = Vec::new();
    for file in files {
        let wrong = |source| TableError::Sheet {
            source: pleach_data::sheet::SheetError::File { file: file.clone(), source },
            pointer: format!("{AT}/file"),
        };
        let mut hasher = blake3::Hasher::new();
        hasher.update_reader(pleach_data::open_file(file).map_err(wrong)?).map_err(wrong)?;
        digests.push(hasher.finalize().to_hex().to_string());
    }
    Ok(match digests.as_slice() {
        [one] => one.clone(),
        several => blake3::hash(several.concat().as_bytes()).to_hex().to_string(),
    })
}

/// What is looked up before rows are read.
struct Layout<'d> {
    sheets: Sheets,
    candidates: Candidates<'d>,
    readings: Readings,
}

fn layout<'d>(
    table: &pleach_spec::Table,
    locations: &Locations,
    decisions: &'d [Decision],
) -> Result<Layout<'d>, Vec<TableError>> {
    let sheets = Sheets::open(table, locations, AT)?;
    let mut errors = Vec::new();
    let readings = Readings::of(table, &sheets, AT, &mut errors);
    let candidates = Candidates::of(table, &sheets, decisions, AT, &mut errors);
    if errors.is_empty() { Ok(Layout { sheets, candidates, readings }) } else { Err(errors) }
}

impl Layout<'_> {
    fn read(&mut self, limit: usize) -> Result<(), TableError> {
        let places: Vec<_> =
            self.candidates.places().into_iter().chain(self.readings.columns.iter().copied()).collect();
        self.sheets.read(&places, limit)
    }

    /// Adds the numbers of a row.
    fn numbers(&self, row: usize, numbers: &mut Vec<f64>) -> Result<(), TableError> {
        let start = numbers.len();
        for &place in &self.readings.columns {
            let cell = self.sheets.cell(row, place);
            let number = match cell {
                pleach_data::sheet::Cell::Empty => f64::NAN,
                cell => cell.number().ok_or_else(|| self.sheets.wrong(row, place, "is no number".into()))?,
            };
            numbers.push(number);
        }
        // A full evaluation has a cost in every row, where the table has costs at all.
        for level in &self.readings.levels {
            for &place in level.cost.iter().flat_map(|cost| &cost.places) {
                let (column, number) = (self.readings.columns[place as usize], numbers[start + place as usize]);
                if number < 0.0 {
                    return Err(self.sheets.wrong(row, column, "is a cost below 0".into()));
                }
                let cost = level.cost.as_ref().filter(|_| level.share == 1.0);
                if cost.is_some_and(|cost| cost.places.iter().all(|place| numbers[start + *place as usize].is_nan())) {
                    return Err(self.sheets.wrong(row, column, "is no number".into()));
                }
            }
        }
        Ok(())
    }
}

pub(super) fn inspect(
    table: &pleach_spec::Table,
    locations: &Locations,
    space: Option<&Arc<Space>>,
) -> Vec<TableError> {
    let decisions = space.map_or(&[][..], |space| space.decisions());
    let mut layout = match layout(table, locations, decisions) {
        Ok(layout) => layout,
        Err(errors) => return errors,
    };
    if let (Some(space), Some(merge)) = (space, &table.merge)
        && let Err(error) = Merge::of(merge, space, AT)
    {
        return vec![error];
    }
    let first = layout.read(1).and_then(|()| {
        if layout.sheets.rows() == 0 {
            return Err(TableError::NoRows { file: layout.sheets.file().clone(), rows: 0 });
        }
        layout.candidates.genotype(&layout.sheets, 0, &mut Vec::new())?;
        layout.numbers(0, &mut Vec::new())
    });
    first.err().into_iter().collect()
}

pub(super) fn load(table: &pleach_spec::Table, locations: &Locations, space: &Arc<Space>) -> Result<Table, TableError> {
    let decisions = space.decisions();
    let mut layout = layout(table, locations, decisions).map_err(|mut errors| errors.swap_remove(0))?;
    let merge = table.merge.as_ref().map(|merge| Merge::of(merge, space, AT)).transpose()?;
    let digest = digest_of(layout.sheets.files())?;
    layout.read(usize::MAX)?;
    let all = layout.sheets.rows();
    let mut rows: HashMap<Box<[u64]>, u32> = HashMap::with_capacity(all);
    let mut genotypes: Vec<Genotype> = Vec::with_capacity(all);
    let mut origins: Vec<usize> = Vec::with_capacity(all);
    let mut numbers = Vec::with_capacity(all * layout.readings.columns.len());
    let mut scratch = Vec::new();
    for row in 0..all {
        let Some(genotype) = layout.candidates.genotype(&layout.sheets, row, &mut scratch)? else { continue };
        match rows.entry(key(&genotype).into()) {
            Entry::Occupied(earlier) => {
                let first = layout.sheets.row_name(origins[*earlier.get() as usize]);
                let second = layout.sheets.row_name(row);
                return Err(TableError::Twice { file: layout.sheets.file().clone(), first, second });
            }
            Entry::Vacant(place) => place.insert(genotypes.len() as u32),
        };
        layout.numbers(row, &mut numbers)?;
        genotypes.push(genotype);
        origins.push(row);
    }
    if genotypes.is_empty() {
        return Err(TableError::NoRows { file: layout.sheets.file().clone(), rows: all as u64 });
    }
    let mut classes: HashMap<Box<[u8]>, u32> = HashMap::new();
    if let Some(merge) = &merge {
        let keys: Vec<Option<Box<[u8]>>> = genotypes.par_iter().map(|genotype| merge.key(genotype)).collect();
        for (row, class) in (0..).zip(keys) {
            let first = class.map_or(row, |class| *classes.entry(class).or_insert(row));
            rows.insert(key(&genotypes[row as usize]).into(), first);
        }
    }
    let is_first = |(row, genotype): &(usize, &Genotype)| rows.get(key(genotype).as_slice()) == Some(&(*row as u32));
    let mut members: Vec<Genotype> =
        genotypes.iter().enumerate().filter(is_first).map(|(_, genotype)| genotype.clone()).collect();
    members.sort_by(|a, b| {
        a.iter().zip(b).map(|(a, b)| a.total_cmp(b)).find(|order| order.is_ne()).unwrap_or(std::cmp::Ordering::Equal)
    });
    let curve = match &table.fidelities {
        Some(TableFidelities::Curve(curve)) => curve.metrics.keys().cloned().collect(),
        _ => Vec::new(),
    };
    Ok(Table {
        decisions: decisions.to_vec(),
        skipped: (all - genotypes.len()) as u64,
        rows,
        genotypes,
        members: Arc::new(members),
        merge,
        classes,
        names: table.all_metrics().into_keys().collect(),
        curve,
        width: layout.readings.columns.len(),
        numbers,
        levels: layout.readings.levels,
        scores: layout.readings.scores,
        score_names: table.proxies.iter().flat_map(|proxies| proxies.scores.keys().cloned()).collect(),
        score_seconds: table.proxies.as_ref().map_or(1.0, |proxies| proxies.seconds),
        seeds: table.seeds,
        resumes: table.resumes(),
        pool: table.pool,
        digest,
    })
}
