//! What a run is made from, and where its bits can be expected again.

use crate::error::RunError;
use crate::outcome::of_machine;
use crate::prepared::{Material, Prepared, Source};
use crate::score::Scorer;
use indexmap::IndexMap;
use pleach_evaluate::is_unrepeatable;
use pleach_evaluate::protocol::Hello;
use pleach_store::{DigestHolds, LockFile, RunReader};
use serde_json::Value;
use std::path::{Path, PathBuf};

/// Under which name the record keeps what the workers are.
pub(crate) const HELLO: &str = "hello";

/// What a run of an experiment would be made from, as far as that is known before anything is evaluated.
pub fn lock(prepared: &Prepared, material: &Material) -> LockFile {
    let experiment = &prepared.experiment;
    let data_name = match &experiment.data {
        Some(data) => match serde_json::to_value(&data.dataset) {
            Ok(Value::String(name)) => name,
            Ok(Value::Object(kind)) => kind.keys().next().cloned().unwrap_or_default(),
            _ => String::new(),
        },
        None => String::new(),
    };
    let mut data: IndexMap<String, String> =
        material.data_digest.iter().map(|d| (data_name.clone(), d.clone())).collect();
    match &material.source {
        Source::Libtorch(_) => None,
        Source::Command { digest, .. } => data.insert("command".into(), digest.clone()),
        Source::Table(table) => data.insert("table".into(), table.digest().to_owned()),
    };
    let mut resolved = serde_json::to_value(experiment).unwrap_or_default();
    let space = pleach_plan::normal_space(experiment, &prepared.document);
    let digest = pleach_store::key(&space);
    if let Some(section) = resolved.get_mut("space") {
        *section = space;
    }
    LockFile {
        versions: [
            ("pleach".to_owned(), env!("CARGO_PKG_VERSION").to_owned()),
            ("search_semantics".to_owned(), pleach_plan::SEARCH_SEMANTICS.to_string()),
        ]
        .into_iter()
        .collect(),
        device: "none".into(),
        device_name: None,
        data,
        plugins: prepared.plugins.iter().map(|(name, plugin)| (name.clone(), plugin.digest().to_owned())).collect(),
        space: Some(digest),
        digest_holds: DigestHolds::Anywhere,
        because: Vec::new(),
        unrepeatable: Vec::new(),
        base: Some(whole(&prepared.base)),
        experiment: resolved,
    }
}

/// A folder from the root on; an empty path is the present folder.
fn whole(folder: &Path) -> PathBuf {
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned())
}

/// Takes up what the workers are.
pub fn trained_by(lock: &mut LockFile, hello: &Hello) {
    lock.device.clone_from(&hello.device);
    lock.device_name = Some(hello.device_name.clone());
    lock.versions.insert("libtorch".into(), hello.libtorch.clone());
    lock.versions.insert("training_semantics".into(), hello.training_semantics.to_string());
}

/// Takes up what the record says of the run: who trained, what cannot be repeated, and why not.
pub(crate) fn complete(
    lock: &mut LockFile,
    reader: &RunReader,
    material: &Material,
    scorer: &Scorer,
) -> Result<(), RunError> {
    if let Some(hello) = hello_of(reader)? {
        trained_by(lock, &hello);
        if hello.device != "cpu" {
            lock.digest_holds = DigestHolds::ThisRun;
            lock.because.push(format!("trained on {}: some kernels of a GPU do not repeat themselves", hello.device));
        }
    }
    for record in reader.steps()? {
        let of_machine: u64 = reader
            .failures(&record.name)?
            .iter()
            .filter(|(reason, _)| of_machine(reason))
            .map(|(_, count)| count)
            .sum();
        if of_machine > 0 {
            if lock.digest_holds == DigestHolds::Anywhere {
                lock.digest_holds = DigestHolds::ThisMachine;
            }
            let trials = if of_machine == 1 { "trial" } else { "trials" };
            lock.because.push(format!("{of_machine} {trials} of `{}` failed for a reason of the machine", record.name));
        }
        for name in reader.metric_names(&record.name)? {
            // What a table says of a latency is the same each time.
            let measured = !matches!(material.source, Source::Table(_));
            if measured && is_unrepeatable(&name) && !lock.unrepeatable.contains(&name) {
                lock.unrepeatable.push(name);
            }
        }
    }
    // A search that is led by what a clock says goes another way each time.
    let led = scorer.metrics().into_iter().filter(|name| lock.unrepeatable.contains(name));
    for name in led {
        lock.digest_holds = DigestHolds::ThisRun;
        lock.because.push(format!("`{name}` leads the search, and is measured otherwise each time"));
    }
    Ok(())
}

/// What the workers of the latest sitting were.
pub(crate) fn hello_of(reader: &RunReader) -> Result<Option<Hello>, RunError> {
    Ok(reader.meta(HELLO)?.and_then(|text| serde_json::from_str(&text).ok()))
}
