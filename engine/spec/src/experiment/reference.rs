use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

/// A reference to the candidates of another step: `best(step)`, `top(step, n)`, `all(step)`, `front(step)`, `recommended(step)`,
/// `baseline(step)`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum Reference {
    /// The best candidate by the first objective.
    Best(String),
    /// The best so many candidates.
    Top(String, usize),
    /// Every candidate.
    All(String),
    /// The candidates that no other beats in every objective.
    Front(String),
    /// What the strategy recommended at its end.
    Recommended(String),
    /// The best that the step's baseline found.
    Baseline(String),
}

impl Reference {
    /// The same of another step.
    pub fn of_step(&self, step: &str) -> Reference {
        let step = step.to_owned();
        match self {
            Reference::Best(_) => Reference::Best(step),
            Reference::Top(_, count) => Reference::Top(step, *count),
            Reference::All(_) => Reference::All(step),
            Reference::Front(_) => Reference::Front(step),
            Reference::Recommended(_) => Reference::Recommended(step),
            Reference::Baseline(_) => Reference::Baseline(step),
        }
    }

    /// The name of the step referred to.
    pub fn step(&self) -> &str {
        match self {
            Reference::Best(s)
            | Reference::Top(s, _)
            | Reference::All(s)
            | Reference::Front(s)
            | Reference::Recommended(s)
            | Reference::Baseline(s) => s,
        }
    }
}

/// Why a text is no reference.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{text}` is no reference; write best(STEP), top(STEP, N), all(STEP), front(STEP), recommended(STEP) or baseline(STEP)"
)]
pub struct ReferenceError {
    /// What was written.
    pub text: String,
}

impl FromStr for Reference {
    type Err = ReferenceError;

    fn from_str(text: &str) -> Result<Self, ReferenceError> {
        let error = || ReferenceError { text: text.to_owned() };
        let (function, rest) = text.trim().split_once('(').ok_or_else(error)?;
        let inside = rest.strip_suffix(')').ok_or_else(error)?;
        let arguments: Vec<&str> = inside.split(',').map(str::trim).collect();
        if arguments[0].is_empty() || arguments[0].contains(['(', ')', ' ']) {
            return Err(error());
        }
        let step = arguments[0].to_owned();
        match (function.trim(), arguments.as_slice()) {
            ("best", [_]) => Ok(Reference::Best(step)),
            ("all", [_]) => Ok(Reference::All(step)),
            ("front", [_]) => Ok(Reference::Front(step)),
            ("baseline", [_]) => Ok(Reference::Baseline(step)),
            ("recommended", [_]) => Ok(Reference::Recommended(step)),
            ("top", [_, count]) => {
                let count = count.parse().ok().filter(|&n| n > 0).ok_or_else(error)?;
                Ok(Reference::Top(step, count))
            }
            _ => Err(error()),
        }
    }
}

impl TryFrom<String> for Reference {
    type Error = ReferenceError;

    fn try_from(text: String) -> Result<Self, ReferenceError> {
        text.parse()
    }
}

impl From<Reference> for String {
    fn from(reference: Reference) -> String {
        reference.to_string()
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reference::Best(s) => write!(f, "best({s})"),
            Reference::Top(s, n) => write!(f, "top({s}, {n})"),
            Reference::All(s) => write!(f, "all({s})"),
            Reference::Front(s) => write!(f, "front({s})"),
            Reference::Recommended(s) => write!(f, "recommended({s})"),
            Reference::Baseline(s) => write!(f, "baseline({s})"),
        }
    }
}

impl JsonSchema for Reference {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Reference".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "description": "The candidates of another step: best(STEP), top(STEP, N), all(STEP), front(STEP), recommended(STEP) or baseline(STEP).",
            "type": "string",
            "pattern": super::forms::REFERENCE
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_round_trip() {
        for text in ["best(explore)", "top(explore, 3)", "all(final)", "front(a-b)", "recommended(x)", "baseline(x)"] {
            assert_eq!(text.parse::<Reference>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn what_is_no_reference_is_refused() {
        for text in ["explore", "best()", "top(explore)", "top(explore, 0)", "best(a, 2)", "worst(a)", "best(a"] {
            assert!(text.parse::<Reference>().is_err(), "{text}");
        }
    }
}
