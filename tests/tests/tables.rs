//! Tabular benchmarks through the built program: descriptions, fidelities, scores, pools, simulated time.

use pleach_spec::{Document, DocumentKind};
use pleach_tests::{repository, run};
use serde_json::Value;
use std::path::{Path, PathBuf};

fn sample(name: &str) -> String {
    repository().join("tests/data/tables").join(name).to_str().unwrap().to_owned()
}

/// Runs an experiment with overrides; its trials as records of CSV.
fn trials(folder: &Path, spec: &Path, sets: &[&str]) -> Vec<Vec<String>> {
    let mut arguments = vec!["run", spec.to_str().unwrap(), "--runs", folder.to_str().unwrap()];
    sets.iter().for_each(|set| arguments.extend(["--set", set]));
    let told = run(folder, &arguments);
    assert_eq!(told.code, 0, "{}", told.whole());
    let run = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let run = run.filter(|path| path.join("trials.csv").is_file()).max().unwrap();
    let text = std::fs::read_to_string(run.join("trials.csv")).unwrap();
    text.lines().map(|line| line.split(',').map(str::to_owned).collect()).collect()
}

fn column(trials: &[Vec<String>], name: &str) -> Vec<f64> {
    let place = trials[0].iter().position(|column| column == name).unwrap_or_else(|| panic!("{name}: {:?}", trials[0]));
    trials[1..].iter().map(|trial| trial[place].parse().unwrap_or(f64::NAN)).collect()
}

#[test]
fn ready_benchmarks_are_sound_on_their_tables_first_rows() {
    let table = |name: &str| format!("evaluator.table.file={}", sample(name));
    let joined =
        ["hw", "help"].map(|name| format!("evaluator.table.join.{name}.file={}", sample(&format!("{name}_dev.csv"))));
    let carried = format!("evaluator.table.file={}", repository().join("tests/data/nas-bench-201.csv.gz").display());
    let mut checked = 0;
    for entry in std::fs::read_dir(repository().join("specs/benchmarks")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let document = Document::open(path.to_str().unwrap(), &|path| std::fs::read(path), &[]);
        if document.kind() == DocumentKind::Benchmark {
            continue; // it names experiments, which are checked by themselves
        }
        let sets: Vec<String> = match name.as_str() {
            "nas-bench-201-devices" => joined.to_vec(),
            "nas-bench-201-cifar100" => vec![carried.clone()],
            // The repository carries no accuracies on ImageNet16-120.
            "nas-bench-201-imagenet16-120" => continue,
            name => vec![table(&format!("{name}.csv"))],
        };
        let mut arguments = vec!["check", path.to_str().unwrap()];
        sets.iter().for_each(|set| arguments.extend(["--set", set]));
        let told = run(&repository(), &arguments);
        assert_eq!(told.code, 0, "{}", told.whole());
        checked += 1;
    }
    assert!(checked >= 6, "{checked}");
}

#[test]
fn a_table_that_was_not_fetched_is_said_where_it_is_named() {
    let told = run(&repository(), &["check", "specs/benchmarks/hpolib-naval_propulsion.yaml"]);
    assert_eq!(told.code, 2);
    assert!(told.whole().contains("specs/tables/hpolib-naval_propulsion.yaml:4:"), "{}", told.whole());
    assert!(told.whole().contains("fetch it with `pleach data fetch hpolib`"), "{}", told.whole());
}

#[test]
fn halving_asks_for_both_fidelities_and_pays_their_seconds() {
    let folder = tempfile::tempdir().unwrap();
    let spec = repository().join("specs/nas-bench-201-halving.yaml");
    let trials = trials(folder.path(), &spec, &["steps.explore.search.budget={trials: 60}"]);
    let (fidelities, costs) = (column(&trials, "fidelity"), column(&trials, "cost"));
    for (fidelity, cost) in fidelities.iter().zip(&costs) {
        match *fidelity {
            0.06 => assert!((10.0..1000.0).contains(cost), "{cost}"),
            1.0 => assert!((600.0..10_000.0).contains(cost), "{cost}"),
            other => panic!("fidelity {other}"),
        }
    }
    let cheap = fidelities.iter().filter(|fidelity| **fidelity < 1.0).count();
    assert!(cheap > 20 && cheap < fidelities.len(), "{fidelities:?}");
}

#[test]
fn what_is_resumed_on_curves_costs_the_difference() {
    let folder = tempfile::tempdir().unwrap();
    let spec = repository().join("specs/benchmarks/taskset-imdb.yaml");
    let file = format!("evaluator.table.file={}", sample("taskset-imdb.csv"));
    let trials = trials(folder.path(), &spec, &[&file, "steps.explore.search.budget={trainings: 6}"]);
    let place = |name: &str| trials[0].iter().position(|column| column == name).unwrap();
    let halving: Vec<&Vec<String>> = trials[1..].iter().filter(|trial| trial[place("step")] == "explore").collect();
    let spent: f64 = halving.iter().map(|trial| trial[place("cost")].parse::<f64>().unwrap()).sum();
    assert!(spent <= 6.0 + 1e-9 && spent > 4.0, "{spent}");
    let asked: f64 = halving.iter().map(|trial| trial[place("fidelity")].parse::<f64>().unwrap()).sum();
    assert!(asked > spent + 0.1, "some went on from earlier ones: {asked} asked, {spent} paid");
    // Only 60 settings are known, and a search keeps to them.
    let known = std::fs::read_to_string(sample("taskset-imdb.csv")).unwrap();
    let rates: Vec<f64> = known.lines().skip(1).map(|line| line.split(',').nth(1).unwrap().parse().unwrap()).collect();
    let rate = place("space.values.learning_rate");
    assert!(halving.iter().all(|trial| rates.contains(&trial[rate].parse().unwrap())));
    // Curves that lack a point are infeasible there, and cost next to nothing.
    let failed = halving.iter().filter(|trial| trial[place("state")] == "failed");
    assert!(failed.clone().count() > 0 && failed.clone().all(|trial| trial[place("failure")] == "infeasible"));
}

#[test]
fn several_objectives_come_from_joined_devices() {
    let folder = tempfile::tempdir().unwrap();
    let spec = repository().join("specs/benchmarks/nas-bench-201-devices.yaml");
    let mut sets: Vec<String> = ["hw", "help"]
        .iter()
        .map(|name| format!("evaluator.table.join.{name}.file={}", sample(&format!("{name}_dev.csv"))))
        .collect();
    sets.push("steps.explore.search.budget={trials: 300}".to_owned());
    let sets: Vec<&str> = sets.iter().map(String::as_str).collect();
    let trials = trials(folder.path(), &spec, &sets);
    let latency = column(&trials, "latency(raspi4)");
    let measured = latency.iter().filter(|value| !value.is_nan()).count();
    assert!(measured > 0 && latency.iter().all(|value| value.is_nan() || (1.0..100.0).contains(value)));
    assert!(measured < latency.len(), "a cell without a latency is infeasible");
}

/// A folder with an experiment on a table of its own.
fn own(table: &str, rows: &str) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("tables")).unwrap();
    std::fs::write(folder.path().join("tables/mine.csv"), rows).unwrap();
    std::fs::write(folder.path().join("tables/mine.yaml"), table).unwrap();
    let spec = folder.path().join("experiment.yaml");
    let text = "version: 1\nname: own\nspace: {values: {op: {one_of: [a, b, c]}, width: {int: [1, 4]}}}\n\
                evaluator: {table: {from: tables/mine.yaml}}\nobjectives:\n  - maximize: accuracy\n\
                steps: {explore: {search: {strategy: random, budget: {trials: 30}}}}\n";
    std::fs::write(&spec, text).unwrap();
    (folder, spec)
}

#[test]
fn mistakes_of_a_description_and_of_its_file_stand_where_they_are() {
    let table = "file: mine.csv\ncolumns:\n  op: operation\n  widht: w\nmetrics:\n  accuracy: acc\n  loss: los\n";
    let (folder, spec) = own(table, "op,w,acc\na,1,0.5\n");
    let told = run(folder.path(), &["check", spec.to_str().unwrap(), "--format", "json"]);
    assert_eq!(told.code, 2);
    let found: Value = serde_json::from_str(&told.out).unwrap();
    let found: Vec<(String, String, u64)> = found["diagnostics"]
        .as_array()
        .unwrap()
        .iter()
        .map(|found| {
            let text = |key: &str| found[key].as_str().unwrap().to_owned();
            (
                Path::new(&text("file")).file_name().unwrap().to_str().unwrap().to_owned(),
                text("code"),
                found["line"].as_u64().unwrap(),
            )
        })
        .collect();
    let expected = [("unknown-column", 3), ("unknown-decision", 4), ("unknown-column", 7)];
    for (code, line) in expected {
        assert!(found.contains(&("mine.yaml".to_owned(), code.to_owned(), line)), "{code} {line}: {found:?}");
    }
    let (folder, spec) =
        own("file: mine.csv\ncolumns: {op: op, width: w}\nmetrics: {accuracy: acc}\n", "op,w,acc\na,1,0.5\nx,2,0.6\n");
    let told = run(folder.path(), &["run", spec.to_str().unwrap()]);
    assert_eq!(told.code, 4, "{}", told.whole());
    assert!(told.whole().contains("line 3, column `op`: `x` is no option of `op`"), "{}", told.whole());
}

#[test]
fn an_objective_against_the_direction_is_warned_of() {
    let table =
        "file: mine.csv\ncolumns: {op: op, width: w}\nmetrics: {accuracy: {column: acc, direction: minimize}}\n";
    let (folder, spec) = own(table, "op,w,acc\na,1,0.5\n");
    let told = run(folder.path(), &["check", spec.to_str().unwrap()]);
    assert!(
        told.code == 0 && told.whole().contains("warning: the table says that `accuracy` is to be minimized"),
        "{}",
        told.whole()
    );
}

#[test]
fn simulated_workers_share_the_simulated_hours() {
    let rows: String = (0..12).map(|i| format!("{},{},0.{i:02},3600\n", ["a", "b", "c"][i % 3], i / 3 + 1)).collect();
    let table = "file: mine.csv\ncolumns: {op: op, width: w}\nmetrics: {accuracy: acc}\ncost: seconds\n";
    let (folder, spec) = own(table, &format!("op,w,acc,seconds\n{rows}"));
    let end = |workers: u32| {
        let runs = folder.path().join(format!("runs-{workers}"));
        std::fs::create_dir(&runs).unwrap();
        let trials = trials(&runs, &spec, &[&format!("concurrency={workers}")]);
        assert_eq!(trials.len(), 1 + 12, "random search asks for each of the 12 once");
        column(&trials, "end").into_iter().fold(0.0, f64::max) / 3600.0
    };
    assert_eq!((end(1), end(4), end(64)), (12.0, 3.0, 1.0));
}
