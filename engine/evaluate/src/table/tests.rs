use super::*;
use pleach_space::Space;
use serde_json::{Value, json};
use std::io::Write;
use std::path::{Path, PathBuf};

fn space(values: Value) -> Arc<Space> {
    let (space, problems) = Space::compile(&json!({ "values": values }), "/space", None);
    Arc::new(space.unwrap_or_else(|| panic!("{problems:?}")))
}

fn spec(json: Value) -> pleach_spec::Table {
    serde_json::from_value(json).unwrap()
}

struct Csv {
    _folder: tempfile::TempDir,
    base: PathBuf,
    at: Locations,
}

fn csv(text: &str) -> Csv {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("table.csv"), text).unwrap();
    let base: PathBuf = folder.path().into();
    Csv { at: Locations { base: base.clone(), caches: Vec::new() }, base, _folder: folder }
}

fn coded() -> pleach_spec::Table {
    spec(json!({
        "file": "table.csv",
        "code": {"column": "code"},
        "metrics": {"accuracy": {"column": "val", "scale": 0.01}, "test": {"column": "test"}},
        "cost": "seconds"
    }))
}

fn two_edges() -> Arc<Space> {
    space(json!({"a": {"one_of": ["none", "skip", "conv"]}, "b": {"one_of": ["none", "skip", "conv"]}}))
}

#[test]
fn rows_are_found_by_code() {
    let csv = csv("code,val,test,seconds\n01,50,0.4,10\n21,75,,20.5\n");
    let table = Table::load(&coded(), &csv.at, &two_edges()).unwrap();
    assert_eq!((table.len(), table.skipped()), (2, 0));
    assert_eq!(table.metrics(), ["accuracy", "test"]);
    let row = table.lookup(&[0.0, 1.0]).unwrap();
    assert_eq!(row.metrics().into_iter().collect::<Vec<_>>(), [("accuracy".into(), 0.5), ("test".into(), 0.4)]);
    assert_eq!(row.cost_seconds(), 10.0);
    let row = table.lookup(&[2.0, 1.0]).unwrap();
    assert_eq!((row.value(0), row.value(1), row.value(2)), (Some(0.75), None, None), "an empty cell is no metric");
    assert_eq!(row.metrics().len(), 1);
    assert_eq!(**table.members(), [[0.0, 1.0], [2.0, 1.0]]);
    let failure = table.evaluate(&[1.0, 1.0]).unwrap_err();
    assert_eq!(failure.reason, FailureReason::Infeasible);
    assert_eq!(failure.to_string(), "the table has no row for this candidate");
}

#[test]
fn gzip_and_plain_give_the_same_rows() {
    let text = "code,val,test,seconds\n01,50,0.4,10\n";
    let csv = csv(text);
    let plain = Table::load(&coded(), &csv.at, &two_edges()).unwrap();
    let file = std::fs::File::create(csv.base.join("table.csv")).unwrap();
    let mut zipped = flate2::write::GzEncoder::new(file, flate2::Compression::fast());
    zipped.write_all(text.as_bytes()).unwrap();
    zipped.finish().unwrap();
    let gzip = Table::load(&coded(), &csv.at, &two_edges()).unwrap();
    assert_eq!(gzip.lookup(&[0.0, 1.0]).unwrap().metrics(), plain.lookup(&[0.0, 1.0]).unwrap().metrics());
    assert_ne!(gzip.digest(), plain.digest(), "the digest is the file's");
}

#[test]
fn columns_hold_labels_and_numbers_and_the_code_the_rest() {
    let space = space(json!({
        "w": {"int": [4, 8], "name": "width"},
        "op": {"one_of": ["conv 3x3", "pool"]},
        "rate": {"float": [0.001, 1.0], "log": true},
        "kernel": {"one_of": [3, 5]}
    }));
    let table = spec(json!({
        "file": "table.csv",
        "code": {"column": "arch", "characters": "xy567"},
        "columns": {"rate": "lr", "op": "operation", "kernel": "k"},
        "metrics": {"loss": {"column": "loss"}}
    }));
    let csv = csv("k,operation,lr,arch,loss\n5,conv 3x3,1e-2,6,0.5\n3, pool ,0.5,x,-1\n7,pool,0.5,x,9\n3,pool,2,x,9\n");
    let table = Table::load(&table, &csv.at, &space).unwrap();
    assert_eq!((table.len(), table.skipped()), (2, 2), "kernel 7 and rate 2 are outside of the space");
    let row = table.lookup(&[7.0, 0.0, 0.01, 1.0]).unwrap();
    assert_eq!((row.value(0), row.cost_seconds()), (Some(0.5), 1.0));
    assert_eq!(table.lookup(&[4.0, 1.0, 0.5, 0.0]).unwrap().value(0), Some(-1.0));
    assert!(table.lookup(&[4.0, 1.0, 0.25, 0.0]).is_none());
}

#[test]
fn what_is_not_active_is_not_looked_at() {
    // `b` counts only where `a` is a convolution.
    let space = space(json!({
        "a": {"one_of": ["none", "skip", {"conv": {"one_of": ["none", "skip", "conv"], "name": "b"}}]}
    }));
    let table = spec(json!({
        "file": "table.csv",
        "columns": {"a": "a", "b": "b"},
        "metrics": {"loss": {"column": "loss"}}
    }));
    let rows = csv("a,b,loss\nnone,,1\nskip,n/a,2\nconv,skip,3\n");
    let loaded = Table::load(&table, &rows.at, &space).unwrap();
    for (genotype, loss) in [([0.0, 0.0], 1.0), ([1.0, 0.0], 2.0), ([2.0, 1.0], 3.0)] {
        assert_eq!(loaded.lookup(&genotype).unwrap().value(0), Some(loss));
    }
    let rows = csv("a,b,loss\nnone,skip,1\nconv,skip,3\nnone,conv,2\n");
    let error = Table::load(&table, &rows.at, &space).unwrap_err();
    assert!(error.to_string().ends_with("line 2 and line 4 are the same candidate"), "{error}");
}

#[test]
fn long_genotypes_are_found() {
    let values: serde_json::Map<String, Value> =
        (0..100).map(|i| (format!("d{i}"), json!({"one_of": ["a", "b"]}))).collect();
    let space = space(values.into());
    let one = "0".repeat(99) + "1";
    let csv = csv(&format!("code,val,test,seconds\n{},1,1,1\n{one},2,2,2\n", "0".repeat(100)));
    let table = Table::load(&coded(), &csv.at, &space).unwrap();
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
    let table = spec(json!({
        "file": "table.csv",
        "columns": {"c": "code", "a/b": "vall"},
        "metrics": {"accuracy": {"column": "vla"}},
        "cost": "secnds"
    }));
    let errors = Table::inspect(&table, &csv.at, Some(&two_edges()));
    let told: Vec<(String, Option<String>)> = errors.iter().map(|error| (error.pointer(), error.help())).collect();
    let expected = [
        ("/evaluator/table/metrics/accuracy/column", "did you mean `val`?"),
        ("/evaluator/table/cost", "did you mean `seconds`?"),
        ("/evaluator/table/columns/a~1b", "did you mean `val`?"),
        ("/evaluator/table/columns/c", "there are `a`, `b`"),
        ("/evaluator/table/columns/a~1b", "did you mean `a`?"),
        ("/evaluator/table", "name its column, `columns: {'a': COLUMN}`, or the column of a `code`"),
        ("/evaluator/table", "name its column, `columns: {'b': COLUMN}`, or the column of a `code`"),
    ];
    assert_eq!(told, expected.map(|(pointer, help)| (pointer.to_owned(), Some(help.to_owned()))));
    assert!(Table::load(&table, &csv.at, &two_edges()).is_err());
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
        ("code,val,test,seconds\n01,1,1,1\n01,2,2,2\n", "line 2 and line 3 are the same candidate"),
        ("code,val,test,seconds\n", "none of its 0 rows is a candidate"),
    ];
    for (text, message) in cases {
        let csv = csv(text);
        let error = Table::load(&coded(), &csv.at, &two_edges()).unwrap_err().to_string();
        assert!(error.contains(message), "{error}\nlacks\n{message}");
        assert!(error.contains("table.csv"), "{error}");
    }
    let table = spec(json!({
        "file": "table.csv",
        "columns": {"a": "a", "b": "b"},
        "metrics": {"loss": {"column": "loss"}}
    }));
    let rows = csv("a,b,loss\nnone,skipp,1\n");
    let error = Table::load(&table, &rows.at, &two_edges()).unwrap_err().to_string();
    assert!(error.ends_with("line 2, column `b`: `skipp` is no option of `b`; did you mean `skip`?"), "{error}");
    assert_eq!(Table::inspect(&table, &rows.at, Some(&two_edges())).len(), 1, "the first row is looked at");
    let missing = Table::inspect(&table, &Locations { base: rows.base.join("nowhere"), caches: Vec::new() }, None);
    assert!(matches!(missing[..], [TableError::Sheet { .. }]));
}

#[test]
fn a_code_has_no_character_for_what_is_not_countable() {
    let csv = csv("code,val,test,seconds\n0,1,1,1\n");
    let errors = Table::inspect(&coded(), &csv.at, Some(&space(json!({"rate": {"float": [0.0, 1.0]}}))));
    assert!(matches!(errors[..], [TableError::NoCharacter { .. }]), "{errors:?}");
    let errors = Table::inspect(&coded(), &csv.at, Some(&space(json!({"n": {"int": [0, 36]}}))));
    assert_eq!(
        errors[0].to_string(),
        "a character of a code cannot say what `n` is: it has 37 values, and there are 36 characters"
    );
}

#[test]
fn nas_bench_201_has_a_row_for_every_cell() {
    let base = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/data");
    let operations = ["none", "skip", "conv_1x1", "conv_3x3", "avg_pool_3x3"];
    let values: serde_json::Map<String, Value> =
        (0..6).map(|edge| (format!("edge{edge}"), json!({ "one_of": operations }))).collect();
    let space = space(values.into());
    let base = Locations { base, caches: Vec::new() };
    let table = spec(json!({
        "file": "nas-bench-201.csv.gz",
        "code": {"column": "code"},
        "metrics": {"accuracy": {"column": "c10_val", "scale": 0.01}},
        "cost": "c10_train_s"
    }));
    assert!(Table::inspect(&table, &base, Some(&space)).is_empty());
    let table = Table::load(&table, &base, &space).unwrap();
    assert_eq!(table.len(), 15_625);
    let all = table.members();
    let best = all.iter().max_by(|a, b| {
        let accuracy = |genotype: &[f64]| table.lookup(genotype).unwrap().value(0).unwrap();
        accuracy(a).total_cmp(&accuracy(b))
    });
    assert_eq!(best.unwrap(), &[3.0, 3.0, 3.0, 1.0, 3.0, 2.0]);
    let row = table.lookup(&[4.0, 2.0, 1.0, 2.0, 1.0, 1.0]).unwrap();
    assert_eq!((row.value(0), row.cost_seconds()), (Some(81.9827 * 0.01), 1444.219));
}

const ONCE: Draw = Draw { seed: 0, repeat: 0 };

#[test]
fn seeds_are_averaged_or_sampled_by_the_repeat() {
    let csv = csv("code,s0,s1,s2\n00,1,2,3\n01,4,,6\n02,,,\n");
    let described = |seeds: &str| {
        spec(json!({
            "file": "table.csv", "code": {"column": "code"}, "seeds": seeds,
            "metrics": {"accuracy": {"seeds": ["s0", "s1", "s2"], "scale": 0.5}}
        }))
    };
    let mean = Table::load(&described("mean"), &csv.at, &two_edges()).unwrap();
    let value = |table: &Table, edge: f64, draw: Draw| table.lookup(&[0.0, edge]).unwrap().value_at(0, 0, draw);
    assert_eq!(
        (value(&mean, 0.0, ONCE), value(&mean, 1.0, ONCE), value(&mean, 2.0, ONCE)),
        (Some(1.0), Some(2.5), None)
    );
    let sampled = Table::load(&described("sampled"), &csv.at, &two_edges()).unwrap();
    assert_eq!(sampled.lookup(&[0.0, 0.0]).unwrap().value(0), Some(1.0), "without a draw, the mean");
    let of = |edge: f64, seed: u64| -> Vec<f64> {
        (0..3).map(|repeat| value(&sampled, edge, Draw { seed, repeat }).unwrap()).collect()
    };
    for seed in 0..20 {
        let mut three = of(0.0, seed);
        assert_eq!(three, of(0.0, seed));
        three.sort_by(f64::total_cmp);
        assert_eq!(three, [0.5, 1.0, 1.5], "each once");
        let two = of(1.0, seed);
        assert!(two[0] == two[2] && two[0] != two[1] && two.iter().all(|value| [2.0, 3.0].contains(value)), "{two:?}");
    }
    assert!((1..20).any(|seed| of(0.0, seed) != of(0.0, 0)), "another run draws others");
    assert_eq!(value(&sampled, 2.0, ONCE), None);
}

#[test]
fn fidelities_have_their_own_columns_and_costs() {
    let csv = csv("code,val,short,seconds,quick\n00,90,70,100,9\n01,80,,200,\n");
    let table = spec(json!({
        "file": "table.csv", "code": {"column": "code"},
        "metrics": {"accuracy": {"column": "val", "scale": 0.01}, "size": "seconds"},
        "devices": {"phone": {"latency": "quick"}},
        "cost": "seconds",
        "fidelities": {"scaled": [
            {"share": 0.5, "metrics": {"accuracy": "short"}},
            {"share": 0.06, "metrics": {"accuracy": {"column": "short", "scale": 1}}, "cost": {"column": "quick", "scale": 2}}
        ]}
    }));
    let table = Table::load(&table, &csv.at, &two_edges()).unwrap();
    assert_eq!(table.metrics(), ["accuracy", "size", "latency(phone)"]);
    assert_eq!(table.fidelities().collect::<Vec<_>>(), [0.06, 0.5, 1.0], "rising");
    assert_eq!((table.level(0.5), table.level(0.25), table.resumes()), (Some(1), None, false));
    let row = table.lookup(&[0.0, 0.0]).unwrap();
    let at = |level: usize| [0, 1, 2].map(|metric| row.value_at(level, metric, ONCE));
    assert_eq!(at(0), [Some(70.0), None, Some(9.0)], "a device's is the same everywhere");
    assert_eq!(at(1), [Some(0.7000000000000001), None, Some(9.0)], "scaled as the full one");
    assert_eq!(at(2), [Some(0.9), Some(100.0), Some(9.0)]);
    assert_eq!([0, 1, 2].map(|level| row.cost_at(level)), [18.0, 50.0, 100.0]);
    let row = table.lookup(&[0.0, 1.0]).unwrap();
    assert_eq!(([0, 1].map(|level| row.value_at(level, 0, ONCE)), row.cost_at(0)), ([None, None], 12.0));
}

#[test]
fn a_curve_is_a_fidelity_an_epoch() {
    let csv = csv("code,v1,v2,v3,v4\n00,9,8,7,6\n");
    let table = spec(json!({
        "file": "table.csv", "code": {"column": "code"},
        "fidelities": {"curve": {"epochs": 4, "metrics": {"loss": {"column": "v{epoch}", "scale": 10}}}}
    }));
    let table = Table::load(&table, &csv.at, &two_edges()).unwrap();
    assert_eq!(table.fidelities().collect::<Vec<_>>(), [0.25, 0.5, 0.75, 1.0]);
    assert!(table.resumes() && table.curve() == ["loss"] && table.metrics() == ["loss"]);
    let row = table.lookup(&[0.0, 0.0]).unwrap();
    assert_eq!([0, 1, 2, 3].map(|level| row.value_at(level, 0, ONCE).unwrap()), [90.0, 80.0, 70.0, 60.0]);
    assert_eq!((row.value(0), row.cost_at(1)), (Some(60.0), 0.5));
}

#[test]
fn joined_files_give_devices_and_scores_of_the_rows_that_they_have() {
    let csv = csv("id,code,val\n7,00,1\n8,01,2\n");
    std::fs::write(csv.base.join("zero.csv"), "id,nwot,jacov\n8,0.5,\n9,1,1\n").unwrap();
    let table = spec(json!({
        "file": "table.csv", "code": {"column": "code"}, "metrics": {"accuracy": "val"},
        "join": {"zero": {"file": "zero.csv", "on": "id"}},
        "proxies": {"seconds": 5, "scores": {"nwot": "zero.nwot", "jacov": {"column": "zero.jacov"}}}
    }));
    let loaded = Table::load(&table, &csv.at, &two_edges()).unwrap();
    assert_eq!((loaded.scores(), loaded.score_seconds()), (&["nwot".to_owned(), "jacov".to_owned()][..], 5.0));
    let scores = |edge: f64| [0, 1].map(|score| loaded.lookup(&[0.0, edge]).unwrap().score(score));
    assert_eq!((scores(0.0), scores(1.0)), ([None, None], [Some(0.5), None]));
    assert_ne!(loaded.digest(), Table::digest_of(&spec(json!({"file": "table.csv"})), &csv.at).unwrap());
    assert_eq!(loaded.digest(), Table::digest_of(&table, &csv.at).unwrap());
    let wrong = spec(json!({
        "file": "table.csv", "code": {"column": "code"}, "metrics": {"accuracy": "val"},
        "join": {"zero": {"file": "zero.csv", "on": "ID"}},
    }));
    let errors = Table::inspect(&wrong, &csv.at, Some(&two_edges()));
    assert_eq!(errors[0].pointer(), "/evaluator/table/join/zero/on");
    std::fs::write(csv.base.join("zero.csv"), "id,nwot,jacov\n8,0.5,\n8,1,1\n").unwrap();
    let error = Table::load(&table, &csv.at, &two_edges()).unwrap_err().to_string();
    assert!(error.contains("zero.csv`: line 2 and line 3 are the same"), "{error}");
}

#[test]
fn parquet_is_a_table_too_and_names_its_rows() {
    use pleach_data::sheet::{Column, write_parquet};
    let csv = csv("");
    let columns = |second: &str| {
        [
            ("code".to_owned(), Column::Text(["01", second].into_iter().collect())),
            ("val".to_owned(), Column::Number(vec![50.0, 75.0])),
            ("test".to_owned(), Column::Number(vec![0.4, f64::NAN])),
            ("seconds".to_owned(), Column::Number(vec![10.0, 20.5])),
        ]
    };
    let write = |second: &str| {
        let file = std::fs::File::create(csv.base.join("table.csv")).unwrap();
        write_parquet(file, &columns(second)).unwrap();
        Table::load(&coded(), &csv.at, &two_edges())
    };
    let table = write("21").unwrap();
    let row = table.lookup(&[2.0, 1.0]).unwrap();
    assert_eq!((row.value(0), row.value(1), row.cost_seconds()), (Some(0.75), None, 20.5));
    let error = write("31").unwrap_err().to_string();
    assert!(error.contains("row 2, column `code`: `31` has `3` for `a`, which is none of `012`"), "{error}");
}

#[test]
fn equal_trees_have_one_row() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/data/tables");
    let space = space(json!({
        "link0": {"one_of": [0]}, "link1": {"one_of": [0, 1]}, "link2": {"one_of": [0, 1, 2]},
        "link3": {"one_of": [0, 1, 2, 3]},
        "op0": {"one_of": ["gat", "gcn", "skip"]}, "op1": {"one_of": ["gat", "gcn", "skip"]},
        "op2": {"one_of": ["gat", "gcn", "skip"]}, "op3": {"one_of": ["gat", "gcn", "skip"]}
    }));
    let table = spec(json!({
        "file": "nas-bench-graph-cora.csv", "code": {"column": "links"},
        "columns": {"op0": "op0", "op1": "op1", "op2": "op2", "op3": "op3"}, "metrics": {"accuracy": "valid"},
        "merge": {"tree": {
            "links": ["link0", "link1", "link2", "link3"], "operations": ["op0", "op1", "op2", "op3"], "identity": "skip"
        }}
    }));
    let table = Table::load(&table, &Locations { base: folder, caches: Vec::new() }, &space).unwrap();
    assert_eq!(table.members().len(), table.len(), "the benchmark holds each once");
    // Every tree of these three operations, under whatever numbers, has a row; only the one of skips alone has none.
    let (mut found, mut missing) = (0, Vec::new());
    for code in 0..(2 * 3 * 4 * 81) {
        let digit = |divisor: u32, base: u32| f64::from(code / divisor % base);
        let genotype =
            [0.0, digit(1, 2), digit(2, 3), digit(6, 4), digit(24, 3), digit(72, 3), digit(216, 3), digit(648, 3)];
        match table.lookup(&genotype) {
            Some(_) => found += 1,
            None => missing.push(genotype),
        }
    }
    let skips_alone = |genotype: &[f64; 8]| genotype[4..] == [2.0; 4];
    assert!(missing.len() == 24 && missing.iter().all(skips_alone), "{found} {missing:?}");
}
