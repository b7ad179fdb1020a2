//! One training, from fresh weights or a checkpoint to metrics and a checkpoint.

mod adversarial;
mod checkpoint;
mod progress;
mod step;

pub(crate) use checkpoint::{read_weights, temporary};
pub(crate) use step::{Stepper, correct, forward};

use crate::data::{Augmenter, DataSet, Source, bounds};
use crate::measure::{Chosen, Running, Subject, check, clean};
use crate::network::Model;
use crate::{Failure, native};
use checkpoint::{Checkpoint, fingerprint};
use pleach_data::Locations;
use pleach_evaluate::protocol::{Metrics, TrainJob};
use pleach_random::{Generator, derive};
use progress::Keeper;
use std::sync::{Mutex, MutexGuard, Once, PoisonError};

use tch::{Device, Kind, Tensor};

/// What came of a training.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub metrics: Metrics,
    pub weights_digest: String,
    pub parameters: u64,
}

/// libtorch has one random generator and one number of threads for the whole process, so one training runs at a time.
static ALONE: Mutex<()> = Mutex::new(());

/// Waits until nothing else computes, and sets the number of threads.
pub(crate) fn alone(threads: u32) -> MutexGuard<'static, ()> {
    static ONCE: Once = Once::new();
    let guard = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    // Can be set only once, and only before the first parallel work.
    ONCE.call_once(|| tch::set_num_interop_threads(1));
    tch::set_num_threads(i32::try_from(threads).unwrap_or(i32::MAX).max(1));
    guard
}

/// Trains a network.
///
/// Every random draw depends on the job's seed, a purpose, the epoch and the batch, never on earlier draws, so a training
/// that goes on from a checkpoint has the bits of one without interruption.
///
/// The batch order of an epoch is a permutation of the used share of the training part. A network that has nothing to train
/// goes through the epochs without steps.
///
/// At the end the network is measured as [`run`](crate::measure::run) does it with the same seed and batch, in 32 bits.
///
/// # Errors
/// If the network does not fit the data, data or checkpoint cannot be used, a loss is not finite, or memory runs out.
pub(crate) fn train(
    job: &TrainJob,
    device: Device,
    kept: &mut Option<DataSet>,
    mut each_epoch: impl FnMut(u32, &Metrics),
) -> Result<Outcome, Failure> {
    let before = kept.take();
    let locations = Locations { base: job.data_base.clone(), caches: job.data_caches.clone() };
    let source = Source::new(job.data.clone(), locations, job.split_seed, device);
    let data = kept.insert(DataSet::of(before, source)?);
    data.fits(&job.network)?;
    check(&job.measure, data)?;
    let count = data.share(job.data_share);
    let batches = bounds(count, job.batch.max(1));
    let augmenter = Augmenter::new(&job.recipe.augment, &data.shape, job.seed, device)?;
    let fingerprint = fingerprint(job, &data.digest);
    let mut keeper = job.progress.as_ref().map(Keeper::new);
    let kept = keeper.as_ref().and_then(|keeper| keeper.read(&fingerprint, job.epochs));
    let resumed = match (kept, &job.resume) {
        (Some(checkpoint), _) => Some(checkpoint),
        (None, Some(path)) => Some(Checkpoint::read(path, &fingerprint)?),
        (None, None) => None,
    };
    let model = match &resumed {
        None => Model::initialize(&job.network, job.seed, device)?,
        Some(checkpoint) => Model::with_tensors(&job.network, device, |name| checkpoint.tensor(name))?,
    };
    let epochs = job.epochs.max(job.recipe.epochs);
    let mut stepper = Stepper::new(&model, &job.recipe, epochs, batches.len(), &data.range, job.seed)?;
    let (mut metrics, mut done, mut told) = (Metrics::new(), 0, Vec::new());
    if let Some(checkpoint) = &resumed {
        if checkpoint.epochs() > job.epochs {
            let detail = format!("it has {} epochs, the training ends at {}", checkpoint.epochs(), job.epochs);
            return Err(Failure::lost("the checkpoint is past the end of the training", detail));
        }
        stepper.restore(checkpoint)?;
        (metrics, done, told) = (checkpoint.metrics().clone(), checkpoint.epochs(), checkpoint.told().to_vec());
        for (epoch, metrics) in (done + 1 - told.len() as u32..).zip(&told) {
            each_epoch(epoch, metrics);
        }
    }
    drop(resumed);
    for epoch in done + 1..=job.epochs {
        let order = order(count, job.seed, epoch, device)?;
        let mut running = Running::new(format!("the training loss of epoch {epoch}"));
        for (number, range) in batches.iter().enumerate() {
            let indices = order.f_narrow(0, range.start as i64, range.len() as i64)?;
            let labels = data.training.labels.f_index_select(0, &indices)?;
            let inputs = augmenter.shift(data.training.inputs.f_index_select(0, &indices)?, epoch, number)?;
            let inputs = augmenter.cut(data.normalize(inputs)?, epoch, number)?;
            let mix = augmenter.mix(range.len(), epoch, number);
            if model.draws() {
                seed_libtorch(job.seed, epoch, number);
            }
            let (loss, correct) = stepper.step(&inputs, &labels, mix)?;
            running.add(loss, correct, range.len())?;
        }
        let (train_loss, train_accuracy) = running.end()?;
        metrics = Metrics::new();
        let what = format!("the validation loss of epoch {epoch}");
        if let Some((loss, accuracy)) = clean(&model, data, &data.validation, job.recipe.precision, what)? {
            metrics.insert("loss".to_owned(), loss);
            metrics.insert("accuracy".to_owned(), accuracy);
        }
        metrics.insert("train_loss".to_owned(), train_loss);
        metrics.insert("train_accuracy".to_owned(), train_accuracy);
        each_epoch(epoch, &metrics);
        if let Some(keeper) = &mut keeper {
            told.push(metrics.clone());
            keeper.epoch_ended(|path| {
                Checkpoint::write(path, &model, stepper.optimizer(), epoch, &metrics, &told, &fingerprint)
            });
        }
    }
    if let Some(path) = &job.checkpoint {
        Checkpoint::write(path, &model, stepper.optimizer(), job.epochs, &metrics, &[], &fingerprint)?;
    }
    if job.test
        && let Some((loss, accuracy)) =
            clean(&model, data, &data.test, job.recipe.precision, format!("the test loss of epoch {}", job.epochs))?
    {
        metrics.insert("test_loss".to_owned(), loss);
        metrics.insert("test_accuracy".to_owned(), accuracy);
    }
    if !job.measure.is_empty() {
        let subject = Subject { model: &model, data, seed: derive(job.seed, &["measure"]), batch: job.batch };
        metrics.extend(subject.all(&job.measure, &Chosen::of(&data.validation, None)?)?);
    }
    Ok(Outcome { metrics, weights_digest: model.digest()?, parameters: model.parameters() })
}

/// The examples of an epoch in the order of training.
fn order(count: usize, seed: u64, epoch: u32, device: Device) -> Result<Tensor, Failure> {
    let mut order: Vec<i64> = (0..count as i64).collect();
    Generator::new(derive(seed, &["order", &epoch.to_string()])).shuffle(&mut order);
    Ok(Tensor::f_from_slice(&order)?.f_to_kind(Kind::Int64)?.f_to(device)?)
}

/// Dropout masks come from libtorch's generator of the device.
fn seed_libtorch(seed: u64, epoch: u32, batch: usize) {
    tch::manual_seed(derive(seed, &["dropout", &epoch.to_string(), &batch.to_string()]) as i64);
}

/// Frees what the device's allocator keeps after a failure; a device that does not even do that will fail again.
pub(crate) fn clean_up(device: Device) {
    if device.is_cuda() {
        let _ = native::empty_cache();
    }
}
