use super::checkpoint::Checkpoint;
use crate::data::Mix;
use crate::network::Model;
use crate::optimizer::{Optimizer, factor};
use crate::{Failure, native};
use pleach_spec::{Precision, Training};
use tch::{Device, Kind, Reduction, Tensor};

/// Does training steps: forward, loss, backward, optimizer, schedule.
pub(crate) struct Stepper<'a> {
    model: &'a Model,
    recipe: &'a Training,
    optimizer: Optimizer,
    device: Device,
    epochs: u32,
    /// Steps of an epoch.
    steps: u64,
    step: u64,
}

impl<'a> Stepper<'a> {
    /// For a schedule of so many epochs of so many steps.
    pub(crate) fn new(
        model: &'a Model,
        recipe: &'a Training,
        epochs: u32,
        steps: usize,
        device: Device,
    ) -> Result<Stepper<'a>, Failure> {
        let optimizer = Optimizer::new(&recipe.optimizer, recipe.clip, model.trainable(), device)?;
        Ok(Stepper { model, recipe, optimizer, device, epochs, steps: steps as u64, step: 0 })
    }

    /// The optimizer with its state.
    pub(crate) fn optimizer(&self) -> &Optimizer {
        &self.optimizer
    }

    /// Goes on where a checkpoint ended.
    pub(crate) fn restore(&mut self, checkpoint: &Checkpoint) -> Result<(), Failure> {
        self.step = u64::from(checkpoint.epochs()) * self.steps;
        self.optimizer.restore(checkpoint.steps(), |name| checkpoint.tensor(name))
    }

    /// One step on a batch of normalised inputs; answers with the loss and the number of correct answers, both on the device,
    /// so that nothing waits for it.
    ///
    /// The loss is the mean cross-entropy of the batch with label smoothing and mixup as the recipe says; an answer is correct
    /// if it is the class of the example that has the larger share.
    pub(crate) fn step(
        &mut self,
        inputs: &Tensor,
        labels: &Tensor,
        mix: Option<Mix>,
    ) -> Result<(Tensor, Tensor), Failure> {
        let (loss, correct) = match mix {
            None => {
                let outputs = forward(self.model, inputs, true, self.recipe.precision, self.device)?;
                (self.loss(&outputs, labels)?, correct(&outputs, labels)?)
            }
            Some(Mix { weight, others }) => {
                let others = Tensor::f_from_slice(&others)?.f_to(self.device)?;
                let inputs = inputs.f_index_select(0, &others)?.f_lerp(inputs, weight)?;
                let outputs = forward(self.model, &inputs, true, self.recipe.precision, self.device)?;
                let others = self.loss(&outputs, &labels.f_index_select(0, &others)?)?;
                (others.f_lerp(&self.loss(&outputs, labels)?, weight)?, correct(&outputs, labels)?)
            }
        };
        // A network whose output no weight can change has no gradient.
        if loss.requires_grad() {
            loss.f_backward()?;
            let rate = self.optimizer.peak() * factor(&self.recipe.schedule, self.step, self.steps, self.epochs);
            self.optimizer.step(rate)?;
        }
        self.step += 1;
        Ok((loss.f_detach()?, correct))
    }

    fn loss(&self, outputs: &Tensor, labels: &Tensor) -> Result<Tensor, Failure> {
        let weights = None::<&Tensor>;
        Ok(outputs.f_cross_entropy_loss(labels, weights, Reduction::Mean, -100, self.recipe.label_smoothing)?)
    }
}

/// The network's output in 32-bit floating point, computed in the recipe's precision.
pub(super) fn forward(
    model: &Model,
    inputs: &Tensor,
    training: bool,
    precision: Precision,
    device: Device,
) -> Result<Tensor, Failure> {
    match precision {
        Precision::Full => model.forward(inputs, training),
        Precision::Mixed => {
            let outputs = native::with_bfloat16(device, || model.forward(inputs, training))?;
            Ok(outputs.f_to_kind(Kind::Float)?)
        }
    }
}

/// The number of outputs whose largest value is at the example's class.
pub(super) fn correct(outputs: &Tensor, labels: &Tensor) -> Result<Tensor, Failure> {
    Ok(outputs.f_detach()?.f_argmax(1, false)?.f_eq_tensor(labels)?.f_sum(None::<Kind>)?)
}
