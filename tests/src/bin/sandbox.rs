//! Prints the corpus of hostile plugins as a table: how each ended, in what time and memory. Exit code 1 where one ended
//! otherwise than its entry says, or took more than is allowed. Words of the command line choose entries by name.

#![allow(clippy::print_stdout, reason = "a program for people at a terminal")]

use std::process::ExitCode;

use pleach_tests::sandbox;

fn main() -> ExitCode {
    let chosen: Vec<String> = std::env::args().skip(1).collect();
    let is_chosen = |name: &str| chosen.is_empty() || chosen.iter().any(|word| name.contains(word.as_str()));
    let (mut failures, mut slowest, mut largest, mut count) = (Vec::new(), 0.0_f64, 0, 0);
    println!("{:<25} {:<17} {:>4} {:>7} {:>7}  attack", "plugin", "error", "exit", "time", "memory");
    for attack in pleach_hostile_plugins::attacks().iter().filter(|attack| is_chosen(attack.name)) {
        let folder = tempfile::tempdir().expect("there is a folder for temporary files");
        let ended = sandbox::run(attack, folder.path());
        let memory = ended.bytes.map_or_else(|| "-".to_owned(), |bytes| format!("{} MiB", bytes >> 20));
        let kind = if attack.kind.is_empty() { "-" } else { attack.kind };
        let mark = match ended.differs_from(attack).or_else(|| ended.exceeds()) {
            None => "",
            Some(reason) => {
                failures.push(format!("{}: {reason}", attack.name));
                " FAILED"
            }
        };
        println!(
            "{:<25} {kind:<17} {:>4} {:>5.2} s {memory:>7}  {}{mark}",
            attack.name, ended.code, ended.seconds, attack.what
        );
        slowest = slowest.max(ended.seconds);
        largest = largest.max(ended.bytes.unwrap_or(0));
        count += 1;
    }
    println!(
        "\n{count} plugins; at most {slowest:.2} s ({} allowed) and {} MiB ({} allowed)",
        sandbox::SECONDS,
        largest >> 20,
        sandbox::BYTES >> 20
    );
    for failure in &failures {
        println!("\n{failure}");
    }
    if failures.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
