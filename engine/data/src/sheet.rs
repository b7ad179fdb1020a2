//! Files of rows and named columns: CSV, gzip or not, and Parquet.

mod csv_file;
mod parquet_file;
mod texts;

pub use parquet_file::write as write_parquet;
pub use texts::Texts;

use crate::bounded::open_file;
use std::io::Read;
use std::path::{Path, PathBuf};

/// Why a file of rows cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum SheetError {
    /// The file cannot be opened or read.
    #[error("cannot read the table `{}`: {source}", file.display())]
    File {
        /// The file.
        file: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// A line is no CSV, or has another number of fields than the header.
    #[error("`{}`, line {line}: {message}", file.display())]
    Line {
        /// The file.
        file: PathBuf,
        /// The line, from 1.
        line: u64,
        /// What is wrong.
        message: String,
    },
    /// The file is no Parquet that can be read.
    #[error("`{}`: {message}", file.display())]
    Parquet {
        /// The file.
        file: PathBuf,
        /// What is wrong.
        message: String,
    },
}

/// The form of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Csv,
    Parquet,
}

/// What a column holds, a value a row.
#[derive(Debug, Clone, PartialEq)]
pub enum Column {
    /// Texts; an empty one is no value.
    Text(Texts),
    /// Numbers; NaN is no value.
    Number(Vec<f64>),
}

/// A value of one row in one column.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Cell<'s> {
    /// No value.
    Empty,
    /// A text, without space at its ends.
    Text(&'s str),
    /// A number.
    Number(f64),
}

impl Cell<'_> {
    /// As a person reads it.
    pub fn show(&self) -> String {
        match self {
            Cell::Empty => String::new(),
            Cell::Text(text) => (*text).to_owned(),
            Cell::Number(number) => number.to_string(),
        }
    }

    /// The number, or the finite number that the text is.
    pub fn number(&self) -> Option<f64> {
        match self {
            Cell::Empty => None,
            Cell::Text(text) => text.parse().ok().filter(|number: &f64| number.is_finite()),
            Cell::Number(number) => Some(*number).filter(|number| number.is_finite()),
        }
    }
}

/// Some columns of a file.
#[derive(Debug, Clone)]
pub struct Sheet {
    file: PathBuf,
    form: Form,
    rows: usize,
    /// The header's columns; those that were not wanted hold nothing.
    columns: Vec<(String, Option<Column>)>,
    /// Of CSV, the line on which each row begins.
    lines: Vec<u64>,
}

impl Sheet {
    /// The names of a file's columns.
    ///
    /// # Errors
    /// The file cannot be read, or is neither CSV nor Parquet.
    pub fn header(file: &Path) -> Result<Vec<String>, SheetError> {
        match form(file)? {
            Form::Csv => csv_file::header(file),
            Form::Parquet => parquet_file::header(file),
        }
    }

    /// Reads the columns of these names, and at most so many rows; names that the file does not have are passed over.
    ///
    /// # Errors
    /// As [`Sheet::header`]; a line that is no CSV; a kind of column that is neither text nor number.
    pub fn read(file: &Path, wanted: &dyn Fn(&str) -> bool, limit: usize) -> Result<Sheet, SheetError> {
        match form(file)? {
            Form::Csv => csv_file::read(file, wanted, limit),
            Form::Parquet => parquet_file::read(file, wanted, limit),
        }
    }

    /// The number of rows.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// The number of columns in the header.
    pub fn columns(&self) -> usize {
        self.columns.len()
    }

    /// The file.
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// The place of a column by its name.
    pub fn place(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|(column, _)| column == name)
    }

    /// The name of the column at a place.
    pub fn name(&self, column: usize) -> &str {
        &self.columns[column].0
    }

    /// The value of a row in the column at a place, which was read.
    pub fn cell(&self, row: usize, column: usize) -> Cell<'_> {
        match &self.columns[column].1 {
            Some(Column::Text(texts)) => match texts.get(row) {
                "" => Cell::Empty,
                text => Cell::Text(text),
            },
            Some(Column::Number(numbers)) if numbers[row].is_nan() => Cell::Empty,
            Some(Column::Number(numbers)) => Cell::Number(numbers[row]),
            None => Cell::Empty,
        }
    }

    /// Where a row stands: `line 7` of a CSV file, where the header is line 1; `row 6` of Parquet, from 1.
    pub fn row_name(&self, row: usize) -> String {
        match self.form {
            Form::Csv => format!("line {}", self.lines[row]),
            Form::Parquet => format!("row {}", row + 1),
        }
    }
}

/// Parquet begins with four known bytes; everything else is read as CSV.
fn form(file: &Path) -> Result<Form, SheetError> {
    let wrong = |source| SheetError::File { file: file.to_owned(), source };
    let mut first = Vec::new();
    open_file(file).map_err(wrong)?.take(4).read_to_end(&mut first).map_err(wrong)?;
    Ok(if first == b"PAR1" { Form::Parquet } else { Form::Csv })
}

#[cfg(test)]
mod tests;
