//! The parser's errors in words of ours.

use crate::parse::DEPTH;
use granit_parser::{ErrorKind, ScanError};

/// A syntax error in words, and what to do about it.
pub(crate) fn describe(error: &ScanError) -> (String, Option<&'static str>) {
    let message = match error.kind() {
        ErrorKind::RecursionLimitExceeded => {
            return (format!("lists and mappings stand deeper than {DEPTH} in each other"), None);
        }
        ErrorKind::TabNotAllowed | ErrorKind::TabInBlockIndentation | ErrorKind::TabInIndentation => {
            return ("a tab indents this line".into(), Some("indent by spaces"));
        }
        ErrorKind::MappingValueNotAllowed | ErrorKind::InvalidColonPlacement => {
            return (
                "a colon makes no sense here".into(),
                Some("indent the line as the ones above; a text with a colon and a space needs quotes"),
            );
        }
        ErrorKind::UnclosedQuotedScalar => return ("a quote is never closed".into(), None),
        ErrorKind::UnclosedFlowCollection { open } => return (format!("`{open}` is never closed"), None),
        ErrorKind::MismatchedFlowCollectionEnd { open, close } => {
            return (format!("`{open}` is closed by `{close}`"), None);
        }
        ErrorKind::UnexpectedEofFlowSequence => return ("a `[` is never closed".into(), None),
        ErrorKind::UnexpectedEofFlowMapping | ErrorKind::UnexpectedEofImplicitFlowMapping => {
            return ("a `{` is never closed".into(), None);
        }
        ErrorKind::ExpectedFlowMappingSeparator => return ("`,` or `}` is missing".into(), None),
        ErrorKind::ExpectedFlowSequenceSeparator => return ("`,` or `]` is missing".into(), None),
        ErrorKind::ExpectedBlockMappingKey => {
            return (
                "a key is missing here".into(),
                Some("all keys of a mapping begin in the same column, as `key: value`"),
            );
        }
        ErrorKind::SimpleKeyExpected | ErrorKind::InvalidSimpleKey => {
            return ("a colon is missing after this key".into(), Some("write `key: value`"));
        }
        ErrorKind::UnknownQuotedScalarEscape => {
            return ("unknown escape in double quotes".into(), Some("single quotes keep a backslash as it is"));
        }
        ErrorKind::UnexpectedCharacter { character } => {
            return (
                format!("a text cannot begin with `{}`", character.escape_debug()),
                Some("put the text into quotes"),
            );
        }
        kind if kind.to_string().contains("hexadecimal") => {
            return ("unknown escape in double quotes".into(), Some("single quotes keep a backslash as it is"));
        }
        kind => kind.to_string(),
    };
    let words = message.trim().trim_end_matches('.');
    (if words.is_empty() { "this is no YAML".into() } else { format!("this is no YAML: {words}") }, None)
}
