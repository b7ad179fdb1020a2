use super::step::{correct, forward};
use crate::Failure;
use crate::data::{DataSet, Part};
use crate::network::Model;
use pleach_spec::Precision;
use tch::{Device, Kind, Reduction, Tensor};

/// How many batches may pass until their losses are read: reading waits for the device.
const READ_EVERY: usize = 64;

/// Sums of losses and correct answers, read from the device now and then.
pub(super) struct Running {
    what: &'static str,
    epoch: u32,
    waiting: Vec<(Tensor, Tensor, usize)>,
    loss: f64,
    correct: f64,
    count: usize,
}

impl Running {
    pub(super) fn new(what: &'static str, epoch: u32) -> Running {
        Running { what, epoch, waiting: Vec::new(), loss: 0.0, correct: 0.0, count: 0 }
    }

    /// Adds a batch: its mean loss, its number of correct answers, its number of examples.
    ///
    /// # Errors
    /// If a loss read so far is not finite.
    pub(super) fn add(&mut self, loss: Tensor, correct: Tensor, count: usize) -> Result<(), Failure> {
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
        if self.loss.is_finite() { Ok(()) } else { Err(Failure::diverged(self.what, self.epoch)) }
    }

    /// The mean loss and the share of correct answers over all examples.
    pub(super) fn end(mut self) -> Result<(f64, f64), Failure> {
        self.read()?;
        let count = self.count.max(1) as f64;
        Ok((self.loss / count, self.correct / count))
    }
}

/// Loss (cross-entropy without label smoothing) and accuracy on a part of the data, in evaluation mode; `None` where the part
/// is empty.
pub(super) fn measure(
    model: &Model,
    data: &DataSet,
    part: &Part,
    precision: Precision,
    what: &'static str,
    epoch: u32,
) -> Result<Option<(f64, f64)>, Failure> {
    if part.count == 0 {
        return Ok(None);
    }
    let _no_grad = tch::no_grad_guard();
    let device = part.inputs.device();
    // Larger batches are no faster on a CPU, whose caches they leave, and need more memory.
    let batch = if device.is_cuda() { 1024 } else { 256 };
    let mut running = Running::new(what, epoch);
    for start in (0..part.count).step_by(batch) {
        let count = batch.min(part.count - start);
        let inputs = data.normalize(part.inputs.f_narrow(0, start as i64, count as i64)?)?;
        let labels = part.labels.f_narrow(0, start as i64, count as i64)?;
        let outputs = forward(model, &inputs, false, precision, device)?;
        let loss = outputs.f_cross_entropy_loss(&labels, None::<&Tensor>, Reduction::Mean, -100, 0.0)?;
        running.add(loss, correct(&outputs, &labels)?, count)?;
    }
    running.end().map(Some)
}
