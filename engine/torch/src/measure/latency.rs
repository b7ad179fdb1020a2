use super::made_up;
use crate::Failure;
use crate::device::synchronize;
use crate::network::Model;
use std::time::{Duration, Instant};
use tch::Device;

/// Passes before measuring: libtorch chooses kernels and takes memory in the first ones.
const WARM_UP: usize = 5;
/// Measured passes where time allows.
const PASSES: usize = 100;
/// Measured passes at least.
const FEWEST: usize = 5;
/// How long passes are begun, warm-up included.
const LIMIT: Duration = Duration::from_secs(2);

/// The median time of a forward pass in milliseconds, without gradients, with as many threads as are set.
///
/// Of 100 passes after 5 for warm-up; of fewer, but at least 5, where these take more than 2 s.
pub(super) fn milliseconds(model: &Model, batch: usize, device: Device) -> Result<f64, Failure> {
    let _no_grad = tch::no_grad_guard();
    let inputs = made_up(model, batch, device)?;
    let pass = || -> Result<f64, Failure> {
        let start = Instant::now();
        let _ = model.forward(&inputs, false)?;
        synchronize(device);
        Ok(start.elapsed().as_secs_f64() * 1000.0)
    };
    synchronize(device);
    let start = Instant::now();
    for _ in 0..WARM_UP {
        pass()?;
        if start.elapsed() > LIMIT / 4 {
            break;
        }
    }
    let mut times = Vec::with_capacity(PASSES);
    while times.len() < FEWEST || (times.len() < PASSES && start.elapsed() < LIMIT) {
        times.push(pass()?);
    }
    Ok(median(times))
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    let middle = times.len() / 2;
    if times.len() % 2 == 1 { times[middle] } else { (times[middle - 1] + times[middle]) / 2.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_median_is_the_middle() {
        assert_eq!(median(vec![9.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(vec![9.0, 1.0, 2.0, 4.0]), 3.0);
    }
}
