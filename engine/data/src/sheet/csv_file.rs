//! CSV with a header line, gzip or not.

use super::{Column, Form, Sheet, SheetError, Texts};
use crate::bounded::{RowEnd, Rows, open_file};
use csv::StringRecord;
use flate2::read::MultiGzDecoder;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

/// A reader of rows, and what is to be told after each of them.
fn open(file: &Path) -> Result<(csv::Reader<Box<dyn Read>>, RowEnd), SheetError> {
    let wrong = |source| SheetError::File { file: file.to_owned(), source };
    let mut stream = BufReader::new(open_file(file).map_err(wrong)?);
    let zipped = stream.fill_buf().map_err(wrong)?.starts_with(&[0x1f, 0x8b]);
    let stream: Box<dyn Read> = if zipped { Box::new(MultiGzDecoder::new(stream)) } else { Box::new(stream) };
    let (rows, row_end) = Rows::new(stream);
    Ok((csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(Box::new(rows) as Box<dyn Read>), row_end))
}

fn wrong(file: &Path, error: csv::Error) -> SheetError {
    let line = error.position().map_or(1, csv::Position::line);
    let message = match error.kind() {
        csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
            format!("the line has {len} fields where the header has {expected_len}")
        }
        csv::ErrorKind::Utf8 { .. } => "the line is no UTF-8 text".to_owned(),
        _ => match error.into_kind() {
            csv::ErrorKind::Io(source) => return SheetError::File { file: file.to_owned(), source },
            other => format!("{other:?}"),
        },
    };
    SheetError::Line { file: file.to_owned(), line, message }
}

pub(super) fn header(file: &Path) -> Result<Vec<String>, SheetError> {
    let (mut reader, _) = open(file)?;
    Ok(reader.headers().map_err(|error| wrong(file, error))?.iter().map(str::to_owned).collect())
}

pub(super) fn read(file: &Path, wanted: &dyn Fn(&str) -> bool, limit: usize) -> Result<Sheet, SheetError> {
    let (mut reader, row_end) = open(file)?;
    let header = reader.headers().map_err(|error| wrong(file, error))?;
    let mut columns: Vec<(String, Option<Texts>)> =
        header.iter().map(|name| (name.to_owned(), wanted(name).then(Texts::default))).collect();
    let mut lines = Vec::new();
    let mut record = StringRecord::new();
    while lines.len() < limit && reader.read_record(&mut record).map_err(|error| wrong(file, error))? {
        row_end.reached();
        lines.push(record.position().map_or(0, csv::Position::line));
        for (text, (_, column)) in record.iter().zip(&mut columns) {
            if let Some(column) = column {
                column.push(text);
            }
        }
    }
    let columns = columns.into_iter().map(|(name, texts)| (name, texts.map(Column::Text))).collect();
    Ok(Sheet { file: file.to_owned(), form: Form::Csv, rows: lines.len(), columns, lines })
}
