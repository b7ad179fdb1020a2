//! Texts of a given form: the pattern that schemas publish for each, and what is wrong with a text that does not fit.

use super::{Metric, Reference, Requirement, Time};

/// The pattern of a metric.
pub const METRIC: &str = r"^\s*[A-Za-z_.-][A-Za-z0-9_.-]*\s*(\(\s*[A-Za-z0-9_.-]+\s*(,\s*[A-Za-z0-9_.-]+\s*)*\)\s*)?$";
/// The pattern of a requirement.
pub const REQUIREMENT: &str = r"^\s*[A-Za-z_.-][A-Za-z0-9_.-]*\s*(\(\s*[A-Za-z0-9_.-]+\s*(,\s*[A-Za-z0-9_.-]+\s*)*\)\s*)?(<=|>=)\s*[-+]?([0-9][0-9_]*(\.[0-9_]*)?|\.[0-9][0-9_]*)([eE][-+]?[0-9]+)?\s*$";
/// The pattern of a reference to the candidates of a step.
pub const REFERENCE: &str =
    r"^\s*((best|all|front|recommended|baseline)\s*\(\s*[^,() ]+\s*|top\s*\(\s*[^,() ]+\s*,\s*[1-9][0-9]*\s*)\)\s*$";
/// The pattern of an experiment's name.
pub const NAME: &str = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$";
/// The pattern of a step's name.
pub const STEP: &str = r"^[A-Za-z][A-Za-z0-9_-]{0,63}$";

/// The pattern of a length of time.
pub const TIME: &str = r"^\s*([0-9]+\s*[smhd]\s*)+$";

/// What is wrong with a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mistake {
    pub message: String,
    pub help: Option<String>,
}

/// What is wrong with a text that must fit one of the patterns; nothing where it fits, or for other patterns.
pub(crate) fn mistake(pattern: &str, text: &str) -> Option<Mistake> {
    let split = |error: String| match error.split_once("; ") {
        Some((message, help)) => Mistake { message: message.into(), help: Some(help.into()) },
        None => Mistake { message: error, help: None },
    };
    match pattern {
        METRIC => text.parse::<Metric>().err().map(|error| split(error.to_string())),
        REQUIREMENT => text.parse::<Requirement>().err().map(|error| split(error.to_string())),
        REFERENCE => text.parse::<Reference>().err().map(|error| {
            let mut mistake = split(error.to_string());
            if name(text, |c| c.is_ascii_alphabetic(), "", "_-").is_none() {
                mistake.help = Some(format!("write best({text}), top({text}, N), all({text}) or front({text})"));
            }
            mistake
        }),
        TIME => text.parse::<Time>().err().map(|error| split(error.to_string())),
        NAME => name(text, |c| c.is_ascii_alphanumeric(), "an experiment", "._-"),
        STEP => name(text, |c| c.is_ascii_alphabetic(), "a step", "_-"),
        _ => None,
    }
}

fn name(text: &str, first: fn(char) -> bool, what: &str, others: &str) -> Option<Mistake> {
    let fits = text.starts_with(first)
        && text.len() <= 64
        && text.chars().all(|c| c.is_ascii_alphanumeric() || others.contains(c));
    (!fits).then(|| Mistake {
        message: format!("`{text}` cannot be the name of {what}"),
        help: Some(format!(
            "a name has at most 64 characters: a {} first, then letters, digits and {}",
            if first('0') { "letter or digit" } else { "letter" },
            others.chars().map(|c| format!("`{c}`")).collect::<Vec<_>>().join(", ")
        )),
    })
}
