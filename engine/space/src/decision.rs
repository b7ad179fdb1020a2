//! Decisions: what can be decided, when it counts, and what values it takes.

use serde::{Deserialize, Serialize};

/// A genotype: one value a decision, in their order. The option's index for a choice or for levels, the number itself for a
/// range; 0 for a decision that is not active.
pub type Genotype = Vec<f64>;

/// The values that a decision takes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Domain {
    /// Options without an order, by label.
    Choice(Vec<String>),
    /// Options that are numbers, rising.
    Levels(Vec<f64>),
    /// Whole numbers from `low` to `high`, both included.
    Integer {
        low: i64,
        high: i64,
        /// Whether steps are even in the logarithm.
        log: bool,
    },
    /// Real numbers from `low` to `high`.
    Real {
        low: f64,
        high: f64,
        /// Whether steps are even in the logarithm.
        log: bool,
    },
}

impl Domain {
    /// The number of values, where it is finite.
    pub fn size(&self) -> Option<u64> {
        match self {
            Domain::Choice(options) => Some(options.len() as u64),
            Domain::Levels(levels) => Some(levels.len() as u64),
            Domain::Integer { low, high, .. } => Some(high.abs_diff(*low).saturating_add(1)),
            Domain::Real { low, high, .. } if low == high => Some(1),
            Domain::Real { .. } => None,
        }
    }

    /// Whether the value is one of the domain's.
    pub fn contains(&self, value: f64) -> bool {
        match self {
            Domain::Choice(options) => value.fract() == 0.0 && value >= 0.0 && value < options.len() as f64,
            Domain::Levels(levels) => value.fract() == 0.0 && value >= 0.0 && value < levels.len() as f64,
            Domain::Integer { low, high, .. } => value.fract() == 0.0 && value >= *low as f64 && value <= *high as f64,
            Domain::Real { low, high, .. } => value >= *low && value <= *high,
        }
    }

    /// The value at a place from 0 to 1 along the domain, in logarithms where it is logarithmic; beyond is cut off.
    pub fn at(&self, unit: f64) -> f64 {
        let unit = unit.clamp(0.0, 1.0);
        match *self {
            Domain::Choice(ref options) => (unit * options.len() as f64).floor().min(options.len() as f64 - 1.0),
            Domain::Levels(ref levels) => (unit * levels.len() as f64).floor().min(levels.len() as f64 - 1.0),
            Domain::Integer { low, high, log: false } => {
                let count = (high - low) as f64 + 1.0;
                (low as f64 + (unit * count).floor()).min(high as f64)
            }
            Domain::Integer { low, high, log: true } => {
                let (a, b) = (libm::log(low as f64 - 0.5), libm::log(high as f64 + 0.5));
                libm::round(libm::exp(a + unit * (b - a))).clamp(low as f64, high as f64)
            }
            Domain::Real { low, high, log: false } => (low + unit * (high - low)).clamp(low, high),
            Domain::Real { low, high, log: true } => {
                let (a, b) = (libm::log(low), libm::log(high));
                libm::exp(a + unit * (b - a)).clamp(low, high)
            }
        }
    }

    /// Where a value lies along the domain, from 0 to 1: the middle of its part for whole values.
    pub fn unit(&self, value: f64) -> f64 {
        let unit = match *self {
            Domain::Choice(ref options) => (value + 0.5) / options.len() as f64,
            Domain::Levels(ref levels) => (value + 0.5) / levels.len() as f64,
            Domain::Integer { low, high, log: false } => (value - low as f64 + 0.5) / ((high - low) as f64 + 1.0),
            Domain::Integer { low, high, log: true } => {
                let (a, b) = (libm::log(low as f64 - 0.5), libm::log(high as f64 + 0.5));
                (libm::log(value) - a) / (b - a)
            }
            Domain::Real { low, high, .. } if low == high => 0.5,
            Domain::Real { low, high, log: false } => (value - low) / (high - low),
            Domain::Real { low, high, log: true } => {
                (libm::log(value) - libm::log(low)) / (libm::log(high) - libm::log(low))
            }
        };
        unit.clamp(0.0, 1.0)
    }
}

/// A decision counts only while an earlier decision is active and holds one of these values.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Condition {
    /// The index of the earlier decision.
    pub decision: usize,
    /// The values.
    pub values: Vec<f64>,
}

/// The decision stands in this repetition of a repeated body whose repetitions decide separately.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Slot {
    /// The number of the repeated body.
    pub body: u32,
    /// The repetition, from 0.
    pub position: u32,
}

/// Whether a decision is about the network or about its training.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// The network (and `values`).
    Architecture,
    /// The training recipe.
    Training,
}

/// One decision.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Decision {
    /// Where in the experiment it stands, such as `space.network[2].repeat.times`.
    pub path: String,
    /// The JSON pointer of the value that it stands for.
    pub pointer: String,
    /// Its name, where it has one.
    pub name: Option<String>,
    /// Its values.
    pub domain: Domain,
    /// What it is about.
    pub role: Role,
    /// When it counts; always, unless told.
    pub active_when: Option<Condition>,
    /// Its place in a repeated body whose repetitions decide separately.
    pub slot: Option<Slot>,
    /// The value that it holds while nobody decides it.
    pub default: f64,
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn domains() -> impl Strategy<Value = Domain> {
        prop_oneof![
            (1usize..9).prop_map(|n| Domain::Choice((0..n).map(|i| i.to_string()).collect())),
            (1usize..9).prop_map(|n| Domain::Levels((0..n).map(|i| i as f64).collect())),
            (1i64..50, 0i64..1000, any::<bool>()).prop_map(|(low, width, log)| Domain::Integer {
                low,
                high: low + width,
                log
            }),
            (1e-6f64..1.0, 0.0f64..10.0, any::<bool>()).prop_map(|(low, width, log)| Domain::Real {
                low,
                high: low + width,
                log
            }),
        ]
    }

    proptest! {
        #[test]
        fn every_place_is_a_value_and_finds_back(domain in domains(), unit in 0.0f64..=1.0) {
            let value = domain.at(unit);
            prop_assert!(domain.contains(value), "{domain:?} {value}");
            let again = domain.at(domain.unit(value));
            prop_assert!((again - value).abs() <= 1e-9 * value.abs().max(1.0), "{domain:?} {value} {again}");
        }
    }

    #[test]
    fn sizes_and_bounds() {
        assert_eq!(Domain::Integer { low: -1, high: 3, log: false }.size(), Some(5));
        assert_eq!(Domain::Real { low: 0.0, high: 1.0, log: false }.size(), None);
        let choice = Domain::Choice(vec!["a".into(), "b".into()]);
        for (value, inside) in [(0.0, true), (1.0, true), (2.0, false), (-1.0, false), (0.5, false), (f64::NAN, false)]
        {
            assert_eq!(choice.contains(value), inside, "{value}");
        }
    }
}
