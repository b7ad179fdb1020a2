//! The files of a table, with rows that belong together side by side.

use super::TableError;
use pleach_data::sheet::{Cell, Sheet};
use pleach_data::{Locations, published_file};
use pleach_spec::TableFile;
use std::collections::HashMap;
use std::path::PathBuf;

/// A column: of which file, and where in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Place {
    sheet: usize,
    column: usize,
}

/// A table's file and those that are joined to it.
pub(super) struct Sheets {
    all: Vec<Named>,
}

struct Named {
    /// Before the names of its columns; empty for the table's own file.
    name: String,
    file: PathBuf,
    header: Vec<String>,
    /// The columns by which its rows are found, here and in the table's own file.
    on: Option<(usize, usize)>,
    /// Its rows, once they are read, and which of them belongs to each row of the table's own file.
    sheet: Option<Sheet>,
    rows: Vec<Option<u32>>,
}

impl Sheets {
    /// Reads the headers of all files.
    pub fn open(table: &pleach_spec::Table, locations: &Locations, at: &str) -> Result<Sheets, Vec<TableError>> {
        let Some(file) = &table.file else { return Err(vec![TableError::NoFile { pointer: at.to_owned() }]) };
        let named = |name: &str, file: &TableFile, pointer: String| {
            let file = path(file, locations, &pointer)?;
            let header = Sheet::header(&file).map_err(|source| TableError::Sheet { source, pointer })?;
            Ok(Named { name: name.to_owned(), file, header, on: None, sheet: None, rows: Vec::new() })
        };
        let mut sheets = Sheets { all: vec![named("", file, format!("{at}/file")).map_err(|error| vec![error])?] };
        let mut errors = Vec::new();
        for (name, join) in &table.join {
            let mut pointer = format!("{at}/join");
            pleach_spec::push_token(&mut pointer, name);
            let mut joined = match named(name, &join.file, format!("{pointer}/file")) {
                Ok(joined) => joined,
                Err(error) => {
                    errors.push(error);
                    continue;
                }
            };
            let on = |sheet: &Named| {
                sheet.header.iter().position(|column| *column == join.on).ok_or_else(|| TableError::MissingColumn {
                    file: sheet.file.clone(),
                    column: join.on.clone(),
                    pointer: format!("{pointer}/on"),
                    columns: sheet.header.clone(),
                })
            };
            match (on(&joined), on(&sheets.all[0])) {
                (Ok(there), Ok(here)) => joined.on = Some((there, here)),
                (there, here) => errors.extend(there.err().into_iter().chain(here.err())),
            }
            sheets.all.push(joined);
        }
        if errors.is_empty() { Ok(sheets) } else { Err(errors) }
    }

    /// The column of a name.
    pub fn place(&self, name: &str, pointer: &str) -> Result<Place, TableError> {
        let prefixed = name.split_once('.').and_then(|(prefix, rest)| {
            let sheet = self.all.iter().skip(1).position(|sheet| sheet.name == prefix)?;
            Some((sheet + 1, rest))
        });
        let (sheet, own) = prefixed.unwrap_or((0, name));
        let Named { file, header, .. } = &self.all[sheet];
        match header.iter().position(|column| column == own) {
            Some(column) => Ok(Place { sheet, column }),
            None => Err(TableError::MissingColumn {
                file: file.clone(),
                column: own.to_owned(),
                pointer: pointer.to_owned(),
                columns: header.clone(),
            }),
        }
    }

    /// Reads these columns, and at most so many rows of the table's own file.
    pub fn read(&mut self, places: &[Place], limit: usize) -> Result<(), TableError> {
        let keys: Vec<usize> = self.all.iter().filter_map(|sheet| Some(sheet.on?.1)).collect();
        for index in 0..self.all.len() {
            let Named { name, file, header, on, .. } = &self.all[index];
            let wanted = |column: &str| {
                let position = header.iter().position(|other| other == column);
                position.is_some_and(|position| {
                    places.contains(&Place { sheet: index, column: position })
                        || (index == 0 && keys.contains(&position))
                        || on.is_some_and(|(there, _)| there == position)
                })
            };
            let pointer = match index {
                0 => "/evaluator/table/file".to_owned(),
                _ => format!("/evaluator/table/join/{name}/file"),
            };
            let limit = if index == 0 { limit } else { usize::MAX };
            let sheet = Sheet::read(file, &wanted, limit).map_err(|source| TableError::Sheet { source, pointer })?;
            let rows = match *on {
                None => Vec::new(),
                Some((there, here)) => matched(&sheet, there, self.all[0].sheet.as_ref(), here)?,
            };
            self.all[index].sheet = Some(sheet);
            self.all[index].rows = rows;
        }
        Ok(())
    }

    /// The rows of the table's own file that were read.
    pub fn rows(&self) -> usize {
        self.all[0].sheet.as_ref().map_or(0, Sheet::rows)
    }

    /// The table's own file.
    pub fn file(&self) -> &PathBuf {
        &self.all[0].file
    }

    /// All files.
    pub fn files(&self) -> impl Iterator<Item = &PathBuf> {
        self.all.iter().map(|sheet| &sheet.file)
    }

    /// The value of a row in a column.
    pub fn cell(&self, row: usize, place: Place) -> Cell<'_> {
        let named = &self.all[place.sheet];
        let Some(sheet) = &named.sheet else { return Cell::Empty };
        match place.sheet {
            0 => sheet.cell(row, place.column),
            _ => named.rows[row].map_or(Cell::Empty, |row| sheet.cell(row as usize, place.column)),
        }
    }

    /// Where a row stands, such as `line 7`.
    pub fn row_name(&self, row: usize) -> String {
        self.all[0].sheet.as_ref().map_or(String::new(), |sheet| sheet.row_name(row))
    }

    /// An error about a cell.
    pub fn wrong(&self, row: usize, place: Place, problem: String) -> TableError {
        let named = &self.all[place.sheet];
        let there = if place.sheet == 0 { Some(row) } else { named.rows[row].map(|row| row as usize) };
        let row = named.sheet.as_ref().zip(there).map_or(String::new(), |(sheet, row)| sheet.row_name(row));
        TableError::Cell {
            file: named.file.clone(),
            row,
            column: named.header[place.column].clone(),
            cell: there.map_or(String::new(), |row| match &named.sheet {
                Some(sheet) => sheet.cell(row, place.column).show(),
                None => String::new(),
            }),
            problem,
        }
    }
}

/// Where a file lies.
pub(super) fn path(file: &TableFile, locations: &Locations, pointer: &str) -> Result<PathBuf, TableError> {
    match file {
        TableFile::Path(path) => Ok(locations.base.join(path)),
        TableFile::Published(published) => published_file(&published.fetched, &locations.caches)
            .map_err(|error| TableError::NotFetched { message: error.to_string(), pointer: pointer.to_owned() }),
    }
}

/// For each row of the table's own file, the row of a joined one with the same key.
fn matched(joined: &Sheet, there: usize, own: Option<&Sheet>, here: usize) -> Result<Vec<Option<u32>>, TableError> {
    let mut found: HashMap<String, u32> = HashMap::with_capacity(joined.rows());
    for row in 0..joined.rows() {
        if let Some(first) = found.insert(joined.cell(row, there).show(), row as u32) {
            let (first, second) = (joined.row_name(first as usize), joined.row_name(row));
            return Err(TableError::Twice { file: joined.file().to_owned(), first, second });
        }
    }
    let Some(own) = own else { return Ok(Vec::new()) };
    Ok((0..own.rows()).map(|row| found.get(&own.cell(row, here).show()).copied()).collect())
}
