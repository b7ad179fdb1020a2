//! Genotypes as columns of numbers.

use crate::decision::{Decision, Domain};
use crate::sample;

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Column {
    /// 1 where the decision holds this option, else 0.
    Option {
        /// The decision's index.
        decision: usize,
        /// The option's.
        option: usize,
    },
    /// Where the value lies along its domain, from 0 to 1: levels by rank, logarithmic ranges in logarithms; 0.5 where the
    /// decision does not count.
    Place {
        /// The decision's index.
        decision: usize,
    },
    /// 1 where a decision with a [`Column::Place`] counts, else 0; only of those that do not always count.
    Active {
        /// The decision's index.
        decision: usize,
    },
}

impl Column {
    /// The index of the decision that it tells of.
    pub fn decision(self) -> usize {
        match self {
            Column::Option { decision, .. } | Column::Place { decision } | Column::Active { decision } => decision,
        }
    }
}

/// How genotypes become rows of numbers.
#[derive(Debug, Clone)]
pub struct Columns {
    decisions: Vec<Decision>,
    columns: Vec<Column>,
}

impl Columns {
    pub(crate) fn of(decisions: &[Decision]) -> Self {
        let mut columns = Vec::new();
        for (decision, about) in decisions.iter().enumerate() {
            match &about.domain {
                Domain::Choice(options) => {
                    columns.extend((0..options.len()).map(|option| Column::Option { decision, option }));
                }
                _ => {
                    if about.active_when.is_some() {
                        columns.push(Column::Active { decision });
                    }
                    columns.push(Column::Place { decision });
                }
            }
        }
        Self { decisions: decisions.to_vec(), columns }
    }

    /// What each column holds.
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// The row of a genotype, one number a column, each from 0 to 1.
    pub fn row(&self, genotype: &[f64]) -> Vec<f64> {
        let active: Vec<bool> = (0..genotype.len()).map(|i| sample::is_active(&self.decisions, genotype, i)).collect();
        let number = |column: &Column| match *column {
            Column::Option { decision, option } => f64::from(active[decision] && genotype[decision] == option as f64),
            Column::Active { decision } => f64::from(active[decision]),
            Column::Place { decision } if !active[decision] => 0.5,
            Column::Place { decision } => match &self.decisions[decision].domain {
                Domain::Levels(levels) if levels.len() < 2 => 0.5,
                Domain::Levels(levels) => genotype[decision] / (levels.len() - 1) as f64,
                domain => domain.unit(genotype[decision]),
            },
        };
        self.columns.iter().map(number).collect()
    }
}
