//! What is wrong with a table or a program that evaluates.

use super::listed;
use pleach_evaluate::TableError;
use pleach_spec::{Command, Problem};
use std::path::Path;

/// Whether an error depends on which decisions there are.
pub(super) fn is_about_decisions(error: &TableError) -> bool {
    matches!(
        error,
        TableError::UnknownDecision { .. }
            | TableError::NoColumn { .. }
            | TableError::NoCharacter { .. }
            | TableError::CodeLength { .. }
            | TableError::Cell { .. }
            | TableError::NoRows { .. }
            | TableError::Merge { .. }
    )
}

pub(super) fn of_table(error: &TableError) -> Problem {
    let code = match error {
        TableError::MissingColumn { .. } => "unknown-column",
        TableError::UnknownDecision { .. } => "unknown-decision",
        TableError::NoColumn { .. } | TableError::NoCharacter { .. } => "decision-without-column",
        TableError::NotFetched { .. } => "table-not-fetched",
        TableError::Merge { .. } => "unusable-merge",
        _ => "unusable-table",
    };
    let problem = Problem { help: error.help(), ..Problem::error(error.pointer(), code, error.to_string()) };
    match error {
        TableError::UnknownDecision { pointer, .. } if pointer.contains("/columns/") => problem.at_key(),
        _ => problem,
    }
}

/// A program that is written with a slash lies at that path; others are looked for where the system looks.
pub(super) fn of_command(command: &Command, base: &Path) -> Option<Problem> {
    let program = command.0.first()?;
    let missing = program.contains('/') && !base.join(program).is_file();
    missing.then(|| {
        let path = base.join(program);
        let message = format!("there is no program `{}`", path.display());
        let help = format!("the path is relative to the experiment's file; {}", listed_after(command));
        Problem::error("/evaluator/command/0", "missing-program", message).help(help)
    })
}

fn listed_after(command: &Command) -> String {
    match command.0.get(1..) {
        Some([]) | None => "a bare name is looked for where the system looks for programs".to_owned(),
        Some(rest) => format!("its arguments would be {}", listed(rest)),
    }
}
