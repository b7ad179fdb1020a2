//! What is measured of a trained network beside its loss and accuracy, and the metrics that come of it.

use indexmap::IndexMap;
use pleach_spec::{Attack, Corruption, Metric};
use serde::{Deserialize, Serialize};

/// The metric of the time of one forward pass, in milliseconds; `latency(32)` with a batch of 32.
pub const LATENCY: &str = "latency";
/// The metric of the largest memory that tensors take in one forward pass, in bytes; `peak_memory(32)` with a batch of 32.
pub const PEAK_MEMORY: &str = "peak_memory";

/// One measurement of a trained network.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Measure {
    /// Accuracy and loss on corrupted examples.
    Corrupted {
        /// The corruption.
        corruption: Corruption,
        /// Its severity, 1 to 5.
        severity: u8,
    },
    /// Accuracy and loss on attacked examples.
    Attacked {
        /// The attack's name in the experiment.
        name: String,
        /// The attack.
        attack: Attack,
    },
    /// The median time of a forward pass on the worker's device, in milliseconds, after a warm-up.
    Latency {
        /// Examples a pass.
        batch: usize,
    },
    /// The largest memory that tensors take during a forward pass, weights included, in bytes.
    PeakMemory {
        /// Examples a pass.
        batch: usize,
    },
}

impl Measure {
    /// The names of the metrics that come of it.
    pub fn metrics(&self) -> Vec<String> {
        let of_batch = |name: &str, batch: usize| match batch {
            1 => name.to_owned(),
            batch => format!("{name}({batch})"),
        };
        match self {
            Measure::Corrupted { corruption, severity } => {
                let name = corruption.name();
                vec![format!("accuracy({name}, {severity})"), format!("loss({name}, {severity})")]
            }
            Measure::Attacked { name, .. } => vec![format!("accuracy({name})"), format!("loss({name})")],
            Measure::Latency { batch } => vec![of_batch(LATENCY, *batch)],
            Measure::PeakMemory { batch } => vec![of_batch(PEAK_MEMORY, *batch)],
        }
    }

    /// Whether another machine, or the same one again, gives another value.
    pub fn is_unrepeatable(&self) -> bool {
        matches!(self, Measure::Latency { .. } | Measure::PeakMemory { .. })
    }
}

/// Whether the values of a metric differ from one measurement to the next.
pub fn is_unrepeatable(metric: &str) -> bool {
    let name = metric.split('(').next().unwrap_or(metric);
    matches!(name, LATENCY | PEAK_MEMORY)
}

/// What must be measured for a metric: nothing where it is no metric of measurements, or where its arguments are unknown.
pub fn measures_of(metric: &Metric, severities: &[u8], attacks: &IndexMap<String, Attack>) -> Option<Vec<Measure>> {
    let arguments: Vec<&str> = metric.arguments.iter().map(String::as_str).collect();
    match (metric.name.as_str(), arguments.as_slice()) {
        ("accuracy" | "loss", [name]) => match (attacks.get(*name), Corruption::of(name)) {
            (Some(attack), _) => Some(vec![Measure::Attacked { name: (*name).to_owned(), attack: attack.clone() }]),
            (None, Some(corruption)) => {
                Some(severities.iter().map(|&severity| Measure::Corrupted { corruption, severity }).collect())
            }
            (None, None) => None,
        },
        ("accuracy" | "loss", [name, severity]) => {
            let corruption = Corruption::of(name)?;
            let severity = severity.parse().ok().filter(|severity| (1..=5).contains(severity))?;
            Some(vec![Measure::Corrupted { corruption, severity }])
        }
        (LATENCY | PEAK_MEMORY, arguments) => {
            let batch = match arguments {
                [] => 1,
                [batch] => batch.parse().ok().filter(|&batch: &usize| batch > 0)?,
                _ => return None,
            };
            Some(vec![match metric.name.as_str() {
                LATENCY => Measure::Latency { batch },
                _ => Measure::PeakMemory { batch },
            }])
        }
        _ => None,
    }
}

/// The value of a metric among measured ones: itself, or the mean over the severities of `accuracy(CORRUPTION)`.
pub fn value_of(metric: &Metric, severities: &[u8], measured: impl Fn(&str) -> Option<f64>) -> Option<f64> {
    if let Some(value) = measured(&metric.to_string()) {
        return Some(value);
    }
    let [name] = metric.arguments.as_slice() else { return None };
    if !matches!(metric.name.as_str(), "accuracy" | "loss") || Corruption::of(name).is_none() || severities.is_empty() {
        return None;
    }
    let sum = severities
        .iter()
        .map(|severity| measured(&format!("{}({name}, {severity})", metric.name)))
        .sum::<Option<f64>>()?;
    Some(sum / severities.len() as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn metric(text: &str) -> Metric {
        text.parse().unwrap()
    }

    #[test]
    fn metrics_say_what_is_measured() {
        let attacks: IndexMap<String, Attack> =
            serde_json::from_value(serde_json::json!({"pgd10": {"pgd": {"epsilon": 0.1}}})).unwrap();
        let of = |text: &str| measures_of(&metric(text), &[1, 3], &attacks);
        let names = |text: &str| of(text).map(|all| all.iter().map(|m| m.metrics()[0].clone()).collect::<Vec<_>>());
        assert_eq!(names("accuracy(contrast)").unwrap(), ["accuracy(contrast, 1)", "accuracy(contrast, 3)"]);
        assert_eq!(names("loss(contrast, 5)").unwrap(), ["accuracy(contrast, 5)"]);
        assert_eq!(names("accuracy(pgd10)").unwrap(), ["accuracy(pgd10)"]);
        assert_eq!(names("latency").unwrap(), ["latency"]);
        assert_eq!(names("peak_memory(32)").unwrap(), ["peak_memory(32)"]);
        for unknown in ["accuracy", "accuracy(fog)", "accuracy(contrast, 6)", "latency(0)", "latency(a)", "parameters"]
        {
            assert_eq!(of(unknown), None, "{unknown}");
        }
    }

    #[test]
    fn a_corruption_without_a_severity_is_the_mean() {
        let measured = |name: &str| match name {
            "accuracy(contrast, 1)" => Some(0.9),
            "accuracy(contrast, 3)" => Some(0.5),
            _ => None,
        };
        assert_eq!(value_of(&metric("accuracy(contrast)"), &[1, 3], measured), Some(0.7));
        assert_eq!(value_of(&metric("accuracy(contrast, 3)"), &[1], measured), Some(0.5));
        assert_eq!(value_of(&metric("accuracy(contrast)"), &[1, 2], measured), None);
        assert!(is_unrepeatable("latency(32)") && !is_unrepeatable("accuracy(contrast)"));
    }
}
