//! Optimizers whose state can be saved, on libtorch's fused kernels.

mod schedule;

use crate::Failure;
use crate::native::{Tensors, adam_step, sgd_step};
use pleach_spec::Optimizer as Kind;
use tch::{Device, Tensor};

pub(crate) use schedule::factor;

/// Added to the root of Adam's second moment; PyTorch's default.
const EPSILON: f64 = 1e-8;

/// An optimizer over some tensors.
///
/// The steps are those of PyTorch's `SGD`, `Adam` and `AdamW` (without dampening and AMSGrad). A tensor that has no gradient,
/// since the loss does not depend on it, stays as it is.
#[derive(Debug)]
pub struct Optimizer {
    kind: Kind,
    clip: f64,
    parameters: Tensors,
    names: Vec<String>,
    first: Tensors,
    second: Tensors,
    /// The number of steps done, as Adam's kernels want it.
    number: Tensor,
    steps: u64,
}

impl Optimizer {
    /// An optimizer that has done no step; `clip` limits the norm of all gradients together.
    ///
    /// # Errors
    /// If memory runs out.
    pub fn new<'a>(
        kind: &Kind,
        clip: Option<f64>,
        parameters: impl IntoIterator<Item = (&'a str, &'a Tensor)>,
        device: Device,
    ) -> Result<Optimizer, Failure> {
        let (names, parameters): (Vec<String>, Vec<Tensor>) =
            parameters.into_iter().map(|(name, tensor)| (name.to_owned(), tensor.shallow_clone())).unzip();
        let zeros = |wanted: bool| -> Result<Tensors, Failure> {
            let wanted = if wanted { parameters.as_slice() } else { &[] };
            Ok(Tensors::new(wanted.iter().map(|tensor| tensor.f_detach()?.f_zeros_like()).collect::<Result<_, _>>()?))
        };
        let (first, second) = match kind {
            Kind::Sgd(sgd) => (zeros(sgd.momentum > 0.0)?, zeros(false)?),
            Kind::Adam(_) | Kind::Adamw(_) => (zeros(true)?, zeros(true)?),
        };
        Ok(Optimizer {
            kind: kind.clone(),
            clip: clip.unwrap_or(0.0),
            first,
            second,
            number: Tensor::f_zeros([0i64; 0], (tch::Kind::Float, device))?,
            parameters: Tensors::new(parameters),
            names,
            steps: 0,
        })
    }

    /// Whether there is nothing to optimize.
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// The learning rate at its peak.
    pub fn peak(&self) -> f64 {
        match &self.kind {
            Kind::Sgd(sgd) => sgd.rate,
            Kind::Adam(adam) | Kind::Adamw(adam) => adam.rate,
        }
    }

    /// Changes the tensors by their gradients, and frees the gradients.
    ///
    /// # Errors
    /// If memory runs out.
    pub fn step(&mut self, rate: f64) -> Result<(), Failure> {
        self.steps += 1;
        let decoupled = matches!(self.kind, Kind::Adamw(_));
        match &self.kind {
            Kind::Sgd(sgd) => sgd_step(&mut self.parameters, &mut self.first, rate, sgd, self.clip),
            Kind::Adam(adam) | Kind::Adamw(adam) => {
                let _ = self.number.f_fill_(self.steps as f64)?;
                adam_step(
                    &mut self.parameters,
                    &mut self.first,
                    &mut self.second,
                    &mut self.number,
                    rate,
                    adam,
                    EPSILON,
                    decoupled,
                    self.clip,
                )
            }
        }
    }

    /// The number of steps done.
    pub fn steps(&self) -> u64 {
        self.steps
    }

    /// The state, named after the tensors: `optimizer.momentum.NAME`, or `optimizer.first.NAME` and `optimizer.second.NAME`.
    pub fn state(&self) -> impl Iterator<Item = (String, &Tensor)> {
        let label = if matches!(self.kind, Kind::Sgd(_)) { "momentum" } else { "first" };
        let first = self
            .names
            .iter()
            .zip(self.first.as_slice())
            .map(move |(name, tensor)| (format!("optimizer.{label}.{name}"), tensor));
        let second = self
            .names
            .iter()
            .zip(self.second.as_slice())
            .map(|(name, tensor)| (format!("optimizer.second.{name}"), tensor));
        first.chain(second)
    }

    /// Takes over a state that [`state`](Optimizer::state) gave.
    ///
    /// # Errors
    /// If a tensor is missing or of another shape.
    pub fn restore(&mut self, steps: u64, mut tensor: impl FnMut(&str) -> Option<Tensor>) -> Result<(), Failure> {
        for (name, state) in self.state() {
            let saved = tensor(&name).filter(|saved| saved.size() == state.size());
            let saved = saved.ok_or_else(|| {
                Failure::lost("the checkpoint is of another optimizer", format!("no fitting `{name}`"))
            })?;
            // The clone names the same memory.
            state.shallow_clone().f_copy_(&saved)?;
        }
        self.steps = steps;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pleach_spec::{Adam, Sgd};

    /// Steps on the loss `sum(c * x^2 / 2)`, whose gradient is `c * x`, from x = (1, -2).
    fn run(kind: Kind, clip: Option<f64>, rates: &[f64]) -> Vec<f64> {
        let x = Tensor::from_slice(&[1f32, -2.0]).set_requires_grad(true);
        let unused = Tensor::from_slice(&[5f32]).set_requires_grad(true);
        let c = Tensor::from_slice(&[0.5f32, 2.0]);
        let mut optimizer = Optimizer::new(&kind, clip, [("x", &x), ("unused", &unused)], Device::Cpu).unwrap();
        for &rate in rates {
            (&x * &x * &c * 0.5).sum(tch::Kind::Float).backward();
            optimizer.step(rate).unwrap();
            assert!(!x.grad().defined(), "gradients are freed");
        }
        assert_eq!(unused.double_value(&[0]), 5.0, "what has no gradient stays");
        assert_eq!(optimizer.steps(), rates.len() as u64);
        (0..2).map(|i| x.double_value(&[i])).collect()
    }

    /// The same by hand; `update` gets the gradient, x and the step from 1, and answers with what is subtracted.
    fn by_hand(rates: &[f64], mut update: impl FnMut(usize, f64, f64, i32) -> f64) -> Vec<f64> {
        let mut x = [1.0, -2.0];
        for (step, rate) in rates.iter().enumerate() {
            for i in 0..2 {
                let gradient = [0.5, 2.0][i] * x[i];
                x[i] -= rate * update(i, gradient, x[i], step as i32 + 1);
            }
        }
        x.to_vec()
    }

    fn close(found: &[f64], expected: &[f64]) {
        assert!(found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 2e-6), "{found:?} {expected:?}");
    }

    const RATES: [f64; 4] = [0.1, 0.1, 0.05, 0.02];

    fn sgd(momentum: f64, nesterov: bool, weight_decay: f64) -> Kind {
        Kind::Sgd(Sgd { rate: 0.1, momentum, nesterov, weight_decay })
    }

    #[test]
    fn plain_gradient_descent() {
        close(&run(sgd(0.0, false, 0.0), None, &RATES), &by_hand(&RATES, |_, g, _, _| g));
        close(&run(sgd(0.0, false, 0.1), None, &RATES), &by_hand(&RATES, |_, g, x, _| g + 0.1 * x));
    }

    #[test]
    fn momentum_and_nesterov() {
        for nesterov in [false, true] {
            let mut buffer = [0.0; 2];
            let expected = by_hand(&RATES, |i, g, x, _| {
                let g = g + 0.01 * x;
                buffer[i] = 0.9 * buffer[i] + g;
                if nesterov { g + 0.9 * buffer[i] } else { buffer[i] }
            });
            close(&run(sgd(0.9, nesterov, 0.01), None, &RATES), &expected);
        }
    }

    #[test]
    fn adam_and_adamw() {
        let adam = Adam { rate: 0.1, beta1: 0.8, beta2: 0.95, weight_decay: 0.1 };
        for decoupled in [false, true] {
            let (mut first, mut second) = ([0.0; 2], [0.0; 2]);
            let expected = by_hand(&RATES, |i, g, x, step| {
                let g = if decoupled { g } else { g + 0.1 * x };
                first[i] = 0.8 * first[i] + 0.2 * g;
                second[i] = 0.95 * second[i] + 0.05 * g * g;
                let (m, v) = (first[i] / (1.0 - 0.8_f64.powi(step)), second[i] / (1.0 - 0.95_f64.powi(step)));
                m / (v.sqrt() + EPSILON) + if decoupled { 0.1 * x } else { 0.0 }
            });
            let kind = if decoupled { Kind::Adamw(adam.clone()) } else { Kind::Adam(adam.clone()) };
            close(&run(kind, None, &RATES), &expected);
        }
    }

    #[test]
    fn clipping_limits_the_norm_of_all_gradients() {
        // The gradient is (0.5, -4), its norm the root of 16.25.
        let scale = 0.5 / (16.25_f64.sqrt() + 1e-6);
        close(&run(sgd(0.0, false, 0.0), Some(0.5), &[0.1]), &by_hand(&[0.1], |_, g, _, _| g * scale));
        close(&run(sgd(0.0, false, 0.0), Some(50.0), &[0.1]), &by_hand(&[0.1], |_, g, _, _| g));
    }
}
