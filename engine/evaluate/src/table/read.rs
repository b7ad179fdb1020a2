//! From CSV to a table in memory.

use super::{Table, TableError, bits};
use crate::command::is_active;
use csv::StringRecord;
use flate2::read::MultiGzDecoder;
use pleach_space::{Decision, Domain};
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};

/// The characters of the options, unless told.
const CHARACTERS: &str = "0123456789abcdefghijklmnopqrstuvwxyz";

/// Where a decision's value stands.
#[derive(Debug, Clone, Copy)]
enum Source {
    /// In a column of its own.
    Column(usize),
    /// The character at this place of the code.
    Code(usize),
}

/// What a cell says about a decision.
enum Cell {
    Value(f64),
    /// A number that the decision cannot take.
    Outside,
}

/// Where everything stands in a row.
struct Layout {
    file: PathBuf,
    header: Vec<String>,
    sources: Vec<Source>,
    /// The code's column and the length that it must have.
    code: Option<(usize, usize)>,
    characters: Vec<char>,
    /// Column and factor of each metric.
    metrics: Vec<(usize, f64)>,
    cost: Option<usize>,
}

fn open(file: &Path) -> Result<Box<dyn Read>, TableError> {
    let wrong = |source| TableError::File { file: file.to_owned(), source };
    let mut stream = BufReader::new(std::fs::File::open(file).map_err(wrong)?);
    let zipped = std::io::BufRead::fill_buf(&mut stream).map_err(wrong)?.starts_with(&[0x1f, 0x8b]);
    Ok(if zipped { Box::new(MultiGzDecoder::new(stream)) } else { Box::new(stream) })
}

fn reader(stream: impl Read) -> csv::Reader<impl Read> {
    csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(stream)
}

fn csv_error(file: &Path, error: csv::Error) -> TableError {
    let line = error.position().map_or(1, csv::Position::line);
    let message = match error.kind() {
        csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
            format!("the line has {len} fields where the header has {expected_len}")
        }
        csv::ErrorKind::Utf8 { .. } => "the line is no UTF-8 text".to_owned(),
        _ => match error.into_kind() {
            csv::ErrorKind::Io(source) => return TableError::File { file: file.to_owned(), source },
            other => format!("{other:?}"),
        },
    };
    TableError::Line { file: file.to_owned(), line, message }
}

pub(super) fn inspect(table: &pleach_spec::Table, base: &Path, decisions: &[Decision]) -> Vec<TableError> {
    let file = base.join(&table.path);
    let mut reader = match open(&file) {
        Ok(stream) => reader(stream),
        Err(error) => return vec![error],
    };
    let header = match reader.headers() {
        Ok(header) => header.iter().map(str::to_owned).collect(),
        Err(error) => return vec![csv_error(&file, error)],
    };
    let layout = match Layout::new(table, file, header, decisions) {
        Ok(layout) => layout,
        Err(errors) => return errors,
    };
    let first = reader.records().next().map(|record| {
        let record = record.map_err(|error| csv_error(&layout.file, error))?;
        layout.genotype(&record, decisions, &mut Vec::new()).map(|_| ())?;
        layout.numbers(&record, &mut Vec::new(), &mut Vec::new())
    });
    match first {
        Some(Err(error)) => vec![error],
        Some(Ok(())) => Vec::new(),
        None => vec![TableError::NoRows { file: layout.file, rows: 0 }],
    }
}

pub(super) fn load(table: &pleach_spec::Table, base: &Path, decisions: &[Decision]) -> Result<Table, TableError> {
    let file = base.join(&table.path);
    let wrong = |source| TableError::File { file: file.clone(), source };
    let mut hasher = blake3::Hasher::new();
    hasher.update_reader(std::fs::File::open(&file).map_err(wrong)?).map_err(wrong)?;
    let mut reader = reader(open(&file)?);
    let header = reader.headers().map_err(|error| csv_error(&file, error))?.iter().map(str::to_owned).collect();
    let layout = Layout::new(table, file, header, decisions).map_err(|mut errors| errors.swap_remove(0))?;
    let mut rows = HashMap::new();
    let (mut lines, mut values, mut costs) = (Vec::new(), Vec::new(), Vec::new());
    let (mut skipped, mut scratch) = (0, Vec::new());
    let mut record = StringRecord::new();
    while reader.read_record(&mut record).map_err(|error| csv_error(&layout.file, error))? {
        let Some(genotype) = layout.genotype(&record, decisions, &mut scratch)? else {
            skipped += 1;
            continue;
        };
        let line = line(&record);
        let key: Box<[u64]> = genotype.iter().map(|&value| bits(value)).collect();
        match rows.entry(key) {
            Entry::Occupied(row) => {
                let first = lines[*row.get() as usize];
                return Err(TableError::Twice { file: layout.file, first, second: line });
            }
            Entry::Vacant(place) => place.insert(lines.len() as u32),
        };
        lines.push(line);
        layout.numbers(&record, &mut values, &mut costs)?;
    }
    if rows.is_empty() {
        return Err(TableError::NoRows { file: layout.file, rows: skipped });
    }
    Ok(Table {
        decisions: decisions.to_vec(),
        rows,
        names: table.metrics.keys().cloned().collect(),
        values,
        costs: layout.cost.map(|_| costs),
        skipped,
        digest: hasher.finalize().to_hex().to_string(),
    })
}

fn line(record: &StringRecord) -> u64 {
    record.position().map_or(0, csv::Position::line)
}

impl Layout {
    fn new(
        table: &pleach_spec::Table,
        file: PathBuf,
        header: Vec<String>,
        decisions: &[Decision],
    ) -> Result<Layout, Vec<TableError>> {
        let mut errors = Vec::new();
        let mut column = |name: &str, tokens: &[&str]| {
            let found = header.iter().position(|column| column == name);
            if found.is_none() {
                let mut pointer = "/evaluator/table".to_owned();
                tokens.iter().for_each(|token| pleach_spec::push_token(&mut pointer, token));
                let (file, columns) = (file.clone(), header.clone());
                errors.push(TableError::MissingColumn { file, column: name.to_owned(), pointer, columns });
            }
            // A place for what goes on only without errors.
            found.unwrap_or(0)
        };
        let code_column = table.code.as_ref().map(|code| column(&code.column, &["code", "column"]));
        let own: Vec<(&str, usize)> = table
            .columns
            .iter()
            .map(|(decision, name)| (decision.as_str(), column(&name.0, &["columns", decision])))
            .collect();
        let metrics = table
            .metrics
            .iter()
            .map(|(name, metric)| (column(&metric.column, &["metrics", name, "column"]), metric.scale))
            .collect();
        let cost = table.cost.as_ref().map(|name| column(name, &["cost"]));
        let called = |decision: &Decision, name: &str| decision.path == name || decision.name.as_deref() == Some(name);
        for (name, _) in &own {
            if !decisions.iter().any(|decision| called(decision, name)) {
                let names = |d: &Decision| d.name.clone().unwrap_or_else(|| d.path.clone());
                let decisions = decisions.iter().map(names).collect();
                errors.push(TableError::UnknownDecision { name: (*name).to_owned(), decisions });
            }
        }
        let characters = table.code.as_ref().and_then(|code| code.characters.as_deref()).unwrap_or(CHARACTERS);
        let characters: Vec<char> = characters.chars().collect();
        let mut length = 0;
        let mut sources = Vec::with_capacity(decisions.len());
        for decision in decisions {
            if let Some((_, column)) = own.iter().find(|(name, _)| called(decision, name)) {
                sources.push(Source::Column(*column));
            } else if code_column.is_some() {
                let reason = match decision.domain.size() {
                    None => Some("it is a range of numbers with a fraction".to_owned()),
                    Some(size) if size > characters.len() as u64 => {
                        Some(format!("it has {size} values, and there are {} characters", characters.len()))
                    }
                    Some(_) => None,
                };
                let path = || decision.path.clone();
                errors.extend(reason.map(|reason| TableError::NoCharacter { decision: path(), reason }));
                sources.push(Source::Code(length));
                length += 1;
            } else {
                errors.push(TableError::NoColumn { decision: decision.path.clone() });
            }
        }
        if !errors.is_empty() {
            return Err(errors);
        }
        let code = code_column.map(|column| (column, length));
        Ok(Layout { file, header, sources, code, characters, metrics, cost })
    }

    fn cell(&self, record: &StringRecord, column: usize, problem: String) -> TableError {
        TableError::Cell {
            file: self.file.clone(),
            line: line(record),
            column: self.header[column].clone(),
            cell: record[column].to_owned(),
            problem,
        }
    }

    /// The genotype of a row; None where a number in it is outside of the space.
    fn genotype(
        &self,
        record: &StringRecord,
        decisions: &[Decision],
        scratch: &mut Vec<bool>,
    ) -> Result<Option<Vec<f64>>, TableError> {
        let code: Vec<char> = self.code.map_or(Vec::new(), |(column, _)| record[column].chars().collect());
        if let Some((column, expected)) = self.code
            && code.len() != expected
        {
            let (file, line) = (self.file.clone(), line(record));
            let (column, text) = (self.header[column].clone(), record[column].to_owned());
            return Err(TableError::CodeLength { file, line, column, code: text, found: code.len(), expected });
        }
        let mut genotype = vec![0.0; decisions.len()];
        scratch.clear();
        for (index, (decision, source)) in decisions.iter().zip(&self.sources).enumerate() {
            // What a decision that is not active would be is not looked at: some tables leave the cell empty.
            let counts = is_active(decision, &genotype, scratch);
            scratch.push(counts);
            if !counts {
                continue;
            }
            let cell = match *source {
                Source::Column(column) => self.read_cell(record, column, decision)?,
                Source::Code(place) => self.read_character(record, code[place], decision)?,
            };
            match cell {
                Cell::Value(value) => genotype[index] = value,
                Cell::Outside => return Ok(None),
            }
        }
        Ok(Some(genotype))
    }

    fn read_character(&self, record: &StringRecord, character: char, decision: &Decision) -> Result<Cell, TableError> {
        let size = decision.domain.size().unwrap_or(0) as usize;
        let option = self.characters.iter().take(size).position(|&c| c == character);
        let Some(option) = option else {
            let column = self.code.map_or(0, |(column, _)| column);
            let known: String = self.characters.iter().take(size).collect();
            let path = &decision.path;
            return Err(self.cell(
                record,
                column,
                format!("has `{character}` for `{path}`, which is none of `{known}`"),
            ));
        };
        Ok(Cell::Value(match decision.domain {
            Domain::Integer { low, .. } => low as f64 + option as f64,
            _ => option as f64,
        }))
    }

    fn read_cell(&self, record: &StringRecord, column: usize, decision: &Decision) -> Result<Cell, TableError> {
        let text = &record[column];
        let value = match &decision.domain {
            Domain::Choice(options) => match options.iter().position(|option| option == text) {
                Some(option) => return Ok(Cell::Value(option as f64)),
                None => {
                    let hint = match pleach_spec::suggest(text, options.iter().map(String::as_str)) {
                        Some(likely) => format!("; did you mean `{likely}`?"),
                        None => format!(
                            "; there are {}",
                            options.iter().map(|o| format!("`{o}`")).collect::<Vec<_>>().join(", ")
                        ),
                    };
                    return Err(self.cell(record, column, format!("is no option of `{}`{hint}", decision.path)));
                }
            },
            _ => self.number(record, column)?,
        };
        Ok(match &decision.domain {
            Domain::Levels(levels) => match levels.iter().position(|&level| level == value) {
                Some(level) => Cell::Value(level as f64),
                None => Cell::Outside,
            },
            domain if domain.contains(value) => Cell::Value(value),
            _ => Cell::Outside,
        })
    }

    fn number(&self, record: &StringRecord, column: usize) -> Result<f64, TableError> {
        let value = record[column].parse().ok().filter(|value: &f64| value.is_finite());
        value.ok_or_else(|| self.cell(record, column, "is no number".into()))
    }

    /// Reads a row's metrics and its cost.
    fn numbers(&self, record: &StringRecord, values: &mut Vec<f64>, costs: &mut Vec<f64>) -> Result<(), TableError> {
        for &(column, scale) in &self.metrics {
            values.push(if record[column].is_empty() { f64::NAN } else { self.number(record, column)? * scale });
        }
        if let Some(column) = self.cost {
            let seconds = self.number(record, column)?;
            if seconds < 0.0 {
                return Err(self.cell(record, column, "is a cost below 0".into()));
            }
            costs.push(seconds);
        }
        Ok(())
    }
}
