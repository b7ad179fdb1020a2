use crate::network::{Model, bytes};
use crate::optimizer::Optimizer;
use crate::{Failure, TRAINING_SEMANTICS};
use pleach_evaluate::protocol::{Metrics, TrainJob};
use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::fs;
use std::path::Path;
use tch::{Kind, Tensor};

/// The one key of the file's metadata: a second one would come in an order of its own in each file.
const KEY: &str = "pleach";

/// What a checkpoint says beside its tensors.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Facts {
    format: u32,
    training_semantics: u32,
    /// BLAKE3 of what makes the training, see [`fingerprint`].
    training: String,
    epochs: u32,
    steps: u64,
    seed: u64,
    metrics: Metrics,
    /// The metrics of the last epochs, one after another, as far as the one who trained told them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    told: Vec<Metrics>,
}

const FORMAT: u32 = 1;

/// A training's state at the end of an epoch.
///
/// A safetensors file: the network's tensors under their names, the optimizer's under `optimizer.*`, the facts as JSON in the
/// metadata. The same file serves wherever weights are wanted.
#[derive(Debug)]
pub(crate) struct Checkpoint {
    facts: Facts,
    tensors: HashMap<String, Tensor>,
}

/// What must be equal for a training to go on from a checkpoint: all of the job but how far it goes, where files lie, and what
/// layers the space names, since the same network of another space is trained to the same bits. `data` is the digest of the
/// examples, which may have moved.
pub(super) fn fingerprint(job: &TrainJob, data: &str) -> TrainingFingerprint {
    let nodes: Vec<_> = job.network.nodes.iter().map(|node| (&node.op, &node.inputs, &node.shape)).collect();
    let network = (nodes, job.network.output);
    let data = (data, &job.data.split, job.split_seed);
    let document = (network, &job.recipe, job.batch, data, job.seed, job.data_share.to_bits());
    let text = serde_json::to_vec(&document).expect("plain data has a JSON form");
    TrainingFingerprint { digest: blake3::hash(&text).to_hex().to_string(), seed: job.seed }
}

/// Identifies a training.
#[derive(Debug, Clone)]
pub(super) struct TrainingFingerprint {
    digest: String,
    seed: u64,
}

impl Checkpoint {
    /// Writes a checkpoint: to a file beside it first, so that an interruption leaves no half of one. `told` are the metrics of
    /// the last epochs, where the training has not ended yet.
    pub(super) fn write(
        path: &Path,
        model: &Model,
        optimizer: &Optimizer,
        epochs: u32,
        metrics: &Metrics,
        told: &[Metrics],
        training: &TrainingFingerprint,
    ) -> Result<(), Failure> {
        let facts = Facts {
            format: FORMAT,
            training_semantics: TRAINING_SEMANTICS,
            training: training.digest.clone(),
            epochs,
            steps: optimizer.steps(),
            seed: training.seed,
            metrics: metrics.clone(),
            told: told.to_vec(),
        };
        let facts = serde_json::to_string(&facts).expect("plain data has a JSON form");
        let named = model.named_tensors().map(|(name, tensor)| (name.to_owned(), tensor)).chain(optimizer.state());
        let mut contents = Vec::new();
        for (name, tensor) in named {
            let shape: Vec<usize> = tensor.size().iter().map(|&axis| axis as usize).collect();
            contents.push((name, shape, bytes(tensor)?));
        }
        let unwritable = |detail: String| Failure::lost("the checkpoint cannot be written", detail);
        let views: Result<Vec<(&str, TensorView)>, _> = contents
            .iter()
            .map(|(name, shape, bytes)| Ok((name.as_str(), TensorView::new(Dtype::F32, shape.clone(), bytes)?)))
            .collect();
        let views = views.map_err(|error: safetensors::SafeTensorError| unwritable(error.to_string()))?;
        let metadata = HashMap::from([(KEY.to_owned(), facts)]);
        let written = safetensors::serialize(views, Some(metadata)).map_err(|error| unwritable(error.to_string()))?;
        let temporary = temporary(path);
        let result = fs::write(&temporary, written).and_then(|()| fs::rename(&temporary, path));
        result.map_err(|error| {
            let _ = fs::remove_file(&temporary);
            unwritable(format!("{}: {error}", path.display()))
        })
    }

    /// Reads a checkpoint of the same training.
    pub(super) fn read(path: &Path, training: &TrainingFingerprint) -> Result<Checkpoint, Failure> {
        let (facts, tensors) = read(path)?;
        let unusable = |detail: String| {
            Failure::lost("the checkpoint cannot be gone on from", format!("{}: {detail}", path.display()))
        };
        let facts = facts.ok_or_else(|| unusable("these are weights without the state of a training".to_owned()))?;
        let facts: Facts = serde_json::from_str(&facts).map_err(|error| unusable(error.to_string()))?;
        if (facts.format, facts.training_semantics) != (FORMAT, TRAINING_SEMANTICS) {
            return Err(unusable(format!(
                "it has format {} and training semantics {}, this worker {FORMAT} and {TRAINING_SEMANTICS}",
                facts.format, facts.training_semantics
            )));
        }
        if facts.training != training.digest {
            return Err(unusable("it is of another training: network, recipe, data or seed differ".to_owned()));
        }
        Ok(Checkpoint { facts, tensors })
    }

    pub(super) fn tensor(&self, name: &str) -> Option<Tensor> {
        // A copy: training changes it.
        self.tensors.get(name).map(Tensor::copy)
    }

    /// Epochs done.
    pub(super) fn epochs(&self) -> u32 {
        self.facts.epochs
    }

    /// Steps of the optimizer done.
    pub(super) fn steps(&self) -> u64 {
        self.facts.steps
    }

    /// The metrics of the last epochs, in order; of a finished training none.
    pub(super) fn told(&self) -> &[Metrics] {
        &self.facts.told
    }

    /// Metrics of the last epoch.
    pub(super) fn metrics(&self) -> &Metrics {
        &self.facts.metrics
    }
}

/// The tensors of a safetensors file, by name.
pub(crate) fn read_weights(path: &Path) -> Result<HashMap<String, Tensor>, Failure> {
    read(path).map(|(_, tensors)| tensors)
}

fn read(path: &Path) -> Result<(Option<String>, HashMap<String, Tensor>), Failure> {
    let unreadable =
        |detail: String| Failure::lost("the weights cannot be read", format!("{}: {detail}", path.display()));
    let contents = fs::read(path).map_err(|error| unreadable(error.to_string()))?;
    let damaged = |error: safetensors::SafeTensorError| unreadable(error.to_string());
    let (_, header) = SafeTensors::read_metadata(&contents).map_err(damaged)?;
    let facts = header.metadata().as_ref().and_then(|metadata| metadata.get(KEY).cloned());
    let file = SafeTensors::deserialize(&contents).map_err(damaged)?;
    let mut tensors = HashMap::new();
    for (name, view) in file.iter() {
        if view.dtype() != Dtype::F32 {
            return Err(unreadable(format!("`{name}` is {:?}, expected F32", view.dtype())));
        }
        let shape: Vec<i64> = view.shape().iter().map(|&axis| axis as i64).collect();
        tensors.insert(name.to_owned(), Tensor::f_from_data_size(view.data(), &shape, Kind::Float)?);
    }
    Ok((facts, tensors))
}

/// A name beside the file that no other process writes to.
pub(crate) fn temporary(path: &Path) -> std::path::PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.part", std::process::id()));
    path.with_file_name(name)
}
