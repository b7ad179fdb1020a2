//! What comes of an evaluation.

use pleach_plugin::contract::Reason;
use pleach_store::{Failure, Metrics};
use serde::ser::{Serialize, SerializeMap, Serializer};
use smallvec::SmallVec;
use std::sync::Arc;

/// Metrics at the end of an evaluation.
#[derive(Debug, Clone, PartialEq)]
pub enum Values {
    /// The same metrics in every trial, as a table has them: names are shared.
    Row {
        /// The names.
        names: Arc<[String]>,
        /// A value a name; NaN where there is none.
        values: SmallVec<[f64; 4]>,
    },
    /// By name.
    Named(Metrics),
}

impl Values {
    /// The metric of this name.
    pub fn get(&self, name: &str) -> Option<f64> {
        match self {
            Self::Row { names, values } => names.iter().position(|known| known == name).map(|place| values[place]),
            Self::Named(metrics) => metrics.get(name).copied(),
        }
    }

    /// As the record keeps them.
    pub fn to_metrics(&self) -> Metrics {
        match self {
            Self::Row { names, values } => {
                names.iter().cloned().zip(values.iter().copied()).filter(|(_, value)| !value.is_nan()).collect()
            }
            Self::Named(metrics) => metrics.clone(),
        }
    }

    /// As the record keeps them.
    pub fn into_metrics(self) -> Metrics {
        match self {
            Self::Named(metrics) => metrics,
            row => row.to_metrics(),
        }
    }
}

impl Serialize for Values {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Row { names, values } => {
                let mut map = serializer.serialize_map(None)?;
                for (name, value) in names.iter().zip(values).filter(|(_, value)| !value.is_nan()) {
                    map.serialize_entry(name, value)?;
                }
                map.end()
            }
            Self::Named(metrics) => metrics.serialize(serializer),
        }
    }
}

/// How an evaluation ended.
#[derive(Debug, Clone, PartialEq)]
pub struct Evaluated {
    /// The metrics at the end, or why there are none.
    pub result: Result<Values, Failure>,
    /// All metrics at every epoch, from the first on.
    pub curves: Vec<Metrics>,
    /// Whether the result was there before.
    pub cached: bool,
    /// Real seconds.
    pub seconds: f64,
    /// Who evaluated.
    pub worker: Option<String>,
}

impl Evaluated {
    /// A result that was there at once.
    pub fn at_once(result: Result<Values, Failure>) -> Self {
        Self { result, curves: Vec::new(), cached: false, seconds: 0.0, worker: None }
    }

    /// A candidate that cannot be evaluated at all.
    pub fn infeasible(message: impl Into<String>) -> Self {
        Self::at_once(Err(Failure { reason: "infeasible".to_owned(), message: message.into(), detail: String::new() }))
    }
}

/// The reason as the contract knows it.
pub(crate) fn contract_reason(reason: &str) -> Reason {
    match reason {
        "infeasible" => Reason::Infeasible,
        "diverged" => Reason::Diverged,
        "out_of_memory" => Reason::OutOfMemory,
        "timed_out" => Reason::TimedOut,
        _ => Reason::Lost,
    }
}

/// Whether a failure for this reason can depend on the machine.
pub(crate) fn of_machine(reason: &str) -> bool {
    !matches!(reason, "infeasible" | "diverged")
}
