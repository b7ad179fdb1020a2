use super::Ball;
use crate::Failure;
use pleach_random::Generator;
use tch::Tensor;

/// Projected gradient ascent of a loss (Madry et al. 2018): steps along the gradient's sign, each projected back to the ball.
/// One step as long as epsilon from the inputs themselves is the fast gradient sign method (Goodfellow et al. 2015).
///
/// `step` is the length of a step by channel, in normalised inputs. The loss gets inputs that ask for gradients; weights get
/// none. Where the loss does not depend on the inputs, the start is the result.
pub(crate) fn ascend(
    start: &Tensor,
    ball: &Ball,
    step: &Tensor,
    steps: u32,
    mut loss: impl FnMut(&Tensor) -> Result<Tensor, Failure>,
) -> Result<Tensor, Failure> {
    let mut inputs = ball.project(&start.f_detach()?)?;
    for _ in 0..steps {
        let asking = inputs.f_detach()?.f_set_requires_grad(true)?;
        let loss = loss(&asking)?;
        if !loss.requires_grad() {
            break;
        }
        let gradients = Tensor::f_run_backward(&[&loss], &[&asking], false, false)?;
        let Some(gradient) = gradients.first().filter(|gradient| gradient.defined()) else { break };
        inputs = ball.project(&inputs.f_add(&gradient.f_sign()?.f_mul(step)?)?)?;
    }
    Ok(inputs)
}

/// Inputs moved to a uniformly random place within `reach`, epsilon by channel in normalised inputs; each example is drawn
/// from its own generator.
pub(crate) fn uniform_start(inputs: &Tensor, reach: &Tensor, generators: &mut [Generator]) -> Result<Tensor, Failure> {
    let each = inputs.numel() / generators.len().max(1);
    let mut draws = Vec::with_capacity(inputs.numel());
    for generator in generators {
        draws.extend((0..each).map(|_| (2.0 * generator.unit() - 1.0) as f32));
    }
    let draws = Tensor::f_from_slice(&draws)?.f_view(inputs.size().as_slice())?.f_to(inputs.device())?;
    Ok(inputs.f_add(&draws.f_mul(reach)?)?)
}
