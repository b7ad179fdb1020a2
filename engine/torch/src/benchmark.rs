//! How fast training is, on made-up data.

use crate::Failure;
use crate::data::ValueRange;
use crate::device::synchronize;
use crate::network::Model;
use crate::training::{Stepper, alone};
use pleach_evaluate::protocol::BenchmarkJob;
use std::time::Instant;
use tch::{Device, Kind, Tensor};

/// The seconds of each counted step: forward, loss, backward and optimizer on one batch that lies on the device.
///
/// # Errors
/// If libtorch refuses the network or memory runs out.
pub(crate) fn run(job: &BenchmarkJob, device: Device) -> Result<Vec<f64>, Failure> {
    let _alone = alone(job.threads);
    let model = Model::initialize(&job.network, 0, device)?;
    let mut size = vec![job.batch as i64];
    size.extend(job.network.input_shape().0.iter().map(|&axis| axis as i64));
    tch::manual_seed(0);
    let inputs = Tensor::f_randn(&size, (Kind::Float, device))?;
    let classes = i64::try_from(job.network.output_shape().elements()).unwrap_or(i64::MAX);
    let labels = Tensor::f_randint(classes, [job.batch as i64], (Kind::Int64, device))?;
    let mut recipe = job.recipe.clone();
    recipe.batch = Some(job.batch);
    let steps = job.warm_up as usize + job.steps as usize;
    // Nearly all of a normal distribution.
    let mut axes = vec![1; size.len()];
    axes[1] = size[1];
    let high = Tensor::f_full(&axes, 3.0, (Kind::Float, device))?;
    let range = ValueRange { low: high.f_neg()?, high };
    let mut stepper = Stepper::new(&model, &recipe, 1, steps, &range, 0)?;
    let mut seconds = Vec::with_capacity(job.steps as usize);
    synchronize(device);
    for number in 0..steps {
        let start = Instant::now();
        let _ = stepper.step(&inputs, &labels, None)?;
        synchronize(device);
        if number >= job.warm_up as usize {
            seconds.push(start.elapsed().as_secs_f64());
        }
    }
    Ok(seconds)
}
