use super::adversarial::Adversary;
use super::checkpoint::Checkpoint;
use crate::data::{Mix, ValueRange};
use crate::network::Model;
use crate::optimizer::{Optimizer, factor};
use crate::{Failure, native};
use pleach_spec::{Precision, Training};
use tch::{Device, Kind, Reduction, Tensor};

/// Does training steps: attack, forward, loss, backward, optimizer, schedule.
pub(crate) struct Stepper<'a> {
    model: &'a Model,
    recipe: &'a Training,
    adversary: Option<Adversary<'a>>,
    optimizer: Optimizer,
    device: Device,
    epochs: u32,
    /// Steps of an epoch.
    steps: u64,
    step: u64,
}

impl<'a> Stepper<'a> {
    /// For a schedule of so many epochs of so many steps; `range` and `seed` are for attacks.
    pub(crate) fn new(
        model: &'a Model,
        recipe: &'a Training,
        epochs: u32,
        steps: usize,
        range: &'a ValueRange,
        seed: u64,
    ) -> Result<Stepper<'a>, Failure> {
        let device = range.low.device();
        let optimizer = Optimizer::new(&recipe.optimizer, recipe.clip, model.trainable(), device)?;
        let adversary = recipe
            .adversarial
            .as_ref()
            .map(|adversarial| Adversary::new(adversarial, range, seed, recipe.precision, device));
        Ok(Stepper { model, recipe, adversary, optimizer, device, epochs, steps: steps as u64, step: 0 })
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
    /// The loss is the mean cross-entropy of the batch with label smoothing and mixup as the recipe says, on attacked inputs
    /// where it says so; an answer is correct if it is the class of the example that has the larger share.
    pub(crate) fn step(
        &mut self,
        inputs: &Tensor,
        labels: &Tensor,
        mix: Option<Mix>,
    ) -> Result<(Tensor, Tensor), Failure> {
        let (blended, targets) = match mix {
            None => (inputs.shallow_clone(), Targets { labels, blended: None }),
            Some(Mix { weight, others }) => {
                let others = Tensor::f_from_slice(&others)?.f_to(self.device)?;
                let blended = inputs.f_index_select(0, &others)?.f_lerp(inputs, weight)?;
                (blended, Targets { labels, blended: Some((weight, labels.f_index_select(0, &others)?)) })
            }
        };
        let smoothing = self.recipe.label_smoothing;
        let (loss, outputs) = match &self.adversary {
            None => {
                let outputs = forward(self.model, &blended, true, self.recipe.precision, self.device)?;
                (targets.loss(&outputs, smoothing)?, outputs)
            }
            Some(adversary) => {
                let steps = self.steps.max(1);
                let at = (self.step / steps + 1, self.step % steps);
                adversary.loss(self.model, &blended, &targets, smoothing, at)?
            }
        };
        let correct = correct(&outputs, labels)?;
        // A network whose output no weight can change has no gradient.
        if loss.requires_grad() {
            loss.f_backward()?;
            let rate = self.optimizer.peak() * factor(&self.recipe.schedule, self.step, self.steps, self.epochs);
            self.optimizer.step(rate)?;
        }
        self.step += 1;
        Ok((loss.f_detach()?, correct))
    }
}

/// What a batch should be classified as.
pub(super) struct Targets<'a> {
    labels: &'a Tensor,
    /// Where examples are blended: the share of the first labels, and the other ones.
    blended: Option<(f64, Tensor)>,
}

impl Targets<'_> {
    /// The mean cross-entropy.
    pub(super) fn loss(&self, outputs: &Tensor, label_smoothing: f64) -> Result<Tensor, Failure> {
        let of = |labels: &Tensor| {
            outputs.f_cross_entropy_loss(labels, None::<&Tensor>, Reduction::Mean, -100, label_smoothing)
        };
        match &self.blended {
            None => Ok(of(self.labels)?),
            Some((weight, others)) => Ok(of(others)?.f_lerp(&of(self.labels)?, *weight)?),
        }
    }
}

/// The network's output in 32-bit floating point, computed in the recipe's precision.
pub(crate) fn forward(
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
pub(crate) fn correct(outputs: &Tensor, labels: &Tensor) -> Result<Tensor, Failure> {
    Ok(outputs.f_detach()?.f_argmax(1, false)?.f_eq_tensor(labels)?.f_sum(None::<Kind>)?)
}
