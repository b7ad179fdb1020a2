use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

/// The name of a metric, such as `accuracy`, `parameters` or `accuracy(gaussian_noise, 3)`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Metric {
    /// The name before the parentheses.
    pub name: String,
    /// What stands between the parentheses.
    pub arguments: Vec<String>,
}

/// Why a text is no metric or no requirement.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MetricError {
    /// Not of the form `name` or `name(argument, …)`.
    #[error("`{0}` is no metric; write a name such as `accuracy`, or `name(argument)`")]
    Metric(String),
    /// Not of the form `metric <= number` or `metric >= number`.
    #[error("`{0}` is no requirement; write `METRIC <= NUMBER` or `METRIC >= NUMBER`, such as `parameters <= 200_000`")]
    Requirement(String),
}

impl FromStr for Metric {
    type Err = MetricError;

    fn from_str(text: &str) -> Result<Self, MetricError> {
        let error = || MetricError::Metric(text.to_owned());
        let text = text.trim();
        let (name, arguments) = match text.split_once('(') {
            None => (text, Vec::new()),
            Some((name, rest)) => {
                let inside = rest.strip_suffix(')').ok_or_else(error)?;
                (name.trim(), inside.split(',').map(|a| a.trim().to_owned()).collect())
            }
        };
        let word =
            |s: &str| !s.is_empty() && s.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.'));
        if !word(name) || name.starts_with(|c: char| c.is_ascii_digit()) || !arguments.iter().all(|a| word(a)) {
            return Err(error());
        }
        Ok(Metric { name: name.to_owned(), arguments })
    }
}

impl fmt::Display for Metric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        if !self.arguments.is_empty() {
            write!(f, "({})", self.arguments.join(", "))?;
        }
        Ok(())
    }
}

impl TryFrom<String> for Metric {
    type Error = MetricError;

    fn try_from(text: String) -> Result<Self, MetricError> {
        text.parse()
    }
}

impl From<Metric> for String {
    fn from(metric: Metric) -> String {
        metric.to_string()
    }
}

impl JsonSchema for Metric {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Metric".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({"description": "The name of a metric, such as accuracy or parameters.", "type": "string", "pattern": super::forms::METRIC})
    }
}

/// What is optimized, and in which direction.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Objective {
    /// The larger, the better.
    Maximize(Metric),
    /// The smaller, the better.
    Minimize(Metric),
}

impl Objective {
    /// The metric.
    pub fn metric(&self) -> &Metric {
        match self {
            Objective::Maximize(metric) | Objective::Minimize(metric) => metric,
        }
    }

    /// The metric's value as a loss, where lower is better.
    pub fn loss(&self, value: f64) -> f64 {
        match self {
            Objective::Maximize(_) => -value,
            Objective::Minimize(_) => value,
        }
    }
}

/// The direction of a requirement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    /// `<=`
    AtMost,
    /// `>=`
    AtLeast,
}

/// A bound on a metric, such as `parameters <= 200_000`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Requirement {
    /// The metric.
    pub metric: Metric,
    /// The direction.
    pub comparison: Comparison,
    /// The bound.
    pub bound: f64,
}

impl Requirement {
    /// How far the value breaks the bound, relative to the bound's size; 0 or less where it holds. NaN breaks it.
    pub fn violation(&self, value: f64) -> f64 {
        if value.is_nan() {
            return f64::INFINITY;
        }
        let excess = match self.comparison {
            Comparison::AtMost => value - self.bound,
            Comparison::AtLeast => self.bound - value,
        };
        excess / self.bound.abs().max(f64::MIN_POSITIVE).max(if self.bound == 0.0 { 1.0 } else { 0.0 })
    }
}

impl FromStr for Requirement {
    type Err = MetricError;

    fn from_str(text: &str) -> Result<Self, MetricError> {
        let error = || MetricError::Requirement(text.to_owned());
        let (left, comparison, right) = if let Some((left, right)) = text.split_once("<=") {
            (left, Comparison::AtMost, right)
        } else if let Some((left, right)) = text.split_once(">=") {
            (left, Comparison::AtLeast, right)
        } else {
            return Err(error());
        };
        let metric = left.parse().map_err(|_| error())?;
        let right = right.trim();
        let digits = right.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '-' | '+' | '.'));
        let bound: f64 = right.replace('_', "").parse().map_err(|_| error())?;
        if !digits || !bound.is_finite() {
            return Err(error());
        }
        Ok(Requirement { metric, comparison, bound })
    }
}

impl fmt::Display for Requirement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = match self.comparison {
            Comparison::AtMost => "<=",
            Comparison::AtLeast => ">=",
        };
        write!(f, "{} {sign} {}", self.metric, self.bound)
    }
}

impl TryFrom<String> for Requirement {
    type Error = MetricError;

    fn try_from(text: String) -> Result<Self, MetricError> {
        text.parse()
    }
}

impl From<Requirement> for String {
    fn from(requirement: Requirement) -> String {
        requirement.to_string()
    }
}

impl JsonSchema for Requirement {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Requirement".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "description": "A bound on a metric, such as `parameters <= 200_000` or `accuracy >= 0.9`.",
            "type": "string",
            "pattern": super::forms::REQUIREMENT
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metrics_and_requirements_parse() {
        let r: Requirement = "accuracy(gaussian_noise, 3) >= 0.7".parse().unwrap();
        assert_eq!(r.metric.to_string(), "accuracy(gaussian_noise, 3)");
        assert!(r.violation(0.6) > 0.0 && r.violation(0.8) < 0.0 && r.violation(f64::NAN) > 0.0);
        let r: Requirement = "parameters <= 200_000".parse().unwrap();
        assert_eq!(r.bound, 200_000.0);
        assert_eq!(r.violation(300_000.0), 0.5);
        assert_eq!("loss <= 0".parse::<Requirement>().unwrap().violation(2.0), 2.0);
    }

    #[test]
    fn what_is_no_requirement_is_refused() {
        for text in ["parameters", "parameters < 3", "parameters <= many", "<= 3", "a b <= 3", "x <= inf", "x(,) <= 1"]
        {
            assert!(text.parse::<Requirement>().is_err(), "{text}");
        }
    }
}
