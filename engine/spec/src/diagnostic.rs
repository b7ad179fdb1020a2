//! What is wrong and where: in terms of places in a document, and in terms of lines and columns of files.

use crate::source::{Sources, Span};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// The experiment cannot run.
    Error,
    /// The experiment can run, but something is odd.
    Warning,
}

impl Severity {
    /// The word in messages.
    pub fn word(self) -> &'static str {
        match self {
            Severity::Error => "error",
            Severity::Warning => "warning",
        }
    }
}

/// Which end of a mapping's entry is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Place {
    /// The key.
    Key,
    /// The value.
    Value,
}

/// Something wrong at a place of a document, which a JSON pointer names.
///
/// Every check that knows no files (the schema, spaces, plans, options of plugins) returns these;
/// [`Document::diagnose`](crate::Document::diagnose) finds line and column.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Problem {
    /// The JSON pointer (RFC 6901) of the value, such as `/steps/explore/search/budget`.
    pub pointer: String,
    /// Whether the key or the value is wrong.
    pub place: Place,
    /// What kind of mistake it is, in words joined by hyphens, such as `unknown-key`.
    pub code: Cow<'static, str>,
    /// How bad it is.
    pub severity: Severity,
    /// What is wrong, in one line.
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
}

impl Problem {
    /// An error at a value.
    pub fn error(pointer: impl Into<String>, code: impl Into<Cow<'static, str>>, message: impl Into<String>) -> Self {
        Problem {
            pointer: pointer.into(),
            place: Place::Value,
            code: code.into(),
            severity: Severity::Error,
            message: message.into(),
            help: None,
        }
    }

    /// A warning at a value.
    pub fn warning(pointer: impl Into<String>, code: impl Into<Cow<'static, str>>, message: impl Into<String>) -> Self {
        Problem { severity: Severity::Warning, ..Problem::error(pointer, code, message) }
    }

    /// The same at the key.
    #[must_use]
    pub fn at_key(self) -> Self {
        Problem { place: Place::Key, ..self }
    }

    /// The same with what to do about it.
    #[must_use]
    pub fn help(self, help: impl Into<String>) -> Self {
        Problem { help: Some(help.into()), ..self }
    }
}

/// Something wrong in a file, with its place. Lines and columns are from 1, columns count characters, the end is exclusive.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
pub struct Diagnostic {
    /// What kind of mistake it is, in words joined by hyphens, such as `unknown-key`.
    pub code: Cow<'static, str>,
    /// How bad it is.
    pub severity: Severity,
    /// What is wrong, in one line.
    pub message: String,
    /// The file as it was named, or `--set` for an override.
    pub file: String,
    /// The first line.
    pub line: usize,
    /// The first column.
    pub column: usize,
    /// The last line.
    pub end_line: usize,
    /// The column after the last one.
    pub end_column: usize,
    /// What to do about it.
    pub help: Option<String>,
    /// The text of the first line, for the caret.
    #[serde(skip)]
    pub source_line: Option<String>,
}

impl Diagnostic {
    /// A diagnostic of a whole file that has no text to point into, such as one that cannot be read.
    pub fn of_file(file: &str, code: impl Into<Cow<'static, str>>, message: impl Into<String>) -> Self {
        Diagnostic {
            code: code.into(),
            severity: Severity::Error,
            message: message.into(),
            file: file.to_owned(),
            line: 1,
            column: 1,
            end_line: 1,
            end_column: 1,
            help: None,
            source_line: None,
        }
    }

    /// The same with what to do about it.
    #[must_use]
    pub fn help(self, help: impl Into<String>) -> Self {
        Diagnostic { help: Some(help.into()), ..self }
    }

    /// Whether it keeps the experiment from running.
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }
}

/// Something wrong at a range of bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Flaw {
    pub span: Span,
    pub code: Cow<'static, str>,
    pub severity: Severity,
    pub message: String,
    pub help: Option<String>,
}

impl Flaw {
    pub fn new(span: Span, code: &'static str, message: impl Into<String>) -> Self {
        Flaw { span, code: code.into(), severity: Severity::Error, message: message.into(), help: None }
    }

    #[must_use]
    pub fn help(self, help: impl Into<String>) -> Self {
        Flaw { help: Some(help.into()), ..self }
    }

    pub fn locate(self, sources: &Sources) -> Diagnostic {
        let file = sources.file(self.span.file);
        let start = file.position(self.span.start);
        let end = file.position(self.span.end.max(self.span.start));
        Diagnostic {
            code: self.code,
            severity: self.severity,
            message: shortened(self.message),
            file: file.label().to_owned(),
            line: start.line,
            column: start.column,
            end_line: end.line,
            end_column: end.column,
            help: self.help.map(shortened),
            source_line: Some(file.line(start.line).to_owned()),
        }
    }
}

/// A message as long as somebody reads: what a file holds can stand in it, however long.
fn shortened(message: String) -> String {
    const MOST: usize = 600;
    const KEPT: usize = 200;
    if message.len() <= MOST {
        return message;
    }
    let head = message.floor_char_boundary(KEPT);
    let tail = message.ceil_char_boundary(message.len() - KEPT);
    format!("{} … {}", &message[..head], &message[tail..])
}

/// Puts diagnostics in the order of their places and drops those said twice. Files keep the order in which they come first.
pub fn arrange(diagnostics: Vec<Diagnostic>) -> Vec<Diagnostic> {
    let mut files: Vec<String> = Vec::new();
    for diagnostic in &diagnostics {
        if !files.contains(&diagnostic.file) {
            files.push(diagnostic.file.clone());
        }
    }
    let order = |file: &str| files.iter().position(|f| f == file);
    let mut arranged = diagnostics;
    arranged.sort_by(|a, b| {
        (order(&a.file), a.line, a.column, a.severity, &a.code, &a.message).cmp(&(
            order(&b.file),
            b.line,
            b.column,
            b.severity,
            &b.code,
            &b.message,
        ))
    });
    arranged.dedup();
    arranged
}
