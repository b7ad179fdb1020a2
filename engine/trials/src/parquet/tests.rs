use crate::testing;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::{Field, Row};

#[test]
fn a_reader_finds_the_values_of_the_csv_table_with_their_types() {
    let root = tempfile::tempdir().unwrap();
    let trials = testing::trials(root.path());
    let path = root.path().join("small.parquet");
    super::parquet(&trials, &path).unwrap();
    let reader = SerializedFileReader::new(std::fs::File::open(&path).unwrap()).unwrap();
    let rows: Vec<Row> = reader.get_row_iter(None).unwrap().map(Result::unwrap).collect();

    let mut text = Vec::new();
    trials.csv_to(&mut text).unwrap();
    let mut table = csv::Reader::from_reader(text.as_slice());
    let header = table.headers().unwrap().clone();
    for (row, expected) in rows.iter().zip(table.records()) {
        let expected = expected.unwrap();
        for ((name, field), (column, expected)) in row.get_column_iter().zip(header.iter().zip(&expected)) {
            assert_eq!(name, column);
            match field {
                Field::Null => assert_eq!(expected, "", "{name}"),
                Field::Str(text) => assert_eq!(expected, text, "{name}"),
                Field::Bool(truth) => assert_eq!(expected, truth.to_string(), "{name}"),
                Field::Long(number) => assert_eq!(expected, number.to_string(), "{name}"),
                // In CSV seconds are rounded to milliseconds.
                Field::Double(number) if name == "seconds" => assert_eq!(expected, format!("{number:.3}")),
                Field::Double(number) if number.is_nan() => assert_eq!(expected, "NaN", "{name}"),
                Field::Double(number) => assert_eq!(expected.parse::<f64>().unwrap(), *number, "{name}"),
                other => panic!("{name} is {other:?}"),
            }
        }
    }
    assert_eq!(rows.len(), 6);
    assert_eq!(rows[0].len(), header.len());
    let metadata = reader.metadata().file_metadata().key_value_metadata().unwrap();
    assert!(metadata.iter().any(|entry| entry.key == "run" && entry.value.as_deref() == Some("small-1")));
}

#[test]
fn pandas_reads_it() {
    let root = tempfile::tempdir().unwrap();
    let trials = testing::trials(root.path());
    super::parquet(&trials, &root.path().join("small.parquet")).unwrap();
    trials.csv(&root.path().join("small.csv")).unwrap();
    let script = r#"
import pandas, sys
typed = pandas.read_parquet(sys.argv[1] + "/small.parquet")
plain = pandas.read_csv(sys.argv[1] + "/small.csv")
assert list(typed.columns) == list(plain.columns), (typed.columns, plain.columns)
for name in plain.columns:
    for one, other in zip(typed[name], plain[name]):
        assert (pandas.isna(one) and pandas.isna(other)) or str(one) == str(other) or float(one) == float(other), (name, one, other)
print(len(typed))
"#;
    let Some(said) = testing::python("pandas, pyarrow", script, root.path()) else { return };
    assert_eq!(said.trim(), "6");
}
