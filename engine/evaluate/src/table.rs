//! A tabular benchmark as evaluator: the rows of a file are candidates, found by their genotype.

mod candidates;
mod error;
mod load;
mod merge;
mod readings;
mod sheets;
#[cfg(test)]
mod tests;

pub use error::TableError;

use crate::evaluator::Failure;
use crate::protocol::{FailureReason, Metrics};
use merge::Merge;
use pleach_data::Locations;
use pleach_random::mix;
use pleach_space::{Decision, Genotype, Space};
use pleach_spec::TableSeeds;
use readings::{Level, Reading};
use std::collections::HashMap;
use std::sync::Arc;

/// A table in memory, which many searches may ask at once.
///
/// A decision's value is read from its column, or from its character of the code. What stands there while the decision is not
/// active is not looked at. An empty metric is one that the row does not have; an unknown label or character is an error, and a
/// row whose number is outside of its decision's range belongs to no candidate and is left out.
#[derive(Debug, Clone)]
pub struct Table {
    decisions: Vec<Decision>,
    /// The row of each genotype, of equal ones the first; the key is its numbers' bits.
    rows: HashMap<Box<[u64]>, u32>,
    genotypes: Vec<Genotype>,
    /// One a distinct candidate, in the order of their numbers.
    members: Arc<Vec<Genotype>>,
    merge: Option<Merge>,
    /// The first row of each kind of equal candidates.
    classes: HashMap<Box<[u8]>, u32>,
    names: Vec<String>,
    /// The metrics that have a value at every fidelity.
    curve: Vec<String>,
    /// Row by row, NaN where there is none.
    numbers: Vec<f64>,
    width: usize,
    /// By fidelity, rising to 1.
    levels: Vec<Level>,
    scores: Vec<Reading>,
    score_names: Vec<String>,
    score_seconds: f64,
    seeds: TableSeeds,
    resumes: bool,
    pool: bool,
    skipped: u64,
    digest: String,
}

/// Which of several seeds is told, where a table samples them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Draw {
    /// The run's seed.
    pub seed: u64,
    /// The trial's repeat.
    pub repeat: u32,
}

/// One row of a table.
#[derive(Debug, Clone, Copy)]
pub struct Row<'t> {
    table: &'t Table,
    index: usize,
}

impl Row<'_> {
    /// The metrics that the row has after a full evaluation, means over seeds.
    pub fn metrics(&self) -> Metrics {
        let names = self.table.names.iter().enumerate();
        names.filter_map(|(index, name)| Some((name.clone(), self.value(index)?))).collect()
    }

    /// The value of the metric at this place of [`Table::metrics`] after a full evaluation, the mean over seeds.
    pub fn value(&self, metric: usize) -> Option<f64> {
        let reading = self.table.levels.last()?.metrics.get(metric)?.as_ref()?;
        self.read(reading, None)
    }

    /// The value of a metric at one of [`Table::fidelities`], by its place there.
    pub fn value_at(&self, level: usize, metric: usize, draw: Draw) -> Option<f64> {
        let reading = self.table.levels[level].metrics[metric].as_ref()?;
        self.read(reading, (self.table.seeds == TableSeeds::Sampled).then_some(draw))
    }

    /// The seconds that the full evaluation cost; 1 for a table without costs.
    pub fn cost_seconds(&self) -> f64 {
        self.cost_at(self.table.levels.len() - 1)
    }

    /// The seconds that the evaluation at one of [`Table::fidelities`] cost: its own, or the share of the full one's.
    pub fn cost_at(&self, level: usize) -> f64 {
        let Level { share, cost, .. } = &self.table.levels[level];
        if let Some(seconds) = cost.as_ref().and_then(|cost| self.read(cost, None)) {
            return seconds;
        }
        let full = self.table.levels.last().and_then(|full| full.cost.as_ref());
        share * full.and_then(|cost| self.read(cost, None)).unwrap_or(1.0)
    }

    /// The training-free score at this place of [`Table::scores`].
    pub fn score(&self, score: usize) -> Option<f64> {
        self.read(&self.table.scores[score], None)
    }

    /// The mean of the numbers that are there, or one of them.
    fn read(&self, reading: &Reading, draw: Option<Draw>) -> Option<f64> {
        let row = &self.table.numbers[self.index * self.table.width..][..self.table.width];
        let there = || reading.places.iter().map(|&place| row[place as usize]).filter(|number| !number.is_nan());
        let value = match (reading.places.as_slice(), draw) {
            ([place], _) => row[*place as usize],
            (_, None) => {
                let (sum, count) = there().fold((0.0, 0), |(sum, count), number| (sum + number, count + 1));
                if count == 0 { f64::NAN } else { sum / f64::from(count) }
            }
            (_, Some(draw)) => match there().count() as u64 {
                0 => f64::NAN,
                count => {
                    let first = mix(draw.seed ^ mix(self.index as u64)) % count;
                    there().nth(((first + u64::from(draw.repeat)) % count) as usize).unwrap_or(f64::NAN)
                }
            },
        };
        Some(value * reading.scale).filter(|value| !value.is_nan())
    }
}

impl Table {
    /// Reads a table for a space. Equal networks, where they are merged, are told by building the network of every row.
    ///
    /// # Errors
    /// The first thing wrong with a file or with what the experiment says of it.
    pub fn load(table: &pleach_spec::Table, locations: &Locations, space: &Arc<Space>) -> Result<Table, TableError> {
        load::load(table, locations, space)
    }

    /// All that is wrong with the headers and the first row, without reading on: for a check before a run. Without a space nothing
    /// is known of decisions.
    pub fn inspect(table: &pleach_spec::Table, locations: &Locations, space: Option<&Arc<Space>>) -> Vec<TableError> {
        load::inspect(table, locations, space)
    }

    /// What [`Table::digest`] will be.
    ///
    /// # Errors
    /// A file cannot be read.
    pub fn digest_of(table: &pleach_spec::Table, locations: &Locations) -> Result<String, TableError> {
        load::digest(table, locations)
    }

    /// The row of a full genotype, or None: one hash lookup, and where candidates are merged and it has no row of its own, finding
    /// out which it equals.
    pub fn lookup(&self, genotype: &[f64]) -> Option<Row<'_>> {
        // Most genotypes are short; a vector only for the others.
        const SHORT: usize = 64;
        let own = if genotype.len() <= SHORT {
            let mut key = [0; SHORT];
            for (to, &value) in key.iter_mut().zip(genotype) {
                *to = bits(value);
            }
            self.rows.get(&key[..genotype.len()])
        } else {
            self.rows.get(key(genotype).as_slice())
        };
        let equal = || {
            let merge = self.merge.as_ref().filter(|_| genotype.len() == self.decisions.len())?;
            self.classes.get(&merge.key(genotype)?)
        };
        own.or_else(equal).map(|&index| Row { table: self, index: index as usize })
    }

    /// The row of a full genotype.
    ///
    /// # Errors
    /// Infeasible where the table has none.
    pub fn evaluate(&self, genotype: &[f64]) -> Result<Row<'_>, Failure> {
        self.lookup(genotype)
            .ok_or_else(|| Failure::new(FailureReason::Infeasible, "the table has no row for this candidate"))
    }

    /// The names of the metrics, in the experiment's order.
    pub fn metrics(&self) -> &[String] {
        &self.names
    }

    /// Of [`Table::metrics`], those with a value at every epoch; the fidelities are the epochs.
    pub fn curve(&self) -> &[String] {
        &self.curve
    }

    /// The fidelities that there are results at, rising to 1.
    pub fn fidelities(&self) -> impl Iterator<Item = f64> + '_ {
        self.levels.iter().map(|level| level.share)
    }

    /// The place of a fidelity.
    pub fn level(&self, fidelity: f64) -> Option<usize> {
        self.levels.binary_search_by(|level| level.share.total_cmp(&fidelity)).ok()
    }

    /// Whether fidelities are parts of one training, so that one goes on from another.
    pub fn resumes(&self) -> bool {
        self.resumes
    }

    /// The names of the training-free scores.
    pub fn scores(&self) -> &[String] {
        &self.score_names
    }

    /// The seconds that asking for the scores of a candidate costs.
    pub fn score_seconds(&self) -> f64 {
        self.score_seconds
    }

    /// What a candidate costs that the table does not have: asking for scores where there are some, else a second; a thousandth of
    /// an evaluation where the table has no costs.
    pub fn infeasible_seconds(&self) -> f64 {
        match (self.scores.is_empty(), self.levels.last().is_some_and(|full| full.cost.is_some())) {
            (false, _) => self.score_seconds,
            (true, true) => 1.0,
            (true, false) => 1e-3,
        }
    }

    /// Whether its rows are all candidates that there are.
    pub fn is_pool(&self) -> bool {
        self.pool
    }

    /// The decisions that its rows are found by.
    pub fn decisions(&self) -> &[Decision] {
        &self.decisions
    }

    /// The number of rows.
    pub fn len(&self) -> usize {
        self.genotypes.len()
    }

    /// Whether there are none; a loaded table has some.
    pub fn is_empty(&self) -> bool {
        self.genotypes.is_empty()
    }

    /// The number of rows left out, since a number in them is outside of the space.
    pub fn skipped(&self) -> u64 {
        self.skipped
    }

    /// BLAKE3 of the file, or of the digests of several, in hexadecimal digits.
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// The genotype of every row, in the order of the file.
    pub fn genotypes(&self) -> &[Genotype] {
        &self.genotypes
    }

    /// One genotype a distinct candidate: every row's, or of those that are merged the first row's; in the order of their numbers.
    pub fn members(&self) -> &Arc<Vec<Genotype>> {
        &self.members
    }
}

/// A number's bits, the same for both zeros.
fn bits(value: f64) -> u64 {
    (value + 0.0).to_bits()
}

fn key(genotype: &[f64]) -> Vec<u64> {
    genotype.iter().map(|&value| bits(value)).collect()
}
