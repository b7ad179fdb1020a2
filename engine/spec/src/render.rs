//! Diagnostics as text for people, as JSON for programs, and as annotations for GitHub.

use crate::diagnostic::{Diagnostic, Severity};
use serde_json::json;
use std::fmt::Write;

/// The widest piece of a source line that is shown.
const WIDTH: usize = 100;

/// Whether terminal colours are used. They never carry meaning alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Colour {
    /// Plain text.
    Never,
    /// ANSI colours.
    Always,
}

/// For people: place and message, the line with a caret below it, and what to do.
pub fn human(diagnostics: &[Diagnostic], colour: Colour) -> String {
    let mut text = String::new();
    for (index, diagnostic) in diagnostics.iter().enumerate() {
        if index > 0 {
            text.push('\n');
        }
        one(diagnostic, colour, &mut text);
    }
    text
}

fn one(diagnostic: &Diagnostic, colour: Colour, text: &mut String) {
    let paint = |code: &str, words: &str| match colour {
        Colour::Never => words.to_owned(),
        Colour::Always => format!("\u{1b}[{code}m{words}\u{1b}[0m"),
    };
    let strong = match diagnostic.severity {
        Severity::Error => "1;31",
        Severity::Warning => "1;33",
    };
    let Diagnostic { file, line, column, message, severity, .. } = diagnostic;
    let place = paint("1", &format!("{}:{line}:{column}:", printable(file)));
    let word = paint(strong, &format!("{}:", severity.word()));
    let _ = writeln!(text, "{place} {word} {}", printable(message));
    let number = line.to_string();
    let gutter = " ".repeat(number.len());
    if let Some(source) = diagnostic.source_line.as_deref().filter(|source| !source.trim().is_empty()) {
        let end = if diagnostic.end_line == *line { diagnostic.end_column } else { usize::MAX };
        let (shown, before, width) = excerpt(source, column - 1, end.saturating_sub(1));
        let bar = paint("2", "|");
        let _ = writeln!(text, "  {} {bar} {shown}", paint("2", &number));
        let caret = paint(strong, &"^".repeat(width));
        let _ = writeln!(text, "  {gutter} {bar} {}{caret}", " ".repeat(before));
    }
    if let Some(help) = &diagnostic.help {
        let _ = writeln!(text, "  {gutter} {} {}", paint("1;36", "help:"), printable(help));
    }
}

/// The part of a line around the columns from `start` to `end` (from 0), and where and how wide these are in it.
fn excerpt(source: &str, start: usize, end: usize) -> (String, usize, usize) {
    let source = source.trim_end();
    let length = source.chars().count();
    let start = start.min(length);
    let end = end.clamp(start, length);
    let width = |cells: &[String]| cells.iter().map(|cell| cell.chars().map(columns).sum::<usize>()).sum::<usize>();
    let mut first = 0;
    let mut last = length;
    // Of a long line only the shown part is taken apart: there can be many mistakes in it.
    if length > WIDTH || width(&source.chars().map(cell).collect::<Vec<_>>()) > WIDTH {
        // The marked part with what surrounds it, a little more of what comes before.
        first = start.saturating_sub(WIDTH / 2);
        last = (first + WIDTH).min(length);
    }
    let cells: Vec<String> = source.chars().skip(first).take(last - first).map(cell).collect();
    let (head, tail) = (if first > 0 { "…" } else { "" }, if last < length { "…" } else { "" });
    let shown = format!("{head}{}{tail}", cells.concat());
    let before = head.chars().count() + width(&cells[..start - first]);
    (shown, before, width(&cells[start - first..end.min(last) - first]).max(1))
}

/// A character as it is shown: tabs as spaces, control characters as a mark.
fn cell(c: char) -> String {
    match c {
        '\t' => "  ".into(),
        c if c.is_control() => "\u{fffd}".into(),
        c => c.into(),
    }
}

/// How many columns of a terminal a character takes: two for East Asian wide characters and emoji, none for accents that
/// join the letter before them (the main blocks of Unicode's East Asian Width and of combining marks).
fn columns(c: char) -> usize {
    match c as u32 {
        0x0300..=0x036f | 0x200b..=0x200f | 0x20d0..=0x20ff | 0xfe00..=0xfe0f => 0,
        0x1100..=0x115f | 0x2e80..=0xa4cf | 0xac00..=0xd7a3 | 0xf900..=0xfaff | 0xfe30..=0xfe6f => 2,
        0xff00..=0xff60 | 0xffe0..=0xffe6 | 0x1f300..=0x1faff | 0x20000..=0x3fffd => 2,
        _ => 1,
    }
}

/// Without control characters, which a file could use to fool a terminal.
fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

/// For programs: `{"diagnostics": [{"code", "severity", "message", "file", "line", "column", "end_line", "end_column", "help"}]}`.
pub fn json(diagnostics: &[Diagnostic]) -> String {
    serde_json::to_string_pretty(&json!({ "diagnostics": diagnostics })).expect("a JSON value has a text") + "\n"
}

/// Annotations for GitHub Actions, one a line.
pub fn github(diagnostics: &[Diagnostic]) -> String {
    let mut text = String::new();
    for diagnostic in diagnostics {
        let Diagnostic { severity, file, line, column, end_line, end_column, .. } = diagnostic;
        let message = match &diagnostic.help {
            Some(help) => format!("{}\nhelp: {help}", diagnostic.message),
            None => diagnostic.message.clone(),
        };
        let _ = writeln!(
            text,
            "::{} file={},line={line},col={column},endLine={end_line},endColumn={end_column}::{}",
            severity.word(),
            escape(file, true),
            escape(&message, false),
        );
    }
    text
}

/// Escapes as the runner unescapes: `%` and line breaks in messages, in properties also `:` and `,`.
fn escape(text: &str, property: bool) -> String {
    let text = text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A");
    if property { text.replace(':', "%3A").replace(',', "%2C") } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn diagnostic(source: &str, column: usize, end_column: usize) -> Diagnostic {
        Diagnostic {
            line: 12,
            column,
            end_line: 12,
            end_column,
            source_line: Some(source.into()),
            ..Diagnostic::of_file("a,b:c.yaml", "unknown-key", "100 % wrong\u{1b}[31m").help("try\nagain")
        }
    }

    #[test]
    fn people_see_the_line_and_a_caret() {
        insta::assert_snapshot!(human(&[diagnostic("\tä: {kernal: 3}", 6, 12)], Colour::Never), @r"
        a,b:c.yaml:12:6: error: 100 % wrong�[31m
          12 |   ä: {kernal: 3}
             |       ^^^^^^
             help: try�again
        ");
        let coloured = human(&[diagnostic("a: b", 1, 2)], Colour::Always);
        assert!(coloured.contains("\u{1b}[1;31merror:\u{1b}[0m"));
    }

    #[test]
    fn long_and_wide_lines_are_cut_and_aligned() {
        let long = format!("{}X{}", "a".repeat(300), "b".repeat(300));
        let text = human(&[diagnostic(&long, 301, 302)], Colour::Never);
        let lines: Vec<&str> = text.lines().collect();
        let position = |line: &str, c: char| line.chars().position(|other| other == c);
        assert_eq!(position(lines[1], 'X'), position(lines[2], '^'));
        assert!(lines[1].chars().count() < 120 && lines[1].ends_with('…'));
        assert_eq!(excerpt("日本: x", 4, 5), ("日本: x".into(), 6, 1));
        assert_eq!(excerpt("", 0, 5), (String::new(), 0, 1));
        assert_eq!(excerpt("ab", 9, 12), ("ab".into(), 2, 1));
    }

    #[test]
    fn programs_get_the_documented_shape() {
        insta::assert_snapshot!(json(&[diagnostic("a: b", 1, 2)]), @r#"
        {
          "diagnostics": [
            {
              "code": "unknown-key",
              "severity": "error",
              "message": "100 % wrong\u001b[31m",
              "file": "a,b:c.yaml",
              "line": 12,
              "column": 1,
              "end_line": 12,
              "end_column": 2,
              "help": "try\nagain"
            }
          ]
        }
        "#);
        assert_eq!(json(&[]), "{\n  \"diagnostics\": []\n}\n");
    }

    #[test]
    fn annotations_are_escaped() {
        assert_eq!(
            github(&[diagnostic("a: b", 1, 2)]),
            "::error file=a%2Cb%3Ac.yaml,line=12,col=1,endLine=12,endColumn=2::100 %25 wrong\u{1b}[31m%0Ahelp: try%0Aagain\n"
        );
    }
}
