//! The command line as scripts and people see it: outputs, exit codes, help.

use pleach_spec::{Document, DocumentKind};
use pleach_tests::{Said, pleach, repository, run, said};
use serde_json::Value;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::Stdio;

fn fixtures() -> PathBuf {
    repository().join("tests/tests/fixtures")
}

fn json(said: &Said) -> Value {
    serde_json::from_str(&said.out).unwrap_or_else(|error| panic!("{error}: {}", said.whole()))
}

/// A folder with copies of the fixtures, in which a test may write.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for entry in std::fs::read_dir(fixtures()).unwrap().map(Result::unwrap) {
        std::fs::copy(entry.path(), folder.path().join(entry.file_name())).unwrap();
    }
    folder
}

/// All experiments, spaces and tables of the repository that need nothing that is to be fetched.
fn specs() -> Vec<PathBuf> {
    let mut found = Vec::new();
    for folder in ["specs", "specs/spaces", "specs/tables", "specs/bench", "examples/command"] {
        let folder = repository().join(folder);
        let files = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path());
        found.extend(files.filter(|file| file.extension().is_some_and(|extension| extension == "yaml")));
    }
    assert!(found.len() >= 7, "{found:?}");
    found
}

#[test]
fn check_tells_people_all_mistakes_at_once() {
    let folder = folder();
    insta::assert_snapshot!(run(folder.path(), &["check", "mistakes.yaml"]).whole());
    insta::assert_snapshot!("shapes", run(folder.path(), &["check", "shapes.yaml"]).whole());
}

#[test]
fn check_tells_github() {
    let folder = folder();
    insta::assert_snapshot!(run(folder.path(), &["check", "shapes.yaml", "--format", "github"]).whole());
}

#[test]
fn check_tells_programs_in_the_public_shape() {
    let folder = folder();
    let told = run(folder.path(), &["check", "shapes.yaml", "mistakes.yaml", "--format", "json"]);
    assert_eq!((told.code, told.err.as_str()), (2, ""));
    let value = json(&told);
    let diagnostics = value["diagnostics"].as_array().unwrap();
    let keys = ["code", "severity", "message", "file", "line", "column", "end_line", "end_column", "help"];
    for diagnostic in diagnostics {
        let found: Vec<&str> = diagnostic.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(found, keys);
    }
    // The kernel that does not fit, at its layer, although another option fits.
    let shape = &diagnostics[0];
    assert_eq!((&shape["file"], &shape["line"], &shape["code"]), (&"shapes.yaml".into(), &8.into(), &"shape".into()));
    let codes: Vec<&str> = diagnostics.iter().map(|diagnostic| diagnostic["code"].as_str().unwrap()).collect();
    for code in ["unknown-key", "empty-range", "unknown-metric", "unknown-strategy", "unknown-option", "unknown-step"] {
        assert!(codes.contains(&code), "no {code} among {codes:?}");
    }
}

#[test]
fn an_override_is_checked_as_the_file_is() {
    let folder = folder();
    let fixed = ["check", "shapes.yaml", "--format", "json", "--set", "space.network[0].one_of[1].conv.padding=5"];
    let told = run(folder.path(), &fixed);
    assert_eq!((told.code, json(&told)), (0, serde_json::json!({"diagnostics": []})), "{}", told.whole());
    let told = run(folder.path(), &["check", "shapes.yaml", "--format", "json", "--set", "seed=many"]);
    assert_eq!(told.code, 2);
    assert!(json(&told)["diagnostics"].as_array().unwrap().iter().any(|diagnostic| diagnostic["file"] == "--set"));
}

#[test]
fn every_spec_of_the_repository_is_valid() {
    let root = repository();
    let validator = |name: &str| {
        let schema = std::fs::read_to_string(root.join("schemas").join(name)).unwrap();
        jsonschema::validator_for(&serde_json::from_str(&schema).unwrap()).unwrap()
    };
    let (experiment, space) = (validator("experiment.schema.json"), validator("space.schema.json"));
    let (table, benchmark) = (validator("table.schema.json"), validator("benchmark.schema.json"));
    for file in specs() {
        let document = Document::open(file.to_str().unwrap(), &|path| std::fs::read(path), &[]);
        let mut arguments = vec!["check", file.to_str().unwrap()];
        // What `pleach data fetch` gets is not there on every machine.
        let dataset = document.root().and_then(|root| root.at("/data/dataset")?.as_str());
        if dataset == Some("fashion_mnist") {
            arguments.extend(["--set", "data.dataset=digits"]);
        }
        let told = run(&root, &arguments);
        assert_eq!((told.code, told.out.as_str()), (0, ""), "{}", told.whole());
        let validator = match document.kind() {
            DocumentKind::Experiment => &experiment,
            DocumentKind::Space => &space,
            DocumentKind::Table => &table,
            DocumentKind::Benchmark => &benchmark,
        };
        let errors: Vec<String> =
            validator.iter_errors(&document.root().unwrap().to_json()).map(|error| error.to_string()).collect();
        assert!(errors.is_empty(), "{}: {errors:?}", file.display());
    }
}

#[test]
fn a_space_is_counted_and_described() {
    let root = repository();
    let value = json(&run(&root, &["space", "specs/spaces/nas-bench-201.yaml", "--format", "json"]));
    assert_eq!((&value["networks"], &value["unique"]), (&15_625.into(), &4_930.into()));
    let decisions = value["decisions"].as_array().unwrap();
    assert_eq!(decisions.len(), 6);
    assert_eq!(decisions[0]["kind"], "choice");
    assert_eq!(decisions[0]["options"], serde_json::json!(["none", "skip", "conv_1x1", "conv_3x3", "avg_pool_3x3"]));
    let value = json(&run(&root, &["space", "specs/quickstart.yaml", "--format", "json"]));
    assert!(value["networks"].is_null() && value["unique"].is_null());
    let rate = value["decisions"].as_array().unwrap().last().unwrap();
    assert_eq!((&rate["kind"], &rate["low"], &rate["high"]), (&"real".into(), &0.001.into(), &0.3.into()));
}

/// Runs `space FILE --genotypes -` on these lines.
fn genotypes(file: &str, lines: &str) -> Said {
    let mut process = pleach(&repository())
        .args(["space", file, "--genotypes", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = process.stdin.take().unwrap();
    let lines = lines.to_owned();
    let writer = std::thread::spawn(move || stdin.write_all(lines.as_bytes()).unwrap());
    let output = process.wait_with_output().unwrap();
    writer.join().unwrap();
    said(output)
}

#[test]
fn costs_of_nas_bench_201_are_the_published_ones() {
    let file = std::fs::File::open(repository().join("tests/data/nas-bench-201.csv.gz")).unwrap();
    let mut text = String::new();
    flate2::read::GzDecoder::new(file).read_to_string(&mut text).unwrap();
    let mut table = csv::Reader::from_reader(text.as_bytes());
    let column = |name: &str, header: &csv::StringRecord| header.iter().position(|column| column == name).unwrap();
    let header = table.headers().unwrap().clone();
    let (code, parameters, flops) = (column("code", &header), column("params_m", &header), column("flops_m", &header));
    let rows: Vec<csv::StringRecord> = table.records().map(Result::unwrap).collect();
    assert_eq!(rows.len(), 15_625);
    let line = |row: &csv::StringRecord| row[code].chars().map(String::from).collect::<Vec<_>>().join(",") + "\n";
    let told = genotypes("specs/spaces/nas-bench-201.yaml", &rows.iter().map(line).collect::<String>());
    assert_eq!((told.code, told.out.lines().count()), (0, 15_625));
    for (row, answer) in rows.iter().zip(told.out.lines()) {
        let answer: Value = serde_json::from_str(answer).unwrap();
        let millions = |key: &str| answer[key].as_f64().unwrap() / 1e6;
        let published = |column: usize| row[column].parse::<f64>().unwrap();
        assert!((millions("parameters") - published(parameters)).abs() < 6e-7, "{row:?} {answer}");
        assert!((millions("flops") - published(flops)).abs() < 6e-6, "{row:?} {answer}");
    }
}

#[test]
fn what_is_no_genotype_is_said_to_be_none() {
    let told = genotypes("specs/spaces/nas-bench-201.yaml", "3,3,3,1,3,3\n3,3,3,1,3\n\n9,0,0,0,0,0\nx\n");
    assert_eq!(told.code, 0, "{}", told.whole());
    let answers: Vec<Value> = told.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let valid: Vec<bool> = answers.iter().map(|answer| answer["valid"].as_bool().unwrap()).collect();
    assert_eq!(valid, [true, false, false, false]);
    assert_eq!(answers[0]["genotype"], serde_json::json!([3, 3, 3, 1, 3, 3]));
    assert_eq!(answers[0]["fingerprint"].as_str().unwrap().len(), 32);
    let keys = [
        "genotype",
        "valid",
        "parameters",
        "flops",
        "live_parameters",
        "live_flops",
        "activation_bytes",
        "fingerprint",
    ];
    for answer in &answers {
        assert_eq!(answer.as_object().unwrap().keys().collect::<Vec<_>>(), keys);
    }
    assert!(answers[1]["parameters"].is_null());
    assert!(told.err.contains("line 2: ") && told.err.contains("line 4: ") && told.err.contains("line 5: `x`"));
}

#[test]
fn a_plan_has_four_forms() {
    let folder = folder();
    let plan = |format: &str| run(folder.path(), &["plan", "quickstart.yaml", "--format", format]);
    for format in ["text", "mermaid", "dot"] {
        insta::assert_snapshot!(format!("plan_{format}"), plan(format).whole());
    }
    let value = json(&plan("json"));
    assert_eq!(value["name"], "quickstart");
    let steps = value["steps"].as_array().unwrap();
    assert_eq!(
        steps.iter().map(|step| step["name"].as_str().unwrap()).collect::<Vec<_>>(),
        ["explore", "final", "ship"]
    );
    assert_eq!((&steps[1]["inputs"], &steps[1]["work"]["trials"]), (&serde_json::json!(["explore"]), &9.into()));
    assert!(steps.iter().all(|step| step["status"] == "new" && step["key"].as_str().unwrap().len() == 64));
}

#[test]
fn a_plan_says_what_changed_since_a_run() {
    let folder = folder();
    let spec = repository().join("specs/nas-bench-201-table.yaml");
    let few = "steps.explore.search.budget.trials=20";
    let told = run(folder.path(), &["run", spec.to_str().unwrap(), "--set", few]);
    assert_eq!(told.code, 0, "{}", told.whole());
    let plan = |more: &[&str]| {
        let arguments = [&["plan", spec.to_str().unwrap(), "--format", "json", "--set", few], more].concat();
        json(&run(folder.path(), &arguments))["steps"][0]["status"].clone()
    };
    assert_eq!(plan(&[]), serde_json::json!({"up_to_date": {"run": "nas-bench-201-table-1"}}));
    let changed = plan(&["--set", "seed=9"]);
    let change = &changed["changed"]["changes"][0];
    assert_eq!((&change["path"], &change["old"], &change["new"]), (&"seed".into(), &1.into(), &9.into()), "{changed}");
    let again = run(folder.path(), &["run", spec.to_str().unwrap(), "--set", few]);
    assert!(again.code == 0 && again.err.contains("up to date"), "{}", again.whole());
    let shown = json(&run(folder.path(), &["show", "nas-bench-201-table", "--format", "json"]));
    assert_eq!((&shown["state"], &shown["steps"]["explore"]["trials"]), (&"done".into(), &20.into()));
    let listed = json(&run(folder.path(), &["list", "--format", "json"]));
    assert_eq!(listed.as_array().unwrap().len(), 1);
}

#[test]
fn events_are_json_lines() {
    let folder = folder();
    let spec = repository().join("specs/nas-bench-201-table.yaml");
    let arguments =
        ["run", spec.to_str().unwrap(), "--format", "json", "--set", "steps.explore.search.budget.trials=5"];
    let told = run(folder.path(), &arguments);
    let events: Vec<Value> = told.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let count = |kind: &str| events.iter().filter(|event| event["event"] == kind).count();
    assert_eq!((count("run_started"), count("trial_done"), count("run_done")), (1, 5, 1), "{}", told.whole());
}

#[test]
fn strategies_are_listed_and_inspected() {
    let folder = folder();
    let listed = json(&run(folder.path(), &["plugin", "list", "--format", "json"]));
    let names: Vec<&str> = listed.as_array().unwrap().iter().map(|entry| entry["name"].as_str().unwrap()).collect();
    assert!(names.contains(&"random") && names.contains(&"regularized-evolution"), "{names:?}");
    assert!(listed.as_array().unwrap().iter().all(|entry| entry["error"].is_null()));
    let inspected = json(&run(folder.path(), &["plugin", "inspect", "regularized-evolution", "--format", "json"]));
    assert_eq!(inspected["options_schema"]["properties"]["population"]["default"], 50);
    let imports = inspected["imports"].as_array().unwrap();
    assert!(!imports.is_empty() && imports.iter().all(|name| name.as_str().unwrap().starts_with("pleach:strategy/")));
    let unknown = run(folder.path(), &["plugin", "inspect", "radom"]);
    assert_eq!(unknown.code, 2);
    assert!(unknown.err.contains("did you mean `random`?"), "{}", unknown.err);
}

#[test]
fn the_schemas_of_the_repository_are_fresh() {
    let folder = folder();
    assert_eq!(run(folder.path(), &["schema", "--out", "schemas"]).code, 0);
    for name in ["experiment.schema.json", "space.schema.json"] {
        let fresh = std::fs::read_to_string(folder.path().join("schemas").join(name)).unwrap();
        let kept = std::fs::read_to_string(repository().join("schemas").join(name)).unwrap();
        assert!(fresh == kept, "schemas/{name} is stale: `cargo xtask schemas`");
    }
    assert_eq!(run(folder.path(), &["schema", "--reference", "reference.md"]).code, 0);
    let read = |file: PathBuf| std::fs::read_to_string(file).unwrap();
    let (fresh, kept) = (read(folder.path().join("reference.md")), read(repository().join("docs/reference.md")));
    assert!(fresh == kept, "docs/reference.md is stale: `pleach schema --reference docs/reference.md`");
    let printed = run(folder.path(), &["schema"]);
    assert_eq!(json(&printed)["title"], "An experiment of Pleach");
}

#[test]
fn a_new_experiment_is_valid() {
    let folder = folder();
    assert_eq!(run(folder.path(), &["new", "first"]).out, "first.yaml\n");
    assert_eq!(run(folder.path(), &["check", "first.yaml"]).code, 0);
    assert_eq!(run(folder.path(), &["new", "first"]).code, 6, "it is there already");
    let mut rows = String::from("height,width,kind\n");
    for index in 0..60 {
        rows.push_str(&format!("{index},{},{}\n", index % 7, ["a", "b", "c"][index % 3]));
    }
    std::fs::write(folder.path().join("plants.csv"), rows).unwrap();
    assert_eq!(run(folder.path(), &["new", "plants.csv"]).out, "plants.yaml\n");
    let told = run(folder.path(), &["check", "plants.yaml"]);
    assert_eq!(told.code, 0, "{}", told.whole());
    std::fs::remove_file(folder.path().join("plants.csv")).unwrap();
    let told = run(folder.path(), &["check", "plants.yaml"]);
    assert!(told.code == 2 && told.out.contains("plants.csv` is missing"), "{}", told.whole());
}

#[test]
fn data_sets_are_listed() {
    let folder = folder();
    let listed = json(&run(folder.path(), &["data", "list", "--format", "json"]));
    let digits = &listed.as_array().unwrap()[0];
    assert_eq!((&digits["name"], &digits["presence"]), (&"digits".into(), &"carried".into()));
    assert_eq!(run(folder.path(), &["data", "fetch", "nothing"]).code, 2, "a wrong word, not a broken file");
}

const COMMANDS: [&str; 13] = [
    "new",
    "check",
    "plan",
    "run",
    "show",
    "list",
    "space",
    "schema",
    "plugin",
    "data",
    "export",
    "bench",
    "completions",
];

#[test]
fn the_help_knows_every_command() {
    let folder = folder();
    let help = run(folder.path(), &["--help"]);
    assert_eq!((help.code, help.err.as_str()), (0, ""));
    for command in COMMANDS {
        assert!(help.out.lines().any(|line| line.trim_start().starts_with(&format!("{command} "))), "{command}");
        let own = run(folder.path(), &[command, "--help"]);
        assert!(own.code == 0 && own.out.contains("Usage:"), "{}", own.whole());
        let completions = run(folder.path(), &["completions", "bash"]);
        assert!(completions.out.contains(&format!("pleach__subcmd__{command}")), "{command}");
    }
    for code in ["0 ", "1 ", "2 ", "3 ", "4 ", "5 ", "6 ", "130 "] {
        assert!(help.out.lines().any(|line| line.trim_start().starts_with(code)), "{code}");
    }
}

#[test]
fn exit_codes_say_whose_fault_it_is() {
    let folder = folder();
    let code = |arguments: &[&str]| {
        let told = run(folder.path(), arguments);
        assert!(told.code == 0 || told.out.contains("error") || told.err.contains("error"), "{}", told.whole());
        told.code
    };
    assert_eq!(code(&["check", "missing.yaml"]), 2);
    assert_eq!(code(&["plan", "mistakes.yaml"]), 2);
    assert_eq!(code(&["run", "mistakes.yaml"]), 2);
    assert_eq!(code(&["space", "shapes.yaml"]), 2);
    assert_eq!(code(&["frobnicate"]), 2);
    assert_eq!(code(&["show", "nothing"]), 6);
    assert_eq!(code(&["list"]), 0);
    std::fs::write(folder.path().join("no-strategy.wasm"), b"\0asm\x0d\0\x01\0").unwrap();
    assert_eq!(code(&["plugin", "inspect", "./no-strategy.wasm"]), 3);
    let told = said(
        pleach(folder.path())
            .args(["bench", "train", bench().to_str().unwrap()])
            .env("PLEACH_TORCH", Path::new("/nowhere/pleach-torch"))
            .output()
            .unwrap(),
    );
    assert!(told.code == 4 && told.err.contains("PLEACH_TORCH"), "{}", told.whole());
}

fn bench() -> PathBuf {
    repository().join("specs/bench/nas-bench-201-cell.yaml")
}
