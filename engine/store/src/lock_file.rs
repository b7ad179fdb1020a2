//! What a run was made from, resolved: `lock.yaml`.

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::path::PathBuf;

/// Where a run's digest can be expected again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DigestHolds {
    /// Wherever versions, device class and, where something is trained, the processor's model are these.
    #[default]
    Anywhere,
    /// On this machine only: a trial failed for a reason of the machine.
    ThisMachine,
    /// Nowhere: a clock or a meter led the search, or a device computed that does not repeat itself.
    ThisRun,
}

/// All that a run's results depend on, by digest or version.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct LockFile {
    /// Version of each part: `pleach`, `libtorch`, `training_semantics` and so on.
    pub versions: IndexMap<String, String>,
    /// The device class that trains: `cpu`, `cuda`; `none` where nothing is trained.
    pub device: String,
    /// The model of the processor or GPU that trained; none where nothing was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device_name: Option<String>,
    /// Digest of each data set or table, by name.
    pub data: IndexMap<String, String>,
    /// Digest of each strategy's component, by name.
    pub plugins: IndexMap<String, String>,
    /// Digest of the space.
    pub space: Option<String>,
    /// Where the run's digest can be expected again.
    pub digest_holds: DigestHolds,
    /// Why not everywhere, a sentence a reason.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub because: Vec<String>,
    /// Metrics that another machine, or the same one again, measures otherwise; they are not in the digest.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unrepeatable: Vec<String>,
    /// The folder that paths in the experiment are relative to, as it was when the run began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base: Option<PathBuf>,
    /// The experiment with includes, overrides and defaults filled in.
    pub experiment: Value,
}

impl LockFile {
    /// The file as YAML text.
    pub fn to_yaml(&self) -> String {
        let body = serde_saphyr::to_string(self).expect("maps, strings and JSON values can all be said in YAML");
        format!(
            "# What this run was made from. Written by pleach: `pleach reproduce` runs it again, and `pleach run --locked` refuses \
             to run anything else.\n{body}"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn says_everything_in_yaml() {
        let lock = LockFile {
            versions: [("pleach".to_owned(), "0.1.0".to_owned()), ("libtorch".to_owned(), "2.11.0".to_owned())].into(),
            device: "cpu".into(),
            device_name: Some("A processor (AVX2)".into()),
            data: [("digits".to_owned(), "ab12".to_owned())].into(),
            plugins: [("random".to_owned(), "1e5".to_owned())].into(),
            space: Some("77".into()),
            digest_holds: DigestHolds::Anywhere,
            because: Vec::new(),
            unrepeatable: Vec::new(),
            base: Some("/experiments".into()),
            experiment: json!({"version": 1, "rate": 1e-7, "whole": 2.0, "text": "no", "list": [{"a": 1}, "b"], "none": null, "empty": {}}),
        };
        let expected = "\
# What this run was made from. Written by pleach: `pleach reproduce` runs it again, and `pleach run --locked` refuses to run anything else.
versions:
  pleach: \"0.1.0\"
  libtorch: \"2.11.0\"
device: cpu
device_name: A processor (AVX2)
data:
  digits: ab12
plugins:
  random: \"1e5\"
space: \"77\"
digest_holds: anywhere
base: /experiments
experiment:
  version: 1
  rate: 1.0e-7
  whole: 2.0
  text: \"no\"
  list:
  - a: 1
  - b
  none: null
  empty: {}
";
        assert_eq!(lock.to_yaml(), expected);
    }
}
