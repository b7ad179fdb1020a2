use pleach_spec::Schedule;

/// The learning rate of a step as a share of its peak.
///
/// `step` counts from 0 over the whole training, `epochs` is the length of the schedule, `steps` the steps of an epoch.
///
/// - In the warm-up the n-th step has n / (steps of the warm-up), so the first one is above 0 and the last one at the peak.
/// - `cosine` begins where the warm-up ends, at the peak, and would reach `minimum` one step after the last.
/// - `step` counts its epochs from the start of the training; within the warm-up both factors apply.
pub(crate) fn factor(schedule: &Schedule, step: u64, steps: u64, epochs: u32) -> f64 {
    let warm_up = match schedule {
        Schedule::Constant(constant) => constant.warm_up,
        Schedule::Cosine(cosine) => cosine.warm_up,
        Schedule::Step(decay) => decay.warm_up,
    } * steps as f64;
    let rise = if warm_up > 0.0 { ((step + 1) as f64 / warm_up).min(1.0) } else { 1.0 };
    let fall = match schedule {
        Schedule::Constant(_) => 1.0,
        Schedule::Cosine(cosine) => {
            let length = f64::from(epochs) * steps as f64 - warm_up;
            let progress = if length > 0.0 { ((step as f64 - warm_up) / length).clamp(0.0, 1.0) } else { 0.0 };
            cosine.minimum + (1.0 - cosine.minimum) * 0.5 * (1.0 + libm::cos(std::f64::consts::PI * progress))
        }
        Schedule::Step(decay) => {
            let passed = step / steps.max(1) / u64::from(decay.every.max(1));
            libm::pow(decay.factor, passed as f64)
        }
    };
    rise * fall
}

#[cfg(test)]
mod tests {
    use super::*;
    use pleach_spec::{Constant, Cosine, StepDecay};

    fn factors(schedule: Schedule, steps: u64, epochs: u32) -> Vec<f64> {
        (0..steps * u64::from(epochs)).map(|step| factor(&schedule, step, steps, epochs)).collect()
    }

    fn close(found: &[f64], expected: &[f64]) {
        assert_eq!(found.len(), expected.len());
        let near = found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-12);
        assert!(near, "{found:?} {expected:?}");
    }

    #[test]
    fn constant_stays_after_its_warm_up() {
        close(&factors(Schedule::Constant(Constant { warm_up: 0.0 }), 2, 2), &[1.0; 4]);
        close(&factors(Schedule::Constant(Constant { warm_up: 2.0 }), 2, 3), &[0.25, 0.5, 0.75, 1.0, 1.0, 1.0]);
    }

    #[test]
    fn cosine_falls_from_its_peak_to_its_minimum() {
        close(
            &factors(Schedule::Cosine(Cosine { warm_up: 0.0, minimum: 0.0 }), 1, 4),
            &[1.0, 0.5 + 0.5_f64.sqrt() / 2.0, 0.5, 0.5 - 0.5_f64.sqrt() / 2.0],
        );
        close(&factors(Schedule::Cosine(Cosine { warm_up: 1.0, minimum: 0.2 }), 2, 2), &[0.5, 1.0, 1.0, 0.6]);
    }

    #[test]
    fn steps_fall_after_whole_epochs() {
        let decay = StepDecay { every: 2, factor: 0.5, warm_up: 0.0 };
        close(&factors(Schedule::Step(decay), 2, 5), &[1.0, 1.0, 1.0, 1.0, 0.5, 0.5, 0.5, 0.5, 0.25, 0.25]);
    }
}
