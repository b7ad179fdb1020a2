use super::*;
use std::io::Write;

fn columns() -> Vec<(String, Column)> {
    vec![
        ("code".into(), Column::Text(["01", "", "21"].into_iter().collect())),
        ("value".into(), Column::Number(vec![0.5, 2.0, f64::NAN])),
    ]
}

fn cells(sheet: &Sheet) -> Vec<Vec<String>> {
    (0..sheet.rows()).map(|row| (0..2).map(|column| sheet.cell(row, column).show()).collect()).collect()
}

#[test]
fn parquet_gives_what_was_written_and_csv_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let parquet = folder.path().join("t.parquet");
    write_parquet(std::fs::File::create(&parquet).unwrap(), &columns()).unwrap();
    let text = "code,value,more\n01,0.5,x\n,2,y\n 21 ,,z\n";
    let csv = folder.path().join("t.csv");
    std::fs::write(&csv, text).unwrap();
    let zipped = folder.path().join("t.csv.gz");
    let mut zip = flate2::write::GzEncoder::new(std::fs::File::create(&zipped).unwrap(), flate2::Compression::fast());
    zip.write_all(text.as_bytes()).unwrap();
    zip.finish().unwrap();
    for file in [&parquet, &csv, &zipped] {
        let sheet = Sheet::read(file, &|name| name != "more", usize::MAX).unwrap();
        assert_eq!(cells(&sheet), [["01", "0.5"], ["", "2"], ["21", ""]], "{}", file.display());
        assert_eq!(sheet.cell(0, 1).number(), Some(0.5));
        assert_eq!((sheet.cell(2, 1), sheet.cell(0, 0).number()), (Cell::Empty, Some(1.0)));
        assert_eq!((sheet.place("value"), sheet.place("other")), (Some(1), None));
        assert_eq!(Sheet::read(file, &|_| true, 2).unwrap().rows(), 2);
    }
    assert_eq!(Sheet::header(&parquet).unwrap(), ["code", "value"]);
    assert_eq!(Sheet::header(&zipped).unwrap(), ["code", "value", "more"]);
    let rows = |file: &std::path::Path| Sheet::read(file, &|_| true, 9).unwrap().row_name(1);
    assert_eq!((rows(&parquet), rows(&csv)), ("row 2".to_owned(), "line 3".to_owned()));
}

#[test]
fn long_columns_are_read_in_pieces() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("t.parquet");
    let numbers: Vec<f64> = (0..40_000).map(|i| if i % 7 == 0 { f64::NAN } else { f64::from(i) }).collect();
    write_parquet(std::fs::File::create(&file).unwrap(), &[("n".into(), Column::Number(numbers.clone()))]).unwrap();
    let sheet = Sheet::read(&file, &|_| true, 33_000).unwrap();
    assert_eq!(sheet.rows(), 33_000);
    for (row, number) in numbers.into_iter().enumerate().take(sheet.rows()) {
        assert_eq!(sheet.cell(row, 0).number(), Some(number).filter(|number| !number.is_nan()));
    }
}

#[test]
fn what_is_damaged_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("t");
    std::fs::write(&file, "a,b\n1,2\n3\n").unwrap();
    let error = Sheet::read(&file, &|_| true, 9).unwrap_err().to_string();
    assert!(error.ends_with("line 3: the line has 1 fields where the header has 2"), "{error}");
    std::fs::write(&file, b"PAR1 and nothing more").unwrap();
    let error = Sheet::header(&file).unwrap_err().to_string();
    assert!(error.contains("cannot be read"), "{error}");
    let error = Sheet::header(&folder.path().join("none")).unwrap_err().to_string();
    assert!(error.starts_with("cannot read the table"), "{error}");
}
