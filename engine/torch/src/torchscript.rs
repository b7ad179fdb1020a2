//! TorchScript: a trained network as a file that PyTorch and libtorch run without Pleach.

use crate::Failure;
use crate::network::{Model, bytes};
use crate::training::{alone, read_weights, temporary};
use pleach_evaluate::protocol::TorchScriptJob;
use pleach_random::Generator;
use safetensors::tensor::{Dtype, TensorView};
use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use tch::{CModule, Device, Tensor};

/// The hidden subcommand by which a fresh process checks a file: `FILE CHECK`.
pub const VERIFY: &str = "verify-torchscript";

/// The largest difference of outputs that counts as equal.
const TOLERANCE: f64 = 1e-4;

/// Examples traced and checked: different, so that a graph that holds the traced number is found out.
const TRACED: i64 = 2;
const CHECKED: i64 = 5;

/// Writes a network as TorchScript, and has a fresh process of `program` compare its outputs with the network's.
///
/// The weights become constants of the graph, so the file is for inference alone. Answers with the largest difference of an
/// output on a random batch.
///
/// # Errors
/// If weights or file cannot be used, the fresh process fails, or an output differs by more than 1e-4.
pub(crate) fn write(job: &TorchScriptJob, program: &Path, threads: u32) -> Result<f64, Failure> {
    let _alone = alone(threads);
    let _no_grad = tch::no_grad_guard();
    let weights = read_weights(&job.weights)?;
    let mut model =
        Model::with_tensors(&job.network, Device::Cpu, |name| weights.get(name).map(Tensor::shallow_clone))?;
    model.freeze()?;
    let traced = random_batch(&model, TRACED)?;
    let module = trace(&model, traced)?;
    let unwritable = |detail: String| Failure::lost("the TorchScript file cannot be written", detail);
    // Under its own name in a folder beside its place: the archive holds the name, and so does every bit of it.
    let folder = temporary(&job.file);
    let part = folder.join(job.file.file_name().unwrap_or_default());
    let unplaceable = |error: std::io::Error| unwritable(format!("{}: {error}", job.file.display()));
    let written = fs::create_dir_all(&folder).map_err(unplaceable).and_then(|()| {
        module.save(&part).map_err(|error| unwritable(error.to_string()))?;
        let difference = check(&model, &part, program)?;
        fs::rename(&part, &job.file).map_err(unplaceable)?;
        Ok(difference)
    });
    // What cannot be cleared away hides neither the file nor the error.
    let _ = fs::remove_dir_all(&folder);
    written
}

fn trace(model: &Model, input: Tensor) -> Result<CModule, Failure> {
    // What the closure gives cannot fail, so a failure waits beside it until tracing has ended.
    let mut failure = None;
    let mut forward = |inputs: &[Tensor]| match model.forward(&inputs[0], false) {
        Ok(output) => vec![output],
        Err(error) => {
            failure = Some(error);
            vec![inputs[0].shallow_clone()]
        }
    };
    let traced = CModule::create_by_tracing("Network", "forward", &[input], &mut forward);
    match failure {
        Some(failure) => Err(failure),
        None => Ok(traced?),
    }
}

fn check(model: &Model, file: &Path, program: &Path) -> Result<f64, Failure> {
    let inputs = random_batch(model, CHECKED)?;
    let outputs = model.forward(&inputs, false)?;
    let samples = file.with_extension("samples");
    let failed = |detail: String| Failure::lost("the TorchScript file could not be checked in a fresh process", detail);
    write_samples(&samples, &[("inputs", &inputs), ("outputs", &outputs)])?;
    let answer = Command::new(program).arg(VERIFY).arg(file).arg(&samples).stdin(Stdio::null()).output();
    let _ = fs::remove_file(&samples);
    let answer = answer.map_err(|error| failed(format!("{}: {error}", program.display())))?;
    if !answer.status.success() {
        return Err(failed(String::from_utf8_lossy(&answer.stderr).into_owned()));
    }
    let text = String::from_utf8_lossy(&answer.stdout);
    let difference: f64 = text.trim().parse().map_err(|_| failed(format!("it answered {text:?}")))?;
    if difference <= TOLERANCE {
        Ok(difference)
    } else {
        let detail = format!("by {difference}, allowed are {TOLERANCE}");
        Err(Failure::lost("the TorchScript file gives other outputs than the trained network", detail))
    }
}

/// Loads a TorchScript file, computes the samples' inputs, and answers with the largest difference from the samples' outputs.
///
/// # Errors
/// If a file cannot be used.
pub fn verify(file: &Path, samples: &Path) -> Result<f64, Failure> {
    let _alone = alone(1);
    let samples = read_weights(samples)?;
    let sample = |name: &str| samples.get(name).ok_or_else(|| Failure::lost("the samples are incomplete", name));
    let module = CModule::load(file)?;
    let outputs = module.forward_ts(&[sample("inputs")?])?;
    let difference = outputs.f_sub(sample("outputs")?)?.f_abs()?.f_max()?.f_double_value(&[])?;
    // NaN compares as no difference at all would.
    Ok(if difference.is_nan() { f64::INFINITY } else { difference })
}

/// Standard normal inputs, the same at every call.
fn random_batch(model: &Model, count: i64) -> Result<Tensor, Failure> {
    let mut size = vec![count];
    size.extend(model.network().input_shape().0.iter().map(|&axis| axis as i64));
    let mut generator = Generator::new(count as u64);
    let values: Vec<f32> = (0..size.iter().product()).map(|_: i64| generator.normal() as f32).collect();
    Ok(Tensor::f_from_slice(&values)?.f_view(size.as_slice())?)
}

fn write_samples(path: &Path, samples: &[(&str, &Tensor)]) -> Result<(), Failure> {
    let failed = |detail: String| Failure::lost("the samples cannot be written", detail);
    let mut contents = Vec::new();
    for (name, tensor) in samples {
        contents.push((*name, tensor.size().iter().map(|&axis| axis as usize).collect::<Vec<_>>(), bytes(tensor)?));
    }
    let mut views = Vec::new();
    for (name, shape, bytes) in &contents {
        views.push((
            *name,
            TensorView::new(Dtype::F32, shape.clone(), bytes).map_err(|error| failed(error.to_string()))?,
        ));
    }
    let written =
        safetensors::serialize(views, None::<HashMap<String, String>>).map_err(|error| failed(error.to_string()))?;
    fs::write(path, written).map_err(|error| failed(format!("{}: {error}", path.display())))
}

/// Parses what follows [`VERIFY`] on the command line.
pub fn verify_arguments(arguments: &[std::ffi::OsString]) -> Option<(PathBuf, PathBuf)> {
    match arguments {
        [file, samples] => Some((file.into(), samples.into())),
        _ => None,
    }
}
