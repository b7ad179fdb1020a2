use super::host;
use crate::commands::Format;
use crate::exit::{Exit, Failure, Outcome};
use crate::output;
use pleach_conformance::{Report, Verdict, checks, conformance};
use std::path::Path;

/// Test a strategy: named checks of all that the contract asks of it, in toy spaces, without training
///
/// Among them: spaces of every kind, several objectives, failures, budgets, one worker and 64, the same seed and another, replay of
/// every step, options. What the strategy has no part in is skipped. Then the fuel that its calls used, beside their limits.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  pleach plugin test ./mine.wasm
  pleach plugin test ./mine.wasm --only replay --seed 3
  pleach plugin test random --format json

Exit code 0 where no check failed, else 3.

JSON: {\"plugin\", \"version\", \"digest\", \"seed\", \"checks\": [{\"name\", \"what\", \"result\": \"passed\" | \"failed\" | \"skipped\",
\"reason\"}], \"fuel\": [{\"call\", \"calls\", \"median\", \"largest\", \"share\"}], \"peak_memory\"}")]
pub struct Arguments {
    /// The name of a strategy, or the path of a `.wasm` file
    #[arg(value_name = "NAME|FILE.wasm")]
    strategy: String,
    /// Only the checks whose names contain one of these words
    #[arg(long, value_name = "WORD")]
    only: Vec<String>,
    /// The seed of the searches
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How it is written
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,
}

pub fn run(arguments: &Arguments) -> Outcome {
    let file = super::found(&arguments.strategy)?;
    let origin = format!("`{}`", file.path.display());
    let plugin = host()?.load(&file.bytes, &origin).map_err(|error| Failure::new(Exit::PluginFailed, error))?;
    let wanted =
        |name: &str| arguments.only.is_empty() || arguments.only.iter().any(|word| name.contains(word.as_str()));
    if !checks().iter().any(|check| wanted(check.name)) {
        let names: Vec<&str> = checks().iter().map(|check| check.name).collect();
        return Err(Failure::invalid("no check has such a name").help(format!("there are {}", names.join(", "))));
    }
    let report = conformance(&plugin, arguments.seed, wanted);
    match arguments.format {
        Format::Json => output::data(output::json(&report))?,
        Format::Human => human(&report, &file.path)?,
    }
    Ok(if report.passed() { Exit::Done } else { Exit::PluginFailed })
}

fn human(report: &Report, path: &Path) -> Result<(), Failure> {
    let rows = report.checks.iter().map(|checked| {
        let (word, text) = match &checked.verdict {
            Verdict::Passed => ("pass", checked.what.clone()),
            Verdict::Skipped { reason } => ("skip", reason.clone()),
            Verdict::Failed { reason } => ("FAIL", reason.clone()),
        };
        vec![checked.name.clone(), word.to_owned(), text]
    });
    output::data(format_args!("{} {}\n\n", report.plugin, report.version))?;
    output::data(output::table(&["check", "result", "what"], rows))?;
    let rows = report.fuel.iter().map(|fuel| {
        let share = format!("{:.2} %", fuel.share * 100.0);
        vec![fuel.call.to_owned(), fuel.calls.to_string(), fuel.median.to_string(), fuel.largest.to_string(), share]
    });
    if !report.fuel.is_empty() {
        output::data("\n")?;
        output::data(output::table(&["call", "calls", "fuel, median", "largest", "of its limit"], rows))?;
    }
    let count = |is: fn(&Verdict) -> bool| report.count(is);
    output::data(format_args!(
        "\n{} passed, {} failed, {} skipped; at most {} kB of memory\n",
        count(|verdict| *verdict == Verdict::Passed),
        count(|verdict| matches!(verdict, Verdict::Failed { .. })),
        count(|verdict| matches!(verdict, Verdict::Skipped { .. })),
        report.peak_memory / 1000,
    ))?;
    for checked in report.checks.iter().filter(|checked| matches!(checked.verdict, Verdict::Failed { .. })) {
        let again = format!("pleach plugin test {} --only {} --seed {}", path.display(), checked.name, report.seed);
        output::say(format_args!("again: {again}"));
    }
    Ok(())
}
