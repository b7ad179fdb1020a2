//! A tabular benchmark as evaluator: the rows of a CSV file are candidates, found by their genotype.

mod error;
mod read;
#[cfg(test)]
mod tests;

pub use error::TableError;

use crate::evaluator::Failure;
use crate::protocol::{FailureReason, Metrics};
use pleach_space::Decision;
use std::collections::HashMap;
use std::path::Path;

/// A table in memory.
///
/// A decision's value is read from its column, or from its character of the code. What stands there while the decision is not
/// active is not looked at. An empty metric is one that the row does not have; an unknown label or character is an error, and a
/// row whose number is outside of its decision's range belongs to no candidate and is left out.
#[derive(Debug, Clone)]
pub struct Table {
    decisions: Vec<Decision>,
    /// The row of each genotype; the key is its numbers' bits.
    rows: HashMap<Box<[u64]>, u32>,
    names: Vec<String>,
    /// Row by row, one value a metric, NaN where there is none.
    values: Vec<f64>,
    costs: Option<Vec<f64>>,
    skipped: u64,
    digest: String,
}

/// One row of a table.
#[derive(Debug, Clone, Copy)]
pub struct Row<'t> {
    table: &'t Table,
    index: usize,
}

impl Row<'_> {
    /// The metrics that the row has.
    pub fn metrics(&self) -> Metrics {
        let names = self.table.names.iter().enumerate();
        names.filter_map(|(index, name)| Some((name.clone(), self.value(index)?))).collect()
    }

    /// The value of the metric at this place of [`Table::metrics`].
    pub fn value(&self, metric: usize) -> Option<f64> {
        let width = self.table.names.len();
        (metric < width).then(|| self.table.values[self.index * width + metric]).filter(|value| !value.is_nan())
    }

    /// The seconds that the evaluation cost; 1 for a table without costs.
    pub fn cost_seconds(&self) -> f64 {
        self.table.costs.as_ref().map_or(1.0, |costs| costs[self.index])
    }
}

impl Table {
    /// Reads a table whose path is relative to `base`, gzip or not.
    ///
    /// # Errors
    /// The first thing wrong with the file or with what the experiment says of it.
    pub fn load(table: &pleach_spec::Table, base: &Path, decisions: &[Decision]) -> Result<Table, TableError> {
        read::load(table, base, decisions)
    }

    /// All that is wrong with the header and the first row, without reading on: for a check before a run.
    pub fn inspect(table: &pleach_spec::Table, base: &Path, decisions: &[Decision]) -> Vec<TableError> {
        read::inspect(table, base, decisions)
    }

    /// The row of a full genotype, or None: one hash lookup.
    pub fn lookup(&self, genotype: &[f64]) -> Option<Row<'_>> {
        // Most genotypes are short; a vector only for the others.
        const SHORT: usize = 64;
        let index = if genotype.len() <= SHORT {
            let mut key = [0; SHORT];
            for (to, &value) in key.iter_mut().zip(genotype) {
                *to = bits(value);
            }
            self.rows.get(&key[..genotype.len()])
        } else {
            self.rows.get(key(genotype).as_slice())
        };
        index.map(|&index| Row { table: self, index: index as usize })
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

    /// The decisions that its rows are found by.
    pub fn decisions(&self) -> &[Decision] {
        &self.decisions
    }

    /// The number of candidates.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there are none; a loaded table has some.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The number of rows left out, since a number in them is outside of the space.
    pub fn skipped(&self) -> u64 {
        self.skipped
    }

    /// BLAKE3 of the file, in hexadecimal digits.
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// All genotypes, in the order of their numbers.
    pub fn genotypes(&self) -> Vec<Vec<f64>> {
        let mut all: Vec<Vec<f64>> =
            self.rows.keys().map(|key| key.iter().map(|&bits| f64::from_bits(bits)).collect()).collect();
        all.sort_by(|a: &Vec<f64>, b| {
            a.iter().zip(b).map(|(a, b)| a.total_cmp(b)).find(|o| o.is_ne()).unwrap_or(std::cmp::Ordering::Equal)
        });
        all
    }
}

/// A number's bits, the same for both zeros.
fn bits(value: f64) -> u64 {
    (value + 0.0).to_bits()
}

fn key(genotype: &[f64]) -> Vec<u64> {
    genotype.iter().map(|&value| bits(value)).collect()
}
