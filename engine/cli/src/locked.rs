//! `pleach run --locked`: nothing is run that is not what an earlier run was made from.

use crate::commands::run::{failed, greet};
use crate::exit::Failure;
use indexmap::IndexMap;
use pleach_plan::{changes, render};
use pleach_run::{Prepared, RunOptions, lock, trained_by};
use pleach_spec::Document;
use pleach_store::{LockFile, RunFolder};
use std::path::Path;

/// Compares what would be run with a lock: `wanted` is a run, a lock file, or empty for the latest run of the experiment.
///
/// # Errors
/// There is no such lock, or something differs: each difference is listed.
pub fn check(wanted: &str, prepared: &Prepared, document: &Document, options: &RunOptions) -> Result<(), Failure> {
    let (name, recorded) = find(wanted, &prepared.experiment.name, &options.root)?;
    let material = prepared.material().map_err(failed)?;
    let mut now = lock(prepared, &material);
    // A lock of a run that trained nothing yet says nothing of who trains.
    if recorded.device != "none" {
        trained_by(&mut now, &greet(options)?);
    }
    let differences = differences(&recorded, &now, document);
    if differences.is_empty() {
        return Ok(());
    }
    let count = match differences.len() {
        1 => "1 difference".to_owned(),
        count => format!("{count} differences"),
    };
    let message = format!("{count} from what {name} was made from:\n  {}", differences.join("\n  "));
    Err(Failure::invalid(message).help(
        "bring back what it was, or run without --locked: that makes a new run with a lock of its own (`pleach plan` says which steps \
         it would run, and why)",
    ))
}

/// A lock and what it is called.
fn find(wanted: &str, experiment: &str, root: &Path) -> Result<(String, LockFile), Failure> {
    if wanted.is_empty() {
        let latest = RunFolder::latest(root, experiment)?;
        let missing = || {
            Failure::unusable(format!("--locked: there is no run of `{experiment}` in `{}`", root.display()))
                .help("run once without --locked, or name a lock file: --locked=FOLDER/lock.yaml")
        };
        let run = latest.ok_or_else(missing)?;
        return Ok((run.id(), run.read()?.lock()?));
    }
    let file = Path::new(wanted);
    if !file.is_file() {
        let run = RunFolder::find(root, wanted)?;
        return Ok((run.id(), run.read()?.lock()?));
    }
    let unreadable = |detail: String| Failure::unusable(format!("`{wanted}` is no lock file: {detail}"));
    let text = std::fs::read_to_string(file).map_err(|error| unreadable(error.to_string()))?;
    let document = Document::load(wanted, &text, &|path| std::fs::read(path), &[]);
    let root = document.root().ok_or_else(|| unreadable("it is not YAML".to_owned()))?;
    let lock = serde_json::from_value(root.to_json()).map_err(|error| unreadable(error.to_string()))?;
    Ok((format!("`{wanted}`"), lock))
}

/// All that differs, a line each.
fn differences(recorded: &LockFile, now: &LockFile, document: &Document) -> Vec<String> {
    let mut found = Vec::new();
    // What an earlier version did not note, or what trains nothing, differs in nothing.
    let common = |map: &IndexMap<String, String>| -> IndexMap<String, String> {
        let known =
            map.iter().filter(|(name, _)| now.versions.contains_key(*name) && recorded.versions.contains_key(*name));
        known.map(|(name, version)| (name.clone(), version.clone())).collect()
    };
    compare("version of", &common(&recorded.versions), &common(&now.versions), &mut found);
    if recorded.device != "none" && recorded.device != now.device {
        found.push(format!("device: {} → {}", recorded.device, now.device));
    }
    compare("content of", &recorded.data, &now.data, &mut found);
    compare("strategy", &recorded.plugins, &now.plugins, &mut found);
    found.extend(changes(&recorded.experiment, &now.experiment, document).iter().map(render::change));
    found
}

fn compare(what: &str, old: &IndexMap<String, String>, new: &IndexMap<String, String>, found: &mut Vec<String>) {
    let short = |value: Option<&String>| match value {
        None => "nothing".to_owned(),
        Some(digest) if digest.len() == 64 => format!("{}…", &digest[..12]),
        Some(version) => version.clone(),
    };
    for name in old.keys().chain(new.keys().filter(|name| !old.contains_key(*name))) {
        if old.get(name) != new.get(name) {
            found.push(format!("{what} `{name}`: {} → {}", short(old.get(name)), short(new.get(name))));
        }
    }
}
