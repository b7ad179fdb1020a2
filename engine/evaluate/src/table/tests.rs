use super::*;
use pleach_space::{Condition, Domain, Role};
use std::io::Write;
use std::path::PathBuf;

fn decision(path: &str, domain: Domain) -> Decision {
    Decision {
        path: path.into(),
        pointer: format!("/{path}"),
        name: None,
        domain,
        role: Role::Architecture,
        active_when: None,
        slot: None,
        default: 0.0,
    }
}

fn choice(path: &str, options: &[&str]) -> Decision {
    decision(path, Domain::Choice(options.iter().map(|&option| option.into()).collect()))
}

fn spec(json: serde_json::Value) -> pleach_spec::Table {
    serde_json::from_value(json).unwrap()
}

struct Csv {
    _folder: tempfile::TempDir,
    base: PathBuf,
}

fn csv(text: &str) -> Csv {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("table.csv"), text).unwrap();
    Csv { base: folder.path().into(), _folder: folder }
}

fn coded() -> pleach_spec::Table {
    spec(serde_json::json!({
        "path": "table.csv",
        "code": {"column": "code"},
        "metrics": {"accuracy": {"column": "val", "scale": 0.01}, "test": {"column": "test"}},
        "cost": "seconds"
    }))
}

fn two_edges() -> Vec<Decision> {
    vec![choice("a", &["none", "skip", "conv"]), choice("b", &["none", "skip", "conv"])]
}

#[test]
fn rows_are_found_by_code() {
    let csv = csv("code,val,test,seconds\n01,50,0.4,10\n21,75,,20.5\n");
    let table = Table::load(&coded(), &csv.base, &two_edges()).unwrap();
    assert_eq!((table.len(), table.skipped()), (2, 0));
    assert_eq!(table.metrics(), ["accuracy", "test"]);
    let row = table.lookup(&[0.0, 1.0]).unwrap();
    assert_eq!(row.metrics().into_iter().collect::<Vec<_>>(), [("accuracy".into(), 0.5), ("test".into(), 0.4)]);
    assert_eq!(row.cost_seconds(), 10.0);
    let row = table.lookup(&[2.0, 1.0]).unwrap();
    assert_eq!((row.value(0), row.value(1), row.value(2)), (Some(0.75), None, None), "an empty cell is no metric");
    assert_eq!(row.metrics().len(), 1);
    assert_eq!(table.genotypes(), [[0.0, 1.0], [2.0, 1.0]]);
    let failure = table.evaluate(&[1.0, 1.0]).unwrap_err();
    assert_eq!(failure.reason, FailureReason::Infeasible);
    assert_eq!(failure.to_string(), "the table has no row for this candidate");
}

#[test]
fn gzip_and_plain_give_the_same_rows() {
    let text = "code,val,test,seconds\n01,50,0.4,10\n";
    let csv = csv(text);
    let plain = Table::load(&coded(), &csv.base, &two_edges()).unwrap();
    let file = std::fs::File::create(csv.base.join("table.csv")).unwrap();
    let mut zipped = flate2::write::GzEncoder::new(file, flate2::Compression::fast());
    zipped.write_all(text.as_bytes()).unwrap();
    zipped.finish().unwrap();
    let gzip = Table::load(&coded(), &csv.base, &two_edges()).unwrap();
    assert_eq!(gzip.lookup(&[0.0, 1.0]).unwrap().metrics(), plain.lookup(&[0.0, 1.0]).unwrap().metrics());
    assert_ne!(gzip.digest(), plain.digest(), "the digest is the file's");
}

#[test]
fn columns_hold_labels_and_numbers_and_the_code_the_rest() {
    let mut named = decision("space.values.width", Domain::Integer { low: 4, high: 8, log: false });
    named.name = Some("width".into());
    let decisions = vec![
        named,
        choice("op", &["conv 3x3", "pool"]),
        decision("rate", Domain::Real { low: 0.001, high: 1.0, log: true }),
        decision("kernel", Domain::Levels(vec![3.0, 5.0])),
    ];
    let table = spec(serde_json::json!({
        "path": "table.csv",
        "code": {"column": "arch", "characters": "xy567"},
        "columns": {"rate": "lr", "op": "operation", "kernel": "k"},
        "metrics": {"loss": {"column": "loss"}}
    }));
    let csv = csv("k,operation,lr,arch,loss\n5,conv 3x3,1e-2,6,0.5\n3, pool ,0.5,x,-1\n7,pool,0.5,x,9\n3,pool,2,x,9\n");
    let table = Table::load(&table, &csv.base, &decisions).unwrap();
    assert_eq!((table.len(), table.skipped()), (2, 2), "kernel 7 and rate 2 are outside of the space");
    let row = table.lookup(&[7.0, 0.0, 0.01, 1.0]).unwrap();
    assert_eq!((row.value(0), row.cost_seconds()), (Some(0.5), 1.0));
    assert_eq!(table.lookup(&[4.0, 1.0, 0.5, 0.0]).unwrap().value(0), Some(-1.0));
    assert!(table.lookup(&[4.0, 1.0, 0.25, 0.0]).is_none());
}

#[test]
fn what_is_not_active_is_not_looked_at() {
    let mut decisions = two_edges();
    decisions[1].active_when = Some(Condition { decision: 0, values: vec![2.0] });
    let table = spec(serde_json::json!({
        "path": "table.csv",
        "columns": {"a": "a", "b": "b"},
        "metrics": {"loss": {"column": "loss"}}
    }));
    let rows = csv("a,b,loss\nnone,,1\nskip,n/a,2\nconv,skip,3\n");
    let loaded = Table::load(&table, &rows.base, &decisions).unwrap();
    for (genotype, loss) in [([0.0, 0.0], 1.0), ([1.0, 0.0], 2.0), ([2.0, 1.0], 3.0)] {
        assert_eq!(loaded.lookup(&genotype).unwrap().value(0), Some(loss));
    }
    let rows = csv("a,b,loss\nnone,skip,1\nconv,skip,3\nnone,conv,2\n");
    let error = Table::load(&table, &rows.base, &decisions).unwrap_err();
    assert!(matches!(error, TableError::Twice { first: 2, second: 4, .. }), "{error}");
}

#[test]
fn long_genotypes_are_found() {
    let decisions: Vec<Decision> = (0..100).map(|i| choice(&format!("d{i}"), &["a", "b"])).collect();
    let one = "0".repeat(99) + "1";
    let csv = csv(&format!("code,val,test,seconds\n{},1,1,1\n{one},2,2,2\n", "0".repeat(100)));
    let table = Table::load(&coded(), &csv.base, &decisions).unwrap();
    let mut genotype = vec![0.0; 100];
    assert_eq!(table.lookup(&genotype).unwrap().value(1), Some(1.0));
    genotype[99] = 1.0;
    assert_eq!(table.lookup(&genotype).unwrap().value(1), Some(2.0));
    genotype[0] = 1.0;
    assert!(table.lookup(&genotype).is_none());
    assert!(table.lookup(&[0.0]).is_none(), "another length is no row");
}

#[test]
fn mistakes_in_the_experiment_are_all_told_with_their_places() {
    let csv = csv("code,val,test,seconds\n01,50,0.4,10\n");
    let table = spec(serde_json::json!({
        "path": "table.csv",
        "columns": {"c": "code", "a/b": "vall"},
        "metrics": {"accuracy": {"column": "vla"}},
        "cost": "secnds"
    }));
    let errors = Table::inspect(&table, &csv.base, &two_edges());
    let told: Vec<(String, Option<String>)> = errors.iter().map(|error| (error.pointer(), error.help())).collect();
    let expected = [
        ("/evaluator/table/columns/a~1b", "did you mean `val`?"),
        ("/evaluator/table/metrics/accuracy/column", "did you mean `val`?"),
        ("/evaluator/table/cost", "did you mean `seconds`?"),
        ("/evaluator/table/columns/c", "there are `a`, `b`"),
        ("/evaluator/table/columns/a~1b", "did you mean `a`?"),
        ("/evaluator/table", "name its column, `columns: {'a': COLUMN}`, or the column of a `code`"),
        ("/evaluator/table", "name its column, `columns: {'b': COLUMN}`, or the column of a `code`"),
    ];
    assert_eq!(told, expected.map(|(pointer, help)| (pointer.to_owned(), Some(help.to_owned()))));
    assert!(Table::load(&table, &csv.base, &two_edges()).is_err());
}

#[test]
fn mistakes_in_the_file_name_line_and_column() {
    let cases = [
        (
            "code,val,test,seconds\n01,1,1,1\n012,1,1,1\n",
            "line 3, column `code`: the code `012` has 3 characters where 2",
        ),
        (
            "code,val,test,seconds\n01,1,1,1\n03,1,1,1\n",
            "line 3, column `code`: `03` has `3` for `b`, which is none of `012`",
        ),
        ("code,val,test,seconds\n01,1,1,1\n02,many,1,1\n", "line 3, column `val`: `many` is no number"),
        ("code,val,test,seconds\n01,1,1,1\n02,NaN,1,1\n", "line 3, column `val`: `NaN` is no number"),
        ("code,val,test,seconds\n01,1,1,1\n02,1,1,\n", "line 3, column `seconds`: `` is no number"),
        ("code,val,test,seconds\n01,1,1,1\n02,1,1,-1\n", "line 3, column `seconds`: `-1` is a cost below 0"),
        ("code,val,test,seconds\n01,1,1,1\n02,1,1\n", "line 3: the line has 3 fields where the header has 4"),
        ("code,val,test,seconds\n01,1,1,1\n01,2,2,2\n", "lines 2 and 3 are the same candidate"),
        ("code,val,test,seconds\n", "none of its 0 rows is a candidate"),
    ];
    for (text, message) in cases {
        let csv = csv(text);
        let error = Table::load(&coded(), &csv.base, &two_edges()).unwrap_err().to_string();
        assert!(error.contains(message), "{error}\nlacks\n{message}");
        assert!(error.contains("table.csv"), "{error}");
    }
    let table = spec(serde_json::json!({
        "path": "table.csv",
        "columns": {"a": "a", "b": "b"},
        "metrics": {"loss": {"column": "loss"}}
    }));
    let rows = csv("a,b,loss\nnone,skipp,1\n");
    let error = Table::load(&table, &rows.base, &two_edges()).unwrap_err().to_string();
    assert!(error.ends_with("line 2, column `b`: `skipp` is no option of `b`; did you mean `skip`?"), "{error}");
    assert_eq!(Table::inspect(&table, &rows.base, &two_edges()).len(), 1, "the first row is looked at");
    let missing = Table::inspect(&table, &rows.base.join("nowhere"), &two_edges());
    assert!(matches!(missing[..], [TableError::File { .. }]));
}

#[test]
fn a_code_has_no_character_for_what_is_not_countable() {
    let decisions = [decision("rate", Domain::Real { low: 0.0, high: 1.0, log: false })];
    let csv = csv("code,val,test,seconds\n0,1,1,1\n");
    let errors = Table::inspect(&coded(), &csv.base, &decisions);
    assert!(matches!(errors[..], [TableError::NoCharacter { .. }]), "{errors:?}");
    let many = [decision("n", Domain::Integer { low: 0, high: 36, log: false })];
    let errors = Table::inspect(&coded(), &csv.base, &many);
    assert_eq!(
        errors[0].to_string(),
        "a character of a code cannot say what `n` is: it has 37 values, and there are 36 characters"
    );
}

#[test]
fn nas_bench_201_has_a_row_for_every_cell() {
    let base = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/data");
    let operations = ["none", "skip", "conv_1x1", "conv_3x3", "avg_pool_3x3"];
    let decisions: Vec<Decision> = (0..6).map(|edge| choice(&format!("edge{edge}"), &operations)).collect();
    let table = spec(serde_json::json!({
        "path": "nas-bench-201.csv.gz",
        "code": {"column": "code"},
        "metrics": {"accuracy": {"column": "c10_val", "scale": 0.01}},
        "cost": "c10_train_s"
    }));
    assert!(Table::inspect(&table, &base, &decisions).is_empty());
    let table = Table::load(&table, &base, &decisions).unwrap();
    assert_eq!(table.len(), 15_625);
    let all = table.genotypes();
    let best = all.iter().max_by(|a, b| {
        let accuracy = |genotype: &[f64]| table.lookup(genotype).unwrap().value(0).unwrap();
        accuracy(a).total_cmp(&accuracy(b))
    });
    assert_eq!(best.unwrap(), &[3.0, 3.0, 3.0, 1.0, 3.0, 2.0]);
    let row = table.lookup(&[4.0, 2.0, 1.0, 2.0, 1.0, 1.0]).unwrap();
    assert_eq!((row.value(0), row.cost_seconds()), (Some(81.9827 * 0.01), 1444.219));
}
