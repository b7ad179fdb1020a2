//! Counts that may be decided: repetitions, nodes of a cell.

use super::{Compiler, Place};
use crate::decision::{Condition, Domain};
use crate::template::Template;
use serde_json::Value;

/// Bodies that decide in each repetition, and cells, are written out up to this many times.
const MOST: usize = 1000;

impl Compiler<'_> {
    /// The largest value of a count.
    pub(super) fn most(&mut self, count: &Template, place: &Place) -> usize {
        let most = match count {
            Template::Constant(value) => value.as_u64().map(|n| n as usize),
            Template::Number { decision, .. } => match self.decisions[*decision].domain {
                Domain::Integer { high, .. } => usize::try_from(high).ok(),
                _ => None,
            },
            Template::Choice { options, .. } => options
                .iter()
                .map(|option| match option {
                    Template::Constant(value) => value.as_u64().map(|n| n as usize),
                    _ => None,
                })
                .collect::<Option<Vec<usize>>>()
                .and_then(|counts| counts.into_iter().max()),
            Template::Computed { source, times, plus, .. } => {
                let most = self.most(&source.clone(), place) as f64 * times + plus;
                (most >= 0.0 && most.fract() == 0.0).then_some(most as usize)
            }
            _ => None,
        };
        match most {
            Some(most) if most <= MOST => most,
            Some(most) => {
                let message = format!("{most} are too many to decide each: at most {MOST}");
                self.problem(&place.pointer, "too-many-repetitions", message, None);
                0
            }
            None => {
                let message = "a count must be a whole number, or a decision between whole numbers".to_owned();
                self.problem(&place.pointer, "count-form", message, None);
                0
            }
        }
    }

    /// The condition under which a count is at least `least`, at a place where it is decided or known.
    pub(super) fn at_least(&self, count: &Template, least: usize, place: &Place) -> Option<Condition> {
        let (decision, values, all) = match count {
            Template::Number { decision, .. } => {
                let Domain::Integer { low, high, .. } = self.decisions[*decision].domain else {
                    return place.condition.clone();
                };
                let first = low.max(least as i64);
                let values: Vec<f64> = (first..=high).map(|v| v as f64).collect();
                (*decision, values, first == low)
            }
            Template::Choice { decision, options } => {
                let reaches = |option: &Template| match option {
                    Template::Constant(value) => value.as_u64().is_some_and(|n| n as usize >= least),
                    _ => true,
                };
                let values: Vec<f64> = (0..options.len()).filter(|&i| reaches(&options[i])).map(|i| i as f64).collect();
                let all = values.len() == options.len();
                (*decision, values, all)
            }
            // A computed count: its decision may stand outside of what is decided here, and there is one condition only.
            // The decision then counts even where its repetition is left out, which builds the same network.
            Template::Constant(Value::Number(_)) | Template::Computed { .. } => return place.condition.clone(),
            _ => return place.condition.clone(),
        };
        if all { place.condition.clone() } else { Some(Condition { decision, values }) }
    }
}
