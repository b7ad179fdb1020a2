//! What is measured of a network: loss and accuracy on clean, corrupted and attacked examples, time and memory of a forward
//! pass.
//!
//! Networks are in evaluation mode and compute in 32 bits. Everything random is drawn by the seed, what is measured, and the
//! example's number in the validation part, so neither batches nor other measurements change it.

mod corruption;
mod latency;
mod loss;
mod memory;

pub(crate) use loss::{Running, clean};

use crate::Failure;
use crate::attack::{Ball, ascend, square, uniform_start};
use crate::data::{DataSet, Part, Source};
use crate::network::Model;
use crate::training::{alone, read_weights};
use corruption::Corrupter;
use loss::{batch_of_evaluation, evaluate};
use pleach_data::Locations;
use pleach_evaluate::Measure;
use pleach_evaluate::protocol::{MeasureJob, Metrics};
use pleach_random::{Generator, derive};
use pleach_spec::{Attack, Fgsm, Pgd, Precision};
use tch::{Device, Reduction, Tensor};

/// Measures a trained network: what is asked for, and loss and accuracy on the examples as they are.
///
/// # Errors
/// If weights or data cannot be used, something cannot be measured of these data, or memory runs out.
pub(crate) fn run(job: &MeasureJob, device: Device, kept: &mut Option<DataSet>) -> Result<Metrics, Failure> {
    let _alone = alone(job.threads);
    let before = kept.take();
    let locations = Locations { base: job.data_base.clone(), caches: job.data_caches.clone() };
    let source = Source::new(job.data.clone(), locations, job.split_seed, device);
    let data = kept.insert(DataSet::of(before, source)?);
    data.fits(&job.network)?;
    check(&job.measure, data)?;
    let weights = read_weights(&job.weights)?;
    let model = Model::with_tensors(&job.network, device, |name| weights.get(name).map(Tensor::shallow_clone))?;
    let examples = Chosen::of(&data.validation, job.examples)?;
    let mut metrics = Metrics::new();
    if let Some((loss, accuracy)) = clean(&model, data, &examples.part, Precision::Full, "the loss")? {
        metrics.insert("loss".to_owned(), loss);
        metrics.insert("accuracy".to_owned(), accuracy);
    }
    let subject = Subject { model: &model, data, seed: job.seed, batch: job.batch };
    metrics.extend(subject.all(&job.measure, &examples)?);
    Ok(metrics)
}

/// Whether all that is asked for can be measured of a data set.
///
/// # Errors
/// Infeasible, with what cannot be measured and why.
pub(crate) fn check(measures: &[Measure], data: &DataSet) -> Result<(), Failure> {
    for measure in measures {
        match measure {
            Measure::Corrupted { corruption, severity } => {
                Corrupter::new(data, *corruption, *severity, 0)?;
            }
            Measure::Attacked { name, attack: Attack::Square(_) } if data.shape.len() != 3 => {
                let shape = &data.shape;
                return Err(Failure::infeasible(format!(
                    "the Square attack `{name}` changes squares of images, and the data set's inputs are {shape:?}; \
                     `pgd` and `fgsm` attack these"
                )));
            }
            Measure::Attacked { .. } => {}
            Measure::Latency { batch } | Measure::PeakMemory { batch } => {
                if *batch == 0 {
                    return Err(Failure::infeasible("a forward pass of no examples cannot be measured"));
                }
                continue;
            }
        }
        if data.validation.count == 0 {
            let name = measure.metrics().swap_remove(0);
            return Err(Failure::infeasible(format!("`{name}` is measured on the validation part, which is empty")));
        }
    }
    Ok(())
}

/// Examples of the validation part with their numbers there.
pub(crate) struct Chosen {
    part: Part,
    numbers: Vec<usize>,
}

impl Chosen {
    /// So many examples evenly spread over the part, whose order may be by class; all of them without a limit.
    pub(crate) fn of(part: &Part, limit: Option<usize>) -> Result<Chosen, Failure> {
        let count = limit.unwrap_or(part.count).min(part.count);
        let numbers: Vec<usize> = (0..count).map(|place| place * part.count / count).collect();
        let (inputs, labels) = match count == part.count {
            true => (part.inputs.shallow_clone(), part.labels.shallow_clone()),
            false => {
                let indices: Vec<i64> = numbers.iter().map(|&number| number as i64).collect();
                let indices = Tensor::f_from_slice(&indices)?.f_to(part.inputs.device())?;
                (part.inputs.f_index_select(0, &indices)?, part.labels.f_index_select(0, &indices)?)
            }
        };
        Ok(Chosen { part: Part { inputs, labels, count }, numbers })
    }
}

/// A network to be measured on a data set.
pub(crate) struct Subject<'a> {
    pub model: &'a Model,
    pub data: &'a DataSet,
    /// What random draws depend on.
    pub seed: u64,
    /// Examples that are attacked at once: gradients need as much memory as a training step of so many.
    pub batch: usize,
}

impl Subject<'_> {
    /// Measures all that is asked for; [`Measure::metrics`] names the metrics.
    ///
    /// # Errors
    /// As of [`run`]; a loss that is not finite is one, too.
    pub(crate) fn all(&self, measures: &[Measure], examples: &Chosen) -> Result<Metrics, Failure> {
        let mut metrics = Metrics::new();
        for measure in measures {
            let names = measure.metrics();
            let values = match measure {
                Measure::Corrupted { corruption, severity } => {
                    let what = format!("the loss under `{}` of severity {severity}", corruption.name());
                    let (loss, accuracy) = self.corrupted(*corruption, *severity, examples, what)?;
                    vec![accuracy, loss]
                }
                Measure::Attacked { name, attack } => {
                    let (loss, accuracy) = self.attacked(attack, examples, format!("the loss under `{name}`"))?;
                    vec![accuracy, loss]
                }
                Measure::Latency { batch } => vec![latency::milliseconds(self.model, *batch, self.device())?],
                Measure::PeakMemory { batch } => vec![memory::peak(self.model, *batch, self.device())? as f64],
            };
            metrics.extend(names.into_iter().zip(values));
        }
        Ok(metrics)
    }

    fn device(&self) -> Device {
        self.data.validation.inputs.device()
    }

    fn corrupted(
        &self,
        corruption: pleach_spec::Corruption,
        severity: u8,
        examples: &Chosen,
        what: String,
    ) -> Result<(f64, f64), Failure> {
        let corrupter = Corrupter::new(self.data, corruption, severity, self.seed)?;
        let Chosen { part, numbers } = examples;
        evaluate(self.model, &part.labels, batch_of_evaluation(self.device()), Precision::Full, what, |start, count| {
            let numbers = &numbers[start as usize..][..count as usize];
            self.data.normalize(corrupter.corrupt(&part.inputs.f_narrow(0, start, count)?, numbers)?)
        })
    }

    fn attacked(&self, attack: &Attack, examples: &Chosen, what: String) -> Result<(f64, f64), Failure> {
        let Chosen { part, numbers } = examples;
        evaluate(self.model, &part.labels, self.batch, Precision::Full, what, |start, count| {
            let inputs = self.data.normalize(part.inputs.f_narrow(0, start, count)?)?;
            let labels = part.labels.f_narrow(0, start, count)?;
            self.attack(attack, &inputs, &labels, &numbers[start as usize..][..count as usize])
        })
    }

    /// Attacked inputs; `numbers` are those of the examples in the validation part.
    fn attack(&self, attack: &Attack, inputs: &Tensor, labels: &Tensor, numbers: &[usize]) -> Result<Tensor, Failure> {
        let range = &self.data.range;
        let generators = |name: &str| -> Vec<Generator> {
            let seed = |number: &usize| derive(self.seed, &["attack", name, &number.to_string()]);
            numbers.iter().map(|number| Generator::new(seed(number))).collect()
        };
        let outputs = |inputs: &Tensor| self.model.forward(inputs, false);
        match attack {
            Attack::Fgsm(Fgsm { epsilon }) => {
                let one = Pgd { epsilon: *epsilon, steps: 1, step_size: Some(*epsilon), random_start: false };
                self.attack(&Attack::Pgd(one), inputs, labels, numbers)
            }
            Attack::Pgd(pgd) => {
                let span = range.span()?;
                let ball = Ball::around(inputs, pgd.epsilon, range)?;
                let start = match pgd.random_start {
                    true => uniform_start(inputs, &span.f_mul_scalar(pgd.epsilon)?, &mut generators("pgd"))?,
                    false => inputs.shallow_clone(),
                };
                ascend(&start, &ball, &span.f_mul_scalar(pgd.step())?, pgd.steps, |inputs| {
                    let outputs = outputs(inputs)?;
                    // A sum: the gradient of an example does not depend on how many there are.
                    Ok(outputs.f_cross_entropy_loss(labels, None::<&Tensor>, Reduction::Sum, -100, 0.0)?)
                })
            }
            Attack::Square(attack) => square(attack, inputs, labels, range, &mut generators("square"), outputs),
        }
    }
}

/// A batch of made-up inputs for a network, normally distributed.
fn made_up(model: &Model, batch: usize, device: Device) -> Result<Tensor, Failure> {
    let mut size = vec![batch as i64];
    size.extend(model.network().input_shape().0.iter().map(|&axis| axis as i64));
    tch::manual_seed(0);
    Ok(Tensor::f_randn(&size, (tch::Kind::Float, device))?)
}

#[cfg(test)]
mod tests;
