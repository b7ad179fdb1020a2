use crate::Failure;
use crate::data::{DataSet, Part};
use crate::network::Model;
use crate::training::{correct, forward};
use pleach_spec::Precision;
use tch::{Device, Kind, Reduction, Tensor};

/// How many batches may pass until their losses are read: reading waits for the device.
const READ_EVERY: usize = 64;

/// Sums of losses and correct answers, read from the device now and then.
pub(crate) struct Running {
    what: String,
    waiting: Vec<(Tensor, Tensor, usize)>,
    loss: f64,
    correct: f64,
    count: usize,
}

impl Running {
    /// `what` is such as `the training loss of epoch 3`.
    pub(crate) fn new(what: impl Into<String>) -> Running {
        Running { what: what.into(), waiting: Vec::new(), loss: 0.0, correct: 0.0, count: 0 }
    }

    /// Adds a batch: its mean loss, its number of correct answers, its number of examples.
    ///
    /// # Errors
    /// If a loss read so far is not finite.
    pub(crate) fn add(&mut self, loss: Tensor, correct: Tensor, count: usize) -> Result<(), Failure> {
        self.waiting.push((loss, correct, count));
        if self.waiting.len() >= READ_EVERY { self.read() } else { Ok(()) }
    }

    fn read(&mut self) -> Result<(), Failure> {
        if self.waiting.is_empty() {
            return Ok(());
        }
        let read = |tensors: Vec<&Tensor>| -> Result<Vec<f64>, Failure> {
            let all = Tensor::f_stack(&tensors, 0)?.f_to_kind(Kind::Double)?.f_to(Device::Cpu)?;
            let mut values = vec![0.0; tensors.len()];
            all.f_copy_data(&mut values, tensors.len())?;
            Ok(values)
        };
        let losses = read(self.waiting.iter().map(|(loss, ..)| loss).collect())?;
        let correct = read(self.waiting.iter().map(|(_, correct, _)| correct).collect())?;
        for ((loss, correct), (_, _, count)) in losses.into_iter().zip(correct).zip(&self.waiting) {
            self.loss += loss * *count as f64;
            self.correct += correct;
            self.count += count;
        }
        self.waiting.clear();
        if self.loss.is_finite() { Ok(()) } else { Err(Failure::diverged(&self.what)) }
    }

    /// The mean loss and the share of correct answers over all examples.
    pub(crate) fn end(mut self) -> Result<(f64, f64), Failure> {
        self.read()?;
        let count = self.count.max(1) as f64;
        Ok((self.loss / count, self.correct / count))
    }
}

/// Loss (cross-entropy without label smoothing) and accuracy on a part of the data, in evaluation mode; `None` where the part
/// is empty. `what` is such as `the validation loss of epoch 3`.
pub(crate) fn clean(
    model: &Model,
    data: &DataSet,
    part: &Part,
    precision: Precision,
    what: impl Into<String>,
) -> Result<Option<(f64, f64)>, Failure> {
    if part.count == 0 {
        return Ok(None);
    }
    let batch = batch_of_evaluation(part.inputs.device());
    let inputs = |start, count| data.normalize(part.inputs.f_narrow(0, start, count)?);
    evaluate(model, &part.labels, batch, precision, what, inputs).map(Some)
}

/// Larger batches are no faster on a CPU, whose caches they leave, and need more memory.
pub(super) fn batch_of_evaluation(device: Device) -> usize {
    if device.is_cuda() { 1024 } else { 256 }
}

/// Loss and accuracy of normalised inputs that `inputs` gives batch by batch, from its first example and the number of them.
pub(super) fn evaluate(
    model: &Model,
    labels: &Tensor,
    batch: usize,
    precision: Precision,
    what: impl Into<String>,
    mut inputs: impl FnMut(i64, i64) -> Result<Tensor, Failure>,
) -> Result<(f64, f64), Failure> {
    let device = labels.device();
    let total = labels.size().first().copied().unwrap_or_default();
    let batch = batch.max(1) as i64;
    let mut running = Running::new(what);
    let mut start = 0;
    while start < total {
        let count = batch.min(total - start);
        let inputs = inputs(start, count)?;
        let _no_grad = tch::no_grad_guard();
        let labels = labels.f_narrow(0, start, count)?;
        let outputs = forward(model, &inputs, false, precision, device)?;
        let loss = outputs.f_cross_entropy_loss(&labels, None::<&Tensor>, Reduction::Mean, -100, 0.0)?;
        running.add(loss, correct(&outputs, &labels)?, count as usize)?;
        start += count;
    }
    running.end()
}
