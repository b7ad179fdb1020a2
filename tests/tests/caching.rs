//! Caching that explains itself: what runs again and why, what is known, what is cleared, and what a run in use says.

use pleach_tests::{Said, pleach, run};
use rusqlite::Connection;
use serde_json::{Value, json};
use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

/// A small experiment that trains, in three steps.
const TRAINED: &str = "\
version: 1
name: small
seed: 1
data: {dataset: digits, batch: 32, split: {limit: 200}}
space:
  network:
    - conv: {channels: {one_of: [2, 3, 4]}, kernel: 3}
    - global_pool: average
    - linear: classes
  training:
    epochs: 2
    optimizer: {sgd: {rate: 0.001}}
  require: [\"parameters <= 200000\"]
objectives: [{maximize: accuracy}]
steps:
  explore: {search: {strategy: random, budget: {trials: 2}}}
  final: {train: {candidates: best(explore)}}
  ship: {export: {candidates: best(final), formats: [yaml]}}
";

/// The same in other words: a comment, another order of keys, other spellings of numbers.
const IN_OTHER_WORDS: &str = "\
# Nothing of this changes what is computed.
name: small
version: 1
objectives:
  - maximize: accuracy
space:
  training:
    optimizer: {sgd: {rate: 1e-3}}   # the same rate
    epochs: 2
  network:
    - conv: {kernel: 3, channels: {one_of: [2, 3, 4]}}
    - global_pool: average
    - linear: classes
  require: [\"parameters <= 200_000\"]
data: {batch: 32, dataset: 'digits', split: {limit: 200}}
seed: 1
steps:
  ship: {export: {formats: [yaml], candidates: \"best(final)\"}}
  explore: {search: {budget: {trials: 2}, strategy: random}}
  final: {train: {candidates: best(explore)}}
";

fn write(folder: &Path, text: &str) {
    fs::write(folder.join("small.yaml"), text).unwrap();
}

fn ran(folder: &Path) -> Said {
    let told = run(folder, &["run", "small.yaml"]);
    assert_eq!(told.code, 0, "{}", told.whole());
    told
}

/// The status of each step, by its name.
fn plan(folder: &Path) -> Value {
    let told = run(folder, &["plan", "small.yaml", "--format", "json"]);
    let plan: Value = serde_json::from_str(&told.out).unwrap_or_else(|error| panic!("{error}: {}", told.whole()));
    let steps = plan["steps"].as_array().unwrap().iter();
    steps
        .map(|step| (step["name"].as_str().unwrap().to_owned(), step["status"].clone()))
        .collect::<serde_json::Map<_, _>>()
        .into()
}

fn record(folder: &Path, run: &str) -> Connection {
    Connection::open(folder.join("runs").join(run).join("run.sqlite")).unwrap()
}

fn count(record: &Connection, which: &str) -> i64 {
    record.query_row(&format!("SELECT count(*) FROM trials WHERE {which}"), [], |row| row.get(0)).unwrap()
}

fn digest(folder: &Path, name: &str) -> Value {
    let told = run(folder, &["show", name, "--format", "json"]);
    serde_json::from_str::<Value>(&told.out).unwrap_or_else(|error| panic!("{error}: {}", told.whole()))["digest"]
        .clone()
}

#[test]
fn other_words_run_nothing_and_one_value_runs_what_depends_on_it() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    write(here, TRAINED);
    ran(here);
    let done = json!({"up_to_date": {"run": "small-1"}});
    write(here, IN_OTHER_WORDS);
    assert_eq!(plan(here), json!({"explore": done, "final": done, "ship": done}));
    assert!(ran(here).err.contains("up to date"));

    // The formats of the export: nothing before it runs.
    write(here, &TRAINED.replace("formats: [yaml]", "formats: [yaml, pytorch]"));
    let planned = plan(here);
    assert_eq!((&planned["explore"], &planned["final"]), (&done, &done), "{planned}");
    let change = &planned["ship"]["changed"]["changes"][0];
    assert_eq!(
        (&change["path"], &change["old"], &change["new"], &change["line"]),
        (&"steps.ship.export.formats[1]".into(), &Value::Null, &"pytorch".into(), &18.into()),
        "{planned}"
    );
    // How often the best is trained: the search stays.
    write(here, &TRAINED.replace("best(explore)}", "best(explore), repeats: 2}"));
    let planned = plan(here);
    assert_eq!(planned["explore"], done);
    assert_eq!(planned["final"]["changed"]["changes"][0]["path"], "steps.final.train.repeats");
    assert_eq!(planned["ship"], json!({"follows": {"input": "final"}}));
    // The recipe: all of it, from what to what, at its line; and no training is known.
    write(here, &TRAINED.replace("0.001", "0.002"));
    let planned = plan(here);
    let changed = &planned["explore"]["changed"];
    assert_eq!((&changed["run"], &changed["known"]), (&"small-1".into(), &0.into()));
    let rate = json!({"path": "space.training.optimizer.sgd.rate", "old": 0.001, "new": 0.002, "file": "small.yaml", "line": 12});
    assert_eq!(changed["changes"], json!([rate]));
    let told = run(here, &["plan", "small.yaml"]);
    assert!(told.out.contains("space.training.optimizer.sgd.rate: 0.001 → 0.002 (small.yaml:12)"), "{}", told.whole());
}

#[test]
fn a_grown_space_and_a_raised_budget_keep_their_trials() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    write(here, TRAINED);
    ran(here);
    // The same three networks and one more, three asked for: what was trained is known.
    let grown = TRAINED.replace("[2, 3, 4]", "[2, 3, 4, 5]").replace("trials: 2", "trials: 4");
    write(here, &grown);
    let planned = plan(here);
    let changed = &planned["explore"]["changed"];
    let paths: Vec<&str> = changed["changes"].as_array().unwrap().iter().map(|c| c["path"].as_str().unwrap()).collect();
    assert!(paths.contains(&"space.network[0].conv.channels.one_of[3]"), "{paths:?}");
    assert!(paths.contains(&"steps.explore.search.budget.trials"), "{paths:?}");
    assert_eq!(changed["known"], 2, "{planned}");
    let told = run(here, &["plan", "small.yaml"]);
    assert!(told.out.contains("2 trials are in the cache: those asked for again cost nothing"), "{}", told.whole());
    let told = ran(here);
    assert!(told.err.contains("2 from the cache"), "{}", told.whole());
    let again = record(here, "small-2");
    assert_eq!((count(&again, "step = 'explore'"), count(&again, "step = 'explore' AND cached")), (4, 2));
    let mut table = csv::Reader::from_path(here.join("runs/small-2/trials.csv")).unwrap();
    let column = table.headers().unwrap().iter().position(|name| name == "cached").unwrap();
    let marks: Vec<bool> = table.records().map(|row| row.unwrap()[column].parse().unwrap()).take(4).collect();
    assert_eq!(marks.iter().filter(|cached| **cached).count(), 2, "{marks:?}");

    // What came from the cache changes nothing that the digest sees.
    let told = run(here, &["run", "small.yaml", "--runs", "fresh"]);
    assert_eq!(told.code, 0, "{}", told.whole());
    let fresh = run(here, &["show", "small", "--runs", "fresh", "--format", "json"]);
    let fresh: Value = serde_json::from_str(&fresh.out).unwrap();
    assert_eq!(fresh["digest"], digest(here, "small-2"));
}

#[test]
fn a_missing_file_of_weights_is_made_again_from_the_cache() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    write(here, TRAINED);
    ran(here);
    let before = digest(here, "small-1");
    let weights = here.join("runs/small-1/artifacts/final/0/repeat-0.safetensors");
    let bytes = fs::read(&weights).unwrap();
    fs::remove_file(&weights).unwrap();
    let status = &plan(here)["final"];
    assert_eq!(status, &json!({"incomplete": {"run": "small-1", "missing": "artifacts/final/0/repeat-0.safetensors"}}));
    let told = run(here, &["plan", "small.yaml"]);
    assert!(
        told.out.contains("runs, because `artifacts/final/0/repeat-0.safetensors` is missing in small-1"),
        "{}",
        told.whole()
    );
    ran(here);
    let latest = if here.join("runs/small-2").is_dir() { "small-2" } else { "small-1" };
    let made = fs::read(here.join("runs").join(latest).join("artifacts/final/0/repeat-0.safetensors")).unwrap();
    assert!(made == bytes, "the same weights");
    assert_eq!(digest(here, latest), before);
    assert_eq!(count(&record(here, latest), "NOT cached AND step = 'final'"), 0, "nothing was trained again");
}

/// An experiment whose trials take a while.
const SLOW: &str = r#"
version: 1
name: small
seed: 1
space: {values: {rate: {float: [0, 1]}}}
evaluator: {command: [sh, -c, 'sleep 0.3; echo "{\"metrics\": {\"loss\": 1.5}}"']}
objectives: [{minimize: loss}]
steps: {explore: {search: {strategy: random, budget: {trials: 40}}}}
"#;

#[test]
fn a_run_in_use_is_left_alone_and_says_by_whom() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    write(here, SLOW);
    let mut child = pleach(here)
        .args(["run", "small.yaml", "--workers", "1"])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let start = Instant::now();
    loop {
        let told = run(here, &["show", "small", "--format", "json"]);
        if told.code == 0
            && serde_json::from_str::<Value>(&told.out).unwrap()["steps"]["explore"]["trials"].as_u64() > Some(1)
        {
            break;
        }
        assert!(start.elapsed() < Duration::from_secs(60), "{}", told.whole());
        std::thread::sleep(Duration::from_millis(50));
    }
    let second = run(here, &["run", "small.yaml"]);
    assert_eq!(second.code, 6, "{}", second.whole());
    let process = format!("is in use by process {}", child.id());
    assert!(second.err.contains("runs/small-1") && second.err.contains(&process), "{}", second.whole());
    assert!(second.err.contains("pleach watch small-1"), "{}", second.whole());
    // Neither is its cache touched.
    let all = run(here, &["cache", "clear", "--all"]);
    assert!(all.code == 6 && all.err.contains("small-1 is being executed by process"), "{}", all.whole());
    let by_age = run(here, &["cache", "clear", "--older-than", "0s", "--dry-run", "--format", "json"]);
    assert_eq!(serde_json::from_str::<Value>(&by_age.out).unwrap()["results"], 0, "{}", by_age.whole());
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn the_cache_is_shown_and_cleared_and_runs_stay() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    let shown = |arguments: &[&str]| -> Value {
        let told = run(here, &[arguments, &["--format", "json"]].concat());
        serde_json::from_str(&told.out).unwrap_or_else(|error| panic!("{error}: {}", told.whole()))
    };
    assert_eq!(shown(&["cache"])["results"]["entries"], 0);
    assert!(!here.join("runs").exists(), "looking makes nothing");
    write(here, TRAINED);
    ran(here);
    let before = shown(&["cache"]);
    assert_eq!((&before["results"]["entries"], &before["weights"]["entries"]), (&2.into(), &1.into()), "{before}");
    assert!(
        before["weights"]["bytes"].as_u64() > Some(100) && before["plugins"]["bytes"].as_u64() > Some(1000),
        "{before}"
    );
    let told = run(here, &["cache"]);
    assert!(told.out.contains("2 trainings") && told.out.contains("compiled strategies"), "{}", told.whole());

    assert_eq!(run(here, &["cache", "clear"]).code, 2, "how much is not said");
    assert_eq!(run(here, &["cache", "clear", "--older-than", "soon"]).code, 2);
    assert_eq!(shown(&["cache", "clear", "--older-than", "30d", "--weights"])["weights"], 0, "all of it is new");
    // As if the runs were of 40 days ago.
    let cache = Connection::open(here.join("runs/.cache/cache.sqlite")).unwrap();
    cache.execute("UPDATE uses SET used = used - 40 * 86400", []).unwrap();
    let clear = ["cache", "clear", "--older-than", "30d", "--weights"];
    let would = shown(&[&clear[..], &["--dry-run"]].concat());
    assert_eq!((&would["cleared"], &would["weights"], &would["results"]), (&false.into(), &1.into(), &0.into()));
    assert_eq!(shown(&["cache"])["weights"], before["weights"]);
    let cleared = shown(&clear);
    assert_eq!((&cleared["cleared"], &cleared["weights"]), (&true.into(), &1.into()));
    let after = shown(&["cache"]);
    assert_eq!((&after["results"]["entries"], &after["weights"]["entries"]), (&2.into(), &0.into()));

    // An unfinished run keeps what its trials have.
    record(here, "small-1").execute("UPDATE meta SET value = 'unfinished' WHERE name = 'state'", []).unwrap();
    let kept = shown(&["cache", "clear", "--older-than", "30d"]);
    assert_eq!((&kept["results"], &kept["kept"]), (&0.into(), &2.into()), "{kept}");
    record(here, "small-1").execute("UPDATE meta SET value = 'done' WHERE name = 'state'", []).unwrap();
    assert_eq!(shown(&["cache", "clear", "--older-than", "30d"])["results"], 2);
    // All of it, in a user's cache of its own: the compiled strategies of other tests stay.
    write(here, &TRAINED.replace("0.001", "0.002"));
    ran(here);
    let all = pleach(here).args(["cache", "clear", "--all", "--format", "json"]).env("XDG_CACHE_HOME", here).output();
    let all: Value = serde_json::from_slice(&all.unwrap().stdout).unwrap();
    assert_eq!((&all["results"], &all["weights"], &all["plugins"]), (&2.into(), &1.into(), &0.into()));
    assert_eq!(shown(&["cache"])["results"]["entries"], 0);
    assert!(here.join("runs/small-1/artifacts/final/0/repeat-0.safetensors").is_file(), "a run is no cache");
    assert!(ran(here).err.contains("up to date"), "and needs none");
}
