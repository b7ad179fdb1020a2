//! An export step: trained networks as files that other programs load.

use crate::error::RunError;
use crate::prepared::{Material, Prepared};
use crate::score::Scorer;
use crate::session::Session;
use crate::train::{record_artifact, weights_path};
use pleach_evaluate::protocol::{TorchScriptJob, WorkerAnswer, WorkerRequest};
use pleach_evaluate::{Program, Worker};
use pleach_export::{FixedExperiment, OnnxOptions, PytorchOptions, Weights};
use pleach_space::{Network, Space};
use pleach_spec::ExportFormat;
use pleach_store::{Metrics, TrialRecord};
use serde_json::Value;
use std::path::Path;

/// A trained network that is exported.
#[derive(Debug)]
pub struct Trained<'a> {
    /// Its trial: genotype, candidate, repeat, metrics.
    pub trial: &'a TrialRecord,
    /// The step that trained it.
    pub step: &'a str,
}

/// Of the trainings of one candidate, the best by the objectives.
pub(crate) fn best_repeat<'t>(trials: &'t [TrialRecord], candidate: u64, scorer: &Scorer) -> Option<&'t TrialRecord> {
    let losses = |trial: &TrialRecord| scorer.losses(|name| trial.metrics()?.get(name).copied());
    trials.iter().filter(|trial| trial.request.candidate == Some(candidate as u32) && trial.metrics().is_some()).min_by(
        |a, b| {
            let (first, second) = (losses(a), losses(b));
            let order = first.iter().zip(&second).map(|(a, b)| a.total_cmp(b)).find(|order| order.is_ne());
            order.unwrap_or(std::cmp::Ordering::Equal).then(a.request.repeat.cmp(&b.request.repeat))
        },
    )
}

/// Writes a trained network in the formats asked for; returns the files' names by kind.
///
/// # Errors
/// The weights are missing, a format cannot hold the network, or a file cannot be written.
#[allow(clippy::too_many_arguments)]
pub fn write(
    step: &str,
    trained: &Trained<'_>,
    formats: &[ExportFormat],
    prepared: &Prepared,
    material: &Material,
    worker: &Program,
    run: &Path,
    target: &Path,
) -> Result<Vec<(&'static str, String)>, RunError> {
    let export = |source| RunError::Export { step: step.to_owned(), source };
    let file = |path: &Path| {
        let path = path.to_owned();
        move |source| RunError::File { path, source }
    };
    let genotype = &trained.trial.request.genotype;
    let candidate = u64::from(trained.trial.request.candidate.unwrap_or_default());
    let checkpoint = run.join(weights_path(trained.step, candidate, trained.trial.request.repeat));
    // An experiment without decisions needs neither weights nor a network.
    let loaded = match formats.iter().all(|format| *format == ExportFormat::Yaml) {
        true => None,
        false => {
            let network = prepared
                .space_of(step)
                .build(genotype)
                .map_err(|problem| RunError::Invalid { step: step.to_owned(), message: problem.message })?
                .network;
            let weights = Weights::from_file(&network, &checkpoint).map_err(export)?;
            Some((network, weights))
        }
    };
    std::fs::create_dir_all(target).map_err(file(target))?;
    let name = &prepared.experiment.name;
    let mut written = Vec::new();
    let mut keep = |kind: &'static str, file_name: &str, content: &[u8]| {
        let path = target.join(file_name);
        std::fs::write(&path, content).map_err(file(&path))?;
        written.push((kind, file_name.to_owned()));
        Ok::<(), RunError>(())
    };
    let has = |format| formats.contains(&format);
    if let Some((network, weights)) = &loaded
        && (has(ExportFormat::Safetensors) || has(ExportFormat::Pytorch))
    {
        let bytes = pleach_export::inference_weights(network, weights, &material.preprocessing).map_err(export)?;
        keep("safetensors", "network.safetensors", &bytes)?;
    }
    if let Some((network, _)) = &loaded
        && has(ExportFormat::Pytorch)
    {
        let options = PytorchOptions {
            name: name.clone(),
            weights_file: "network.safetensors".to_owned(),
            preprocessing: material.preprocessing.clone(),
        };
        let text = pleach_export::pytorch(network, &options).map_err(export)?;
        keep("pytorch", "network.py", text.as_bytes())?;
    }
    if let Some((network, weights)) = &loaded
        && has(ExportFormat::Onnx)
    {
        let options = OnnxOptions {
            name: name.clone(),
            preprocessing: material.preprocessing.clone(),
            include_preprocessing: false,
        };
        let bytes = pleach_export::onnx(network, weights, &options).map_err(export)?;
        keep("onnx", "network.onnx", &bytes)?;
    }
    if has(ExportFormat::Yaml) {
        let origin = [format!("trained by step `{}`, candidate {candidate}", trained.step)];
        let metrics = trained.trial.metrics().cloned().unwrap_or_default();
        let text =
            fixed_experiment(name, &origin, &metrics, genotype, prepared, prepared.space_of(step)).map_err(export)?;
        keep("yaml", "network.yaml", text.as_bytes())?;
    }
    if let Some((network, _)) = &loaded
        && has(ExportFormat::Torchscript)
    {
        let path = target.join("network.pt");
        torchscript(step, network, &checkpoint, &path, worker)?;
        written.push(("torchscript", "network.pt".to_owned()));
    }
    Ok(written)
}

/// The network of a genotype as an experiment without decisions.
///
/// # Errors
/// The space is not of the form that a space has.
pub(crate) fn fixed_experiment(
    name: &str,
    origin: &[String],
    metrics: &Metrics,
    genotype: &[f64],
    prepared: &Prepared,
    space: &Space,
) -> Result<String, pleach_export::ExportError> {
    let metrics: Vec<(String, f64)> = metrics.iter().map(|(name, value)| (name.clone(), *value)).collect();
    let default = Value::Null;
    let base = &prepared.base;
    // The file lies elsewhere than the experiment that its paths are relative to.
    let mut data = prepared.document.get("data").cloned();
    if let Some(Value::Object(kind)) = data.as_mut().and_then(|data| data.get_mut("dataset")) {
        for (_, value) in kind.iter_mut() {
            match value.get_mut("path") {
                Some(path) => absolute(base, path),
                None => absolute(base, value),
            }
        }
    }
    let mut evaluator = prepared.document.get("evaluator").cloned();
    if let Some(Value::Object(kind)) = &mut evaluator {
        if let Some(path) = kind.get_mut("table").and_then(|table| table.get_mut("path")) {
            absolute(base, path);
        }
        for word in kind.get_mut("command").and_then(Value::as_array_mut).into_iter().flatten() {
            if word.as_str().is_some_and(|word| base.join(word).is_file()) {
                absolute(base, word);
            }
        }
    }
    let short: String = name.chars().take(59).collect();
    pleach_export::experiment_yaml(&FixedExperiment {
        name: &format!("{short}-best"),
        origin,
        metrics: &metrics,
        seed: prepared.experiment.seed,
        data: data.as_ref(),
        space: &space.resolved(genotype),
        input: None,
        objectives: prepared.document.get("objectives").unwrap_or(&default),
        evaluator: evaluator.as_ref(),
    })
}

fn absolute(base: &Path, path: &mut Value) {
    if let Some(text) = path.as_str() {
        let joined = base.join(text);
        *path = std::path::absolute(&joined).unwrap_or(joined).to_string_lossy().into_owned().into();
    }
}

fn torchscript(step: &str, network: &Network, weights: &Path, path: &Path, program: &Program) -> Result<(), RunError> {
    let failed = |message: String| RunError::Evaluation { message: format!("step `{step}`: TorchScript: {message}") };
    let absolute = |path: &Path| std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let job = TorchScriptJob { id: 0, network: network.clone(), weights: absolute(weights), file: absolute(path) };
    let request = WorkerRequest::TorchScript(Box::new(job));
    let ask = || Worker::start(program)?.call(&request, None, &mut |_, _| {});
    // A second time where the worker was lost: a machine may be short of something for a moment.
    match ask().or_else(|_| ask()) {
        Ok(WorkerAnswer::TorchScriptWritten { .. }) => Ok(()),
        Ok(WorkerAnswer::Failed { message, detail, .. }) => Err(failed(format!("{message} {detail}"))),
        Ok(other) => Err(failed(format!("the worker answered {other:?}"))),
        Err(error) => Err(failed(error.to_string())),
    }
}

/// Exports a candidate of a step into the run's artifacts.
#[allow(clippy::too_many_arguments)]
pub(crate) fn run(
    step: &str,
    trained: &Trained<'_>,
    place: usize,
    formats: &[ExportFormat],
    prepared: &Prepared,
    material: &Material,
    worker: &Program,
    folder: &Path,
    session: &mut Session<'_>,
) -> Result<(), RunError> {
    let below = format!("artifacts/{step}/{place}");
    let written = write(step, trained, formats, prepared, material, worker, folder, &folder.join(&below))?;
    for (kind, name) in written {
        record_artifact(step, Some(place as u32), None, kind, format!("{below}/{name}"), folder, session)?;
    }
    session.commit()
}
