use crate::exit::{Exit, Outcome};
use crate::experiment::{self, Overrides};
use crate::output;
use pleach_spec::{Diagnostic, DocumentKind};
use std::io;
use std::path::PathBuf;

/// Find all mistakes in experiments, spaces, descriptions of tables and benchmarks
///
/// Reports everything that is wrong at once, each mistake with file, line and column, the line itself and what to do: syntax,
/// names and types, references between steps, data that are missing, networks whose shapes do not fit (every option is built
/// at least once, and 1,000 random networks where the space is large), metrics that nobody measures, options that a strategy
/// refuses. Runs no plugin and reads only the headers of data.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  pleach check specs/quickstart.yaml
  pleach check specs/*.yaml specs/spaces/*.yaml
  pleach check my.yaml --set seed=8 --set 'steps.explore.search.with={population: 32}'
  pleach check my.yaml --format github      # annotations in GitHub Actions

JSON: {\"diagnostics\": [{\"code\", \"severity\", \"message\", \"file\", \"line\", \"column\", \"end_line\", \"end_column\", \"help\"}]}
Lines and columns are from 1, columns count characters, ends are exclusive.

Exit codes: 0 no errors (warnings may be there), 2 errors.")]
pub struct Arguments {
    /// Experiments, and files with a space, a table's description or a benchmark
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    #[command(flatten)]
    overrides: Overrides,
    /// How diagnostics are written
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// Text for people, with the line and a caret
    Human,
    /// JSON for programs
    Json,
    /// Annotations of GitHub Actions
    Github,
}

pub fn run(arguments: &Arguments) -> Outcome {
    let mut diagnostics: Vec<Diagnostic> = Vec::new();
    for file in &arguments.files {
        let document = experiment::open(file, &arguments.overrides);
        let surroundings = experiment::surroundings(file);
        diagnostics.extend(match document.kind() {
            DocumentKind::Experiment => pleach_plan::prepare(&document, &surroundings).1,
            DocumentKind::Space => pleach_plan::check_space(&document, &surroundings).1,
            DocumentKind::Table | DocumentKind::Benchmark => document.check(),
        });
    }
    output::data(match arguments.format {
        Format::Human => pleach_spec::human(&diagnostics, output::colour(&io::stdout())),
        Format::Json => pleach_spec::json(&diagnostics),
        Format::Github => pleach_spec::github(&diagnostics),
    })?;
    if arguments.format == Format::Human {
        let what = match arguments.files.as_slice() {
            [file] => file.display().to_string(),
            files => format!("{} files", files.len()),
        };
        output::say(format_args!("{what}: {}", experiment::mistakes(&diagnostics)));
    }
    Ok(if diagnostics.iter().any(Diagnostic::is_error) { Exit::Invalid } else { Exit::Done })
}
