use super::Ball;
use crate::Failure;
use crate::data::ValueRange;
use pleach_random::Generator;
use pleach_spec::Square;
use tch::{Device, Kind, Tensor};

/// At which of 10,000 queries the share of changed pixels halves (Andriushchenko et al. 2020, section 3.1).
const HALVINGS: [u64; 9] = [10, 50, 200, 500, 1000, 2000, 4000, 6000, 8000];

/// The Square attack in the L-infinity norm (Andriushchenko et al. 2020), which sees outputs only.
///
/// Inputs begin as vertical stripes of plus and minus epsilon; then, query by query, a random square gets plus or minus
/// epsilon in each channel, and stays where it lowers the margin: the output of the example's class less the largest other
/// one. A square that would change nothing takes the other signs. An example whose margin is not above 0 is done, at first
/// those that are wrong as they are. The schedule of the squares' size is the paper's, scaled to the number of queries.
///
/// `outputs` answers with the network's outputs; each example draws from its own generator. Inputs are `[examples, channels,
/// height, width]`.
pub(crate) fn square(
    attack: &Square,
    inputs: &Tensor,
    labels: &Tensor,
    range: &ValueRange,
    generators: &mut [Generator],
    mut outputs: impl FnMut(&Tensor) -> Result<Tensor, Failure>,
) -> Result<Tensor, Failure> {
    let _no_grad = tch::no_grad_guard();
    let device = inputs.device();
    let size = inputs.size();
    let &[count, channels, height, width] = size.as_slice() else {
        return Err(Failure::infeasible("the Square attack changes squares of images, and the inputs are none"));
    };
    let reach = range.span()?.f_mul_scalar(attack.epsilon)?;
    let ball = Ball::around(inputs, attack.epsilon, range)?;
    let mut stripes = Vec::with_capacity((count * channels * width) as usize);
    for generator in generators.iter_mut() {
        stripes.extend((0..channels * width).map(|_| sign(generator)));
    }
    let stripes = Tensor::f_from_slice(&stripes)?.f_view([count, channels, 1, width])?.f_to(device)?;
    let clean = margins(&outputs(inputs)?, labels)?;
    let striped = ball.project(&inputs.f_add(&stripes.f_mul(&reach)?)?)?;
    // What is wrong as it is stays as it is.
    let right = clean.f_gt(0.0)?;
    let mut best = striped.f_where_self(&right.f_view([-1, 1, 1, 1])?, inputs)?;
    let mut least = margins(&outputs(&best)?, labels)?.f_minimum(&clean.f_masked_fill(&right, f64::INFINITY)?)?;
    let rows = Tensor::f_arange(height, (Kind::Int64, device))?.f_view([1, 1, height, 1])?;
    let columns = Tensor::f_arange(width, (Kind::Int64, device))?.f_view([1, 1, 1, width])?;
    for query in 1..attack.queries {
        let open: Vec<i64> = Vec::try_from(&least.f_gt(0.0)?.f_nonzero()?.f_flatten(0, -1)?.f_to(Device::Cpu)?)?;
        if open.is_empty() {
            break;
        }
        let side = side(attack, query, height, width);
        let (mut tops, mut lefts, mut signs) = (Vec::new(), Vec::new(), Vec::new());
        for &example in &open {
            let generator = &mut generators[example as usize];
            tops.push(generator.below((height - side + 1) as u64) as i64);
            lefts.push(generator.below((width - side + 1) as u64) as i64);
            signs.extend((0..channels).map(|_| sign(generator)));
        }
        let signs = Tensor::f_from_slice(&signs)?.f_view([-1, channels, 1, 1])?.f_to(device)?;
        let within = |axis: &Tensor, starts: &[i64]| -> Result<Tensor, Failure> {
            let starts = Tensor::f_from_slice(starts)?.f_view([-1, 1, 1, 1])?.f_to(device)?;
            let distance = axis.f_sub(&starts)?;
            Ok(distance.f_ge(0)?.f_logical_and(&distance.f_lt(side)?)?)
        };
        let window = within(&rows, &tops)?.f_logical_and(&within(&columns, &lefts)?)?;
        let indices = Tensor::f_from_slice(&open)?.f_to(device)?;
        let own = inputs.f_index_select(0, &indices)?;
        let before = best.f_index_select(0, &indices)?;
        let ball = ball.of_examples(&indices)?;
        let changed = |signs: &Tensor| -> Result<Tensor, Failure> {
            Ok(ball.project(&own.f_add(&signs.f_mul(&reach)?)?)?.f_where_self(&window, &before)?)
        };
        let tried = changed(&signs)?;
        let same = tried.f_eq_tensor(&before)?.f_flatten(1, -1)?.f_all_dim(1, false)?.f_view([-1, 1, 1, 1])?;
        let tried = changed(&signs.f_neg()?)?.f_where_self(&same, &tried)?;
        let margin = margins(&outputs(&tried)?, &labels.f_index_select(0, &indices)?)?;
        let least_before = least.f_index_select(0, &indices)?;
        let better = margin.f_lt_tensor(&least_before)?;
        best = best.f_index_copy(0, &indices, &tried.f_where_self(&better.f_view([-1, 1, 1, 1])?, &before)?)?;
        least = least.f_index_copy(0, &indices, &margin.f_where_self(&better, &least_before)?)?;
    }
    Ok(best)
}

fn sign(generator: &mut Generator) -> f32 {
    if generator.next_u64() >> 63 == 1 { 1.0 } else { -1.0 }
}

/// The output of each example's class less the largest other one: an example is classified correctly where it is above 0.
fn margins(outputs: &Tensor, labels: &Tensor) -> Result<Tensor, Failure> {
    let labels = labels.f_unsqueeze(1)?;
    let own = outputs.f_gather(1, &labels, false)?.f_squeeze_dim(1)?;
    let other = outputs.f_scatter_value(1, &labels, f64::NEG_INFINITY)?.f_amax([1i64], false)?;
    Ok(own.f_sub(&other)?)
}

/// The side of a square: of the share of pixels that the schedule has for a query, at least 1 pixel and less than the image.
fn side(attack: &Square, query: u32, height: i64, width: i64) -> i64 {
    let scaled = u64::from(query - 1) * 10_000 / u64::from(attack.queries.max(1));
    let halvings = HALVINGS.iter().filter(|&&from| scaled > from).count() as i32;
    let share = attack.initial_share / 2f64.powi(halvings);
    let side = libm::round(libm::sqrt(share * (height * width) as f64)) as i64;
    side.clamp(1, (height.min(width) - 1).max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn squares_shrink_as_in_the_paper() {
        let attack = Square { epsilon: 0.1, queries: 10_000, initial_share: 0.8 };
        let sides = |queries: &[u32]| queries.iter().map(|&q| side(&attack, q, 32, 32)).collect::<Vec<_>>();
        // sqrt(0.8 / 2^k * 1024), one query after each threshold.
        assert_eq!(
            sides(&[1, 11, 12, 52, 202, 502, 1002, 2002, 4002, 6002, 8002]),
            [29, 29, 20, 14, 10, 7, 5, 4, 3, 2, 1]
        );
        let few = Square { queries: 100, ..attack };
        assert_eq!((side(&few, 1, 32, 32), side(&few, 2, 32, 32), side(&few, 99, 32, 32)), (29, 14, 1));
        assert_eq!(side(&few, 1, 1, 8), 1);
        assert_eq!(side(&Square { initial_share: 1.0, ..few }, 1, 8, 8), 7, "less than the image");
    }

    #[test]
    fn a_margin_tells_right_from_wrong() {
        let outputs = Tensor::from_slice2(&[[1.0f32, 3.0, 2.0], [1.0, 3.0, 2.0]]);
        let margins = margins(&outputs, &Tensor::from_slice(&[1i64, 2])).unwrap();
        assert_eq!(margins, Tensor::from_slice(&[1.0f32, -1.0]));
    }
}
