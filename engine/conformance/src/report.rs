//! What the checks found, as data.

use pleach_plugin::Plugin;
use serde::Serialize;

use crate::usage::Usages;

/// How a check ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "result")]
pub enum Verdict {
    /// All is as it should be.
    Passed,
    /// Something is not.
    Failed {
        /// What.
        reason: String,
    },
    /// The plugin has no part in what is checked.
    Skipped {
        /// Why.
        reason: String,
    },
}

/// One check and how it ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Checked {
    /// Its name, words joined by hyphens.
    pub name: String,
    /// What it checks.
    pub what: String,
    /// How it ended.
    #[serde(flatten)]
    pub verdict: Verdict,
}

/// The fuel that a kind of call used over all checks.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CallFuel {
    /// The function of the contract.
    pub call: &'static str,
    /// How often it was called.
    pub calls: usize,
    /// The median of the units used.
    pub median: u64,
    /// The most that one call used.
    pub largest: u64,
    /// The largest part of its limit that a call used, from 0 to 1.
    pub share: f64,
}

/// All that the suite found about a plugin.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// The plugin's name.
    pub plugin: String,
    /// Its version.
    pub version: String,
    /// The digest of its file.
    pub digest: String,
    /// The seed of the searches.
    pub seed: u64,
    /// The checks in order.
    pub checks: Vec<Checked>,
    /// What the calls used.
    pub fuel: Vec<CallFuel>,
    /// The most memory that a search had, in bytes.
    pub peak_memory: u64,
}

impl Report {
    /// Whether no check failed.
    pub fn passed(&self) -> bool {
        self.count(|verdict| matches!(verdict, Verdict::Failed { .. })) == 0
    }

    /// How many checks ended so.
    pub fn count(&self, is: impl Fn(&Verdict) -> bool) -> usize {
        self.checks.iter().filter(|checked| is(&checked.verdict)).count()
    }
}

pub(crate) fn report(plugin: &Plugin, seed: u64, checks: Vec<Checked>, usages: &Usages) -> Report {
    Report {
        plugin: plugin.manifest().name.clone(),
        version: plugin.manifest().version.clone(),
        digest: plugin.digest().to_owned(),
        seed,
        checks,
        fuel: usages.fuel(),
        peak_memory: usages.peak_memory,
    }
}
