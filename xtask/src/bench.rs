//! `cargo xtask bench`: the search loop's cost, and training beside PyTorch.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};

use crate::arguments::BenchTrain;
use crate::console::say;
use crate::failure::{AtPath, Failure, Outcome};
use crate::places::Profile;
use crate::process;
use crate::programs::Workshop;

/// The benchmark's experiment, and the cell that is trained: five 3x3 convolutions and a skip connection.
const SPEC: &str = "specs/bench/nas-bench-201-cell.yaml";
const GENOTYPE: &str = "3,3,3,1,3,3";

/// Runs `pleach bench overhead` and gives its exit status.
pub fn overhead(workshop: &Workshop, profile: Profile, arguments: &[OsString]) -> Outcome<ExitStatus> {
    process::status(workshop.pleach(profile).args(["bench", "overhead"]).args(arguments))
}

/// One way to train the network, and what it measured.
struct Contender {
    name: &'static str,
    command: Command,
    /// Images per second, one a round.
    measured: Vec<f64>,
    /// Images per second of processor time, which a busy machine disturbs less; empty where a program does not tell.
    by_processor: Vec<f64>,
    parameters: Option<f64>,
}

/// Trains the network with Pleach and with PyTorch in turns, and prints images per second.
pub fn train(workshop: &Workshop, options: &BenchTrain) -> Outcome {
    let mut contenders = vec![pleach(workshop, options)];
    match python_with_torch() {
        Ok(python) => contenders.extend(pytorch(&workshop.places.root, &python, options)),
        Err(reason) => say("bench", &format!("Pleach alone: {reason}")),
    }
    for round in 1..=options.rounds {
        for contender in &mut contenders {
            measure(contender)?;
            let speed = contender.measured.last().copied().unwrap_or_default();
            say("bench", &format!("round {round} of {}: {speed:>7.1} images/s  {}", options.rounds, contender.name));
        }
    }
    same_network(&contenders)?;
    print!("{}", table(&contenders));
    if let Some(file) = &options.json {
        fs::write(file, json(&contenders, options)).at("write", file)?;
    }
    Ok(())
}

fn pleach(workshop: &Workshop, options: &BenchTrain) -> Contender {
    let mut command = workshop.pleach(options.profile);
    command.args(["bench", "train"]).arg(workshop.places.root.join(SPEC)).args(["--format", "json"]);
    contender("Pleach", with_numbers(command, options))
}

/// PyTorch as users install it, and with the allocator that Pleach's worker has, where that is installed.
fn pytorch(root: &Path, python: &Path, options: &BenchTrain) -> Vec<Contender> {
    let command = || {
        let mut command = Command::new(python);
        command.arg(root.join("xtask/src/bench_train.py"));
        with_numbers(command, options)
    };
    let mut contenders = vec![contender("PyTorch", command())];
    match mimalloc() {
        Some(library) => {
            let mut command = command();
            command.env("LD_PRELOAD", library);
            contenders.push(contender("PyTorch with mimalloc", command));
        }
        None => {
            say("bench", "no mimalloc to preload for PyTorch (Debian and Ubuntu: `apt-get install libmimalloc2.0`)")
        }
    }
    contenders
}

fn contender(name: &'static str, command: Command) -> Contender {
    Contender { name, command, measured: Vec::new(), by_processor: Vec::new(), parameters: None }
}

fn with_numbers(mut command: Command, options: &BenchTrain) -> Command {
    command.args(["--genotype", GENOTYPE]);
    for (option, number) in [("--batch", options.batch), ("--threads", options.threads), ("--steps", options.steps)] {
        command.arg(option).arg(number.to_string());
    }
    command
}

/// A Python that can import torch; else why there is none, as part of a sentence.
fn python_with_torch() -> Result<PathBuf, String> {
    let named = env::var_os("PLEACH_PYTHON").map(PathBuf::from);
    let candidates = named.map_or_else(|| vec!["python3".into(), "python".into()], |python| vec![python]);
    let imports = |python: &PathBuf| {
        process::capture(Command::new(python).args(["-c", "import torch"])).is_ok_and(|captured| captured.success)
    };
    let names: Vec<String> = candidates.iter().map(|python| format!("`{}`", python.display())).collect();
    candidates
        .into_iter()
        .find(imports)
        .ok_or_else(|| format!("{} cannot import torch (PLEACH_PYTHON names another Python)", names.join(" or ")))
}

/// The shared library of mimalloc, by its name in the folders where systems put libraries.
fn mimalloc() -> Option<PathBuf> {
    if let Some(named) = env::var_os("PLEACH_MIMALLOC") {
        return Some(named.into());
    }
    let folders = [format!("/usr/lib/{}-linux-gnu", env::consts::ARCH), "/usr/lib".into(), "/usr/local/lib".into()];
    let mut found: Vec<PathBuf> = folders
        .iter()
        .filter_map(|folder| fs::read_dir(folder).ok())
        .flat_map(|entries| entries.flatten().map(|entry| entry.path()))
        .filter(|path| {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            name.starts_with("libmimalloc.so") || name.starts_with("libmimalloc-") && name.contains(".so")
        })
        .collect();
    found.sort();
    found.into_iter().next()
}

/// One turn, added to what the contender measured.
fn measure(contender: &mut Contender) -> Outcome {
    let captured = process::capture(&mut contender.command)?;
    let shown = process::shown(&contender.command);
    if !captured.success {
        return Err(Failure::new(format!("`{shown}` failed:\n{}", captured.stderr)));
    }
    let speed = number(&captured.stdout, "images_per_second").filter(|speed| *speed > 0.0);
    let speed =
        speed.ok_or_else(|| Failure::new(format!("`{shown}` gave no `images_per_second`:\n{}", captured.stdout)))?;
    contender.measured.push(speed);
    contender.by_processor.extend(number(&captured.stdout, "images_per_cpu_second"));
    contender.parameters = number(&captured.stdout, "parameters").or(contender.parameters);
    Ok(())
}

/// The number of a key in a JSON text, wherever it stands: enough for two known programs, and no dependency.
fn number(json: &str, key: &str) -> Option<f64> {
    let (_, rest) = json.split_once(&format!("\"{key}\""))?;
    let value = rest.trim_start().strip_prefix(':')?.trim_start();
    let end = value.find(|character: char| !matches!(character, '0'..='9' | '+' | '-' | '.' | 'e' | 'E'));
    value[..end.unwrap_or(value.len())].parse().ok()
}

/// A comparison of different networks would mean nothing.
fn same_network(contenders: &[Contender]) -> Outcome {
    let counts: Vec<(&str, f64)> =
        contenders.iter().filter_map(|one| one.parameters.map(|count| (one.name, count))).collect();
    if counts.windows(2).all(|pair| pair[0].1 == pair[1].1) {
        return Ok(());
    }
    let counts: Vec<String> = counts.iter().map(|(name, count)| format!("{name} {count}")).collect();
    Err(Failure::new(format!("the networks differ in their parameters: {}", counts.join(", ")))
        .remedy(format!("let {SPEC} and xtask/src/bench_train.py describe the same network")))
}

fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    if sorted.len() % 2 == 1 { sorted[middle] } else { f64::midpoint(sorted[middle - 1], sorted[middle]) }
}

/// The result for people: medians, ranges, and how many times faster the first is; once by the clock and once by
/// processor time, where all tell it.
fn table(contenders: &[Contender]) -> String {
    let by_clock: Vec<_> = contenders.iter().map(|one| (one.name, one.measured.as_slice())).collect();
    let by_processor: Vec<_> = contenders.iter().map(|one| (one.name, one.by_processor.as_slice())).collect();
    let mut text = part("images per second", &by_clock);
    if by_processor.iter().all(|(_, speeds)| !speeds.is_empty()) {
        text.push('\n');
        text.push_str(&part("images per CPU second", &by_processor));
    }
    text
}

fn part(title: &str, speeds: &[(&str, &[f64])]) -> String {
    let first = speeds.first().map_or(f64::NAN, |(_, first)| median(first));
    let mut text = format!("{title:<22} {:>10} {:>17} {:>13}\n", "median", "range", "Pleach / it");
    for (name, speeds) in speeds {
        let middle = median(speeds);
        let low = speeds.iter().copied().fold(f64::INFINITY, f64::min);
        let high = speeds.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let range = format!("{low:.1} to {high:.1}");
        text.push_str(&format!("{name:<22} {middle:>10.1} {range:>17} {:>13.2}\n", first / middle));
    }
    text
}

fn json(contenders: &[Contender], options: &BenchTrain) -> String {
    let measured = |contender: &Contender| {
        let speeds: Vec<String> = contender.measured.iter().map(f64::to_string).collect();
        format!("    \"{}\": [{}]", contender.name, speeds.join(", "))
    };
    let BenchTrain { batch, threads, steps, .. } = options;
    format!(
        "{{\n  \"genotype\": \"{GENOTYPE}\", \"batch\": {batch}, \"threads\": {threads}, \"steps\": {steps},\n  \
         \"images_per_second\": {{\n{}\n  }}\n}}\n",
        contenders.iter().map(measured).collect::<Vec<_>>().join(",\n")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measured(name: &'static str, measured: &[f64], parameters: f64) -> Contender {
        let mut contender = contender(name, Command::new("true"));
        contender.measured = measured.to_vec();
        contender.parameters = Some(parameters);
        contender
    }

    #[test]
    fn numbers_are_found_in_json() {
        let text = r#"{"torch": "2.11.0", "parameters": 73306, "images_per_second" : 1.25e3, "steps":30}"#;
        assert_eq!(number(text, "images_per_second"), Some(1250.0));
        assert_eq!(number(text, "parameters"), Some(73306.0));
        assert_eq!(number(text, "steps"), Some(30.0));
        assert_eq!(number(text, "torch"), None);
        assert_eq!(number(text, "images"), None);
    }

    #[test]
    fn medians_and_ratios_are_printed() {
        let contenders =
            [measured("Pleach", &[300.0, 310.0, 100.0], 5.0), measured("PyTorch", &[200.0, 240.0, 260.0, 200.0], 5.0)];
        let text = table(&contenders);
        assert!(text.contains("Pleach                      300.0    100.0 to 310.0          1.00"), "{text}");
        assert!(text.contains("PyTorch                     220.0    200.0 to 260.0          1.36"), "{text}");
        assert!(!text.contains("CPU"), "{text}");
        same_network(&contenders).unwrap();
        let json = json(&contenders, &BenchTrain::default());
        assert_eq!(number(&json, "steps"), Some(30.0));
        assert!(json.contains("\"PyTorch\": [200, 240, 260, 200]"), "{json}");
    }

    #[test]
    fn processor_time_is_shown_where_all_tell_it() {
        let mut contenders = [measured("Pleach", &[300.0], 5.0), measured("PyTorch", &[200.0], 5.0)];
        contenders[0].by_processor.push(330.0);
        assert!(!table(&contenders).contains("CPU"));
        contenders[1].by_processor.push(220.0);
        assert!(table(&contenders).contains("PyTorch                     220.0    220.0 to 220.0          1.50"));
    }

    #[test]
    fn different_networks_are_not_compared() {
        let failure = same_network(&[measured("Pleach", &[1.0], 5.0), measured("PyTorch", &[1.0], 6.0)]).unwrap_err();
        assert!(failure.to_string().contains("Pleach 5, PyTorch 6"), "{failure}");
    }
}
