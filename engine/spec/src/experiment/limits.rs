//! What ends a trial that does not end well by itself, and how often it is tried again.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// Real time that a trial may take, and how often it is tried again. What ends by a limit depends on the machine: it is recorded
/// and replayed as recorded, never cached, and the lock says so.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// Real time after which a trial is stopped, such as `90s`, `30m` or `2h`; never, unless told.
    #[serde(default)]
    pub trial: Option<Time>,
    /// How often a trial is tried again whose worker died, ran out of memory, took too long or answered nonsense: the last time
    /// with no other trial beside it. After that it has failed, and the search goes on.
    #[serde(default = "default_retries")]
    #[schemars(range(min = 0, max = 10))]
    pub retries: u32,
}

fn default_retries() -> u32 {
    1
}

impl Default for Limits {
    fn default() -> Self {
        Self { trial: None, retries: default_retries() }
    }
}

/// A length of real time, such as `90s`, `30m` or `1h 30m`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Time(pub Duration);

/// What is wrong with a length of time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is no length of time; write a number and `s`, `m`, `h` or `d`, such as 90s, 30m or 2h")]
pub struct TimeError {
    text: String,
}

impl FromStr for Time {
    type Err = TimeError;

    fn from_str(text: &str) -> Result<Self, TimeError> {
        let plain = text.chars().all(|c| c.is_ascii_digit() || " smhd".contains(c));
        let time = humantime::parse_duration(text).ok().filter(|time| plain && !time.is_zero());
        time.map(Time).ok_or_else(|| TimeError { text: text.to_owned() })
    }
}

impl TryFrom<String> for Time {
    type Error = TimeError;

    fn try_from(text: String) -> Result<Self, TimeError> {
        text.parse()
    }
}

impl From<Time> for String {
    fn from(time: Time) -> String {
        time.to_string()
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = self.0.as_secs();
        let mut first = true;
        for (unit, seconds) in [("d", 86_400), ("h", 3600), ("m", 60), ("s", 1)] {
            if rest >= seconds {
                write!(f, "{}{}{unit}", if first { "" } else { " " }, rest / seconds)?;
                (rest, first) = (rest % seconds, false);
            }
        }
        Ok(())
    }
}

impl JsonSchema for Time {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Time".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "description": "A length of real time, such as `90s`, `30m` or `1h 30m`.",
            "type": "string",
            "pattern": super::forms::TIME
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_time_round_trip() {
        for (text, seconds) in [("90s", 90), ("30m", 1800), ("2h", 7200), ("1h 30m", 5400), ("1d", 86_400)] {
            let time: Time = text.parse().unwrap();
            assert_eq!(time.0.as_secs(), seconds);
            assert_eq!(time.to_string().parse::<Time>().unwrap(), time);
        }
    }

    #[test]
    fn what_is_no_length_of_time_is_refused() {
        for text in ["", "30", "0s", "fast", "30 minutes", "-5s", "5M", "99999999999999999999d"] {
            assert!(text.parse::<Time>().is_err(), "{text}");
        }
    }
}
