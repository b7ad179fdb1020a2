//! Runs that are killed at random moments, engine, workers or both, end as if nothing had happened: the same trials, the same best,
//! the same artifacts, the same digest, and no finished trial is trained again.
//!
//! `PLEACH_KILLS` says how many kills there are in all (`cargo xtask test crash`: 50), `PLEACH_KILLS_SEED` which ones.
#![cfg(target_os = "linux")]

use pleach_random::{Generator, derive};
use pleach_tests::{pleach, repository};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// Number `name` of the environment.
fn number(name: &str, unless_told: u64) -> u64 {
    std::env::var(name)
        .map_or(unless_told, |text| text.parse().unwrap_or_else(|_| panic!("{name} is no number: {text}")))
}

/// A share of all kills, at least 1.
fn share_of_kills(share: f64) -> u64 {
    ((number("PLEACH_KILLS", 5) as f64 * share).round() as u64).max(1)
}

/// What is to end the same way however often it is killed.
struct Subject {
    name: &'static str,
    arguments: Vec<String>,
    /// Whether each result is on disk before it is told; results of tables are only asked again.
    costs_work: bool,
}

impl Subject {
    fn new(name: &'static str, file: &Path, more: &[&str], costs_work: bool) -> Subject {
        let mut arguments = vec!["run".to_owned(), file.to_str().unwrap().to_owned(), "--format".into(), "json".into()];
        arguments.extend(more.iter().map(|&word| word.to_owned()));
        Subject { name, arguments, costs_work }
    }

    /// Begins a sitting, whose events go to the end of a file.
    fn sit(&self, runs: &Path, events: &Path, workers: u64) -> Child {
        let events = fs::OpenOptions::new().create(true).append(true).open(events).unwrap();
        let words = fs::OpenOptions::new().create(true).append(true).open(runs.with_extension("words")).unwrap();
        pleach(&repository())
            .args(&self.arguments)
            .args(["--workers", &workers.to_string(), "--runs", runs.to_str().unwrap()])
            .stdin(Stdio::null())
            .stdout(events)
            .stderr(words)
            .spawn()
            .unwrap()
    }

    /// Runs it to its end, once without interruption and then as often as it takes to kill it so many times.
    fn endures(&self, kills: u64) {
        let folder = tempfile::tempdir().unwrap();
        let whole = folder.path().join("whole");
        let start = Instant::now();
        let status = self.sit(&whole, &folder.path().join("whole.events"), 2).wait().unwrap();
        let length = start.elapsed();
        assert!(status.success(), "{}", words(&whole));
        let expected = Left::in_folder(&whole);
        let seed = number("PLEACH_KILLS_SEED", 1);
        let mut random = Generator::new(derive(seed, &["kills", self.name]));
        let (mut killed, mut round) = (0, 0);
        while killed < kills {
            let runs = folder.path().join(format!("killed-{round}"));
            let moments = self.end_in_spite_of(&runs, kills - killed, length, &mut random);
            killed += moments.len() as u64;
            let told = format!("{}, seed {seed}, round {round}, killed {moments:?}", self.name);
            assert_eq!(Left::in_folder(&runs).difference(&expected), None, "{told}");
            let again = if self.costs_work { trained_twice(&runs.with_extension("events")) } else { Vec::new() };
            assert_eq!(again, Vec::<String>::new(), "{told}");
            assert_eq!(folders(&runs).len(), 1, "{told}: the run goes on in its folder");
            let lines: String = moments.iter().map(|moment| format!("{}: {moment}\n", self.name)).collect();
            std::io::stderr()
                .write_all(format!("{lines}{}: ended as if never killed\n", self.name).as_bytes())
                .unwrap();
            round += 1;
        }
    }

    /// One run to its end, killed at most so many times; says when and what.
    fn end_in_spite_of(&self, runs: &Path, kills: u64, length: Duration, random: &mut Generator) -> Vec<String> {
        let mut moments = Vec::new();
        loop {
            let mut child = self.sit(runs, &runs.with_extension("events"), 1 + random.below(3));
            loop {
                if moments.len() as u64 == kills {
                    let status = child.wait().unwrap();
                    assert!(status.success(), "{status}: {}", words(runs));
                    return moments;
                }
                let moment = length.mul_f64(0.02 + 0.5 * random.below(1000) as f64 / 1000.0);
                if let Some(status) = ends_within(&mut child, moment) {
                    if status.success() {
                        return moments;
                    }
                    // Its worker was killed before it could say what it is, twice.
                    assert_eq!(status.code(), Some(4), "{}", words(runs));
                    break;
                }
                let workers = children_of(child.id());
                let (engine, what) = match random.below(4) {
                    0 if !workers.is_empty() => {
                        kill(workers[random.below(workers.len() as u64) as usize], Signal::KILL);
                        moments.push(format!("a worker at {moment:?}"));
                        continue;
                    }
                    1 => {
                        workers.iter().for_each(|&worker| kill(worker, Signal::KILL));
                        (Signal::KILL, "both")
                    }
                    2 => (Signal::INT, "interrupted"),
                    _ => (Signal::KILL, "the engine"),
                };
                kill(child.id(), engine);
                moments.push(format!("{what} at {moment:?}"));
                let status = ends_within(&mut child, Duration::from_secs(30)).expect("it ends within seconds");
                if engine == Signal::INT && !status.success() {
                    // An interrupt that comes before anybody listens ends a process as it always does.
                    let by_default = std::os::unix::process::ExitStatusExt::signal(&status) == Some(2);
                    assert!(by_default || status.code() == Some(130), "{status}: {}", words(runs));
                }
                if status.success() {
                    return moments;
                }
                break;
            }
        }
    }
}

fn kill(process: u32, signal: Signal) {
    // Fails where it has ended by itself.
    let _ = kill_process(Pid::from_raw(process as i32).unwrap(), signal);
}

fn ends_within(child: &mut Child, limit: Duration) -> Option<ExitStatus> {
    let start = Instant::now();
    loop {
        match child.try_wait().unwrap() {
            Some(status) => return Some(status),
            None if start.elapsed() >= limit => return None,
            None => std::thread::sleep(Duration::from_millis(1)),
        }
    }
}

/// The processes that a process started.
fn children_of(parent: u32) -> Vec<u32> {
    let of = |entry: fs::DirEntry| {
        let process: u32 = entry.file_name().to_str()?.parse().ok()?;
        let status = fs::read_to_string(entry.path().join("stat")).ok()?;
        // The name in parentheses may hold anything.
        let (_, fields) = status.rsplit_once(')')?;
        (fields.split_whitespace().nth(1)?.parse() == Ok(parent)).then_some(process)
    };
    let mut children: Vec<u32> = fs::read_dir("/proc").unwrap().filter_map(|entry| of(entry.ok()?)).collect();
    children.sort_unstable();
    children
}

/// What all sittings said.
fn words(runs: &Path) -> String {
    fs::read_to_string(runs.with_extension("words")).unwrap_or_default()
}

fn folders(runs: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(runs).unwrap().map(|entry| entry.unwrap().path());
    entries.filter(|path| !path.file_name().unwrap().to_str().unwrap().starts_with('.')).collect()
}

/// Trials that more than one sitting trained to the end.
fn trained_twice(events: &Path) -> Vec<String> {
    let mut counts: HashMap<String, u32> = HashMap::new();
    for line in fs::read_to_string(events).unwrap().lines() {
        // The last line of a sitting that was killed may be half of one.
        let Ok(event) = serde_json::from_str::<Value>(line) else { continue };
        if event["event"] == "trial_done" && event["cached"] == false && event["replayed"] == false {
            *counts.entry(format!("{} {}", event["step"], event["id"])).or_default() += 1;
        }
    }
    counts.into_iter().filter(|(_, count)| *count > 1).map(|(trial, _)| trial).collect()
}

/// What a run left.
#[derive(Debug, PartialEq)]
struct Left {
    digest: String,
    /// By name; of tables what does not depend on the machine.
    files: BTreeMap<String, Vec<u8>>,
}

impl Left {
    fn in_folder(runs: &Path) -> Left {
        let run = folders(runs).pop().expect("a run");
        let id = run.file_name().unwrap().to_str().unwrap();
        let shown =
            pleach_tests::run(&repository(), &["show", id, "--runs", runs.to_str().unwrap(), "--format", "json"]);
        assert_eq!(shown.code, 0, "{}", shown.err);
        let shown: Value = serde_json::from_str(&shown.out).unwrap();
        let mut files = BTreeMap::new();
        for name in ["best.yaml", "lock.yaml", "experiment.yaml"] {
            files.insert(name.to_owned(), fs::read(run.join(name)).unwrap_or_default());
        }
        for name in ["trials.csv", "front.csv"] {
            files.insert(name.to_owned(), same_everywhere(&run.join(name)));
        }
        collect(&run.join("artifacts"), &run, &mut files);
        Left { digest: shown["digest"].as_str().unwrap().to_owned(), files }
    }

    /// The first thing that differs.
    fn difference(&self, expected: &Left) -> Option<String> {
        if self.files.keys().ne(expected.files.keys()) {
            return Some(format!("files {:?} instead of {:?}", self.files.keys(), expected.files.keys()));
        }
        let differs = self.files.iter().find(|(name, content)| expected.files[*name] != **content);
        let differs = differs.map(|(name, _)| format!("`{name}` differs"));
        differs.or_else(|| (self.digest != expected.digest).then(|| "the digest differs".to_owned()))
    }
}

fn collect(folder: &Path, root: &Path, files: &mut BTreeMap<String, Vec<u8>>) {
    for entry in fs::read_dir(folder).into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, root, files);
        } else {
            let name = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
            files.insert(name, fs::read(&path).unwrap());
        }
    }
}

/// A table of trials without what a machine and its moment decide.
fn same_everywhere(table: &Path) -> Vec<u8> {
    let mut reader = csv::Reader::from_path(table).unwrap();
    let of_machine = ["seconds", "cached", "worker"];
    let kept: Vec<bool> = reader.headers().unwrap().iter().map(|name| !of_machine.contains(&name)).collect();
    let mut writer = csv::Writer::from_writer(Vec::new());
    for row in reader.records() {
        let row = row.unwrap();
        writer.write_record(row.iter().zip(&kept).filter(|(_, kept)| **kept).map(|(cell, _)| cell)).unwrap();
    }
    writer.into_inner().unwrap()
}

#[test]
fn trainings() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("killed.yaml");
    let yaml = "
version: 1
name: killed
data: {dataset: digits, split: {limit: 500}}
space:
  network:
    - conv: {channels: {one_of: [4, 8]}, kernel: {one_of: [3, 5]}}
    - global_pool: average
    - linear: classes
  training: {epochs: 4, optimizer: {sgd: {rate: {float: [0.01, 0.3], log: true}, momentum: 0.9}}}
objectives: [{maximize: accuracy}, {minimize: parameters}]
limits: {retries: 10}
steps:
  explore: {search: {strategy: regularized-evolution, with: {population: 4, sample: 2}, decide: architecture, budget: {trials: 8}, fidelity: 0.5}}
  tune: {hpo: {candidates: best(explore), strategy: successive-halving, budget: {trials: 6}}}
  final: {train: {candidates: 'top(tune, 2)', repeats: 2}}
  attack: {robustness: {candidates: best(final), corruptions: [gaussian_noise], severities: [3], attacks: {fgsm: {fgsm: {epsilon: 0.1}}}}}
  ship: {export: {candidates: best(final), formats: [torchscript, onnx, safetensors, pytorch, yaml]}}
";
    fs::write(&file, yaml).unwrap();
    Subject::new("trainings", &file, &["--checkpoint-every", "0"], true).endures(share_of_kills(0.6));
}

#[test]
fn tables() {
    let file = repository().join("specs/nas-bench-201-table.yaml");
    Subject::new("tables", &file, &["--set", "steps.explore.search.budget.trials=3000"], false)
        .endures(share_of_kills(0.2));
}

#[test]
fn programs_of_the_user() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("program.yaml");
    let yaml = r#"
version: 1
name: program
space: {values: {x: {float: [0.0, 1.0]}, y: {int: [0, 100]}}}
evaluator: {command: [sh, -c, 'read line; echo "{\"metrics\": {\"loss\": ${#line}}}"']}
objectives: [{minimize: loss}]
limits: {retries: 10}
steps: {explore: {search: {strategy: regularized-evolution, with: {population: 10, sample: 3}, budget: {trials: 150}}}}
"#;
    fs::write(&file, yaml).unwrap();
    Subject::new("programs", &file, &[], true).endures(share_of_kills(0.2));
}
