use super::step::{Targets, forward};
use crate::Failure;
use crate::attack::{Ball, ascend, uniform_start};
use crate::data::ValueRange;
use crate::network::Model;
use pleach_random::{Generator, derive};
use pleach_spec::{Adversarial, Precision};
use tch::{Device, Kind, Reduction, Tensor};

/// How far from an example TRADES begins, as a deviation in units of data scaled to 0..1 (Zhang et al. 2019, algorithm 1).
const TRADES_START: f64 = 0.001;

/// Attacks training examples.
///
/// The network attacked is in evaluation mode, with the statistics that batch norm keeps and without dropout: this is the
/// network that an attacker meets, the steps of the attack leave the kept statistics alone, and with it networks become more
/// accurate on clean examples (Pang et al. 2021, section 3.7).
#[derive(Debug)]
pub(crate) struct Adversary<'a> {
    training: &'a Adversarial,
    range: &'a ValueRange,
    seed: u64,
    precision: Precision,
    device: Device,
}

impl<'a> Adversary<'a> {
    /// Draws depend on the seed, the epoch and the batch.
    pub(crate) fn new(
        training: &'a Adversarial,
        range: &'a ValueRange,
        seed: u64,
        precision: Precision,
        device: Device,
    ) -> Adversary<'a> {
        Adversary { training, range, seed, precision, device }
    }

    /// The loss of a batch with the outputs that are counted as right or wrong.
    ///
    /// - `pgd`: the loss of attacked examples, and the outputs for these (Madry et al. 2018). The attack raises the loss
    ///   without label smoothing.
    /// - `trades`: the loss of the examples as they are, and `beta` times the mean divergence (Kullback and Leibler's) of the
    ///   outputs for attacked ones from those for clean ones, whose outputs are counted (Zhang et al. 2019). The attack raises
    ///   the divergence.
    ///
    /// The epoch counts from 1, the batch from 0.
    pub(super) fn loss(
        &self,
        model: &Model,
        inputs: &Tensor,
        targets: &Targets,
        label_smoothing: f64,
        (epoch, batch): (u64, u64),
    ) -> Result<(Tensor, Tensor), Failure> {
        let words = ["adversarial", &epoch.to_string(), &batch.to_string()];
        let mut generator = [Generator::new(derive(self.seed, &words))];
        let span = self.range.span()?;
        let outputs = |inputs: &Tensor, training| forward(model, inputs, training, self.precision, self.device);
        match self.training {
            Adversarial::Pgd(pgd) => {
                let pgd = pgd.attack();
                let start = match pgd.random_start {
                    true => uniform_start(inputs, &span.f_mul_scalar(pgd.epsilon)?, &mut generator)?,
                    false => inputs.shallow_clone(),
                };
                let ball = Ball::around(inputs, pgd.epsilon, self.range)?;
                let step = span.f_mul_scalar(pgd.step())?;
                let attacked =
                    ascend(&start, &ball, &step, pgd.steps, |inputs| targets.loss(&outputs(inputs, false)?, 0.0))?;
                let outputs = outputs(&attacked, true)?;
                Ok((targets.loss(&outputs, label_smoothing)?, outputs))
            }
            Adversarial::Trades(trades) => {
                let start = normal_start(inputs, &span.f_mul_scalar(TRADES_START)?, &mut generator[0])?;
                let ball = Ball::around(inputs, trades.epsilon, self.range)?;
                let step = span.f_mul_scalar(trades.step())?;
                let clean = {
                    let _no_grad = tch::no_grad_guard();
                    outputs(inputs, false)?.f_log_softmax(-1, None::<Kind>)?
                };
                let attacked = ascend(&start, &ball, &step, trades.steps, |inputs| {
                    divergence(&clean, &outputs(inputs, false)?.f_log_softmax(-1, None::<Kind>)?)
                })?;
                let clean = outputs(inputs, true)?;
                let attacked = outputs(&attacked, true)?;
                let apart =
                    divergence(&clean.f_log_softmax(-1, None::<Kind>)?, &attacked.f_log_softmax(-1, None::<Kind>)?)?;
                let share = trades.beta / inputs.size().first().copied().unwrap_or(1).max(1) as f64;
                let loss = targets.loss(&clean, label_smoothing)?.f_add(&apart.f_mul_scalar(share)?)?;
                Ok((loss, clean))
            }
        }
    }
}

/// The sum over examples of the divergence of `attacked` from `clean`, both logarithms of probabilities.
fn divergence(clean: &Tensor, attacked: &Tensor) -> Result<Tensor, Failure> {
    Ok(attacked.f_kl_div(clean, Reduction::Sum, true)?)
}

/// Inputs moved by normally distributed numbers of this deviation by channel, in normalised inputs.
fn normal_start(inputs: &Tensor, deviation: &Tensor, generator: &mut Generator) -> Result<Tensor, Failure> {
    let draws: Vec<f32> = (0..inputs.numel()).map(|_| generator.normal() as f32).collect();
    let draws = Tensor::f_from_slice(&draws)?.f_view(inputs.size().as_slice())?.f_to(inputs.device())?;
    Ok(inputs.f_add(&draws.f_mul(deviation)?)?)
}
