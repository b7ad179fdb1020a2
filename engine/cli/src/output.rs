//! Printing: data on standard output, everything else on standard error.

use crate::exit::Failure;
use comfy_table::{ContentArrangement, Table, TableComponent};
use indicatif::ProgressBar;
use pleach_spec::{Colour, Diagnostic};
use std::fmt::Display;
use std::io::{self, IsTerminal, Write};
use std::sync::{Mutex, PoisonError};

/// Writes data.
///
/// # Errors
/// Standard output cannot be written; a reader that has gone away is no error.
pub fn data(text: impl Display) -> Result<(), Failure> {
    let mut stdout = io::stdout().lock();
    match write!(stdout, "{text}").and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Failure::unusable(format!("cannot write to standard output: {error}")))
        }
        _ => Ok(()),
    }
}

/// What is kept at the bottom of the terminal while a run goes on.
static BELOW: Mutex<Option<ProgressBar>> = Mutex::new(None);

/// Keeps this at the bottom of the terminal: what is said appears above it.
pub fn keep_below(bar: Option<ProgressBar>) {
    *BELOW.lock().unwrap_or_else(PoisonError::into_inner) = bar;
}

/// Says something to people. That nobody can hear it is no reason to fail.
pub fn say(text: impl Display) {
    let say = || {
        let _ = writeln!(io::stderr().lock(), "{text}");
    };
    match &*BELOW.lock().unwrap_or_else(PoisonError::into_inner) {
        Some(bar) => bar.suspend(say),
        None => say(),
    }
}

/// Says something to people, if there is something to say.
pub fn say_some(text: Option<String>) {
    if let Some(text) = text {
        say(text);
    }
}

/// Says why a command failed.
pub fn failure(failure: &Failure) {
    if !failure.message.is_empty() {
        say(format_args!("error: {}", failure.message));
    }
    if let Some(help) = &failure.help {
        say(format_args!("help: {help}"));
    }
}

/// Shows diagnostics on standard error.
pub fn diagnostics(diagnostics: &[Diagnostic]) {
    if !diagnostics.is_empty() {
        let colour = colour(&io::stderr());
        let _ = write!(io::stderr().lock(), "{}", pleach_spec::human(diagnostics, colour));
    }
}

/// Whether a stream is shown colours: a terminal, unless `NO_COLOR` is set.
pub fn colour(stream: &impl IsTerminal) -> Colour {
    let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    if stream.is_terminal() && !refused { Colour::Always } else { Colour::Never }
}

/// A table for people.
pub fn table<S: Into<String>>(header: &[&str], rows: impl IntoIterator<Item = Vec<S>>) -> String {
    let mut table = Table::new();
    table.load_preset(comfy_table::presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    table.set_style(TableComponent::HeaderLines, '─');
    table.set_header(header.iter().map(ToString::to_string).collect::<Vec<String>>());
    for row in rows {
        table.add_row(row.into_iter().map(Into::<String>::into).collect::<Vec<String>>());
    }
    table.lines().map(|line| line.trim_end().to_owned() + "\n").collect()
}

/// Pretty JSON with a line break at its end.
pub fn json(value: &impl serde::Serialize) -> String {
    serde_json::to_string_pretty(value).expect("what is printed has nothing that JSON cannot say") + "\n"
}
