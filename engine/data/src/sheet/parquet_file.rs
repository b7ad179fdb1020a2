//! Parquet without nesting: columns of texts, numbers, truth values.

use super::{Column, Form, Sheet, SheetError, Texts};
use parquet::basic::{Compression, LogicalType, Repetition, Type as Physical};
use parquet::column::reader::{ColumnReader, ColumnReaderImpl};
use parquet::data_type::{ByteArray, ByteArrayType, DataType, DoubleType};
use parquet::errors::{ParquetError, Result};
use parquet::file::properties::WriterProperties;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::types::{ColumnDescriptor, Type};
use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;

/// Rows that are read at once.
const BATCH: usize = 16_384;

fn open(file: &Path) -> std::result::Result<SerializedFileReader<File>, SheetError> {
    let stream = File::open(file).map_err(|source| SheetError::File { file: file.to_owned(), source })?;
    SerializedFileReader::new(stream).map_err(|error| wrong(file, &error))
}

fn wrong(file: &Path, error: &ParquetError) -> SheetError {
    let message = match error {
        ParquetError::General(message) | ParquetError::NYI(message) => message.clone(),
        other => other.to_string(),
    };
    SheetError::Parquet { file: file.to_owned(), message: format!("this Parquet file cannot be read: {message}") }
}

pub(super) fn header(file: &Path) -> std::result::Result<Vec<String>, SheetError> {
    let reader = open(file)?;
    Ok(reader
        .metadata()
        .file_metadata()
        .schema_descr()
        .columns()
        .iter()
        .map(|column| column.name().to_owned())
        .collect())
}

pub(super) fn read(file: &Path, wanted: &dyn Fn(&str) -> bool, limit: usize) -> std::result::Result<Sheet, SheetError> {
    let reader = open(file)?;
    let described = reader.metadata().file_metadata().schema_descr().columns().to_vec();
    let rows = usize::try_from(reader.metadata().file_metadata().num_rows()).unwrap_or(0).min(limit);
    let mut columns = Vec::with_capacity(described.len());
    for (place, column) in described.iter().enumerate() {
        let name = column.name().to_owned();
        let values = match wanted(&name) {
            true => Some(values(&reader, place, column, rows).map_err(|error| match error {
                ParquetError::NYI(message) => {
                    let message = format!("column `{name}` {message}: write it as a text or a number");
                    SheetError::Parquet { file: file.to_owned(), message }
                }
                other => wrong(file, &other),
            })?),
            false => None,
        };
        columns.push((name, values));
    }
    Ok(Sheet { file: file.to_owned(), form: Form::Parquet, rows, columns, lines: Vec::new() })
}

/// All values of a column.
fn values(reader: &SerializedFileReader<File>, place: usize, column: &ColumnDescriptor, rows: usize) -> Result<Column> {
    if column.max_rep_level() > 0 || column.path().parts().len() > 1 {
        return Err(ParquetError::NYI("is nested".to_owned()));
    }
    let mut texts = Texts::default();
    let mut numbers = Vec::new();
    let mut left = rows;
    for group in 0..reader.num_row_groups() {
        if left == 0 {
            break;
        }
        let levels = column.max_def_level();
        let group = reader.get_row_group(group)?;
        let number = |numbers: &mut Vec<f64>, value: Option<f64>| numbers.push(value.unwrap_or(f64::NAN));
        let read = match group.get_column_reader(place)? {
            ColumnReader::ByteArrayColumnReader(reader) => {
                each(reader, levels, left, &mut |value: Option<&ByteArray>| {
                    let text = value.map(|bytes| std::str::from_utf8(bytes.data())).transpose();
                    texts.push(
                        text.map_err(|_| ParquetError::General("a text is no UTF-8".to_owned()))?.unwrap_or("").trim(),
                    );
                    Ok(())
                })
            }
            ColumnReader::BoolColumnReader(reader) => each(reader, levels, left, &mut |value: Option<&bool>| {
                texts.push(value.map_or("", |value| if *value { "true" } else { "false" }));
                Ok(())
            }),
            ColumnReader::Int32ColumnReader(reader) => each(reader, levels, left, &mut |value: Option<&i32>| {
                number(&mut numbers, value.map(|value| f64::from(*value)));
                Ok(())
            }),
            ColumnReader::Int64ColumnReader(reader) => each(reader, levels, left, &mut |value: Option<&i64>| {
                number(&mut numbers, value.map(|value| *value as f64));
                Ok(())
            }),
            ColumnReader::FloatColumnReader(reader) => each(reader, levels, left, &mut |value: Option<&f32>| {
                number(&mut numbers, value.map(|value| f64::from(*value)));
                Ok(())
            }),
            ColumnReader::DoubleColumnReader(reader) => each(reader, levels, left, &mut |value: Option<&f64>| {
                number(&mut numbers, value.copied());
                Ok(())
            }),
            _ => Err(ParquetError::NYI(format!("is of the kind {}", column.physical_type()))),
        }?;
        left -= read;
    }
    Ok(match column.physical_type() {
        Physical::BYTE_ARRAY | Physical::BOOLEAN => Column::Text(texts),
        _ => Column::Number(numbers),
    })
}

/// Hands every value of a column of a row group on, at most so many; the number of rows that were read.
fn each<T: DataType>(
    mut reader: ColumnReaderImpl<T>,
    levels: i16,
    limit: usize,
    take: &mut dyn FnMut(Option<&T::T>) -> Result<()>,
) -> Result<usize> {
    let (mut present, mut values) = (Vec::new(), Vec::new());
    let mut rows = 0;
    while rows < limit {
        present.clear();
        values.clear();
        let wanted = BATCH.min(limit - rows);
        let (read, _, _) = reader.read_records(wanted, Some(&mut present), None, &mut values)?;
        if read == 0 {
            break;
        }
        let mut found = values.iter();
        for row in 0..read {
            let there = levels == 0 || present.get(row).is_some_and(|level| *level == levels);
            take(if there { found.next() } else { None })?;
        }
        rows += read;
    }
    Ok(rows)
}

/// Writes columns of equal length as one Parquet file, compressed by Snappy. An empty text and NaN are null.
///
/// # Errors
/// The file cannot be written.
pub fn write(file: impl Write + Send, columns: &[(String, Column)]) -> Result<()> {
    let fields = columns.iter().map(|(name, column)| {
        let (physical, logical) = match column {
            Column::Text(_) => (Physical::BYTE_ARRAY, Some(LogicalType::String)),
            Column::Number(_) => (Physical::DOUBLE, None),
        };
        let field = Type::primitive_type_builder(name, physical).with_repetition(Repetition::OPTIONAL);
        field.with_logical_type(logical).build().map(Arc::new)
    });
    let schema = Type::group_type_builder("table").with_fields(fields.collect::<Result<_>>()?).build()?;
    let properties = WriterProperties::builder()
        .set_created_by(format!("pleach {}", env!("CARGO_PKG_VERSION")))
        .set_compression(Compression::SNAPPY)
        .build();
    let mut file = SerializedFileWriter::new(file, Arc::new(schema), Arc::new(properties))?;
    let mut group = file.next_row_group()?;
    for (_, column) in columns {
        match column {
            Column::Text(texts) => {
                let texts =
                    texts.iter().map(|text| (!text.is_empty()).then(|| ByteArray::from(text.as_bytes().to_vec())));
                write_column::<ByteArrayType, _>(&mut group, texts.collect())?;
            }
            Column::Number(numbers) => {
                let numbers = numbers.iter().map(|number| (!number.is_nan()).then_some(*number));
                write_column::<DoubleType, _>(&mut group, numbers.collect())?;
            }
        }
    }
    group.close()?;
    file.close().map(drop)
}

fn write_column<T: DataType, W: Write + Send>(
    group: &mut SerializedRowGroupWriter<'_, W>,
    values: Vec<Option<T::T>>,
) -> Result<()> {
    let present: Vec<i16> = values.iter().map(|value| i16::from(value.is_some())).collect();
    let values: Vec<T::T> = values.into_iter().flatten().collect();
    if let Some(mut column) = group.next_column()? {
        column.typed::<T>().write_batch(&values, Some(&present), None)?;
        column.close()?;
    }
    Ok(())
}
