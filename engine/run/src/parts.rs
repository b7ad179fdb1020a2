//! The searches of one step: its repeats, and the baseline beside each.

use crate::prepared::Prepared;
use pleach_random::derive;
use pleach_spec::Step;
use serde_json::{Map, Value};

/// One search of a step, with a record of its own.
#[derive(Debug, Clone, PartialEq)]
pub struct Part {
    /// The name of its record: the step's own for the first search, else `STEP/repeat-1`, `STEP/baseline`,
    /// `STEP/baseline/repeat-1` and so on.
    pub record: String,
    /// The step.
    pub step: String,
    /// The strategy, as the experiment names it.
    pub strategy: String,
    /// The strategy's options as JSON, defaults filled in.
    pub options: String,
    /// Whether it is the baseline.
    pub baseline: bool,
    /// Which repeat, from 0.
    pub repeat: u32,
}

impl Part {
    /// The seed of its strategy.
    pub fn seed(&self, run: u64) -> u64 {
        let purpose = if self.baseline { "baseline" } else { "strategy" };
        derive(run, &["search", &self.step, &self.repeat.to_string(), purpose])
    }
}

/// Of a step that searches: its searches, in the order in which they run, the step's own first.
pub fn parts(prepared: &Prepared, name: &str, step: &Step) -> Vec<Part> {
    let Some(searching) = step.searching() else { return Vec::new() };
    let options = |strategy: &str, given: Map<String, Value>| match prepared.plugins.get(strategy) {
        Some(plugin) => Value::from(pleach_plan::with_defaults(&plugin.manifest().options_schema, given)).to_string(),
        None => "{}".to_owned(),
    };
    let mut parts = Vec::new();
    for repeat in 0..searching.repeats {
        let own = (searching.strategy, searching.with.clone(), false);
        let beside = searching.baseline.map(|baseline| (baseline, Map::new(), true));
        for (strategy, with, baseline) in [Some(own), beside].into_iter().flatten() {
            parts.push(Part {
                record: record_name(name, baseline, repeat),
                step: name.to_owned(),
                strategy: strategy.to_owned(),
                options: options(strategy, with),
                baseline,
                repeat,
            });
        }
    }
    parts
}

/// The name of a search's record.
fn record_name(step: &str, baseline: bool, repeat: u32) -> String {
    let baseline = if baseline { "/baseline" } else { "" };
    match repeat {
        0 => format!("{step}{baseline}"),
        repeat => format!("{step}{baseline}/repeat-{repeat}"),
    }
}

/// The step that a record belongs to, whether it is of a baseline, and which repeat it is.
pub fn part_of(record: &str) -> (&str, bool, u32) {
    let mut words = record.split('/');
    let step = words.next().unwrap_or_default();
    let (mut baseline, mut repeat) = (false, 0);
    for word in words {
        match word.strip_prefix("repeat-") {
            Some(number) => repeat = number.parse().unwrap_or_default(),
            None => baseline = word == "baseline",
        }
    }
    (step, baseline, repeat)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_say_what_they_are() {
        for (baseline, repeat, name) in [
            (false, 0, "explore"),
            (false, 2, "explore/repeat-2"),
            (true, 0, "explore/baseline"),
            (true, 1, "explore/baseline/repeat-1"),
        ] {
            assert_eq!(record_name("explore", baseline, repeat), name);
            assert_eq!(part_of(name), ("explore", baseline, repeat));
        }
    }
}
