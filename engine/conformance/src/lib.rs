//! The conformance suite of strategies: named checks that every plugin passes, in toy spaces, without training.
//!
//! Each check runs searches as the engine runs them (a virtual clock, budgets, outcomes told in the order of their ends) and says what
//! went wrong, if anything. What a plugin has no part in is skipped with a word. The host checks every request on the way, so
//! that a search that comes to its end has asked for nothing invalid.

#![warn(missing_docs)]

mod case;
mod checks;
mod report;
mod search;
mod usage;
mod world;

pub use checks::{Check, checks};
pub use report::{CallFuel, Checked, Report, Verdict};

use pleach_plugin::Plugin;

/// Runs the checks whose names `wanted` takes, with this seed.
pub fn conformance(plugin: &Plugin, seed: u64, wanted: impl Fn(&str) -> bool) -> Report {
    let bench = checks::Bench::new(plugin, seed);
    let mut checked = Vec::new();
    for check in checks().iter().filter(|check| wanted(check.name)) {
        let verdict = (check.run)(&bench);
        checked.push(Checked { name: check.name.to_owned(), what: check.what.to_owned(), verdict });
    }
    report::report(plugin, seed, checked, &bench.usage.borrow())
}
