//! What a plain scalar means in YAML 1.2, and a word for those that mean something else in YAML 1.1.

use serde_json::Number;

/// What a plain scalar is.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Scalar {
    Null,
    Bool(bool),
    Number(Number),
    Text,
    /// A whole number with a leading zero: 12 in YAML 1.2, 10 in YAML 1.1; the number without the zeros.
    LeadingZero(String),
    /// Infinite, not a number, or too large for a floating-point number.
    NotFinite,
}

/// Reads a plain scalar by the core schema of YAML 1.2.
pub(crate) fn resolve(text: &str) -> Scalar {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Scalar::Null,
        "true" | "True" | "TRUE" => return Scalar::Bool(true),
        "false" | "False" | "FALSE" => return Scalar::Bool(false),
        _ => {}
    }
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    match unsigned {
        ".inf" | ".Inf" | ".INF" => return Scalar::NotFinite,
        ".nan" | ".NaN" | ".NAN" if unsigned.len() == text.len() => return Scalar::NotFinite,
        _ => {}
    }
    if let Some(value) = radix(text, "0x", 16).or_else(|| radix(text, "0o", 8)) {
        return value;
    }
    if !unsigned.is_empty() && unsigned.bytes().all(|b| b.is_ascii_digit()) {
        if unsigned.len() > 1 && unsigned.starts_with('0') {
            let bare = unsigned.trim_start_matches('0');
            let sign = if text.starts_with('-') { "-" } else { "" };
            return Scalar::LeadingZero(format!("{sign}{}", if bare.is_empty() { "0" } else { bare }));
        }
        let text = text.strip_prefix('+').unwrap_or(text);
        if let Ok(value) = text.parse::<i64>() {
            return Scalar::Number(value.into());
        }
        if let Ok(value) = text.parse::<u64>() {
            return Scalar::Number(value.into());
        }
        return float(text);
    }
    if is_float(unsigned) { float(text) } else { Scalar::Text }
}

fn radix(text: &str, prefix: &str, radix: u32) -> Option<Scalar> {
    let digits = text.strip_prefix(prefix)?;
    if digits.is_empty() || !digits.chars().all(|c| c.is_digit(radix)) {
        return None;
    }
    Some(u64::from_str_radix(digits, radix).map_or(Scalar::NotFinite, |value| Scalar::Number(value.into())))
}

/// `( \. [0-9]+ | [0-9]+ ( \. [0-9]* )? ) ( [eE] [-+]? [0-9]+ )?`
fn is_float(text: &str) -> bool {
    let digits = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count();
    let whole = digits(text);
    let mut rest = &text[whole..];
    if let Some(after) = rest.strip_prefix('.') {
        let fraction = digits(after);
        if whole + fraction == 0 {
            return false;
        }
        rest = &after[fraction..];
    } else if whole == 0 {
        return false;
    }
    match rest.strip_prefix(['e', 'E']) {
        None => rest.is_empty(),
        Some(exponent) => {
            let exponent = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
            !exponent.is_empty() && digits(exponent) == exponent.len()
        }
    }
}

fn float(text: &str) -> Scalar {
    text.parse::<f64>().ok().and_then(Number::from_f64).map_or(Scalar::NotFinite, Scalar::Number)
}

/// A word for a text that was perhaps meant as a number or as true or false; `quoted` where it stands in quotes.
pub(crate) fn lookalike(text: &str, quoted: bool) -> Option<String> {
    if quoted {
        return match resolve(text) {
            Scalar::Number(_) | Scalar::Bool(_) => Some(format!("`{text}` in quotes is text: leave the quotes away")),
            _ => None,
        };
    }
    match text.to_ascii_lowercase().as_str() {
        "yes" | "on" | "y" => return Some(format!("YAML 1.2 reads `{text}` as text: write true")),
        "no" | "off" | "n" => return Some(format!("YAML 1.2 reads `{text}` as text: write false")),
        _ => {}
    }
    if !text.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '+' | '-' | '.')) {
        return None;
    }
    let has_digit = text.bytes().any(|b| b.is_ascii_digit());
    let number = |text: &str| matches!(resolve(text), Scalar::Number(_));
    for (separator, word) in [('_', "underscores"), (',', "commas"), (' ', "spaces"), ('\'', "apostrophes")] {
        let joined = text.replace(separator, "");
        if text.contains(separator) && number(&joined) {
            return Some(format!("a number with {word} is text in YAML 1.2: write {joined}"));
        }
    }
    if let Some(share) = text.strip_suffix('%').and_then(|t| t.trim().parse::<f64>().ok()) {
        return Some(format!("write a share as a number: {}", share / 100.0));
    }
    let unit = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    if text.len() - unit.len() >= 2 && number(unit.trim_end()) {
        return Some(format!("write the number without its unit: {}", unit.trim_end()));
    }
    has_digit.then(|| format!("`{text}` is text, not a number"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn number(text: &str) -> serde_json::Value {
        match resolve(text) {
            Scalar::Number(number) => number.into(),
            other => panic!("{text}: {other:?}"),
        }
    }

    #[test]
    fn numbers_of_the_core_schema() {
        for (text, value) in [
            ("12", json!(12)),
            ("+12", json!(12)),
            ("-3", json!(-3)),
            ("0", json!(0)),
            ("18446744073709551615", json!(u64::MAX)),
            ("0x1F", json!(31)),
            ("0o17", json!(15)),
            ("1.0e-3", json!(1e-3)),
            ("1e-3", json!(1e-3)),
            ("1E5", json!(1e5)),
            (".5", json!(0.5)),
            ("-.5", json!(-0.5)),
            ("5.", json!(5.0)),
            ("8.0", json!(8.0)),
            ("0.1", json!(0.1)),
        ] {
            assert_eq!(number(text), value, "{text}");
        }
        assert_eq!(number("99999999999999999999"), json!(1e20));
    }

    #[test]
    fn what_is_no_number_is_text() {
        for text in [
            "no", "off", "yes", "1_000", "1e3x", "1:30", "e5", ".", "-", "1e", "1.2.3", "0b1", "0x", "nan", "inf",
            "- 1",
        ] {
            assert_eq!(resolve(text), Scalar::Text, "{text}");
        }
    }

    #[test]
    fn what_has_two_meanings_is_told_apart() {
        assert_eq!(resolve("012"), Scalar::LeadingZero("12".into()));
        assert_eq!(resolve("-007"), Scalar::LeadingZero("-7".into()));
        assert_eq!(resolve("00"), Scalar::LeadingZero("0".into()));
        for text in [".inf", "-.inf", ".nan", "1e999", "0xFFFFFFFFFFFFFFFFFF"] {
            assert_eq!(resolve(text), Scalar::NotFinite, "{text}");
        }
    }

    #[test]
    fn lookalikes_get_a_word() {
        assert_eq!(lookalike("no", false).unwrap(), "YAML 1.2 reads `no` as text: write false");
        assert_eq!(lookalike("1_000", false).unwrap(), "a number with underscores is text in YAML 1.2: write 1000");
        assert_eq!(lookalike("50%", false).unwrap(), "write a share as a number: 0.5");
        assert_eq!(lookalike("1e3x", false).unwrap(), "`1e3x` is text, not a number");
        assert_eq!(lookalike("20 epochs", false).unwrap(), "write the number without its unit: 20");
        assert_eq!(lookalike("12", true).unwrap(), "`12` in quotes is text: leave the quotes away");
        assert_eq!(lookalike("no", true), None);
        assert_eq!(lookalike("relu", false), None);
    }
}
