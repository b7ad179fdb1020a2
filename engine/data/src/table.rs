//! A CSV file with a header (RFC 4180; comma, semicolon or tab): one row an example, one column the class.

use crate::bounded::{RowEnd, Rows};
use crate::file::open;
use crate::{DataError, DataShape, Examples, Inputs};
use csv::{ByteRecord, Position, Reader, ReaderBuilder};
use pleach_spec::Csv;
use std::collections::BTreeMap;
use std::collections::HashSet;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

const EXPECTED: &str = "a CSV file with a header line";
const PATH_REMEDY: &str = "check the path in `data.dataset`, which is relative to the experiment's file";
/// A table has at most so many rows.
const MOST_ROWS: u64 = 10_000_000;
const CELL_REMEDY: &str = "fill it in, or remove the row or the column";

/// The opened file, its columns and which of them is the target.
struct Table<'a> {
    file: &'a Path,
    reader: Reader<Box<dyn Read>>,
    columns: Vec<String>,
    target: usize,
    row_end: RowEnd,
}

/// Numbers of all columns but the target's, as they stand in the file, and classes in their order: numbers by size, texts by
/// their bytes.
pub(crate) fn read(file: &Path, csv: &Csv) -> Result<Examples, DataError> {
    let mut table = Table::open(file, &csv.target)?;
    let shape = table.shape(csv)?;
    let mut features = Vec::new();
    let mut targets = Targets::default();
    table.rows(|table, record| {
        for (index, cell) in record.iter().enumerate() {
            if index != table.target {
                features.push(table.number(cell, index, record)?);
            }
        }
        table.target(record, &mut targets)
    })?;
    let (classes, labels) = targets.classes(file, &csv.target)?;
    Ok(Examples { shape, inputs: Inputs::Features(features), labels, classes, own_test: None })
}

/// Reads the header and the target's column; other cells are not looked at.
pub(crate) fn inspect(file: &Path, csv: &Csv) -> Result<DataShape, DataError> {
    let mut table = Table::open(file, &csv.target)?;
    let shape = table.shape(csv)?;
    let mut targets = Targets::default();
    table.rows(|table, record| table.target(record, &mut targets))?;
    let (classes, labels) = targets.classes(file, &csv.target)?;
    Ok(DataShape { shape, classes: classes.len(), examples: Some(labels.len()) })
}

/// The names of the columns.
pub(crate) fn columns(file: &Path) -> Result<Vec<String>, DataError> {
    Ok(open_table(file)?.1)
}

/// A reader behind the header, the names of the columns, and what is told after each row.
type Opened = (Reader<Box<dyn Read>>, Vec<String>, RowEnd);

fn open_table(file: &Path) -> Result<Opened, DataError> {
    if file.is_dir() {
        return Err(DataError::unsuitable(file, "is a folder, expected a CSV file", "name the file inside"));
    }
    let mut input = BufReader::with_capacity(1 << 16, open(file, EXPECTED, PATH_REMEDY)?);
    let start = input.fill_buf().map_err(|error| {
        DataError::damaged(file, EXPECTED, format!("gzip data that cannot be decompressed ({error})"), "copy it again")
    })?;
    let bom = byte_order_mark(start);
    let header = start[bom..].split(|&byte| byte == b'\n').next().unwrap_or(&[]);
    let delimiter = *b",;\t".iter().find(|delimiter| header.contains(delimiter)).unwrap_or(&b',');
    input.consume(bom);
    let (input, row_end) = Rows::new(input);
    let mut reader = ReaderBuilder::new().delimiter(delimiter).from_reader(Box::new(input) as Box<dyn Read>);
    let headers = reader.byte_headers().map_err(|error| csv_error(file, &error))?;
    let mut columns = Vec::with_capacity(headers.len());
    let mut seen = HashSet::with_capacity(headers.len());
    for cell in headers {
        let Ok(name) = std::str::from_utf8(cell.trim_ascii()) else {
            return Err(DataError::damaged(file, EXPECTED, "a header that is not UTF-8", "save it as UTF-8"));
        };
        if !seen.insert(name.to_owned()) {
            let problem = format!("has more than one column `{name}`");
            return Err(DataError::unsuitable(file, problem, "name each column differently"));
        }
        columns.push(name.to_owned());
    }
    if columns.is_empty() {
        return Err(DataError::damaged(file, EXPECTED, "an empty file", "check that it was written whole"));
    }
    if columns.iter().all(|column| column.parse::<f64>().is_ok()) {
        let problem = "begins with numbers where the names of the columns are expected";
        return Err(DataError::unsuitable(file, problem, "put a header line before them"));
    }
    Ok((reader, columns, row_end))
}

fn csv_error(file: &Path, error: &csv::Error) -> DataError {
    match error.kind() {
        csv::ErrorKind::UnequalLengths { pos, expected_len, len } => {
            let line = line(file, pos.as_ref());
            let expected = format!("{expected_len} cells in line {line}, as in the header");
            DataError::damaged(file, expected, format!("{len} cells"), "complete or remove the line")
        }
        _ => DataError::damaged(file, EXPECTED, error.to_string(), "check that it was written whole"),
    }
}

/// The line that a record begins at. Its position is where the one before ended, so empty lines between them are counted
/// here, by reading the file again: only an error asks.
fn line(file: &Path, position: Option<&Position>) -> u64 {
    let Some(position) = position else { return 1 };
    let gap = || -> Option<u64> {
        let mut content = BufReader::with_capacity(1 << 16, open(file, EXPECTED, PATH_REMEDY).ok()?);
        let start = byte_order_mark(content.fill_buf().ok()?) as u64 + position.byte();
        io::copy(&mut content.by_ref().take(start), &mut io::sink()).ok()?;
        let breaks = content.bytes().map_while(Result::ok).take_while(|byte| matches!(byte, b'\r' | b'\n'));
        Some(breaks.filter(|&byte| byte == b'\n').count() as u64)
    };
    position.line() + gap().unwrap_or(0)
}

fn byte_order_mark(start: &[u8]) -> usize {
    if start.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 }
}

impl<'a> Table<'a> {
    fn open(file: &'a Path, target: &str) -> Result<Self, DataError> {
        let (reader, columns, row_end) = open_table(file)?;
        let Some(target) = columns.iter().position(|column| column == target) else {
            const FEW: usize = 20;
            let mut names: Vec<String> = columns.iter().take(FEW).map(|column| format!("`{column}`")).collect();
            if columns.len() > FEW {
                names.push(format!("and {} more", columns.len() - FEW));
            }
            let problem = format!("has no column `{target}`");
            return Err(DataError::unsuitable(file, problem, format!("name one of its columns: {}", names.join(", "))));
        };
        if columns.len() < 2 {
            let problem = "has the target column only";
            return Err(DataError::unsuitable(file, problem, "add columns of numbers, the features"));
        }
        Ok(Table { file, reader, columns, target, row_end })
    }

    fn shape(&self, csv: &Csv) -> Result<Vec<usize>, DataError> {
        let features = self.columns.len() - 1;
        match &csv.shape {
            None => Ok(vec![features]),
            Some(shape) if shape.iter().map(|&axis| axis as u128).product::<u128>() == features as u128 => {
                Ok(shape.clone())
            }
            Some(shape) => {
                let problem =
                    format!("has {features} columns beside the target, which do not fill the shape {shape:?}");
                Err(DataError::unsuitable(self.file, problem, "correct `shape`, or leave it away for flat features"))
            }
        }
    }

    /// Calls for each row.
    fn rows(&mut self, mut each: impl FnMut(&Self, &ByteRecord) -> Result<(), DataError>) -> Result<(), DataError> {
        let mut record = ByteRecord::new();
        let mut rows = 0;
        while self.reader.read_byte_record(&mut record).map_err(|error| csv_error(self.file, &error))? {
            each(self, &record)?;
            self.row_end.reached();
            rows += 1;
            if rows > MOST_ROWS {
                let problem = format!("has more than {MOST_ROWS} rows");
                return Err(DataError::unsuitable(self.file, problem, "take a part of them"));
            }
        }
        Ok(())
    }

    fn number(&self, cell: &[u8], column: usize, record: &ByteRecord) -> Result<f32, DataError> {
        let cell = cell.trim_ascii();
        let number = std::str::from_utf8(cell).ok().and_then(|cell| cell.parse::<f32>().ok());
        number.filter(|number| number.is_finite()).ok_or_else(|| {
            let (problem, remedy) = if cell.is_empty() {
                ("the cell is empty, expected a number".to_owned(), CELL_REMEDY)
            } else {
                let shown: String = String::from_utf8_lossy(cell).chars().take(40).collect();
                let remedy =
                    "write it as a number (one column a category where it is a category), or remove the column";
                (format!("`{shown}` is no finite number"), remedy)
            };
            self.cell_error(column, record, problem, remedy)
        })
    }

    fn target(&self, record: &ByteRecord, targets: &mut Targets) -> Result<(), DataError> {
        let cell = record.get(self.target).unwrap_or(&[]).trim_ascii();
        match std::str::from_utf8(cell) {
            Ok("") => {
                Err(self.cell_error(self.target, record, "the cell is empty, expected a class".into(), CELL_REMEDY))
            }
            Ok(class) => {
                targets.push(class);
                Ok(())
            }
            Err(_) => {
                let problem = "the cell is not UTF-8".to_owned();
                Err(self.cell_error(self.target, record, problem, "save the file as UTF-8"))
            }
        }
    }

    fn cell_error(&self, column: usize, record: &ByteRecord, problem: String, remedy: &str) -> DataError {
        let column = self.columns[column].clone();
        let line = line(self.file, record.position());
        DataError::Cell { file: self.file.to_owned(), line, column, problem, remedy: remedy.to_owned() }
    }
}

/// The target column: each text met, numbered in the order of their first rows.
#[derive(Default)]
struct Targets {
    numbers: BTreeMap<String, u32>,
    rows: Vec<u32>,
}

impl Targets {
    fn push(&mut self, class: &str) {
        let number = match self.numbers.get(class) {
            Some(&number) => number,
            None => {
                let number = self.numbers.len() as u32;
                self.numbers.insert(class.to_owned(), number);
                number
            }
        };
        self.rows.push(number);
    }

    /// The classes in their order and the class of each row. `1` and `1.0` are one class where all are numbers.
    fn classes(self, file: &Path, target: &str) -> Result<(Vec<String>, Vec<u32>), DataError> {
        let as_number = |text: &String| text.parse::<f64>().ok().filter(|number| number.is_finite());
        let numeric: Option<Vec<f64>> = self.numbers.keys().map(as_number).collect();
        let texts: Vec<(&String, u32)> = self.numbers.iter().map(|(text, &number)| (text, number)).collect();
        let mut classes: Vec<String> = Vec::new();
        let mut label_of = vec![0; texts.len()];
        match numeric {
            Some(values) => {
                // Adding 0 makes -0 the same class as 0.
                let mut sorted: Vec<(f64, u32)> =
                    values.iter().zip(&texts).map(|(value, &(_, number))| (value + 0.0, number)).collect();
                sorted.sort_by(|a, b| a.0.total_cmp(&b.0));
                for (index, &(value, number)) in sorted.iter().enumerate() {
                    if index == 0 || sorted[index - 1].0 != value {
                        classes.push(value.to_string());
                    }
                    label_of[number as usize] = classes.len() as u32 - 1;
                }
            }
            None => {
                for (text, number) in texts {
                    classes.push(text.clone());
                    label_of[number as usize] = classes.len() as u32 - 1;
                }
            }
        }
        let labels: Vec<u32> = self.rows.iter().map(|&number| label_of[number as usize]).collect();
        check_classes(file, target, classes.len(), labels.len())?;
        Ok((classes, labels))
    }
}

/// A target with hardly two rows a class is a measured quantity or an identifier.
fn check_classes(file: &Path, target: &str, classes: usize, rows: usize) -> Result<(), DataError> {
    if rows == 0 {
        return Err(DataError::unsuitable(file, "has a header but no row", "add rows, one an example"));
    }
    if classes < 2 {
        let problem = format!("all rows have one class in the column `{target}`");
        return Err(DataError::unsuitable(file, problem, "name the column that holds the class"));
    }
    if classes > 20 && classes > rows / 2 {
        let problem =
            format!("the column `{target}` holds {classes} different values in {rows} rows, which are no classes");
        let remedy = "name the column that holds the class; a measured quantity can be cut into ranges first";
        return Err(DataError::unsuitable(file, problem, remedy));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::idx::tests::gzip;
    use std::fs;

    fn csv(target: &str) -> Csv {
        Csv { path: String::new(), target: target.into(), shape: None }
    }

    fn read_text(text: impl AsRef<[u8]>, csv: &Csv) -> Result<Examples, DataError> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("flowers.csv");
        fs::write(&file, text).unwrap();
        let examples = read(&file, csv);
        if let Ok(examples) = &examples {
            assert_eq!(inspect(&file, csv).unwrap(), examples.data_shape());
        }
        examples
    }

    const FLOWERS: &str = "length,kind,width\n1.5,rose,2\n-3e1,aster,4\n0.25,rose,6\n";

    #[test]
    fn features_and_classes_are_read() {
        let examples = read_text(FLOWERS, &csv("kind")).unwrap();
        assert_eq!(examples.shape, [2]);
        assert_eq!(examples.inputs, Inputs::Features(vec![1.5, 2.0, -30.0, 4.0, 0.25, 6.0]));
        assert_eq!((examples.classes, examples.labels), (vec!["aster".into(), "rose".into()], vec![1, 0, 1]));
    }

    #[test]
    fn gzip_other_delimiters_quotes_and_a_byte_order_mark_make_no_difference() {
        let examples = read_text(FLOWERS, &csv("kind")).unwrap();
        let others = [
            gzip(FLOWERS.as_bytes()),
            FLOWERS.replace(',', ";").into_bytes(),
            FLOWERS.replace(',', "\t").replace('\n', "\r\n").into_bytes(),
            FLOWERS
                .replace("rose", "\"rose\"")
                .replace(',', " , ")
                .replace("\" ", "\"")
                .replace(" \"", "\"")
                .into_bytes(),
            format!("\u{feff}{FLOWERS}").into_bytes(),
        ];
        for other in others {
            assert_eq!(read_text(other, &csv("kind")).unwrap(), examples);
        }
    }

    #[test]
    fn numeric_classes_are_sorted_by_size() {
        let examples = read_text("x,y\n1,10\n1,9\n1,10.0\n1,-1\n", &csv("y")).unwrap();
        assert_eq!((examples.classes, examples.labels), (vec!["-1".into(), "9".into(), "10".into()], vec![2, 1, 2, 0]));
    }

    #[test]
    fn features_may_be_an_image() {
        let mut image = csv("y");
        image.shape = Some(vec![1, 2, 2]);
        let text = "a,b,c,d,y\n1,2,3,4,u\n5,6,7,8,v\n";
        assert_eq!(read_text(text, &image).unwrap().shape, [1, 2, 2]);
        image.shape = Some(vec![1, 2, 3]);
        let message = read_text(text, &image).unwrap_err().to_string();
        assert!(
            message.contains("has 4 columns beside the target, which do not fill the shape [1, 2, 3]"),
            "{message}"
        );
    }

    #[test]
    fn mistakes_are_named_with_line_and_column() {
        let cases: [(&str, &str); 14] = [
            ("length,kind,width\n1,a,2\n1,b,\n", "flowers.csv`, line 3, column `width`: the cell is empty"),
            ("length,kind,width\n1,a,2\n1,b,NA\n", "line 3, column `width`: `NA` is no finite number"),
            ("length,kind,width\n1,a,2\nnan,b,3\n", "line 3, column `length`: `nan` is no finite number"),
            ("length,kind,width\n1e99,a,2\n", "line 2, column `length`: `1e99` is no finite number"),
            ("length,kind,width\n1,a,2\n\n2,,3\n", "line 4, column `kind`: the cell is empty, expected a class"),
            ("length,kind,width\r\n1,a,2\r\n\r\n2,,3\r\n", "line 4, column `kind`: the cell is empty"),
            ("length,kind,width\n1,a,2\n1,b\n", "expected 3 cells in line 3, as in the header, found 2 cells"),
            ("length,width\n1,2\n", "has no column `kind`; name one of its columns: `length`, `width`"),
            ("kind\na\n", "has the target column only"),
            ("length,kind,kind\n1,a,a\n", "more than one column `kind`"),
            ("length,kind\n1,a\n2,a\n", "all rows have one class"),
            ("length,kind\n", "has a header but no row"),
            ("", "found an empty file"),
            ("1,2\n3,4\n", "begins with numbers"),
        ];
        for (text, expected) in cases {
            let message = read_text(text, &csv("kind")).unwrap_err().to_string();
            assert!(message.contains(expected), "{message}");
            assert!(message.contains("flowers.csv"), "{message}");
        }
        let many: String = (0..50).map(|index| format!("1,{index}.5\n")).collect();
        let message = read_text(format!("x,kind\n{many}"), &csv("kind")).unwrap_err().to_string();
        assert!(message.contains("50 different values in 50 rows"), "{message}");
        let mut cut = gzip(FLOWERS.as_bytes());
        cut.truncate(cut.len() / 2);
        let message = read_text(cut, &csv("kind")).unwrap_err().to_string();
        assert!(message.contains("flowers.csv` is damaged"), "{message}");
        let message = read(Path::new("/nowhere/flowers.csv"), &csv("kind")).unwrap_err().to_string();
        assert!(message.contains("`/nowhere/flowers.csv` is missing"), "{message}");
    }
}
