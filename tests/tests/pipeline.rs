//! The steps beside search, train and export: tuning, robustness, requirements, repeats and baselines, through the built programs.

use pleach_tests::{Said, repository, run};
use serde_json::Value;
use std::collections::HashMap;
use std::path::Path;

/// Digits, a network of one decision and a recipe of one: each training takes a fraction of a second.
const HEAD: &str = "
version: 1
name: pipe
seed: 3
data: {dataset: digits, split: {limit: 400}}
space:
  network:
    - conv: {channels: {one_of: [4, 8, 16], name: width}}
    - global_pool: average
    - linear: classes
  training:
    epochs: 9
    optimizer: {adam: {rate: {float: [0.001, 0.1], log: true, default: 0.02}}}
objectives: [{maximize: accuracy}]
";

/// Runs an experiment of these steps in a folder of its own.
fn ran(folder: &Path, more: &str, arguments: &[&str]) -> Said {
    std::fs::write(folder.join("pipe.yaml"), format!("{HEAD}{more}")).unwrap();
    let mut all = vec!["run", "pipe.yaml"];
    all.extend(arguments);
    run(folder, &all)
}

fn shown(folder: &Path) -> Value {
    let said = run(folder, &["show", "pipe", "--format", "json"]);
    serde_json::from_str(&said.out).unwrap_or_else(|error| panic!("{error}: {said:?}"))
}

/// The rows of `trials.csv` as column → cell.
fn trials(folder: &Path) -> Vec<HashMap<String, String>> {
    csv::Reader::from_path(folder.join("runs/pipe-1/trials.csv")).unwrap().deserialize().map(Result::unwrap).collect()
}

#[test]
fn halving_goes_on_from_earlier_weights_to_the_same_bits_and_spends_the_difference() {
    let folder = tempfile::tempdir().unwrap();
    let steps = "
steps:
  tune: {hpo: {candidates: all(start), strategy: successive-halving, budget: {trials: 13}}}
  start: {train: {}}
  final: {train: {candidates: best(tune)}}
";
    // The last step trains the winner anew: it would fail if its weights had other bits than those of the resumed training.
    let said = ran(folder.path(), steps, &[]);
    assert_eq!(said.code, 0, "{said:?}");
    let rows = trials(folder.path());
    let of = |step: &'static str| rows.iter().filter(move |row| row["step"] == step);
    let number = |row: &HashMap<String, String>, column: &str| row[column].parse::<f64>().unwrap();
    let fidelities: Vec<f64> = of("tune").map(|row| number(row, "fidelity")).collect();
    assert!(fidelities.iter().any(|&fidelity| fidelity < 0.2) && fidelities.contains(&1.0), "{fidelities:?}");
    let whole = number(of("final").next().unwrap(), "cost");
    // Back from the winner: what its rungs cost adds up to one training without interruption.
    let best = shown(folder.path())["steps"]["tune"]["best"]["id"].as_u64().unwrap().to_string();
    let (mut next, mut spent, mut rungs) = (Some(best), 0.0, 0);
    while let Some(id) = next {
        let row = of("tune").find(|row| row["id"] == id).unwrap();
        spent += number(row, "cost");
        rungs += 1;
        next = row["parents"].split([',', ' ', ';']).find(|parent| !parent.is_empty()).map(str::to_owned);
    }
    assert!(rungs > 1 && (spent - whole).abs() < 1e-6 * whole, "{rungs} rungs cost {spent}, one training {whole}");
    // What a step over candidates does not decide is their own, in every table.
    assert!(rows.iter().all(|row| row["space.network[0].conv.channels"] == "4"), "{rows:?}");
    let written = std::fs::read_to_string(folder.path().join("runs/pipe-1/trials.csv")).unwrap();
    assert_eq!(run(folder.path(), &["export", "pipe", "--to", "csv", "-o", "-"]).out, written);
}

#[test]
fn a_requirement_that_fails_fails_the_run_and_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let steps = "
attacks: {fgsm: {fgsm: {epsilon: 0.1}}}
steps:
  final: {train: {fix: {width: 8}, repeats: 2, require: ['accuracy >= 0.2', 'test_accuracy >= 0.999']}}
  attack:
    robustness:
      candidates: all(final)
      corruptions: [gaussian_noise, contrast]
      severities: [1, 5]
      require: ['accuracy(fgsm) >= 0.0', 'accuracy(contrast) >= 1.0', 'accuracy(contrast, 1) >= 0.0', 'parameters <= 1000']
  ship: {export: {candidates: best(final), formats: [yaml]}}
";
    let said = ran(folder.path(), steps, &[]);
    assert_eq!(said.code, 1, "{said:?}");
    assert!(said.err.contains("`test_accuracy >= 0.999` does not hold"), "{}", said.err);
    let shown = shown(folder.path());
    assert_eq!(shown["state"], "done");
    assert_eq!(shown["steps"]["ship"]["artifacts"].as_array().unwrap().len(), 1, "later steps are done");
    let passed: Vec<(&str, bool)> = shown["requirements"]
        .as_array()
        .unwrap()
        .iter()
        .map(|required| (required["text"].as_str().unwrap(), required["passed"].as_bool().unwrap()))
        .collect();
    let expected = [
        ("accuracy >= 0.2", true),
        ("test_accuracy >= 0.999", false),
        ("accuracy(fgsm) >= 0", true),
        ("accuracy(contrast) >= 1", false),
        ("accuracy(contrast, 1) >= 0", true),
        ("parameters <= 1000", true),
    ];
    assert_eq!(passed, expected);
    // Per candidate, by corruption and severity, by attack and epsilon: means over repeats.
    let measured = &shown["steps"]["attack"]["robustness"]["0"];
    let clean = shown["steps"]["attack"]["results"][0]["validation"]["accuracy"]["mean"].as_f64().unwrap();
    assert_eq!(shown["steps"]["final"]["results"][0]["validation"]["accuracy"]["mean"].as_f64(), Some(clean));
    for (name, places) in [("gaussian_noise", &["1", "5"][..]), ("contrast", &["1", "5"]), ("fgsm", &["0.1"])] {
        for place in places {
            let accuracy = measured[name][place].as_f64().unwrap_or_else(|| panic!("{name} {place}: {measured}"));
            assert!((0.0..=1.0).contains(&accuracy));
        }
    }
    assert!(measured["fgsm"]["0.1"].as_f64().unwrap() < clean);
    // The channels that the step held.
    assert!(trials(folder.path()).iter().all(|row| row["space.network[0].conv.channels"] == "8"));

    // Again, nothing runs, and the answer is the same; with bounds that hold, too, and then all is well.
    assert_eq!(ran(folder.path(), steps, &[]).code, 1);
    let lower = steps.replace("0.999", "0.1").replace("accuracy(contrast) >= 1.0", "accuracy(contrast) >= 0.0");
    let said = ran(folder.path(), &lower, &["--format", "json"]);
    assert_eq!(said.code, 0, "{said:?}");
    assert!(!said.out.contains("\"trial_asked\""), "no step runs for another bound: {}", said.out);
    assert_eq!(said.out.matches("\"event\":\"required\"").count(), 6, "{}", said.out);
}

#[test]
fn searches_are_repeated_beside_a_baseline_and_a_single_one_is_called_so() {
    let steps = |repeats: u32| {
        format!(
            "
steps:
  explore: {{search: {{strategy: regularized-evolution, with: {{population: 3, sample: 2}}, decide: all, budget: {{trials: 5}},
    fidelity: 0.3333333333333333, repeats: {repeats}, baseline: random}}}}
  beside: {{train: {{candidates: baseline(explore)}}}}
  final: {{train: {{candidates: best(explore)}}}}
  by_hand: {{train: {{network: [flatten, {{linear: classes}}]}}}}
"
        )
    };
    let digest = |workers: &str| {
        let folder = tempfile::tempdir().unwrap();
        let said = ran(folder.path(), &steps(3), &["--workers", workers]);
        assert_eq!(said.code, 0, "{said:?}");
        (shown(folder.path()), folder)
    };
    let (one, folder) = digest("1");
    let comparison = &one["steps"]["explore"]["comparison"];
    assert_eq!(comparison["found"]["values"].as_array().unwrap().len(), 3);
    assert_eq!(comparison["baseline_found"]["values"].as_array().unwrap().len(), 3);
    assert!(comparison["verdict"].as_str().unwrap().contains("of 3 searches better"), "{comparison}");
    let records: std::collections::BTreeSet<String> =
        trials(folder.path()).into_iter().map(|mut row| row.remove("step").unwrap()).collect();
    let expected = [
        "beside",
        "by_hand",
        "explore",
        "explore/baseline",
        "explore/baseline/repeat-1",
        "explore/baseline/repeat-2",
        "explore/repeat-1",
        "explore/repeat-2",
        "final",
    ];
    assert_eq!(records.iter().collect::<Vec<_>>(), expected);
    assert_eq!(one["digest"], digest("8").0["digest"]);
    // What was searched for is held against what was not.
    let beside = one["beside"].as_array().unwrap();
    let pairs: Vec<[&str; 3]> =
        beside.iter().map(|pair| ["step", "other", "metric"].map(|key| pair[key].as_str().unwrap())).collect();
    assert_eq!(pairs, [["final", "beside", "test_accuracy"], ["final", "by_hand", "test_accuracy"]]);
    assert!(beside[1]["verdict"].as_str().unwrap().contains("a single training"), "{beside:?}");

    let folder = tempfile::tempdir().unwrap();
    let said = ran(folder.path(), &steps(1), &[]);
    assert!(said.out.contains("a single search"), "{said:?}");
}

#[test]
fn what_is_measured_under_attack_is_an_objective_like_any_other() {
    let folder = tempfile::tempdir().unwrap();
    let text = HEAD
        .replace("objectives: [{maximize: accuracy}]", "objectives: [{maximize: accuracy(weak)}, {minimize: latency}]");
    let steps = "
attacks: {weak: {fgsm: {epsilon: 0.02}}}
steps:
  explore: {search: {strategy: random, budget: {trials: 3}, fidelity: 0.3333333333333333}}
  final: {train: {candidates: best(explore)}}
";
    std::fs::write(folder.path().join("pipe.yaml"), format!("{text}{steps}")).unwrap();
    let said = run(folder.path(), &["run", "pipe.yaml"]);
    assert_eq!(said.code, 0, "{said:?}");
    for row in trials(folder.path()) {
        let value = |column: &str| row[column].parse::<f64>().unwrap_or_else(|_| panic!("{column}: {row:?}"));
        assert!((0.0..=1.0).contains(&value("accuracy(weak)")) && value("latency") > 0.0);
    }
    let lock = std::fs::read_to_string(folder.path().join("runs/pipe-1/lock.yaml")).unwrap();
    assert!(lock.contains("unrepeatable:\n- latency") || lock.contains("unrepeatable:\n  - latency"), "{lock}");
    assert!(lock.contains("digest_holds: this_run"), "{lock}");
}

#[test]
fn ready_experiments_go_through_every_step_when_they_are_tried() {
    let specs = repository().join("specs");
    let of = |name: &str| specs.join(name).to_str().unwrap().to_owned();
    for (file, more) in [("quickstart.yaml", &[][..]), ("fashion-mnist.yaml", &["--set", "data.dataset=digits"])] {
        let folder = tempfile::tempdir().unwrap();
        let file = of(file);
        let mut arguments = vec!["run", file.as_str(), "--smoke"];
        arguments.extend(more);
        let said = run(folder.path(), &arguments);
        assert_eq!(said.code, 0, "{file}: {said:?}");
        assert!(said.out.contains("attack"), "{}", said.out);
    }
}
